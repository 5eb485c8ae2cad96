//! What a node means by the text of its error: the only place that looks at such text.
//!
//! Nodes agree neither on codes nor on words. The rules are tested on `replies/recorded.rs`, a table of replies of many
//! nodes and providers as they were read, and on `replies/met/`, what running nodes answered. A reply that is met in the field and not
//! understood is added to the table first.

#[cfg(test)]
mod met;
#[cfg(test)]
mod recorded;

use crate::Demand;

/// Meaning of a node's error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReplyKind {
    /// The very same transaction is already in the pool or in a block.
    AlreadyKnown,
    /// The account nonce is used by a transaction in a block.
    NonceTooLow,
    /// There is a gap before the account nonce.
    NonceTooHigh,
    /// The fee is below the base fee, below the pool's minimum, or too low to replace the one in the pool.
    Underpriced,
    /// The account cannot pay value and gas.
    InsufficientFunds,
    /// The whole fee is above the most that the node passes on.
    FeeTooHigh,
    /// The gas limit is above that of a block, or above the node's cap.
    GasLimitTooHigh,
    /// The pool has no place for it now.
    PoolFull,
    /// Too many blocks or logs in one request.
    RangeTooLarge,
    /// Too many requests.
    RateLimited,
    /// The node does not have the block, or not yet.
    BlockUnknown,
    /// The node knows no block by the tag that it was asked for: each of its blocks is final, or none ever is.
    TagUnknown,
    /// The node has the block, and has thrown away the state as of it.
    StateGone,
    /// The node has thrown away the logs of such old blocks.
    LogsPruned,
    /// The node does not offer the method.
    MethodUnknown,
    /// The node does not find the transaction that it is to trace.
    TransactionUnknown,
    /// The node does not have the tracer.
    TracerUnknown,
    /// The contract reverted.
    Reverted,
    /// The call ran out of the gas that it may use, or of whatever else its chain counts.
    OutOfGas,
    /// The call took longer than the node allows.
    CallTooSlow,
    /// None of these.
    Other,
}

/// A rule holds when the text contains every one of its words.
type Rule = (&'static [&'static str], ReplyKind);

/// Asked first, for every method: a quota says nothing about the request itself.
const QUOTA: &[Rule] = &[
    (&["rate limit"], ReplyKind::RateLimited),
    (&["rate-limit"], ReplyKind::RateLimited),
    (&["too many requests"], ReplyKind::RateLimited),
    (&["request limit reached"], ReplyKind::RateLimited),
    (&["request count exceeded"], ReplyKind::RateLimited),
    (&["compute units per second"], ReplyKind::RateLimited),
    (&["server is busy"], ReplyKind::RateLimited),
];

/// For calls, estimates and transactions: gas limits. What lacks gas comes first, as some nodes say that in nearly the same words.
const GAS: &[Rule] = &[
    (&["callgascostmorethangaslimit"], ReplyKind::Other),
    (&["gasfloormorethangaslimit"], ReplyKind::Other),
    (&["intrinsic gas exceeds"], ReplyKind::Other),
    (&["gas cost", "exceeds the gas limit"], ReplyKind::Other),
    (&["intrinsic gas too high"], ReplyKind::GasLimitTooHigh),
    (&["exceeds block gas limit"], ReplyKind::GasLimitTooHigh),
    (&["exceeds the block gas limit"], ReplyKind::GasLimitTooHigh),
    (&["gaslimitexceeded"], ReplyKind::GasLimitTooHigh),
    (&["gaslimitcapexceeded"], ReplyKind::GasLimitTooHigh),
    (&["gas_limit > env"], ReplyKind::GasLimitTooHigh),
    (&["gas limit", "exceed"], ReplyKind::GasLimitTooHigh),
    (&["gas limit", "too high"], ReplyKind::GasLimitTooHigh),
    (&["gas limit", "cap"], ReplyKind::GasLimitTooHigh),
    (&["gas limit reached"], ReplyKind::GasLimitTooHigh),
];

