//! Whether what a destination has handled was requested: a pure function of what the final blocks of both chains say.

use std::time::{Duration, Instant};

use polyspan_types::{BlockHeight, RequestNonce, Root};

/// By how much the source's clock must be ahead of the destination's when it still does not have what was handled. Unit: time.
/// Source: clocks of two chains differ by less, and a request was final before it was handled.
const LATER: Duration = Duration::from_secs(60);

/// What the final blocks of both chains say, and what this relay has read itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sides {
    /// Requests that the destination has handled, and its root over them.
    pub(super) handled: RequestNonce,
    pub(super) handle_root: Root,
    /// The source block that the last of them claims to be of. Whoever made the payout up chose it.
    pub(super) claimed_block: BlockHeight,
    /// Whether the source has the last of them in that block, if it was asked.
    pub(super) claim_holds: Option<bool>,
    /// Requests at the source, and its root over them.
    pub(super) requested: RequestNonce,
    pub(super) request_root: Root,
    /// The own root over `handled` requests, if the source has confirmed that many and stands by them.
    pub(super) own: Option<Root>,
    /// The source's final block, its newest, and the time of that one. Unit: seconds since 1970.
    pub(super) source_final: BlockHeight,
    pub(super) source_head: BlockHeight,
    pub(super) source_time: u64,
}

/// A payout beyond what the source has, when it was first seen. It is kept until the source has come as far: whoever makes up one payout after
/// the other does not postpone the alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Noticed {
    pub(super) at: Instant,
    /// Time of the destination's newest block then. Unit: seconds since 1970.
    pub(super) destination_time: u64,
    /// As [`Sides::handled`] and [`Sides::claimed_block`] then.
    pub(super) handled: RequestNonce,
    pub(super) claimed_block: BlockHeight,
}

impl Noticed {
    /// Whether the source has come as far and has as many requests: what is not explained now is something else.
    pub(super) fn is_settled(&self, sides: &Sides) -> bool {
        sides.requested >= self.handled && sides.source_head >= self.claimed_block
    }
}

/// What the sides come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// What was handled was requested.
    Explained,
    /// Not known yet: the source, or what was read of it, may be behind.
    Pending,
    /// Something else was handled than was requested.
    OtherRoot { own: Root },
    /// More was handled than was requested.
    Unrequested,
}

