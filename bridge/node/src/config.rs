//! The configuration of a relay, and of the commands that look at the same bridges.
//!
//! A file is read into its raw form, every problem in it is gathered with its TOML path, and what comes out is valid:
//! names resolve, ids agree, key files are private. Precedence: defaults < file < `POLYSPAN_*` environment < flags.
//! `bridge/node/polyspan.example.toml` explains each key.
//!
//! ```text
//! polyspan.toml ──▶ raw ── overrides ──▶ checks ──▶ Config
//!                                          └─ kr.deployment.toml ──▶ Deployment
//! ```

mod checks;
mod coordination;
mod deployment;
pub mod form;
mod key_section;
mod overrides;
mod problems;
mod raw;
mod recovery;
mod relay;
#[cfg(test)]
mod tests;
mod units;
mod words;

use std::path::{Path, PathBuf};
use std::time::Duration;

use polyspan_chain::{ChainSettings, Quorum};
use polyspan_types::{BridgeName, ChainId, Finality, LaneId};
use url::Url;

pub use coordination::{CoordinationEntry, EtcdEntry, LoginEntry, MeetingPlace, TlsEntry};
pub use deployment::{Deployment, LaneInfo, Minter, Pair, Side};
pub use key_section::KeySection;
pub use overrides::Overrides;
pub use problems::{ConfigErrors, ConfigProblem};
pub use recovery::RecoveryEntry;
pub use relay::{RelayEntry, Roles, SubmissionEntry, SubmitterEntry};

pub use crate::keys::{KeyEntry, KeyFile, RemoteProtocol, RemoteSignerSettings};
pub use polyspan_chain::{Part, Parts};
pub use polyspan_monitoring::LogFormat;

/// Everything a relay or a command needs to know, already checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The file it was read from.
    pub file: PathBuf,
    /// What kind of network this is. Default: production.
    pub network: Network,
    /// The chains, by the names that deployments use.
    pub chains: Vec<ChainEntry>,
    /// The bridges.
    pub bridges: Vec<BridgeEntry>,
    /// Where relays meet. Always there when `relay` is.
    pub coordination: Option<CoordinationEntry>,
    /// The relay to run; absent for users.
    pub relay: Option<RelayEntry>,
    /// How it looks after what an outage left behind.
    pub recovery: RecoveryEntry,
}

/// What kind of network the chains are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Network {
    /// Value is at stake: a relay accepts a single endpoint only when it is the operator's own node.
    #[default]
    Production,
    /// Nothing is at stake.
    Devnet,
}

/// One chain and how it is read.
#[derive(Debug, Clone, PartialEq)]
pub struct ChainEntry {
    /// Name that deployments and submitters use.
    pub name: String,
    /// EIP-155 id that the endpoint must answer.
    pub chain_id: ChainId,
    /// RPC endpoints, each of another node; the preferred ones first.
    pub endpoints: Vec<Url>,
    /// How many of them must give the same answer. Default: the smallest majority.
    pub quorum: Quorum,
    /// The single endpoint is the operator's own node. Default: false.
    pub own_node: bool,
    /// When a block is final. Default: `finalized`.
    pub finality: Finality,
    /// Time between two looks at the head. Default: 500 ms.
    pub poll_interval: Duration,
    /// Deadline of one RPC call. Default: 5 s.
    pub request_timeout: Duration,
    /// Most blocks in one request for logs. Unit: blocks. Default: 5000.
    pub max_log_range: u64,
    /// Price cap of what is sent on it. Unit: wei per gas. Default: 500 gwei.
    pub max_fee_per_gas: u128,
    /// Least tip of what is sent on it. Unit: wei per gas. Default: 0.
    pub min_priority_fee: u128,
    /// A transaction that waits for so long is replaced at a higher price. Unit: blocks. Default: 6.
    pub replace_after: u64,
    /// A lane to it that is stalled for so long is advanced by others than its leader. Unit: blocks. Default: 3.
    pub takeover_after: u32,
}

/// One bridge that is watched or served.
#[derive(Debug, Clone, PartialEq)]
pub struct BridgeEntry {
    /// What was deployed.
    pub deployment: Deployment,
}

impl Config {
    /// Reads and checks a file, with the overrides of the environment.
    ///
    /// Errors: every problem of the file, its deployments and key files, each with its TOML path.
    pub fn load(file: &Path) -> Result<Self, ConfigErrors> {
        Self::load_with(file, &Overrides::from_environment())
    }

    /// As [`Config::load`], with these overrides.
    pub fn load_with(file: &Path, overrides: &Overrides) -> Result<Self, ConfigErrors> {
        checks::load(file, overrides)
    }

    /// The chain of that name.
    pub fn chain(&self, name: &str) -> Option<&ChainEntry> {
        self.chains.iter().find(|chain| chain.name == name)
    }

    /// The bridge of that name.
    pub fn bridge(&self, name: &BridgeName) -> Option<&Deployment> {
        self.bridges.iter().map(|bridge| &bridge.deployment).find(|deployment| deployment.name == *name)
    }

    /// Both lanes of every bridge, in the order of the file.
    pub fn lanes(&self) -> Vec<LaneInfo> {
        self.bridges.iter().flat_map(|bridge| bridge.deployment.lanes()).collect()
    }

    /// One lane; `None` when no bridge has that name.
    pub fn lane(&self, lane: &LaneId) -> Option<LaneInfo> {
        self.bridge(&lane.bridge).map(|deployment| deployment.lane(lane.direction))
    }
}

impl ChainEntry {
    /// What the chain client needs.
    pub fn settings(&self) -> ChainSettings {
        ChainSettings {
            name: self.name.clone(),
            chain_id: self.chain_id,
            endpoints: self.endpoints.clone(),
            quorum: self.quorum,
            finality: self.finality,
            poll_interval: self.poll_interval,
            request_timeout: self.request_timeout,
            max_log_range: self.max_log_range,
        }
    }
}
