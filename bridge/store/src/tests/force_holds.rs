//! What this relay decided about requests that cannot be handled.

use polyspan_types::{HoldAction, HoldDecision};
use tempfile::tempdir;

use super::*;
use crate::{ForceHold, StoreError};

fn root_over(count: u64) -> Root {
    requests(0, count).iter().fold(Root::zero(lane(1)), |root, request| root.then(Leaf::of(request)))
}

#[tokio::test]
async fn a_decision_is_written_down_before_it_is_signed_and_keeps_its_first_evidence() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s");
    let store = open(&path).await;
    let decided = force_hold(1);
    // Nothing is signed that was not decided.
    store.record_force_hold(&decided.signed().unwrap()).await.unwrap();
    assert_eq!(store.force_holds(lane(1), nonce(1)).await.unwrap(), []);
    store.claim_force_hold(&decided, root_over(2)).await.unwrap();
    let claimed = ForceHold { signature: None, ..decided.clone() };
    assert_eq!(store.force_holds(lane(1), nonce(1)).await.unwrap(), [claimed]);
    store.record_force_hold(&decided.signed().unwrap()).await.unwrap();
    let later = ForceHold { trials: 99, reason: "another".to_owned(), ..decided.clone() };
    store.claim_force_hold(&later, root_over(2)).await.unwrap();
    // Under another epoch it is signed again.
    let epoch = HoldDecision { epoch: Epoch::new(2), ..decided.decision };
    store.claim_force_hold(&ForceHold { decision: epoch, ..later.clone() }, root_over(2)).await.unwrap();
    store.close().await;
    let reader = Store::open_read_only(&path).await.unwrap();
    let again = ForceHold { decision: epoch, signature: None, ..later };
    assert_eq!(reader.force_holds(lane(1), nonce(1)).await.unwrap(), [decided, again]);
    assert_eq!(reader.force_holds(lane(1), nonce(2)).await.unwrap(), []);
    assert_eq!(reader.force_holds(lane(2), nonce(1)).await.unwrap(), []);
}

#[tokio::test]
async fn a_decision_and_a_checkpoint_over_one_request_have_one_root() {
    let folder = tempdir().unwrap();
    let store = open(&folder.path().join("s")).await;
    store.record_attestation(&attestation(2, 1, 7)).await.unwrap();
    let refused = store.claim_force_hold(&force_hold(1), root_over(2)).await.unwrap_err();
    assert!(matches!(refused, StoreError::SecondRoot { .. }), "{refused}");
    assert_eq!(store.force_holds(lane(1), nonce(1)).await.unwrap(), []);
    // The other way round.
    store.claim_force_hold(&force_hold(2), root_over(3)).await.unwrap();
    let refused = store.record_attestation(&attestation(3, 1, 7)).await.unwrap_err();
    assert!(matches!(refused, StoreError::SecondRoot { .. }), "{refused}");
    // What a store does not know that it was signed, it does not decide either.
    let path = folder.path().join("t");
    let store = open_bare(&path).await;
    let unknown = store.claim_force_hold(&force_hold(1), root_over(2)).await.unwrap_err();
    assert!(matches!(unknown, StoreError::BelowFloor { .. }), "{unknown}");
    assert_eq!(force_hold(1).decision.action, HoldAction::ForceHold);
}
