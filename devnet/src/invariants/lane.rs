//! One lane: numbers, ranges and roots. Pure.

use std::collections::BTreeMap;

use polyspan_node::config::LaneInfo;
use polyspan_types::{HandledRange, Leaf, Request, RequestNonce, Root};

use super::facts::{Findings, LaneFacts};
use super::witness::SideWitness;

/// Counts, and everything that should not be: requests that are not numbered one by one, ranges that do not follow one
/// another, roots that are not those of the logs.
pub(super) fn compare(lane: &LaneInfo, source: &SideWitness, destination: &SideWitness) -> Findings {
    let mut found = Findings {
        facts: LaneFacts {
            requested: source.requests.len() as u64,
            handle_nonce: destination.state.handle_nonce,
            ..LaneFacts::default()
        },
        ..Findings::default()
    };
    for (index, request) in source.requests.iter().enumerate() {
        if request.nonce.get() != index as u64 {
            found.problems.push(format!("request {index} has the number {}", request.nonce));
        }
    }
    ranges(&destination.handled.ranges, &mut found);
    let roots = roots(lane, &source.requests);
    for (what, nonce, root) in [
        ("source", source.state.request_nonce, source.state.request_root),
        ("destination", destination.state.handle_nonce, destination.state.handle_root),
    ] {
        found.problems.extend(wrong_root(what, nonce, root, &roots));
    }
    found
}

/// Each request in one range: they follow one another from 0 up to the destination's nonce.
fn ranges(ranges: &[HandledRange], found: &mut Findings) {
    let mut times: BTreeMap<u64, u64> = BTreeMap::new();
    let mut next = RequestNonce::ZERO;
    for range in ranges {
        if range.first != next || range.end <= range.first {
            found
                .problems
                .push(format!("{} handles {} to {}, next was {next}", range.tx_hash, range.first, range.end));
        }
        for nonce in range.first.get()..range.end.get() {
            *times.entry(nonce).or_default() += 1;
        }
        next = next.max(range.end);
    }
    let facts = &mut found.facts;
    facts.handled = times.len() as u64;
    facts.duplicated = times.values().map(|times| times - 1).sum();
    facts.lost = (0..facts.handle_nonce).filter(|nonce| !times.contains_key(nonce)).count() as u64;
    if let Some((nonce, _)) = times.range(facts.requested..).next() {
        found.problems.push(format!("nonce {nonce} was handled and never requested"));
    }
    if next.get() != facts.handle_nonce {
        found.problems.push(format!("the logs handle up to {next}, the state says {}", facts.handle_nonce));
    }
}

fn wrong_root(what: &str, nonce: u64, root: Root, roots: &[Root]) -> Option<String> {
    match usize::try_from(nonce).ok().and_then(|index| roots.get(index)) {
        Some(own) if *own == root => None,
        Some(own) => Some(format!("the {what} holds root {root} at nonce {nonce}, its logs hash to {own}")),
        None => Some(format!("the {what} is at nonce {nonce}, there are {} requests", roots.len() - 1)),
    }
}

/// Roots over the first 0, 1, 2 … requests.
pub(super) fn roots(lane: &LaneInfo, requests: &[Request]) -> Vec<Root> {
    let mut roots = vec![Root::zero(lane.bridge_id)];
    for request in requests {
        let last = roots[roots.len() - 1];
        roots.push(last.then(Leaf::of(request)));
    }
    roots
}
