//! Relays are killed and started again at random moments under traffic. Nothing is lost, doubled or signed twice.
//!
//! The moments come from a seed that a failed test shows; `POLYSPAN_TEST_SEED` repeats it.

use std::time::Duration;

use polyspan_devnet::invariants::expect_single_roots;
use polyspan_devnet::testing::{LONG_PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::traffic::Traffic;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const KILLS: usize = 14;

/// Longest time between two blows. Unit: milliseconds.
const LONGEST_PAUSE_MS: u64 = 1_500;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relays_killed_at_random_moments_lose_and_double_nothing() {
    let seed =
        std::env::var("POLYSPAN_TEST_SEED").ok().map_or_else(rand::random, |seed| seed.parse().unwrap());
    println!("POLYSPAN_TEST_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut network = TestNetwork::running(4, |_| {}).await.unwrap();
    for _ in 0..KILLS {
        Traffic::new(&network, 0, 0).unwrap().rounds(1, fresh_recipient()).await.unwrap();
        let victim = random.random_range(0..network.relays.len());
        let name = network.relays[victim].spec.name.clone();
        // Not a wait for anything: the moment of the blow.
        tokio::time::sleep(Duration::from_millis(random.random_range(0..LONGEST_PAUSE_MS))).await;
        if network.relay_mut(&name).unwrap().is_running().unwrap() {
            network.relay_mut(&name).unwrap().kill().await.unwrap();
        } else {
            network.start_relay(&name).unwrap();
        }
    }
    for index in 0..network.relays.len() {
        let name = network.relays[index].spec.name.clone();
        if !network.relay_mut(&name).unwrap().is_running().unwrap() {
            network.start_relay(&name).unwrap();
        }
    }
    network.wait_blocks_of_both(1).await.unwrap();
    network.wait_all_handled(LONG_PATIENCE).await.unwrap();
    network.expect_complete().await.unwrap();
    expect_single_roots(&network).await.unwrap();
}
