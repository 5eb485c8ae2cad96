//! What proves requests whose final block has no state any more: an own chain of them up to a newer block, whose end is the source's root
//! there. Every root before the end is proved with it, and so is the block of every request, which the leaves hash.

use polyspan_types::{BlockHeight, BlockRef, Leaf, Request, RequestNonce, Root};

/// Blocks with requests that are kept. Unit: blocks. Source: a day of 1 s blocks is 86 400; what lies above is read once more later.
const POINTS: usize = 1 << 16;

/// What a source holds up to a block: so many requests, hashing to this.
pub(super) type Held = (RequestNonce, Root);

/// An own chain of requests from a block on, in memory only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// The block whose state proves it.
    pub(super) witness: BlockRef,
    /// Up to which block it is known what the source holds.
    upto: BlockHeight,
    /// What the source holds after each block that has requests, rising; the first is where the chain begins.
    points: Vec<(BlockHeight, Held)>,
    end: Held,
}

impl Line {
    /// Begins at `block` with what the source holds there, to be proved by `witness`.
    pub(super) fn begin(block: BlockHeight, held: Held, witness: BlockRef) -> Self {
        Self { witness, upto: witness.height, points: vec![(block, held)], end: held }
    }

    /// Follows the next requests, which are contiguous.
    pub(super) fn follow(&mut self, requests: &[Request]) {
        for request in requests {
            self.end = (request.nonce.next(), self.end.1.then(Leaf::of(request)));
            let block = request.transfer.source_block;
            let kept = self.points.len();
            match self.points.last_mut() {
                Some((last, held)) if *last == block => *held = self.end,
                _ if self.upto < block => {}
                _ if kept < POINTS => self.points.push((block, self.end)),
                _ => self.upto = block.minus(1),
            }
        }
    }

    /// What the source holds at the end of it.
    pub(super) const fn end(&self) -> Held {
        self.end
    }

    /// What the source holds up to a block; `None` where this chain does not say.
    pub(super) fn at(&self, block: BlockHeight) -> Option<Held> {
        if block > self.upto {
            return None;
        }
        let below = self.points.partition_point(|(height, _)| *height <= block);
        below.checked_sub(1).map(|last| self.points[last].1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{World, block};

    fn held(world: &World, count: u64) -> Held {
        (RequestNonce::new(count), world.root(count))
    }

    proptest! {
        /// For any requests and any block it says what the requests up to that block hash to, however they arrive.
        #[test]
        fn at_every_block_it_holds_what_was_requested_up_to_it(
            gaps in proptest::collection::vec(0_u64..4, 0..40),
            begin in 0_u64..20,
            piece in 1_usize..7,
        ) {
            let blocks: Vec<u64> = gaps.iter().scan(1, |at, gap| { *at += gap; Some(*at) }).collect();
            let newest = blocks.last().copied().unwrap_or(1).max(begin) + 3;
            let world = World::of(blocks.clone(), newest);
            let count = |height: u64| blocks.partition_point(|at| *at <= height) as u64;
            let mut line = Line::begin(BlockHeight::new(begin), held(&world, count(begin)), block(newest));
            let rest = world.requests(count(begin)..blocks.len() as u64);
            rest.chunks(piece).for_each(|requests| line.follow(requests));
            prop_assert_eq!(line.end(), held(&world, blocks.len() as u64));
            for height in begin..=newest {
                prop_assert_eq!(line.at(BlockHeight::new(height)), Some(held(&world, count(height))));
            }
            prop_assert_eq!(line.at(BlockHeight::new(newest + 1)), None, "nobody proved that");
            prop_assert_eq!(begin.checked_sub(1).and_then(|below| line.at(BlockHeight::new(below))), None);
        }
    }

    #[test]
    fn what_is_not_kept_any_more_is_not_made_up() {
        let many = POINTS as u64 + 10;
        let world = World::of(Vec::new(), many);
        let mut line = Line::begin(BlockHeight::ZERO, held(&world, 0), block(many));
        for nonce in 0..many {
            let mut request = World::of(vec![nonce + 1], many).request(0);
            request.nonce = RequestNonce::new(nonce);
            line.follow(&[request]);
        }
        let last_kept = POINTS as u64 - 1;
        assert_eq!(
            line.at(BlockHeight::new(last_kept)).map(|held| held.0),
            Some(RequestNonce::new(last_kept))
        );
        assert_eq!(line.at(BlockHeight::new(last_kept + 1)), None);
        assert_eq!(line.end().0, RequestNonce::new(many));
    }
}
