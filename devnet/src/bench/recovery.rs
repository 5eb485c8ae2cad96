//! How fast a lane catches up when all of its relays were down, and whether the other lane notices.
//!
//! ```text
//! relays stopped ─▶ requests on one lane ─▶ final ─▶ relays start, traffic on the other lane ─▶ all handled
//! a store deleted, or replaced by an old copy ─▶ its relay starts before a backlog ─▶ its first attestation
//! relays stopped ─▶ as many requests again ─▶ the same payouts by a script: what the chain can do
//! ```
//!
//! Every relay serves both lanes, in one process: the lane that catches up is beside the other one wherever that could matter.
//! Calls are all calls of a relay meanwhile, those for the other lane included.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use polyspan_types::Direction;

use super::load::blocks::Arrivals;
use super::load::source::Source;
use super::load::{BLOCK_GAS_LIMIT, calls, difference, script};
use super::{Figure, Machine, Report, Setting, percentile, processor};
use crate::eventually::eventually_true;
use crate::memory;
use crate::network::Network;
use crate::relay::Relay;
use crate::scenario::Pump;
use crate::spec::{NetworkSpec, Topology};
use crate::traffic::Traffic;

/// The lane that catches up, and the one beside it.
const LANE: Direction = Direction::MainToService;
const OTHER: Direction = Direction::ServiceToMain;

/// Relays, each for both lanes.
const RELAYS: usize = 4;

/// Requests a second of the other lane.
const OTHER_PER_S: u32 = 10;

/// Requests that the script pays: more than a block has room for.
const SCRIPTED: u64 = 30_000;

/// The backlog of which the goals speak. Unit: requests.
pub const BACKLOG: u64 = 10_000;

/// The backlogs of a run.
pub const BACKLOGS: [u64; 2] = [BACKLOG, 100_000];

/// Goals. Source: DESIGN section 12.
const REQUESTS_PER_S: f64 = 1_000.0;
const CALLS_PER_REQUEST: f64 = 0.05;
const PEAK_RSS_MIB: f64 = 100.0;
const OTHER_P99_BLOCKS: f64 = 3.0;

/// Unit: seconds, two blocks of one second until the request is final among them. Source: ADR 0020.
const FIRST_ATTESTATION_S: f64 = 5.0;

const LOOK_EVERY: Duration = Duration::from_millis(25);

/// Patience for whatever is no backlog, and for one thousand requests of one.
const PATIENCE: Duration = Duration::from_secs(120);
const PATIENCE_PER_1000: Duration = Duration::from_secs(30);

/// Measures one backlog after the other, on a network of its own.
///
/// Errors: the network cannot be started, a lane stands, or something does not add up.
pub async fn run(spec: NetworkSpec, backlogs: &[u64]) -> Result<Report> {
    let setting = Setting::of(&spec);
    let spec = NetworkSpec { block_gas_limit: BLOCK_GAS_LIMIT, topology: Topology::Shared(RELAYS), ..spec };
    let mut network = Network::start(spec).await?;
    let machine = Machine::of(&network).await?;
    network.start_relays()?;
    network.wait_ready(PATIENCE).await?;
    Traffic::new(&network, 0, 0)?.rounds(1, crate::testing::fresh_recipient()).await?;
    network.wait_all_handled(PATIENCE).await?;
    let mut figures = Vec::new();
    for &backlog in backlogs {
        tracing::info!("a backlog of {backlog}");
        stop_relays(&mut network).await?;
        measure(&mut network, backlog, &mut figures).await?;
    }
    stop_relays(&mut network).await?;
    let backup = network.spec.directory.join("backup.sqlite");
    first_relay(&network)?.back_up_store(&backup)?;
    useful_again(&mut network, "empty_store", Relay::lose_store, &mut figures).await?;
    // As many requests as wait were signed and handled since the copy was made.
    useful_again(&mut network, "restored_backup", |relay| relay.restore_store(&backup), &mut figures).await?;
    for audit in network.audit().await? {
        if !audit.problems.is_empty() {
            bail!("{}", audit.problems.join("\n"));
        }
    }
    request(&network, SCRIPTED).await?;
    let limit = script::prepare(&network, LANE).await?.pay(&network, LANE, PATIENCE).await?;
    figures.push(Figure::of_interest("recovery.chain_limit_per_s", limit, "requests/s"));
    network.stop().await?;
    Ok(Report::new("recovery", setting, figures, machine))
}

