//! An endpoint that hides or alters what happened: its relay signs nothing, says why, and goes on when it is right again.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use alloy::primitives::U256;
use polyspan_devnet::endpoint_proxy::Faults;
use polyspan_devnet::testing::{PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::traffic::Traffic;
use polyspan_types::{Direction, Kind, RequestNonce};

const LANE: Direction = Direction::MainToService;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_signs_nothing_that_its_endpoint_does_not_prove() {
    let network = TestNetwork::running(1, |spec| spec.finality = "depth 1".parse().unwrap()).await.unwrap();
    transfer(&network).await;
    handled(&network, 1).await;

    let hidden = Faults { hide_request: Some(RequestNonce::new(1)), ..Faults::default() };
    lie_is_noticed(&network, hidden, 1).await;
    let altered =
        Faults { alter_value: Some((RequestNonce::new(2), U256::from(1_000_000_000))), ..Faults::default() };
    lie_is_noticed(&network, altered, 2).await;
    endpoint_of_another_chain_is_noticed(&network, 3).await;
    small_log_ranges_are_worked_through(&network, 4).await;
    a_log_hidden_in_an_earlier_range_is_read_again(&network, 5).await;
    network.expect_complete().await.unwrap();
}

/// Makes request `nonce` while the source's endpoint has `faults`.
async fn lie_is_noticed(network: &TestNetwork, faults: Faults, nonce: u64) {
    let relay = network.relay("relay-1").unwrap();
    let lane = network.bridges[0].deployment.lane(LANE).id.to_string();
    relay.source_endpoint(LANE).set(faults.clone());
    transfer(network).await;
    let reason = relay.wait_unready(PATIENCE, |part| part.part.contains(&lane)).await.unwrap();
    assert!(!reason.reason.is_empty());
    network.destination_chain(LANE).wait_blocks(3).await.unwrap();
    assert_eq!(network.progress(0, LANE).await.unwrap().handled.get(), nonce, "{faults:?} was signed");
    assert!(attested(network).await <= nonce as f64, "{faults:?} was signed");

    relay.source_endpoint(LANE).clear();
    handled(network, nonce + 1).await;
    relay.wait_ready(PATIENCE).await.unwrap();
}

async fn endpoint_of_another_chain_is_noticed(network: &TestNetwork, nonce: u64) {
    let relay = network.relay("relay-1").unwrap();
    let wrong = Faults { chain_id: Some(1), ..Faults::default() };
    // A relay asks for the chain id when it connects again: the endpoint goes down, and comes back as another chain.
    relay.source_endpoint(LANE).set(Faults::down());
    relay.wait_unready(PATIENCE, |part| part.part.contains("main")).await.unwrap();
    relay.source_endpoint(LANE).set(wrong);
    transfer(network).await;
    network.destination_chain(LANE).wait_blocks(4).await.unwrap();
    assert_eq!(network.progress(0, LANE).await.unwrap().handled.get(), nonce);
    relay
        .wait_unready(PATIENCE, |part| part.reason.contains("chain id") || part.reason.contains("chain 1"))
        .await
        .unwrap();

    relay.source_endpoint(LANE).clear();
    handled(network, nonce + 1).await;
    relay.wait_ready(PATIENCE).await.unwrap();
}

async fn small_log_ranges_are_worked_through(network: &TestNetwork, nonce: u64) {
    let relay = network.relay("relay-1").unwrap();
    relay.source_endpoint(LANE).set(Faults::down());
    transfer(network).await;
    // More blocks to catch up with than the endpoint gives at once.
    network.source_chain(LANE).wait_blocks(8).await.unwrap();
    relay.source_endpoint(LANE).set(Faults { max_log_range: Some(2), ..Faults::default() });
    handled(network, nonce + 1).await;
    relay.source_endpoint(LANE).clear();
}

/// The ranges before the last one are stored before anything proves them: what was left out there must be read again.
async fn a_log_hidden_in_an_earlier_range_is_read_again(network: &TestNetwork, nonce: u64) {
    let relay = network.relay("relay-1").unwrap();
    let lane = network.bridges[0].deployment.lane(LANE).id.to_string();
    relay.source_endpoint(LANE).set(Faults::down());
    transfer(network).await;
    network.source_chain(LANE).wait_blocks(6).await.unwrap();
    transfer(network).await;
    network.source_chain(LANE).wait_blocks(6).await.unwrap();
    let hidden = Some(RequestNonce::new(nonce));
    relay.source_endpoint(LANE).set(Faults {
        max_log_range: Some(2),
        hide_request: hidden,
        ..Faults::default()
    });
    relay
        .wait_unready(PATIENCE, |part| {
            part.part == format!("watch {lane}") && part.reason.contains("left out")
        })
        .await
        .unwrap();
    assert_eq!(network.progress(0, LANE).await.unwrap().handled.get(), nonce);
    relay.source_endpoint(LANE).clear();
    handled(network, nonce + 2).await;
    relay.wait_ready(PATIENCE).await.unwrap();
}

async fn transfer(network: &TestNetwork) {
    let traffic = Traffic::new(network, 0, 0).unwrap();
    traffic.request(LANE, Kind::Erc20, fresh_recipient(), 1_000).await.unwrap();
    // In a block, so that its place in the lane is settled.
    network.source_chain(LANE).wait_blocks(1).await.unwrap();
}

async fn handled(network: &TestNetwork, count: u64) {
    network.wait_handled(0, LANE, count, PATIENCE).await.unwrap();
}

async fn attested(network: &TestNetwork) -> f64 {
    let label = format!("lane=\"{}\"", network.bridges[0].deployment.lane(LANE).id);
    let relay = network.relay("relay-1").unwrap();
    relay.metric("polyspan_lane_attested_nonce", &[&label]).await.unwrap().unwrap_or(0.0)
}
