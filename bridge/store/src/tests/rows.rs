//! What is stored is read back, and nothing else.

use polyspan_types::{HoldEnd, HoldEnding, OutcomeResult};
use prometheus::Registry;
use tempfile::tempdir;

use super::*;
use crate::{Asked, SourcePosition, StoreError};

#[tokio::test]
async fn requests_come_back_with_leaf_root_and_stamp() {
    let folder = tempdir().unwrap();
    let store = open(&folder.path().join("s")).await;
    let empty = store.source_position(lane(1)).await.unwrap();
    assert_eq!((empty.next, empty.root, empty.cursor), (nonce(0), Root::zero(lane(1)), None));

    store.append_requests(lane(1), requests(0, 10), block(5)).await.unwrap();
    let position = store.append_requests(lane(1), requests(10, 10), block(9)).await.unwrap();
    store.append_requests(lane(2), requests(0, 1), block(7)).await.unwrap();

    let mut root = Root::zero(lane(1));
    for number in 0..20 {
        root = root.then(Leaf::of(&request(number)));
        let stored = store.request(lane(1), nonce(number)).await.unwrap().unwrap();
        assert_eq!((stored.request, stored.root, stored.stored_at_ms), (request(number), root, NOW_MS));
        assert_eq!(store.root_at(lane(1), nonce(number + 1)).await.unwrap(), Some(root));
    }
    assert_eq!((position.next, position.root, position.cursor), (nonce(20), root, Some(block(9))));
    assert_eq!(store.source_position(lane(1)).await.unwrap(), position);
    assert_eq!(store.root_at(lane(1), nonce(0)).await.unwrap(), Some(Root::zero(lane(1))));
    assert_eq!(store.root_at(lane(1), nonce(21)).await.unwrap(), None);
    assert_eq!(store.request(lane(1), nonce(20)).await.unwrap(), None);
    assert_eq!(store.request(lane(1), nonce(u64::MAX)).await.unwrap(), None);
    let leaves = store.leaves(lane(1), nonce(18), nonce(30)).await.unwrap();
    assert_eq!(leaves, [Leaf::of(&request(18)), Leaf::of(&request(19))]);
    assert_eq!(store.requests(lane(1), nonce(15), u64::MAX).await.unwrap().len(), 5);
}

#[tokio::test]
async fn a_gap_or_an_overlap_stores_nothing_and_leaves_the_cursor() {
    let folder = tempdir().unwrap();
    let store = open(&folder.path().join("s")).await;
    let before = store.append_requests(lane(1), requests(0, 3), block(5)).await.unwrap();
    let gap = store.append_requests(lane(1), vec![request(3), request(5)], block(6)).await;
    assert_eq!(gap, Err(StoreError::NonceGap { lane: lane(1), expected: nonce(4), found: nonce(5) }));
    let overlap = store.append_requests(lane(1), vec![request(2)], block(6)).await;
    assert_eq!(overlap, Err(StoreError::NonceOverlap { lane: lane(1), expected: nonce(3), found: nonce(2) }));
    assert_eq!(store.source_position(lane(1)).await.unwrap(), before);
}

#[tokio::test]
async fn the_source_cursor_moves_forward_only() {
    let folder = tempdir().unwrap();
    let store = open(&folder.path().join("s")).await;
    store.append_requests(lane(1), Vec::new(), block(5)).await.unwrap();
    store.append_requests(lane(1), Vec::new(), block(5)).await.unwrap();
    let other_hash = BlockRef { hash: B256::ZERO, ..block(5) };
    for refused in [block(4), other_hash] {
        let answer = store.append_requests(lane(1), Vec::new(), refused).await;
        assert_eq!(answer, Err(StoreError::CursorBack { lane: lane(1), stored: block(5), refused }));
    }
}

#[tokio::test]
async fn the_source_cursor_steps_back_over_what_nobody_signed_only() {
    let folder = tempdir().unwrap();
    let store = open(&folder.path().join("s")).await;
    let kept = confirm(&store, lane(1), requests(0, 3), block(5)).await.unwrap();
    let more = confirm(&store, lane(1), requests(3, 2), block(9)).await.unwrap();
    // Of three requests and of none beyond them.
    store.record_attestation(&attestation(3, 1, 1)).await.unwrap();
    let back = store.step_back_source(lane(1), nonce(3), block(7)).await.unwrap().unwrap();
    assert_eq!((back.next, back.root, back.cursor), (nonce(3), kept.root, Some(block(7))));
    assert_eq!((back.verified_next, back.verified), (nonce(3), Some(block(7))));
    assert_eq!(store.request(lane(1), nonce(3)).await.unwrap(), None);

    let again = confirm(&store, lane(1), requests(3, 2), block(9)).await.unwrap();
    assert_eq!(again.root, more.root);
    store.record_attestation(&attestation(4, 1, 1)).await.unwrap();
    assert_eq!(store.step_back_source(lane(1), nonce(3), block(7)).await.unwrap(), None);
    assert_eq!(store.source_position(lane(1)).await.unwrap(), again, "what was signed contradicts it");
    assert!(store.step_back_source(lane(1), nonce(4), block(7)).await.unwrap().is_some());
}

