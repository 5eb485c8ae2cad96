//! What gas costs, and how much of it there is: answers that no endpoint gives alone.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use alloy::rpc::types::TransactionRequest;
use polyspan_types::BlockRef;
use tokio::time::Instant;

use super::Chain;
use crate::block::Ends;
use crate::client::Client;
use crate::pool::Answers;
use crate::pool::weigh::{self, Weighed};
use crate::{ChainError, FeeMarket};

/// Time after which tips and prices are asked for again although no block was made meanwhile: some chains make none while
/// nothing is sent, and their operators can still change the price.
const PRICE_AGE: Duration = Duration::from_secs(10);

/// Blocks after which tips are asked for again, where that is sooner. Source: nodes take them from the last 20 blocks (go-ethereum,
/// `gpo.blocks`), so one that is eight blocks old is the middle of what they say.
const TIP_BLOCKS: u64 = 8;

/// What is known of the price of gas.
#[derive(Debug, Default)]
pub(super) struct Prices {
    at: Option<BlockRef>,
    /// As the head told; `None` when the endpoints did not agree on it.
    base_fee: Option<Option<u128>>,
    /// What endpoints suggested.
    suggested: Option<Suggested>,
}

/// A tip, or the price of gas on a chain that has only one.
#[derive(Debug, Clone, Copy)]
struct Suggested {
    /// Unit: wei per gas.
    fee: u128,
    is_tip: bool,
    at: BlockRef,
    since: Instant,
}

impl Suggested {
    /// Whether it is still good at `newest`. The one price of gas is good for its block only: what is below it is refused.
    fn holds(&self, is_tip: bool, newest: BlockRef) -> bool {
        let near = newest.height.get().abs_diff(self.at.height.get()) < TIP_BLOCKS;
        self.is_tip == is_tip
            && self.since.elapsed() < PRICE_AGE
            && if is_tip { near } else { self.at == newest }
    }
}

impl Chain {
    /// What gas costs now: the base fee that comes with the head, and the middle one of the tips that endpoints suggest. At
    /// least a quorum is asked; where heads are followed, for tips once in eight blocks or ten seconds.
    ///
    /// Errors: [`ChainError::NoQuorum`] when fewer than a quorum answer; with a single endpoint, its own.
    pub async fn fees(&self) -> Result<FeeMarket, ChainError> {
        if self.pool().is_single() && self.followed().is_none() {
            return self.pool().single(|client| async move { client.fees().await }).await;
        }
        let newest = self.newest().await?;
        let (base_fee, suggested) = {
            let prices = self.prices();
            (prices.base_fee.filter(|_| prices.at == Some(newest)), prices.suggested)
        };
        let base_fee = match base_fee {
            Some(told) => told,
            None => {
                let told = self.base_fee().await?;
                let mut prices = self.prices();
                if prices.at == Some(newest) {
                    prices.base_fee = Some(told);
                }
                told
            }
        };
        let is_tip = base_fee.is_some();
        let fee = match suggested.filter(|suggested| suggested.holds(is_tip, newest)) {
            Some(suggested) => suggested.fee,
            None => {
                let fee = self.ask_for_fee(base_fee).await?;
                self.prices().suggested = Some(Suggested { fee, is_tip, at: newest, since: Instant::now() });
                fee
            }
        };
        Ok(match base_fee {
            Some(base_fee) => FeeMarket::Eip1559 { base_fee, priority: fee },
            None => FeeMarket::Legacy { gas_price: fee },
        })
    }

    /// The tip that endpoints suggest, or the price of gas where there is no base fee.
    async fn ask_for_fee(&self, base_fee: Option<u128>) -> Result<u128, ChainError> {
        match base_fee {
            Some(base_fee) => {
                let ask = move |client: Arc<Client>| async move { client.priority(base_fee).await };
                self.pool().size("the tip", ask).await
            }
            None => {
                let ask = |client: Arc<Client>| async move { client.gas_price().await };
                self.pool().size("the price of gas", ask).await
            }
        }
    }

