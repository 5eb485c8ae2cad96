//! Replies that the rules must understand.
//!
//! The tests against a real anvil meet its replies for sending, reverts and unknown blocks. Those of all other nodes and
//! providers are as far as they are known from public sources and issue reports, some shortened, none of them met by a
//! test with a running node: replace a line by the real wording when it is seen.

use super::ReplyKind::{self, *};

/// One reply, with what it means.
#[derive(Debug)]
pub(super) struct Recorded {
    /// Who answers like this. Only for the reader of a failed test.
    #[expect(dead_code, reason = "shown through Debug when the test fails")]
    pub(super) node: &'static str,
    pub(super) method: &'static str,
    pub(super) code: i64,
    pub(super) text: &'static str,
    pub(super) kind: ReplyKind,
}

const fn send(node: &'static str, code: i64, text: &'static str, kind: ReplyKind) -> Recorded {
    Recorded { node, method: "eth_sendRawTransaction", code, text, kind }
}

const fn logs(node: &'static str, code: i64, text: &'static str, kind: ReplyKind) -> Recorded {
    Recorded { node, method: "eth_getLogs", code, text, kind }
}

const fn call(node: &'static str, code: i64, text: &'static str, kind: ReplyKind) -> Recorded {
    Recorded { node, method: "eth_call", code, text, kind }
}

