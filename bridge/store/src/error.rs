//! What can go wrong with the store.

use std::path::PathBuf;
use std::time::Duration;

use alloy::primitives::Address;
use polyspan_types::{AccountNonce, BlockRef, BridgeId, ChainId, Classify, ErrorClass, RequestNonce, Root};
use rusqlite::ErrorCode;

/// How soon a write is worth another try when the disk refused it. Unit: time. Source: long enough not to fill the log.
const DISK_RETRY: Duration = Duration::from_secs(1);

/// A refusal or failure of the store. After any of them the file holds what it held before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The file or its folder cannot be made or opened.
    #[error("cannot open store {path}: {reason}; check that its folder exists and is writable", path = path.display())]
    Open {
        /// The store's file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// Another process has the store open for writing.
    #[error(
        "store {path} is in use by another relay; stop that one, or give this relay a `store` of its own",
        path = path.display()
    )]
    InUse {
        /// The store's file.
        path: PathBuf,
    },
    /// A newer version wrote the file.
    #[error(
        "store {path} has schema version {found}, this program knows up to {supported}; use the newer polyspan",
        path = path.display()
    )]
    NewerSchema {
        /// The store's file.
        path: PathBuf,
        /// Version in the file.
        found: u32,
        /// Newest version known here.
        supported: u32,
    },
    /// An older version wrote the file, and it was opened only to read.
    #[error(
        "store {path} has schema version {found}, needed is {needed}; start its relay once to bring it up to date",
        path = path.display()
    )]
    OlderSchema {
        /// The store's file.
        path: PathBuf,
        /// Version in the file.
        found: u32,
        /// Version needed.
        needed: u32,
    },
    /// The file is something else.
    #[error("{path} is not a polyspan store; set `store` to another file", path = path.display())]
    NotAStore {
        /// The file.
        path: PathBuf,
    },
    /// The file does not say what we wrote.
    #[error("store {path} is damaged ({detail}); restore the file or move it away", path = path.display())]
    Damaged {
        /// The store's file.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// The disk is full, read-only or failing. Nothing may be signed until it works again.
    #[error("cannot write store {path}: {detail}; free or repair the disk", path = path.display())]
    CannotWrite {
        /// The store's file.
        path: PathBuf,
        /// What the system said.
        detail: String,
    },
    /// A write was asked of a store that is open to read.
    #[error("store {path} is open for reading only", path = path.display())]
    ReadOnly {
        /// The store's file.
        path: PathBuf,
    },
    /// SQLite refused for a reason that has no name here.
    #[error("store {path}: {detail}", path = path.display())]
    Database {
        /// The store's file.
        path: PathBuf,
        /// What SQLite said.
        detail: String,
    },
    /// The store was closed, or its thread ended.
    #[error("store {path} is closed", path = path.display())]
    Closed {
        /// The store's file.
        path: PathBuf,
    },
    /// Slashing protection: another root was signed for this nonce before.
    #[error("lane {lane}: root {signed} was signed for nonce {nonce}; refusing to sign {refused}")]
    SecondRoot {
        /// The lane.
        lane: BridgeId,
        /// Number of requests under the checkpoint.
        nonce: RequestNonce,
        /// What was signed.
        signed: Root,
        /// What was asked for now.
        refused: Root,
    },
    /// Another root may have been signed for this nonce, in a history that the store does not have.
    #[error(
        "lane {lane}: what was signed for nonce {nonce} is not known, for the store is new or was restored; it is signed after `polyspan attest adopt`, or when an own vote for it is found"
    )]
    BelowFloor {
        /// The lane.
        lane: BridgeId,
        /// Number of requests under the checkpoint.
        nonce: RequestNonce,
    },
    /// Nothing can be appended to a lane that has not begun.
    #[error("lane {lane} has not begun: its destination was not read yet")]
    NotBegun {
        /// The lane.
        lane: BridgeId,
    },
    /// A request is missing: the endpoint hid a log, or a range was left out.
    #[error("lane {lane}: request {expected} is missing before request {found}; read the range again")]
    NonceGap {
        /// The lane.
        lane: BridgeId,
        /// The next nonce.
        expected: RequestNonce,
        /// What came instead.
        found: RequestNonce,
    },
    /// A request came that is stored already.
    #[error("lane {lane}: request {found} is stored already, the next one is {expected}")]
    NonceOverlap {
        /// The lane.
        lane: BridgeId,
        /// The next nonce.
        expected: RequestNonce,
        /// What came instead.
        found: RequestNonce,
    },
    /// What the source was proved to hold is not what the store has: the lane was forgotten, or has begun anew, meanwhile.
    #[error(
        "lane {lane}: the store has other requests, up to {stored}, than the source was proved to hold, up to {held}; reading on"
    )]
    NotWhatIsHeld {
        /// The lane.
        lane: BridgeId,
        /// The next nonce in the store.
        stored: RequestNonce,
        /// The next nonce of the source.
        held: RequestNonce,
    },
    /// Requests do not fit into the hole that they should fill.
    #[error(
        "lane {lane}: requests {first} to {last} are missing in the store, and what the source says of them does not fit between those beside them; stop the relay and read the lane anew with `polyspan store repair --lane` (runbook: the store lacks requests)"
    )]
    HoleDiffers {
        /// The lane.
        lane: BridgeId,
        /// First request of the hole.
        first: RequestNonce,
        /// Last request of the hole.
        last: RequestNonce,
    },
    /// The source's cursor would move back, or a block below it changed its hash.
    #[error(
        "lane {lane}: the cursor stands at block {stored}; refusing to move it to {refused}; find out which is true before the lane is resumed (runbook: the cursor stands at block)"
    )]
    CursorBack {
        /// The lane.
        lane: BridgeId,
        /// Where it stands.
        stored: BlockRef,
        /// What was asked for.
        refused: BlockRef,
    },
    /// The end of a hold that was never seen: the endpoint left out a log of before.
    #[error("lane {lane}: the hold of nonce {nonce} ended, and it is not stored; read its range again")]
    UnknownHold {
        /// The lane.
        lane: BridgeId,
        /// The request.
        nonce: RequestNonce,
    },
    /// A receipt for a submission that is not in the journal.
    #[error("the journal has no submission {account_nonce} of {submitter} on chain {chain}")]
    UnknownSubmission {
        /// The chain.
        chain: ChainId,
        /// The submitter.
        submitter: Address,
        /// Its transaction counter.
        account_nonce: AccountNonce,
    },
    /// A transaction for an account nonce that a final block has used.
    #[error(
        "account nonce {account_nonce} of {submitter} on chain {chain} is used by a final transaction; the endpoint told an old nonce"
    )]
    AlreadyFinal {
        /// The chain.
        chain: ChainId,
        /// The submitter.
        submitter: Address,
        /// Its transaction counter.
        account_nonce: AccountNonce,
    },
    /// A number that no chain reaches.
    #[error("{what} {value} is too large to be stored")]
    OutOfRange {
        /// What it counts.
        what: &'static str,
        /// The number.
        value: u64,
    },
}

