//! Native currency leaves no log: what an account sent is in the trace of the transaction.

use alloy::primitives::{Address, B256, U256};
use alloy::providers::Provider;
use anyhow::{Context, Result};
use polyspan_types::Kind;
use serde::Deserialize;

use super::{Move, Payment};
use crate::chain_access::ChainAccess;

/// One frame of a trace, as OpenEthereum wrote them and anvil does.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Frame {
    action: Action,
    /// It and everything below it was undone.
    #[serde(default)]
    error: Option<String>,
    /// The way to it from the transaction itself.
    trace_address: Vec<usize>,
}

/// What a frame did. A creation has no `to`; a call of somebody else's code as one's own moves nothing.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Action {
    #[serde(default)]
    call_type: Option<String>,
    #[serde(default)]
    from: Option<Address>,
    #[serde(default)]
    to: Option<Address>,
    #[serde(default)]
    value: U256,
}

/// Native currency that `owner` sent in a transaction, in order.
///
/// Errors: the node gives no trace.
pub async fn native_moves(chain: &ChainAccess, tx_hash: B256, owner: Address) -> Result<Vec<Move>> {
    let traced = chain.provider.raw_request::<_, Vec<Frame>>("trace_transaction".into(), [tx_hash]).await;
    let frames = traced.with_context(|| format!("{} gives no trace of {tx_hash}", chain.name))?;
    Ok(moves_of(&frames, tx_hash, owner))
}

fn moves_of(frames: &[Frame], tx_hash: B256, owner: Address) -> Vec<Move> {
    let undone: Vec<&[usize]> = frames
        .iter()
        .filter(|frame| frame.error.is_some())
        .map(|frame| frame.trace_address.as_slice())
        .collect();
    let stands = |frame: &&Frame| !undone.iter().any(|failed| frame.trace_address.starts_with(failed));
    let carries = |action: &Action| {
        let is_call = action.call_type.as_deref().is_none_or(|word| word == "call");
        is_call && action.from == Some(owner) && !action.value.is_zero()
    };
    frames
        .iter()
        .filter(stands)
        .filter(|frame| carries(&frame.action))
        .map(|frame| Move {
            tx_hash,
            from: owner,
            paid: Payment {
                kind: Kind::Native,
                token: Address::ZERO,
                to: frame.action.to.unwrap_or_default(),
                id: U256::ZERO,
                amount: frame.action.value,
            },
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const BRIDGE: Address = Address::repeat_byte(0xb1);
    const TO: Address = Address::repeat_byte(0xcc);

    fn call(way: &[usize], word: &str, from: Address, value: &str, error: Option<&str>) -> Value {
        json!({
            "type": "call",
            "action": { "callType": word, "from": from, "to": TO, "value": value, "gas": "0x1", "input": "0x" },
            "error": error,
            "result": null,
            "subtraces": 0,
            "traceAddress": way,
        })
    }

    fn told(frames: &[Value]) -> Vec<u64> {
        let frames: Vec<Frame> = serde_json::from_value(json!(frames)).unwrap();
        let moves = moves_of(&frames, B256::ZERO, BRIDGE);
        moves.iter().map(|one| one.paid.amount.to()).collect()
    }

    #[test]
    fn only_calls_of_the_owner_that_carry_something_count() {
        let frames = [
            call(&[], "call", TO, "0x9", None),
            call(&[0], "call", BRIDGE, "0x5", None),
            call(&[1], "call", BRIDGE, "0x0", None),
            call(&[2], "delegatecall", BRIDGE, "0x7", None),
            call(&[3], "staticcall", BRIDGE, "0x0", None),
        ];
        assert_eq!(told(&frames), [5]);
    }

    #[test]
    fn what_was_undone_did_not_move_and_neither_did_what_lies_below() {
        let frames = [
            call(&[], "call", TO, "0x0", None),
            call(&[0], "call", BRIDGE, "0x1", Some("Reverted")),
            call(&[1], "call", BRIDGE, "0x0", Some("Reverted")),
            call(&[1, 0], "call", BRIDGE, "0x2", None),
            call(&[10], "call", BRIDGE, "0x4", None),
        ];
        assert_eq!(told(&frames), [4]);
    }

    #[test]
    fn a_creation_with_value_is_a_move_as_well() {
        let created = json!({
            "type": "create",
            "action": { "from": BRIDGE, "value": "0x3", "gas": "0x1", "init": "0x" },
            "result": { "address": TO, "code": "0x", "gasUsed": "0x1" },
            "subtraces": 0,
            "traceAddress": [0],
        });
        assert_eq!(told(&[created]), [3]);
    }
}
