//! What is asked and answered.

use polyspan_coordination::RecoveryReport;
use polyspan_types::LaneId;
use serde::{Deserialize, Serialize};

/// What is asked of a relay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// What to do.
    pub command: Command,
    /// On which lane; on all of them when it is left out.
    #[serde(default)]
    pub lane: Option<LaneId>,
}

/// What can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// How the recovery workers stand.
    #[serde(rename = "recovery status")]
    RecoveryStatus,
    /// One look at once.
    #[serde(rename = "recovery run")]
    RecoveryRun,
    /// Look from time to time, until the relay restarts.
    #[serde(rename = "recovery start")]
    RecoveryStart,
    /// Rest, until the relay restarts, also from a look that was asked for. What is going on goes on when it is started again.
    #[serde(rename = "recovery stop")]
    RecoveryStop,
}

/// What a relay answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The lanes that were asked about, after what was asked has taken effect.
    Lanes(Vec<LaneAnswer>),
    /// Why nothing was done.
    Error(String),
}

/// How one lane stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneAnswer {
    /// The lane.
    pub lane: LaneId,
    /// Its recovery worker.
    pub recovery: RecoveryReport,
    /// Why the lane is halted; then nothing looks at it.
    #[serde(default)]
    pub halted: Option<String>,
}
