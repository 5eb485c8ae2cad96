//! Publishes on the destination when it is this relay's turn: what is approved, in pieces; a vote when nothing is; and between
//! the pieces what ends holds.

mod capacity;
mod force_hold;
mod gas;
mod in_flight;
mod piece_limit;
mod pieces;
mod plan;
mod release;
mod rest;
mod reverts;
mod size;
mod under_way;
mod vote;
mod warning;
mod way;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use polyspan_coordination::Leadership;
use polyspan_types::{Attestation, BlockHeight, OperatorId, RequestNonce};
use tokio::sync::watch;

pub use capacity::Limit;
pub use force_hold::FORCE_HOLD_OUTCOMES;
pub(crate) use gas::worst_alone;
use piece_limit::PieceLimit;
use pieces::Flow;
pub use pieces::FlowView;
pub use plan::{Piece, TAIL_LIMIT, next_piece};
pub use release::RELEASE_OUTCOMES;
use release::Releases;
use rest::Rest;
use reverts::Reverts;
use size::SizeLimit;
use under_way::UnderWay;
pub use vote::VOTE_OUTCOMES;
use warning::Warning;
pub use way::Way;

use crate::error::LaneError;
use crate::force_hold::ForceHoldView;
use crate::lane::{ApprovedView, DestinationView, Lane, SourceView};
use crate::step::{Step, or_pending};
use crate::submitter::{Job, JobResult, SubmitterHandle};
use crate::turn::{Action, Pace, Situation, Stall, VOTE_INTERVAL, decide, others_bring_it_on, part, rank};

