//! How long a lane stands when its leader dies or freezes: from the signal to the next transfer that another relay has
//! handled, under continuous traffic.
//!
//! What the old leader sent just before the signal may still be handled after it. That is no failover, so such payouts
//! do not end the clock; the time to the next payout by anyone is shown beside.

use std::time::{Duration, Instant};

use alloy::primitives::Address;
use alloy::providers::Provider;
use alloy::rpc::types::Filter;
use alloy::sol_types::SolEvent;
use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use polyspan_contracts::Bridge::HandleValueTransfer;
use polyspan_types::Direction;

use super::{Figure, Machine, Report, Setting, median};
use crate::eventually::eventually_true;
use crate::network::Network;
use crate::scenario::{Pump, Timeline};
use crate::spec::NetworkSpec;

/// Unit: seconds. Source: DESIGN section 12, with blocks of one second.
const MEDIAN_GOAL: f64 = 4.0;

/// Unit: seconds. Source: DESIGN section 12, with blocks of one second.
const MAX_GOAL: f64 = 6.0;

/// Requests a second of each lane.
const LOAD: u32 = 5;

/// Time between two looks for a payout.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Longer than any failover may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// One failover.
#[derive(Debug, Clone, Copy)]
struct Sample {
    /// Until another relay's payout. Unit: seconds.
    other: f64,
    /// Until anybody's. Unit: seconds.
    any: f64,
}

/// Measures `rounds` kills and as many freezes, both lanes in turn.
///
/// Errors: the network cannot be started, no other relay goes on, or something does not add up at the end.
pub async fn run(spec: NetworkSpec, rounds: usize) -> Result<Report> {
    let setting = Setting::of(&spec);
    let mut network = Network::start(spec).await?;
    let machine = Machine::of(&network).await?;
    network.start_relays()?;
    network.wait_ready(PATIENCE).await?;
    let timeline = Timeline::start(&network)?;
    let pumps = [
        Pump::start(&network, Direction::MainToService, 0, LOAD)?,
        Pump::start(&network, Direction::ServiceToMain, 1, LOAD)?,
    ];
    let mut figures = Vec::new();
    for (name, signal) in [("kill", Signal::SIGKILL), ("freeze", Signal::SIGSTOP)] {
        let mut samples = Vec::new();
        for round in 0..rounds {
            let direction = Direction::ALL[round % 2];
            let sample = fail_over(&mut network, &timeline, direction, signal).await?;
            tracing::info!("{name} {} of {rounds}, {direction}: {sample:?}", round + 1);
            samples.push(sample);
        }
        let of = |part: fn(&Sample) -> f64| samples.iter().map(part).collect::<Vec<f64>>();
        let (other, any) = (of(|sample| sample.other), of(|sample| sample.any));
        let worst = other.iter().copied().fold(0.0, f64::max);
        figures.push(Figure::at_most(format!("failover.{name}.median_s"), median(&other), "s", MEDIAN_GOAL));
        figures.push(Figure::at_most(format!("failover.{name}.max_s"), worst, "s", MAX_GOAL));
        figures.push(Figure::of_interest(format!("failover.{name}.next_payout_median_s"), median(&any), "s"));
        figures.push(Figure::of_interest(format!("failover.{name}.rounds"), rounds as f64, "failovers"));
    }
    for pump in pumps {
        pump.stop().await?;
    }
    network.wait_blocks_of_both(2).await?;
    network.wait_all_handled(PATIENCE).await?;
    network.expect_complete().await?;
    network.stop().await?;
    Ok(Report::new("failover", setting, figures, machine))
}

/// Strikes the leader of a lane at a moment of no block's choosing, measures, and brings it back.
async fn fail_over(
    network: &mut Network,
    timeline: &Timeline,
    direction: Direction,
    signal: Signal,
) -> Result<Sample> {
    moves(timeline, direction).await?;
    tokio::time::sleep(Duration::from_millis(rand::random_range(0..1_000))).await;
    let leader = network.leader(0, direction).await?;
    let own: Vec<Address> = network.relay(&leader)?.submitters.iter().map(|(_, key)| key.address()).collect();
    let before = network.destination_chain(direction).height().await?;
    let struck = Instant::now();
    network.relay_mut(&leader)?.process()?.signal(signal)?;
    let sample = watch(network, direction, &own, before, struck).await?;
    if signal == Signal::SIGKILL {
        network.relay_mut(&leader)?.kill().await?;
        network.start_relay(&leader)?;
    } else {
        network.relay_mut(&leader)?.process()?.thaw()?;
    }
    network.wait_ready(PATIENCE).await?;
    moves(timeline, direction).await?;
    Ok(sample)
}

/// Waits for a payout of somebody other than `own` in the blocks after `before`.
async fn watch(
    network: &Network,
    direction: Direction,
    own: &[Address],
    before: u64,
    struck: Instant,
) -> Result<Sample> {
    let view = network.destination(0, direction)?;
    let filter = Filter::new().address(view.side.bridge).event_signature(HandleValueTransfer::SIGNATURE_HASH);
    let mut any = None;
    while struck.elapsed() < PATIENCE {
        // From a block that is there: anvil refuses to look at later ones.
        let logs = view.chain.provider.get_logs(&filter.clone().from_block(before)).await?;
        let now = struck.elapsed().as_secs_f64();
        for log in logs.iter().filter(|log| log.block_number > Some(before)) {
            any.get_or_insert(now);
            let hash = log.transaction_hash.context("a log without a transaction")?;
            let paid = view.chain.provider.get_transaction_by_hash(hash).await?;
            let sender = paid.context("a payout without a transaction")?.inner.signer();
            if !own.contains(&sender) {
                return Ok(Sample { other: now, any: any.unwrap_or(now) });
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    bail!("no other relay went on with {direction} within {PATIENCE:?}")
}

/// The lane handles something from now on.
async fn moves(timeline: &Timeline, direction: Direction) -> Result<()> {
    let handled = || timeline.progress(direction).map_or(0, |progress| progress.handled.get());
    let before = handled();
    eventually_true("the lane moves", PATIENCE, || async { Ok(handled() > before) }).await
}
