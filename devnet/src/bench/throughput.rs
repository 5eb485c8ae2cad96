//! How many transfers a lane carries, beside what its chains could carry.
//!
//! ```text
//! steady:     100 requests a second ─▶ relays ─▶ calls of each endpoint, blocks from final to paid
//! saturated:  requests as fast as the source takes them ─▶ relays ─▶ transfers a second, processor time
//! bare:       the same requests, and the same payouts by a script, with no relay at all
//! ```
//!
//! The limit is what the chains do on this machine without relays: the smaller of what the source takes and the
//! destination pays while both are driven at once. Only the relays of the measured lane run.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use polyspan_types::Direction;

use super::load::blocks::{self, Arrivals};
use super::load::source::{Source, WAITING};
use super::load::{BLOCK_GAS_LIMIT, calls, difference, script};
use super::{Figure, Machine, Report, Setting, percentile, processor};
use crate::network::Network;
use crate::relay::Relay;
use crate::scenario::{Pump, Timeline};
use crate::spec::NetworkSpec;

/// The measured lane.
const LANE: Direction = Direction::MainToService;

/// Requests a second of the steady phase. Source: DESIGN section 12.
const STEADY_PER_S: u32 = 100;

/// Traffic before a phase is measured.
const WARM_UP: Duration = Duration::from_secs(8);

/// Traffic that is measured.
const WINDOW: Duration = Duration::from_secs(30);

/// Traffic of the source before the script starts.
const BARE_WARM_UP: Duration = Duration::from_secs(5);

/// Patience for a backlog.
const PATIENCE: Duration = Duration::from_secs(300);

/// Goals. Source: DESIGN section 12.
const SHARE_OF_LIMIT: f64 = 0.9;
const CPU_S_PER_1000: f64 = 0.5;
const CALLS_PER_TRANSFER: f64 = 0.1;
const P99_BLOCKS: f64 = 2.0;
const DUPLICATES_PER_1000: f64 = 1.0;

/// Requests with which a source is saturated for so long: it takes no more, and some blocks' worth is to spare.
fn saturating(time: Duration) -> u64 {
    (time + Duration::from_secs(4)).as_secs() * WAITING
}

/// What changes in a phase, at one moment.
struct Reading {
    at: Instant,
    requested: u64,
    handled: u64,
    relays: f64,
    chains: [f64; 2],
    own: f64,
}

/// Measures on a network of its own.
///
/// Errors: the network cannot be started, a lane stands, or something does not add up.
pub async fn run(spec: NetworkSpec) -> Result<Report> {
    let setting = Setting::of(&spec);
    let spec = NetworkSpec { block_gas_limit: BLOCK_GAS_LIMIT, ..spec };
    let mut network = Network::start(spec).await?;
    let machine = Machine::of(&network).await?;
    let names: Vec<String> = lane_relays(&network).map(|relay| relay.spec.name.clone()).collect();
    for name in &names {
        network.start_relay(name)?;
    }
    network.wait_ready(PATIENCE).await?;
    let timeline = Timeline::start(&network)?;
    let mut figures = Vec::new();
    steady(&network, &timeline, &mut figures).await?;
    network.wait_all_handled(PATIENCE).await?;

    let first_block = network.service.height().await? + 1;
    let saturated = saturated(&network, &timeline, &mut figures).await?;
    for name in &names {
        network.relay_mut(name)?.stop().await?;
    }
    network.wait_blocks_of_both(2).await?;
    let payouts = blocks::payouts(&network, LANE, first_block).await?;
    figures.push(Figure::at_most(
        "throughput.duplicates_per_1000",
        1000.0 * payouts.reverted as f64 / payouts.transfers.max(1) as f64,
        "submissions",
        DUPLICATES_PER_1000,
    ));
    // What waits is more than a relay may work off in a reasonable time, and no problem.
    for audit in network.audit().await? {
        if !audit.problems.is_empty() {
            bail!("{}", audit.problems.join("\n"));
        }
    }
    let limit = limit(&network, &mut figures).await?;
    figures.insert(0, Figure::of_interest("throughput.chain_limit_per_s", limit, "transfers/s"));
    let goal = SHARE_OF_LIMIT * limit;
    figures.insert(0, Figure::at_least("throughput.transfers_per_s", saturated, "transfers/s", goal));
    network.stop().await?;
    Ok(Report::new("throughput", setting, figures, machine))
}

