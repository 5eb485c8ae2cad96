//! What an operator signs: a pure function, so that honest relays sign the same checkpoints without a word.

use std::collections::BTreeSet;

use polyspan_types::RequestNonce;

/// Every checkpoint at a multiple of this is signed. A protocol constant: relays that disagree on it never meet at a
/// threshold during a backlog. Unit: requests. Source: DESIGN section 3.
pub const CHECKPOINT_INTERVAL: u64 = 32;

/// Nonces whose checkpoints are due: the newest final one, and every multiple of [`CHECKPOINT_INTERVAL`] not handled yet.
///
/// `final_nonce` counts the requests in final blocks, `handle_nonce` those that the destination has handled; a
/// checkpoint at nonce `n` covers the first `n` requests, so nothing at or below `handle_nonce` is of use.
pub fn due(final_nonce: RequestNonce, handle_nonce: RequestNonce) -> BTreeSet<RequestNonce> {
    let (newest, handled) = (final_nonce.get(), handle_nonce.get());
    if newest <= handled {
        return BTreeSet::new();
    }
    let first_multiple = (handled / CHECKPOINT_INTERVAL + 1).saturating_mul(CHECKPOINT_INTERVAL);
    let mut due: BTreeSet<RequestNonce> = (first_multiple..=newest)
        .step_by(usize::try_from(CHECKPOINT_INTERVAL).unwrap_or(usize::MAX))
        .map(RequestNonce::new)
        .collect();
    due.insert(final_nonce);
    due
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbers(final_nonce: u64, handle_nonce: u64) -> Vec<u64> {
        due(RequestNonce::new(final_nonce), RequestNonce::new(handle_nonce))
            .into_iter()
            .map(RequestNonce::get)
            .collect()
    }

    #[test]
    fn the_newest_and_the_multiples_are_due() {
        assert_eq!(numbers(0, 0), Vec::<u64>::new());
        assert_eq!(numbers(1, 0), [1]);
        assert_eq!(numbers(32, 0), [32]);
        assert_eq!(numbers(70, 0), [32, 64, 70]);
        assert_eq!(numbers(70, 32), [64, 70]);
        assert_eq!(numbers(70, 70), Vec::<u64>::new());
        assert_eq!(numbers(3, 9), Vec::<u64>::new());
    }

    proptest! {
        #[test]
        fn relays_at_different_heights_share_every_multiple(
            handled in 0u64..500, low in 0u64..500, more in 0u64..500,
        ) {
            let (behind, ahead) = (numbers(handled + low, handled), numbers(handled + low + more, handled));
            for nonce in behind.iter().filter(|nonce| **nonce % CHECKPOINT_INTERVAL == 0) {
                prop_assert!(ahead.contains(nonce));
            }
        }

        #[test]
        fn every_final_request_is_covered_and_nothing_handled_is_signed(handled in 0u64..5000, open in 1u64..5000) {
            let due = numbers(handled + open, handled);
            prop_assert_eq!(due.last(), Some(&(handled + open)));
            prop_assert!(due.iter().all(|nonce| *nonce > handled));
        }
    }
}
