//! The worker against two scripted contracts and a real store.

use polyspan_types::{Classify, ErrorClass};

use super::*;
use crate::testing::{LaneFixture, World};

const INTERVAL: Duration = Duration::from_secs(60);

/// Requests 0 to 99, ten blocks apart, of which ten are handled.
fn world() -> World {
    World {
        handled: 10,
        most_blocks: 200,
        ..World::of((0..100).map(|nonce| 5 + nonce * 10).collect(), 1_000)
    }
}

struct Bench {
    fixture: LaneFixture,
    worker: RecoveryWorker,
}

impl Bench {
    async fn new(world: World) -> Self {
        let fixture = LaneFixture::new(world).await;
        fixture.lane.board.recovery_orders.send_modify(|orders| orders.enabled = true);
        let entry = RecoveryEntry { enabled: true, interval: INTERVAL };
        let (source, destination) = (fixture.heads.subscribe(), fixture.heads.subscribe());
        let worker = RecoveryWorker::new(Arc::clone(&fixture.lane), entry, source, destination);
        Self { fixture, worker }
    }

    fn report(&self) -> RecoveryReport {
        self.fixture.lane.board.recovery.borrow().clone()
    }

    /// Steps until one more look is over.
    async fn look(&mut self) -> String {
        let before = self.report().looks;
        while self.report().looks == before {
            if let Err(error) = self.worker.step().await {
                self.worker.show(Some(error.to_string()));
            }
        }
        self.report().outcome.unwrap()
    }

    /// As if the interval were over.
    async fn look_again(&mut self) -> String {
        self.worker.due_at = None;
        self.look().await
    }

    async fn missing(&self) -> u64 {
        let nonce = RequestNonce::new;
        let id = self.fixture.lane.info.bridge_id;
        100 - self.fixture.lane.store.count_requests(id, nonce(0), nonce(100)).await.unwrap()
    }
}

#[tokio::test]
async fn a_lane_that_stands_still_with_everything_stored_is_not_read_again() {
    let mut bench = Bench::new(world()).await;
    bench.fixture.store_all().await;
    assert_eq!(bench.look().await, "complete");
    assert!(bench.report().waiting_for.unwrap().contains("attest"));
    assert_eq!(bench.fixture.asked(), 0, "equal roots prove more than a look at the logs");
    assert_eq!(bench.look_again().await, "complete", "and again, while it stands");
}

#[tokio::test]
async fn an_even_lane_and_one_that_moves_are_left_alone() {
    let mut bench = Bench::new(World { handled: 100, ..world() }).await;
    assert_eq!(bench.look().await, "even");
    assert_eq!(bench.report().waiting_for, None);
    // The head moves on, for what is known of a block stays known.
    bench.fixture.world(|world| world.handled = 20);
    bench.fixture.heads.send_replace(crate::testing::head(1_001));
    assert_eq!(bench.look_again().await, "moving");
    assert_eq!(bench.fixture.asked(), 0);
}

#[tokio::test]
async fn holes_between_and_at_the_end_are_filled_and_nothing_else_is_touched() {
    let mut bench = Bench::new(world()).await;
    bench.fixture.store_all().await;
    let before = bench.fixture.lane.store.source_position(bench.fixture.lane.info.bridge_id).await.unwrap();
    bench.fixture.lose(20..25);
    bench.fixture.lose(40..41);
    bench.fixture.lose(97..100);
    assert_eq!(bench.missing().await, 9);
    assert_eq!(bench.look().await, "refilled");
    assert_eq!((bench.missing().await, bench.report().refilled), (0, 9));
    let after = bench.fixture.lane.store.source_position(bench.fixture.lane.info.bridge_id).await.unwrap();
    assert_eq!(after, before);
    let last = bench.fixture.lane.store.root_at(before_id(&bench), RequestNonce::new(25)).await.unwrap();
    assert_eq!(last, Some(bench.fixture.world(|world| world.root(25))));
    assert_eq!(bench.look_again().await, "complete");
}

