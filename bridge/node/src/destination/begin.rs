//! Where a lane of which nothing is stored begins: at what its destination has handled in a final block.

use alloy::primitives::B256;
use futures::{StreamExt, TryStreamExt, stream};
use polyspan_chain::{At, Head, Hold, LaneState};
use polyspan_store::Base;
use polyspan_types::{HeldRequest, RequestNonce, Root};
use tracing::info;

use super::DestinationWatch;
use crate::error::LaneError;

/// Nonces of which the contract is asked for holds at a time. Unit: requests. Source: below 25 million gas, half of what nodes
/// allow a call.
const PAGE: u64 = 4096;
/// Such calls under way at the same time. Unit: calls.
const CALLS: usize = 8;

impl DestinationWatch {
    /// Begins the lane at the final block of `head`, with the holds that are open there. What lies below was handled before,
    /// and is not read; the source proves the rest.
    pub(super) async fn begin(&self, head: Head) -> Result<(), LaneError> {
        let (lane, info) = (&self.lane, &self.lane.info);
        let at = At::Hash(head.final_block.hash);
        let state = lane.destination.lane_state(info.destination.bridge, at).await?;
        if state.handle_root == Root(B256::ZERO) {
            let chain = info.destination.chain.clone();
            return Err(LaneError::NotWired { chain, block: head.final_block.height });
        }
        let holds = self.open_holds(&state, at).await?;
        if holds.len() as u64 != state.held_count {
            return Err(LaneError::HiddenHold {
                chain: info.destination.chain.clone(),
                known: holds.len() as u64,
                expected: state.held_count,
                to: head.final_block.height,
            });
        }
        let base = Base {
            nonce: state.handle_nonce,
            root: state.handle_root,
            source_block: Some(state.recovery_block),
            begun: Some(head.final_block),
        };
        lane.store.begin_lane(info.bridge_id, base, holds.into_iter().map(held_request).collect()).await?;
        info!(
            lane = %info.id, nonce = %state.handle_nonce, source_block = %state.recovery_block,
            "nothing is stored of this lane; it begins at what its destination has handled"
        );
        Ok(())
    }

    /// The newest first, until as many are found as the contract counts: old ones are few.
    async fn open_holds(&self, state: &LaneState, at: At) -> Result<Vec<Hold>, LaneError> {
        let pages = pages(state.handle_nonce).map(|(first, count)| {
            let bridge = self.lane.info.destination.bridge;
            async move { self.lane.destination.holds(bridge, first, count, at).await }
        });
        let mut answers = stream::iter(pages).buffered(CALLS);
        let mut found = Vec::new();
        while (found.len() as u64) < state.held_count
            && let Some(page) = answers.try_next().await?
        {
            found.extend(page);
        }
        Ok(found)
    }
}

/// Pure: first nonce and length of the pages below `end`, from the newest to the oldest.
fn pages(end: RequestNonce) -> impl Iterator<Item = (RequestNonce, u64)> {
    (0..end.get().div_ceil(PAGE)).map(move |page| {
        let last = end.minus(page * PAGE);
        let first = last.minus(PAGE);
        (first, last.since(first))
    })
}

/// The transaction that made it is not asked for: no log is read below the base.
fn held_request(hold: Hold) -> HeldRequest {
    HeldRequest {
        nonce: hold.nonce,
        reason: hold.reason,
        leaf: hold.leaf,
        block: hold.held_at,
        tx_hash: B256::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_cover_everything_below_once_and_the_newest_comes_first() {
        let all = |end| {
            pages(RequestNonce::new(end)).map(|(first, count)| (first.get(), count)).collect::<Vec<_>>()
        };
        assert_eq!(all(0), []);
        assert_eq!(all(1), [(0, 1)]);
        assert_eq!(all(PAGE), [(0, PAGE)]);
        assert_eq!(all(2 * PAGE + 3), [(PAGE + 3, PAGE), (3, PAGE), (0, 3)]);
    }
}