/// For calls and estimates.
const CALL: &[Rule] = &[
    (&["execution aborted", "timeout"], ReplyKind::CallTooSlow),
    (&["timed out"], ReplyKind::CallTooSlow),
    (&["timeout expired"], ReplyKind::CallTooSlow),
    (&["canceled", "timeout"], ReplyKind::CallTooSlow),
    (&["intrinsic gas too low"], ReplyKind::OutOfGas),
    (&["less than block base fee"], ReplyKind::Underpriced),
    (&["less than basefee"], ReplyKind::Underpriced),
];

/// For `eth_getBlockByNumber`, of which the tags are ours.
const BLOCK: &[Rule] = &[(&["hex string without 0x prefix"], ReplyKind::TagUnknown)];

/// For `eth_getLogs`.
const LOGS: &[Rule] = &[
    (&["pruned history"], ReplyKind::LogsPruned),
    (&["history", "pruned"], ReplyKind::LogsPruned),
    (&["logs", "pruned"], ReplyKind::LogsPruned),
    (&["history", "expired"], ReplyKind::LogsPruned),
    (&["old data not available", "pruning"], ReplyKind::LogsPruned),
    (&["receipt", "not available"], ReplyKind::LogsPruned),
    (&["data before", "not available"], ReplyKind::LogsPruned),
    (&["beyond current head"], ReplyKind::BlockUnknown),
    (&["cannot be found"], ReplyKind::BlockUnknown),
    (&["invalid block range params"], ReplyKind::BlockUnknown),
    (&["range", "in the future"], ReplyKind::BlockUnknown),
    (&["beyond latest executed block"], ReplyKind::BlockUnknown),
    (&["query returned more than"], ReplyKind::RangeTooLarge),
    (&["more than", "results"], ReplyKind::RangeTooLarge),
    (&["max results"], ReplyKind::RangeTooLarge),
    (&["range", "limit"], ReplyKind::RangeTooLarge),
    (&["range", "exceed"], ReplyKind::RangeTooLarge),
    (&["range", "large"], ReplyKind::RangeTooLarge),
    (&["range", "wide"], ReplyKind::RangeTooLarge),
    (&["range", "greater than"], ReplyKind::RangeTooLarge),
    (&["too many blocks"], ReplyKind::RangeTooLarge),
    (&["too many logs"], ReplyKind::RangeTooLarge),
    (&["response", "too big"], ReplyKind::RangeTooLarge),
    (&["response", "too large"], ReplyKind::RangeTooLarge),
    (&["response size"], ReplyKind::RangeTooLarge),
    (&["entity too large"], ReplyKind::RangeTooLarge),
    (&["query timeout"], ReplyKind::RangeTooLarge),
    (&["timed out"], ReplyKind::RangeTooLarge),
    (&["timeout expired"], ReplyKind::RangeTooLarge),
    (&["canceled", "timeout"], ReplyKind::RangeTooLarge),
    (&["ranges over", "not supported"], ReplyKind::RangeTooLarge),
    (&["limit exceeded"], ReplyKind::RangeTooLarge),
];

