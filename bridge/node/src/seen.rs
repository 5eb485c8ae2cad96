//! States of a lane that were read while their block was the newest. Where the final block is so far behind that nodes have thrown its state
//! away, they tell what a final block said once their own block has become final.

use std::collections::VecDeque;

use alloy::primitives::Address;
use polyspan_chain::{Chain, Head, LaneState};
use polyspan_types::{BlockHeight, BlockRef};

use crate::error::LaneError;
use crate::finality;

/// Most states that are kept. Unit: states.
const KEPT: usize = 64;
/// States that cover the way from the final block to the newest one: a seen state is behind the final block by no more than one part.
const PARTS: u64 = 32;

/// The states of one contract, by rising block.
#[derive(Debug, Default)]
pub(crate) struct SeenStates {
    states: VecDeque<(BlockRef, LaneState)>,
    /// Nodes have refused the state of a final block.
    gone: bool,
}

impl SeenStates {
    /// Whether the state of the newest block is to be read for the sake of this alone.
    pub(crate) fn is_wanted(&self, head: Head) -> bool {
        (self.gone || !head.has_final_state()) && self.is_due(head)
    }

    /// Takes in the state of the newest block of `head`. Of blocks that were replaced some may stay; they are found out when they would count.
    pub(crate) fn saw(&mut self, head: Head, state: LaneState) {
        let (newest, last) = (head.latest, head.final_block.height);
        // Of what is final the newest tells most.
        while self.states.get(1).is_some_and(|(block, _)| block.height <= last) {
            self.states.pop_front();
        }
        while self.states.back().is_some_and(|(block, _)| is_replaced(*block, newest)) {
            self.states.pop_back();
        }
        if !self.is_due(head) {
            return;
        }
        if self.states.len() >= KEPT {
            self.thin(spacing(head));
        }
        if self.states.len() < KEPT {
            self.states.push_back((newest, state));
        }
    }

    /// The state at the final block; where nodes do not have that any more, the newest one that was seen and is final now. `None` before
    /// there is one.
    pub(crate) async fn at_final(
        &mut self,
        chain: &Chain,
        bridge: Address,
        head: Head,
    ) -> Result<Option<(BlockRef, LaneState)>, LaneError> {
        if let Some(state) = finality::state_at_final(chain, bridge, head, &mut self.gone).await? {
            return Ok(Some((head.final_block, state)));
        }
        self.newest_final(chain, head).await
    }

    /// The newest one at or below the final block that a quorum still has under its number. Those before it go.
    async fn newest_final(
        &mut self,
        chain: &Chain,
        head: Head,
    ) -> Result<Option<(BlockRef, LaneState)>, LaneError> {
        while let Some(at) = self.newest_upto(head.final_block.height) {
            let (block, state) = self.states[at];
            if finality::is_canonical(chain, block).await? {
                self.states.drain(..at);
                return Ok(Some((block, state)));
            }
            self.states.remove(at);
        }
        Ok(None)
    }

    fn newest_upto(&self, last: BlockHeight) -> Option<usize> {
        self.states.partition_point(|(block, _)| block.height <= last).checked_sub(1)
    }

    fn is_due(&self, head: Head) -> bool {
        let newest = head.latest.height;
        self.states.back().is_none_or(|(block, _)| block.height.get() + spacing(head) <= newest.get())
    }

    /// Finality that stands still leaves many from when it was near.
    fn thin(&mut self, spacing: u64) {
        let mut next = 0;
        self.states.retain(|(block, _)| {
            let stays = block.height.get() >= next;
            if stays {
                next = block.height.get() + spacing;
            }
            stays
        });
    }
}

/// Least distance between two states. Unit: blocks.
fn spacing(head: Head) -> u64 {
    (head.latest.height.since(head.final_block.height) / PARTS).max(1)
}

