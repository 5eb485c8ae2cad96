use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use alloy::primitives::{Address, B256};
use alloy::sol_types::{SolCall, SolEvent};
use polyspan_chain::testing::{Reply, ScriptedServer};
use polyspan_chain::{Chain, ChainSettings, Quorum};
use polyspan_contracts::Bridge;
use polyspan_monitoring::Health;
use polyspan_store::{Base, Store};
use polyspan_types::{
    BridgeId, ChainId, CheckpointDomain, Epoch, HoldEnd, HoldReason, LaneId, OutcomeResult, Root, Threshold,
};
use prometheus::Registry;
use serde_json::{Value, json};

use super::*;
use crate::config::{LaneInfo, Side};
use crate::lane::Board;
use crate::metrics::RelayMetrics;

mod far;

const BRIDGE: Address = Address::repeat_byte(0xb1);
const CHAIN_ID: u64 = 31002;

#[test]
fn ranges_that_follow_each_other_leave_nothing_out() {
    let nonce = RequestNonce::new;
    let range = |first, end| HandledRange {
        first: nonce(first),
        end: nonce(end),
        block: BlockHeight::ZERO,
        tx_hash: B256::ZERO,
    };
    assert_eq!(end_of(nonce(4), &[]), Ok(nonce(4)));
    assert_eq!(end_of(nonce(4), &[range(4, 7), range(7, 8)]), Ok(nonce(8)));
    assert_eq!(end_of(nonce(4), &[range(5, 7)]), Err(nonce(4)), "the first one is missing");
    assert_eq!(end_of(nonce(4), &[range(4, 7), range(8, 9)]), Err(nonce(7)), "one between is missing");
    assert_eq!(end_of(nonce(4), &[range(3, 7)]), Err(nonce(4)), "it begins in what was handled before");
}

/// A destination that handled requests 0 to 2 in block 5, put 1 on hold, and released it in block 8 or later.
struct Script {
    head: u64,
    /// Topics of the logs that the endpoint leaves out.
    hidden: BTreeSet<B256>,
    /// Whether it refuses to list holds.
    no_holds: bool,
    released: u64,
    /// Blocks in which one more request was handled each, rising.
    later: Vec<u64>,
    /// Blocks behind the newest one whose state is kept.
    states_kept: u64,
    /// Blocks from this one on were replaced by others.
    replaced_from: u64,
}

impl Script {
    fn answer(&self, method: &str, params: &Value) -> Reply {
        let block = |height: u64| json!({ "number": format!("{height:#x}"), "hash": self.hash(height), "timestamp": "0x1" });
        match method {
            "eth_chainId" => Reply::Result(json!(format!("{CHAIN_ID:#x}"))),
            "eth_getBlockByNumber" => {
                let height = params[0].as_str().and_then(|text| text.strip_prefix("0x")).unwrap();
                Reply::Result(block(u64::from_str_radix(height, 16).unwrap()))
            }
            "eth_call" => {
                let call = params[0]["input"].as_str().or(params[0]["data"].as_str()).unwrap();
                let holds = call.starts_with(&alloy::hex::encode_prefixed(Bridge::holdsCall::SELECTOR));
                if holds && self.no_holds {
                    return Reply::Error { code: -32000, message: "out of gas".to_owned(), data: None };
                }
                let at: B256 = params[1]["blockHash"].as_str().unwrap().parse().unwrap();
                let height = u64::from_be_bytes(at.0[24..].try_into().unwrap());
                if self.hash(height) != at {
                    return Reply::error(-32000, "header for hash not found");
                }
                if self.head - height > self.states_kept {
                    return Reply::error(-32000, format!("historical state {at} is not available"));
                }
                let answer = if holds { self.holds(height) } else { self.lane_state(height) };
                Reply::Result(json!(alloy::hex::encode_prefixed(answer)))
            }
            "eth_getLogs" => {
                let bound = |name: &str| {
                    let text = params[0][name].as_str().unwrap().trim_start_matches("0x").to_owned();
                    u64::from_str_radix(&text, 16).unwrap()
                };
                let (from, to) = (bound("fromBlock"), bound("toBlock").min(self.head));
                let all = self.logs().into_iter();
                let shown = all.filter(|(height, topic, _)| {
                    (from..=to).contains(height) && !self.hidden.contains(topic)
                });
                Reply::Result(shown.map(|(_, _, log)| log).collect())
            }
            other => panic!("{other} was not expected"),
        }
    }

    fn hash(&self, height: u64) -> B256 {
        let mut hash = hash(height);
        hash.0[0] = u8::from(height >= self.replaced_from);
        hash
    }

