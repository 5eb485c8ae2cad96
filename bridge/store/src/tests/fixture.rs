//! Each schema version keeps a file that was written by it; the newest code opens all of them.

use std::path::PathBuf;

use polyspan_types::{HoldEnd, HoldEnding, Outcome, OutcomeResult};
use tempfile::tempdir;

use super::*;

fn fixture(version: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(format!("v{version}.sqlite"))
}

/// What version 1 could not tell: a hold that was refunded, and a release in the journal.
fn refund() -> HoldEnding {
    HoldEnding {
        nonce: nonce(2),
        end: HoldEnd::Refunded { request_nonce: nonce(6) },
        block: BlockHeight::new(41),
        tx_hash: B256::repeat_byte(0x45),
    }
}

fn release() -> Submission {
    Submission { purpose: Purpose::Release, ..submission(6, 1, 1) }
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
    let holds = [held(1, HoldReason::PayoutFailed, 40), held(2, HoldReason::Delayed, 40)];
    let handled =
        HandledLogs { endings: vec![refund()], ..logs(&[range(0, 2, 40), range(2, 3, 40)], &holds) };
    store.record_handled(lane(1), handled, block(41)).await.unwrap();
    store.record_submission(&submission(5, 0, 2)).await.unwrap();
    store.record_submission(&release()).await.unwrap();
    let root = store.root_at(lane(1), nonce(1)).await.unwrap().unwrap();
    store.claim_force_hold(&force_hold(0), root).await.unwrap();
    store.record_force_hold(&force_hold(0).signed().unwrap()).await.unwrap();
    store.halt_lane(lane(2), "why", true).await.unwrap();
    store.record_compared(lane(1), nonce(2)).await.unwrap();
    store.record_conflicts(lane(1), &[conflict(7, 2)]).await.unwrap();
    store.sign_floor_of(lane(1), Address::repeat_byte(8)).await.unwrap();
    store.decide_floor(lane(1), nonce(0)).await.unwrap();
    store.adopt(lane(1), nonce(2)).await.unwrap();
    store.close().await;
    std::fs::copy(folder.path().join("s.lock"), path.with_extension("sqlite.lock")).unwrap();
    std::fs::copy(made, path).unwrap();
}

/// What files of both versions hold.
async fn assert_common(store: &Store) {
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
    assert_eq!(store.hold_ending(lane(1), nonce(1)).await.unwrap(), None);
    assert_eq!(store.destination_position(lane(1)).await.unwrap().cursor, Some(block(41)));
    let halt = store.halted(lane(2)).await.unwrap().unwrap();
    assert_eq!((halt.reason.as_str(), halt.at_ms), ("why", NOW_MS));
}

async fn open_fixture(folder: &Path, version: u32) -> Store {
    let path = folder.join("s");
    std::fs::copy(fixture(version), &path).unwrap();
    open_fixed(&path).await
}

/// With the tests' clock.
async fn open_fixed(path: &Path) -> Store {
    let settings = StoreSettings { clock: Arc::new(|| NOW_MS), ..StoreSettings::default() };
    Store::open_with(path, settings).await.unwrap()
}

#[tokio::test]
async fn a_store_of_version_1_is_opened_with_everything_in_it() {
    let folder = tempdir().unwrap();
    let store = open_fixture(folder.path(), 1).await;
    assert_common(&store).await;
    let position = store.destination_position(lane(1)).await.unwrap();
    assert_eq!((position.next, position.open_holds), (nonce(2), 1));
    assert_eq!(store.journal(CHAIN, SUBMITTER).await.unwrap(), [submission(5, 0, 2)]);
    // It goes on as one of the newest version, and a reader finds that version.
    let more = logs(&[range(2, 3, 42)], &[]);
    assert_eq!(store.record_handled(lane(1), more, block(42)).await.unwrap().next, nonce(3));
    store.close().await;
    Store::open_read_only(&folder.path().join("s")).await.unwrap();
}

