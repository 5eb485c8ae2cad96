//! `polyspan explain`

mod hold;
mod transaction;
mod votes;

use std::process::ExitCode;

use alloy::primitives::B256;
use anyhow::Result;
use polyspan_chain::{ChainError, HandleCall};
use polyspan_node::config::{Config, LaneInfo};
use polyspan_store::{ForceHold, Store, StoreError, Submission, SubmissionOutcome};
use polyspan_types::{
    HoldEnding, HoldReason, Kind, Outcome, OutcomeResult, Payload, Request, RequestNonce, TransferId,
    ValueTransfer,
};

use super::status::members;
use crate::args::ConfigFile;
use crate::asset::{self, Amount};
use crate::dispute;
use crate::exit::Exit;
use crate::failure::BadInput;
use crate::judgement::{Facts, Judgement, judge};
use crate::lane_view::LaneView;
use crate::network::Network;
use crate::output;
use crate::search;
use crate::story::{CallStory, OutcomeStory, RequestStory, Story, SubmissionStory};
use crate::token::Token;
pub use transaction::Subject;
use transaction::{Found, State};

pub use hold::{fetch as fetch_hold, find_claim, find_ending, reason as hold, steps as hold_steps};

/// Arguments of `polyspan explain`.
#[derive(Debug, clap::Args)]
pub struct ExplainArguments {
    /// The transfer, such as kr/main-to-service:42, or the hash of a transaction that requested or handled it.
    #[arg(value_name = "TRANSFER|HASH")]
    subject: Subject,
    #[command(flatten)]
    file: ConfigFile,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What the relay of this host has on its disk, if there is one.
#[derive(Default)]
struct Recorded {
    request: Option<Request>,
    outcome: Option<Outcome>,
    ending: Option<HoldEnding>,
    submissions: Vec<Submission>,
    force_holds: Vec<ForceHold>,
    halted: Option<String>,
    /// Requests up to which the relay compared the roots of both sides.
    compared: RequestNonce,
}

/// Tells one transfer's story. Relays need not be alive. Exit code 1 when it is stopped by a halt or a pause, 3 when what it waits for
/// could not be seen.
///
/// Errors: the configuration, or there is no such transfer.
pub async fn run(arguments: ExplainArguments) -> Result<ExitCode> {
    let network = Network::open(Config::load(&arguments.file.config)?).await?;
    let id = match arguments.subject {
        Subject::Transfer(id) => id,
        Subject::Transaction(hash) => {
            let found = transaction::find(&network, hash).await;
            match found.ids.as_slice() {
                [id] => id.clone(),
                _ => return list(&found, arguments.json),
            }
        }
    };
    let info = network.lane(&id.lane)?;
    let (story, exit) = tell(&network, info, &id).await?;
    if arguments.json {
        output::json(&story)?;
    } else {
        let mut sentences = story.sentences();
        let last = sentences.pop();
        sentences.into_iter().for_each(output::result);
        let show = if exit == Exit::Bad { output::bad } else { output::result };
        last.into_iter().for_each(show);
    }
    Ok(exit.into())
}

/// What is known of a transaction that is not of exactly one transfer.
fn list(found: &Found, json: bool) -> Result<ExitCode> {
    if json {
        output::json(found)?;
    } else {
        output::result(found);
    }
    let exit = match found.state {
        State::Mined { .. } if found.ids.is_empty() => Exit::Input,
        State::Mined { .. } => Exit::Fine,
        State::Reverted { .. } => Exit::Bad,
        State::Pending { .. } | State::Unknown => Exit::Unreadable,
    };
    Ok(exit.into())
}

async fn tell(network: &Network, info: LaneInfo, id: &TransferId) -> Result<(Story, Exit)> {
    let nonce = id.nonce;
    let members = members(network).await.unwrap_or_default();
    let view = LaneView::fetch(network, info, &members).await;
    if let Ok(source) = &view.source
        && nonce >= source.requested
    {
        let lane = &id.lane;
        let count = source.requested;
        return Err(BadInput::new(format!(
            "{id} does not exist: {lane} has {count} requests, numbered from 0"
        ))
        .into());
    }
    let mut unseen: Vec<String> = Vec::new();
    let mut unreadable = |error: StoreError| unseen.push(format!("the relay's store: {error}"));
    let store = open_store(network).await.unwrap_or_else(|error| {
        unreadable(error);
        None
    });
    let recorded = match &store {
        Some(store) => recorded(store, &view.info, nonce).await.unwrap_or_else(|error| {
            unreadable(error);
            Recorded::default()
        }),
        None => Recorded::default(),
    };
    let mut facts = Facts::of(&view, nonce);
    facts.submitted = !recorded.submissions.is_empty();
    let open = noted(hold::fetch(network, &view.info, nonce).await, &mut unseen).flatten();
    facts.hold = open.map(|hold| hold.reason);
    if let Some(reason) = recorded.halted {
        facts.halted.push(("of this host".to_owned(), reason));
    }
    let request = match recorded.request {
        Some(request) => Some(request),
        None => noted(find_request(network, &view.info, nonce).await, &mut unseen).flatten(),
    };
    if let (Ok(source), Some(request)) = (&view.source, &request) {
        facts.place(source, request);
    }
    let place = match (facts.outcome(), recorded.outcome) {
        (Some(_), Some(outcome)) => Some(outcome),
        (Some(_), None) => noted(find_outcome(network, &view.info, nonce).await, &mut unseen).flatten(),
        (None, _) => None,
    };
    let ending = match (open, place) {
        // It was on hold, and is not now.
        (None, Some(Outcome { result: OutcomeResult::Held(reason), block, .. })) => {
            facts.hold = Some(reason);
            let found = match recorded.ending {
                Some(ending) => Some(ending),
                None => noted(find_ending(network, &view.info, nonce, block).await, &mut unseen).flatten(),
            };
            if found.is_none() {
                facts.hold_next = Some("it has ended, and how cannot be seen now".to_owned());
            }
            found
        }
        _ => None,
    };
    facts.ended = ending.map(|ending| ending.end);
    let steps = open.zip(view.destination.as_ref().ok());
    let steps = steps.map(|(open, seen)| hold::steps(open, request.as_ref(), seen).story());
    facts.hold_next = steps.as_ref().map(|steps| steps.next.clone()).or(facts.hold_next);
    let handling = match &place {
        // Nobody approved that it is paid, and the call is another one.
        Some(Outcome { result: OutcomeResult::Held(HoldReason::Forced), .. }) | None => None,
        Some(outcome) => {
            let handling = votes::handling(network, &view, outcome).await;
            handling.map_err(|reason| unseen.push(format!("what handled it: {reason:#}"))).ok()
        }
    };
    let approval = match &handling {
        Some(handling) => {
            let approval = votes::approval(network, &view, handling, store.as_ref(), &members).await;
            approval.map_err(|reason| unseen.push(format!("who approved it: {reason:#}"))).ok()
        }
        None => None,
    };
    let call = match &handling {
        Some(handling) => {
            let entry = entry(&handling.call, nonce);
            let what = match &entry {
                Some(entry) => Some(what(network, &view.info, &entry.transfer).await.0),
                None => None,
            };
            Some(CallStory::of(&handling.call, entry.as_ref().zip(what), request.as_ref()))
        }
        None => None,
    };
    let comparison = dispute::compare(&view, store.as_ref(), recorded.compared).await;
    // Nothing speaks against what was compared before.
    facts.dispute = comparison.dispute.filter(|_| nonce >= recorded.compared);
    let handled = handling.as_ref().and_then(|handling| entry(&handling.call, nonce));
    if let (Some(request), Some(handled)) = (&request, &handled) {
        facts.dispute = dispute::of_call(request, handled).or(facts.dispute);
    }
    unseen.extend(facts.blind.iter().cloned());
    let described = match request {
        Some(request) => Some(describe(network, &view.info, request, &mut unseen).await),
        None => None,
    };
    let ending = match ending {
        Some(ending) => Some(hold::story(network, &view.info, ending).await),
        None => None,
    };
    unseen.dedup();
    let story = Story {
        transfer: id.to_string(),
        state: None,
        source_chain: view.info.source.chain.clone(),
        destination_chain: view.info.destination.chain.clone(),
        request: described,
        is_final: facts.final_nonce.map(|final_nonce| final_nonce > nonce),
        attestations: votes::attestations(&view, nonce, &members),
        threshold: facts.threshold,
        approved_by_checkpoint: match &approval {
            Some(approval) => Some(approval.checkpoint),
            None => votes::approved(&view, nonce),
        },
        approval,
        call,
        submissions: recorded.submissions.into_iter().map(submission).collect(),
        force_holds: recorded.force_holds,
        outcome: facts.outcome().map(|result| OutcomeStory {
            result,
            dispute: facts.dispute.clone(),
            block: place.map(|outcome| outcome.block.get()),
            tx_hash: place.map(|outcome| outcome.tx_hash),
        }),
        hold: steps,
        ending,
        halted: facts.halted.clone(),
        relays_say: said(&view, nonce),
        waiting_for: None,
        unseen,
    };
    let judgement = judge(&facts);
    let relays_unread = network.config.coordination.is_some() && view.relays.is_err();
    let exit = exit(&facts, &judgement, relays_unread);
    Ok((story.judged(judgement), exit))
}

/// What the story means for who must act. What is handled waits for no lane.
fn exit(facts: &Facts, judgement: &Judgement, relays_unread: bool) -> Exit {
    if facts.outcome().is_some() {
        return if facts.dispute.is_some() { Exit::Bad } else { Exit::Fine };
    }
    let unread = facts.requested.is_none() || facts.handled.is_none() || relays_unread;
    match judgement.state {
        _ if !facts.halted.is_empty() || facts.destination_paused => Exit::Bad,
        None => Exit::Unreadable,
        Some(_) if unread => Exit::Unreadable,
        Some(_) => Exit::Fine,
    }
}

/// The entry of one request in a call that handled it.
fn entry(call: &HandleCall, nonce: RequestNonce) -> Option<Request> {
    let index = usize::try_from(nonce.get().checked_sub(call.first.get())?).ok()?;
    let transfer = call.transfers.get(index)?.clone();
    Some(Request { nonce, transfer, tx_hash: B256::ZERO })
}

/// What relays say of the lane, when it has come to this request.
fn said(view: &LaneView, nonce: RequestNonce) -> Vec<(String, String)> {
    let is_next = view.destination.as_ref().is_ok_and(|destination| destination.handled == nonce);
    let reports = view.relays.iter().flat_map(|relays| &relays.reports).filter(|_| is_next);
    reports.filter_map(|(id, report)| Some((id.to_string(), report.waiting_for.clone()?))).collect()
}

/// What was read, or a note that it could not be.
fn noted<T>(read: Result<T, ChainError>, unseen: &mut Vec<String>) -> Option<T> {
    read.map_err(|error| unseen.push(error.to_string())).ok()
}

/// The store of this host's relay, if there is one.
pub async fn open_store(network: &Network) -> Result<Option<Store>, StoreError> {
    match &network.config.relay {
        Some(relay) if relay.store.exists() => Store::open_read_only(&relay.store).await.map(Some),
        _ => Ok(None),
    }
}

async fn recorded(store: &Store, info: &LaneInfo, nonce: RequestNonce) -> Result<Recorded, StoreError> {
    let lane = info.bridge_id;
    Ok(Recorded {
        request: store.request(lane, nonce).await?.map(|stored| stored.request),
        outcome: store.outcome(lane, nonce).await?,
        ending: store.hold_ending(lane, nonce).await?,
        submissions: store.submissions_for(lane, nonce).await?,
        force_holds: store.force_holds(lane, nonce).await?,
        halted: store.halted(lane).await?.map(|halt| halt.reason),
        compared: store.compared(lane).await?,
    })
}

/// The request with that number, from the logs of its source.
pub async fn find_request(
    network: &Network,
    info: &LaneInfo,
    nonce: RequestNonce,
) -> Result<Option<Request>, ChainError> {
    let side = &info.source;
    search::request(network.chain(side), side.bridge, nonce, side.deployment_block).await
}

/// What the destination did with that number, from its logs.
pub async fn find_outcome(
    network: &Network,
    info: &LaneInfo,
    nonce: RequestNonce,
) -> Result<Option<Outcome>, ChainError> {
    let side = &info.destination;
    search::outcome(network.chain(side), side, nonce, side.deployment_block).await
}

/// What the request moves, with the name of its pair and in the token's unit where these can be seen; for people and for programs.
pub async fn what(network: &Network, info: &LaneInfo, transfer: &ValueTransfer) -> (String, Amount) {
    let direction = info.id.direction;
    let deployment = network.config.bridge(&info.id.bridge);
    let pair = deployment.and_then(|deployment| {
        // A refund names the token of the chain that it goes to.
        let token_of = |(source, destination)| if transfer.kind.is_refund() { destination } else { source };
        deployment.pairs.iter().find(|pair| token_of(pair.tokens(direction)) == transfer.token)
    });
    let side = if transfer.kind.is_refund() { &info.destination } else { &info.source };
    let decimals = match transfer.kind.asset() {
        // A token that does not answer is shown in smallest units.
        Some(Kind::Erc20) => Token::new(network.chain(side), transfer.token).decimals().await.ok().flatten(),
        _ => None,
    };
    let text = asset::what(transfer, pair.map(|pair| pair.name.as_str()), decimals);
    (text, Amount::of(transfer, decimals))
}

async fn describe(
    network: &Network,
    info: &LaneInfo,
    request: Request,
    unseen: &mut Vec<String>,
) -> RequestStory {
    let transfer = &request.transfer;
    let refund_of = noted(hold::refunded_by(network, info, &request).await, unseen).flatten();
    let (what, amount) = what(network, info, transfer).await;
    RequestStory {
        what,
        amount,
        decoded: Payload::decode(transfer).ok(),
        holds: asset::payload(transfer),
        refund_of: refund_of.map(|id| id.to_string()),
        request,
    }
}

fn submission(submission: Submission) -> SubmissionStory {
    let outcome = match submission.outcome {
        SubmissionOutcome::Pending => "this relay has seen it in no block yet".to_owned(),
        SubmissionOutcome::Mined { block, success: true } => {
            format!("in block {}, not final yet", block.height)
        }
        SubmissionOutcome::Final { block, success: true } => format!("in block {}, final", block.height),
        SubmissionOutcome::Mined { block, .. } | SubmissionOutcome::Final { block, .. } => {
            format!("reverted in block {}, which costs gas and nothing else", block.height)
        }
        SubmissionOutcome::Lost => "its account nonce was used by another transaction".to_owned(),
    };
    SubmissionStory {
        submitter: submission.submitter,
        purpose: submission.purpose,
        tx_hashes: submission.attempts.iter().map(|attempt| attempt.tx_hash).collect(),
        outcome,
    }
}

#[cfg(test)]
mod tests {
    use polyspan_types::TransferState;

