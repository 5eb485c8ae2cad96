//! How often the destination makes a block: a pure function of the heads that were seen.

use std::collections::VecDeque;
use std::time::Duration;

use polyspan_types::BlockHeight;

/// What is assumed before two heads were seen. Unit: time.
const UNKNOWN: Duration = Duration::from_secs(4);
/// Heads that count. Unit: heads.
const HEADS: usize = 16;

/// The last heads of a chain.
#[derive(Debug, Default)]
pub(super) struct BlockInterval {
    /// Height and timestamp in seconds, rising.
    heads: VecDeque<(u64, u64)>,
}

impl BlockInterval {
    /// Takes in a head. One that is not above the last begins anew: a reorg, or another endpoint.
    pub(super) fn saw(&mut self, height: BlockHeight, timestamp: u64) {
        let head = (height.get(), timestamp);
        match self.heads.back() {
            Some(last) if *last == head => return,
            Some(last) if last.0 >= head.0 || last.1 > head.1 => self.heads.clear(),
            _ => {}
        }
        if self.heads.len() == HEADS {
            self.heads.pop_front();
        }
        self.heads.push_back(head);
    }

    /// The median: on a chain that makes blocks on demand, pauses do not count.
    pub(super) fn typical(&self) -> Duration {
        let pairs = self.heads.iter().zip(self.heads.iter().skip(1));
        let mut each: Vec<Duration> = pairs
            .map(|(before, after)| {
                let blocks = u32::try_from(after.0 - before.0).unwrap_or(u32::MAX).max(1);
                Duration::from_secs(after.1 - before.1) / blocks
            })
            .collect();
        each.sort_unstable();
        each.get(each.len() / 2).copied().unwrap_or(UNKNOWN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(heads: &[(u64, u64)]) -> Duration {
        let mut interval = BlockInterval::default();
        for (height, timestamp) in heads {
            interval.saw(BlockHeight::new(*height), *timestamp);
        }
        interval.typical()
    }

    #[test]
    fn the_typical_interval_forgets_pauses_and_reorgs() {
        assert_eq!(after(&[]), UNKNOWN);
        assert_eq!(after(&[(1, 100)]), UNKNOWN);
        assert_eq!(after(&[(1, 100), (2, 112), (4, 136)]), Duration::from_secs(12));
        assert_eq!(after(&[(1, 100), (2, 101), (3, 900), (4, 901)]), Duration::from_secs(1));
        assert_eq!(after(&[(9, 100), (8, 90), (9, 92)]), Duration::from_secs(2));
        let many: Vec<_> = (0..100).map(|block| (block, block * 3)).collect();
        assert_eq!(after(&many), Duration::from_secs(3));
    }
}
