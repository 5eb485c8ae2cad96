//! What the destination did with requests.

use alloy::primitives::B256;
use serde::{Deserialize, Serialize};

use crate::{BlockHeight, HoldEnding, HoldReason, Leaf, RequestNonce};

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

/// The requests that one call handled: `first <= nonce < end`, each paid unless it is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HandledRange {
    /// First of them.
    pub first: RequestNonce,
    /// First one after them.
    pub end: RequestNonce,
    /// Block of the destination chain.
    pub block: BlockHeight,
    /// Transaction of the destination chain.
    pub tx_hash: B256,
}

/// A request that was put on hold, with the place of its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HeldRequest {
    /// The request's number in its lane.
    pub nonce: RequestNonce,
    /// Why.
    pub reason: HoldReason,
    /// Its leaf.
    pub leaf: Leaf,
    /// Block of the destination chain: a delay and the wait for a refund count from here.
    pub block: BlockHeight,
    /// Transaction of the destination chain.
    pub tx_hash: B256,
}

/// What a destination's logs of some blocks say. Every hold lies in one of the ranges; ends may be of earlier holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HandledLogs {
    /// What was handled, by nonce.
    pub ranges: Vec<HandledRange>,
    /// What of it was put on hold, by nonce.
    pub held: Vec<HeldRequest>,
    /// Holds that ended, by nonce.
    pub endings: Vec<HoldEnding>,
}

impl HandledLogs {
    /// Whether nothing happened.
    pub const fn is_empty(&self) -> bool {
        self.ranges.is_empty() && self.held.is_empty() && self.endings.is_empty()
    }

    /// How one request was handled, if that lies in these blocks.
    pub fn outcome(&self, nonce: RequestNonce) -> Option<Outcome> {
        let range = self.ranges.iter().find(|range| (range.first..range.end).contains(&nonce))?;
        let held = self.held.iter().find(|held| held.nonce == nonce);
        let result = held.map_or(OutcomeResult::Paid, |held| OutcomeResult::Held(held.reason));
        Some(Outcome { nonce, result, block: range.block, tx_hash: range.tx_hash })
    }

    /// How one hold ended, if that lies in these blocks.
    pub fn ending(&self, nonce: RequestNonce) -> Option<HoldEnding> {
        self.endings.iter().copied().find(|ending| ending.nonce == nonce)
    }
}
