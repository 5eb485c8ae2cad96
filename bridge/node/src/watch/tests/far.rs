//! A final block that is farther away than nodes keep states.

use super::*;
use crate::testing::{block, head_of};

/// Blocks between the newest one and the final one.
const FAR: u64 = 1_000;

/// A chain whose newest block is this one, on nodes that keep few states, with requests in these blocks.
async fn far(requests: Vec<u64>, newest: u64) -> (LaneFixture, SourceWatch) {
    let world = World { states_kept: 5, most_blocks: 500, ..World::of(requests, newest) };
    let fixture = LaneFixture::new(world).await;
    fixture.heads.send_replace(head_of(newest - FAR, newest));
    let mut watch = SourceWatch::new(Arc::clone(&fixture.lane), fixture.heads.subscribe());
    watch.contract_checked = true;
    (fixture, watch)
}

async fn position(fixture: &LaneFixture) -> SourcePosition {
    fixture.lane.store.source_position(fixture.lane.info.bridge_id).await.unwrap()
}

fn grow(fixture: &LaneFixture, newest: u64) {
    fixture.world(|world| world.head = newest);
    fixture.heads.send_replace(head_of(newest - FAR, newest));
}

#[tokio::test]
async fn only_what_is_final_is_verified_and_it_is_proved_by_the_newest_state() {
    let (fixture, mut watch) = far(vec![10, 20, 900, 1_500, 1_501, 2_400], 2_500).await;
    watch.step().await.unwrap();
    let found = position(&fixture).await;
    // Final is block 1500.
    let root = fixture.world(|world| world.root(4));
    assert_eq!((found.next, found.root, found.verified), (RequestNonce::new(4), root, Some(block(1_500))));
    assert!(found.is_verified());
    assert_eq!(fixture.lane.board.source.borrow().verified, RequestNonce::new(4));
}

#[tokio::test]
async fn what_becomes_final_is_proved_without_reading_up_to_the_newest_block_again() {
    let (fixture, mut watch) = far(vec![10, 1_501, 1_600, 2_400], 2_500).await;
    watch.step().await.unwrap();
    let asked = fixture.asked();
    for (newest, count) in [(2_501, 2), (2_599, 2), (2_600, 3), (3_399, 3), (3_400, 4), (3_500, 4)] {
        grow(&fixture, newest);
        watch.step().await.unwrap();
        let found = position(&fixture).await;
        assert_eq!((found.next, found.verified), (RequestNonce::new(count), Some(block(newest - FAR))));
        assert!(found.is_verified());
    }
    // Three requests became final, each in a range of its own; whatever else became final took no question for logs.
    assert!(fixture.asked() - asked <= 8, "{} questions for logs", fixture.asked() - asked);
    // What lies above the newest block of before needs another one.
    grow(&fixture, 3_600);
    watch.step().await.unwrap();
    assert!(position(&fixture).await.is_verified());
}

#[tokio::test]
async fn a_log_that_is_hidden_above_the_final_block_keeps_everything_unverified() {
    for hidden in 0..4 {
        let (fixture, mut watch) = far(vec![10, 1_500, 1_501, 2_400], 2_500).await;
        fixture.world(|world| world.hidden = Some(hidden));
        let failed = watch.step().await.unwrap_err();
        assert!(matches!(failed, LaneError::HiddenLog { .. } | LaneError::RootMismatch(_)), "{failed}");
        assert_eq!(position(&fixture).await.verified, None, "nothing was proved");
        fixture.world(|world| world.hidden = None);
        watch.step().await.unwrap();
        assert_eq!(position(&fixture).await.next, RequestNonce::new(2));
        assert!(position(&fixture).await.is_verified());
    }
}

#[tokio::test]
async fn a_reorganisation_above_the_final_block_says_nothing_against_endpoints() {
    let (fixture, mut watch) = far(vec![10, 1_500, 1_501, 2_400], 2_500).await;
    watch.step().await.unwrap();
    // Blocks from 2000 on are replaced by others without the last request.
    fixture.world(|world| {
        world.replaced_from = 2_000;
        world.requests.truncate(3);
        world.head = 2_600;
    });
    let mut view = head_of(1_600, 2_600);
    view.head.as_mut().unwrap().latest.hash = fixture.world(|world| world.hash(2_600));
    fixture.heads.send_replace(view.clone());
    watch.step().await.unwrap();
    let found = position(&fixture).await;
    assert_eq!(
        (found.next, found.verified),
        (RequestNonce::new(3), Some(block(1_600))),
        "read up to another block"
    );
    assert!(found.is_verified());
}

