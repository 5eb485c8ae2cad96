//! One endpoint of a chain, asked in domain types. Whether to believe it is for the chain to decide.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use alloy::primitives::{B256, U64, U128};
use alloy::rpc::json_rpc::RpcRecv;
use polyspan_types::{BlockHeight, ChainId, FinalTag, Finality};
use serde_json::{Value, json};

use crate::block::{Block, Ends};
use crate::metrics::EndpointSeries;
use crate::session::Session;
use crate::wire::WireBlock;
use crate::{ChainError, ChainSettings, Endpoint, FeeMarket, RangePlanner, ReplyKind, SettingsError, Url};

pub(crate) mod logs;
mod native;
mod reads;
mod send;

/// How long a final block that a tag names counts while no block is made. Unit: time. Source: others wait for it no longer than
/// for a few polls.
const TAG_AGE: Duration = Duration::from_secs(2);

/// One endpoint: every answer is checked for what it can be by itself, and none is compared with another endpoint's.
pub(crate) struct Client {
    chain: String,
    chain_id: ChainId,
    finality: Finality,
    session: Session,
    ranges: Mutex<RangePlanner>,
    /// What the last look at the head saw, and when the final block was asked for.
    seen: Mutex<Option<(Ends, Instant)>>,
}

impl Client {
    pub(crate) fn new(
        settings: &ChainSettings,
        url: &Url,
        series: EndpointSeries,
    ) -> Result<Self, SettingsError> {
        Ok(Self {
            chain: settings.name.clone(),
            chain_id: settings.chain_id,
            finality: settings.finality,
            session: Session::new(settings, url, series)?,
            ranges: Mutex::new(RangePlanner::new(settings.max_log_range)),
            seen: Mutex::default(),
        })
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        self.session.endpoint()
    }

    /// Most blocks that this endpoint is asked for at once now.
    pub(crate) fn log_range(&self) -> u64 {
        self.ranges().length()
    }

    /// An answer did not come while others gave theirs: see [`Session::doubt`].
    pub(crate) fn doubt(&self) {
        self.session.doubt();
    }

    /// Proves now that the endpoint serves the right chain. Every session proves it before its first request; this call
    /// is for start-up and `config check`.
    ///
    /// Errors: [`ChainError::WrongChain`], or the endpoint cannot be asked.
    pub(crate) async fn verify_chain_id(&self) -> Result<(), ChainError> {
        self.session.verify().await
    }

    /// Newest and final block. Before the first block is final, the genesis block is.
    pub(crate) async fn head(&self) -> Result<Ends, ChainError> {
        let latest = self.latest().await?;
        if let Some(seen) = self.seen_before(&latest) {
            return Ok(seen);
        }
        let final_block = match self.finality {
            Finality::Tag(tag) => self.tagged(tag).await?,
            Finality::Depth(depth) if depth.get() == 0 => latest.clone(),
            Finality::Depth(depth) => self.existing(latest.reference().height.minus(depth.get())).await?,
        };
        // The two were read one after the other: on a chain with instant finality the final one can be the newer.
        let latest = if final_block.number > latest.number { final_block.clone() } else { latest };
        let ends = Ends { latest: Block::from(&latest), final_block: Block::from(&final_block) };
        *self.seen() = Some((ends, Instant::now()));
        Ok(ends)
    }

    /// What the last look saw, if there is no other block since. A tag can move without one, so it is asked for again now and then.
    fn seen_before(&self, latest: &WireBlock) -> Option<Ends> {
        let (ends, asked) = (*self.seen())?;
        let holds = matches!(self.finality, Finality::Depth(_)) || asked.elapsed() < TAG_AGE;
        (ends.latest.reference == latest.reference() && holds).then_some(ends)
    }

    /// The block at a height now; `None` above the newest one.
    pub(crate) async fn block_at(&self, height: BlockHeight) -> Result<Option<Block>, ChainError> {
        let block = self.block(json!(hex_number(height))).await?;
        let Some(block) = block else { return Ok(None) };
        self.expect_height(&block, height)?;
        Ok(Some(Block::from(&block)))
    }

