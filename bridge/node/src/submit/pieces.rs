//! Sends approved requests in pieces, several of them on their way at once, and takes in what became of each.

use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy::primitives::Bytes;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use polyspan_chain::{At, BridgeRevert, PairState, Presumed, SLOT_GAS, handle_calldata};
use polyspan_store::Purpose;
use polyspan_types::{BlockHeight, Epoch, Leaf, RequestNonce};
use tracing::{debug, info, warn};

use super::capacity::Limit;
use super::gas::{Beside, Terms};
use super::in_flight::InFlight;
use super::rest::Rest;
use super::reverts::{Reverted, Seen};
use super::size::{Size, fitting};
use super::{LaneSubmission, Piece, Way, gas, next_piece};
use crate::error::LaneError;
use crate::lane::{ApprovedCheckpoint, ApprovedView, DestinationView};
use crate::submitter::{DUPLICATE_AVOIDED, Job, JobResult};

/// How old gas caps and the price of a slot may be. Unit: time. Source: caps change by votes of governors, the price with a new version of
/// the chain; what rose meanwhile costs a revert, after which they are read again.
const PRICES_AGE: Duration = Duration::from_secs(60);

/// How long nodes have to show what is pending. Unit: time. Source: it saves a revert and nothing else.
const PENDING_PATIENCE: Duration = Duration::from_secs(1);

/// What payouts take on the destination.
#[derive(Debug, Clone)]
struct Prices {
    /// Of which only the gas caps count here.
    pairs: Arc<[PairState]>,
    /// What a new storage slot costs. Unit: gas.
    slot_gas: u64,
}

/// A lane's submissions in flight, with what becomes of them.
pub(super) struct Flow {
    pub(super) in_flight: InFlight,
    results: FuturesUnordered<BoxFuture<'static, (Flight, JobResult)>>,
    /// Told and not taken in yet.
    told: Vec<(Flight, JobResult)>,
    /// The key that those on their way were sent with: only among the transactions of one account is an order certain.
    key: Option<usize>,
    prices: Option<(Prices, Instant)>,
}

/// How many submissions of a lane wait for a block, how many may, and why not more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FlowView {
    /// Unit: submissions.
    pub waiting: usize,
    /// Unit: submissions.
    pub limit: usize,
    /// What keeps the limit where it is.
    pub reason: Limit,
}

/// A piece on its way, and in which way it came to be sent.
#[derive(Debug, Clone, Copy)]
struct Flight {
    piece: Piece,
    /// What it may take.
    size: Size,
    /// The operators' epoch when it was sent.
    epoch: Epoch,
    way: Way,
    /// Whether this relay led by the coordinator's word.
    own: bool,
}

impl Flight {
    fn reverted(&self, block: BlockHeight) -> Reverted {
        Reverted { first: self.piece.first, size: self.size, epoch: self.epoch, block }
    }
}

impl Flow {
    pub(super) fn new(most: usize) -> Self {
        Self {
            in_flight: InFlight::new(most),
            results: FuturesUnordered::new(),
            told: Vec::new(),
            key: None,
            prices: None,
        }
    }

    /// Whether one more piece may be sent with `key`, with the destination at `handled`.
    pub(super) fn has_room(&self, key: Option<usize>, handled: RequestNonce) -> bool {
        self.in_flight.is_empty() || (self.in_flight.has_room(handled) && self.key == key)
    }

    /// As it is now, with the destination at `handled`.
    pub(super) fn view(&self, handled: RequestNonce) -> FlowView {
        let (limit, reason) = self.in_flight.limit(handled);
        FlowView { waiting: self.in_flight.waiting(handled), limit, reason }
    }

    /// Waits until something became of a piece. Cancel-safe.
    pub(super) async fn landed(&mut self) {
        match self.results.next().await {
            Some(told) => self.told.push(told),
            None => std::future::pending().await,
        }
    }
}

