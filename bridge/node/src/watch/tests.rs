//! The watch against an endpoint that limits, fails and hides.

mod far;

use super::further_back::{MISMATCHES, reads_further_back};
use super::*;
use crate::testing::{LaneFixture, World};

/// Everything is read in one or more steps, as the loop does them.
async fn read_all(fixture: &LaneFixture) -> Result<SourcePosition, LaneError> {
    let mut watch = SourceWatch::new(Arc::clone(&fixture.lane), fixture.heads.subscribe());
    watch.contract_checked = true;
    watch.step().await?;
    Ok(fixture.lane.store.source_position(fixture.lane.info.bridge_id).await?)
}

async fn assert_reads_all(world: World, most_calls: usize) {
    let (count, root) = (world.requests.len() as u64, world.root(world.requests.len() as u64));
    let limits = (world.most_blocks, world.most_logs, world.deaf_every);
    let fixture = LaneFixture::new(world).await;
    let position = read_all(&fixture).await.unwrap();
    assert_eq!((position.next, position.root), (RequestNonce::new(count), root));
    assert!(position.is_verified(), "{position:?}");
    let asked = fixture.asked();
    assert!(asked <= most_calls, "{asked} questions for logs with limits {limits:?}");
    assert_eq!(*fixture.lane.board.reading.borrow(), None, "nothing is being read any more");
}

#[tokio::test]
async fn limits_of_blocks_and_of_logs_are_found_out_and_kept() {
    let even = |count: u64, every: u64| (0..count).map(|nonce| 1 + nonce * every).collect::<Vec<_>>();
    for (most_blocks, most_calls) in [(100, 160), (1_000, 30), (10_000, 12)] {
        let world = World { most_blocks, ..World::of(even(1_000, 10), 10_100) };
        assert_reads_all(world, most_calls).await;
    }
    let world = World { most_logs: 100, ..World::of(even(1_000, 10), 10_100) };
    assert_reads_all(world, 40).await;
    // 100 000 blocks between two requests.
    assert_reads_all(World::of(vec![5, 100_005], 100_010), 12).await;
}

#[tokio::test]
async fn requests_by_the_thousand_take_far_fewer_than_five_calls_per_hundred() {
    assert_reads_all(World::of((0..4_000).map(|nonce| 1 + nonce / 100).collect(), 50), 8).await;
    // All of them where nobody expects them.
    assert_reads_all(World::of((0..4_000).map(|nonce| 90_000 + nonce / 100).collect(), 90_050), 20).await;
}

#[tokio::test]
async fn blocks_and_logs_that_are_long_do_not_wait_for_one_another() {
    // Long answers of one endpoint are read one after the other; while one is handled, the next ones go on.
    let requests = (0..14_000).map(|nonce| 1 + nonce / 400).collect();
    assert_reads_all(World { block_bytes: 1 << 20, ..World::of(requests, 50) }, 40).await;
}

#[tokio::test]
async fn what_is_only_shown_keeps_nothing_from_being_read() {
    let fixture = LaneFixture::new(World { deaf_above: 100, ..World::of(vec![10, 20], 100) }).await;
    fixture.heads.send_modify(|view| view.head.as_mut().unwrap().latest = crate::testing::block(101));
    let read = tokio::time::timeout(std::time::Duration::from_secs(5), read_all(&fixture)).await;
    assert!(read.expect("the newest block is waited for").unwrap().is_verified());
}

#[tokio::test]
async fn an_endpoint_that_is_deaf_at_every_third_question_is_read_in_one_go() {
    let requests = (0..300).map(|nonce| 1 + nonce * 10).collect();
    let world = World { most_blocks: 1_000, deaf_every: 3, ..World::of(requests, 3_000) };
    assert_reads_all(world, 60).await;
}

#[tokio::test]
async fn what_was_read_before_an_endpoint_fails_for_good_is_kept() {
    let requests = (0..300).map(|nonce| 1 + nonce * 10).collect();
    let world = World { most_blocks: 500, ..World::of(requests, 3_000) };
    let fixture = LaneFixture::new(world).await;
    let id = fixture.lane.info.bridge_id;
    let position = fixture.lane.store.source_position(id).await.unwrap();
    let source = fixture
        .lane
        .source
        .lane_state(fixture.lane.info.source.bridge, At::Hash(crate::testing::block(3_000).hash));
    let target = Target::of(&source.await.unwrap(), crate::testing::block(3_000));
    let head = fixture.heads.borrow().head.unwrap();
    let watch = SourceWatch::new(Arc::clone(&fixture.lane), fixture.heads.subscribe());
    // The blocks from 2000 on are refused one by one.
    let fails = |world: &mut World| world.requests.retain(|at| *at < 2_000);
    fixture.world(fails);
    let failed = watch
        .read_ranges(position.base.unwrap(), position, head, target.held.0, Some(target))
        .await
        .unwrap_err();
    assert!(matches!(failed, LaneError::RootMismatch(_)), "{failed}");
    fixture.world(|world| world.requests = (0..300).map(|nonce| 1 + nonce * 10).collect());
    assert!(read_all(&fixture).await.unwrap().is_verified());
}