/// Whether the chain has shown another block since, or goes on from before `seen`.
fn is_replaced(seen: BlockRef, newest: BlockRef) -> bool {
    seen.height > newest.height || (seen.height == newest.height && seen.hash != newest.hash)
}

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;
    use polyspan_types::{Epoch, RequestNonce, Root};

    use super::*;
    use crate::testing::{LaneFixture, World, block, head_of};

    fn state(nonce: u64) -> LaneState {
        LaneState {
            paused: false,
            operator_epoch: Epoch::new(1),
            request_nonce: RequestNonce::new(nonce),
            request_root: Root(B256::ZERO),
            handle_nonce: RequestNonce::new(nonce),
            handle_root: Root(B256::ZERO),
            recovery_block: BlockHeight::ZERO,
            held_count: 0,
        }
    }

    fn at(last: u64, newest: u64) -> Head {
        head_of(last, newest).head.unwrap()
    }

    fn heights(seen: &SeenStates) -> Vec<u64> {
        seen.states.iter().map(|(block, _)| block.height.get()).collect()
    }

    #[test]
    fn states_cover_the_way_from_the_final_block_to_the_newest_and_no_more() {
        for distance in [0, 1, 31, 63, 64, 95, 128, 1_000, 100_000] {
            let mut seen = SeenStates::default();
            for newest in distance + 1..distance * 3 + 200 {
                seen.saw(at(newest - distance, newest), state(newest));
                assert!(seen.states.len() <= KEPT, "{} at {distance}", seen.states.len());
            }
            let (newest, apart) = (distance * 3 + 199, (distance / PARTS).max(1));
            let oldest = heights(&seen)[0];
            assert!(oldest <= newest - distance && oldest + 2 * apart > newest - distance, "{distance}");
        }
    }

    #[test]
    fn finality_that_stands_still_does_not_fill_the_memory_and_leaves_the_newest_seen() {
        let mut seen = SeenStates::default();
        for newest in 100..60_000 {
            seen.saw(at(100, newest), state(newest));
            assert!(seen.states.len() <= KEPT);
        }
        let last = *heights(&seen).last().unwrap();
        assert!(last + 60_000 / PARTS >= 60_000, "{last}");
    }

    #[test]
    fn a_newest_block_that_took_the_place_of_others_ends_what_was_seen_above_it() {
        let mut seen = SeenStates::default();
        for newest in 10..20 {
            seen.saw(at(5, newest), state(newest));
        }
        seen.saw(at(5, 15), state(15));
        assert_eq!(heights(&seen), (10..16).collect::<Vec<_>>());
        let mut other = at(5, 15);
        other.latest.hash = B256::repeat_byte(9);
        seen.saw(other, state(15));
        assert_eq!(seen.states.back().map(|(block, _)| block.hash), Some(other.latest.hash));
        assert_eq!(seen.states.len(), 6);
    }

    #[tokio::test]
    async fn the_newest_seen_state_that_is_final_and_was_not_replaced_counts() {
        let fixture = LaneFixture::new(World::of(Vec::new(), 600)).await;
        let chain = &fixture.lane.source;
        let mut seen = SeenStates::default();
        for newest in 320..400 {
            seen.saw(at(newest - 320, newest), state(newest));
        }
        assert_eq!(
            seen.newest_final(chain, at(319, 600)).await.unwrap(),
            None,
            "nothing that was seen is final"
        );
        let found = seen.newest_final(chain, at(355, 600)).await.unwrap();
        assert_eq!(found, Some((block(350), state(350))));
        assert_eq!(heights(&seen)[0], 350, "what lies below is of no use any more");
        fixture.world(|world| world.replaced_from = 365);
        let found = seen.newest_final(chain, at(375, 600)).await.unwrap();
        assert_eq!(found, Some((block(360), state(360))), "block 370 was replaced");
    }

    #[tokio::test]
    async fn a_final_state_that_a_node_has_thrown_away_is_asked_for_near_and_never_far() {
        let mut world = World::of(Vec::new(), 600);
        world.states_kept = 50;
        let fixture = LaneFixture::new(world).await;
        let (chain, bridge) = (&fixture.lane.source, fixture.lane.info.source.bridge);
        let mut seen = SeenStates::default();
        let near = seen.at_final(chain, bridge, at(560, 600)).await.unwrap();
        assert_eq!(near.map(|(block, _)| block), Some(block(560)));
        assert!(!seen.is_wanted(at(560, 600)));
        assert_eq!(seen.at_final(chain, bridge, at(540, 600)).await.unwrap(), None);
        assert!(seen.is_wanted(at(540, 600)), "this node keeps less than others");
    }
}
