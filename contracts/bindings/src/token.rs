//! The tokens that a bridge mints.

#![expect(clippy::too_many_arguments, reason = "a permit of ERC-2612 has seven fields")]

use alloy::sol;

sol! {
    /// ERC-20 that a bridge mints for what its counterpart locks.
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    BridgeToken,
    "../abi/BridgeToken.json"
}

sol! {
    /// ERC-721 that a bridge mints for what its counterpart locks.
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    BridgeNFT,
    "../abi/BridgeNFT.json"
}

sol! {
    /// ERC-1155 that a bridge mints for what its counterpart locks.
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    BridgeMultiToken,
    "../abi/BridgeMultiToken.json"
}
