//! The chains of a network: real nodes, each with direct access past every proxy and relay.

mod access;
pub mod anvil;

pub use access::ChainAccess;
