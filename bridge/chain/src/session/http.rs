//! JSON-RPC over HTTP, reading no more of an answer than a node can have to say.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use alloy::rpc::json_rpc::{RequestPacket, ResponsePacket};
use alloy::transports::http::reqwest::header::RETRY_AFTER;
use alloy::transports::http::reqwest::{Client, Response};
use alloy::transports::{TransportError, TransportErrorKind, TransportFut, TransportResult};
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use tower::Service;

use super::budget::{Budget, Room};
use crate::Url;

/// Longest answer that is read. Unit: bytes. The largest answers are logs, and a question for too many is asked again for
/// fewer blocks, so that one block must fit: the longest requests take at least 67 000 gas and less than 4 KiB of JSON each, so a
/// block of 270 000 000 gas does.
pub(super) const ANSWER_LIMIT: usize = 16 << 20;

/// Longest answer to a question for anything but logs and traces. Unit: bytes. Source: blocks with the hashes of 20 000
/// transactions, state of a bridge with thousands of holds.
const PLAIN_LIMIT: usize = 2 << 20;

/// Longest log. Unit: bytes. Source: our longest has less than 8 KiB.
const LOG_LIMIT: usize = 64 << 10;

/// Longest error that is read. Unit: bytes. Source: revert data of half a megabyte, in hexadecimal digits, and twice that.
const ERROR_LIMIT: usize = 2 << 20;

/// How much of an answer that cannot be used is repeated. Unit: bytes. Source: more than an error shows.
const QUOTED: usize = 4 << 10;

/// The question for logs.
const LOGS: &str = "eth_getLogs";

/// An answer went on beyond the limit.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("more than {limit} bytes")]
pub(super) struct TooLong {
    pub(super) limit: usize,
}

/// The way to one endpoint.
#[derive(Debug, Clone)]
pub(super) struct Http {
    client: Client,
    url: Url,
    budget: Arc<Budget>,
    limit: usize,
}

impl Http {
    pub(super) const fn new(client: Client, url: Url, budget: Arc<Budget>) -> Self {
        Self { client, url, budget, limit: ANSWER_LIMIT }
    }

    async fn ask(self, request: RequestPacket) -> TransportResult<ResponsePacket> {
        let method = request.as_single().map_or("", |question| question.method()).to_owned();
        let limit = self.limit.min(limit_of(&method));
        let question = self.client.post(self.url).json(&request).headers(request.headers());
        let response = question.send().await.map_err(TransportErrorKind::custom)?;
        let status = response.status();
        let wait =
            response.headers().get(RETRY_AFTER).and_then(|wait| wait.to_str().ok()?.trim().parse().ok());
        // Held until the answer is taken apart.
        let mut room = self.budget.room();
        let body = if status.is_success() {
            read(response, limit, &mut room).await?
        } else {
            read_up_to(response, limit.min(ERROR_LIMIT), &mut room).await?.0
        };
        if body.len() > PLAIN_LIMIT && method == LOGS && !is_logs(&body) {
            return Err(TransportErrorKind::custom(TooLong { limit: PLAIN_LIMIT }));
        }
        let answer = serde_json::from_slice::<ResponsePacket>(&body);
        match answer {
            Ok(answer) if status.is_success() || answer.is_error() => Ok(answer),
            Err(error) if status.is_success() => Err(TransportError::deser_err(error, quoted(&body))),
            _ => Err(TransportErrorKind::http_error_with_retry_after(
                status.as_u16(),
                quoted(&body),
                wait.map(Duration::from_secs),
            )),
        }
    }
}

fn limit_of(method: &str) -> usize {
    let is_trace = method.starts_with("debug_") || method.starts_with("trace_");
    if method == LOGS || is_trace { ANSWER_LIMIT } else { PLAIN_LIMIT }
}

/// Whether a long answer is a list of which no part is longer than a log. Anything else would be copied several times before it is
/// refused, in the library's errors as well.
fn is_logs(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "result")]
        _result: ShortParts,
    }
    serde_json::from_slice::<Answer>(body).is_ok()
}

/// A list that was looked through, and of which nothing was kept.
struct ShortParts;

impl<'de> Deserialize<'de> for ShortParts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Self)
    }
}

impl<'de> Visitor<'de> for ShortParts {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of logs")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self, A::Error> {
        while let Some(part) = parts.next_element::<&RawValue>()? {
            if part.get().len() > LOG_LIMIT {
                return Err(de::Error::custom("too long"));
            }
        }
        Ok(self)
    }
}

fn quoted(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(QUOTED)]).into_owned()
}

/// Errors: the connection broke, or [`TooLong`].
async fn read(response: Response, limit: usize, room: &mut Room<'_>) -> TransportResult<Vec<u8>> {
    let too_long = || Err(TransportErrorKind::custom(TooLong { limit }));
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return too_long();
    }
    match read_up_to(response, limit, room).await? {
        (body, Ended::Complete) => Ok(body),
        (_, Ended::AtTheLimit) => too_long(),
    }
}

