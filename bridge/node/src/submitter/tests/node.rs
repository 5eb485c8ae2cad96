//! A submitter before a scripted node, of which a test changes what it shows and what it takes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use alloy::primitives::{B256, U256, keccak256};
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolCall;
use polyspan_chain::testing::{Reply, ScriptedServer};
use polyspan_chain::{ChainSettings, Quorum};
use polyspan_contracts::Bridge;
use polyspan_monitoring::Health;
use polyspan_store::Base;
use prometheus::Registry;
use serde_json::{Value, json};

use super::*;

const CHAIN_ID: u64 = 31_007;
/// Time between two blocks. Unit: seconds.
const BLOCK_SECONDS: u64 = 2;
const REQUEST_TIMEOUT: Duration = Duration::from_millis(400);

/// What the node answers to the call of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tried {
    Passes,
    OutOfGas,
    /// It does not answer.
    Hangs,
    /// It gives up by itself.
    TimesOut,
}

/// What the node shows.
#[derive(Debug, Clone)]
pub(super) struct NodeWorld {
    pub(super) head: u64,
    /// Transactions of the submitter in blocks.
    pub(super) count: u64,
    pub(super) balance: u64,
    pub(super) gas_price: u64,
    /// First nonce that the bridge has not handled, in the newest block.
    pub(super) handled: u64,
    pub(super) tried: Tried,
    pub(super) estimate: u64,
    /// Why it takes no transactions.
    pub(super) refuses: Option<&'static str>,
    /// What the receipts of all transactions say; `None` while there are none.
    pub(super) success: Option<bool>,
}

impl NodeWorld {
    fn answer(&self, method: &str, params: &Value) -> Reply {
        let quantity = |value: u64| Reply::Result(json!(format!("{value:#x}")));
        match method {
            "eth_chainId" => quantity(CHAIN_ID),
            "eth_getBlockByNumber" => {
                let number = params[0].as_str().and_then(|text| text.strip_prefix("0x"));
                let height = number.map_or(self.head, |hex| u64::from_str_radix(hex, 16).unwrap());
                Reply::Result(json!({
                    "number": format!("{height:#x}"), "hash": hash(height), "parentHash": hash(height.saturating_sub(1)),
                    "timestamp": format!("{:#x}", height * BLOCK_SECONDS), "gasLimit": "0x1c9c380",
                }))
            }
            "eth_getTransactionCount" => quantity(self.count),
            "eth_getBalance" => quantity(self.balance),
            "eth_gasPrice" => quantity(self.gas_price),
            "eth_estimateGas" => quantity(self.estimate),
            "eth_getLogs" => Reply::Result(json!([])),
            "eth_getTransactionReceipt" => Reply::Result(self.success.map_or(Value::Null, |success| {
                json!({
                    "transactionHash": params[0], "blockNumber": format!("{:#x}", self.head), "blockHash": hash(self.head),
                    "status": format!("{:#x}", u8::from(success)), "gasUsed": "0x1",
                })
            })),
            "eth_sendRawTransaction" => match self.refuses {
                Some(text) => Reply::error(-32000, text),
                None => {
                    let raw: Bytes = params[0].as_str().unwrap().parse().unwrap();
                    Reply::Result(json!(keccak256(raw)))
                }
            },
            "eth_call" => {
                let call = params[0]["input"].as_str().or(params[0]["data"].as_str()).unwrap();
                if call.starts_with(&alloy::hex::encode_prefixed(Bridge::laneStateCall::SELECTOR)) {
                    return Reply::Result(json!(alloy::hex::encode_prefixed(self.lane())));
                }
                match self.tried {
                    Tried::Passes => Reply::Result(json!("0x")),
                    Tried::OutOfGas => Reply::error(-32000, "out of gas"),
                    Tried::Hangs => Reply::Hang,
                    Tried::TimesOut => Reply::error(-32000, "execution aborted (timeout = 5s)"),
                }
            }
            other => panic!("{other} was not expected"),
        }
    }

    fn lane(&self) -> Vec<u8> {
        Bridge::laneStateCall::abi_encode_returns(&Bridge::LaneState {
            paused: false,
            operatorEpoch: 1,
            requestNonce: 0,
            handleNonce: self.handled,
            recoveryBlockNumber: 0,
            heldCount: 0,
            requestRoot: B256::ZERO,
            handleRoot: B256::ZERO,
        })
    }
}

fn hash(height: u64) -> B256 {
    B256::from(U256::from(height + 1))
}

