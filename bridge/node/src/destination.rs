//! Destination side of a lane: what is handled, who may sign, and what became of each request.

mod begin;
mod interval;
mod older;

use std::sync::Arc;
use std::time::Instant;

use polyspan_chain::{At, Head, HeadView, LaneState};
use polyspan_store::{CursorSide, DestinationPosition, OpenHold};
use polyspan_types::{BlockHeight, BlockRef, HandledLogs, HandledRange, MemberSet, RequestNonce};
use tokio::sync::watch;
use tracing::warn;

use crate::error::LaneError;
use crate::finality::{self, Cursor, UnknownCursor};
use crate::lane::{DestinationView, Lane};
use crate::reader::RangeReader;
use crate::seen::SeenStates;
use crate::step::{Step, or_pending};
pub(crate) use begin::BELOW_NEWEST;
use begin::settled;
use interval::BlockInterval;
use older::OlderHolds;

/// Follows the destination contract at every head, and its logs up to the final block.
#[derive(Debug)]
pub struct DestinationWatch {
    lane: Arc<Lane>,
    heads: watch::Receiver<HeadView>,
    operators: Option<KnownOperators>,
    /// Newest cursor up to which the contract has confirmed that no log was left out, in this process.
    proved: Option<BlockRef>,
    /// How far the holds of before the base are found.
    older: OlderHolds,
    /// What the newest blocks said, for when they are final and their states are gone.
    seen: SeenStates,
    interval: BlockInterval,
    unknown_cursor: UnknownCursor,
}

/// The operators, and whether the block that made them so is final.
#[derive(Debug)]
struct KnownOperators {
    set: Arc<MemberSet>,
    first_seen: BlockHeight,
    is_final: bool,
}

impl DestinationWatch {
    /// Follows the destination of `lane`, driven by the heads of its chain.
    pub fn new(lane: Arc<Lane>, heads: watch::Receiver<HeadView>) -> Self {
        Self {
            lane,
            heads,
            operators: None,
            proved: None,
            older: OlderHolds::default(),
            seen: SeenStates::default(),
            interval: BlockInterval::default(),
            unknown_cursor: UnknownCursor::default(),
        }
    }

    async fn advance(&mut self, head: Head) -> Result<(), LaneError> {
        let lane = Arc::clone(&self.lane);
        let bridge = lane.info.destination.bridge;
        if head.latest.height < lane.info.destination.deployment_block {
            return Ok(());
        }
        self.interval.saw(head.latest.height, head.timestamp);
        let state = lane.destination.lane_state(bridge, At::Hash(head.latest.hash)).await?;
        self.seen.saw(head, state);
        let operators = self.operators(&state, head).await?;
        let position = lane.store.destination_position(lane.info.bridge_id).await?;
        let oldest_hold = lane.board.destination.borrow().as_ref().and_then(|view| view.oldest_hold);
        lane.board.destination.send_replace(Some(DestinationView {
            handled: state.handle_nonce,
            settled: settled(&position, &state, head),
            held: state.held_count,
            stored_holds: position.open_holds,
            oldest_hold,
            paused: state.paused,
            operators,
            block: head.latest,
            gas_limit: head.gas_limit,
            block_interval: self.interval.typical(),
        }));
        if head.final_block.height >= lane.info.destination.deployment_block {
            let mut position = position;
            if position.base.is_none() {
                self.begin(head).await?;
                position = lane.store.destination_position(lane.info.bridge_id).await?;
            }
            lane.board.begun.send_if_modified(|begun| !std::mem::replace(begun, true));
            let position = self.reach_beginning(position, head).await?;
            if position.base.is_none() {
                return Ok(());
            }
            let stored = match begin::ahead(&position) {
                // Logs are read from there on once it is final.
                Some(_) => position,
                None => self.record_outcomes(position, &state, head).await?,
            };
            let stored = self.find_older_holds(stored, &state, head).await?;
            lane.board.oldest_stored.send_replace(stored.base.map(|base| base.nonce));
            self.show_stored(&stored, &state, head).await?;
        }
        Ok(())
    }

