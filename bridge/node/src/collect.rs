//! Tallies attestations from the coordinator, own ones and votes on chain against the operators that the destination has now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::BoxStream;
use polyspan_coordination::{CoordinationError, Coordinator};
use polyspan_types::{Attestation, Checkpoint, MemberSet, OperatorId, RequestNonce, Root, Vote};
use tokio::sync::watch;
use tracing::{debug, error, warn};

use crate::error::LaneError;
use crate::lane::{ApprovedCheckpoint, ApprovedView, DestinationView, Lane, SourceView};
use crate::step::{Step, or_pending};
use crate::tally::Tally;

/// Most attestations taken in before the view is written again. Unit: attestations.
const BATCH: usize = 256;
/// Most votes for other roots that are remembered. Unit: votes.
const DISSENT_LIMIT: usize = 1024;
/// Epochs before the present one whose votes are recognised as such. Unit: epochs.
const EARLIER_EPOCHS: u64 = 4;

/// Counts votes. Trusts nobody: every signature is verified against the destination's operators.
pub struct Collector {
    lane: Arc<Lane>,
    coordinator: Arc<dyn Coordinator>,
    follow: BoxStream<'static, Result<Attestation, CoordinationError>>,
    destination: watch::Receiver<Option<DestinationView>>,
    source: watch::Receiver<SourceView>,
    signed: watch::Receiver<Arc<BTreeMap<RequestNonce, Attestation>>>,
    votes: watch::Receiver<Arc<BTreeSet<Vote>>>,
    /// Votes that the tally has counted.
    counted: BTreeSet<Vote>,
    /// `None` until the operators are known; attestations wait in the coordinator until then.
    tally: Option<Tally>,
    /// Where the tally starts; it falls when a reorg of the destination takes payouts back.
    floor: RequestNonce,
    /// Own roots of approved checkpoints: what is verified does not change.
    own_roots: BTreeMap<RequestNonce, Root>,
    /// Nonces whose approved root is not ours, so that each is reported once.
    disputed: BTreeSet<RequestNonce>,
    /// Votes on chain for another root than ours, so that each is reported once.
    dissent: BTreeSet<(RequestNonce, OperatorId)>,
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
            signed: lane.board.signed.subscribe(),
            votes: lane.board.votes.subscribe(),
            counted: BTreeSet::new(),
            lane,
            coordinator,
            tally: None,
            floor: RequestNonce::ZERO,
            own_roots: BTreeMap::new(),
            disputed: BTreeSet::new(),
            dissent: BTreeSet::new(),
            conflicts_seen: 0,
            pending: Vec::new(),
        }
    }

    async fn collect(&mut self, view: &DestinationView) -> Result<(), LaneError> {
        let votes = Arc::clone(&self.votes.borrow_and_update());
        let other_operators = self.tally.as_ref().is_some_and(|tally| tally.operators() != &*view.operators);
        let withdrawn = self.counted.iter().any(|vote| vote.nonce > view.handled && !votes.contains(vote));
        if other_operators || withdrawn || view.handled < self.floor {
            // Votes that count now may have passed by: those of a new epoch while this relay still knew the old one, those
            // for payouts that a reorg of the destination has rolled back. And what it has taken back of the votes on chain
            // must not count. All are heard again.
            self.tally = None;
            self.own_roots.clear();
            self.counted.clear();
            self.follow = self.coordinator.follow(self.lane.info.bridge_id);
        }
        self.floor = view.handled;
        let tally =
            self.tally.get_or_insert_with(|| Tally::new((*view.operators).clone(), self.lane.domain.clone()));
        if tally.expect(self.source.borrow().verified) {
            // What was too far above is near now.
            self.follow = self.coordinator.follow(self.lane.info.bridge_id);
        }
        for attestation in self.signed.borrow_and_update().values() {
            if attestation.checkpoint.nonce > view.handled {
                // Known already, or of an epoch that has just ended.
                let _ = tally.add(attestation.clone());
            }
        }
        for item in self.pending.drain(..) {
            match item {
                Ok(attestation) if attestation.checkpoint.nonce <= view.handled => {}
                Ok(attestation) => {
                    if let Err(refused) = tally.add(attestation) {
                        debug!(lane = %self.lane.info.id, error = %refused, "attestation does not count");
                    }
                }
                // No failure of this step: what the destination and this relay itself say is counted all the same.
                Err(error) => {
                    debug!(lane = %self.lane.info.id, %error, "attestations of others are not heard")
                }
            }
        }
        tally.prune(view.handled);
        self.count_votes(&votes, view).await?;
        let conflicts = self.tally.as_ref().map_or(0, |tally| tally.conflicts().count()) + self.dissent.len();
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
        // Last: a disk that is full keeps no transfer back here.
        self.keep_evidence().await
    }

    async fn keep_evidence(&mut self) -> Result<(), LaneError> {
        let Some(tally) = self.tally.as_mut().filter(|tally| !tally.fresh_conflicts().is_empty()) else {
            return Ok(());
        };
        self.lane.store.record_conflicts(self.lane.info.bridge_id, tally.fresh_conflicts()).await?;
        tally.kept();
        Ok(())
    }

    /// Counts the votes on chain for our own roots. A digest can be compared with one's own only, so those for anything else are
    /// told and left out.
    async fn count_votes(&mut self, votes: &BTreeSet<Vote>, view: &DestinationView) -> Result<(), LaneError> {
        let verified = self.source.borrow().verified;
        self.counted.retain(|vote| vote.nonce > view.handled);
        let open = votes.iter().filter(|vote| vote.nonce > view.handled && vote.nonce <= verified);
        for vote in open {
            if self.counted.contains(vote) || self.dissent.contains(&(vote.nonce, vote.operator)) {
                continue;
            }
            let Some(checkpoint) = self.own_checkpoint(vote.nonce, &view.operators).await? else { continue };
            if checkpoint.digest(&self.lane.domain) != vote.digest {
                if !self.is_of_an_earlier_epoch(vote, checkpoint) {
                    self.note_dissent(vote, view);
                }
            } else if let Some(tally) = &mut self.tally {
                if let Err(refused) = tally.add_vote(checkpoint, vote.operator) {
                    debug!(lane = %self.lane.info.id, error = %refused, "vote does not count");
                }
                self.counted.insert(*vote);
            }
        }
        Ok(())
    }

    /// Whether it is for our own root, from before a change of operators: dead, and no lie.
    fn is_of_an_earlier_epoch(&self, vote: &Vote, checkpoint: Checkpoint) -> bool {
        (1..=EARLIER_EPOCHS).any(|back| {
            let earlier = Checkpoint { epoch: checkpoint.epoch.minus(back), ..checkpoint };
            earlier.digest(&self.lane.domain) == vote.digest
        })
    }

    async fn own_checkpoint(
        &mut self,
        nonce: RequestNonce,
        operators: &MemberSet,
    ) -> Result<Option<Checkpoint>, LaneError> {
        let bridge_id = self.lane.info.bridge_id;
        let root = self.own_root(nonce).await?;
        Ok(root.map(|root| Checkpoint { bridge_id, epoch: operators.epoch, nonce, root }))
    }

    async fn own_root(&mut self, nonce: RequestNonce) -> Result<Option<Root>, LaneError> {
        if let Some(root) = self.own_roots.get(&nonce) {
            return Ok(Some(*root));
        }
        let found = self.lane.store.root_at(self.lane.info.bridge_id, nonce).await?;
        if let Some(root) = found {
            self.own_roots.insert(nonce, root);
        }
        Ok(found)
    }

    fn note_dissent(&mut self, vote: &Vote, view: &DestinationView) {
        if self.dissent.len() < DISSENT_LIMIT && self.dissent.insert((vote.nonce, vote.operator)) {
            warn!(
                lane = %self.lane.info.id, nonce = %vote.nonce, operator = %vote.operator, block = %vote.block,
                epoch = %view.operators.epoch,
                "an operator voted on chain for something else than our own root of this nonce and epoch; its vote does not count here"
            );
        }
    }

    /// What may be submitted: approved, and the same root as our own.
    async fn approved(&mut self, view: &DestinationView) -> Result<ApprovedView, LaneError> {
        let Some(tally) = &self.tally else { return Ok(ApprovedView::default()) };
        let approved: Vec<_> = tally.approved().collect();
        let verified = self.source.borrow().verified;
        self.own_roots = self.own_roots.split_off(&view.handled);
        self.disputed = self.disputed.split_off(&view.handled);
        self.dissent.retain(|(nonce, _)| *nonce > view.handled);
        let mut checkpoints = Vec::new();
        for (checkpoint, signatures) in
            approved.into_iter().filter(|(checkpoint, _)| checkpoint.nonce <= verified)
        {
            let nonce = checkpoint.nonce;
            let Some(own) = self.own_root(nonce).await? else { continue };
            if checkpoint.bridge_id == self.lane.info.bridge_id && checkpoint.root == own {
                checkpoints.push(ApprovedCheckpoint { checkpoint, signatures });
            } else if self.disputed.insert(nonce) {
                error!(
                    lane = %self.lane.info.id, %nonce, approved = %checkpoint.root, %own,
                    "a threshold of operators approved a root that differs from our own; not submitted"
                );
            }
        }
        let Some(tally) = &self.tally else { return Ok(ApprovedView::default()) };
        let attested = believable(tally, verified).map(|(nonce, _)| nonce).max().unwrap_or(view.handled);
        let waiting_for = checkpoints.is_empty().then(|| self.missing(tally, verified, view)).flatten();
        let attestations = self.attestations(verified);
        // Only votes for our own roots were counted as votes on chain.
        let voted = tally.voted_on_chain().collect();
        let dissent = self.dissent.iter().copied().collect();
        Ok(ApprovedView { attested, attestations, checkpoints, voted, dissent, waiting_for })
    }

    /// The most attestations of one checkpoint among those that this relay has seen itself, up to the threshold.
    fn attestations(&self, verified: RequestNonce) -> usize {
        let Some(tally) = &self.tally else { return 0 };
        let of_own_root = |checkpoint: &Checkpoint| {
            let own = self.own_roots.get(&checkpoint.nonce);
            checkpoint.nonce <= verified && own.is_none_or(|own| *own == checkpoint.root)
        };
        let counts = tally.attestations().filter(|(checkpoint, _)| of_own_root(checkpoint));
        let most = counts.map(|(_, signed)| signed).max().unwrap_or(0);
        most.min(usize::from(tally.operators().threshold.get()))
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
            changed = self.signed.changed() => or_pending(changed).await,
            changed = self.votes.changed() => or_pending(changed).await,
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
