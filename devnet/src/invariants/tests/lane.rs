use alloy::primitives::B256;
use polyspan_types::Root;

use super::fixture::{FIRST, MAIN, SECOND, SERVICE, STRANGE, World, range};

#[test]
fn requests_that_no_range_handles_are_lost() {
    let mut world = World::new();
    world.sides[SERVICE].handled.ranges[1] = range(5, 6, SECOND);
    let audit = world.judge();
    assert_eq!(audit.lanes[0].facts.lost, 2, "4 is in no range, and 5 was never paid");
    assert!(audit.problems.iter().any(|problem| problem.contains("next was 4")), "{audit:?}");
}

#[test]
fn a_request_that_two_transactions_handle_is_counted_as_doubled() {
    let mut world = World::new();
    world.sides[SERVICE].handled.ranges[1] = range(3, 5, SECOND);
    let audit = world.judge();
    assert_eq!(audit.lanes[0].facts.duplicated, 1);
    assert!(audit.problems.iter().any(|problem| problem.contains("next was 4")), "{audit:?}");
    assert!(audit.expect_complete().is_err());
}

#[test]
fn a_nonce_that_nobody_requested_cannot_be_handled() {
    let mut world = World::new();
    world.sides[SERVICE].handled.ranges.push(range(5, 8, STRANGE));
    world.assert_wrong(&[
        "nonce 6 was handled and never requested",
        "the logs handle up to 8, the state says 5",
        "nonce 5: 15 of",
    ]);
}

#[test]
fn an_empty_range_is_none() {
    let mut world = World::new();
    world.sides[SERVICE].handled.ranges.insert(1, range(4, 4, STRANGE));
    world.assert_wrong(&["handles 4 to 4, next was 4"]);
}

#[test]
fn roots_are_those_of_the_logs_on_both_sides() {
    let wrong = Root(B256::repeat_byte(1));
    let mut world = World::new();
    world.sides[SERVICE].state.handle_root = wrong;
    world.assert_wrong(&["the destination holds root"]);
    let mut world = World::new();
    world.sides[MAIN].state.request_root = wrong;
    world.assert_wrong(&["the source holds root"]);
    let mut world = World::new();
    world.sides[MAIN].state.request_nonce = 9;
    world.assert_wrong(&["the source is at nonce 9, there are 6 requests"]);
}

#[test]
fn requests_are_numbered_one_by_one() {
    let mut world = World::new();
    world.sides[MAIN].requests[5].nonce = polyspan_types::RequestNonce::new(7);
    world.assert_wrong(&["request 5 has the number 7", "the source holds root"]);
}

#[test]
fn a_transaction_that_handles_what_another_range_has_is_named() {
    let mut world = World::new();
    world.sides[SERVICE].handled.ranges.swap(0, 1);
    let problems = world.judge().problems;
    assert!(problems.iter().any(|problem| problem.contains(&FIRST.to_string())), "{problems:?}");
}
