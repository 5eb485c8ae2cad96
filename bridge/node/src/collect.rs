//! Tallies attestations from the coordinator against the operators that the destination has now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::BoxStream;
use polyspan_coordination::{CoordinationError, Coordinator};
use polyspan_types::{Attestation, RequestNonce, Root};
use tokio::sync::watch;
use tracing::{debug, error, warn};

use crate::error::LaneError;
use crate::lane::{ApprovedCheckpoint, ApprovedView, DestinationView, Lane, SourceView};
use crate::step::{Step, or_pending};
use crate::tally::Tally;

/// Most attestations taken in before the view is written again. Unit: attestations.
const BATCH: usize = 256;

/// Counts votes. Trusts nobody: every signature is verified against the destination's operators.
pub struct Collector {
    lane: Arc<Lane>,
    coordinator: Arc<dyn Coordinator>,
    follow: BoxStream<'static, Result<Attestation, CoordinationError>>,
    destination: watch::Receiver<Option<DestinationView>>,
    source: watch::Receiver<SourceView>,
    /// `None` until the operators are known; attestations wait in the coordinator until then.
    tally: Option<Tally>,
    /// Where the tally starts; it falls when a reorg of the destination takes payouts back.
    floor: RequestNonce,
    /// Own roots of approved checkpoints: what is verified does not change.
    own_roots: BTreeMap<RequestNonce, Root>,
    /// Nonces whose approved root is not ours, so that each is reported once.
    disputed: BTreeSet<RequestNonce>,
    pruned: RequestNonce,
    conflicts_seen: usize,
    pending: Vec<Result<Attestation, CoordinationError>>,
}

impl Collector {
    /// Collects the attestations of `lane`.
    pub fn new(lane: Arc<Lane>, coordinator: Arc<dyn Coordinator>) -> Self {
        Self {
            follow: coordinator.follow(lane.info.bridge_id),
            destination: lane.board.destination.subscribe(),
            source: lane.board.source.subscribe(),
            lane,
            coordinator,
            tally: None,
            floor: RequestNonce::ZERO,
            own_roots: BTreeMap::new(),
            disputed: BTreeSet::new(),
            pruned: RequestNonce::ZERO,
            conflicts_seen: 0,
            pending: Vec::new(),
        }
    }

    async fn collect(&mut self, view: &DestinationView) -> Result<(), LaneError> {
        let other_operators = self.tally.as_ref().is_some_and(|tally| tally.operators() != &*view.operators);
        if other_operators || view.handled < self.floor {
            // Votes that count now may have passed by: those of a new epoch while this relay still knew the old one, those
            // for payouts that a reorg of the destination has rolled back. All are heard again.
            self.tally = None;
            self.own_roots.clear();
            self.follow = self.coordinator.follow(self.lane.info.bridge_id);
        }
        self.floor = view.handled;
        let tally =
            self.tally.get_or_insert_with(|| Tally::new((*view.operators).clone(), self.lane.domain.clone()));
        let mut failed = None;
        for item in self.pending.drain(..) {
            match item {
                Ok(attestation) if attestation.checkpoint.nonce <= view.handled => {}
                Ok(attestation) => {
                    if let Err(refused) = tally.add(attestation) {
                        debug!(lane = %self.lane.info.id, error = %refused, "attestation does not count");
                    }
                }
                Err(error) => failed = Some(error),
            }
        }
        tally.prune(view.handled);
        let conflicts = tally.conflicts().count();
        if conflicts > self.conflicts_seen {
            warn!(
                lane = %self.lane.info.id, conflicts,
                "operators signed different roots for one nonce; the true one is used, the other is kept as evidence"
            );
        }
        self.lane.metrics.conflicts(&self.lane.info.id, conflicts);
        self.conflicts_seen = conflicts;
        let approved = self.approved(view).await?;
        self.lane.board.approved.send_replace(Arc::new(approved));
        self.prune(view.settled).await?;
        failed.map_or(Ok(()), |error| Err(error.into()))
    }