    /// Gas limit of the newest block: the middle one of several endpoints'. Unit: gas.
    pub async fn gas_limit(&self) -> Result<u64, ChainError> {
        let ask = |client: Arc<Client>| async move { client.gas_limit().await.map(u128::from) };
        Ok(saturated(self.pool().size("the gas limit of a block", ask).await?))
    }

    /// Gas that the transaction would use now: the middle one of what a quorum says. That it reverts or cannot be made counts
    /// only when a quorum says so; otherwise what another endpoint says: one that lags executes it in the past. Unit: gas.
    ///
    /// Errors: [`ChainError::Reverted`] with the typed reason.
    pub async fn estimate_gas(&self, transaction: &TransactionRequest) -> Result<u64, ChainError> {
        let ask = |client: Arc<Client>| {
            let transaction = transaction.clone();
            async move { client.estimate_gas(&transaction).await.map(u128::from) }
        };
        let quorum = self.pool().quorum();
        let weigh = |answers: &Answers<u128>| weigh::estimate(answers, quorum);
        let gas = self.pool().weighed("the gas of a transaction", ask, weigh, weigh::best_estimate).await?;
        gas.map(saturated)
    }

    /// The base fee that endpoints tell now, when those of the last head did not agree on it.
    async fn base_fee(&self) -> Result<Option<u128>, ChainError> {
        let quorum = self.pool().quorum();
        let said = |answers: &Answers<Option<u128>>| {
            answers.iter().filter_map(|(_, answer)| answer.as_ref().ok().copied()).collect::<Vec<_>>()
        };
        let weigh = |answers: &Answers<Option<u128>>| weigh::told(&said(answers), quorum);
        let middle = |answers: &Answers<Option<u128>>| {
            let told: Vec<u128> = said(answers).into_iter().flatten().collect();
            Some(weigh::middle(&told))
        };
        let ask = |client: Arc<Client>| async move { client.base_fee().await };
        self.pool().weighed("the base fee", ask, weigh, middle).await
    }

    /// Keeps the base fee that came with a head.
    pub(super) fn keep_base_fee(&self, newest: BlockRef, seen: &[(usize, Ends)]) {
        let mut prices = self.prices();
        if prices.at != Some(newest) {
            prices.at = Some(newest);
            prices.base_fee = base_fee(seen, self.pool().quorum());
        }
    }

    fn prices(&self) -> MutexGuard<'_, Prices> {
        // Prices are whole after any panic.
        self.0.prices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Pure: what endpoints agree on about the base fee of their newest blocks, if they do.
fn base_fee(seen: &[(usize, Ends)], quorum: usize) -> Option<Option<u128>> {
    let fees: Vec<_> = seen.iter().map(|(_, ends)| ends.latest.base_fee).collect();
    match weigh::told(&fees, quorum) {
        Weighed::Settled(told) => Some(told),
        Weighed::Open(_) => None,
    }
}

/// Pure: the gas limit of the newest block by those who showed one; that of the last head while they do not agree. 0 when
/// it is not told.
pub(super) fn gas_limit(seen: &[(usize, Ends)], quorum: usize, last: Option<u64>) -> u64 {
    let limits: Vec<_> = seen
        .iter()
        .map(|(_, ends)| Some(u128::from(ends.latest.gas_limit)).filter(|limit| *limit > 0))
        .collect();
    match weigh::told(&limits, quorum) {
        Weighed::Settled(told) => saturated(told.unwrap_or(0)),
        // The larger one of two: nodes refuse what is above a block's, and nothing goes on below it.
        Weighed::Open(_) => {
            last.unwrap_or_else(|| saturated(limits.iter().flatten().copied().max().unwrap_or(0)))
        }
    }
}

fn saturated(gas: u128) -> u64 {
    u64::try_from(gas).unwrap_or(u64::MAX)
}
