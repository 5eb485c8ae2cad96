//! A run of requests that the store lacks, gathered in pieces: pure, and with bounded memory however long it is.
//!
//! ```text
//! short: gathered whole ─▶ filled where it ends, proved by the request stored behind it
//! long:  the root after each piece is noted, the piece dropped ─▶ the source's root proves all of them ─▶ read again, filled by piece
//! ```

use std::collections::BTreeMap;

use polyspan_store::Proof;
use polyspan_types::{Request, RequestNonce, Root};

/// Requests that are held and filled at once. Unit: requests. Source: about 1 KiB each, and one transaction of the store, for which
/// the other lanes wait.
pub(super) const PIECE: usize = 2_048;

/// Requests that can be filled, and by what they are proved.
#[derive(Debug, PartialEq)]
pub(super) struct Piece {
    pub(super) requests: Vec<Request>,
    pub(super) root_after: Root,
    pub(super) proof: Proof,
}

/// The hole that is being read, and what is known of those before it.
#[derive(Debug)]
pub(super) struct Hole {
    most: usize,
    requests: Vec<Request>,
    root_after: Root,
    /// Its beginning was dropped: nothing of it can be filled in this pass.
    is_noted: bool,
    /// Roots by nonce at which pieces end: as they were told in this pass, and as the source's root has proved them in one before.
    noted: BTreeMap<RequestNonce, Root>,
    proved: BTreeMap<RequestNonce, Root>,
}

impl Hole {
    /// None yet, after the requests with this root. At most `most` of them are held.
    pub(super) const fn new(most: usize, root_after: Root) -> Self {
        Self {
            most,
            requests: Vec::new(),
            root_after,
            is_noted: false,
            noted: BTreeMap::new(),
            proved: BTreeMap::new(),
        }
    }

    /// One more request is missing; `root` is the one after it. Returns a full piece before it that is proved.
    pub(super) fn add(&mut self, request: Request, root: Root) -> Option<Piece> {
        let piece = self.cut(request.nonce);
        self.requests.push(request);
        self.root_after = root;
        piece
    }

    /// A piece ends where one was proved to end, wherever the hole begins by now, or when it is full.
    fn cut(&mut self, end: RequestNonce) -> Option<Piece> {
        if !self.is_noted && self.proved.get(&end) == Some(&self.root_after) {
            return self.take(Proof::Source);
        }
        if self.requests.len() < self.most {
            return None;
        }
        self.noted.insert(end, self.root_after);
        self.requests.clear();
        self.is_noted = true;
        None
    }

    /// It ends here, and `proof` is there for what is held. Returns that, unless what is before it is missing as well.
    pub(super) fn end(&mut self, proof: Proof) -> Option<Piece> {
        if std::mem::take(&mut self.is_noted) {
            self.requests.clear();
        }
        self.take(proof)
    }

    fn take(&mut self, proof: Proof) -> Option<Piece> {
        let requests = std::mem::take(&mut self.requests);
        (!requests.is_empty()).then_some(Piece { requests, root_after: self.root_after, proof })
    }

    /// The source's own root was met, which proves every root on the way to it. Whether pieces were noted, and wait for another pass.
    pub(super) fn prove(&mut self) -> bool {
        let waits = !self.noted.is_empty();
        if waits {
            self.proved = std::mem::take(&mut self.noted);
        }
        waits
    }

    /// Everything is read from the beginning. What is proved stays so.
    pub(super) fn restart(&mut self) {
        self.requests.clear();
        self.noted.clear();
        self.is_noted = false;
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;

    use super::*;
    use crate::testing::World;

    /// Adds requests `nonces`, whose roots are their own ends; what can be filled, as first nonce and count.
    fn add(hole: &mut Hole, nonces: std::ops::Range<u64>) -> Vec<(u64, usize)> {
        let world = World::of((0..100).collect(), 100);
        let pieces = nonces.filter_map(|nonce| hole.add(world.request(nonce), root(nonce + 1)));
        pieces.map(told).collect()
    }

    fn root(end: u64) -> Root {
        Root(B256::left_padding_from(&end.to_be_bytes()))
    }

    fn told(piece: Piece) -> (u64, usize) {
        let first = piece.requests[0].nonce.get();
        assert_eq!(piece.root_after, root(first + piece.requests.len() as u64));
        (first, piece.requests.len())
    }

    fn end(hole: &mut Hole) -> Option<(u64, usize)> {
        hole.end(Proof::Neighbour).map(told)
    }

    #[test]
    fn a_short_hole_is_filled_where_it_ends() {
        let mut hole = Hole::new(4, root(0));
        assert!(add(&mut hole, 10..14).is_empty());
        assert_eq!(end(&mut hole), Some((10, 4)));
        assert_eq!(end(&mut hole), None, "once");
        assert!(!hole.prove(), "and leaves nothing for another pass");
    }

    #[test]
    fn a_long_one_is_filled_by_piece_once_the_source_has_proved_it() {
        let mut hole = Hole::new(4, root(0));
        assert!(add(&mut hole, 10..19).is_empty(), "nothing proves a piece in the middle");
        assert_eq!(end(&mut hole), None, "what is before the rest is missing as well");
        assert!(add(&mut hole, 30..32).is_empty());
        assert_eq!(end(&mut hole), Some((30, 2)), "a short one behind it is filled at once");
        assert!(hole.prove());
        hole.restart();
        assert_eq!(add(&mut hole, 10..19), [(10, 4), (14, 4)]);
        assert_eq!(end(&mut hole), Some((18, 1)));
        assert!(!hole.prove());
    }

    #[test]
    fn a_hole_that_begins_later_by_now_is_filled_where_its_pieces_were_proved_to_end() {
        let mut hole = Hole::new(4, root(0));
        add(&mut hole, 10..23);
        end(&mut hole);
        assert!(hole.prove());
        hole.restart();
        assert_eq!(add(&mut hole, 13..23), [(13, 1), (14, 4), (18, 4)]);
        assert_eq!(end(&mut hole), Some((22, 1)));
        assert!(!hole.prove());
    }

    #[test]
    fn a_pass_that_failed_proves_nothing_and_one_that_is_told_otherwise_fills_nothing() {
        let mut hole = Hole::new(4, root(0));
        add(&mut hole, 10..19);
        hole.restart();
        assert!(!hole.prove(), "the source's root was never met");
        add(&mut hole, 10..19);
        assert!(hole.prove());
        // The second piece ends with another root than was proved: neither it nor what follows is filled.
        let world = World::of((0..100).collect(), 100);
        hole.restart();
        assert_eq!(add(&mut hole, 10..17), [(10, 4)]);
        assert_eq!(hole.add(world.request(17), root(99)), None);
        assert!(add(&mut hole, 18..30).is_empty());
        assert_eq!(end(&mut hole), None);
        // What was filled before shortens the hole from its beginning: the other pieces end where they did.
        hole.restart();
        assert_eq!(add(&mut hole, 14..19), [(14, 4)]);
        assert_eq!(end(&mut hole), Some((18, 1)));
    }
}
