//! Who signed for a transfer: from the coordinator while it waits, from its transaction afterwards.

use anyhow::{Context, Result, bail};
use polyspan_chain::{At, HandleCall};
use polyspan_coordination::MemberView;
use polyspan_store::Store;
use polyspan_types::{BlockRef, CheckpointDomain, MemberSet, OperatorId, Outcome, RequestNonce, Root};

use crate::approval::Approval;
use crate::lane_view::LaneView;
use crate::network::Network;
use crate::story::{AttestationStory, Signer};

/// The votes that the coordinator has for checkpoints that cover the request.
pub fn attestations(view: &LaneView, nonce: RequestNonce, members: &[MemberView]) -> Vec<AttestationStory> {
    let Some(tally) = view.relays.as_ref().ok().and_then(|relays| relays.tally.as_ref()) else {
        return Vec::new();
    };
    let covering =
        tally.checkpoints().map(|(checkpoint, _)| checkpoint).filter(|checkpoint| checkpoint.nonce > nonce);
    let stories = covering.map(|checkpoint| AttestationStory {
        checkpoint: checkpoint.nonce.get(),
        root: checkpoint.root,
        signers: signers(tally.voters(&checkpoint), members),
    });
    stories.collect()
}

/// Nonce of the lowest checkpoint with a threshold of votes that covers the request.
pub fn approved(view: &LaneView, nonce: RequestNonce) -> Option<u64> {
    let tally = view.relays.as_ref().ok()?.tally.as_ref()?;
    tally.lowest_approved_at_or_above(nonce.next()).map(|(checkpoint, _)| checkpoint.nonce.get())
}

/// What the transaction says that handled a request.
///
/// Errors: why it cannot be told.
pub async fn handling(network: &Network, view: &LaneView, outcome: &Outcome) -> Result<Handling> {
    let side = &view.info.destination;
    let sent = network.chain(side).transaction(outcome.tx_hash).await?;
    let sent = sent.with_context(|| format!("chain {} does not give its transaction", side.chain))?;
    if sent.to != Some(side.bridge) {
        bail!("its transaction does not call the bridge, but a contract that does");
    }
    let call = HandleCall::decode(&sent.input)
        .filter(|call| (call.first..call.end()).contains(&outcome.nonce))
        .context("its transaction is no handle of this transfer")?;
    Ok(Handling { call, block: sent.block })
}

/// A transaction that handled a request, decoded.
pub struct Handling {
    /// What it says.
    pub call: HandleCall,
    block: Option<BlockRef>,
}

/// Who approved a request that is handled, proven from the transaction that handled it: the coordinator has forgotten
/// their votes by then.
///
/// Errors: why it cannot be told.
pub async fn approval(
    network: &Network,
    view: &LaneView,
    handling: &Handling,
    store: Option<&Store>,
    members: &[MemberView],
) -> Result<AttestationStory> {
    let (info, side) = (&view.info, &view.info.destination);
    let chain = network.chain(side);
    let call = &handling.call;
    let block = handling.block.context("its transaction is not in a block any more")?;
    let then = chain.bridge_state(side.bridge, At::Hash(block.hash)).await;
    let recorded: Option<Root> = match store {
        Some(store) => store.root_at(info.bridge_id, call.end()).await?,
        None => None,
    };
    let seen = then.as_ref().ok().filter(|state| state.handle_nonce == call.end());
    let roots: Vec<Root> = seen.map(|state| state.handle_root).into_iter().chain(recorded).collect();
    let operators: &MemberSet = match (&then, &view.destination) {
        (Ok(state), _) => &state.operators,
        // A node may have dropped the state of old blocks. What today's operators signed is proven all the same.
        (Err(_), Ok(today)) if recorded.is_some() => &today.operators,
        (Err(error), _) => {
            let what = "the state of its block cannot be read, nor what a relay of this host recorded";
            return Err(anyhow::Error::new(error.clone()).context(what));
        }
    };
    if roots.is_empty() {
        bail!("others were handled after it in its block, and no relay of this host has recorded its root");
    }
    let domain = CheckpointDomain::new(side.chain_id, side.bridge);
    let proven =
        roots.into_iter().find_map(|root| Approval::prove(call, root, info.bridge_id, &domain, operators));
    let approval = proven.with_context(|| {
        let MemberSet { epoch, threshold, .. } = operators;
        format!("its transaction proves no {threshold} signatures of operators of epoch {epoch}")
    })?;
    Ok(AttestationStory {
        checkpoint: approval.checkpoint.nonce.get(),
        root: approval.checkpoint.root,
        signers: signers(approval.signers, members),
    })
}

/// Operators with the names of their relays, as far as the coordinator tells them.
fn signers(operators: impl IntoIterator<Item = OperatorId>, members: &[MemberView]) -> Vec<Signer> {
    let relay_of = |operator| {
        let relay = members.iter().find(|view| view.member.operator == Some(operator));
        relay.map(|view| view.member.id.to_string())
    };
    operators.into_iter().map(|operator| Signer { relay: relay_of(operator), operator }).collect()
}
