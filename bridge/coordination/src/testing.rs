//! What tests of coordinators need: the conformance suite, and small things to build tests from.
//!
//! An implementation passes the suite with one line in its tests:
//!
//! ```text
//! coordination_suite!(MySpace::new());
//! ```

#[expect(
    clippy::unwrap_used,
    reason = "every function here is a test; the attribute that says so is added by a macro"
)]
pub mod suite;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy::primitives::{Address, B256, Signature, U256, keccak256};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use async_trait::async_trait;
use futures::FutureExt;
use futures::future::BoxFuture;
use polyspan_types::{
    Attestation, BridgeId, Checkpoint, Epoch, HoldAction, HoldDecision, Leaf, Presence, RequestNonce, Root,
    SignedDecision,
};
use tokio::task::JoinHandle;

use crate::{
    CoordinationError, Coordinator, KeyPresence, KeyProver, Leadership, Member, MemberId, Phase,
    PresenceSigner, Report, SigningFailure, enter,
};

/// How long tests wait for what must happen. Source: ample on a loaded machine of two cores.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A place where coordinators meet: an empty folder, an empty key space.
#[async_trait]
pub trait Space: Send + Sync {
    /// Another relay's connection. The suite drops it to play a crash.
    async fn connect(&self) -> Arc<dyn Coordinator>;

    /// After how much silence a member counts as gone. At least 1 s, so that a loaded machine fakes no crash.
    fn lease(&self) -> Duration;

    /// Somebody who may write shows this as long as the space is there. Its member is none that runs.
    async fn show(&self, presence: &KeyPresence);
}

/// Waits until `check` answers `Some`, and returns it.
///
/// Panics: when `patience` is over.
pub async fn eventually<T, F, C>(patience: Duration, what: &str, mut check: C) -> T
where
    F: Future<Output = Option<T>>,
    C: FnMut() -> F,
{
    let start = Instant::now();
    loop {
        if let Some(found) = check().await {
            return found;
        }
        assert!(start.elapsed() < patience, "not within {patience:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Challenges the leader of `lane` at every tick until it leads, as a relay does: a challenge knows only what was seen by then.
///
/// Panics: when it does not lead within [`PATIENCE`].
pub async fn takes(member: &LiveMember, lane: BridgeId) -> Leadership {
    eventually(PATIENCE, "takes the lane", || async {
        member.coordinator.challenge(lane).await.ok().filter(|seen| seen.own)
    })
    .await
}

/// A member that reports by itself, as a relay does, until it is dropped; dropping is a crash.
pub struct LiveMember {
    /// Its connection.
    pub coordinator: Arc<dyn Coordinator>,
    heart: JoinHandle<()>,
}

impl LiveMember {
    /// Joins as `name` and starts to report every quarter of the lease.
    ///
    /// Panics: when it cannot join within [`PATIENCE`].
    pub async fn join(space: &dyn Space, name: &str) -> Self {
        let coordinator = space.connect().await;
        // A connection that was dropped a moment ago may still be on its way out.
        eventually(PATIENCE, "join", || async { coordinator.join(&member(name)).await.ok() }).await;
        Self::beat(coordinator, space.lease())
    }

    /// Starts to report for a member that has joined.
    pub fn beat(coordinator: Arc<dyn Coordinator>, lease: Duration) -> Self {
        let beating = Arc::clone(&coordinator);
        let heart = tokio::spawn(async move {
            while beating.report(&Report::default()).await.is_ok() {
                tokio::time::sleep(lease / 4).await;
            }
        });
        Self { coordinator, heart }
    }

    /// Stops reporting and keeps the connection: a process that hangs.
    pub fn fall_silent(self) -> Arc<dyn Coordinator> {
        Arc::clone(&self.coordinator)
    }
}

/// A relay that has entered, reports and proves its key, until it is dropped; dropping is a crash.
pub struct ProvingMember {
    /// The rest of it.
    pub live: LiveMember,
    prover: JoinHandle<()>,
}

impl ProvingMember {
    /// Enters as a relay does.
    ///
    /// Errors: as [`enter`].
    pub async fn enter(
        space: &dyn Space,
        member: &Member,
        key: PrivateKeySigner,
    ) -> Result<Self, CoordinationError> {
        let (coordinator, lease) = (space.connect().await, space.lease());
        let key = TestKey(key);
        enter(&*coordinator, member, Some(&key), lease).await?;
        let proving = Arc::clone(&coordinator);
        let prover =
            tokio::spawn(
                async move { match KeyProver::new(&*proving, &key, lease).run(Phase::Running).await {} },
            );
        Ok(Self { live: LiveMember::beat(coordinator, lease), prover })
    }
}

impl Drop for ProvingMember {
    fn drop(&mut self) {
        self.prover.abort();
    }
}

/// A key in this process.
pub struct TestKey(pub PrivateKeySigner);

impl PresenceSigner for TestKey {
    fn sign_presence<'a>(
        &'a self,
        presence: &'a Presence,
    ) -> BoxFuture<'a, Result<Signature, SigningFailure>> {
        let signed = self.0.sign_hash_sync(&presence.digest());
        async { signed.map_err(|error| SigningFailure(error.to_string())) }.boxed()
    }
}

/// A remote signer that does not answer.
pub struct SilentSigner;

impl PresenceSigner for SilentSigner {
    fn sign_presence<'a>(&'a self, _: &'a Presence) -> BoxFuture<'a, Result<Signature, SigningFailure>> {
        std::future::pending().boxed()
    }
}

/// The attester key of the member called `name`.
///
/// Panics: never for the names of tests.
pub fn key_of(name: &str) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&keccak256(name)).expect("a hash is a private key but for a few")
}

impl Drop for LiveMember {
    fn drop(&mut self) {
        self.heart.abort();
    }
}

/// A member called `name`.
///
/// Panics: when that is no member id.
pub fn member(name: &str) -> Member {
    Member {
        id: MemberId::try_new(name).expect("a test's member id is valid"),
        operator: Some(key_of(name).address()),
        roles: vec!["main-bridge".to_owned()],
        api: "http://127.0.0.1:1".to_owned(),
        started_at_ms: 1,
    }
}

/// Lane number `number`.
pub fn lane(number: u8) -> BridgeId {
    BridgeId(B256::repeat_byte(number))
}

/// An attestation by operator `operator` of a root that `variant` tells apart. Its signature proves nothing: coordinators
/// do not look at it.
pub fn attestation(lane: BridgeId, nonce: u64, operator: u8, variant: u8) -> Attestation {
    Attestation {
        checkpoint: Checkpoint {
            bridge_id: lane,
            epoch: Epoch::new(1),
            nonce: RequestNonce::new(nonce),
            root: Root(B256::repeat_byte(variant)),
        },
        operator: Address::repeat_byte(operator),
        signature: Signature::new(U256::from(nonce), U256::from(1), variant % 2 == 1),
    }
}

/// A decision by operator `operator` about a request. Its signature proves nothing, as that of [`attestation`].
pub fn decision(lane: BridgeId, nonce: u64, operator: u8) -> SignedDecision {
    SignedDecision {
        decision: HoldDecision {
            action: HoldAction::ForceHold,
            bridge_id: lane,
            epoch: Epoch::new(1),
            nonce: RequestNonce::new(nonce),
            leaf: Leaf(B256::repeat_byte(operator)),
        },
        operator: Address::repeat_byte(operator),
        signature: Signature::new(U256::from(nonce + 1), U256::from(1), false),
    }
}
