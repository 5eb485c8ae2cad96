//! Value of holds that governors have written off.

use alloy::sol;

sol! {
    /// The `BridgeClaims` contract of a bridge: its recipients take there what was written off.
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    BridgeClaims,
    "../abi/BridgeClaims.json"
}
