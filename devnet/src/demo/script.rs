//! The acts of the demonstration.

use std::time::{Duration, Instant};

use alloy::primitives::Address;
use anyhow::{Context, Result, bail};
use polyspan_types::{Direction, Kind};

use super::progress::Progress;
use super::vault::Vault;
use crate::network::Network;
use crate::screen;
use crate::spec::{NetworkSpec, Topology};
use crate::tokens::WHOLE;
use crate::traffic::Traffic;

/// Patience for one act. Unit: time. Generous: the acts together take about a minute.
const PATIENCE: Duration = Duration::from_secs(60);

/// Kinds of transfers in turn.
const ROUND: [Kind; 5] = [Kind::Native, Kind::Erc20, Kind::Erc721, Kind::Erc20, Kind::Erc1155];

/// A request moves so much of a fungible token. Unit: smallest units.
const AMOUNT: u128 = WHOLE / 100;

/// A request moves so many units of an ERC-1155, and one of another id.
const UNITS: u128 = 9;

/// The lane that will wait.
const STARVED: Direction = Direction::MainToService;

/// State of the performance.
pub(super) struct Script {
    /// Receives everything on both chains; nobody else uses it.
    pub(super) recipient: Address,
    /// Transfers of one lane.
    per_lane: u64,
    progress: Progress,
    started: Instant,
}

impl Script {
    pub(super) fn new(spec: &NetworkSpec, transfers: usize) -> Result<Self> {
        if spec.topology != Topology::Split(4) {
            bail!("the demonstration kills two of four operators of a lane: it needs 4 and 4 relays");
        }
        let per_lane = transfers.div_ceil(2).next_multiple_of(ROUND.len()) as u64;
        Ok(Self {
            recipient: Address::from(rand::random::<[u8; 20]>()),
            per_lane,
            progress: Progress::new(per_lane),
            started: Instant::now(),
        })
    }

    /// Starts the relays and waits until all are ready.
    pub(super) async fn start(&self, network: &mut Network) -> Result<()> {
        let [main, service] = network.spec.chain_ids;
        self.say(format!(
            "two chains run ({main}, {service}), the bridge is deployed and wired; 8 relays start"
        ));
        network.start_relays()?;
        network.wait_ready(PATIENCE).await?;
        self.say(format!("all relays are ready; threshold {} of 4 on each lane", network.spec.threshold));
        Ok(())
    }

    /// Sends everything, kills, waits, restarts.
    pub(super) async fn play(&mut self, network: &mut Network) -> Result<()> {
        let per_lane = self.per_lane;
        // Whole rounds: each has transfers of each kind.
        let until = |share: u64| (per_lane * share / 10).next_multiple_of(ROUND.len() as u64).min(per_lane);

        let vault = Vault::deploy(network, STARVED).await?;
        self.say(format!(
            "{} transfers, both directions at once: native, ERC-20, ERC-721, ERC-1155",
            per_lane * 2
        ));
        self.request(network, 0, 1, vault.address).await?;
        self.request(network, 1, until(3), self.recipient).await?;
        self.wait(network, &Direction::ALL, 1).await?;
        vault.wait_held(network, PATIENCE).await?;
        self.say("the first transfer to the service chain is on hold: its recipient refuses coins");

        let leader = self.leader(network, STARVED).await?;
        let other = self.follower(network, STARVED.opposite()).await?;
        for (name, role) in [(&leader, "leader"), (&other, "an operator")] {
            network.relay_mut(name)?.kill().await?;
            self.say(format!("SIGKILL to {name}, {role} of its lane"));
        }
        self.request(network, until(3), until(6), self.recipient).await?;
        self.wait(network, &Direction::ALL, until(6)).await?;
        self.say("transfers go on with 3 of 4 operators on each lane");
        vault.accept(network).await?;
        self.say("the recipient that refused accepts coins from now on");

        let second = self.follower(network, STARVED).await?;
        network.relay_mut(&second)?.kill().await?;
        self.say(format!("SIGKILL to {second}: 2 operators are left on {STARVED}, 3 are needed"));
        self.request(network, until(6), per_lane, self.recipient).await?;
        self.wait(network, &[STARVED.opposite()], per_lane).await?;
        self.show_starved(network).await?;

        network.start_relay(&second)?;
        self.say(format!("{second} is started again"));
        self.wait(network, &Direction::ALL, per_lane).await?;
        self.progress.finish();
        self.say("every request is handled");
        vault.wait_released(network, AMOUNT, PATIENCE).await?;
        self.say("the hold has ended: a relay released it, and the recipient has its coins");
        Ok(())
    }

