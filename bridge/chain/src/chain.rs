//! One chain, as everything in a process sees it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alloy::primitives::{U64, U128};
use alloy::rpc::json_rpc::RpcRecv;
use polyspan_types::{BlockHeight, BlockRef, ChainId, FinalTag, Finality};
use serde_json::{Value, json};

use crate::metrics::ChainSeries;
use crate::session::Session;
use crate::wire::WireBlock;
use crate::{ChainError, ChainMetrics, ChainSettings, Endpoint, FeeMarket, Head, RangePlanner, ReplyKind};

mod logs;
mod reads;
mod send;

pub use logs::{ConfigurationEvent, ConfigurationLog};

/// Access to one chain. Clones share the connection.
#[derive(Clone)]
pub struct Chain(Arc<Inner>);

struct Inner {
    settings: ChainSettings,
    session: Session,
    ranges: Mutex<RangePlanner>,
    series: ChainSeries,
}

impl Chain {
    /// Builds the connection and contacts nobody. Its metrics are not scraped; see [`Chain::with_metrics`].
    ///
    /// Errors: [`ChainError::Settings`].
    pub fn new(settings: ChainSettings) -> Result<Self, ChainError> {
        Self::with_metrics(settings, &ChainMetrics::unregistered())
    }

    /// As [`Chain::new`], with the process's metrics.
    pub fn with_metrics(settings: ChainSettings, metrics: &ChainMetrics) -> Result<Self, ChainError> {
        let series = metrics.of(&settings.name);
        let session = Session::new(&settings, series.clone())?;
        let planner = RangePlanner::new(settings.max_log_range);
        series.range_planned(planner.length());
        Ok(Self(Arc::new(Inner { settings, session, ranges: Mutex::new(planner), series })))
    }

    /// Name in config, metrics and logs.
    pub fn name(&self) -> &str {
        &self.0.settings.name
    }

    /// The chain id that the endpoint must have.
    pub fn id(&self) -> ChainId {
        self.0.settings.chain_id
    }

    /// What the connection was built from.
    pub fn settings(&self) -> &ChainSettings {
        &self.0.settings
    }

    /// The endpoint, without its secrets.
    pub fn endpoint(&self) -> &Endpoint {
        self.0.session.endpoint()
    }

    /// Proves now that the endpoint serves the right chain. Every session proves it before its first request; this call
    /// is for start-up and `config check`.
    ///
    /// Errors: [`ChainError::WrongChain`], or the endpoint cannot be asked.
    pub async fn verify_chain_id(&self) -> Result<(), ChainError> {
        self.0.session.verify().await
    }

    /// Newest and final block. Before the first block is final, the genesis block is.
    pub async fn head(&self) -> Result<Head, ChainError> {
        let (latest, final_block) = match self.0.settings.finality {
            Finality::Tag(tag) => tokio::try_join!(self.latest(), self.tagged(tag))?,
            Finality::Depth(depth) => {
                let latest = self.latest().await?;
                let final_block = match depth.get() {
                    0 => latest.clone(),
                    blocks => self.existing(latest.reference().height.minus(blocks)).await?,
                };
                (latest, final_block)
            }
        };
        // The two were read one after the other: on a chain with instant finality the final one can be the newer.
        let latest = if final_block.number > latest.number { final_block.clone() } else { latest };
        let head = Head {
            latest: latest.reference(),
            timestamp: latest.timestamp.saturating_to(),
            gas_limit: latest.gas_limit.unwrap_or_default().saturating_to(),
            final_block: final_block.reference(),
        };
        self.0.series.head_seen(head.latest.height, head.final_block.height);
        Ok(head)
    }

    /// The block at a height now; `None` above the newest one.
    pub async fn block_ref(&self, height: BlockHeight) -> Result<Option<BlockRef>, ChainError> {
        let block = self.block(json!(hex_number(height))).await?;
        let Some(block) = block else { return Ok(None) };
        self.expect_height(&block, height)?;
        Ok(Some(block.reference()))
    }

    /// Gas limit of the newest block. Unit: gas.
    pub async fn gas_limit(&self) -> Result<u64, ChainError> {
        let limit = self.latest().await?.gas_limit;
        let limit =
            limit.ok_or_else(|| self.bad_answer("eth_getBlockByNumber", "a block without gasLimit"))?;
        Ok(limit.saturating_to())
    }

    /// What gas costs now.
    pub async fn fees(&self) -> Result<FeeMarket, ChainError> {
        let Some(base_fee) = self.latest().await?.base_fee_per_gas else {
            return Ok(FeeMarket::Legacy { gas_price: self.gas_price().await? });
        };
        let base_fee: u128 = base_fee.to();
        let priority = match self.request::<U128>("eth_maxPriorityFeePerGas", json!([])).await {
            Ok(priority) => priority.to(),
            Err(error) if error.reply_kind() == Some(ReplyKind::MethodUnknown) => {
                self.gas_price().await?.saturating_sub(base_fee)
            }
            Err(error) => return Err(error),
        };
        Ok(FeeMarket::Eip1559 { base_fee, priority })
    }

    async fn gas_price(&self) -> Result<u128, ChainError> {
        Ok(self.request::<U128>("eth_gasPrice", json!([])).await?.to())
    }

    async fn latest(&self) -> Result<WireBlock, ChainError> {
        let block = self.block(json!("latest")).await?;
        block.ok_or_else(|| self.bad_answer("eth_getBlockByNumber", "no newest block"))
    }

    async fn tagged(&self, tag: FinalTag) -> Result<WireBlock, ChainError> {
        let name = match tag {
            FinalTag::Finalized => "finalized",
            FinalTag::Safe => "safe",
        };
        match self.block(json!(name)).await {
            Ok(Some(block)) => Ok(block),
            // Nothing is final yet: nodes answer null or that they do not know such a block.
            Ok(None) => self.existing(BlockHeight::ZERO).await,
            Err(error) if error.reply_kind() == Some(ReplyKind::BlockUnknown) => {
                self.existing(BlockHeight::ZERO).await
            }
            Err(error) => Err(error),
        }
    }

    async fn existing(&self, height: BlockHeight) -> Result<WireBlock, ChainError> {
        let block = self.block(json!(hex_number(height))).await?;
        let block = block.ok_or_else(|| {
            self.bad_answer(
                "eth_getBlockByNumber",
                format!("no block {height}, which is not above its newest"),
            )
        })?;
        self.expect_height(&block, height)?;
        Ok(block)
    }

    async fn block(&self, which: Value) -> Result<Option<WireBlock>, ChainError> {
        self.request("eth_getBlockByNumber", json!([which, false])).await
    }

    fn expect_height(&self, block: &WireBlock, height: BlockHeight) -> Result<(), ChainError> {
        let found = block.reference().height;
        if found == height {
            return Ok(());
        }
        Err(self.bad_answer("eth_getBlockByNumber", format!("block {found} instead of {height}")))
    }

    async fn request<R: RpcRecv>(&self, method: &'static str, params: Value) -> Result<R, ChainError> {
        self.0.session.request(method, params).await
    }

    fn bad_answer(&self, method: &'static str, what: impl Into<String>) -> ChainError {
        ChainError::BadAnswer { endpoint: self.endpoint().to_string(), method, what: what.into() }
    }

    fn ranges(&self) -> MutexGuard<'_, RangePlanner> {
        // A planner is valid after every one of its steps.
        self.0.ranges.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Chain({} at {})", self.name(), self.endpoint())
    }
}

/// A height as JSON-RPC writes it.
fn hex_number(height: BlockHeight) -> U64 {
    U64::from(height.get())
}
