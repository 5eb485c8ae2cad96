//! Which part of a long range of blocks to ask for next. Pure: no clock, no I/O.

use std::collections::VecDeque;

use polyspan_types::BlockHeight;

use super::BlockRange;

/// Ranges that are asked, or answered and not taken yet, at the same time. Unit: ranges. Source: what keeps an endpoint busy over the
/// way there and back; more of them made nothing faster and are what metered endpoints refuse.
const WINDOW: usize = 4;

/// Logs that one range should have. Unit: logs. Source: about 0.7 KiB each as JSON, so that the four of a window are a few MiB.
const LOGS: u64 = 2_048;

/// The parts of one long range, from what is to be taken next up to its end.
#[derive(Debug)]
pub(super) struct Ranges<T> {
    parts: VecDeque<Part<T>>,
    /// Logs and blocks that no answer has covered yet: their quotient tells how long the next range may be.
    logs_left: u64,
    blocks_left: u64,
    /// Most blocks of a range, by what the last answers held or refused.
    longest: u64,
    /// Nothing is known of where the logs lie before the first answer, so one range is asked alone.
    warm: bool,
}

#[derive(Debug)]
struct Part<T> {
    range: BlockRange,
    state: State<T>,
}

#[derive(Debug)]
enum State<T> {
    ToAsk,
    Asked,
    Answered(T),
}

impl<T> Ranges<T> {
    /// Everything of `first..=to` is to be asked; it should have `logs` logs.
    pub(super) fn new(first: BlockHeight, to: BlockHeight, logs: u64) -> Self {
        let mut parts = VecDeque::new();
        if first <= to {
            parts.push_back(Part { range: (first, to), state: State::ToAsk });
        }
        let blocks_left = if first <= to { blocks((first, to)) } else { 0 };
        Self { parts, logs_left: logs, blocks_left, longest: u64::MAX, warm: false }
    }

    /// The earliest range that may be asked now, as long as may be; whoever asks for less says so to [`Ranges::asked`].
    pub(super) fn due(&self) -> Option<BlockRange> {
        let busy = self.parts.iter().filter(|part| !matches!(part.state, State::ToAsk)).count();
        if busy >= if self.warm { WINDOW } else { 1 } {
            return None;
        }
        let (first, to) = self.parts.iter().find(|part| matches!(part.state, State::ToAsk))?.range;
        Some((first, to.min(first.plus(self.length() - 1))))
    }

    /// `range`, which begins where the one that was due does, is asked now.
    pub(super) fn asked(&mut self, range: BlockRange) {
        let at = self.parts.iter().position(|part| {
            matches!(part.state, State::ToAsk) && part.range.0 == range.0 && part.range.1 >= range.1
        });
        let Some(at) = at else { return };
        let whole = self.parts[at].range;
        self.parts[at] = Part { range, state: State::Asked };
        if range.1 < whole.1 {
            self.parts.insert(at + 1, Part { range: (range.1.next(), whole.1), state: State::ToAsk });
        }
    }

    /// `range` was answered with so many logs.
    pub(super) fn answered(&mut self, range: BlockRange, answer: T, logs: u64) {
        let Some(part) = self.part(range) else { return };
        part.state = State::Answered(answer);
        self.warm = true;
        self.logs_left = self.logs_left.saturating_sub(logs);
        self.blocks_left = self.blocks_left.saturating_sub(blocks(range));
        if logs > LOGS {
            self.longest = self.longest.min(share(blocks(range), logs));
        } else if logs <= LOGS / 2 && blocks(range) >= self.longest {
            self.longest = self.longest.saturating_mul(2);
        }
    }

    /// `range` is to be asked again, in shorter parts if it was `too_long`.
    pub(super) fn failed(&mut self, range: BlockRange, too_long: bool) {
        let Some(part) = self.part(range) else { return };
        part.state = State::ToAsk;
        if too_long {
            self.longest = self.longest.min((blocks(range) / 2).max(1));
        }
    }

    /// The first range that was not taken, if it is answered.
    pub(super) fn take(&mut self) -> Option<(BlockRange, T)> {
        let part = self.parts.pop_front()?;
        match part.state {
            State::Answered(answer) => Some((part.range, answer)),
            state => {
                self.parts.push_front(Part { state, ..part });
                None
            }
        }
    }

