//! A leader whose submitter key cannot goes on with a spare, and comes back to the first one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use alloy::primitives::{Address, U256};
use alloy::providers::Provider;
use anyhow::bail;
use polyspan_devnet::eventually::eventually_true;
use polyspan_devnet::relay::UnreadyPart;
use polyspan_devnet::testing::{Market, PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::traffic::Traffic;
use polyspan_store::Store;
use polyspan_types::{Direction, Kind, RequestNonce};
use serde_json::{Value, json};

const LANE: Direction = Direction::MainToService;

/// The chain that it is paid on.
const CHAIN: &str = "chain=\"service\"";

/// Unit: wei per gas.
const GWEI: u64 = 1_000_000_000;

/// Requests made until one is caught in the pool: a block may take the submission first.
const TRIES: u64 = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_without_funds_goes_on_with_its_spare_and_comes_back_when_funded() {
    let network = TestNetwork::running(1, |spec| spec.spare_submitters = 1).await.unwrap();
    let [first, spare] = keys(&network);
    request(&network).await;
    network.wait_handled(0, LANE, 1, PATIENCE).await.unwrap();
    assert_eq!(payer(&network, 0).await, first);

    network.service.set_balance(first, U256::from(1)).await.unwrap();
    request(&network).await;
    network.wait_handled(0, LANE, 2, PATIENCE).await.unwrap();
    assert_eq!(payer(&network, 1).await, spare);
    wait_standing(&network, "unfunded").await;
    // It works, and whoever looks is told.
    network.relays[0].wait_ready(PATIENCE).await.unwrap();
    let told = || async {
        let remarks = network.status().await?["remarks"].to_string();
        if !remarks.contains("submitter key 1 on service is unfunded") || !remarks.contains("(key 2 pays)") {
            bail!("{remarks}");
        }
        Ok(true)
    };
    eventually_true("status tells of the key", PATIENCE, told).await.unwrap();
    let balance = network.relays[0].metric("polyspan_submitter_balance_wei", &[CHAIN, "key=\"1\""]).await;
    assert_eq!(balance.unwrap(), Some(1.0));

    network.service.set_balance(first, U256::from(10).pow(U256::from(18))).await.unwrap();
    wait_standing(&network, "able").await;
    request(&network).await;
    network.wait_handled(0, LANE, 3, PATIENCE).await.unwrap();
    assert_eq!(payer(&network, 2).await, first);
    network.expect_complete().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stuck_account_nonce_does_not_hold_up_a_lane_that_has_a_spare() {
    let cap = |spec: &mut polyspan_devnet::spec::NetworkSpec| {
        spec.spare_submitters = 1;
        spec.max_fee_per_gas = "100 gwei";
    };
    let network = TestNetwork::running(1, cap).await.unwrap();
    let [first, spare] = keys(&network);
    // A submission offers twice this and a little: 95 gwei or so.
    let market = Market::hold(&network.service, 47 * GWEI).await.unwrap();
    let mut nonce = 0;
    loop {
        assert!(nonce < TRIES, "no submission was left behind in {TRIES} tries");
        submit(&network).await;
        // Above what it offers, and below the cap; a replacement would have to offer more than the cap.
        market.set(98 * GWEI);
        network.wait_handled(0, LANE, nonce + 1, PATIENCE).await.unwrap();
        if payer(&network, nonce).await == spare {
            break;
        }
        market.set(47 * GWEI);
        network.service.wait_blocks(2).await.unwrap();
        nonce += 1;
    }
    wait_standing(&network, "stuck").await;
    network.relays[0].wait_ready(PATIENCE).await.unwrap();
    let passes = network.relays[0].metric("polyspan_submitter_passes_total", &[CHAIN, "stuck"]).await;
    assert_eq!(passes.unwrap(), Some(1.0));
    // The next one does not wait for it either.
    request(&network).await;
    network.wait_handled(0, LANE, nonce + 2, PATIENCE).await.unwrap();
    assert_eq!(payer(&network, nonce + 1).await, spare);

    // What was stuck is mined in the end, pays nothing twice, and its key is used again.
    market.set(47 * GWEI);
    wait_standing(&network, "able").await;
    request(&network).await;
    network.wait_handled(0, LANE, nonce + 3, PATIENCE).await.unwrap();
    assert_eq!(payer(&network, nonce + 2).await, first);
    network.expect_complete().await.unwrap();
}

/// Only one of them leads and would notice by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_all_submitters_are_empty_every_relay_says_so() {
    let network = TestNetwork::running(3, |spec| spec.spare_submitters = 1).await.unwrap();
    for relay in &network.relays {
        for (_, key) in relay.submitters.iter().filter(|(chain, _)| chain == "service") {
            network.service.set_balance(key.address(), U256::from(1)).await.unwrap();
        }
    }
    for relay in &network.relays {
        let says = |part: &UnreadyPart| {
            part.part == "submitter service"
                && part.reason.contains("submitter key 1")
                && part.reason.contains("submitter key 2")
                && part.reason.contains("fund it")
        };
        relay.wait_unready(PATIENCE, says).await.unwrap();
    }
}

/// The submitter key of the only relay on the service chain, and its spare.
fn keys(network: &TestNetwork) -> [Address; 2] {
    let keys = network.relays[0].submitters.iter().filter(|(chain, _)| chain == "service");
    keys.map(|(_, key)| key.address()).collect::<Vec<_>>().try_into().unwrap()
}

async fn wait_standing(network: &TestNetwork, standing: &str) {
    let labels = [CHAIN, "key=\"1\"", standing];
    let stands = || async {
        let metric = network.relays[0].metric("polyspan_submitter_standing", &labels).await?;
        Ok(metric == Some(1.0))
    };
    eventually_true(&format!("the first key is {standing}"), PATIENCE, stands).await.unwrap();
}

/// Who paid for request `nonce`, by the chain.
async fn payer(network: &TestNetwork, nonce: u64) -> Address {
    let lane = network.bridges[0].deployment.lane(LANE).bridge_id;
    let store = Store::open_read_only(&network.relays[0].store).await.unwrap();
    let submissions = store.submissions_for(lane, RequestNonce::new(nonce)).await.unwrap();
    store.close().await;
    for submission in submissions {
        for attempt in submission.attempts {
            let receipt = network.service.provider.get_transaction_receipt(attempt.tx_hash).await.unwrap();
            if receipt.is_some_and(|receipt| receipt.status()) {
                return submission.submitter;
            }
        }
    }
    panic!("nobody paid for request {nonce}");
}

async fn request(network: &TestNetwork) {
    let traffic = Traffic::new(network, 0, 0).unwrap();
    traffic.request(LANE, Kind::Erc20, fresh_recipient(), 1_000).await.unwrap();
}

/// Makes a request, and returns once its submission waits in the pool of the destination's node, or is mined.
async fn submit(network: &TestNetwork) {
    let before = network.progress(0, LANE).await.unwrap().handled;
    request(network).await;
    let waits = || async {
        let status = call(network, "txpool_status", json!([])).await;
        Ok(status["pending"] != json!("0x0") || network.progress(0, LANE).await?.handled > before)
    };
    eventually_true("a submission in the pool", PATIENCE, waits).await.unwrap();
}

async fn call(network: &TestNetwork, method: &'static str, parameters: Value) -> Value {
    network.service.provider.raw_request(method.into(), parameters).await.unwrap()
}