#[tokio::test]
async fn what_the_source_did_not_confirm_is_forgotten_and_read_again() {
    let folder = tempdir().unwrap();
    let store = open(&folder.path().join("s")).await;
    let confirmed = confirm(&store, lane(1), requests(0, 3), block(5)).await.unwrap();
    assert!(confirmed.is_verified());
    assert_eq!((confirmed.verified_next, confirmed.verified), (nonce(3), Some(block(5))));
    let more = store.append_requests(lane(1), requests(3, 2), block(6)).await.unwrap();
    assert!(!more.is_verified());
    assert_eq!((more.next, more.verified_next, more.verified), (nonce(5), nonce(3), Some(block(5))));
    assert_eq!(confirmed.after(&requests(3, 2)), (more.next, more.root));

    assert_eq!(store.rewind_to_verified(lane(1)).await.unwrap(), confirmed);
    assert_eq!(store.source_position(lane(1)).await.unwrap(), confirmed);
    assert_eq!(store.request(lane(1), nonce(3)).await.unwrap(), None);
    let again = confirm(&store, lane(1), requests(3, 2), block(6)).await.unwrap();
    assert_eq!((again.root, again.verified_next), (more.root, nonce(5)));
}

#[tokio::test]
async fn blocks_that_were_confirmed_are_read_again_without_forgetting_what_they_held() {
    let folder = tempdir().unwrap();
    let store = open(&folder.path().join("s")).await;
    let confirmed = confirm(&store, lane(1), requests(0, 3), block(9)).await.unwrap();
    store.read_source_again(lane(1), block(4)).await.unwrap();
    let back = store.source_position(lane(1)).await.unwrap();
    assert_eq!(back, SourcePosition { cursor: Some(block(4)), ..confirmed });
    assert!(!back.is_verified());
    store.read_source_again(lane(1), block(6)).await.unwrap();
    assert_eq!(store.source_position(lane(1)).await.unwrap(), back, "never forward");
    store.append_requests(lane(1), requests(3, 1), block(7)).await.unwrap();
    assert_eq!(store.rewind_to_verified(lane(1)).await.unwrap(), confirmed, "what was read is wrong again");
    store.read_source_again(lane(1), block(4)).await.unwrap();
    let read = confirm(&store, lane(1), requests(3, 1), block(9)).await.unwrap();
    assert!(read.is_verified() && read.next == nonce(4));
}

#[tokio::test]
async fn rewinding_before_the_first_confirmation_starts_over() {
    let folder = tempdir().unwrap();
    let store = open(&folder.path().join("s")).await;
    let empty = store.source_position(lane(1)).await.unwrap();
    store.append_requests(lane(1), requests(0, 2), block(5)).await.unwrap();
    assert_eq!(store.rewind_to_verified(lane(1)).await.unwrap(), empty);
}

async fn results(store: &Store, numbers: std::ops::Range<u64>) -> Vec<Option<OutcomeResult>> {
    let mut results = Vec::new();
    for number in numbers {
        let outcome = store.outcome(lane(1), nonce(number)).await.unwrap();
        results.push(outcome.map(|outcome| outcome.result));
    }
    results
}

#[tokio::test]
async fn outcomes_come_back_and_saying_them_twice_changes_nothing() {
    let folder = tempdir().unwrap();
    let store = open(&folder.path().join("s")).await;
    assert_eq!(store.destination_position(lane(1)).await.unwrap().cursor, None);
    // Every number that a contract can give, those of later versions included.
    let reasons = (0..=u8::MAX).map(HoldReason::from_number);
    let holds: Vec<_> = (3u64..).zip(reasons).map(|(number, reason)| held(number, reason, 4)).collect();
    let all = logs(&[range(0, 2, 3), range(2, 259, 4)], &holds);
    for _ in 0..2 {
        let position = store.record_handled(lane(1), all.clone(), block(5)).await.unwrap();
        assert_eq!((position.next, position.open_holds), (nonce(259), 256));
        assert_eq!(position, store.destination_position(lane(1)).await.unwrap());
    }
    for number in 0..260 {
        assert_eq!(store.outcome(lane(1), nonce(number)).await.unwrap(), all.outcome(nonce(number)));
    }
    assert_eq!(store.outcome(lane(2), nonce(0)).await.unwrap(), None);
    assert_eq!(store.destination_position(lane(1)).await.unwrap().cursor, Some(block(5)));
}

