//! Sends what is approved, piece by piece, while this relay leads the lane, and between the pieces what ends holds.

mod gas;
mod plan;
mod release;
mod rest;

use std::sync::Arc;
use std::time::Instant;

use alloy::primitives::Bytes;
use polyspan_chain::{At, BridgeRevert, handle_calldata};
use polyspan_store::Purpose;
use polyspan_types::Leaf;
use tokio::sync::watch;
use tracing::{info, warn};

pub use plan::{Piece, TAIL_LIMIT, next_piece};
pub use release::RELEASE_OUTCOMES;
use release::Releases;
use rest::Rest;

use crate::error::LaneError;
use crate::lane::{ApprovedView, DestinationView, Lane};
use crate::step::{Step, or_pending};
use crate::submitter::{Job, JobResult, SubmitterHandle};

/// The lane's side of submission: decides what is sent. The account's side is [`crate::submitter`].
pub struct LaneSubmission {
    lane: Arc<Lane>,
    submitter: SubmitterHandle,
    approved: watch::Receiver<Arc<ApprovedView>>,
    destination: watch::Receiver<Option<DestinationView>>,
    leadership: watch::Receiver<polyspan_coordination::Leadership>,
    max_transfers: u64,
    /// Shrinks when a piece is too large for the chain, and grows again with every success.
    piece_limit: u64,
    /// What to wait for before the next submission. Never waited for within a step, which would hold up a stop.
    rest: Option<Rest>,
    releases: Releases,
}

impl LaneSubmission {
    /// Submits on `lane` through `submitter`, at most `max_transfers` a time.
    pub fn new(lane: Arc<Lane>, submitter: SubmitterHandle, max_transfers: u64) -> Self {
        Self {
            approved: lane.board.approved.subscribe(),
            destination: lane.board.destination.subscribe(),
            leadership: lane.board.leadership.subscribe(),
            lane,
            submitter,
            max_transfers,
            piece_limit: max_transfers,
            rest: None,
            releases: Releases::default(),
        }
    }

    async fn submit(
        &mut self,
        piece: Piece,
        approved: &ApprovedView,
        view: &DestinationView,
    ) -> Result<(), LaneError> {
        let Some((calldata, worst_gas)) = self.calldata(piece, approved).await? else { return Ok(()) };
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
        let trouble = match result {
            JobResult::Mined { success: true, block, tx_hash } => {
                info!(lane = %info.id, first = %piece.first, count = piece.count, %block, tx = %tx_hash, "handled");
                self.piece_limit = self.piece_limit.saturating_mul(2).min(self.max_transfers);
                self.rest = Some(Rest::UntilHandled(piece.end(), Instant::now()));
                None
            }
            JobResult::Mined { success: false, tx_hash, .. } => {
                // It may have run short of gas, which the estimate did not see: less at a time.
                self.piece_limit = (piece.count / 2).max(1);
                Some(format!("transaction {tx_hash} reverted; trying again from the contract's state"))
            }
            JobResult::Refused(BridgeRevert::AlreadyHandled { .. }) => {
                self.rest = Some(Rest::UntilHandled(piece.end(), Instant::now()));
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
        if let Some(text) = &trouble {
            self.rest = Some(Rest::UntilNextBlock(view.block, Instant::now()));
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
        approved: &ApprovedView,
    ) -> Result<Option<(Bytes, u64)>, LaneError> {
        let Some(proof) = approved.at(piece.checkpoint) else { return Ok(None) };
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
        let Some(view) = self.destination.borrow_and_update().clone() else { return Ok(()) };
        if !own || view.paused {
            self.lane.board.submission.send_replace(None);
            self.lane.board.release.send_replace(None);
            return Ok(());
        }
        if self.rest.is_some_and(|rest| rest.goes_on(view.handled, view.block, Instant::now())) {
            return Ok(());
        }
        self.rest = None;
        let nonces = approved.checkpoints.iter().map(|approved| approved.checkpoint.nonce);
        match next_piece(view.handled, nonces, self.piece_limit) {
            Some(piece) => self.submit(piece, &approved, &view).await,
            None => {
                let open = approved.approved(view.handled) > view.handled;
                let tail =
                    format!("waits for an approved checkpoint within {TAIL_LIMIT} of nonce {}", view.handled);
                self.lane.board.submission.send_replace(open.then_some(tail));
                // Live first: a hold takes its turn when nothing can be handled.
                self.release(&view).await
            }
        }
    }

    async fn changed(&mut self) {
        tokio::select! {
            changed = self.approved.changed() => or_pending(changed).await,
            changed = self.destination.changed() => or_pending(changed).await,
            changed = self.leadership.changed() => or_pending(changed).await,
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
