//! A damaged file is mended, and keeps what nobody else knows.

use tempfile::tempdir;

use super::*;
use crate::{Repair, SignFloor, StoreError, repair};

#[tokio::test]
async fn a_whole_store_is_left_as_it_is_and_one_in_use_or_missing_is_refused() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s");
    assert!(matches!(repair(&path).await, Err(StoreError::Open { .. })));
    assert!(!path.exists());
    let store = open(&path).await;
    assert_eq!(repair(&path).await.unwrap_err(), StoreError::InUse { path: path.clone() });
    store.close().await;
    let before = std::fs::read(&path).unwrap();
    assert_eq!(repair(&path).await.unwrap(), Repair::Intact);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(open_bare(&path).await.sign_floor(lane(1)).await.unwrap().floor(), Some(nonce(0)));
}

#[tokio::test]
async fn a_damaged_store_keeps_signed_roots_attestations_and_journal_and_reads_the_rest_again() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s");
    let store = open(&path).await;
    store.record_attestation(&attestation(3, 1, 1)).await.unwrap();
    store.record_submission(&submission(5, 0, 2)).await.unwrap();
    store.record_conflicts(lane(1), &[conflict(7, 2)]).await.unwrap();
    store.claim_force_hold(&force_hold(0), Root(B256::repeat_byte(5))).await.unwrap();
    store.record_force_hold(&force_hold(0).signed().unwrap()).await.unwrap();
    store.halt_lane(lane(2), "why", false).await.unwrap();
    // What lies behind the others in the file are the requests.
    store.append_requests(lane(1), requests(0, 300), block(5)).await.unwrap();
    store.close().await;
    let mut bytes = std::fs::read(&path).unwrap();
    let size = bytes.len();
    bytes[size - 16_384..size - 4_096].fill(0xA5);
    std::fs::write(&path, &bytes).unwrap();

    let Repair::Mended { damage, aside, kept } = repair(&path).await.unwrap() else {
        panic!("it is damaged")
    };
    assert!(!damage.is_empty());
    assert_eq!(std::fs::read(aside).unwrap(), bytes);
    assert!(
        kept.contains(&("signed_root", 2, false)) && kept.contains(&("submission", 1, false)),
        "{kept:?}"
    );
    assert_eq!(repair(&path).await.unwrap(), Repair::Intact);

    let store = open_bare(&path).await;
    assert_eq!(store.attestations(lane(1), Epoch::new(1), nonce(0)).await.unwrap(), [attestation(3, 1, 1)]);
    assert_eq!(store.journal(CHAIN, SUBMITTER).await.unwrap(), [submission(5, 0, 2)]);
    assert_eq!(store.evidence(lane(1), 9).await.unwrap().len(), 1);
    assert_eq!(store.force_holds(lane(1), nonce(0)).await.unwrap(), [force_hold(0)]);
    assert_eq!(store.halted(lane(2)).await.unwrap().unwrap().reason, "why");
    assert_eq!(store.source_position(lane(1)).await.unwrap().base, None);
    // The halted lane has no block that could be accepted: it is resumed to be read again.
    assert_eq!(store.source_position(lane(2)).await.unwrap().cursor, None);
    assert_eq!(store.destination_position(lane(2)).await.unwrap().cursor, None);
    store.resume_lane(lane(2), true).await.unwrap();
    assert_eq!(store.halted(lane(2)).await.unwrap(), None);
    // A signed root may have been among what was lost.
    assert_eq!(store.sign_floor(lane(1)).await.unwrap(), SignFloor::UNKNOWN);
    assert!(store.record_attestation(&attestation(3, 1, 2)).await.is_err());
    store.decide_floor(lane(1), nonce(9)).await.unwrap();
    store.record_attestation(&attestation(10, 1, 2)).await.unwrap();
}
