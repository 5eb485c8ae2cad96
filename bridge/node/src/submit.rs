//! Publishes on the destination when it is this relay's turn: what is approved, piece by piece; a vote when nothing is; and
//! between the pieces what ends holds.

mod gas;
mod plan;
mod release;
mod rest;
mod vote;
mod way;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy::primitives::Bytes;
use polyspan_chain::{At, BridgeRevert, handle_calldata};
use polyspan_coordination::Leadership;
use polyspan_store::Purpose;
use polyspan_types::{Attestation, BlockHeight, Leaf, OperatorId, RequestNonce};
use tokio::sync::watch;
use tracing::{info, warn};

pub use plan::{Piece, TAIL_LIMIT, next_piece};
pub use release::RELEASE_OUTCOMES;
use release::Releases;
use rest::Rest;
pub use vote::VOTE_OUTCOMES;
pub use way::Way;

use crate::attest::CHECKPOINT_INTERVAL;
use crate::error::LaneError;
use crate::lane::{ApprovedCheckpoint, ApprovedView, DestinationView, Lane, SourceView};
use crate::step::{Step, or_pending};
use crate::submitter::{Job, JobResult, SubmitterHandle};
use crate::turn::{Action, Pace, Situation, Stall, VOTE_INTERVAL, decide, rank};

/// What a lane's submission goes by.
#[derive(Debug, Clone, Copy)]
pub struct SubmissionSettings {
    /// Most transfers in one submission.
    pub max_transfers: u64,
    /// How long others wait for the leader.
    pub takeover_after: Duration,
    /// Whose attestations this relay makes on the lane; `None` when it makes none.
    pub operator: Option<OperatorId>,
}

/// The lane's side of submission: decides what is sent. The account's side is [`crate::submitter`].
pub struct LaneSubmission {
    lane: Arc<Lane>,
    submitter: SubmitterHandle,
    settings: SubmissionSettings,
    source: watch::Receiver<SourceView>,
    approved: watch::Receiver<Arc<ApprovedView>>,
    signed: watch::Receiver<Arc<BTreeMap<RequestNonce, Attestation>>>,
    destination: watch::Receiver<Option<DestinationView>>,
    leadership: watch::Receiver<Leadership>,
    stall: Stall,
    /// End of the last piece that this relay got handled.
    own_end: RequestNonce,
    /// Block of its last vote.
    last_vote: Option<BlockHeight>,
    /// Votes that it has sent since `handled` last moved, and that nonce.
    cast: usize,
    cast_at: RequestNonce,
    /// Shrinks when a piece is too large for the chain, and grows again with every success.
    piece_limit: u64,
    /// What to wait for before the next submission. Never waited for within a step, which would hold up a stop.
    rest: Option<Rest>,
    releases: Releases,
}

impl LaneSubmission {
    /// Publishes on `lane` through `submitter`.
    pub fn new(lane: Arc<Lane>, submitter: SubmitterHandle, settings: SubmissionSettings) -> Self {
        Self {
            source: lane.board.source.subscribe(),
            approved: lane.board.approved.subscribe(),
            signed: lane.board.signed.subscribe(),
            destination: lane.board.destination.subscribe(),
            leadership: lane.board.leadership.subscribe(),
            lane,
            submitter,
            settings,
            stall: Stall::default(),
            own_end: RequestNonce::ZERO,
            last_vote: None,
            cast: 0,
            cast_at: RequestNonce::ZERO,
            piece_limit: settings.max_transfers,
            rest: None,
            releases: Releases::default(),
        }
    }

    /// How long the lane may stand still before this relay acts without leading it.
    fn delay(&self, view: &DestinationView) -> Duration {
        let pace = Pace { takeover_after: self.settings.takeover_after, block_interval: view.block_interval };
        let place = rank(self.lane.info.bridge_id, view.handled, self.settings.operator, &view.operators);
        pace.delay(place)
    }

    /// What is to be published now.
    fn action(&self, approved: &ApprovedView, view: &DestinationView, leads: bool) -> Action {
        let nonces: Vec<_> = approved.checkpoints.iter().map(|approved| approved.checkpoint.nonce).collect();
        let signed: Vec<_> = self.signed.borrow().keys().copied().collect();
        let since_vote = self.last_vote.map_or(VOTE_INTERVAL, |block| view.block.height.since(block));
        decide(&Situation {
            handled: view.handled,
            approved: &nonces,
            leads,
            overdue: self.stall.lasts(Instant::now()) >= self.delay(view) && self.stall.is_going_on(),
            votes: &approved.open_votes(self.settings.operator),
            signed: &signed,
            cast: self.cast,
            since_vote,
            max_transfers: self.piece_limit,
        })
    }

