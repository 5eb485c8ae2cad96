//! Waiting for a transfer, with a line that shows how it goes.

use std::time::Duration;

use anyhow::Result;
use polyspan_node::config::LaneInfo;
use polyspan_types::{
    BlockHeight, HoldEnd, HoldEnding, Outcome, OutcomeResult, Request, TransferId, TransferState,
};
use serde::Serialize;
use tokio::time::Instant;

use super::progress::Progress;
use crate::commands::explain::hold;
use crate::commands::status::members;
use crate::judgement::{Facts, Judgement, judge};
use crate::lane_view::LaneView;
use crate::network::Network;
use crate::search;

const POLL: Duration = Duration::from_millis(500);

/// How waiting for a transfer ended.
#[derive(Debug, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub(super) enum End {
    /// The recipient has it.
    Paid {
        to: String,
        chain: String,
        /// Absent when the transaction was not found.
        transaction: Option<String>,
    },
    /// It is on hold.
    Held { chain: String, reason: String, transaction: Option<String> },
    /// It was on hold and goes back.
    Refunded { chain: String, transaction: Option<String>, request_nonce: u64 },
    /// It was on hold, and governors have put its value where its recipient can claim it.
    #[serde(rename = "written-off")]
    WrittenOff { chain: String, transaction: Option<String> },
    /// Neither in time.
    Waiting { after: String, waiting_for: String },
}

impl End {
    /// What a person reads.
    pub(super) fn lines(&self, transfer: &str) -> Vec<String> {
        let handled = |transaction: &Option<String>| {
            let unknown = || "not found now, see `polyspan explain`".to_owned();
            format!("handle transaction: {}", transaction.clone().unwrap_or_else(unknown))
        };
        let explain = format!("`polyspan explain {transfer}` tells how it goes on");
        match self {
            Self::Paid { to, chain, transaction } => {
                vec![handled(transaction), format!("paid to {to} on chain {chain}")]
            }
            Self::Held { chain, reason, transaction } => {
                vec![
                    handled(transaction),
                    format!("held on chain {chain}: {reason}; it is not lost: {explain}"),
                ]
            }
            Self::Refunded { chain, transaction, request_nonce } => vec![
                handled(transaction),
                format!("refunded by chain {chain} as request {request_nonce} of the other lane"),
            ],
            Self::WrittenOff { chain, transaction } => {
                vec![handled(transaction), format!("written off on chain {chain}; it is not lost: {explain}")]
            }
            Self::Waiting { after, waiting_for } => vec![
                format!("not paid within {after}; it waits for {waiting_for}"),
                format!("it is not lost: {explain}"),
            ],
        }
    }
}

