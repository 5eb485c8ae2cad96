//! Source side of a lane: final requests, proved complete, into the store.

use std::sync::Arc;

use alloy::primitives::B256;
use polyspan_chain::{At, Head, HeadView, LaneState};
use polyspan_store::{Base, CursorSide, SourcePosition};
use polyspan_types::{BlockHeight, BlockRef, Request, RequestNonce, Root};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
use tracing::warn;

use crate::error::{LaneError, RootMismatch};
use crate::finality::{self, Cursor, UnknownCursor};
use crate::lane::Lane;
use crate::reader::{BlockRange, RangeReader};
use crate::step::{Step, or_pending};

mod batch;
mod far;
mod further_back;
mod line;

use batch::{Batch, Shown};
use line::{Held, Line};

/// Reads requests up to the final block. The cursor moves over complete ranges only, and nothing is offered for signing
/// before the source's own root at that block is equal to ours.
#[derive(Debug)]
pub struct SourceWatch {
    lane: Arc<Lane>,
    heads: watch::Receiver<HeadView>,
    /// Whether the store knows where the lane begins.
    begun: watch::Receiver<bool>,
    /// The recovery worker asks to go on.
    woken: watch::Receiver<u64>,
    contract_checked: bool,
    /// What a quorum told was proved to lack requests: each endpoint is asked by itself, until the root is met.
    doubts_quorum: bool,
    /// Readings in a row that the source's root did not prove.
    mismatches: u32,
    /// Proves what becomes final where nodes do not keep the state of a final block.
    line: Option<Line>,
    /// Nodes have refused the state of a final block.
    state_gone: bool,
    unknown_cursor: UnknownCursor,
    /// A look at the newest block, which is only shown.
    showing: Option<AbortOnDropHandle<()>>,
}

impl SourceWatch {
    /// Watches `lane`, driven by the heads of its source chain.
    pub fn new(lane: Arc<Lane>, heads: watch::Receiver<HeadView>) -> Self {
        Self {
            begun: lane.board.begun.subscribe(),
            woken: lane.board.woken.subscribe(),
            lane,
            heads,
            contract_checked: false,
            doubts_quorum: false,
            mismatches: 0,
            line: None,
            state_gone: false,
            unknown_cursor: UnknownCursor::default(),
            showing: None,
        }
    }

    /// Everything from the cursor to the final block of `head`.
    async fn advance(&mut self, head: Head) -> Result<(), LaneError> {
        let lane = Arc::clone(&self.lane);
        let info = &lane.info;
        let mut position = lane.store.source_position(info.bridge_id).await?;
        if let Some(cursor) = position.cursor {
            position = self.check_cursor(position, cursor, head).await?;
        }
        if head.final_block.height < info.source.deployment_block {
            return Ok(());
        }
        let Some(base) = position.base else {
            // The destination's own watch tells what it waits for. What was verified before the lane was forgotten is not any more.
            self.show_verified(&position);
            return Ok(());
        };
        if position.cursor == Some(head.final_block) && position.is_verified() && self.contract_checked {
            self.show_verified(&position);
            return Ok(());
        }
        let verified = match self.target(head).await? {
            Some(target) => self.read_to(base, position, head, target).await?,
            None => self.read_far(base, position, head).await?,
        };
        self.show_verified(&verified);
        Ok(())
    }

    /// What the source holds at the final block, by its state there; `None` where no node has that any more, and nothing newer proves it yet.
    async fn target(&mut self, head: Head) -> Result<Option<Target>, LaneError> {
        let (source, bridge) = (&self.lane.source, self.lane.info.source.bridge);
        if let Some(state) = finality::state_at_final(source, bridge, head, &mut self.state_gone).await? {
            return Ok(Some(Target::of(&state, head.final_block)));
        }
        self.target_on_line(head).await
    }

