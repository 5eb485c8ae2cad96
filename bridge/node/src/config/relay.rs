//! The relay's own section.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use polyspan_monitoring::LogFormat;
use polyspan_store::Retention;
use polyspan_types::Direction;

use crate::keys::KeyEntry;

/// One relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayEntry {
    /// Its name among the relays: 1 to 64 lower-case letters, digits and hyphens.
    pub name: String,
    /// The lanes it attests.
    pub roles: Roles,
    /// Its database. Default: `<name>.sqlite`.
    pub store: PathBuf,
    /// Where metrics and health are served. Default: `127.0.0.1:9101`.
    pub listen: SocketAddr,
    /// Time between two looks at what to do. Default: 250 ms.
    pub tick: Duration,
    /// Serve bridges that were deployed with the development flag. Default: false.
    pub accept_development: bool,
    /// Pause a destination that has handled what nobody requested. Default: true.
    pub auto_pause: bool,
    /// Form of the log lines. Default: human.
    pub log_format: LogFormat,
    /// The key that signs checkpoints. Always there: no role works without one.
    pub attester: Option<KeyEntry>,
    /// Keys that pay for submissions. Of those of one chain the first is used, and the others are its spares in this order.
    pub submitters: Vec<SubmitterEntry>,
    /// How submissions are made.
    pub submission: SubmissionEntry,
    /// How much of what is finished its database keeps. Default: the newest 100 000 transfers of each lane, whatever their age.
    pub history: Retention,
}

/// A key that pays for submissions on one chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmitterEntry {
    /// Name of the chain.
    pub chain: String,
    /// The key.
    pub key: KeyEntry,
}

/// How submissions are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubmissionEntry {
    /// Most transfers in one transaction. Default: 128.
    pub max_transfers: u64,
    /// Most gas of a transaction of several transfers, at their worst. Unit: gas. Default: 2^24.
    pub max_gas: u64,
    /// Most transactions of a lane that wait for a block at once. Default: 64.
    pub max_in_flight: usize,
    /// Releases of one submitter key that may revert on chain within a day. Default: 16.
    pub failed_releases_per_day: u64,
}

/// The roles of a relay: at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles {
    main_bridge: bool,
    sub_bridge: bool,
}

impl Roles {
    /// Word for the role that attests main-to-service.
    pub const MAIN_BRIDGE: &'static str = "main-bridge";
    /// Word for the role that attests service-to-main.
    pub const SUB_BRIDGE: &'static str = "sub-bridge";

    /// Checks a list of role names.
    ///
    /// Errors: empty, an unknown role, or the same one twice.
    pub fn try_new<S: AsRef<str>>(names: &[S]) -> Result<Self, RolesError> {
        let mut roles = Self { main_bridge: false, sub_bridge: false };
        for name in names.iter().map(AsRef::as_ref) {
            let role = match name {
                Self::MAIN_BRIDGE => &mut roles.main_bridge,
                Self::SUB_BRIDGE => &mut roles.sub_bridge,
                other => return Err(RolesError::Unknown(other.to_owned())),
            };
            if std::mem::replace(role, true) {
                return Err(RolesError::Twice(name.to_owned()));
            }
        }
        if names.is_empty() { Err(RolesError::Empty) } else { Ok(roles) }
    }

    /// Whether lanes of this direction are attested.
    pub const fn attests(self, direction: Direction) -> bool {
        match direction {
            Direction::MainToService => self.main_bridge,
            Direction::ServiceToMain => self.sub_bridge,
        }
    }

    /// The directions that are attested.
    pub fn directions(self) -> Vec<Direction> {
        Direction::ALL.into_iter().filter(|direction| self.attests(*direction)).collect()
    }

    /// The words of the config file.
    pub fn names(self) -> Vec<String> {
        let words = [(self.main_bridge, Self::MAIN_BRIDGE), (self.sub_bridge, Self::SUB_BRIDGE)];
        words.into_iter().filter(|(has, _)| *has).map(|(_, word)| word.to_owned()).collect()
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(", "))
    }
}

/// A list of roles that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RolesError {
    /// A relay without a role has nothing to attest.
    #[error("no role is given; use \"main-bridge\", \"sub-bridge\" or both")]
    Empty,
    /// Not a role.
    #[error("`{0}` is not a role; use \"main-bridge\", \"sub-bridge\" or both")]
    Unknown(String),
    /// Listed again.
    #[error("role `{0}` is listed twice; remove one")]
    Twice(String),
}
