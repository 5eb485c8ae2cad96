//! What both chains say about a request that is to be put on hold.

use anyhow::{Context, Result};
use polyspan_chain::Hold;
use polyspan_node::config::LaneInfo;
use polyspan_types::{Epoch, Leaf, Request, RequestNonce};

use crate::asset;
use crate::commands::explain::{find_request, open_store};
use crate::commands::status::members;
use crate::decision::{Decision, Tally};
use crate::failure::BadInput;
use crate::lane_view::{DestinationView, LaneView, SourceView};
use crate::network::Network;
use crate::output;

/// Both ends of a lane.
pub(super) struct Seen {
    pub(super) source: SourceView,
    pub(super) destination: DestinationView,
    /// What relays say that the lane waits for, with their names.
    pub(super) said: Vec<(String, String)>,
}

impl Seen {
    /// Reads both ends.
    ///
    /// Errors: one of them cannot be seen, and without it nothing is decided.
    pub(super) async fn fetch(network: &Network, info: &LaneInfo) -> Result<Self> {
        let members = members(network).await.unwrap_or_default();
        let view = LaneView::fetch(network, info.clone(), &members).await;
        let unseen = |chain: &str| format!("chain {chain} was not seen, and nothing is decided without it");
        let source = view.source.map_err(anyhow::Error::msg).with_context(|| unseen(&info.source.chain))?;
        let destination =
            view.destination.map_err(anyhow::Error::msg).with_context(|| unseen(&info.destination.chain))?;
        let reports = view.relays.map(|relays| relays.reports).unwrap_or_default();
        let said = reports.into_iter().filter_map(|(id, report)| Some((id.to_string(), report.waiting_for?)));
        Ok(Self { source, destination, said: said.collect() })
    }

    /// Whether request `nonce` can be put on hold next, under the operators of `epoch`.
    ///
    /// Errors: it cannot, and what to do.
    pub(super) fn check(&self, info: &LaneInfo, nonce: RequestNonce, epoch: Epoch) -> Result<(), BadInput> {
        match problem(self.source.final_nonce, self.destination.handled, nonce) {
            Some(problem) => Err(BadInput::new(format!("{}:{nonce} {problem}", info.id))),
            None if epoch != self.destination.operators.epoch => Err(BadInput::new(format!(
                "it is for the operators of epoch {epoch}, and the destination is at epoch {}; prepare it again",
                self.destination.operators.epoch
            ))),
            None => Ok(()),
        }
    }
}

/// Why a request is not the one that can be put on hold now.
fn problem(final_nonce: RequestNonce, handled: RequestNonce, nonce: RequestNonce) -> Option<String> {
    if nonce < handled {
        return Some("is handled already; `polyspan explain` tells how".to_owned());
    }
    if nonce >= final_nonce {
        return Some("is in no final block of the source yet".to_owned());
    }
    (nonce > handled).then(|| {
        format!("is not the next one: request {handled} comes first, and the lane is in strict order")
    })
}

/// The request as this host knows it: from its relay, whose root the source has confirmed, or else from the source's logs, by a quorum.
///
/// Errors: it cannot be found.
pub(super) async fn request(network: &Network, info: &LaneInfo, nonce: RequestNonce) -> Result<Request> {
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

/// What is decided, in words, from a request that was compared with the chain.
pub(super) fn describe(network: &Network, info: &LaneInfo, request: &Request) -> String {
    let transfer = &request.transfer;
    let deployment = network.config.bridge(&info.id.bridge);
    let pair = deployment.and_then(|deployment| {
        let source_token = |(source, _)| source;
        deployment.pairs.iter().find(|pair| source_token(pair.tokens(info.id.direction)) == transfer.token)
    });
    let what = asset::what(transfer, pair.map(|pair| pair.name.as_str()), None);
    format!(
        "put {}:{} on hold without trying to pay it: {what} from {} to {} (refunds to {}), requested in block {} of chain {}",
        info.id,
        request.nonce,
        transfer.from,
        transfer.to,
        transfer.refund_to,
        transfer.source_block,
        info.source.chain
    )
}

/// Compares a file with the chains, and tells what it is about in own words.
///
/// Errors: it is about another bridge, about something that is not next, or about a request that the source does not have.
pub(super) async fn compare(network: &Network, decision: &Decision) -> Result<(LaneInfo, Seen)> {
    let info = network.lane(&decision.lane)?;
    decision.check_lane(&info).map_err(BadInput::new)?;
    let seen = Seen::fetch(network, &info).await?;
    seen.check(&info, decision.nonce(), decision.epoch)?;
    let own = request(network, &info, decision.nonce()).await?;
    if Leaf::of(&own) != Leaf::of(&decision.request) {
        return Err(BadInput::new(format!(
            "the request in the file is not the one that chain {} has under nonce {}; do not sign it, and ask who made it",
            info.source.chain,
            decision.nonce()
        ))
        .into());
    }
    output::result(describe(network, &info, &own));
    Ok((info, seen))
}

/// Says what relays say, which is why somebody looks at all.
pub(super) fn tell(seen: &Seen) {
    for (relay, what) in &seen.said {
        output::result(format!("relay {relay} says that the lane waits for {what}"));
    }
}

/// Says what does not count.
pub(super) fn tell_refused(tally: &Tally) {
    tally.refused.iter().for_each(|why| output::remark(format!("note: {why}; it does not count")));
}

/// Whether it is on hold by force.
pub(super) fn is_forced(hold: Option<&Hold>) -> bool {
    hold.is_some_and(|hold| hold.reason == polyspan_types::HoldReason::Forced)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(final_nonce: u64, handled: u64, nonce: u64) -> Option<String> {
        problem(RequestNonce::new(final_nonce), RequestNonce::new(handled), RequestNonce::new(nonce))
    }

    #[test]
    fn only_the_next_final_request_can_be_put_on_hold() {
        assert_eq!(at(9, 4, 4), None);
        assert!(at(9, 4, 3).unwrap().contains("handled already"));
        assert!(at(9, 4, 5).unwrap().contains("request 4 comes first"));
        assert!(at(4, 4, 4).unwrap().contains("no final block"));
        assert!(at(4, 4, 7).unwrap().contains("no final block"));
    }
}
