//! When a look at a chain's head is worth its call: a pure function of when the last blocks were seen.

use std::collections::VecDeque;
use std::time::Duration;

use polyspan_types::BlockHeight;
use tokio::time::Instant;

/// Looks that found another block and tell the pace. Unit: looks.
const REMEMBERED: usize = 9;
/// Looks that are too few to tell it. Unit: looks.
const TOO_FEW: usize = 5;
/// Longest wait for an expected block: a chain may change its pace. Unit: poll intervals.
const LONGEST: u32 = 4;
/// Looks in the time of one when a block is due.
const CLOSER: u32 = 5;
/// How much earlier than the pace says a look is made: so it comes ever closer to the block, until one is in vain. Unit: part of a
/// gap.
const EARLY: u32 = 32;

/// No chain makes blocks faster. Unit: time.
const SHORTEST_GAP: Duration = Duration::from_millis(10);
/// How many times faster than its pace a chain may be for once.
const SPARE: u32 = 8;
/// Blocks that may always have been made. Unit: blocks. Source: chains that make blocks on demand make some at a time.
const ALWAYS_PLAUSIBLE: u64 = 32;

/// The pace of a chain, as one who polls it sees it.
#[derive(Debug, Default)]
pub(crate) struct Rhythm {
    seen: VecDeque<(Instant, BlockHeight)>,
}

impl Rhythm {
    /// A look that began at `asked` found another newest block than the one before.
    pub(crate) fn saw_block(&mut self, asked: Instant, height: BlockHeight) {
        if self.seen.back().is_some_and(|(_, before)| *before >= height) {
            // A reorg: what was seen tells nothing.
            self.seen.clear();
        }
        if self.seen.len() == REMEMBERED {
            self.seen.pop_front();
        }
        self.seen.push_back((asked, height));
    }

    /// How long to wait before the next look: until the next block is due, then closely for one interval, then by the interval.
    pub(crate) fn pause(&self, now: Instant, interval: Duration) -> Duration {
        let (Some((seen, _)), Some(gap)) = (self.seen.back(), self.gap().filter(|gap| *gap >= interval))
        else {
            return interval;
        };
        let due = *seen + gap.min(interval * LONGEST) - gap / EARLY;
        match due.checked_duration_since(now) {
            Some(early) if !early.is_zero() => early,
            _ if now.duration_since(due) < interval => interval / CLOSER,
            _ => interval,
        }
    }

    /// How many blocks can have been made since the last one was seen, with much to spare; `None` before the first.
    pub(crate) fn plausible_rise(&self, now: Instant) -> Option<u64> {
        let (seen, _) = self.seen.back()?;
        let gap = self.gap().map_or(SHORTEST_GAP, |gap| gap / SPARE).max(SHORTEST_GAP);
        let blocks = now.duration_since(*seen).as_millis() / gap.as_millis().max(1);
        Some(u64::try_from(blocks).unwrap_or(u64::MAX).saturating_add(ALWAYS_PLAUSIBLE))
    }

    /// The height of the last block that was seen.
    pub(crate) fn last(&self) -> Option<BlockHeight> {
        self.seen.back().map(|(_, height)| *height)
    }

