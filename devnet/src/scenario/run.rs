//! Plays a scenario.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use polyspan_types::{Direction, Finality};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::act::{Act, Check, Step, When};
use super::fault::Doer;
use super::outcome::{LaneOutage, Outcome};
use super::pump::Pump;
use super::timeline::Timeline;
use super::{Meeting, Scenario};
use crate::chain::NodeKind;
use crate::eventually::eventually_true;
use crate::invariants::expect_single_roots_but;
use crate::network::Network;
use crate::spec::{Coordination, FINALIZED_BEHIND, NetworkSpec, Place, Topology};

/// Patience for anything that a few blocks bring about. Generous: two cores may be shared with others.
const PATIENCE: Duration = Duration::from_secs(60);

/// Patience for a lane that must work through faults first.
const LONG_PATIENCE: Duration = Duration::from_secs(120);

/// Blocks in which what was on its way at a fault is handled.
const SETTLING_BLOCKS: u64 = 20;

/// How far the final block of Ethereum is behind its newest one, at the least. Unit: blocks. Source: two epochs of 32 slots.
const ETHEREUM_FINALITY: u64 = 64;

/// How scenarios are played.
#[derive(Debug, Clone)]
pub struct Options {
    /// Everything of the run lies here.
    pub directory: PathBuf,
    /// Where the parts run. Cuts need namespaces.
    pub place: Place,
    /// What the nodes of both chains are.
    pub nodes: NodeKind,
    /// What joins the relays, where the scenario does not say.
    pub coordination: Coordination,
    /// Decides what a scenario leaves to chance; the same seed draws the same lots.
    pub seed: u64,
}

/// One run of a scenario.
struct Play<'a> {
    scenario: &'a Scenario,
    network: Network,
    timeline: Timeline,
    doer: Doer,
    seed: u64,
    started: Instant,
}

/// Plays it from nothing to the end; all that was started is ended.
///
/// Errors: the network cannot be started, or a step cannot be done. What does not hold is in the outcome.
pub async fn run(scenario: &Scenario, options: &Options) -> Result<Outcome> {
    if let Some(missing) = scenario.missing_on(options.nodes) {
        bail!("{} cannot be played on {}: that {missing}", scenario.name, options.nodes);
    }
    tracing::info!("{}: seed {}", scenario.name, options.seed);
    let mut network = Network::start(spec(scenario, options)?).await?;
    let mut lots = StdRng::seed_from_u64(options.seed);
    let resting = match scenario.network.resting {
        Some(pick) => pick.relays(&mut network, &[], &mut lots).await?,
        None => Vec::new(),
    };
    for name in network.relays.iter().map(|relay| relay.spec.name.clone()).collect::<Vec<_>>() {
        if !resting.contains(&name) {
            network.start_relay(&name)?;
        }
    }
    network.wait_ready(PATIENCE).await?;
    let timeline = Timeline::start(&network)?;
    let (doer, seed) = (Doer::new(lots), options.seed);
    let mut play = Play { scenario, network, timeline, doer, seed, started: Instant::now() };
    let outcome = play.perform().await?;
    play.network.stop().await?;
    Ok(outcome)
}

fn spec(scenario: &Scenario, options: &Options) -> Result<NetworkSpec> {
    let shape = &scenario.network;
    let first = 1_000_000 + u64::from(rand::random::<u32>());
    let finality: Finality =
        shape.finality.parse().with_context(|| format!("finality {}", shape.finality))?;
    Ok(NetworkSpec {
        // Several may be played at once: one's chain must not be taken for another's.
        chain_ids: [first, first + 1],
        topology: Topology::Split(shape.relays),
        threshold: shape.threshold,
        nodes: options.nodes,
        // Where relays count blocks by themselves, the node must not be the one that refuses to take blocks back.
        finality_distance: match finality {
            Finality::Depth(_) => Some(ETHEREUM_FINALITY),
            Finality::Tag(_) => Some(FINALIZED_BEHIND),
        },
        finality,
        endpoints_per_relay: shape.endpoints,
        links: shape.links,
        development: usize::from(shape.threshold) * 2 <= shape.relays,
        halves: shape.meeting == Meeting::Halves,
        coordination: match shape.meeting {
            Meeting::Any => options.coordination,
            Meeting::Etcd(members) => Coordination::Etcd { members },
            Meeting::Halves => Coordination::Embedded,
        },
        place: options.place,
        durable_chains: scenario.steps.iter().any(Step::ends_a_chain),
        ..NetworkSpec::full(&options.directory)
    })
}

