//! How long a submission has waited, and what that calls for: by this process's own clock and by blocks, never by the time of day,
//! which may be set while a transaction waits.

use std::time::Duration;

use polyspan_types::BlockHeight;
use tokio::time::Instant;

/// Time between two tries to hand the same bytes to the nodes while blocks are made, and between two polls where none is.
/// Source: what a node loses is sent again within two blocks of a second.
pub(super) const RESEND_AFTER: Duration = Duration::from_millis(1_250);

/// As [`RESEND_AFTER`], while no block is made: nothing was passed over, but a node may have lost it.
const RESEND_WITHOUT_BLOCKS: Duration = Duration::from_secs(5);

/// What counts as a block interval where no block is made: a chain that makes blocks on demand makes none for what it does not take.
const LONGEST_INTERVAL: Duration = Duration::from_secs(15);

/// How many times `replace_after` a submission may wait for a block, whatever it pays, before it counts as stuck. Source: as many
/// replacements, each at a higher price, did not help.
const STUCK_AFTER: u64 = 6;

/// A moment: of the chain and of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) height: BlockHeight,
    pub(super) at: Instant,
}

/// What a pending submission needs now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// It is young: wait.
    Wait,
    /// The node may have lost it: send the same bytes again.
    Resend,
    /// It is old: pay more.
    Replace,
}

/// When the newest attempt of a submission was signed, and when it was last handed to the nodes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Age {
    /// `None` until this process first looks at one that an earlier process signed.
    signed: Option<Moment>,
    /// `None` before this process has done it.
    sent: Option<Moment>,
}

impl Age {
    /// Of an attempt that was just signed and sent.
    pub(super) const fn new(now: Option<Moment>) -> Self {
        Self { signed: now, sent: now }
    }

    /// From now on a higher price could help.
    pub(super) const fn restart(&mut self, now: Moment) {
        self.signed = Some(now);
    }

    /// It is sent again.
    pub(super) const fn resent(&mut self, now: Moment) {
        self.sent = Some(now);
    }

    /// Pure: what it needs; `replace_after` is in blocks.
    pub(super) fn need(&mut self, now: Moment, replace_after: u64) -> Need {
        let signed = *self.signed.get_or_insert(now);
        let (blocks, time) = since(signed, now);
        let intervals = u32::try_from(replace_after).unwrap_or(u32::MAX);
        let old = blocks >= replace_after || time >= LONGEST_INTERVAL.saturating_mul(intervals);
        // However quick the blocks are: a transaction takes its time from node to node.
        if old && time >= RESEND_AFTER {
            return Need::Replace;
        }
        let Some(sent) = self.sent else { return Need::Resend };
        let (blocks, time) = since(sent, now);
        if time >= RESEND_WITHOUT_BLOCKS || (blocks > 0 && time >= RESEND_AFTER) {
            return Need::Resend;
        }
        Need::Wait
    }
}

/// Pure: whether a submission counts as stuck that `blocks` were made without; `replace_after` is in blocks. Where no block is made, no
/// other key fares better.
pub(super) const fn overdue(blocks: u64, replace_after: u64) -> bool {
    blocks >= replace_after.saturating_mul(STUCK_AFTER)
}

fn since(then: Moment, now: Moment) -> (u64, Duration) {
    (now.height.since(then.height), now.at.saturating_duration_since(then.at))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPLACE_AFTER: u64 = 6;

    fn moment(start: Instant, height: u64, ms: u64) -> Moment {
        Moment { height: BlockHeight::new(height), at: start + Duration::from_millis(ms) }
    }

    #[test]
    fn a_pending_transaction_is_sent_again_before_it_is_replaced() {
        let start = Instant::now();
        let mut age = Age::new(Some(moment(start, 10, 0)));
        assert_eq!(age.need(moment(start, 10, 0), REPLACE_AFTER), Need::Wait);
        assert_eq!(age.need(moment(start, 11, 1_000), REPLACE_AFTER), Need::Wait);
        assert_eq!(age.need(moment(start, 11, 1_250), REPLACE_AFTER), Need::Resend);
        age.resent(moment(start, 11, 1_250));
        assert_eq!(age.need(moment(start, 12, 2_000), REPLACE_AFTER), Need::Wait);
        assert_eq!(age.need(moment(start, 16, 6_000), REPLACE_AFTER), Need::Replace);
    }

    #[test]
    fn slow_blocks_are_waited_for_and_quick_ones_do_not_hurry() {
        let start = Instant::now();
        let mut age = Age::new(Some(moment(start, 10, 0)));
        assert_eq!(age.need(moment(start, 15, 70_000), REPLACE_AFTER), Need::Resend, "blocks of 12 s");
        let mut age = Age::new(Some(moment(start, 10, 0)));
        assert_eq!(age.need(moment(start, 100, 1_000), REPLACE_AFTER), Need::Wait, "blocks of 10 ms");
        assert_eq!(age.need(moment(start, 110, 1_250), REPLACE_AFTER), Need::Replace);
    }

    #[test]
    fn a_chain_that_makes_no_block_does_not_keep_a_price_for_ever() {
        let start = Instant::now();
        let mut age = Age::new(Some(moment(start, 10, 0)));
        assert_eq!(age.need(moment(start, 10, 4_999), REPLACE_AFTER), Need::Wait);
        assert_eq!(age.need(moment(start, 10, 5_000), REPLACE_AFTER), Need::Resend);
        assert_eq!(age.need(moment(start, 10, 89_999), REPLACE_AFTER), Need::Resend);
        assert_eq!(age.need(moment(start, 10, 90_000), REPLACE_AFTER), Need::Replace);
    }

    #[test]
    fn what_an_earlier_process_signed_is_sent_again_at_once_and_ages_from_then_on() {
        let start = Instant::now();
        let mut age = Age::default();
        assert_eq!(age.need(moment(start, 10, 0), REPLACE_AFTER), Need::Resend);
        age.resent(moment(start, 10, 0));
        assert_eq!(age.need(moment(start, 15, 5_000), REPLACE_AFTER), Need::Resend);
        assert_eq!(age.need(moment(start, 16, 6_000), REPLACE_AFTER), Need::Replace);
    }

    #[test]
    fn a_submission_is_overdue_by_the_blocks_that_passed_it() {
        assert!(!overdue(35, REPLACE_AFTER));
        assert!(overdue(36, REPLACE_AFTER));
        assert!(!overdue(0, REPLACE_AFTER), "a chain that stands still is no reason to change the key");
    }
}
