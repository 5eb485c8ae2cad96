//! Two contracts of one scripted chain whose node keeps the states of its newest blocks only, for the tests of those who read them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::sol_types::{SolCall, SolEvent};
use polyspan_chain::testing::{Reply, ScriptedServer};
use polyspan_chain::{Chain, ChainSettings, Head, Quorum};
use polyspan_contracts::Bridge;
use polyspan_node::config::{LaneInfo, Side};
use polyspan_types::{BlockHeight, BlockRef, BridgeId, ChainId};
use serde_json::{Value, json};

const BRIDGE: Address = Address::repeat_byte(0xb1);
const CHAIN_ID: u64 = 31001;
const DEPLOYED: u64 = 1;

/// What the contracts and the node are like.
#[derive(Debug, Clone)]
pub struct World {
    /// Block of each request, rising; each is handled in the block of the same number.
    pub blocks: Vec<u64>,
    /// The newest block.
    pub head: u64,
    /// Blocks behind the newest one whose state is kept.
    pub states_kept: u64,
}

/// The chain, its node, and a lane from the contract to itself.
pub struct LaneFixture {
    /// What is asked.
    pub chain: Chain,
    /// The lane.
    pub info: LaneInfo,
    world: Arc<Mutex<World>>,
    node: ScriptedServer,
}

impl LaneFixture {
    /// A chain whose newest block is final.
    pub async fn start(world: World) -> Self {
        Self::with_depth(world, 0).await
    }

    /// A chain whose final block is so far behind.
    pub async fn with_depth(world: World, depth: u64) -> Self {
        let world = Arc::new(Mutex::new(world));
        let current = Arc::clone(&world);
        let node =
            ScriptedServer::start(move |method, params| current.lock().unwrap().answer(method, params)).await;
        let chain = Chain::new(ChainSettings {
            name: "main".to_owned(),
            chain_id: ChainId::new(CHAIN_ID),
            endpoints: vec![node.url()],
            quorum: Quorum::majority(1),
            finality: format!("depth {depth}").parse().unwrap(),
            poll_interval: Duration::from_millis(30),
            request_timeout: Duration::from_secs(10),
            max_log_range: 200,
        })
        .unwrap();
        let side = Side {
            chain: "main".to_owned(),
            chain_id: ChainId::new(CHAIN_ID),
            bridge: BRIDGE,
            deployment_block: BlockHeight::new(DEPLOYED),
            parts: None,
        };
        let info = LaneInfo {
            id: "kr/main-to-service".parse().unwrap(),
            bridge_id: BridgeId(B256::repeat_byte(1)),
            source: side.clone(),
            destination: side,
        };
        Self { chain, info, world, node }
    }

    /// A head of the newest block with this final one.
    pub fn head(&self, final_height: u64) -> Head {
        Head {
            latest: block(self.world.lock().unwrap().head),
            timestamp: 1,
            gas_limit: 30_000_000,
            final_block: block(final_height),
            final_parent: B256::ZERO,
        }
    }

    /// Answers in another way from now on where `script` does.
    pub fn answer_first(&self, script: impl Fn(&str, &Value) -> Option<Reply> + Send + Sync + 'static) {
        let world = Arc::clone(&self.world);
        self.node.set(move |method, params| {
            script(method, params).unwrap_or_else(|| world.lock().unwrap().answer(method, params))
        });
    }

    /// How often a method was called.
    pub fn count(&self, method: &str) -> usize {
        self.node.count(method)
    }
}

/// A block of the chain, as it is called there.
pub fn block(height: u64) -> BlockRef {
    BlockRef { height: BlockHeight::new(height), hash: B256::left_padding_from(&height.to_be_bytes()) }
}

