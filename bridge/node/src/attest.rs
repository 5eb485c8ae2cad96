//! Signs what is due and stores it, always in this order; only then does anybody see it.

mod due;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use polyspan_store::StoreError;
use polyspan_types::{Attestation, Checkpoint, Epoch, RequestNonce};
use tokio::sync::watch;
use tracing::{debug, error};

pub use due::{CHECKPOINT_INTERVAL, due};

use crate::error::LaneError;
use crate::keys::AttesterKey;
use crate::lane::{ApprovedView, DestinationView, Lane, SourceView};
use crate::step::{Step, or_pending};

/// Own attestations beside those at multiples of [`CHECKPOINT_INTERVAL`] that stay on the board: a lane that stands still gets
/// a newer one with every request. Unit: attestations.
const NEWEST_KEPT: usize = 256;

/// The voice of one operator on one lane.
pub struct Attester {
    lane: Arc<Lane>,
    signer: AttesterKey,
    source: watch::Receiver<SourceView>,
    destination: watch::Receiver<Option<DestinationView>>,
    approved: watch::Receiver<Arc<ApprovedView>>,
    epoch: Option<Epoch>,
    /// Signed under `epoch` and not handled, so that a tick that changes nothing costs no disk.
    signed: BTreeMap<RequestNonce, Signed>,
}

/// What became of a nonce that was due.
enum Signed {
    /// It is signed and stored.
    Stored(Attestation),
    /// Another root was signed for it before.
    Barred,
}

impl Attester {
    /// Attests `lane` with `signer`.
    pub fn new(lane: Arc<Lane>, signer: AttesterKey) -> Self {
        Self {
            source: lane.board.source.subscribe(),
            destination: lane.board.destination.subscribe(),
            approved: lane.board.approved.subscribe(),
            lane,
            signer,
            epoch: None,
            signed: BTreeMap::new(),
        }
    }

    async fn attest(&mut self, verified: RequestNonce, view: &DestinationView) -> Result<(), LaneError> {
        if !view.operators.contains(self.signer.address()) {
            return Err(LaneError::NotOperator {
                lane: self.lane.info.id.clone(),
                attester: self.signer.address(),
                epoch: view.operators.epoch.get(),
            });
        }
        if self.epoch != Some(view.operators.epoch) {
            self.load(view).await?;
        }
        self.signed = self.signed.split_off(&view.handled.next());
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
            checkpoints.extend(self.lane.checkpoint(nonce, &view.operators).await?);
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
        let (attestations, failure) = self.sign(checkpoints).await;
        // What was signed before one failed is stored and counts.
        let stored = self.lane.store.record_attestations(attestations.clone()).await?;
        for attestation in self.keep(attestations, stored, |attestation| attestation.checkpoint.nonce)? {
            let Checkpoint { nonce, root, .. } = attestation.checkpoint;
            self.lane.metrics.attested(&self.lane.info.id);
            debug!(lane = %self.lane.info.id, %nonce, %root, "attested");
            self.signed.insert(nonce, Signed::Stored(attestation));
        }
        failure.map_or(Ok(()), Err)
    }

    /// Signatures until one fails.
    async fn sign(&self, checkpoints: Vec<Checkpoint>) -> (Vec<Attestation>, Option<LaneError>) {
        let Lane { info, domain, metrics, .. } = &*self.lane;
        let mut made = Vec::with_capacity(checkpoints.len());
        for checkpoint in checkpoints {
            match self.signer.sign(&checkpoint, domain).await {
                Ok(signature) => {
                    made.push(Attestation { checkpoint, operator: self.signer.address(), signature });
                }
                Err(failed) => {
                    metrics.signing_failed(&info.id, &failed);
                    return (made, Some(failed.into()));
                }
            }
        }
        (made, None)
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
                Err(failed) => return Err(failed.into()),
            }
        }
        Ok(kept)
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
                Signed::Barred => None,
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
        let verified = self.source.borrow_and_update().verified;
        let view = self.destination.borrow_and_update().clone();
        self.approved.mark_unchanged();
        match view {
            Some(view) => self.attest(verified, &view).await,
            None => Ok(()),
        }
    }

    async fn changed(&mut self) {
        tokio::select! {
            changed = self.source.changed() => or_pending(changed).await,
            changed = self.destination.changed() => or_pending(changed).await,
            changed = self.approved.changed() => or_pending(changed).await,
        }
    }

    fn show(&self, waiting_for: Option<String>) {
        self.lane.board.attest_trouble.send_replace(waiting_for);
    }
}
