//! The short scenarios, each as a test: real processes in network namespaces, judged from the chains alone.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use std::io::Write;

use polyspan_devnet::chain::NodeKind;
use polyspan_devnet::scenario::{self, Length, Options};
use polyspan_devnet::scenarios;
use polyspan_devnet::spec::{Coordination, Place};

const EMBEDDED: Coordination = Coordination::Embedded;
const ETCD: Coordination = Coordination::Etcd { members: 3 };

/// A test for each of these names, and the list of them. What joins the relays counts where the scenario does not say.
macro_rules! play {
    ($($test:ident: $name:literal $over:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                play($name, $over).await;
            }
        )*

        const PLAYED: &[&str] = &[$($name),*];
    };
}

play! {
    normal_transfer: "normal transfer" EMBEDDED,
    node_failure: "node failure" EMBEDDED,
    invalid_attempt: "invalid attempt" EMBEDDED,
    two_leaders_on_purpose: "two leaders on purpose" EMBEDDED,
    leader_kill: "leader kill" EMBEDDED,
    leader_freeze_and_return: "leader freeze and return" EMBEDDED,
    leader_kill_with_etcd: "leader kill" ETCD,
    leader_freeze_and_return_with_etcd: "leader freeze and return" ETCD,
    leader_with_a_stuck_transaction: "leader with a stuck transaction" EMBEDDED,
    one_operator_short_of_the_threshold_then_back: "one operator short of the threshold, then back" EMBEDDED,
    all_relays_cut_from_one_chain: "all relays cut from one chain" EMBEDDED,
    leader_cut_from_everything: "leader cut from everything" EMBEDDED,
    leader_cut_from_one_chain: "leader cut from one chain" EMBEDDED,
    leader_cut_from_etcd: "leader cut from etcd" EMBEDDED,
    leader_without_funds: "leader without funds" EMBEDDED,
    slow_and_lossy_network: "slow and lossy network" EMBEDDED,
    majority_of_etcd_lost: "majority of etcd lost" EMBEDDED,
    all_etcd_lost: "all etcd lost" EMBEDDED,
    etcd_wiped_under_traffic: "etcd wiped under traffic" EMBEDDED,
    hostile_etcd: "hostile etcd" EMBEDDED,
    half_of_the_relays_cut_from_etcd: "half of the relays cut from etcd" EMBEDDED,
    a_liar_among_three_endpoints: "a liar among three endpoints" EMBEDDED,
    reorg_above_finality: "reorg above finality" EMBEDDED,
    nodes_of_the_chains_restart: "nodes of the chains restart" EMBEDDED,
    lost_mempools: "lost mempools" EMBEDDED,
    payouts_rolled_back: "payouts rolled back" EMBEDDED,
    a_side_is_paused: "a side is paused" EMBEDDED,
    sens_and_ens_at_random: "SENs and ENs at random" EMBEDDED,
    operators_change_during_a_recovery: "operators change during a recovery" EMBEDDED,
}

#[test]
fn every_short_scenario_is_played() {
    let short = scenarios::all().filter(|scenario| scenario.length == Length::Short);
    let mut missing: Vec<&str> = short.map(|scenario| scenario.name).collect();
    missing.retain(|name| !PLAYED.contains(name));
    assert_eq!(missing, Vec::<&str>::new());
}

async fn play(name: &str, coordination: Coordination) {
    let scenario = scenarios::find(name).unwrap();
    let folder = tempfile::Builder::new().prefix("polyspan-scenario-").tempdir().unwrap();
    let options = Options {
        nodes: NodeKind::Anvil,
        directory: folder.path().join("net"),
        place: Place::Namespaces,
        coordination,
        // The outcome of one that fails shows it.
        seed: std::env::var("POLYSPAN_TEST_SEED")
            .map_or_else(|_| rand::random(), |seed| seed.parse().unwrap()),
    };
    let outcome = scenario::run(scenario, &options).await;
    if let Ok(outcome) = &outcome {
        // Past the harness, which keeps what passing tests print: the gaps are worth reading.
        std::io::stderr().write_all(format!("{outcome}\n").as_bytes()).unwrap();
    }
    if !outcome.as_ref().is_ok_and(scenario::Outcome::is_good) {
        let kept = folder.keep();
        panic!("{outcome:?}; everything of this network is kept in {}", kept.display());
    }
}
