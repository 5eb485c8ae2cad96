//! What can go wrong among relays.

use std::path::PathBuf;
use std::time::Duration;

use polyspan_types::{Classify, ErrorClass};

use alloy::primitives::Address;

use crate::MemberId;

/// How soon a failed call is worth repeating. Unit: time. Source: well below the shortest lease in use.
const RETRY_AFTER: Duration = Duration::from_millis(250);

/// A refusal or failure of a coordinator. None of them touches the safety of a lane.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CoordinationError {
    /// Another process is this member.
    #[error(
        "a relay named {id} is running already ({place}); stop it, or give this one another `name`. \
         An attester key must run in one process at a time"
    )]
    AlreadyRunning {
        /// The name.
        id: MemberId,
        /// Where the other one was noticed.
        place: String,
    },
    /// Another process has the same attester key.
    #[error(
        "attester key {operator} is in use by another relay ({place}); give each relay a key of its own, and never run \
         one key in two places: two processes could sign two roots for one nonce"
    )]
    KeyInUse {
        /// Address of the key.
        operator: Address,
        /// Where the other one was noticed.
        place: String,
    },
    /// A call that writes, without a membership.
    #[error("this relay has not joined, or has left")]
    NotJoined,
    /// A call that writes, on a connection that only looks.
    #[error("this connection only looks at the others; it cannot write")]
    Observer,
    /// The folder cannot be made or read.
    #[error("coordination folder {path}: {reason}; check `coordination.directory` and its permissions", path = path.display())]
    Directory {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The own file cannot be written.
    #[error("cannot write {path}: {reason}; free or repair the disk", path = path.display())]
    CannotWrite {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The own file cannot be used at all.
    #[error("{path} cannot be used: {reason}; move it away, the relay will make a new one", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Somebody else's file is skipped.
    #[error("skipping {path}: {reason}; what its relay says is not seen here", path = path.display())]
    Skipped {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The settings of etcd cannot be used.
    #[error("etcd: {reason}; correct [coordination]")]
    Etcd {
        /// What is wrong.
        reason: String,
    },
    /// No etcd endpoint answers as it should. It is tried again by itself.
    #[error("etcd cannot be reached: {reason}")]
    Unreachable {
        /// What each endpoint said.
        reason: String,
    },
    /// etcd answers, and says no.
    #[error(
        "etcd refuses: {reason}; check coordination.user, its password and its role (docs/operator-guide.md)"
    )]
    Refused {
        /// What it said.
        reason: String,
    },
    /// A value that cannot be passed on.
    #[error("{what} cannot be shared: {reason}")]
    Invalid {
        /// Which value.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The connection was dropped, or its thread ended.
    #[error("the connection to the coordinator is closed")]
    Closed,
}

impl CoordinationError {
    /// Its label in the metrics.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::AlreadyRunning { .. } => "already_running",
            Self::KeyInUse { .. } => "key_in_use",
            Self::NotJoined | Self::Observer => "not_joined",
            Self::Directory { .. } => "directory",
            Self::CannotWrite { .. } => "disk",
            Self::Damaged { .. } => "damaged",
            Self::Skipped { .. } => "skipped",
            Self::Etcd { .. } => "settings",
            Self::Unreachable { .. } => "unreachable",
            Self::Refused { .. } => "refused",
            Self::Invalid { .. } => "invalid",
            Self::Closed => "closed",
        }
    }
}

impl Classify for CoordinationError {
    fn class(&self) -> ErrorClass {
        match self {
            Self::Directory { .. }
            | Self::CannotWrite { .. }
            | Self::Unreachable { .. }
            | Self::Refused { .. } => ErrorClass::Retry { after: RETRY_AFTER },
            Self::Skipped { .. } | Self::Invalid { .. } => ErrorClass::Skip,
            Self::AlreadyRunning { .. }
            | Self::KeyInUse { .. }
            | Self::NotJoined
            | Self::Observer
            | Self::Damaged { .. }
            | Self::Etcd { .. }
            | Self::Closed => ErrorClass::Halt,
        }
    }
}
