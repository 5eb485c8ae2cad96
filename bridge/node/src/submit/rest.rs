//! When a lane looks again after a submission: a pure function of what it sees and of the time.

use std::time::{Duration, Instant};

use polyspan_types::{BlockRef, RequestNonce};

/// How long the destination's view may lag behind, and how long a chain may make no block, before the lane looks again.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// What the lane waits for before it submits again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// A piece was handled: until the destination's view says so, since the next piece starts there.
    UntilHandled(RequestNonce, Instant),
    /// A piece did not go through: until the next block, since nothing else can have changed.
    UntilNextBlock(BlockRef, Instant),
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

    /// Whether there is still something to wait for, with the destination at `handled` and `block`.
    pub(super) fn goes_on(self, handled: RequestNonce, block: BlockRef, now: Instant) -> bool {
        let (waits, since) = match self {
            Self::UntilHandled(end, since) => (handled < end, since),
            Self::UntilNextBlock(seen, since) => (block == seen, since),
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
