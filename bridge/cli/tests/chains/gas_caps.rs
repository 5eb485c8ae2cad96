//! Gas caps follow what a chain charges for storage, and what it counts beside gas.

use std::fs;

use polyspan_chain::testing::{Reply, ScriptedServer};
use polyspan_chain::{SLOT_GAS, default_greatest_gas_cap};
use serde_json::{Value, json};

use super::network::{Network, text};

/// A slot of the dear chain costs at least so much. Unit: gas.
const DEAR: u64 = 4 * SLOT_GAS - 1_000;

/// Longest creation code of a probe of storage; those of contracts are far longer. Unit: bytes.
const PROBE: usize = 1_000;

/// A network, and an endpoint in front of its main chain.
async fn fronted() -> (Network, ScriptedServer) {
    let network = Network::start().await;
    let front = ScriptedServer::before(network.main.http_url(), |_, _| Reply::forward()).await;
    (network, front)
}

/// A spec or config that names the front.
fn through(network: &Network, front: &ScriptedServer, text: &str) -> String {
    text.replace(network.main.http_url().as_str(), front.url().as_str())
}

/// Has the commands ask the front.
fn configure(network: &Network, front: &ScriptedServer) {
    fs::write(network.path("polyspan.toml"), through(network, front, &network.config(""))).unwrap();
}

/// Whether a call measures something in the creation of something short.
fn is_probe(method: &str, params: &Value) -> bool {
    let call = &params[0];
    let code = call["input"].as_str().or_else(|| call["data"].as_str()).unwrap_or_default();
    method == "eth_call" && call["to"].is_null() && code.len() < 2 * PROBE
}

/// Storage costs four times as much as the chain says.
fn dear_storage(method: &str, params: &Value) -> Reply {
    if !is_probe(method, params) {
        return Reply::forward();
    }
    Reply::Forward(Box::new(|gas| {
        let gas = gas.as_str().unwrap().trim_start_matches("0x");
        json!(format!("{:#066x}", 4 * u64::from_str_radix(gas, 16).unwrap()))
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_of_a_chain_with_dear_storage_has_gas_caps_that_are_enough_there() {
    let (network, front) = fronted().await;
    front.set(dear_storage);
    network.deploy_spec(&through(&network, &front, &network.spec()));
    let status: Value = serde_json::from_str(&network.told_blind(&["status", "--json"])).unwrap();
    let bridges = status["bridges"].as_array().unwrap();
    let cap = |chain: &str| {
        let bridge = bridges.iter().find(|bridge| bridge["chain"] == chain);
        bridge.unwrap()["greatest_gas_cap"].as_u64().unwrap()
    };
    assert_eq!(cap("service"), u64::from(default_greatest_gas_cap(SLOT_GAS)));
    assert!(cap("main") >= u64::from(default_greatest_gas_cap(DEAR)), "{status}");
    // And so have its pairs.
    configure(&network, &front);
    let checked = network.told(&["config", "check"]);
    assert!(!checked.contains("a new storage slot"), "{checked}");
}

/// A node of a Kaia chain, as far as anybody can tell.
fn kaia(method: &str, _: &Value) -> Reply {
    match method {
        "web3_clientVersion" => Reply::Result(json!("Kaia/v2.0.3/linux-amd64/go1.24")),
        _ => Reply::forward(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_of_a_node_that_calls_itself_kaia_defers_calls() {
    let (network, front) = fronted().await;
    front.set(kaia);
    network.deploy_spec(&through(&network, &front, &network.spec()));
    let status = text(&network.polyspan(&["status"]).stdout);
    let told = |chain| status.lines().find(|line| line.contains(&format!(" on {chain}: anyone"))).unwrap();
    assert!(told("main").contains("recipients with code are called in releases only"), "{status}");
    assert!(!told("service").contains("called in releases"), "{status}");
    configure(&network, &front);
    let checked = network.told(&["config", "check"]);
    assert!(!checked.contains("computation cost"), "{checked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_warns_of_a_bridge_on_a_kaia_chain_that_calls_recipients() {
    let (network, front) = fronted().await;
    network.deploy();
    configure(&network, &front);
    let before = network.told(&["config", "check"]);
    assert!(!before.contains("computation cost"), "{before}");
    front.set(kaia);
    let checked = network.told(&["config", "check"]);
    let warning = "warning: bridge kr on main: the chain counts computation cost beside gas, and this bridge calls recipients";
    assert!(checked.contains(warning) && checked.contains("deploy another bridge and migrate"), "{checked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_warns_when_storage_has_become_dearer_and_when_nobody_tells() {
    let (network, front) = fronted().await;
    network.deploy();
    configure(&network, &front);
    let check = || network.told(&["config", "check"]);
    let before = check();
    assert!(!before.contains("a new storage slot"), "{before}");
    front.set(dear_storage);
    let dear = check();
    assert!(dear.contains("warning: bridge kr on main: pair KRT: a new storage slot costs 8"), "{dear}");
    assert!(dear.contains("polyspan governance propose set-gas-cap --pair KRT --gas-cap"), "{dear}");
    assert!(!dear.contains("bridge kr on service: pair"), "{dear}");
    front.set(|method, params| match is_probe(method, params) {
        true => Reply::error(-32601, "creations are not executed here"),
        false => Reply::forward(),
    });
    let unknown = check();
    let warning = "warning: bridge kr on main: what a new storage slot costs cannot be probed";
    assert!(unknown.contains(warning) && unknown.contains("creations are not executed here"), "{unknown}");
}
