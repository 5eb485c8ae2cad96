//! Sending transactions and asking for their fate.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy::primitives::{Address, B256, Bytes};
use polyspan_types::BlockHeight;

use super::Chain;
use crate::client::Client;
use crate::pool::score::CallKind;
use crate::pool::tally::Tally;
use crate::{ChainError, Demand, Receipt, SendOutcome, SentTransaction};

impl Chain {
    /// Hands a signed transaction to all endpoints at once: whichever has a way to those who make blocks is enough. The
    /// outcome is the best of theirs. That none will ever take it is believed only when a quorum says so.
    ///
    /// Errors: the endpoints could not be asked. After [`ChainError::Timeout`] or [`ChainError::Unreachable`] a node may
    /// have the transaction: send the same bytes again, which is harmless.
    pub async fn send_raw(&self, raw: &Bytes) -> Result<SendOutcome, ChainError> {
        let pool = self.pool();
        let everyone = pool.all_but_waiting();
        let ask = |client: Arc<Client>| {
            let raw = raw.clone();
            async move { client.send_raw(&raw).await }
        };
        let answers = pool.gather(&everyone, pool.quorum(), CallKind::Single, ask).await;
        let (mut outcomes, mut failures) = (Vec::new(), Vec::new());
        for (index, answer) in answers {
            match answer {
                Ok(outcome) => outcomes.push((index, outcome)),
                Err(failed) => failures.push((index, failed)),
            }
        }
        let answered: Vec<usize> = outcomes.iter().map(|(index, _)| *index).collect();
        pool.answered(&answered, CallKind::Single, false);
        let counted = outcomes.len();
        let demand = least_demand(outcomes.iter().map(|(_, outcome)| outcome), pool.quorum());
        match outcomes.into_iter().map(|(_, outcome)| outcome).min_by_key(rank) {
            Some(SendOutcome::Underpriced(_)) => Ok(SendOutcome::Underpriced(demand)),
            Some(outcome) if counted >= pool.quorum() || !is_for_good(&outcome) => Ok(outcome),
            // Those that did not answer may take it, or have taken it.
            Some(_) if !failures.is_empty() => Err(failures.swap_remove(0).1),
            _ => Err(pool.no_quorum("a transaction", Vec::new(), failures)),
        }
    }

    /// The transaction with that hash; `None` when no endpoint knows it.
    ///
    /// That the node answers with the right calldata is not proven: the hash covers fields that chains encode differently.
    ///
    /// Errors: [`ChainError::BadAnswer`] for another transaction, or the endpoint's own.
    pub async fn transaction(&self, hash: B256) -> Result<Option<SentTransaction>, ChainError> {
        let known = |answer: &Result<Option<SentTransaction>, ChainError>| matches!(answer, Ok(Some(_)));
        self.pool().first(known, |client| async move { client.transaction(hash).await }).await
    }

    /// The transactions in a new block that handled something of the bridge's counterpart, each told by a quorum. Endpoints may be
    /// behind or on other forks, so nobody lies who shows others or none; a transaction that is not here may be in the block all the same,
    /// and a failure shows none.
    pub async fn handled_by(&self, bridge: Address, block: BlockHeight) -> BTreeSet<B256> {
        let pool = self.pool();
        let ask = |client: Arc<Client>| async move { client.handled(bridge, block, block).await };
        let mut told = BTreeMap::<B256, usize>::new();
        for logs in pool.glance(CallKind::Logs, block, ask).await {
            let hashes: BTreeSet<B256> = logs.ranges.iter().map(|range| range.tx_hash).collect();
            for hash in hashes {
                *told.entry(hash).or_default() += 1;
            }
        }
        told.retain(|_, by| *by >= pool.quorum());
        told.into_keys().collect()
    }

