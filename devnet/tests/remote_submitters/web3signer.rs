//! Web3Signer's `eth1` by its OpenAPI page, with keys in memory; it can be ended and started again.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use alloy::hex;
use alloy::primitives::keccak256;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

type Keys = Arc<Vec<PrivateKeySigner>>;

/// A signer. It has a runtime of its own: with that its connections end, as those of a process do.
pub struct Web3Signer {
    keys: Keys,
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Web3Signer {
    pub async fn start(keys: Vec<PrivateKeySigner>) -> Self {
        let address = (Ipv4Addr::LOCALHOST, 0).into();
        let mut signer = Self { keys: Arc::new(keys), address, runtime: None };
        signer.start_again().await;
        signer
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn stop(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }

    pub async fn start_again(&mut self) {
        let router = Router::new()
            .route("/api/v1/eth1/publicKeys", get(names))
            .route("/api/v1/eth1/sign/{identifier}", post(sign))
            .with_state(Arc::clone(&self.keys));
        let (runtime, address) = (Runtime::new().unwrap(), self.address);
        let listening = runtime.spawn(async move {
            let listener = TcpListener::bind(address).await.unwrap();
            let address = listener.local_addr().unwrap();
            tokio::spawn(async move { axum::serve(listener, router).await });
            address
        });
        self.address = listening.await.unwrap();
        self.runtime = Some(runtime);
    }
}

impl Drop for Web3Signer {
    fn drop(&mut self) {
        self.runtime.take().into_iter().for_each(Runtime::shutdown_background);
    }
}

/// Keys are named by their public halves.
fn name(key: &PrivateKeySigner) -> String {
    let point = key.credential().verifying_key().to_encoded_point(false);
    hex::encode_prefixed(&point.as_bytes()[1..])
}

async fn names(State(keys): State<Keys>) -> axum::Json<Vec<String>> {
    axum::Json(keys.iter().map(name).collect())
}

/// It hashes what it gets, without a prefix of its own.
async fn sign(
    State(keys): State<Keys>,
    Path(identifier): Path<String>,
    body: axum::Json<Value>,
) -> Result<String, StatusCode> {
    let key = keys.iter().find(|key| name(key) == identifier).ok_or(StatusCode::NOT_FOUND)?;
    let data = body["data"].as_str().and_then(|data| hex::decode(data).ok());
    let hash = keccak256(data.ok_or(StatusCode::BAD_REQUEST)?);
    Ok(hex::encode_prefixed(key.sign_hash_sync(&hash).unwrap().as_bytes()))
}
