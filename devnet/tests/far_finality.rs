//! A final block that is farther away than a full node keeps states: geth has those of 128 blocks.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use polyspan_devnet::chain::NodeKind;
use polyspan_devnet::invariants::expect_single_roots;
use polyspan_devnet::spec::NetworkSpec;
use polyspan_devnet::testing::{LONG_PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::traffic::Traffic;

const RELAY: &str = "relay-1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn value_moves_with_a_depth_that_is_greater_than_a_full_node_keeps_states() {
    value_moves(140, |spec| spec.finality = "depth 140".parse().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn value_moves_where_a_node_calls_final_what_is_a_thousand_blocks_old() {
    value_moves(1_000, |spec| spec.finality_distance = Some(1_000)).await;
}

/// Transfers, a start, a restart of all relays, and a start from nothing, each with a final block whose state is gone.
async fn value_moves(distance: u64, change: impl FnOnce(&mut NetworkSpec)) {
    let mut network = far_away(distance, change).await;
    network.start_relays().unwrap();
    network.wait_ready(LONG_PATIENCE).await.unwrap();
    request(&network, distance).await;
    network.wait_all_handled(LONG_PATIENCE).await.unwrap();

    // What was known of newest blocks is forgotten.
    for relay in &mut network.relays {
        relay.stop().await.unwrap();
    }
    request(&network, distance).await;
    network.start_relays().unwrap();
    network.wait_all_handled(LONG_PATIENCE).await.unwrap();

    // And now one of them knows nothing at all.
    network.relay_mut(RELAY).unwrap().kill().await.unwrap();
    network.relay(RELAY).unwrap().lose_store().unwrap();
    network.start_relay(RELAY).unwrap();
    network.wait_ready(LONG_PATIENCE).await.unwrap();
    request(&network, distance).await;
    network.wait_all_handled(LONG_PATIENCE).await.unwrap();

    commands_answer(&network).await;
    network.expect_complete().await.unwrap();
    expect_single_roots(&network).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_that_does_not_finalise_for_a_while_loses_nothing() {
    let mut network = far_away(0, |_| {}).await;
    network.start_relays().unwrap();
    network.wait_ready(LONG_PATIENCE).await.unwrap();
    request(&network, 5).await;
    network.wait_all_handled(LONG_PATIENCE).await.unwrap();

    network.main.finalise(None).await.unwrap();
    network.service.finalise(None).await.unwrap();
    request(&network, 300).await;
    // They come back to a final block whose state is gone, and wait for the chains.
    for relay in &mut network.relays {
        relay.kill().await.unwrap();
    }
    network.start_relays().unwrap();
    network.wait_ready(LONG_PATIENCE).await.unwrap();
    commands_answer(&network).await;

    // The newest final block is still without a state.
    network.main.finalise(Some(200)).await.unwrap();
    network.service.finalise(Some(200)).await.unwrap();
    network.wait_all_handled(LONG_PATIENCE).await.unwrap();
    network.expect_complete().await.unwrap();
}

/// Native payments have no log of a token: what a full node can show of them depends on how old they are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verify_traces_what_is_young_and_says_of_the_rest_why_it_cannot() {
    let mut network = far_away(0, |_| {}).await;
    network.start_relays().unwrap();
    network.wait_ready(LONG_PATIENCE).await.unwrap();
    request(&network, 0).await;
    network.wait_all_handled(LONG_PATIENCE).await.unwrap();
    // Until the payouts are final.
    grow(&network, 10).await;
    let young = verify(&network).await;
    assert!(young.contains("1 by traces") && !young.contains("1 not"), "{young}");
    grow(&network, 200).await;
    let old = verify(&network).await;
    assert!(!old.contains("by traces"), "{old}");
    for part in ["1 not", "do not have the states any more", "use an archive (geth: --gcmode archive"] {
        assert!(old.contains(part), "{part}: {old}");
    }
}

async fn verify(network: &TestNetwork) -> String {
    let output = network.polyspan(&["verify"]).await.unwrap();
    // What people read is wrapped.
    let said = String::from_utf8_lossy(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// A network of geth whose deployment is final, and its state gone where `distance` is far.
async fn far_away(distance: u64, change: impl FnOnce(&mut NetworkSpec)) -> TestNetwork {
    let with_geth = |spec: &mut NetworkSpec| {
        spec.nodes = NodeKind::Geth;
        change(spec);
    };
    let network = TestNetwork::start(3, with_geth).await.unwrap();
    grow(&network, distance + 10).await;
    network
}

/// A request of each kind in each direction, and so many blocks on top.
async fn request(network: &TestNetwork, distance: u64) {
    Traffic::new(network, 0, 0).unwrap().rounds(1, fresh_recipient()).await.unwrap();
    grow(network, distance + 2).await;
}

async fn grow(network: &TestNetwork, blocks: u64) {
    tokio::try_join!(network.main.mine(blocks), network.service.mine(blocks)).unwrap();
}

/// What people ask is answered, by the same nodes.
async fn commands_answer(network: &TestNetwork) {
    for arguments in [
        &["config", "check"][..],
        &["status"],
        &["transfers"],
        &["explain", "kr/main-to-service:0"],
        &["recovery", "plan"],
        &["verify"],
    ] {
        let output = network.polyspan(arguments).await.unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {out}{err}");
    }
}
