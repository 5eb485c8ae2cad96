//! The relay's durable state: one SQLite file per relay.
//!
//! What is stored here outlives a kill at any moment: requests with their roots, the own attestations (slashing
//! protection: one root per lane and nonce, for ever), what the destination did, the journal of submissions, evidence, and halts.
//! It never decides anything, never talks to a chain, and never holds a key.
//!
//! ```text
//! Store (handle, async) ──bounded queue──▶ writer thread ──transaction──▶ FILE        (WAL, synchronous = FULL)
//!                       ──bounded queue──▶ reader thread ──snapshot─────▶ FILE        (never waits for the writer)
//! ```
//!
//! A write is answered after its commit, so a read that starts after the answer sees it.

mod attestations;
mod base;
mod columns;
mod compaction;
mod compared;
mod cursors;
mod error;
mod evidence;
mod fill;
mod floor;
mod force_holds;
mod halts;
mod handle;
mod history;
mod holds;
mod lock_file;
mod metrics;
mod outcomes;
mod protection;
mod repair;
mod requests;
mod schema;
mod submissions;
mod survey;
mod worker;

pub use base::Base;
pub use compaction::Compacted;
pub use cursors::CursorSide;
pub use error::StoreError;
pub use evidence::{CONFLICTS_PER_OPERATOR, Conflict, Evidence, Statement};
pub use fill::Proof;
pub use floor::SignFloor;
pub use force_holds::ForceHold;
pub use halts::Halt;
pub use handle::{Clock, Store, StoreSettings};
pub use history::{Cut, LaneHistory, Retention};
pub use holds::{Asked, OpenHold};
pub use outcomes::DestinationPosition;
pub use repair::{Repair, repair};
pub use requests::{SourcePosition, StoredRequest};
pub use schema::SCHEMA_VERSION;
pub use submissions::{Attempt, Purpose, Submission, SubmissionOutcome};
pub use survey::{Run, Survey};

#[cfg(test)]
mod tests;
