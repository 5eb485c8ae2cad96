//! What takes minutes on Kaia's own nodes: every fault that they can have, the bridge of the nodes beside ours, and moving from one to the other.

use polyspan_devnet::chain::NodeKind::Kaia;
use polyspan_devnet::spec::NetworkSpec;
use polyspan_devnet::testing::play;
use polyspan_devnet::{bench, migration};
use tempfile::TempDir;

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