impl Play<'_> {
    async fn perform(&mut self) -> Result<Outcome> {
        let goal = self.scenario.expectation.outage_goal_s;
        let mut outcome = Outcome::new(self.scenario.name, self.seed, goal);
        let load = self.scenario.traffic;
        let pumps = [
            Pump::start(&self.network, Direction::MainToService, 0, load.per_second)?,
            Pump::start(&self.network, Direction::ServiceToMain, 1, load.per_second)?,
        ];
        // Something is handled before anything happens: the network works.
        let working = || async { Ok(self.timeline.handled() >= 2) };
        eventually_true("the first transfers are handled", PATIENCE, working).await?;
        for step in self.scenario.steps {
            if let Err(error) = self.step(step).await {
                outcome.problems.push(format!("{error:#}"));
                break;
            }
        }
        for pump in pumps {
            let enough = || async { Ok(pump.has_ended() || pump.sent() >= load.at_least) };
            // After a step that failed there is nothing more to wait for.
            let waited = match outcome.problems.is_empty() {
                true => eventually_true("enough traffic", LONG_PATIENCE, enough).await,
                false => Ok(()),
            };
            if let Err(error) = waited.and(pump.stop().await) {
                outcome.problems.push(format!("traffic: {error:#}"));
            }
        }
        self.judge(&mut outcome).await?;
        outcome.seconds = self.started.elapsed().as_secs_f64();
        Ok(outcome)
    }

    /// What must hold at every end.
    async fn judge(&mut self, outcome: &mut Outcome) -> Result<()> {
        // The last requests are in a block, so that none can be missed.
        let settled = self.network.wait_blocks_of_both(2).await;
        if settled.is_err() && !outcome.problems.is_empty() {
            // A chain is down since a step failed, and nothing can be read of it: that step is the problem.
            return Ok(());
        }
        settled?;
        // After a step that failed the network may be in any state; waiting would only hide which step it was.
        if outcome.problems.is_empty()
            && let Err(error) = self.network.wait_all_handled(LONG_PATIENCE).await
        {
            outcome.problems.push(format!("{error:#}"));
        }
        for direction in Direction::ALL {
            outcome.outages.push(LaneOutage {
                lane: self.network.bridge(0)?.deployment.lane(direction).id,
                seconds: self.timeline.outage(direction).longest.as_secs_f64(),
            });
        }
        for audit in self.network.audit().await? {
            outcome.count(&audit.total());
            if let Err(error) = audit.expect_complete() {
                outcome.problems.push(format!("{error:#}"));
            }
        }
        if let Err(error) = expect_single_roots_but(&self.network, self.doer.liars()).await {
            outcome.problems.push(format!("{error:#}"));
        }
        if let Err(error) = self.network.expect_alive() {
            outcome.problems.push(format!("{error:#}"));
        }
        Ok(())
    }

    async fn step(&mut self, step: &Step) -> Result<()> {
        match step.when {
            When::Now => {}
            When::Seconds(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            When::Handled(more) => {
                let goal = self.timeline.handled() + more;
                let reached = || async { Ok(self.timeline.handled() >= goal) };
                eventually_true(&format!("{more} more transfers are handled"), LONG_PATIENCE, reached)
                    .await?;
            }
        }
        let at = self.started.elapsed().as_secs_f64();
        match step.act {
            Act::Do(fault) => {
                tracing::info!("[{at:5.1} s] {fault}");
                let network = &mut self.network;
                self.doer.act(network, fault).await.with_context(|| format!("at {at:.1} s: {fault}"))
            }
            Act::Expect(check) => {
                tracing::info!("[{at:5.1} s] expected: {check}");
                self.check(check).await.with_context(|| format!("at {at:.1} s it is not so that {check}"))
            }
        }
    }

    async fn check(&mut self, check: Check) -> Result<()> {
        let network = &mut self.network;
        match check {
            Check::Stands(lane, blocks) => stands(network, lane, blocks).await,
            Check::HandlesNothing(lane, blocks) => handles_nothing(network, lane, blocks).await,
            Check::Moves(lane) => {
                let before = network.progress(0, lane).await?.handled;
                let moved = || async { Ok(network.progress(0, lane).await?.handled > before) };
                eventually_true("another transfer is handled", LONG_PATIENCE, moved).await
            }
            Check::Ready => network.wait_ready(LONG_PATIENCE).await,
            Check::TwoLeaders(lane) => {
                let two = || async { Ok(network.leaders(0, lane).await?.len() >= 2) };
                eventually_true("two relays say that they lead", PATIENCE, two).await
            }
            Check::OneLeader(lane) => {
                let one = || async { Ok(network.leaders(0, lane).await?.len() == 1) };
                eventually_true("one relay says that it leads", PATIENCE, one).await
            }
            Check::AnotherLeads(lane) => {
                let same = self.doer.same();
                let another = || async {
                    Ok(network.leaders(0, lane).await?.iter().any(|leader| !same.contains(leader)))
                };
                eventually_true("another relay says that it leads", PATIENCE, another).await
            }
            Check::Votes(lane) => {
                counted(network, lane, "polyspan_lane_transfers_total", "way=\"votes\"").await
            }
            Check::ConflictSeen(lane) => counted(network, lane, "polyspan_lane_conflicting_roots", "").await,
        }
    }
}

