//! Whether an account can pay, and when to look again.

use std::time::{Duration, Instant};

use alloy::primitives::U256;
use polyspan_store::{Submission, SubmissionOutcome};
use tracing::debug;

use super::pricing::{Price, first_price};
use super::{Submitter, SubmitterError, envelope};

/// How old a known balance gets. Unit: time. Source: one call in half a minute and key; a key that is short is looked at
/// with every block.
const BALANCE_AGE: Duration = Duration::from_secs(30);

/// How long a key that is short is passed over although its balance did not rise: what it has may do at today's price.
/// Unit: time.
const SHORT_AGE: Duration = Duration::from_secs(300);

/// What a key must be able to pay for to be any use. Unit: gas. Source: a `handle` of one transfer with one signature takes 90 000
/// (docs/figures.md).
const LEAST_GAS: u64 = 90_000;

/// What is known of an account's money.
#[derive(Debug, Default)]
pub(super) struct Funds {
    /// When the balance was read last.
    read: Option<Instant>,
    /// What was left of it then, if everything on its way cost as much as it may, less what was sent since. Unit: wei.
    free: U256,
    /// The balance itself. Unit: wei.
    balance: U256,
    short: Option<Short>,
}

/// Whether an account can pay for one more transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cover {
    /// It can, whatever becomes of those on their way.
    Enough,
    /// Only if those on their way cost less than they may.
    Bound,
    /// It has not enough for this one alone.
    Short,
}

/// The account could not pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Short {
    /// With which balance it is tried again.
    needs: U256,
    since: Instant,
}

impl Short {
    /// Pure: whether it is worth another try.
    fn is_over(self, balance: U256, now: Instant) -> bool {
        balance >= self.needs || now.duration_since(self.since) >= SHORT_AGE
    }
}

impl Funds {
    pub(super) const fn is_short(&self) -> bool {
        self.short.is_some()
    }

    /// Pure: whether what is free is enough, and half of all left where others are to be left something.
    fn covers(&self, cost: U256, leaves_half: bool) -> bool {
        let kept = if leaves_half { self.balance / U256::from(2) } else { U256::ZERO };
        self.free >= cost.saturating_add(kept)
    }

    fn is_due(&self, now: Instant) -> bool {
        self.is_short() || self.read.is_none_or(|read| now.duration_since(read) >= BALANCE_AGE)
    }

    /// What the account has is not enough: it takes `cost`, or at least more than there is.
    fn fall_short(&mut self, balance: U256, cost: U256, now: Instant) {
        let since = self.short.map_or(now, |short| short.since);
        self.short = Some(Short { needs: cost.max(balance.saturating_add(U256::ONE)), since });
    }
}

#[cfg(test)]
impl Funds {
    /// What was read last.
    pub(super) const fn balance(&self) -> U256 {
        self.balance
    }

    /// It is due to be read.
    pub(super) const fn forget(&mut self) {
        self.read = None;
    }
}

impl Submitter {
    /// Whether the account has what `gas` can cost. Where it has not, it is passed over until it has. One that `follows` others of
    /// its lane leaves half of the balance to other lanes, of which nodes take nothing that is not covered.
    pub(super) async fn can_pay(
        &mut self,
        gas: u64,
        price: Price,
        follows: bool,
    ) -> Result<Cover, SubmitterError> {
        let cost = U256::from(gas).saturating_mul(U256::from(price.highest()));
        if cost.is_zero() {
            return Ok(Cover::Enough);
        }
        let is_fresh = !self.funds.is_due(Instant::now());
        if is_fresh && self.funds.covers(cost, follows) {
            return Ok(Cover::Enough);
        }
        let balance = self.read_balance().await?;
        if balance < cost {
            self.funds.fall_short(balance, cost, Instant::now());
            self.stand();
            return Ok(Cover::Short);
        }
        self.funds.short = None;
        Ok(if self.funds.covers(cost, follows) { Cover::Enough } else { Cover::Bound })
    }

    /// A transaction is about to be sent.
    pub(super) fn spend(&mut self, submission: &Submission) {
        self.funds.free = self.funds.free.saturating_sub(envelope::highest_cost(submission));
    }

    /// A node says that the account cannot pay.
    pub(super) async fn fall_short(&mut self) -> Result<(), SubmitterError> {
        let balance = self.read_balance().await?;
        self.funds.fall_short(balance, U256::ZERO, Instant::now());
        self.stand();
        Ok(())
    }

    /// Reads the balance now and then, and often while there is too little.
    pub(super) async fn look_at_funds(&mut self) {
        // What an endpoint that is behind says of a balance is older than what is known.
        if !self.funds.is_due(Instant::now()) || self.chain.check_current().is_err() {
            return;
        }
        match self.read_balance().await {
            Ok(balance) => {
                if self.funds.short.is_some_and(|short| short.is_over(balance, Instant::now())) {
                    self.funds.short = None;
                }
                self.foresee_shortage(balance).await;
                self.stand();
            }
            // What ails the endpoint is told by whoever needs it.
            Err(failed) => debug!(chain = self.chain.name(), error = %failed, "balance not read"),
        }
    }

    /// A key that has nothing to send is short all the same when it could pay for nothing: whoever takes over finds that out too late.
    async fn foresee_shortage(&mut self, balance: U256) {
        if self.funds.is_short() {
            return;
        }
        let Ok(market) = self.market().await else { return };
        // Above the cap nothing is sent, whatever there is.
        let Some(price) = first_price(&market, self.settings.max_fee_per_gas) else { return };
        let cost = U256::from(LEAST_GAS).saturating_mul(U256::from(price.highest()));
        if balance < cost {
            self.funds.fall_short(balance, cost, Instant::now());
        }
    }

    async fn read_balance(&mut self) -> Result<U256, SubmitterError> {
        let balance = self.chain.balance(self.signer.address()).await?;
        self.funds.read = Some(Instant::now());
        let open =
            self.pending.iter().filter(|pending| pending.submission.outcome == SubmissionOutcome::Pending);
        let bound = open.fold(U256::ZERO, |sum, pending| sum.saturating_add(pending.cost));
        self.funds.free = balance.saturating_sub(bound);
        self.funds.balance = balance;
        self.seat.balance(balance);
        Ok(balance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_leaves_half_of_the_balance_to_others() {
        let funds = Funds { free: U256::from(70), balance: U256::from(100), ..Funds::default() };
        assert!(funds.covers(U256::from(70), false) && !funds.covers(U256::from(71), false));
        assert!(funds.covers(U256::from(20), true) && !funds.covers(U256::from(21), true));
    }

    #[test]
    fn a_key_that_fell_short_waits_for_what_it_needs_or_a_while() {
        let (mut funds, now) = (Funds::default(), Instant::now());
        assert!(funds.is_due(now), "nothing is known yet");
        funds.fall_short(U256::from(3), U256::from(10), now);
        let short = funds.short.unwrap();
        assert!(!short.is_over(U256::from(9), now) && short.is_over(U256::from(10), now));
        assert!(short.is_over(U256::from(3), now + SHORT_AGE));
        funds.fall_short(U256::from(12), U256::ZERO, now + SHORT_AGE);
        assert_eq!(funds.short.unwrap(), Short { needs: U256::from(13), since: now }, "any money may help");
    }
}