/// What a lane's submission goes by.
#[derive(Debug, Clone)]
pub struct SubmissionSettings {
    /// Most transfers in one submission.
    pub max_transfers: u64,
    /// Most gas of a submission of several transfers.
    pub max_gas: u64,
    /// Most submissions that wait for a block at once.
    pub max_in_flight: usize,
    /// How long others wait for the leader. Unit: blocks of the destination.
    pub takeover_after: u32,
    /// Whose attestations this relay makes on the lane; `None` when it makes none.
    pub operator: Option<OperatorId>,
    /// Name of the relay.
    pub name: String,
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
    /// What keeps transactions on their way from getting into a block.
    trouble: watch::Receiver<Option<String>>,
    flow: Flow,
    stall: Stall,
    /// End of the last piece that this relay got handled.
    own_end: RequestNonce,
    /// Block of its last vote.
    last_vote: Option<BlockHeight>,
    /// Votes that it has sent since `handled` last moved, and that nonce.
    cast: usize,
    cast_at: RequestNonce,
    /// How large a submission may be.
    size_limit: SizeLimit,
    /// How many transfers it may have.
    piece_limit: PieceLimit,
    warning: Warning,
    /// What others have sent.
    under_way: UnderWay,
    reverts: Reverts,
    /// What to wait for before the next submission. Never waited for within a step, which would hold up a stop.
    rest: Option<Rest>,
    releases: Releases,
    force_hold: watch::Receiver<ForceHoldView>,
    /// Since when a force-hold of this request is agreed.
    agreed: Option<(RequestNonce, Instant)>,
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
            trouble: submitter.trouble(),
            flow: Flow::new(settings.max_in_flight),
            force_hold: lane.board.force_hold.subscribe(),
            agreed: None,
            lane,
            submitter,
            stall: Stall::default(),
            own_end: RequestNonce::ZERO,
            last_vote: None,
            cast: 0,
            cast_at: RequestNonce::ZERO,
            size_limit: SizeLimit::new(settings.max_gas),
            piece_limit: PieceLimit::new(settings.max_transfers),
            warning: Warning::default(),
            under_way: UnderWay::default(),
            settings,
            reverts: Reverts::default(),
            rest: None,
            releases: Releases::default(),
        }
    }

    fn pace(&self, view: &DestinationView) -> Pace {
        Pace { takeover_after: self.settings.takeover_after, block_interval: view.block_interval }
    }

    /// This relay's rank; `None` when it attests nothing.
    fn rank(&self, view: &DestinationView) -> Option<usize> {
        rank(self.lane.info.bridge_id, view.handled, self.settings.operator, &view.operators)
    }

    /// How long the lane may stand still before this relay acts without leading it.
    fn delay(&self, view: &DestinationView) -> Duration {
        let pace = self.pace(view);
        let lane = self.lane.info.bridge_id;
        match self.rank(view) {
            Some(rank) => pace.delay(rank),
            None => {
                let part = part(lane, view.handled, &self.settings.name);
                pace.delay_of_others(view.operators.members.len(), part)
            }
        }
    }

    /// Whether the lane has stood still for as long as this relay's rank demands.
    fn is_overdue(&self, view: &DestinationView) -> bool {
        self.stall.lasts(Instant::now()) >= self.delay(view) && self.stall.is_going_on()
    }

    /// Whether another relay may have sent something by its rank, or the leader whose turn this relay takes.
    fn others_may_act(&self, view: &DestinationView, leads: bool) -> bool {
        !leads || self.stall.lasts(Instant::now()) >= self.pace(view).delay(0)
    }

    /// What a relay sends that takes the lane over is smaller than what others may have failed with.
    fn begin_by_rank(&mut self, view: &DestinationView, leads: bool) {
        if !leads && self.is_overdue(view) {
            self.piece_limit.takes_over(self.rank(view).unwrap_or(view.operators.members.len()));
        }
    }

    /// What is to be published now.
    fn action(&self, approved: &ApprovedView, view: &DestinationView, leads: bool) -> Action {
        let nonces: Vec<_> = approved.checkpoints.iter().map(|approved| approved.checkpoint.nonce).collect();
        let signed: Vec<_> = self.signed.borrow().keys().copied().collect();
        let since_vote = self.last_vote.map_or(VOTE_INTERVAL, |block| view.block.height.since(block));
        decide(&Situation {
            handled: view.handled,
            sent: self.flow.in_flight.end(view.handled),
            room: self.flow.has_room(self.submitter.key(), view.handled),
            approved: &nonces,
            leads,
            overdue: self.is_overdue(view),
            votes: &approved.open_votes(self.settings.operator),
            signed: &signed,
            cast: self.cast,
            since_vote,
            max_transfers: self.piece_limit.at(Instant::now()),
        })
    }

    fn observe(&mut self, view: &DestinationView, verified: RequestNonce, attestations: usize) {
        self.stall.observe(view.handled, verified, attestations, Instant::now());
        if view.paused {
            self.stall.forget();
        }
        if self.cast_at != view.handled {
            (self.cast, self.cast_at) = (0, view.handled);
        }
    }

    /// Shows why something did not go through, or that nothing is in the way. Returns whether that is to be logged.
    fn note_trouble(&mut self, trouble: Option<&String>) -> bool {
        self.lane.board.submission.send_replace(trouble.cloned());
        match trouble {
            Some(text) => self.warning.is_due(text, Instant::now()),
            None => {
                self.warning.is_over();
                false
            }
        }
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

    /// Submits, and meanwhile shows on the board what keeps the transaction from getting into a block.
    async fn followed(&mut self, job: Job) -> JobResult {
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
}

impl Step for LaneSubmission {
    async fn step(&mut self) -> Result<(), LaneError> {
        let approved = Arc::clone(&self.approved.borrow_and_update());
        let own = self.leadership.borrow_and_update().own;
        let verified = self.source.borrow_and_update().verified;
        self.signed.mark_unchanged();
        let Some(view) = self.destination.borrow_and_update().clone() else { return Ok(()) };
        self.take_in(&view);
        self.take_in_release();
        self.show_flow(&view);
        self.observe(&view, verified, approved.attestations);
        if own || others_bring_it_on(self.own_end, view.handled, verified) {
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
        if let Some(agreed) = self.due_force_hold(&view, leads) {
            return self.submit_force_hold(&agreed, &view).await;
        }
        self.begin_by_rank(&view, leads);
        let mut action = self.action(&approved, &view, leads);
        while let Action::Handle(piece) = action
            && !self.is_under_way(piece, &view, leads).await
            && self.send_piece(piece, &approved, &view).await?
        {
            action = self.action(&approved, &view, leads);
        }
        self.show_flow(&view);
        match action {
            Action::Handle(_) => Ok(()),
            Action::Vote(nonce) => self.vote(nonce, &view).await,
            // Live first: a hold takes its turn when nothing can be handled, and now and then where something always can.
            Action::Nothing
                if leads
                    && (self.flow.in_flight.is_empty()
                        || self.releases.are_due(view.stored_holds, Instant::now())) =>
            {
                if self.flow.in_flight.is_empty() {
                    let open = approved.approved(view.handled) > view.handled;
                    let tail = format!(
                        "waits for an approved checkpoint within {TAIL_LIMIT} of nonce {}",
                        view.handled
                    );
                    self.lane.board.submission.send_replace(open.then_some(tail));
                }
                self.release(&view).await
            }
            Action::Nothing if self.flow.in_flight.is_empty() => {
                self.show_idle();
                Ok(())
            }
            Action::Nothing => Ok(()),
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
            changed = self.force_hold.changed() => or_pending(changed).await,
            () = self.flow.landed() => {}
            () = self.releases.landed() => {}
            // What waits for a block tells why.
            Ok(()) = self.trouble.changed(), if !self.flow.in_flight.is_empty() => {
                self.show_trouble();
            }
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
