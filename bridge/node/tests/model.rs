//! The protocol as a whole, every interleaving of it: four relays with one dishonest operator among them, two requests, lost and
//! late transactions, lost attestations, a wiped coordinator, a crash, a change of operators, a relay that is lied to.
//!
//! What relays decide is decided by their own code: [`polyspan_node::due`], [`polyspan_node::tally::Tally`] over real
//! signatures and [`polyspan_node::turn::decide`]. Time is left out: every relay may find that it leads, or that its turn has come,
//! at any moment, which is more than ranks, delays, leases and elections can ever do.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]
#![expect(clippy::print_stdout, reason = "how many states were visited says what was shown")]

#[path = "model/contract.rs"]
mod contract;
#[path = "model/protocol.rs"]
mod protocol;
#[path = "model/relay.rs"]
mod relay;
#[path = "model/said.rs"]
mod said;

use protocol::{Faults, PAID_AS_REQUESTED, Protocol};
use stateright::{Checker, HasDiscoveries, Model};

fn checked(protocol: Protocol) -> impl Checker<Protocol> {
    let what = format!("threshold {}, {:?}", protocol.threshold, protocol.faults);
    let checker = protocol.checker().threads(2).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    println!("{what}: {} states, {} of them different", checker.state_count(), checker.unique_state_count());
    checker
}

/// A dishonest operator and a relay whose endpoints lie are two of four: not enough. Nothing is paid twice or otherwise than it
/// was requested, and no honest relay signs two roots.
#[test]
fn a_threshold_of_three_holds_against_a_liar_and_a_deceived_relay() {
    let faults = Faults { deceived: true, crashes: 1, epochs: 1, together: true, ..Faults::NONE };
    checked(Protocol::new(3, faults)).assert_properties();
}

/// What a threshold of three forbids is found with two: the properties can fail.
#[test]
fn with_a_threshold_of_two_the_same_faults_pay_what_nobody_requested() {
    let faults = Faults { deceived: true, crashes: 1, epochs: 1, together: true, ..Faults::NONE };
    let checker = checked(Protocol::new(2, faults));
    let path = checker.assert_any_discovery(PAID_AS_REQUESTED);
    println!("paid otherwise after {} steps: {:?}", path.clone().into_actions().len(), path.into_actions());
}

/// Three honest relays finish every request once the faults have stopped, whatever was lost on the way.
#[test]
fn everything_is_handled_once_faults_stop() {
    for faults in [
        Faults { crashes: 1, ..Faults::NONE },
        Faults { losses: 1, ..Faults::NONE },
        Faults { cut: true, ..Faults::NONE },
        Faults { epochs: 1, together: true, ..Faults::NONE },
        Faults { in_flight: 2, together: true, ..Faults::NONE },
        Faults { wipes: 1, crashes: 1, losses: 1, together: true, ..Faults::NONE },
    ] {
        checked(Protocol::new(3, faults)).assert_properties();
    }
}
