//! A relay that has lost its database is useful again within seconds, and signs nothing that it may have signed before.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use std::process::Output;

use alloy::primitives::B256;
use alloy::sol_types::SolEvent;
use polyspan_contracts::Bridge::CheckpointVoted;
use polyspan_devnet::eventually::eventually_true;
use polyspan_devnet::invariants::expect_single_roots;
use polyspan_devnet::testing::{LONG_PATIENCE, PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::traffic::Traffic;
use polyspan_store::Store;
use polyspan_types::{Direction, Kind};

const LANE: Direction = Direction::MainToService;
const LOST: &str = "relay-1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_whose_database_is_deleted_under_traffic_is_soon_needed_for_the_threshold_again() {
    let mut network = TestNetwork::running(2, |_| {}).await.unwrap();
    assert_eq!(network.spec.threshold, 2, "none of them can be done without");
    Traffic::new(&network, 0, 0).unwrap().rounds(2, fresh_recipient()).await.unwrap();
    network.wait_all_handled(LONG_PATIENCE).await.unwrap();

    network.relay_mut(LOST).unwrap().kill().await.unwrap();
    // Nobody handles them: the threshold needs the one that is away.
    Traffic::new(&network, 0, 0).unwrap().rounds(1, fresh_recipient()).await.unwrap();
    network.wait_blocks_of_both(2).await.unwrap();
    lose_store(&network);
    network.start_relay(LOST).unwrap();
    network.wait_blocks_of_both(3).await.unwrap();
    says_why(&network).await;
    // The next request covers them.
    Traffic::new(&network, 0, 0).unwrap().rounds(1, fresh_recipient()).await.unwrap();
    network.wait_all_handled(LONG_PATIENCE).await.unwrap();
    network.expect_complete().await.unwrap();

    let store = Store::open_read_only(&network.relay(LOST).unwrap().store).await.unwrap();
    let lane = network.bridges[0].deployment.lane(Direction::MainToService).bridge_id;
    let base = store.source_position(lane).await.unwrap().base.unwrap();
    assert!(base.nonce.get() > 0, "it has not read from the deployment on");
    let floor = store.sign_floor(lane).await.unwrap().floor().unwrap();
    assert!(floor > base.nonce, "{floor} {base:?}");
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_adopted_is_signed_by_a_relay_that_has_lost_its_database() {
    let mut network = TestNetwork::running(1, |_| {}).await.unwrap();
    Traffic::new(&network, 0, 0).unwrap().rounds(1, fresh_recipient()).await.unwrap();
    network.wait_all_handled(LONG_PATIENCE).await.unwrap();
    let running = adopt(&network, Direction::MainToService, 1_000).await;
    assert_eq!(running.status.code(), Some(2), "{running:?}");
    assert!(
        String::from_utf8_lossy(&running.stderr).contains("needs the relay to be stopped"),
        "{running:?}"
    );
    network.relay_mut(LOST).unwrap().stop().await.unwrap();
    Traffic::new(&network, 0, 0).unwrap().rounds(1, fresh_recipient()).await.unwrap();
    network.wait_blocks_of_both(2).await.unwrap();
    lose_store(&network);
    for direction in Direction::ALL {
        let requested = network.progress(0, direction).await.unwrap().requested.get();
        let done = adopt(&network, direction, requested).await;
        assert!(done.status.success(), "{done:?}");
    }
    network.start_relay(LOST).unwrap();
    network.wait_all_handled(LONG_PATIENCE).await.unwrap();
    network.expect_complete().await.unwrap();
    expect_single_roots(&network).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_own_vote_on_chain_is_found_by_a_relay_that_has_lost_its_database() {
    let mut network = TestNetwork::seasoned(2, |_| {}).await.unwrap();
    let lane = network.bridges[0].deployment.lane(LANE).bridge_id;
    let traffic = Traffic::new(&network, 0, 0).unwrap();
    traffic.request(LANE, Kind::Erc20, fresh_recipient(), 1_000).await.unwrap();
    // Alone, it can only vote.
    network.start_relay(LOST).unwrap();
    eventually_true("a vote is on chain", LONG_PATIENCE, || async {
        let destination = network.destination(0, LANE)?;
        Ok(!destination.logs(&[CheckpointVoted::SIGNATURE_HASH]).await?.is_empty())
    })
    .await
    .unwrap();
    let requested = network.progress(0, LANE).await.unwrap().requested;
    network.relay_mut(LOST).unwrap().kill().await.unwrap();
    lose_store(&network);
    // Where it published before, nothing of it is left either.
    let folder = network.spec.directory.join("other-coordination");
    let folder = [("POLYSPAN_COORDINATION_DIRECTORY", folder.to_str().unwrap())];
    network.start_relay_with(LOST, &folder).unwrap();
    eventually_true("the vote is taken in", LONG_PATIENCE, || async {
        let path = &network.relay(LOST)?.store;
        if !path.exists() {
            return Ok(false);
        }
        let store = Store::open_read_only(path).await?;
        let (signed, own) =
            (store.signed_root(lane, requested).await?, store.root_at(lane, requested).await?);
        store.close().await;
        Ok(signed.is_some() && signed == own)
    })
    .await
    .unwrap();
    network.start_relay_with("relay-2", &folder).unwrap();
    network.wait_all_handled(LONG_PATIENCE).await.unwrap();
    network.expect_complete().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_halted_lane_is_resumed_by_the_block_that_its_operator_accepts() {
    let mut network = TestNetwork::seasoned(1, |_| {}).await.unwrap();
    let lane = network.bridges[0].deployment.lane(LANE);
    let id = lane.id.to_string();
    let store = Store::open(&network.relay(LOST).unwrap().store).await.unwrap();
    store.halt_lane(lane.bridge_id, "a chain contradicts itself", false).await.unwrap();
    let cursor = store.source_position(lane.bridge_id).await.unwrap().cursor.unwrap();
    store.close().await;
    let resume = |hash: B256| {
        let hash = hash.to_string();
        let id = id.clone();
        let network = &network;
        async move { command(network, &["lane", "resume", "--lane", &id, "--accept", &hash]).await }
    };
    let refused = resume(B256::repeat_byte(1)).await;
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains(&cursor.hash.to_string()), "{refused:?}");
    let resumed = resume(cursor.hash).await;
    assert!(resumed.status.success(), "{resumed:?}");
    assert_eq!(resume(cursor.hash).await.status.code(), Some(2), "it is not halted any more");

    // The same block, and what was read of it is not believed.
    let store = Store::open(&network.relay(LOST).unwrap().store).await.unwrap();
    store.halt_lane(lane.bridge_id, "a chain contradicts itself", false).await.unwrap();
    store.close().await;
    // A repair ends no halt, and says what does.
    let whole = command(&network, &["store", "repair"]).await;
    let whole = String::from_utf8_lossy(&whole.stdout).into_owned();
    let way_out = format!("`polyspan lane resume --lane {id}`");
    assert!(whole.contains("is whole") && whole.contains(&way_out), "{whole}");
    let listed = command(&network, &["lane", "resume", "--lane", &id]).await;
    assert_eq!(listed.status.code(), Some(2), "{listed:?}");
    assert!(String::from_utf8_lossy(&listed.stderr).contains(&cursor.hash.to_string()), "{listed:?}");
    let hash = cursor.hash.to_string();
    let again = ["lane", "resume", "--lane", &id, "--accept", &hash, "--read-again"];
    let again = command(&network, &again).await;
    assert!(String::from_utf8_lossy(&again.stdout).contains("everything is read again"), "{again:?}");
    let whole = command(&network, &["store", "repair"]).await;
    let whole = String::from_utf8_lossy(&whole.stdout).into_owned();
    assert!(whole.contains("is whole") && !whole.contains("halted"), "{whole}");

    network.start_relay(LOST).unwrap();
    Traffic::new(&network, 0, 0).unwrap().rounds(1, fresh_recipient()).await.unwrap();
    network.wait_all_handled(LONG_PATIENCE).await.unwrap();
    network.expect_complete().await.unwrap();
}

async fn adopt(network: &TestNetwork, direction: Direction, until: u64) -> Output {
    let lane = network.bridges[0].deployment.lane(direction).id.to_string();
    command(network, &["attest", "adopt", "--lane", &lane, "--until", &until.to_string()]).await
}

/// The real `polyspan` with the config of the relay that loses its store.
async fn command(network: &TestNetwork, arguments: &[&str]) -> Output {
    let config = &network.relay(LOST).unwrap().config;
    let mut command = tokio::process::Command::new(&network.binaries.polyspan);
    command.args(arguments).arg("--config").arg(config).output().await.unwrap()
}

fn lose_store(network: &TestNetwork) {
    network.relay(LOST).unwrap().lose_store().unwrap();
}

/// Until the next request, `status` tells what the relay that has lost its store waits for.
async fn says_why(network: &TestNetwork) {
    eventually_true("status names the cure", PATIENCE, || async {
        Ok(network.status().await?.to_string().contains("attest adopt --until"))
    })
    .await
    .unwrap();
}
