//! The look of the recovery worker at a lane: is there something to do at all?

use std::fmt;

use polyspan_types::RequestNonce;
use serde::Serialize;

/// What a look found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Look {
    /// Everything that was requested in final blocks is handled.
    Even,
    /// Not everything is, but more than at the last look: live traffic does it.
    Moving,
    /// Not everything is, and no more than at the last look.
    Standing,
}

/// Judges a lane by its `requestNonce` at the source's final block, its `handleNonce`, and what that was at the last look
/// (`prevHandleNonce`); `None` at the first.
///
/// **Why `prevHandleNonce`.** A lane with traffic is hardly ever even: requests are made while others are handled. As long as
/// `handleNonce` moves, whatever is needed for that has been read, and reading it again would only compete with it. What is not
/// handled *and* does not move is what an outage may have left behind.
///
/// **Why unset counts as equal.** At the start nothing is known of how the lane moved before. A relay that comes up after an outage must not
/// let an interval pass first; to look once too often costs one read.
///
/// **A burst just before the look.** A lane was even at the last look, nothing was requested since, and then many requests became final a
/// moment ago: `handleNonce` is what it was, and the lane is called standing although nothing is wrong with it. That is left so on
/// purpose. Telling it apart would need the time since when something is unhandled, and a lane with one such burst before each look would
/// never be looked at. The false alarm is harmless: what is refiltered goes the way of live requests, what is stored already is
/// not stored again, and what is handled already reverts. It is also cheap: a store whose root is the source's own lacks nothing.
///
/// A `handleNonce` that is *less* than at the last look was taken back by a reorganisation of the destination. It changed, so the lane counts
/// as moving: those who sent it send it again, and the next look finds it standing if they do not.
pub fn look(previous: Option<RequestNonce>, requested: RequestNonce, handled: RequestNonce) -> Look {
    if requested <= handled {
        return Look::Even;
    }
    match previous {
        Some(previous) if previous != handled => Look::Moving,
        _ => Look::Standing,
    }
}

impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Even => "even",
            Self::Moving => "moving",
            Self::Standing => "standing",
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(previous: Option<u64>, requested: u64, handled: u64) -> Look {
        look(previous.map(RequestNonce::new), RequestNonce::new(requested), RequestNonce::new(handled))
    }

    #[test]
    fn a_lane_stands_when_it_is_behind_and_has_not_moved_since_the_last_look() {
        assert_eq!(at(Some(5), 9, 5), Look::Standing);
        assert_eq!(at(Some(4), 9, 5), Look::Moving);
        assert_eq!(at(Some(5), 5, 5), Look::Even);
    }

    #[test]
    fn the_first_look_does_not_wait_for_a_second_one() {
        assert_eq!(at(None, 1, 0), Look::Standing);
        assert_eq!(at(None, 0, 0), Look::Even);
    }

    #[test]
    fn a_burst_just_before_the_look_counts_as_standing_once() {
        assert_eq!(at(Some(5), 5, 5), Look::Even);
        assert_eq!(at(Some(5), 1_005, 5), Look::Standing);
        assert_eq!(at(Some(5), 1_005, 700), Look::Moving);
        assert_eq!(at(Some(700), 1_005, 1_005), Look::Even);
    }

    #[test]
    fn what_a_reorganisation_took_back_is_looked_at_again() {
        assert_eq!(at(Some(8), 9, 5), Look::Moving);
        assert_eq!(at(Some(5), 9, 5), Look::Standing);
    }

    proptest! {
        #[test]
        fn a_lane_that_never_moves_again_is_found_standing_by_the_second_look_at_the_latest(
            before in proptest::option::of(0u64..50), requested in 0u64..50, handled in 0u64..50,
        ) {
            let first = at(before, requested, handled);
            let second = at(Some(handled), requested, handled);
            prop_assert_eq!(second == Look::Even, requested <= handled);
            prop_assert!(second != Look::Moving);
            prop_assert_eq!(first == Look::Even, second == Look::Even);
        }
    }
}
