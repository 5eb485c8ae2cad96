//! When a lane looks again after a submission: a pure function of what it sees and of the time.

use std::time::{Duration, Instant};

use polyspan_types::{BlockRef, RequestNonce};

/// How long the destination's view may lag behind, and how long a chain may make no block, before the lane looks again.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Transactions in a row that may revert on chain before the lane waits longer each time. A reorg or a change of operators explains
/// one or two.
const QUICK_REVERTS: u32 = 3;
/// Longest wait after them. Unit: time. Source: a day of a lane whose transactions all revert costs 144 of them, at 40 000 gas when the
/// revert comes first and at most a transaction's gas limit.
const LONGEST: Duration = Duration::from_secs(600);

/// What the lane waits for before it submits again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// A piece was handled: until the destination's view says so, since the next piece starts there.
    UntilHandled(RequestNonce, Instant),
    /// A piece did not go through: until the next block, since nothing else can have changed.
    UntilNextBlock(BlockRef, Instant),
    /// Transactions revert on chain although they pass a simulation: each costs gas, so they are tried less and less often, while
    /// nobody handles what is next.
    AfterReverts(Instant, RequestNonce),
}

impl Rest {
    /// From now on until there is another block than this one.
    pub(super) fn until_next_block(seen: BlockRef) -> Self {
        Self::UntilNextBlock(seen, Instant::now())
    }

    /// From now on until the destination shows these requests as handled.
    pub(super) fn until_handled(end: RequestNonce) -> Self {
        Self::UntilHandled(end, Instant::now())
    }

    /// After so many transactions in a row that reverted on chain and that nothing explains, with the destination at `handled` and
    /// `seen`.
    pub(super) fn after_reverts(reverts: u32, handled: RequestNonce, seen: BlockRef, now: Instant) -> Self {
        match reverts.checked_sub(QUICK_REVERTS) {
            None => Self::UntilNextBlock(seen, now),
            Some(more) => Self::AfterReverts(now + (PATIENCE * (1 << more.min(16))).min(LONGEST), handled),
        }
    }

    /// Whether it is for what reverts, which another failure meanwhile does not make shorter.
    pub(super) const fn is_after_reverts(self) -> bool {
        matches!(self, Self::AfterReverts(..))
    }

    /// Whether there is still something to wait for, with the destination at `handled` and `block`.
    pub(super) fn goes_on(self, handled: RequestNonce, block: BlockRef, now: Instant) -> bool {
        let (waits, since) = match self {
            Self::UntilHandled(end, since) => (handled < end, since),
            Self::UntilNextBlock(seen, since) => (block == seen, since),
            Self::AfterReverts(until, at) => return now < until && handled == at,
        };
        waits && now.saturating_duration_since(since) < PATIENCE
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;
    use polyspan_types::BlockHeight;

    use super::*;

    #[test]
    fn transactions_that_revert_without_an_end_are_sent_less_and_less_often() {
        let now = Instant::now();
        let seen = BlockRef { height: BlockHeight::new(7), hash: B256::ZERO };
        let handled = RequestNonce::new(9);
        let after = |reverts| Rest::after_reverts(reverts, handled, seen, now);
        let until = |until| Rest::AfterReverts(until, handled);
        assert_eq!([after(1), after(2)], [Rest::UntilNextBlock(seen, now); 2]);
        assert_eq!([after(3), after(4)], [until(now + PATIENCE), until(now + 2 * PATIENCE)]);
        assert_eq!([after(20), after(u32::MAX)], [until(now + LONGEST); 2]);
        let other = BlockRef { height: BlockHeight::new(8), hash: B256::ZERO };
        assert!(after(3).goes_on(handled, other, now), "another block changes nothing");
        assert!(!after(20).goes_on(handled.next(), seen, now), "somebody handled what is next");
    }

    #[test]
    fn a_rest_ends_with_what_it_waits_for_or_with_patience() {
        let start = Instant::now();
        let block = |height| BlockRef { height: BlockHeight::new(height), hash: B256::ZERO };
        let nonce = RequestNonce::new;
        let handled = Rest::UntilHandled(nonce(5), start);
        assert!(handled.goes_on(nonce(4), block(9), start));
        assert!(!handled.goes_on(nonce(5), block(1), start));
        assert!(!handled.goes_on(nonce(4), block(9), start + PATIENCE));
        let next_block = Rest::UntilNextBlock(block(7), start);
        assert!(next_block.goes_on(nonce(0), block(7), start));
        assert!(!next_block.goes_on(nonce(0), block(8), start));
        assert!(!next_block.goes_on(nonce(0), block(7), start + PATIENCE));
    }
}