#[tokio::test]
async fn a_log_that_an_endpoint_hides_is_noticed_and_read_once_it_shows_it() {
    for hidden in [0, 150, 299] {
        let requests = (0..300).map(|nonce| 1 + nonce * 10).collect();
        let world = World { most_blocks: 500, hidden: Some(hidden), ..World::of(requests, 3_000) };
        let fixture = LaneFixture::new(world).await;
        let failed = read_all(&fixture).await.unwrap_err();
        assert!(matches!(failed, LaneError::HiddenLog { .. } | LaneError::RootMismatch(_)), "{failed}");
        fixture.world(|world| world.hidden = None);
        assert!(read_all(&fixture).await.unwrap().is_verified());
    }
}

#[tokio::test]
async fn requests_behind_a_cursor_that_an_old_state_proved_are_found() {
    for (compacted, same_block) in [(false, false), (false, true), (true, false)] {
        let fixture = LaneFixture::new(World::of(vec![10, 20], 100)).await;
        assert!(read_all(&fixture).await.unwrap().is_verified());
        // A quorum shows the source as it was before these two.
        fixture.world(|world| {
            world.requests.extend([500, if same_block { 500 } else { 510 }]);
            (world.head, world.shown) = (600, Some(2));
        });
        fixture.heads.send_replace(crate::testing::head(600));
        assert_eq!(read_all(&fixture).await.unwrap().verified, Some(crate::testing::block(600)));
        if compacted {
            fixture.begin_at(2);
        }
        fixture.world(|world| {
            world.requests.push(650);
            (world.head, world.shown) = (700, None);
        });
        fixture.heads.send_replace(crate::testing::head(700));
        let mut watch = SourceWatch::new(Arc::clone(&fixture.lane), fixture.heads.subscribe());
        watch.contract_checked = true;
        for _ in 0..MISMATCHES {
            watch.step().await.unwrap_err();
        }
        watch.step().await.unwrap();
        let position = fixture.lane.store.source_position(fixture.lane.info.bridge_id).await.unwrap();
        assert_eq!((position.next, position.is_verified()), (RequestNonce::new(5), true));
        assert_eq!(watch.mismatches, 0);
    }
}

#[tokio::test]
async fn a_log_that_stays_hidden_costs_a_long_reading_less_and_less_often() {
    let far: Vec<_> = (1..200).filter(|mismatches| reads_further_back(*mismatches)).collect();
    assert_eq!(far, [4, 8, 16, 32, 64, 128]);
    let fixture = LaneFixture::new(World::of(vec![10, 20], 100)).await;
    assert!(read_all(&fixture).await.unwrap().is_verified());
    fixture.world(|world| {
        world.shown = Some(2);
        world.head = 90_000;
    });
    fixture.heads.send_replace(crate::testing::head(90_000));
    assert!(read_all(&fixture).await.unwrap().is_verified());
    fixture.world(|world| {
        world.requests.extend([90_005, 90_006]);
        (world.head, world.shown, world.hidden, world.asked) = (90_010, None, Some(2), 0);
    });
    fixture.heads.send_replace(crate::testing::head(90_010));
    let mut watch = SourceWatch::new(Arc::clone(&fixture.lane), fixture.heads.subscribe());
    watch.contract_checked = true;
    for _ in 0..32 {
        watch.step().await.unwrap_err();
    }
    // Three of the 32 readings begin at block 20, and none of the others does.
    let asked = fixture.asked();
    assert!((32..100).contains(&asked), "{asked} questions for logs");
    fixture.world(|world| world.hidden = None);
    watch.step().await.unwrap();
}

#[tokio::test]
async fn a_base_that_the_source_never_proved_is_forgotten_when_it_does_not_fit() {
    let world = World::of((0..10).map(|nonce| 1 + nonce).collect(), 20);
    let right = world.root(4);
    let fixture = LaneFixture::new(world).await;
    let (store, id) = (&fixture.lane.store, fixture.lane.info.bridge_id);
    let begin = |nonce, root| async move {
        store.forget_readable(id).await.unwrap();
        let (nonce, begun) = (RequestNonce::new(nonce), Some(crate::testing::block(1)));
        let base = Base { nonce, root, source_block: Some(BlockHeight::new(4)), begun };
        store.begin_lane(id, base, Vec::new()).await.unwrap();
    };
    fixture.lane.board.begun.send_replace(true);
    begin(4, Root(B256::repeat_byte(9))).await;
    let error = read_all(&fixture).await.unwrap_err();
    assert!(error.to_string().contains("handled what nobody requested"), "{error}");
    assert_eq!(store.source_position(id).await.unwrap().base, None);
    assert!(!*fixture.lane.board.begun.borrow(), "its destination tells again");

    begin(12, right).await;
    let error = read_all(&fixture).await.unwrap_err();
    assert!(matches!(error, LaneError::SourceBehind { .. }), "{error}");
    assert!(store.source_position(id).await.unwrap().base.is_some(), "what is behind catches up");

    begin(4, right).await;
    assert!(read_all(&fixture).await.unwrap().is_verified());
    // From now on it is the endpoint that is wrong.
    fixture.world(|world| {
        world.requests.push(21);
        world.head = 25;
        world.hidden = Some(10);
    });
    fixture.heads.send_replace(crate::testing::head(25));
    let error = read_all(&fixture).await.unwrap_err();
    assert!(!error.to_string().contains("nobody requested"), "{error}");
    assert!(store.source_position(id).await.unwrap().base.is_some());
}