    fn handled(&self, height: u64) -> u64 {
        if height < 5 { 0 } else { 3 + self.later.partition_point(|at| *at <= height) as u64 }
    }

    fn is_held(&self, height: u64) -> bool {
        (5..self.released).contains(&height)
    }

    fn lane_state(&self, height: u64) -> Vec<u8> {
        let state = Bridge::LaneState {
            paused: false,
            operatorEpoch: 1,
            requestNonce: 0,
            handleNonce: self.handled(height),
            recoveryBlockNumber: 1,
            heldCount: u64::from(self.is_held(height)),
            requestRoot: B256::ZERO,
            handleRoot: B256::repeat_byte(7),
        };
        Bridge::laneStateCall::abi_encode_returns(&state)
    }

    fn holds(&self, height: u64) -> Vec<u8> {
        let hold = Bridge::Hold { nonce: 1, reason: 7, heldAtBlock: 5, leaf: B256::ZERO };
        let holds = if self.is_held(height) { vec![hold] } else { Vec::new() };
        Bridge::holdsCall::abi_encode_returns(&holds)
    }

    fn logs(&self) -> Vec<(u64, B256, Value)> {
        let log = |height: u64, data: alloy::primitives::LogData| {
            let value = json!({
                "address": BRIDGE, "topics": data.topics(), "data": data.data,
                "blockNumber": format!("{height:#x}"), "transactionHash": hash(height),
            });
            (height, data.topics()[0], value)
        };
        let mut logs = vec![
            log(5, Bridge::ValueTransferHeld { nonce: 1, reason: 7, leaf: B256::ZERO }.encode_log_data()),
            log(5, Bridge::HandleValueTransfer { first: 0, handleNonce: 3 }.encode_log_data()),
            log(self.released, Bridge::HoldReleased { nonce: 1, to: BRIDGE }.encode_log_data()),
        ];
        for (first, height) in (3..).zip(&self.later) {
            let handled = Bridge::HandleValueTransfer { first, handleNonce: first + 1 };
            logs.push(log(*height, handled.encode_log_data()));
        }
        logs.sort_by_key(|(height, _, _)| *height);
        logs
    }
}

fn hash(height: u64) -> B256 {
    B256::left_padding_from(&height.to_be_bytes())
}

fn head(height: u64) -> HeadView {
    let block = BlockRef { height: BlockHeight::new(height), hash: hash(height) };
    let head = Head {
        latest: block,
        timestamp: 1,
        gas_limit: 30_000_000,
        final_block: block,
        final_parent: B256::ZERO,
    };
    HeadView { head: Some(head), error: None, remark: None, since: tokio::time::Instant::now() }
}

struct Fixture {
    _folder: tempfile::TempDir,
    server: ScriptedServer,
    script: Arc<Mutex<Script>>,
    heads: watch::Sender<HeadView>,
    lane: Arc<Lane>,
    destination: DestinationWatch,
}

impl Fixture {
    async fn new() -> Self {
        let script = Arc::new(Mutex::new(Script {
            head: 6,
            hidden: BTreeSet::new(),
            no_holds: false,
            released: 8,
            later: Vec::new(),
            states_kept: u64::MAX,
            replaced_from: u64::MAX,
        }));
        let current = Arc::clone(&script);
        let server =
            ScriptedServer::start(move |method, params| current.lock().unwrap().answer(method, params)).await;
        let chain = Chain::new(ChainSettings {
            name: "service".to_owned(),
            chain_id: ChainId::new(CHAIN_ID),
            endpoints: vec![server.url()],
            quorum: Quorum::majority(1),
            finality: "depth 0".parse().unwrap(),
            poll_interval: Duration::from_millis(30),
            request_timeout: Duration::from_secs(5),
            max_log_range: 4,
        })
        .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let side = Side {
            chain: "service".to_owned(),
            chain_id: ChainId::new(CHAIN_ID),
            bridge: BRIDGE,
            deployment_block: BlockHeight::new(1),
            parts: None,
        };
        let info = LaneInfo {
            id: "kr/main-to-service".parse::<LaneId>().unwrap(),
            bridge_id: BridgeId(B256::repeat_byte(1)),
            source: side.clone(),
            destination: side,
        };
        let lane = Arc::new(Lane {
            domain: CheckpointDomain::new(ChainId::new(CHAIN_ID), BRIDGE),
            source: chain.clone(),
            destination: chain,
            store: Store::open(&folder.path().join("store")).await.unwrap(),
            board: Board::new(),
            metrics: RelayMetrics::register(&Registry::new()).unwrap(),
            health: Health::new(),
            accept_development: false,
            info,
        });
        let id = lane.info.bridge_id;
        let base = Base { nonce: RequestNonce::ZERO, root: Root::zero(id), source_block: None, begun: None };
        lane.store.begin_lane(id, base, Vec::new()).await.unwrap();
        let (heads, views) = watch::channel(head(6));
        let mut destination = DestinationWatch::new(Arc::clone(&lane), views);
        let set = MemberSet {
            epoch: Epoch::new(1),
            threshold: Threshold::try_new(1, 1).unwrap(),
            members: vec![BRIDGE],
        };
        destination.operators =
            Some(KnownOperators { set: Arc::new(set), first_seen: BlockHeight::new(1), is_final: true });
        Self { _folder: folder, server, script, heads, lane, destination }
    }

