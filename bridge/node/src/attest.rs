//! Signs what is due and stores it, always in this order; only then does anybody see it.

mod due;
pub mod history;
mod piecewise;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use polyspan_coordination::Coordinator;
use polyspan_store::{SignFloor, StoreError};
use polyspan_types::{Attestation, Checkpoint, Epoch, RequestNonce};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{debug, error, warn};

pub use due::{CHECKPOINT_INTERVAL, due};

use crate::error::LaneError;
use crate::keys::AttesterKey;
use crate::lane::{ApprovedView, DestinationView, Lane, SourceView};
use crate::step::{Step, or_pending};

/// Own attestations beside those at multiples of [`CHECKPOINT_INTERVAL`] that stay on the board: a lane that stands still gets
/// a newer one with every request. Unit: attestations.
const NEWEST_KEPT: usize = 256;

/// How long the coordinator may take to tell what this key published before, and when it is asked again. Unit: time. Source: a
/// coordinator that is away keeps nothing from being signed.
const HEAR_WITHIN: Duration = Duration::from_millis(500);
const HEAR_AGAIN: Duration = Duration::from_secs(5);

/// The voice of one operator on one lane.
pub struct Attester {
    lane: Arc<Lane>,
    coordinator: Arc<dyn Coordinator>,
    signer: AttesterKey,
    source: watch::Receiver<SourceView>,
    destination: watch::Receiver<Option<DestinationView>>,
    approved: watch::Receiver<Arc<ApprovedView>>,
    epoch: Option<Epoch>,
    /// What may be signed without a known root; loaded with the first epoch.
    floor: SignFloor,
    /// When the coordinator is asked for what this key published before; `None` once it has told.
    hear_at: Option<Instant>,
    /// Own votes on chain that the store knows of.
    known: BTreeSet<RequestNonce>,
    /// Signed under `epoch` and not handled, so that a tick that changes nothing costs no disk.
    signed: BTreeMap<RequestNonce, Signed>,
}

/// What became of a nonce that was due.
enum Signed {
    /// It is signed and stored.
    Stored(Attestation),
    /// Another root was signed for it before.
    Barred,
    /// Another root may have been signed for it, in a history that the store does not have.
    Withheld,
}

impl Attester {
    /// Attests `lane` with `signer`.
    pub fn new(lane: Arc<Lane>, signer: AttesterKey, coordinator: Arc<dyn Coordinator>) -> Self {
        Self {
            coordinator,
            floor: SignFloor::UNKNOWN,
            hear_at: Some(Instant::now()),
            known: BTreeSet::new(),
            source: lane.board.source.subscribe(),
            destination: lane.board.destination.subscribe(),
            approved: lane.board.approved.subscribe(),
            lane,
            signer,
            epoch: None,
            signed: BTreeMap::new(),
        }
    }

    async fn attest(&mut self, source: &SourceView, view: &DestinationView) -> Result<(), LaneError> {
        let verified = source.verified;
        if self.epoch != Some(view.operators.epoch) {
            self.load(view).await?;
        }
        self.signed = self.signed.split_off(&view.handled.next());
        self.recall(view).await?;
        if self.floor.floor().is_none() && source.final_block.is_some() {
            self.decide(verified).await?;
        }
        // Only now: whoever becomes an operator signs from then on, and its floor is not one that is seen that late.
        if !view.operators.contains(self.signer.address()) {
            return Err(LaneError::NotOperator {
                lane: self.lane.info.id.clone(),
                attester: self.signer.address(),
                epoch: view.operators.epoch.get(),
            });
        }
        if self.floor.floor().is_none() {
            return Ok(());
        }
        // What others have voted for on chain is signed as well: with one checkpoint in common there is a way on.
        let voted: BTreeSet<RequestNonce> =
            self.approved.borrow().voted.iter().map(|voted| voted.checkpoint.nonce).collect();
        let joined = voted.range(view.handled.next()..).take_while(|nonce| **nonce <= verified).copied();
        let signed = self.sign_due(due(verified, view.handled).into_iter().chain(joined), view).await;
        // A signer that is away does not keep back what it has signed before.
        self.forget_surplus(&voted);
        self.show();
        signed
    }