fn before_id(bench: &Bench) -> polyspan_types::BridgeId {
    bench.fixture.lane.info.bridge_id
}

#[tokio::test]
async fn a_long_hole_is_filled_piece_by_piece_with_few_requests_in_memory() {
    // Between others; with a short one behind it; at the end; of whole pieces; and everything.
    for (long, short) in [(20..61, 0..0), (20..61, 70..73), (60..100, 0..0), (20..52, 0..0), (10..100, 0..0)]
    {
        let mut bench = Bench::new(World { most_blocks: 1_000, ..world() }).await;
        bench.worker.piece = 8;
        bench.fixture.store_all().await;
        let count = long.end - long.start + short.end - short.start;
        bench.fixture.lose(long.clone());
        bench.fixture.lose(short);
        assert_eq!(bench.look().await, "refilled", "{long:?}");
        assert_eq!((bench.missing().await, bench.report().refilled), (0, count), "{long:?}");
        assert_eq!(bench.look_again().await, "complete", "{long:?}");
    }
}

#[tokio::test]
async fn what_is_handled_and_compacted_between_two_passes_is_not_looked_for_any_more() {
    for base in [15, 25, 28, 45, 61, 80] {
        let mut bench = Bench::new(world()).await;
        bench.worker.piece = 8;
        bench.fixture.store_all().await;
        bench.fixture.lose(20..61);
        // The first pass: a look at the contracts, five ranges, and the end.
        for _ in 0..8 {
            bench.worker.step().await.unwrap();
        }
        assert_eq!(bench.report().refilled, 0);
        bench.fixture.begin_at(base);
        assert_eq!(bench.look().await, if base < 61 { "refilled" } else { "complete" }, "{base}");
        assert_eq!(bench.missing().await, base, "{base}");
        assert_eq!(bench.report().refilled, 61_u64.saturating_sub(base.max(20)), "{base}");
    }
}

#[tokio::test]
async fn a_range_that_is_told_wrong_again_and_again_is_read_ever_more_rarely() {
    let mut bench = Bench::new(World { hidden: Some(50), ..world() }).await;
    bench.fixture.store_all().await;
    bench.fixture.lose(20..61);
    let mut waits = Vec::new();
    while waits.len() < 9 {
        if let Err(error) = bench.worker.step().await {
            let ErrorClass::Retry { after } = error.class() else { panic!("{error}") };
            waits.push(after);
        }
    }
    assert!(waits[0] <= Duration::from_millis(500), "{waits:?}");
    assert!(waits[8] >= Duration::from_secs(30), "{waits:?}");
}

#[tokio::test]
async fn a_long_hole_of_which_most_endpoints_hide_a_log_is_filled_all_the_same() {
    let hides = World { hidden: Some(50), endpoints: 3, hiding: 2, ..world() };
    let mut bench = Bench::new(hides).await;
    bench.worker.piece = 8;
    bench.fixture.store_all().await;
    bench.fixture.lose(20..61);
    assert_eq!(bench.look().await, "refilled");
    assert_eq!(bench.missing().await, 0);
}

#[tokio::test]
async fn what_is_handled_already_is_not_looked_for() {
    let mut bench = Bench::new(world()).await;
    bench.fixture.store_all().await;
    bench.fixture.lose(3..5);
    assert_eq!(bench.look().await, "complete");
    assert_eq!(bench.missing().await, 2);
}

#[tokio::test]
async fn a_stop_in_the_middle_goes_on_where_it_was() {
    let mut bench = Bench::new(world()).await;
    bench.fixture.store_all().await;
    bench.fixture.lose(20..99);
    for _ in 0..3 {
        bench.worker.step().await.unwrap();
    }
    let reading = bench.report().reading.unwrap();
    assert!(reading.at > reading.from && reading.at < reading.to, "{reading:?}");
    assert!(reading.requests > 0 && reading.seconds_left.is_some(), "{reading:?}");
    let asked = bench.fixture.asked();
    let orders = bench.fixture.lane.board.recovery_orders.clone();
    orders.send_modify(|orders| orders.enabled = false);
    for _ in 0..3 {
        bench.worker.step().await.unwrap();
    }
    let report = bench.report();
    assert_eq!((report.reading, report.enabled), (Some(reading), false));
    assert_eq!(bench.fixture.asked(), asked);
    // Started twice is started once.
    orders.send_modify(|orders| orders.enabled = true);
    orders.send_modify(|orders| orders.enabled = true);
    assert_eq!(bench.look().await, "refilled");
    assert_eq!(bench.missing().await, 0);
    assert!(bench.fixture.asked() < 2 * asked + 8, "nothing was read twice");
}

