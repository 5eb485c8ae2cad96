//! What is known of a lane from here: both chains, what the relays say, and the store of this host's relay.

use polyspan_chain::{At, ChainError};
use polyspan_coordination::MemberView;
use polyspan_node::config::LaneInfo;
use polyspan_recovery::{DestinationFacts, LaneFacts, NonceRange, NonceSet, SourceFacts, StoreFacts};
use polyspan_store::{Run, SourcePosition, Store, StoreError, Survey};
use polyspan_types::{BlockHeight, RequestNonce};

use super::handled_at_final::{self, HandledAtFinal};
use crate::dispute;
use crate::lane_view::{DestinationView, LaneView, SourceView};
use crate::network::Network;

/// Holds read in one call. Unit: nonces. Source: about 9 million gas, which every node allows a call.
const PAGE: u64 = 4096;

/// Calls that look for holds which no store knows, newest first.
const PAGES: u64 = 16;

/// Facts, and what is missing in them.
pub(super) struct Seen {
    pub(super) facts: LaneFacts,
    /// The source, also when nobody can tell which of its requests are final; a plan rests on no such source.
    pub(super) source: Option<SourceView>,
    pub(super) unseen: Vec<String>,
}

/// Everything that can be seen of a lane. What cannot is noted, and keeps nothing else back.
pub(super) async fn fetch(
    network: &Network,
    info: &LaneInfo,
    members: &[MemberView],
    store: Result<&Store, &String>,
) -> Seen {
    let view = LaneView::fetch(network, info.clone(), members).await;
    let mut unseen = Vec::new();
    let mut facts = LaneFacts::default();
    match &view.source {
        Ok(source) => match &source.final_nonce {
            Ok(final_nonce) => facts.source = Some(source_facts(source, *final_nonce)),
            Err(reason) => unseen.push(format!(
                "which requests are in final blocks of the source, chain {}: {reason}",
                info.source.chain
            )),
        },
        Err(reason) => unseen.push(format!("the source, chain {}: {reason}", info.source.chain)),
    }
    let destination = match &view.destination {
        Ok(destination) => {
            let (source, chain) = (network.chain(&info.source), network.chain(&info.destination));
            let known = handled_at_final::fetch(source, chain, info, &destination.head, store.ok()).await;
            known.map_err(|error| error.to_string())
        }
        Err(reason) => Err(reason.clone()),
    };
    if let Err(reason) = &destination {
        unseen.push(format!("the destination, chain {}: {reason}", info.destination.chain));
    }
    if let Ok(known) = &destination {
        unseen.extend(known.unknown(&info.destination.chain));
    }
    let handled = destination.as_ref().ok().and_then(|known| known.handled.as_ref().ok().copied());
    let survey = match store {
        Ok(store) => survey(store, info, handled).await.map_err(|error| error.to_string()),
        Err(reason) => Err(reason.clone()),
    };
    let survey = survey.map_err(|reason| unseen.push(reason)).ok();
    let compared = match store {
        Ok(store) => store.compared(info.bridge_id).await.unwrap_or_default(),
        Err(_) => RequestNonce::ZERO,
    };
    let comparison = dispute::compare(&view, store.ok(), compared).await;
    (facts.compared, facts.dispute) = (comparison.compared, comparison.dispute);
    if let (Ok(shown), Ok(known)) = (&view.destination, destination) {
        let held = holds(network, info, shown, survey.as_ref(), &mut unseen).await;
        facts.destination = Some(destination_facts(info, shown, &known, held));
    }
    match &view.relays {
        Ok(relays) => {
            let tally = relays.tally.as_ref();
            let approved = tally.and_then(|tally| tally.highest_approved());
            facts.approved = approved.map_or(RequestNonce::ZERO, |(checkpoint, _)| checkpoint.nonce);
            facts.attested = tally.and_then(|tally| tally.attested()).unwrap_or_default();
        }
        Err(reason) => unseen.push(format!("what operators have signed: {reason}")),
    }
    if let Some(survey) = survey {
        facts.attested = facts.attested.max(survey.signed);
        facts.halted.clone_from(&survey.halted);
        facts.store = Some(store_facts(info, survey));
    }
    Seen { facts, source: view.source.ok(), unseen }
}

