//! Domain types of Polyspan: what the words of `docs/glossary.md` mean in Rust.
//!
//! Everything here is pure: no clock, no I/O, no async. A value that exists is valid; constructors refuse the rest.
//!
//! ```text
//! Request ── leaf ──▶ RootChain ── root ──▶ Checkpoint ── digest ──▶ Attestation
//! ```

mod attestation;
mod cancellation;
mod chain;
mod checkpoint;
pub mod crash;
mod error;
mod finality;
mod hashing;
mod hold;
mod kind;
mod lane;
mod members;
mod number;
mod outcome;
mod packed;
mod pause;
mod payload;
mod payout;
mod presence;
mod request;
mod state;
#[cfg(feature = "testing")]
pub mod testing;
pub mod text;
mod trace;
mod vote;

pub use attestation::{Attestation, AttestationError};
pub use cancellation::Cancellation;
pub use chain::{BlockRef, ChainId};
pub use checkpoint::{Checkpoint, CheckpointDomain};
pub use crash::CrashPoint;
pub use error::{Classify, ErrorClass};
pub use finality::{FinalTag, Finality, ParseFinalityError};
pub use hashing::{Leaf, Root, bridge_id};
pub use hold::{HoldAction, HoldDecision, HoldEnd, HoldEnding, HoldReason, SignedDecision};
pub use kind::{Kind, RequestKind};
pub use lane::{BridgeId, BridgeName, Direction, LaneId, ParseLaneError, TransferId};
pub use members::{MemberSet, MembersError, OperatorId, Threshold};
pub use number::{AccountNonce, BlockHeight, Confirmations, Epoch, RequestNonce, Term};
pub use outcome::{HandledLogs, HandledRange, HeldRequest, Outcome, OutcomeResult};
pub use packed::{MalformedTransfers, PackError, pack, unpack};
pub use pause::Pause;
pub use payload::{Content, EXTRA_DATA_LIMIT, IDS_LIMIT, Item, Payload, PayloadError, URI_LIMIT};
pub use payout::{Payment, Payout};
pub use presence::Presence;
pub use request::{Request, ValueTransfer};
pub use state::TransferState;
pub use trace::{CallFrame, TraceFrame};
pub use vote::Vote;