    fn length(&self) -> u64 {
        self.longest.min(share(self.blocks_left, self.logs_left)).max(1)
    }

    fn part(&mut self, range: BlockRange) -> Option<&mut Part<T>> {
        self.parts.iter_mut().find(|part| part.range == range && matches!(part.state, State::Asked))
    }
}

/// Blocks that should hold [`LOGS`] logs, where so many of them hold `logs`.
fn share(blocks: u64, logs: u64) -> u64 {
    blocks.saturating_mul(LOGS).checked_div(logs).unwrap_or(u64::MAX).max(1)
}

fn blocks((first, to): BlockRange) -> u64 {
    to.since(first).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn range(first: u64, to: u64) -> BlockRange {
        (BlockHeight::new(first), BlockHeight::new(to))
    }

    fn all(first: u64, to: u64, logs: u64) -> Ranges<()> {
        Ranges::new(BlockHeight::new(first), BlockHeight::new(to), logs)
    }

    #[test]
    fn a_range_without_blocks_has_no_parts() {
        let mut empty = all(5, 4, 10);
        assert_eq!((empty.due(), empty.take()), (None, None));
    }

    #[test]
    fn one_is_asked_alone_then_four_and_they_are_taken_in_order() {
        let mut ranges = all(0, 99, 0);
        ranges.asked(range(0, 9));
        assert_eq!(ranges.due(), None, "nothing is known yet");
        ranges.answered(range(0, 9), (), 0);
        for first in [10, 20, 30] {
            assert_eq!(ranges.due(), Some(range(first, 99)));
            ranges.asked(range(first, first + 9));
        }
        assert_eq!(ranges.due(), None, "one is not taken, and three are asked");
        assert_eq!(ranges.take(), Some((range(0, 9), ())));
        ranges.answered(range(20, 29), (), 0);
        assert_eq!(ranges.take(), None, "one before it is missing");
        ranges.failed(range(10, 19), true);
        assert_eq!(ranges.due(), Some(range(10, 14)), "first what is in the way of the others");
    }

    #[test]
    fn ranges_are_as_long_as_their_logs_allow() {
        let mut ranges = all(0, 9_999, 20_480);
        assert_eq!(ranges.due(), Some(range(0, 999)));
        ranges.asked(range(0, 999));
        ranges.answered(range(0, 999), (), 8_192);
        assert_eq!(
            ranges.due(),
            Some(range(1_000, 1_249)),
            "the last one was four times as full as it should be"
        );
        ranges.asked(range(1_000, 1_249));
        ranges.answered(range(1_000, 1_249), (), 0);
        assert_eq!(ranges.due(), Some(range(1_250, 1_749)));
    }

    proptest! {
        #[test]
        fn every_block_is_taken_once_and_in_order_whatever_fails(
            first in 0u64..1_000, count in 1u64..3_000, logs in 0u64..50_000, limit in 1u64..400,
            events in prop::collection::vec((0usize..8, 0u8..8, 0u64..6_000), 0..200),
        ) {
            let to = first + count - 1;
            let mut ranges = all(first, to, logs);
            let (mut open, mut next) = (Vec::new(), first);
            let mut events = events.into_iter().chain(std::iter::repeat((0, 7, 1)));
            while next <= to {
                while let Some((from, end)) = ranges.due() {
                    let end = end.min(from.plus(limit - 1));
                    ranges.asked((from, end));
                    open.push((from, end));
                    prop_assert!(open.len() <= WINDOW);
                }
                prop_assert!(!open.is_empty(), "it never waits for nothing");
                let (which, what, logs) = events.next().unwrap();
                let range = open.swap_remove(which % open.len());
                match what {
                    0 => ranges.failed(range, true),
                    1 | 2 => ranges.failed(range, false),
                    _ => ranges.answered(range, (), logs),
                }
                while let Some(((from, end), ())) = ranges.take() {
                    prop_assert_eq!(from.get(), next);
                    prop_assert!(end >= from && end.get() <= to);
                    next = end.get() + 1;
                }
            }
            prop_assert_eq!(next, to + 1);
            prop_assert_eq!(ranges.due(), None);
            prop_assert!(open.is_empty());
        }
    }
}