    /// Everything up to the final block, where it is known what the source holds there.
    async fn read_to(
        &mut self,
        base: Base,
        position: SourcePosition,
        head: Head,
        target: Target,
    ) -> Result<SourcePosition, LaneError> {
        self.check_target(base, target).await?;
        if target.held == (position.next, position.root) {
            // Equal roots prove that no request lies between cursor and final block: no log needs to be asked for.
            let id = self.lane.info.bridge_id;
            return Ok(self
                .lane
                .store
                .append_confirmed(id, Vec::new(), head.final_block, target.held)
                .await?);
        }
        self.read_ranges(base, position, head, target.held.0, Some(target)).await
    }

    /// The contract is this lane's source, is wired, and has all that the lane begins at.
    async fn check_target(&mut self, base: Base, target: Target) -> Result<(), LaneError> {
        let (chain, block) = (self.lane.info.source.chain.clone(), target.block.height);
        let (found, root) = target.held;
        if root == Root(B256::ZERO) {
            return Err(LaneError::NotWired { chain, block });
        }
        self.check_contract(target.block).await?;
        if found < base.nonce {
            // The base stays: what is behind catches up with it.
            return Err(LaneError::SourceBehind { chain, found, handled: base.nonce, block });
        }
        Ok(())
    }

    /// Reads range by range, several at the same time, up to the final block and about `expected` requests in all. The last range must
    /// complete what the source holds and is stored together with that proof; those before it are stored as unverified, batch by batch, so
    /// that a long way back needs little memory. Without a `target` all are stored as unverified.
    async fn read_ranges(
        &self,
        base: Base,
        mut position: SourcePosition,
        head: Head,
        expected: RequestNonce,
        target: Option<Target>,
    ) -> Result<SourcePosition, LaneError> {
        let (store, info) = (&self.lane.store, &self.lane.info);
        let last = head.final_block.height;
        let from = position.cursor.map_or_else(|| self.begin_of(base), |cursor| cursor.height.next());
        let known = position.next;
        let range = (from, last);
        let mut reader = self.reader(range, known..expected);
        let shown = Shown { lane: &self.lane, range, since: Instant::now() };
        let mut batch = Batch::from(from);
        let mut found = 0;
        loop {
            let (range, mut requests) = match reader.next().await {
                Ok(Some(piece)) => piece,
                Ok(None) => break,
                Err(failed) => {
                    // What was read is right: a lane whose endpoint fails now and then gets on all the same.
                    if !batch.requests.is_empty() {
                        self.store_batch(&mut batch).await?;
                    }
                    return Err(failed.into());
                }
            };
            // The first block can hold some that were handled before, or that are stored.
            requests.retain(|request| request.nonce >= known);
            let next = position.next.plus(batch.requests.len() as u64);
            self.check_contiguous(&requests, next, range).await?;
            found += requests.len() as u64;
            batch.add(range.1, requests);
            match target {
                Some(target) if range.1 == last => {
                    self.check_root(position.after(&batch.requests), target.held, target.block).await?;
                    return Ok(store
                        .append_confirmed(info.bridge_id, batch.requests, head.final_block, target.held)
                        .await?);
                }
                _ => shown.reached(range.1, found),
            }
            if batch.is_full() || range.1 == last {
                position = self.store_batch(&mut batch).await?;
            }
        }
        if let Some(target) = target {
            // Everything up to the final block was read before, and still the source's root is another.
            self.check_root(position.after(&[]), target.held, target.block).await?;
        }
        Ok(position)
    }

    /// Where a lane of which nothing was read begins.
    fn begin_of(&self, base: Base) -> BlockHeight {
        base.source_block.unwrap_or_default().max(self.lane.info.source.deployment_block)
    }

    /// Reads the requests of these numbers, as far as they lie in the range.
    fn reader(&self, range: BlockRange, nonces: std::ops::Range<RequestNonce>) -> RangeReader<Vec<Request>> {
        let (chain, bridge) = (&self.lane.source, self.lane.info.source.bridge);
        let missing = nonces.end.since(nonces.start);
        match self.doubts_quorum {
            true => RangeReader::requests_among(chain, bridge, range, missing, nonces),
            false => RangeReader::requests(chain, bridge, range, missing),
        }
    }

