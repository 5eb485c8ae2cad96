//! How many submissions of a lane may wait for a block at once: pure, and led by what the chain takes.
//!
//! It begins at [`INITIAL`], grows while every block takes all that was sent, shrinks when blocks leave some behind, and falls to one
//! after a failure: whatever stands behind a submission that fails is paid for in vain.

use std::fmt;

use polyspan_types::BlockHeight;

/// Submissions that may wait before it is known what the chain takes. Unit: submissions. Source: geth keeps 16 pending transactions
/// of an account whatever else its pool holds (`txpool.accountslots`).
pub(super) const INITIAL: usize = 16;

/// A submission that so many blocks passed by was not left out by chance. Unit: blocks of the destination.
const LEFT_BEHIND: u64 = 3;

/// Why not more submissions of a lane wait for a block.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Limit {
    /// As many as the chain has taken in a block so far; it grows while each block takes all.
    #[default]
    Chain,
    /// `relay.submission.max_in_flight`.
    Configured,
    /// A submission failed; it grows again with each that succeeds.
    Failure,
    /// Some were sent behind one that failed, and their outcome is not known yet.
    Unsettled,
    /// The balance or the account nonces of the submitter key are bound by what waits.
    Account,
}

impl Limit {
    /// All of them: the labels of the metric.
    pub const ALL: [Self; 5] = [Self::Chain, Self::Configured, Self::Failure, Self::Unsettled, Self::Account];

    /// Label of the metric.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Chain => "chain",
            Self::Configured => "configured",
            Self::Failure => "failure",
            Self::Unsettled => "unsettled",
            Self::Account => "account",
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chain => "what the chain takes in a block",
            Self::Configured => "relay.submission.max_in_flight",
            Self::Failure => "a failed submission; grows with each success",
            Self::Unsettled => "submissions behind a failed one are not settled",
            Self::Account => "balance or account nonces of the submitter key",
        })
    }
}

/// The present limit, and what it grows to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Capacity {
    limit: usize,
    /// What it had reached before a failure: known to be taken by the chain, so that few successes lead back to it.
    reached: usize,
    most: usize,
    /// As many waited as may, since it grew last: more can be tried.
    filled: bool,
    /// Successes since it grew last.
    successes: usize,
    /// The block at which it shrank last.
    shrunk_at: Option<BlockHeight>,
    reason: Limit,
}

impl Capacity {
    /// At most `most` at any time.
    pub(super) fn new(most: usize) -> Self {
        let most = most.max(1);
        let limit = INITIAL.min(most);
        let mut capacity = Self {
            limit,
            reached: limit,
            most,
            filled: false,
            successes: 0,
            shrunk_at: None,
            reason: Limit::Chain,
        };
        capacity.explain();
        capacity
    }

    pub(super) const fn limit(&self) -> usize {
        self.limit
    }

    pub(super) const fn reason(&self) -> Limit {
        self.reason
    }

    /// As many wait as may.
    pub(super) const fn filled(&mut self) {
        self.filled = true;
    }

    /// A submission did what it should.
    pub(super) fn succeeded(&mut self) {
        if self.limit < self.reached {
            self.limit = self.limit.saturating_mul(2).min(self.reached);
            self.successes = 0;
        } else {
            self.successes += 1;
            // A whole limit was taken, and the lane had more: the chain takes at least twice that in two blocks.
            if self.filled && self.successes >= self.limit {
                self.limit = self.limit.saturating_mul(2).min(self.most);
                self.reached = self.limit;
                (self.filled, self.successes) = (false, 0);
            }
        }
        self.explain();
    }

    /// A submission went nowhere, or did nothing.
    pub(super) const fn failed(&mut self) {
        self.limit = 1;
        (self.filled, self.successes) = (false, 0);
        self.reason = Limit::Failure;
    }

    /// The account cannot have more wait for a block now.
    pub(super) const fn bound_by_account(&mut self) {
        self.reason = Limit::Account;
    }

    /// Shrinks when the `oldest` submission that waits was passed by; at most once for what waited together.
    pub(super) fn observe(&mut self, oldest: Option<BlockHeight>, block: BlockHeight) {
        let Some(oldest) = oldest else { return };
        let settled = self.shrunk_at.is_none_or(|shrunk| oldest >= shrunk || block < shrunk);
        if block.since(oldest) > LEFT_BEHIND && settled && self.limit > INITIAL {
            self.limit = (self.limit / 2).max(INITIAL);
            self.reached = self.limit;
            (self.filled, self.successes) = (false, 0);
            self.shrunk_at = Some(block);
            self.explain();
        }
    }

    const fn explain(&mut self) {
        self.reason = if self.limit < self.reached {
            Limit::Failure
        } else if self.limit == self.most {
            Limit::Configured
        } else {
            Limit::Chain
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(height: u64) -> BlockHeight {
        BlockHeight::new(height)
    }

    #[test]
    fn it_grows_while_blocks_take_everything_and_only_when_there_is_more_to_send() {
        let mut capacity = Capacity::new(40);
        assert_eq!((capacity.limit(), capacity.reason()), (INITIAL, Limit::Chain));
        (0..100).for_each(|_| capacity.succeeded());
        assert_eq!(capacity.limit(), INITIAL, "a lane with little to send shows nothing about the chain");
        capacity.filled();
        capacity.succeeded();
        assert_eq!(capacity.limit(), 32);
        capacity.filled();
        (0..31).for_each(|_| capacity.succeeded());
        assert_eq!(capacity.limit(), 32);
        capacity.succeeded();
        assert_eq!((capacity.limit(), capacity.reason()), (40, Limit::Configured));
    }

    #[test]
    fn a_failure_leaves_one_and_few_successes_bring_the_whole_back() {
        let mut capacity = Capacity::new(INITIAL);
        capacity.failed();
        assert_eq!((capacity.limit(), capacity.reason()), (1, Limit::Failure));
        (0..4).for_each(|_| capacity.succeeded());
        assert_eq!((capacity.limit(), capacity.reason()), (INITIAL, Limit::Configured));
    }

    #[test]
    fn what_blocks_leave_behind_halves_it_once() {
        let mut capacity = Capacity::new(64);
        capacity.filled();
        (0..INITIAL).for_each(|_| capacity.succeeded());
        capacity.filled();
        (0..32).for_each(|_| capacity.succeeded());
        assert_eq!(capacity.limit(), 64);
        capacity.observe(Some(block(10)), block(13));
        assert_eq!(capacity.limit(), 64, "not passed by yet");
        capacity.observe(Some(block(10)), block(14));
        capacity.observe(Some(block(10)), block(15));
        capacity.observe(Some(block(11)), block(15));
        assert_eq!((capacity.limit(), capacity.reason()), (32, Limit::Chain));
        capacity.observe(Some(block(14)), block(18));
        capacity.observe(Some(block(18)), block(22));
        assert_eq!(capacity.limit(), INITIAL, "never below what every node keeps");
        capacity.observe(None, block(99));
        assert_eq!(capacity.limit(), INITIAL);
    }
}
