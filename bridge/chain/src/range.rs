//! How many blocks to ask for at once.

use polyspan_types::BlockHeight;

/// Full ranges that must succeed before a longer one is tried. Each time that the longer one is refused they are twice as many, up to the
/// second number: an endpoint keeps its limit, and several callers find it out at the same time.
const SUCCESSES_BEFORE_GROWTH: (u32, u32) = (8, 1_024);

/// Answers in a row that must not come in time before a range counts as too long: an endpoint that is deaf now and then takes as long for a
/// single block, and would be asked for one at a time.
const SILENCES_BEFORE_SHRINKING: u32 = 2;

/// Length of log requests: halves when the endpoint refuses, doubles after a run of successes. Pure.
#[derive(Debug, Clone)]
pub struct RangePlanner {
    longest: u64,
    length: u64,
    successes: u32,
    needed: u32,
    /// The length was tried to be longer since the last refusal.
    grown: bool,
    silences: u32,
}

impl RangePlanner {
    /// Starts with, and never exceeds, `longest` blocks; 0 is taken as 1.
    pub fn new(longest: u64) -> Self {
        let longest = longest.max(1);
        Self {
            longest,
            length: longest,
            successes: 0,
            needed: SUCCESSES_BEFORE_GROWTH.0,
            grown: false,
            silences: 0,
        }
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
        self.silences = 0;
        // Short ranges at the head prove nothing about long ones.
        if blocks < self.length || self.length == self.longest {
            return;
        }
        self.successes += 1;
        if self.successes >= self.needed {
            if self.grown {
                self.needed = SUCCESSES_BEFORE_GROWTH.0;
            }
            (self.successes, self.grown) = (0, true);
            self.length = self.length.saturating_mul(2).min(self.longest);
        }
    }

    /// Takes note that a range of so many blocks was not answered in time.
    pub fn timed_out(&mut self, blocks: u64) {
        self.silences += 1;
        if self.silences >= SILENCES_BEFORE_SHRINKING {
            self.refused(blocks);
        }
    }

    /// Takes note that a range of so many blocks was refused.
    pub fn refused(&mut self, blocks: u64) {
        (self.successes, self.silences) = (0, 0);
        if std::mem::take(&mut self.grown) {
            self.needed = self.needed.saturating_mul(2).min(SUCCESSES_BEFORE_GROWTH.1);
        }
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
        for _ in 0..SUCCESSES_BEFORE_GROWTH.0 {
            planner.succeeded(500);
        }
        assert_eq!(planner.length(), 1000);
    }

    #[test]
    fn a_limit_that_stays_is_tried_ever_more_rarely_and_one_that_goes_is_left_behind() {
        let run = |planner: &mut RangePlanner, limit: u64, ranges: usize| {
            let mut refusals = 0;
            for _ in 0..ranges {
                let length = planner.length();
                if length > limit {
                    planner.refused(length);
                    refusals += 1;
                } else {
                    planner.succeeded(length);
                }
            }
            refusals
        };
        let mut planner = RangePlanner::new(800);
        assert!(run(&mut planner, 100, 1_000) <= 3 + 7, "once for each doubling of what it takes to try");
        run(&mut planner, 800, 2_100);
        assert_eq!(planner.length(), 800);
    }

    #[test]
    fn one_silence_between_answers_shrinks_nothing_and_two_in_a_row_do() {
        let mut planner = RangePlanner::new(1000);
        for _ in 0..20 {
            planner.timed_out(1000);
            planner.succeeded(1000);
        }
        assert_eq!(planner.length(), 1000);
        planner.timed_out(1000);
        planner.timed_out(1000);
        assert_eq!(planner.length(), 500);
        planner.timed_out(500);
        assert_eq!(planner.length(), 500);
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