#[tokio::test]
async fn a_disabled_worker_looks_once_when_it_is_asked() {
    let mut bench = Bench::new(world()).await;
    bench.fixture.store_all().await;
    bench.fixture.lose(20..25);
    let orders = bench.fixture.lane.board.recovery_orders.clone();
    orders.send_modify(|orders| orders.enabled = false);
    bench.worker.step().await.unwrap();
    assert_eq!(bench.report().looks, 0);
    orders.send_modify(|orders| orders.asked += 1);
    assert_eq!(bench.look().await, "refilled");
    assert!(!bench.worker.is_on());
    assert_eq!((bench.report().asked, bench.report().done), (1, 1));
}

#[tokio::test]
async fn a_stop_ends_a_look_that_was_asked_for_also_one_that_fails() {
    let mut bench = Bench::new(World { hidden: Some(22), ..world() }).await;
    bench.fixture.store_all().await;
    bench.fixture.lose(20..25);
    let orders = bench.fixture.lane.board.recovery_orders.clone();
    orders.send_modify(|orders| (orders.enabled, orders.asked) = (false, 1));
    bench.worker.step().await.unwrap();
    orders.send_modify(Orders::stop);
    let asked = bench.fixture.asked();
    for _ in 0..3 {
        bench.worker.step().await.unwrap();
    }
    let report = bench.report();
    assert_eq!((report.asked, report.done, report.stopped, report.looks), (1, 0, 1, 0));
    assert_eq!(bench.fixture.asked(), asked);
    // One that failed goes on although nobody waits for it, until it is stopped.
    orders.send_modify(|orders| orders.asked += 1);
    assert_eq!(bench.look().await, "failed");
    assert!(bench.worker.is_on());
    orders.send_modify(Orders::stop);
    assert!(!bench.worker.is_on());
    bench.fixture.world(|world| world.hidden = None);
    orders.send_modify(|orders| orders.asked += 1);
    assert_eq!(bench.look().await, "refilled");
    let report = bench.report();
    assert_eq!((report.done, report.stopped, bench.missing().await), (3, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_hears_in_time_that_a_chain_never_showed_a_block() {
    let mut bench = Bench::new(world()).await;
    let absent =
        HeadView { head: None, error: Some("no answer".to_owned()), remark: None, since: Instant::now() };
    let (destination, receiver) = watch::channel(absent);
    bench.worker.heads[1] = receiver;
    let orders = bench.fixture.lane.board.recovery_orders.clone();
    bench.worker.step().await.unwrap();
    assert_eq!(bench.report().looks, 0, "by itself it waits");
    orders.send_modify(|orders| orders.asked += 1);
    let asked = Instant::now();
    while bench.report().done == 0 {
        bench.worker.step().await.unwrap();
        if bench.report().done == 0 {
            bench.worker.changed().await;
        }
    }
    assert!(asked.elapsed() >= HEADLESS && asked.elapsed() < 2 * HEADLESS);
    let report = bench.report();
    assert_eq!(report.outcome.as_deref(), Some("blocked"));
    assert_eq!(report.waiting_for.unwrap(), "no block of chain main was seen yet: no answer");
    // Its first block is looked at as if nobody had asked.
    let head = bench.fixture.heads.borrow().clone();
    bench.fixture.world(|world| world.handled = 100);
    destination.send_replace(head);
    bench.worker.changed().await;
    assert_eq!(bench.look().await, "even");
}

#[tokio::test]
async fn a_look_that_is_asked_for_compares_the_store_whatever_moved() {
    let mut bench = Bench::new(world()).await;
    bench.fixture.store_all().await;
    assert_eq!(bench.look().await, "complete");
    bench.fixture.world(|world| world.handled = 12);
    bench.fixture.heads.send_replace(crate::testing::head(1_001));
    bench.fixture.lane.board.recovery_orders.send_modify(|orders| orders.asked += 1);
    assert_eq!(bench.look().await, "complete");
}

#[tokio::test]
async fn what_lies_above_the_cursor_is_left_to_the_watch_which_is_woken() {
    let mut bench = Bench::new(world()).await;
    let woken = bench.fixture.lane.board.woken.subscribe();
    for _ in 0..3 {
        bench.worker.step().await.unwrap();
    }
    assert!(woken.has_changed().unwrap());
    assert_eq!(bench.report().looks, 0, "the watch reads");
    bench.fixture.lane.board.source.send_modify(|view| view.waiting_for = Some("no answer".to_owned()));
    assert_eq!(bench.look().await, "blocked");
    assert_eq!(bench.report().waiting_for.unwrap(), "no answer");
    bench.fixture.lane.board.source.send_modify(|view| view.waiting_for = None);
    bench.worker.due_at = None;
    bench.worker.step().await.unwrap();
    bench.fixture.store_all().await;
    assert_eq!(bench.look().await, "followed");
    assert_eq!(bench.fixture.asked(), 0);
}

#[tokio::test]
async fn a_log_that_is_hidden_is_proved_missing_and_filled_once_it_is_shown() {
    let mut bench = Bench::new(World { hidden: Some(30), ..world() }).await;
    bench.fixture.store_all().await;
    bench.fixture.lose(28..33);
    assert_eq!(bench.look().await, "failed");
    assert!(bench.report().waiting_for.unwrap().contains("left out the log of request 30"));
    assert_eq!(bench.missing().await, 5);
    bench.fixture.world(|world| world.hidden = None);
    assert_eq!(bench.look().await, "refilled");
    assert_eq!(bench.missing().await, 0);
}

#[tokio::test]
async fn a_hole_that_most_endpoints_hide_is_filled_from_the_one_that_tells_it() {
    // In the middle of a hole, alone in one, and the last of all.
    for (hidden, lost) in [(30, 28..33), (30, 30..31), (99, 97..100)] {
        let hides = World { hidden: Some(hidden), endpoints: 3, hiding: 2, ..world() };
        let mut bench = Bench::new(hides).await;
        bench.fixture.store_all().await;
        bench.fixture.lose(lost.clone());
        assert_eq!(bench.look().await, "refilled", "{lost:?}");
        assert_eq!(bench.missing().await, 0);
        assert_eq!(bench.look_again().await, "complete");
    }
}

#[tokio::test]
async fn a_quorum_is_asked_again_after_no_endpoint_told_what_is_missing() {
    let hides = World { hidden: Some(30), endpoints: 3, ..world() };
    let mut bench = Bench::new(hides).await;
    bench.fixture.store_all().await;
    bench.fixture.lose(28..33);
    for _ in 0..2 {
        assert_eq!(bench.look().await, "failed");
    }
    assert_eq!(bench.missing().await, 5);
    bench.fixture.world(|world| world.hiding = 1);
    assert_eq!(bench.look().await, "refilled");
    assert_eq!(bench.missing().await, 0);
}

#[tokio::test]
async fn an_endpoint_that_is_deaf_now_and_then_holds_nothing_up() {
    let mut bench = Bench::new(World { deaf_every: 3, ..world() }).await;
    bench.fixture.store_all().await;
    bench.fixture.lose(20..25);
    assert_eq!(bench.look().await, "refilled");
    assert_eq!(bench.missing().await, 0);
}

#[tokio::test]
async fn a_store_that_holds_another_request_is_an_error_that_names_it_and_the_cure() {
    let mut bench = Bench::new(world()).await;
    let mut requests = bench.fixture.world(|world| world.requests(0..100));
    requests[40].transfer.value += alloy::primitives::U256::ONE;
    bench.fixture.confirm(requests, crate::testing::block(1_000)).await;
    bench.fixture.show_verified();
    assert_eq!(bench.look().await, "failed");
    let reason = bench.report().waiting_for.unwrap();
    assert!(reason.contains("another request 40") && reason.contains("store repair --lane"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn it_looks_at_the_start_and_then_by_interval() {
    let entry = RecoveryEntry { enabled: true, interval: INTERVAL };
    let fixture = LaneFixture::new(World { handled: 100, ..world() }).await;
    fixture.lane.board.recovery_orders.send_modify(|orders| orders.enabled = true);
    let heads = fixture.heads.subscribe();
    let mut worker = RecoveryWorker::new(Arc::clone(&fixture.lane), entry, heads.clone(), heads);
    worker.step().await.unwrap();
    let looks = || fixture.lane.board.recovery.borrow().looks;
    assert_eq!(looks(), 1);
    worker.step().await.unwrap();
    assert_eq!(looks(), 1, "not yet");
    let started = Instant::now();
    worker.changed().await;
    assert!(started.elapsed() >= INTERVAL);
    worker.step().await.unwrap();
    assert_eq!(looks(), 2);
}

/// Nodes keep the states of five blocks, and the final block is 600 blocks behind the newest: requests 0 to 39 are final.
async fn far() -> Bench {
    let bench = Bench::new(World { states_kept: 5, ..world() }).await;
    let fixture = &bench.fixture;
    let (requests, block) = (fixture.world(|world| world.requests(0..40)), crate::testing::block(400));
    fixture.confirm(requests, block).await;
    fixture.heads.send_replace(crate::testing::head_of(400, 1_000));
    bench
}

/// The watch has read up to the final block.
fn show_read(bench: &Bench) {
    bench.fixture.lane.board.source.send_modify(|view| {
        (view.verified, view.final_block) = (RequestNonce::new(40), Some(crate::testing::block(400)));
    });
}

#[tokio::test]
async fn a_hole_is_filled_where_no_node_has_the_state_of_the_final_block() {
    let mut bench = far().await;
    bench.fixture.lose(20..30);
    show_read(&bench);
    assert_eq!(bench.look().await, "refilled");
    let id = bench.fixture.lane.info.bridge_id;
    let stored =
        bench.fixture.lane.store.count_requests(id, RequestNonce::ZERO, RequestNonce::new(100)).await;
    assert_eq!(stored.unwrap(), 40, "what is not final is not stored");
}

#[tokio::test]
async fn a_lane_of_which_all_final_requests_are_handled_is_even_whatever_is_requested_since() {
    let mut bench = far().await;
    bench.fixture.world(|world| world.handled = 40);
    show_read(&bench);
    assert_eq!(bench.look().await, "even");
}

#[tokio::test]
async fn a_look_waits_for_the_watch_where_only_that_knows_what_is_final() {
    let mut bench = far().await;
    bench.worker.step().await.unwrap();
    assert_eq!(bench.report().looks, 0);
    assert!(bench.worker.due_at.is_some_and(|at| at > Instant::now()), "and does not ask all the while");
    bench.fixture.lane.board.source.send_modify(|view| view.waiting_for = Some("the logs".to_owned()));
    assert_eq!(bench.look_again().await, "blocked");
}

#[tokio::test]
async fn a_refilter_whose_newest_block_is_replaced_begins_anew() {
    let mut bench = far().await;
    bench.fixture.lose(20..30);
    show_read(&bench);
    bench.fixture.world(|world| (world.replaced_from, world.replaced_at) = (900, 4));
    bench.fixture.world(|world| world.hidden = Some(95));
    bench.worker.step().await.unwrap();
    let failed = loop {
        if let Err(failed) = bench.worker.step().await {
            break failed;
        }
    };
    assert!(matches!(failed, LaneError::WitnessReplaced { .. }), "{failed}");
    assert!(matches!(bench.worker.work, Work::Nothing));
}
