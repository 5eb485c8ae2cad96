//! Relays stopped in the middle of whatever they do hold up nobody, and do no harm when they come back.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use polyspan_devnet::eventually;
use polyspan_devnet::invariants::expect_single_roots;
use polyspan_devnet::testing::{PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::traffic::Traffic;
use polyspan_types::Direction;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frozen_relays_block_nobody_and_come_back_harmless() {
    // Five, of which three are needed: two may be frozen.
    let mut network = TestNetwork::running(5, |_| {}).await.unwrap();
    transfer(&network).await;
    for direction in Direction::ALL {
        let leader = leader(&network, direction).await;
        let other = network
            .relays
            .iter()
            .map(|relay| &relay.spec.name)
            .find(|name| **name != leader)
            .unwrap()
            .clone();
        for name in [&leader, &other] {
            network.relay_mut(name).unwrap().process().unwrap().freeze().unwrap();
        }
        transfer(&network).await;

        for name in [&leader, &other] {
            network.relay_mut(name).unwrap().process().unwrap().thaw().unwrap();
        }
        transfer(&network).await;
        network.wait_ready(PATIENCE).await.unwrap();
    }
    network.expect_complete().await.unwrap();
    expect_single_roots(&network).await.unwrap();
}

/// Requests of all kinds in both directions, made and handled.
async fn transfer(network: &TestNetwork) {
    Traffic::new(network, 0, 0).unwrap().rounds(1, fresh_recipient()).await.unwrap();
    network.wait_blocks_of_both(1).await.unwrap();
    network.wait_all_handled(PATIENCE).await.unwrap();
}

async fn leader(network: &TestNetwork, direction: Direction) -> String {
    let label = format!("lane=\"{}\"", network.bridges[0].deployment.lane(direction).id);
    let look = || async {
        for relay in &network.relays {
            if relay.metric("polyspan_lane_leader", &[&label]).await? == Some(1.0) {
                return Ok(Some(relay.spec.name.clone()));
            }
        }
        Ok(None)
    };
    eventually("a relay leads the lane", PATIENCE, look).await.unwrap()
}
