//! One operator of four signs wrong roots: three honest ones finish the transfer, two and the liar never do.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use std::path::Path;

use anyhow::Result;
use polyspan_devnet::eventually_true;
use polyspan_devnet::misbehave::Fault;
use polyspan_devnet::process::ChildProcess;
use polyspan_devnet::testing::{LONG_PATIENCE, PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::traffic::Traffic;
use polyspan_types::Direction;
use tokio::process::Command;

const LIAR: &str = "relay-4";
const LAST_HONEST: &str = "relay-3";

/// Blocks for which a transfer below the threshold is watched.
const WATCHED_BLOCKS: u64 = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_that_lies_changes_nothing() {
    let mut network = TestNetwork::start(4, |spec| spec.finality = "depth 1".parse().unwrap()).await.unwrap();
    assert_eq!(network.spec.threshold, 3);
    for relay in ["relay-1", "relay-2", LAST_HONEST] {
        network.start_relay(relay).unwrap();
    }
    network.wait_ready(PATIENCE).await.unwrap();
    for fault in Fault::ALL {
        let mut liar = start_liar(&network, fault).unwrap();
        three_honest_operators_finish(&network).await;
        two_honest_operators_and_the_liar_do_not(&mut network, fault).await;
        assert_eq!(liar.exited().unwrap(), None, "the liar did not hold out: {}", liar.log_tail(5));
        liar.kill().await.unwrap();
    }
    network.expect_complete().await.unwrap();
}

fn start_liar(network: &TestNetwork, fault: Fault) -> Result<ChildProcess> {
    let mut command = Command::new(Path::new(env!("CARGO_BIN_EXE_devnet")));
    command
        .arg("misbehave")
        .arg("--config")
        .arg(&network.relay(LIAR)?.config)
        .args(["--fault", fault.as_str()]);
    network.spawn(&format!("liar-{}", fault.as_str()), command)
}

async fn three_honest_operators_finish(network: &TestNetwork) {
    Traffic::new(network, 0, 0).unwrap().rounds(1, fresh_recipient()).await.unwrap();
    network.wait_blocks_of_both(1).await.unwrap();
    network.wait_all_handled(PATIENCE).await.unwrap();
    network.expect_complete().await.unwrap();
}

async fn two_honest_operators_and_the_liar_do_not(network: &mut TestNetwork, fault: Fault) {
    network.relay_mut(LAST_HONEST).unwrap().kill().await.unwrap();
    let before = handled(network).await;
    Traffic::new(network, 0, 0).unwrap().rounds(1, fresh_recipient()).await.unwrap();
    conflict_is_seen(network, fault).await;
    network.wait_blocks_of_both(WATCHED_BLOCKS).await.unwrap();
    assert_eq!(handled(network).await, before, "{}: paid below the threshold", fault.as_str());

    network.start_relay(LAST_HONEST).unwrap();
    network.wait_all_handled(LONG_PATIENCE).await.unwrap();
    network.expect_complete().await.unwrap();
}

/// The honest relays notice two roots for one nonce. An invented request has a nonce that nobody else signs yet.
async fn conflict_is_seen(network: &TestNetwork, fault: Fault) {
    if fault == Fault::InventedRequest {
        return;
    }
    let lane = network.bridges[0].deployment.lane(Direction::MainToService).id;
    let label = format!("lane=\"{lane}\"");
    let look = || async {
        let seen = network.relay("relay-1")?.metric("polyspan_lane_conflicting_roots", &[&label]).await?;
        Ok(seen.is_some_and(|nonces| nonces > 0.0))
    };
    eventually_true("an honest relay notices two roots for one nonce", PATIENCE, look).await.unwrap();
}

async fn handled(network: &TestNetwork) -> Vec<u64> {
    let mut handled = Vec::new();
    for direction in Direction::ALL {
        handled.push(network.progress(0, direction).await.unwrap().handled.get());
    }
    handled
}
