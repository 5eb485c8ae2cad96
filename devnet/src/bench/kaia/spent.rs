//! What a bridge sent to the chain on which it pays.

use alloy::consensus::Transaction;
use alloy::eips::BlockNumberOrTag;
use alloy::network::TransactionResponse;
use alloy::primitives::{B256, U64};
use alloy::providers::Provider;
use anyhow::{Context, Result};
use polyspan_types::Direction;
use serde_json::json;

use super::contender::Contender;
use crate::chain::ChainAccess;
use crate::network::Network;

/// What the bridge sent to the destination.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spent {
    /// Unit: gas.
    pub(super) gas: u64,
    /// Transactions, and those of them that reverted.
    pub(super) sent: u64,
    pub(super) reverted: u64,
    /// The one of them that used most gas, of those that came first of their blocks.
    pub(super) largest: Largest,
}

/// A transaction.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Largest {
    /// Unit: gas.
    pub(super) gas: u64,
    /// What Kaia counts beside gas. Unit: computation cost.
    pub(super) computation: u64,
}

impl Spent {
    /// Everything after the block `first`.
    ///
    /// Errors: the chain does not answer.
    pub(super) async fn since(
        network: &Network,
        contender: &Contender,
        direction: Direction,
        first: u64,
    ) -> Result<Self> {
        let payers = contender.payers(network, direction);
        let chain = network.destination_chain(direction);
        let (mut spent, mut largest) = (Self::default(), None);
        for height in first + 1..=chain.height().await? {
            let receipts =
                chain.access().provider.get_block_receipts(BlockNumberOrTag::Number(height).into()).await;
            let receipts = receipts.context("cannot read receipts")?.context("a block that is not there")?;
            let sent = receipts.iter().filter(|receipt| payers.contains(&receipt.from));
            for (place, receipt) in sent.enumerate() {
                spent.gas += receipt.gas_used;
                spent.sent += 1;
                spent.reverted += u64::from(!receipt.status());
                // One that builds on another of the same block would revert where its cost is asked for.
                if place == 0 && receipt.gas_used > spent.largest.gas {
                    spent.largest.gas = receipt.gas_used;
                    largest = Some((receipt.transaction_hash, height));
                }
            }
        }
        // The ancestor takes so many blocks that the state before its largest one may be gone.
        if let (Some((hash, height)), None) = (largest, &contender.ancestor) {
            spent.largest.computation = computation(chain.access(), hash, height).await?;
        }
        Ok(spent)
    }
}

/// The computation cost of a transaction, executed once more after the block before its own.
async fn computation(chain: &ChainAccess, hash: B256, height: u64) -> Result<u64> {
    let sent = chain.provider.get_transaction_by_hash(hash).await.context("cannot read a transaction")?;
    let sent = sent.context("a transaction that is not there")?;
    let call = json!({
        "from": sent.from(),
        "to": sent.to(),
        "gas": U64::from(sent.gas_limit()),
        "data": sent.input(),
    });
    let parameters = json!([call, U64::from(height - 1)]);
    let answer =
        chain.provider.raw_request::<_, U64>("kaia_estimateComputationCost".into(), parameters).await;
    Ok(answer.context("kaia_estimateComputationCost")?.to())
}
