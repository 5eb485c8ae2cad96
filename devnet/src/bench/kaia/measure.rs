//! One measurement: requests of one direction, from the first to the last payout, with every delivery checked.

use std::ops::Range;
use std::time::{Duration, Instant};

use alloy::consensus::Transaction;
use alloy::eips::BlockNumberOrTag;
use alloy::network::TransactionResponse;
use alloy::primitives::{B256, U64};
use alloy::providers::Provider;
use anyhow::{Context, Result, bail};
use polyspan_types::Direction;
use serde_json::json;

use super::clock::BlockClock;
use super::contender::{Blocks, Contender};
use super::load::{Load, Requests};
use crate::bench::{median, percentile};
use crate::chain::ChainAccess;
use crate::network::Network;

/// Time between two polls of what is paid.
const POLL_EVERY: Duration = Duration::from_millis(250);

/// Patience without a single payout. Source: the ancestor's recovery acts on every second of its intervals of 5 s.
const PATIENCE: Duration = Duration::from_secs(240);

/// How the requests of a measurement are made.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pace {
    /// As fast as the source takes them.
    Burst,
    /// At this interval.
    Steady(Duration),
    /// As a burst, while nothing runs that pays; measured from its start on.
    Backlog,
}

/// What was measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outcome {
    /// From the block of the first request to that of the last payout; of a backlog from the start of what pays. Unit: seconds.
    pub(super) seconds: f64,
    /// From the block of the first request to that of the last one: as fast as the source takes them. Unit: seconds.
    pub(super) asked: f64,
    /// From the block of a request to that of its payout. Unit: seconds.
    pub(super) median: f64,
    /// That of 99 of 100. Unit: seconds.
    pub(super) p99: f64,
    /// All gas of what the bridge sent to the destination, for each transfer. Unit: gas.
    pub(super) gas: f64,
    /// Transactions that the bridge sent to the destination, and those of them that reverted.
    pub(super) sent: u64,
    pub(super) reverted: u64,
    /// The one of them that used most gas.
    pub(super) largest: Largest,
    /// For 1 000 transfers, of all nodes and of the relays. Unit: seconds.
    pub(super) nodes: f64,
    pub(super) relays: f64,
}

/// The transaction that used most gas.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Largest {
    /// Unit: gas.
    pub(super) gas: u64,
    /// What Kaia counts beside gas. Unit: computation cost.
    pub(super) computation: u64,
}

/// What the bridge sent to the destination.
#[derive(Debug, Clone, Copy, Default)]
struct Spent {
    gas: u64,
    sent: u64,
    reverted: u64,
    largest: Largest,
}

/// Makes `count` requests and waits until all are paid.
///
/// Errors: a chain does not answer, a payout does not come, or one is not as requested.
pub(super) async fn measure(
    network: &mut Network,
    contender: &Contender,
    load: &Load,
    direction: Direction,
    count: u64,
    pace: Pace,
) -> Result<Outcome> {
    let heights = [
        network.source_chain(direction).height().await?,
        network.destination_chain(direction).height().await?,
    ];
    let first = contender.requested(network, direction).await?;
    let requests = load.sign(network, contender, direction, count).await?;
    let clock = BlockClock::start(network);
    network.wait_blocks_of_both(1).await?;
    let mut began = Instant::now();
    let before = match pace {
        Pace::Backlog => {
            contender.stop(network).await?;
            requests.send_at_once().await?;
            wait_requested(network, contender, direction, first + count).await?;
            began = Instant::now();
            contender.start(network).await?;
            None
        }
        Pace::Burst | Pace::Steady(_) => Some(contender.processor_seconds(network)?),
    };
    match pace {
        Pace::Backlog => {}
        Pace::Burst => requests.send_at_once().await?,
        Pace::Steady(every) => requests.send_steadily(every).await?,
    }
    wait_paid(network, contender, direction, first..first + count, heights[1]).await?;
    let took = began.elapsed().as_secs_f64();
    let after = contender.processor_seconds(network)?;
    network.wait_blocks_of_both(2).await?;

    let [made, paid] = contender.seen(network, direction, heights).await?;
    let delays = check(&clock, direction, first..first + count, &made, &paid, &requests).await?;
    let spent = spent(network, contender, direction, heights[1]).await?;
    let per_1000 =
        |index: usize| before.map_or(0.0, |before| 1000.0 * (after[index] - before[index]) / count as f64);
    let start = *made.get(&first).context("the first request has a block")?;
    let asked = *made.get(&(first + count - 1)).context("the last request has a block")?;
    let end =
        (first..first + count).filter_map(|nonce| paid.get(&nonce)).max().context("there are payouts")?;
    let seconds = match pace {
        Pace::Backlog => took,
        Pace::Burst | Pace::Steady(_) => clock.seconds(direction, start, *end)?,
    };
    let asked = clock.seconds_at_source(direction, start, asked)?;
    Ok(Outcome {
        // All in one block is no faster than a block.
        seconds: seconds.max(1.0),
        // All in one block is no faster than a block.
        asked: asked.max(1.0),
        median: median(&delays),
        p99: percentile(&delays, 0.99),
        gas: spent.gas as f64 / count as f64,
        sent: spent.sent,
        reverted: spent.reverted,
        largest: spent.largest,
        nodes: per_1000(0),
        relays: per_1000(1),
    })
}

