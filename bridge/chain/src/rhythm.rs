//! When a look at a chain's head is worth its call: a pure function of when the last blocks were seen.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Blocks that tell the pace. Unit: intervals between blocks.
const REMEMBERED: usize = 8;
/// Intervals that are too few to tell it. Unit: intervals between blocks.
const TOO_FEW: usize = 4;
/// Longest wait for an expected block: a chain may change its pace. Unit: poll intervals.
const LONGEST: u32 = 4;
/// Looks in the time of one when a block is due.
const CLOSER: u32 = 5;

/// The pace of a chain, as one who polls it sees it.
#[derive(Debug, Default)]
pub(crate) struct Rhythm {
    seen: Option<Instant>,
    gaps: VecDeque<Duration>,
}

impl Rhythm {
    /// Another block than before was seen.
    pub(crate) fn saw_block(&mut self, now: Instant) {
        if let Some(before) = self.seen.replace(now) {
            if self.gaps.len() == REMEMBERED {
                self.gaps.pop_front();
            }
            self.gaps.push_back(now.duration_since(before));
        }
    }

    /// How long to wait before the next look: until the next block can be there, then closely for one interval, then by the
    /// interval. The shortest of the last gaps counts, so that a chain that makes blocks when it likes is polled by the interval.
    pub(crate) fn pause(&self, now: Instant, interval: Duration) -> Duration {
        let shortest = self.gaps.iter().min().filter(|_| self.gaps.len() >= TOO_FEW);
        let (Some(seen), Some(gap)) = (self.seen, shortest.filter(|gap| **gap >= interval)) else {
            return interval;
        };
        let due = seen + (*gap).min(interval * LONGEST);
        match due.checked_duration_since(now) {
            Some(early) if !early.is_zero() => early,
            _ if now.duration_since(due) < interval => interval / CLOSER,
            _ => interval,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLL: Duration = Duration::from_millis(500);

    fn after(gaps_ms: &[u64]) -> (Rhythm, Instant) {
        let (mut rhythm, mut now) = (Rhythm::default(), Instant::now());
        rhythm.saw_block(now);
        for gap in gaps_ms {
            now += Duration::from_millis(*gap);
            rhythm.saw_block(now);
        }
        (rhythm, now)
    }

    fn pauses(gaps_ms: &[u64], waited_ms: u64) -> u64 {
        let (rhythm, last) = after(gaps_ms);
        let pause = rhythm.pause(last + Duration::from_millis(waited_ms), POLL);
        u64::try_from(pause.as_millis()).unwrap()
    }

    #[test]
    fn a_steady_chain_is_asked_when_its_next_block_is_due_and_closely_then() {
        let steady = [1_000, 1_010, 1_000, 1_020];
        assert_eq!(pauses(&steady, 0), 1_000);
        assert_eq!(pauses(&steady, 300), 700);
        assert_eq!(pauses(&steady, 1_000), 100);
        assert_eq!(pauses(&steady, 1_400), 100);
        assert_eq!(pauses(&steady, 1_500), 500, "it is late: nobody knows when it comes");
    }

    #[test]
    fn what_has_no_steady_pace_is_asked_by_the_interval() {
        assert_eq!(pauses(&[1_000, 1_000, 1_000], 0), 500, "too few are known");
        assert_eq!(pauses(&[1_000, 60, 9_000, 1_000], 0), 500, "blocks on demand");
        assert_eq!(pauses(&[250, 250, 250, 250], 0), 500, "quick blocks");
        assert_eq!(pauses(&[12_000, 12_000, 12_000, 24_000], 0), 2_000, "no wait is long");
        assert_eq!(Rhythm::default().pause(Instant::now(), POLL), POLL);
    }

    #[test]
    fn the_pace_of_long_ago_is_forgotten() {
        let mut gaps = vec![100; 4];
        gaps.extend([1_000; 8]);
        assert_eq!(pauses(&gaps, 0), 1_000);
    }
}
