//! Pieces on their way, one behind the other: a pure record of what was sent and of what became of it.

use std::collections::VecDeque;
use std::time::Instant;

use polyspan_types::RequestNonce;

use super::plan::Piece;
use super::rest::PATIENCE;

/// Pieces of a lane that are sent and that the destination does not show as handled yet, in the order of their requests.
#[derive(Debug, Default)]
pub(super) struct Line {
    pieces: VecDeque<Sent>,
    /// A piece did not do what it should: whatever was sent behind it cannot either, and more is not sent before all is told.
    broken: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sent {
    piece: Piece,
    /// Since when it is in a block, as far as that was told.
    mined: Option<Instant>,
}

impl Line {
    /// Whether nothing is on its way.
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Where the next piece begins, with the destination at `handled`.
    pub(super) fn end(&self, handled: RequestNonce) -> RequestNonce {
        self.pieces.back().map_or(handled, |last| last.piece.end().max(handled))
    }

    /// Whether one more piece may be sent while at most `depth` wait for a block.
    pub(super) fn has_room(&self, depth: usize) -> bool {
        !self.broken && self.pieces.iter().filter(|sent| sent.mined.is_none()).count() < depth
    }

    /// The end of the last piece that is handled with the destination at `handled`, if one of them is.
    pub(super) fn handled_end(&self, handled: RequestNonce) -> Option<RequestNonce> {
        self.pieces.iter().rev().map(|sent| sent.piece.end()).find(|end| *end <= handled)
    }

    /// A piece was sent behind the others.
    pub(super) fn push(&mut self, piece: Piece) {
        self.pieces.push_back(Sent { piece, mined: None });
    }

    /// A piece is in a block and did what it should.
    pub(super) fn mined(&mut self, piece: Piece, now: Instant) {
        if let Some(sent) = self.pieces.iter_mut().find(|sent| sent.piece == piece) {
            sent.mined = Some(now);
        }
    }

    /// A piece went nowhere, or did nothing.
    pub(super) fn failed(&mut self, piece: Piece) {
        self.pieces.retain(|sent| sent.piece != piece);
        self.broken = !self.pieces.is_empty();
    }

    /// Forgets what the destination shows as handled, and what it ought to show for too long: a reorg took it back, or it will be
    /// told in a moment; either way the contract's state decides.
    pub(super) fn observe(&mut self, handled: RequestNonce, now: Instant) {
        // Behind one that nobody has told of yet nothing is sent anew, so nothing is given up there.
        let mut all_told = true;
        self.pieces.retain(|sent| {
            all_told &= sent.mined.is_some();
            match sent.mined {
                Some(since) => {
                    let shown = sent.piece.end() <= handled;
                    let given_up = all_told && now.saturating_duration_since(since) >= PATIENCE;
                    !(shown || given_up)
                }
                None => true,
            }
        });
        self.broken &= !self.pieces.is_empty();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(first: u64, count: u64) -> Piece {
        let first = RequestNonce::new(first);
        Piece { first, count, checkpoint: first.plus(count) }
    }

    fn nonce(number: u64) -> RequestNonce {
        RequestNonce::new(number)
    }

    #[test]
    fn pieces_follow_each_other_until_as_many_wait_as_may() {
        let (mut line, now) = (Line::default(), Instant::now());
        assert!(line.is_empty() && line.end(nonce(3)) == nonce(3));
        line.push(piece(3, 4));
        line.push(piece(7, 2));
        assert_eq!(line.end(nonce(3)), nonce(9));
        assert!(line.has_room(3) && !line.has_room(2));
        // One that is in a block makes room, and the next one still begins behind it.
        line.mined(piece(3, 4), now);
        assert!(line.has_room(2));
        assert_eq!(line.end(nonce(3)), nonce(9));
        assert_eq!((line.handled_end(nonce(6)), line.handled_end(nonce(8))), (None, Some(nonce(7))));
        line.observe(nonce(7), now);
        assert_eq!(line.handled_end(nonce(9)), Some(nonce(9)), "seen before it was told");
        line.mined(piece(7, 2), now);
        line.observe(nonce(9), now);
        assert!(line.is_empty());
    }

    #[test]
    fn behind_a_failure_nothing_is_sent_until_all_is_told() {
        let (mut line, now) = (Line::default(), Instant::now());
        for first in [0, 4, 8] {
            line.push(piece(first, 4));
        }
        line.mined(piece(0, 4), now);
        line.failed(piece(4, 4));
        assert!(!line.has_room(9));
        line.observe(nonce(4), now);
        assert!(!line.has_room(9), "the third is still on its way");
        line.failed(piece(8, 4));
        assert!(line.is_empty() && line.has_room(1));
        assert_eq!(line.end(nonce(4)), nonce(4), "the contract's state decides");
    }

    #[test]
    fn what_the_destination_does_not_show_is_not_waited_for_without_end() {
        let (mut line, now) = (Line::default(), Instant::now());
        line.push(piece(0, 4));
        line.mined(piece(0, 4), now);
        line.observe(nonce(0), now);
        assert!(!line.is_empty());
        line.observe(nonce(0), now + PATIENCE);
        assert!(line.is_empty());
        // Behind one that is untold it is kept: what follows has to begin behind it.
        line.push(piece(0, 4));
        line.push(piece(4, 4));
        line.mined(piece(4, 4), now);
        line.observe(nonce(0), now + 2 * PATIENCE);
        assert_eq!(line.end(nonce(0)), nonce(8));
        line.mined(piece(0, 4), now);
        line.observe(nonce(0), now + 2 * PATIENCE);
        assert!(line.is_empty());
        // What waits for a block is followed by the submitter, however long that takes.
        line.push(piece(0, 4));
        line.observe(nonce(0), now + 100 * PATIENCE);
        assert!(!line.is_empty());
    }
}
