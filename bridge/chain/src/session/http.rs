//! JSON-RPC over HTTP, reading no more of an answer than a node can have to say.

use std::task::{Context, Poll};
use std::time::Duration;

use alloy::rpc::json_rpc::{RequestPacket, ResponsePacket};
use alloy::transports::http::reqwest::header::RETRY_AFTER;
use alloy::transports::http::reqwest::{Client, Response};
use alloy::transports::{TransportError, TransportErrorKind, TransportFut, TransportResult};
use tower::Service;

use crate::Url;

/// Longest answer that is read. Unit: bytes. The largest answers are logs, and a question for too many is asked again for
/// fewer blocks, so that one block must fit: with the longest requests, 48 500 gas and less than 4 KiB of JSON each, one of
/// 400 000 000 gas does. Several endpoints answer at once, so it is what a relay can hold a few times.
pub(super) const ANSWER_LIMIT: usize = 32 << 20;

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
    limit: usize,
}

impl Http {
    pub(super) const fn new(client: Client, url: Url) -> Self {
        Self { client, url, limit: ANSWER_LIMIT }
    }

    async fn ask(self, request: RequestPacket) -> TransportResult<ResponsePacket> {
        let question = self.client.post(self.url).json(&request).headers(request.headers());
        let response = question.send().await.map_err(TransportErrorKind::custom)?;
        let status = response.status();
        let wait =
            response.headers().get(RETRY_AFTER).and_then(|wait| wait.to_str().ok()?.trim().parse().ok());
        let body = read(response, self.limit).await?;
        let answer = serde_json::from_slice::<ResponsePacket>(&body);
        match answer {
            Ok(answer) if status.is_success() || answer.is_error() => Ok(answer),
            Err(error) if status.is_success() => {
                Err(TransportError::deser_err(error, String::from_utf8_lossy(&body)))
            }
            _ => Err(TransportErrorKind::http_error_with_retry_after(
                status.as_u16(),
                String::from_utf8_lossy(&body).into_owned(),
                wait.map(Duration::from_secs),
            )),
        }
    }
}

/// Errors: the connection broke, or [`TooLong`].
async fn read(mut response: Response, limit: usize) -> TransportResult<Vec<u8>> {
    let too_long = || Err(TransportErrorKind::custom(TooLong { limit }));
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
    if announced.is_some_and(|length| length > limit) {
        return too_long();
    }
    let mut body = Vec::with_capacity(announced.unwrap_or(0));
    while let Some(chunk) = response.chunk().await.map_err(TransportErrorKind::custom)? {
        if body.len() + chunk.len() > limit {
            return too_long();
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
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
        let http = Http { client: Client::new(), url, limit: LIMIT };
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
    async fn an_answer_within_the_limit_is_whole() {
        let text = format!(r#"{{"jsonrpc":"2.0","id":0,"result":"{}"}}"#, "y".repeat(900));
        let head = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
        let (url, server) = serve_once(head, vec![text.into_bytes()]);
        assert_eq!(ask(url).await.unwrap(), "y".repeat(900));
        server.join().unwrap();
    }
}
