//! What becomes of pieces, without a chain: they are reported, and the destination is seen.

use alloy::primitives::B256;
use polyspan_types::{BlockRef, MemberSet, Threshold};
use prometheus::Registry;

use super::super::SubmissionSettings;
use super::super::capacity::INITIAL;
use super::*;
use crate::submitter::{SubmitterMetrics, SubmitterParts, SubmitterSettings, submitters};
use crate::testing::{LaneFixture, World};
use crate::turn::Action;

/// Transfers of a full piece.
const FULL: u64 = 128;
/// Gas of a transfer.
const GAS: u64 = 100_000;
const MAX_GAS: u64 = 1 << 24;

async fn submission() -> (LaneSubmission, LaneFixture) {
    submission_in(World::of(Vec::new(), 100)).await
}

async fn submission_in(world: World) -> (LaneSubmission, LaneFixture) {
    let fixture = LaneFixture::new(world).await;
    let lane = Arc::clone(&fixture.lane);
    let parts = SubmitterParts {
        chain: lane.destination.clone(),
        store: lane.store.clone(),
        settings: SubmitterSettings {
            max_fee_per_gas: 1,
            min_priority_fee: 0,
            replace_after: 1,
            failed_releases_per_day: 16,
            max_gas: MAX_GAS,
        },
        heads: fixture.heads.subscribe(),
        health: lane.health.part("submitter"),
        metrics: SubmitterMetrics::register(&Registry::new()).unwrap(),
    };
    let (_, handle) = submitters(&parts, Vec::new());
    let settings = SubmissionSettings {
        max_transfers: FULL,
        max_gas: MAX_GAS,
        max_in_flight: INITIAL,
        takeover_after: 3,
        operator: None,
        name: "relay".to_owned(),
    };
    (LaneSubmission::new(lane, handle, settings), fixture)
}

fn at(height: u64) -> BlockRef {
    crate::testing::block(height)
}

fn view(handled: u64, height: u64, epoch: u64) -> DestinationView {
    let members = [alloy::primitives::Address::ZERO].into_iter().collect();
    let threshold = Threshold::try_new(1, 1).unwrap();
    DestinationView {
        handled: RequestNonce::new(handled),
        settled: RequestNonce::ZERO,
        held: 0,
        stored_holds: 0,
        oldest_hold: None,
        paused: false,
        operators: Arc::new(MemberSet { epoch: Epoch::new(epoch), threshold, members }),
        block: at(height),
        gas_limit: 0,
        block_interval: Duration::from_secs(1),
    }
}

/// Full pieces, and one of three transfers behind them, sent with the destination at 0 and block 10.
fn send(lane: &mut LaneSubmission, pieces: u64) -> Vec<Flight> {
    let counts = (1..pieces).map(|_| FULL).chain([3]);
    let mut flights = Vec::new();
    let mut first = RequestNonce::ZERO;
    for count in counts {
        let piece = Piece { first, count, checkpoint: first.plus(count) };
        let size = Size { gas: count * GAS, bytes: 1_000 };
        lane.flow.in_flight.push(piece, RequestNonce::ZERO, at(10).height);
        flights.push(Flight { piece, size, epoch: Epoch::new(1), way: Way::Leader, own: true });
        first = piece.end();
    }
    flights
}

fn revert(height: u64) -> JobResult {
    JobResult::Mined { success: false, block: at(height), tx_hash: B256::ZERO }
}

fn report(lane: &mut LaneSubmission, flights: &[Flight], result: &JobResult, view: &DestinationView) {
    lane.flow.told.extend(flights.iter().map(|flight| (*flight, result.clone())));
    lane.take_in(view);
}

fn limit(lane: &LaneSubmission) -> u64 {
    lane.size_limit.at(0, Instant::now()).gas
}

