//! How soon a relay with a long past is of use: from the start of its process to its first attestation, and what memory it
//! takes.
//!
//! ```text
//! past:       1 000 000 finished transfers, written into the relay's database and into both contracts' storage
//! whole:      a request is made and final, then the relay is started, with everything kept; several times
//! compacting: the same while compaction takes the past away
//! compacted:  the same after that
//! ```
//!
//! The past is made up by this program, since a devnet would take days for it. The relay cannot tell: what it holds against the
//! chains is nonces, roots and the hash of a block, and those are right.

mod past;
mod storage;

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use polyspan_coordination::{Coordinator, EmbeddedCoordinator, EmbeddedSettings};
use polyspan_types::{Direction, Kind};

use super::{Figure, Machine, Report, Setting, median};
use crate::configs;
use crate::eventually::{eventually, eventually_true};
use crate::memory;
use crate::network::Network;
use crate::spec::{Coordination, NetworkSpec, Topology};
use crate::testing::fresh_recipient;
use crate::traffic::Traffic;

/// The lane with the past.
const LANE: Direction = Direction::MainToService;

/// Goals. Source: DESIGN section 12.
const FIRST_ATTESTATION_S: f64 = 5.0;
const RSS_MIB: f64 = 100.0;

/// Starts of which the median counts.
const STARTS: usize = 5;

/// A tenth of the past is kept where it is compacted: that is the default for a million.
const KEPT_SHARE: u64 = 10;

/// Time between two looks for the attestation.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Longer than a start or a transfer may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Longer than any past may take to go.
const LONG_PATIENCE: Duration = Duration::from_secs(3_600);

/// One start.
#[derive(Debug, Clone, Copy)]
struct Sample {
    /// From the start of the process to the moment in which others can see its attestation. Unit: seconds.
    attested: f64,
    /// The most memory it had, until that request was handled. Unit: MiB.
    memory: f64,
}

/// Measures with `transfers` behind the relay.
///
/// Errors: the network cannot be started, a relay does not attest or handle, or something does not add up.
pub async fn run(spec: NetworkSpec, transfers: u64) -> Result<Report> {
    let setting = Setting::of(&spec);
    let spec = NetworkSpec {
        topology: Topology::Shared(1),
        threshold: 1,
        development: false,
        coordination: Coordination::Embedded,
        ..spec
    };
    let mut network = Network::start(spec).await?;
    let machine = Machine::of(&network).await?;
    let plain = fs::read_to_string(&network.relays[0].config).context("cannot read the relay's config")?;
    let made = Instant::now();
    past::make(&network, LANE, transfers).await?;
    tracing::info!("{transfers} transfers of the past are made in {:.0?}", made.elapsed());

    let mut figures = Vec::new();
    set_history(&network, &plain, 0)?;
    let whole = starts(&mut network, STARTS).await?;
    let goals = [Some(FIRST_ATTESTATION_S), Some(RSS_MIB)];
    show(&mut figures, "start", &whole, goals);
    figures.push(Figure::of_interest("start.transfers", transfers as f64, "transfers"));
    figures.push(Figure::of_interest("start.store_mib", store_mib(&network)?, "MiB"));

    let keep = transfers / KEPT_SHARE;
    set_history(&network, &plain, keep.max(1))?;
    let compacting = compacting(&mut network, transfers - keep, &mut figures).await?;
    show(&mut figures, "start.compacting", &[compacting], [None, None]);
    let compacted = starts(&mut network, STARTS).await?;
    show(&mut figures, "start.compacted", &compacted, [None, None]);
    network.stop().await?;
    Ok(Report::new("start", setting, figures, machine))
}

fn show(figures: &mut Vec<Figure>, name: &str, samples: &[Sample], goals: [Option<f64>; 2]) {
    let of = |part: fn(&Sample) -> f64| samples.iter().map(part).collect::<Vec<f64>>();
    let parts =
        [("first_attestation_s", of(|one| one.attested), "s"), ("rss_mib", of(|one| one.memory), "MiB")];
    for ((part, values, unit), goal) in parts.into_iter().zip(goals) {
        let name = format!("{name}.{part}");
        figures.push(match goal {
            Some(goal) => Figure::at_most(name, median(&values), unit, goal),
            None => Figure::of_interest(name, median(&values), unit),
        });
    }
}

