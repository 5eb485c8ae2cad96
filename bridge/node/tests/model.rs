//! The protocol as a whole, every interleaving of it: four relays with one dishonest operator among them, two requests, lost and
//! late transactions, lost attestations, a wiped coordinator, a crash, a lost database, a change of operators, a relay that is
//! lied to.
//!
//! What relays decide is decided by their own code: [`polyspan_node::due`], [`polyspan_node::history`], [`polyspan_store::SignFloor`],
//! [`polyspan_node::tally::Tally`] over real signatures and [`polyspan_node::turn::decide`]. Time is left out of [`protocol`]: every
//! relay may find that it leads, or that its turn has come, at any moment, which is more than ranks, delays, leases and elections can
//! ever do. In [`turns`] these are what they are, and there is a clock.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

#[path = "model/contract.rs"]
mod contract;
#[path = "model/decision.rs"]
mod decision;
#[path = "model/properties.rs"]
mod properties;
#[path = "model/protocol.rs"]
mod protocol;
#[path = "model/relay.rs"]
mod relay;
#[path = "model/said.rs"]
mod said;
#[path = "model/turns.rs"]
mod turns;

use std::collections::BTreeSet;
use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::io::Write;

use properties::{ENOUGH_BEHIND_IT, ONE_ROOT, PAID_AS_REQUESTED};
use protocol::{Faults, Protocol};
use stateright::{Checker, HasDiscoveries, Model};
use turns::{Course, IN_TIME};

/// Says what was shown, where a test runner does not keep it to itself as it does what `println!` writes.
fn tell(what: impl Display) {
    let mut shown = std::io::stderr();
    writeln!(shown, "model: {what}").unwrap();
}

/// Visits everything and asserts every property. `least`: fewer different states than that, and the model has lost something.
fn holds<M>(model: M, what: impl Display, least: usize)
where
    M: Model<State: Clone + Debug + Hash + PartialEq + Send + Sync, Action: Clone + Debug + PartialEq>
        + Send
        + Sync
        + 'static,
{
    let checker = model.checker().threads(2).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let (all, different) = (checker.state_count(), checker.unique_state_count());
    tell(format_args!("{all} states, {different} of them different: {what}"));
    checker.assert_properties();
    assert!(different >= least, "{different} states of at least {least}: {what}");
}

/// Finds a way in which each of these properties fails: they can.
fn fails<M>(model: M, properties: &[&'static str])
where
    M: Model<State: Clone + Debug + Hash + PartialEq + Send + Sync, Action: Clone + Debug + PartialEq>
        + Send
        + Sync
        + 'static,
{
    let wanted: BTreeSet<&'static str> = properties.iter().copied().collect();
    let checker = model.checker().threads(2).finish_when(HasDiscoveries::AllOf(wanted)).spawn_bfs().join();
    for property in properties {
        let path = checker.assert_any_discovery(property).into_actions();
        tell(format_args!("not \"{property}\" after {} steps: {path:?}", path.len()));
    }
}

/// The untimed protocol at the threshold of the issue.
fn three_hold(faults: Faults, least: usize) {
    holds(Protocol::new(3, faults), format_args!("threshold 3, {faults:?}"), least);
}

/// A dishonest operator and a relay whose endpoints lie are two of four: not enough. Nothing is paid twice or otherwise than it
/// was requested, three operators stand behind every payment, and no honest one signs two roots.
#[test]
fn a_threshold_of_three_holds_against_a_liar_and_a_deceived_relay() {
    three_hold(Faults { deceived: true, crashes: 1, epochs: 1, together: true, ..Faults::NONE }, 400_000);
}

/// What a threshold of three forbids is found with two: the properties can fail.
#[test]
fn with_a_threshold_of_two_the_same_faults_pay_what_nobody_requested() {
    let faults = Faults { deceived: true, crashes: 1, epochs: 1, together: true, ..Faults::NONE };
    fails(Protocol::new(2, faults), &[PAID_AS_REQUESTED, ENOUGH_BEHIND_IT]);
}

/// The relay that is lied to loses its database and is told the truth by other endpoints, or the other way round, while the
/// coordinator may have lost what its key signed: it never signs another root for a nonce.
#[test]
fn a_lost_store_makes_nobody_sign_a_second_root() {
    three_hold(Faults { deceived: true, stores: 1, ..Faults::NONE }, 370_000);
    three_hold(Faults { deceived: true, stores: 1, wipes: 1, together: true, ..Faults::NONE }, 570_000);
}

/// Without the floor it would.
#[test]
fn without_a_floor_a_lost_store_makes_a_relay_sign_a_second_root() {
    let faults = Faults { deceived: true, stores: 1, unprotected: true, ..Faults::NONE };
    fails(Protocol::new(3, faults), &[ONE_ROOT]);
}

/// Three honest relays finish every request once the faults have stopped, whatever was lost on the way.
#[test]
fn everything_is_handled_once_faults_stop() {
    for (faults, least) in [
        (Faults { crashes: 1, ..Faults::NONE }, 160_000),
        (Faults { losses: 1, ..Faults::NONE }, 65_000),
        (Faults { cut: true, ..Faults::NONE }, 25_000),
        (Faults { epochs: 1, together: true, ..Faults::NONE }, 115_000),
        (Faults { in_flight: 2, together: true, ..Faults::NONE }, 14_000),
        (Faults { stores: 1, together: true, ..Faults::NONE }, 110_000),
        (Faults { wipes: 1, crashes: 1, losses: 1, together: true, ..Faults::NONE }, 560_000),
    ] {
        three_hold(faults, least);
    }
}

/// With turns as they are: an operator that leads, keeps its lease and does nothing is one of four; the others take turns by rank,
/// and one takes the lane. Whatever crashes and is lost meanwhile, every request is handled three ticks after the last rank's turn;
/// without a coordinator after the votes of three.
#[test]
fn turns_bring_a_lane_on_past_a_leader_that_stands() {
    let course = Course { at_once: 2, ..Course::led_by(0) };
    for (course, least) in [
        (Course::led_by(0), 4_000),
        (Course::led_by(1), 2_500),
        (Course::led_by(2), 5_000),
        (Course::led_by(3), 5_000),
        (Course { losses: 1, ..Course::led_by(0) }, 31_000),
        (Course { crashes: 1, ..course }, 38_000),
        (Course { crashes: 1, leads: 1, ..course }, 58_000),
        (Course { apart: true, within: 9, ..course }, 14_000),
        (Course { apart: true, losses: 1, within: 29, ..course }, 210_000),
    ] {
        holds(course, format_args!("{course:?}"), least);
    }
}

/// If nobody's turn came before the lane has stood still for an hour, a leader that stands would stop it.
#[test]
fn without_turns_a_leader_that_stands_stops_the_lane() {
    let course = Course { takeover_after: 3600, ..Course::led_by(0) };
    fails(course, &[IN_TIME]);
}