/// For `eth_sendRawTransaction`; the order matters where one text contains words of two rules.
const SEND: &[Rule] = &[
    (&["already known"], ReplyKind::AlreadyKnown),
    (&["alreadyknown"], ReplyKind::AlreadyKnown),
    (&["already imported"], ReplyKind::AlreadyKnown),
    (&["known transaction"], ReplyKind::AlreadyKnown),
    (&["existing tx", "with same hash"], ReplyKind::AlreadyKnown),
    (&["tx already exists"], ReplyKind::AlreadyKnown),
    (&["tx fee", "exceeds the configured cap"], ReplyKind::FeeTooHigh),
    (&["fee cap exceeded"], ReplyKind::FeeTooHigh),
    (&["underpriced"], ReplyKind::Underpriced),
    (&["replacementnotallowed"], ReplyKind::Underpriced),
    (&["could not replace"], ReplyKind::Underpriced),
    (&["replaced by transaction with higher"], ReplyKind::Underpriced),
    (&["another tx which has the same nonce"], ReplyKind::Underpriced),
    (&["another transaction with same nonce"], ReplyKind::Underpriced),
    (&["nonce", "too low"], ReplyKind::NonceTooLow),
    (&["oldnonce"], ReplyKind::NonceTooLow),
    (&["nonce", "too high"], ReplyKind::NonceTooHigh),
    (&["nonce", "too distant"], ReplyKind::NonceTooHigh),
    (&["nonce", "too far in future"], ReplyKind::NonceTooHigh),
    (&["noncegap"], ReplyKind::NonceTooHigh),
    (&["nonce gap"], ReplyKind::NonceTooHigh),
    (&["gapped-nonce"], ReplyKind::NonceTooHigh),
    (&["insufficient funds"], ReplyKind::InsufficientFunds),
    (&["insufficientfunds"], ReplyKind::InsufficientFunds),
    (&["insufficient balance"], ReplyKind::InsufficientFunds),
    (&["upfront cost exceeds"], ReplyKind::InsufficientFunds),
    (&["doesn't have enough funds"], ReplyKind::InsufficientFunds),
    (&["less than block base fee"], ReplyKind::Underpriced),
    (&["max fee per gas", "base fee"], ReplyKind::Underpriced),
    (&["maxfeepergas", "too low"], ReplyKind::Underpriced),
    (&["gasprice", "too low"], ReplyKind::Underpriced),
    (&["greater than or equal to basefee"], ReplyKind::Underpriced),
    (&["priority fee below"], ReplyKind::Underpriced),
    (&["less than basefee"], ReplyKind::Underpriced),
    (&["feetoolow"], ReplyKind::Underpriced),
    (&["fee too low"], ReplyKind::Underpriced),
    (&["gas price", "below"], ReplyKind::Underpriced),
    (&["gas price", "too low"], ReplyKind::Underpriced),
    (&["pool is full"], ReplyKind::PoolFull),
    (&["txpool is full"], ReplyKind::PoolFull),
    (&["account limit exceeded"], ReplyKind::PoolFull),
    (&["future transaction tries to replace pending"], ReplyKind::PoolFull),
    (&["in-flight transaction limit reached"], ReplyKind::PoolFull),
    (&["already reserved"], ReplyKind::PoolFull),
    (&["spammer"], ReplyKind::PoolFull),
];

/// For traces of a transaction.
const TRACE: &[Rule] = &[
    (&["transaction not found"], ReplyKind::TransactionUnknown),
    (&["transaction", "not found"], ReplyKind::TransactionUnknown),
    (&["cannot find transaction"], ReplyKind::TransactionUnknown),
    (&["unable to find", "transaction"], ReplyKind::TransactionUnknown),
    (&["unknown transaction"], ReplyKind::TransactionUnknown),
    (&["transaction indexing is in progress"], ReplyKind::TransactionUnknown),
    (&["tracer is not defined"], ReplyKind::TracerUnknown),
    (&["referenceerror", "is not defined"], ReplyKind::TracerUnknown),
    (&["tracer", "not found"], ReplyKind::TracerUnknown),
    (&["tracer", "not supported"], ReplyKind::TracerUnknown),
    (&["unsupported tracer"], ReplyKind::TracerUnknown),
    (&["invalid tracer"], ReplyKind::TracerUnknown),
    (&["unknown tracer"], ReplyKind::TracerUnknown),
    (&["unknown variant", "tracer"], ReplyKind::TracerUnknown),
    // The block before it, in whose state a trace begins.
    (&["parent", "not found"], ReplyKind::StateGone),
];

