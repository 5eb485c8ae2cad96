//! What is known of blocks by their hash: it never changes, so nobody is asked twice.

use std::collections::VecDeque;
use std::sync::Arc;

use alloy::primitives::{Address, B256};
use tokio::sync::OnceCell;

use crate::LaneState;

/// States that are kept: a block is read when it is new and again when it is final. Unit: states. Source: twice the blocks
/// between both on Ethereum, for each of two bridges.
const KEPT: usize = 256;

/// A state that is known, or that one of those who want it asks for while the others wait.
pub(super) type Cell = Arc<OnceCell<LaneState>>;

/// Newest states of lanes at blocks, by bridge and hash.
#[derive(Debug, Default)]
pub(super) struct Known(VecDeque<((Address, B256), Cell)>);

impl Known {
    /// The place of a state, empty until somebody has read it.
    pub(super) fn cell(&mut self, key: (Address, B256)) -> Cell {
        if let Some((_, cell)) = self.0.iter().rev().find(|(known, _)| *known == key) {
            return Arc::clone(cell);
        }
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        let cell = Cell::default();
        self.0.push_back((key, Arc::clone(&cell)));
        cell
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::U256;
    use polyspan_types::{BlockHeight, Epoch, RequestNonce, Root};

    use super::*;

    fn state(handled: u64) -> LaneState {
        LaneState {
            paused: false,
            operator_epoch: Epoch::new(1),
            request_nonce: RequestNonce::ZERO,
            request_root: Root(B256::ZERO),
            handle_nonce: RequestNonce::new(handled),
            handle_root: Root(B256::ZERO),
            recovery_block: BlockHeight::ZERO,
            held_count: 0,
        }
    }

    #[tokio::test]
    async fn a_state_is_asked_for_once_by_bridge_and_hash_and_an_error_is_not_kept() {
        let key = |bridge, hash: usize| (Address::repeat_byte(bridge), B256::from(U256::from(hash)));
        let mut known = Known::default();
        let cell = known.cell(key(1, 7));
        assert_eq!(cell.get_or_try_init(|| async { Err("gone") }).await, Err("gone"));
        cell.set(state(3)).unwrap();
        assert_eq!(known.cell(key(1, 7)).get(), Some(&state(3)));
        assert_eq!((known.cell(key(2, 7)).get(), known.cell(key(1, 8)).get()), (None, None));
        for hash in 1_000..1_000 + KEPT {
            known.cell(key(1, hash)).set(state(4)).unwrap();
        }
        assert_eq!(known.cell(key(1, 1_000)).get(), Some(&state(4)));
        assert_eq!(known.cell(key(1, 7)).get(), None, "forgotten");
    }
}