    /// Stores what was read up to here: a restart goes on behind it.
    async fn store_batch(&self, batch: &mut Batch) -> Result<SourcePosition, LaneError> {
        let cursor = finality::block_at(&self.lane.source, batch.to).await?;
        let full = std::mem::replace(batch, Batch::from(batch.to.next()));
        Ok(self.lane.store.append_requests(self.lane.info.bridge_id, full.requests, cursor).await?)
    }

    /// What was read is what the source holds at `block`.
    async fn check_root(
        &self,
        (own_nonce, own): Held,
        (found_nonce, found): Held,
        block: BlockRef,
    ) -> Result<(), LaneError> {
        if (own_nonce, own) == (found_nonce, found) {
            return Ok(());
        }
        let base_unproved = self.step_back().await?;
        let chain = self.lane.info.source.chain.clone();
        Err(LaneError::RootMismatch(Box::new(RootMismatch {
            base_unproved,
            chain,
            own_nonce,
            own,
            found_nonce,
            found,
            block,
        })))
    }

    /// What was stored since the last proof may be what is wrong: it is read again, perhaps from a better answer. Before the first
    /// proof that may be the base itself, which a destination told wrong: then the lane begins anew. Answers whether it does.
    async fn step_back(&self) -> Result<bool, LaneError> {
        let (store, id) = (&self.lane.store, self.lane.info.bridge_id);
        let position = store.rewind_to_verified(id).await?;
        let told = position.base.is_some_and(|base| base.begun.is_some() && base.nonce > RequestNonce::ZERO);
        let unproved = told && position.verified.is_none();
        if unproved {
            store.forget_readable(id).await?;
            self.lane.board.begun.send_replace(false);
        }
        Ok(unproved)
    }

    async fn check_contiguous(
        &self,
        requests: &[Request],
        mut expected: RequestNonce,
        (from, to): (BlockHeight, BlockHeight),
    ) -> Result<(), LaneError> {
        for request in requests {
            if request.nonce != expected {
                // The missing log may lie in a range that was stored before without it: that is read again as well.
                self.step_back().await?;
                return Err(LaneError::HiddenLog {
                    chain: self.lane.info.source.chain.clone(),
                    expected,
                    found: request.nonce,
                    from,
                    to,
                });
            }
            expected = expected.next();
        }
        Ok(())
    }

    /// A block that was final must still be there: anything else is a broken promise of the chain, not a reorg. One that was told wrong
    /// is corrected. Returns the position after that.
    async fn check_cursor(
        &mut self,
        position: SourcePosition,
        cursor: BlockRef,
        head: Head,
    ) -> Result<SourcePosition, LaneError> {
        let (lane, chain) = (Arc::clone(&self.lane), &self.lane.source);
        let (store, id) = (&lane.store, lane.info.bridge_id);
        match finality::check_cursor(chain, cursor, head).await {
            Ok(Cursor::Stands) => {
                self.unknown_cursor.forget();
                Ok(position)
            }
            Ok(Cursor::Renumbered(block)) => {
                warn!(lane = %lane.info.id, chain = chain.name(), stored = %cursor, %block, "cursor corrected: its block has another number");
                store.renumber_cursor(id, CursorSide::Source, block).await?;
                if block.height > head.final_block.height {
                    return Err(finality::behind(chain, block, head));
                }
                Ok(store.source_position(id).await?)
            }
            Ok(Cursor::Unknown) if self.unknown_cursor.lasts(Instant::now().into_std()) => {
                self.step_back_to(cursor, head).await
            }
            Ok(Cursor::Unknown) => Err(finality::behind(chain, cursor, head)),
            Err(other) => Err(other),
        }
    }

    /// Back to what a quorum shows as final, where that is what is stored and nothing that was signed contradicts it.
    async fn step_back_to(&mut self, cursor: BlockRef, head: Head) -> Result<SourcePosition, LaneError> {
        let (store, info) = (&self.lane.store, &self.lane.info);
        let behind = finality::behind(&self.lane.source, cursor, head);
        if head.final_block.height < info.source.deployment_block {
            return Err(behind);
        }
        let source = self.lane.source.lane_state(info.source.bridge, At::Hash(head.final_block.hash)).await?;
        if store.root_at(info.bridge_id, source.request_nonce).await? != Some(source.request_root) {
            return Err(behind);
        }
        let Some(position) =
            store.step_back_source(info.bridge_id, source.request_nonce, head.final_block).await?
        else {
            return Err(behind);
        };
        self.unknown_cursor.forget();
        warn!(
            lane = %info.id, chain = info.source.chain, given_up = %cursor, block = %head.final_block,
            "cursor stepped back to the final block of a quorum: nobody knows the one that was stored"
        );
        Ok(position)
    }