impl LaneSubmission {
    /// Sends one piece behind those on their way. Answers whether it is on its way too.
    pub(super) async fn send_piece(
        &mut self,
        piece: Piece,
        approved: &ApprovedView,
        view: &DestinationView,
    ) -> Result<bool, LaneError> {
        let Some((piece, size)) = self.fitted(piece, approved, view).await? else { return Ok(false) };
        let Some(proof) = approved.at(piece.checkpoint) else { return Ok(false) };
        let Some(job) = self.job(piece, proof, view).await? else { return Ok(false) };
        let own = self.leadership.borrow().own;
        let way = Way::of(proof, view.operators.threshold, own);
        let flight = Flight { piece, size, epoch: view.operators.epoch, way, own };
        let only = self.flow.key.filter(|_| !self.flow.in_flight.is_empty());
        match self.submitter.send(job, only).await {
            Ok(sent) => {
                self.flow.key = Some(sent.key());
                self.flow.in_flight.push(piece, view.handled, view.block.height);
                self.flow.results.push(Box::pin(async move { (flight, sent.result().await) }));
                self.show_trouble();
                Ok(true)
            }
            Err(result) => {
                self.settle(flight, result, view);
                Ok(false)
            }
        }
    }

    /// Whether others have sent what covers `piece`, where they may have. Then the next block decides.
    pub(super) async fn is_under_way(&mut self, piece: Piece, view: &DestinationView, leads: bool) -> bool {
        // The pending state has this relay's own submissions as well.
        if !self.flow.in_flight.is_empty() || !self.others_may_act(view, leads) {
            return false;
        }
        let lane = Arc::clone(&self.lane);
        let asked = lane.destination.pending_handled(lane.info.destination.bridge, view.block.height);
        let pending = tokio::time::timeout(PENDING_PATIENCE, asked).await.ok().flatten();
        let at = (view.handled, view.block.height);
        if !self.under_way.covers(piece, pending, at, Instant::now()) {
            return false;
        }
        lane.metrics.submission(&lane.info.id, DUPLICATE_AVOIDED);
        debug!(lane = %lane.info.id, first = %piece.first, count = piece.count, "others have submitted this; waiting for a block");
        self.rest = Some(Rest::until_next_block(view.block));
        true
    }

    /// Why what is on its way does not get into a block, if that is known.
    pub(super) fn show_trouble(&mut self) {
        let text = self.trouble.borrow_and_update().clone();
        self.lane.board.submission.send_replace(text);
    }

    /// Takes in what became of pieces since the last step.
    pub(super) fn take_in(&mut self, view: &DestinationView) {
        self.reverts.observe(view.handled);
        for (flight, result) in std::mem::take(&mut self.flow.told) {
            match &result {
                JobResult::Mined { success: true, .. } => {
                    self.flow.in_flight.mined(flight.piece, Instant::now());
                    self.piece_limit.succeeded();
                }
                other => {
                    let behind_a_failure = self.flow.in_flight.failed(flight.piece);
                    if let JobResult::Mined { block, .. } = other
                        && !behind_a_failure
                    {
                        self.reverts.note(flight.reverted(block.height));
                    }
                }
            }
            self.settle(flight, result, view);
        }
        self.judge_reverts(view);
        // The destination can show it before the submitter tells.
        self.own_end = self.own_end.max(self.flow.in_flight.handled_end(view.handled).unwrap_or_default());
        self.flow.in_flight.observe(view.handled, view.block.height, Instant::now());
    }

    /// Shows how much is in flight, and what limits it.
    pub(super) fn show_flow(&self, view: &DestinationView) {
        let shown = self.flow.view(view.handled);
        self.lane.board.flow.send_if_modified(|before| std::mem::replace(before, shown) != shown);
    }