/// Whether an answer was read to its end.
enum Ended {
    Complete,
    AtTheLimit,
}

async fn read_up_to(
    mut response: Response,
    limit: usize,
    room: &mut Room<'_>,
) -> TransportResult<(Vec<u8>, Ended)> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(TransportErrorKind::custom)? {
        if body.len() + chunk.len() > limit {
            return Ok((body, Ended::AtTheLimit));
        }
        room.grow(body.len() + chunk.len()).await;
        body.extend_from_slice(&chunk);
    }
    Ok((body, Ended::Complete))
}

impl Service<RequestPacket> for Http {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: RequestPacket) -> Self::Future {
        Box::pin(self.clone().ask(request))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{Ipv4Addr, TcpListener};
    use std::thread::JoinHandle;

    use alloy::rpc::client::RpcClient;
    use serde_json::Value;

    use super::*;

    const LIMIT: usize = 1_000;

    /// Answers one request by `head`, and `body` until the other side has enough. Returns how much was taken.
    fn serve_once(head: &'static str, body: Vec<Vec<u8>>) -> (Url, JoinHandle<usize>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            assert!(stream.read(&mut request).unwrap() > 0);
            stream.write_all(head.as_bytes()).unwrap();
            body.iter().take_while(|part| stream.write_all(part).is_ok()).map(Vec::len).sum()
        });
        (url, server)
    }

    async fn ask(url: Url) -> TransportResult<Value> {
        let http = Http { client: Client::new(), url, budget: Arc::new(Budget::new()), limit: LIMIT };
        RpcClient::new(http, true).request("eth_chainId", ()).await
    }

    fn is_too_long(answer: TransportResult<Value>) -> bool {
        matches!(answer, Err(TransportError::Transport(TransportErrorKind::Custom(error)))
            if error.downcast_ref::<TooLong>().is_some_and(|error| error.limit == LIMIT))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_answer_without_end_is_read_up_to_the_limit() {
        // Far more than what the buffers of a connection take.
        let part = b"10000\r\n".iter().copied().chain([b'x'; 0x10000]).chain(*b"\r\n").collect::<Vec<_>>();
        let (url, server) =
            serve_once("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", vec![part; 2_000]);
        assert!(is_too_long(ask(url).await));
        assert!(server.join().unwrap() < 100 << 20);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_announced_length_beyond_the_limit_is_not_waited_for() {
        let (url, server) = serve_once("HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n", Vec::new());
        assert!(is_too_long(ask(url).await));
        server.join().unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_error_page_without_end_is_cut_and_keeps_its_status() {
        let part = b"10000\r\n".iter().copied().chain([b'x'; 0x10000]).chain(*b"\r\n").collect::<Vec<_>>();
        let head = "HTTP/1.1 503 no\r\ntransfer-encoding: chunked\r\n\r\n";
        let (url, server) = serve_once(head, vec![part; 2_000]);
        let error = ask(url).await.unwrap_err();
        assert!(error.to_string().contains("503"), "{error}");
        assert!(server.join().unwrap() < 100 << 20);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn only_logs_may_be_long() {
        let long = "y".repeat(PLAIN_LIMIT + 1);
        let log = format!(r#"{{"data":"{}"}}"#, "y".repeat(LOG_LIMIT / 2));
        let logs = vec![log.as_str(); 2 * PLAIN_LIMIT / LOG_LIMIT + 2].join(",");
        for (method, answer, fits) in [
            ("eth_getLogs", format!(r#""result":[{logs}]"#), true),
            ("eth_getLogs", format!(r#""result":["{long}"]"#), false),
            ("eth_getLogs", format!(r#""result":"{long}""#), false),
            ("eth_getLogs", format!(r#""error":{{"code":1,"message":"{long}"}}"#), false),
            ("eth_call", format!(r#""result":[{logs}]"#), false),
        ] {
            let body = format!(r#"{{"jsonrpc":"2.0","id":0,{answer}}}"#);
            let head = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
            let (url, server) = serve_once(head, vec![body.into_bytes()]);
            let http = Http::new(Client::new(), url, Arc::new(Budget::new()));
            let answer: TransportResult<Value> = RpcClient::new(http, true).request(method, ()).await;
            assert_eq!(answer.is_ok(), fits, "{method}");
            server.join().unwrap();
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_answer_within_the_limit_is_whole() {
        let text = format!(r#"{{"jsonrpc":"2.0","id":0,"result":"{}"}}"#, "y".repeat(900));
        let head = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
        let (url, server) = serve_once(head, vec![text.into_bytes()]);
        assert_eq!(ask(url).await.unwrap(), "y".repeat(900));
        server.join().unwrap();
    }
}
