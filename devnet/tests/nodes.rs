//! The core of the end-to-end tests and the faults of nodes, on nodes that operators run: geth in full mode, and Hardhat.

#![cfg(feature = "nodes")]

use polyspan_devnet::chain::NodeKind::{self, Geth, Hardhat, Kaia};
use polyspan_devnet::scenarios;
use polyspan_devnet::testing::{demonstrate, play};

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_transfer_is_paid_on_geth_while_operators_are_killed() {
    demonstrate(Geth).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_transfer_is_paid_on_hardhat_while_operators_are_killed() {
    demonstrate(Hardhat).await;
}

#[test]
fn what_a_kind_of_node_cannot_do_is_said_before_anything_starts() {
    let missing = |name, nodes| scenarios::find(name).unwrap().missing_on(nodes);
    assert_eq!(missing("payouts rolled back", Hardhat), Some("takes no blocks back"));
    assert_eq!(missing("nodes of the chains die", Hardhat), Some("keeps nothing when it ends"));
    assert_eq!(missing("lost mempools", Geth), Some("forgets its pool only when it ends"));
    assert_eq!(missing("payouts rolled back", Kaia), Some("takes no blocks back"));
    assert_eq!(missing("leader without funds", Geth), Some("takes no value from accounts"));
    let behind = "endpoint nodes fall behind";
    assert_eq!(missing(behind, Geth), Some("has one node for all relays"));
    assert_eq!(missing(behind, Kaia), None);
    for scenario in scenarios::all().filter(|scenario| scenario.name != behind) {
        assert_eq!(scenario.missing_on(NodeKind::Anvil), None, "{}", scenario.name);
    }
}
