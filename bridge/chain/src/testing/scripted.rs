//! A JSON-RPC server over HTTP that answers what a test tells it to.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use alloy::rpc::client::RpcClient;
use alloy::rpc::json_rpc::RpcError;
use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::Url;

/// What one request is answered with.
pub enum Reply {
    /// A result.
    Result(Value),
    /// A JSON-RPC error.
    Error {
        /// Code of the error.
        code: i64,
        /// Text of the error.
        message: String,
        /// Revert data or the like.
        data: Option<Value>,
    },
    /// An HTTP response of any status and body.
    Http {
        /// HTTP status.
        status: u16,
        /// Body, JSON or not.
        body: String,
    },
    /// No answer, ever.
    Hang,
    /// What the upstream answers, its result changed on the way. Without an upstream it is an error.
    Forward(Box<dyn FnOnce(Value) -> Value + Send>),
}

impl Reply {
    /// A JSON-RPC error without data.
    pub fn error(code: i64, message: impl Into<String>) -> Self {
        Self::Error { code, message: message.into(), data: None }
    }

    /// What the upstream answers, unchanged.
    pub fn forward() -> Self {
        Self::Forward(Box::new(|result| result))
    }
}

type Script = Arc<dyn Fn(&str, &Value) -> Reply + Send + Sync>;

/// The server; it ends when dropped.
pub struct ScriptedServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    script: Mutex<Script>,
    calls: Mutex<Vec<(String, Value)>>,
    upstream: Option<RpcClient>,
}

impl ScriptedServer {
    /// Starts a server whose every answer comes from `script(method, params)`.
    ///
    /// Panics: no port is free.
    pub async fn start(script: impl Fn(&str, &Value) -> Reply + Send + Sync + 'static) -> Self {
        Self::launch(None, Arc::new(script)).await
    }

    /// Starts a server in front of a real one: [`Reply::Forward`] goes there.
    ///
    /// Panics: no port is free.
    pub async fn before(
        upstream: Url,
        script: impl Fn(&str, &Value) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::launch(Some(RpcClient::new_http(upstream)), Arc::new(script)).await
    }

    async fn launch(upstream: Option<RpcClient>, script: Script) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let shared = Arc::new(Shared { script: Mutex::new(script), calls: Mutex::new(Vec::new()), upstream });
        let router = Router::new().fallback(post(answer)).with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move {
            // Ends with the task; an error of the listener shows as refused connections in the test.
            drop(axum::serve(listener, router).await);
        });
        Self { address, shared, task }
    }

    /// Endpoint of the server.
    pub fn url(&self) -> Url {
        format!("http://{}", self.address).parse().expect("an address with a port is a URL")
    }

    /// Answers by another script from now on.
    pub fn set(&self, script: impl Fn(&str, &Value) -> Reply + Send + Sync + 'static) {
        *self.shared.script.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(script);
    }

    /// How often a method was called.
    pub fn count(&self, method: &str) -> usize {
        self.calls().iter().filter(|(called, _)| called == method).count()
    }

    /// All calls so far, with their parameters.
    pub fn calls(&self) -> Vec<(String, Value)> {
        self.shared.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(shared): State<Arc<Shared>>, Json(request): Json<Value>) -> Response {
    let method = request["method"].as_str().unwrap_or_default().to_owned();
    let params = request["params"].clone();
    let script = Arc::clone(&shared.script.lock().unwrap_or_else(PoisonError::into_inner));
    shared.calls.lock().unwrap_or_else(PoisonError::into_inner).push((method.clone(), params.clone()));
    match script(&method, &params) {
        Reply::Result(result) => success(&request, &result),
        Reply::Error { code, message, data } => failure(&request, code, &message, data),
        Reply::Http { status, body } => {
            (StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), body).into_response()
        }
        Reply::Hang => std::future::pending().await,
        Reply::Forward(change) => forward(&shared, &request, method, params, change).await,
    }
}

async fn forward(
    shared: &Shared,
    request: &Value,
    method: String,
    params: Value,
    change: Box<dyn FnOnce(Value) -> Value + Send>,
) -> Response {
    let Some(upstream) = &shared.upstream else {
        return failure(request, -32603, "the script forwards, but there is no upstream", None);
    };
    match upstream.request::<Value, Value>(method, params).await {
        Ok(result) => success(request, &change(result)),
        Err(RpcError::ErrorResp(error)) => {
            let data = error.data.and_then(|data| serde_json::from_str(data.get()).ok());
            failure(request, error.code, &error.message, data)
        }
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

fn success(request: &Value, result: &Value) -> Response {
    Json(json!({ "jsonrpc": "2.0", "id": request["id"], "result": result })).into_response()
}

fn failure(request: &Value, code: i64, message: &str, data: Option<Value>) -> Response {
    let mut error = json!({ "code": code, "message": message });
    if let Some(data) = data {
        error["data"] = data;
    }
    Json(json!({ "jsonrpc": "2.0", "id": request["id"], "error": error })).into_response()
}
