use alloy::primitives::{Address, U256};
use polyspan_types::{HoldEnd, Leaf, RequestNonce};

use super::fixture::{
    ASKED, FIRST, MAIN, REFUNDED, RELEASED, SECOND, SERVICE, STRANGE, TO, World, held, refund_of_three, usd,
};

#[test]
fn a_hold_is_of_the_request_with_its_number_and_made_where_that_was_handled() {
    let mut world = World::new();
    world.sides[SERVICE].handled.held[0].leaf = Leaf(STRANGE);
    world.assert_wrong(&["the hold of nonce 1 is of another request"]);
    let mut world = World::new();
    world.sides[SERVICE].handled.held[0].tx_hash = SECOND;
    world.assert_wrong(&["nonce 1 was put on hold where it was not handled", "nonce 1: 11 of"]);
    let mut world = World::new();
    let again = world.sides[SERVICE].handled.held[0];
    world.sides[SERVICE].handled.held.push(again);
    world.assert_wrong(&["nonce 1 was put on hold twice"]);
}

#[test]
fn a_hold_ends_once() {
    let mut world = World::new();
    let mut again = world.sides[SERVICE].handled.endings[0];
    again.tx_hash = STRANGE;
    world.sides[SERVICE].handled.endings.push(again);
    world.sides[SERVICE].moves.push(usd(STRANGE, Address::ZERO, super::fixture::SERVICE_USD, TO, 11));
    world.assert_wrong(&["the hold of nonce 1 ended 2 times"]);
}

#[test]
fn a_hold_cannot_be_released_and_refunded() {
    let mut world = World::new();
    let mut released = world.sides[SERVICE].handled.endings[1];
    released.end = HoldEnd::Released { to: TO };
    released.tx_hash = STRANGE;
    world.sides[SERVICE].handled.endings.push(released);
    world.sides[SERVICE].moves.push(usd(STRANGE, Address::ZERO, super::fixture::SERVICE_USD, TO, 13));
    world.assert_wrong(&["the hold of nonce 3 ended 2 times"]);
}

#[test]
fn what_was_never_held_cannot_end_or_be_released_to_somebody_else() {
    let mut world = World::new();
    world.sides[SERVICE].handled.endings[0].nonce = RequestNonce::ZERO;
    let problems = world.judge().problems;
    assert!(problems.iter().any(|problem| problem.contains("nonce 0 ended a hold that never was")));
    let mut world = World::new();
    world.sides[SERVICE].handled.endings[0].end = HoldEnd::Released { to: Address::repeat_byte(9) };
    world.assert_wrong(&["nonce 1 was released to"]);
}

#[test]
fn a_refund_is_the_request_that_pays_back_what_was_asked() {
    let spoil = |change: fn(&mut polyspan_types::Request)| {
        let mut world = World::new();
        change(&mut world.sides[SERVICE].requests[0]);
        let problems = world.judge().problems;
        let found = problems.iter().any(|problem| problem.contains("does not pay it back"));
        assert!(found, "{problems:?}");
    };
    spoil(|back| back.transfer.value = U256::from(14));
    spoil(|back| back.transfer.to = TO);
    spoil(|back| back.transfer.token = Address::repeat_byte(9));
    spoil(|back| back.transfer.kind = polyspan_types::Kind::Erc20.into());
    spoil(|back| back.transfer.payload = vec![1].into());
    spoil(|back| back.tx_hash = STRANGE);
    let mut world = World::new();
    let other = HoldEnd::Refunded { request_nonce: RequestNonce::new(8) };
    world.sides[SERVICE].handled.endings[1].end = other;
    world.assert_wrong(&["which is no request", "request 0 of the other lane refunds 0 holds"]);
}

#[test]
fn a_refund_of_no_hold_is_found() {
    let mut world = World::new();
    let mut invented = refund_of_three();
    invented.nonce = RequestNonce::new(1);
    world.sides[SERVICE].requests.push(invented);
    world.set_state(SERVICE, 5);
    world.assert_wrong(&["request 1 of the other lane refunds 0 holds", "pair usd: escrow"]);
}

#[test]
fn the_bridge_counts_its_holds() {
    let mut world = World::new();
    world.sides[SERVICE].state.held_count = 1;
    world.assert_wrong(&["by its logs 0 requests are on hold, by its state 1"]);
}

#[test]
fn a_hold_without_an_end_is_on_hold_and_no_problem() {
    let mut world = World::new();
    let hold = held(&world.sides[MAIN].requests[1]);
    assert_eq!(hold.tx_hash, FIRST);
    world.sides[SERVICE].handled.endings.remove(0);
    world.sides[SERVICE].moves.retain(|one| one.tx_hash != RELEASED);
    world.sides[SERVICE].state.held_count = 1;
    let pair = &mut world.sides[SERVICE].pairs[super::fixture::USD];
    let counters = pair.counters.as_mut().unwrap();
    (counters.minted, counters.held, pair.supply) = (U256::from(10), U256::from(11), U256::from(10));
    world.assert_wrong(&[]);
    assert_eq!(world.judge().lanes[0].facts.on_hold, 1);
    assert_ne!(ASKED, REFUNDED);
}
