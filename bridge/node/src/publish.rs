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

/// How often everything that is open is handed over again: a coordinator that was wiped has lost it, and twice is the same as
/// once. Unit: time.
const AGAIN: Duration = Duration::from_secs(10);

/// Publishes what one operator signs on one lane.
pub struct Publisher {
    coordinator: Arc<dyn Coordinator>,
    signed: watch::Receiver<Arc<BTreeMap<RequestNonce, Attestation>>>,
    /// Handed over since the last time that everything was.
    published: BTreeMap<RequestNonce, Attestation>,
    whole: tokio::time::Instant,
}

impl Publisher {
    /// Publishes the attestations of `lane`.
    pub fn new(lane: &Lane, coordinator: Arc<dyn Coordinator>) -> Self {
        let signed = lane.board.signed.subscribe();
        Self { coordinator, signed, published: BTreeMap::new(), whole: tokio::time::Instant::now() }
    }
}

impl Step for Publisher {
    async fn step(&mut self) -> Result<(), LaneError> {
        let signed = Arc::clone(&self.signed.borrow_and_update());
        if self.whole.elapsed() >= AGAIN {
            self.published.clear();
            self.whole = tokio::time::Instant::now();
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
            () = tokio::time::sleep_until(self.whole + AGAIN), if !self.published.is_empty() => {}
        }
    }

    /// What ails the coordinator is told by the report to it; no transfer waits for it alone.
    fn show(&self, _: Option<String>) {}
}
