//! How far a relay is with blocks that it reads, how fast, and how long it takes.

use std::time::Duration;

use polyspan_types::BlockHeight;
use serde::{Deserialize, Serialize};

/// A range of the source that is being read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReadingReport {
    /// First block.
    pub from: BlockHeight,
    /// Last block.
    pub to: BlockHeight,
    /// The first block that is not read yet.
    pub at: BlockHeight,
    /// Requests found so far.
    pub requests: u64,
    /// Blocks read per second so far, rounded; 0 before the first one.
    pub blocks_per_second: u64,
    /// Requests found per second so far, rounded.
    pub requests_per_second: u64,
    /// Seconds that the rest takes at that rate, rounded up; `None` before the first block is read.
    pub seconds_left: Option<u64>,
}

impl ReadingReport {
    /// What is known after `elapsed` of reading `from..=to`, when the blocks below `at` are read and held so many requests.
    #[must_use]
    pub fn after(
        elapsed: Duration,
        (from, to): (BlockHeight, BlockHeight),
        at: BlockHeight,
        requests: u64,
    ) -> Self {
        let micros = elapsed.as_micros().max(1);
        let per_second = |count: u64| narrow((u128::from(count) * MICROS_PER_SECOND + micros / 2) / micros);
        let (read, left) = (at.since(from), to.next().since(at));
        let seconds_left = (read > 0).then(|| {
            let micros_left = u128::from(left).saturating_mul(micros) / u128::from(read);
            narrow(micros_left.div_ceil(MICROS_PER_SECOND))
        });
        Self {
            from,
            to,
            at,
            requests,
            blocks_per_second: per_second(read),
            requests_per_second: per_second(requests),
            seconds_left,
        }
    }

    /// Length of the range. Unit: blocks.
    #[must_use]
    pub const fn blocks(&self) -> u64 {
        self.to.since(self.from).saturating_add(1)
    }
}

/// Unit: microseconds.
const MICROS_PER_SECOND: u128 = 1_000_000;

fn narrow(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(millis: u64, (from, to): (u64, u64), at: u64, requests: u64) -> ReadingReport {
        let height = BlockHeight::new;
        let elapsed = Duration::from_millis(millis);
        ReadingReport::after(elapsed, (height(from), height(to)), height(at), requests)
    }

    #[test]
    fn the_rest_takes_as_long_as_what_was_read() {
        let half = after(2_000, (101, 300), 201, 50);
        assert_eq!((half.blocks_per_second, half.requests_per_second), (50, 25));
        assert_eq!((half.seconds_left, half.blocks()), (Some(2), 200));
        let slow = after(60_000, (1, 10), 2, 1);
        assert_eq!((slow.blocks_per_second, slow.requests_per_second), (0, 0));
        assert_eq!(slow.seconds_left, Some(540), "not from the rounded rate");
        assert_eq!(after(1_500, (0, 2), 2, 0).seconds_left, Some(1), "0.75 s, rounded up");
    }

    #[test]
    fn nothing_is_promised_before_the_first_block_and_nothing_is_left_after_the_last() {
        let begun = after(5_000, (10, 20), 10, 0);
        assert_eq!((begun.blocks_per_second, begun.seconds_left), (0, None));
        assert_eq!(after(5_000, (10, 20), 21, 3).seconds_left, Some(0));
    }

    #[test]
    fn no_time_and_no_end_overflow_nothing() {
        let instant = after(0, (0, u64::MAX), u64::MAX, u64::MAX);
        assert_eq!((instant.blocks_per_second, instant.seconds_left), (u64::MAX, Some(0)));
        assert_eq!(after(u64::MAX, (0, u64::MAX), 1, 0).seconds_left, Some(u64::MAX));
    }

    #[test]
    fn what_an_older_relay_reports_is_read() {
        let old: ReadingReport = serde_json::from_str(r#"{"from":1,"to":9,"at":5,"requests":2}"#).unwrap();
        assert_eq!((old.requests, old.blocks_per_second, old.seconds_left), (2, 0, None));
    }
}
