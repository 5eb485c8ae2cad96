//! Connecting, single requests, and the proof of the chain id.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alloy::primitives::U64;
use alloy::pubsub::{ConnectionHandle, PubSubConnect};
use alloy::rpc::client::{ClientBuilder, RpcClient};
use alloy::rpc::json_rpc::RpcRecv;
use alloy::transports::http::Client;
use alloy::transports::http::reqwest::redirect::Policy;
use alloy::transports::ws::{WebSocketConfig, WsConnect};
use alloy::transports::{TransportErrorKind, TransportResult};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use polyspan_types::ChainId;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};
use tower::util::MapRequestLayer;

use super::budget::Budget;
use super::http::{ANSWER_LIMIT, Http};
use super::translate;
use crate::metrics::EndpointSeries;
use crate::{ChainError, ChainSettings, Endpoint, SettingsError, Url};

/// What is needed to reach one endpoint.
pub(super) struct Opener {
    endpoint: Endpoint,
    transport: Transport,
    expected: ChainId,
    request_timeout: Duration,
    budget: Arc<Budget>,
    series: EndpointSeries,
    /// Connections of the HTTP client so far, and how many of them have proven their chain id.
    connections: Arc<AtomicU64>,
    proven: AtomicU64,
    /// Longest time without a proof of the chain id.
    proof_interval: Duration,
    /// `None`: due now.
    last_proof: Mutex<Option<Instant>>,
}

/// How long a connection is kept that nothing goes over. Source: servers on Node.js, such as Hardhat's, close it after 5 s, and a
/// question that is under way then is lost. Others wait longer.
const IDLE: Duration = Duration::from_secs(4);

/// Proofs of the chain id then are a twentieth of the polls of the head at the most.
const POLLS_BETWEEN_PROOFS: u32 = 20;

/// How often a question is asked within its deadline, while there is no answer. What a node answers at once or not at all is
/// asked often, logs once more, and what changes something or takes a node long is not asked again.
fn times_asked(method: &str) -> u32 {
    match method {
        "eth_chainId"
        | "eth_blockNumber"
        | "eth_getBlockByNumber"
        | "eth_call"
        | "eth_getBalance"
        | "eth_getCode"
        | "eth_getTransactionCount"
        | "eth_getTransactionReceipt"
        | "eth_gasPrice"
        | "eth_maxPriorityFeePerGas"
        | "eth_estimateGas" => 4,
        "eth_getLogs" => 2,
        _ => 1,
    }
}

enum Transport {
    Http(Client),
    WebSocket,
}

