//! Reorganizations: above finality they are followed, below it the lane halts and says so everywhere.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use alloy::eips::eip2718::Encodable2718;
use alloy::primitives::U256;
use alloy::providers::Provider;
use polyspan_devnet::account;
use polyspan_devnet::endpoint_proxy::Faults;
use polyspan_devnet::eventually_true;
use polyspan_devnet::testing::{PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::traffic::{Ask, Asset, Traffic};
use polyspan_types::{Direction, Kind};

const LANE: Direction = Direction::MainToService;

/// Blocks on top of a final one.
const DEPTH: u64 = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reorg_above_finality_is_followed_and_one_below_halts_the_lane() {
    let network = TestNetwork::running(1, |spec| spec.finality = format!("depth {DEPTH}").parse().unwrap())
        .await
        .unwrap();
    a_lost_request_is_not_paid_and_its_successor_is(&network).await;
    a_changed_final_block_halts_the_lane(&network).await;
}

/// What was paid is not requested any more: nothing else is to be paid on that chain before people have looked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_final_block_that_changes_below_a_payout_pauses_the_destination() {
    let network = TestNetwork::running(1, |_| {}).await.unwrap();
    let traffic = Traffic::new(&network, 0, 0).unwrap();
    let hash = traffic.request(LANE, Kind::Native, fresh_recipient(), 7_000).await.unwrap();
    account::succeeded(&network.main, hash).await.unwrap();
    network.wait_handled(0, LANE, 1, PATIENCE).await.unwrap();
    network.wait_blocks_of_both(3).await.unwrap();
    network.main.reorg(12).await.unwrap();
    let paused = || async { Ok(network.destination(0, LANE)?.state().await?.paused) };
    eventually_true("the destination is paused", PATIENCE, paused).await.unwrap();
}

/// The block has another request of the same number now, and there is a further one: neither how many there are nor where they were made tells
/// that what was paid is not among them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_final_block_that_changes_into_another_request_pauses_the_destination() {
    let network = TestNetwork::running(1, |spec| spec.users = 3).await.unwrap();
    let bridge = network.bridges[0].deployment.lane(LANE).source.bridge;
    let ask = |user: usize| {
        let signer = network.users[user].signer.clone();
        (Ask::new(Asset::Native(U256::from(7_000)), fresh_recipient(), signer.address()).call(bridge), signer)
    };
    let (call, signer) = ask(0);
    let hash = account::send(&network.main, &signer, call).await.unwrap();
    let paid = account::succeeded(&network.main, hash).await.unwrap().block_number.unwrap();
    network.wait_handled(0, LANE, 1, PATIENCE).await.unwrap();
    network.wait_blocks_of_both(3).await.unwrap();

    network.main.make_no_blocks().await.unwrap();
    let depth = network.main.height().await.unwrap() + 1 - paid;
    let mut others = Vec::new();
    for (place, user) in [1, 2].into_iter().enumerate() {
        let (call, signer) = ask(user);
        let raw = account::sign(&network.main, &signer, call).await.unwrap().encoded_2718();
        others.push((raw.into(), place as u64));
    }
    network.main.replace_blocks(depth, others).await.unwrap();
    network.main.make_blocks_again().await.unwrap();
    assert_eq!(network.progress(0, LANE).await.unwrap().requested.get(), 2);
    let paused = || async { Ok(network.destination(0, LANE)?.state().await?.paused) };
    eventually_true("the destination is paused", PATIENCE, paused).await.unwrap();
}

