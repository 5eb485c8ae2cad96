//! Whether others have sent what a relay is about to send: pure.
//!
//! A node's pending state shows transactions that are in no block yet. A relay asks for it where others may act, and waits for a block instead of
//! paying for a revert. Never for long: what is pending may never be mined, by chance or on purpose.

use std::time::{Duration, Instant};

use polyspan_types::{BlockHeight, RequestNonce};

use super::plan::Piece;
use super::rest::PATIENCE;

/// Blocks that the transaction of others is waited for. Unit: blocks of the destination. Source: what is priced for the next block is in one
/// of the next two.
const WAITED_FOR: u64 = 2;
/// As above, where no block is made.
const LONGEST: Duration = PATIENCE;

/// What others are seen to have sent while the destination stands at one nonce.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct UnderWay {
    handled: RequestNonce,
    since: Option<(BlockHeight, Instant)>,
}

impl UnderWay {
    /// Whether `piece` waits, with the destination at `handled` and `block`, and at `pending` once everything is mined that nodes have.
    pub(super) fn covers(
        &mut self,
        piece: Piece,
        pending: Option<RequestNonce>,
        (handled, block): (RequestNonce, BlockHeight),
        now: Instant,
    ) -> bool {
        if self.handled != handled {
            *self = Self { handled, since: None };
        }
        if pending.is_none_or(|pending| pending < piece.end()) {
            return false;
        }
        let (first_seen, since) = *self.since.get_or_insert((block, now));
        block.since(first_seen) < WAITED_FOR && now.saturating_duration_since(since) < LONGEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(first: u64, count: u64) -> Piece {
        let first = RequestNonce::new(first);
        Piece { first, count, checkpoint: first.plus(count) }
    }

    #[test]
    fn what_others_have_sent_is_waited_for_and_never_for_long() {
        let (mut under_way, now) = (UnderWay::default(), Instant::now());
        let mut covers = |pending: Option<u64>, handled: u64, block: u64, seconds: u64| {
            let at = (RequestNonce::new(handled), BlockHeight::new(block));
            let now = now + Duration::from_secs(seconds);
            under_way.covers(piece(handled, 8), pending.map(RequestNonce::new), at, now)
        };
        assert!(!covers(None, 0, 10, 0), "no node tells");
        assert!(!covers(Some(7), 0, 10, 0), "it does less than the piece");
        assert!(covers(Some(8), 0, 10, 0) && covers(Some(64), 0, 11, 1));
        assert!(!covers(Some(8), 0, 12, 2), "it is left out of blocks");
        assert!(!covers(Some(8), 0, 12, 3));
        assert!(covers(Some(40), 8, 12, 3), "others made progress");
        assert!(!covers(Some(40), 8, 12, 8), "no block is made");
    }
}
