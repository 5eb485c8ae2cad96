//! Rust bindings of the Polyspan contracts: calls, events, errors and bytecode, as the committed files in
//! `contracts/abi` describe them.
//!
//! Nothing is compiled from Solidity here, so a build needs no Solidity tools; `contracts/export --check` proves that the
//! committed files are what the sources compile to. There is no logic in this crate either: hashes, signatures and what to
//! do with them belong to the crates above.
//!
//! ```text
//! contracts/src/*.sol -- forge build --> contracts/out -- contracts/export --> contracts/abi/*.json -- sol! --> here
//! ```

mod bridge;
mod claims;
mod parts;
mod token;

#[cfg(feature = "testing")]
pub mod testing;

pub use bridge::Bridge;
pub use claims::BridgeClaims;
pub use parts::{BridgeCollectibles, BridgeEndings, BridgeGovernance, BridgeViews};
pub use token::{BridgeMultiToken, BridgeNFT, BridgeToken};
