//! The short scenarios, each as a test: real processes in network namespaces, judged from the chains alone.

#![cfg(feature = "system")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use polyspan_devnet::scenario::{self, Length, Options};
use polyspan_devnet::scenarios;
use polyspan_devnet::spec::Place;

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
    slow_and_lossy_network: "slow and lossy network",
    reorg_above_finality: "reorg above finality",
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
    let options = Options { directory: folder.path().join("net"), place: Place::Namespaces };
    let outcome = scenario::run(scenario, &options).await;
    if !outcome.as_ref().is_ok_and(scenario::Outcome::is_good) {
        let kept = folder.keep();
        panic!("{outcome:?}; everything of this network is kept in {}", kept.display());
    }
}