    fn observe(&mut self, view: &DestinationView, verified: RequestNonce) {
        self.stall.observe(view.handled, verified, Instant::now());
        if view.paused {
            self.stall.forget();
        }
        if self.cast_at != view.handled {
            (self.cast, self.cast_at) = (0, view.handled);
        }
    }

    /// Since this relay's last piece: everything there was, or as much as a checkpoint's interval.
    fn others_bring_it_on(&self, view: &DestinationView, verified: RequestNonce) -> bool {
        let by_others = view.handled.since(self.own_end);
        by_others >= CHECKPOINT_INTERVAL || (by_others > 0 && view.handled >= verified)
    }

    /// It is another one's turn: nothing is in the way here.
    fn show_idle(&self) {
        self.lane.board.submission.send_replace(None);
        self.lane.board.release.send_replace(None);
    }

    /// Whoever brings a standing lane on leads it until others do: at once here, and through the coordinator when it can be
    /// reached.
    fn note_took_over(&self, took_over: bool) {
        self.lane.board.took_over.send_if_modified(|shown| std::mem::replace(shown, took_over) != took_over);
    }

    async fn submit(
        &mut self,
        piece: Piece,
        approved: &ApprovedView,
        view: &DestinationView,
    ) -> Result<(), LaneError> {
        let Some(proof) = approved.at(piece.checkpoint) else { return Ok(()) };
        let Some((calldata, worst_gas)) = self.calldata(piece, proof).await? else { return Ok(()) };
        let own = self.leadership.borrow().own;
        let way = Way::of(proof, view.operators.threshold, own);
        let lane = Arc::clone(&self.lane);
        let info = &lane.info;
        let job = Job {
            lane: info.clone(),
            purpose: Purpose::Handle,
            first: piece.first,
            count: piece.count,
            checkpoint: piece.checkpoint,
            to: info.destination.bridge,
            calldata,
            worst_gas,
        };
        let result = self.followed(job).await;
        self.lane.metrics.submission(&info.id, result.outcome());
        let below_threshold = matches!(result, JobResult::Refused(BridgeRevert::BelowThreshold { .. }));
        let trouble = match result {
            JobResult::Mined { success: true, block, tx_hash } => {
                info!(lane = %info.id, first = %piece.first, count = piece.count, way = way.label(), %block, tx = %tx_hash, "handled");
                self.piece_limit = self.piece_limit.saturating_mul(2).min(self.settings.max_transfers);
                self.rest = Some(Rest::until_handled(piece.end()));
                self.own_end = piece.end();
                self.note_took_over(!own);
                self.lane.note_handled(way, piece.count);
                None
            }
            JobResult::Mined { success: false, tx_hash, .. } => {
                // It may have run short of gas, which the estimate did not see: less at a time.
                self.piece_limit = (piece.count / 2).max(1);
                Some(format!("transaction {tx_hash} reverted; trying again from the contract's state"))
            }
            JobResult::Refused(BridgeRevert::AlreadyHandled { .. }) => {
                self.rest = Some(Rest::until_handled(piece.end()));
                self.note_took_over(false);
                None
            }
            JobResult::Refused(BridgeRevert::InsufficientGas { .. })
            | JobResult::TooLarge
            | JobResult::NotTaken(_)
                if piece.count > 1 =>
            {
                self.piece_limit = (piece.count / 2).max(1);
                Some(format!(
                    "{} transfers do not fit into a transaction; trying {}",
                    piece.count, self.piece_limit
                ))
            }
            other => Some(other.to_string()),
        };
        if below_threshold {
            // Votes that it counted are not there: a reorg deeper than what is read again, or an endpoint that made them up.
            self.lane.board.votes_doubted.send_modify(|times| *times += 1);
        }
        if let Some(text) = &trouble {
            self.rest = Some(Rest::until_next_block(view.block));
            self.note_took_over(false);
            // Said once: the board and the metrics show that it lasts.
            if self.lane.board.submission.borrow().as_ref() != Some(text) {
                warn!(lane = %info.id, first = %piece.first, count = piece.count, reason = text, "submission did not go through");
            }
        }
        self.lane.board.submission.send_replace(trouble);
        Ok(())
    }