    /// The operators now. They are read again when the epoch says that they changed, and at every head until the block of
    /// that change is final: after a reorg the same epoch can have other members.
    async fn operators(&mut self, state: &LaneState, head: Head) -> Result<Arc<MemberSet>, LaneError> {
        let known = self.operators.as_ref().filter(|known| known.set.epoch == state.operator_epoch);
        if let Some(known) = known.filter(|known| known.is_final) {
            return Ok(Arc::clone(&known.set));
        }
        let first_seen = known.map_or(head.latest.height, |known| known.first_seen);
        let info = &self.lane.info;
        let whole =
            self.lane.destination.bridge_state(info.destination.bridge, At::Hash(head.latest.hash)).await?;
        if whole.inbound_bridge_id != info.bridge_id {
            return Err(LaneError::OtherBridge {
                lane: info.id.clone(),
                chain: info.destination.chain.clone(),
                expected: info.bridge_id,
                found: whole.inbound_bridge_id,
            });
        }
        self.lane.check_development(whole.development, &info.destination)?;
        let set = Arc::new(whole.operators);
        let is_final = first_seen <= head.final_block.height;
        self.operators = Some(KnownOperators { set: Arc::clone(&set), first_seen, is_final });
        Ok(set)
    }

    /// Stores what final blocks say about handled requests. Whether it was what users asked for is for the audit (`audit.rs`).
    async fn record_outcomes(
        &mut self,
        position: DestinationPosition,
        newest: &LaneState,
        head: Head,
    ) -> Result<DestinationPosition, LaneError> {
        let lane = Arc::clone(&self.lane);
        let id = lane.info.bridge_id;
        let mut position = position;
        if let Some(cursor) = position.cursor {
            position = self.check_cursor(position, cursor, head).await?;
            if position.cursor == Some(head.final_block) {
                return Ok(position);
            }
        }
        let even = position.next == newest.handle_nonce && position.open_holds == newest.held_count;
        if even && !self.older.may_be_missing(&position, head.latest.height) {
            // Nothing new even at the newest block: without new holds, an end would show in their count. The cursor may
            // skip to the final one.
            let stored = lane.store.record_handled(id, HandledLogs::default(), head.final_block).await?;
            self.prove(head.final_block);
            return Ok(stored);
        }
        let bridge = lane.info.destination.bridge;
        let seen = self.seen.at_final(&lane.destination, bridge, head).await?;
        match self.read_upto_final(position, seen, newest, head).await {
            Err(hidden) if hidden.is_hidden_outcome() => {
                if seen.is_none_or(|(block, _)| block != head.final_block) {
                    // Where they are not counted at the final block, an old hold that was not found shows as a hidden one.
                    self.older.doubt();
                }
                self.step_back(position).await?;
                Err(hidden)
            }
            read => read,
        }
    }

    /// Everything up to the final block. What was read up to `seen` is proved by its state; what lies behind that waits for the next one.
    async fn read_upto_final(
        &mut self,
        position: DestinationPosition,
        seen: Option<(BlockRef, LaneState)>,
        newest: &LaneState,
        head: Head,
    ) -> Result<DestinationPosition, LaneError> {
        let mut stored = position;
        let is_new = |block: BlockRef| position.cursor.is_none_or(|cursor| cursor.height < block.height);
        if let Some((block, state)) = seen.filter(|(block, _)| is_new(*block)) {
            stored = self.read_outcomes(stored, block, &state, true).await?;
            if block != head.final_block && stored.open_holds == state.held_count {
                self.older.are_complete_from(block.height);
            }
            if !self.older.may_be_missing(&stored, block.height) {
                self.prove(block);
            }
        }
        if stored.cursor != Some(head.final_block) {
            stored = self.read_outcomes(stored, head.final_block, newest, false).await?;
        }
        Ok(stored)
    }

    /// As the source's watch does it. Nothing is signed by what is stored here, so a cursor that nobody knows is given up in any case.
    async fn check_cursor(
        &mut self,
        position: DestinationPosition,
        cursor: BlockRef,
        head: Head,
    ) -> Result<DestinationPosition, LaneError> {
        let (lane, chain) = (Arc::clone(&self.lane), &self.lane.destination);
        let (store, id) = (&lane.store, lane.info.bridge_id);
        match finality::check_cursor(chain, cursor, head).await? {
            Cursor::Stands => {
                self.unknown_cursor.forget();
                Ok(position)
            }
            Cursor::Renumbered(block) => {
                warn!(lane = %lane.info.id, chain = chain.name(), stored = %cursor, %block, "cursor corrected: its block has another number");
                store.renumber_cursor(id, CursorSide::Destination, block).await?;
                if block.height > head.final_block.height {
                    return Err(finality::behind(chain, block, head));
                }
                Ok(store.destination_position(id).await?)
            }
            Cursor::Unknown if self.unknown_cursor.lasts(Instant::now()) => {
                self.unknown_cursor.forget();
                warn!(
                    lane = %lane.info.id, chain = chain.name(), given_up = %cursor, block = %head.final_block,
                    "cursor stepped back to the final block of a quorum: nobody knows the one that was stored"
                );
                self.proved = None;
                Ok(store.record_handled(id, HandledLogs::default(), head.final_block).await?)
            }
            Cursor::Unknown => Err(finality::behind(chain, cursor, head)),
        }
    }

