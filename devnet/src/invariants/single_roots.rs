//! Nobody signed two roots for one nonce: from the votes on chain, the databases of the relays and the place where they meet.

use alloy::primitives::Address;
use alloy::rpc::types::Log;
use alloy::sol_types::SolEvent;
use anyhow::{Context, Result, bail};
use polyspan_contracts::Bridge::CheckpointVoted;
use polyspan_coordination::CoordinationError;
use polyspan_node::config::{Config, CoordinationEntry, LaneInfo, MeetingPlace};
use polyspan_node::meeting;
use polyspan_store::Store;
use polyspan_types::{Checkpoint, CheckpointDomain, Direction, Epoch, RequestNonce, Root};

use super::lane::roots;
use crate::configs;
use crate::network::Network;

/// As [`expect_single_roots_but`], for a network in which nobody is known to lie.
///
/// Errors: as there.
pub async fn expect_single_roots(network: &Network) -> Result<()> {
    expect_single_roots_but(network, &[]).await
}

/// Everything that any relay signed, as far as it is still kept anywhere, is the root that the source's logs hash to.
/// A relay that signed two roots for one nonce signed at least one other than that. What `liars` published is left out, and what
/// the honest relay that comes back with such a key finds its key to have signed; what that relay signs itself is not.
///
/// Errors: one is not, or a database cannot be read.
pub async fn expect_single_roots_but(network: &Network, liars: &[Address]) -> Result<()> {
    for (number, bridge) in network.bridges.iter().enumerate() {
        for direction in Direction::ALL {
            let lane = bridge.deployment.lane(direction);
            let requests = network.source(number, direction)?.requests().await?;
            let roots = roots(&lane, &requests);
            let destination = network.destination(number, direction)?;
            let epoch = Epoch::new(destination.state().await?.operators.epoch);
            check_votes(
                &lane,
                epoch,
                &roots,
                liars,
                &destination.logs(&[CheckpointVoted::SIGNATURE_HASH]).await?,
            )?;
            check_stores(network, &lane, epoch, &roots, liars).await?;
            check_meeting(network, &lane, &roots, liars).await?;
        }
    }
    Ok(())
}

/// Votes on chain, whose digests tell lane, epoch, nonce and root.
pub(super) fn check_votes(
    lane: &LaneInfo,
    last: Epoch,
    roots: &[Root],
    liars: &[Address],
    votes: &[Log],
) -> Result<()> {
    let domain = CheckpointDomain::new(lane.destination.chain_id, lane.destination.bridge);
    for log in votes {
        let vote = log.log_decode::<CheckpointVoted>().context("a vote does not decode")?.inner.data;
        let nonce = RequestNonce::new(vote.nonce);
        let root = usize::try_from(vote.nonce).ok().and_then(|nonce| roots.get(nonce)).copied();
        let is_for = |root: Root, epoch: u64| {
            let epoch = Epoch::new(epoch);
            Checkpoint { bridge_id: lane.bridge_id, epoch, nonce, root }.digest(&domain) == vote.digest
        };
        let right = root.is_some_and(|root| (1..=last.get()).any(|epoch| is_for(root, epoch)));
        if !right && !liars.contains(&vote.operator) {
            bail!("{} voted for another root than that of {} at nonce {nonce}", vote.operator, lane.id);
        }
    }
    Ok(())
}

async fn check_stores(
    network: &Network,
    lane: &LaneInfo,
    epoch: Epoch,
    roots: &[Root],
    liars: &[Address],
) -> Result<()> {
    let signs = |relay: &&crate::relay::Relay| relay.spec.directions.contains(&lane.id.direction);
    for relay in network.relays.iter().filter(signs).filter(|relay| relay.store.exists()) {
        let store = Store::open_read_only(&relay.store).await?;
        let signed = if liars.contains(&relay.attester.address()) {
            let own = store.attestations(lane.bridge_id, epoch, RequestNonce::ZERO).await?;
            own.into_iter().map(|own| (own.checkpoint.nonce, own.checkpoint.root)).collect()
        } else {
            signed_roots(&store, lane, roots.len()).await?
        };
        store.close().await;
        for (nonce, root) in signed {
            if roots.get(usize::try_from(nonce.get())?) != Some(&root) {
                bail!("{} signed another root than that of {} at nonce {nonce}", relay.spec.name, lane.id);
            }
        }
    }
    Ok(())
}

/// What a store has of the first `count` nonces, under any epoch.
async fn signed_roots(store: &Store, lane: &LaneInfo, count: usize) -> Result<Vec<(RequestNonce, Root)>> {
    let mut signed = Vec::new();
    for nonce in (0..count as u64).map(RequestNonce::new) {
        signed.extend(store.signed_root(lane.bridge_id, nonce).await?.map(|root| (nonce, root)));
    }
    Ok(signed)
}

async fn check_meeting(network: &Network, lane: &LaneInfo, roots: &[Root], liars: &[Address]) -> Result<()> {
    let config = Config::load(&network.config)?;
    let entry = config.coordination.as_ref().context("a network has a meeting place")?;
    let places = match &entry.place {
        MeetingPlace::Embedded(_) => {
            configs::meetings(&network.spec).into_iter().map(MeetingPlace::Embedded).collect()
        }
        MeetingPlace::Etcd(_) => vec![entry.place.clone()],
    };
    for place in places {
        check_place(&CoordinationEntry { place, ..entry.clone() }, lane, roots, liars).await?;
    }
    Ok(())
}

async fn check_place(
    entry: &CoordinationEntry,
    lane: &LaneInfo,
    roots: &[Root],
    liars: &[Address],
) -> Result<()> {
    let observer = meeting::observe(entry).await?;
    let kept = match observer.attestations(lane.bridge_id, RequestNonce::ZERO).await {
        // An etcd that a test took away keeps nothing; what was signed is in the databases.
        Err(CoordinationError::Unreachable { .. }) => Vec::new(),
        kept => kept?,
    };
    let domain = CheckpointDomain::new(lane.destination.chain_id, lane.destination.bridge);
    for attestation in kept {
        // What a stranger forged in the place is nobody's vote.
        let digest = attestation.checkpoint.digest(&domain);
        let signer = attestation.signature.recover_address_from_prehash(&digest).ok();
        if signer != Some(attestation.operator) || liars.contains(&attestation.operator) {
            continue;
        }
        let checkpoint = attestation.checkpoint;
        let nonce = usize::try_from(checkpoint.nonce.get()).context("a nonce beyond memory")?;
        if roots.get(nonce) != Some(&checkpoint.root) {
            bail!(
                "{} published another root than that of {} at nonce {nonce}",
                attestation.operator,
                lane.id
            );
        }
    }
    Ok(())
}
