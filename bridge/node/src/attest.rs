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

    async fn sign_due(
        &mut self,
        nonces: impl Iterator<Item = RequestNonce>,
        view: &DestinationView,
    ) -> Result<(), LaneError> {
        for nonce in nonces {
            if !self.signed.contains_key(&nonce)
                && let Some(signed) = self.sign(nonce, view).await?
            {
                self.signed.insert(nonce, signed);
            }
        }
        Ok(())
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

    /// Signs one checkpoint and stores it. A second root for a nonce bars that nonce and nothing else. `None`: this relay does
    /// not have the root.
    async fn sign(&self, nonce: RequestNonce, view: &DestinationView) -> Result<Option<Signed>, LaneError> {
        let Some(checkpoint) = self.lane.checkpoint(nonce, &view.operators).await? else { return Ok(None) };
        let attestation = match self.signed_and_stored(checkpoint).await {
            Err(LaneError::Store(refused @ StoreError::SecondRoot { .. })) => {
                error!(lane = %self.lane.info.id, %nonce, error = %refused, "refused to sign");
                self.lane.metrics.second_roots_refused(&self.lane.info.id);
                return Ok(Some(Signed::Barred));
            }
            result => result?,
        };
        self.lane.metrics.attested(&self.lane.info.id);
        debug!(lane = %self.lane.info.id, %nonce, root = %checkpoint.root, "attested");
        Ok(Some(Signed::Stored(attestation)))
    }

    /// The signature, once it is in the store.
    ///
    /// Errors: [`StoreError::SecondRoot`]; or disk or signer refuse.
    async fn signed_and_stored(&self, checkpoint: Checkpoint) -> Result<Attestation, LaneError> {
        let Lane { store, info, domain, metrics, .. } = &*self.lane;
        if self.signer.is_remote() {
            // Before asking: from then on somebody else has the signature, even when this process dies before the answer.
            store.claim_root(info.bridge_id, checkpoint.nonce, checkpoint.root).await?;
        }
        let signed = self.signer.sign(&checkpoint, domain).await;
        let signature = signed.inspect_err(|failed| metrics.signing_failed(&info.id, failed))?;
        let attestation = Attestation { checkpoint, operator: self.signer.address(), signature };
        store.record_attestation(&attestation).await?;
        Ok(attestation)
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
