//! What is known of blocks by their hash: it never changes, so nobody is asked twice.

use std::collections::VecDeque;

use alloy::primitives::{Address, B256};

use crate::LaneState;

/// States that are kept: a block is read when it is new and again when it is final. Unit: states. Source: twice the blocks
/// between both on Ethereum, for each of two bridges.
const KEPT: usize = 256;

/// Newest states of lanes at blocks, by bridge and hash.
#[derive(Debug, Default)]
pub(super) struct Known(VecDeque<((Address, B256), LaneState)>);

impl Known {
    pub(super) fn get(&self, key: &(Address, B256)) -> Option<LaneState> {
        self.0.iter().rev().find(|(known, _)| known == key).map(|(_, state)| *state)
    }

    pub(super) fn keep(&mut self, key: (Address, B256), state: LaneState) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back((key, state));
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

    #[test]
    fn the_newest_states_are_kept_by_bridge_and_hash() {
        let key = |bridge, hash: usize| (Address::repeat_byte(bridge), B256::from(U256::from(hash)));
        let mut known = Known::default();
        known.keep(key(1, 7), state(3));
        assert_eq!(known.get(&key(1, 7)), Some(state(3)));
        assert_eq!((known.get(&key(2, 7)), known.get(&key(1, 8))), (None, None));
        for hash in 1_000..1_000 + KEPT {
            known.keep(key(1, hash), state(4));
        }
        assert_eq!(known.get(&key(1, 7)), None);
        assert_eq!(known.get(&key(1, 1_000)), Some(state(4)));
    }
}
