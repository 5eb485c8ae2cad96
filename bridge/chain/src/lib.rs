//! Access to one EVM chain: heads, blocks, bridge state, logs, fees and sending.
//!
//! A [`Chain`] is shared by everything in a process that reads or writes that chain. It has any number of endpoints, and
//! what can lead to a signature is believed when a [`Quorum`] of them says the same. Every call has a deadline, counts
//! in the metrics, and is refused until the endpoint has proven to serve the right chain. What an endpoint answers is
//! checked before it is compared; an answer that cannot be true is a [`ChainError::BadAnswer`].
//!
//! This crate never holds a key, never signs, never decides what to attest or submit, and never asks one endpoint twice
//! by itself: callers own their loops, and [`ChainError`] tells them what class of failure it was.
//!
//! ```text
//! ChainSettings ─▶ Chain ─▶ pool (whom to ask, whom to believe) ─▶ client ─▶ session (prove chain id) ─▶ JSON-RPC
//!                    │                 └─ score, round, tally         └─ check ─▶ domain type
//!                    └────▶ HeadFollower (polls) ─▶ watch::Receiver<HeadView>
//! ```

mod abi;
mod abilities;
mod backoff;
mod block;
mod calldata;
mod chain;
mod client;
mod endpoint;
mod error;
mod fees;
mod follower;
mod gas_caps;
mod metrics;
mod no_trace;
mod parts;
mod pool;
mod presumed;
mod quorum;
mod range;
mod replies;
mod revert;
mod rhythm;
mod session;
mod settings;
mod state;
#[cfg(feature = "testing")]
pub mod testing;
mod transaction;
mod trial;
mod wire;

pub use abilities::{Ability, Opcode, largest_code, largest_creation};
pub use backoff::Backoff;
pub use block::{At, Head};
pub use calldata::{
    HandleCall, claim_calldata, decode_transfer, encode_transfer, force_hold_calldata, handle_calldata,
    pause_calldata, refund_calldata, release_calldata, vote_calldata,
};
pub use chain::{Chain, SHOWN_IS_BELIEVED_AFTER};
pub use client::logs::{Claim, ConfigurationEvent, ConfigurationLog, PaidToken};
pub use endpoint::Endpoint;
pub use error::{ChainError, NoQuorum, NodeRefusal};
pub use fees::FeeMarket;
pub use follower::{HeadFollower, HeadView};
pub use gas_caps::{
    ChainLimits, DEFAULT_GREATEST_GAS_CAP, GREATEST_GAS_CAPS, SLOT_GAS, dearer_slot, default_gas_cap,
    default_greatest_gas_cap, default_item_bound, item_bounds, least_gas_cap, needed_gas_cap,
};
pub use metrics::ChainMetrics;
pub use no_trace::NoTrace;
pub use parts::{Part, Parts};
pub use presumed::Presumed;
pub use quorum::{Quorum, QuorumError};
pub use range::RangePlanner;
pub use replies::ReplyKind;
pub use revert::BridgeRevert;
pub use settings::{ChainSettings, SettingsError, same_node};
pub use state::{
    BridgeState, DelayLimit, Hold, LaneState, OutflowLimit, PairLimits, PairState, PendingConfiguration,
};
pub use transaction::{Demand, Receipt, SendOutcome, SentTransaction};
pub use trial::{HandleTrial, TRIAL_ACCOUNT, Trial};

/// A URL, as [`ChainSettings`] takes it.
pub use alloy::transports::http::reqwest::Url;

/// Directives that a process adds to its log filter.
///
/// The transport libraries log lost connections as errors, which this crate reports itself as what they are, and their
/// debug spans contain whole endpoint URLs with the secrets in them.
pub const LOG_DIRECTIVES: &str =
    "alloy_pubsub=off,alloy_transport_ws=off,alloy_transport_http=off,alloy_rpc_client=off";