impl World {
    fn answer(&self, method: &str, params: &Value) -> Reply {
        match method {
            "eth_chainId" => Reply::Result(json!(format!("{CHAIN_ID:#x}"))),
            "eth_getBlockByNumber" => {
                let height = self.number(&params[0]);
                Reply::Result(json!({
                    "number": format!("{height:#x}"), "hash": block(height).hash, "timestamp": "0x1",
                }))
            }
            "eth_getBalance" => self.at(&params[1], |_| "0x0".to_owned()),
            "eth_call" => self.at(&params[1], |height| {
                let input = ["input", "data"].iter().find_map(|name| params[0][name].as_str());
                let selector = alloy::hex::encode_prefixed(Bridge::laneStateCall::SELECTOR);
                alloy::hex::encode_prefixed(match input.is_some_and(|input| input.starts_with(&selector)) {
                    true => Bridge::laneStateCall::abi_encode_returns(&self.lane_state(height)),
                    false => Bridge::stateCall::abi_encode_returns(&self.state(height)),
                })
            }),
            "eth_getLogs" => {
                let blocks = self.number(&params[0]["fromBlock"])..=self.number(&params[0]["toBlock"]);
                let asks_requests = params[0]["topics"][0].as_array().is_some_and(|topics| {
                    topics.contains(&json!(Bridge::RequestValueTransfer::SIGNATURE_HASH))
                });
                let inside = self.blocks.iter().enumerate().filter(|(_, block)| blocks.contains(block));
                Reply::Result(inside.map(|(nonce, block)| log(nonce as u64, *block, asks_requests)).collect())
            }
            other => panic!("{other} was not expected"),
        }
    }

    /// What a node tells of the state of a block.
    fn at(&self, at: &Value, tell: impl FnOnce(u64) -> String) -> Reply {
        let hash = at["blockHash"].as_str().and_then(|hash| hash.parse::<B256>().ok());
        let height = hash.map_or(self.head, |hash| u64::from_be_bytes(hash.0[24..].try_into().unwrap()));
        match self.head.saturating_sub(height) > self.states_kept {
            true => Reply::error(-32000, "historical state 0x5b3f is not available"),
            false => Reply::Result(json!(tell(height))),
        }
    }

    fn number(&self, value: &Value) -> u64 {
        let text = value.as_str().unwrap_or_default().trim_start_matches("0x");
        u64::from_str_radix(text, 16).unwrap_or(self.head)
    }

    fn lane_state(&self, height: u64) -> Bridge::LaneState {
        let count = self.blocks.partition_point(|block| *block <= height);
        Bridge::LaneState {
            paused: false,
            operatorEpoch: 1,
            requestNonce: count as u64,
            handleNonce: count as u64,
            recoveryBlockNumber: count.checked_sub(1).map_or(DEPLOYED, |last| self.blocks[last]),
            heldCount: 0,
            requestRoot: B256::ZERO,
            handleRoot: B256::ZERO,
        }
    }

    fn state(&self, height: u64) -> Bridge::BridgeState {
        let Bridge::LaneState { requestNonce, handleNonce, recoveryBlockNumber, .. } =
            self.lane_state(height);
        let members = || Bridge::MemberSet { epoch: 1, threshold: 1, members: vec![Address::repeat_byte(1)] };
        Bridge::BridgeState {
            wired: true,
            paused: false,
            requestsStopped: false,
            development: false,
            defersCalls: false,
            greatestGasCap: 2_000_000,
            chainId: CHAIN_ID,
            deploymentBlock: DEPLOYED,
            wiring: Bridge::Wiring {
                counterpartChainId: CHAIN_ID,
                counterpartDeploymentBlock: DEPLOYED,
                counterpart: BRIDGE,
                outboundBridgeId: B256::repeat_byte(1),
                inboundBridgeId: B256::repeat_byte(1),
            },
            requestNonce,
            requestRoot: B256::ZERO,
            handleNonce,
            handleRoot: B256::ZERO,
            recoveryBlockNumber,
            heldCount: 0,
            pauseNonce: 0,
            configurationNonce: 1,
            refundDelay: 100,
            governanceDelay: 0,
            feeReceiver: Address::ZERO,
            predecessor: Address::ZERO,
            claims: Address::ZERO,
            operators: members(),
            governors: members(),
            pairs: Vec::new(),
            pending: Vec::new(),
        }
    }
}

/// The log of a request, or of its handling.
fn log(nonce: u64, block: u64, is_request: bool) -> Value {
    let data = match is_request {
        true => Bridge::RequestValueTransfer {
            requestNonce: nonce,
            from: Address::repeat_byte(2),
            to: Address::repeat_byte(3),
            kind: 1,
            token: Address::repeat_byte(1),
            refundTo: Address::repeat_byte(4),
            value: U256::from(nonce),
            payload: Bytes::new(),
        }
        .encode_log_data(),
        false => Bridge::HandleValueTransfer { first: nonce, handleNonce: nonce + 1 }.encode_log_data(),
    };
    json!({
        "address": BRIDGE, "topics": data.topics(), "data": data.data,
        "blockNumber": format!("{block:#x}"), "transactionHash": B256::repeat_byte(6),
    })
}
