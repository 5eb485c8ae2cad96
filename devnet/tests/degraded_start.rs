//! A relay that starts is not ready before every part of it is, and one that is started while an endpoint is down starts all the
//! same, says what is missing, and catches up.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use std::time::Duration;

use polyspan_devnet::NetworkSpec;
use polyspan_devnet::endpoint_proxy::Faults;
use polyspan_devnet::testing::{PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::traffic::Traffic;
use polyspan_types::Direction;

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

/// Whoever takes the first answer for granted makes requests that a new store does not sign.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_answer_of_a_relay_names_every_part_that_starts() {
    let finality = |spec: &mut NetworkSpec| spec.finality = "depth 12".parse().unwrap();
    let mut network = TestNetwork::start(1, finality).await.unwrap();
    for _ in 0..3 {
        network.start_relay("relay-1").unwrap();
        let relay = network.relay("relay-1").unwrap();
        // It is asked again and again while it starts, so that a question waits for it when it begins to answer.
        let answered = async {
            loop {
                match relay.readiness().await {
                    Ok(first) => break first,
                    Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
                }
            }
        };
        let first = tokio::time::timeout(PATIENCE, answered).await.unwrap();
        assert!(!first.ready);
        for direction in [Direction::MainToService, Direction::ServiceToMain] {
            let part = format!("attest kr/{direction}");
            assert!(first.reasons.iter().any(|unready| unready.part == part), "{part}: {:?}", first.reasons);
        }
        network.relay_mut("relay-1").unwrap().kill().await.unwrap();
    }
}

fn endpoint<'a>(network: &'a TestNetwork, chain: &str) -> &'a polyspan_devnet::endpoint_proxy::EndpointProxy {
    let relay = network.relay("relay-1").unwrap();
    if chain == "main" { &relay.main_endpoint } else { &relay.service_endpoint }
}