impl Opener {
    pub(super) fn new(
        settings: &ChainSettings,
        url: &Url,
        series: EndpointSeries,
    ) -> Result<Self, SettingsError> {
        let endpoint = Endpoint::new(url);
        let connections = Arc::new(AtomicU64::new(0));
        let transport = if url.scheme().starts_with("ws") {
            Transport::WebSocket
        } else {
            Transport::Http(http_client(settings, &endpoint, &connections)?)
        };
        Ok(Self {
            endpoint,
            transport,
            expected: settings.chain_id,
            request_timeout: settings.request_timeout,
            budget: Arc::new(Budget::new()),
            series,
            connections,
            proven: AtomicU64::new(0),
            proof_interval: settings.poll_interval.saturating_mul(POLLS_BETWEEN_PROOFS),
            last_proof: Mutex::new(None),
        })
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Connects and proves the chain id.
    pub(super) async fn open(&self) -> Result<RpcClient, ChainError> {
        let client = match &self.transport {
            Transport::Http(client) => {
                // Not local: the flag only makes the library poll more often for what is not used here.
                let way = Http::new(client.clone(), self.endpoint.url().clone(), Arc::clone(&self.budget));
                RpcClient::new(way, false)
            }
            Transport::WebSocket => self.connect().await?,
        };
        self.prove_chain_id(&client).await?;
        // The proof made the connection that it went over, and nothing else is asked during an opening.
        self.proven.fetch_max(self.connections.load(Ordering::SeqCst), Ordering::SeqCst);
        *self.last_proof() = Some(Instant::now());
        Ok(client)
    }

    /// Proves the chain id again if the client connected anew since it was proven last, or if that is long ago.
    pub(super) async fn prove_when_due(&self, client: &RpcClient) -> Result<(), ChainError> {
        let connections = self.connections.load(Ordering::SeqCst);
        let known = connections <= self.proven.load(Ordering::SeqCst);
        if known && !self.proof_is_old() {
            return Ok(());
        }
        let proof = self.prove_chain_id(client).await;
        *self.last_proof() = proof.is_ok().then(Instant::now);
        self.proven.fetch_max(proof.as_ref().map_or(0, |()| connections), Ordering::SeqCst);
        proof
    }

    /// Whether it is time for another proof. Of several that ask at once, one is told so.
    fn proof_is_old(&self) -> bool {
        let mut last = self.last_proof();
        let old = last.is_none_or(|last| last.elapsed() >= self.proof_interval);
        if old {
            *last = Some(Instant::now());
        }
        old
    }

    fn last_proof(&self) -> MutexGuard<'_, Option<Instant>> {
        // A time is whole after any panic.
        self.last_proof.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn prove_chain_id(&self, client: &RpcClient) -> Result<(), ChainError> {
        let found: U64 = self.request(client, "eth_chainId", json!([])).await?;
        let found = ChainId::new(found.to());
        if found == self.expected {
            return Ok(());
        }
        Err(ChainError::WrongChain { endpoint: self.endpoint.to_string(), expected: self.expected, found })
    }

    /// One request within its deadline, counted.
    pub(super) async fn request<R: RpcRecv>(
        &self,
        client: &RpcClient,
        method: &'static str,
        params: Value,
    ) -> Result<R, ChainError> {
        let start = Instant::now();
        let result = match timeout(self.request_timeout, self.answer(client, method, params)).await {
            Ok(answer) => answer.map_err(|error| self.translate(method, error)),
            Err(_) => Err(self.too_late(method)),
        };
        self.count(method, &result, start);
        result
    }

    /// The answer. A question that stays without one is asked again: an endpoint that loses an answer now and then would otherwise
    /// fail every work that takes several calls. All callers share what an endpoint is asked at a time, and how much of that is
    /// asked again.
    async fn answer<R: RpcRecv>(
        &self,
        client: &RpcClient,
        method: &'static str,
        params: Value,
    ) -> TransportResult<R> {
        let ask = |counted| {
            let answer = client.request::<_, R>(method, params.clone());
            async move {
                let _counted = counted;
                answer.await
            }
        };
        let first = self.budget.question().await;
        let mut asked: FuturesUnordered<_> = std::iter::once(ask(first)).collect();
        let mut again = times_asked(method);
        loop {
            again -= 1;
            tokio::select! {
                Some(answer) = asked.next() => return answer,
                () = tokio::time::sleep(self.request_timeout / times_asked(method)), if again > 0 => {
                    if let Some(repeat) = self.budget.repeat() {
                        asked.push(ask(Some(repeat)));
                    }
                }
            }
        }
    }

    async fn connect(&self) -> Result<RpcClient, ChainError> {
        const METHOD: &str = "connect";
        let start = Instant::now();
        let lengths = WebSocketConfig::default()
            .max_message_size(Some(ANSWER_LIMIT))
            .max_frame_size(Some(ANSWER_LIMIT));
        let way = ConnectOnce(WsConnect::new(self.endpoint.url().as_str()).with_config(lengths));
        let result = match timeout(self.request_timeout, ClientBuilder::default().pubsub(way)).await {
            Ok(connected) => connected.map_err(|error| self.translate(METHOD, error)),
            Err(_) => Err(self.too_late(METHOD)),
        };
        self.count(METHOD, &result, start);
        result
    }

    fn translate(&self, method: &'static str, error: alloy::transports::TransportError) -> ChainError {
        translate::error(&self.endpoint, method, self.request_timeout, error)
    }

    fn too_late(&self, method: &'static str) -> ChainError {
        ChainError::Timeout { endpoint: self.endpoint.to_string(), method, after: self.request_timeout }
    }

    fn count<R>(&self, method: &'static str, result: &Result<R, ChainError>, start: Instant) {
        let outcome = result.as_ref().map_or_else(ChainError::outcome, |_| "ok");
        self.series.answered(method, outcome, start.elapsed());
    }
}

/// A client that counts the connections it makes.
fn http_client(
    settings: &ChainSettings,
    endpoint: &Endpoint,
    connections: &Arc<AtomicU64>,
) -> Result<Client, SettingsError> {
    let counter = Arc::clone(connections);
    let client = Client::builder()
        .timeout(settings.request_timeout)
        .pool_idle_timeout(IDLE)
        // A JSON-RPC endpoint has no reason to send us elsewhere.
        .redirect(Policy::none())
        .connector_layer(MapRequestLayer::new(move |target| {
            counter.fetch_add(1, Ordering::SeqCst);
            target
        }))
        .build();
    client.map_err(|error| SettingsError::Client {
        chain: settings.name.clone(),
        reason: endpoint.scrub(&error.to_string()),
    })
}

/// A WebSocket that does not reconnect by itself: a new connection must prove its chain id before anything is asked.
struct ConnectOnce(WsConnect);

impl PubSubConnect for ConnectOnce {
    fn is_local(&self) -> bool {
        self.0.is_local()
    }

    async fn connect(&self) -> TransportResult<ConnectionHandle> {
        self.0.connect().await
    }

    async fn try_reconnect(&self) -> TransportResult<ConnectionHandle> {
        Err(TransportErrorKind::non_retryable_str("connection lost"))
    }
}