/// A relay that runs shows more than zero in this metric of the lane, with this label besides.
async fn counted(network: &Network, lane: Direction, metric: &str, label: &str) -> Result<()> {
    let lane = format!("lane=\"{}\"", network.bridge(0)?.deployment.lane(lane).id);
    eventually_true(&format!("a relay counts {metric} {label}"), PATIENCE, || async {
        for relay in network.relays.iter().filter(|relay| relay.process.is_some()) {
            if matches!(relay.metric(metric, &[&lane, label]).await, Ok(Some(count)) if count > 0.0) {
                return Ok(true);
            }
        }
        Ok(false)
    })
    .await
}

/// The lane comes to a stand: so many blocks in a row handle nothing though requests wait. What was signed before the
/// fault may be handled first, by another leader if need be.
async fn stands(network: &Network, lane: Direction, blocks: u64) -> Result<()> {
    let mut last = network.progress(0, lane).await?;
    let mut still = 0;
    for _ in 0..blocks + SETTLING_BLOCKS {
        network.destination_chain(lane).wait_blocks(1).await?;
        let now = network.progress(0, lane).await?;
        let stood = now.handled == last.handled && now.open() > 0;
        still = if stood { still + 1 } else { 0 };
        last = now;
        if still == blocks {
            return Ok(());
        }
    }
    bail!("it goes on: {} of {} requests are handled", last.handled, last.requested)
}

/// From now on, without a time to settle.
async fn handles_nothing(network: &Network, lane: Direction, blocks: u64) -> Result<()> {
    let before = network.progress(0, lane).await?.handled;
    network.destination_chain(lane).wait_blocks(blocks).await?;
    let now = network.progress(0, lane).await?;
    if now.handled != before {
        bail!("{} requests were handled, and now {} are", before, now.handled);
    }
    if now.open() == 0 {
        bail!("no request waits");
    }
    Ok(())
}
