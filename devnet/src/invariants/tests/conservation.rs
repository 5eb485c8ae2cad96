use alloy::primitives::U256;

use super::fixture::{MAIN, SERVICE, USD, World};
use crate::invariants::conservation::{Counters, PairWitness};

/// A world in which one side of the pair usd is another one.
fn with(side: usize, change: impl Fn(&mut PairWitness)) -> World {
    let mut world = World::new();
    change(&mut world.sides[side].pairs[USD]);
    world
}

fn counted(side: usize, change: impl Fn(&mut Counters)) -> World {
    with(side, |pair| change(pair.counters.as_mut().unwrap()))
}

#[test]
fn value_made_of_nothing_is_a_problem() {
    counted(SERVICE, |usd| usd.minted += U256::ONE)
        .assert_wrong(&["escrow is 36, claims are 37", "supply is 21"]);
    counted(MAIN, |usd| usd.escrow -= U256::ONE).assert_wrong(&["escrow is 35, claims are 36"]);
    counted(MAIN, |usd| usd.escrow += U256::ONE)
        .assert_wrong(&["escrow is 37, claims are 36", "the main bridge owns 36 and owes 37"]);
}

#[test]
fn a_bridge_owns_what_it_owes_with_its_fees() {
    with(MAIN, |pair| pair.balance += U256::ONE).assert_wrong(&[]);
    with(MAIN, |pair| pair.balance -= U256::ONE).assert_wrong(&["the main bridge owns 35 and owes 36"]);
    counted(MAIN, |usd| usd.fees += U256::from(2)).assert_wrong(&["the main bridge owns 36 and owes 38"]);
}

#[test]
fn a_token_has_no_more_of_itself_than_its_bridge_made() {
    with(SERVICE, |pair| pair.supply += U256::ONE).assert_wrong(&["minted 21, its token's supply is 22"]);
    // Whoever locks a token does not make it.
    with(MAIN, |pair| pair.supply += U256::ONE).assert_wrong(&[]);
}

#[test]
fn the_sum_of_the_holds_is_that_of_the_logs() {
    counted(SERVICE, |usd| usd.held += U256::ONE).assert_wrong(&["counts 1 on hold, its logs say 0"]);
}

#[test]
fn a_pair_that_a_side_does_not_know_is_a_problem() {
    with(SERVICE, |pair| pair.counters = None).assert_wrong(&["pair usd: a side does not know it"]);
}

#[test]
fn a_refund_on_its_way_counts_once() {
    let mut world = World::new();
    let main = &mut world.sides[MAIN];
    main.handled.ranges.clear();
    main.moves.clear();
    let usd = &mut main.pairs[USD];
    usd.counters.as_mut().unwrap().escrow += U256::from(13);
    usd.balance += U256::from(13);
    world.set_state(MAIN, 0);
    world.assert_wrong(&[]);
    world.sides[MAIN].pairs[USD].counters.as_mut().unwrap().escrow -= U256::from(13);
    world.assert_wrong(&["escrow is 36, claims are 49 (28 in flight, 0 held)"]);
}

#[test]
fn what_a_former_bridge_handed_over_is_claimed_as_well() {
    let mut world = World::new();
    let coin = world.sides[MAIN].pairs[1].counters.as_mut().unwrap();
    (coin.escrow, coin.adopted) = (coin.escrow + U256::from(7), U256::from(7));
    world.sides[MAIN].pairs[1].balance += U256::from(7);
    world.assert_wrong(&[]);
}
