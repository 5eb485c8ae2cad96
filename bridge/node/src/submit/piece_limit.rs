//! How many transfers a piece may have, by what nodes got through in time: pure.
//!
//! A size that the chain refuses is for [`super::size`]: that is known by gas and bytes, and for long. Time depends on what else a node
//! does, so this falls by half with each try that is too slow, and grows again with each success.

use std::time::{Duration, Instant};

/// For how long what was too slow is not tried again. Unit: time. Source: a try that is too slow costs `request_timeout` (5 s), and nodes
/// that were starved answered again after 70 to 110 s.
const REMEMBERED: Duration = Duration::from_secs(120);

/// Transfers that whoever takes a lane over begins with at the least. Unit: transfers. Source: a call of so many takes an eighth of the
/// time of a full piece, and fewer cost more gas for each (`docs/figures.md`).
const TAKEOVER_LEAST: u64 = 16;

/// The present limit, and what was too slow.
#[derive(Debug, Clone, Copy)]
pub(super) struct PieceLimit {
    most: u64,
    limit: u64,
    /// The largest piece of the last run of tries that were too slow, and when the last of them was.
    slow: Option<(u64, Instant)>,
    /// Nothing succeeded since.
    is_slow: bool,
}

impl PieceLimit {
    /// At most `most` transfers at any time.
    pub(super) fn new(most: u64) -> Self {
        let most = most.max(1);
        Self { most, limit: most, slow: None, is_slow: false }
    }

    /// Unit: transfers.
    pub(super) fn at(&self, now: Instant) -> u64 {
        let slow = self.slow.filter(|(_, since)| now.saturating_duration_since(*since) < REMEMBERED);
        slow.map_or(self.limit, |(count, _)| self.limit.min(half(count)))
    }

    /// A node did not get through a piece of `count` in time.
    pub(super) fn too_slow(&mut self, count: u64, now: Instant) {
        // In a row they show a node that does nothing at all; the first of them shows a size.
        let first = self.slow.filter(|_| self.is_slow).map_or(count, |(first, _)| first.max(count));
        self.slow = Some((first, now));
        self.is_slow = true;
        self.limit = half(count).min(self.most);
    }

    /// This relay takes the lane over by its rank: others may have failed with as much as there is, so each rank begins with half of
    /// what the one before it does, and nobody repeats another's piece.
    pub(super) fn takes_over(&mut self, rank: usize) {
        let halvings = u32::try_from(rank).unwrap_or(u32::MAX).saturating_add(1);
        let least = TAKEOVER_LEAST.min(self.most);
        self.limit = self.limit.min(self.most.checked_shr(halvings).unwrap_or(0).max(least));
    }

    /// A piece was handled.
    pub(super) fn succeeded(&mut self) {
        self.is_slow = false;
        self.limit = self.limit.saturating_mul(2).min(self.most);
    }
}

fn half(count: u64) -> u64 {
    (count / 2).max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_too_slow_is_halved_until_it_passes_and_grows_with_each_success() {
        let (mut limit, now) = (PieceLimit::new(128), Instant::now());
        for expected in [128, 64, 32] {
            assert_eq!(limit.at(now), expected);
            limit.too_slow(expected, now);
        }
        assert_eq!(limit.at(now), 16);
        // A node that did nothing at all is not mistaken for one that can do little.
        for expected in [32, 64, 64] {
            limit.succeeded();
            assert_eq!(limit.at(now), expected);
        }
        assert_eq!(limit.at(now + REMEMBERED), 128);
    }

    #[test]
    fn what_is_too_slow_again_is_not_tried_for_a_while() {
        let (mut limit, now) = (PieceLimit::new(128), Instant::now());
        limit.too_slow(128, now);
        limit.succeeded();
        limit.too_slow(64, now);
        for _ in 0..5 {
            limit.succeeded();
            assert_eq!(limit.at(now), 32);
        }
        assert_eq!(limit.at(now + REMEMBERED), 128);
    }

    #[test]
    fn a_single_transfer_is_always_tried() {
        let (mut limit, now) = (PieceLimit::new(1), Instant::now());
        limit.too_slow(1, now);
        limit.takes_over(70);
        assert_eq!((limit.at(now), PieceLimit::new(0).at(now)), (1, 1));
    }

    #[test]
    fn no_rank_begins_with_the_piece_of_another() {
        let (full, now) = (PieceLimit::new(128), Instant::now());
        let begins = |rank| {
            let mut limit = full;
            limit.takes_over(rank);
            limit.at(now)
        };
        assert_eq!([0, 1, 2, 3, 99].map(begins), [64, 32, 16, 16, 16], "the leader has tried 128");
        let mut limit = full;
        limit.takes_over(2);
        limit.succeeded();
        limit.succeeded();
        limit.succeeded();
        assert_eq!(limit.at(now), 128, "what passes leads back to full pieces");
    }

    #[derive(Debug, Clone, Copy)]
    enum Event {
        Slow,
        TakesOver(usize),
        Success,
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![Just(Event::Slow), (0usize..80).prop_map(Event::TakesOver), Just(Event::Success)]
    }

    proptest! {
        #[test]
        fn the_same_piece_is_never_tried_again_at_once(
            most in 1u64..300, events in prop::collection::vec(event(), 0..40),
        ) {
            let (mut limit, now) = (PieceLimit::new(most), Instant::now());
            for event in events {
                let before = limit.at(now);
                match event {
                    Event::Slow => limit.too_slow(before, now),
                    Event::TakesOver(rank) => limit.takes_over(rank),
                    Event::Success => limit.succeeded(),
                }
                let after = limit.at(now);
                prop_assert!((1..=most).contains(&after));
                prop_assert!(!matches!(event, Event::Slow) || after < before || before == 1);
            }
            (0..9).for_each(|_| limit.succeeded());
            prop_assert_eq!(limit.at(now + REMEMBERED), most, "nothing lasts for ever");
        }
    }
}
