//! A vote as the destination recorded it.

use alloy::primitives::B256;
use serde::{Deserialize, Serialize};

use crate::{BlockHeight, OperatorId, RequestNonce};

/// An operator's vote on chain. The contract has verified its signature and its epoch; what was voted for is known only to who
/// can compute the digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Vote {
    /// Nonce of the checkpoint. An operator chooses it freely: it proves nothing without the digest.
    pub nonce: RequestNonce,
    /// Who voted.
    pub operator: OperatorId,
    /// EIP-712 digest of the checkpoint.
    pub digest: B256,
    /// Block of the destination that has the vote.
    pub block: BlockHeight,
}
