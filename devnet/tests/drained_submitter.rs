//! Recipients that take what they are sent while a node estimates, and burn all their gas on chain: each release of their holds reverts at
//! the relay's cost. One is paid for each recipient, up to the budget of the day, and payouts go on meanwhile.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use alloy::primitives::{Address, U256, hex};
use alloy::providers::Provider;
use polyspan_devnet::account;
use polyspan_devnet::eventually_true;
use polyspan_devnet::testing::{LONG_PATIENCE, PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::traffic::Traffic;
use polyspan_types::{Direction, Kind};

const LANE: Direction = Direction::MainToService;
const RELAY: &str = "relay-1";

/// `if (tx.gasprice == 0) stop(); else invalid();`, with the code that returns it. Estimates have no gas price.
const TWO_FACED: [u8; 17] = hex!("673a15600657fe5b0060005260086018f3");

/// Holds of theirs, of which the first recipient has two, and how many releases may revert.
const HOLDS: u64 = 4;
const BUDGET: u64 = 2;

/// What a release that reverts can use at the most. Unit: gas. Source: the gas cap of the native pair, which the recipient burns, and
/// what a release takes around it.
const MOST_GAS: u64 = 250_000;

/// Blocks for which nothing more must be sent: longer than a hold rests after an attempt.
const WATCHED_BLOCKS: u64 = 24;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_that_reverts_is_paid_once_and_within_a_budget() {
    let mut network = TestNetwork::start(1, |_| {}).await.unwrap();
    let config = network.relay(RELAY).unwrap().config.clone();
    let text = std::fs::read_to_string(&config).unwrap();
    let budget = format!("[relay.submission]\nfailed_releases_per_day = {BUDGET}\n");
    std::fs::write(&config, text.replacen("[relay.submission]\n", &budget, 1)).unwrap();
    network.start_relays().unwrap();
    network.wait_ready(PATIENCE).await.unwrap();
    let traffic = Traffic::new(&network, 0, 0).unwrap();
    let first = two_faced(&network).await;
    for holds in 0..HOLDS {
        // The second hold of the first one comes after those of others.
        let two_faced = if holds < 2 { first } else { two_faced(&network).await };
        let hash = traffic.request(LANE, Kind::Native, two_faced, 1).await.unwrap();
        account::succeeded(&network.main, hash).await.unwrap();
    }
    network.wait_handled(0, LANE, HOLDS, PATIENCE).await.unwrap();
    let spent = || async { Ok(released(&network, "reverted").await == BUDGET) };
    eventually_true("the budget is spent", LONG_PATIENCE, spent).await.unwrap();

    for gas in reverted_gas(&network).await {
        // What a stranger can make a submitter pay at a time: docs/operator-guide.md.
        println!("a release that reverted used {gas} gas");
        assert!((MOST_GAS / 2..=MOST_GAS).contains(&gas), "{gas}");
    }

    // Payouts go on, and no release follows.
    let honest = fresh_recipient();
    traffic.request(LANE, Kind::Native, honest, 5).await.unwrap();
    network.wait_handled(0, LANE, HOLDS + 1, PATIENCE).await.unwrap();
    assert_eq!(account::native_balance(&network.service, honest).await.unwrap(), U256::from(5));
    let over = || async { Ok(released(&network, "over_budget").await >= 1) };
    eventually_true("the budget is shown as spent", LONG_PATIENCE, over).await.unwrap();
    let labels = ["chain=\"service\"", "key=\"1\""];
    let left =
        network.relay(RELAY).unwrap().metric("polyspan_submitter_release_budget", &labels).await.unwrap();
    assert_eq!(left, Some(0.0));
    let sent = nonce(&network).await;
    network.service.wait_blocks(WATCHED_BLOCKS).await.unwrap();
    assert_eq!(nonce(&network).await, sent, "a release was sent beyond the budget");

    // It is durable: neither a hold that reverted nor the budget is tried anew after a restart.
    network.relay_mut(RELAY).unwrap().kill().await.unwrap();
    network.start_relays().unwrap();
    network.wait_ready(PATIENCE).await.unwrap();
    network.service.wait_blocks(WATCHED_BLOCKS).await.unwrap();
    assert_eq!(nonce(&network).await, sent, "a release was sent again after a restart");
    let status = network.status().await.unwrap();
    let lanes = status["lanes"].as_array().unwrap();
    let told = lanes.iter().find_map(|lane| lane["oldest_hold"]["next"].as_str()).unwrap();
    assert!(told.contains("reverted on chain"), "{told}");
}

/// A recipient like that.
async fn two_faced(network: &TestNetwork) -> Address {
    account::deploy(&network.service, &network.users[0].signer, TWO_FACED.into()).await.unwrap()
}

/// Gas of each transaction of the submitter that reverted.
async fn reverted_gas(network: &TestNetwork) -> Vec<u64> {
    let (provider, submitter) = (&network.service.provider, submitter(network));
    let newest = provider.get_block_number().await.unwrap();
    let mut used = Vec::new();
    for block in 0..=newest {
        let receipts = provider.get_block_receipts(block.into()).await.unwrap().unwrap_or_default();
        let own = receipts.into_iter().filter(|receipt| receipt.from == submitter && !receipt.status());
        used.extend(own.map(|receipt| receipt.gas_used));
    }
    assert_eq!(used.len() as u64, BUDGET);
    used
}

fn submitter(network: &TestNetwork) -> Address {
    let keys = &network.relay(RELAY).unwrap().submitters;
    keys.iter().find(|(chain, _)| chain == "service").unwrap().1.address()
}

async fn released(network: &TestNetwork, outcome: &str) -> u64 {
    let lane = network.bridges[0].deployment.lane(LANE).id;
    let labels = [format!("lane=\"{lane}\""), format!("outcome=\"{outcome}\"")];
    let labels = [labels[0].as_str(), labels[1].as_str()];
    let count = network.relay(RELAY).unwrap().metric("polyspan_lane_releases_total", &labels).await.unwrap();
    count.unwrap_or_default() as u64
}

/// Transactions that the relay's submitter key has sent on the service chain.
async fn nonce(network: &TestNetwork) -> u64 {
    network.service.provider.get_transaction_count(submitter(network)).await.unwrap()
}
