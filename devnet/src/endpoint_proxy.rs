//! A JSON-RPC endpoint that stands between one relay and one chain, and can be told to misbehave.

mod excess;
mod faults;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use reqwest::Url;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::host::Host;

pub use faults::{Excess, Faults};

/// What an answer consists of.
type Body = BoxBody<Bytes, Infallible>;

/// Longest wait for the head of a connection's first request.
const HEAD_PATIENCE: Duration = Duration::from_secs(5);

/// A running proxy; dropping it closes it and every connection through it.
#[derive(Debug)]
pub struct EndpointProxy {
    address: SocketAddr,
    faults: watch::Sender<Faults>,
    calls: Arc<Calls>,
    listener: JoinHandle<()>,
}

/// Calls that came in.
#[derive(Debug, Default)]
struct Calls(Mutex<BTreeMap<String, u64>>);

impl Calls {
    fn by_method(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, question: &serde_json::Value) {
        let calls = question.as_array().map_or(std::slice::from_ref(question), Vec::as_slice);
        for call in calls {
            let method = call["method"].as_str().unwrap_or("none");
            *self.by_method().entry(method.to_owned()).or_default() += 1;
        }
    }
}

/// What every connection shares.
#[derive(Clone)]
struct Upstream {
    client: reqwest::Client,
    url: Url,
    faults: watch::Receiver<Faults>,
    calls: Arc<Calls>,
}

impl EndpointProxy {
    /// Starts a proxy without faults on a free port of `host`, in front of the HTTP endpoint `upstream`, which must
    /// answer WebSocket on the same port.
    ///
    /// Errors: no port is free.
    pub async fn start(host: &Host, upstream: Url) -> Result<Self> {
        let (inside, place) = (host.runtime(), host.address());
        let bound = inside.spawn(TcpListener::bind((place, 0))).await.context("the host's runtime ended")?;
        let listener = bound.with_context(|| format!("no free port on {place}"))?;
        let address = listener.local_addr().context("a listener without an address")?;
        let (faults, watched) = watch::channel(Faults::default());
        let calls = Arc::new(Calls::default());
        let client = reqwest::Client::builder().build().context("cannot make an HTTP client")?;
        let upstream = Upstream { client, url: upstream, faults: watched, calls: calls.clone() };
        let listener = inside.spawn(accept_all(listener, upstream));
        Ok(Self { address, faults, calls, listener })
    }

    /// The endpoint for HTTP.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The endpoint for WebSocket. Connections live only while there is no fault.
    pub fn websocket_url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// From now on the endpoint behaves like this.
    pub fn set(&self, faults: Faults) {
        self.faults.send_replace(faults);
    }

    /// From now on the endpoint is right again.
    pub fn clear(&self) {
        self.set(Faults::default());
    }

    /// Calls that came in since the start; each call of a batch counts.
    pub fn calls(&self) -> u64 {
        self.calls.by_method().values().sum()
    }

    /// As [`EndpointProxy::calls`], each method by itself.
    pub fn calls_by_method(&self) -> BTreeMap<String, u64> {
        self.calls.by_method().clone()
    }
}

impl Drop for EndpointProxy {
    fn drop(&mut self) {
        self.listener.abort();
        // Connections watch the sender: they end when it is gone.
    }
}

async fn accept_all(listener: TcpListener, upstream: Upstream) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(connection(stream, upstream.clone()))),
            // Out of descriptors: better a slow proxy than none.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Serves one connection until it ends, the endpoint goes down, or the proxy is dropped.
async fn connection(stream: TcpStream, upstream: Upstream) {
    let mut faults = upstream.faults.clone();
    let websocket = wants_websocket(&stream).await;
    let cut = async move {
        loop {
            let gone = if websocket { !faults.borrow().is_none() } else { faults.borrow().down };
            if gone || faults.changed().await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        biased;
        () = cut => {}
        () = serve(stream, upstream, websocket) => {}
    }
}

async fn serve(mut stream: TcpStream, upstream: Upstream, websocket: bool) {
    if websocket {
        let Some(address) = upstream.url.socket_addrs(|| None).ok().and_then(|all| all.first().copied())
        else {
            return;
        };
        if let Ok(mut other) = TcpStream::connect(address).await {
            // Either side may close at any moment; that is all an error can say here.
            drop(tokio::io::copy_bidirectional(&mut stream, &mut other).await);
        }
        return;
    }
    let answer = service_fn(move |request| {
        let upstream = upstream.clone();
        async move { Ok::<_, Infallible>(upstream.answer(request).await) }
    });
    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await);
}

/// Looks at the head of the first request without taking it from the stream.
async fn wants_websocket(stream: &TcpStream) -> bool {
    let mut head = [0; 4096];
    let look = async {
        let mut seen = 0;
        loop {
            match stream.peek(&mut head).await {
                Ok(0) | Err(_) => return false,
                Ok(length) => {
                    let text = String::from_utf8_lossy(&head[..length]).to_ascii_lowercase();
                    if text.contains("upgrade: websocket") {
                        return true;
                    }
                    if text.contains("\r\n\r\n") || length == head.len() {
                        return false;
                    }
                    if length == seen {
                        tokio::time::sleep(Duration::from_millis(2)).await;
                    }
                    seen = length;
                }
            }
        }
    };
    tokio::time::timeout(HEAD_PATIENCE, look).await.unwrap_or(false)
}

impl Upstream {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let Ok(body) = request.into_body().collect().await else {
            return plain(StatusCode::BAD_REQUEST, "unreadable body");
        };
        let body = body.to_bytes();
        let question: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        self.calls.count(&question);

        let mut watched = self.faults.clone();
        let faults = watched.borrow().clone();
        if faults.hang {
            // Ends when the fault does, when the client gives up (the connection is dropped), or with the proxy.
            drop(watched.wait_for(|now| !now.hang).await);
        }
        let number = self.calls.by_method().values().sum::<u64>();
        if faults.stall_every.is_some_and(|every| number.is_multiple_of(every)) {
            drop(watched.wait_for(|now| now.stall_every.is_none()).await);
        }
        tokio::time::sleep(faults.delay).await;
        if let Some(excess) = faults.excess {
            return excess::answer(excess, &question["id"]);
        }
        if let Some(answer) = faults.refusal(&question).or_else(|| faults.swallowed(&question)) {
            return json(&answer);
        }
        match self.forward(faults.instead.clone(), body).await {
            Ok(mut answer) => {
                faults.falsify(&question, &mut answer);
                json(&answer)
            }
            Err(error) => plain(StatusCode::BAD_GATEWAY, &format!("{error:#}")),
        }
    }

    async fn forward(&self, instead: Option<Url>, body: Bytes) -> Result<serde_json::Value> {
        let url = instead.unwrap_or_else(|| self.url.clone());
        let sent = self.client.post(url).header("content-type", "application/json").body(body);
        let answer = sent.send().await.context("the chain does not answer")?;
        answer.json().await.context("the chain answers no JSON")
    }
}

fn json(value: &serde_json::Value) -> Response<Body> {
    let mut response = Response::new(Full::from(value.to_string()).boxed());
    response
        .headers_mut()
        .insert(hyper::header::CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
    response
}

fn plain(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Full::from(text.to_owned()).boxed());
    *response.status_mut() = status;
    response
}
