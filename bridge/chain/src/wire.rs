//! JSON forms of what nodes answer: only the fields that are used, so that chains with other headers fit too.

use alloy::primitives::{Address, B256, Bytes, U64, U128, U256};
use serde::Deserialize;

/// A block without its transactions.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireBlock {
    pub(crate) number: U64,
    pub(crate) hash: B256,
    pub(crate) parent_hash: Option<B256>,
    pub(crate) timestamp: U256,
    pub(crate) gas_limit: Option<U256>,
    pub(crate) base_fee_per_gas: Option<U128>,
}

/// A log entry. Everything that a pending or malformed one may lack is optional and checked later.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireLog {
    pub(crate) address: Address,
    pub(crate) topics: Vec<B256>,
    pub(crate) data: Bytes,
    pub(crate) block_number: Option<U64>,
    pub(crate) transaction_hash: Option<B256>,
    #[serde(default)]
    pub(crate) removed: bool,
}

/// A transaction without what nobody here reads. One that is in no block has no place.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireTransaction {
    pub(crate) hash: B256,
    pub(crate) to: Option<Address>,
    pub(crate) input: Bytes,
    pub(crate) block_number: Option<U64>,
    pub(crate) block_hash: Option<B256>,
}

/// A receipt. Some nodes answer one without a block for a pending transaction.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireReceipt {
    pub(crate) transaction_hash: B256,
    pub(crate) block_number: Option<U64>,
    pub(crate) block_hash: Option<B256>,
    pub(crate) status: Option<U64>,
    pub(crate) gas_used: U64,
    pub(crate) effective_gas_price: Option<U128>,
    pub(crate) contract_address: Option<Address>,
}