    fn hide(&self, topic: Option<B256>) {
        self.script.lock().unwrap().hidden = topic.into_iter().collect();
    }

    fn go_to(&self, height: u64) {
        self.script.lock().unwrap().head = height;
        self.heads.send_replace(head(height));
    }

    /// What compaction goes by.
    fn proved(&self) -> Option<u64> {
        self.lane.board.proved.borrow().map(|block| block.height.get())
    }

    async fn stored(&self) -> (u64, u64, Option<u64>) {
        let position = self.lane.store.destination_position(self.lane.info.bridge_id).await.unwrap();
        (position.next.get(), position.open_holds, position.cursor.map(|cursor| cursor.height.get()))
    }
}

#[tokio::test]
async fn a_hold_that_an_endpoint_hides_is_noticed_by_its_count_and_read_again() {
    let mut fixture = Fixture::new().await;
    let id = fixture.lane.info.bridge_id;
    fixture.hide(Some(Bridge::ValueTransferHeld::SIGNATURE_HASH));
    let error = fixture.destination.step().await.unwrap_err();
    assert!(matches!(error, LaneError::HiddenHold { known: 0, expected: 1, .. }), "{error}");
    assert_eq!(fixture.stored().await, (0, 0, Some(1)), "back to the deployment");

    fixture.hide(None);
    fixture.destination.step().await.unwrap();
    assert_eq!(fixture.stored().await, (3, 1, Some(6)));
    let outcome = |number| fixture.lane.store.outcome(id, RequestNonce::new(number));
    assert_eq!(outcome(0).await.unwrap().unwrap().result, OutcomeResult::Paid);
    let held = OutcomeResult::Held(HoldReason::PayoutFailed);
    assert_eq!(outcome(1).await.unwrap().unwrap().result, held);
    let view = fixture.lane.board.destination.borrow().clone().unwrap();
    assert_eq!((view.settled.get(), view.oldest_hold.map(|hold| hold.nonce.get())), (3, Some(1)));
}

#[tokio::test]
async fn an_end_that_an_endpoint_hides_is_noticed_and_what_was_proved_before_stays() {
    let mut fixture = Fixture::new().await;
    assert_eq!(fixture.proved(), None);
    fixture.destination.step().await.unwrap();
    assert_eq!(fixture.proved(), Some(6));
    fixture.go_to(9);
    fixture.hide(Some(Bridge::HoldReleased::SIGNATURE_HASH));
    let error = fixture.destination.step().await.unwrap_err();
    assert!(matches!(error, LaneError::HiddenHold { known: 1, expected: 0, .. }), "{error}");
    assert_eq!((fixture.stored().await, fixture.proved()), ((3, 1, Some(6)), Some(6)));

    fixture.hide(None);
    fixture.destination.step().await.unwrap();
    assert_eq!(fixture.stored().await, (3, 0, Some(9)));
    let (store, id) = (&fixture.lane.store, fixture.lane.info.bridge_id);
    let ending = store.hold_ending(id, RequestNonce::new(1)).await.unwrap().unwrap();
    assert_eq!((ending.end, ending.block.get()), (HoldEnd::Released { to: BRIDGE }, 8));
    assert_eq!(fixture.lane.board.destination.borrow().as_ref().unwrap().oldest_hold, None);
    // Nothing new: the cursor skips ahead, and no log is asked for.
    fixture.go_to(40);
    let asked = fixture.server.count("eth_getLogs");
    fixture.destination.step().await.unwrap();
    assert_eq!((fixture.stored().await, fixture.server.count("eth_getLogs")), ((3, 0, Some(40)), asked));
    assert_eq!(fixture.proved(), Some(40));
}

