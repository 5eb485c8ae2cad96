//! The tokens that a bridge mints.

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
