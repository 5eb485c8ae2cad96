//! Value is neither made nor lost: the counters of both contracts, what is on the way or on hold, real balances and what
//! the tokens themselves say of their supply. Pure.

use alloy::primitives::U256;
use polyspan_node::config::{Minter, Pair};
use polyspan_types::{Direction, Kind, Request};

/// One side of a pair, as its chain tells. Unit of all: the token's smallest unit, pieces of an ERC-721, units of an
/// ERC-1155.
#[derive(Debug, Clone, Default)]
pub(super) struct PairWitness {
    /// `None` when the bridge does not know the pair.
    pub(super) counters: Option<Counters>,
    /// What the bridge owns of the token.
    pub(super) balance: U256,
    /// What the token's logs say was made and not destroyed.
    pub(super) supply: U256,
}

/// What a bridge counts of a pair.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counters {
    pub(super) escrow: U256,
    pub(super) minted: U256,
    pub(super) held: U256,
    pub(super) seeded: U256,
    pub(super) adopted: U256,
    pub(super) fees: U256,
}

/// Requests of both lanes that have reached nobody yet. A refund on its way, or on hold, is one of them; the request that it
/// pays back is none any more.
#[derive(Debug, Default)]
pub(super) struct Open {
    /// Made and not handled.
    pub(super) in_flight: Vec<(Direction, Request)>,
    /// Handled and on hold, with the lane on whose destination they are.
    pub(super) held: Vec<(Direction, Request)>,
}

/// Compares the main and the service chain's side of one pair.
pub(super) fn compare(pair: &Pair, [main, service]: [&PairWitness; 2], open: &Open) -> Vec<String> {
    let (Some(on_main), Some(on_service)) = (main.counters, service.counters) else {
        return vec![format!("pair {}: a side does not know it", pair.name)];
    };
    let held_on = |destination: Direction| {
        sum(pair, open.held.iter().filter(|(direction, _)| *direction == destination))
    };
    let (held_main, held_service) = (held_on(Direction::ServiceToMain), held_on(Direction::MainToService));
    let in_flight = sum(pair, &open.in_flight);
    let held = held_main + held_service;
    let (claims, covered) = match pair.mints {
        Minter::Service => (on_service.minted, on_main.escrow),
        Minter::Main => (on_main.minted, on_service.escrow),
        Minter::None => (
            on_main.seeded + on_service.seeded + on_main.adopted + on_service.adopted,
            on_main.escrow + on_service.escrow,
        ),
    };
    let claims = claims + in_flight + held;
    let mut problems = Vec::new();
    if claims != covered {
        problems
            .push(format!("escrow is {covered}, claims are {claims} ({in_flight} in flight, {held} held)"));
    }
    for (what, witness, counters, held, mints) in [
        ("main", main, on_main, held_main, pair.mints == Minter::Main),
        ("service", service, on_service, held_service, pair.mints == Minter::Service),
    ] {
        let owed = counters.escrow + counters.fees;
        if witness.balance < owed {
            problems.push(format!("the {what} bridge owns {} and owes {owed}", witness.balance));
        }
        if counters.held != held {
            let counted = counters.held;
            problems.push(format!("the {what} bridge counts {counted} on hold, its logs say {held}"));
        }
        if mints && counters.minted != witness.supply {
            let (minted, supply) = (counters.minted, witness.supply);
            problems.push(format!("the {what} bridge minted {minted}, its token's supply is {supply}"));
        }
    }
    problems.into_iter().map(|problem| format!("pair {}: {problem}", pair.name)).collect()
}

/// What requests move of a pair.
fn sum<'a>(pair: &Pair, requests: impl IntoIterator<Item = &'a (Direction, Request)>) -> U256 {
    let of_pair = |(direction, request): &&(Direction, Request)| {
        let (source, destination) = pair.tokens(*direction);
        let named = if request.transfer.kind.is_refund() { destination } else { source };
        request.transfer.token == named
    };
    let counted = |(_, request): &(Direction, Request)| {
        if pair.kind == Kind::Erc721 { U256::ONE } else { request.transfer.value }
    };
    requests.into_iter().filter(of_pair).map(counted).sum()
}
