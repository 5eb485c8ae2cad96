//! The contract's own types, under the names used in this crate.

pub(crate) use polyspan_contracts::Bridge;
pub(crate) use polyspan_contracts::Bridge::{
    BridgeState, Hold, LaneState, MemberSet, PairState, ValueTransfer,
};
pub(crate) use polyspan_contracts::BridgeNFT::BridgeNFTErrors as NftErrors;
pub(crate) use polyspan_contracts::BridgeToken::BridgeTokenErrors as TokenErrors;