/// One backlog, from the start of the relays until all of it is handled.
async fn measure(network: &mut Network, backlog: u64, figures: &mut Vec<Figure>) -> Result<()> {
    let patience = patience(backlog)?;
    let begin = network.progress(0, LANE).await?.handled.get();
    let requested = Instant::now();
    request(network, backlog).await?;
    let requesting = requested.elapsed().as_secs_f64();

    let calls_of = |network: &Network| network.relays.iter().map(all_calls).collect::<Vec<_>>();
    let before = calls_of(network);
    let arrivals = Arrivals::start(network.source_chain(OTHER), network.destination_chain(OTHER));
    let began = Instant::now();
    network.start_relays()?;
    let pump = Pump::start(network, OTHER, 1, OTHER_PER_S)?;
    let first = until_handled(network, begin + 1, began, patience).await?;
    // What was requested while the relays started has waited for them, not for the backlog.
    let beside = network.progress(0, OTHER).await?.requested.get();
    let seconds = until_handled(network, begin + backlog, began, patience).await?;
    let beside = beside..network.progress(0, OTHER).await?.requested.get();
    let after = calls_of(network);
    let mut peak = 0.0_f64;
    let mut used = 0.0;
    for relay in &mut network.relays {
        let process = relay.process()?.id();
        peak = peak.max(memory::peak_mib(process)?);
        used += processor::seconds(process)?;
    }
    pump.stop().await?;
    network.wait_all_handled(PATIENCE).await?;
    let blocks = arrivals.blocks_to_paid(network, OTHER, beside).await?;

    let name = |name: &str| match backlog {
        BACKLOG => format!("recovery.{name}"),
        other => format!("recovery.{other}.{name}"),
    };
    let busiest = before.iter().zip(&after).map(|(before, after)| difference(before, after));
    let busiest = busiest.max_by_key(|calls| calls.values().sum::<u64>()).unwrap_or_default();
    let rate = backlog as f64 / seconds;
    let other = percentile(&blocks, 0.99);
    figures.extend([
        Figure::at_least(name("requests_per_s"), rate, "requests/s", REQUESTS_PER_S),
        Figure::at_most(
            name("rpc_calls_per_request"),
            busiest.values().sum::<u64>() as f64 / backlog as f64,
            "calls",
            CALLS_PER_REQUEST,
        ),
        Figure::at_most(name("peak_rss_mib"), peak, "MiB", PEAK_RSS_MIB),
        Figure::at_most(name("other_lane_p99_blocks"), other, "blocks", OTHER_P99_BLOCKS),
        Figure::of_interest(name("other_lane_p50_blocks"), percentile(&blocks, 0.5), "blocks"),
        Figure::of_interest(name("other_lane_transfers"), blocks.len() as f64, "transfers"),
        Figure::of_interest(name("first_payout_s"), first, "s"),
        Figure::of_interest(name("seconds"), seconds, "s"),
        Figure::of_interest(name("requested_in_s"), requesting, "s"),
        Figure::of_interest(name("cpu_s_per_1000"), 1000.0 * used / backlog as f64, "s"),
    ]);
    for (method, calls) in busiest {
        let name = name(&format!("calls_per_request.{method}"));
        figures.push(Figure::of_interest(name, calls as f64 / backlog as f64, "calls"));
    }
    Ok(())
}

/// A relay that has lost what it knew, before a backlog: how long until others have an attestation of it. It signs nothing that was
/// requested before it began, so a request follows its start.
async fn useful_again(
    network: &mut Network,
    what: &str,
    lose: impl Fn(&Relay) -> Result<()>,
    figures: &mut Vec<Figure>,
) -> Result<()> {
    tracing::info!("{what}: a backlog of {BACKLOG}");
    request(network, BACKLOG).await?;
    let name = first_relay(network)?.spec.name.clone();
    lose(network.relay(&name)?)?;
    let began = Instant::now();
    network.start_relay(&name)?;
    network.wait_ready(PATIENCE).await?;
    let ready = began.elapsed().as_secs_f64();
    Source::prepare(network, LANE, 1).await?.drive().finished().await?;
    let label = format!("lane=\"{}\"", network.bridge(0)?.deployment.lane(LANE).id);
    let attested = || async {
        let count = network.relay(&name)?.metric("polyspan_lane_attestations_total", &[&label]).await?;
        Ok(count.is_some_and(|count| count > 0.0))
    };
    eventually_true("the relay that lost what it knew attests", PATIENCE, attested).await?;
    let first = began.elapsed().as_secs_f64();
    tracing::info!("{what}: ready after {ready:.1} s, an attestation after {first:.1} s");
    figures.extend([
        Figure::at_most(format!("recovery.{what}.first_attestation_s"), first, "s", FIRST_ATTESTATION_S),
        Figure::of_interest(format!("recovery.{what}.ready_s"), ready, "s"),
    ]);
    stop_relays(network).await?;
    network.start_relays()?;
    network.wait_all_handled(patience(BACKLOG)?).await?;
    stop_relays(network).await
}

/// For a backlog.
fn patience(backlog: u64) -> Result<Duration> {
    Ok(PATIENCE + PATIENCE_PER_1000 * u32::try_from(backlog / 1_000)?)
}

fn first_relay(network: &Network) -> Result<&Relay> {
    network.relays.first().context("a network without relays")
}

/// Makes requests as fast as the source takes them, and waits until they are final.
async fn request(network: &Network, count: u64) -> Result<()> {
    let view = network.source(0, LANE)?;
    let goal = view.request_nonce().await?.get() + count;
    Source::prepare(network, LANE, count).await?.drive().finished().await?;
    let began = Instant::now();
    while view.request_nonce().await?.get() < goal {
        if began.elapsed() > PATIENCE {
            bail!("the source has not taken {count} requests");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    network.source_chain(LANE).wait_blocks(3).await
}

/// Waits until the destination has handled so many; the time since `began`. Unit: seconds.
async fn until_handled(network: &Network, nonce: u64, began: Instant, patience: Duration) -> Result<f64> {
    let view = network.destination(0, LANE)?;
    while view.handle_nonce().await?.get() < nonce {
        if began.elapsed() > patience {
            bail!("request {nonce} is not handled after {patience:?}");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(began.elapsed().as_secs_f64())
}

async fn stop_relays(network: &mut Network) -> Result<()> {
    for relay in &mut network.relays {
        relay.stop().await?;
    }
    Ok(())
}

/// Calls of a relay to all of its endpoints.
fn all_calls(relay: &Relay) -> BTreeMap<String, u64> {
    let mut all = BTreeMap::new();
    for (method, count) in calls(relay).into_iter().flatten() {
        *all.entry(method).or_default() += count;
    }
    all
}