    /// The receipt of a transaction; `None` when a quorum says that it is in no block. What is read from a quorum
    /// afterwards then knows of the transaction.
    ///
    /// Errors: [`ChainError::NoQuorum`] when too few answer or agree, or a single endpoint's own.
    pub async fn receipt(&self, hash: B256) -> Result<Option<Receipt>, ChainError> {
        let (pool, kind) = (self.pool(), CallKind::State);
        let ask = |client: Arc<Client>| async move { client.receipt(hash).await };
        let mut answers = pool.survey(kind, ask).await;
        let mut asked_all = false;
        loop {
            let (mut tally, mut failures, mut answered) = (Tally::new(pool.quorum()), Vec::new(), Vec::new());
            for (index, answer) in &answers {
                match answer {
                    Ok(receipt) => {
                        answered.push(*index);
                        tally.add(*index, *receipt);
                    }
                    Err(failed) => failures.push((*index, failed.clone())),
                }
            }
            pool.answered(&answered, kind, false);
            let told = tally.told();
            if let Some(verdict) = tally.verdict() {
                return Ok(verdict.answer);
            }
            if asked_all {
                return Err(pool.no_quorum("a receipt", told, failures));
            }
            // That one has it and another does not says nothing yet: the others are asked before it counts as absent.
            let asked: Vec<usize> = answers.iter().map(|(index, _)| *index).collect();
            answers.extend(pool.survey_rest(kind, &asked, ask).await);
            asked_all = true;
        }
    }
}

/// Pure: what says most about a transaction comes first. One node that has it is enough, and a reason that may pass is
/// better than one that stays.
const fn rank(outcome: &SendOutcome) -> u8 {
    match outcome {
        SendOutcome::Accepted(_) => 0,
        SendOutcome::AlreadyKnown => 1,
        SendOutcome::NonceTooLow => 2,
        SendOutcome::PoolFull => 3,
        SendOutcome::Underpriced(_) => 4,
        SendOutcome::InsufficientFunds => 5,
        SendOutcome::NonceTooHigh => 6,
        SendOutcome::GasLimitTooHigh => 7,
        SendOutcome::Refused(_) => 8,
    }
}

/// Pure: the least that those demand who find the fee too low. Fewer than `quorum` of them are not believed: one endpoint that lies
/// could make a submitter pay as much as its cap allows.
fn least_demand<'a>(outcomes: impl Iterator<Item = &'a SendOutcome>, quorum: usize) -> Demand {
    let demands: Vec<Demand> = outcomes
        .filter_map(|outcome| match outcome {
            SendOutcome::Underpriced(demand) => Some(*demand),
            _ => None,
        })
        .collect();
    if demands.len() < quorum {
        return Demand::default();
    }
    demands.into_iter().reduce(Demand::least).unwrap_or_default()
}

/// Pure: whether sending it again is in vain.
const fn is_for_good(outcome: &SendOutcome) -> bool {
    matches!(outcome, SendOutcome::GasLimitTooHigh | SendOutcome::Refused(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_node_that_has_the_transaction_outweighs_all_that_refuse_it() {
        let refused = SendOutcome::Refused("no".to_owned());
        let outcomes = [
            refused,
            SendOutcome::Underpriced(Demand::default()),
            SendOutcome::NonceTooLow,
            SendOutcome::AlreadyKnown,
        ];
        let best = outcomes.iter().min_by_key(|outcome| rank(outcome)).unwrap();
        assert_eq!(*best, SendOutcome::AlreadyKnown);
        assert!(outcomes.iter().filter(|outcome| is_for_good(outcome)).count() == 1);
    }

    #[test]
    fn a_demand_is_believed_of_a_quorum_and_is_that_of_the_most_modest() {
        let demand = |fee| Demand { max_fee: Some(fee), priority_fee: None };
        let outcomes = [
            SendOutcome::Underpriced(demand(500)),
            SendOutcome::PoolFull,
            SendOutcome::Underpriced(demand(7)),
        ];
        assert_eq!(least_demand(outcomes.iter(), 2), demand(7));
        assert_eq!(least_demand(outcomes[..2].iter(), 2), Demand::default(), "one of them may lie");
        let silent = [SendOutcome::Underpriced(demand(500)), SendOutcome::Underpriced(Demand::default())];
        assert_eq!(least_demand(silent.iter(), 2), Demand::default(), "the other may take less");
    }
}
