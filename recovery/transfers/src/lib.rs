//! What was requested on one chain against what was handled on the other: the audit, judged from the first nonce on, and the plan
//! of the recovery worker.
//!
//! Everything here is pure. Into the audit goes what was read of the chains, in the order of the blocks, and the first difference
//! comes out. What is kept meanwhile is what was read and not yet handled, and what is on hold; never a whole history. Into the plan
//! goes what is known of a lane; the state of every nonce and what to do about it come out.
//!
//! ```text
//! requests of the source ──▶ LaneAudit ◀── what the destination handled
//!                               │  └─ promises ─▶ settle ◀── logs of tokens, traces
//!                               ▼
//!                          LaneFigures (both lanes) ─▶ Open ─▶ Books ─▶ conserved, or a Difference
//!
//! LaneFacts ─▶ look (even, moving, standing) ─▶ plan (a state for every nonce, and the steps)
//! ```

mod books;
mod difference;
mod figures;
mod lane;
mod look;
mod nonces;
mod owed;
mod pair;
mod plan;
mod refund;
#[cfg(test)]
mod tests;

pub use books::{Books, Counters, Open};
pub use difference::{Difference, DifferenceKind, Judged};
pub use figures::LaneFigures;
pub use lane::{LaneAudit, LaneCut, LaneTerms};
pub use look::{Look, look};
pub use nonces::{NonceRange, NonceSet};
pub use owed::{NativeProof, Owed, Promise};
pub use pair::PairTerms;
pub use plan::{
    Action, DestinationFacts, LaneFacts, NonceState, Plan, SourceFacts, StateNonces, Step, StoreFacts,
    WaitFor, plan,
};
pub use refund::pays_back;
