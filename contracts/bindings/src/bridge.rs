//! One half of a bridge.

#![expect(missing_docs, reason = "sol! generates items whose documentation is in the contracts")]
#![expect(clippy::too_many_arguments, reason = "an event of the contract has eight fields")]

use alloy::sol;

// `BridgeState` has more than 24 members, for which alloy needs its feature `more-tuple-impls`.
sol! {
    /// The `Bridge` contract: `IBridge` of `contracts/src/interfaces` with its constructor.
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    Bridge,
    "../abi/Bridge.json"
}
