//! What is stored of a lane, in ranges.

use polyspan_types::{HoldEnd, HoldEnding};
use rusqlite::params;
use tempfile::tempdir;

use super::*;
use crate::Survey;

fn run(first: u64, end: u64) -> (RequestNonce, RequestNonce) {
    (nonce(first), nonce(end))
}

fn ending(number: u64, end: HoldEnd) -> HoldEnding {
    HoldEnding { nonce: nonce(number), end, block: BlockHeight::new(41), tx_hash: B256::repeat_byte(0x45) }
}

#[tokio::test]
async fn everything_of_a_lane_is_there_in_ranges() {
    let folder = tempdir().unwrap();
    let store = open(&folder.path().join("s")).await;
    confirm(&store, lane(1), requests(0, 12), block(30)).await.unwrap();
    let holds = [1, 2, 3, 4, 5, 6].map(|number| held(number, HoldReason::PayoutFailed, 40));
    store.record_handled(lane(1), logs(&[range(0, 7, 40)], &holds), block(40)).await.unwrap();
    let to = Address::repeat_byte(1);
    let endings = vec![
        ending(1, HoldEnd::Released { to }),
        ending(2, HoldEnd::Released { to }),
        ending(3, HoldEnd::WrittenOff),
        ending(5, HoldEnd::Refunded { request_nonce: nonce(3) }),
    ];
    let handled = HandledLogs { endings, ..HandledLogs::default() };
    store.record_handled(lane(1), handled, block(41)).await.unwrap();
    store.record_submission(&submission(1, 7, 2)).await.unwrap();
    // A release, and one that is in a block already, handle nothing any more.
    store.record_submission(&Submission { purpose: Purpose::Release, ..submission(2, 4, 1) }).await.unwrap();
    let mined = SubmissionOutcome::Mined { block: block(40), success: true };
    store.record_submission(&Submission { outcome: mined, ..submission(3, 5, 2) }).await.unwrap();
    store.record_attestation(&attestation(11, 1, 1)).await.unwrap();
    store.record_attestation(&attestation(9, 1, 1)).await.unwrap();
    store.halt_lane(lane(1), "why", false).await.unwrap();

    let survey = store.survey(lane(1), nonce(7)).await.unwrap();
    let source = survey.source.unwrap();
    assert_eq!((source.next, source.verified_next, source.cursor), (nonce(12), nonce(12), Some(block(30))));
    assert_eq!((survey.destination.next, survey.destination.open_holds), (nonce(7), 2));
    assert_eq!(survey.stored, [run(7, 12)]);
    assert_eq!(
        (survey.held, survey.released, survey.refunded),
        (vec![run(4, 5), run(6, 7)], vec![run(1, 3)], vec![run(5, 6)])
    );
    assert_eq!(survey.written_off, [run(3, 4)]);
    assert_eq!((survey.on_their_way, survey.signed), (vec![run(7, 9)], nonce(11)));
    assert_eq!(survey.halted.as_deref(), Some("why"));
}

#[tokio::test]
async fn a_hole_divides_the_stored_requests() {
    let folder = tempdir().unwrap();
    let store = open(&folder.path().join("s")).await;
    confirm(&store, lane(1), requests(0, 12), block(30)).await.unwrap();
    let lose = |number: i64| {
        store.write_connection(move |connection| {
            Ok(connection.execute("DELETE FROM request WHERE nonce = ?1", params![number])?)
        })
    };
    lose(5).await.unwrap();
    lose(9).await.unwrap();
    let stored = store.survey(lane(1), nonce(2)).await.unwrap().stored;
    assert_eq!(stored, [run(2, 5), run(6, 9), run(10, 12)]);
    store.append_requests(lane(2), Vec::new(), block(3)).await.unwrap();
    assert_eq!(store.survey(lane(2), nonce(0)).await.unwrap().stored, []);
    assert_eq!(store.survey(lane(9), nonce(0)).await.unwrap(), Survey::default());
}
