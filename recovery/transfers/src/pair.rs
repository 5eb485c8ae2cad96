//! The tokens of a lane.

use alloy::primitives::{Address, U256};
use polyspan_types::{Kind, ValueTransfer};

/// A pair as one lane has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairTerms {
    /// Token on the source; zero for its native currency.
    pub source: Address,
    /// Token on the destination; zero for its native currency.
    pub destination: Address,
    /// Asset class on the destination.
    pub kind: Kind,
}

impl PairTerms {
    /// Whether a request of the lane is about this pair: a refund names the token of the chain that it goes to.
    pub fn is_of(&self, transfer: &ValueTransfer) -> bool {
        transfer.token == if transfer.kind.is_refund() { self.destination } else { self.source }
    }

    /// What the contracts count for a request.
    pub fn amount(&self, transfer: &ValueTransfer) -> U256 {
        if self.kind == Kind::Erc721 { U256::ONE } else { transfer.value }
    }
}