    /// What may be submitted: approved, and the same root as our own.
    async fn approved(&mut self, view: &DestinationView) -> Result<ApprovedView, LaneError> {
        let Some(tally) = &self.tally else { return Ok(ApprovedView::default()) };
        let verified = self.source.borrow().verified;
        self.own_roots = self.own_roots.split_off(&view.handled);
        self.disputed = self.disputed.split_off(&view.handled);
        let mut checkpoints = Vec::new();
        for (checkpoint, signatures) in
            tally.approved().filter(|(checkpoint, _)| checkpoint.nonce <= verified)
        {
            let nonce = checkpoint.nonce;
            let own = match self.own_roots.get(&nonce) {
                Some(root) => *root,
                None => match self.lane.store.root_at(self.lane.info.bridge_id, nonce).await? {
                    Some(root) => *self.own_roots.entry(nonce).or_insert(root),
                    None => continue,
                },
            };
            if checkpoint.bridge_id == self.lane.info.bridge_id && checkpoint.root == own {
                checkpoints.push(ApprovedCheckpoint { checkpoint, signatures });
            } else if self.disputed.insert(nonce) {
                error!(
                    lane = %self.lane.info.id, %nonce, approved = %checkpoint.root, %own,
                    "a threshold of operators approved a root that differs from our own; not submitted"
                );
            }
        }
        let attested = believable(tally, verified).map(|(nonce, _)| nonce).max().unwrap_or(view.handled);
        let waiting_for = checkpoints.is_empty().then(|| self.missing(tally, verified, view)).flatten();
        Ok(ApprovedView { attested, checkpoints, waiting_for })
    }

    /// What the lane's next checkpoint lacks, in words.
    fn missing(&self, tally: &Tally, verified: RequestNonce, view: &DestinationView) -> Option<String> {
        (verified > view.handled).then(|| {
            let votes = believable(tally, verified).map(|(_, votes)| votes).max().unwrap_or(0);
            format!(
                "{votes} of {} attested ({} operators)",
                view.operators.threshold,
                view.operators.members.len()
            )
        })
    }

    async fn prune(&mut self, handled: RequestNonce) -> Result<(), LaneError> {
        if handled > self.pruned {
            self.coordinator.prune(self.lane.info.bridge_id, handled).await?;
            self.pruned = handled;
        }
        Ok(())
    }
}

/// Checkpoints with votes that lie within what this relay has seen itself: one operator alone can sign any nonce.
fn believable(tally: &Tally, verified: RequestNonce) -> impl Iterator<Item = (RequestNonce, usize)> {
    let votes = tally.checkpoints().map(|(checkpoint, votes)| (checkpoint.nonce, votes));
    votes.filter(move |(nonce, _)| *nonce <= verified)
}

impl Step for Collector {
    async fn step(&mut self) -> Result<(), LaneError> {
        self.source.mark_unchanged();
        let view = self.destination.borrow_and_update().clone();
        match view {
            Some(view) => self.collect(&view).await,
            None => Ok(()),
        }
    }

    async fn changed(&mut self) {
        tokio::select! {
            changed = self.source.changed() => or_pending(changed).await,
            changed = self.destination.changed() => or_pending(changed).await,
            first = self.follow.next(), if self.pending.len() < BATCH => match first {
                Some(item) => {
                    self.pending.push(item);
                    // What is already here is taken along: one view for many votes.
                    while self.pending.len() < BATCH
                        && let Some(Some(item)) = futures::FutureExt::now_or_never(self.follow.next())
                    {
                        self.pending.push(item);
                    }
                }
                None => std::future::pending().await,
            }
        }
    }

    fn show(&self, waiting_for: Option<String>) {
        if let Some(text) = waiting_for {
            self.lane.board.approved.send_if_modified(|view| {
                let changed = view.waiting_for.as_ref() != Some(&text);
                if changed {
                    let mut shown = (**view).clone();
                    shown.waiting_for = Some(text);
                    *view = Arc::new(shown);
                }
                changed
            });
        }
    }
}
