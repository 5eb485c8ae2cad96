//! What a lying or limited endpoint does to questions and answers. Pure.

use std::time::Duration;

use alloy::consensus::{Transaction as _, TxEnvelope};
use alloy::eips::eip2718::Decodable2718;
use alloy::primitives::{B256, Bytes, U256, keccak256};
use alloy::sol_types::{SolCall, SolError, SolEvent};
use polyspan_contracts::Bridge::{BridgeInsufficientGas, RequestValueTransfer, handleCall};
use polyspan_types::RequestNonce;
use reqwest::Url;
use serde_json::{Value, json};

/// Faults of an endpoint; the default is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// Connections are cut and refused.
    pub down: bool,
    /// Questions are taken and not answered until this ends. HTTP only.
    pub hang: bool,
    /// Every so many questions one is taken and not answered. HTTP only.
    pub stall_every: Option<u64>,
    /// Each answer waits so long.
    pub delay: Duration,
    /// The log of this request is left out of every answer.
    pub hide_request: Option<RequestNonce>,
    /// The log of this request shows this amount.
    pub alter_value: Option<(RequestNonce, U256)>,
    /// Every simulated `handle` seems to fail for this request: it would need more gas than there is.
    pub fail_handle: Option<RequestNonce>,
    /// The endpoint says to be this chain.
    pub chain_id: Option<u64>,
    /// Log queries over more blocks are refused, in the words of a public endpoint.
    pub max_log_range: Option<u64>,
    /// Answers with more logs are refused, in the words of a public endpoint.
    pub max_logs: Option<usize>,
    /// Logs of blocks below this one are gone, in the words of a node that has pruned them.
    pub pruned_below: Option<u64>,
    /// Transactions are taken, their hash is told, and no node ever hears of them. HTTP only.
    pub swallow: bool,
    /// Longer transactions are refused, in the words of go-ethereum. Unit: bytes.
    pub max_transaction: Option<usize>,
    /// Transactions that tip less are refused, in the words of go-ethereum. Unit: wei per gas.
    pub least_tip: Option<u128>,
    /// Blocks that are asked for by a tag have a number that is so much too high; everything else about them is true.
    pub ahead: Option<u64>,
    /// Every answer is far too much of something. HTTP only.
    pub excess: Option<Excess>,
    /// Answers come from this endpoint, which may be on a fork ([`crate::network::Network::fork`]). HTTP only.
    pub instead: Option<Url>,
}

/// What there is too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excess {
    /// An error with a text of 30 MB.
    LongError,
    /// A result of 15 MB, which a reader takes.
    LongResult,
    /// A result that does not end.
    Endless,
}

impl Faults {
    /// No fault but saying too much.
    pub fn excess(excess: Excess) -> Self {
        Self { excess: Some(excess), ..Self::default() }
    }

    /// No fault but being unreachable.
    pub fn down() -> Self {
        Self { down: true, ..Self::default() }
    }

    /// No fault but never answering.
    pub fn hang() -> Self {
        Self { hang: true, ..Self::default() }
    }

    /// No fault but keeping transactions to itself.
    pub fn swallow() -> Self {
        Self { swallow: true, ..Self::default() }
    }

    /// Answers come from another endpoint.
    pub fn instead(endpoint: Url) -> Self {
        Self { instead: Some(endpoint), ..Self::default() }
    }

    /// No fault but telling a newest and a final block that are so much too high.
    pub fn ahead(blocks: u64) -> Self {
        Self { ahead: Some(blocks), ..Self::default() }
    }

    /// Whether the endpoint is right.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// The refusal of a question, a batch being refused as a whole; `None` when the chain may answer.
    pub(super) fn refusal(&self, question: &Value) -> Option<Value> {
        match question {
            Value::Array(batch) => {
                let error = batch.iter().find_map(|call| self.refused(call))?;
                Some(batch.iter().map(|call| failure(call, &error)).collect())
            }
            call => self.refused(call).map(|error| failure(call, &error)),
        }
    }

