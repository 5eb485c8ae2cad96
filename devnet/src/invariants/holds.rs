//! Holds: each for a request that was handled, ended once or not at all. Pure.

use std::collections::BTreeMap;

use polyspan_recovery::pays_back;
use polyspan_types::{HoldEnd, HoldEnding, Leaf, RequestNonce};

use super::facts::Findings;
use super::witness::SideWitness;

/// Adds what is wrong with the holds of a lane to what was found. A release pays once, which is for the payments to
/// prove; a refund is one request of the other lane, made in the same transaction.
pub(super) fn compare(source: &SideWitness, destination: &SideWitness, found: &mut Findings) {
    let mut holds: BTreeMap<RequestNonce, Vec<&HoldEnding>> = BTreeMap::new();
    for held in &destination.handled.held {
        let nonce = held.nonce;
        let range = destination.handled.ranges.iter().find(|range| range.tx_hash == held.tx_hash);
        if !range.is_some_and(|range| (range.first..range.end).contains(&nonce)) {
            found.problems.push(format!("nonce {nonce} was put on hold where it was not handled"));
        }
        if source.request(nonce).is_some_and(|request| Leaf::of(request) != held.leaf) {
            found.problems.push(format!("the hold of nonce {nonce} is of another request"));
        }
        if holds.insert(nonce, Vec::new()).is_some() {
            found.problems.push(format!("nonce {nonce} was put on hold twice"));
        }
    }
    for ending in &destination.handled.endings {
        match holds.get_mut(&ending.nonce) {
            Some(endings) => endings.push(ending),
            None => found.problems.push(format!("nonce {} ended a hold that never was", ending.nonce)),
        }
        found.problems.extend(wrong_ending(ending, source, destination));
    }
    refunds_of_nothing(destination, found);

    for (nonce, endings) in &holds {
        if endings.len() > 1 {
            found.problems.push(format!("the hold of nonce {nonce} ended {} times", endings.len()));
        }
    }
    let ended = |wanted: fn(&HoldEnd) -> bool| {
        destination.handled.endings.iter().filter(|ending| wanted(&ending.end)).count() as u64
    };
    found.on_hold = holds.iter().filter(|(_, ends)| ends.is_empty()).map(|(nonce, _)| *nonce).collect();
    let facts = &mut found.facts;
    facts.held = holds.len() as u64;
    facts.on_hold = found.on_hold.len() as u64;
    facts.released = ended(|end| matches!(end, HoldEnd::Released { .. }));
    facts.refunded = ended(|end| matches!(end, HoldEnd::Refunded { .. }));
    facts.written_off = ended(|end| matches!(end, HoldEnd::WrittenOff));
    if facts.on_hold != destination.state.held_count {
        let (logs, state) = (facts.on_hold, destination.state.held_count);
        found.problems.push(format!("by its logs {logs} requests are on hold, by its state {state}"));
    }
}

fn wrong_ending(ending: &HoldEnding, source: &SideWitness, destination: &SideWitness) -> Option<String> {
    let nonce = ending.nonce;
    let request = source.request(nonce)?;
    match ending.end {
        HoldEnd::Released { to } if to != request.transfer.to => {
            Some(format!("nonce {nonce} was released to {to} and not to {}", request.transfer.to))
        }
        HoldEnd::Released { .. } | HoldEnd::WrittenOff => None,
        HoldEnd::Refunded { request_nonce } => match destination.request(request_nonce) {
            None => Some(format!("nonce {nonce} was refunded as {request_nonce}, which is no request")),
            Some(back) if back.tx_hash != ending.tx_hash || !pays_back(request, back) => {
                Some(format!("nonce {nonce} was refunded as {request_nonce}, which does not pay it back"))
            }
            Some(_) => None,
        },
    }
}

/// Refunds among the destination's own requests that no hold, or more than one, has become.
fn refunds_of_nothing(destination: &SideWitness, found: &mut Findings) {
    for back in destination.requests.iter().filter(|request| request.transfer.kind.is_refund()) {
        let is_it = |ending: &&HoldEnding| ending.end == HoldEnd::Refunded { request_nonce: back.nonce };
        let holds = destination.handled.endings.iter().filter(is_it).count();
        if holds != 1 {
            found.problems.push(format!("request {} of the other lane refunds {holds} holds", back.nonce));
        }
    }
}
