//! A quorum of endpoints shows a block number that is too high, for two seconds and with everything else true: no relay is halted or
//! left behind by it, and one whose store has such a number from before corrects it by itself.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use std::time::Duration;

use alloy::primitives::B256;
use polyspan_devnet::endpoint_proxy::Faults;
use polyspan_devnet::testing::{LONG_PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::traffic::Traffic;
use polyspan_store::{CursorSide, Store};
use polyspan_types::{BlockHeight, BlockRef, Direction};

/// How long the endpoints are wrong.
const WRONG: Duration = Duration::from_secs(2);
const RELAYS: usize = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_is_too_high_wedges_and_halts_nobody() {
    let network = TestNetwork::running(RELAYS, |_| {}).await.unwrap();
    // One that the chain reaches while it is watched, one that it reaches when all is over, and one that it never reaches.
    for ahead in [2, 12, 1_000_000] {
        for relay in &network.relays {
            relay.endpoints().into_iter().for_each(|endpoint| endpoint.set(Faults::ahead(ahead)));
        }
        tokio::time::sleep(WRONG).await;
        for relay in &network.relays {
            relay.endpoints().into_iter().for_each(|endpoint| endpoint.clear());
        }
        network.wait_blocks_of_both(3).await.unwrap();
        transfers_pass(&network).await;
    }
    network.wait_blocks_of_both(12).await.unwrap();
    transfers_pass(&network).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_that_was_stored_wrong_is_corrected() {
    let mut network = TestNetwork::seasoned(RELAYS, |_| {}).await.unwrap();
    for (relay, ahead) in network.relays.iter().zip([3, 1_000_000]) {
        let store = Store::open(&relay.store).await.unwrap();
        for direction in Direction::ALL {
            let lane = network.bridges[0].deployment.lane(direction).bridge_id;
            let source = store.source_position(lane).await.unwrap().cursor.unwrap();
            let destination = store.destination_position(lane).await.unwrap().cursor.unwrap();
            for (side, cursor) in [(CursorSide::Source, source), (CursorSide::Destination, destination)] {
                let height = BlockHeight::new(cursor.height.get() + ahead);
                store.renumber_cursor(lane, side, BlockRef { height, ..cursor }).await.unwrap();
            }
        }
        store.close().await;
    }
    network.start_relays().unwrap();
    network.wait_ready(LONG_PATIENCE).await.unwrap();
    transfers_pass(&network).await;
}

/// A block that nobody has: what an endpoint made up, or what went with a chain that was restored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_that_nobody_knows_is_given_up() {
    let mut network = TestNetwork::seasoned(RELAYS, |_| {}).await.unwrap();
    let relay = &network.relays[0];
    let store = Store::open(&relay.store).await.unwrap();
    for direction in Direction::ALL {
        let lane = network.bridges[0].deployment.lane(direction).bridge_id;
        let invented = BlockRef { height: BlockHeight::new(1_000_000), hash: B256::repeat_byte(0xee) };
        store.append_requests(lane, Vec::new(), invented).await.unwrap();
        store.record_handled(lane, Default::default(), invented).await.unwrap();
    }
    store.close().await;
    network.start_relays().unwrap();
    network.wait_ready(LONG_PATIENCE).await.unwrap();
    transfers_pass(&network).await;
}

/// Both relays attest, by a threshold of both, and nothing is halted.
async fn transfers_pass(network: &TestNetwork) {
    assert_eq!(network.spec.threshold as usize, RELAYS);
    Traffic::new(network, 0, 0).unwrap().rounds(1, fresh_recipient()).await.unwrap();
    network.wait_all_handled(LONG_PATIENCE).await.unwrap();
    network.expect_complete().await.unwrap();
}
