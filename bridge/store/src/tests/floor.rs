//! What a store signs that is new, or was restored.

use tempfile::tempdir;

use super::*;
use crate::{SignFloor, StoreError};

fn files(path: &Path) -> [String; 3] {
    ["", "-wal", ".lock"].map(|suffix| format!("{}{suffix}", path.display()))
}

/// Puts a copy of the database in the place of what is there; the lock file stays.
fn restore(from: &Path, to: &Path) {
    let [_, wal, _] = files(to);
    let _ = std::fs::remove_file(wal);
    std::fs::copy(from, to).unwrap();
}

async fn signs(store: &Store, number: u64, root: u8) -> bool {
    match store.record_attestation(&attestation(number, 1, root)).await {
        Ok(()) => true,
        Err(StoreError::BelowFloor { .. } | StoreError::SecondRoot { .. }) => false,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_new_store_signs_above_the_first_final_nonce_that_it_sees_and_below_it_what_is_adopted() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s");
    let store = open_bare(&path).await;
    assert!(!signs(&store, 90, 1).await, "nothing is decided yet");
    let refused = store.claim_root(lane(1), nonce(90), Root::zero(lane(1))).await.unwrap_err();
    assert_eq!(refused, StoreError::BelowFloor { lane: lane(1), nonce: nonce(90) });
    store.decide_floor(lane(1), nonce(70)).await.unwrap();
    assert!(!signs(&store, 70, 1).await && signs(&store, 71, 1).await);
    store.close().await;
    let store = open_bare(&path).await;
    let floor = store.decide_floor(lane(1), nonce(80)).await.unwrap();
    assert_eq!(floor.floor(), Some(nonce(70)), "it is decided once");
    store.adopt(lane(1), nonce(64)).await.unwrap();
    assert!(signs(&store, 64, 1).await && !signs(&store, 65, 1).await);
    assert!(!signs(&store, 64, 2).await);
}

#[tokio::test]
async fn what_the_own_key_is_seen_to_have_signed_counts_as_signed() {
    let folder = tempdir().unwrap();
    let store = open_bare(&folder.path().join("s")).await;
    store.decide_floor(lane(1), nonce(70)).await.unwrap();
    let root = |byte| Root(B256::repeat_byte(byte));
    assert!(!store.take_in_signed(lane(1), vec![(nonce(64), root(1))]).await.unwrap());
    assert!(signs(&store, 64, 1).await && !signs(&store, 64, 2).await && !signs(&store, 65, 1).await);
    // One that it held for free: its history is not whole, and everything up to there is barred.
    assert!(store.take_in_signed(lane(1), vec![(nonce(90), root(1))]).await.unwrap());
    assert!(!signs(&store, 99, 1).await);
    let floor = store.decide_floor(lane(1), nonce(80)).await.unwrap();
    assert_eq!(floor.floor(), Some(nonce(90)));
    assert!(signs(&store, 90, 1).await && !signs(&store, 85, 1).await && signs(&store, 91, 1).await);
    assert!(!store.doubt_history(lane(1), nonce(85)).await.unwrap());
    assert!(!store.doubt_history(lane(1), nonce(91)).await.unwrap(), "its root is known");
    assert!(store.doubt_history(lane(1), nonce(95)).await.unwrap());
    assert_eq!(store.sign_floor(lane(1)).await.unwrap(), SignFloor::UNKNOWN);
}

#[tokio::test]
async fn a_store_restored_from_a_backup_signs_no_second_root() {
    let folder = tempdir().unwrap();
    let (path, backup) = (folder.path().join("s"), folder.path().join("backup"));
    let store = open(&path).await;
    assert!(signs(&store, 10, 1).await);
    store.close().await;
    std::fs::copy(&path, &backup).unwrap();
    let store = open(&path).await;
    assert!(signs(&store, 20, 1).await);
    store.close().await;

    restore(&backup, &path);
    let store = open_bare(&path).await;
    assert_eq!(store.sign_floor(lane(1)).await.unwrap(), SignFloor::UNKNOWN);
    store.decide_floor(lane(1), nonce(25)).await.unwrap();
    assert!(!signs(&store, 20, 2).await, "another root below");
    assert!(signs(&store, 10, 1).await && !signs(&store, 10, 2).await && signs(&store, 26, 2).await);
    store.close().await;
    // It is a history of its own from here on.
    let store = open_bare(&path).await;
    assert_eq!(store.sign_floor(lane(1)).await.unwrap().floor(), Some(nonce(25)));
}

/// Files as a kill leaves them, with the main file of an older copy.
#[tokio::test]
async fn an_older_file_under_a_newer_log_signs_no_second_root() {
    let folder = tempdir().unwrap();
    let (path, torn) = (folder.path().join("s"), folder.path().join("torn"));
    let store = open(&path).await;
    let fold = |store: Store| async move {
        let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
        store.write_connection(move |connection| Ok(connection.execute_batch(sql)?)).await.unwrap();
        store
    };
    // Enough for several pages, so that the log does not bring all of them.
    for number in 1..=300 {
        assert!(signs(&store, number, 1).await);
    }
    let store = fold(store).await;
    std::fs::copy(&path, &torn).unwrap();
    for number in 301..=900 {
        assert!(signs(&store, number, 1).await);
    }
    let store = fold(store).await;
    assert!(signs(&store, 901, 1).await);
    for (from, to) in files(&path).iter().zip(files(&torn)).skip(1) {
        std::fs::copy(from, to).unwrap();
    }
    match Store::open(&torn).await {
        Ok(store) => {
            assert_eq!(store.sign_floor(lane(1)).await.unwrap(), SignFloor::UNKNOWN);
            store.decide_floor(lane(1), nonce(901)).await.unwrap();
            for number in 1..=901 {
                assert!(!signs(&store, number, 2).await, "{number}");
            }
            store.close().await;
            // It is counted anew: the next start is one like any other.
            let store = Store::open(&torn).await.unwrap();
            assert!(store.sign_floor(lane(1)).await.unwrap().floor().is_some());
        }
        Err(StoreError::Damaged { .. }) => {}
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_file_without_some_of_its_rows_counts_as_restored_and_a_repair_tells() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s");
    let store = open(&path).await;
    assert!(signs(&store, 10, 1).await && signs(&store, 20, 1).await);
    store.close().await;
    let drop_row = |number: u64| {
        let file = rusqlite::Connection::open(&path).unwrap();
        file.execute_batch(&format!(
            "PRAGMA foreign_keys = OFF; DROP TRIGGER signed_root_is_never_forgotten; DROP TRIGGER a_root_that_goes_is_counted;
             DELETE FROM attestation WHERE nonce = {number}; DELETE FROM signed_root WHERE nonce = {number};"
        ))
        .unwrap();
    };
    drop_row(20);
    let copy = folder.path().join("copy");
    for (from, to) in files(&path).iter().zip(files(&copy)) {
        let _ = std::fs::copy(from, to);
    }
    let store = open_bare(&path).await;
    assert_eq!(store.sign_floor(lane(1)).await.unwrap(), SignFloor::UNKNOWN);
    drop(store);
    let crate::Repair::Mended { damage, .. } = crate::repair(&copy).await.unwrap() else {
        panic!("a row is missing")
    };
    assert!(damage.iter().any(|line| line.starts_with("1 signed roots (sum of nonces 10)")), "{damage:?}");
    assert_eq!(crate::repair(&copy).await.unwrap(), crate::Repair::Intact);
}

#[tokio::test]
async fn a_floor_and_what_is_adopted_hold_for_one_key_and_its_roots_are_no_permission_for_another() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s");
    let (own, other) = (Address::repeat_byte(8), Address::repeat_byte(7));
    let store = open_bare(&path).await;
    store.adopt(lane(1), nonce(5)).await.unwrap();
    let (floor, moved) = store.sign_floor_of(lane(1), other).await.unwrap();
    assert_eq!((floor.adopted(), moved), (nonce(5), false), "what was adopted first is for the first key");
    store.decide_floor(lane(1), nonce(10)).await.unwrap();
    let by_other = |number, root| Attestation { operator: other, ..attestation(number, 1, root) };
    store.record_attestation(&by_other(20, 1)).await.unwrap();
    store.close().await;

    // The other's store gets the own key, which may have signed anything elsewhere.
    let store = open_bare(&path).await;
    assert_eq!(store.sign_floor_of(lane(1), own).await.unwrap(), (SignFloor::UNKNOWN, true));
    assert_eq!(store.sign_floor_of(lane(1), own).await.unwrap(), (SignFloor::UNKNOWN, false));
    store.decide_floor(lane(1), nonce(30)).await.unwrap();
    assert!(!signs(&store, 20, 1).await && !signs(&store, 20, 2).await && !signs(&store, 4, 1).await);
    assert!(signs(&store, 31, 1).await && signs(&store, 31, 1).await);
    store.adopt(lane(1), nonce(20)).await.unwrap();
    assert!(signs(&store, 20, 1).await && !signs(&store, 20, 2).await);

    // And back: what it attested itself, it may say again.
    assert_eq!(store.sign_floor_of(lane(1), other).await.unwrap(), (SignFloor::UNKNOWN, true));
    store.record_attestation(&by_other(20, 1)).await.unwrap();
    assert!(store.record_attestation(&by_other(31, 1)).await.is_err());
}

#[tokio::test]
async fn an_own_signature_within_what_is_adopted_takes_nothing_back() {
    let folder = tempdir().unwrap();
    let store = open_bare(&folder.path().join("s")).await;
    store.decide_floor(lane(1), nonce(70)).await.unwrap();
    store.adopt(lane(1), nonce(64)).await.unwrap();
    let root = |byte| Root(B256::repeat_byte(byte));
    assert!(!store.take_in_signed(lane(1), vec![(nonce(32), root(1))]).await.unwrap());
    assert!(signs(&store, 48, 1).await && !signs(&store, 32, 2).await && signs(&store, 71, 1).await);
}

#[tokio::test]
async fn a_backup_of_the_same_run_is_noticed_by_what_was_signed_since() {
    let folder = tempdir().unwrap();
    let (path, backup) = (folder.path().join("s"), folder.path().join("backup"));
    let store = open(&path).await;
    assert!(signs(&store, 10, 1).await);
    store
        .write_connection(|connection| Ok(connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?))
        .await
        .unwrap();
    std::fs::copy(&path, &backup).unwrap();
    assert!(signs(&store, 20, 1).await);
    store.close().await;
    restore(&backup, &path);
    let store = open_bare(&path).await;
    assert_eq!(store.sign_floor(lane(1)).await.unwrap(), SignFloor::UNKNOWN);
}

#[tokio::test]
async fn a_database_without_its_lock_file_counts_as_restored_and_one_that_was_only_closed_does_not() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s");
    let store = open(&path).await;
    assert!(signs(&store, 10, 1).await);
    store.close().await;
    let store = open_bare(&path).await;
    assert_eq!(store.sign_floor(lane(1)).await.unwrap().floor(), Some(nonce(0)));
    store.adopt(lane(1), nonce(5)).await.unwrap();
    store.close().await;
    let [_, _, lock] = files(&path);
    for spoil in [None, Some("nothing that was ever written here")] {
        match spoil {
            None => std::fs::remove_file(&lock).unwrap(),
            Some(text) => std::fs::write(&lock, text).unwrap(),
        }
        let store = open_bare(&path).await;
        assert_eq!(store.sign_floor(lane(1)).await.unwrap(), SignFloor::UNKNOWN);
        assert_eq!(store.decide_floor(lane(1), nonce(8)).await.unwrap().floor(), Some(nonce(10)));
        store.close().await;
    }
}
