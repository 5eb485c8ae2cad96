//! Where a lane of which nothing is stored begins: at what its destination has handled in a final block.

use alloy::primitives::B256;
use polyspan_chain::{At, Head};
use polyspan_store::Base;
use polyspan_types::Root;
use tracing::info;

use super::DestinationWatch;
use super::older::OlderHolds;
use crate::error::LaneError;

impl DestinationWatch {
    /// Begins the lane at the final block of `head`. What lies below was handled before, and is not read, but for the holds that are
    /// still open: they are looked for afterwards. The source proves the rest.
    pub(super) async fn begin(&mut self, head: Head) -> Result<(), LaneError> {
        let (lane, info) = (&self.lane, &self.lane.info);
        let at = At::Hash(head.final_block.hash);
        let state = lane.destination.lane_state(info.destination.bridge, at).await?;
        if state.handle_root == Root(B256::ZERO) {
            let chain = info.destination.chain.clone();
            return Err(LaneError::NotWired { chain, block: head.final_block.height });
        }
        let base = Base {
            nonce: state.handle_nonce,
            root: state.handle_root,
            source_block: Some(state.recovery_block),
            begun: Some(head.final_block),
        };
        lane.store.begin_lane(info.bridge_id, base, Vec::new()).await?;
        info!(
            lane = %info.id, nonce = %state.handle_nonce, source_block = %state.recovery_block,
            "nothing is stored of this lane; it begins at what its destination has handled"
        );
        // What was proved before belongs to another beginning.
        (self.proved, self.older) = (None, OlderHolds::default());
        self.lane.board.proved.send_replace(None);
        Ok(())
    }
}
