//! The `[recovery]` section.

use std::time::Duration;

/// How a relay looks after what an outage left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecoveryEntry {
    /// Whether its recovery workers look by themselves. Default: true.
    pub enabled: bool,
    /// Time between two looks at a lane. Default: 60 s.
    pub interval: Duration,
}

impl Default for RecoveryEntry {
    fn default() -> Self {
        Self { enabled: true, interval: Duration::from_secs(60) }
    }
}
