//! A lane between two scripted contracts, for the tests of those who read it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::{SolCall, SolEvent};
use polyspan_chain::testing::{Reply, ScriptedServer};
use polyspan_chain::{Chain, ChainSettings, Head, HeadView, Quorum};
use polyspan_contracts::Bridge;
use polyspan_monitoring::Health;
use polyspan_store::{Base, Store};
use polyspan_types::{
    BlockHeight, BlockRef, BridgeId, ChainId, CheckpointDomain, LaneId, Leaf, Request, RequestKind,
    RequestNonce, Root, ValueTransfer,
};
use prometheus::Registry;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::config::{LaneInfo, Side};
use crate::lane::{Board, Lane};
use crate::metrics::RelayMetrics;

pub(crate) const SOURCE: Address = Address::repeat_byte(0xa1);
pub(crate) const DESTINATION: Address = Address::repeat_byte(0xb1);
const CHAIN_ID: u64 = 31001;

/// What both contracts and the endpoint are like.
#[derive(Debug, Clone)]
pub(crate) struct World {
    /// Block of each request, rising.
    pub(crate) requests: Vec<u64>,
    /// How many are handled.
    pub(crate) handled: u64,
    /// Newest block, which is final.
    pub(crate) head: u64,
    /// Most blocks and logs of one question.
    pub(crate) most_blocks: u64,
    pub(crate) most_logs: usize,
    /// No state of a block above this one is ever told.
    pub(crate) deaf_above: u64,
    /// Every so many questions for logs one is never answered; 0 for none.
    pub(crate) deaf_every: usize,
    /// A log that the first so many endpoints leave out.
    pub(crate) hidden: Option<u64>,
    pub(crate) hiding: usize,
    /// As many requests does the source's contract show, as it was once; `None` for all of them.
    pub(crate) shown: Option<u64>,
    /// Endpoints, of which a majority must agree.
    pub(crate) endpoints: usize,
    /// Blocks behind the newest one whose state is kept.
    pub(crate) states_kept: u64,
    /// Blocks from this one on were replaced by others.
    pub(crate) replaced_from: u64,
    /// That happens when so many questions for logs were asked.
    pub(crate) replaced_at: usize,
    /// What each block has beside what is read of it. Unit: bytes.
    pub(crate) block_bytes: usize,
    /// Questions for logs so far.
    pub(crate) asked: usize,
    /// Roots by nonce, as far as they were needed: hashing takes its time in a test.
    pub(crate) roots: BTreeMap<u64, Root>,
}

impl World {
    /// Requests in these blocks, none of them handled.
    pub(crate) fn of(requests: Vec<u64>, head: u64) -> Self {
        Self {
            requests,
            handled: 0,
            head,
            most_blocks: u64::MAX,
            most_logs: usize::MAX,
            deaf_above: u64::MAX,
            deaf_every: 0,
            hidden: None,
            hiding: usize::MAX,
            shown: None,
            endpoints: 1,
            states_kept: u64::MAX,
            replaced_from: u64::MAX,
            replaced_at: 0,
            block_bytes: 0,
            asked: 0,
            roots: BTreeMap::new(),
        }
    }

    fn answer(&mut self, endpoint: usize, method: &str, params: &Value) -> Reply {
        let number = |value: &Value| {
            let text = value.as_str().unwrap_or_default().trim_start_matches("0x").to_owned();
            u64::from_str_radix(&text, 16).unwrap_or(self.head)
        };
        match method {
            "eth_chainId" => Reply::Result(json!(format!("{CHAIN_ID:#x}"))),
            "eth_getBlockByNumber" => {
                let height = number(&params[0]);
                let transactions = "f".repeat(self.block_bytes);
                Reply::Result(json!({
                    "number": format!("{height:#x}"), "hash": self.hash(height), "timestamp": "0x1",
                    "transactions": [transactions],
                }))
            }
            "eth_call" if self.is_deaf_at(&params[1]["blockHash"]) => Reply::Hang,
            "eth_call" => match self.height_of(&params[1]["blockHash"]) {
                None => Reply::error(-32000, "header for hash not found"),
                Some(height) if self.head.saturating_sub(height) > self.states_kept => {
                    Reply::error(-32000, format!("historical state {} is not available", hash(height)))
                }
                Some(height) => {
                    Reply::Result(json!(alloy::hex::encode_prefixed(self.lane_state(params, height))))
                }
            },
            "eth_getLogs" => {
                let (from, to) = (number(&params[0]["fromBlock"]), number(&params[0]["toBlock"]));
                self.logs(endpoint, from, to)
            }
            other => panic!("{other} was not expected"),
        }
    }

    /// The hash of the block that has this number now.
    pub(crate) fn hash(&self, height: u64) -> B256 {
        match height >= self.replaced_from && self.asked >= self.replaced_at {
            true => replaced(hash(height)),
            false => hash(height),
        }
    }