    use super::*;

    fn shown(change: impl FnOnce(&mut Facts), relays_unread: bool) -> Exit {
        let nonce = RequestNonce::new;
        let mut facts =
            Facts { nonce: nonce(5), requested: Some(nonce(6)), handled: Some(nonce(5)), ..Facts::default() };
        change(&mut facts);
        exit(&facts, &judge(&facts), relays_unread)
    }

    #[test]
    fn what_stops_a_transfer_is_told_from_what_could_not_be_seen() {
        assert_eq!(shown(|_| (), false), Exit::Fine);
        assert_eq!(shown(|_| (), true), Exit::Unreadable);
        assert_eq!(shown(|facts| facts.handled = None, false), Exit::Unreadable);
        assert_eq!(shown(|facts| facts.destination_paused = true, true), Exit::Bad);
        let halted = |facts: &mut Facts| facts.halted.push(("a".to_owned(), "the root differs".to_owned()));
        assert_eq!(shown(halted, false), Exit::Bad);
        // What is paid waits for nobody.
        let paid = |facts: &mut Facts| {
            halted(facts);
            facts.handled = Some(RequestNonce::new(6));
            assert_eq!(judge(facts).state, Some(TransferState::Paid));
        };
        assert_eq!(shown(paid, true), Exit::Fine);
        let disputed = |facts: &mut Facts| {
            facts.handled = Some(RequestNonce::new(6));
            facts.dispute = Some("other roots".to_owned());
        };
        assert_eq!(shown(disputed, false), Exit::Bad);
    }
}
