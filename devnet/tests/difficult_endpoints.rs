//! What waited is recovered over endpoints that refuse long answers, fall silent again and again, or have thrown old logs away.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use polyspan_devnet::endpoint_proxy::Faults;
use polyspan_devnet::testing::{LONG_PATIENCE, PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::traffic::Traffic;
use polyspan_types::{Direction, Kind};

const LANE: Direction = Direction::MainToService;

/// Requests in each of so many blocks.
const IN_A_BLOCK: usize = 3;
const BLOCKS: usize = 8;

/// What one endpoint answers at the most, which is more than a block has. Unit: logs.
const LOGS: usize = 7;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn short_answers_and_every_third_call_in_silence_delay_a_recovery_and_lose_nothing() {
    let mut network = TestNetwork::seasoned(2, |spec| spec.threshold = 2).await.unwrap();
    for _ in 0..BLOCKS {
        backlog(&network, IN_A_BLOCK).await;
    }
    let few = Faults { max_logs: Some(LOGS), ..Faults::default() };
    network.relays[0].endpoints().into_iter().for_each(|endpoint| endpoint.set(few.clone()));
    let silent = Faults { stall_every: Some(3), ..Faults::default() };
    network.relays[1].endpoints().into_iter().for_each(|endpoint| endpoint.set(silent.clone()));
    network.main.wait_blocks(2).await.unwrap();
    network.start_relays().unwrap();
    network.wait_all_handled(LONG_PATIENCE).await.unwrap();
    network.expect_complete().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_has_thrown_logs_away_is_told_with_the_block_that_is_needed() {
    let mut network = TestNetwork::seasoned(1, |_| {}).await.unwrap();
    let before = network.main.height().await.unwrap();
    backlog(&network, 2).await;
    network.main.wait_blocks(2).await.unwrap();
    let now = network.main.height().await.unwrap();
    let relay = &network.relays[0];
    relay.source_endpoint(LANE).set(Faults { pruned_below: Some(now), ..Faults::default() });
    network.start_relay("relay-1").unwrap();
    let relay = &network.relays[0];
    let told = |reason: &str| {
        let needed = reason
            .split_once("does not have the logs of block ")
            .and_then(|(_, rest)| rest.split_whitespace().next().and_then(|block| block.parse::<u64>().ok()));
        needed.is_some_and(|block| block <= now && block + 10 > before)
    };
    relay.wait_unready(PATIENCE, |part| part.part.contains("watch") && told(&part.reason)).await.unwrap();
    let waiting = network.progress(0, LANE).await.unwrap();
    assert_eq!(waiting.open(), 2, "{waiting:?}");
    relay.source_endpoint(LANE).clear();
    network.wait_all_handled(LONG_PATIENCE).await.unwrap();
    network.expect_complete().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lane_that_cannot_be_recovered_leaves_the_other_one_alone() {
    let mut network = TestNetwork::seasoned(1, |_| {}).await.unwrap();
    let next = network.progress(0, LANE).await.unwrap().requested;
    for lane in Direction::ALL {
        backlog_of(&network, lane, 2).await;
    }
    network.wait_blocks_of_both(2).await.unwrap();
    let hiding = Faults { hide_request: Some(next), ..Faults::default() };
    network.relays[0].source_endpoint(LANE).set(hiding);
    network.start_relay("relay-1").unwrap();
    let other = network.progress(0, Direction::ServiceToMain).await.unwrap().requested;
    network.wait_handled(0, Direction::ServiceToMain, other.get(), LONG_PATIENCE).await.unwrap();
    let waiting = network.progress(0, LANE).await.unwrap();
    assert_eq!(waiting.open(), 2, "{waiting:?}");
    network.relays[0].source_endpoint(LANE).clear();
    network.wait_all_handled(LONG_PATIENCE).await.unwrap();
    network.expect_complete().await.unwrap();
}

async fn backlog(network: &TestNetwork, count: usize) {
    backlog_of(network, LANE, count).await;
    network.main.wait_blocks(1).await.unwrap();
}

async fn backlog_of(network: &TestNetwork, lane: Direction, count: usize) {
    let traffic = Traffic::new(network, 0, 0).unwrap();
    for _ in 0..count {
        traffic.request(lane, Kind::Erc20, fresh_recipient(), 1_000).await.unwrap();
    }
}
