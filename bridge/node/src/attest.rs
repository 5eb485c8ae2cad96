//! Signs what is due, stores it, then publishes it: in this order, always.

mod due;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use polyspan_coordination::Coordinator;
use polyspan_store::StoreError;
use polyspan_types::{Attestation, Checkpoint, CrashPoint, Epoch, RequestNonce, Root};
use tokio::sync::watch;
use tracing::{debug, error};

pub use due::{CHECKPOINT_INTERVAL, due};

use crate::error::LaneError;
use crate::keys::AttesterKey;
use crate::lane::{DestinationView, Lane, SourceView};
use crate::step::{Step, or_pending};

/// The voice of one operator on one lane.
pub struct Attester {
    lane: Arc<Lane>,
    signer: AttesterKey,
    coordinator: Arc<dyn Coordinator>,
    source: watch::Receiver<SourceView>,
    destination: watch::Receiver<Option<DestinationView>>,
    /// Signed by this process under `epoch`, so that a tick that changes nothing costs no disk.
    signed: BTreeSet<RequestNonce>,
    /// Signed under `epoch` by an earlier process: a signer elsewhere is not asked for it again.
    stored: BTreeMap<RequestNonce, Root>,
    epoch: Option<Epoch>,
    all_published: bool,
}

impl Attester {
    /// Attests `lane` with `signer`.
    pub fn new(lane: Arc<Lane>, signer: AttesterKey, coordinator: Arc<dyn Coordinator>) -> Self {
        let (source, destination) = (lane.board.source.subscribe(), lane.board.destination.subscribe());
        Self {
            lane,
            signer,
            coordinator,
            source,
            destination,
            signed: BTreeSet::new(),
            stored: BTreeMap::new(),
            epoch: None,
            all_published: false,
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
            // Every older vote is dead: the same roots are signed again.
            self.stored = self.load_stored(view).await?;
            self.epoch = Some(view.operators.epoch);
            self.signed.clear();
            self.all_published = false;
        }
        self.signed = self.signed.split_off(&view.handled.next());
        let signed = self.sign_due(verified, view).await;
        // A signer that is away does not keep back what it has signed before.
        if !self.all_published {
            self.publish_stored(view).await?;
        }
        signed
    }

    async fn sign_due(&mut self, verified: RequestNonce, view: &DestinationView) -> Result<(), LaneError> {
        for nonce in due(verified, view.handled) {
            if !self.signed.contains(&nonce) {
                self.sign(nonce, view).await?;
                self.signed.insert(nonce);
            }
        }
        Ok(())
    }

    async fn load_stored(&self, view: &DestinationView) -> Result<BTreeMap<RequestNonce, Root>, LaneError> {
        let (id, epoch, own) = (self.lane.info.bridge_id, view.operators.epoch, self.signer.address());
        let stored = self.lane.store.attestations(id, epoch, view.handled).await?;
        let own = stored.into_iter().filter(|attestation| attestation.operator == own);
        Ok(own.map(|Attestation { checkpoint, .. }| (checkpoint.nonce, checkpoint.root)).collect())
    }

    /// Signs one checkpoint. A second root for a nonce bars that nonce and nothing else.
    async fn sign(&mut self, nonce: RequestNonce, view: &DestinationView) -> Result<(), LaneError> {
        let Some(checkpoint) = self.lane.checkpoint(nonce, &view.operators).await? else { return Ok(()) };
        if self.stored.get(&nonce) == Some(&checkpoint.root) {
            return Ok(());
        }
        let attestation = match self.signed_and_stored(checkpoint).await {
            Err(LaneError::Store(refused @ StoreError::SecondRoot { .. })) => {
                error!(lane = %self.lane.info.id, %nonce, error = %refused, "refused to sign");
                self.lane.metrics.second_roots_refused(&self.lane.info.id);
                return Ok(());
            }
            result => result?,
        };
        self.lane.metrics.attested(&self.lane.info.id);
        debug!(lane = %self.lane.info.id, %nonce, root = %checkpoint.root, "attested");
        self.publish(&attestation).await
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

    async fn publish(&mut self, attestation: &Attestation) -> Result<(), LaneError> {
        if let Err(failed) = self.coordinator.publish(attestation).await {
            // It is in the store: it goes out with everything else that is open there.
            self.all_published = false;
            return Err(failed.into());
        }
        CrashPoint::AfterPublishingAttestation.reach();
        Ok(())
    }

    /// Publishes what is stored, published before or not: after a start, when the coordinator may have lost what it had,
    /// and when it was away. Publishing twice changes nothing.
    async fn publish_stored(&mut self, view: &DestinationView) -> Result<(), LaneError> {
        let (id, epoch) = (self.lane.info.bridge_id, view.operators.epoch);
        for attestation in self.lane.store.attestations(id, epoch, view.handled).await? {
            self.publish(&attestation).await?;
        }
        self.all_published = true;
        Ok(())
    }
}

impl Step for Attester {
    async fn step(&mut self) -> Result<(), LaneError> {
        let verified = self.source.borrow_and_update().verified;
        let view = self.destination.borrow_and_update().clone();
        match view {
            Some(view) => self.attest(verified, &view).await,
            None => Ok(()),
        }
    }

    async fn changed(&mut self) {
        tokio::select! {
            changed = self.source.changed() => or_pending(changed).await,
            changed = self.destination.changed() => or_pending(changed).await,
        }
    }

    fn show(&self, waiting_for: Option<String>) {
        self.lane.board.attest_trouble.send_replace(waiting_for);
    }
}
