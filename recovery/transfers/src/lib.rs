//! What was requested on one chain against what was handled on the other, judged from the first nonce on.
//!
//! Everything here is pure: what was read of the chains goes in, in the order of the blocks, and the first difference comes
//! out. What is kept meanwhile is what was read and not yet handled, and what is on hold; never a whole history.
//!
//! ```text
//! requests of the source ──▶ LaneAudit ◀── what the destination handled
//!                               │  └─ promises ─▶ settle ◀── logs of tokens, traces
//!                               ▼
//!                          LaneFigures (both lanes) ─▶ Open ─▶ Books ─▶ conserved, or a Difference
//! ```

mod books;
mod difference;
mod figures;
mod lane;
mod owed;
mod pair;
mod refund;
#[cfg(test)]
mod tests;

pub use books::{Books, Counters, Open};
pub use difference::{Difference, DifferenceKind, Judged};
pub use figures::LaneFigures;
pub use lane::{LaneAudit, LaneCut, LaneTerms};
pub use owed::{Owed, Promise};
pub use pair::PairTerms;
pub use refund::pays_back;
