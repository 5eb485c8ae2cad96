//! What the destination did with a request.

use alloy::primitives::B256;
use serde::{Deserialize, Serialize};

use crate::{BlockHeight, HoldReason, RequestNonce};

/// A handled request, with the place of its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Outcome {
    /// The request's number in its lane.
    pub nonce: RequestNonce,
    /// Paid or held.
    pub result: OutcomeResult,
    /// Block of the destination chain.
    pub block: BlockHeight,
    /// Transaction of the destination chain.
    pub tx_hash: B256,
}

/// The two ways in which a request is handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutcomeResult {
    /// The recipient has it.
    Paid,
    /// It could not be paid; its leaf is stored.
    Held(HoldReason),
}
