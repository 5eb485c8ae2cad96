//! Relays whose attester keys are at another node: they pay with its signatures, and wait for it without harm.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use anyhow::bail;
use polyspan_devnet::eventually::eventually_true;
use polyspan_devnet::invariants::expect_single_roots;
use polyspan_devnet::testing::{PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::traffic::Traffic;
use polyspan_store::Store;
use polyspan_types::crash::CRASH_VARIABLE;
use polyspan_types::{CrashPoint, Direction, Epoch, Kind, RequestNonce};
use tokio::process::Command;

const LANE: Direction = Direction::MainToService;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attester_keys_at_another_node_pay_transfers_and_are_waited_for() {
    let mut network = TestNetwork::start(2, |spec| spec.remote_attesters = true).await.unwrap();
    // Proof that the relays do not have the keys.
    for relay in &network.relays {
        std::fs::remove_file(&relay.attester.keystore).unwrap();
    }
    network.start_relays().unwrap();
    network.wait_ready(PATIENCE).await.unwrap();
    let (code, told) = asked(&network, &["keys", "check"]).await;
    assert!(code == Some(0) && told.contains("at the remote signer http://127.0.0.1:"), "{told}");

    Traffic::new(&network, 0, 0).unwrap().rounds(1, fresh_recipient()).await.unwrap();
    network.wait_blocks_of_both(1).await.unwrap();
    network.wait_all_handled(PATIENCE).await.unwrap();

    let handled = network.progress(0, LANE).await.unwrap().handled.get();
    network.signer.as_mut().unwrap().process.freeze().unwrap();
    request(&network).await;
    let waits = || async {
        for relay in &network.relays {
            let reasons = relay.readiness().await?.reasons;
            if !reasons.iter().any(|part| part.reason.contains("did not answer within")) {
                bail!("{}: {reasons:?}", relay.spec.name);
            }
        }
        Ok(true)
    };
    eventually_true("both relays wait for their signer", PATIENCE, waits).await.unwrap();
    let label = format!("lane=\"{}\"", network.bridges[0].deployment.lane(LANE).id);
    let failures =
        network.relays[0].metric("polyspan_lane_signing_failures_total", &[&label, "timeout"]).await;
    assert!(failures.unwrap() >= Some(1.0));
    for command in [["keys", "check"], ["config", "check"]] {
        let (code, told) = asked(&network, &command).await;
        assert!(code == Some(2) && told.contains("did not answer within"), "{command:?}: {told}");
    }

    network.signer.as_mut().unwrap().process.thaw().unwrap();
    network.wait_handled(0, LANE, handled + 1, PATIENCE).await.unwrap();
    network.wait_ready(PATIENCE).await.unwrap();
    network.expect_complete().await.unwrap();
    expect_single_roots(&network).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_root_is_claimed_before_it_leaves_the_relay() {
    let mut network = TestNetwork::start(1, |spec| spec.remote_attesters = true).await.unwrap();
    network.start_relays().unwrap();
    request(&network).await;
    network.wait_handled(0, LANE, 1, PATIENCE).await.unwrap();
    network.relay_mut("relay-1").unwrap().stop().await.unwrap();
    request(&network).await;
    // The signer has signed, and the relay dies before it has stored that.
    let point = CrashPoint::BeforeStoringAttestation.name();
    network.start_relay_with("relay-1", &[(CRASH_VARIABLE, point)]).unwrap();
    let process = network.relay_mut("relay-1").unwrap().process().unwrap();
    tokio::time::timeout(PATIENCE, process.wait()).await.unwrap().unwrap();

    let lane = network.bridges[0].deployment.lane(LANE).bridge_id;
    let store = Store::open_read_only(&network.relays[0].store).await.unwrap();
    let claimed = store.signed_root(lane, RequestNonce::new(2)).await.unwrap();
    let own = store.root_at(lane, RequestNonce::new(2)).await.unwrap();
    assert!(claimed.is_some() && claimed == own, "{claimed:?}");
    for epoch in 0..3 {
        let stored = store.attestations(lane, Epoch::new(epoch), RequestNonce::new(1)).await.unwrap();
        assert_eq!(stored, [], "the signature itself was lost");
    }
    store.close().await;

    network.relay_mut("relay-1").unwrap().kill().await.unwrap();
    network.start_relay("relay-1").unwrap();
    network.wait_handled(0, LANE, 2, PATIENCE).await.unwrap();
    network.expect_complete().await.unwrap();
    expect_single_roots(&network).await.unwrap();
}

/// What `polyspan` says to these arguments with the config of the first relay.
async fn asked(network: &TestNetwork, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(&network.binaries.polyspan);
    let config = &network.relays[0].config;
    let output = command.args(arguments).arg("--config").arg(config).output().await.unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

async fn request(network: &TestNetwork) {
    let traffic = Traffic::new(network, 0, 0).unwrap();
    traffic.request(LANE, Kind::Erc20, fresh_recipient(), 1_000).await.unwrap();
}