    /// Once per process: the contract is the source of this very lane.
    async fn check_contract(&mut self, block: BlockRef) -> Result<(), LaneError> {
        if self.contract_checked {
            return Ok(());
        }
        let info = &self.lane.info;
        let state = self.lane.source.bridge_state(info.source.bridge, At::Hash(block.hash)).await?;
        if state.outbound_bridge_id != info.bridge_id {
            return Err(LaneError::OtherBridge {
                lane: info.id.clone(),
                chain: info.source.chain.clone(),
                expected: info.bridge_id,
                found: state.outbound_bridge_id,
            });
        }
        self.lane.check_development(state.development, &info.source)?;
        self.contract_checked = true;
        Ok(())
    }

    /// Only shown, and by a task of its own: what fails here, or takes long, keeps nothing from being read and signed.
    fn show_requested(&mut self, head: Head) {
        if self.showing.as_ref().is_some_and(|showing| !showing.is_finished()) {
            return;
        }
        let lane = Arc::clone(&self.lane);
        self.showing = Some(AbortOnDropHandle::new(tokio::spawn(async move {
            let newest = lane.source.lane_state(lane.info.source.bridge, At::Hash(head.latest.hash)).await;
            let Ok(newest) = newest else { return };
            lane.board.source.send_if_modified(|view| {
                // What is final may have gone past this answer meanwhile.
                let requested = newest.request_nonce.max(view.verified);
                let changed = view.requested != requested;
                view.requested = requested;
                changed
            });
        })));
    }

    fn show_verified(&self, position: &SourcePosition) {
        self.lane.board.source.send_if_modified(|view| {
            let changed = view.verified != position.next || view.final_block != position.cursor;
            view.verified = position.next;
            view.final_block = position.cursor;
            view.requested = view.requested.max(position.next);
            changed
        });
    }
}

/// What the source holds at its final block, and where it was asked: there, or at a newer block whose chain leads there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Target {
    held: Held,
    block: BlockRef,
}

impl Target {
    /// As a state says it.
    const fn of(state: &LaneState, block: BlockRef) -> Self {
        Self { held: (state.request_nonce, state.request_root), block }
    }
}

impl Step for SourceWatch {
    async fn step(&mut self) -> Result<(), LaneError> {
        let head = self.heads.borrow_and_update().head;
        self.begun.mark_unchanged();
        self.woken.mark_unchanged();
        let Some(head) = head else { return Ok(()) };
        let advanced = self.advance(head).await;
        if advanced.as_ref().is_err_and(LaneError::doubts_quorum) {
            self.line = None;
        }
        self.note_reading(&advanced).await?;
        if head.latest.height >= self.lane.info.source.deployment_block {
            self.show_requested(head);
        }
        // A quorum that leaves something out is no majority of the truth: the source's root is, and whoever has what hashes to it is right.
        // Every other time: one that makes something up must not keep the others from agreeing again.
        self.doubts_quorum = !self.doubts_quorum && advanced.as_ref().is_err_and(LaneError::doubts_quorum);
        advanced
    }

    async fn changed(&mut self) {
        tokio::select! {
            changed = self.heads.changed() => or_pending(changed).await,
            changed = self.begun.changed() => or_pending(changed).await,
            changed = self.woken.changed() => or_pending(changed).await,
        }
    }

    fn show(&self, waiting_for: Option<String>) {
        self.lane.board.source.send_if_modified(|view| {
            let changed = view.waiting_for != waiting_for;
            view.waiting_for = waiting_for;
            changed
        });
    }
}

#[cfg(test)]
mod tests;