    /// The missing log may lie in a range that was stored before without it: that is read again as well.
    async fn step_back(&self, position: DestinationPosition) -> Result<(), LaneError> {
        let lane = &self.lane;
        let back_to = match self.proved.or(position.base.and_then(|base| base.begun)) {
            Some(block) => block,
            None => finality::block_at(&lane.destination, lane.info.destination.deployment_block).await?,
        };
        lane.store.record_handled(lane.info.bridge_id, HandledLogs::default(), back_to).await?;
        Ok(())
    }

    /// The contract has confirmed what is stored up to `block`: nothing is read again from before it.
    fn prove(&mut self, block: BlockRef) {
        self.proved = Some(block);
        self.lane.board.proved.send_replace(Some(block));
    }

    /// Everything from `position` to `end`. `state` is the contract's there if `proves` says so: then it must be as far and have as many
    /// holds; else it is of a later block.
    async fn read_outcomes(
        &self,
        position: DestinationPosition,
        end: BlockRef,
        state: &LaneState,
        proves: bool,
    ) -> Result<DestinationPosition, LaneError> {
        let (lane, info) = (&self.lane, &self.lane.info);
        let (mut expected, mut stored) = (position.next, position);
        let from = position.cursor.map_or(info.destination.deployment_block, |cursor| cursor.height.next());
        let range = (from, end.height);
        let handled = state.handle_nonce.since(expected);
        let mut reader = RangeReader::handled(&lane.destination, info.destination.bridge, range, handled);
        while let Some(((_, to), logs)) = reader.next().await? {
            expected = end_of(expected, &logs.ranges).map_err(|missing| self.hidden(missing, to))?;
            let last = to == end.height;
            if last && proves && expected != state.handle_nonce {
                return Err(self.hidden(expected, to));
            }
            let cursor = if last { end } else { finality::block_at(&lane.destination, to).await? };
            stored = lane.store.record_handled(info.bridge_id, logs, cursor).await?;
            let known = stored.open_holds;
            let is_counted = last && proves && !self.older.may_be_missing(&stored, to);
            if is_counted && known != state.held_count {
                let chain = info.destination.chain.clone();
                return Err(LaneError::HiddenHold { chain, known, expected: state.held_count, to });
            }
        }
        Ok(stored)
    }

    /// Shows what this step has stored: on a chain that makes no block while nothing is sent, the next step may be far.
    async fn show_stored(
        &self,
        stored: &DestinationPosition,
        newest: &LaneState,
        head: Head,
    ) -> Result<(), LaneError> {
        let oldest_hold = self.oldest_hold(stored).await?;
        let settled = settled(stored, newest, head);
        self.lane.board.destination.send_if_modified(|view| {
            let Some(view) = view else { return false };
            let now = (settled, stored.open_holds, oldest_hold);
            let changed = (view.settled, view.stored_holds, view.oldest_hold) != now;
            (view.settled, view.stored_holds, view.oldest_hold) = now;
            changed
        });
        Ok(())
    }

    /// The oldest hold that is stored, if there is any.
    async fn oldest_hold(&self, position: &DestinationPosition) -> Result<Option<OpenHold>, LaneError> {
        if position.open_holds == 0 {
            return Ok(None);
        }
        Ok(self.lane.store.open_holds(self.lane.info.bridge_id, RequestNonce::ZERO, 1).await?.pop())
    }

    fn hidden(&self, expected: RequestNonce, to: BlockHeight) -> LaneError {
        LaneError::HiddenOutcome { chain: self.lane.info.destination.chain.clone(), expected, to }
    }
}

/// Pure: where ranges that begin at `expected` and follow each other end; `Err` with the first nonce of which none tells.
fn end_of(expected: RequestNonce, ranges: &[HandledRange]) -> Result<RequestNonce, RequestNonce> {
    ranges.iter().try_fold(
        expected,
        |expected, range| {
            if range.first == expected { Ok(range.end) } else { Err(expected) }
        },
    )
}

impl Step for DestinationWatch {
    async fn step(&mut self) -> Result<(), LaneError> {
        self.older.pause();
        let head = self.heads.borrow_and_update().head;
        match head {
            Some(head) => self.advance(head).await,
            None => Ok(()),
        }
    }

    async fn changed(&mut self) {
        if !self.older.has_more() {
            or_pending(self.heads.changed().await).await;
        }
    }

    fn show(&self, waiting_for: Option<String>) {
        self.lane.board.destination_trouble.send_replace(waiting_for);
    }
}

#[cfg(test)]
mod tests;