/// The relay's config with `keep` finished transfers; all of them for 0.
fn set_history(network: &Network, plain: &str, keep: u64) -> Result<()> {
    let config = &network.relays[0].config;
    fs::write(config, format!("{plain}\n[relay.history]\nkeep = {keep}\n"))
        .with_context(|| format!("cannot write {}", config.display()))
}

async fn starts(network: &mut Network, count: usize) -> Result<Vec<Sample>> {
    let mut samples = Vec::new();
    for _ in 0..count {
        samples.push(start(network).await?);
        network.relays[0].stop().await?;
    }
    Ok(samples)
}

/// Makes a request, waits until it is final, starts the relay, and looks until it has attested and handled that request.
async fn start(network: &mut Network) -> Result<Sample> {
    let traffic = Traffic::new(network, 0, 0)?;
    let before = network.progress(0, LANE).await?.requested;
    traffic.request(LANE, Kind::Erc20, fresh_recipient(), 1_000).await?;
    let requested = before.next();
    let there = || async { Ok(network.progress(0, LANE).await?.requested == requested) };
    eventually_true("the request is in a block", PATIENCE, there).await?;
    // Final at the latest then.
    network.wait_blocks_of_both(4).await?;
    let lane = network.bridge(0)?.deployment.lane(LANE).bridge_id;
    let meeting = configs::meetings(&network.spec).swap_remove(0);
    std::fs::create_dir_all(&meeting).context("cannot make the meeting place")?;
    let settings = EmbeddedSettings { poll: LOOK_EVERY, ..EmbeddedSettings::default() };
    let others = EmbeddedCoordinator::open_observer(&meeting, settings)?;
    let name = network.relays[0].spec.name.clone();
    let started = Instant::now();
    network.start_relay(&name)?;
    let attested = loop {
        let seen = others.attestations(lane, before).await?;
        if seen.iter().any(|one| one.checkpoint.nonce >= requested) {
            break started.elapsed().as_secs_f64();
        }
        if started.elapsed() > PATIENCE {
            anyhow::bail!("no attestation of request {requested} within {PATIENCE:?}");
        }
        network.expect_alive()?;
        tokio::time::sleep(LOOK_EVERY).await;
    };
    network.wait_all_handled(PATIENCE).await?;
    let sample = Sample { attested, memory: peak_mib(network)? };
    tracing::info!("{sample:?}");
    Ok(sample)
}

/// One start while everything below `upto` goes, until it is gone; the relay is stopped then.
async fn compacting(network: &mut Network, upto: u64, figures: &mut Vec<Figure>) -> Result<Sample> {
    let sample = start(network).await?;
    let since = Instant::now();
    let first = oldest(network).await?;
    let gone = || async { Ok(oldest(network).await? >= upto) };
    eventually_true("the past is compacted", LONG_PATIENCE, gone).await?;
    let rate = (oldest(network).await?.saturating_sub(first)) as f64 / since.elapsed().as_secs_f64();
    figures.push(Figure::of_interest("start.compacting.transfers_per_s", rate, "transfers/s"));
    let memory = sample.memory.max(peak_mib(network)?);
    network.relays[0].stop().await?;
    Ok(Sample { memory, ..sample })
}

/// The oldest transfer of which the relay stores everything.
async fn oldest(network: &Network) -> Result<u64> {
    let relay = &network.relays[0];
    let lane = network.bridge(0)?.deployment.lane(LANE).id.to_string();
    let label = format!("lane=\"{lane}\"");
    let look = || async {
        Ok(relay.metric("polyspan_lane_oldest_stored_nonce", &[&label]).await?.map(|value| value as u64))
    };
    eventually("the relay tells how far back it stores", PATIENCE, look).await
}

/// The most memory that the relay's process has had.
fn peak_mib(network: &Network) -> Result<f64> {
    let process = network.relays[0].process.as_ref().context("the relay does not run")?;
    memory::peak_mib(process.id())
}

fn store_mib(network: &Network) -> Result<f64> {
    let store = &network.relays[0].store;
    let size = fs::metadata(store).with_context(|| format!("cannot read {}", store.display()))?.len();
    Ok(size as f64 / (1u64 << 20) as f64)
}
