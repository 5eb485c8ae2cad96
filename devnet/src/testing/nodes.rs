//! A demonstration and a scenario on nodes of a kind, on this host's loopback.

use std::io::Write;

use crate::chain::NodeKind;
use crate::demo;
use crate::scenario::{self, Options};
use crate::scenarios;
use crate::spec::{Coordination, NetworkSpec, Place};

/// Plays the scenario of that name.
///
/// Panics: it cannot be played, or something does not hold.
pub async fn play(name: &str, nodes: NodeKind) {
    let folder = tempfile::Builder::new().prefix("polyspan-nodes-").tempdir().unwrap();
    let options = Options {
        directory: folder.path().join("net"),
        nodes,
        place: Place::Loopback,
        coordination: Coordination::Embedded,
        seed: rand::random(),
    };
    let outcome = scenario::run(scenarios::find(name).unwrap(), &options).await.unwrap();
    keep_unless(outcome.is_good(), folder);
    assert!(outcome.is_good(), "{outcome}");
}

/// 60 transfers while operators are killed.
///
/// Panics: it cannot be shown, or something does not add up.
pub async fn demonstrate(nodes: NodeKind) {
    let folder = tempfile::Builder::new().prefix("polyspan-nodes-").tempdir().unwrap();
    let first = 1_000_000 + u64::from(rand::random::<u32>());
    let full = NetworkSpec::full(&folder.path().join("net"));
    let spec = NetworkSpec { nodes, chain_ids: [first, first + 1], ..full };
    let verdict = demo::run(spec, 60).await.unwrap();
    keep_unless(verdict.is_good(), folder);
    assert!(verdict.is_good(), "{}", verdict.line());
}

/// Databases and logs of a run that failed are kept, and where.
fn keep_unless(good: bool, folder: tempfile::TempDir) {
    if !good {
        let kept = folder.keep();
        drop(writeln!(std::io::stderr(), "--- logs and databases are kept in {}", kept.display()));
    }
}
