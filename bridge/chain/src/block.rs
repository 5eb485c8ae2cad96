//! Heads and points in a chain's history.

use alloy::primitives::B256;
use polyspan_types::{BlockHeight, BlockRef};
use serde_json::{Value, json};

use crate::wire::WireBlock;

/// How far behind the newest block a state is asked for. Unit: blocks. Source: geth in full mode keeps 128, and an endpoint may be some blocks
/// behind the others; `finalized` of a healthy Ethereum is 64 to 96 blocks behind.
const STATES_KEPT: u64 = 100;

/// Newest and final block of a chain, read together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Newest block.
    pub latest: BlockRef,
    /// When it was made. Unit: seconds since 1970.
    pub timestamp: u64,
    /// Gas limit of the newest block; 0 from nodes that do not tell. Unit: gas.
    pub gas_limit: u64,
    /// Newest block that is final by the chain's rule; never above `latest`.
    pub final_block: BlockRef,
    /// Hash of the block before the final one.
    pub final_parent: B256,
}

impl Head {
    /// Whether nodes that keep the states of their newest blocks only have that of the final block.
    pub const fn has_final_state(&self) -> bool {
        self.latest.height.since(self.final_block.height) <= STATES_KEPT
    }
}

/// The block whose state is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// The newest block, whatever it is when the node answers.
    Latest,
    /// The block with this hash: two reads at one hash belong together.
    Hash(B256),
}

impl At {
    /// The block parameter of a call (EIP-1898 for a hash).
    pub(crate) fn parameter(self) -> Value {
        match self {
            Self::Latest => json!("latest"),
            Self::Hash(hash) => json!({ "blockHash": hash }),
        }
    }
}

/// What is kept of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) reference: BlockRef,
    /// Zero from nodes that do not tell.
    pub(crate) parent: B256,
    /// Unit: seconds since 1970.
    pub(crate) timestamp: u64,
    /// 0 from nodes that do not tell. Unit: gas.
    pub(crate) gas_limit: u64,
    /// `None` on chains without EIP-1559. Unit: wei per gas.
    pub(crate) base_fee: Option<u128>,
}

/// Newest and final block as one endpoint sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) latest: Block,
    pub(crate) final_block: Block,
}

impl From<&WireBlock> for Block {
    fn from(block: &WireBlock) -> Self {
        Self {
            reference: block.reference(),
            parent: block.parent_hash.unwrap_or_default(),
            timestamp: block.timestamp.saturating_to(),
            gas_limit: block.gas_limit.unwrap_or_default().saturating_to(),
            base_fee: block.base_fee_per_gas.map(|fee| fee.to()),
        }
    }
}

impl WireBlock {
    pub(crate) fn reference(&self) -> BlockRef {
        BlockRef { height: BlockHeight::new(self.number.to()), hash: self.hash }
    }
}
