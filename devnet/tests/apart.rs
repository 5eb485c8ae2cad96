//! Relays that cannot reach each other bring the lanes on by votes on chain: no coordinator is needed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use alloy::sol_types::SolEvent;
use polyspan_contracts::Bridge::CheckpointVoted;
use polyspan_devnet::testing::{LONG_PATIENCE, PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::traffic::Traffic;
use polyspan_types::Direction;

/// Each relay meets itself only, believes that it leads every lane, and has one attestation of four.
async fn start_apart(network: &mut TestNetwork) {
    let names: Vec<String> = network.relays.iter().map(|relay| relay.spec.name.clone()).collect();
    for name in names {
        let folder = network.spec.directory.join(format!("coordination-of-{name}"));
        let folder = folder.to_str().unwrap().to_owned();
        network.start_relay_with(&name, &[("POLYSPAN_COORDINATION_DIRECTORY", &folder)]).unwrap();
    }
    network.wait_ready(PATIENCE).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relays_without_a_coordinator_finish_transfers_by_votes_on_chain() {
    let mut network = TestNetwork::start(4, |_| {}).await.unwrap();
    assert_eq!(network.spec.threshold, 3);
    start_apart(&mut network).await;
    for _ in 0..2 {
        Traffic::new(&network, 0, 0).unwrap().rounds(2, fresh_recipient()).await.unwrap();
        network.wait_blocks_of_both(2).await.unwrap();
        network.wait_all_handled(LONG_PATIENCE).await.unwrap();
    }
    // One operator less than all: those that are left have to meet at one checkpoint.
    network.relay_mut("relay-1").unwrap().kill().await.unwrap();
    Traffic::new(&network, 0, 0).unwrap().rounds(2, fresh_recipient()).await.unwrap();
    network.wait_blocks_of_both(2).await.unwrap();
    network.wait_all_handled(LONG_PATIENCE).await.unwrap();
    network.expect_complete().await.unwrap();
    for direction in Direction::ALL {
        let destination = network.destination(0, direction).unwrap();
        let votes = destination.logs(&[CheckpointVoted::SIGNATURE_HASH]).await.unwrap();
        assert!(votes.len() >= 6, "{} votes on {direction}", votes.len());
    }
}