#[tokio::test]
async fn a_newest_block_that_is_replaced_while_it_is_read_up_to_proves_nothing() {
    for requests in [vec![10, 1_200, 2_400], vec![10, 1_200]] {
        let (fixture, mut watch) = far(requests.clone(), 2_500).await;
        // The other branch has one request more, above what is final, or one less.
        fixture.world(|world| (world.replaced_from, world.replaced_at) = (2_300, 3));
        let failed = watch.step().await.unwrap_err();
        assert!(matches!(failed, LaneError::WitnessReplaced { .. }), "{failed}");
        assert_eq!((watch.mismatches, watch.doubts_quorum), (0, false), "no endpoint hides anything");
        assert_eq!(position(&fixture).await.verified, None);
        let mut view = head_of(1_500, 2_500);
        view.head.as_mut().unwrap().latest.hash = fixture.world(|world| world.hash(2_500));
        fixture.heads.send_replace(view);
        watch.step().await.unwrap();
        assert!(position(&fixture).await.is_verified());
    }
}

#[tokio::test]
async fn a_gap_that_only_a_reorganisation_made_costs_nothing_that_was_read() {
    let (fixture, mut watch) = far(vec![10, 1_200, 2_400, 2_450], 2_500).await;
    // What is read after the reorganisation lacks a log that was there before.
    fixture.world(|world| {
        (world.replaced_from, world.replaced_at, world.hidden) = (2_300, 4, Some(2));
    });
    let failed = watch.step().await.unwrap_err();
    assert!(matches!(failed, LaneError::WitnessReplaced { .. }), "{failed}");
    assert_eq!(position(&fixture).await.next, RequestNonce::new(2), "what is final stays read");
}

#[tokio::test]
async fn a_source_that_holds_another_root_at_its_newest_block_proves_nothing() {
    let (fixture, mut watch) = far(vec![10, 1_500, 2_400], 2_500).await;
    // It shows as if the last request had never been made, as an old state does.
    fixture.world(|world| world.shown = Some(2));
    let failed = watch.step().await.unwrap_err();
    assert!(matches!(failed, LaneError::RootMismatch(_)), "{failed}");
    assert_eq!(position(&fixture).await.verified, None);
    fixture.world(|world| world.shown = None);
    watch.step().await.unwrap();
    assert!(position(&fixture).await.is_verified());
}

#[tokio::test]
async fn a_node_that_lacks_a_near_state_is_read_as_one_whose_final_block_is_far() {
    let world = World { states_kept: 5, ..World::of(vec![10, 20, 95], 100) };
    let fixture = LaneFixture::new(world).await;
    fixture.heads.send_replace(head_of(40, 100));
    let mut watch = SourceWatch::new(Arc::clone(&fixture.lane), fixture.heads.subscribe());
    watch.contract_checked = true;
    watch.step().await.unwrap();
    let found = position(&fixture).await;
    assert_eq!((found.next, found.verified), (RequestNonce::new(2), Some(block(40))));
}

#[tokio::test]
async fn an_archive_proves_a_far_final_block_by_its_state_alone() {
    let world = World { most_blocks: 500, ..World::of(vec![10, 20, 900, 2_400], 2_500) };
    let fixture = LaneFixture::new(world).await;
    fixture.heads.send_replace(head_of(1_500, 2_500));
    let mut watch = SourceWatch::new(Arc::clone(&fixture.lane), fixture.heads.subscribe());
    watch.contract_checked = true;
    watch.step().await.unwrap();
    let found = position(&fixture).await;
    assert_eq!((found.next, found.verified), (RequestNonce::new(3), Some(block(1_500))));
    assert_eq!(watch.line, None, "nothing above the final block is read");
}
