//! The hold of a transfer: as it stands, how it ended, and where a refund went.

use alloy::primitives::Address;
use anyhow::Result;
use polyspan_chain::{At, ChainError, Claim, Hold};
use polyspan_node::config::LaneInfo;
use polyspan_node::holds::pair_readiness;
use polyspan_store::{Asked, OpenHold};
use polyspan_types::{
    BlockHeight, Direction, HoldEnd, HoldEnding, HoldReason, LaneId, Request, RequestNonce, TransferId,
};

use crate::hold_steps::HoldSteps;
use crate::judgement::{Facts, judge};
use crate::lane_view::{DestinationView, LaneView};
use crate::network::Network;
use crate::search;
use crate::story::{ClaimStory, EndingStory, RefundStory};

/// The request's hold, if it is on hold now.
pub async fn fetch(
    network: &Network,
    info: &LaneInfo,
    nonce: RequestNonce,
) -> Result<Option<Hold>, ChainError> {
    let side = &info.destination;
    let holds = network.chain(side).holds(side.bridge, nonce, 1, At::Latest).await?;
    Ok(holds.into_iter().find(|hold| hold.nonce == nonce))
}

/// Why the request is on hold, if it is.
pub async fn reason(
    network: &Network,
    info: &LaneInfo,
    nonce: RequestNonce,
) -> Result<Option<HoldReason>, ChainError> {
    Ok(fetch(network, info, nonce).await?.map(|hold| hold.reason))
}

/// What can happen next to a hold.
pub fn steps(hold: Hold, request: Option<&Request>, view: &DestinationView) -> HoldSteps {
    let asked = request.map(|request| {
        let transfer = &request.transfer;
        Asked { kind: transfer.kind, token: transfer.token, value: transfer.value }
    });
    let delay_blocks = asked.map(|asked| {
        let pair = view.state.pairs.iter().find(|pair| pair.is_of(asked.kind, asked.token));
        pair.and_then(|pair| pair.limits.delay).map_or(0, |delay| u64::from(delay.blocks))
    });
    let open = OpenHold { nonce: hold.nonce, reason: hold.reason, held_at: hold.held_at, asked };
    let head = view.head.latest.height;
    HoldSteps {
        hold,
        readiness: asked.map(|_| pair_readiness(&open, &view.state.pairs, head)),
        is_refund: asked.map(|asked| asked.kind.is_refund()),
        refund_delay: view.state.refund_delay,
        delay_blocks,
        head,
    }
}

/// How a hold made in block `held_at` ended, from the logs.
pub async fn find_ending(
    network: &Network,
    info: &LaneInfo,
    nonce: RequestNonce,
    held_at: BlockHeight,
) -> Result<Option<HoldEnding>, ChainError> {
    let side = &info.destination;
    search::ending(network.chain(side), side, nonce, held_at).await
}

/// An ending, with the way of the refund.
pub async fn story(network: &Network, info: &LaneInfo, ending: HoldEnding) -> EndingStory {
    let refund = match ending.end {
        HoldEnd::Released { .. } | HoldEnd::WrittenOff => None,
        HoldEnd::Refunded { request_nonce } => refund(network, info, request_nonce).await,
    };
    let claim = match ending.end {
        HoldEnd::WrittenOff => claim_story(network, info, &ending).await.ok().flatten(),
        HoldEnd::Released { .. } | HoldEnd::Refunded { .. } => None,
    };
    EndingStory { end: ending.end, block: ending.block.get(), tx_hash: ending.tx_hash, refund, claim }
}

async fn claim_story(
    network: &Network,
    info: &LaneInfo,
    ending: &HoldEnding,
) -> Result<Option<ClaimStory>, ChainError> {
    let Some((claims, claim)) = find_claim(network, info, ending).await? else { return Ok(None) };
    let open = network.chain(&info.destination).claim_is_open(claims, &claim, At::Latest).await.ok();
    Ok(Some(ClaimStory { claims, claimant: claim.claimant, open }))
}

/// Where the value of a written-off hold was put, and the claim on it.
pub async fn find_claim(
    network: &Network,
    info: &LaneInfo,
    ending: &HoldEnding,
) -> Result<Option<(Address, Claim)>, ChainError> {
    let side = &info.destination;
    let chain = network.chain(side);
    let claims = chain.bridge_state(side.bridge, At::Latest).await?.claims;
    if claims.is_zero() {
        return Ok(None);
    }
    let recorded = chain.claims(claims, ending.block, ending.block).await?;
    Ok(recorded.into_iter().find(|claim| claim.nonce == ending.nonce).map(|claim| (claims, claim)))
}

/// Where the request of the other lane is.
async fn refund(network: &Network, info: &LaneInfo, nonce: RequestNonce) -> Option<RefundStory> {
    let back = network.config.lane(&other_lane(&info.id))?;
    let id = TransferId { lane: back.id.clone(), nonce };
    let members = super::members(network).await.unwrap_or_default();
    let view = LaneView::fetch(network, back.clone(), &members).await;
    let mut facts = Facts::of(&view, nonce);
    match fetch(network, &back, nonce).await {
        Ok(hold) => facts.hold = hold.map(|hold| hold.reason),
        // Paid or held cannot be told apart.
        Err(error) => {
            facts.handled = None;
            facts.blind.push(error.to_string());
        }
    }
    let judgement = judge(&facts);
    Some(RefundStory { transfer: id.to_string(), state: judgement.state, waiting_for: judgement.waiting_for })
}

/// The transfer that a refund pays back: its bridge told so in the refund's own block.
pub async fn refunded_by(
    network: &Network,
    info: &LaneInfo,
    request: &Request,
) -> Result<Option<TransferId>, ChainError> {
    if !request.transfer.kind.is_refund() {
        return Ok(None);
    }
    let (side, block) = (&info.source, request.transfer.source_block);
    let logs = network.chain(side).handled(side.bridge, block, block).await?;
    let paid_back =
        logs.endings.iter().find(|ending| ending.end == HoldEnd::Refunded { request_nonce: request.nonce });
    Ok(paid_back.map(|ending| TransferId { lane: other_lane(&info.id), nonce: ending.nonce }))
}

fn other_lane(lane: &LaneId) -> LaneId {
    let direction: Direction = lane.direction.opposite();
    LaneId::new(lane.bridge.clone(), direction)
}
