//! Cannot write means do not sign.

use polyspan_types::{Classify, ErrorClass};
use tempfile::tempdir;

use super::*;
use crate::StoreError;

/// Sets a pragma on the writer's own connection.
async fn set(store: &Store, pragma: &'static str, value: i64) {
    let set = store.write_connection(move |connection| {
        connection.query_row(&format!("PRAGMA {pragma} = {value}"), [], |_| Ok(())).or_else(|error| {
            match error {
                rusqlite::Error::QueryReturnedNoRows => Ok(()),
                other => Err(other),
            }
        })?;
        Ok(())
    });
    set.await.unwrap();
}

#[tokio::test]
async fn a_full_disk_refuses_signatures_until_there_is_room() {
    let folder = tempdir().unwrap();
    let store = open(&folder.path().join("s")).await;
    // SQLite answers a full file exactly as it answers a full disk.
    set(&store, "max_page_count", 1).await;
    let mut refused = None;
    for number in 0..2000 {
        if let Err(error) = store.record_attestation(&attestation(number, 1, 1)).await {
            refused = Some((number, error));
            break;
        }
    }
    let (number, error) = refused.expect("the file is full at some point");
    assert!(matches!(error, StoreError::CannotWrite { .. }), "{error}");
    assert!(matches!(error.class(), ErrorClass::Retry { .. }));
    assert_eq!(store.signed_root(lane(1), nonce(number)).await.unwrap(), None);

    set(&store, "max_page_count", i64::from(u32::MAX / 2)).await;
    store.record_attestation(&attestation(number, 1, 1)).await.unwrap();
    assert!(store.signed_root(lane(1), nonce(number)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_read_only_file_refuses_signatures() {
    let folder = tempdir().unwrap();
    let store = open(&folder.path().join("s")).await;
    set(&store, "query_only", 1).await;
    let error = store.record_attestation(&attestation(1, 1, 1)).await.unwrap_err();
    assert!(matches!(error, StoreError::CannotWrite { .. }), "{error}");
    assert_eq!(store.signed_root(lane(1), nonce(1)).await.unwrap(), None);
    set(&store, "query_only", 0).await;
    store.record_attestation(&attestation(1, 1, 1)).await.unwrap();
}

#[tokio::test]
async fn a_refused_write_leaves_no_part_behind() {
    let folder = tempdir().unwrap();
    let store = open(&folder.path().join("s")).await;
    let before = store.append_requests(lane(1), requests(0, 10), block(5)).await.unwrap();
    set(&store, "max_page_count", 1).await;
    let error = store.append_requests(lane(1), requests(10, 5000), block(6)).await.unwrap_err();
    assert!(matches!(error, StoreError::CannotWrite { .. }), "{error}");
    assert_eq!(store.source_position(lane(1)).await.unwrap(), before);
}
