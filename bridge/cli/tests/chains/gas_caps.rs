//! Gas caps follow what a chain charges for storage, and what it counts beside gas.

use std::fs;

use polyspan_chain::{ChainLimits, SLOT_GAS, default_greatest_gas_cap};
use serde_json::Value;

use super::front::{Answers, Front};
use super::network::{Network, text};

/// A slot of the dear chain costs at least so much, and a little more by the error of estimates. Unit: gas.
const DEAR: u64 = 4 * SLOT_GAS - 1_000;

/// A network, and what its main chain is asked through.
async fn fronted() -> (Network, Front) {
    let network = Network::start().await;
    let front = Front::of(network.main.http_url().as_str());
    (network, front)
}

/// A spec or config that names the front.
fn through(network: &Network, front: &Front, text: &str) -> String {
    text.replace(network.main.http_url().as_str(), &front.url)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_of_a_chain_with_dear_storage_has_gas_caps_that_are_enough_there() {
    let (network, front) = fronted().await;
    front.answer(Answers { probes: Some(4), ..Answers::default() });
    network.deploy_spec(&through(&network, &front, &network.spec()));
    let status: Value = serde_json::from_str(&network.told(&["status", "--json"])).unwrap();
    let bridges = status["bridges"].as_array().unwrap();
    let cap = |chain: &str| {
        let bridge = bridges.iter().find(|bridge| bridge["chain"] == chain);
        bridge.unwrap()["greatest_gas_cap"].as_u64().unwrap()
    };
    assert_eq!(cap("service"), u64::from(default_greatest_gas_cap(SLOT_GAS)));
    assert!(cap("main") >= u64::from(default_greatest_gas_cap(DEAR)), "{status}");
    // And so have its pairs.
    fs::write(network.path("polyspan.toml"), through(&network, &front, &network.config(""))).unwrap();
    let checked = network.told(&["config", "check"]);
    assert!(!checked.contains("a new storage slot"), "{checked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_calls_itself_kaia_fixes_the_greatest_gas_cap() {
    let (network, front) = fronted().await;
    front.answer(Answers { client: Some("Kaia/v2.0.3/linux-amd64/go1.24"), ..Answers::default() });
    network.deploy_spec(&through(&network, &front, &network.spec()));
    let status = text(&network.polyspan(&["status"]).stdout);
    let (cap, fixed) = ChainLimits::Kaia.greatest_gas_cap(SLOT_GAS);
    assert!(fixed && status.contains(&format!("the greatest gas cap is {cap}, for ever")), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_warns_when_storage_has_become_dearer_and_when_nobody_tells() {
    let (network, front) = fronted().await;
    network.deploy();
    fs::write(network.path("polyspan.toml"), through(&network, &front, &network.config(""))).unwrap();
    let check = || network.told(&["config", "check"]);
    let before = check();
    assert!(!before.contains("a new storage slot"), "{before}");
    front.answer(Answers { probes: Some(4), ..Answers::default() });
    let dear = check();
    assert!(dear.contains("warning: bridge kr on main: pair KRT: a new storage slot costs 8"), "{dear}");
    assert!(dear.contains("polyspan governance propose set-gas-cap --pair KRT --gas-cap"), "{dear}");
    assert!(!dear.contains("bridge kr on service: pair"), "{dear}");
    front.answer(Answers { probes: Some(0), ..Answers::default() });
    let unknown = check();
    let warning = "warning: bridge kr on main: what a new storage slot costs cannot be probed";
    assert!(unknown.contains(warning) && unknown.contains("creations are not estimated here"), "{unknown}");
}
