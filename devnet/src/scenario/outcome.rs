//! What a scenario came to.

use std::fmt;

use polyspan_types::LaneId;
use serde::{Serialize, Serializer};

use crate::invariants::LaneFacts;

/// Result of one scenario.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// Its name.
    pub scenario: &'static str,
    /// What decided the lots that it drew.
    pub seed: u64,
    /// Everything that is not as it must be. Empty: all is well.
    pub problems: Vec<String>,
    /// What the chains say at the end, both lanes together.
    pub requested: u64,
    /// Requests that were paid or held.
    pub handled: u64,
    /// Those of them that were held.
    pub held: u64,
    /// Requests that were passed over.
    pub lost: u64,
    /// Payments beyond the first.
    pub duplicated: u64,
    /// The longest gap of each lane.
    pub outages: Vec<LaneOutage>,
    /// What is hoped for. Unit: seconds.
    pub outage_goal_s: Option<u32>,
    /// How long it took, the start of the network left out. Unit: seconds.
    pub seconds: f64,
}

/// The longest time of a lane without a handled transfer while requests waited.
#[derive(Debug, Clone, Serialize)]
pub struct LaneOutage {
    /// The lane.
    #[serde(serialize_with = "as_text")]
    pub lane: LaneId,
    /// Unit: seconds.
    pub seconds: f64,
}

fn as_text<S: Serializer>(lane: &LaneId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(lane)
}

impl Outcome {
    /// An outcome of which nothing is known yet.
    pub(super) const fn new(scenario: &'static str, seed: u64, outage_goal_s: Option<u32>) -> Self {
        Self {
            scenario,
            seed,
            problems: Vec::new(),
            requested: 0,
            handled: 0,
            held: 0,
            lost: 0,
            duplicated: 0,
            outages: Vec::new(),
            outage_goal_s,
            seconds: 0.0,
        }
    }

    /// Everything is as it must be.
    pub const fn is_good(&self) -> bool {
        self.problems.is_empty()
    }

    /// Takes over what the chains say.
    pub(super) const fn count(&mut self, facts: &LaneFacts) {
        self.requested = facts.requested;
        self.handled = facts.handled;
        self.held = facts.held;
        self.lost = facts.lost;
        self.duplicated = facts.duplicated;
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, requested, handled, held, lost, duplicated, .. } = self;
        let verdict = if self.is_good() { "good" } else { "BAD" };
        write!(f, "{scenario}: {verdict}; {requested} requested, {handled} handled ({held} held), ")?;
        write!(f, "{lost} lost, {duplicated} duplicated; longest gap")?;
        for LaneOutage { lane, seconds } in &self.outages {
            write!(f, " {seconds:.1} s on {lane},")?;
        }
        if let Some(goal) = self.outage_goal_s {
            write!(f, " hoped for {goal} s,")?;
        }
        write!(f, " {:.0} s in all", self.seconds)?;
        if !self.is_good() {
            write!(f, "\n  with --seed {} the lots fall the same way", self.seed)?;
        }
        for problem in &self.problems {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}
