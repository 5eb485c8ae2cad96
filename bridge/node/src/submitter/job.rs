//! What a lane asks of its submitter, and what it is told.

use std::fmt;

use alloy::primitives::{Address, B256, Bytes};
use polyspan_chain::{BridgeRevert, Presumed};
use polyspan_store::Purpose;
use polyspan_types::{AccountNonce, BlockRef, RequestNonce};

use crate::config::LaneInfo;

/// A transaction that a lane wants sent.
#[derive(Debug, Clone)]
pub struct Job {
    /// For whom.
    pub lane: LaneInfo,
    /// What it does.
    pub purpose: Purpose,
    /// First request that it is about.
    pub first: RequestNonce,
    /// How many.
    pub count: u64,
    /// Checkpoint that proves them; of a release the request itself.
    pub checkpoint: RequestNonce,
    /// The destination bridge.
    pub to: Address,
    /// The `handle` or `release` call.
    pub calldata: Bytes,
    /// Gas that it takes when every recipient uses all it is given and is held: what it is tried and sent with. An estimate is no bound,
    /// since a recipient can behave differently while it is estimated. What is not used is not paid. Unit: gas.
    pub worst_gas: u64,
    /// What it takes for granted, since that is on its way: pieces that end where this one begins.
    pub presumed: Option<Presumed>,
}

/// What became of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobResult {
    /// It is in a block.
    Mined {
        /// Whether it did what it should.
        success: bool,
        /// Where.
        block: BlockRef,
        /// Which of its attempts.
        tx_hash: B256,
    },
    /// It is in a block and reverted, since others had handled all of it before.
    Overtaken {
        /// Where.
        block: BlockRef,
        /// Which of its attempts.
        tx_hash: B256,
    },
    /// The contract would revert: nothing was sent.
    Refused(BridgeRevert),
    /// It does not fit into a transaction or block of the chain: nothing was sent.
    TooLarge,
    /// The node did not execute it in the time that it gives to calls, or that we give it: nothing was sent.
    TooSlow,
    /// The node will never take it, in its words: it is not on its way.
    NotTaken(String),
    /// The market is above the price cap: nothing was sent.
    AboveCap {
        /// The cap. Unit: wei per gas.
        cap: u128,
    },
    /// The key's releases of this day that reverted have used up its budget: nothing was sent.
    OverBudget {
        /// How many a day may.
        budget: u64,
    },
    /// An earlier transaction of this lane is still on its way, and this one cannot follow it.
    Busy,
    /// It does not get into a block, and another key can pay: what is not handled is to be sent with that one.
    LeftBehind,
    /// It would have done nothing any more, so a transfer of nothing took its account nonce.
    Cancelled {
        /// Where.
        block: BlockRef,
    },
    /// Another transaction used the account nonce: the key is in use somewhere else.
    Lost {
        /// The nonce.
        account_nonce: AccountNonce,
    },
    /// Chain or disk failed: nothing is known to be sent.
    Failed(String),
}

/// Label of what was not sent since others had handled or submitted it.
pub const DUPLICATE_AVOIDED: &str = "duplicate_avoided";

/// Labels of the submissions metric: a closed set.
pub const OUTCOMES: [&str; 15] = [
    "handled",
    "reverted",
    "overtaken",
    DUPLICATE_AVOIDED,
    "refused",
    "too_large",
    "too_slow",
    "not_taken",
    "above_cap",
    "over_budget",
    "busy",
    "left_behind",
    "cancelled",
    "lost",
    "failed",
];

impl JobResult {
    /// Label of the submissions metric.
    pub const fn outcome(&self) -> &'static str {
        match self {
            Self::Mined { success: true, .. } => "handled",
            Self::Mined { success: false, .. } => "reverted",
            Self::Overtaken { .. } => "overtaken",
            Self::Refused(BridgeRevert::AlreadyHandled { .. }) => DUPLICATE_AVOIDED,
            Self::Refused(_) => "refused",
            Self::TooLarge => "too_large",
            Self::TooSlow => "too_slow",
            Self::NotTaken(_) => "not_taken",
            Self::AboveCap { .. } => "above_cap",
            Self::OverBudget { .. } => "over_budget",
            Self::Busy => "busy",
            Self::LeftBehind => "left_behind",
            Self::Cancelled { .. } => "cancelled",
            Self::Lost { .. } => "lost",
            Self::Failed(_) => "failed",
        }
    }
}

impl fmt::Display for JobResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mined { success, block, tx_hash } => {
                let word = if *success { "done" } else { "reverted" };
                write!(f, "{word} in block {block} by {tx_hash}")
            }
            Self::Overtaken { block, tx_hash } => {
                write!(f, "reverted in block {block} by {tx_hash}: others had handled it before")
            }
            Self::Refused(revert) => write!(f, "the destination would revert: {revert}"),
            Self::TooLarge => f.write_str("the transaction does not fit into a block of the destination"),
            Self::TooSlow => f.write_str(
                "no node gets through the call of it in time; give the node more processor time, raise request_timeout of the chain and the node's own limit (of go-ethereum and its kin --rpc.evmtimeout), or lower relay.submission.max_transfers",
            ),
            Self::NotTaken(text) => write!(f, "the node does not take the transaction: {text}"),
            Self::AboveCap { cap } => write!(
                f,
                "gas price is above the cap of {cap} wei; waiting for it to fall (or raise max_fee_per_gas of the chain)"
            ),
            Self::OverBudget { budget } => write!(
                f,
                "{budget} releases of this key reverted within a day, which is its budget; somebody may be making them fail on purpose \
                 (runbook: releases revert on chain)"
            ),
            Self::Busy => f.write_str("earlier submissions of its key are not mined yet"),
            Self::LeftBehind => f.write_str(
                "it is stuck with its submitter key; what is not handled goes on with another key",
            ),
            Self::Cancelled { block } => {
                write!(
                    f,
                    "it was stuck and would have done nothing any more; it was cancelled in block {block}"
                )
            }
            Self::Lost { account_nonce } => write!(
                f,
                "account nonce {account_nonce} was used by a transaction that is not ours; a submitter key must be used by one relay only"
            ),
            Self::Failed(text) => f.write_str(text),
        }
    }
}