    /// What a piece's end means for what is sent next.
    fn settle(&mut self, flight: Flight, result: JobResult, view: &DestinationView) {
        let Flight { piece, size, way, own, .. } = flight;
        let lane = Arc::clone(&self.lane);
        let info = &lane.info;
        lane.metrics.submission(&info.id, result.outcome());
        if let JobResult::Mined { success: true, block, tx_hash } = result {
            info!(lane = %info.id, first = %piece.first, count = piece.count, way = way.label(), %block, tx = %tx_hash, "handled");
            self.own_end = self.own_end.max(piece.end());
            self.note_took_over(!own);
            lane.note_handled(way, piece.count);
            self.note_trouble(None);
            return;
        }
        if result == JobResult::Busy {
            self.wait_behind(view);
            return;
        }
        self.flow.prices = None;
        if matches!(result, JobResult::Refused(BridgeRevert::BelowThreshold { .. })) {
            // Votes that it counted are not there: a reorg deeper than what is read again, or an endpoint that made them up.
            lane.board.votes_doubted.send_modify(|times| *times += 1);
        }
        let goes_on =
            |rest: &Rest| rest.is_after_reverts() && rest.goes_on(view.handled, view.block, Instant::now());
        self.rest = self.rest.filter(goes_on).or_else(|| Some(Rest::until_next_block(view.block)));
        let Some(text) = self.trouble(piece, size, &result) else {
            if is_overtaken(&result) {
                self.rest = Some(Rest::until_handled(piece.end()));
                self.note_took_over(false);
            }
            lane.board.submission.send_replace(None);
            return;
        };
        self.note_took_over(false);
        if self.note_trouble(Some(&text)) {
            warn!(lane = %info.id, first = %piece.first, count = piece.count, reason = text, "submission did not go through");
        }
    }

    /// What a revert on chain means once the destination is seen as it was then.
    fn judge_reverts(&mut self, view: &DestinationView) {
        let seen = Seen {
            handled: view.handled,
            epoch: view.operators.epoch,
            paused: view.paused,
            block: view.block.height,
        };
        if let Some(size) = self.reverts.judge(seen) {
            let now = Instant::now();
            // It may have run short of gas, which the call before it did not see: less at a time.
            self.size_limit.refused(size, now);
            self.rest = Some(Rest::after_reverts(self.reverts.count(), view.handled, view.block, now));
        }
    }

    /// Nothing was sent, and nothing went wrong: what is on its way binds the account's balance or its nonces. The next block can free
    /// them, and as much as before may follow then.
    fn wait_behind(&mut self, view: &DestinationView) {
        self.rest = Some(Rest::until_next_block(view.block));
        self.flow.in_flight.refused_for_now();
        let behind_others = !self.flow.in_flight.is_empty();
        self.lane.board.submission.send_replace((!behind_others).then(|| JobResult::Busy.to_string()));
    }

    /// Why a piece did not go through, in words; `None` where that is in order. What is too large is not tried again for a while.
    fn trouble(&mut self, piece: Piece, size: Size, result: &JobResult) -> Option<String> {
        // What was sent before it may not be mined yet where a node looked at it, or knows nothing of presumed state.
        let behind_others = !self.flow.in_flight.is_empty();
        match result {
            overtaken if is_overtaken(overtaken) => None,
            JobResult::Cancelled { .. } => None,
            JobResult::Refused(BridgeRevert::NonceGap { .. }) if behind_others => None,
            JobResult::Mined { tx_hash, .. } => {
                Some(format!("transaction {tx_hash} reverted; trying again from the contract's state"))
            }
            JobResult::TooSlow => {
                self.piece_limit.too_slow(piece.count, Instant::now());
                let fewer = if piece.count > 1 { "trying fewer" } else { "trying again" };
                Some(format!("{} transfers take too long ({result}); {fewer}", piece.count))
            }
            JobResult::Refused(BridgeRevert::InsufficientGas { .. })
            | JobResult::TooLarge
            | JobResult::NotTaken(_)
                if piece.count > 1 =>
            {
                self.size_limit.refused(size, Instant::now());
                Some(format!(
                    "{} transfers do not fit into a transaction ({result}); trying fewer. If it lasts, raise the node's caps (of go-ethereum and its kin --rpc.gascap), or lower relay.submission.max_gas or max_transfers",
                    piece.count
                ))
            }
            other => Some(other.to_string()),
        }
    }

