//! What others handle first is not sent, and counted where it was.

use super::node::{NodeFixture, handle};
use super::*;

#[tokio::test]
async fn what_the_newest_block_has_handled_is_not_sent_also_where_it_is_presumed_to_be_open() {
    let mut fixture = NodeFixture::new().await;
    fixture.world(|world| world.handled = 8);
    fixture.head(1_001).await;
    let presumed = |job: Job| Job { presumed: super::job(0, true).presumed, ..job };
    for job in [handle(0, 8), presumed(handle(0, 8)), presumed(handle(4, 4))] {
        let KeyAnswer::Refused(result) = fixture.take_job(job).await else { panic!() };
        assert_eq!(result.outcome(), "duplicate_avoided", "{result}");
    }
    assert_eq!(fixture.asked("eth_sendRawTransaction"), 0);
    // It does something still.
    assert!(matches!(fixture.take(0, 9).await, KeyAnswer::Sent(_)));
    // One block is asked for once, however many pieces are sent.
    let asked = fixture
        .server
        .calls()
        .into_iter()
        .filter(|(method, params)| method == "eth_call" && params[1]["blockHash"].is_string());
    assert_eq!(asked.count(), 1);
}

#[tokio::test]
async fn a_piece_that_reverted_since_others_had_handled_it_is_told_from_every_other_revert() {
    for (handled, outcome) in [(8, "overtaken"), (7, "reverted")] {
        let mut fixture = NodeFixture::new().await;
        let KeyAnswer::Sent(mut result) = fixture.take(0, 8).await else { panic!() };
        fixture.world(|world| (world.count, world.success, world.handled) = (8, Some(false), handled));
        fixture.head(1_001).await;
        fixture.submitter.follow_pending().await;
        assert_eq!(result.try_recv().unwrap().outcome(), outcome);
    }
    assert!(OUTCOMES.contains(&"overtaken"));
}