/// Calls and latency under steady traffic.
async fn steady(network: &Network, timeline: &Timeline, figures: &mut Vec<Figure>) -> Result<()> {
    let arrivals = Arrivals::start(network.source_chain(LANE), network.destination_chain(LANE));
    let pump = Pump::start(network, LANE, 0, STEADY_PER_S)?;
    tokio::time::sleep(WARM_UP).await;
    let all_calls = || lane_relays(network).flat_map(calls).collect::<Vec<_>>();
    let calls_before = all_calls();
    let before = read(network, timeline)?;
    tokio::time::sleep(WINDOW).await;
    let after = read(network, timeline)?;
    let calls_after = all_calls();
    pump.stop().await?;
    network.wait_all_handled(PATIENCE).await?;
    let transfers = (after.handled - before.handled).max(1) as f64;
    let busiest = calls_before.iter().zip(&calls_after).map(|(before, after)| difference(before, after));
    let busiest = busiest.max_by_key(|calls| calls.values().sum::<u64>()).unwrap_or_default();
    figures.push(Figure::at_most(
        "throughput.rpc_calls_per_transfer",
        busiest.values().sum::<u64>() as f64 / transfers,
        "calls",
        CALLS_PER_TRANSFER,
    ));
    for (method, calls) in busiest {
        let name = format!("throughput.steady.calls_per_transfer.{method}");
        figures.push(Figure::of_interest(name, calls as f64 / transfers, "calls"));
    }
    let rate = transfers / (after.at - before.at).as_secs_f64();
    figures.push(Figure::of_interest("throughput.steady.transfers_per_s", rate, "transfers/s"));
    let blocks = arrivals.blocks_to_paid(network, LANE, before.handled..after.handled).await?;
    figures.push(Figure::at_most("throughput.p99_blocks", percentile(&blocks, 0.99), "blocks", P99_BLOCKS));
    figures.push(Figure::of_interest("throughput.p50_blocks", percentile(&blocks, 0.5), "blocks"));
    let relays = 1000.0 * (after.relays - before.relays) / transfers;
    figures.push(Figure::of_interest("throughput.steady.cpu_s_per_1000", relays, "s"));
    Ok(())
}

/// Transfers a second while the source is driven as fast as it goes.
async fn saturated(network: &Network, timeline: &Timeline, figures: &mut Vec<Figure>) -> Result<f64> {
    let source = Source::prepare(network, LANE, saturating(WARM_UP + WINDOW)).await?.drive();
    tokio::time::sleep(WARM_UP).await;
    let before = read(network, timeline)?;
    tokio::time::sleep(WINDOW).await;
    let after = read(network, timeline)?;
    source.stop().await?;
    let seconds = (after.at - before.at).as_secs_f64();
    let transfers = (after.handled - before.handled) as f64;
    let cpu = 1000.0 * (after.relays - before.relays) / transfers.max(1.0);
    figures.push(Figure::at_most("throughput.cpu_s_per_1000", cpu, "s", CPU_S_PER_1000));
    let requested = (after.requested - before.requested) as f64 / seconds;
    figures.push(Figure::of_interest("throughput.saturated.requests_per_s", requested, "requests/s"));
    for (name, used) in [
        ("relays", after.relays - before.relays),
        ("source_chain", after.chains[0] - before.chains[0]),
        ("destination_chain", after.chains[1] - before.chains[1]),
        ("devnet", after.own - before.own),
    ] {
        let name = format!("throughput.saturated.cores.{name}");
        figures.push(Figure::of_interest(name, used / seconds, "cores"));
    }
    Ok(transfers / seconds)
}

/// Transfers a second of the slower of both chains, while both are driven at once. Relays must not run.
async fn limit(network: &Network, figures: &mut Vec<Figure>) -> Result<f64> {
    // Something to pay for the whole time, whatever the relays have left over.
    let backlog = Source::prepare(network, LANE, saturating(WINDOW)).await?.drive();
    tokio::time::sleep(WINDOW).await;
    backlog.stop().await?;
    network.source_chain(LANE).wait_blocks(2).await?;

    let script = script::prepare(network, LANE).await?;
    let source = Source::prepare(network, LANE, saturating(BARE_WARM_UP + WINDOW)).await?.drive();
    tokio::time::sleep(BARE_WARM_UP).await;
    let view = network.source(0, LANE)?;
    let (began, requested) = (Instant::now(), view.request_nonce().await?.get());
    let paid = script.pay(network, LANE, WINDOW).await?;
    let taken = began.elapsed().as_secs_f64();
    let requests = (view.request_nonce().await?.get() - requested) as f64 / taken;
    source.stop().await?;
    figures.push(Figure::of_interest("throughput.bare.requests_per_s", requests, "requests/s"));
    figures.push(Figure::of_interest("throughput.bare.payouts_per_s", paid, "transfers/s"));
    figures.push(Figure::of_interest("throughput.bare.seconds", taken, "s"));
    Ok(paid.min(requests))
}

fn lane_relays(network: &Network) -> impl Iterator<Item = &Relay> {
    network.relays.iter().filter(|relay| relay.spec.directions.contains(&LANE))
}

fn read(network: &Network, timeline: &Timeline) -> Result<Reading> {
    let progress = timeline.progress(LANE).context("nothing was seen of the lane yet")?;
    let mut relays = 0.0;
    for relay in lane_relays(network) {
        let process = relay.process.as_ref().with_context(|| format!("{} does not run", relay.spec.name))?;
        relays += processor::seconds(process.id())?;
    }
    let chain = |chain: &crate::chain::Chain| -> Result<f64> {
        chain.processes().into_iter().map(|process| processor::seconds(process.id())).sum()
    };
    Ok(Reading {
        at: Instant::now(),
        requested: progress.requested.get(),
        handled: progress.handled.get(),
        relays,
        chains: [chain(network.source_chain(LANE))?, chain(network.destination_chain(LANE))?],
        own: processor::seconds(std::process::id())?,
    })
}
