//! What really moved against what the destination says that it did. Pure.
//!
//! A bridge names a range of requests and those of them that it holds. All others must be found in that very transaction,
//! as logs of tokens or calls with native currency: each exactly once, and nothing beside them.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{Address, B256, U256};
use polyspan_node::config::Deployment;
use polyspan_types::{Direction, HoldEnd, Kind, Request, RequestNonce};

use super::facts::Findings;
use super::witness::SideWitness;
use crate::moves::{Move, Payment};

/// Adds what is wrong with the payments of a lane to what was found.
pub(super) fn compare(
    deployment: &Deployment,
    direction: Direction,
    source: &SideWitness,
    destination: &SideWitness,
    found: &mut Findings,
) {
    let mut moved: BTreeMap<B256, Vec<&Move>> = BTreeMap::new();
    for one in &destination.moves {
        moved.entry(one.tx_hash).or_default().push(one);
    }
    let mut promised = Vec::new();
    let mut surplus = Vec::new();
    let written_off: BTreeSet<(B256, RequestNonce)> = destination
        .handled
        .endings
        .iter()
        .filter(|ending| ending.end == HoldEnd::WrittenOff)
        .map(|ending| (ending.tx_hash, ending.nonce))
        .collect();
    for (tx_hash, nonces) in said(destination) {
        let mut left: Vec<Payment> =
            moved.remove(&tx_hash).unwrap_or_default().into_iter().map(|one| one.paid).collect();
        for nonce in nonces {
            // That it was never requested is found elsewhere.
            let Some(request) = source.request(nonce) else { continue };
            let to = match written_off.contains(&(tx_hash, nonce)) {
                true => destination.state.claims,
                false => request.transfer.to,
            };
            let payments = match asked(deployment, direction, request, to) {
                Ok(payments) => payments,
                Err(what) => {
                    found.problems.push(format!("nonce {nonce} was paid, and {what}"));
                    continue;
                }
            };
            let missing: Vec<&Payment> = payments.iter().filter(|one| !take(&mut left, one)).collect();
            for payment in &missing {
                found
                    .problems
                    .push(format!("nonce {nonce}: {payment} is said to be paid, and is not in {tx_hash}"));
            }
            found.facts.lost += u64::from(!missing.is_empty());
            promised.extend(payments);
        }
        surplus.extend(left.into_iter().map(|payment| (tx_hash, payment)));
    }
    // What is left moved where nothing was paid: tokens burnt for a request, fees, a migration, or theft.
    for (tx_hash, moves) in moved {
        if !destination.other_transactions.contains(&tx_hash) {
            surplus.extend(moves.into_iter().map(|one| (tx_hash, one.paid)));
        }
    }
    for (tx_hash, payment) in surplus {
        found.problems.push(format!("{tx_hash} moves {payment}, which nobody asked for there"));
        found.facts.duplicated += u64::from(promised.contains(&payment));
    }
}

/// Requests that each transaction of the destination says it has paid; none for a refund, which makes a request.
fn said(destination: &SideWitness) -> Vec<(B256, Vec<RequestNonce>)> {
    let handled = &destination.handled;
    let held: BTreeSet<(B256, RequestNonce)> =
        handled.held.iter().map(|held| (held.tx_hash, held.nonce)).collect();
    let ranges = handled.ranges.iter().map(|range| {
        let nonces = (range.first.get()..range.end.get()).map(RequestNonce::new);
        (range.tx_hash, nonces.filter(|nonce| !held.contains(&(range.tx_hash, *nonce))).collect())
    });
    let endings = handled.endings.iter().map(|ending| match ending.end {
        HoldEnd::Released { .. } | HoldEnd::WrittenOff => (ending.tx_hash, vec![ending.nonce]),
        HoldEnd::Refunded { .. } => (ending.tx_hash, Vec::new()),
    });
    ranges.chain(endings).collect()
}

/// Takes one payment out of what is left.
fn take(left: &mut Vec<Payment>, payment: &Payment) -> bool {
    let place = left.iter().position(|one| one == payment);
    place.is_some_and(|place| {
        left.swap_remove(place);
        true
    })
}

/// What a request has to give to `to`.
///
/// Errors: nothing that the judge knows, in words.
fn asked(
    deployment: &Deployment,
    direction: Direction,
    request: &Request,
    to: Address,
) -> Result<Vec<Payment>, String> {
    let transfer = &request.transfer;
    let is_refund = transfer.kind.is_refund();
    // A refund names the token of the chain that it goes to.
    let named = |(source, destination)| if is_refund { destination } else { source };
    let pair = deployment.pairs.iter().find(|pair| named(pair.tokens(direction)) == transfer.token);
    let pair = pair.ok_or_else(|| format!("its token {} has no pair", transfer.token))?;
    let ((_, token), (_, kind)) = (pair.tokens(direction), pair.kinds(direction));
    let payment = |id, amount| Payment { kind, token, to, id, amount };
    Ok(match kind {
        Kind::Native | Kind::Erc20 => vec![payment(U256::ZERO, transfer.value)],
        Kind::Erc721 => vec![payment(transfer.value, U256::ONE)],
        Kind::Erc1155 => {
            let units = units(&transfer.payload).ok_or("its payload names no ids")?;
            units.into_iter().map(|(id, amount)| payment(id, amount)).collect()
        }
    })
}

/// Ids and amounts of an ERC-1155 payload: `uint8 count ‖ count × (uint256 id ‖ uint128 amount) ‖ …`. Read here and not
/// by the relay's decoder.
fn units(payload: &[u8]) -> Option<Vec<(U256, U256)>> {
    const ENTRY: usize = 32 + 16;
    let (count, entries) = payload.split_first()?;
    let entries = entries.get(..usize::from(*count) * ENTRY)?;
    let unit = |entry: &[u8]| (U256::from_be_slice(&entry[..32]), U256::from_be_slice(&entry[32..]));
    Some(entries.chunks_exact(ENTRY).map(unit).collect())
}
