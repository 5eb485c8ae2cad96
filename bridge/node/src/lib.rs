//! The relay: pure decisions, and the tasks that carry them out.
//!
//! It signs what its own reading of the source proves, submits what a threshold of operators signed, and never signs two
//! roots for one nonce. It trusts neither the coordinator nor another relay.
//!
//! ```text
//! source ─▶ watch ─▶ store ─▶ attest ─▶ [coordinator] ─▶ collect ─▶ submit ─▶ submitter ─▶ destination
//!                      │        └────── own attestations ───▲  ▲       │                        │
//!                      ├───────── open holds, when nothing is to be handled                     │
//!                      │                                       └────── votes ◀──────────────────┤
//!                      └◀───────────────────────────────────────────── destination watch ◀──────┘
//! ```

mod attest;
mod audit;
mod clock;
mod collect;
mod compact;
pub mod config;
pub mod control;
mod destination;
mod error;
pub mod files;
mod finality;
pub mod force_hold;
pub mod holds;
pub mod keys;
mod lane;
mod lead;
pub mod meeting;
mod metrics;
mod pause;
pub mod preflight;
mod publish;
mod reader;
mod recovery;
mod relay;
mod report;
mod seen;
mod sighting;
mod step;
mod submit;
mod submitter;
mod supervise;
pub mod tally;
#[cfg(test)]
mod testing;
pub mod turn;
mod votes;
mod watch;

pub use attest::{CHECKPOINT_INTERVAL, due, history};
pub use error::LaneError;
pub use relay::{BuildError, Relay};
pub use submit::{Piece, TAIL_LIMIT, next_piece};
pub use supervise::TaskEnded;
