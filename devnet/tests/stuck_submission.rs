//! A submission that the market leaves behind is replaced at a higher price; one that the node forgets is sent again.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use std::path::Path;

use alloy::providers::Provider;
use polyspan_devnet::endpoint_proxy::Faults;
use polyspan_devnet::eventually::{eventually, eventually_true};
use polyspan_devnet::testing::{Market, PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::traffic::Traffic;
use polyspan_store::{Store, Submission};
use polyspan_types::{BridgeId, Direction, Kind, RequestNonce};
use rusqlite::{Connection, params};
use serde_json::{Value, json};

const LANE: Direction = Direction::MainToService;

/// Far above what a submission offers in a calm market. Unit: wei per gas.
const RUSH: u128 = 50_000_000_000;

/// Far above what a node suggests as a tip. Unit: wei per gas.
const GREED: u128 = 25_000_000_000;

/// Requests made until one is caught in the pool: a block may take the submission first.
const TRIES: u64 = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stuck_submission_is_replaced_and_a_forgotten_one_is_sent_again() {
    let mut network = TestNetwork::running(1, |_| {}).await.unwrap();
    let mut replaced = false;
    let mut nonce = 0;
    while !replaced {
        assert!(nonce < TRIES, "no submission was replaced in {TRIES} tries");
        submit(&network).await;
        call(&network, "anvil_setNextBlockBaseFeePerGas", json!([format!("{RUSH:#x}")])).await;
        network.wait_handled(0, LANE, nonce + 1, PATIENCE).await.unwrap();
        replaced = attempts(&network, nonce).await >= 2;
        nonce += 1;
    }

    submit(&network).await;
    call(&network, "anvil_dropAllTransactions", json!([])).await;
    network.wait_handled(0, LANE, nonce + 1, PATIENCE).await.unwrap();

    network.expect_complete().await.unwrap();
    network.wait_ready(PATIENCE).await.unwrap();
}

/// The node demands a tip that no node suggests. A raise of 12 % at a time would take 29 of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_node_takes_is_priced_by_what_they_demand() {
    let mut network = TestNetwork::running(1, |_| {}).await.unwrap();
    let relay = network.relay("relay-1").unwrap();
    for endpoint in relay.source_endpoints(LANE.opposite()) {
        endpoint.set(Faults { least_tip: Some(GREED), ..Faults::default() });
    }
    request(&network).await;
    network.wait_handled(0, LANE, 1, PATIENCE).await.unwrap();
    assert_eq!(attempts(&network, 0).await, 2, "one at the market's price, one at the node's");

    // Who is told before offers it at once.
    let relay = network.relay_mut("relay-1").unwrap();
    relay.stop().await.unwrap();
    let (name, text) = ("name = \"service\"\n", std::fs::read_to_string(&relay.config).unwrap());
    assert_eq!(text.matches(name).count(), 1, "{text}");
    let tips = format!("{name}min_priority_fee = \"{GREED} wei\"\n");
    std::fs::write(&relay.config, text.replace(name, &tips)).unwrap();
    network.start_relay("relay-1").unwrap();
    request(&network).await;
    network.wait_handled(0, LANE, 2, PATIENCE).await.unwrap();
    assert_eq!(attempts(&network, 1).await, 1, "one at the least tip that is configured");
    network.expect_complete().await.unwrap();
}

/// The time of day is set back by years while a transaction waits that the node has forgotten.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_back_keeps_no_transaction_from_being_sent_again() {
    let mut network = TestNetwork::running(1, |_| {}).await.unwrap();
    // Until the wiring of the bridge is final.
    request(&network).await;
    network.wait_handled(0, LANE, 1, PATIENCE).await.unwrap();
    network.service.make_no_blocks().await.unwrap();
    submit(&network).await;
    network.relay_mut("relay-1").unwrap().kill().await.unwrap();
    call(&network, "anvil_dropAllTransactions", json!([])).await;
    let journal = Connection::open(&network.relay("relay-1").unwrap().store).unwrap();
    let later = i64::try_from(u64::from(u32::MAX) * 1_000).unwrap();
    journal.execute("UPDATE submission SET created_at_ms = ?1 WHERE state = 0", params![later]).unwrap();
    assert!(journal.execute("UPDATE attempt SET sent_at_ms = ?1", params![later]).unwrap() > 0);
    drop(journal);
    network.service.make_blocks_again().await.unwrap();
    network.start_relay("relay-1").unwrap();
    network.wait_handled(0, LANE, 2, PATIENCE).await.unwrap();
    assert_eq!(attempts(&network, 1).await, 1, "the same bytes were sent again");
    network.expect_complete().await.unwrap();
}