    /// As much of `piece` as fits into a transaction in the worst case, and the size of that; `None` when the store does not have all of it yet.
    async fn fitted(
        &mut self,
        piece: Piece,
        approved: &ApprovedView,
        view: &DestinationView,
    ) -> Result<Option<(Piece, Size)>, LaneError> {
        let prices = self.prices().await?;
        let requests = self.lane.store.requests(self.lane.info.bridge_id, piece.first, piece.count).await?;
        if requests.len() as u64 != piece.count {
            return Ok(None);
        }
        let signatures = approved.at(piece.checkpoint).map_or(0, |proof| proof.signatures.len());
        let transfers: Vec<_> = requests.iter().map(|stored| &stored.request.transfer).collect();
        let limit = self.size_limit.at(view.gas_limit, Instant::now());
        let tail = usize::try_from(piece.checkpoint.since(piece.end())).unwrap_or(usize::MAX);
        let (count, size) = fitting(&transfers, prices.terms(), Beside { signatures, tail }, limit);
        let count = count as u64;
        if count == piece.count {
            return Ok(Some((piece, size)));
        }
        let nonces = approved.checkpoints.iter().map(|approved| approved.checkpoint.nonce);
        Ok(next_piece(piece.first, nonces, count).map(|piece| (piece, size)))
    }

    /// The transaction of a piece; `None` when the store does not have all of it yet.
    async fn job(
        &mut self,
        piece: Piece,
        proof: &ApprovedCheckpoint,
        view: &DestinationView,
    ) -> Result<Option<Job>, LaneError> {
        let presumed = match self.flow.in_flight.is_empty() {
            true => None,
            false => match self.presumed(piece.first, view).await? {
                Some(presumed) => Some(presumed),
                None => return Ok(None),
            },
        };
        let prices = self.prices().await?;
        let (store, info) = (&self.lane.store, &self.lane.info);
        let requests = store.requests(info.bridge_id, piece.first, piece.count).await?;
        let tail: Vec<Leaf> = store.leaves(info.bridge_id, piece.end(), piece.checkpoint).await?;
        let complete =
            requests.len() as u64 == piece.count && tail.len() as u64 == piece.checkpoint.since(piece.end());
        if !complete {
            return Ok(None);
        }
        let transfers: Vec<_> = requests.iter().map(|stored| &stored.request.transfer).collect();
        let calldata: Bytes = handle_calldata(piece.first, &transfers, &tail, &proof.signatures)
            .map_err(|error| LaneError::Unpackable { first: piece.first, error })?;
        let beside = Beside { signatures: proof.signatures.len(), tail: tail.len() };
        Ok(Some(Job {
            lane: info.clone(),
            purpose: Purpose::Handle,
            first: piece.first,
            count: piece.count,
            checkpoint: piece.checkpoint,
            to: info.destination.bridge,
            worst_gas: gas::worst_gas(transfers, prices.terms(), beside, calldata.len()),
            calldata,
            presumed,
        }))
    }

    /// The destination as it will be when everything on its way is mined.
    async fn presumed(
        &mut self,
        handled: RequestNonce,
        view: &DestinationView,
    ) -> Result<Option<Presumed>, LaneError> {
        let (info, operators) = (&self.lane.info, &view.operators);
        let root = self.lane.store.root_at(info.bridge_id, handled).await?;
        Ok(root.map(|root| Presumed {
            bridge: info.destination.bridge,
            handled,
            root,
            epoch: operators.epoch,
            threshold: operators.threshold,
        }))
    }

    /// What payouts take on the destination, not older than [`PRICES_AGE`].
    async fn prices(&mut self) -> Result<Prices, LaneError> {
        if let Some((prices, read)) = &self.flow.prices
            && read.elapsed() < PRICES_AGE
        {
            return Ok(prices.clone());
        }
        let destination = &self.lane.destination;
        let bridge = self.lane.info.destination.bridge;
        let pairs = destination.bridge_state(bridge, At::Latest).await?.pairs.into();
        // A node that executes no creation says nothing about slots; `config check` tells of it.
        let slot_gas = destination.slot_gas().await.unwrap_or(SLOT_GAS);
        let prices = Prices { pairs, slot_gas };
        self.flow.prices = Some((prices.clone(), Instant::now()));
        Ok(prices)
    }
}

/// Whether others handled the piece first.
const fn is_overtaken(result: &JobResult) -> bool {
    matches!(result, JobResult::Overtaken { .. } | JobResult::Refused(BridgeRevert::AlreadyHandled { .. }))
}

impl Prices {
    fn terms(&self) -> Terms<'_> {
        Terms { pairs: &self.pairs, slot_gas: self.slot_gas }
    }
}

#[cfg(test)]
mod tests;
