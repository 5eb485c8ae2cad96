//! A final block whose state no node has any more.

use super::*;

/// Blocks from the final one to the newest.
const DISTANCE: u64 = 200;

impl Fixture {
    /// A destination that goes on handling, and keeps as many states as geth does.
    async fn far() -> Self {
        let fixture = Self::new().await;
        fixture.change(|script| {
            script.states_kept = 128;
            script.later = (210..2_000).step_by(7).collect();
        });
        fixture
    }

    /// As [`Self::far`], and nothing is stored.
    async fn far_from_nothing() -> Self {
        let fixture = Self::far().await;
        fixture.lane.store.forget_readable(fixture.lane.info.bridge_id).await.unwrap();
        fixture
    }

    fn change<T>(&self, change: impl FnOnce(&mut Script) -> T) -> T {
        change(&mut self.script.lock().unwrap())
    }

    fn go_between(&self, last: u64, newest: u64) {
        let mut view = head(newest);
        self.change(|script| {
            script.head = newest;
            let block = |height| BlockRef { height: BlockHeight::new(height), hash: script.hash(height) };
            let head = view.head.as_mut().unwrap();
            (head.latest, head.final_block) = (block(newest), block(last));
        });
        self.heads.send_replace(view);
    }

    async fn goes_to(&mut self, newest: u64) -> Result<(), LaneError> {
        self.go_between(newest - DISTANCE, newest);
        self.destination.step().await
    }

    fn settled(&self) -> u64 {
        self.lane.board.destination.borrow().as_ref().unwrap().settled.get()
    }

    async fn base(&self) -> Option<(u64, BlockRef)> {
        let position = self.lane.store.destination_position(self.lane.info.bridge_id).await.unwrap();
        position.base.map(|base| (base.nonce.get(), base.begun.unwrap()))
    }

    fn handled_at(&self, height: u64) -> u64 {
        self.change(|script| script.handled(height))
    }
}

#[tokio::test]
async fn a_lane_begins_ahead_of_a_far_final_block_and_waits_without_error_until_that_is_final() {
    let mut fixture = Fixture::far_from_nothing().await;
    fixture.goes_to(400).await.unwrap();
    let base = fixture.handled_at(384);
    assert_eq!(fixture.base().await.map(|(nonce, begun)| (nonce, begun.height.get())), Some((base, 384)));
    assert!(*fixture.lane.board.begun.borrow(), "the source is read meanwhile");
    for newest in 401..584 {
        fixture.goes_to(newest).await.unwrap();
        assert_eq!((fixture.settled(), fixture.proved()), (0, None), "nothing is final that is known");
        assert_eq!(fixture.stored().await, (base, 0, Some(200)));
    }
    fixture.goes_to(584).await.unwrap();
    assert_eq!((fixture.settled(), fixture.stored().await), (base, (base, 0, Some(384))));
    for newest in 585..700 {
        fixture.goes_to(newest).await.unwrap();
        assert_eq!(fixture.settled(), fixture.handled_at(newest - DISTANCE));
    }
    assert!((490..500).contains(&fixture.proved().unwrap()), "{:?}", fixture.proved());
}

#[tokio::test]
async fn a_process_that_starts_while_a_lane_waits_goes_on_waiting() {
    let mut fixture = Fixture::far_from_nothing().await;
    fixture.goes_to(400).await.unwrap();
    let operators = fixture.destination.operators.take();
    fixture.destination = DestinationWatch::new(Arc::clone(&fixture.lane), fixture.heads.subscribe());
    fixture.destination.operators = operators;
    fixture.goes_to(410).await.unwrap();
    assert_eq!(fixture.settled(), 0);
    fixture.goes_to(590).await.unwrap();
    assert_eq!(fixture.settled(), fixture.handled_at(390));
}

#[tokio::test]
async fn a_beginning_that_was_replaced_before_it_was_final_is_forgotten_and_the_lane_begins_anew() {
    let mut fixture = Fixture::far_from_nothing().await;
    fixture.goes_to(400).await.unwrap();
    fixture.change(|script| script.replaced_from = 380);
    fixture.goes_to(401).await.unwrap();
    assert!(fixture.base().await.is_some(), "endpoints may be behind for a moment");
    let before = Instant::now().checked_sub(std::time::Duration::from_secs(30)).unwrap();
    fixture.destination.unknown_cursor.forget();
    fixture.destination.unknown_cursor.lasts(before);
    fixture.goes_to(402).await.unwrap();
    assert_eq!((fixture.base().await, *fixture.lane.board.begun.borrow()), (None, false));
    fixture.goes_to(403).await.unwrap();
    let hash = fixture.change(|script| script.hash(387));
    let begun = BlockRef { height: BlockHeight::new(387), hash };
    assert_eq!(fixture.base().await, Some((fixture.handled_at(387), begun)));
    assert!(*fixture.lane.board.begun.borrow());
}

#[tokio::test]
async fn a_beginning_that_was_replaced_while_nobody_looked_does_not_halt_the_lane() {
    let mut fixture = Fixture::far_from_nothing().await;
    fixture.goes_to(400).await.unwrap();
    fixture.change(|script| script.replaced_from = 380);
    fixture.goes_to(700).await.unwrap();
    assert_eq!(fixture.base().await, None);
    fixture.goes_to(701).await.unwrap();
    assert_eq!(fixture.base().await.map(|(_, begun)| begun.height.get()), Some(685));
}