    pub(super) fn say(&self, text: impl std::fmt::Display) {
        self.progress.say(format!("[{:5.1} s] {text}", self.started.elapsed().as_secs_f64()));
    }

    /// Requests `from` to `to` of each lane, the kinds in turn. What goes to the service chain goes to `recipient`.
    async fn request(&self, network: &Network, from: u64, to: u64, recipient: Address) -> Result<()> {
        let traffic = [Traffic::new(network, 0, 0)?, Traffic::new(network, 0, 1)?];
        for number in from..to {
            let kind = ROUND[(number % ROUND.len() as u64) as usize];
            let amount = if kind == Kind::Erc1155 { UNITS } else { AMOUNT };
            for (direction, traffic) in Direction::ALL.into_iter().zip(&traffic) {
                let to = if direction == STARVED { recipient } else { self.recipient };
                traffic.request(direction, kind, to, amount).await?;
            }
        }
        Ok(())
    }

    /// Waits until `count` requests of these lanes are handled, and shows how it goes.
    async fn wait(&mut self, network: &mut Network, directions: &[Direction], count: u64) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        loop {
            let mut waiting = Vec::new();
            for direction in Direction::ALL {
                let lane = network.progress(0, direction).await?;
                self.progress.show(direction, lane);
                if directions.contains(&direction) && lane.handled.get() < count {
                    waiting.push(format!("{direction} has handled {} of {count}", lane.handled));
                }
            }
            if waiting.is_empty() {
                return Ok(());
            }
            network.expect_alive()?;
            if Instant::now() >= end {
                bail!("no progress within {PATIENCE:?}: {}", waiting.join(", "));
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    /// Proves that the lane waits, and shows what the real `polyspan status` says about it.
    async fn show_starved(&self, network: &Network) -> Result<()> {
        let wanted = format!("2 of {}", network.spec.threshold);
        let says_so = || async {
            let output = network.polyspan(&["status"]).await?;
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            if !matches!(output.status.code(), Some(0 | 1 | 3)) {
                bail!("polyspan status fails: {}", String::from_utf8_lossy(&output.stderr));
            }
            Ok(text.contains(&wanted).then_some(text))
        };
        let text =
            crate::eventually::eventually("polyspan status says that the lane has 2 of 3", PATIENCE, says_so)
                .await?;
        let lane = network.progress(0, STARVED).await?;
        if lane.open() == 0 {
            bail!("{STARVED} was handled with 2 of 3 operators");
        }
        self.say(format!("{STARVED} waits with {} open requests; `polyspan status` says:", lane.open()));
        self.progress.say(text.trim_end());
        Ok(())
    }

    /// The relay that leads a lane, as it says itself.
    async fn leader(&self, network: &mut Network, direction: Direction) -> Result<String> {
        let label = format!("lane=\"{}\"", network.bridge(0)?.deployment.lane(direction).id);
        let look = || async {
            for relay in network.relays.iter().filter(|relay| relay.spec.directions.contains(&direction)) {
                if relay.process.is_some()
                    && relay.metric("polyspan_lane_leader", &[&label]).await? == Some(1.0)
                {
                    return Ok(Some(relay.spec.name.clone()));
                }
            }
            Ok(None)
        };
        crate::eventually::eventually(&format!("a relay leads {direction}"), PATIENCE, look).await
    }

    /// A running relay of a lane that does not lead it.
    async fn follower(&self, network: &mut Network, direction: Direction) -> Result<String> {
        let leader = self.leader(network, direction).await?;
        let found = network.relays.iter().find(|relay| {
            relay.process.is_some() && relay.spec.directions.contains(&direction) && relay.spec.name != leader
        });
        Ok(found.context("a lane has more than one running relay")?.spec.name.clone())
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        // The bars must not be left on the screen when an act fails.
        self.progress.finish();
        screen::line(format!("[{:5.1} s] the demonstration ends", self.started.elapsed().as_secs_f64()));
    }
}