#[tokio::test]
async fn outcomes_of_reorganised_blocks_are_forgotten() {
    let folder = tempdir().unwrap();
    let store = open(&folder.path().join("s")).await;
    let old = logs(&[range(0, 1, 3), range(1, 2, 5)], &[held(1, HoldReason::Delayed, 5)]);
    store.record_handled(lane(1), old, block(5)).await.unwrap();
    store.record_handled(lane(1), HandledLogs::default(), block(4)).await.unwrap();
    assert_eq!(results(&store, 0..2).await, [Some(OutcomeResult::Paid), None]);
    let position = store.destination_position(lane(1)).await.unwrap();
    assert_eq!((position.next, position.open_holds, position.cursor), (nonce(1), 0, Some(block(4))));
}

fn ending(number: u64, end: HoldEnd, height: u64) -> HandledLogs {
    let (block, tx_hash) = (BlockHeight::new(height), B256::repeat_byte(2));
    let ending = HoldEnding { nonce: nonce(number), end, block, tx_hash };
    HandledLogs { endings: vec![ending], ..HandledLogs::default() }
}

#[tokio::test]
async fn holds_are_open_until_they_end_and_again_when_the_end_is_reorganised() {
    let folder = tempdir().unwrap();
    let store = open(&folder.path().join("s")).await;
    store.append_requests(lane(1), requests(0, 2), block(5)).await.unwrap();
    let holds = [0, 1, 2, 3].map(|number| held(number, HoldReason::InsufficientEscrow, 3));
    store.record_handled(lane(1), logs(&[range(0, 4, 3)], &holds), block(3)).await.unwrap();
    let open = async |from, limit| {
        let open = store.open_holds(lane(1), nonce(from), limit).await.unwrap();
        open.into_iter().map(|hold| hold.nonce.get()).collect::<Vec<_>>()
    };
    assert_eq!((open(0, 9).await, open(1, 1).await), (vec![0, 1, 2, 3], vec![1]));
    let both = store.open_holds(lane(1), nonce(1), 9).await.unwrap();
    let Request { transfer, .. } = request(1);
    let asked = Asked { kind: transfer.kind, token: transfer.token, value: transfer.value };
    assert_eq!((both[0].asked, both[0].held_at), (Some(asked), BlockHeight::new(3)));
    assert_eq!((both[1].asked, both[1].reason), (None, HoldReason::InsufficientEscrow));
    let known = store.open_hold_recipients(lane(1), nonce(1), 9).await.unwrap();
    assert_eq!(known, [(nonce(1), transfer.to)], "of those above, the requests are not stored");

    let released = ending(0, HoldEnd::Released { to: Address::repeat_byte(3) }, 6);
    let refunded = ending(2, HoldEnd::Refunded { request_nonce: nonce(7) }, 8);
    let written_off = ending(3, HoldEnd::WrittenOff, 6);
    for logs in [&released, &refunded, &written_off] {
        store.record_handled(lane(1), logs.clone(), block(8)).await.unwrap();
        let expected = logs.endings[0];
        assert_eq!(store.hold_ending(lane(1), expected.nonce).await.unwrap(), Some(expected));
    }
    assert_eq!(open(0, 9).await, [1]);
    // Saying a hold again does not open it.
    store.record_handled(lane(1), logs(&[], &holds), block(8)).await.unwrap();
    assert_eq!(open(0, 9).await, [1]);
    store.record_handled(lane(1), HandledLogs::default(), block(7)).await.unwrap();
    assert_eq!(open(0, 9).await, [1, 2]);
    assert_eq!(store.hold_ending(lane(1), nonce(2)).await.unwrap(), None);
}

