//! Signs what a process shows of its attester key, when others ask.

use std::convert::Infallible;
use std::time::Duration;

use alloy::primitives::Signature;
use futures::future::BoxFuture;
use polyspan_types::Presence;
use tokio::time::Instant;
use tracing::{debug, error, info, warn};

use super::{KeyProof, KeyStanding, Phase};
use crate::{CoordinationError, Coordinator, MemberId};

/// Whoever has the attester key. The coordinator has none.
pub trait PresenceSigner: Send + Sync {
    /// Signs a presence. Takes as long as a remote signer may take.
    fn sign_presence<'a>(
        &'a self,
        presence: &'a Presence,
    ) -> BoxFuture<'a, Result<Signature, SigningFailure>>;
}

/// Why a presence was not signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SigningFailure(pub String);

/// Another process with the own key.
struct Noted {
    member: MemberId,
    since: Instant,
    logged: Logged,
}

#[derive(PartialEq, Eq)]
enum Logged {
    Nothing,
    Claimed,
    InUse,
}

/// Keeps the own proof up to date: signs once at the start, and again when another process shows the own key, at most once a lease.
pub struct KeyProver<'a> {
    coordinator: &'a dyn Coordinator,
    signer: &'a dyn PresenceSigner,
    lease: Duration,
    /// Who shows the own key, since when without proof, and what was logged of that.
    noted: Option<Noted>,
    /// Whether the present failure to sign was logged.
    failing: bool,
}

impl<'a> KeyProver<'a> {
    /// Proves the key of `signer` through `coordinator`.
    pub const fn new(
        coordinator: &'a dyn Coordinator,
        signer: &'a dyn PresenceSigner,
        lease: Duration,
    ) -> Self {
        Self { coordinator, signer, lease, noted: None, failing: false }
    }

    /// Proves until it is dropped.
    pub async fn run(mut self, phase: Phase) -> Infallible {
        loop {
            let rest = self.step(phase).await;
            tokio::time::sleep(rest).await;
        }
    }

    /// One check; returns the time until the next one.
    async fn step(&mut self, phase: Phase) -> Duration {
        let every = self.lease / 4;
        let Ok(view) = self.coordinator.key_view().await else { return every };
        if phase == Phase::Running {
            self.note(view.standing());
        }
        let Some(presence) = view.due(phase) else { return every };
        let signature = match self.signer.sign_presence(&presence).await {
            Ok(signature) => signature,
            Err(failure) => return self.failed(&failure),
        };
        if std::mem::take(&mut self.failing) {
            info!("the attester key proves its presence again");
        }
        let proof = KeyProof { answers: presence.answers, signature };
        if let Err(error) = self.coordinator.prove_key(&proof).await {
            debug!(%error, "the proof of the attester key is shown later");
        }
        self.lease
    }

    fn failed(&mut self, failure: &SigningFailure) -> Duration {
        if !std::mem::replace(&mut self.failing, true) {
            warn!(%failure, "presence not signed: another relay with this attester key would not be refused");
        }
        // Whoever starts with this key waits two leases for the answer.
        self.lease / 2
    }

    /// What the coordinator shows does not stop a running relay. Each other process with its key is logged once.
    fn note(&mut self, standing: KeyStanding) {
        let (member, proof) = match standing {
            KeyStanding::Alone => return self.noted = None,
            KeyStanding::Claimed(member) => (member, None),
            KeyStanding::InUse(other) => (other.member.clone(), Some(other)),
        };
        if self.noted.as_ref().is_none_or(|noted| noted.member != member) {
            self.noted = Some(Noted { member, since: Instant::now(), logged: Logged::Nothing });
        }
        let Some(noted) = &mut self.noted else { return };
        match proof {
            Some(other) if noted.logged != Logged::InUse => {
                let failure = CoordinationError::KeyInUse { operator: other.operator, place: other.place() };
                error!(error = %failure, "two relays have the same attester key");
                noted.logged = Logged::InUse;
            }
            // One that starts by mistake shows the key for a moment, and is refused.
            None if noted.logged == Logged::Nothing && noted.since.elapsed() > self.lease * 4 => {
                warn!(claimant = %noted.member, "attester key shown by another process that does not prove to have it");
                noted.logged = Logged::Claimed;
            }
            _ => {}
        }
    }
}
