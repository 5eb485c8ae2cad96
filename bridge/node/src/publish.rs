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

/// Attestations that have left the board before they are withdrawn: a lane that goes on prunes them first, and one that stands
/// still costs one transaction for so many.
const WITHDRAW_FROM: usize = 64;

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
    /// How many of those that were published have left the board since it was withdrawn last what was not on it; `None` when an
    /// earlier process may have left some.
    left: Option<usize>,
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
            left: None,
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
        let before = self.published.len();
        self.published.retain(|nonce, attestation| signed.get(nonce) == Some(attestation));
        self.left = self.left.map(|left| left + before - self.published.len());
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
        // Before the first look nothing is on the board.
        if !signed.is_empty() && self.left.is_none_or(|left| left >= WITHDRAW_FROM) {
            let kept: Vec<_> = signed.values().cloned().collect();
            self.coordinator.keep_only(self.lane, &kept).await?;
            self.left = Some(0);
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

#[cfg(test)]
mod tests {
    use polyspan_coordination::testing::{attestation, lane, member};
    use polyspan_coordination::{EmbeddedCoordinator, EmbeddedSettings};

    use super::*;

    #[tokio::test]
    async fn a_lane_that_stands_still_gathers_no_attestations() {
        let folder = tempfile::tempdir().unwrap();
        let coordinator = EmbeddedCoordinator::open(folder.path(), EmbeddedSettings::default()).unwrap();
        coordinator.join(&member("a")).await.unwrap();
        // What an earlier process left.
        for nonce in 1..=20 {
            coordinator.publish(&attestation(lane(1), nonce, 1, 1)).await.unwrap();
        }
        let coordinator: Arc<dyn Coordinator> = Arc::new(coordinator);
        let (board, signed) = watch::channel(Arc::new(BTreeMap::new()));
        let (_destination, destination) = watch::channel(None);
        let mut publisher = Publisher {
            lane: lane(1),
            incarnation: coordinator.incarnation(),
            coordinator: Arc::clone(&coordinator),
            signed,
            published: BTreeMap::new(),
            destination,
            pruned: RequestNonce::ZERO,
            left: None,
        };
        let there = || async {
            let there = coordinator.attestations(lane(1), RequestNonce::ZERO).await.unwrap();
            there.iter().map(|one| one.checkpoint.nonce.get()).collect::<Vec<_>>()
        };
        publisher.step().await.unwrap();
        assert_eq!(there().await.len(), 20, "nothing is signed yet");
        let mut most = 0;
        for newest in 33..=300 {
            let show =
                [32, newest].map(|nonce| (RequestNonce::new(nonce), attestation(lane(1), nonce, 1, 1)));
            board.send_replace(Arc::new(BTreeMap::from(show)));
            publisher.step().await.unwrap();
            let there = there().await;
            assert!(there.contains(&32) && there.contains(&newest), "{there:?}");
            assert!(!there.contains(&20), "an earlier process's are withdrawn");
            most = most.max(there.len());
        }
        assert!((WITHDRAW_FROM..=WITHDRAW_FROM + 2).contains(&most), "{most}");
    }
}
