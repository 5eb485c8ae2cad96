//! Signs what is due, stores it, then publishes it: in this order, always.

mod due;

use std::collections::BTreeSet;
use std::sync::Arc;

use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use polyspan_coordination::Coordinator;
use polyspan_store::StoreError;
use polyspan_types::{Attestation, CrashPoint, Epoch, RequestNonce};
use tokio::sync::watch;
use tracing::{debug, error};

pub use due::{CHECKPOINT_INTERVAL, due};

use crate::error::LaneError;
use crate::lane::{DestinationView, Lane, SourceView};
use crate::step::{Step, or_pending};

/// The voice of one operator on one lane.
pub struct Attester {
    lane: Arc<Lane>,
    signer: PrivateKeySigner,
    coordinator: Arc<dyn Coordinator>,
    source: watch::Receiver<SourceView>,
    destination: watch::Receiver<Option<DestinationView>>,
    /// Signed by this process under `epoch`, so that a tick that changes nothing costs no disk.
    signed: BTreeSet<RequestNonce>,
    epoch: Option<Epoch>,
    all_published: bool,
    /// The coordinator's when everything was published.
    incarnation: u64,
}

impl Attester {
    /// Attests `lane` with `signer`.
    pub fn new(lane: Arc<Lane>, signer: PrivateKeySigner, coordinator: Arc<dyn Coordinator>) -> Self {
        let (source, destination) = (lane.board.source.subscribe(), lane.board.destination.subscribe());
        Self {
            lane,
            signer,
            coordinator,
            source,
            destination,
            signed: BTreeSet::new(),
            epoch: None,
            all_published: false,
            incarnation: 0,
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
            self.epoch = Some(view.operators.epoch);
            self.signed.clear();
            self.all_published = false;
        }
        // Before anything is published: what is lost after this look is seen at the next one.
        let incarnation = self.coordinator.incarnation();
        if self.incarnation != incarnation {
            self.incarnation = incarnation;
            self.all_published = false;
        }
        self.signed = self.signed.split_off(&view.handled.next());
        for nonce in due(verified, view.handled) {
            if !self.signed.contains(&nonce) {
                self.sign(nonce, view).await?;
                self.signed.insert(nonce);
            }
        }
        if !self.all_published {
            self.publish_stored(view).await?;
        }
        Ok(())
    }

    /// Signs one checkpoint. A second root for a nonce bars that nonce and nothing else.
    async fn sign(&mut self, nonce: RequestNonce, view: &DestinationView) -> Result<(), LaneError> {
        let Some(checkpoint) = self.lane.checkpoint(nonce, &view.operators).await? else { return Ok(()) };
        let signature = self.signer.sign_hash_sync(&checkpoint.digest(&self.lane.domain))?;
        let attestation = Attestation { checkpoint, operator: self.signer.address(), signature };
        match self.lane.store.record_attestation(&attestation).await {
            Ok(()) => {}
            Err(refused @ StoreError::SecondRoot { .. }) => {
                error!(lane = %self.lane.info.id, %nonce, error = %refused, "refused to sign");
                self.lane.metrics.second_roots_refused(&self.lane.info.id);
                return Ok(());
            }
            Err(failed) => return Err(failed.into()),
        }
        self.lane.metrics.attested(&self.lane.info.id);
        debug!(lane = %self.lane.info.id, %nonce, root = %checkpoint.root, "attested");
        self.publish(&attestation).await
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
