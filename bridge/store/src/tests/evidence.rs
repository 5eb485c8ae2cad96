//! What is kept against operators.

use tempfile::tempdir;

use super::*;
use crate::CONFLICTS_PER_OPERATOR;

#[tokio::test]
async fn both_statements_outlive_the_process_and_are_kept_once() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s");
    let store = open(&path).await;
    assert_eq!(store.evidence(lane(1), 9).await.unwrap(), []);
    for _ in 0..2 {
        store.record_conflicts(lane(1), &[conflict(5, 2), conflict(6, 1)]).await.unwrap();
    }
    store.close().await;
    let kept = |conflict| Evidence { conflict, seen_at_ms: NOW_MS };
    let reader = Store::open_read_only(&path).await.unwrap();
    let evidence = reader.evidence(lane(1), 9).await.unwrap();
    assert_eq!(evidence, [kept(conflict(5, 2)), kept(conflict(6, 1))]);
    assert_eq!(reader.evidence(lane(1), 1).await.unwrap().len(), 1);
    assert_eq!(reader.evidence(lane(2), 9).await.unwrap(), []);
}

#[tokio::test]
async fn one_operator_fills_its_own_place_and_nobody_elses() {
    let folder = tempdir().unwrap();
    let store = open(&folder.path().join("s")).await;
    let flood: Vec<_> = (0..CONFLICTS_PER_OPERATOR + 50).map(|number| conflict(number, 2)).collect();
    store.record_conflicts(lane(1), &flood).await.unwrap();
    store.record_conflicts(lane(1), &[conflict(9_000, 2), conflict(9_000, 3)]).await.unwrap();
    let evidence = store.evidence(lane(1), 9_999).await.unwrap();
    assert_eq!(evidence.len() as u64, CONFLICTS_PER_OPERATOR + 1);
    assert_eq!(evidence.last().unwrap().conflict, conflict(9_000, 3));
}