#[tokio::test]
async fn pieces_that_revert_by_a_change_of_operators_or_a_lost_race_leave_the_size_as_it_is() {
    for seen in [view(0, 11, 2), view(FULL, 11, 1)] {
        let (mut lane, _fixture) = submission().await;
        let flights = send(&mut lane, 16);
        report(&mut lane, &flights, &revert(11), &seen);
        assert_eq!((limit(&lane), lane.reverts.count()), (MAX_GAS, 0), "at {}", seen.handled);
        assert!(lane.flow.in_flight.is_empty());
    }
    // The destination is seen later than its reverts are reported.
    let (mut lane, _fixture) = submission().await;
    let flights = send(&mut lane, 16);
    report(&mut lane, &flights, &revert(11), &view(0, 10, 1));
    report(&mut lane, &[], &revert(11), &view(FULL, 11, 1));
    assert_eq!((limit(&lane), lane.reverts.count()), (MAX_GAS, 0));
}

#[tokio::test]
async fn of_pieces_that_revert_without_an_explanation_the_first_one_sets_the_size() {
    let (mut lane, _fixture) = submission().await;
    let flights = send(&mut lane, 16);
    report(&mut lane, &flights, &revert(11), &view(0, 11, 1));
    assert_eq!(
        (limit(&lane), lane.reverts.count()),
        (FULL * GAS / 2, 1),
        "not the last one, of three transfers"
    );

    // The second one failed only since the first did, also when others close the gap exactly.
    let (mut lane, _fixture) = submission().await;
    let flights = send(&mut lane, 2);
    report(&mut lane, &flights[..1], &revert(11), &view(FULL, 11, 1));
    report(&mut lane, &flights[1..], &revert(11), &view(FULL, 12, 1));
    assert_eq!((limit(&lane), lane.reverts.count()), (MAX_GAS, 0));
}

#[tokio::test]
async fn what_fails_without_a_transaction_does_not_rest_as_long_as_what_reverts() {
    let (mut lane, _fixture) = submission().await;
    for height in 11..21 {
        let flights = send(&mut lane, 1);
        report(&mut lane, &flights, &revert(height), &view(0, height, 1));
    }
    let long = lane.rest.unwrap();
    let in_a_minute = Instant::now() + Duration::from_secs(60);
    assert!(long.goes_on(RequestNonce::ZERO, at(30), in_a_minute));
    // Meanwhile nothing makes it shorter but progress, of whomever.
    let failed = JobResult::Failed("no answer".to_owned());
    let flights = send(&mut lane, 1);
    report(&mut lane, &flights, &failed, &view(0, 21, 1));
    assert_eq!(lane.rest, Some(long));
    assert!(!long.goes_on(RequestNonce::new(1), at(21), Instant::now()));
    let flights = send(&mut lane, 1);
    report(&mut lane, &flights, &failed, &view(FULL, 22, 1));
    assert_eq!(lane.reverts.count(), 0);
    assert!(matches!(lane.rest, Some(Rest::UntilNextBlock(..))), "{:?}", lane.rest);
    // A failure after the long rest is no revert.
    let flights = send(&mut lane, 1);
    for height in 23..33 {
        report(&mut lane, &flights, &revert(height), &view(0, height, 1));
    }
    lane.rest = None;
    report(&mut lane, &flights, &failed, &view(0, 34, 1));
    assert!(matches!(lane.rest, Some(Rest::UntilNextBlock(..))), "{:?}", lane.rest);
}

#[tokio::test]
async fn a_piece_that_is_too_slow_is_halved_and_the_reason_names_what_to_change() {
    let (mut lane, _fixture) = submission().await;
    for expected in [FULL / 2, FULL / 4, FULL / 8] {
        let count = lane.piece_limit.at(Instant::now());
        let piece = Piece { first: RequestNonce::ZERO, count, checkpoint: RequestNonce::new(count) };
        let size = Size { gas: count * GAS, bytes: 1_000 };
        let flight = Flight { piece, size, epoch: Epoch::new(1), way: Way::Leader, own: true };
        lane.settle(flight, JobResult::TooSlow, &view(0, 11, 1));
        assert_eq!(lane.piece_limit.at(Instant::now()), expected);
        let shown = lane.lane.board.submission.borrow().clone().unwrap();
        for named in ["trying fewer", "request_timeout", "--rpc.evmtimeout", "relay.submission.max_transfers"]
        {
            assert!(shown.contains(named), "{shown}");
        }
    }
    assert_eq!(limit(&lane), MAX_GAS, "time says nothing about gas");
    // What passes leads back.
    let flights = send(&mut lane, 1);
    let handled = JobResult::Mined { success: true, block: at(12), tx_hash: B256::ZERO };
    report(&mut lane, &flights, &handled, &view(3, 12, 1));
    assert_eq!(lane.piece_limit.at(Instant::now()), FULL / 4);
}

