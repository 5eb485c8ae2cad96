//! One half of a bridge.

#![expect(missing_docs, reason = "sol! generates items whose documentation is in the contracts")]
#![expect(clippy::too_many_arguments, reason = "an event of the contract has eight fields")]

use alloy::sol;

// `sol!` takes structs of at most 24 members, for which reason `BridgeState` keeps its `Wiring` in one of its own.
sol! {
    /// The `Bridge` contract: `IBridge` of `contracts/src/interfaces` with its constructor.
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    Bridge,
    "../abi/Bridge.json"
}
