//! The short scenarios, each as a test: real processes in network namespaces, judged from the chains alone.

#![cfg(feature = "system")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use polyspan_devnet::scenario::{self, Length, Options};
use polyspan_devnet::scenarios;
use polyspan_devnet::spec::{Coordination, Place};

/// A test for each of these names, and the list of them.
macro_rules! play {
    ($($test:ident: $name:literal,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                play($name).await;
            }
        )*

        const PLAYED: &[&str] = &[$($name),*];
    };
}

play! {
    normal_transfer: "normal transfer",
    node_failure: "node failure",
    invalid_attempt: "invalid attempt",
    two_leaders_on_purpose: "two leaders on purpose",
    leader_kill: "leader kill",
    leader_freeze_and_return: "leader freeze and return",
    one_operator_short_of_the_threshold_then_back: "one operator short of the threshold, then back",
    all_relays_cut_from_one_chain: "all relays cut from one chain",
    leader_cut_from_everything: "leader cut from everything",
    leader_without_funds: "leader without funds",
    slow_and_lossy_network: "slow and lossy network",
    majority_of_etcd_lost: "majority of etcd lost",
    all_etcd_lost: "all etcd lost",
    etcd_wiped_under_traffic: "etcd wiped under traffic",
    hostile_etcd: "hostile etcd",
    half_of_the_relays_cut_from_etcd: "half of the relays cut from etcd",
    a_liar_among_three_endpoints: "a liar among three endpoints",
    reorg_above_finality: "reorg above finality",
    nodes_of_the_chains_restart: "nodes of the chains restart",
    lost_mempools: "lost mempools",
    payouts_rolled_back: "payouts rolled back",
    a_side_is_paused: "a side is paused",
    sens_and_ens_at_random: "SENs and ENs at random",
    operators_change_during_a_recovery: "operators change during a recovery",
}

#[test]
fn every_short_scenario_is_played() {
    let short = scenarios::all().filter(|scenario| scenario.length == Length::Short);
    let mut missing: Vec<&str> = short.map(|scenario| scenario.name).collect();
    missing.retain(|name| !PLAYED.contains(name));
    assert_eq!(missing, Vec::<&str>::new());
}

async fn play(name: &str) {
    let scenario = scenarios::find(name).unwrap();
    let folder = tempfile::Builder::new().prefix("polyspan-scenario-").tempdir().unwrap();
    let options = Options {
        directory: folder.path().join("net"),
        place: Place::Namespaces,
        coordination: Coordination::Embedded,
        // The outcome of one that fails shows it.
        seed: std::env::var("POLYSPAN_TEST_SEED")
            .map_or_else(|_| rand::random(), |seed| seed.parse().unwrap()),
    };
    let outcome = scenario::run(scenario, &options).await;
    if !outcome.as_ref().is_ok_and(scenario::Outcome::is_good) {
        let kept = folder.keep();
        panic!("{outcome:?}; everything of this network is kept in {}", kept.display());
    }
}