    /// Why a call is not passed on.
    fn refused(&self, call: &Value) -> Option<Value> {
        if let Some(limit) = self.max_transaction.filter(|_| call["method"] == "eth_sendRawTransaction") {
            let size = call["params"][0].as_str().map_or(0, |raw| raw.trim_start_matches("0x").len() / 2);
            let message = format!("oversized data: transaction size {size}, limit {limit}");
            return (size > limit).then(|| json!({ "code": -32000, "message": message }));
        }
        if let Some(least) = self.least_tip.filter(|_| call["method"] == "eth_sendRawTransaction") {
            let tip = tip(call).unwrap_or_default();
            let message = format!("transaction underpriced: gas tip cap {tip}, minimum needed {least}");
            return (tip < least).then(|| json!({ "code": -32000, "message": message }));
        }
        let (from, to) = log_range(call)?;
        if let Some(limit) = self.max_log_range.filter(|limit| to.saturating_sub(from) >= *limit) {
            return Some(
                json!({ "code": -32005, "message": format!("query exceeds max block range {limit}") }),
            );
        }
        let pruned = self.pruned_below.is_some_and(|first| from < first);
        pruned.then(|| json!({ "code": 4444, "message": "pruned history unavailable" }))
    }

    /// The hash of a transaction that goes no further; `None` for every other question, and for a batch.
    pub(super) fn swallowed(&self, question: &Value) -> Option<Value> {
        if !self.swallow || question["method"] != "eth_sendRawTransaction" {
            return None;
        }
        let raw: Bytes = serde_json::from_value(question["params"][0].clone()).ok()?;
        Some(json!({ "jsonrpc": "2.0", "id": question["id"], "result": keccak256(raw) }))
    }

    /// Changes the chain's answer into what this endpoint says.
    pub(super) fn falsify(&self, question: &Value, answer: &mut Value) {
        match (question, answer) {
            (Value::Array(calls), Value::Array(answers)) => {
                for answer in answers {
                    if let Some(call) = calls.iter().find(|call| call["id"] == answer["id"]) {
                        self.falsify_one(call, answer);
                    }
                }
            }
            (call, answer) => self.falsify_one(call, answer),
        }
    }

    fn falsify_one(&self, call: &Value, answer: &mut Value) {
        let count = answer["result"].as_array().map_or(0, Vec::len);
        if let Some(limit) = self.max_logs.filter(|limit| call["method"] == "eth_getLogs" && count > *limit) {
            let message = format!("query returned more than {limit} results");
            *answer = failure(call, &json!({ "code": -32005, "message": message }));
            return;
        }
        if let Some(nonce) = self.fail_handle.filter(|_| is_simulated_handle(call)) {
            let required = U256::from(u32::MAX);
            let error = BridgeInsufficientGas { nonce: nonce.get(), gasLeft: U256::ZERO, required };
            let data = Bytes::from(error.abi_encode());
            *answer = failure(call, &json!({ "code": 3, "message": "execution reverted", "data": data }));
            return;
        }
        let Some(result) = answer.get_mut("result") else { return };
        match call["method"].as_str() {
            Some("eth_getLogs") => {
                if let Some(logs) = result.as_array_mut() {
                    self.falsify_logs(logs);
                }
            }
            Some("eth_getBlockByNumber")
                if call["params"][0].as_str().is_some_and(|which| !which.starts_with("0x")) =>
            {
                if let (Some(blocks), Some(block)) = (self.ahead, result.as_object_mut()) {
                    raise(block.get_mut("number"), blocks);
                }
            }
            Some("eth_blockNumber") => {
                if let Some(blocks) = self.ahead {
                    raise(Some(result), blocks);
                }
            }
            Some("eth_chainId") => {
                if let Some(id) = self.chain_id {
                    *result = json!(format!("{id:#x}"));
                }
            }
            Some("net_version") => {
                if let Some(id) = self.chain_id {
                    *result = json!(id.to_string());
                }
            }
            _ => {}
        }
    }

    fn falsify_logs(&self, logs: &mut Vec<Value>) {
        if let Some(hidden) = self.hide_request {
            logs.retain(|log| request_nonce(log) != Some(hidden));
        }
        if let Some((nonce, value)) = self.alter_value {
            for log in logs.iter_mut().filter(|log| request_nonce(log) == Some(nonce)) {
                alter_value(log, value);
            }
        }
    }
}

/// Makes a number of JSON-RPC larger.
fn raise(number: Option<&mut Value>, by: u64) {
    let Some(number) = number else { return };
    let told = number.as_str().and_then(|text| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok());
    if let Some(told) = told {
        *number = json!(format!("{:#x}", told.saturating_add(by)));
    }
}

