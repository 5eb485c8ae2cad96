//! Another attempt of a pending submission: one that pays more, one at the price that nodes demand, or one that cancels it.

use alloy::rpc::types::TransactionRequest;
use polyspan_chain::{ChainError, Demand, FeeMarket};
use polyspan_store::{Attempt, Submission};
use tracing::warn;

use super::age::{Age, Moment};
use super::choice::Standing;
use super::envelope::{self, TRANSFER_GAS, Transaction};
use super::pricing::{Price, demanded_price, replacement_price};
use super::watch_pending::Hindrance;
use super::{Pending, Submitter, SubmitterError};
use crate::clock::now_ms;

/// Attempts of one submission after which it is raised only when the market asks for more. A chain with a fixed price
/// refuses every raise.
const UNASKED_RAISES: usize = 8;

/// How often the price of a submission that no node has taken follows what they demand; after that it is raised by steps like any other,
/// so that a pool that wants more and does not say how much is not asked for ever.
const REPRICES: usize = 4;

/// Pure: whether paying more can help a submission whose newest attempt pays `previous`.
fn raise_can_help(market: &FeeMarket, previous: Price, attempts: usize) -> bool {
    let asked = market.current_price();
    // Where gas costs nothing a raise costs a balance that the submitter need not have.
    asked > previous.highest() || (previous.highest() > 0 && attempts < UNASKED_RAISES)
}

/// What became of a price that no node took.
pub(super) enum Repriced {
    /// There is an attempt at another price.
    Yes,
    /// There is not, and why.
    No(Hindrance),
}

impl Submitter {
    /// The fee market as this submitter takes part in it: it tips no less than its chain is configured for.
    pub(super) async fn market(&self) -> Result<FeeMarket, ChainError> {
        Ok(self.chain.fees().await?.with_least_priority(self.settings.min_priority_fee))
    }

    /// Adds an attempt that pays more, if that can help and the cap allows it; otherwise says why not. What would do nothing any more
    /// is cancelled instead: the first attempt to be mined decides, and a transfer of nothing costs the least.
    pub(super) async fn raise(
        &self,
        pending: &mut Pending,
        now: Moment,
    ) -> Result<Option<Hindrance>, SubmitterError> {
        let attempts = pending.submission.attempts.len().saturating_sub(pending.repriced);
        let Some((transaction, previous)) = self.newest(&pending.submission)? else { return Ok(None) };
        let in_vain = self.is_in_vain(&transaction).await?;
        let market = self.market().await?;
        if !in_vain && !raise_can_help(&market, previous, attempts) {
            return Ok(None);
        }
        let Some(price) = replacement_price(&market, previous, self.settings.max_fee_per_gas) else {
            return Ok(Some(self.no_room(&transaction)));
        };
        let transaction = if in_vain { transaction.cancelled_by(self.signer.address()) } else { transaction };
        warn!(
            chain = self.chain.name(), nonce = %transaction.account_nonce, old = previous.highest(), new = price.highest(),
            cancelled = in_vain, "replacing a stuck submission"
        );
        self.add_attempt(pending, &transaction, price).await?;
        pending.age = Age::new(Some(now));
        Ok(None)
    }

    /// Adds an attempt at the price that nodes demand, in the place of one that none of them has: no raise is owed for that.
    pub(super) async fn reprice(
        &self,
        pending: &mut Pending,
        demand: Demand,
    ) -> Result<Repriced, SubmitterError> {
        let Some((transaction, previous)) = self.newest(&pending.submission)? else {
            return Ok(Repriced::No(self.underpriced()));
        };
        let Some(price) = demanded_price(&self.market().await?, demand, self.settings.max_fee_per_gas) else {
            return Ok(Repriced::No(self.no_room(&transaction)));
        };
        // No part of it falls: a node that this process has not heard of may have the one before.
        let price = price.at_least(previous);
        if price == previous || pending.repriced >= REPRICES {
            return Ok(Repriced::No(self.underpriced()));
        }
        warn!(
            chain = self.chain.name(), nonce = %transaction.account_nonce, old = previous.highest(), new = price.highest(),
            "pricing anew what no node takes"
        );
        // It goes on ageing: what is not taken at this price either is raised in the end.
        self.add_attempt(pending, &transaction, price).await?;
        pending.repriced += 1;
        Ok(Repriced::Yes)
    }

    async fn add_attempt(
        &self,
        pending: &mut Pending,
        transaction: &Transaction,
        price: Price,
    ) -> Result<(), SubmitterError> {
        let attempt: Attempt = transaction.sign(price, &self.signer, now_ms()).await?;
        let mut submission = pending.submission.clone();
        submission.attempts.push(attempt);
        // Before sending, as the first attempt: whatever is sent must be in the journal.
        self.store.record_submission(&submission).await?;
        pending.cost = envelope::highest_cost(&submission);
        pending.submission = submission;
        Ok(())
    }

    /// The newest attempt with its price; `None` when its bytes are no longer kept.
    fn newest(&self, submission: &Submission) -> Result<Option<(Transaction, Price)>, SubmitterError> {
        let newest = submission.attempts.last().filter(|attempt| !attempt.raw.is_empty());
        newest.map(|attempt| Transaction::decode(self.chain.id(), attempt)).transpose()
    }

    /// Whether the newest state shows that it would revert: somebody else did what it is to do, or it cannot be done any more.
    async fn is_in_vain(&self, transaction: &Transaction) -> Result<bool, SubmitterError> {
        if transaction.calldata.is_empty() {
            return Ok(false);
        }
        let call = TransactionRequest::default()
            .from(self.signer.address())
            .to(transaction.to)
            .gas_limit(transaction.gas)
            .input(transaction.calldata.clone().into());
        match self.chain.try_transaction(&call).await {
            Err(ChainError::Reverted(_)) => Ok(true),
            // What cannot be asked now is replaced as it is.
            Ok(_) | Err(_) => Ok(false),
        }
    }

    fn no_room(&self, transaction: &Transaction) -> Hindrance {
        let text = format!(
            "submission {} on chain {} is stuck and the price cap of {} wei leaves no room for a replacement; raise \
             max_fee_per_gas of the chain",
            transaction.account_nonce,
            self.chain.name(),
            self.settings.max_fee_per_gas,
        );
        Hindrance { text, standing: Standing::Stuck }
    }

    pub(super) fn underpriced(&self) -> Hindrance {
        Hindrance::passing(format!(
            "the node of chain {} finds the price of a submission too low and shows no higher one; raise min_priority_fee of the chain",
            self.chain.name()
        ))
    }
}

impl Transaction {
    /// A transfer of nothing by `account` to itself that takes the account nonce.
    fn cancelled_by(self, account: alloy::primitives::Address) -> Self {
        Self { to: account, gas: TRANSFER_GAS, calldata: Default::default(), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raise_is_made_where_it_can_help() {
        let legacy = |gas_price| FeeMarket::Legacy { gas_price };
        let paid = |gas_price| Price::Legacy { gas_price };
        assert!(!raise_can_help(&legacy(0), paid(0), 1), "gas costs nothing: the node only lost it");
        assert!(raise_can_help(&legacy(1), paid(0), 1));
        assert!(raise_can_help(&legacy(25), paid(25), 1));
        assert!(
            !raise_can_help(&legacy(25), paid(60), UNASKED_RAISES),
            "a fixed price is not raised for ever"
        );
        assert!(raise_can_help(&legacy(61), paid(60), UNASKED_RAISES));
    }
}