/// For everything, when nothing more special fits.
const ANY: &[Rule] = &[
    (&["revert"], ReplyKind::Reverted),
    (&["out of gas"], ReplyKind::OutOfGas),
    (&["outofgas"], ReplyKind::OutOfGas),
    (&["computation cost limit"], ReplyKind::OutOfGas),
    (&["gas required exceeds"], ReplyKind::OutOfGas),
    (&["insufficient funds"], ReplyKind::InsufficientFunds),
    (&["enough funds"], ReplyKind::InsufficientFunds),
    (&["header not found"], ReplyKind::BlockUnknown),
    (&["block not found"], ReplyKind::BlockUnknown),
    (&["unknown block"], ReplyKind::BlockUnknown),
    (&["unknown header"], ReplyKind::BlockUnknown),
    (&["header for hash not found"], ReplyKind::BlockUnknown),
    (&["header does not exist"], ReplyKind::BlockUnknown),
    (&["block does not exist"], ReplyKind::BlockUnknown),
    (&["invalid block tag"], ReplyKind::BlockUnknown),
    (&["not currently canonical"], ReplyKind::BlockUnknown),
    (&["block body is missing"], ReplyKind::BlockUnknown),
    (&["head block not available"], ReplyKind::BlockUnknown),
    (&["indexing is in progress"], ReplyKind::BlockUnknown),
    (&["indexing is not yet complete"], ReplyKind::BlockUnknown),
    (&["could not be found"], ReplyKind::BlockUnknown),
    (&["could not find the header"], ReplyKind::BlockUnknown),
    (&["incorrect head block"], ReplyKind::BlockUnknown),
    (&["no finalized block"], ReplyKind::BlockUnknown),
    (&["blockoutofrange"], ReplyKind::BlockUnknown),
    (&["resource not found"], ReplyKind::BlockUnknown),
    // A block to come has no state yet, which some nodes say in the words of a state that is gone.
    (&["has not been executed yet"], ReplyKind::BlockUnknown),
    (&["missing trie node"], ReplyKind::StateGone),
    (&["historical state"], ReplyKind::StateGone),
    (&["state histories"], ReplyKind::StateGone),
    (&["state", "not available"], ReplyKind::StateGone),
    (&["state", "unavailable"], ReplyKind::StateGone),
    (&["state", "is not canonical"], ReplyKind::StateGone),
    (&["state", "pruned"], ReplyKind::StateGone),
    (&["no state available"], ReplyKind::StateGone),
    (&["no state found"], ReplyKind::StateGone),
    (&["not available due to pruning"], ReplyKind::StateGone),
    (&["history", "pruned"], ReplyKind::StateGone),
    (&["pruned history"], ReplyKind::StateGone),
    (&["history has expired"], ReplyKind::StateGone),
    (&["could not find block"], ReplyKind::BlockUnknown),
    (&["block", "not found"], ReplyKind::BlockUnknown),
    (&["method not found"], ReplyKind::MethodUnknown),
    (&["does not exist/is not available"], ReplyKind::MethodUnknown),
    (&["method", "not supported"], ReplyKind::MethodUnknown),
    (&["method", "not available"], ReplyKind::MethodUnknown),
    (&["method not enabled"], ReplyKind::MethodUnknown),
    (&["method", "is disabled"], ReplyKind::MethodUnknown),
];

/// Meaning of an error that `method` was answered with. `text` is the message with whatever data came along.
pub(crate) fn classify(method: &str, code: i64, text: &str) -> ReplyKind {
    let text = text.to_ascii_lowercase();
    let (special, gas): (&[Rule], &[Rule]) = match method {
        "eth_getBlockByNumber" => (BLOCK, &[]),
        "eth_getLogs" => (LOGS, &[]),
        "eth_sendRawTransaction" => (SEND, GAS),
        // Whoever is called writes the reason of a revert: it must not pass for the words of the node.
        "eth_call" | "eth_estimateGas" if code == 3 || text.contains("revert") => {
            return ReplyKind::Reverted;
        }
        "eth_call" | "eth_estimateGas" => (CALL, GAS),
        "trace_transaction" | "debug_traceTransaction" | "debug_traceCall" => (TRACE, &[]),
        _ => (&[], &[]),
    };
    let by_text = [QUOTA, special, gas, ANY]
        .into_iter()
        .flatten()
        .find(|(words, _)| words.iter().all(|word| text.contains(word)))
        .map(|(_, kind)| *kind);
    by_text.unwrap_or(match code {
        3 => ReplyKind::Reverted,
        -32601 => ReplyKind::MethodUnknown,
        // EIP-1474 calls this "limit exceeded" and does not say of what.
        -32005 if method == "eth_getLogs" => ReplyKind::RangeTooLarge,
        413 if method == "eth_getLogs" => ReplyKind::RangeTooLarge,
        -32005 | 429 => ReplyKind::RateLimited,
        -32001 => ReplyKind::BlockUnknown,
        _ => ReplyKind::Other,
    })
}

