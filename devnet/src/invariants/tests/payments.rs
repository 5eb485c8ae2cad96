use alloy::primitives::{Address, U256};

use super::fixture::{
    ASKED, FIRST, MAIN, MAIN_BRIDGE, MAIN_USD, PAID_BACK, REFUND_TO, REFUNDED, RELEASED, SECOND, SERVICE,
    SERVICE_BRIDGE, SERVICE_USD, STRANGE, TO, World, native, usd,
};

const ELSEWHERE: Address = Address::repeat_byte(0xee);

/// Takes what a transaction of the service chain moved out of the world.
fn without(tx_hash: alloy::primitives::B256) -> World {
    let mut world = World::new();
    world.sides[SERVICE].moves.retain(|one| one.tx_hash != tx_hash);
    world
}

#[test]
fn what_is_said_to_be_paid_and_did_not_move_is_lost() {
    let audit = without(FIRST).judge();
    assert_eq!(audit.lanes[0].facts.lost, 2);
    without(FIRST).assert_wrong(&["nonce 0: 10 of", "nonce 2: 20 of the native currency"]);
    without(SECOND).assert_wrong(&["nonce 4: 2 of id 7", "nonce 4: 3 of id 8"]);
    without(RELEASED).assert_wrong(&["nonce 1: 11 of"]);
    let mut world = World::new();
    world.sides[MAIN].moves.clear();
    world.assert_wrong(&["nonce 0: 13 of"]);
}

#[test]
fn another_amount_recipient_token_or_id_is_not_what_was_asked() {
    let spoil = |change: fn(&mut crate::moves::Payment)| {
        let mut world = World::new();
        change(&mut world.moved(SERVICE, FIRST)[0].paid);
        world.assert_wrong(&["nonce 0: 10 of", "which nobody asked for there"]);
    };
    spoil(|paid| paid.amount = U256::from(11));
    spoil(|paid| paid.to = ELSEWHERE);
    spoil(|paid| paid.token = MAIN_USD);
    let mut world = World::new();
    world.moved(SERVICE, SECOND)[1].paid.id = U256::from(9);
    world.assert_wrong(&["nonce 4: 3 of id 8", "moves 3 of id 9"]);
    let mut world = World::new();
    world.moved(SERVICE, FIRST)[1].paid.to = ELSEWHERE;
    world.assert_wrong(&["nonce 2: 20 of the native currency", "moves 20 of the native currency"]);
}

#[test]
fn a_second_payment_is_found_wherever_it_is() {
    for place in [FIRST, SECOND, RELEASED, STRANGE] {
        let mut world = World::new();
        world.sides[SERVICE].moves.push(usd(place, Address::ZERO, SERVICE_USD, TO, 10));
        world.assert_wrong(&["which nobody asked for there"]);
        assert_eq!(world.judge().lanes[0].facts.duplicated, 1, "in {place}");
    }
    let mut world = World::new();
    world.sides[SERVICE].moves.push(native(RELEASED, SERVICE_BRIDGE, TO, 20));
    world.assert_wrong(&["moves 20 of the native currency"]);
}

#[test]
fn value_that_leaves_without_a_request_is_found() {
    let mut world = World::new();
    world.sides[MAIN].moves.push(usd(STRANGE, MAIN_BRIDGE, MAIN_USD, ELSEWHERE, 1));
    world.assert_wrong(&["moves 1 of"]);
    let mut world = World::new();
    world.sides[SERVICE].moves.push(usd(STRANGE, Address::ZERO, SERVICE_USD, ELSEWHERE, 1));
    world.assert_wrong(&["moves 1 of"]);
}

#[test]
fn what_a_request_burns_or_gives_back_is_no_payment() {
    let mut world = World::new();
    world.sides[MAIN].moves.push(usd(ASKED, MAIN_BRIDGE, MAIN_USD, Address::ZERO, 4));
    world.assert_wrong(&[]);
}

#[test]
fn a_held_request_is_paid_by_its_release_alone() {
    let mut world = World::new();
    world.sides[SERVICE].moves.push(usd(FIRST, Address::ZERO, SERVICE_USD, TO, 11));
    world.assert_wrong(&["moves 11 of"]);
    assert_eq!(world.judge().lanes[0].facts.duplicated, 1);
}

#[test]
fn a_refund_moves_nothing_where_it_is_made_and_pays_once_where_it_goes() {
    let mut world = World::new();
    world.sides[SERVICE].moves.push(usd(REFUNDED, Address::ZERO, SERVICE_USD, TO, 13));
    world.assert_wrong(&["moves 13 of"]);
    let mut world = World::new();
    world.sides[MAIN].moves.push(usd(PAID_BACK, MAIN_BRIDGE, MAIN_USD, REFUND_TO, 13));
    world.assert_wrong(&["moves 13 of"]);
    assert_eq!(world.judge().lanes[1].facts.duplicated, 1);
}

#[test]
fn a_token_without_a_pair_cannot_be_paid() {
    let mut world = World::new();
    world.sides[MAIN].requests[0].transfer.token = ELSEWHERE;
    let problems = world.judge().problems;
    assert!(problems.iter().any(|problem| problem.contains("has no pair")), "{problems:?}");
}

#[test]
fn a_payload_without_ids_cannot_be_paid() {
    let mut world = World::new();
    world.sides[MAIN].requests[4].transfer.payload = vec![2, 0].into();
    let problems = world.judge().problems;
    assert!(problems.iter().any(|problem| problem.contains("its payload names no ids")), "{problems:?}");
}
