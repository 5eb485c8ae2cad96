//! The core of the end-to-end tests and the faults of nodes, on nodes that operators run: geth in full mode, and Hardhat.

#![cfg(feature = "nodes")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use std::io::Write;

use polyspan_devnet::chain::NodeKind::{self, Geth, Hardhat};
use polyspan_devnet::demo;
use polyspan_devnet::scenario::{self, Options};
use polyspan_devnet::scenarios;
use polyspan_devnet::spec::{Coordination, NetworkSpec, Place};

/// A test for each: a scenario on nodes of a kind, on this host's loopback.
macro_rules! play {
    ($($test:ident: $name:literal on $nodes:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                play($name, $nodes).await;
            }
        )*
    };
}

play! {
    a_geth_restarts: "nodes of the chains restart" on Geth,
    a_geth_dies_and_gets_its_blocks_again: "nodes of the chains die" on Geth,
    payouts_on_geth_are_rolled_back: "payouts rolled back" on Geth,
    blocks_of_geth_above_finality_are_replaced: "reorg above finality" on Geth,
    a_hardhat_node_freezes: "nodes of the chains freeze" on Hardhat,
    a_hardhat_node_forgets_its_pool: "lost mempools" on Hardhat,
}

async fn play(name: &str, nodes: NodeKind) {
    let folder = tempfile::Builder::new().prefix("polyspan-nodes-").tempdir().unwrap();
    let options = Options {
        directory: folder.path().join("net"),
        nodes,
        place: Place::Loopback,
        coordination: Coordination::Embedded,
        seed: rand::random(),
    };
    let outcome = scenario::run(scenarios::find(name).unwrap(), &options).await.unwrap();
    keep_unless(outcome.is_good(), folder);
    assert!(outcome.is_good(), "{outcome}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_transfer_is_paid_on_geth_while_operators_are_killed() {
    demonstrate(Geth).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_transfer_is_paid_on_hardhat_while_operators_are_killed() {
    demonstrate(Hardhat).await;
}

async fn demonstrate(nodes: NodeKind) {
    let folder = tempfile::Builder::new().prefix("polyspan-nodes-").tempdir().unwrap();
    let first = 1_000_000 + u64::from(rand::random::<u32>());
    let full = NetworkSpec::full(&folder.path().join("net"));
    let spec = NetworkSpec { nodes, chain_ids: [first, first + 1], ..full };
    let verdict = demo::run(spec, 60).await.unwrap();
    keep_unless(verdict.is_good(), folder);
    assert!(verdict.is_good(), "{}", verdict.line());
}

#[test]
fn what_a_kind_of_node_cannot_do_is_said_before_anything_starts() {
    let missing = |name, nodes| scenarios::find(name).unwrap().missing_on(nodes);
    assert_eq!(missing("payouts rolled back", Hardhat), Some("takes no blocks back"));
    assert_eq!(missing("nodes of the chains die", Hardhat), Some("keeps nothing when it ends"));
    assert_eq!(missing("lost mempools", Geth), Some("forgets its pool only when it ends"));
    assert_eq!(missing("leader without funds", Geth), Some("takes no value from accounts"));
    for scenario in scenarios::all() {
        assert_eq!(scenario.missing_on(NodeKind::Anvil), None, "{}", scenario.name);
    }
}

/// Databases and logs of a run that failed are kept, and where.
fn keep_unless(good: bool, folder: tempfile::TempDir) {
    if !good {
        let kept = folder.keep();
        drop(writeln!(std::io::stderr(), "--- logs and databases are kept in {}", kept.display()));
    }
}
