//! Holes in what is stored are filled with what fits, and with nothing else.

use proptest::prelude::*;
use rusqlite::params;
use tempfile::tempdir;

use super::*;
use crate::{Proof, StoreError};

/// A store with requests 0 to 9, of which those in `missing` were lost.
async fn damaged(path: &Path, missing: std::ops::Range<u64>) -> Store {
    let store = open(path).await;
    confirm(&store, lane(1), requests(0, 10), block(5)).await.unwrap();
    let (first, end) = (missing.start as i64, missing.end as i64);
    store
        .write_connection(move |connection| {
            connection
                .execute("DELETE FROM request WHERE nonce >= ?1 AND nonce < ?2", params![first, end])?;
            Ok(())
        })
        .await
        .unwrap();
    store
}

fn root_after(count: u64) -> Root {
    (0..count).fold(Root::zero(lane(1)), |root, number| root.then(Leaf::of(&request(number))))
}

#[tokio::test]
async fn a_hole_between_others_and_one_at_the_end_are_filled_with_what_fits() {
    for missing in [3..6, 0..2, 8..10, 0..10] {
        let proof = if missing.end < 10 { Proof::Neighbour } else { Proof::Source };
        let folder = tempdir().unwrap();
        let store = damaged(&folder.path().join("s"), missing.clone()).await;
        let count = missing.end - missing.start;
        assert_eq!(store.count_requests(lane(1), nonce(0), nonce(10)).await.unwrap(), 10 - count);
        store
            .fill_hole(lane(1), requests(missing.start, count), root_after(missing.end), proof)
            .await
            .unwrap();
        let position = store.source_position(lane(1)).await.unwrap();
        assert!(position.is_verified() && position.cursor == Some(block(5)), "{position:?}");
        assert_eq!((position.next, position.root), (nonce(10), root_after(10)));
        let leaves: Vec<_> = (0..10).map(|number| (nonce(number), Leaf::of(&request(number)))).collect();
        assert_eq!(store.stored_leaves(lane(1), nonce(0), nonce(99)).await.unwrap(), leaves);
        assert_eq!(
            store.request(lane(1), nonce(missing.start)).await.unwrap().unwrap().root,
            root_after(missing.start + 1)
        );
    }
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_nothing_of_it_is_stored() {
    let folder = tempdir().unwrap();
    let store = damaged(&folder.path().join("s"), 3..6).await;
    let mut altered = requests(3, 3);
    altered[1].transfer.value = U256::from(7);
    let wrong_root = altered.iter().fold(root_after(3), |root, request| root.then(Leaf::of(request)));
    let differs = |last| StoreError::HoleDiffers { lane: lane(1), first: nonce(3), last: nonce(last) };
    for (requests, root, refusal) in [
        (altered, wrong_root, differs(5)),
        (requests(3, 3), wrong_root, differs(5)),
        (requests(3, 2), root_after(5), differs(4)),
        (
            vec![request(3), request(5)],
            root_after(6),
            StoreError::NonceGap { lane: lane(1), expected: nonce(4), found: nonce(5) },
        ),
        (
            requests(3, 4),
            root_after(7),
            StoreError::NonceOverlap { lane: lane(1), expected: nonce(7), found: nonce(6) },
        ),
    ] {
        assert_eq!(store.fill_hole(lane(1), requests, root, Proof::Neighbour).await, Err(refusal));
        assert_eq!(store.count_requests(lane(1), nonce(0), nonce(10)).await.unwrap(), 7);
    }
}

#[tokio::test]
async fn what_the_source_proved_is_filled_piece_by_piece_from_the_beginning() {
    let folder = tempdir().unwrap();
    let store = damaged(&folder.path().join("s"), 2..9).await;
    let differs =
        |first, last| StoreError::HoleDiffers { lane: lane(1), first: nonce(first), last: nonce(last) };
    let fill = |first, count, root, proof| store.fill_hole(lane(1), requests(first, count), root, proof);
    assert_eq!(fill(2, 3, root_after(5), Proof::Neighbour).await, Err(differs(2, 4)), "nothing is behind it");
    assert_eq!(fill(5, 3, root_after(8), Proof::Source).await, Err(differs(5, 7)), "nor before it");
    assert_eq!(fill(2, 3, root_after(6), Proof::Source).await, Err(differs(2, 4)), "another root");
    fill(2, 3, root_after(5), Proof::Source).await.unwrap();
    fill(5, 3, root_after(8), Proof::Source).await.unwrap();
    fill(8, 1, root_after(9), Proof::Neighbour).await.unwrap();
    assert_eq!(store.count_requests(lane(1), nonce(0), nonce(10)).await.unwrap(), 10);
    assert_eq!(store.request(lane(1), nonce(8)).await.unwrap().unwrap().root, root_after(9));
}

#[tokio::test]
async fn nothing_above_what_the_source_has_confirmed_is_filled() {
    let folder = tempdir().unwrap();
    let store = open(&folder.path().join("s")).await;
    confirm(&store, lane(1), requests(0, 10), block(5)).await.unwrap();
    let above = store.fill_hole(lane(1), requests(10, 1), root_after(11), Proof::Source).await;
    let differs = StoreError::HoleDiffers { lane: lane(1), first: nonce(10), last: nonce(10) };
    assert_eq!(above, Err(differs));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]
    #[test]
    fn whatever_is_missing_the_store_is_as_before_once_it_is_filled(first in 0u64..10, count in 1u64..10) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let end = (first + count).min(10);
        let position = runtime.block_on(async {
            let folder = tempdir().unwrap();
            let store = damaged(&folder.path().join("s"), first..end).await;
            store.fill_hole(lane(1), requests(first, end - first), root_after(end), Proof::Source).await.unwrap();
            store.source_position(lane(1)).await.unwrap()
        });
        prop_assert!(position.is_verified());
        prop_assert_eq!(position.root, root_after(10));
    }
}
