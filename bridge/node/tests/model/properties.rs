//! What must hold in every state, judged by what really happened and by nothing that a relay or the contract believes.

use stateright::Property;

use crate::protocol::{Protocol, State};
use crate::said::{DISHONEST, OPERATORS, REQUESTS, Truth};

pub const PAID_AS_REQUESTED: &str = "what is paid was requested";
pub const ENOUGH_BEHIND_IT: &str = "three operators signed what is paid";
pub const ONE_ROOT: &str = "no honest operator signs two roots for one nonce";

/// Distinct operators that must stand behind a payment, whatever the contract is told to demand.
const ENOUGH: u32 = OPERATORS as u32 / 2 + 1;

pub fn all() -> Vec<Property<Protocol>> {
    vec![
        Property::always("a request is paid once", |_, state: &State| {
            state.contract.paid.iter().all(|paid| *paid <= 1)
        }),
        Property::always(PAID_AS_REQUESTED, |_, state: &State| {
            state.contract.forged == 0 && state.contract.handled <= state.requested
        }),
        Property::always(ENOUGH_BEHIND_IT, |_, state: &State| {
            let mut paid = state.contract.paid.iter().zip(state.behind);
            paid.all(|(paid, behind)| *paid == 0 || behind.count_ones() >= ENOUGH)
        }),
        Property::always(ONE_ROOT, |_, state: &State| {
            let signers = |nonce, truth| {
                let of = |epoch| state.ever.operators(nonce, truth, epoch);
                (of(0) | of(1)) & !(1 << DISHONEST)
            };
            (1..=REQUESTS).all(|nonce| signers(nonce, Truth::True) & signers(nonce, Truth::Forged) == 0)
        }),
        // So nothing goes round for ever; and the end is that everything is handled.
        Property::always("every step of anybody brings the end nearer", |_, state: &State| state.nearer),
        Property::always(
            "whenever honest relays can do no more, everything is handled",
            |model: &Protocol, state: &State| {
                let enough = !model.faults.deceived && model.threshold < OPERATORS;
                !enough || state.contract.handled == REQUESTS || model.goes_on(state)
            },
        ),
        Property::sometimes("everything is handled", |_, state: &State| state.contract.handled == REQUESTS),
    ]
}

/// How far the end is. Each part counts only where those before it are equal: what may still go wrong or be requested, what the
/// contract has to learn, what relays have to, what the coordinator has to, and what is on its way: one transaction that brings
/// something is nearer to the end than none, and none is nearer than one that would revert, so that nobody may send that.
pub fn distance(model: &Protocol, state: &State) -> [u32; 5] {
    let contract = &state.contract;
    let open = u32::from(REQUESTS - contract.handled);
    let transactions = state.relays.iter().map(|relay| {
        let sent = relay.sent.map(|sent| contract.takes(sent, model.threshold));
        let of_sent = match sent {
            Some(false) => 2,
            None => 1,
            Some(true) => 0,
        };
        of_sent + u32::from(!relay.up)
    });
    [
        state.left.count() + u32::from(!state.lied) + u32::from(REQUESTS - state.requested),
        open * 64 + u32::BITS - contract.votes.count(),
        state.relays.iter().map(crate::relay::Relay::potential).sum(),
        u32::BITS - state.coordinator.count(),
        transactions.sum(),
    ]
}
