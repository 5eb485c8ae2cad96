//! What takes minutes on Kaia's own nodes: every fault that they can have, the bridge of the nodes beside ours, and moving from one to the other.

use alloy::primitives::{Address, Bytes, U256, bytes};
use polyspan_contracts::testing::HostileRecipient;
use polyspan_devnet::chain::NodeKind::Kaia;
use polyspan_devnet::spec::NetworkSpec;
use polyspan_devnet::testing::{LONG_PATIENCE, TestNetwork, fresh_recipient, play};
use polyspan_devnet::traffic::Traffic;
use polyspan_devnet::{account, bench, eventually_true, migration};
use polyspan_types::{Direction, HoldReason, Kind};
use tempfile::TempDir;

const LANE: Direction = Direction::MainToService;

/// Whenever it is called, it asks BLAKE2F for 2^32 - 1 rounds and gives it no gas: Kaia counts what that would have cost, which is more
/// than a transaction has.
const GLUTTON: Bytes = bytes!(
    "6015" "8060095f395ff3" // the code that creates it
    "63ffffffff60e01b5f52" // the rounds
    "5f5f60d55f60095ffa5000" // the call
);

/// Contracts that are paid next to each other.
const CONTRACTS: usize = 4;

/// Every delivery is checked on the way. How fast it was says nothing here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_bridges_pay_what_was_requested_on_the_same_nodes() {
    let place = TempDir::new().unwrap();
    let report = bench::kaia::run(spec(&place), &[30]).await.unwrap();
    for ratio in ["burst_ratio", "burst_ratio_one", "latency_ratio", "recovery_ratio", "gas_ratio"] {
        let name = format!("kaia.{ratio}");
        let figure = report.figures.iter().find(|figure| figure.name == name).unwrap();
        assert!(figure.value.is_finite() && figure.value > 0.0, "{name} is {}", figure.value);
    }
}

/// It ends well only if everything adds up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bridge_of_the_nodes_is_replaced_by_ours_with_its_liquidity() {
    let place = TempDir::new().unwrap();
    migration::run(spec(&place), 10).await.unwrap();
}

fn spec(place: &TempDir) -> NetworkSpec {
    NetworkSpec { nodes: Kaia, ..NetworkSpec::small(&place.path().join("net"), 4) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sen_is_down_with_its_relay_again_and_again() {
    play("all SENs stopped and started repeatedly", Kaia).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_of_leaders_fall_behind() {
    play("endpoint nodes fall behind", Kaia).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_nodes_of_a_chain_restart() {
    play("nodes of the chains restart", Kaia).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endpoint_nodes_and_a_maker_of_blocks_die() {
    play("nodes of the chains die", Kaia).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_nodes_of_a_chain_freeze() {
    play("nodes of the chains freeze", Kaia).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recipient_that_uses_up_what_a_transaction_has_stops_nobody() {
    let network = TestNetwork::running(4, |spec| spec.nodes = Kaia).await.unwrap();
    let (service, deployer) = (&network.service, &network.users[0].signer);
    let glutton = account::deploy(service, deployer, GLUTTON).await.unwrap();
    let mut contracts = Vec::new();
    for _ in 0..CONTRACTS {
        contracts.push(account::deploy(service, deployer, HostileRecipient::BYTECODE.clone()).await.unwrap());
    }
    let user = fresh_recipient();
    let traffic = Traffic::new(&network, 0, 0).unwrap();
    for kind in [Kind::Native, Kind::Erc721, Kind::Erc1155] {
        traffic.request(LANE, kind, glutton, 1_000).await.unwrap();
    }
    for to in contracts.iter().copied().chain([user]) {
        traffic.request(LANE, Kind::Native, to, 1_000).await.unwrap();
    }
    let count = 4 + CONTRACTS;
    network.wait_handled(0, LANE, count as u64, LONG_PATIENCE).await.unwrap();
    let destination = || network.destination(0, LANE).unwrap();
    let held = destination().handled().await.unwrap().held;
    assert_eq!(held.len(), count - 1, "the user is paid: {held:?}");
    assert!(held.iter().all(|held| held.reason == HoldReason::CallDeferred), "{held:?}");
    let balance = async |account: Address| account::native_balance(service, account).await.unwrap();
    assert_eq!(balance(user).await, U256::from(1_000));

    // Nobody waits for what the glutton makes fail.
    let released = || async { Ok(destination().handled().await?.endings.len() >= CONTRACTS) };
    eventually_true("the other contracts are paid", LONG_PATIENCE, released).await.unwrap();
    for contract in contracts {
        assert_eq!(balance(contract).await, U256::from(1_000));
    }
    // The oldest is the glutton's: it was tried once, and its others come behind everybody's.
    let mut reverted = 0.0;
    for relay in &network.relays {
        let labels = ["lane=\"kr/main-to-service\"", "outcome=\"reverted\""];
        reverted += relay.metric("polyspan_lane_releases_total", &labels).await.unwrap().unwrap_or(0.0);
    }
    assert_eq!((reverted, balance(glutton).await), (1.0, U256::ZERO));
    let audit = network.audit().await.unwrap().remove(0);
    audit.expect_complete().unwrap();
    assert_eq!((audit.total().released, audit.total().on_hold), (CONTRACTS as u64, 3), "{audit}");
}