#[tokio::test]
async fn a_store_of_version_2_is_opened_with_everything_in_it() {
    let folder = tempdir().unwrap();
    let store = open_fixture(folder.path(), 2).await;
    assert_common(&store).await;
    let position = store.destination_position(lane(1)).await.unwrap();
    assert_eq!((position.next, position.open_holds), (nonce(3), 1));
    assert_eq!(store.hold_ending(lane(1), nonce(2)).await.unwrap(), Some(refund()));
    assert_eq!(store.journal(CHAIN, SUBMITTER).await.unwrap(), [submission(5, 0, 2), release()]);
    assert_eq!(store.evidence(lane(1), 9).await.unwrap(), []);
    store.record_conflicts(lane(1), &[conflict(7, 2)]).await.unwrap();
    assert_eq!(store.evidence(lane(1), 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_store_of_version_3_is_opened_with_everything_in_it() {
    let folder = tempdir().unwrap();
    let store = open_fixture(folder.path(), 3).await;
    assert_common(&store).await;
    assert_eq!(store.hold_ending(lane(1), nonce(2)).await.unwrap(), Some(refund()));
    assert_eq!(store.journal(CHAIN, SUBMITTER).await.unwrap(), [submission(5, 0, 2), release()]);
    let evidence = store.evidence(lane(1), 9).await.unwrap();
    assert_eq!(evidence, [Evidence { conflict: conflict(7, 2), seen_at_ms: NOW_MS }]);
}

/// With its lock file, as it was closed.
async fn open_whole(folder: &Path, version: u32) -> Store {
    std::fs::copy(fixture(version).with_extension("sqlite.lock"), folder.join("s.lock")).unwrap();
    open_fixture(folder, version).await
}

#[tokio::test]
async fn a_store_of_version_4_is_opened_with_everything_in_it() {
    let folder = tempdir().unwrap();
    let store = open_whole(folder.path(), 4).await;
    assert_common(&store).await;
    let floor = store.sign_floor(lane(1)).await.unwrap();
    assert_eq!((floor.floor(), floor.adopted(), floor.sealed()), (Some(nonce(3)), nonce(2), nonce(0)));
    let key = Address::repeat_byte(8);
    assert_eq!(store.sign_floor_of(lane(1), key).await.unwrap(), (floor, false));
    assert_eq!(store.source_position(lane(1)).await.unwrap().base, Some(zero_base(lane(1))));
}

#[tokio::test]
async fn a_store_of_version_5_is_opened_with_everything_in_it() {
    let folder = tempdir().unwrap();
    let store = open_whole(folder.path(), 5).await;
    assert_common(&store).await;
    let floor = store.sign_floor(lane(1)).await.unwrap();
    assert_eq!((floor.floor(), floor.adopted(), floor.sealed()), (Some(nonce(3)), nonce(2), nonce(0)));
    // What is in it can be compacted, but for the hold that is open.
    confirm(&store, lane(1), Vec::new(), block(30)).await.unwrap();
    let retention = crate::Retention { keep: Some(1), max_age: None };
    assert!(store.compact(lane(1), retention, block(41)).await.unwrap().rows > 0);
    assert_eq!(store.history(lane(1)).await.unwrap().oldest, Some(nonce(2)));
    assert!(store.request(lane(1), nonce(1)).await.unwrap().is_some());
    assert_eq!(store.request(lane(1), nonce(0)).await.unwrap(), None);
}

#[tokio::test]
async fn a_store_of_version_6_is_opened_with_everything_in_it() {
    let folder = tempdir().unwrap();
    let store = open_whole(folder.path(), 6).await;
    assert_common(&store).await;
    assert_eq!(store.force_holds(lane(1), nonce(0)).await.unwrap(), [force_hold(0)]);
    confirm(&store, lane(1), Vec::new(), block(30)).await.unwrap();
    let retention = crate::Retention { keep: Some(1), max_age: None };
    assert!(store.compact(lane(1), retention, block(41)).await.unwrap().rows > 0);
    assert_eq!(store.force_holds(lane(1), nonce(0)).await.unwrap(), []);
}

#[tokio::test]
async fn a_store_of_version_7_is_opened_with_everything_in_it() {
    let folder = tempdir().unwrap();
    let store = open_whole(folder.path(), 7).await;
    assert_common(&store).await;
    assert_eq!(store.compared(lane(1)).await.unwrap(), nonce(2));
    assert!(store.demands_pause(lane(2)).await.unwrap());
    store.pause_is_over(lane(2)).await.unwrap();
    // A second alarm of the same halt demands nothing again; one after a resume does.
    assert!(!store.halt_lane(lane(2), "again", true).await.unwrap(), "governors may have ended it");
    assert!(!store.demands_pause(lane(2)).await.unwrap());
    store.resume_lane(lane(2), false).await.unwrap();
    assert!(store.halt_lane(lane(2), "anew", true).await.unwrap());
    assert!(store.demands_pause(lane(2)).await.unwrap());
}

#[tokio::test]
async fn a_store_of_version_6_demands_no_pause_and_has_compared_nothing() {
    let folder = tempdir().unwrap();
    let store = open_whole(folder.path(), 6).await;
    assert!(!store.demands_pause(lane(2)).await.unwrap());
    assert_eq!(store.compared(lane(1)).await.unwrap(), nonce(0));
}

#[tokio::test]
async fn a_store_of_version_3_keeps_its_beginning_and_signs_as_before() {
    let folder = tempdir().unwrap();
    let store = open_fixture(folder.path(), 3).await;
    assert_eq!(store.source_position(lane(1)).await.unwrap().base, Some(zero_base(lane(1))));
    assert_eq!(store.sign_floor(lane(1)).await.unwrap().floor(), Some(nonce(0)));
    let (floor, moved) = store.sign_floor_of(lane(1), Address::repeat_byte(8)).await.unwrap();
    assert_eq!((floor.floor(), moved), (Some(nonce(0)), false), "the key that attested here");
    store.record_attestation(&attestation(1, 1, 1)).await.unwrap();
    assert_eq!(
        store.sign_floor(lane(2)).await.unwrap(),
        crate::SignFloor::UNKNOWN,
        "it never attested there"
    );
    assert_eq!(store.sign_floor(lane(3)).await.unwrap(), crate::SignFloor::UNKNOWN, "a lane it never served");
}

#[tokio::test]
async fn handled_requests_of_version_1_become_one_row_for_each_call() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s");
    std::fs::copy(fixture(1), &path).unwrap();
    let file = rusqlite::Connection::open(&path).unwrap();
    // Two calls in one block, one of which handled two runs: what lies between was another's.
    for (nonce, tx) in [(2u64, "44"), (3, "55"), (4, "44"), (5, "44"), (6, "55")] {
        let sql = format!(
            "INSERT INTO outcome SELECT lane, {nonce}, NULL, 40, x'{}' FROM outcome WHERE nonce = 0",
            tx.repeat(32)
        );
        file.execute(&sql, []).unwrap();
    }
    drop(file);
    open(&path).await.close().await;
    let file = rusqlite::Connection::open(&path).unwrap();
    let mut statement = file.prepare("SELECT first, next FROM handled ORDER BY first").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let ranges: Vec<(u64, u64)> = rows.collect::<Result<_, _>>().unwrap();
    assert_eq!(ranges, [(0, 3), (3, 4), (4, 6), (6, 7)]);
}
