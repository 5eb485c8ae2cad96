//! Which transactions reverted on chain although nothing explains it: pure.

use polyspan_types::{BlockHeight, Epoch, RequestNonce};

use super::size::Size;

/// A piece whose transaction is in a block and reverted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reverted {
    /// Its first request.
    pub(super) first: RequestNonce,
    /// What it could take.
    pub(super) size: Size,
    /// The operators' epoch when it was sent.
    pub(super) epoch: Epoch,
    /// Where it reverted.
    pub(super) block: BlockHeight,
}

/// What the destination shows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) handled: RequestNonce,
    pub(super) epoch: Epoch,
    pub(super) paused: bool,
    pub(super) block: BlockHeight,
}

/// The unexplained reverts of a lane.
#[derive(Debug, Default)]
pub(super) struct Reverts {
    /// In a row, while `handled` does not move.
    count: u32,
    handled: RequestNonce,
    /// The first piece that reverted, until the destination is seen as it was in that block.
    open: Option<Reverted>,
}

impl Reverts {
    /// Transactions in a row that reverted without an explanation.
    pub(super) const fn count(&self) -> u32 {
        self.count
    }

    /// One more transaction reverted without an explanation.
    pub(super) const fn count_one(&mut self) {
        self.count = self.count.saturating_add(1);
    }

    /// The destination is at `handled`. Where it moved, whatever made transactions revert is over, whoever moved it.
    pub(super) fn observe(&mut self, handled: RequestNonce) {
        if self.handled != handled {
            (self.count, self.handled) = (0, handled);
        }
    }

    /// A piece reverted. Of several only the first one counts: the others fail with it.
    pub(super) fn note(&mut self, reverted: Reverted) {
        if self.open.is_none_or(|open| reverted.first < open.first) {
            self.open = Some(reverted);
        }
    }

    /// Judges the first piece that reverted, once `seen` is not older than its block. Returns the size of a piece that nothing
    /// explains: its requests were next, nobody else handled them, and operators and pause are as they were.
    pub(super) fn judge(&mut self, seen: Seen) -> Option<Size> {
        let reverted = self.open.take_if(|open| open.block <= seen.block)?;
        let unexplained = reverted.first == seen.handled && reverted.epoch == seen.epoch && !seen.paused;
        if unexplained {
            self.count_one();
        }
        unexplained.then_some(reverted.size)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SEEN: Seen = Seen {
        handled: RequestNonce::new(8),
        epoch: Epoch::new(3),
        paused: false,
        block: BlockHeight::new(20),
    };

    /// A piece of `gas` that begins at `first`.
    fn reverted(first: u64, gas: u64) -> Reverted {
        let first = RequestNonce::new(first);
        Reverted { first, size: Size { gas, bytes: 1 }, epoch: SEEN.epoch, block: SEEN.block }
    }

    fn judged(pieces: &[Reverted], seen: Seen) -> Option<u64> {
        let mut reverts = Reverts::default();
        pieces.iter().for_each(|piece| reverts.note(*piece));
        let size = reverts.judge(seen);
        assert_eq!(reverts.count(), u32::from(size.is_some()));
        assert_eq!(reverts.judge(seen), None, "once");
        size.map(|size| size.gas)
    }

    #[test]
    fn of_all_that_reverted_the_first_one_tells_the_size() {
        let pieces: Vec<_> = (0..16).map(|place| reverted(8 + place * 128, 1_000 - place)).collect();
        assert_eq!(judged(&pieces, SEEN), Some(1_000));
        assert_eq!(judged(&pieces[1..], SEEN), None, "its predecessor is on its way, or went nowhere");
    }

    #[test]
    fn what_others_handled_or_governors_changed_says_nothing_about_size() {
        let one = [reverted(8, 1_000)];
        assert_eq!(judged(&one, Seen { handled: RequestNonce::new(9), ..SEEN }), None, "a lost race");
        assert_eq!(judged(&one, Seen { epoch: Epoch::new(4), ..SEEN }), None, "other operators");
        assert_eq!(judged(&one, Seen { paused: true, ..SEEN }), None);
    }

    #[test]
    fn a_view_older_than_the_revert_decides_nothing() {
        let mut reverts = Reverts::default();
        reverts.note(reverted(8, 1_000));
        assert_eq!(reverts.judge(Seen { block: BlockHeight::new(19), ..SEEN }), None);
        assert_eq!(reverts.judge(Seen { handled: RequestNonce::new(9), ..SEEN }), None);
        assert_eq!(reverts.count(), 0, "what was handled was not shown yet");
        reverts.note(reverted(8, 1_000));
        assert_eq!(
            reverts.judge(Seen { block: BlockHeight::new(21), ..SEEN }).map(|size| size.gas),
            Some(1_000)
        );
        assert_eq!(reverts.count(), 1);
    }

    #[test]
    fn reverts_in_a_row_end_when_anybody_makes_progress() {
        let mut reverts = Reverts::default();
        reverts.observe(SEEN.handled);
        for count in 1..=10 {
            reverts.note(reverted(8, 1_000));
            assert!(reverts.judge(SEEN).is_some());
            reverts.observe(SEEN.handled);
            assert_eq!(reverts.count(), count);
        }
        reverts.observe(SEEN.handled.next());
        assert_eq!(reverts.count(), 0);
    }

    proptest! {
        #[test]
        fn the_order_of_reports_does_not_matter(
            pieces in proptest::sample::subsequence((0..16).collect::<Vec<u64>>(), 1..=16).prop_shuffle(),
        ) {
            let pieces: Vec<_> = pieces.into_iter().map(|place| reverted(8 + place, 1_000 - place)).collect();
            let is_first = pieces.iter().any(|piece| piece.first == SEEN.handled);
            prop_assert_eq!(judged(&pieces, SEEN), is_first.then_some(1_000));
        }
    }
}
