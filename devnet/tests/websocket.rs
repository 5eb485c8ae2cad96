//! A relay whose endpoints are WebSocket ones, and lose their connections.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use polyspan_devnet::endpoint_proxy::Faults;
use polyspan_devnet::testing::{PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::traffic::Traffic;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_works_over_websocket_and_connects_again() {
    let mut network = TestNetwork::running(1, |spec| spec.websocket = true).await.unwrap();
    transfer(&network).await;
    let relay = network.relay("relay-1").unwrap();
    for endpoint in relay.endpoints() {
        endpoint.set(Faults::down());
    }
    relay.wait_unready(PATIENCE, |part| part.part.contains("chain")).await.unwrap();
    for endpoint in relay.endpoints() {
        endpoint.clear();
    }
    transfer(&network).await;
    network.wait_ready(PATIENCE).await.unwrap();
    network.expect_complete().await.unwrap();
}

async fn transfer(network: &TestNetwork) {
    Traffic::new(network, 0, 0).unwrap().rounds(1, fresh_recipient()).await.unwrap();
    network.wait_blocks_of_both(1).await.unwrap();
    network.wait_all_handled(PATIENCE).await.unwrap();
}
