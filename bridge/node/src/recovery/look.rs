//! Whether a lane stands still: a pure function of three numbers.

use polyspan_types::RequestNonce;

/// What a look at a lane sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Everything that is final is handled.
    Even,
    /// Something is open, and something was handled since the last look: the lane works by itself.
    Moving,
    /// Something is open, and nothing was handled since the last look, or there was none.
    Standing,
}

/// Compares final requests with what is handled now, and with what was at the last look.
///
/// A lane that moves needs no help, and would only be slowed down by it. An unknown last value counts as equal: at the start nothing
/// is known, and just then something may be left behind. A burst of requests just before a look, on a lane that had nothing to do, reads
/// as *standing* although nothing is wrong: then the store is compared with the contracts, which costs a count.
pub(super) fn look(previous: Option<RequestNonce>, requested: RequestNonce, handled: RequestNonce) -> Look {
    if requested <= handled {
        return Look::Even;
    }
    match previous {
        Some(previous) if previous != handled => Look::Moving,
        _ => Look::Standing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_stands_when_something_is_open_and_nothing_was_handled_since_the_last_look() {
        let nonce = RequestNonce::new;
        for (previous, requested, handled, seen) in [
            (None, 5, 5, Look::Even),
            (None, 5, 6, Look::Even),
            (Some(5), 5, 5, Look::Even),
            (None, 6, 5, Look::Standing),
            (Some(5), 6, 5, Look::Standing),
            (Some(4), 6, 5, Look::Moving),
            // The destination took a block back: it is not what it was.
            (Some(6), 7, 5, Look::Moving),
        ] {
            assert_eq!(look(previous.map(nonce), nonce(requested), nonce(handled)), seen);
        }
    }
}
