//! The ancestor's own bridge and ours, one after the other on the same nodes of Kaia.
//!
//! ```text
//! 4 CNs, 4 SCNs ◀─ 4 ENs, 4 SENs ─┬─ --mainbridge / --subbridge: the ancestor, first with one operator, then with four of which three agree
//!                                 └─ plain: ours, four relays of which three agree
//! ```
//!
//! The same users request the same amounts for the same recipients. A delivery counts when there is one event of it and the recipient has
//! what was requested. The first block is that of the first request, the last one that of the last payout.

mod clock;
mod contender;
mod load;
mod measure;
mod spent;

use std::time::Duration;

use alloy::primitives::U256;
use anyhow::{Result, bail};
use polyspan_types::Direction;

use super::{Figure, Machine, Report, Setting};
use crate::ancestor::Ancestor;
use crate::chain::NodeKind;
use crate::network::Network;
use crate::spec::{NetworkSpec, Topology};
use crate::tokens::WHOLE;
use contender::Contender;
use load::Load;
use measure::{Outcome, Pace, measure};
use spent::{Largest, Spent};

/// Relays, and operators of the ancestor.
const OPERATORS: usize = 4;

/// Requests of each burst; the backlog of the recovery is the largest of them.
pub const BURSTS: [u64; 2] = [1_000, 3_000];

/// Requests of the steady phase, and the time between two of them: 4 a second for half a minute.
const STEADY: u64 = 120;
const STEADY_EVERY: Duration = Duration::from_millis(250);

/// What the ancestor's contracts are charged with. Unit: wei.
const LIQUIDITY: u128 = 1_000 * WHOLE;

const PATIENCE: Duration = Duration::from_secs(180);

/// Goals. Source: DESIGN section 12.
const BURST_RATIO: f64 = 1.5;
const LATENCY_RATIO: f64 = 1.0;
const RECOVERY_RATIO: f64 = 10.0;
const GAS_RATIO: f64 = 0.25;

/// What one bridge did, each in both directions.
#[derive(Debug, Default)]
struct Results {
    bursts: Vec<Vec<Outcome>>,
    steady: Vec<Outcome>,
    recovery: Vec<Outcome>,
}

/// Measures on a network of its own.
///
/// Errors: the network cannot be started, or a bridge does not pay what was requested.
pub async fn run(spec: NetworkSpec, bursts: &[u64]) -> Result<Report> {
    if spec.nodes != NodeKind::Kaia {
        bail!("the ancestor's bridge is a part of Kaia's nodes: use --nodes kaia");
    }
    let Some(backlog) = bursts.iter().max().copied() else { bail!("a burst has requests") };
    let spec = NetworkSpec { topology: Topology::Shared(OPERATORS), ..spec };
    let setting = Setting::of(&spec);
    let threshold = spec.threshold;
    let mut network = Network::start(spec).await?;
    let machine = Machine::of(&network).await?;
    let load = Load::prepare(&network).await?;
    let mut figures = Vec::new();
    let names: Vec<String> = network.relays.iter().map(|relay| relay.spec.name.clone()).collect();

    let one = start_ancestor(&mut network, "ancestor_one", &names[..1], 1).await?;
    let of_one = all(&mut network, &one, &load, bursts, None, &mut figures).await?;
    stop_ancestor(&mut network, one).await?;

    let four = start_ancestor(&mut network, "ancestor", &names, threshold).await?;
    let of_four = all(&mut network, &four, &load, bursts, Some(backlog), &mut figures).await?;
    stop_ancestor(&mut network, four).await?;

    let ours = Contender { name: "polyspan", ancestor: None };
    network.start_relays()?;
    network.wait_ready(PATIENCE).await?;
    let of_ours = all(&mut network, &ours, &load, bursts, Some(backlog), &mut figures).await?;
    network.expect_complete().await?;
    network.stop().await?;

    let mut report = ratios(&of_ours, &of_four, &of_one);
    report.append(&mut figures);
    Ok(Report::new("kaia", setting, report, machine))
}