    /// Signs what is due and not signed yet, and stores it, all at once. A second root for a nonce bars that nonce and nothing
    /// else.
    async fn sign_due(
        &mut self,
        nonces: impl Iterator<Item = RequestNonce>,
        view: &DestinationView,
    ) -> Result<(), LaneError> {
        let wanted: BTreeSet<RequestNonce> =
            nonces.filter(|nonce| !self.signed.contains_key(nonce)).collect();
        let mut checkpoints = Vec::new();
        // The newest first: it covers the others.
        for nonce in wanted.into_iter().rev() {
            // Without the root it waits.
            let Some(checkpoint) = self.lane.checkpoint(nonce, &view.operators).await? else { continue };
            if self.floor.permits(nonce)
                || self.lane.store.signed_root(checkpoint.bridge_id, nonce).await?.is_some()
            {
                checkpoints.push(checkpoint);
            } else {
                self.signed.insert(nonce, Signed::Withheld);
            }
        }
        if checkpoints.is_empty() {
            return Ok(());
        }
        if self.signer.is_remote() {
            // Before asking: from then on somebody else has the signatures, even when this process dies before the answer.
            let roots = checkpoints.iter().map(|checkpoint| (checkpoint.nonce, checkpoint.root)).collect();
            let claimed = self.lane.store.claim_roots(self.lane.info.bridge_id, roots).await?;
            checkpoints = self.keep(checkpoints, claimed, |checkpoint| checkpoint.nonce)?;
        }
        // What a slow signer has signed of a backlog counts before it has signed all of it.
        let mut left = checkpoints.into_iter();
        loop {
            let sign = |checkpoint: Checkpoint| {
                let (lane, signer) = (Arc::clone(&self.lane), self.signer.clone());
                async move {
                    let signature = signer.sign(&checkpoint, &lane.domain).await?;
                    Ok(Attestation { checkpoint, operator: signer.address(), signature })
                }
            };
            let piece = piecewise::sign(&mut left, sign).await;
            let stored = self.lane.store.record_attestations(piece.made.clone()).await?;
            for attestation in self.keep(piece.made, stored, |attestation| attestation.checkpoint.nonce)? {
                let Checkpoint { nonce, root, .. } = attestation.checkpoint;
                self.lane.metrics.attested(&self.lane.info.id);
                debug!(lane = %self.lane.info.id, %nonce, %root, "attested");
                self.signed.insert(nonce, Signed::Stored(attestation));
            }
            match piece.end {
                piecewise::End::All => return Ok(()),
                piecewise::End::Failed(failed) => {
                    self.lane.metrics.signing_failed(&self.lane.info.id, &failed);
                    return Err(failed.into());
                }
                piecewise::End::TakesLong if self.lane.is_halted() => return Ok(()),
                piecewise::End::TakesLong => self.show(),
            }
        }
    }

    /// Those of `list` that the store has taken; the nonces of the others are barred.
    fn keep<T>(
        &mut self,
        list: Vec<T>,
        taken: Vec<Result<(), StoreError>>,
        nonce: impl Fn(&T) -> RequestNonce,
    ) -> Result<Vec<T>, LaneError> {
        let mut kept = Vec::with_capacity(list.len());
        for (item, taken) in list.into_iter().zip(taken) {
            match taken {
                Ok(()) => kept.push(item),
                Err(refused @ StoreError::SecondRoot { .. }) => {
                    let nonce = nonce(&item);
                    error!(lane = %self.lane.info.id, %nonce, error = %refused, "refused to sign");
                    self.lane.metrics.second_roots_refused(&self.lane.info.id);
                    self.signed.insert(nonce, Signed::Barred);
                }
                Err(StoreError::BelowFloor { .. }) => {
                    self.signed.insert(nonce(&item), Signed::Withheld);
                }
                Err(failed) => return Err(failed.into()),
            }
        }
        Ok(kept)
    }

    /// Takes in what this key is seen to have signed before, in the coordinator and on chain. A store that does not know of it
    /// is new, or was restored from an old backup.
    async fn recall(&mut self, view: &DestinationView) -> Result<(), LaneError> {
        let (own, id) = (self.signer.address(), self.lane.info.bridge_id);
        let heard = self.hear(view).await;
        let approved = Arc::clone(&self.approved.borrow());
        let mut found = history::signed_by(own, &heard, &approved.voted, &self.lane.domain, id);
        let stored = |nonce: &RequestNonce| matches!(self.signed.get(nonce), Some(Signed::Stored(_)));
        found.retain(|nonce, _| *nonce > view.handled && !stored(nonce) && !self.known.contains(nonce));
        let other: Vec<_> =
            history::dissented(own, &approved.dissent).filter(|nonce| !self.known.contains(nonce)).collect();
        if found.is_empty() && other.is_empty() {
            return Ok(());
        }
        let nonces: Vec<_> = found.keys().copied().chain(other.iter().copied()).collect();
        let mut forgotten = self.lane.store.take_in_signed(id, found.into_iter().collect()).await?;
        for nonce in other {
            forgotten |= self.lane.store.doubt_history(id, nonce).await?;
        }
        self.known = self.known.split_off(&view.handled);
        self.known.extend(nonces);
        self.floor = self.lane.store.sign_floor(id).await?;
        self.signed.retain(|_, signed| !matches!(signed, Signed::Withheld));
        if forgotten {
            error!(
                lane = %self.lane.info.id, operator = %own,
                "this key has signed what this store does not know: the store was restored from an old backup, or the key runs twice; nothing is signed at or below the first final nonce that is seen now (runbook: the store is lost)"
            );
        }
        Ok(())
    }