/// A relay whose endpoints followed a fork has stored a request that the source has in another block. Others pay it rightly: this relay
/// is wrong, halts its lane, and takes nobody else's pace.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_followed_a_fork_halts_and_pauses_nothing() {
    let mut network = TestNetwork::seasoned(3, |_| {}).await.unwrap();
    let lane = network.bridges[0].deployment.lane(LANE).id.to_string();
    let label = format!("lane=\"{lane}\"");
    let handled = network.progress(0, LANE).await.unwrap().handled.get();
    let fork = network.fork(LANE, "fork").await.unwrap();
    network.relay("relay-3").unwrap().source_endpoint(LANE).set(Faults::instead(fork.url.clone()));
    network.start_relay("relay-3").unwrap();

    let user = &network.users[0].signer;
    let recipient = fresh_recipient();
    let ask = Ask::new(Asset::Native(U256::from(7_000)), recipient, user.address());
    let call = ask.call(network.bridges[0].deployment.lane(LANE).source.bridge);
    let hash = account::send(&fork, user, call).await.unwrap();
    let on_fork = account::succeeded(&fork, hash).await.unwrap();
    let stale = network.relay("relay-3").unwrap();
    let read = || async {
        let read = stale.metric("polyspan_lane_final_nonce", &[&label]).await?;
        Ok(read > Some(handled as f64))
    };
    eventually_true("it has read the fork's request", PATIENCE, read).await.unwrap();
    // The source has the same transaction in a later block.
    network.main.mine(60).await.unwrap();
    let raw = fork.provider.get_raw_transaction_by_hash(hash).await.unwrap().unwrap();
    account::send_raw(&network.main, &raw).await.unwrap();
    let on_main = account::succeeded(&network.main, hash).await.unwrap();
    assert!(on_main.block_number > on_fork.block_number, "{on_main:?}");
    stale.source_endpoint(LANE).clear();
    let halted = || async { Ok(stale.metric("polyspan_lane_halted", &[&label]).await? == Some(1.0)) };
    eventually_true("its lane is halted", PATIENCE, halted).await.unwrap();

    network.start_relay("relay-1").unwrap();
    network.start_relay("relay-2").unwrap();
    network.wait_handled(0, LANE, handled + 1, PATIENCE).await.unwrap();
    network.wait_blocks_of_both(15).await.unwrap();
    assert!(!network.destination(0, LANE).unwrap().state().await.unwrap().paused, "the bridge is paused");
    let stale = network.relay("relay-3").unwrap();
    let demanded = stale.metric("polyspan_lane_pause_demanded", &[&label]).await.unwrap();
    assert_eq!(demanded, Some(0.0), "a pause is demanded");
    // It does not stop the others.
    let hash =
        Traffic::new(&network, 0, 0).unwrap().request(LANE, Kind::Native, recipient, 8_000).await.unwrap();
    account::succeeded(&network.main, hash).await.unwrap();
    network.wait_handled(0, LANE, handled + 2, PATIENCE).await.unwrap();
}

async fn a_lost_request_is_not_paid_and_its_successor_is(network: &TestNetwork) {
    let traffic = Traffic::new(network, 0, 0).unwrap();
    let (lost, kept) = (fresh_recipient(), fresh_recipient());
    let hash = traffic.request(LANE, Kind::Native, lost, 7_000).await.unwrap();
    account::succeeded(&network.main, hash).await.unwrap();
    network.main.reorg(3).await.unwrap();
    assert_eq!(network.progress(0, LANE).await.unwrap().requested.get(), 0, "the request is still there");

    let hash = traffic.request(LANE, Kind::Native, kept, 8_000).await.unwrap();
    account::succeeded(&network.main, hash).await.unwrap();
    network.wait_handled(0, LANE, 1, PATIENCE).await.unwrap();
    assert_eq!(account::native_balance(&network.service, kept).await.unwrap(), U256::from(8_000));
    assert_eq!(account::native_balance(&network.service, lost).await.unwrap(), U256::ZERO);
    network.expect_complete().await.unwrap();
}

async fn a_changed_final_block_halts_the_lane(network: &TestNetwork) {
    let lane = network.bridges[0].deployment.lane(LANE).id.to_string();
    let label = format!("lane=\"{lane}\"");
    // What was paid stays: only blocks after it change, among them final ones.
    network.main.wait_blocks(DEPTH + 4).await.unwrap();
    network.main.reorg(DEPTH + 3).await.unwrap();
    network.main.wait_blocks(2).await.unwrap();
    let relay = network.relay("relay-1").unwrap();
    let halted = || async { Ok(relay.metric("polyspan_lane_halted", &[&label]).await? == Some(1.0)) };
    eventually_true("the lane is halted", PATIENCE, halted).await.unwrap();
    relay.wait_unready(PATIENCE, |part| part.part.contains(&lane)).await.unwrap();

    let traffic = Traffic::new(network, 0, 0).unwrap();
    let recipient = fresh_recipient();
    let hash = traffic.request(LANE, Kind::Native, recipient, 9_000).await.unwrap();
    account::succeeded(&network.main, hash).await.unwrap();
    let status = network.status().await.unwrap();
    let row = status["lanes"].as_array().unwrap().iter().find(|row| row["lane"] == lane.as_str()).unwrap();
    let reason =
        row["halted"][0]["reason"].as_str().unwrap_or_else(|| panic!("status does not tell it: {row}"));
    assert!(reason.contains("finality violated"), "{reason}");
    for transfer in [format!("{lane}:0"), format!("{lane}:1")] {
        let explain = network.polyspan(&["explain", &transfer]).await.unwrap();
        let explain = String::from_utf8_lossy(&explain.stdout).into_owned();
        assert!(explain.contains("finality violated"), "explain does not tell it of {transfer}: {explain}");
    }
    let log = std::fs::read_to_string(&relay.log).unwrap();
    assert!(log.contains(reason), "the log does not tell it");

    // It stays halted: this is for a person to decide.
    network.main.wait_blocks(DEPTH + 4).await.unwrap();
    assert_eq!(account::native_balance(&network.service, recipient).await.unwrap(), U256::ZERO);
}
