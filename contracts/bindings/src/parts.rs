//! The contracts whose code a bridge runs beside its own. They hold no state, have no immutables, and serve all bridges of a chain.

use alloy::sol;

sol! {
    /// Part of a bridge: requests of tokens with ids.
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    BridgeCollectibles,
    "../abi/BridgeCollectibles.json"
}

sol! {
    /// Part of a bridge: holds that end or are made by vote, and migration.
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    BridgeEndings,
    "../abi/BridgeEndings.json"
}

sol! {
    /// Part of a bridge: construction, configuration, pause, and withdrawal of fees.
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    BridgeGovernance,
    "../abi/BridgeGovernance.json"
}

sol! {
    /// Part of a bridge: reads.
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    BridgeViews,
    "../abi/BridgeViews.json"
}