    /// What the coordinator has of this lane, once.
    async fn hear(&mut self, view: &DestinationView) -> Vec<Attestation> {
        if self.hear_at.is_none_or(|at| at > Instant::now()) {
            return Vec::new();
        }
        let list = self.coordinator.attestations(self.lane.info.bridge_id, view.handled);
        match tokio::time::timeout(HEAR_WITHIN, list).await {
            Ok(Ok(heard)) => {
                self.hear_at = None;
                heard
            }
            _ => {
                self.hear_at = Some(Instant::now() + HEAR_AGAIN);
                Vec::new()
            }
        }
    }

    /// The first final nonce that this store sees: above it nobody can have signed.
    async fn decide(&mut self, verified: RequestNonce) -> Result<(), LaneError> {
        self.floor = self.lane.store.decide_floor(self.lane.info.bridge_id, verified).await?;
        if let Some(floor) = self.floor.floor().filter(|floor| *floor > RequestNonce::ZERO) {
            warn!(
                lane = %self.lane.info.id, %floor,
                "this store does not know what its key signed before; it signs above this nonce, and below it what is adopted or found on chain"
            );
        }
        Ok(())
    }

    /// Why nothing is signed although something is due.
    fn withheld(&self) -> Option<String> {
        let newest = self.signed.values().next_back();
        let floor = self.floor.floor().filter(|_| matches!(newest, Some(Signed::Withheld)))?;
        Some(format!(
            "this store does not know what its key signed up to nonce {floor}: it signs again with the next request, or after `polyspan attest adopt --until {floor}`"
        ))
    }

    /// What an earlier process signed under this epoch. Every vote of another epoch is dead: the same roots are signed again.
    async fn load(&mut self, view: &DestinationView) -> Result<(), LaneError> {
        let epoch = view.operators.epoch;
        let stored = self.lane.store.attestations(self.lane.info.bridge_id, epoch, view.handled).await?;
        self.signed.clear();
        for attestation in stored.into_iter().filter(|stored| stored.operator == self.signer.address()) {
            let checkpoint = attestation.checkpoint;
            // What it signed for another root is left out: signing again will say that the nonce is barred.
            if self.lane.store.root_at(checkpoint.bridge_id, checkpoint.nonce).await? == Some(checkpoint.root)
            {
                self.signed.insert(checkpoint.nonce, Signed::Stored(attestation));
            }
        }
        let own = self.signer.address();
        let (floor, moved) = self.lane.store.sign_floor_of(self.lane.info.bridge_id, own).await?;
        self.floor = floor;
        if moved {
            warn!(
                lane = %self.lane.info.id, operator = %own,
                "this store signed with another key until now: what this key signed elsewhere is unknown, so nothing is signed at or below the first final nonce that is seen now; see `polyspan attest adopt`"
            );
        }
        self.epoch = Some(epoch);
        Ok(())
    }

    fn forget_surplus(&mut self, voted: &BTreeSet<RequestNonce>) {
        let plain =
            |nonce: &RequestNonce| !nonce.get().is_multiple_of(CHECKPOINT_INTERVAL) && !voted.contains(nonce);
        let count = self.signed.keys().copied().filter(plain).count();
        let surplus: Vec<_> =
            self.signed.keys().copied().filter(plain).take(count.saturating_sub(NEWEST_KEPT)).collect();
        for nonce in surplus {
            self.signed.remove(&nonce);
        }
    }

    /// Puts what is signed and open on the board.
    fn show(&self) {
        let signed: BTreeMap<RequestNonce, Attestation> = self
            .signed
            .iter()
            .filter_map(|(nonce, signed)| match signed {
                Signed::Stored(attestation) => Some((*nonce, attestation.clone())),
                Signed::Barred | Signed::Withheld => None,
            })
            .collect();
        self.lane.board.signed.send_if_modified(|shown| {
            let changed = **shown != signed;
            if changed {
                *shown = Arc::new(signed);
            }
            changed
        });
    }
}

impl Step for Attester {
    async fn step(&mut self) -> Result<(), LaneError> {
        let source = self.source.borrow_and_update().clone();
        let view = self.destination.borrow_and_update().clone();
        self.approved.mark_unchanged();
        match view {
            Some(view) => self.attest(&source, &view).await,
            None => Ok(()),
        }
    }

    async fn changed(&mut self) {
        // Without a destination a step does not ask.
        let hear_at = self.hear_at.filter(|_| self.destination.borrow().is_some());
        tokio::select! {
            () = tokio::time::sleep_until(hear_at.unwrap_or_else(Instant::now)), if hear_at.is_some() => {}
            changed = self.source.changed() => or_pending(changed).await,
            changed = self.destination.changed() => or_pending(changed).await,
            changed = self.approved.changed() => or_pending(changed).await,
        }
    }

    /// What is requested from then on is signed, also by a store that is new.
    fn is_ready(&self) -> bool {
        self.floor.floor().is_some()
    }

    fn show(&self, waiting_for: Option<String>) {
        self.lane.board.attest_trouble.send_replace(waiting_for.or_else(|| self.withheld()));
    }
}