/// What stands before a number that a node demands of a fee, and of which fee. The order matters where one text has two of them.
const DEMANDS: &[(&str, Fee)] = &[
    ("minimum needed ", Fee::Priority),
    ("minimum required priority fee ", Fee::Priority),
    ("below the minimum of ", Fee::Priority),
    ("maxpriorityfeepergas of at least ", Fee::Priority),
    ("basefeepergas of ", Fee::Max),
    ("basefee: ", Fee::Max),
    ("maxfeepergas of at least ", Fee::Max),
];

/// Which of two fees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fee {
    /// `maxFeePerGas`, or the gas price.
    Max,
    /// `maxPriorityFeePerGas`.
    Priority,
}

/// What a node that finds a fee too low says it would take, in the text of its error; nothing where it names no number.
pub(crate) fn demand(text: &str) -> Demand {
    let text = text.to_ascii_lowercase();
    let found = DEMANDS.iter().find_map(|(words, fee)| {
        let rest = &text[text.find(words)? + words.len()..];
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        // Nobody's fee has more digits; the node may lie.
        Some((*fee, rest[..digits].parse::<u128>().ok()?))
    });
    match found {
        Some((Fee::Max, fee)) => Demand { max_fee: Some(fee), priority_fee: None },
        Some((Fee::Priority, fee)) => Demand { max_fee: None, priority_fee: Some(fee) },
        None => Demand::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nodes_demand_is_read_from_their_words() {
        let max = |fee| Demand { max_fee: Some(fee), priority_fee: None };
        let priority = |fee| Demand { max_fee: None, priority_fee: Some(fee) };
        let texts = [
            ("transaction underpriced: gas tip cap 0, minimum needed 1000000000", priority(1_000_000_000)),
            (
                "max fee per gas less than block base fee: address 0x7099…79C8, maxFeePerGas: 1, baseFee: 875000000",
                max(875_000_000),
            ),
            ("FeeTooLow, MaxFeePerGas too low. MaxFeePerGas: 50, BaseFee: 51", max(51)),
            (
                "Transaction maxFeePerGas (1) is too low for the next block, which has a baseFeePerGas of 875000000",
                max(875_000_000),
            ),
            (
                "Replacement transaction underpriced. A gasPrice/maxFeePerGas of at least 2200000000 is necessary",
                max(2_200_000_000),
            ),
            ("transaction underpriced", Demand::default()),
            ("baseFee: 99999999999999999999999999999999999999999", Demand::default()),
            ("baseFee: ", Demand::default()),
        ];
        for (text, expected) in texts {
            assert_eq!(demand(text), expected, "{text}");
            let recorded = recorded::REPLIES.iter().any(|reply| reply.text == text);
            assert!(
                recorded || expected == Demand::default() || text.contains("needed 1000000000"),
                "{text}"
            );
        }
    }

    #[test]
    fn every_recorded_reply_is_understood() {
        let wrong: Vec<_> = recorded::REPLIES
            .iter()
            .map(|reply| (reply, classify(reply.method, reply.code, reply.text)))
            .filter(|(reply, kind)| *kind != reply.kind)
            .collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn the_same_words_mean_different_things_for_different_methods() {
        assert_eq!(classify("eth_getLogs", -32005, "limit exceeded"), ReplyKind::RangeTooLarge);
        assert_eq!(classify("eth_call", -32005, "limit exceeded"), ReplyKind::RateLimited);
    }
}
