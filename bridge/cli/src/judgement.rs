//! Where a transfer or a lane is, and what it waits for: plain functions of what was seen.

#[cfg(test)]
mod tests;

use polyspan_types::{HoldEnd, HoldReason, MemberSet, OutcomeResult, Request, RequestNonce, TransferState};

use crate::dispute;
use crate::lane_view::{LaneView, SourceView};

/// What is known of the way of one request. `None` is always "could not be seen".
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The request's number.
    pub nonce: RequestNonce,
    /// Requests made on the source, and those in final blocks.
    pub requested: Option<RequestNonce>,
    /// Requests in final blocks.
    pub final_nonce: Option<RequestNonce>,
    /// First nonce that the destination has not handled.
    pub handled: Option<RequestNonce>,
    /// Why nobody can say that what the destination handled is what was requested.
    pub dispute: Option<String>,
    /// Why the request was put on hold, if it was.
    pub hold: Option<HoldReason>,
    /// How that hold ended, if it did.
    pub ended: Option<HoldEnd>,
    /// What can happen next to an open hold, in words.
    pub hold_next: Option<String>,
    /// Most votes for one checkpoint that covers the request.
    pub votes: Option<usize>,
    /// How many are needed, of how many operators.
    pub threshold: Option<(u8, usize)>,
    /// A transaction that handles it was sent, as far as this host knows.
    pub submitted: bool,
    /// Who submits.
    pub leader: Option<String>,
    /// Payouts are stopped.
    pub destination_paused: bool,
    /// Why an end or the relays could not be seen.
    pub blind: Vec<String>,
    /// Relays that halted the lane, with their reasons.
    pub halted: Vec<(String, String)>,
}

/// The verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// Where it is; `None` when the source has no such request, or nothing could be seen.
    pub state: Option<TransferState>,
    /// What it waits for; `None` when it is finished.
    pub waiting_for: Option<String>,
}

impl Facts {
    /// What a lane's view tells about its request `nonce`.
    pub fn of(view: &LaneView, nonce: RequestNonce) -> Self {
        let (source, destination) = (view.source.as_ref().ok(), view.destination.as_ref().ok());
        let relays = view.relays.as_ref().ok();
        let tally = relays.and_then(|relays| relays.tally.as_ref());
        let covering = |tally: &polyspan_node::tally::Tally| {
            let covers = tally.checkpoints().filter(|(checkpoint, _)| checkpoint.nonce > nonce);
            covers.map(|(_, votes)| votes).max().unwrap_or(0)
        };
        let halted = relays
            .into_iter()
            .flat_map(|relays| &relays.reports)
            .filter_map(|(id, report)| report.halted.clone().map(|reason| (id.to_string(), reason)));
        let errors =
            [view.source.as_ref().err(), view.destination.as_ref().err(), view.relays.as_ref().err()];
        Self {
            nonce,
            requested: source.map(|source| source.requested),
            final_nonce: source.and_then(|source| source.final_nonce.as_ref().ok().copied()),
            handled: destination.map(|destination| destination.handled),
            dispute: source.zip(destination).and_then(|(source, end)| dispute::of_ends(source, end)),
            hold: None,
            ended: None,
            hold_next: None,
            votes: tally.map(covering),
            threshold: destination.map(|destination| counts(&destination.operators)),
            submitted: false,
            leader: relays.and_then(|relays| relays.leader.as_ref()).map(ToString::to_string),
            destination_paused: destination.is_some_and(|destination| destination.paused),
            blind: errors.into_iter().flatten().cloned().collect(),
            halted: halted.collect(),
        }
    }

    /// Where nobody can tell how many requests are final, the request's own block tells it of this one.
    pub fn place(&mut self, source: &SourceView, request: &Request) {
        let is_final = request.transfer.source_block <= source.final_block;
        let count = if is_final { request.nonce.next() } else { request.nonce };
        self.final_nonce.get_or_insert(count);
    }

    /// How the destination handled it, if it did.
    pub fn outcome(&self) -> Option<OutcomeResult> {
        let handled = self.handled? > self.nonce;
        handled.then(|| self.hold.map_or(OutcomeResult::Paid, OutcomeResult::Held))
    }
}

