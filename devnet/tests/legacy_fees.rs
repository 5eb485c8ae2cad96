//! Chains on which gas costs nothing.
//!
//! A chain without EIP-1559 at all cannot be made here: the contracts need the instructions of Cancun, and anvil offers
//! those only together with base fees. Reading the price of such a chain is tested on an anvil with the rules of Istanbul
//! (`bridge/chain/tests`), pricing and signing in `bridge/node/src/submitter`.

use alloy::providers::Provider;
use polyspan_devnet::testing::{PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::traffic::Traffic;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transfers_go_through_where_gas_costs_nothing() {
    let network = TestNetwork::running(1, |spec| spec.free_gas = true).await.unwrap();
    for chain in [&network.main, &network.service] {
        assert_eq!(chain.provider.get_gas_price().await.unwrap(), 0, "{} wants to be paid", chain.name);
    }
    Traffic::new(&network, 0, 0).unwrap().rounds(2, fresh_recipient()).await.unwrap();
    network.wait_blocks_of_both(1).await.unwrap();
    network.wait_all_handled(PATIENCE).await.unwrap();
    network.expect_complete().await.unwrap();
}
