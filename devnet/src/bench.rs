//! Benchmarks: figures against the goals of the design. They print; a test never judges a time.

pub mod failover;
pub mod gas;
pub mod kaia;
mod load;
mod processor;
pub mod recovery;
pub mod start;
pub mod throughput;

use std::{fmt, fs};

use alloy::providers::Provider;
use anyhow::{Context, Result};
use comfy_table::{Table, presets};
use polyspan_types::Direction;
use serde::Serialize;

use crate::chain::NodeKind;
use crate::network::Network;
use crate::spec::{Coordination, NetworkSpec, RelaySpec};

/// Result of one benchmark.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Its name.
    pub bench: &'static str,
    /// Of which network.
    pub setting: Setting,
    /// What was measured.
    pub figures: Vec<Figure>,
    /// Where.
    pub machine: Machine,
}

/// The network that was measured, as far as it can be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Relays that sign for each lane.
    pub relays_per_lane: usize,
    /// How many of them must agree.
    pub threshold: u8,
    /// What joins them: `embedded`, or `etcd` with its members.
    pub coordination: String,
    /// How the programs were built: figures of `debug` say little about time.
    pub build: &'static str,
    /// What the nodes of its chains are.
    pub nodes: NodeKind,
}

/// One measured value.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// Name in the design.
    pub name: String,
    /// The value.
    pub value: f64,
    /// Its unit.
    pub unit: &'static str,
    /// What is acceptable; `None` for a figure that is only of interest.
    pub goal: Option<Goal>,
}

/// What a figure shall be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Goal {
    /// Not above this.
    AtMost(f64),
    /// Not below this.
    AtLeast(f64),
}

/// The machine that measured.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// Logical cores.
    pub cores: usize,
    /// Operating system and architecture.
    pub system: String,
    /// As the processor names itself.
    pub processor: String,
    /// As the nodes of the chains name themselves.
    pub chain: String,
}

impl Figure {
    /// A figure that shall not be above `goal`.
    pub fn at_most(name: impl Into<String>, value: f64, unit: &'static str, goal: f64) -> Self {
        Self { name: name.into(), value, unit, goal: Some(Goal::AtMost(goal)) }
    }

    /// A figure that shall not be below `goal`.
    pub fn at_least(name: impl Into<String>, value: f64, unit: &'static str, goal: f64) -> Self {
        Self { name: name.into(), value, unit, goal: Some(Goal::AtLeast(goal)) }
    }

    /// A figure without a goal.
    pub fn of_interest(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { name: name.into(), value, unit, goal: None }
    }

    /// Whether the goal is met; `None` without a goal.
    pub fn is_met(&self) -> Option<bool> {
        self.goal.map(|goal| match goal {
            Goal::AtMost(most) => self.value <= most,
            Goal::AtLeast(least) => self.value >= least,
        })
    }
}

impl Setting {
    /// That of `spec`, by the programs of this build.
    pub fn of(spec: &NetworkSpec) -> Self {
        let of_one_lane = |relay: &RelaySpec| relay.directions.contains(&Direction::MainToService);
        Self {
            relays_per_lane: spec.relays().iter().filter(|relay| of_one_lane(relay)).count(),
            threshold: spec.threshold,
            coordination: match spec.coordination {
                Coordination::Embedded => "embedded".to_owned(),
                Coordination::Etcd { members } => format!("etcd, {members} members"),
            },
            build: if cfg!(debug_assertions) { "debug" } else { "release" },
            nodes: spec.nodes,
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { relays_per_lane, threshold, coordination, build, nodes } = self;
        write!(
            f,
            "{threshold} of {relays_per_lane} relays for each lane, {coordination}, nodes of {nodes}, {build} build"
        )
    }
}

impl Machine {
    /// This machine, with the nodes of `network`.
    ///
    /// Errors: a node does not name its version.
    pub async fn of(network: &Network) -> Result<Self> {
        let chain = network.main.access().provider.get_client_version().await;
        let chain = chain.context("a node does not name its version")?;
        let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
        Ok(Self {
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            processor: processor.trim_start_matches([' ', '\t', ':']).to_owned(),
            chain,
        })
    }
}

impl Report {
    /// Figures on other nodes than anvil's are named after them: `geth.failover.kill.median_s`.
    fn new(bench: &'static str, setting: Setting, mut figures: Vec<Figure>, machine: Machine) -> Self {
        let nodes = setting.nodes;
        if nodes != NodeKind::Anvil && bench != nodes.to_string() {
            for figure in &mut figures {
                figure.name = format!("{nodes}.{}", figure.name);
            }
        }
        Self { bench, setting, figures, machine }
    }

    /// The same as a table with goal and verdict.
    pub fn table(&self) -> Table {
        let mut table = Table::new();
        table
            .load_preset(presets::UTF8_BORDERS_ONLY)
            .set_header(["figure", "value", "goal", "unit", "verdict"]);
        for figure in &self.figures {
            let verdict = match figure.is_met() {
                Some(true) => "met",
                Some(false) => "MISSED",
                None => "",
            };
            let goal = match figure.goal {
                Some(Goal::AtMost(most)) => format!("≤ {}", shown(most)),
                Some(Goal::AtLeast(least)) => format!("≥ {}", shown(least)),
                None => String::new(),
            };
            table.add_row([&figure.name, &shown(figure.value), &goal, figure.unit, verdict]);
        }
        table
    }
}

/// Large values need no decimals, small ones are nothing without.
fn shown(value: f64) -> String {
    if value.abs() >= 100.0 || value == value.trunc() { format!("{value:.0}") } else { format!("{value:.3}") }
}

/// The middle one; the higher of two. Zero when there is none.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// The value that `share` of all are not above. Zero when there is none.
fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_those_of_the_sorted_values() {
        let values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(percentile(&values, 0.99), 99.0);
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!((median(&[]), percentile(&[], 0.5)), (0.0, 0.0));
    }

    #[test]
    fn figures_on_other_nodes_than_those_of_anvil_are_named_after_them() {
        let named = |bench, nodes, name: &str| {
            let spec = NetworkSpec { nodes, ..NetworkSpec::small(std::path::Path::new("/nowhere"), 4) };
            let figures = vec![Figure::of_interest(name, 1.0, "s")];
            let machine =
                Machine { cores: 2, system: String::new(), processor: String::new(), chain: String::new() };
            Report::new(bench, Setting::of(&spec), figures, machine).figures[0].name.clone()
        };
        assert_eq!(named("failover", NodeKind::Anvil, "failover.kill.median_s"), "failover.kill.median_s");
        assert_eq!(
            named("failover", NodeKind::Geth, "failover.kill.median_s"),
            "geth.failover.kill.median_s"
        );
        assert_eq!(named("failover", NodeKind::Kaia, "failover.kill.max_s"), "kaia.failover.kill.max_s");
        assert_eq!(named("kaia", NodeKind::Kaia, "kaia.burst_ratio"), "kaia.burst_ratio");
    }

    #[test]
    fn goals_have_a_direction_and_show_as_numbers() {
        assert_eq!(Figure::at_most("a", 1.0, "s", 2.0).is_met(), Some(true));
        assert_eq!(Figure::at_least("a", 1.0, "s", 2.0).is_met(), Some(false));
        let text = serde_json::to_string(&Figure::at_least("a", 1.0, "s", 2.0)).unwrap();
        assert_eq!(text, r#"{"name":"a","value":1.0,"unit":"s","goal":2.0}"#);
        assert_eq!([shown(0.05), shown(4.0), shown(12345.6)], ["0.050", "4", "12346"]);
    }
}
