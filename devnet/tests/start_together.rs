//! Relays that start at once over a backlog neither race for its first piece nor vote on chain beside a leader.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use std::collections::BTreeSet;

use alloy::network::TransactionResponse;
use alloy::primitives::Address;
use alloy::providers::Provider;
use alloy::sol_types::SolEvent;
use polyspan_contracts::Bridge::CheckpointVoted;
use polyspan_devnet::eventually::eventually_true;
use polyspan_devnet::testing::{LONG_PATIENCE, PATIENCE, TestNetwork};
use polyspan_devnet::traffic::Traffic;
use polyspan_types::Direction;

const LANE: Direction = Direction::MainToService;

/// Several submissions of any relay.
const WAITING: usize = 250;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relays_that_start_together_leave_the_backlog_to_one_of_them() {
    let mut network = TestNetwork::seasoned(4, |_| {}).await.unwrap();
    Traffic::new(&network, 0, 0).unwrap().backlog(LANE, WAITING).await.unwrap();
    let before = network.service.provider.get_block_number().await.unwrap();

    network.start_relays().unwrap();
    network.wait_all_handled(LONG_PATIENCE).await.unwrap();
    network.wait_blocks_of_both(2).await.unwrap();
    let votes = network.destination(0, LANE).unwrap().logs(&[CheckpointVoted::SIGNATURE_HASH]).await.unwrap();
    let votes: Vec<_> = votes.into_iter().filter(|vote| vote.block_number > Some(before)).collect();
    assert!(votes.is_empty(), "votes on chain, each as dear as three payouts: {votes:?}");
    let leader = network.leader(0, LANE).await.unwrap();
    let lane = format!("lane=\"{}\"", network.bridges[0].deployment.lane(LANE).id);
    let names = ["polyspan_lane_in_flight_submissions", "polyspan_lane_in_flight_limit_submissions"];
    // A lane that has worked off a backlog has its pace.
    let settled = || async {
        let [waiting, limit] = network.relay(&leader)?.metrics(names, &[&lane]).await?;
        Ok(waiting == Some(0.0) && limit >= Some(2.0))
    };
    eventually_true("nothing is on its way, and much may be", PATIENCE, settled).await.unwrap();

    let reverted = reverted(&network, before + 1).await;
    assert!(reverted.is_empty(), "paid in vain: {reverted:?}");
    network.expect_complete().await.unwrap();
}

/// What submitters paid for in vain: block and key of each.
async fn reverted(network: &TestNetwork, from: u64) -> Vec<(u64, Address)> {
    let keys: BTreeSet<_> = network
        .relays
        .iter()
        .flat_map(|relay| &relay.submitters)
        .filter(|(chain, _)| *chain == network.service.name)
        .map(|(_, key)| key.address())
        .collect();
    let provider = &network.service.provider;
    let (mut sent, mut found) = (0, Vec::new());
    for number in from..=provider.get_block_number().await.unwrap() {
        let block = provider.get_block_by_number(number.into()).full().await.unwrap().unwrap();
        for transaction in block.transactions.txns().filter(|transaction| keys.contains(&transaction.from()))
        {
            let receipt = provider.get_transaction_receipt(transaction.tx_hash()).await.unwrap().unwrap();
            sent += 1;
            if !receipt.status() {
                found.push((number, transaction.from()));
            }
        }
    }
    assert!(sent > 1, "{sent} submissions: too few to race for");
    found
}
