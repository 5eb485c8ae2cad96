//! From the transport library's errors to ours.

use std::error::Error;
use std::time::Duration;

use alloy::primitives::{Bytes, hex};
use alloy::rpc::json_rpc::{ErrorPayload, RpcError};
use alloy::transports::http::reqwest;
use alloy::transports::{HttpError, TransportError, TransportErrorKind};
use serde_json::Value;

use super::http::{ANSWER_LIMIT, TooLong};

use crate::replies::{self, ReplyKind};
use crate::{ChainError, Endpoint, NodeRefusal};

/// Wait after a quota refusal that names none itself.
const RATE_LIMIT_WAIT: Duration = Duration::from_secs(1);

/// Longest wait that an endpoint may ask for.
const RATE_LIMIT_WAIT_MAX: Duration = Duration::from_secs(60);

/// `deadline` is the caller's, for the message of a timeout that the HTTP client noticed first.
pub(super) fn error(
    endpoint: &Endpoint,
    method: &'static str,
    deadline: Duration,
    error: TransportError,
) -> ChainError {
    let bad_answer = |what: String| ChainError::BadAnswer { endpoint: endpoint.to_string(), method, what };
    match error {
        RpcError::ErrorResp(payload) => node_error(endpoint, method, &payload),
        RpcError::NullResp => bad_answer("null".to_owned()),
        RpcError::DeserError { err, text } => {
            // For whoever looks for a fault of the node: the library speaks of its own types, and repeats what it did not expect.
            tracing::debug!(endpoint = %endpoint, method, error = endpoint.scrub(&err.to_string()), "answer of another form");
            bad_answer(format!("something of another form: `{}`", endpoint.scrub(&text)))
        }
        RpcError::Transport(TransportErrorKind::HttpError(http)) => http_error(endpoint, method, &http, None),
        RpcError::Transport(TransportErrorKind::HttpErrorWithRetryAfter { error, retry_after }) => {
            http_error(endpoint, method, &error, Some(retry_after))
        }
        RpcError::Transport(TransportErrorKind::Custom(error))
            if error.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_timeout) =>
        {
            ChainError::Timeout { endpoint: endpoint.to_string(), method, after: deadline }
        }
        RpcError::Transport(TransportErrorKind::Custom(error)) if error.is::<TooLong>() => {
            let limit = error.downcast_ref::<TooLong>().map_or(ANSWER_LIMIT, |error| error.limit);
            ChainError::TooLong { endpoint: endpoint.to_string(), method, limit }
        }
        RpcError::Transport(TransportErrorKind::BackendGone) => ChainError::Unreachable {
            endpoint: endpoint.to_string(),
            method,
            reason: "connection lost".to_owned(),
        },
        other => {
            let reason = endpoint.scrub(&innermost(&other));
            ChainError::Unreachable { endpoint: endpoint.to_string(), method, reason }
        }
    }
}

fn node_error(endpoint: &Endpoint, method: &'static str, payload: &ErrorPayload) -> ChainError {
    let data: Option<Value> = payload.data.as_ref().and_then(|data| serde_json::from_str(data.get()).ok());
    let told = words(&payload.message, data.as_ref());
    refusal(endpoint, method, payload.code, &told, data.as_ref().and_then(revert_data), None)
}

/// What a node says in an error: its message, and the data where that is no bare revert data.
pub(crate) fn words(message: &str, data: Option<&Value>) -> String {
    let message = beginning(message);
    match data {
        None | Some(Value::Null) => message.to_owned(),
        Some(Value::String(text)) if text.starts_with("0x") => message.to_owned(),
        // Some nodes put the real reason beside a message that says nothing.
        Some(data) => format!("{message} {}", beginning(&data.to_string())),
    }
}

fn http_error(
    endpoint: &Endpoint,
    method: &'static str,
    http: &HttpError,
    wait: Option<Duration>,
) -> ChainError {
    let code = i64::from(http.status);
    let kind = replies::classify(method, code, &http.body);
    let meant_for_us = matches!(kind, ReplyKind::RateLimited | ReplyKind::RangeTooLarge);
    if !meant_for_us && http.status >= 500 {
        // A proxy in front of a dead node answers 502 to 504: the node was not reached.
        let reason = endpoint.scrub(&format!("HTTP status {} {}", http.status, http.body));
        return ChainError::Unreachable { endpoint: endpoint.to_string(), method, reason };
    }
    let told = format!("HTTP status {} {}", http.status, http.body);
    refusal(endpoint, method, code, &told, None, wait)
}

fn refusal(
    endpoint: &Endpoint,
    method: &'static str,
    code: i64,
    told: &str,
    revert_data: Option<Bytes>,
    wait: Option<Duration>,
) -> ChainError {
    let kind = replies::classify(method, code, told);
    let message = endpoint.scrub(told);
    let endpoint = endpoint.to_string();
    if kind == ReplyKind::RateLimited {
        let after = wait.unwrap_or(RATE_LIMIT_WAIT).min(RATE_LIMIT_WAIT_MAX);
        return ChainError::RateLimited { endpoint, method, reason: message, after };
    }
    ChainError::Refused(Box::new(NodeRefusal { endpoint, method, code, message, kind, revert_data }))
}

/// How much of a node's words is looked at. Unit: bytes. Source: the longest of the recorded replies has some hundred.
const WORDS: usize = 4 << 10;

fn beginning(text: &str) -> &str {
    &text[..text.floor_char_boundary(WORDS)]
}

/// Nodes wrap revert data differently: bare, after a word (`Reverted 0x…`), or inside an object.
fn revert_data(data: &Value) -> Option<Bytes> {
    match data {
        Value::String(text) => {
            let start = text.find("0x")?;
            hex::decode(text[start..].trim()).ok().map(Bytes::from)
        }
        Value::Object(fields) => {
            ["data", "result", "output"].iter().filter_map(|key| fields.get(*key)).find_map(revert_data)
        }
        _ => None,
    }
}

/// The last cause says most (`connection refused`), and says it without the URL.
fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revert_data_is_found_wherever_a_node_puts_it() {
        let found = |text: &str| revert_data(&serde_json::from_str(text).unwrap());
        let bytes = Some(Bytes::from_static(&[0xab, 0xcd]));
        assert_eq!(found(r#""0xabcd""#), bytes);
        assert_eq!(found(r#""Reverted 0xabcd""#), bytes);
        assert_eq!(found(r#"{"message": "no", "data": "0xabcd", "txHash": "0x01"}"#), bytes);
        assert_eq!(found(r#"{"data": {"result": "0xabcd"}}"#), bytes);
        assert_eq!(found("null"), None);
        assert_eq!(found(r#""0xzz""#), None);
    }
}