/// The answer to a call that failed.
fn failure(call: &Value, error: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": call["id"], "error": error })
}

/// What a transaction that is sent tips at the most. Unit: wei per gas.
fn tip(call: &Value) -> Option<u128> {
    let raw: Bytes = call["params"][0].as_str()?.parse().ok()?;
    let transaction = TxEnvelope::decode_2718(&mut raw.as_ref()).ok()?;
    transaction.max_priority_fee_per_gas()
}

/// First and last block of a log query; `None` for other calls and for ranges by tag.
fn log_range(call: &Value) -> Option<(u64, u64)> {
    if call["method"] != "eth_getLogs" {
        return None;
    }
    let filter = call["params"].get(0)?;
    let height = |key: &str| {
        let text = filter.get(key)?.as_str()?.strip_prefix("0x")?;
        u64::from_str_radix(text, 16).ok()
    };
    Some((height("fromBlock")?, height("toBlock")?))
}

/// Whether a call executes a `handle` without sending it.
fn is_simulated_handle(call: &Value) -> bool {
    let simulated = matches!(call["method"].as_str(), Some("eth_call" | "eth_estimateGas"));
    let transaction = &call["params"][0];
    let input = transaction["input"].as_str().or_else(|| transaction["data"].as_str()).unwrap_or_default();
    simulated && input.starts_with(&alloy::hex::encode_prefixed(handleCall::SELECTOR))
}

/// Number of the request that a log announces; `None` for other logs.
fn request_nonce(log: &Value) -> Option<RequestNonce> {
    let topic = |index: usize| log["topics"].get(index)?.as_str()?.parse::<B256>().ok();
    if topic(0)? != RequestValueTransfer::SIGNATURE_HASH {
        return None;
    }
    Some(RequestNonce::new(U256::from_be_bytes(topic(1)?.0).saturating_to()))
}

