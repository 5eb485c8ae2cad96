//! Which requests the next transaction handles: a pure function of what is approved and what is handled.

use polyspan_types::RequestNonce;

/// Longest tail that a submission carries. A leaf is 32 bytes of calldata, and nodes refuse transactions above 128 KiB;
/// this leaves half of that to the transfers. Unit: leaves.
pub const TAIL_LIMIT: u64 = 2048;

/// The next submission of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// First request to handle.
    pub first: RequestNonce,
    /// How many are handled.
    pub count: u64,
    /// Nonce of the approved checkpoint that proves them; what lies between goes along as tail.
    pub checkpoint: RequestNonce,
}

impl Piece {
    /// First nonce after the handled ones, where the tail begins.
    pub fn end(&self) -> RequestNonce {
        self.first.plus(self.count)
    }
}

/// The next piece, or `None` when nothing approved is left to handle.
///
/// `approved` are the nonces of approved checkpoints. A piece ends at the highest of them or after `max_transfers`; its
/// checkpoint is the lowest that covers it, so that the tail is short.
pub fn next_piece(
    handle_nonce: RequestNonce,
    approved: impl IntoIterator<Item = RequestNonce>,
    max_transfers: u64,
) -> Option<Piece> {
    let mut open: Vec<RequestNonce> = approved.into_iter().filter(|nonce| *nonce > handle_nonce).collect();
    open.sort_unstable();
    let highest = *open.last()?;
    let end = highest.min(handle_nonce.plus(max_transfers.max(1)));
    let checkpoint = open.into_iter().find(|nonce| *nonce >= end)?;
    (checkpoint.since(end) <= TAIL_LIMIT).then_some(Piece {
        first: handle_nonce,
        count: end.since(handle_nonce),
        checkpoint,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn piece(handle_nonce: u64, approved: &[u64], max: u64) -> Option<(u64, u64, u64)> {
        next_piece(RequestNonce::new(handle_nonce), approved.iter().copied().map(RequestNonce::new), max)
            .map(|piece| (piece.first.get(), piece.count, piece.checkpoint.get()))
    }

    #[test]
    fn a_piece_ends_at_the_limit_and_uses_the_nearest_checkpoint() {
        assert_eq!(piece(0, &[], 10), None);
        assert_eq!(piece(5, &[5], 10), None);
        assert_eq!(piece(5, &[6], 10), Some((5, 1, 6)));
        assert_eq!(piece(0, &[32, 64, 70], 128), Some((0, 70, 70)));
        assert_eq!(piece(0, &[70, 32, 64], 40), Some((0, 40, 64)));
        assert_eq!(piece(0, &[5000], 40), None, "the tail would be too long");
    }

    proptest! {
        #[test]
        fn pieces_cover_everything_approved_once_and_in_order(
            handled in 0u64..200, approved in proptest::collection::btree_set(1u64..1000, 0..40), max in 1u64..200,
        ) {
            let approved: Vec<u64> = approved.into_iter().collect();
            let mut at = handled;
            while let Some((first, count, checkpoint)) = piece(at, &approved, max) {
                prop_assert_eq!(first, at);
                prop_assert!(count >= 1 && count <= max && checkpoint >= first + count);
                prop_assert!(approved.contains(&checkpoint));
                at += count;
            }
            prop_assert_eq!(at, handled.max(approved.last().copied().unwrap_or(0)));
        }
    }
}
