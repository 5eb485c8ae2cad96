//! One direction of the ancestor's bridge, read straight from both chains.

use std::collections::BTreeMap;

use alloy::primitives::Address;
use alloy::providers::Provider;
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEvent;
use anyhow::{Context, Result, bail};

use super::contract::KaiaBridge::{
    HandleValueTransfer, RequestValueTransfer, lowerHandleNonceCall, requestNonceCall,
};
use crate::account;
use crate::chain::ChainAccess;

/// Where requests of a direction are made and paid.
#[derive(Debug, Clone)]
pub struct AncestorLane {
    /// The chain of the requests.
    pub source: ChainAccess,
    /// The chain of the payouts.
    pub destination: ChainAccess,
    /// The contract on the source.
    pub source_bridge: Address,
    /// The contract on the destination.
    pub destination_bridge: Address,
}

impl AncestorLane {
    /// Number of requests made.
    ///
    /// Errors: the chain does not answer.
    pub async fn requested(&self) -> Result<u64> {
        account::read(&self.source, self.source_bridge, &requestNonceCall {}).await
    }

    /// First nonce that is not paid.
    ///
    /// Errors: the chain does not answer.
    pub async fn handled(&self) -> Result<u64> {
        account::read(&self.destination, self.destination_bridge, &lowerHandleNonceCall {}).await
    }

    /// Block of each request from block `first` on, by nonce.
    ///
    /// Errors: the chain does not answer, or there are two of one nonce.
    pub async fn requests(&self, first: u64) -> Result<BTreeMap<u64, u64>> {
        let logs = logs::<RequestValueTransfer>(&self.source, self.source_bridge, first).await?;
        blocks_of(&logs, |log| Ok(log.log_decode::<RequestValueTransfer>()?.inner.requestNonce))
    }

    /// Block of each payout from block `first` on, by the nonce of its request.
    ///
    /// Errors: as [`AncestorLane::requests`].
    pub async fn payouts(&self, first: u64) -> Result<BTreeMap<u64, u64>> {
        let logs = logs::<HandleValueTransfer>(&self.destination, self.destination_bridge, first).await?;
        blocks_of(&logs, |log| Ok(log.log_decode::<HandleValueTransfer>()?.inner.handleNonce))
    }
}

async fn logs<E: SolEvent>(chain: &ChainAccess, bridge: Address, first: u64) -> Result<Vec<Log>> {
    let filter = Filter::new().address(bridge).from_block(first).event_signature(E::SIGNATURE_HASH);
    chain.provider.get_logs(&filter).await.with_context(|| format!("{} gives no logs", chain.name))
}

fn blocks_of(logs: &[Log], nonce_of: impl Fn(&Log) -> Result<u64>) -> Result<BTreeMap<u64, u64>> {
    let mut blocks = BTreeMap::new();
    for log in logs {
        let nonce = nonce_of(log).context("a log of the ancestor's contract does not decode")?;
        let block = log.block_number.context("a log without a block")?;
        if blocks.insert(nonce, block).is_some() {
            bail!("nonce {nonce} of the ancestor's contract has two events");
        }
    }
    Ok(blocks)
}
