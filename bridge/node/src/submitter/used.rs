//! The first account nonce that no block has used, which never goes back behind what is known: pure.

use std::time::Instant;

use polyspan_chain::SHOWN_IS_BELIEVED_AFTER;
use polyspan_types::{AccountNonce, BlockHeight};

/// A count is told as of the newest block of whoever answers, which may be so many blocks newer than the head that is known here.
/// Unit: blocks. Source: an endpoint that is further ahead or behind lags.
const NEWER: u64 = 3;

/// What became of a count that an endpoint told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// This is the count.
    Count(AccountNonce),
    /// It is below what is known, and the chain is past the block that showed that: its state at the newest block decides.
    AskAtHead,
}

/// The highest count that is known, and the block whose state shows it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct UsedNonces {
    known: Option<(AccountNonce, BlockHeight)>,
    /// Since when the chain is seen below that block.
    below_since: Option<Instant>,
}

impl UsedNonces {
    /// A block at `height` has used all account nonces below `count`.
    pub(super) fn saw(&mut self, count: AccountNonce, height: BlockHeight) {
        if self.known.is_none_or(|(known, _)| known < count) {
            self.known = Some((count, height));
        }
    }

    /// An endpoint tells `count` while `head` is the newest block that this process knows.
    pub(super) fn told(&mut self, count: AccountNonce, head: BlockHeight, now: Instant) -> Told {
        let Some((known, height)) = self.known.filter(|(known, _)| count < *known) else {
            self.below_since = None;
            self.saw(count, head.plus(NEWER));
            return Told::Count(count);
        };
        if head >= height {
            self.below_since = None;
            return Told::AskAtHead;
        }
        let since = *self.below_since.get_or_insert(now);
        if now.saturating_duration_since(since) < SHOWN_IS_BELIEVED_AFTER {
            return Told::Count(known);
        }
        self.settle(count, head);
        Told::Count(count)
    }

    /// The state of the block at `height` has this count, whatever was known before.
    pub(super) fn settle(&mut self, count: AccountNonce, height: BlockHeight) {
        (self.known, self.below_since) = (Some((count, height)), None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(used: &mut UsedNonces, count: u64, head: u64, now: Instant) -> Option<u64> {
        match used.told(AccountNonce::new(count), BlockHeight::new(head), now) {
            Told::Count(count) => Some(count.get()),
            Told::AskAtHead => None,
        }
    }

    #[test]
    fn a_count_never_goes_back_while_the_chain_is_below_the_block_that_showed_it() {
        let (mut used, now) = (UsedNonces::default(), Instant::now());
        assert_eq!(told(&mut used, 7, 1_000, now), Some(7));
        assert_eq!(told(&mut used, 9, 1_001, now), Some(9));
        assert_eq!(told(&mut used, 5, 101, now), Some(9), "900 blocks behind");
        assert_eq!(
            told(&mut used, 5, 1_001, now),
            Some(9),
            "the endpoint fell back since that head was polled"
        );
        assert_eq!(told(&mut used, 9, 1_002, now), Some(9));
        used.saw(AccountNonce::new(12), BlockHeight::new(1_010));
        assert_eq!(told(&mut used, 9, 1_009, now), Some(12), "a receipt showed more");
    }

    #[test]
    fn a_chain_that_went_on_without_it_decides_by_the_state_of_its_newest_block() {
        let (mut used, now) = (UsedNonces::default(), Instant::now());
        assert_eq!(told(&mut used, 9, 1_000, now), Some(9));
        assert_eq!(told(&mut used, 8, 1_003, now), None);
        used.settle(AccountNonce::new(8), BlockHeight::new(1_003));
        assert_eq!(told(&mut used, 8, 1_003, now), Some(8), "a reorganisation took it back");
    }

    #[test]
    fn what_is_shown_for_an_hour_is_believed() {
        let (mut used, now) = (UsedNonces::default(), Instant::now());
        assert_eq!(told(&mut used, 9, 1_000, now), Some(9));
        assert_eq!(told(&mut used, 5, 100, now), Some(9));
        assert_eq!(told(&mut used, 5, 900, now + SHOWN_IS_BELIEVED_AFTER), Some(5));
        assert_eq!(told(&mut used, 5, 901, now + SHOWN_IS_BELIEVED_AFTER), Some(5));
    }
}