#[tokio::test]
async fn the_end_of_a_hold_that_was_never_seen_stores_nothing() {
    let folder = tempdir().unwrap();
    let store = open(&folder.path().join("s")).await;
    let mut unknown = ending(4, HoldEnd::Refunded { request_nonce: nonce(7) }, 8);
    unknown.ranges = vec![range(0, 1, 8)];
    let answer = store.record_handled(lane(1), unknown, block(8)).await;
    assert_eq!(answer, Err(StoreError::UnknownHold { lane: lane(1), nonce: nonce(4) }));
    let position = store.destination_position(lane(1)).await.unwrap();
    assert_eq!((position.next, position.open_holds, position.cursor), (nonce(0), 0, None));
}

#[tokio::test]
async fn the_journal_holds_what_is_not_final() {
    let folder = tempdir().unwrap();
    let store = open(&folder.path().join("s")).await;
    for number in [2, 0, 1, 3] {
        store.record_submission(&submission(number, number * 10, 10)).await.unwrap();
    }
    let receipt =
        |number, outcome| store.record_receipt(CHAIN, SUBMITTER, AccountNonce::new(number), outcome);
    let mined = SubmissionOutcome::Mined { block: block(8), success: false };
    receipt(0, SubmissionOutcome::Final { block: block(7), success: true }).await.unwrap();
    receipt(1, mined).await.unwrap();
    receipt(3, SubmissionOutcome::Lost).await.unwrap();
    let last = store.last_final(CHAIN, SUBMITTER).await.unwrap();
    assert_eq!(last, Some((AccountNonce::new(0), block(7).height)), "what is mined can be taken back");
    assert_eq!(store.last_final(CHAIN, Address::ZERO).await.unwrap(), None);
    let journal = store.journal(CHAIN, SUBMITTER).await.unwrap();
    let expected = [Submission { outcome: mined, ..submission(1, 10, 10) }, submission(2, 20, 10)];
    assert_eq!(journal, expected);
    receipt(1, SubmissionOutcome::Pending).await.unwrap();
    assert_eq!(store.journal(CHAIN, SUBMITTER).await.unwrap()[0], submission(1, 10, 10));
    assert_eq!(store.journal(CHAIN, Address::ZERO).await.unwrap(), []);
    assert_eq!(store.journal(ChainId::new(1), SUBMITTER).await.unwrap(), []);

    let unknown = receipt(9, mined).await;
    assert!(matches!(unknown, Err(StoreError::UnknownSubmission { .. })), "{unknown:?}");
}

#[tokio::test]
async fn a_replacement_adds_its_attempt_and_forgets_none() {
    let folder = tempdir().unwrap();
    let store = open(&folder.path().join("s")).await;
    store.record_submission(&submission(0, 0, 4)).await.unwrap();
    let replaced = Submission { attempts: vec![attempt(2)], ..submission(0, 0, 4) };
    store.record_submission(&replaced).await.unwrap();
    let journal = store.journal(CHAIN, SUBMITTER).await.unwrap();
    assert_eq!(journal[0].attempts, [attempt(1), attempt(2)]);
    assert_eq!(journal.len(), 1);

    let last = SubmissionOutcome::Final { block: block(7), success: true };
    store.record_receipt(CHAIN, SUBMITTER, AccountNonce::new(0), last).await.unwrap();
    let found = store.submissions_for(lane(1), nonce(3)).await.unwrap();
    assert_eq!(found[0].outcome, last);
    assert_eq!(found[0].attempts.len(), 2);
    assert!(found[0].attempts.iter().all(|attempt| attempt.raw.is_empty()));
}

#[tokio::test]
async fn submissions_are_found_by_the_requests_they_carry() {
    let folder = tempdir().unwrap();
    let store = open(&folder.path().join("s")).await;
    store.record_submission(&submission(0, 0, 4)).await.unwrap();
    store.record_submission(&submission(1, 2, 4)).await.unwrap();
    let found = async |number| {
        let found = store.submissions_for(lane(1), nonce(number)).await.unwrap();
        found.into_iter().map(|submission| submission.account_nonce.get()).collect::<Vec<_>>()
    };
    assert_eq!(found(1).await, [0]);
    assert_eq!(found(3).await, [0, 1]);
    assert_eq!(found(5).await, [1]);
    assert!(found(6).await.is_empty());
}

#[tokio::test]
async fn a_halt_keeps_its_first_reason_over_restarts() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s");
    let store = open(&path).await;
    assert_eq!(store.halted(lane(1)).await.unwrap(), None);
    store.halt_lane(lane(1), "block 7 changed its hash", false).await.unwrap();
    store.halt_lane(lane(1), "something later", false).await.unwrap();
    store.close().await;
    let store = open(&path).await;
    let halt = store.halted(lane(1)).await.unwrap().unwrap();
    assert_eq!((halt.reason.as_str(), halt.at_ms), ("block 7 changed its hash", NOW_MS));
    assert_eq!(store.halted(lane(2)).await.unwrap(), None);
}

