//! The newest block that the chain is known to have reached, and whether endpoints are behind it: pure.
//!
//! A node that was restored from a backup, or that is syncing, shows a chain that once was. What it says of account nonces, balances and fees is
//! as old as its newest block.

use std::time::Duration;

use polyspan_types::BlockHeight;
use tokio::time::Instant;

use super::head::{LAG_BLOCKS, LAG_SECONDS};

/// After this time without a break what endpoints show counts as the chain: what was known may have been wrong, or was rolled back.
/// Unit: time. Source: nodes that were some hundred blocks behind caught up within minutes.
pub const SHOWN_IS_BELIEVED_AFTER: Duration = Duration::from_secs(3_600);

/// A block that was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shown {
    height: BlockHeight,
    /// Unit: seconds since 1970.
    timestamp: u64,
}

/// What is known of how far the chain is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reached {
    newest: Option<Shown>,
    /// A block that an earlier process saw final: nothing below it is the newest one.
    final_height: BlockHeight,
    now: Option<Shown>,
    /// Since when endpoints are behind.
    behind: Option<Instant>,
}

impl Reached {
    /// A block was final in an earlier process.
    pub(super) fn was_final(&mut self, height: BlockHeight) {
        self.final_height = self.final_height.max(height);
    }

    /// Endpoints show this as the newest block, `now`.
    pub(super) fn saw(&mut self, height: BlockHeight, timestamp: u64, now: Instant) {
        let shown = Shown { height, timestamp };
        self.now = Some(shown);
        if !self.is_behind(shown) {
            self.behind = None;
            if self.newest.is_none_or(|newest| newest.height <= height) {
                self.newest = Some(shown);
            }
            return;
        }
        let since = *self.behind.get_or_insert(now);
        if now.saturating_duration_since(since) >= SHOWN_IS_BELIEVED_AFTER {
            *self = Self { newest: Some(shown), now: Some(shown), ..Self::default() };
        }
    }

    /// What endpoints show, and the block that they are behind; `None` while they are not.
    pub(super) fn gap(&self) -> Option<(BlockHeight, BlockHeight)> {
        self.behind?;
        let known = self.newest.map_or(self.final_height, |newest| newest.height.max(self.final_height));
        Some((self.now?.height, known))
    }

    /// As an endpoint lags behind others: by blocks and by time, since a reorganisation takes some blocks back.
    fn is_behind(&self, shown: Shown) -> bool {
        let lags = self.newest.is_some_and(|newest| {
            newest.height.since(shown.height) > LAG_BLOCKS
                && newest.timestamp.saturating_sub(shown.timestamp) > LAG_SECONDS
        });
        lags || shown.height < self.final_height
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After so many seconds, of a chain with a block every two.
    fn saw(reached: &mut Reached, height: u64, start: Instant, seconds: u64) -> Option<u64> {
        reached.saw(BlockHeight::new(height), height * 2, start + Duration::from_secs(seconds));
        reached.gap().map(|(shown, known)| {
            assert_eq!(shown, BlockHeight::new(height));
            known.since(shown)
        })
    }

    #[test]
    fn who_shows_an_old_chain_is_behind_until_it_has_caught_up() {
        let (mut reached, start) = (Reached::default(), Instant::now());
        assert_eq!(saw(&mut reached, 1_000, start, 0), None);
        assert_eq!(saw(&mut reached, 100, start, 1), Some(900));
        assert_eq!(saw(&mut reached, 600, start, 60), Some(400));
        assert_eq!(saw(&mut reached, 994, start, 120), Some(6));
        assert_eq!(saw(&mut reached, 997, start, 121), None, "as near as any endpoint may be");
        assert_eq!(saw(&mut reached, 100, start, 130), Some(900), "what is known stays");
    }

    #[test]
    fn a_reorganisation_and_quick_blocks_are_no_lag() {
        let (mut reached, start) = (Reached::default(), Instant::now());
        assert_eq!(saw(&mut reached, 1_000, start, 0), None);
        assert_eq!(saw(&mut reached, 995, start, 1), None, "ten seconds of blocks were replaced");
        reached.saw(BlockHeight::new(900), 1_995, start);
        assert_eq!(reached.gap(), None, "a hundred blocks of a tenth of a second");
    }

    #[test]
    fn what_an_earlier_process_saw_final_is_known() {
        let (mut reached, start) = (Reached::default(), Instant::now());
        reached.was_final(BlockHeight::new(1_000));
        assert_eq!(saw(&mut reached, 999, start, 0), Some(1));
        assert_eq!(saw(&mut reached, 1_000, start, 1), None);
    }

    #[test]
    fn what_is_shown_for_an_hour_is_the_chain() {
        let (mut reached, start) = (Reached::default(), Instant::now());
        assert_eq!(saw(&mut reached, 1_000_000, start, 0), None);
        assert_eq!(saw(&mut reached, 100, start, 10), Some(999_900));
        assert!(saw(&mut reached, 1_800, start, 3_609).is_some());
        assert_eq!(saw(&mut reached, 1_801, start, 3_610), None);
        assert_eq!(saw(&mut reached, 1_802, start, 3_611), None);
    }
}