    /// Time between two blocks of a chain with a steady pace. What looks add to single gaps is not in their mean.
    fn gap(&self) -> Option<Duration> {
        let ((first, lowest), (last, highest)) = (self.seen.front()?, self.seen.back()?);
        if self.seen.len() < TOO_FEW {
            return None;
        }
        let per_block = |time: Duration, blocks: u64| time / u32::try_from(blocks).unwrap_or(u32::MAX).max(1);
        let mean = per_block(last.duration_since(*first), highest.since(*lowest));
        let gaps = self.seen.iter().zip(self.seen.iter().skip(1));
        let mut each = gaps
            .map(|((before, low), (after, high))| per_block(after.duration_since(*before), high.since(*low)));
        each.all(|gap| gap * 2 >= mean && gap <= mean * 2).then_some(mean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLL: Duration = Duration::from_millis(500);

    /// What a follower does for `seconds` beside a chain whose blocks come at multiples of `block_ms`, when an answer takes
    /// `answer_ms`: looks for each block, and the longest time from a block to the look that shows it, in the second half.
    fn follow(block_ms: u64, answer_ms: u64, seconds: u64) -> (f64, u64) {
        let (mut rhythm, start) = (Rhythm::default(), Instant::now());
        let ms = |instant: Instant| u64::try_from(instant.duration_since(start).as_millis()).unwrap();
        let (mut now, mut known, mut looks, mut blocks, mut worst) = (start, 0, 0, 0, 0);
        while ms(now) < seconds * 1_000 {
            let (asked, late) = (now, ms(now) > seconds * 500);
            let height = ms(asked) / block_ms;
            looks += u64::from(late);
            if height > known {
                if late {
                    blocks += height - known;
                    worst = worst.max(ms(asked) - (known + 1) * block_ms);
                }
                known = height;
                rhythm.saw_block(asked, BlockHeight::new(height));
            }
            now += Duration::from_millis(answer_ms);
            now += rhythm.pause(now, POLL);
        }
        (looks as f64 / blocks as f64, worst)
    }

    #[test]
    fn a_steady_chain_is_asked_when_a_block_is_due_for_as_long_as_it_runs() {
        for (block_ms, answer_ms) in [(1_000, 2), (1_000, 20), (1_000, 100), (2_000, 50)] {
            let (looks, worst) = follow(block_ms, answer_ms, 3_600);
            assert!(looks < 2.0, "{looks} looks for a block of {block_ms} ms");
            let closely = POLL / CLOSER + Duration::from_millis(answer_ms);
            assert!(
                u128::from(worst) <= closely.as_millis() + 10,
                "{worst} ms after a block of {block_ms} ms"
            );
        }
    }

    #[test]
    fn slow_and_quick_chains_are_asked_by_the_interval_and_its_bound() {
        let (looks, _) = follow(12_000, 50, 3_600);
        assert!(looks > 3.0 && looks < 24.0, "{looks}");
        let (_, worst) = follow(250, 20, 600);
        assert!(worst < 600, "{worst} ms: by the interval");
    }

    #[test]
    fn what_a_chain_can_have_made_grows_with_the_time_and_its_pace() {
        let (mut rhythm, start) = (Rhythm::default(), Instant::now());
        assert_eq!(rhythm.plausible_rise(start), None, "nothing is known before the first block");
        rhythm.saw_block(start, BlockHeight::new(1));
        let after = |rhythm: &Rhythm, last: Instant, seconds| {
            rhythm.plausible_rise(last + Duration::from_secs(seconds)).unwrap()
        };
        assert_eq!(after(&rhythm, start, 1), 100 + ALWAYS_PLAUSIBLE, "by the quickest chain there is");
        let mut last = start;
        for height in 2..=9 {
            last += Duration::from_secs(2);
            rhythm.saw_block(last, BlockHeight::new(height));
        }
        for (seconds, expected) in [(0, 0), (2, 8), (60, 240), (3_600, 14_400)] {
            assert_eq!(after(&rhythm, last, seconds), expected + ALWAYS_PLAUSIBLE, "after {seconds} s");
        }
    }

    #[test]
    fn a_chain_that_becomes_quicker_or_has_no_pace_is_asked_by_the_interval() {
        let (mut rhythm, mut now) = (Rhythm::default(), Instant::now());
        let mut see = |rhythm: &mut Rhythm, gap_ms: u64, height: u64| {
            now += Duration::from_millis(gap_ms);
            rhythm.saw_block(now, BlockHeight::new(height));
            rhythm.pause(now, POLL)
        };
        let paces: Vec<_> = (1..=6).map(|height| see(&mut rhythm, 2_000, height)).collect();
        assert_eq!(
            (paces[3], paces[4]),
            (POLL, Duration::from_micros(1_937_500)),
            "too few are known at first"
        );
        // Eight blocks in the time of one.
        assert_eq!(see(&mut rhythm, 2_000, 14), POLL);
        assert_eq!(see(&mut rhythm, 2_000, 13), POLL, "a reorg");
    }
}