#[tokio::test]
async fn whoever_takes_over_begins_with_less_than_the_leader_and_than_the_ranks_before_it() {
    let (_, fixture) = submission().await;
    let members: Vec<_> = (1..=4).map(alloy::primitives::Address::repeat_byte).collect();
    let operators = Arc::new(MemberSet {
        epoch: Epoch::new(1),
        threshold: Threshold::try_new(3, 4).unwrap(),
        members: members.clone(),
    });
    let view = DestinationView { operators, ..view(0, 11, 1) };
    let checkpoint = polyspan_types::Checkpoint {
        bridge_id: fixture.lane.info.bridge_id,
        epoch: Epoch::new(1),
        nonce: RequestNonce::new(500),
        root: polyspan_types::Root(B256::ZERO),
    };
    let approved = ApprovedView {
        checkpoints: vec![ApprovedCheckpoint { checkpoint, signatures: Vec::new() }],
        ..ApprovedView::default()
    };
    let mut begins = std::collections::BTreeMap::new();
    for operator in members.into_iter().map(Some).chain([None]) {
        let (mut lane, _fixture) = submission().await;
        lane.settings.operator = operator;
        let rank = lane.rank(&view).unwrap_or(4);
        let long_ago = Instant::now() - Duration::from_secs(3_600);
        lane.stall.observe(RequestNonce::ZERO, RequestNonce::new(500), 3, long_ago);
        lane.begin_by_rank(&view, false);
        let Action::Handle(piece) = lane.action(&approved, &view, false) else { panic!("rank {rank}") };
        begins.insert(rank, piece.count);
        // The leader has tried what there is.
        let (mut leader, _fixture) = submission().await;
        leader.begin_by_rank(&view, true);
        let Action::Handle(piece) = leader.action(&approved, &view, true) else { panic!() };
        assert_eq!(piece.count, FULL);
    }
    assert_eq!(begins.into_iter().collect::<Vec<_>>(), [(0, 64), (1, 32), (2, 16), (3, 16), (4, 16)]);
}

#[tokio::test]
async fn what_others_have_pending_is_waited_for_for_two_blocks_where_others_may_act() {
    let (mut lane, fixture) = submission_in(World { handled: 8, ..World::of(vec![1; 8], 100) }).await;
    fixture.lane.destination.head().await.unwrap();
    let piece = |count| Piece { first: RequestNonce::ZERO, count, checkpoint: RequestNonce::new(count) };
    // The newest block that this relay has seen is older than what nodes have pending.
    let view = |height| view(0, height, 1);
    assert!(!lane.is_under_way(piece(8), &view(90), true).await, "nobody else acts: nobody is asked");
    assert!(!lane.is_under_way(piece(9), &view(90), false).await, "it does more than theirs");
    assert!(lane.is_under_way(piece(8), &view(90), false).await);
    assert!(matches!(lane.rest, Some(Rest::UntilNextBlock(..))));
    assert!(lane.is_under_way(piece(8), &view(91), false).await);
    assert!(!lane.is_under_way(piece(8), &view(92), false).await, "what nodes have may never be mined");
    // A leader that the others may have taken the lane from.
    let long_ago = Instant::now() - Duration::from_secs(3_600);
    lane.stall.observe(RequestNonce::ZERO, RequestNonce::new(8), 1, long_ago);
    lane.under_way = Default::default();
    assert!(lane.is_under_way(piece(8), &view(90), true).await);
    // Its own submissions are pending as well.
    send(&mut lane, 1);
    assert!(!lane.is_under_way(piece(8), &view(90), true).await);
}
