//! One chain, as everything in a process sees it.

use alloy::primitives::B256;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use polyspan_types::{BlockHeight, BlockRef, ChainId};
use tokio::time::Instant;

use crate::client::Client;
use crate::metrics::ChainSeries;
use crate::pool::score::CallKind;
use crate::pool::{Pool, Question};
use crate::{ChainError, ChainMetrics, ChainSettings, Endpoint, Head, RangePlanner};

mod abilities;
mod decide;
mod fees;
mod head;
mod known;
mod probe;
mod reached;
mod reads;
mod send;

use known::Known;
use reached::Reached;
pub use reached::SHOWN_IS_BELIEVED_AFTER;

use self::fees::Prices;

/// Access to one chain. Clones share the connections.
///
/// What leads to a signature (heads, blocks, contracts at a block, logs) is what a quorum of the endpoints says. Of fees,
/// estimates and gas limits it is the middle one of theirs. Simulations at the newest block come from the best one.
/// Transactions go to all.
#[derive(Clone)]
pub struct Chain(Arc<Inner>);

struct Inner {
    settings: ChainSettings,
    pool: Pool,
    /// The last head that a quorum confirmed: it tells the height of the hashes at which state is read.
    head: Mutex<Option<Head>>,
    /// The newest block that was ever shown.
    reached: Mutex<Reached>,
    /// What gas costs, as far as it is known.
    prices: Mutex<Prices>,
    /// Until when the follower of the process answers for it.
    followed: Mutex<Option<Instant>>,
    /// States of lanes by block.
    known: Mutex<Known>,
    series: ChainSeries,
}

impl Chain {
    /// Builds the connections and contacts nobody. Its metrics are not scraped; see [`Chain::with_metrics`].
    ///
    /// Errors: [`ChainError::Settings`].
    pub fn new(settings: ChainSettings) -> Result<Self, ChainError> {
        Self::with_metrics(settings, &ChainMetrics::unregistered())
    }

    /// As [`Chain::new`], with the process's metrics.
    pub fn with_metrics(settings: ChainSettings, metrics: &ChainMetrics) -> Result<Self, ChainError> {
        let series = metrics.of(&settings.name);
        let pool = Pool::new(&settings, series.clone())?;
        series.range_planned(pool.log_range());
        Ok(Self(Arc::new(Inner {
            settings,
            pool,
            head: Mutex::new(None),
            reached: Mutex::default(),
            prices: Mutex::default(),
            followed: Mutex::new(None),
            known: Mutex::default(),
            series,
        })))
    }

    /// Name in config, metrics and logs.
    pub fn name(&self) -> &str {
        &self.0.settings.name
    }

    /// The chain id that the endpoints must have.
    pub fn id(&self) -> ChainId {
        self.0.settings.chain_id
    }

    /// What the connections were built from.
    pub fn settings(&self) -> &ChainSettings {
        &self.0.settings
    }

    /// The endpoints in the order of the settings, without their secrets.
    pub fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.pool().endpoints()
    }

    /// What is known against endpoints now, for people: `2 of 3 endpoints are good, 2 must agree; endpoints[2] (…) lags by
    /// 40 blocks`. `None` while nothing is.
    pub fn remark(&self) -> Option<String> {
        let behind = self.check_current().err().map(|behind| behind.to_string());
        behind.or_else(|| self.pool().remark())
    }

    /// Proves now that a quorum of the endpoints serves the right chain. Every session proves it before its first request,
    /// and again from time to time; this call is for start-up and `config check`.
    ///
    /// Errors: [`ChainError::WrongChain`] when all are of another chain, [`ChainError::NoQuorum`], or with a single endpoint
    /// its own.
    pub async fn verify_chain_id(&self) -> Result<(), ChainError> {
        let checked = self.verify_endpoints().await;
        let right = checked.iter().filter(|checked| checked.is_ok()).count();
        if right >= self.pool().quorum() {
            return Ok(());
        }
        let failures =
            checked.into_iter().enumerate().filter_map(|(index, checked)| Some((index, checked.err()?)));
        Err(self.pool().no_quorum("the chain id", Vec::new(), failures.collect()))
    }

    /// Asks each endpoint for its chain id, in the order of the settings.
    pub async fn verify_endpoints(&self) -> Vec<Result<(), ChainError>> {
        let everyone: Vec<usize> = (0..self.pool().len()).collect();
        let ask = |client: Arc<Client>| async move { client.verify_chain_id().await };
        let mut checked = self.pool().gather(&everyone, everyone.len(), CallKind::Head, ask).await;
        checked.sort_by_key(|(index, _)| *index);
        checked.into_iter().map(|(_, checked)| checked).collect()
    }

    /// The part of `from..=to` that one question for logs should be about now; `None` when the range is empty.
    pub fn next_range(&self, from: BlockHeight, to: BlockHeight) -> Option<(BlockHeight, BlockHeight)> {
        let length = self.pool().log_range();
        self.0.series.range_planned(length);
        RangePlanner::cut(length, from, to)
    }

    /// The block at a height now, by a quorum; `None` above the newest one.
    pub async fn block_ref(&self, height: BlockHeight) -> Result<Option<BlockRef>, ChainError> {
        let question = Question::new("a block", CallKind::State, Some(height));
        let block =
            self.pool().agreed(question, |client| async move { client.block_at(height).await }).await?;
        Ok(block.map(|block| block.reference))
    }

    /// The block with this hash on the chain that a quorum follows; `None` when they know none, or have another at its height.
    ///
    /// Errors: no quorum.
    pub async fn block_of(&self, hash: B256) -> Result<Option<BlockRef>, ChainError> {
        let question = Question::new("a block", CallKind::State, None);
        let known = self.pool().agreed(question, |client| async move { client.block_of(hash).await }).await?;
        let Some(known) = known.map(|block| block.reference) else { return Ok(None) };
        Ok(self.block_ref(known.height).await?.filter(|found| *found == known))
    }

    /// When the block at a height was made, by a quorum; `None` above the newest one. Unit: seconds since 1970.
    pub async fn block_time(&self, height: BlockHeight) -> Result<Option<u64>, ChainError> {
        let question = Question::new("a block", CallKind::State, Some(height));
        let block =
            self.pool().agreed(question, |client| async move { client.block_at(height).await }).await?;
        Ok(block.map(|block| block.timestamp))
    }

    fn pool(&self) -> &Pool {
        &self.0.pool
    }

    fn last_head(&self) -> Option<Head> {
        // A head is whole after any panic.
        *self.0.head.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest block that a quorum has; that of the follower while its next look is not due.
    async fn newest(&self) -> Result<BlockRef, ChainError> {
        let holds = self.followed().is_some_and(|until| Instant::now() <= until);
        match self.last_head() {
            Some(head) if holds => Ok(head.latest),
            _ => Ok(self.head().await?.latest),
        }
    }

    fn reached(&self) -> MutexGuard<'_, Reached> {
        // It is whole after any panic.
        self.0.reached.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known_lanes(&self) -> MutexGuard<'_, Known> {
        // It is whole after any panic.
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn followed(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep_head(&self, head: Head) {
        *self.0.head.lock().unwrap_or_else(PoisonError::into_inner) = Some(head);
        self.0.series.head_seen(head.latest.height, head.final_block.height);
    }
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let endpoints: Vec<String> = self.endpoints().map(ToString::to_string).collect();
        write!(f, "Chain({} at {})", self.name(), endpoints.join(", "))
    }
}