/// The submitter and its node.
pub(super) struct NodeFixture {
    _folder: tempfile::TempDir,
    pub(super) server: ScriptedServer,
    world: Arc<Mutex<NodeWorld>>,
    heads: watch::Sender<HeadView>,
    pub(super) submitter: Submitter,
}

impl NodeFixture {
    pub(super) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let world = Arc::new(Mutex::new(NodeWorld {
            head: 1_000,
            count: 7,
            balance: 1_000_000_000,
            gas_price: 1,
            handled: 0,
            tried: Tried::Passes,
            estimate: 21_000,
            refuses: None,
            success: None,
        }));
        let current = Arc::clone(&world);
        let answer = move |method: &str, params: &Value| current.lock().unwrap().answer(method, params);
        let server = ScriptedServer::start(answer).await;
        let chain = Chain::new(ChainSettings {
            name: "service".to_owned(),
            chain_id: ChainId::new(CHAIN_ID),
            endpoints: vec![server.url()],
            quorum: Quorum::majority(1),
            finality: "depth 2".parse().unwrap(),
            poll_interval: Duration::from_millis(30),
            request_timeout: REQUEST_TIMEOUT,
            max_log_range: 20_000,
        })
        .unwrap();
        let store = Store::open(&folder.path().join("store")).await.unwrap();
        let base = Base {
            nonce: RequestNonce::ZERO,
            root: Root::zero(bridge_id(1)),
            source_block: None,
            begun: None,
        };
        store.begin_lane(bridge_id(1), base, Vec::new()).await.unwrap();
        let head = chain.head().await.unwrap();
        chain.follow(head);
        let heads = watch::Sender::new(view(head));
        let parts = SubmitterParts {
            chain,
            store,
            settings: SubmitterSettings {
                max_fee_per_gas: 100,
                min_priority_fee: 0,
                replace_after: 1_000_000,
                failed_releases_per_day: 1,
                max_gas: 1,
            },
            heads: heads.subscribe(),
            health: Health::new().part("submitter service"),
            metrics: SubmitterMetrics::register(&Registry::new()).unwrap(),
        };
        let key = SigningKey::Local(PrivateKeySigner::random());
        let (mut all, _) = submitters(&parts, vec![key]);
        Self { _folder: folder, server, world, heads, submitter: all.remove(0) }
    }

    pub(super) fn world(&self, change: impl FnOnce(&mut NodeWorld)) {
        change(&mut self.world.lock().unwrap());
    }

    /// The node shows this block, and the process sees it.
    pub(super) async fn head(&mut self, height: u64) {
        self.world(|world| world.head = height);
        let head = self.submitter.chain.head().await.unwrap();
        self.submitter.chain.follow(head);
        self.heads.send_replace(view(head));
    }

    /// A process that knows nothing starts while the node shows this block, and so many transactions of the account.
    pub(super) async fn restart_at(&mut self, height: u64, count: u64) {
        self.world(|world| (world.head, world.count) = (height, count));
        let chain = Chain::new(self.submitter.chain.settings().clone()).unwrap();
        self.heads.send_replace(view(chain.head().await.unwrap()));
        (self.submitter.chain, self.submitter.used) = (chain, None);
        self.submitter.used_nonces = UsedNonces::default();
    }

    /// What the submitter says to a job of so many transfers.
    pub(super) async fn take(&mut self, first: u64, count: u64) -> KeyAnswer {
        self.take_job(handle(first, count)).await
    }

    pub(super) async fn take_job(&mut self, job: Job) -> KeyAnswer {
        let (answer, answered) = oneshot::channel();
        self.submitter.take(job, answer).await;
        answered.await.unwrap()
    }

    /// As [`NodeFixture::take`], of one that is not sent.
    pub(super) async fn refusal(&mut self, first: u64, count: u64) -> JobResult {
        match self.take(first, count).await {
            KeyAnswer::Refused(result) => result,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn asked(&self, method: &str) -> usize {
        self.server.count(method)
    }
}

pub(super) fn view(head: polyspan_chain::Head) -> HeadView {
    HeadView { head: Some(head), error: None, remark: None, since: tokio::time::Instant::now() }
}

/// A piece whose worst case takes 200 000 gas.
pub(super) fn handle(first: u64, count: u64) -> Job {
    let first = RequestNonce::new(first);
    Job {
        count,
        checkpoint: first.plus(count),
        calldata: Bytes::from_static(&[1, 2, 3, 4]),
        worst_gas: 200_000,
        ..job(first.get(), false)
    }
}
