//! When blocks arrived, and what they paid.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use alloy::consensus::Transaction;
use alloy::eips::BlockNumberOrTag;
use alloy::providers::Provider;
use alloy::sol_types::SolCall;
use anyhow::{Context, Result};
use polyspan_contracts::Bridge;
use polyspan_types::Direction;
use tokio::task::JoinHandle;

use crate::chain::ChainAccess;
use crate::network::Network;

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// When each final block of the source and each block of the destination was seen; dropping it ends the looking.
pub(in crate::bench) struct Arrivals {
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    /// By height.
    final_source: BTreeMap<u64, Instant>,
    /// By height.
    destination: BTreeMap<u64, Instant>,
}

/// What the destination paid in a phase.
pub(in crate::bench) struct Payouts {
    /// Transfers that were paid.
    pub(in crate::bench) transfers: u64,
    /// Calls that reverted.
    pub(in crate::bench) reverted: u64,
}

impl Arrivals {
    pub(in crate::bench) fn start(source: &ChainAccess, destination: &ChainAccess) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let task = tokio::spawn(look_again(source.clone(), destination.clone(), seen.clone()));
        Self { seen, task }
    }

    /// Blocks of the destination from a request's finality to its payout, for each request of the range.
    ///
    /// Errors: a chain does not answer.
    pub(in crate::bench) async fn blocks_to_paid(
        &self,
        network: &Network,
        direction: Direction,
        nonces: Range<u64>,
    ) -> Result<Vec<f64>> {
        let requests = network.source(0, direction)?.requests().await?;
        let handled = network.destination(0, direction)?.handled().await?;
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut blocks = Vec::new();
        for range in &handled.ranges {
            for nonce in range.first.get().max(nonces.start)..range.end.get().min(nonces.end) {
                let request = usize::try_from(nonce).ok().and_then(|index| requests.get(index));
                let made = request.context("a payout without a request")?.transfer.source_block.get();
                let Some((_, final_at)) = seen.final_source.range(made..).next() else { continue };
                let head = seen.destination.iter().rev().find(|(_, at)| *at <= final_at);
                let Some((head, _)) = head else { continue };
                blocks.push(range.block.get().saturating_sub(*head) as f64);
            }
        }
        Ok(blocks)
    }
}

impl Drop for Arrivals {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn look_again(source: ChainAccess, destination: ChainAccess, seen: Arc<Mutex<Seen>>) {
    loop {
        let looked = tokio::join!(
            source.provider.get_block_by_number(BlockNumberOrTag::Finalized),
            destination.provider.get_block_number(),
        );
        if let (Ok(Some(block)), Ok(head)) = looked {
            let now = Instant::now();
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.final_source.entry(block.header.number).or_insert(now);
            seen.destination.entry(head).or_insert(now);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What was sent to the destination's bridge from block `first` on.
///
/// Errors: the chain does not answer.
pub(in crate::bench) async fn payouts(
    network: &Network,
    direction: Direction,
    first: u64,
) -> Result<Payouts> {
    let chain = network.destination_chain(direction);
    let bridge = network.destination(0, direction)?.side.bridge;
    let mut payouts = Payouts { transfers: 0, reverted: 0 };
    for height in first..=chain.height().await? {
        let block = chain.provider.get_block_by_number(height.into()).full().await?;
        let receipts = chain.provider.get_block_receipts(height.into()).await?;
        let (block, receipts) = block.zip(receipts).context("a block that is not there any more")?;
        for (sent, receipt) in block.transactions.txns().zip(&receipts) {
            let is_handle = sent.input().starts_with(&Bridge::handleCall::SELECTOR);
            if receipt.to != Some(bridge) || !is_handle {
                continue;
            }
            if !receipt.status() {
                payouts.reverted += 1;
                continue;
            }
            let call = Bridge::handleCall::abi_decode(sent.input()).context("calldata of a payout")?;
            payouts.transfers += call.transfers.len() as u64;
        }
    }
    Ok(payouts)
}