pub(super) const REPLIES: &[Recorded] = &[
    // ---- sending ----
    send("anvil", -32003, "nonce too low", NonceTooLow),
    send("anvil", -32003, "transaction already imported", AlreadyKnown),
    send("anvil", -32003, "replacement transaction underpriced", Underpriced),
    send("anvil", -32003, "Insufficient funds for gas * price + value", InsufficientFunds),
    send("anvil", -32003, "max fee per gas less than block base fee", Underpriced),
    send("anvil", -32003, "intrinsic gas too high -- tx.gas_limit > env.block.gas_limit", GasLimitTooHigh),
    send("anvil", -32003, "intrinsic gas too low", Other),
    send("geth", -32000, "already known", AlreadyKnown),
    send("geth", -32000, "nonce too low: next nonce 12, tx nonce 11", NonceTooLow),
    send("geth", -32000, "nonce too high: address 0x7099…79C8, tx: 9 state: 3", NonceTooHigh),
    send("geth", -32000, "transaction underpriced: gas tip cap 0, minimum needed 1", Underpriced),
    send(
        "geth",
        -32000,
        "replacement transaction underpriced: new tx gas fee cap 5 <= 4 queued",
        Underpriced,
    ),
    send(
        "geth",
        -32000,
        "max fee per gas less than block base fee: address 0x7099…79C8, maxFeePerGas: 1, baseFee: 875000000",
        Underpriced,
    ),
    send(
        "geth",
        -32000,
        "insufficient funds for gas * price + value: balance 0, tx cost 21000000000000, overshot 21000000000000",
        InsufficientFunds,
    ),
    send("geth", -32000, "exceeds block gas limit", GasLimitTooHigh),
    send("geth", -32000, "transaction gas limit too high (cap: 16777216, tx: 20000000)", GasLimitTooHigh),
    send("geth", -32000, "txpool is full", PoolFull),
    send("geth", -32000, "only replay-protected (EIP-155) transactions allowed over RPC", Other),
    send("erigon", -32000, "INTERNAL_ERROR: nonce too low", NonceTooLow),
    send("erigon", -32000, "INTERNAL_ERROR: existing tx with same hash", AlreadyKnown),
    send("erigon", -32000, "INTERNAL_ERROR: could not replace existing tx", Underpriced),
    send("erigon", -32000, "INTERNAL_ERROR: fee too low", Underpriced),
    send("nethermind", -32010, "AlreadyKnown", AlreadyKnown),
    send("nethermind", -32010, "OldNonce, Current nonce: 22, nonce of rejected tx: 21.", NonceTooLow),
    send("nethermind", -32010, "FeeTooLow, MaxFeePerGas too low. MaxFeePerGas: 50, BaseFee: 51", Underpriced),
    send("nethermind", -32010, "FeeTooLowToCompete", Underpriced),
    send("nethermind", -32010, "ReplacementNotAllowed", Underpriced),
    send(
        "nethermind",
        -32010,
        "InsufficientFunds, Account balance: 4740, cumulative cost: 14960",
        InsufficientFunds,
    ),
    send("nethermind", -32010, "NonceGap, Future nonce. Expected nonce: 3", NonceTooHigh),
    send(
        "nethermind",
        -32010,
        "GasLimitExceeded, Gas limit: 100000000, gas limit of rejected tx: 100000001",
        GasLimitTooHigh,
    ),
    send("besu", -32000, "Known transaction", AlreadyKnown),
    send("besu", -32001, "Nonce too low", NonceTooLow),
    send("besu", -32006, "Transaction nonce is too distant from current sender nonce", NonceTooHigh),
    send("besu", -32004, "Upfront cost exceeds account balance", InsufficientFunds),
    send("besu", -32005, "Transaction gas limit exceeds block gas limit", GasLimitTooHigh),
    send("besu", -32009, "Gas price below configured minimum gas price", Underpriced),
    send("besu", -32000, "Replacement transaction underpriced", Underpriced),
    send("hardhat", -32000, "Nonce too low. Expected nonce to be 1 but got 0.", NonceTooLow),
    send("hardhat", -32000, "Known transaction: 0x5b3f…", AlreadyKnown),
    send(
        "hardhat",
        -32000,
        "Replacement transaction underpriced. A gasPrice/maxFeePerGas of at least 2200000000 is necessary",
        Underpriced,
    ),
    send(
        "hardhat",
        -32000,
        "Sender doesn't have enough funds to send tx. The max upfront cost is: 21000 and the sender's balance is: 0.",
        InsufficientFunds,
    ),
    send(
        "hardhat",
        -32000,
        "Transaction maxFeePerGas (1) is too low for the next block, which has a baseFeePerGas of 875000000",
        Underpriced,
    ),
    send(
        "hardhat",
        -32000,
        "Transaction gas limit is 40000000 and exceeds block gas limit of 30000000",
        GasLimitTooHigh,
    ),
    send("kaia", -32000, "known transaction: 5b3f00", AlreadyKnown),
    send("kaia", -32000, "there is another tx which has the same nonce in the tx pool", Underpriced),
    send("kaia", -32000, "insufficient balance of the sender to pay for gas", InsufficientFunds),
    send(
        "openethereum",
        -32010,
        "Transaction gas price is too low. There is another transaction with same nonce in the queue.",
        Underpriced,
    ),
    send("openethereum", -32010, "Transaction nonce is too low. Try incrementing the nonce.", NonceTooLow),
    // ---- logs ----
    logs(
        "infura",
        -32005,
        "query returned more than 10000 results. Try with this block range [0xBDE5F8, 0x102DBCC].",
        RangeTooLarge,
    ),
    logs("geth", 4444, "pruned history unavailable", LogsPruned),
    logs("nethermind", -32000, "Receipt not available for From block 14319330.", LogsPruned),
    logs(
        "erigon",
        -32000,
        "seek with txNum=1962853355 but data before txNum=2662500000 is not available: blockNum=16999999",
        LogsPruned,
    ),
    logs("infura", -32602, "range 1000000 exceeds limit of 10000", RangeTooLarge),
    logs(
        "alchemy",
        -32602,
        "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range",
        RangeTooLarge,
    ),
    logs("quicknode", -32614, "eth_getLogs is limited to a 10,000 range", RangeTooLarge),
    logs(
        "tenderly",
        -32602,
        "invalid params {\"payload\":\"range 9009594 is bigger than range limit 2000\"}",
        RangeTooLarge,
    ),
    logs("reth", -32602, "query exceeds max results 20000, retry with the range 1-2", RangeTooLarge),
    logs("reth", -32602, "query exceeds max block range 100000", RangeTooLarge),
    logs("reth", -32602, "block range extends beyond current head block", BlockUnknown),
    logs("besu", -32000, "Requested range exceeds maximum RPC range limit", RangeTooLarge),
    logs("bsc", -32000, "exceed maximum block range: 50000", RangeTooLarge),
    logs("ankr", -32062, "block range is too wide", RangeTooLarge),
    logs("ankr", -32602, "Response is too big", RangeTooLarge),
    logs(
        "nginx",
        413,
        "<html><head><title>413 Request Entity Too Large</title></head></html>",
        RangeTooLarge,
    ),
    logs("infura", -32005, "query timeout exceeded", RangeTooLarge),
    logs("quicknode", -32007, "100/second request limit reached - reduce calls per second", RateLimited),
    // ---- everything ----
    call("alchemy", 429, "Your app has exceeded its compute units per second capacity.", RateLimited),
    call("infura", -32005, "daily request count exceeded, request rate limited", RateLimited),
    call("nginx", 429, "Too Many Requests", RateLimited),
    call("anvil", 3, "execution reverted: custom error 0x5a3b9c7d", Reverted),
    call("geth", 3, "execution reverted", Reverted),
    call(
        "hardhat",
        -32603,
        "VM Exception while processing transaction: reverted with an unrecognized custom error",
        Reverted,
    ),
    call("geth", -32000, "gas required exceeds allowance (30000000)", OutOfGas),
    call("geth", -32000, "header not found", BlockUnknown),
    call("geth", -32000, "missing trie node 5b3f (path ) state 0x5b3f is not available", BlockUnknown),
    call("anvil", -32003, "EVM error OutOfGas", OutOfGas),
    call("kaia", -32000, "reached the opcode computation cost limit (150000000) for tx", OutOfGas),
    call("anvil", -32001, "Block not found", BlockUnknown),
    call("erigon", -32000, "unknown block", BlockUnknown),
    call("geth", -32601, "the method eth_foo does not exist/is not available", MethodUnknown),
    call("anvil", -32601, "Method not found", MethodUnknown),
];