/// Where the request is, and what it waits for.
pub fn judge(facts: &Facts) -> Judgement {
    let state = state(facts);
    let waiting_for = match state {
        Some(
            TransferState::Paid
            | TransferState::Released
            | TransferState::Refunded
            | TransferState::WrittenOff,
        ) => None,
        Some(TransferState::Held) => Some(match (&facts.hold_next, facts.hold) {
            (Some(next), _) => format!("its release or refund: {next}"),
            (None, Some(reason)) => format!("its release or refund; it is on hold: {reason}"),
            (None, None) => "its release or refund".to_owned(),
        }),
        Some(state) => Some(waiting_for(facts, state)),
        None => match (&facts.dispute, facts.outcome()) {
            (Some(dispute), Some(_)) => {
                Some(format!("a person: {dispute} (runbook: root differs at the destination)"))
            }
            _ => facts.blind.first().cloned(),
        },
    };
    Judgement { state, waiting_for }
}

fn state(facts: &Facts) -> Option<TransferState> {
    match facts.outcome() {
        // Handled, and not known to be what was requested: neither paid nor anything before it.
        Some(_) if facts.dispute.is_some() => return None,
        Some(OutcomeResult::Paid) => return Some(TransferState::Paid),
        Some(OutcomeResult::Held(_)) => {
            return Some(match facts.ended {
                None => TransferState::Held,
                Some(HoldEnd::Released { .. }) => TransferState::Released,
                Some(HoldEnd::Refunded { .. }) => TransferState::Refunded,
                Some(HoldEnd::WrittenOff) => TransferState::WrittenOff,
            });
        }
        None => {}
    }
    let known_above = |nonce: Option<RequestNonce>| nonce.is_some_and(|nonce| nonce > facts.nonce);
    if facts.requested.is_some() && !known_above(facts.requested) {
        return None;
    }
    let needed = facts.threshold.map_or(usize::MAX, |(threshold, _)| usize::from(threshold));
    match facts.votes {
        Some(votes) if votes >= needed && facts.submitted => Some(TransferState::Submitted),
        Some(votes) if votes >= needed => Some(TransferState::Approved),
        _ if facts.submitted => Some(TransferState::Submitted),
        Some(votes) if votes > 0 => Some(TransferState::Attested),
        _ if known_above(facts.final_nonce) => Some(TransferState::Final),
        _ if known_above(facts.requested) => Some(TransferState::Requested),
        _ => None,
    }
}

fn waiting_for(facts: &Facts, state: TransferState) -> String {
    if facts.destination_paused {
        return "the end of the pause: an operator stopped the destination's bridge".to_owned();
    }
    if let Some((relay, reason)) = facts.halted.first()
        && state < TransferState::Approved
    {
        let others = facts.halted.len() - 1;
        let more = if others == 0 { String::new() } else { format!(" (and {others} more)") };
        return format!("a person: the lane is halted on {relay}{more}: {reason}");
    }
    match state {
        TransferState::Requested if facts.final_nonce.is_none() => {
            "its block to become final; how far that is cannot be seen from here".to_owned()
        }
        TransferState::Requested => "its block to become final".to_owned(),
        TransferState::Final | TransferState::Attested => match (facts.votes, facts.threshold) {
            (Some(votes), Some((threshold, operators))) => {
                format!("{votes} of {threshold} attested ({operators} operators)")
            }
            _ => match facts.blind.first() {
                Some(reason) => format!("attestations, which cannot be counted from here: {reason}"),
                None => "attestations".to_owned(),
            },
        },
        TransferState::Approved => match &facts.leader {
            Some(leader) => format!("{leader}, which leads the lane, to submit it"),
            None => "a relay to lead the lane and submit it".to_owned(),
        },
        TransferState::Submitted => match facts.blind.first() {
            Some(reason) => format!("word of its transaction: {reason}"),
            None => "its transaction to get into a block".to_owned(),
        },
        TransferState::Paid
        | TransferState::Held
        | TransferState::Released
        | TransferState::Refunded
        | TransferState::WrittenOff => String::new(),
    }
}

/// What a whole lane waits for: what its first unhandled request waits for. `None` when all are handled.
pub fn lane_waiting_for(view: &LaneView) -> Option<String> {
    let (source, destination) = match (&view.source, &view.destination) {
        (Ok(source), Ok(destination)) => (source, destination),
        (Err(reason), _) | (_, Err(reason)) => return Some(reason.clone()),
    };
    if destination.handled >= source.requested {
        return match (source.paused, destination.paused) {
            (false, false) => None,
            _ => Some("the end of the pause".to_owned()),
        };
    }
    judge(&Facts::of(view, destination.handled)).waiting_for
}

/// Threshold and number of a member set.
fn counts(set: &MemberSet) -> (u8, usize) {
    (set.threshold.get(), set.members.len())
}
