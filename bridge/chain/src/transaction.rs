//! What becomes of a transaction.

use alloy::primitives::{Address, B256, Bytes};
use polyspan_types::BlockRef;

/// What a node said to a signed transaction. Nothing here is an error of the endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// It is in the pool now.
    Accepted(B256),
    /// It was in the pool or in a block before.
    AlreadyKnown,
    /// Another transaction in a block has this account nonce.
    NonceTooLow,
    /// An earlier account nonce is missing.
    NonceTooHigh,
    /// The fee is too low: below the base fee or the pool's minimum, or no sufficient replacement.
    Underpriced(Demand),
    /// The submitter cannot pay.
    InsufficientFunds,
    /// The gas limit is above that of a block.
    GasLimitTooHigh,
    /// The pool has no place now.
    PoolFull,
    /// Refused for another reason, in the node's words.
    Refused(String),
}

/// The least that a node takes, as far as it says so when a fee is too low. Unit: wei per gas.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Demand {
    /// Of `maxFeePerGas`, or of the gas price.
    pub max_fee: Option<u128>,
    /// Of `maxPriorityFeePerGas`.
    pub priority_fee: Option<u128>,
}

impl Demand {
    /// What the more modest of two nodes demands: one that has the transaction is enough.
    pub(crate) fn least(self, other: Self) -> Self {
        let least = |one: Option<u128>, two: Option<u128>| one.zip(two).map(|(one, two)| one.min(two));
        Self {
            max_fee: least(self.max_fee, other.max_fee),
            priority_fee: least(self.priority_fee, other.priority_fee),
        }
    }
}

/// A transaction as its sender signed it, without gas and fees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentTransaction {
    /// Whom it calls; `None` when it deploys a contract.
    pub to: Option<Address>,
    /// Its calldata.
    pub input: Bytes,
    /// Where it is, if it is in a block. A reorg can still take it out.
    pub block: Option<BlockRef>,
}

/// What became of a transaction in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Where it is. A reorg can still take it out.
    pub block: BlockRef,
    /// False when it reverted.
    pub success: bool,
    /// Unit: gas.
    pub gas_used: u64,
    /// Unit: wei per gas; `None` from nodes that do not tell.
    pub gas_price: Option<u128>,
    /// Address of the contract, if it deployed one.
    pub contract: Option<Address>,
}