/// Waits until the transfer is paid or held, or the time is over.
///
/// Errors: none of the endpoints: they are waited for as well.
pub(super) async fn follow(
    network: &Network,
    info: LaneInfo,
    id: &TransferId,
    request: &Request,
    start: Option<BlockHeight>,
    timeout: Duration,
    progress: &Progress,
) -> Result<End> {
    let deadline = Instant::now() + timeout;
    loop {
        let (facts, judgement) = look(network, &info, id).await;
        progress.show(&line(&facts, &judgement));
        if let Some(result) = facts.outcome() {
            progress.clear();
            return Ok(finish(network, &info, request, result, start).await);
        }
        if Instant::now() >= deadline {
            progress.clear();
            let waiting_for = judgement.waiting_for.unwrap_or_else(|| "nothing that is known".to_owned());
            return Ok(End::Waiting { after: humantime::format_duration(timeout).to_string(), waiting_for });
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn look(network: &Network, info: &LaneInfo, id: &TransferId) -> (Facts, Judgement) {
    let members = members(network).await.unwrap_or_default();
    let view = LaneView::fetch(network, info.clone(), &members).await;
    let mut facts = Facts::of(&view, id.nonce);
    if facts.handled.is_some_and(|handled| handled > id.nonce) {
        match hold(network, info, id.nonce).await {
            Ok(hold) => facts.hold = hold,
            // Paid or held cannot be told apart now: look again.
            Err(error) => {
                facts.handled = None;
                facts.blind.push(error.to_string());
            }
        }
    }
    let judgement = judge(&facts);
    (facts, judgement)
}

/// `requested → final → attested 2 of 3; waits for …`
fn line(facts: &Facts, judgement: &Judgement) -> String {
    let Some(now) = judgement.state else {
        return judgement.waiting_for.clone().unwrap_or_else(|| "looking".to_owned());
    };
    let end = if now == TransferState::Held { TransferState::Held } else { TransferState::Paid };
    let way = [
        TransferState::Requested,
        TransferState::Final,
        TransferState::Attested,
        TransferState::Approved,
        TransferState::Submitted,
        end,
    ];
    let passed = way.into_iter().filter(|state| *state <= now);
    let words = passed.map(|state| match (state, facts.votes, facts.threshold) {
        (TransferState::Attested, Some(votes), Some((threshold, _)))
            if votes > 0 && facts.outcome().is_none() =>
        {
            format!("attested {} of {threshold}", votes.min(usize::from(threshold)))
        }
        _ => state.to_string(),
    });
    let way = words.collect::<Vec<_>>().join(" → ");
    match &judgement.waiting_for {
        Some(what) if facts.outcome().is_none() => format!("{way}; waits for {what}"),
        _ => way,
    }
}

async fn finish(
    network: &Network,
    info: &LaneInfo,
    request: &Request,
    result: OutcomeResult,
    start: Option<BlockHeight>,
) -> End {
    let side = &info.destination;
    let chain = network.chain(side);
    let from = start.unwrap_or(side.deployment_block);
    let found = search::outcome(chain, side, request.nonce, from).await.ok().flatten();
    // A hold that ended before it was looked at is not on hold any more, and was not paid at once either.
    let was_held = found.is_some_and(|outcome| matches!(outcome.result, OutcomeResult::Held(_)));
    let ending = match was_held && result == OutcomeResult::Paid {
        true => search::ending(chain, side, request.nonce, from).await.ok().flatten(),
        false => None,
    };
    end(info, request, result, found, ending)
}

fn end(
    info: &LaneInfo,
    request: &Request,
    result: OutcomeResult,
    found: Option<Outcome>,
    ending: Option<HoldEnding>,
) -> End {
    let chain = info.destination.chain.clone();
    let transaction = found.map(|outcome| outcome.tx_hash.to_string());
    let paid =
        |transaction| End::Paid { to: request.transfer.to.to_string(), chain: chain.clone(), transaction };
    match (result, ending) {
        (OutcomeResult::Held(reason), _) => End::Held { chain, reason: reason.to_string(), transaction },
        (OutcomeResult::Paid, None) => paid(transaction),
        (OutcomeResult::Paid, Some(ending)) => {
            let transaction = Some(ending.tx_hash.to_string());
            match ending.end {
                HoldEnd::Released { .. } => paid(transaction),
                // It is paid, to where its recipient can take it.
                HoldEnd::WrittenOff => End::WrittenOff { chain, transaction },
                HoldEnd::Refunded { request_nonce } => {
                    End::Refunded { chain, transaction, request_nonce: request_nonce.get() }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use polyspan_types::RequestNonce;

    use super::*;

    fn shown(change: impl FnOnce(&mut Facts)) -> String {
        let nonce = RequestNonce::new;
        let mut facts = Facts {
            nonce: nonce(5),
            requested: Some(nonce(6)),
            final_nonce: Some(nonce(6)),
            handled: Some(nonce(5)),
            votes: Some(2),
            threshold: Some((3, 4)),
            ..Facts::default()
        };
        change(&mut facts);
        line(&facts, &judge(&facts))
    }

    #[test]
    fn the_line_shows_the_way_so_far() {
        assert_eq!(
            shown(|_| ()),
            "requested → final → attested 2 of 3; waits for 2 of 3 attested (4 operators)"
        );
        assert!(shown(|facts| facts.final_nonce = None).starts_with("requested → final → attested 2 of 3"));
        assert!(
            shown(|facts| facts.votes = Some(4))
                .starts_with("requested → final → attested 3 of 3 → approved; waits")
        );
    }

    #[test]
    fn the_line_ends_with_the_outcome() {
        let paid = shown(|facts| facts.handled = Some(RequestNonce::new(6)));
        assert_eq!(paid, "requested → final → attested → approved → submitted → paid");
        let held = shown(|facts| {
            facts.handled = Some(RequestNonce::new(6));
            facts.hold = Some(polyspan_types::HoldReason::PayoutFailed);
        });
        assert_eq!(held, "requested → final → attested → approved → submitted → held");
    }
}