/// One event of each request and of each payout, and the balances of the recipients; the delay of each.
async fn check(
    clock: &BlockClock,
    direction: Direction,
    nonces: Range<u64>,
    made: &Blocks,
    paid: &Blocks,
    requests: &Requests,
) -> Result<Vec<f64>> {
    let mut delays = Vec::new();
    for nonce in nonces.clone() {
        let source = made.get(&nonce).with_context(|| format!("request {nonce} has no event"))?;
        let destination = paid.get(&nonce).with_context(|| format!("request {nonce} was not paid"))?;
        delays.push(clock.seconds(direction, *source, *destination)?);
    }
    if let Some((nonce, _)) = paid.range(nonces.end..).next() {
        bail!("nonce {nonce} was paid, and nobody requested it");
    }
    requests.expect_paid().await?;
    Ok(delays)
}

async fn wait_requested(
    network: &Network,
    contender: &Contender,
    direction: Direction,
    end: u64,
) -> Result<()> {
    let requested = || async { Ok(contender.requested(network, direction).await? >= end) };
    crate::eventually::eventually_true("all requests are in blocks", PATIENCE, requested).await
}

/// Waits until all are paid, for as long as it goes on.
async fn wait_paid(
    network: &Network,
    contender: &Contender,
    direction: Direction,
    nonces: Range<u64>,
    first_block: u64,
) -> Result<()> {
    let (mut last, mut moved) = (0, Instant::now());
    loop {
        let paid = contender.paid(network, direction, nonces.start, first_block).await?;
        let count = nonces.end - nonces.start;
        if paid >= count {
            return Ok(());
        }
        if paid != last {
            (last, moved) = (paid, Instant::now());
        }
        if moved.elapsed() > PATIENCE {
            bail!(
                "{}: {paid} of {count} requests are paid, and none more within {PATIENCE:?}",
                contender.name
            );
        }
        tokio::time::sleep(POLL_EVERY).await;
    }
}

/// What the bridge sent to the destination since block `first`.
async fn spent(network: &Network, contender: &Contender, direction: Direction, first: u64) -> Result<Spent> {
    let payers = contender.payers(network, direction);
    let chain = network.destination_chain(direction);
    let (mut spent, mut largest) = (Spent::default(), None);
    for height in first + 1..=chain.height().await? {
        let receipts =
            chain.access().provider.get_block_receipts(BlockNumberOrTag::Number(height).into()).await;
        let receipts = receipts.context("cannot read receipts")?.context("a block that is not there")?;
        for receipt in receipts.iter().filter(|receipt| payers.contains(&receipt.from)) {
            spent.gas += receipt.gas_used;
            spent.sent += 1;
            spent.reverted += u64::from(!receipt.status());
            if receipt.gas_used > spent.largest.gas {
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