impl Classify for StoreError {
    fn class(&self) -> ErrorClass {
        match self {
            Self::CannotWrite { .. } => ErrorClass::Retry { after: DISK_RETRY },
            Self::AlreadyFinal { .. }
            | Self::NonceGap { .. }
            | Self::NonceOverlap { .. }
            | Self::NotWhatIsHeld { .. }
            | Self::HoleDiffers { .. }
            | Self::UnknownHold { .. }
            | Self::NotBegun { .. } => ErrorClass::RETRY,
            // Only this nonce is barred; the next checkpoint covers it.
            Self::SecondRoot { .. }
            | Self::BelowFloor { .. }
            | Self::OutOfRange { .. }
            | Self::UnknownSubmission { .. } => ErrorClass::Skip,
            Self::Open { .. }
            | Self::InUse { .. }
            | Self::NewerSchema { .. }
            | Self::OlderSchema { .. }
            | Self::NotAStore { .. }
            | Self::Damaged { .. }
            | Self::ReadOnly { .. }
            | Self::Database { .. }
            | Self::Closed { .. }
            | Self::CursorBack { .. } => ErrorClass::Halt,
        }
    }
}

/// What a step inside the threads fails with; the thread adds the file's name.
#[derive(Debug)]
pub(crate) enum Failure {
    Store(StoreError),
    Sql(rusqlite::Error),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl Failure {
    pub(crate) fn at(self, path: &std::path::Path) -> StoreError {
        let path = path.to_owned();
        let error = match self {
            Self::Store(error) => return error,
            Self::Sql(error) => error,
        };
        let detail = error.to_string();
        match error {
            // A column that does not hold what we wrote into it.
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..) => StoreError::Damaged { path, detail },
            rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
                ErrorCode::DatabaseCorrupt => StoreError::Damaged { path, detail },
                ErrorCode::NotADatabase => StoreError::NotAStore { path },
                ErrorCode::CannotOpen => StoreError::Open { path, reason: detail },
                ErrorCode::DiskFull
                | ErrorCode::ReadOnly
                | ErrorCode::SystemIoFailure
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked => StoreError::CannotWrite { path, detail },
                _ => StoreError::Database { path, detail },
            },
            _ => StoreError::Database { path, detail },
        }
    }
}