#[tokio::test]
async fn numbers_that_no_chain_reaches_are_refused_by_name() {
    let folder = tempdir().unwrap();
    let store = open(&folder.path().join("s")).await;
    let answer = store.record_attestation(&attestation(u64::MAX, 1, 1)).await;
    assert_eq!(answer, Err(StoreError::OutOfRange { what: "request nonce", value: u64::MAX }));
}

#[tokio::test]
async fn metrics_show_writes_errors_and_size() {
    let folder = tempdir().unwrap();
    let store = open(&folder.path().join("s")).await;
    let registry = Registry::new();
    store.register_metrics(&registry).unwrap();
    assert!(store.register_metrics(&registry).is_err());
    store.append_requests(lane(1), requests(0, 1), block(5)).await.unwrap();
    store.append_requests(lane(1), requests(0, 1), block(5)).await.unwrap_err();
    let families = registry.gather();
    let names: Vec<_> = families.iter().map(|family| family.name()).collect();
    assert_eq!(
        names,
        [
            "polyspan_store_errors_total",
            "polyspan_store_queued_writes",
            "polyspan_store_size_bytes",
            "polyspan_store_write_seconds"
        ]
    );
    let errors = families[0].get_metric();
    assert_eq!(errors.len(), 5, "every kind has a series from the start");
    let order = errors.iter().find(|series| series.get_label()[0].value() == "order").unwrap();
    assert_eq!(order.get_counter().get_value(), 1.0);
    assert_eq!(errors.iter().map(|series| series.get_counter().get_value()).sum::<f64>(), 1.0);
    assert_eq!(families[1].get_metric()[0].get_gauge().get_value(), 0.0);
    assert!(families[2].get_metric()[0].get_gauge().get_value() > 4096.0);
    let writes = families[3].get_metric();
    let requests = writes.iter().find(|series| series.get_label()[0].value() == "requests").unwrap();
    assert_eq!(requests.get_histogram().get_sample_count(), 1);
}

#[tokio::test]
async fn a_resumed_lane_goes_on_or_begins_anew() {
    let folder = tempdir().unwrap();
    let store = open(&folder.path().join("s")).await;
    for (read_again, kept) in [(false, 2), (true, 0)] {
        if store.source_position(lane(1)).await.unwrap().next == nonce(0) {
            store.append_requests(lane(1), requests(0, 2), block(5)).await.unwrap();
        }
        store.halt_lane(lane(1), "why", false).await.unwrap();
        store.resume_lane(lane(1), read_again).await.unwrap();
        assert_eq!(store.halted(lane(1)).await.unwrap(), None);
        assert_eq!(store.requests(lane(1), nonce(0), 9).await.unwrap().len(), kept);
    }
}

#[tokio::test]
async fn only_what_the_source_was_proved_to_hold_is_confirmed_and_may_be_signed() {
    let folder = tempdir().unwrap();
    let store = open(&folder.path().join("s")).await;
    store.append_requests(lane(1), requests(0, 5), block(5)).await.unwrap();
    let position = store.source_position(lane(1)).await.unwrap();
    assert_eq!(store.confirmed_root_at(lane(1), nonce(3)).await.unwrap(), None, "nobody has proved it");
    let other = (position.next, Root(B256::repeat_byte(9)));
    for held in [other, (nonce(4), position.root), (nonce(6), position.root)] {
        let refused = store.append_confirmed(lane(1), Vec::new(), block(6), held).await.unwrap_err();
        assert!(matches!(refused, StoreError::NotWhatIsHeld { .. }), "{refused}");
        assert_eq!(store.source_position(lane(1)).await.unwrap(), position, "the cursor stays as well");
    }
    let held = (position.next, position.root);
    store.append_confirmed(lane(1), Vec::new(), block(6), held).await.unwrap();
    store.append_requests(lane(1), requests(5, 2), block(7)).await.unwrap();
    for (number, confirmed) in [(3, true), (5, true), (6, false), (7, false)] {
        let root = store.root_at(lane(1), nonce(number)).await.unwrap();
        let found = store.confirmed_root_at(lane(1), nonce(number)).await.unwrap();
        assert_eq!(found, root.filter(|_| confirmed), "{number}");
    }
    store.forget_readable(lane(1)).await.unwrap();
    assert_eq!(store.confirmed_root_at(lane(1), nonce(3)).await.unwrap(), None, "the lane begins anew");
}
