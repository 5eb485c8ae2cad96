//! Benchmarks: figures against the goals of the design. They print; a test never judges a time.

pub mod gas;

use std::fs;

use comfy_table::{Table, presets};
use serde::Serialize;

/// Result of one benchmark.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Its name.
    pub bench: &'static str,
    /// What was measured.
    pub figures: Vec<Figure>,
    /// Where.
    pub machine: Machine,
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
    /// Highest acceptable value; `None` for a figure that is only of interest.
    pub goal: Option<f64>,
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
    /// The chain's program.
    pub chain: String,
}

impl Figure {
    /// A figure that shall not be above `goal`.
    pub fn at_most(name: impl Into<String>, value: f64, unit: &'static str, goal: f64) -> Self {
        Self { name: name.into(), value, unit, goal: Some(goal) }
    }

    /// A figure without a goal.
    pub fn of_interest(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { name: name.into(), value, unit, goal: None }
    }

    /// Whether the goal is met; `None` without a goal.
    pub fn is_met(&self) -> Option<bool> {
        self.goal.map(|goal| self.value <= goal)
    }
}

impl Machine {
    /// This machine; `chain` is the version line of the chain's program.
    pub fn this(chain: String) -> Self {
        let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
        Self {
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            processor: processor.trim_start_matches([' ', '\t', ':']).to_owned(),
            chain,
        }
    }
}

impl Report {
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
            let goal = figure.goal.map_or_else(String::new, |goal| format!("≤ {goal:.0}"));
            table.add_row([&figure.name, &format!("{:.0}", figure.value), &goal, figure.unit, verdict]);
        }
        table
    }
}
