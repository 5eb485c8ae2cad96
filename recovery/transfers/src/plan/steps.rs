//! What follows from the states.

use polyspan_types::TransferState;

use super::{Action, LaneFacts, NonceState, StateNonces, Step, WaitFor};
use crate::{Look, NonceRange, NonceSet};

/// What keeps the whole lane comes first, then what is to be read, then what single requests wait for, those that are nearest to
/// their end first.
pub(super) fn steps(facts: &LaneFacts, look: Option<Look>, states: &[StateNonces]) -> Vec<Step> {
    let mut steps = Vec::new();
    steps.extend(blind(facts));
    steps.extend(halt(facts));
    steps.extend(behind(facts));
    steps.extend(unproven(facts, states));
    steps.extend(reading(facts, look));
    steps.extend(pause(facts));
    steps.extend(proof(facts));
    let waits = [
        TransferState::Submitted,
        TransferState::Approved,
        TransferState::Attested,
        TransferState::Final,
        TransferState::Requested,
        TransferState::Held,
    ];
    for state in waits {
        let found = states.iter().find(|found| found.state == NonceState::Known(state));
        steps.extend(found.and_then(|found| waiting(facts, state, &found.nonces)));
    }
    if steps.is_empty() {
        let count = facts.requested();
        let reason = match count.get() {
            0 => "nothing was requested".to_owned(),
            _ => format!("everything that was requested ({count}) is handled, and nothing is on hold"),
        };
        steps.push(Step { action: Action::Nothing, reason });
    }
    steps
}

fn wait(wait_for: WaitFor, nonces: NonceSet, reason: impl Into<String>) -> Step {
    Step { action: Action::Wait { wait_for, nonces }, reason: reason.into() }
}

/// Ends that do not answer.
fn blind(facts: &LaneFacts) -> Vec<Step> {
    let mut steps = Vec::new();
    if facts.source.is_none() {
        let why = "requests that were made since this relay read the source last are not known";
        steps.push(wait(WaitFor::Source, NonceSet::EMPTY, why));
    }
    if facts.destination.is_none() {
        let handled = facts.handled();
        let why = format!(
            "what it handled from nonce {handled} on is not known: states from there on are the least that they can be"
        );
        steps.push(wait(WaitFor::Destination, NonceSet::EMPTY, why));
    }
    steps
}

fn halt(facts: &LaneFacts) -> Option<Step> {
    let reason = facts.halted.as_ref()?;
    let why =
        format!("this relay has halted the lane and signs nothing on it until somebody has looked: {reason}");
    Some(wait(WaitFor::Person, NonceSet::EMPTY, why))
}

/// The destination has handled what the source does not have.
fn behind(facts: &LaneFacts) -> Option<Step> {
    let (source, destination) = (facts.source.as_ref()?, facts.destination.as_ref()?);
    let lacks = NonceRange::new(source.requested, destination.handled);
    (lacks.count() > 0).then(|| {
        let why = format!(
            "the destination has handled {} requests and the source has {}: its endpoints are behind, or something was handled that nobody requested",
            destination.handled, source.requested
        );
        wait(WaitFor::Source, [lacks].into_iter().collect(), why)
    })
}

/// What was handled and is not known to be what was requested.
fn unproven(facts: &LaneFacts, states: &[StateNonces]) -> Option<Step> {
    let found = states.iter().find(|found| found.state == NonceState::Unproven)?;
    Some(match &facts.dispute {
        Some(dispute) => {
            let why = format!("{dispute} (runbook: root differs at the destination)");
            wait(WaitFor::Person, found.nonces.clone(), why)
        }
        None => {
            let why = "handled, and the roots of both ends were not compared over them yet: a relay that runs and has read the source that far \
                       does so at every new block";
            wait(WaitFor::Proof, found.nonces.clone(), why)
        }
    })
}

/// What the store lacks: read again when the lane stands, left to live traffic while it moves.
fn reading(facts: &LaneFacts, look: Option<Look>) -> Option<Step> {
    let missing = facts.missing();
    let count = missing.count();
    let source = facts.source.as_ref().filter(|_| count > 0)?;
    match look? {
        Look::Even => None,
        Look::Moving => {
            let why =
                format!("the store lacks {count}, and the lane moves: the watch of the source reads them");
            Some(wait(WaitFor::LiveWay, missing, why))
        }
        Look::Standing => {
            let from = facts.refilter_from(&missing)?;
            let why = refilter_reason(facts, &missing);
            Some(Step {
                action: Action::Refilter { from, to: source.final_block, nonces: missing },
                reason: why,
            })
        }
    }
}

fn refilter_reason(facts: &LaneFacts, missing: &NonceSet) -> String {
    let store = facts.store.as_ref();
    let since = match facts.previous {
        Some(handled) => format!("handleNonce is {handled} as at the last look"),
        None => "this is the first look".to_owned(),
    };
    let begins = match store.and_then(|store| store.read_from) {
        None => "the store does not know the lane yet, so from recoveryBlockNumber on, that block included",
        Some(_) if missing.first().zip(store).is_some_and(|(first, store)| first < store.next) => {
            "the store has a hole, so from recoveryBlockNumber on, that block included"
        }
        Some(_) => "the store has everything before that block",
    };
    format!("the lane stands ({since}) and the store lacks {}; {begins}", missing.count())
}

fn pause(facts: &LaneFacts) -> Option<Step> {
    let source = facts.source.is_some_and(|source| source.paused);
    let destination = facts.destination.as_ref().is_some_and(|destination| destination.paused);
    let why = match (source, destination) {
        (false, false) => return None,
        (true, false) => "the source's bridge is paused and takes no requests; what was requested goes on",
        (false, true) => "the destination's bridge is paused and pays nothing; operators go on signing",
        (true, true) => "both bridges are paused: nothing is requested and nothing is paid",
    };
    Some(wait(WaitFor::EndOfPause, NonceSet::EMPTY, why))
}

/// What was read and is not confirmed.
fn proof(facts: &LaneFacts) -> Option<Step> {
    let store = facts.store.as_ref()?;
    let unproved = NonceRange::new(store.verified.max(facts.handled()), store.next);
    let why = "they were read, and the source's own root has not confirmed them yet; nothing above is signed meanwhile";
    (unproved.count() > 0).then(|| wait(WaitFor::Proof, [unproved].into_iter().collect(), why))
}

fn waiting(facts: &LaneFacts, state: TransferState, nonces: &NonceSet) -> Option<Step> {
    let (wait_for, why) = match state {
        TransferState::Submitted => {
            (WaitFor::Inclusion, "a transaction of this relay that handles them is in no block yet")
        }
        TransferState::Approved => (
            WaitFor::Submission,
            "approved: the lane's leader submits them, or the next relay by rank when it does not",
        ),
        TransferState::Attested => (WaitFor::Threshold, "signed by fewer operators than the threshold"),
        TransferState::Final if facts.halted.is_some() => (
            WaitFor::Attestations,
            "no signature that covers them is known here, and this relay signs none while the lane is halted",
        ),
        TransferState::Final => (WaitFor::Attestations, "no signature that covers them is known here"),
        TransferState::Requested => (WaitFor::Finality, "their blocks of the source are not final yet"),
        TransferState::Held => (
            WaitFor::HoldEnd,
            "on hold: they keep nothing back, and relays release them by themselves when their reason is gone",
        ),
        TransferState::Paid
        | TransferState::Released
        | TransferState::Refunded
        | TransferState::WrittenOff => return None,
    };
    Some(wait(wait_for, nonces.clone(), why))
}
