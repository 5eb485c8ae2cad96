//! Where a lane of which nothing is stored begins: at what its destination has handled in a final block, or in a newer one where nodes do
//! not have the state of that any more.

use std::sync::Arc;
use std::time::Instant;

use alloy::primitives::B256;
use polyspan_chain::{At, Head, LaneState};
use polyspan_store::{Base, DestinationPosition};
use polyspan_types::{BlockRef, HandledLogs, RequestNonce, Root};
use tracing::{info, warn};

use super::DestinationWatch;
use super::older::OlderHolds;
use crate::error::LaneError;
use crate::finality;

/// How far below the newest block a lane begins whose final block is too far behind. Unit: blocks. Source: reorgs are shorter, and nodes
/// keep the states of 128.
pub(crate) const BELOW_NEWEST: u64 = 16;

impl DestinationWatch {
    /// Begins the lane at the final block of `head`, or ahead of it. What lies below was handled before, and is not read, but for the holds
    /// that are still open: they are looked for afterwards. The source proves the rest.
    pub(super) async fn begin(&mut self, head: Head) -> Result<(), LaneError> {
        let (lane, info) = (&self.lane, &self.lane.info);
        let (block, state) = self.beginning(head).await?;
        if state.handle_root == Root(B256::ZERO) {
            let chain = info.destination.chain.clone();
            return Err(LaneError::NotWired { chain, block: block.height });
        }
        let base = Base {
            nonce: state.handle_nonce,
            root: state.handle_root,
            source_block: Some(state.recovery_block),
            begun: Some(block),
        };
        lane.store.begin_lane(info.bridge_id, base, Vec::new()).await?;
        if block.height > head.final_block.height {
            // A cursor below the beginning says that it was not final yet, to the process after this one as well.
            lane.store.record_handled(info.bridge_id, HandledLogs::default(), head.final_block).await?;
        }
        info!(
            lane = %info.id, nonce = %state.handle_nonce, source_block = %state.recovery_block, %block,
            "nothing is stored of this lane; it begins at what its destination has handled"
        );
        // What was proved before belongs to another beginning.
        self.forget_proof();
        Ok(())
    }

    /// The block to begin at, and its state. Nothing is signed by it: what the source does not prove is given up again.
    async fn beginning(&self, head: Head) -> Result<(BlockRef, LaneState), LaneError> {
        let (chain, bridge) = (&self.lane.destination, self.lane.info.destination.bridge);
        let last = head.final_block;
        if let Some(state) = finality::state_at_final(chain, bridge, head, &mut false).await? {
            return Ok((last, state));
        }
        let height = head.latest.height.minus(BELOW_NEWEST).max(last.height);
        let block = finality::block_at(chain, height).await?;
        Ok((block, chain.lane_state(bridge, At::Hash(block.hash)).await?))
    }

    /// Goes on from a beginning that has become final. One that a quorum does not have any more is forgotten, and the lane begins anew at
    /// the next head: what is being read of the source meanwhile finds no lane, and no other one in its place.
    pub(super) async fn reach_beginning(
        &mut self,
        position: DestinationPosition,
        head: Head,
    ) -> Result<DestinationPosition, LaneError> {
        let position = self.note_ahead(position, head).await?;
        let Some(begun) = ahead(&position) else { return Ok(position) };
        let lane = Arc::clone(&self.lane);
        let (store, info) = (&lane.store, &lane.info);
        let is_final = begun.height <= head.final_block.height;
        if finality::is_canonical(&self.lane.destination, begun).await? {
            self.unknown_cursor.forget();
            return match is_final {
                true => Ok(store.record_handled(info.bridge_id, HandledLogs::default(), begun).await?),
                false => Ok(position),
            };
        }
        if !is_final && !self.unknown_cursor.lasts(Instant::now()) {
            return Ok(position);
        }
        warn!(
            lane = %info.id, chain = info.destination.chain, given_up = %begun, block = %head.final_block,
            "the lane begins anew: the block at which it began was replaced before it was final"
        );
        store.forget_readable(info.bridge_id).await?;
        self.unknown_cursor.forget();
        lane.board.begun.send_replace(false);
        self.forget_proof();
        Ok(store.destination_position(info.bridge_id).await?)
    }

    /// Of a process that ended right after it began ahead: what the source has not proved at all was begun just now.
    async fn note_ahead(
        &self,
        position: DestinationPosition,
        head: Head,
    ) -> Result<DestinationPosition, LaneError> {
        let (store, id) = (&self.lane.store, self.lane.info.bridge_id);
        let begun = position.base.and_then(|base| base.begun);
        let is_new =
            begun == position.cursor && begun.is_some_and(|begun| begun.height > head.final_block.height);
        if !is_new || head.has_final_state() || store.source_position(id).await?.verified.is_some() {
            return Ok(position);
        }
        Ok(store.record_handled(id, HandledLogs::default(), head.final_block).await?)
    }

    fn forget_proof(&mut self) {
        (self.proved, self.older) = (None, OlderHolds::default());
        self.lane.board.proved.send_replace(None);
    }
}

/// Pure: where the lane began, if that was not final yet when it was looked at last.
pub(super) fn ahead(position: &DestinationPosition) -> Option<BlockRef> {
    let begun = position.base.and_then(|base| base.begun)?;
    position.cursor.is_some_and(|cursor| cursor.height < begun.height).then_some(begun)
}

/// Pure: the first nonce that is not handled in a final block. Of a lane that began ahead of that nobody knows it.
pub(super) fn settled(position: &DestinationPosition, newest: &LaneState, head: Head) -> RequestNonce {
    let begun = position.base.and_then(|base| base.begun);
    if ahead(position).is_some() || begun.is_some_and(|begun| begun.height > head.final_block.height) {
        return RequestNonce::ZERO;
    }
    position.next.min(newest.handle_nonce)
}
