//! Submissions of a lane that were sent and are not settled: a pure record of what was sent and of what became of it.

use std::collections::VecDeque;
use std::time::Instant;

use polyspan_types::{BlockHeight, RequestNonce};

use super::capacity::{Capacity, Limit};
use super::plan::Piece;
use super::rest::PATIENCE;

/// Pieces of a lane that were sent, in the order of their requests, until each is reported as mined and shown as handled.
#[derive(Debug)]
pub(super) struct InFlight {
    pieces: VecDeque<Sent>,
    capacity: Capacity,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sent {
    piece: Piece,
    /// The destination's newest block when it was sent.
    sent_at: BlockHeight,
    /// When the submitter reported it as mined.
    mined: Option<Instant>,
    /// A piece before it failed, so that it cannot succeed unless somebody else closed the gap.
    doubtful: bool,
}

impl Sent {
    /// Whether it still needs a block, with the destination at `handled`.
    fn waits(&self, handled: RequestNonce) -> bool {
        self.mined.is_none() && self.piece.end() > handled
    }
}

impl InFlight {
    /// Nothing is in flight, of at most `most` at once.
    pub(super) fn new(most: usize) -> Self {
        Self { pieces: VecDeque::new(), capacity: Capacity::new(most) }
    }

    /// Whether the outcome of every piece is known and shown.
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Where the next piece begins, with the destination at `handled`.
    pub(super) fn end(&self, handled: RequestNonce) -> RequestNonce {
        self.pieces.back().map_or(handled, |last| last.piece.end().max(handled))
    }

    /// Pieces that still need a block, with the destination at `handled`.
    pub(super) fn waiting(&self, handled: RequestNonce) -> usize {
        self.pieces.iter().filter(|sent| sent.waits(handled)).count()
    }

    /// Whether one more piece may be sent, with the destination at `handled`.
    pub(super) fn has_room(&self, handled: RequestNonce) -> bool {
        !self.is_blocked(handled) && self.waiting(handled) < self.capacity.limit()
    }

    /// Whether a piece is unsettled that was sent behind one that failed. Nothing can succeed behind it.
    fn is_blocked(&self, handled: RequestNonce) -> bool {
        self.pieces.iter().any(|sent| sent.doubtful && sent.waits(handled))
    }

    /// How many pieces may wait for a block now, and why not more.
    pub(super) fn limit(&self, handled: RequestNonce) -> (usize, Limit) {
        match self.is_blocked(handled) {
            true => (self.waiting(handled), Limit::Unsettled),
            false => (self.capacity.limit(), self.capacity.reason()),
        }
    }

    /// The end of the last piece that is handled with the destination at `handled`, if one of them is.
    pub(super) fn handled_end(&self, handled: RequestNonce) -> Option<RequestNonce> {
        self.pieces.iter().rev().map(|sent| sent.piece.end()).find(|end| *end <= handled)
    }

    /// A piece was sent behind the others, with the destination at `handled` and `block`.
    pub(super) fn push(&mut self, piece: Piece, handled: RequestNonce, block: BlockHeight) {
        self.pieces.push_back(Sent { piece, sent_at: block, mined: None, doubtful: false });
        if self.waiting(handled) >= self.capacity.limit() {
            self.capacity.filled();
        }
    }

    /// A piece is in a block and did what it should.
    pub(super) fn mined(&mut self, piece: Piece, now: Instant) {
        if let Some(sent) = self.pieces.iter_mut().find(|sent| sent.piece == piece) {
            sent.mined = Some(now);
        }
        self.capacity.succeeded();
    }

    /// A piece went nowhere, or did nothing. Those behind it are doubtful until they are settled as well. Answers whether it was
    /// doubtful itself.
    pub(super) fn failed(&mut self, piece: Piece) -> bool {
        let place = self.pieces.iter().position(|sent| sent.piece == piece);
        let failed = place.and_then(|place| self.pieces.remove(place));
        if let Some(place) = place {
            self.pieces.iter_mut().skip(place).for_each(|sent| sent.doubtful = true);
        }
        self.capacity.failed();
        failed.is_some_and(|sent| sent.doubtful)
    }

    /// Nothing that was in flight was lost, and still less can be: the account's balance or its nonces are bound.
    pub(super) const fn refused_for_now(&mut self) {
        self.capacity.bound_by_account();
    }

    /// Forgets what the destination shows as handled, and what it ought to show for too long: a reorg took it back, or it will be
    /// reported in a moment; either way the contract's state decides.
    pub(super) fn observe(&mut self, handled: RequestNonce, block: BlockHeight, now: Instant) {
        // Behind one that nobody has reported yet nothing is sent anew, so nothing is given up there.
        let mut all_reported = true;
        self.pieces.retain(|sent| {
            all_reported &= sent.mined.is_some();
            match sent.mined {
                Some(since) => {
                    let shown = sent.piece.end() <= handled;
                    let given_up = all_reported && now.saturating_duration_since(since) >= PATIENCE;
                    !(shown || given_up)
                }
                None => true,
            }
        });
        let oldest = self.pieces.iter().filter(|sent| sent.waits(handled)).map(|sent| sent.sent_at).min();
        self.capacity.observe(oldest, block);
    }
}

#[cfg(test)]
mod tests;
