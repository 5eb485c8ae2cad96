//! The state of every nonce.

use std::collections::BTreeMap;

use polyspan_types::{RequestNonce, TransferState};

use super::{LaneFacts, NonceState, StateNonces};
use crate::{NonceRange, NonceSet};

/// All nonces by their states. The nonces are cut wherever a fact changes, and each piece is judged once; so every nonce is in
/// exactly one state, whatever the facts are.
pub(super) fn states(facts: &LaneFacts) -> Vec<StateNonces> {
    let end = facts.requested();
    let mut cuts = cuts(facts);
    cuts.retain(|cut| *cut < end);
    cuts.push(RequestNonce::ZERO);
    cuts.push(end);
    cuts.sort_unstable();
    cuts.dedup();
    let mut by_state: BTreeMap<NonceState, Vec<NonceRange>> = BTreeMap::new();
    for pair in cuts.windows(2) {
        by_state.entry(state(facts, pair[0])).or_default().push(NonceRange::new(pair[0], pair[1]));
    }
    let joined = by_state.into_iter().map(|(state, ranges)| {
        let nonces: NonceSet = ranges.into_iter().collect();
        StateNonces { state, count: nonces.count(), nonces }
    });
    joined.collect()
}

/// Every nonce at which the state can change.
fn cuts(facts: &LaneFacts) -> Vec<RequestNonce> {
    let mut cuts = vec![facts.handled(), facts.final_nonce(), facts.attested, facts.approved, facts.compared];
    let mut add = |ranges: &[NonceRange]| {
        cuts.extend(ranges.iter().flat_map(|range| [range.first, range.end]));
    };
    if let Some(destination) = &facts.destination {
        add(destination.held.ranges());
    }
    if let Some(store) = &facts.store {
        add(&[store.told]);
        let ended = [&store.released, &store.refunded, &store.written_off];
        for set in [&store.stored, &store.held, &store.submitted].into_iter().chain(ended) {
            add(set.ranges());
        }
    }
    cuts
}

fn state(facts: &LaneFacts, nonce: RequestNonce) -> NonceState {
    if nonce < facts.handled() {
        return ended(facts, nonce);
    }
    let stored = facts.store.as_ref().map(|store| store.stored.contains(nonce));
    // The store reads final blocks only: what it has is final, also when the source's endpoints are behind.
    let is_final = nonce < facts.final_nonce() || stored == Some(true);
    let state = match stored {
        _ if !is_final => TransferState::Requested,
        Some(false) => return NonceState::Unseen,
        _ if facts.store.as_ref().is_some_and(|store| store.submitted.contains(nonce)) => {
            TransferState::Submitted
        }
        _ if nonce < facts.approved => TransferState::Approved,
        _ if nonce < facts.attested => TransferState::Attested,
        _ => TransferState::Final,
    };
    NonceState::Known(state)
}

/// Of a nonce that is handled.
fn ended(facts: &LaneFacts, nonce: RequestNonce) -> NonceState {
    let is_compared = nonce < facts.compared;
    // Handled, and perhaps as something else: neither paid nor on hold, whatever the destination calls it.
    if facts.dispute.is_some() && !is_compared {
        return NonceState::Unproven;
    }
    let held = match (&facts.destination, &facts.store) {
        (Some(destination), _) => Some(&destination.held),
        (None, Some(store)) => Some(&store.held),
        (None, None) => None,
    };
    if held.is_some_and(|held| held.contains(nonce)) {
        return NonceState::Known(TransferState::Held);
    }
    match &facts.store {
        Some(store) if store.told.contains(nonce) && !is_compared => NonceState::Unproven,
        Some(store) if store.released.contains(nonce) => NonceState::Known(TransferState::Released),
        Some(store) if store.refunded.contains(nonce) => NonceState::Known(TransferState::Refunded),
        Some(store) if store.written_off.contains(nonce) => NonceState::Known(TransferState::WrittenOff),
        // Its hold has ended, in a block that was not read yet.
        Some(store) if store.held.contains(nonce) => NonceState::Settled,
        Some(store) if store.told.contains(nonce) => NonceState::Known(TransferState::Paid),
        _ => NonceState::Settled,
    }
}
