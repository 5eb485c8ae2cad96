//! Configuration votes of governors who share no key: one proposal file carries the calls and the signatures of both
//! chains, and the chain alone decides what a signature is worth.
//!
//! ```text
//! change (flags) ─▶ setter (calldata) ─▶ proposal (file) ─▶ vote (sign, count) ─▶ step (what to send now)
//!                      └─▶ effect (at once, or waits) └─▶ words (what people read)
//! ```

pub mod effect;
pub mod limits;
pub mod proposal;
pub mod setter;
pub mod step;
#[cfg(test)]
pub mod testing;
pub mod vote;
pub mod words;
