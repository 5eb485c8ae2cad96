//! The core of the end-to-end tests and the faults of nodes, on nodes that operators run: geth in full mode, and Hardhat. And what
//! the devnet's own nodes need to be restarted.

use std::fs;

use alloy::network::TransactionBuilder;
use alloy::primitives::U256;
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use polyspan_devnet::account;
use polyspan_devnet::chain::NodeKind::{self, Anvil, Geth, Hardhat, Kaia};
use polyspan_devnet::chain::{Chain, ChainSpec};
use polyspan_devnet::process::Warden;
use polyspan_devnet::scenarios;
use polyspan_devnet::testing::{demonstrate, play};
use polyspan_devnet::tokens::WHOLE;
use serde_json::Value;

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

/// geth counts a transaction a moment after it took it: who asks for the next nonce meanwhile is given one that is taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_whose_nonce_is_taken_goes_out_with_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let warden = Warden::start().unwrap();
    let spec = ChainSpec::alone("alone", Geth, None);
    let chain = Chain::start(&spec, &warden, folder.path()).await.unwrap();
    let payer = PrivateKeySigner::random();
    chain.fund(&[(payer.address(), U256::from(1_000 * WHOLE))]).await.unwrap();
    let nowhere = TransactionRequest::default().with_to(payer.address());
    let another = nowhere.clone().with_value(U256::from(1));
    let mut sent = Vec::new();
    for transaction in [&nowhere, &nowhere, &another] {
        sent.push(account::send_from(&chain, &payer, transaction.clone(), 0).await.unwrap());
    }
    for hash in sent {
        account::succeeded(&chain, hash).await.unwrap();
    }
    assert_eq!(chain.provider.get_transaction_count(payer.address()).await.unwrap(), 3);
    let poor = PrivateKeySigner::random();
    let refused = account::send(&chain, &poor, nowhere).await.unwrap_err();
    assert!(format!("{refused:#}").contains("insufficient funds"), "{refused:#}");
}

/// anvil that is asked to end while it makes a block writes that block, and the number of the one before it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_anvil_whose_state_is_torn_is_not_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let warden = Warden::start().unwrap();
    let spec = ChainSpec { durable: true, ..ChainSpec::alone("torn", Anvil, None) };
    let mut chain = Chain::start(&spec, &warden, folder.path()).await.unwrap();
    chain.stop().await.unwrap();
    chain.start_again().await.unwrap();
    chain.wait_blocks(2).await.unwrap();
    chain.stop().await.unwrap();

    let file = folder.path().join("chain-torn.state.json");
    let mut state: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let newest = state["best_block_number"].as_u64().unwrap();
    assert_eq!(state["block"]["number"], format!("{newest:#x}"), "what stop leaves is whole");
    state["block"]["number"] = format!("{:#x}", newest - 1).into();
    fs::write(&file, state.to_string()).unwrap();
    let refused = chain.start_again().await.unwrap_err();
    assert!(format!("{refused:#}").contains("start over in an empty folder"), "{refused:#}");
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
