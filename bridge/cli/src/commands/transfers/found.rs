//! The transfers of a lane that somebody asks for, and what became of each.

use std::collections::BTreeMap;
use std::fmt::Display;

use alloy::primitives::{Address, B256};
use polyspan_chain::ChainError;
use polyspan_coordination::MemberView;
use polyspan_node::config::LaneInfo;
use polyspan_types::{HandledLogs, HoldEnd, OutcomeResult, Request, RequestNonce, TransferId, TransferState};
use serde::Serialize;

use crate::asset::Amount;
use crate::commands::explain::what;
use crate::dispute;
use crate::judgement::{Facts, Judgement, judge};
use crate::lane_view::LaneView;
use crate::network::Network;
use crate::output::{self, Cell};
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
    /// Votes that it has, of those that it needs; absent of what is handled or could not be counted.
    votes: Option<usize>,
    threshold: Option<u8>,
    /// What it waits for, while it is not handled.
    waiting_for: Option<String>,
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

    /// Whether it is on its way.
    pub(super) const fn is_open(&self) -> bool {
        self.waiting_for.is_some()
    }

    pub(super) fn cells(&self) -> Vec<Cell> {
        let state = match (self.state, self.votes, self.threshold) {
            (None, ..) => Cell::bad("?"),
            (Some(state @ TransferState::Attested), Some(votes), Some(threshold)) => {
                format!("{state} {votes} of {threshold}").into()
            }
            (Some(state), ..) => state.to_string().into(),
        };
        let [from, to] = [&self.from, &self.to].map(|address| output::short_address(address));
        vec![self.transfer.clone().into(), state, from.into(), to.into(), self.what.clone().into()]
    }
}

/// The newest of a lane first. What cannot be read is noted.
pub(super) async fn fetch(
    network: &Network,
    info: &LaneInfo,
    wanted: &Wanted,
    members: &[MemberView],
) -> Found {
    let mut found = Found::default();
    let mut note = |end: &str, chain: &str, error: &dyn Display| {
        found.unseen.push(format!("{}: the {end}, chain {chain}: {error}", info.id));
    };
    let requests = match requests(network, info, wanted).await {
        Ok(requests) => requests,
        Err(error) => {
            note("source", &info.source.chain, &error);
            return found;
        }
    };
    let view = LaneView::fetch(network, info.clone(), members).await;
    let handled = match &view.destination {
        Ok(destination) => handled(network, info, &requests, destination.handled).await,
        Err(error) => {
            note("destination", &info.destination.chain, error);
            Ok(BTreeMap::new())
        }
    };
    let handled = handled.unwrap_or_else(|error| {
        note("destination", &info.destination.chain, &error);
        BTreeMap::new()
    });
    let disputed = match (&view.source, &view.destination) {
        (Ok(source), Ok(destination)) => dispute::of_ends(source, destination),
        (Err(error), _) | (_, Err(error)) => {
            Some(format!("the roots of both ends could not be compared: {error}"))
        }
    };
    found.unseen.extend(disputed.iter().map(|text| format!("{}: {text}", info.id)));
    for request in requests {
        let transfer = &request.transfer;
        let (what, amount) = what(network, info, transfer).await;
        let step = step(&view, &request);
        // What was handled, and may not be what was requested, is called neither paid nor anything else.
        let state = match &step {
            Some((judgement, _)) => judgement.state,
            None => handled.get(&request.nonce).copied().filter(|_| disputed.is_none()),
        };
        let facts = step.as_ref().map(|(_, facts)| facts);
        found.rows.push(Row {
            transfer: TransferId { lane: info.id.clone(), nonce: request.nonce }.to_string(),
            state,
            votes: facts.and_then(|facts| facts.votes),
            threshold: facts.and_then(|facts| facts.threshold).map(|(threshold, _)| threshold),
            waiting_for: step.and_then(|(judgement, _)| judgement.waiting_for),
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

/// Where a request is that the destination has not handled, and what that rests on. `None` for one that it has, or that cannot be
/// told from one.
fn step(view: &LaneView, request: &Request) -> Option<(Judgement, Facts)> {
    let destination = view.destination.as_ref().ok()?;
    if request.nonce < destination.handled {
        return None;
    }
    let mut facts = Facts::of(view, request.nonce);
    if let Ok(source) = &view.source {
        facts.place(source, request);
    }
    let judgement = judge(&facts);
    // Its log was read: an endpoint that is behind does not take that back.
    let state = judgement.state.or(Some(TransferState::Requested));
    Some((Judgement { state, ..judgement }, facts))
}

/// What became of each request below `handled`.
async fn handled(
    network: &Network,
    info: &LaneInfo,
    requests: &[Request],
    handled: RequestNonce,
) -> Result<BTreeMap<RequestNonce, TransferState>, ChainError> {
    let (chain, side) = (network.chain(&info.destination), &info.destination);
    let mut states = BTreeMap::new();
    let mut open: Vec<_> =
        requests.iter().map(|request| request.nonce).filter(|nonce| *nonce < handled).collect();
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
