//! What is counted of a lane.

use alloy::primitives::U256;
use polyspan_types::RequestNonce;
use serde::Serialize;

/// Counts of one lane, and the sums that conservation needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LaneFigures {
    /// Requests of the source.
    pub requested: RequestNonce,
    /// Those that the destination handled.
    pub handled: RequestNonce,
    /// Those that were paid at once.
    pub paid: u64,
    /// Those that were put on hold, and paid later.
    pub released: u64,
    /// Those that were put on hold, and went back.
    pub refunded: u64,
    /// Those that were put on hold, and lie in the bridge's claims or were taken from there.
    pub written_off: u64,
    /// Those that are on hold.
    pub on_hold: u64,
    /// Payments that were compared with the logs of their token.
    pub by_logs: u64,
    /// Payments of native currency that were compared with the trace of their transaction.
    pub by_traces: u64,
    /// Payments of native currency without a trace, to accounts whose balance rose by exactly what was promised to them in that block.
    pub by_balances: u64,
    /// Payments that were not looked at one by one, for lack of traces or of a pair.
    pub unchecked: u64,
    /// Requested and not handled, by pair. Unit: the token's smallest unit; pieces of an ERC-721, units of an ERC-1155.
    #[serde(skip)]
    pub in_flight: Vec<U256>,
    /// On hold, by pair.
    #[serde(skip)]
    pub held: Vec<U256>,
}