/// Judges the destination.
///
/// A source that has fewer requests may be behind: an endpoint that lags, a longer way to finality than that of those who attested.
/// It cannot be behind once its final block is the one that the payout claims, or a later one. A claim beyond the newest block is either a
/// lie or a lag, and time tells them apart: the source's own clock, and this relay's, must have gone on.
pub(super) fn judge(sides: &Sides, noticed: Noticed, now: Instant) -> Verdict {
    let source_root = (sides.handled == sides.requested).then_some(sides.request_root);
    // The source of now comes first: what this relay has read may be of a source that was.
    if let Some(own) = source_root.or(sides.own) {
        return if own == sides.handle_root { Verdict::Explained } else { Verdict::OtherRoot { own } };
    }
    if sides.handled < sides.requested {
        return if sides.claim_holds == Some(false) { Verdict::Unrequested } else { Verdict::Pending };
    }
    let is_missed = sides.requested < noticed.handled && noticed.claimed_block <= sides.source_final;
    if sides.claimed_block <= sides.source_final || is_missed {
        return Verdict::Unrequested;
    }
    let by_clock = sides.source_time >= noticed.destination_time.saturating_add(LATER.as_secs());
    let waited = now.saturating_duration_since(noticed.at) >= LATER;
    if noticed.claimed_block > sides.source_head && by_clock && waited {
        return Verdict::Unrequested;
    }
    Verdict::Pending
}

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;

    use super::*;

    fn root(byte: u8) -> Root {
        Root(B256::repeat_byte(byte))
    }

    /// Three requests of block 10, all of them handled, on a source whose final block is 12.
    fn sides() -> Sides {
        Sides {
            handled: RequestNonce::new(3),
            handle_root: root(3),
            claimed_block: BlockHeight::new(10),
            claim_holds: None,
            requested: RequestNonce::new(3),
            request_root: root(3),
            own: Some(root(3)),
            source_final: BlockHeight::new(12),
            source_head: BlockHeight::new(14),
            source_time: 1_000,
        }
    }

    fn noticed(sides: &Sides, at: Instant) -> Noticed {
        Noticed { at, destination_time: 1_000, handled: sides.handled, claimed_block: sides.claimed_block }
    }

    fn at_once(sides: Sides) -> Verdict {
        let now = Instant::now();
        judge(&sides, noticed(&sides, now), now)
    }

    #[test]
    fn what_was_requested_is_explained_and_anything_else_is_not() {
        assert_eq!(at_once(sides()), Verdict::Explained);
        assert_eq!(at_once(Sides { own: None, ..sides() }), Verdict::Explained, "by the source's own root");
        let other = Verdict::OtherRoot { own: root(3) };
        assert_eq!(at_once(Sides { handle_root: root(9), ..sides() }), other);
        assert_eq!(at_once(Sides { handle_root: root(9), own: None, ..sides() }), other);
        let more = Sides { handled: RequestNonce::new(4), handle_root: root(9), own: None, ..sides() };
        assert_eq!(at_once(more), Verdict::Unrequested);
    }

    #[test]
    fn what_was_read_of_a_source_that_took_it_back_is_no_evidence() {
        let stale = Sides { own: Some(root(8)), ..sides() };
        assert_eq!(at_once(stale), Verdict::Explained, "the destination has what the source has now");
        let paid_in_vain =
            Sides { requested: RequestNonce::new(2), request_root: root(2), own: None, ..sides() };
        assert_eq!(at_once(paid_in_vain), Verdict::Unrequested, "the source took back what was paid");
    }

    #[test]
    fn a_payout_below_what_was_requested_is_of_a_request_in_the_block_that_it_claims() {
        let unread = Sides { requested: RequestNonce::new(5), own: None, ..sides() };
        assert_eq!(at_once(unread), Verdict::Pending, "its root is compared when they are read");
        assert_eq!(at_once(Sides { claim_holds: Some(true), ..unread }), Verdict::Pending);
        assert_eq!(at_once(Sides { claim_holds: Some(false), ..unread }), Verdict::Unrequested);
    }

    #[test]
    fn who_is_behind_waits() {
        let more = Sides { handled: RequestNonce::new(4), own: None, ..sides() };
        let not_final = Sides { claimed_block: BlockHeight::new(13), ..more };
        assert_eq!(at_once(not_final), Verdict::Pending);
        let unread = Sides { requested: RequestNonce::new(5), ..more };
        assert_eq!(at_once(unread), Verdict::Pending, "its root is compared when they are read");
    }

    #[test]
    fn a_claim_beyond_the_newest_block_is_a_lie_once_both_clocks_have_gone_on() {
        let invented = Sides {
            handled: RequestNonce::new(4),
            own: None,
            claimed_block: BlockHeight::new(u64::MAX),
            source_time: 1_060,
            ..sides()
        };
        let at = Instant::now();
        let noticed = noticed(&invented, at);
        assert_eq!(judge(&invented, noticed, at + LATER), Verdict::Unrequested);
        assert_eq!(judge(&invented, noticed, at + LATER / 2), Verdict::Pending, "a node that catches up");
        let stalled = Sides { source_time: 1_059, ..invented };
        assert_eq!(judge(&stalled, noticed, at + 10 * LATER), Verdict::Pending, "a source that stands still");
        let known = Sides { claimed_block: BlockHeight::new(14), ..invented };
        let noticed = Noticed { claimed_block: known.claimed_block, ..noticed };
        assert_eq!(
            judge(&known, noticed, at + 10 * LATER),
            Verdict::Pending,
            "it becomes final, or does not"
        );
    }

    #[test]
    fn a_source_that_is_a_moment_behind_is_waited_for_however_long_ago_it_was_behind_before() {
        let ahead = Sides {
            handled: RequestNonce::new(4),
            own: None,
            claimed_block: BlockHeight::new(15),
            source_time: 9_000,
            ..sides()
        };
        let at = Instant::now();
        let earlier = Noticed {
            claimed_block: BlockHeight::new(13),
            handled: RequestNonce::new(3),
            ..noticed(&ahead, at)
        };
        assert!(earlier.is_settled(&ahead), "the source has come so far: the clock begins anew");
        assert_eq!(judge(&ahead, earlier, at + 10 * LATER), Verdict::Pending);
        assert_eq!(judge(&ahead, noticed(&ahead, at), at + LATER), Verdict::Unrequested);
    }

    #[test]
    fn one_invention_after_the_other_does_not_postpone_the_alarm() {
        let first = Sides {
            handled: RequestNonce::new(4),
            own: None,
            claimed_block: BlockHeight::new(15),
            ..sides()
        };
        let at = Instant::now();
        let noticed = noticed(&first, at);
        let next = Sides {
            handled: RequestNonce::new(9),
            claimed_block: BlockHeight::new(40),
            source_final: BlockHeight::new(15),
            source_head: BlockHeight::new(17),
            ..first
        };
        assert!(!noticed.is_settled(&next), "the source has come so far, and has no more requests");
        assert_eq!(judge(&next, noticed, at), Verdict::Unrequested);
    }
}
