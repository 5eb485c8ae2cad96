//! A relay that is started while an endpoint is down starts all the same, says what is missing, and catches up.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use polyspan_devnet::endpoint_proxy::Faults;
use polyspan_devnet::testing::{PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::traffic::Traffic;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_started_without_an_endpoint_catches_up() {
    let mut network = TestNetwork::seasoned(1, |_| {}).await.unwrap();
    for (chain, faults) in [
        ("main", Faults::down()),
        ("service", Faults::hang()),
        ("main", Faults::hang()),
        ("service", Faults::down()),
    ] {
        let recipient = fresh_recipient();
        Traffic::new(&network, 0, 0).unwrap().rounds(1, recipient).await.unwrap();
        endpoint(&network, chain).set(faults);
        network.start_relay("relay-1").unwrap();
        let relay = network.relay("relay-1").unwrap();
        relay.wait_unready(PATIENCE, |part| part.part.contains(chain)).await.unwrap();
        network.expect_alive().unwrap();

        endpoint(&network, chain).clear();
        network.wait_all_handled(PATIENCE).await.unwrap();
        network.wait_ready(PATIENCE).await.unwrap();
        network.relay_mut("relay-1").unwrap().stop().await.unwrap();
    }
    network.expect_complete().await.unwrap();
}

fn endpoint<'a>(network: &'a TestNetwork, chain: &str) -> &'a polyspan_devnet::endpoint_proxy::EndpointProxy {
    let relay = network.relay("relay-1").unwrap();
    if chain == "main" { &relay.main_endpoint } else { &relay.service_endpoint }
}