#[tokio::test]
async fn the_end_of_a_hold_that_was_hidden_before_brings_it_back() {
    let mut fixture = Fixture::new().await;
    fixture.go_to(9);
    // The hold and its end are both among what is read, and only the end is shown.
    fixture.hide(Some(Bridge::ValueTransferHeld::SIGNATURE_HASH));
    let error = fixture.destination.step().await.unwrap_err();
    assert!(error.is_hidden_outcome() && error.to_string().contains("hold of nonce 1 ended"), "{error}");
    assert_eq!(fixture.stored().await, (0, 0, Some(1)));
    fixture.hide(None);
    fixture.destination.step().await.unwrap();
    assert_eq!(fixture.stored().await, (3, 0, Some(9)));
}

#[tokio::test]
async fn a_lane_of_which_nothing_is_stored_begins_at_what_is_handled_with_its_holds() {
    let mut fixture = Fixture::new().await;
    let (store, id) = (fixture.lane.store.clone(), fixture.lane.info.bridge_id);
    store.forget_readable(id).await.unwrap();
    fixture.destination.step().await.unwrap();
    assert_eq!(fixture.stored().await, (3, 1, Some(6)));
    assert_eq!(fixture.server.count("eth_getLogs"), 0, "no history is read");
    let position = store.source_position(id).await.unwrap();
    let base = position.base.unwrap();
    assert_eq!((position.next.get(), position.root), (3, Root(B256::repeat_byte(7))));
    assert_eq!(
        (base.source_block, base.begun.map(|block| block.height.get())),
        (Some(BlockHeight::new(1)), Some(6))
    );
    assert!(*fixture.lane.board.begun.borrow());
    // It goes on from there: the hold ends.
    fixture.go_to(9);
    fixture.destination.step().await.unwrap();
    assert_eq!(fixture.stored().await, (3, 0, Some(9)));
    // What was read since is read again when something was hidden, and nothing from before.
    let held = fixture.lane.board.destination.borrow().as_ref().unwrap().oldest_hold;
    assert_eq!(held, None);
}

#[tokio::test]
async fn a_lane_begins_though_its_old_holds_cannot_be_listed_and_finds_them_later() {
    let mut fixture = Fixture::new().await;
    let (store, id) = (fixture.lane.store.clone(), fixture.lane.info.bridge_id);
    store.forget_readable(id).await.unwrap();
    fixture.script.lock().unwrap().no_holds = true;
    fixture.destination.step().await.unwrap_err();
    assert_eq!(fixture.stored().await, (3, 0, Some(6)));
    assert!(*fixture.lane.board.begun.borrow(), "the source is read meanwhile");
    fixture.script.lock().unwrap().no_holds = false;
    fixture.destination.step().await.unwrap();
    assert_eq!(fixture.stored().await, (3, 1, Some(6)));
}

#[tokio::test]
async fn an_old_hold_may_end_before_it_is_found() {
    let mut fixture = Fixture::new().await;
    let (store, id) = (fixture.lane.store.clone(), fixture.lane.info.bridge_id);
    store.forget_readable(id).await.unwrap();
    fixture.script.lock().unwrap().no_holds = true;
    fixture.destination.step().await.unwrap_err();
    fixture.go_to(9);
    fixture.destination.step().await.unwrap();
    assert_eq!(fixture.stored().await, (3, 0, Some(9)));
}

#[tokio::test]
async fn a_hold_that_is_hidden_after_the_beginning_is_read_again_when_no_old_one_is_missing() {
    let mut fixture = Fixture::new().await;
    let (store, id) = (fixture.lane.store.clone(), fixture.lane.info.bridge_id);
    store.forget_readable(id).await.unwrap();
    fixture.destination.step().await.unwrap();
    fixture.go_to(9);
    fixture.hide(Some(Bridge::HoldReleased::SIGNATURE_HASH));
    let error = fixture.destination.step().await.unwrap_err();
    assert!(matches!(error, LaneError::HiddenHold { known: 1, expected: 0, .. }), "{error}");
    // The same for a process that does not know yet whether old ones are missing.
    fixture.destination.older = OlderHolds::default();
    let error = fixture.destination.step().await.unwrap_err();
    assert!(matches!(error, LaneError::HiddenHold { known: 1, expected: 0, .. }), "{error}");
    assert_eq!(fixture.stored().await, (3, 1, Some(6)));
    fixture.hide(None);
    fixture.destination.step().await.unwrap();
    assert_eq!(fixture.stored().await, (3, 0, Some(9)));
}
