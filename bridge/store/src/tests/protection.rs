//! Slashing protection: one root for one nonce of one lane, whatever happens.

use std::collections::HashMap;

use polyspan_types::{Classify, ErrorClass};
use proptest::prelude::*;
use tempfile::tempdir;

use super::*;
use crate::StoreError;

#[tokio::test]
async fn a_second_root_is_refused_under_any_epoch_and_after_any_restart() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s");
    let store = open(&path).await;
    store.record_attestation(&attestation(7, 1, 1)).await.unwrap();
    store.record_attestation(&attestation(7, 1, 1)).await.unwrap();
    store.record_attestation(&attestation(7, 2, 1)).await.unwrap();
    store.close().await;
    let store = open(&path).await;
    for epoch in 0..4 {
        let refused = store.record_attestation(&attestation(7, epoch, 2)).await.unwrap_err();
        let (signed, wrong) = (Root(B256::repeat_byte(1)), Root(B256::repeat_byte(2)));
        let expected = StoreError::SecondRoot { lane: lane(1), nonce: nonce(7), signed, refused: wrong };
        assert_eq!(refused, expected);
        assert_eq!(refused.class(), ErrorClass::Skip);
    }
    assert_eq!(store.signed_root(lane(1), nonce(7)).await.unwrap(), Some(Root(B256::repeat_byte(1))));
    assert_eq!(store.signed_root(lane(2), nonce(7)).await.unwrap(), None);
    // Only that nonce is barred.
    store.record_attestation(&attestation(8, 2, 2)).await.unwrap();
}

#[tokio::test]
async fn a_claimed_root_bars_another_one_though_nothing_was_signed() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s");
    let store = open(&path).await;
    let root = |byte| Root(B256::repeat_byte(byte));
    store.claim_root(lane(1), nonce(7), root(1)).await.unwrap();
    store.close().await;
    let store = open(&path).await;
    let refused = store.claim_root(lane(1), nonce(7), root(2)).await.unwrap_err();
    assert!(matches!(refused, StoreError::SecondRoot { .. }), "{refused}");
    let refused = store.record_attestation(&attestation(7, 1, 2)).await.unwrap_err();
    assert!(matches!(refused, StoreError::SecondRoot { .. }), "{refused}");
    assert_eq!(store.attestations(lane(1), Epoch::new(1), nonce(0)).await.unwrap(), []);
    store.claim_root(lane(1), nonce(7), root(1)).await.unwrap();
    store.record_attestation(&attestation(7, 1, 1)).await.unwrap();
}

#[tokio::test]
async fn attestations_come_back_by_epoch_and_above_a_nonce() {
    let folder = tempdir().unwrap();
    let store = open(&folder.path().join("s")).await;
    for number in [3, 1, 2] {
        store.record_attestation(&attestation(number, 1, 1)).await.unwrap();
    }
    store.record_attestation(&attestation(3, 2, 1)).await.unwrap();
    let epoch = Epoch::new(1);
    let all = store.attestations(lane(1), epoch, nonce(1)).await.unwrap();
    assert_eq!(all, [attestation(2, 1, 1), attestation(3, 1, 1)]);
    let next = store.attestations(lane(1), Epoch::new(2), nonce(0)).await.unwrap();
    assert_eq!(next, [attestation(3, 2, 1)]);
    // Saying it again adds nothing.
    store.record_attestation(&attestation(2, 1, 1)).await.unwrap();
    assert_eq!(store.attestations(lane(1), epoch, nonce(1)).await.unwrap().len(), 2);
}

#[tokio::test]
async fn the_file_itself_refuses_to_change_or_forget_a_signed_root() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s");
    let store = open(&path).await;
    store.record_attestation(&attestation(7, 1, 1)).await.unwrap();
    store.close().await;
    let file = rusqlite::Connection::open(&path).unwrap();
    for sql in ["UPDATE signed_root SET root = zeroblob(32)", "DELETE FROM signed_root"] {
        assert!(file.execute(sql, []).is_err(), "{sql}");
    }
}

/// What a relay may go through.
#[derive(Debug, Clone)]
enum Event {
    Attest {
        nonce: u64,
        epoch: u64,
        root: u8,
    },
    /// The process is killed: what the files hold at that moment is all that is left.
    Crash,
    Reopen,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (0..6_u64, 0..3_u64, 0..3_u8).prop_map(|(nonce, epoch, root)| Event::Attest { nonce, epoch, root }),
        1 => Just(Event::Crash),
        1 => Just(Event::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_history_holds_two_roots_for_one_nonce(events in proptest::collection::vec(event(), 1..50)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        runtime.block_on(play(events))?;
    }
}

async fn play(events: Vec<Event>) -> Result<(), TestCaseError> {
    let folder = tempdir().unwrap();
    let mut path = folder.path().join("0");
    let mut store = open(&path).await;
    let mut signed: HashMap<u64, u8> = HashMap::new();
    for (step, event) in events.into_iter().enumerate() {
        match event {
            Event::Attest { nonce: number, epoch, root } => {
                let answer = store.record_attestation(&attestation(number, epoch, root)).await;
                let first = *signed.entry(number).or_insert(root);
                prop_assert_eq!(answer.is_ok(), first == root);
            }
            Event::Crash => {
                let next = folder.path().join((step + 1).to_string());
                for suffix in ["", "-wal", ".lock"] {
                    let from = format!("{}{suffix}", path.display());
                    if Path::new(&from).exists() {
                        std::fs::copy(from, format!("{}{suffix}", next.display())).unwrap();
                    }
                }
                store = open(&next).await;
                path = next;
            }
            Event::Reopen => {
                store.close().await;
                store = open(&path).await;
            }
        }
        for (number, root) in &signed {
            let stored = store.signed_root(lane(1), nonce(*number)).await.unwrap();
            prop_assert_eq!(stored, Some(Root(B256::repeat_byte(*root))));
        }
        for epoch in 0..3 {
            for attestation in store.attestations(lane(1), Epoch::new(epoch), nonce(0)).await.unwrap() {
                let number = attestation.checkpoint.nonce.get();
                prop_assert_eq!(attestation.checkpoint.root.0[0], signed[&number]);
            }
        }
    }
    Ok(())
}