/// The leader's node keeps its transaction back, another relay pays, and the market rises above what the leader offered: all that its
/// transaction could still do is to revert.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_do_nothing_any_more_is_cancelled_by_a_transfer_of_nothing() {
    let network = TestNetwork::running(2, |_| {}).await.unwrap();
    let leader = network.leader(0, LANE).await.unwrap();
    let leader = network.relay(&leader).unwrap();
    let nodes = leader.source_endpoints(LANE.opposite());
    nodes.iter().for_each(|node| node.set(Faults::swallow()));
    request(&network).await;
    let lane = network.bridges[0].deployment.lane(LANE).bridge_id;
    let sent = || async { Ok(!submissions(&leader.store, lane).await.is_empty()) };
    eventually_true("the leader sends", PATIENCE, sent).await.unwrap();
    let _market = Market::hold(&network.service, RUSH as u64).await.unwrap();
    network.wait_handled(0, LANE, 1, PATIENCE).await.unwrap();
    nodes.iter().for_each(|node| node.clear());

    let cancelled = || async {
        for attempt in submissions(&leader.store, lane).await.into_iter().flat_map(|one| one.attempts) {
            let receipt = network.service.provider.get_transaction_receipt(attempt.tx_hash).await?;
            if let Some(receipt) = receipt {
                return Ok(Some(receipt));
            }
        }
        Ok(None)
    };
    let receipt = eventually("its account nonce is used", PATIENCE, cancelled).await.unwrap();
    assert_eq!((receipt.gas_used, receipt.to), (21_000, Some(receipt.from)), "{receipt:?}");
    let label = format!("lane=\"{}\"", network.bridges[0].deployment.lane(LANE).id);
    let labels = [label.as_str(), "outcome=\"cancelled\""];
    let told = || async { Ok(leader.metric("polyspan_lane_submissions_total", &labels).await? == Some(1.0)) };
    eventually_true("the lane is told", PATIENCE, told).await.unwrap();
    network.expect_complete().await.unwrap();
}

async fn submissions(store: &Path, lane: BridgeId) -> Vec<Submission> {
    let store = Store::open_read_only(store).await.unwrap();
    let found = store.submissions_for(lane, RequestNonce::ZERO).await.unwrap();
    store.close().await;
    found
}

async fn request(network: &TestNetwork) {
    let traffic = Traffic::new(network, 0, 0).unwrap();
    traffic.request(LANE, Kind::Erc20, fresh_recipient(), 1_000).await.unwrap();
}

/// Makes a request, and returns once its submission waits in the pool of the destination's node.
async fn submit(network: &TestNetwork) {
    request(network).await;
    let waits = || async {
        let status = call(network, "txpool_status", json!([])).await;
        Ok(status["pending"] != json!("0x0"))
    };
    eventually_true("a submission in the pool", PATIENCE, waits).await.unwrap();
}

/// Transactions that were signed for the submission of request `nonce`.
async fn attempts(network: &TestNetwork, nonce: u64) -> usize {
    let lane = network.bridges[0].deployment.lane(LANE).bridge_id;
    let store = Store::open_read_only(&network.relay("relay-1").unwrap().store).await.unwrap();
    let submissions = store.submissions_for(lane, RequestNonce::new(nonce)).await.unwrap();
    store.close().await;
    submissions.iter().map(|submission| submission.attempts.len()).max().unwrap_or(0)
}

async fn call(network: &TestNetwork, method: &'static str, parameters: Value) -> Value {
    network.service.provider.raw_request(method.into(), parameters).await.unwrap()
}
