//! Relays that were down while a chain made many blocks, over endpoints that serve few blocks at a time.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use polyspan_devnet::endpoint_proxy::Faults;
use polyspan_devnet::testing::{LONG_PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::traffic::Traffic;
use polyspan_types::{Direction, Kind};

const LANE: Direction = Direction::MainToService;

/// Blocks between the two requests.
const GAP: u64 = 100_000;

/// Blocks that the source's endpoint of each relay serves at a time. All relays are needed.
const SERVED: [u64; 3] = [100, 1_000, 10_000];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_requests_with_100_000_blocks_between_them_are_paid() {
    let mut network = TestNetwork::seasoned(SERVED.len(), |spec| {
        spec.threshold = 3;
        spec.durable_chains = true;
    })
    .await
    .unwrap();
    ask_for_everything_at_once(&network);
    let request = async |network: &TestNetwork| {
        let traffic = Traffic::new(network, 0, 0).unwrap();
        traffic.request(LANE, Kind::Erc20, fresh_recipient(), 1_000).await.unwrap();
    };
    request(&network).await;
    network.main.wait_blocks(2).await.unwrap();
    network.main.mine_without_states(GAP).await.unwrap();
    request(&network).await;
    network.main.wait_blocks(3).await.unwrap();

    let asked = |network: &TestNetwork| {
        let endpoints = network.relays.iter().map(|relay| relay.source_endpoint(LANE).calls_by_method());
        endpoints.map(|calls| calls.get("eth_getLogs").copied().unwrap_or_default()).collect::<Vec<u64>>()
    };
    for (relay, served) in network.relays.iter().zip(SERVED) {
        relay.source_endpoint(LANE).set(Faults { max_log_range: Some(served), ..Faults::default() });
    }
    let before = asked(&network);
    network.start_relays().unwrap();
    network.wait_all_handled(LONG_PATIENCE).await.unwrap();
    for ((before, after), served) in before.into_iter().zip(asked(&network)).zip(SERVED) {
        let (questions, least) = (after - before, GAP / served);
        // The other lane's destination is this chain as well; and a range that is refused is asked for in halves.
        assert!(questions >= least, "{questions} questions for {GAP} blocks, {served} at a time");
        assert!(questions <= 4 * least + 100, "{questions} questions for {GAP} blocks, {served} at a time");
    }
    network.expect_complete().await.unwrap();
}

/// The relays are told of no limit, so that each finds out what its endpoint refuses.
fn ask_for_everything_at_once(network: &TestNetwork) {
    for relay in &network.relays {
        let told = std::fs::read_to_string(&relay.config).unwrap();
        let untold = told.replace("max_log_range = 5000", &format!("max_log_range = {}", 2 * GAP));
        assert_ne!(untold, told);
        std::fs::write(&relay.config, untold).unwrap();
    }
}