fn alter_value(log: &mut Value, value: U256) {
    let Some(data) = log["data"].as_str().and_then(|data| data.parse::<alloy::primitives::Bytes>().ok())
    else {
        return;
    };
    // Words of the data: kind, token, refundTo, value, offset of the payload.
    let mut bytes = data.to_vec();
    if let Some(word) = bytes.get_mut(3 * 32..4 * 32) {
        word.copy_from_slice(&value.to_be_bytes::<32>());
        log["data"] = json!(alloy::primitives::Bytes::from(bytes));
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, Bytes};

    use super::*;

    #[test]
    fn a_simulated_handle_fails_for_a_request_and_other_calls_are_answered() {
        let faults = Faults { fail_handle: Some(RequestNonce::new(4)), ..Faults::default() };
        let call = |input: &[u8]| json!({ "id": 1, "method": "eth_call", "params": [{ "input": Bytes::copy_from_slice(input) }] });
        let right = json!({ "id": 1, "result": "0x" });
        let mut answer = right.clone();
        faults.falsify(&call(&[0x5a, 0x60]), &mut answer);
        assert_eq!(answer, right);
        faults.falsify(&call(&handleCall::SELECTOR), &mut answer);
        let data: Bytes = serde_json::from_value(answer["error"]["data"].clone()).unwrap();
        assert_eq!(BridgeInsufficientGas::abi_decode(&data).unwrap().nonce, 4);
    }

    fn request_log(nonce: u64, value: u64) -> Value {
        let event = RequestValueTransfer {
            requestNonce: nonce,
            from: Address::repeat_byte(1),
            to: Address::repeat_byte(2),
            kind: 2,
            token: Address::repeat_byte(3),
            refundTo: Address::repeat_byte(4),
            value: U256::from(value),
            payload: Bytes::from_static(b"hello"),
        };
        let data = event.encode_log_data();
        json!({ "topics": data.topics(), "data": data.data })
    }

    fn value_of(log: &Value) -> U256 {
        let topics: Vec<B256> = log["topics"]
            .as_array()
            .unwrap()
            .iter()
            .map(|topic| topic.as_str().unwrap().parse().unwrap())
            .collect();
        let data: Bytes = log["data"].as_str().unwrap().parse().unwrap();
        RequestValueTransfer::decode_raw_log(topics, &data).unwrap().value
    }

    fn logs_call(id: u64, from: u64, to: u64) -> Value {
        let filter = json!({ "fromBlock": format!("{from:#x}"), "toBlock": format!("{to:#x}") });
        json!({ "id": id, "method": "eth_getLogs", "params": [filter] })
    }

    #[test]
    fn a_hidden_request_is_missing_and_the_others_stay() {
        let faults = Faults { hide_request: Some(RequestNonce::new(1)), ..Faults::default() };
        let mut answer =
            json!({ "id": 7, "result": [request_log(0, 5), request_log(1, 6), request_log(2, 7)] });
        faults.falsify(&logs_call(7, 1, 2), &mut answer);
        let left = answer["result"].as_array().unwrap();
        assert_eq!(left.iter().map(value_of).collect::<Vec<_>>(), [U256::from(5), U256::from(7)]);
    }

    #[test]
    fn an_altered_request_decodes_with_the_other_value() {
        let faults =
            Faults { alter_value: Some((RequestNonce::new(1), U256::from(999))), ..Faults::default() };
        let mut answer = json!([{ "id": 7, "result": [request_log(1, 6)] }]);
        faults.falsify(&json!([logs_call(7, 1, 2)]), &mut answer);
        assert_eq!(value_of(&answer[0]["result"][0]), U256::from(999));
    }

    #[test]
    fn wide_ranges_are_refused_and_narrow_ones_pass() {
        let faults = Faults { max_log_range: Some(10), ..Faults::default() };
        assert!(faults.refusal(&logs_call(1, 1, 10)).is_none());
        assert_eq!(faults.refusal(&logs_call(1, 1, 11)).unwrap()["error"]["code"], -32005);
        assert!(faults.refusal(&json!({ "id": 1, "method": "eth_chainId", "params": [] })).is_none());
    }

    #[test]
    fn long_transactions_are_refused_and_numbers_by_tag_are_raised() {
        let send = |raw: &str| json!({ "id": 1, "method": "eth_sendRawTransaction", "params": [raw] });
        let faults = Faults { max_transaction: Some(2), ..Faults::default() };
        assert!(faults.refusal(&send("0x112233")).is_some() && faults.refusal(&send("0x1122")).is_none());
        let ask =
            |which: &str| json!({ "id": 1, "method": "eth_getBlockByNumber", "params": [which, false] });
        let told = |which: &str| {
            let mut answer = json!({ "id": 1, "result": { "number": "0x10", "hash": "0x01" } });
            Faults::ahead(3).falsify(&ask(which), &mut answer);
            answer["result"]["number"].as_str().unwrap().to_owned()
        };
        assert_eq!([told("latest"), told("finalized"), told("0x10")], ["0x13", "0x13", "0x10"]);
    }

    #[test]
    fn old_blocks_and_long_answers_are_refused() {
        let faults = Faults { pruned_below: Some(5), max_logs: Some(1), ..Faults::default() };
        assert_eq!(faults.refusal(&logs_call(1, 4, 10)).unwrap()["error"]["code"], 4444);
        assert!(faults.refusal(&logs_call(1, 5, 10)).is_none());
        let mut answer = json!({ "id": 7, "result": [request_log(1, 6), request_log(2, 6)] });
        faults.falsify(&logs_call(7, 5, 10), &mut answer);
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(7), &json!(-32005)));
        let mut short = json!({ "id": 7, "result": [request_log(1, 6)] });
        faults.falsify(&logs_call(7, 5, 10), &mut short);
        assert!(short["error"].is_null());
    }

    #[test]
    fn a_swallowed_transaction_is_told_by_its_hash_and_other_questions_pass() {
        let send = json!({ "id": 3, "method": "eth_sendRawTransaction", "params": ["0x02c0"] });
        let told = Faults::swallow().swallowed(&send).unwrap();
        assert_eq!((&told["id"], &told["result"]), (&json!(3), &json!(keccak256([0x02, 0xc0]))));
        assert!(Faults::swallow().swallowed(&logs_call(1, 1, 2)).is_none());
        assert!(Faults::default().swallowed(&send).is_none());
    }

    #[test]
    fn the_chain_id_is_replaced_in_both_calls_that_tell_it() {
        let faults = Faults { chain_id: Some(5), ..Faults::default() };
        for (method, told) in [("eth_chainId", "0x5"), ("net_version", "5")] {
            let mut answer = json!({ "id": 1, "result": "0x7919" });
            faults.falsify(&json!({ "id": 1, "method": method, "params": [] }), &mut answer);
            assert_eq!(answer["result"], told);
        }
    }
}