    /// Which block is meant; the newest one where none is named.
    fn height_of(&self, block: &Value) -> Option<u64> {
        let Some(asked) = block.as_str().and_then(|hash| hash.parse::<B256>().ok()) else {
            return Some(self.head);
        };
        let height = height_in(asked);
        (self.hash(height) == asked).then_some(height)
    }

    fn is_deaf_at(&self, block: &Value) -> bool {
        let asked = block.as_str().and_then(|hash| hash.parse::<B256>().ok());
        asked.is_some_and(|hash| height_in(hash) > self.deaf_above)
    }

    fn logs(&mut self, endpoint: usize, from: u64, to: u64) -> Reply {
        self.asked += 1;
        if self.deaf_every > 0 && self.asked.is_multiple_of(self.deaf_every) {
            return Reply::Hang;
        }
        if to - from + 1 > self.most_blocks {
            return Reply::error(-32005, format!("query exceeds max block range {}", self.most_blocks));
        }
        let (first, end) =
            (self.requests.partition_point(|at| *at < from), self.requests.partition_point(|at| *at <= to));
        if end - first > self.most_logs {
            return Reply::error(-32005, format!("query returned more than {} results", self.most_logs));
        }
        let hidden = self.hidden.filter(|_| endpoint < self.hiding);
        let shown = (first as u64..end as u64).filter(|nonce| Some(*nonce) != hidden);
        Reply::Result(shown.map(|nonce| log(&self.request(nonce))).collect())
    }

    fn known_root(&mut self, count: u64) -> B256 {
        if !self.roots.contains_key(&count) {
            self.roots.insert(count, self.root(count));
        }
        self.roots[&count].0
    }

    fn lane_state(&mut self, params: &Value, height: u64) -> Vec<u8> {
        let is_source = params[0]["to"].as_str().is_some_and(|to| to.parse() == Ok(SOURCE));
        let there = self.requests.partition_point(|at| *at <= height) as u64;
        let count = self.shown.unwrap_or(there);
        let last = self.handled.checked_sub(1).map_or(1, |last| self.requests[last as usize]);
        let state = Bridge::LaneState {
            paused: false,
            operatorEpoch: 1,
            requestNonce: if is_source { count } else { 0 },
            handleNonce: if is_source { 0 } else { self.handled },
            recoveryBlockNumber: last,
            heldCount: 0,
            requestRoot: self.known_root(count),
            handleRoot: self.known_root(self.handled),
        };
        Bridge::laneStateCall::abi_encode_returns(&state)
    }

    /// Root over the first `count` requests.
    pub(crate) fn root(&self, count: u64) -> Root {
        (0..count).fold(Root::zero(lane_id()), |root, nonce| root.then(Leaf::of(&self.request(nonce))))
    }

    pub(crate) fn request(&self, nonce: u64) -> Request {
        let transfer = ValueTransfer {
            kind: RequestKind::new(1),
            source_block: BlockHeight::new(self.requests[nonce as usize]),
            token: Address::repeat_byte(1),
            from: Address::repeat_byte(2),
            to: Address::repeat_byte(3),
            refund_to: Address::repeat_byte(4),
            value: U256::from(nonce),
            payload: Default::default(),
        };
        Request { nonce: RequestNonce::new(nonce), transfer, tx_hash: B256::repeat_byte(6) }
    }

    pub(crate) fn requests(&self, nonces: std::ops::Range<u64>) -> Vec<Request> {
        nonces.map(|nonce| self.request(nonce)).collect()
    }
}

fn log(request: &Request) -> Value {
    let transfer = &request.transfer;
    let data = Bridge::RequestValueTransfer {
        requestNonce: request.nonce.get(),
        from: transfer.from,
        to: transfer.to,
        kind: transfer.kind.number(),
        token: transfer.token,
        refundTo: transfer.refund_to,
        value: transfer.value,
        payload: transfer.payload.clone(),
    }
    .encode_log_data();
    json!({
        "address": SOURCE, "topics": data.topics(), "data": data.data,
        "blockNumber": format!("{:#x}", transfer.source_block.get()), "transactionHash": request.tx_hash,
    })
}

fn lane_id() -> BridgeId {
    BridgeId(B256::repeat_byte(1))
}

fn hash(height: u64) -> B256 {
    B256::left_padding_from(&height.to_be_bytes())
}

/// The height that a hash of ours ends with.
fn height_in(hash: B256) -> u64 {
    u64::from_be_bytes(hash.0[24..].try_into().unwrap())
}

/// The hash of a block that took the place of another one.
fn replaced(mut hash: B256) -> B256 {
    hash.0[0] = 1;
    hash
}

pub(crate) fn block(height: u64) -> BlockRef {
    BlockRef { height: BlockHeight::new(height), hash: hash(height) }
}

pub(crate) fn head(height: u64) -> HeadView {
    head_of(height, height)
}

/// A head whose final block is another one than its newest.
pub(crate) fn head_of(final_height: u64, newest: u64) -> HeadView {
    let head = Head {
        latest: block(newest),
        timestamp: 1,
        gas_limit: 30_000_000,
        final_block: block(final_height),
        final_parent: B256::ZERO,
    };
    HeadView { head: Some(head), error: None, remark: None, since: tokio::time::Instant::now() }
}

