//! A relay that was down while a chain made many blocks.
//!
//! anvil takes 2 ms for an empty block, so the gap is of 5 000 blocks unless `POLYSPAN_GAP_BLOCKS` names another number:
//! `POLYSPAN_GAP_BLOCKS=100000 cargo test -p polyspan-devnet --test long_gap`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use polyspan_devnet::endpoint_proxy::Faults;
use polyspan_devnet::testing::{LONG_PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::traffic::Traffic;
use polyspan_types::{Direction, Kind};

const RELAY: &str = "relay-1";
const LANE: Direction = Direction::MainToService;

/// Blocks between the two requests, when nothing else is asked for.
const GAP: u64 = 5_000;

/// Of so many parts of the gap the endpoints of that chain serve one at a time.
const PARTS: u64 = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_requests_with_thousands_of_blocks_between_them_are_paid() {
    let gap = std::env::var("POLYSPAN_GAP_BLOCKS").map_or(GAP, |blocks| blocks.parse().unwrap());
    let mut network = TestNetwork::seasoned(1, |_| {}).await.unwrap();
    let request = async |network: &TestNetwork| {
        let traffic = Traffic::new(network, 0, 0).unwrap();
        traffic.request(LANE, Kind::Erc20, fresh_recipient(), 1_000).await.unwrap();
    };
    request(&network).await;
    network.main.wait_blocks(2).await.unwrap();
    network.main.mine(gap).await.unwrap();
    request(&network).await;
    network.main.wait_blocks(3).await.unwrap();

    let asked = |network: &TestNetwork| {
        let endpoint = network.relay(RELAY).unwrap().source_endpoint(LANE);
        endpoint.set(Faults { max_log_range: Some(gap / PARTS), ..Faults::default() });
        endpoint.calls_by_method().get("eth_getLogs").copied().unwrap_or_default()
    };
    let before = asked(&network);
    network.start_relay(RELAY).unwrap();
    network.wait_all_handled(LONG_PATIENCE).await.unwrap();
    let asked = asked(&network) - before;
    // In both roles, since the other lane's destination is this chain; and a few that were refused.
    assert!((PARTS..8 * PARTS).contains(&asked), "{asked} questions for logs");
    network.expect_complete().await.unwrap();
}
