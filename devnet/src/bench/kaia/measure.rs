//! One measurement: requests of one direction, from the first to the last payout, with every delivery checked.

use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use polyspan_types::Direction;

use super::clock::BlockClock;
use super::contender::{Blocks, Contender};
use super::load::{Load, Requests};
use super::spent::Spent;
use crate::bench::{median, percentile};
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
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Outcome {
    /// From the block of the first request to that of the last payout; of a backlog from the start of what pays. Unit: seconds.
    pub(super) seconds: f64,
    /// From the block of the first request to that of the last one: as fast as the source takes them. Unit: seconds.
    pub(super) asked: f64,
    /// From the block of a request to that of its payout. Unit: seconds.
    pub(super) median: f64,
    /// That of 99 of 100. Unit: seconds.
    pub(super) p99: f64,
    /// Requests of a backlog after which the bridge came to a stand: the time is the least that it takes then.
    pub(super) unpaid: u64,
    /// What the bridge sent to the destination.
    pub(super) spent: Spent,
    /// For 1 000 transfers, of all nodes and of the relays. Unit: seconds.
    pub(super) nodes: f64,
    pub(super) relays: f64,
}

/// Makes `count` requests and waits until all are paid. The ancestor may come to a stand before a backlog is paid: each of four operators sends
/// all of it again and again, until the pool of the nodes is full.
///
/// Errors: a chain does not answer, another payout does not come, or one is not as requested.
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
    let unpaid = wait_paid(network, contender, direction, first..first + count, heights[1]).await?;
    let took = began.elapsed().as_secs_f64();
    if unpaid > 0 {
        if !matches!(pace, Pace::Backlog) || contender.ancestor.is_none() {
            bail!(
                "{}: {unpaid} of {count} requests are not paid, and none more within {PATIENCE:?}",
                contender.name
            );
        }
        return Ok(Outcome { seconds: took, unpaid, ..Outcome::default() });
    }
    let after = contender.processor_seconds(network)?;
    network.wait_blocks_of_both(2).await?;

    let [made, paid] = contender.seen(network, direction, heights).await?;
    let delays = check(&clock, direction, first..first + count, &made, &paid, &requests).await?;
    let spent = Spent::since(network, contender, direction, heights[1]).await?;
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
        unpaid,
        spent,
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

/// Waits until all are paid, for as long as it goes on; how many are not.
async fn wait_paid(
    network: &Network,
    contender: &Contender,
    direction: Direction,
    nonces: Range<u64>,
    first_block: u64,
) -> Result<u64> {
    let (mut last, mut moved) = (0, Instant::now());
    loop {
        let paid = contender.paid(network, direction, nonces.start, first_block).await?;
        let count = nonces.end - nonces.start;
        if paid >= count {
            return Ok(0);
        }
        if paid != last {
            (last, moved) = (paid, Instant::now());
        }
        if moved.elapsed() > PATIENCE {
            return Ok(count - paid);
        }
        tokio::time::sleep(POLL_EVERY).await;
    }
}
