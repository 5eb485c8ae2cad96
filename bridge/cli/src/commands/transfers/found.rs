//! The transfers of a lane that somebody asks for, and what became of each.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256};
use polyspan_chain::{At, ChainError};
use polyspan_node::config::LaneInfo;
use polyspan_types::{HandledLogs, HoldEnd, OutcomeResult, Request, RequestNonce, TransferId, TransferState};
use serde::Serialize;

use crate::asset::Amount;
use crate::commands::explain::what;
use crate::dispute;
use crate::network::Network;
use crate::output;
use crate::search::{Enough, backwards};

/// Which transfers are asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) from: Option<Address>,
    pub(super) to: Option<Address>,
    /// Of each lane.
    pub(super) limit: usize,
}

/// One transfer.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    transfer: String,
    /// `null` when it could not be seen.
    state: Option<TransferState>,
    what: String,
    amount: Amount,
    from: String,
    to: String,
    source_block: u64,
    request_transaction: B256,
}

/// Those of one lane.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) rows: Vec<Row>,
    pub(super) unseen: Vec<String>,
}

impl Wanted {
    fn has(&self, request: &Request) -> bool {
        let transfer = &request.transfer;
        self.from.is_none_or(|from| from == transfer.from) && self.to.is_none_or(|to| to == transfer.to)
    }
}

impl Row {
    pub(super) const HEAD: &[&str] = &["transfer", "state", "from", "to", "what"];

    pub(super) fn cells(&self) -> Vec<String> {
        let state = self.state.map_or_else(|| "?".to_owned(), |state| state.to_string());
        let [from, to] = [&self.from, &self.to].map(|address| output::short_address(address));
        vec![self.transfer.clone(), state, from, to, self.what.clone()]
    }
}

/// The newest of a lane first. What cannot be read is noted.
pub(super) async fn fetch(network: &Network, info: &LaneInfo, wanted: &Wanted) -> Found {
    let mut found = Found::default();
    let mut note = |end: &str, chain: &str, error: &ChainError| {
        found.unseen.push(format!("{}: the {end}, chain {chain}: {error}", info.id));
    };
    let requests = match requests(network, info, wanted).await {
        Ok(requests) => requests,
        Err(error) => {
            note("source", &info.source.chain, &error);
            return found;
        }
    };
    let states = match states(network, info, &requests).await {
        Ok(states) => states,
        Err(error) => {
            note("destination", &info.destination.chain, &error);
            BTreeMap::new()
        }
    };
    let disputed = match dispute(network, info).await {
        Ok(disputed) => disputed,
        Err(error) => Some(format!("the roots of both ends could not be compared: {error}")),
    };
    // What was handled, and may not be what was requested, is called neither paid nor anything else.
    let is_clear = |state: &TransferState| disputed.is_none() || *state == TransferState::Requested;
    found.unseen.extend(disputed.iter().map(|text| format!("{}: {text}", info.id)));
    for request in requests {
        let transfer = &request.transfer;
        let (what, amount) = what(network, info, transfer).await;
        found.rows.push(Row {
            transfer: TransferId { lane: info.id.clone(), nonce: request.nonce }.to_string(),
            state: states.get(&request.nonce).copied().filter(is_clear),
            what,
            amount,
            from: transfer.from.to_string(),
            to: transfer.to.to_string(),
            source_block: transfer.source_block.get(),
            request_transaction: request.tx_hash,
        });
    }
    found
}

async fn requests(network: &Network, info: &LaneInfo, wanted: &Wanted) -> Result<Vec<Request>, ChainError> {
    let (chain, side) = (network.chain(&info.source), &info.source);
    let mut requests = Vec::new();
    backwards(chain, side.deployment_block, async |from, to| {
        let read = chain.requests(side.bridge, from, to).await?;
        requests.extend(read.into_iter().rev().filter(|request| wanted.has(request)));
        Ok(if requests.len() < wanted.limit { Enough::No } else { Enough::Yes })
    })
    .await?;
    requests.truncate(wanted.limit);
    Ok(requests)
}

/// What speaks against the destination, by the states of both ends.
async fn dispute(network: &Network, info: &LaneInfo) -> Result<Option<String>, ChainError> {
    let (source, destination) = (&info.source, &info.destination);
    let handled = network.chain(destination).lane_state(destination.bridge, At::Latest).await?;
    let requested = network.chain(source).lane_state(source.bridge, At::Latest).await?;
    Ok(dispute::of_counts(
        (requested.request_nonce, requested.request_root),
        (handled.handle_nonce, handled.handle_root),
    ))
}

/// What became of each request.
async fn states(
    network: &Network,
    info: &LaneInfo,
    requests: &[Request],
) -> Result<BTreeMap<RequestNonce, TransferState>, ChainError> {
    let (chain, side) = (network.chain(&info.destination), &info.destination);
    let handled = chain.bridge_state(side.bridge, At::Latest).await?.handle_nonce;
    let mut states: BTreeMap<_, _> =
        requests.iter().map(|request| (request.nonce, TransferState::Requested)).collect();
    let mut open: Vec<_> = states.keys().copied().filter(|nonce| *nonce < handled).collect();
    if open.is_empty() {
        return Ok(states);
    }
    let mut endings = BTreeMap::new();
    backwards(chain, side.deployment_block, async |from, to| {
        let logs = chain.handled(side.bridge, from, to).await?;
        endings.extend(logs.endings.iter().map(|ending| (ending.nonce, ending.end)));
        open.retain(|nonce| {
            let state = handled_state(&logs, *nonce, endings.get(nonce));
            states.extend(state.map(|state| (*nonce, state)));
            state.is_none()
        });
        Ok(if open.is_empty() { Enough::Yes } else { Enough::No })
    })
    .await?;
    Ok(states)
}

/// What became of a request that was handled in these logs. The end of its hold came later, and was read before.
fn handled_state(logs: &HandledLogs, nonce: RequestNonce, end: Option<&HoldEnd>) -> Option<TransferState> {
    Some(match (logs.outcome(nonce)?.result, end) {
        (OutcomeResult::Paid, _) => TransferState::Paid,
        (OutcomeResult::Held(_), None) => TransferState::Held,
        (OutcomeResult::Held(_), Some(HoldEnd::Released { .. })) => TransferState::Released,
        (OutcomeResult::Held(_), Some(HoldEnd::Refunded { .. })) => TransferState::Refunded,
        (OutcomeResult::Held(_), Some(HoldEnd::WrittenOff)) => TransferState::WrittenOff,
    })
}
