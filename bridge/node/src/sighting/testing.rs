//! A scripted chain whose final block is farther back than the states that its node keeps.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use alloy::primitives::{Address, B256};
use alloy::sol_types::SolCall;
use polyspan_chain::testing::{Reply, ScriptedServer};
use polyspan_chain::{Chain, ChainSettings, Head, Quorum};
use polyspan_contracts::Bridge;
use polyspan_types::ChainId;
use serde_json::{Value, json};

/// Blocks behind the newest one that the final one is in most tests, and that states are kept for.
pub(crate) const FAR: u64 = 140;
const STATES_KEPT: u64 = 128;
const CHAIN_ID: u64 = 31003;

/// An account nonce that all others of its account are below.
pub(crate) const ACCOUNT_NONCE: u64 = 7;

/// What the chain is like. A block number of `u64::MAX` is never.
#[derive(Debug, Clone)]
pub(crate) struct FarWorld {
    pub(crate) head: u64,
    /// Blocks from this one on were replaced by others.
    pub(crate) replaced_from: u64,
    /// The first block with [`ACCOUNT_NONCE`].
    pub(crate) used_from: u64,
    /// The first block in which the bridge is paused, and the first in which it was unpaused.
    pub(crate) paused_from: u64,
    pub(crate) unpaused_from: u64,
}

impl FarWorld {
    fn answer(&self, method: &str, params: &Value) -> Reply {
        match method {
            "eth_chainId" => Reply::Result(json!(format!("{CHAIN_ID:#x}"))),
            "eth_getBlockByNumber" => {
                let number = params[0].as_str().and_then(|text| text.strip_prefix("0x"));
                let height = number.map_or(self.head, |hex| u64::from_str_radix(hex, 16).unwrap());
                let number = format!("{height:#x}");
                Reply::Result(json!({ "number": number, "hash": self.hash(height), "timestamp": "0x1" }))
            }
            "eth_getTransactionReceipt" => Reply::Result(Value::Null),
            "eth_call" | "eth_getTransactionCount" => match self.height_of(&params[1]) {
                None => Reply::error(-32000, "header for hash not found"),
                Some(height) if self.head.saturating_sub(height) > STATES_KEPT => {
                    Reply::error(-32000, format!("historical state {} is not available", self.hash(height)))
                }
                Some(height) if method == "eth_call" => {
                    let call = params[0]["input"].as_str().or(params[0]["data"].as_str()).unwrap();
                    let is_whole =
                        call.starts_with(&alloy::hex::encode_prefixed(Bridge::stateCall::SELECTOR));
                    let state = if is_whole { self.bridge(height) } else { self.lane(height) };
                    Reply::Result(json!(alloy::hex::encode_prefixed(state)))
                }
                Some(height) => {
                    let count = ACCOUNT_NONCE + u64::from(height >= self.used_from);
                    Reply::Result(json!(format!("{count:#x}")))
                }
            },
            other => panic!("{other} was not expected"),
        }
    }

    fn hash(&self, height: u64) -> B256 {
        let mut hash = B256::left_padding_from(&height.to_be_bytes());
        hash.0[0] = u8::from(height >= self.replaced_from);
        hash
    }

    fn height_of(&self, at: &Value) -> Option<u64> {
        let Some(asked) = at["blockHash"].as_str() else { return Some(self.head) };
        let asked: B256 = asked.parse().unwrap();
        let height = u64::from_be_bytes(asked.0[24..].try_into().unwrap());
        (height <= self.head && self.hash(height) == asked).then_some(height)
    }

    fn is_paused(&self, height: u64) -> bool {
        (self.paused_from..self.unpaused_from).contains(&height)
    }

    fn lane(&self, height: u64) -> Vec<u8> {
        Bridge::laneStateCall::abi_encode_returns(&Bridge::LaneState {
            paused: self.is_paused(height),
            operatorEpoch: 1,
            requestNonce: 0,
            handleNonce: 0,
            recoveryBlockNumber: 0,
            heldCount: 0,
            requestRoot: B256::ZERO,
            handleRoot: B256::ZERO,
        })
    }

    fn bridge(&self, height: u64) -> Vec<u8> {
        let members = || Bridge::MemberSet { epoch: 1, threshold: 1, members: vec![Address::ZERO] };
        Bridge::stateCall::abi_encode_returns(&Bridge::BridgeState {
            wired: true,
            paused: self.is_paused(height),
            requestsStopped: false,
            development: false,
            defersCalls: false,
            greatestGasCap: 1_000_000,
            chainId: CHAIN_ID,
            deploymentBlock: 1,
            wiring: Bridge::Wiring {
                counterpartChainId: 1,
                counterpartDeploymentBlock: 1,
                counterpart: Address::ZERO,
                outboundBridgeId: B256::ZERO,
                inboundBridgeId: B256::ZERO,
            },
            requestNonce: 0,
            requestRoot: B256::ZERO,
            handleNonce: 0,
            handleRoot: B256::ZERO,
            recoveryBlockNumber: 0,
            heldCount: 0,
            pauseNonce: u64::from(height >= self.unpaused_from),
            configurationNonce: 1,
            refundDelay: 1,
            governanceDelay: 0,
            feeReceiver: Address::ZERO,
            predecessor: Address::ZERO,
            claims: Address::ZERO,
            operators: members(),
            governors: members(),
            pairs: Vec::new(),
            pending: Vec::new(),
        })
    }
}

/// The chain, and its endpoint.
pub(crate) struct FarChain {
    _server: ScriptedServer,
    world: Arc<Mutex<FarWorld>>,
    pub(crate) chain: Chain,
}

impl FarChain {
    /// At block 1000, with a final block that is `depth` behind the newest one.
    pub(crate) async fn new(depth: u64) -> Self {
        let world = Arc::new(Mutex::new(FarWorld {
            head: 1_000,
            replaced_from: u64::MAX,
            used_from: u64::MAX,
            paused_from: u64::MAX,
            unpaused_from: u64::MAX,
        }));
        let current = Arc::clone(&world);
        let answer = move |method: &str, params: &Value| current.lock().unwrap().answer(method, params);
        let server = ScriptedServer::start(answer).await;
        let chain = Chain::new(ChainSettings {
            name: "far".to_owned(),
            chain_id: ChainId::new(CHAIN_ID),
            endpoints: vec![server.url()],
            quorum: Quorum::majority(1),
            finality: format!("depth {depth}").parse().unwrap(),
            poll_interval: Duration::from_millis(30),
            request_timeout: Duration::from_secs(5),
            max_log_range: 20_000,
        })
        .unwrap();
        Self { _server: server, world, chain }
    }

    pub(crate) fn world(&self, change: impl FnOnce(&mut FarWorld)) {
        change(&mut self.world.lock().unwrap());
    }

    pub(crate) async fn head_at(&self, height: u64) -> Head {
        self.world(|world| world.head = height);
        self.chain.head().await.unwrap()
    }
}
