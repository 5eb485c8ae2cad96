//! A submission that the market leaves behind is replaced at a higher price; one that the node forgets is sent again.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use alloy::providers::Provider;
use polyspan_devnet::eventually::eventually_true;
use polyspan_devnet::testing::{PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::traffic::Traffic;
use polyspan_store::Store;
use polyspan_types::{Direction, Kind, RequestNonce};
use serde_json::{Value, json};

const LANE: Direction = Direction::MainToService;

/// Far above what a submission offers in a calm market. Unit: wei per gas.
const RUSH: u128 = 50_000_000_000;

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

/// Makes a request, and returns once its submission waits in the pool of the destination's node.
async fn submit(network: &TestNetwork) {
    let traffic = Traffic::new(network, 0, 0).unwrap();
    traffic.request(LANE, Kind::Erc20, fresh_recipient(), 1_000).await.unwrap();
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