fn source_facts(view: &SourceView, final_nonce: RequestNonce) -> SourceFacts {
    SourceFacts { requested: view.requested, final_nonce, final_block: view.final_block, paused: view.paused }
}

/// What is not known at the final block is the least that it can be: a plan that reads too much is still right.
fn destination_facts(
    info: &LaneInfo,
    view: &DestinationView,
    known: &HandledAtFinal,
    held: NonceSet,
) -> DestinationFacts {
    DestinationFacts {
        handled: view.handled,
        // An endpoint that is behind may tell an older newest block.
        final_handled: known.handled.clone().unwrap_or_default().min(view.handled),
        recovery_block: known.recovery_block.unwrap_or(info.source.deployment_block),
        paused: view.paused,
        held,
    }
}

async fn survey(store: &Store, info: &LaneInfo, handled: Option<RequestNonce>) -> Result<Survey, StoreError> {
    let lane = info.bridge_id;
    let from = match handled {
        Some(handled) => handled,
        None => store.destination_position(lane).await?.next,
    };
    store.survey(lane, from).await
}

fn store_facts(info: &LaneInfo, survey: Survey) -> StoreFacts {
    let (source, destination) = (survey.source, survey.destination);
    let first = destination.base.map_or(destination.next, |base| base.nonce);
    StoreFacts {
        read_from: source.and_then(|position| read_from(info, &position)),
        next: source.map_or(RequestNonce::ZERO, |position| position.next),
        verified: source
            .map_or(RequestNonce::ZERO, |position| position.verified_next.max(base_nonce(&position))),
        stored: nonces(survey.stored),
        told: NonceRange::new(first, destination.next),
        held: nonces(survey.held),
        released: nonces(survey.released),
        refunded: nonces(survey.refunded),
        written_off: nonces(survey.written_off),
        submitted: nonces(survey.on_their_way),
    }
}

fn base_nonce(position: &SourcePosition) -> RequestNonce {
    position.base.map_or(RequestNonce::ZERO, |base| base.nonce)
}

/// The block from which on nothing was read; `None` while the store does not know where the lane begins.
fn read_from(info: &LaneInfo, position: &SourcePosition) -> Option<BlockHeight> {
    let base = position.base?;
    let begin = base.source_block.unwrap_or_default().max(info.source.deployment_block);
    Some(position.cursor.map_or(begin, |cursor| cursor.height.next()))
}

fn nonces(runs: Vec<Run>) -> NonceSet {
    runs.into_iter().map(|(first, end)| NonceRange::new(first, end)).collect()
}

/// What is on hold now: as the store has it if that is as much as the contract counts, else from the contract.
async fn holds(
    network: &Network,
    info: &LaneInfo,
    view: &DestinationView,
    survey: Option<&Survey>,
    unseen: &mut Vec<String>,
) -> NonceSet {
    let known = survey.map(|survey| nonces(survey.held.clone())).unwrap_or_default();
    if known.count() == view.held {
        return known;
    }
    let chain = &info.destination.chain;
    let found = match search(network, info, view).await {
        Ok(found) => found,
        Err(error) => {
            unseen.push(format!("holds on chain {chain}: {error}"));
            return known;
        }
    };
    let lacking = view.held.saturating_sub(found.count());
    if lacking > 0 {
        let searched = PAGE * PAGES;
        unseen.push(format!(
            "{lacking} of {} holds on chain {chain}, which are not among the newest {searched} handled requests",
            view.held
        ));
    }
    found
}

async fn search(network: &Network, info: &LaneInfo, view: &DestinationView) -> Result<NonceSet, ChainError> {
    let side = &info.destination;
    let mut found = Vec::new();
    let mut end = view.handled;
    for _ in 0..PAGES {
        if end == RequestNonce::ZERO || found.len() as u64 >= view.held {
            break;
        }
        let first = end.minus(PAGE);
        let page = network.chain(side).holds(side.bridge, first, end.since(first), At::Latest).await?;
        found.extend(page.into_iter().map(|hold| hold.nonce));
        end = first;
    }
    Ok(found.into_iter().collect())
}
