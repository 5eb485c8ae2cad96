//! The audit of chains whose final block is so far behind that no node has its state any more.

use super::*;
use crate::testing::{LaneFixture, World, head_of};

/// Blocks from the final one to the newest.
const DISTANCE: u64 = 200;

struct Fixture {
    fixture: LaneFixture,
    audit: PayoutAudit,
}

impl Fixture {
    /// Requests in blocks 10, 20 and 310, of which the source's contract shows `shown`.
    async fn new(shown: Option<u64>) -> Self {
        let mut world = World::of(vec![10, 20, 310], 400);
        (world.states_kept, world.shown) = (128, shown);
        let fixture = LaneFixture::new(world).await;
        let lane = Arc::clone(&fixture.lane);
        let audit = PayoutAudit::new(lane, fixture.heads.subscribe(), fixture.heads.subscribe());
        Self { fixture, audit }
    }

    fn world<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        self.fixture.world(change)
    }

    async fn goes_to(&mut self, newest: u64) -> Result<(), LaneError> {
        self.goes_between(newest - DISTANCE, newest).await
    }

    async fn goes_between(&mut self, last: u64, newest: u64) -> Result<(), LaneError> {
        let mut view = head_of(last, newest);
        self.world(|world| {
            world.head = newest;
            let head = view.head.as_mut().unwrap();
            (head.latest.hash, head.final_block.hash) = (world.hash(newest), world.hash(last));
        });
        self.fixture.heads.send_replace(view);
        self.audit.step().await
    }
}

#[tokio::test]
async fn a_forged_payout_is_an_alarm_once_a_block_is_final_in_which_it_was_seen_and_not_before() {
    let mut fixture = Fixture::new(Some(2)).await;
    for newest in 400..420 {
        fixture.goes_to(newest).await.unwrap();
    }
    fixture.world(|world| world.handled = 3);
    for newest in 420..624 {
        fixture.goes_to(newest).await.unwrap();
    }
    let error = fixture.goes_to(624).await.unwrap_err();
    assert!(matches!(error, LaneError::HandledUnrequested { block, .. } if block.get() == 424), "{error}");
    assert_eq!(error.class(), ErrorClass::Halt);
}

#[tokio::test]
async fn a_forged_payout_that_is_there_from_the_start_is_an_alarm_one_way_to_finality_later() {
    let mut fixture = Fixture::new(Some(2)).await;
    fixture.world(|world| world.handled = 3);
    for newest in 400..600 {
        fixture.goes_to(newest).await.unwrap();
    }
    let error = fixture.goes_to(600).await.unwrap_err();
    assert!(matches!(error, LaneError::HandledUnrequested { .. }), "{error}");
}

#[tokio::test]
async fn a_payout_in_a_block_that_was_replaced_is_no_alarm() {
    let mut fixture = Fixture::new(Some(2)).await;
    fixture.goes_to(400).await.unwrap();
    fixture.world(|world| world.handled = 3);
    for newest in 401..430 {
        fixture.goes_to(newest).await.unwrap();
    }
    fixture.world(|world| (world.handled, world.replaced_from) = (0, 401));
    for newest in 430..700 {
        fixture.goes_to(newest).await.unwrap();
    }
}

#[tokio::test]
async fn what_was_requested_is_explained_far_away_though_this_relay_has_read_none_of_it() {
    let mut fixture = Fixture::new(None).await;
    fixture.world(|world| world.handled = 3);
    fixture.goes_to(400).await.unwrap();
    fixture.audit.unexplained_since = Instant::now().checked_sub(2 * SHOWN_AFTER);
    fixture.goes_to(401).await.unwrap();
    let shown = fixture.fixture.lane.board.unexplained.borrow().clone();
    assert!(shown.is_some_and(|text| text.contains("is final that was seen")), "people are told");
    for newest in 402..640 {
        fixture.goes_to(newest).await.unwrap();
    }
    assert_eq!(*fixture.fixture.lane.board.unexplained.borrow(), None);
}

#[tokio::test]
async fn a_final_block_that_is_near_is_judged_at_once() {
    let mut fixture = Fixture::new(Some(2)).await;
    fixture.world(|world| world.handled = 3);
    let error = fixture.goes_between(350, 400).await.unwrap_err();
    assert!(matches!(error, LaneError::HandledUnrequested { block, .. } if block.get() == 350), "{error}");
}

#[tokio::test]
async fn whether_a_request_is_of_a_block_whose_state_is_gone_is_told_by_logs() {
    let fixture = Fixture::new(None).await;
    fixture.world(|world| world.head = 700);
    let (block, nonce) = (BlockHeight::new, RequestNonce::new);
    assert_eq!(fixture.audit.was_made_in(block(20), nonce(1)).await, Some(true));
    assert_eq!(fixture.audit.was_made_in(block(310), nonce(1)).await, None, "it may be hidden");
    fixture.fixture.store_all().await;
    assert_eq!(fixture.audit.was_made_in(block(310), nonce(1)).await, Some(false), "it is of block 20");
    fixture.world(|world| world.hidden = Some(1));
    assert_eq!(fixture.audit.was_made_in(block(310), nonce(1)).await, None, "nobody shows it now");
}
