//! The contract's own types, under the names used in this crate.

pub(crate) use polyspan_contracts::Bridge;
pub(crate) use polyspan_contracts::Bridge::{
    BridgeState, Checkpoint, Hold, LaneState, MemberSet, PairLimits, PairState, Parts, PendingConfiguration,
    ValueTransfer,
};
pub(crate) use polyspan_contracts::BridgeClaims;
pub(crate) use polyspan_contracts::BridgeClaims::{BridgeClaimsErrors as ClaimsErrors, Claim, ClaimRecorded};
pub(crate) use polyspan_contracts::BridgeMultiToken::BridgeMultiTokenErrors as MultiTokenErrors;
pub(crate) use polyspan_contracts::BridgeNFT::BridgeNFTErrors as NftErrors;
pub(crate) use polyspan_contracts::BridgeToken::BridgeTokenErrors as TokenErrors;