    /// Submits, and meanwhile shows on the board what keeps the transaction from getting into a block.
    async fn followed(&self, job: Job) -> JobResult {
        let mut trouble = self.submitter.trouble();
        let result = self.submitter.submit(job);
        tokio::pin!(result);
        loop {
            tokio::select! {
                result = &mut result => return result,
                Ok(()) = trouble.changed() => {
                    let text = trouble.borrow_and_update().clone();
                    self.lane.board.submission.send_replace(text);
                }
            }
        }
    }

    /// The call and the most gas it can take; `None` when the store does not have all of the piece yet.
    async fn calldata(
        &self,
        piece: Piece,
        proof: &ApprovedCheckpoint,
    ) -> Result<Option<(Bytes, u64)>, LaneError> {
        let (store, info) = (&self.lane.store, &self.lane.info);
        let requests = store.requests(info.bridge_id, piece.first, piece.count).await?;
        let tail: Vec<Leaf> = store.leaves(info.bridge_id, piece.end(), piece.checkpoint).await?;
        let complete =
            requests.len() as u64 == piece.count && tail.len() as u64 == piece.checkpoint.since(piece.end());
        if !complete {
            return Ok(None);
        }
        let transfers: Vec<_> = requests.iter().map(|stored| &stored.request.transfer).collect();
        let calldata = handle_calldata(piece.first, &transfers, &tail, &proof.signatures);
        let pairs = self.lane.destination.bridge_state(info.destination.bridge, At::Latest).await?.pairs;
        let gas = gas::worst_gas(transfers, &pairs, calldata.len());
        Ok(Some((calldata, gas)))
    }
}

impl Step for LaneSubmission {
    async fn step(&mut self) -> Result<(), LaneError> {
        let approved = Arc::clone(&self.approved.borrow_and_update());
        let own = self.leadership.borrow_and_update().own;
        let verified = self.source.borrow_and_update().verified;
        self.signed.mark_unchanged();
        let Some(view) = self.destination.borrow_and_update().clone() else { return Ok(()) };
        self.observe(&view, verified);
        if own || self.others_bring_it_on(&view, verified) {
            self.note_took_over(false);
        }
        if view.paused {
            self.show_idle();
            return Ok(());
        }
        if self.rest.is_some_and(|rest| rest.goes_on(view.handled, view.block, Instant::now())) {
            return Ok(());
        }
        self.rest = None;
        let leads = own || *self.lane.board.took_over.borrow();
        match self.action(&approved, &view, leads) {
            Action::Handle(piece) => self.submit(piece, &approved, &view).await,
            Action::Vote(nonce) => self.vote(nonce, &view).await,
            Action::Nothing if leads => {
                let open = approved.approved(view.handled) > view.handled;
                let tail =
                    format!("waits for an approved checkpoint within {TAIL_LIMIT} of nonce {}", view.handled);
                self.lane.board.submission.send_replace(open.then_some(tail));
                // Live first: a hold takes its turn when nothing can be handled.
                self.release(&view).await
            }
            Action::Nothing => {
                self.show_idle();
                Ok(())
            }
        }
    }

    async fn changed(&mut self) {
        let delay = self.destination.borrow().as_ref().map(|view| self.delay(view));
        let due = delay.and_then(|delay| self.stall.due(delay)).filter(|due| *due > Instant::now());
        let turn = async {
            match due {
                Some(due) => tokio::time::sleep_until(due.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = self.approved.changed() => or_pending(changed).await,
            changed = self.destination.changed() => or_pending(changed).await,
            changed = self.leadership.changed() => or_pending(changed).await,
            changed = self.source.changed() => or_pending(changed).await,
            changed = self.signed.changed() => or_pending(changed).await,
            () = turn => {}
            // Some chains make no block while nothing is sent.
            () = tokio::time::sleep(rest::PATIENCE) => {}
        }
    }

    fn show(&self, waiting_for: Option<String>) {
        if waiting_for.is_some() {
            self.lane.board.submission.send_replace(waiting_for);
        }
    }
}
