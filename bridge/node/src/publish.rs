//! Hands own attestations to the coordinator. Apart from signing, so that a coordinator that is gone holds nothing up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use polyspan_coordination::Coordinator;
use polyspan_types::{Attestation, CrashPoint, RequestNonce};
use tokio::sync::watch;

use crate::error::LaneError;
use crate::lane::Lane;
use crate::step::{Step, or_pending};

/// How often this asks whether the coordinator has lost what it had. Unit: time.
const LOOK: Duration = Duration::from_secs(1);

/// Publishes what one operator signs on one lane.
pub struct Publisher {
    coordinator: Arc<dyn Coordinator>,
    signed: watch::Receiver<Arc<BTreeMap<RequestNonce, Attestation>>>,
    /// What the coordinator has.
    published: BTreeMap<RequestNonce, Attestation>,
    /// Of which incarnation of the coordinator: another one has lost everything.
    incarnation: u64,
}

impl Publisher {
    /// Publishes the attestations of `lane`.
    pub fn new(lane: &Lane, coordinator: Arc<dyn Coordinator>) -> Self {
        let signed = lane.board.signed.subscribe();
        Self { incarnation: coordinator.incarnation(), coordinator, signed, published: BTreeMap::new() }
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
        Ok(())
    }

    async fn changed(&mut self) {
        tokio::select! {
            changed = self.signed.changed() => or_pending(changed).await,
            () = tokio::time::sleep(LOOK), if !self.published.is_empty() => {}
        }
    }

    /// What ails the coordinator is told by the report to it; no transfer waits for it alone.
    fn show(&self, _: Option<String>) {}
}
