//! Native currency leaves no log: what an account sent is in the trace of the transaction.

use alloy::primitives::{Address, U256};
use serde::Deserialize;

use crate::Payment;

/// One frame of a trace, as OpenEthereum wrote them and other nodes do since.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TraceFrame {
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

impl TraceFrame {
    /// Native currency that `owner` sent in a transaction with these frames, in order. What was undone did not move, and neither
    /// did what lies below.
    pub fn native_payments(frames: &[Self], owner: Address) -> Vec<Payment> {
        let undone: Vec<&[usize]> = frames
            .iter()
            .filter(|frame| frame.error.is_some())
            .map(|frame| frame.trace_address.as_slice())
            .collect();
        let stands = |frame: &&Self| !undone.iter().any(|failed| frame.trace_address.starts_with(failed));
        let carries = |action: &Action| {
            let is_call = action.call_type.as_deref().is_none_or(|word| word == "call");
            is_call && action.from == Some(owner) && !action.value.is_zero()
        };
        let payment = |action: &Action| Payment {
            token: Address::ZERO,
            to: action.to.unwrap_or_default(),
            id: U256::ZERO,
            amount: action.value,
        };
        frames
            .iter()
            .filter(stands)
            .filter(|frame| carries(&frame.action))
            .map(|frame| payment(&frame.action))
            .collect()
    }
}

/// One call of a transaction with what it called, as geth's `callTracer` writes it.
#[derive(Debug, Clone, Deserialize)]
pub struct CallFrame {
    #[serde(rename = "type")]
    kind: String,
    from: Address,
    #[serde(default)]
    to: Option<Address>,
    #[serde(default)]
    value: Option<U256>,
    /// It and everything below it was undone.
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    calls: Vec<Self>,
}

impl CallFrame {
    /// As [`TraceFrame::native_payments`].
    pub fn native_payments(&self, owner: Address) -> Vec<Payment> {
        let (mut payments, mut open) = (Vec::new(), vec![self]);
        while let Some(frame) = open.pop() {
            if frame.error.is_some() {
                continue;
            }
            let carries = !matches!(frame.kind.as_str(), "DELEGATECALL" | "STATICCALL" | "CALLCODE");
            let amount = frame.value.unwrap_or_default();
            if carries && frame.from == owner && !amount.is_zero() {
                let to = frame.to.unwrap_or_default();
                payments.push(Payment { token: Address::ZERO, to, id: U256::ZERO, amount });
            }
            open.extend(frame.calls.iter().rev());
        }
        payments
    }
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
            "traceAddress": way,
        })
    }

    #[test]
    fn only_calls_of_the_bridge_that_stand_and_carry_something_count() {
        let frames = [
            call(&[], "call", TO, "0x9", None),
            call(&[0], "call", BRIDGE, "0x5", None),
            call(&[1], "delegatecall", BRIDGE, "0x7", None),
            call(&[2], "call", BRIDGE, "0x1", Some("Reverted")),
            call(&[3], "call", BRIDGE, "0x0", Some("Reverted")),
            call(&[3, 0], "call", BRIDGE, "0x2", None),
            call(&[10], "call", BRIDGE, "0x4", None),
        ];
        let frames: Vec<TraceFrame> = serde_json::from_value(json!(frames)).unwrap();
        let paid: Vec<u64> =
            TraceFrame::native_payments(&frames, BRIDGE).iter().map(|one| one.amount.to()).collect();
        assert_eq!(paid, [5, 4]);
    }

    #[test]
    fn a_creation_with_value_is_a_payment_as_well() {
        let created = json!({
            "type": "create",
            "action": { "from": BRIDGE, "value": "0x3", "gas": "0x1", "init": "0x" },
            "result": { "address": TO, "code": "0x", "gasUsed": "0x1" },
            "traceAddress": [0],
        });
        let frames: Vec<TraceFrame> = serde_json::from_value(json!([created])).unwrap();
        let paid: Vec<u64> =
            TraceFrame::native_payments(&frames, BRIDGE).iter().map(|one| one.amount.to()).collect();
        assert_eq!(paid, [3]);
    }

    #[test]
    fn the_other_form_of_a_trace_tells_the_same() {
        let call = |kind: &str, from: Address, value: &str, calls: Value| {
            let way = json!({ "type": kind, "from": from, "to": TO });
            let mut frame = json!({ "value": value, "gas": "0x1", "calls": calls });
            frame.as_object_mut().unwrap().extend(way.as_object().unwrap().clone());
            frame
        };
        let mut undone = call("CALL", BRIDGE, "0x1", json!([call("CALL", BRIDGE, "0x2", json!([]))]));
        undone["error"] = json!("execution reverted");
        let silent = json!({ "type": "STATICCALL", "from": BRIDGE, "to": TO });
        let frames = json!([
            call("CALL", BRIDGE, "0x5", json!([])),
            call("DELEGATECALL", BRIDGE, "0x7", json!([])),
            undone,
            silent,
            call("CREATE", BRIDGE, "0x4", json!([])),
        ]);
        let frame: CallFrame = serde_json::from_value(call("CALL", TO, "0x9", frames)).unwrap();
        let paid: Vec<u64> = frame.native_payments(BRIDGE).iter().map(|one| one.amount.to()).collect();
        assert_eq!(paid, [5, 4]);
    }
}
