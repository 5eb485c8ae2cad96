//! What both chains have of a request that operators decide about.

use anyhow::{Context, Result, bail};
use polyspan_chain::Hold;
use polyspan_node::config::LaneInfo;
use polyspan_types::{BlockHeight, HoldAction, Leaf, Request, RequestNonce, TransferId};

use crate::commands::explain::{fetch_hold, find_request, hold_steps, open_store};
use crate::commands::status::members;
use crate::decision::Decision;
use crate::failure::BadInput;
use crate::hold_steps::HoldSteps;
use crate::lane_view::{DestinationView, LaneView};
use crate::network::Network;

/// What is said of a request that the source may still take back.
const NOT_FINAL: &str = "is in no final block of the source yet";

/// A request, as this host knows it, and its destination.
pub struct Seen {
    /// What is to be done with it.
    pub action: HoldAction,
    /// Its lane.
    pub info: LaneInfo,
    /// The request: of a hold it hashes to the leaf that is on hold.
    pub request: Request,
    /// The destination.
    pub destination: DestinationView,
    /// The hold; `None` for a force-hold, which makes one.
    pub steps: Option<HoldSteps>,
    /// What relays report that the lane waits for, with their names; of a force-hold only.
    pub reports: Vec<(String, String)>,
}

impl Seen {
    /// A hold that anyone may end, for an `action` that needs no signatures. The source is asked only for a request that this
    /// host's relay does not have.
    ///
    /// Errors: nothing is on hold, or a chain cannot be seen.
    pub async fn of_hold(network: &Network, action: HoldAction, id: &TransferId) -> Result<Self> {
        let info = network.lane(&id.lane)?;
        let view = LaneView::fetch(network, info.clone(), &[]).await;
        Self::with_hold(network, action, id.nonce, view).await
    }

    /// What operators decide to do `action` about; request `nonce`, or the next one of the lane.
    ///
    /// Errors: they cannot or need not decide it, or a chain cannot be seen, without which nothing is decided.
    pub(super) async fn of_decision(
        network: &Network,
        action: HoldAction,
        info: LaneInfo,
        nonce: Option<RequestNonce>,
    ) -> Result<Self> {
        let members = match action {
            HoldAction::ForceHold => members(network).await.unwrap_or_default(),
            HoldAction::Release | HoldAction::Refund => Vec::new(),
        };
        let view = LaneView::fetch(network, info, &members).await;
        let handled = destination(&view)?.handled;
        let nonce = nonce.unwrap_or(handled);
        let source = match &view.source {
            Ok(source) => source.clone(),
            Err(reason) => bail!("{}: {reason}", unseen(&view.info.source.chain)),
        };
        let lane = view.info.id.clone();
        let refuse = |problem: String| Err(BadInput::new(format!("{lane}:{nonce} {problem}")).into());
        if let Some(problem) = count_problem(action, source.requested, handled, nonce) {
            return refuse(problem);
        }
        let seen = match action {
            HoldAction::ForceHold => Self::without_hold(network, action, nonce, view).await?,
            HoldAction::Release | HoldAction::Refund => Self::with_hold(network, action, nonce, view).await?,
        };
        // The request tells it by itself: how many are final may be counted from logs, and one that is left out shifts that.
        if let Some(problem) = place_problem(action, source.final_block, handled, &seen.request) {
            return refuse(problem);
        }
        let answer = seen.steps.as_ref().and_then(|steps| steps.needs_no_decision(action, &seen.id()));
        match answer {
            Some(answer) => Err(BadInput::new(answer).into()),
            None => Ok(seen),
        }
    }

    /// As [`Seen::of_decision`], of a file that somebody handed over.
    ///
    /// Errors: as there; also a file about another bridge, about operators of another epoch, or about a request that the source
    /// does not have.
    pub(super) async fn compared(network: &Network, decision: &Decision) -> Result<Self> {
        let info = network.lane(&decision.lane)?;
        decision.check_lane(&info).map_err(BadInput::new)?;
        let seen = Self::of_decision(network, decision.action, info, Some(decision.nonce())).await?;
        let epoch = seen.destination.operators.epoch;
        if decision.epoch != epoch {
            return Err(BadInput::new(format!(
                "it is for the operators of epoch {}, and the destination is at epoch {epoch}; prepare it again",
                decision.epoch
            ))
            .into());
        }
        if Leaf::of(&seen.request) != Leaf::of(&decision.request) {
            return Err(BadInput::new(format!(
                "the request in the file is not the one that chain {} has under nonce {}; do not sign it, and ask who made it",
                seen.info.source.chain,
                decision.nonce()
            ))
            .into());
        }
        Ok(seen)
    }

    async fn without_hold(
        network: &Network,
        action: HoldAction,
        nonce: RequestNonce,
        view: LaneView,
    ) -> Result<Self> {
        let request = request(network, &view.info, nonce).await?;
        let destination = destination(&view)?.clone();
        let reports = view.relays.map(|relays| relays.reports).unwrap_or_default();
        let reports =
            reports.into_iter().filter_map(|(id, report)| Some((id.to_string(), report.waiting_for?)));
        Ok(Self { action, info: view.info, request, destination, steps: None, reports: reports.collect() })
    }