/// The lane, its store in a folder of its own, and the endpoints.
pub(crate) struct LaneFixture {
    pub(crate) folder: tempfile::TempDir,
    _servers: Vec<ScriptedServer>,
    pub(crate) world: Arc<Mutex<World>>,
    pub(crate) lane: Arc<Lane>,
    pub(crate) heads: watch::Sender<HeadView>,
}

impl LaneFixture {
    /// A lane that begins at nonce 0.
    pub(crate) async fn new(mut world: World) -> Self {
        let (height, endpoints) = (world.head, world.endpoints);
        world.known_root(world.requests.len() as u64);
        let patience = if world.deaf_every > 0 { 400 } else { 10_000 };
        let world = Arc::new(Mutex::new(world));
        let mut servers = Vec::new();
        for endpoint in 0..endpoints {
            let current = Arc::clone(&world);
            let answer =
                move |method: &str, params: &Value| current.lock().unwrap().answer(endpoint, method, params);
            servers.push(ScriptedServer::start(answer).await);
        }
        let chain = Chain::new(ChainSettings {
            name: "main".to_owned(),
            chain_id: ChainId::new(CHAIN_ID),
            endpoints: servers.iter().map(ScriptedServer::url).collect(),
            quorum: Quorum::majority(endpoints),
            finality: "depth 0".parse().unwrap(),
            poll_interval: Duration::from_millis(30),
            request_timeout: Duration::from_millis(patience),
            max_log_range: 20_000,
        })
        .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let side = |bridge| Side {
            chain: "main".to_owned(),
            chain_id: ChainId::new(CHAIN_ID),
            bridge,
            deployment_block: BlockHeight::new(1),
            parts: None,
        };
        let info = LaneInfo {
            id: "kr/main-to-service".parse::<LaneId>().unwrap(),
            bridge_id: lane_id(),
            source: side(SOURCE),
            destination: side(DESTINATION),
        };
        let lane = Arc::new(Lane {
            domain: CheckpointDomain::new(ChainId::new(CHAIN_ID), DESTINATION),
            source: chain.clone(),
            destination: chain,
            store: Store::open(&folder.path().join("store")).await.unwrap(),
            board: Board::new(),
            metrics: RelayMetrics::register(&Registry::new()).unwrap(),
            health: Health::new(),
            accept_development: false,
            info,
        });
        let root = Root::zero(lane_id());
        let base = Base { nonce: RequestNonce::ZERO, root, source_block: None, begun: None };
        lane.store.begin_lane(lane_id(), base, Vec::new()).await.unwrap();
        Self { folder, _servers: servers, world, lane, heads: watch::Sender::new(head(height)) }
    }

    pub(crate) fn world<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        change(&mut self.world.lock().unwrap())
    }

    /// Questions for logs that the endpoint was asked.
    pub(crate) fn asked(&self) -> usize {
        self.world(|world| world.asked)
    }

    /// Stores the first requests as the watch does, up to the head.
    pub(crate) async fn store_all(&self) {
        let (requests, head) =
            self.world(|world| (world.requests(0..world.requests.len() as u64), world.head));
        self.confirm(requests, block(head)).await;
        self.show_verified();
    }

    /// Stores requests as the watch does that has proved them.
    pub(crate) async fn confirm(&self, requests: Vec<Request>, cursor: BlockRef) {
        let store = &self.lane.store;
        let held = store.source_position(lane_id()).await.unwrap().after(&requests);
        store.append_confirmed(lane_id(), requests, cursor, held).await.unwrap();
    }

    /// What the watch shows when it has read everything.
    pub(crate) fn show_verified(&self) {
        let count = self.world(|world| world.requests.len() as u64);
        self.lane.board.source.send_modify(|view| view.verified = RequestNonce::new(count));
    }

    /// Loses rows behind the store's back, as a damaged file does.
    pub(crate) fn lose(&self, nonces: std::ops::Range<u64>) {
        self.sql(&format!("DELETE FROM request WHERE nonce >= {} AND nonce < {}", nonces.start, nonces.end));
    }

    /// As if everything below `nonce` had been handled and compacted.
    pub(crate) fn begin_at(&self, nonce: u64) {
        let (root, block) =
            self.world(|world| (world.root(nonce), world.request(nonce).transfer.source_block));
        self.sql(&format!(
            "UPDATE lane SET base_nonce = {nonce}, base_root = x'{:x}', base_block = {block}",
            root.0
        ));
        self.lose(0..nonce);
    }

    fn sql(&self, statement: &str) {
        let script = format!(
            "import sqlite3\nc = sqlite3.connect({:?})\nc.execute({statement:?})\nc.commit()\n",
            self.folder.path().join("store").display().to_string(),
        );
        let done = std::process::Command::new("python3").args(["-c", &script]).status();
        assert!(done.is_ok_and(|status| status.success()), "python3 is needed: apt install python3");
    }
}
