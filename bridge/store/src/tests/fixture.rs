//! Each schema version keeps a file that was written by it; the newest code opens all of them.

use std::path::PathBuf;

use polyspan_types::{HoldReason, Outcome, OutcomeResult};
use tempfile::tempdir;

use super::*;

fn fixture(version: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(format!("v{version}.sqlite"))
}

fn outcomes() -> Vec<Outcome> {
    let place = |number, result| Outcome {
        nonce: nonce(number),
        result,
        block: BlockHeight::new(40),
        tx_hash: B256::repeat_byte(0x44),
    };
    vec![place(0, OutcomeResult::Paid), place(1, OutcomeResult::Held(HoldReason::PayoutFailed))]
}

/// Writes the fixture of the current version: `cargo test -p polyspan-store write_the_fixture -- --ignored`. To be run once,
/// when a version is new, and never again.
#[tokio::test]
#[ignore = "writes a file of the repository"]
async fn write_the_fixture() {
    let path = fixture(crate::SCHEMA_VERSION);
    assert!(!path.exists(), "{} exists; fixtures never change", path.display());
    let folder = tempdir().unwrap();
    let made = folder.path().join("s");
    let store = open(&made).await;
    store.append_requests(lane(1), requests(0, 3), block(30)).await.unwrap();
    store.record_attestation(&attestation(3, 1, 1)).await.unwrap();
    store.record_attestation(&attestation(2, 1, 1)).await.unwrap();
    store.record_outcomes(lane(1), outcomes(), block(41)).await.unwrap();
    store.record_submission(&submission(5, 0, 2)).await.unwrap();
    store.halt_lane(lane(2), "why").await.unwrap();
    store.close().await;
    std::fs::copy(made, path).unwrap();
}

#[tokio::test]
async fn a_store_of_version_1_is_opened_with_everything_in_it() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s");
    std::fs::copy(fixture(1), &path).unwrap();
    let store = open(&path).await;

    let position = store.source_position(lane(1)).await.unwrap();
    assert_eq!((position.next, position.cursor), (nonce(3), Some(block(30))));
    let stored = store.requests(lane(1), nonce(0), 9).await.unwrap();
    assert_eq!(stored.into_iter().map(|stored| stored.request).collect::<Vec<_>>(), requests(0, 3));
    let epoch = Epoch::new(1);
    let all = store.attestations(lane(1), epoch, nonce(0)).await.unwrap();
    assert_eq!(all, [attestation(2, 1, 1), attestation(3, 1, 1)]);
    store.record_attestation(&attestation(3, 2, 2)).await.unwrap_err();
    for outcome in outcomes() {
        assert_eq!(store.outcome(lane(1), outcome.nonce).await.unwrap(), Some(outcome));
    }
    assert_eq!(store.destination_position(lane(1)).await.unwrap().cursor, Some(block(41)));
    assert_eq!(store.journal(CHAIN, SUBMITTER).await.unwrap(), [submission(5, 0, 2)]);
    let halt = store.halted(lane(2)).await.unwrap().unwrap();
    assert_eq!((halt.reason.as_str(), halt.at_ms), ("why", NOW_MS));
}