#[tokio::test]
async fn a_process_that_ends_right_after_the_beginning_leaves_one_that_may_be_replaced() {
    let mut fixture = Fixture::far_from_nothing().await;
    let begun = BlockRef { height: BlockHeight::new(384), hash: hash(384) };
    let base = Base {
        nonce: RequestNonce::new(28),
        root: Root(B256::repeat_byte(7)),
        source_block: Some(BlockHeight::new(1)),
        begun: Some(begun),
    };
    fixture.lane.store.begin_lane(fixture.lane.info.bridge_id, base, Vec::new()).await.unwrap();
    fixture.goes_to(400).await.unwrap();
    assert_eq!((fixture.settled(), fixture.stored().await), (0, (28, 0, Some(200))));
    fixture.change(|script| script.replaced_from = 380);
    fixture.goes_to(700).await.unwrap();
    assert_eq!(fixture.base().await, None);
}

#[tokio::test]
async fn outcomes_are_recorded_at_once_and_proved_by_what_was_seen_when_it_was_new() {
    let mut fixture = Fixture::far().await;
    for newest in 400..600 {
        fixture.goes_to(newest).await.unwrap();
        assert_eq!(fixture.stored().await.0, fixture.handled_at(newest - DISTANCE));
        assert_eq!(fixture.proved(), None, "nothing that was seen is final yet");
    }
    for newest in 600..800 {
        fixture.goes_to(newest).await.unwrap();
        let last = newest - DISTANCE;
        let proved = fixture.proved().unwrap();
        assert!(proved <= last && last - proved <= DISTANCE / 32, "{proved} at {last}");
        assert_eq!(fixture.settled(), fixture.handled_at(last));
    }
}

#[tokio::test]
async fn a_seen_block_that_was_replaced_proves_nothing() {
    let mut fixture = Fixture::far().await;
    fixture.goes_to(400).await.unwrap();
    fixture.change(|script| script.replaced_from = 400);
    fixture.goes_to(602).await.unwrap();
    assert_eq!((fixture.proved(), fixture.stored().await.2), (None, Some(402)));
}

#[tokio::test]
async fn an_outcome_that_an_endpoint_hides_is_noticed_far_away_as_well_and_read_again() {
    let mut fixture = Fixture::far().await;
    fixture.goes_to(400).await.unwrap();
    fixture.hide(Some(Bridge::HandleValueTransfer::SIGNATURE_HASH));
    for newest in 401..600 {
        fixture.goes_to(newest).await.unwrap();
    }
    let error = fixture.goes_to(600).await.unwrap_err();
    assert!(matches!(error, LaneError::HiddenOutcome { .. }), "{error}");
    assert_eq!((fixture.proved(), fixture.stored().await.2), (None, Some(1)));
    fixture.hide(None);
    fixture.destination.step().await.unwrap();
    assert_eq!((fixture.proved(), fixture.stored().await.0), (Some(400), fixture.handled_at(400)));
}

#[tokio::test]
async fn a_hold_that_an_endpoint_hides_is_noticed_far_away_by_its_count() {
    let mut fixture = Fixture::far().await;
    fixture.change(|script| script.released = 2_000);
    fixture.hide(Some(Bridge::ValueTransferHeld::SIGNATURE_HASH));
    fixture.goes_to(400).await.unwrap();
    fixture.goes_to(599).await.unwrap();
    for _ in 0..2 {
        let error = fixture.goes_to(600).await.unwrap_err();
        assert!(matches!(error, LaneError::HiddenHold { known: 0, expected: 1, .. }), "{error}");
    }
    assert_eq!(fixture.proved(), None);
    fixture.hide(None);
    fixture.destination.step().await.unwrap();
    assert_eq!((fixture.proved(), fixture.stored().await.1), (Some(400), 1));
}

#[tokio::test]
async fn an_old_hold_is_found_at_the_newest_block_and_its_end_is_read_when_it_is_final() {
    let mut fixture = Fixture::far_from_nothing().await;
    fixture.change(|script| script.released = 450);
    fixture.goes_to(400).await.unwrap();
    assert_eq!(fixture.stored().await.1, 1);
    for newest in 401..720 {
        fixture.goes_to(newest).await.unwrap();
        assert_eq!(fixture.stored().await.1, u64::from(newest - DISTANCE < 450), "{newest}");
    }
    assert!(fixture.proved().is_some_and(|proved| proved > 500));
}

#[tokio::test]
async fn an_old_hold_may_end_after_the_beginning_and_before_it_is_looked_for() {
    let mut fixture = Fixture::far_from_nothing().await;
    fixture.change(|script| script.released = 395);
    for newest in 400..720 {
        fixture.goes_to(newest).await.unwrap();
        assert_eq!(fixture.stored().await.1, 0);
    }
    assert!(fixture.proved().is_some_and(|proved| proved > 500));
}

#[tokio::test]
async fn a_node_that_keeps_less_than_others_is_as_good() {
    let mut fixture = Fixture::far_from_nothing().await;
    fixture.change(|script| script.states_kept = 50);
    for newest in 400..600 {
        fixture.go_between(newest - 80, newest);
        fixture.destination.step().await.unwrap();
    }
    assert_eq!(fixture.base().await.map(|(_, begun)| begun.height.get()), Some(384));
    assert!(fixture.proved().is_some_and(|proved| proved > 510), "{:?}", fixture.proved());
}

#[tokio::test]
async fn a_final_block_that_comes_near_again_is_read_as_ever() {
    let mut fixture = Fixture::far_from_nothing().await;
    fixture.change(|script| script.released = 450);
    fixture.goes_to(400).await.unwrap();
    fixture.go_between(370, 420);
    fixture.destination.step().await.unwrap();
    assert_eq!((fixture.settled(), fixture.proved()), (0, None), "its beginning is not final yet");
    for newest in 440..500 {
        fixture.go_between(newest - 40, newest);
        fixture.destination.step().await.unwrap();
        assert_eq!(fixture.settled(), fixture.handled_at(newest - 40));
    }
    assert_eq!((fixture.proved(), fixture.stored().await.1), (Some(459), 0));
}