    /// The block with this hash, wherever the node has it; `None` when it knows none.
    pub(crate) async fn block_of(&self, hash: B256) -> Result<Option<Block>, ChainError> {
        let block: Option<WireBlock> = self.request("eth_getBlockByHash", json!([hash, false])).await?;
        let Some(block) = block else { return Ok(None) };
        if block.reference().hash != hash {
            return Err(self.bad_answer("eth_getBlockByHash", "a block with another hash"));
        }
        Ok(Some(Block::from(&block)))
    }

    /// Gas limit of the newest block. Unit: gas.
    pub(crate) async fn gas_limit(&self) -> Result<u64, ChainError> {
        let limit = self.latest().await?.gas_limit;
        let limit =
            limit.ok_or_else(|| self.bad_answer("eth_getBlockByNumber", "a block without gasLimit"))?;
        Ok(limit.saturating_to())
    }

    /// What gas costs now.
    pub(crate) async fn fees(&self) -> Result<FeeMarket, ChainError> {
        Ok(match self.base_fee().await? {
            Some(base_fee) => FeeMarket::Eip1559 { base_fee, priority: self.priority(base_fee).await? },
            None => FeeMarket::Legacy { gas_price: self.gas_price().await? },
        })
    }

    /// Base fee of the newest block; `None` on chains without EIP-1559. Unit: wei per gas.
    pub(crate) async fn base_fee(&self) -> Result<Option<u128>, ChainError> {
        Ok(self.latest().await?.base_fee_per_gas.map(|fee| fee.to()))
    }

    /// Tip that the node suggests. Unit: wei per gas.
    pub(crate) async fn priority(&self, base_fee: u128) -> Result<u128, ChainError> {
        match self.request::<U128>("eth_maxPriorityFeePerGas", json!([])).await {
            Ok(priority) => Ok(priority.to()),
            Err(error) if error.reply_kind() == Some(ReplyKind::MethodUnknown) => {
                Ok(self.gas_price().await?.saturating_sub(base_fee))
            }
            Err(error) => Err(error),
        }
    }

    /// Price that the node suggests. Unit: wei per gas.
    pub(crate) async fn gas_price(&self) -> Result<u128, ChainError> {
        Ok(self.request::<U128>("eth_gasPrice", json!([])).await?.to())
    }

    async fn latest(&self) -> Result<WireBlock, ChainError> {
        let block = self.block(json!("latest")).await?;
        block.ok_or_else(|| self.bad_answer("eth_getBlockByNumber", "no newest block"))
    }

    async fn tagged(&self, tag: FinalTag) -> Result<WireBlock, ChainError> {
        match self.block(json!(tag.to_string())).await {
            Ok(Some(block)) => Ok(block),
            // Nothing is final yet: nodes answer null or that they do not know such a block.
            Ok(None) => self.existing(BlockHeight::ZERO).await,
            Err(error) if error.reply_kind() == Some(ReplyKind::BlockUnknown) => {
                self.existing(BlockHeight::ZERO).await
            }
            Err(ChainError::Refused(refusal)) if refusal.kind == ReplyKind::TagUnknown => {
                Err(ChainError::TagUnknown { endpoint: refusal.endpoint, tag, reason: refusal.message })
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
        self.session.request(method, params).await
    }

    fn bad_answer(&self, method: &'static str, what: impl Into<String>) -> ChainError {
        // It may repeat what the endpoint said.
        let what = self.endpoint().scrub(&what.into());
        ChainError::BadAnswer { endpoint: self.endpoint().to_string(), method, what }
    }

    fn seen(&self) -> MutexGuard<'_, Option<(Ends, Instant)>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ranges(&self) -> MutexGuard<'_, RangePlanner> {
        // A planner is valid after every one of its steps.
        self.ranges.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A height as JSON-RPC writes it.
fn hex_number(height: BlockHeight) -> U64 {
    U64::from(height.get())
}