    async fn with_hold(
        network: &Network,
        action: HoldAction,
        nonce: RequestNonce,
        view: LaneView,
    ) -> Result<Self> {
        let destination = destination(&view)?.clone();
        let info = view.info;
        let hold = fetch_hold(network, &info, nonce).await?;
        let hold = hold.ok_or_else(|| {
            let lane = &info.id;
            BadInput::new(format!("{lane}:{nonce} is not on hold; see `polyspan explain {lane}:{nonce}`"))
        })?;
        let request = held_request(network, &info, &hold).await?;
        let steps = hold_steps(hold, Some(&request), &destination);
        Ok(Self { action, info, request, destination, steps: Some(steps), reports: Vec::new() })
    }

    /// The transfer.
    pub fn id(&self) -> TransferId {
        TransferId { lane: self.info.id.clone(), nonce: self.request.nonce }
    }
}

fn destination(view: &LaneView) -> Result<&DestinationView> {
    match &view.destination {
        Ok(destination) => Ok(destination),
        Err(reason) => bail!("{}: {reason}", unseen(&view.info.destination.chain)),
    }
}

fn unseen(chain: &str) -> String {
    format!("chain {chain} was not seen, and nothing is decided without it")
}

/// Why operators cannot decide about this number, before its request is looked for.
fn count_problem(
    action: HoldAction,
    requested: RequestNonce,
    handled: RequestNonce,
    nonce: RequestNonce,
) -> Option<String> {
    if action == HoldAction::ForceHold && nonce < handled {
        return Some("is handled already; `polyspan explain` tells how".to_owned());
    }
    (nonce >= requested).then(|| NOT_FINAL.to_owned())
}

/// Why operators cannot decide about a request that is there in its lane.
fn place_problem(
    action: HoldAction,
    final_block: BlockHeight,
    handled: RequestNonce,
    request: &Request,
) -> Option<String> {
    if request.transfer.source_block > final_block {
        return Some(NOT_FINAL.to_owned());
    }
    (action == HoldAction::ForceHold && request.nonce > handled).then(|| {
        format!("is not the next one: request {handled} comes first, and the lane is in strict order")
    })
}

/// The request that a hold is of.
///
/// Errors: it cannot be found, or another one is on hold.
async fn held_request(network: &Network, info: &LaneInfo, hold: &Hold) -> Result<Request> {
    let request = request(network, info, hold.nonce).await?;
    if Leaf::of(&request) != hold.leaf {
        bail!(
            "the request that chain {} gives is not the one that is on hold; ask another endpoint, and if that gives the same, see \
             \"root differs at the destination\" in the runbook",
            info.source.chain
        );
    }
    Ok(request)
}

/// The request as this host knows it: from its relay, whose root the source has confirmed, or else from the source's logs, by a quorum.
///
/// Errors: it cannot be found.
async fn request(network: &Network, info: &LaneInfo, nonce: RequestNonce) -> Result<Request> {
    // A store that cannot be read is no reason to give up: the source has the request as well.
    let stored = match open_store(network).await {
        Ok(Some(store)) => confirmed(&store, info, nonce).await,
        _ => None,
    };
    let found = match stored {
        Some(request) => Some(request),
        None => find_request(network, info, nonce).await?,
    };
    found.with_context(|| {
        format!("chain {} does not give request {nonce}; ask another endpoint", info.source.chain)
    })
}

async fn confirmed(store: &polyspan_store::Store, info: &LaneInfo, nonce: RequestNonce) -> Option<Request> {
    let position = store.source_position(info.bridge_id).await.ok()?;
    let stored = store.request(info.bridge_id, nonce).await.ok().flatten()?;
    (nonce < position.verified_next).then_some(stored.request)
}

#[cfg(test)]
mod tests {
    use polyspan_types::ValueTransfer;

    use super::*;
    use crate::governance::testing::held;

    /// A request of block `10 + nonce`, of `requested` ones.
    fn at(action: HoldAction, requested: u64, final_block: u64, handled: u64, nonce: u64) -> Option<String> {
        let new = RequestNonce::new;
        let transfer = ValueTransfer { source_block: BlockHeight::new(10 + nonce), ..held() };
        let request = Request { nonce: new(nonce), transfer, tx_hash: Default::default() };
        count_problem(action, new(requested), new(handled), new(nonce))
            .or_else(|| place_problem(action, BlockHeight::new(final_block), new(handled), &request))
    }

    #[test]
    fn only_the_next_final_request_can_be_put_on_hold() {
        let at = |final_block, handled, nonce| at(HoldAction::ForceHold, 9, final_block, handled, nonce);
        assert_eq!(at(14, 4, 4), None);
        assert!(at(19, 4, 3).unwrap().contains("handled already"));
        assert!(at(19, 4, 5).unwrap().contains("request 4 comes first"));
        assert!(at(13, 4, 4).unwrap().contains("no final block"));
        assert!(at(14, 4, 7).unwrap().contains("no final block"));
        assert!(at(99, 4, 9).unwrap().contains("no final block"));
    }

    #[test]
    fn a_hold_is_ended_only_when_the_source_has_its_request_in_a_final_block() {
        for action in [HoldAction::Release, HoldAction::Refund] {
            assert_eq!(at(action, 9, 13, 4, 3), None);
            assert!(at(action, 9, 12, 4, 3).unwrap().contains("no final block"));
            assert!(at(action, 3, 13, 4, 3).unwrap().contains("no final block"));
        }
    }
}