async fn start_ancestor(
    network: &mut Network,
    name: &'static str,
    relays: &[String],
    threshold: u8,
) -> Result<Contender> {
    let payer = network.deployer.signer.clone();
    let ancestor = Ancestor::start(network, relays, threshold, U256::from(LIQUIDITY), &payer).await?;
    Ok(Contender { name, ancestor: Some(ancestor) })
}

async fn stop_ancestor(network: &mut Network, contender: Contender) -> Result<()> {
    if let Some(ancestor) = contender.ancestor {
        ancestor.deregister().await?;
        ancestor.leave_nodes(network).await?;
    }
    Ok(())
}

/// Everything that is measured of one bridge; its recovery only with a backlog.
async fn all(
    network: &mut Network,
    contender: &Contender,
    load: &Load,
    bursts: &[u64],
    backlog: Option<u64>,
    figures: &mut Vec<Figure>,
) -> Result<Results> {
    let name = contender.name;
    let mut results = Results::default();
    for &count in bursts {
        let mut both = Vec::new();
        for direction in Direction::ALL {
            let outcome = measure(network, contender, load, direction, count, Pace::Burst).await?;
            let rate = count as f64 / outcome.seconds;
            tracing::info!(
                "{name}, {direction}: a burst of {count} is paid with {rate:.1} transfers a second"
            );
            let stem = format!("kaia.{name}.{}.burst_{count}", short(direction));
            figures.push(Figure::of_interest(format!("{stem}.transfers_per_s"), rate, "transfers/s"));
            figures.push(requests_per_s(&stem, count, &outcome));
            figures.extend(costs(&stem, count, &outcome));
            both.push(outcome);
        }
        results.bursts.push(both);
    }
    let steady = bursts.iter().max().map_or(STEADY, |most| STEADY.min(*most));
    for direction in Direction::ALL {
        let outcome =
            measure(network, contender, load, direction, steady, Pace::Steady(STEADY_EVERY)).await?;
        tracing::info!(
            "{name}, {direction}: at 4 a second paid after {:.2} s, p99 {:.2} s",
            outcome.median,
            outcome.p99
        );
        let stem = format!("kaia.{name}.{}.steady", short(direction));
        figures.push(Figure::of_interest(format!("{stem}.median_s"), outcome.median, "s"));
        figures.push(Figure::of_interest(format!("{stem}.p99_s"), outcome.p99, "s"));
        figures.extend(costs(&stem, steady, &outcome));
        results.steady.push(outcome);
    }
    let Some(backlog) = backlog else { return Ok(results) };
    for direction in Direction::ALL {
        let outcome = measure(network, contender, load, direction, backlog, Pace::Backlog).await?;
        tracing::info!(
            "{name}, {direction}: a backlog of {backlog} has {} unpaid {:.1} s after the start",
            outcome.unpaid,
            outcome.seconds
        );
        let stem = format!("kaia.{name}.{}.recovery_{backlog}", short(direction));
        figures.push(Figure::of_interest(format!("{stem}.seconds"), outcome.seconds, "s"));
        figures.push(Figure::of_interest(format!("{stem}.unpaid"), outcome.unpaid as f64, "requests"));
        results.recovery.push(outcome);
        if outcome.unpaid > 0 {
            // The bridge has come to a stand, and goes on to load the nodes: what is measured beside that says nothing.
            break;
        }
        // As fast as the source takes them while nothing pays.
        figures.push(requests_per_s(&stem, backlog, &outcome));
        figures.extend(size(&stem, outcome.spent.largest));
    }
    Ok(results)
}

fn requests_per_s(stem: &str, count: u64, outcome: &Outcome) -> Figure {
    Figure::of_interest(format!("{stem}.requests_per_s"), count as f64 / outcome.asked, "requests/s")
}

