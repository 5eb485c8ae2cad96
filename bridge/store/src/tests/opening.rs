//! Opening: files that are new, in use, foreign, damaged, newer.

use std::os::unix::fs::PermissionsExt;

use tempfile::tempdir;

use super::*;
use crate::{SCHEMA_VERSION, StoreError};

#[tokio::test]
async fn folder_and_file_are_made_for_their_owner_only() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("made").join("relay.sqlite");
    let store = open(&path).await;
    store.halt_lane(lane(1), "x", false).await.unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for entry in std::fs::read_dir(path.parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[tokio::test]
async fn one_relay_writes_and_anybody_reads() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s");
    let store = open(&path).await;
    let second = Store::open(&path).await.unwrap_err();
    assert_eq!(second, StoreError::InUse { path: path.clone() });
    let reader = Store::open_read_only(&path).await.unwrap();
    store.append_requests(lane(1), requests(0, 3), block(5)).await.unwrap();
    assert_eq!(reader.source_position(lane(1)).await.unwrap().next, nonce(3));
    let refused = reader.record_attestation(&attestation(1, 1, 1)).await.unwrap_err();
    assert_eq!(refused, StoreError::ReadOnly { path: path.clone() });
    store.close().await;
    // After the relay has gone, too.
    let late = Store::open_read_only(&path).await.unwrap();
    assert_eq!(late.source_position(lane(1)).await.unwrap().next, nonce(3));
    open(&path).await;
}

#[tokio::test]
async fn what_a_killed_relay_left_in_the_log_is_read_without_it() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s");
    let store = open(&path).await;
    store.append_requests(lane(1), requests(0, 3), block(5)).await.unwrap();
    let copy = folder.path().join("copy");
    std::fs::copy(&path, &copy).unwrap();
    std::fs::copy(folder.path().join("s-wal"), folder.path().join("copy-wal")).unwrap();
    let reader = Store::open_read_only(&copy).await.unwrap();
    assert_eq!(reader.source_position(lane(1)).await.unwrap().next, nonce(3));
}

#[tokio::test]
async fn a_closed_store_says_so_to_its_other_handles() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s");
    let store = open(&path).await;
    let other = store.clone();
    store.close().await;
    let closed = StoreError::Closed { path: path.clone() };
    assert_eq!(other.halt_lane(lane(1), "x", false).await, Err(closed.clone()));
    assert_eq!(other.halted(lane(1)).await, Err(closed));
    open(&path).await;
}

#[tokio::test]
async fn files_that_are_no_stores_are_named_and_left_alone() {
    let folder = tempdir().unwrap();
    let text = folder.path().join("text");
    let words = "these are words, and not a database, whatever else they may be. ".repeat(200);
    std::fs::write(&text, &words).unwrap();
    let foreign = folder.path().join("foreign");
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    let before = std::fs::read(&foreign).unwrap();
    for path in [&text, &foreign] {
        for answer in [Store::open(path).await, Store::open_read_only(path).await] {
            assert_eq!(answer.unwrap_err(), StoreError::NotAStore { path: path.clone() });
        }
    }
    assert_eq!(std::fs::read_to_string(&text).unwrap(), words);
    assert_eq!(std::fs::read(&foreign).unwrap(), before);

    let missing = folder.path().join("missing");
    let answer = Store::open_read_only(&missing).await.unwrap_err();
    assert!(matches!(answer, StoreError::Open { .. }), "{answer}");
    assert!(!missing.exists());
}

#[tokio::test]
async fn a_newer_schema_is_refused_with_both_versions() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s");
    open(&path).await.close().await;
    let file = rusqlite::Connection::open(&path).unwrap();
    file.pragma_update(None, "user_version", SCHEMA_VERSION + 1).unwrap();
    drop(file);
    let expected =
        StoreError::NewerSchema { path: path.clone(), found: SCHEMA_VERSION + 1, supported: SCHEMA_VERSION };
    assert_eq!(Store::open(&path).await.unwrap_err(), expected);
    assert_eq!(Store::open_read_only(&path).await.unwrap_err(), expected);
}

#[tokio::test]
async fn damage_is_an_error_with_a_cure_and_not_a_panic() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s");
    let store = open(&path).await;
    store.append_requests(lane(1), requests(0, 300), block(5)).await.unwrap();
    store.close().await;
    let mut bytes = std::fs::read(&path).unwrap();
    let size = bytes.len();
    assert!(size > 100_000);
    bytes[8192..size].fill(0xA5);
    std::fs::write(&path, bytes).unwrap();
    let error = match Store::open(&path).await {
        Err(error) => error,
        Ok(store) => store.requests(lane(1), nonce(0), 300).await.unwrap_err(),
    };
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("restore the file or move it away"), "{error}");
}

/// A caller that goes away before its write is queued, as when a task is stopped under load.
#[tokio::test]
async fn a_write_that_nobody_waits_for_any_more_does_not_count_as_writing() {
    let folder = tempdir().unwrap();
    let settings = StoreSettings { queue: 1, ..StoreSettings::default() };
    let store = Store::open_with(&folder.path().join("s"), settings).await.unwrap();
    let mut waiting: Vec<_> = (0..50).map(|_| Box::pin(store.halt_lane(lane(1), "x", false))).collect();
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    for write in &mut waiting {
        let _ = write.as_mut().poll(&mut context);
    }
    assert!(store.is_writing());
    drop(waiting);
    store.halt_lane(lane(2), "after all of them", false).await.unwrap();
    assert!(!store.is_writing());
}

#[tokio::test]
async fn a_thread_that_panics_is_reported_as_the_end_of_the_store() {
    let folder = tempdir().unwrap();
    let store = open(&folder.path().join("s")).await;
    let panicked =
        store.write_connection(|_| -> Result<(), _> { panic!("as a fault of this program would") });
    assert!(matches!(panicked.await, Err(StoreError::Closed { .. })));
    assert!(matches!(store.ended().await, StoreError::Closed { .. }));
}

#[tokio::test]
async fn a_directory_or_a_device_is_no_store_and_gets_no_lock_file_beside_it() {
    let folder = tempdir().unwrap();
    let place = folder.path().join("place");
    std::fs::create_dir(&place).unwrap();
    for path in [&place, Path::new("/dev/null")] {
        let refused = Store::open(path).await.unwrap_err();
        assert!(refused.to_string().contains("no file"), "{refused}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    assert!(!Path::new("/dev/null.lock").exists());
}
