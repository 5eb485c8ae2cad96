//! A user's deposit on the source chain.

use alloy::primitives::{Address, B256, Bytes, U256};
use serde::{Deserialize, Serialize};

use crate::{BlockHeight, RequestKind, RequestNonce};

/// The fields of a request, as `handle` takes them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ValueTransfer {
    /// Asset class, and whether a hold is paid back.
    pub kind: RequestKind,
    /// Block of the source chain that contains the request.
    pub source_block: BlockHeight,
    /// Token on the source chain, zero for its native currency; of a refund the token on the destination.
    pub token: Address,
    /// Who requested.
    pub from: Address,
    /// Recipient on the destination.
    pub to: Address,
    /// Who is paid back on the source chain when a held request is refunded.
    pub refund_to: Address,
    /// Amount in the token's smallest unit, the token id of an ERC-721, or the sum of the amounts of an ERC-1155.
    pub value: U256,
    /// What belongs to the kind, and the user's data for the recipient: see [`crate::Payload`].
    pub payload: Bytes,
}

/// A numbered request with the place of its log.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Request {
    /// Number in its lane.
    pub nonce: RequestNonce,
    /// What is asked.
    pub transfer: ValueTransfer,
    /// Transaction of the source chain that made it. Not part of the leaf.
    pub tx_hash: B256,
}
