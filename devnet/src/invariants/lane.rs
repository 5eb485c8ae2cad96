//! One lane: what was asked, what was done. Pure.

use std::collections::BTreeMap;
use std::fmt;

use polyspan_contracts::Bridge::BridgeState;
use polyspan_node::config::{Deployment, LaneInfo};
use polyspan_types::{Leaf, Request, Root};

use crate::bridge_view::Handled;

/// Counts of one lane, or of several together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LaneFacts {
    /// Requests on the source.
    pub requested: u64,
    /// Requests that were paid or held.
    pub handled: u64,
    /// Those of them that were held.
    pub held: u64,
    /// Requests below the destination's nonce without an event.
    pub lost: u64,
    /// Events beyond the first of a request.
    pub duplicated: u64,
    /// First nonce that the destination has not handled. Unit: requests of all lanes that are counted here.
    pub handle_nonce: u64,
}

/// All logs of one lane.
#[derive(Debug)]
pub(super) struct LaneEvents {
    pub(super) requests: Vec<Request>,
    pub(super) handled: Vec<Handled>,
}

impl LaneFacts {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            requested: self.requested + other.requested,
            handled: self.handled + other.handled,
            held: self.held + other.held,
            lost: self.lost + other.lost,
            duplicated: self.duplicated + other.duplicated,
            handle_nonce: self.handle_nonce + other.handle_nonce,
        }
    }

    pub(super) fn handled_below(&self) -> usize {
        usize::try_from(self.handle_nonce).unwrap_or(usize::MAX)
    }
}

impl fmt::Display for LaneFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requested, handled, held, lost, duplicated, .. } = self;
        write!(
            f,
            "{requested} requested, {handled} handled ({held} held), {lost} lost, {duplicated} duplicated"
        )
    }
}

/// Counts, and everything that should not be.
pub(super) fn compare(
    lane: &LaneInfo,
    deployment: &Deployment,
    seen: &LaneEvents,
    source: &BridgeState,
    destination: &BridgeState,
) -> (LaneFacts, Vec<String>) {
    let mut problems = Vec::new();
    let mut events: BTreeMap<u64, Vec<&Handled>> = BTreeMap::new();
    for handled in &seen.handled {
        events.entry(handled.nonce.get()).or_default().push(handled);
    }
    let requested = seen.requests.len() as u64;
    let lost = (0..destination.handleNonce).filter(|nonce| !events.contains_key(nonce)).count() as u64;
    let facts = LaneFacts {
        requested,
        handled: events.len() as u64,
        held: events.values().filter(|all| all[0].held.is_some()).count() as u64,
        lost,
        duplicated: seen.handled.len() as u64 - events.len() as u64,
        handle_nonce: destination.handleNonce,
    };
    for (index, request) in seen.requests.iter().enumerate() {
        if request.nonce.get() != index as u64 {
            problems.push(format!("request {index} has the number {}", request.nonce));
        }
    }
    for (nonce, all) in &events {
        match usize::try_from(*nonce).ok().and_then(|index| seen.requests.get(index)) {
            None => problems.push(format!("nonce {nonce} was handled and never requested")),
            Some(request) => {
                problems.extend(all.iter().filter_map(|one| wrong_payment(lane, deployment, request, one)))
            }
        }
    }
    let roots = roots(lane, &seen.requests);
    for (what, nonce, root) in [
        ("source", source.requestNonce, source.requestRoot),
        ("destination", destination.handleNonce, destination.handleRoot),
    ] {
        match usize::try_from(nonce).ok().and_then(|index| roots.get(index)) {
            Some(own) if own.0 == root => {}
            Some(own) => problems
                .push(format!("the {what} holds root {root} at nonce {nonce}, its logs hash to {own}")),
            None => problems.push(format!("the {what} is at nonce {nonce}, there are {requested} requests")),
        }
    }
    (facts, problems)
}

/// Roots over the first 0, 1, 2 … requests.
pub(crate) fn roots(lane: &LaneInfo, requests: &[Request]) -> Vec<Root> {
    let mut roots = vec![Root::zero(lane.bridge_id)];
    for request in requests {
        let last = roots[roots.len() - 1];
        roots.push(last.then(Leaf::of(request)));
    }
    roots
}

/// What is wrong with a payment; `None` when it is what was asked, or a hold.
fn wrong_payment(
    lane: &LaneInfo,
    deployment: &Deployment,
    request: &Request,
    handled: &Handled,
) -> Option<String> {
    let (to, token, value) = handled.paid?;
    let transfer = &request.transfer;
    let pair = deployment
        .pairs
        .iter()
        .map(|pair| pair.tokens(lane.id.direction))
        .find(|(source, _)| *source == transfer.token);
    let Some((_, expected)) = pair else {
        return Some(format!(
            "nonce {} was paid and its token {} has no pair",
            request.nonce, transfer.token
        ));
    };
    if (to, token, value) == (transfer.to, expected, transfer.value) {
        return None;
    }
    Some(format!(
        "nonce {} asked for {} of {expected} to {}, paid were {value} of {token} to {to}",
        request.nonce, transfer.value, transfer.to
    ))
}
