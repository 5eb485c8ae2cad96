//! Contracts for tests: plain tokens that anyone may mint, and hostile tokens and recipients.

#![expect(missing_docs, reason = "sol! generates items whose documentation is in the contracts")]
#![expect(clippy::too_many_arguments, reason = "a permit of ERC-2612 has seven fields")]

use alloy::sol;

sol! {
    /// A plain ERC-20 that anyone may mint.
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    TestToken,
    "../abi/testing/TestToken.json"
}

sol! {
    /// A plain ERC-721 that anyone may mint.
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    TestNFT,
    "../abi/testing/TestNFT.json"
}

sol! {
    /// A plain ERC-1155 that anyone may mint.
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    TestMultiToken,
    "../abi/testing/TestMultiToken.json"
}

sol! {
    /// An ERC-20 with ERC-1363 and ERC-2612 that anyone may mint.
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    TestPaymentToken,
    "../abi/testing/TestPaymentToken.json"
}

sol! {
    /// An ERC-20 whose `mint` returns a value, and that holders may burn.
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    TestReturningToken,
    "../abi/testing/TestReturningToken.json"
}

sol! {
    /// An ERC-20 that destroys a share of every transfer.
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    FeeToken,
    "../abi/testing/FeeToken.json"
}

sol! {
    /// An ERC-20 that calls its holders as ERC-777 did.
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    HookToken,
    "../abi/testing/HookToken.json"
}

sol! {
    /// An ERC-20 whose transfers go wrong in the way that was chosen.
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    HostileToken,
    "../abi/testing/HostileToken.json"
}

sol! {
    /// An ERC-721 whose transfers go wrong in the way that was chosen.
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    HostileNFT,
    "../abi/testing/HostileNFT.json"
}

sol! {
    /// A recipient that treats what it is given in the way that was chosen.
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    HostileRecipient,
    "../abi/testing/HostileRecipient.json"
}
