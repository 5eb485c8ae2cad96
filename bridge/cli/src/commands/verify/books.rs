//! The books of each pair, from the states of both contracts and the sums of both lanes.

use alloy::primitives::{Address, U256};
use polyspan_chain::PairState;
use polyspan_node::config::Deployment;
use polyspan_recovery::{Books, Counters, LaneFigures, Open};

use super::cut::{Cut, End};

/// The books of a pair, and the decimals of its amounts.
pub(super) struct PairBooks {
    pub(super) books: Books,
    pub(super) decimals: Option<u8>,
}

/// Books of every pair that a side knows. `figures` are of the lanes to service, then to main.
pub(super) fn of(deployment: &Deployment, cut: &Cut, figures: &[LaneFigures]) -> Vec<PairBooks> {
    let mut tokens: Vec<(Address, Address)> =
        cut.main.state.pairs.iter().map(|pair| (pair.token, pair.counterpart_token)).collect();
    for pair in &cut.service.state.pairs {
        let both = (pair.counterpart_token, pair.token);
        if !tokens.contains(&both) {
            tokens.push(both);
        }
    }
    let books = |(main, service): (Address, Address)| {
        let named =
            |pair: &&polyspan_node::config::Pair| (pair.main_token, pair.service_token) == (main, service);
        let name = deployment.pairs.iter().find(named).map(|pair| pair.name.clone());
        let (on_main, on_service) = (place(&cut.main, main, service), place(&cut.service, service, main));
        let sum = |lane: usize, at: Option<usize>, of: fn(&LaneFigures) -> &Vec<U256>| {
            let sums = figures.get(lane).map(of);
            at.and_then(|at| sums?.get(at).copied()).unwrap_or_default()
        };
        let open = Open {
            in_flight: sum(0, on_service, |lane| &lane.in_flight)
                .saturating_add(sum(1, on_main, |lane| &lane.in_flight)),
            held_main: sum(1, on_main, |lane| &lane.held),
            held_service: sum(0, on_service, |lane| &lane.held),
        };
        // Equal on both sides: a pair moves smallest units one to one.
        let decimals = [(&cut.main, on_main), (&cut.service, on_service)]
            .into_iter()
            .find_map(|(end, at)| Some(end.state.pairs.get(at?)?.decimals));
        let books = Books {
            pair: name.unwrap_or_else(|| format!("{main} and {service}")),
            main: counters(&cut.main, main, on_main),
            service: counters(&cut.service, service, on_service),
            open,
            migrating: cut.is_migrating(),
        };
        PairBooks { books, decimals }
    };
    tokens.into_iter().map(books).collect()
}

fn place(end: &End, token: Address, counterpart: Address) -> Option<usize> {
    let is_it = |pair: &PairState| (pair.token, pair.counterpart_token) == (token, counterpart);
    end.state.pairs.iter().position(is_it)
}

/// What a side counts; nothing where it does not know the pair.
fn counters(end: &End, token: Address, at: Option<usize>) -> Counters {
    let nothing = Counters {
        chain: end.side.chain.clone(),
        token,
        handle_nonce: end.state.handle_nonce,
        ..Counters::default()
    };
    let Some(pair) = at.and_then(|at| end.state.pairs.get(at)) else { return nothing };
    Counters {
        mints: pair.mints,
        escrow: pair.escrow,
        minted: pair.minted,
        held: pair.held,
        seeded: pair.seeded,
        adopted: pair.adopted,
        fees: pair.fees,
        balance: at.and_then(|at| end.balances.get(at).copied()).flatten(),
        ..nothing
    }
}
