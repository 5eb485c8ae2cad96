//! Hands own attestations to the coordinator. Apart from signing, so that a coordinator that is gone holds nothing up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use polyspan_coordination::Coordinator;
use polyspan_types::{Attestation, BridgeId, CrashPoint, RequestNonce};
use tokio::sync::watch;

use crate::error::LaneError;
use crate::lane::{DestinationView, Lane};
use crate::step::{Step, or_pending};

/// How often this asks whether the coordinator has lost what it had. Unit: time.
const LOOK: Duration = Duration::from_secs(1);

/// Publishes what one operator signs on one lane.
pub struct Publisher {
    lane: BridgeId,
    coordinator: Arc<dyn Coordinator>,
    signed: watch::Receiver<Arc<BTreeMap<RequestNonce, Attestation>>>,
    /// What the coordinator has.
    published: BTreeMap<RequestNonce, Attestation>,
    /// What is handled for good, so that the coordinator need not keep it.
    destination: watch::Receiver<Option<DestinationView>>,
    pruned: RequestNonce,
    /// Of which incarnation of the coordinator: another one has lost everything.
    incarnation: u64,
}

impl Publisher {
    /// Publishes the attestations of `lane`.
    pub fn new(lane: &Lane, coordinator: Arc<dyn Coordinator>) -> Self {
        Self {
            lane: lane.info.bridge_id,
            incarnation: coordinator.incarnation(),
            coordinator,
            signed: lane.board.signed.subscribe(),
            published: BTreeMap::new(),
            destination: lane.board.destination.subscribe(),
            pruned: RequestNonce::ZERO,
        }
    }
}

impl Step for Publisher {
    async fn step(&mut self) -> Result<(), LaneError> {
        let signed = Arc::clone(&self.signed.borrow_and_update());
        let incarnation = self.coordinator.incarnation();
        if std::mem::replace(&mut self.incarnation, incarnation) != incarnation {
            self.published.clear();
        }
        self.published.retain(|nonce, attestation| signed.get(nonce) == Some(attestation));
        // The newest first: it covers the others.
        for (nonce, attestation) in signed.iter().rev() {
            if !self.published.contains_key(nonce) {
                self.coordinator.publish(attestation).await?;
                CrashPoint::AfterPublishingAttestation.reach();
                self.published.insert(*nonce, attestation.clone());
            }
        }
        let view = self.destination.borrow_and_update().clone();
        if let Some(settled) = view.map(|view| view.settled).filter(|settled| *settled > self.pruned) {
            self.coordinator.prune(self.lane, settled).await?;
            self.pruned = settled;
        }
        Ok(())
    }

    async fn changed(&mut self) {
        tokio::select! {
            changed = self.signed.changed() => or_pending(changed).await,
            changed = self.destination.changed() => or_pending(changed).await,
            () = tokio::time::sleep(LOOK), if !self.published.is_empty() => {}
        }
    }

    /// What ails the coordinator is told by the report to it; no transfer waits for it alone.
    fn show(&self, _: Option<String>) {}
}
