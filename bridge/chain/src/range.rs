//! How many blocks to ask for at once.

use polyspan_types::BlockHeight;

/// Full ranges that must succeed before a longer one is tried: a refusal then costs one request in nine.
const SUCCESSES_BEFORE_GROWTH: u32 = 8;

/// Length of log requests: halves when the endpoint refuses, doubles after a run of successes. Pure.
#[derive(Debug, Clone)]
pub struct RangePlanner {
    longest: u64,
    length: u64,
    successes: u32,
}

impl RangePlanner {
    /// Starts with, and never exceeds, `longest` blocks; 0 is taken as 1.
    pub fn new(longest: u64) -> Self {
        let longest = longest.max(1);
        Self { longest, length: longest, successes: 0 }
    }

    /// Blocks that the next range may have.
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// The part of `from..=to` to ask for next; `None` when the range is empty.
    pub fn next_range(&self, from: BlockHeight, to: BlockHeight) -> Option<(BlockHeight, BlockHeight)> {
        Self::cut(self.length, from, to)
    }

    /// The first `length` blocks of `from..=to`; `None` when the range is empty. A `length` of 0 is taken as 1.
    pub fn cut(length: u64, from: BlockHeight, to: BlockHeight) -> Option<(BlockHeight, BlockHeight)> {
        (from <= to).then(|| (from, from.plus(length.saturating_sub(1)).min(to)))
    }

    /// Takes note that a range of so many blocks was answered.
    pub fn succeeded(&mut self, blocks: u64) {
        // Short ranges at the head prove nothing about long ones.
        if blocks < self.length || self.length == self.longest {
            return;
        }
        self.successes += 1;
        if self.successes >= SUCCESSES_BEFORE_GROWTH {
            self.successes = 0;
            self.length = self.length.saturating_mul(2).min(self.longest);
        }
    }

    /// Takes note that a range of so many blocks was refused or took too long.
    pub fn refused(&mut self, blocks: u64) {
        self.successes = 0;
        // Two callers may report ranges of the same old length; only the shorter result counts.
        self.length = self.length.min((blocks / 2).max(1));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn height(value: u64) -> BlockHeight {
        BlockHeight::new(value)
    }

    #[test]
    fn a_refused_range_halves_down_to_one_block() {
        let mut planner = RangePlanner::new(5000);
        planner.refused(5000);
        assert_eq!(planner.length(), 2500);
        planner.refused(5000);
        assert_eq!(planner.length(), 2500, "a late report of an old range changes nothing");
        for _ in 0..20 {
            planner.refused(planner.length());
        }
        assert_eq!(planner.next_range(height(7), height(900)), Some((height(7), height(7))));
    }

    #[test]
    fn it_grows_again_after_a_run_of_full_ranges_only() {
        let mut planner = RangePlanner::new(1000);
        planner.refused(1000);
        for _ in 0..100 {
            planner.succeeded(1);
        }
        assert_eq!(planner.length(), 500);
        for _ in 0..SUCCESSES_BEFORE_GROWTH {
            planner.succeeded(500);
        }
        assert_eq!(planner.length(), 1000);
    }

    #[test]
    fn an_empty_range_is_none() {
        assert_eq!(RangePlanner::new(10).next_range(height(5), height(4)), None);
    }

    proptest! {
        #[test]
        fn ranges_cover_every_block_once_whatever_is_refused(
            longest in 1u64..600, from in 0u64..1000, blocks in 1u64..2000, refusals in prop::collection::vec(any::<bool>(), 64)
        ) {
            let mut planner = RangePlanner::new(longest);
            let (mut next, to) = (height(from), height(from + blocks - 1));
            let mut refusals = refusals.into_iter();
            while let Some((first, last)) = planner.next_range(next, to) {
                prop_assert_eq!(first, next);
                prop_assert!(last >= first && last <= to && last.since(first) < longest);
                let length = last.since(first) + 1;
                if refusals.next().unwrap_or(false) {
                    planner.refused(length);
                } else {
                    planner.succeeded(length);
                    next = last.next();
                }
            }
            prop_assert_eq!(next, height(from + blocks));
        }
    }
}
