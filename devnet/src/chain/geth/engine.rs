//! The Engine API of a node: how a consensus client tells it which blocks there are.
//!
//! Source: <https://github.com/ethereum/execution-apis/tree/main/src/engine>, with `testing_buildBlockV1` of geth.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alloy::primitives::{Address, B256, Bytes};
use anyhow::{Context, Result, bail};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::eventually::eventually_true;

/// What a node is given to answer. Unit: time. A full block of 60 million gas takes it below a second.
const PATIENCE: Duration = Duration::from_secs(10);

/// Rewards go to nobody in particular.
const FEE_RECIPIENT: Address = Address::repeat_byte(0xfe);

/// One node, as its consensus client reaches it.
#[derive(Debug, Clone)]
pub(super) struct Engine {
    client: reqwest::Client,
    /// The port that asks for a signed token.
    engine: Url,
    /// The port for everybody: only there geth builds blocks of chosen transactions.
    public: Url,
    secret: [u8; 32],
}

/// Value that a block gives to an account without a transaction, as a withdrawal of a validator.
#[derive(Debug, Clone, Copy)]
pub(super) struct Credit {
    pub(super) account: Address,
    /// Unit: gwei.
    pub(super) gwei: u64,
}

/// What a new block shall hold.
#[derive(Debug, Clone)]
pub(super) enum Contents {
    /// What is in the node's pool.
    Pool,
    /// These signed transactions and no others.
    These(Vec<Bytes>),
}

/// A block that was built, in the form in which nodes take it.
#[derive(Debug, Clone)]
pub(super) struct Payload {
    pub(super) hash: B256,
    /// Unit: seconds since 1970.
    pub(super) timestamp: u64,
    /// Parameters of `engine_newPayloadV4`.
    arguments: Value,
}

/// The newest block of a node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tip {
    pub(super) hash: B256,
    /// Unit: seconds since 1970.
    pub(super) timestamp: u64,
}

impl Engine {
    pub(super) fn new(engine: Url, public: Url, secret: [u8; 32]) -> Self {
        Self { client: reqwest::Client::new(), engine, public, secret }
    }

    /// Writes the secret as the node reads it.
    pub(super) fn write_secret(secret: [u8; 32], file: &Path) -> Result<()> {
        std::fs::write(file, format!("{:x}", B256::from(secret)))
            .with_context(|| format!("cannot write {}", file.display()))
    }

    /// Waits until the node listens to its consensus client: it begins with that last.
    pub(super) async fn wait_ready(&self, patience: Duration) -> Result<()> {
        let question = json!([["engine_newPayloadV4", "engine_forkchoiceUpdatedV3"]]);
        let answers =
            || async { self.ask("engine_exchangeCapabilities", question.clone()).await.map(|_| true) };
        eventually_true("the Engine API answers", patience, answers).await
    }

    /// The newest block of the node.
    pub(super) async fn tip(&self) -> Result<Tip> {
        let block = self.ask("eth_getBlockByNumber", json!(["latest", false])).await?;
        let hash = serde_json::from_value(block["hash"].clone()).context("the hash of a block")?;
        let digits = block["timestamp"].as_str().and_then(|text| text.strip_prefix("0x"));
        let timestamp = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
        Ok(Tip { hash, timestamp: timestamp.context("the time of a block")? })
    }

    /// Builds a block on the newest one of the node, which does not take it yet.
    pub(super) async fn build(
        &self,
        parent: B256,
        timestamp: u64,
        contents: &Contents,
        credits: &[Credit],
    ) -> Result<Payload> {
        let withdrawal = |(index, credit): (usize, &Credit)| {
            let Credit { account, gwei } = credit;
            json!({"index": hex(index as u64), "validatorIndex": "0x0", "address": account, "amount": hex(*gwei)})
        };
        let withdrawals: Vec<Value> = credits.iter().enumerate().map(withdrawal).collect();
        let attributes = json!({
            "timestamp": hex(timestamp),
            "prevRandao": B256::ZERO,
            "suggestedFeeRecipient": FEE_RECIPIENT,
            "withdrawals": withdrawals,
            "parentBeaconBlockRoot": B256::ZERO,
        });
        let transactions = match contents {
            Contents::Pool => Value::Null,
            Contents::These(transactions) => json!(transactions),
        };
        let built = self.ask("testing_buildBlockV1", json!([parent, attributes, transactions, null])).await?;
        let block = &built["executionPayload"];
        let hash = serde_json::from_value(block["blockHash"].clone()).context("the hash of a new block")?;
        let requests = match &built["executionRequests"] {
            Value::Null => json!([]),
            requests => requests.clone(),
        };
        let arguments = json!([block, [], B256::ZERO, requests]);
        Ok(Payload { hash, timestamp, arguments })
    }

    /// Gives the node a block. It is not its newest one until [`Engine::choose`] says so.
    pub(super) async fn give(&self, payload: &Payload) -> Result<()> {
        let answer = self.ask("engine_newPayloadV4", payload.arguments.clone()).await?;
        expect_valid(&answer, "a new block")
    }

    /// Says which block is the newest, and which is final.
    pub(super) async fn choose(&self, head: B256, finalized: B256) -> Result<()> {
        let state =
            json!({"headBlockHash": head, "safeBlockHash": finalized, "finalizedBlockHash": finalized});
        let answer = self.ask("engine_forkchoiceUpdatedV3", json!([state, null])).await?;
        expect_valid(&answer["payloadStatus"], "a choice of the newest block")
    }

    async fn ask(&self, method: &str, params: Value) -> Result<Value> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default)]
            result: Value,
            error: Option<Value>,
        }
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let sent = match method.starts_with("engine_") {
            true => self.client.post(self.engine.clone()).bearer_auth(self.token()?),
            false => self.client.post(self.public.clone()),
        };
        let sent = sent.json(&request);
        let reply =
            sent.timeout(PATIENCE).send().await.with_context(|| format!("{method} is not answered"))?;
        let Answer { result, error } =
            reply.json().await.with_context(|| format!("{method} is not answered by JSON"))?;
        match error {
            None => Ok(result),
            Some(error) => bail!("{method} is refused: {error}"),
        }
    }

    /// Nodes take one that was issued within a minute.
    fn token(&self) -> Result<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).context("a clock before 1970")?;
        let claims = json!({"iat": now.as_secs()});
        let key = EncodingKey::from_secret(&self.secret);
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).context("cannot sign a token")
    }
}

fn hex(number: u64) -> String {
    format!("{number:#x}")
}

fn expect_valid(status: &Value, what: &str) -> Result<()> {
    match status["status"].as_str() {
        Some("VALID") => Ok(()),
        _ => bail!("the node does not take {what}: {status}"),
    }
}