fn costs(stem: &str, count: u64, outcome: &Outcome) -> Vec<Figure> {
    let per_1000 = |number: u64| 1000.0 * number as f64 / count as f64;
    let Spent { gas, sent, reverted, largest } = outcome.spent;
    let mut figures = vec![
        Figure::of_interest(format!("{stem}.gas_per_transfer"), gas as f64 / count as f64, "gas"),
        Figure::of_interest(format!("{stem}.transactions_per_1000"), per_1000(sent), "transactions"),
        Figure::of_interest(format!("{stem}.reverted_per_1000"), per_1000(reverted), "transactions"),
        Figure::of_interest(format!("{stem}.nodes_cpu_s_per_1000"), outcome.nodes, "s"),
        Figure::of_interest(format!("{stem}.relays_cpu_s_per_1000"), outcome.relays, "s"),
    ];
    figures.extend(size(stem, largest));
    figures
}

/// Nothing for the ancestor, whose cost is not asked for.
fn size(stem: &str, Largest { gas, computation }: Largest) -> Vec<Figure> {
    let figure = |of: &str, value: u64, unit| {
        Figure::of_interest(format!("{stem}.largest_transaction.{of}"), value as f64, unit)
    };
    match computation {
        0 => Vec::new(),
        _ => vec![figure("gas", gas, "gas"), figure("computation_cost", computation, "")],
    }
}

const fn short(direction: Direction) -> &'static str {
    match direction {
        Direction::MainToService => "main_to_service",
        Direction::ServiceToMain => "service_to_main",
    }
}

/// Ours against the ancestor, in the worse direction and for the worse size.
fn ratios(ours: &Results, four: &Results, one: &Results) -> Vec<Figure> {
    let bursts = |results: &Results| results.bursts.concat();
    let speed = |theirs: &Results| least(&bursts(theirs), &bursts(ours), |outcome| outcome.seconds);
    let latency = greatest(&ours.steady, &four.steady, |outcome| outcome.median);
    let gas = greatest(&bursts(ours), &bursts(four), |outcome| outcome.spent.gas as f64);
    let processor = |results: &Results| {
        let all = bursts(results);
        all.iter().map(|outcome| outcome.nodes + outcome.relays).sum::<f64>() / all.len().max(1) as f64
    };
    vec![
        Figure::at_least("kaia.burst_ratio", speed(four), "times", BURST_RATIO),
        Figure::at_least("kaia.burst_ratio_one", speed(one), "times", BURST_RATIO),
        Figure::at_most("kaia.latency_ratio", latency, "times", LATENCY_RATIO),
        Figure::at_least(
            "kaia.recovery_ratio",
            least(&four.recovery, &ours.recovery, |outcome| outcome.seconds),
            "times",
            RECOVERY_RATIO,
        ),
        Figure::at_most("kaia.gas_ratio", gas, "times", GAS_RATIO),
        Figure::at_most("kaia.cpu_s_per_1000", processor(ours), "s", processor(four)),
        Figure::of_interest("kaia.ancestor.cpu_s_per_1000", processor(four), "s"),
        Figure::of_interest("kaia.ancestor_one.cpu_s_per_1000", processor(one), "s"),
    ]
}

fn quotients<'a>(
    of: &'a [Outcome],
    by: &'a [Outcome],
    what: impl Fn(&Outcome) -> f64 + 'a,
) -> impl Iterator<Item = f64> + 'a {
    of.iter().zip(by).map(move |(of, by)| what(of) / what(by))
}

fn least(of: &[Outcome], by: &[Outcome], what: impl Fn(&Outcome) -> f64) -> f64 {
    quotients(of, by, what).fold(f64::INFINITY, f64::min)
}

fn greatest(of: &[Outcome], by: &[Outcome], what: impl Fn(&Outcome) -> f64) -> f64 {
    quotients(of, by, what).fold(0.0, f64::max)
}
