//! A lane that begins above its first request.

use tempfile::tempdir;

use super::*;
use crate::StoreError;

fn base() -> Base {
    let root = Root(B256::repeat_byte(0x77));
    Base { nonce: nonce(40), root, source_block: Some(BlockHeight::new(9)), begun: Some(block(70)) }
}

#[tokio::test]
async fn a_lane_begins_where_its_destination_stands_and_goes_on_from_there() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s");
    let store = open_bare(&path).await;
    let early = store.append_requests(lane(1), requests(0, 1), block(10)).await.unwrap_err();
    assert_eq!(early, StoreError::NotBegun { lane: lane(1) });
    let hold = held(7, HoldReason::PayoutFailed, 60);
    store.begin_lane(lane(1), base(), vec![hold]).await.unwrap();
    // Once begun it stays as it is.
    store.begin_lane(lane(1), zero_base(lane(1)), Vec::new()).await.unwrap();
    store.close().await;

    let store = open_bare(&path).await;
    let position = store.source_position(lane(1)).await.unwrap();
    assert_eq!((position.base, position.next, position.root), (Some(base()), nonce(40), base().root));
    assert_eq!((position.cursor, position.is_verified()), (None, false));
    let destination = store.destination_position(lane(1)).await.unwrap();
    assert_eq!((destination.next, destination.open_holds), (nonce(40), 1));
    assert_eq!((destination.base, destination.cursor), (Some(base()), Some(block(70))));
    assert_eq!(store.root_at(lane(1), nonce(40)).await.unwrap(), Some(base().root));
    assert_eq!(store.root_at(lane(1), nonce(39)).await.unwrap(), None);

    let gap = store.append_requests(lane(1), requests(41, 1), block(10)).await.unwrap_err();
    assert!(matches!(gap, StoreError::NonceGap { .. }), "{gap}");
    let after = confirm(&store, lane(1), requests(40, 3), block(10)).await.unwrap();
    let root = requests(40, 3).iter().fold(base().root, |root, request| root.then(Leaf::of(request)));
    assert_eq!((after.next, after.root, after.is_verified()), (nonce(43), root, true));
    assert_eq!(store.root_at(lane(1), nonce(43)).await.unwrap(), Some(root));
    let handled = logs(&[range(40, 42, 71)], &[]);
    assert_eq!(store.record_handled(lane(1), handled, block(72)).await.unwrap().next, nonce(42));
}

#[tokio::test]
async fn what_was_not_verified_is_read_again_from_the_base() {
    let folder = tempdir().unwrap();
    let store = open_bare(&folder.path().join("s")).await;
    store.begin_lane(lane(1), base(), Vec::new()).await.unwrap();
    store.append_requests(lane(1), requests(40, 3), block(10)).await.unwrap();
    let back = store.rewind_to_verified(lane(1)).await.unwrap();
    assert_eq!((back.next, back.root, back.cursor), (nonce(40), base().root, None));
}

#[tokio::test]
async fn a_lane_that_forgets_what_can_be_read_again_keeps_what_it_signed() {
    let folder = tempdir().unwrap();
    let store = open(&folder.path().join("s")).await;
    confirm(&store, lane(1), requests(0, 3), block(10)).await.unwrap();
    store.record_attestation(&attestation(3, 1, 1)).await.unwrap();
    store.record_submission(&submission(5, 0, 2)).await.unwrap();
    let hold = held(1, HoldReason::PayoutFailed, 40);
    store.record_handled(lane(1), logs(&[range(0, 2, 40)], &[hold]), block(41)).await.unwrap();
    store.forget_readable(lane(1)).await.unwrap();
    let position = store.source_position(lane(1)).await.unwrap();
    assert_eq!((position.base, position.cursor, position.verified), (None, None, None));
    assert_eq!(store.requests(lane(1), nonce(0), 9).await.unwrap(), []);
    assert_eq!(store.destination_position(lane(1)).await.unwrap(), Default::default());
    assert!(store.record_attestation(&attestation(3, 1, 2)).await.is_err());
    assert_eq!(store.attestations(lane(1), Epoch::new(1), nonce(0)).await.unwrap(), [attestation(3, 1, 1)]);
    assert_eq!(store.journal(CHAIN, SUBMITTER).await.unwrap(), [submission(5, 0, 2)]);
    store.begin_lane(lane(1), base(), Vec::new()).await.unwrap();
    assert_eq!(store.source_position(lane(1)).await.unwrap().next, nonce(40));
}

#[tokio::test]
async fn what_was_read_of_a_lane_that_was_forgotten_meanwhile_is_not_stored() {
    let folder = tempdir().unwrap();
    let store = open_bare(&folder.path().join("s")).await;
    store.begin_lane(lane(1), base(), Vec::new()).await.unwrap();
    store.forget_readable(lane(1)).await.unwrap();
    let late = store.record_handled(lane(1), logs(&[range(40, 47, 71)], &[]), block(72)).await;
    assert_eq!(late.unwrap_err(), StoreError::NotBegun { lane: lane(1) });
    let late = store.add_older_holds(lane(1), Vec::new()).await;
    assert_eq!(late.unwrap_err(), StoreError::NotBegun { lane: lane(1) });
}
