//! Nobody signed two roots for one nonce: from the databases of the relays and the folder in which they meet.

use std::path::Path;

use alloy::primitives::Address;
use anyhow::{Context, Result, bail};
use polyspan_coordination::{Coordinator, EmbeddedCoordinator, EmbeddedSettings};
use polyspan_node::config::LaneInfo;
use polyspan_store::Store;
use polyspan_types::{Direction, RequestNonce, Root};

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
/// A relay that signed two roots for one nonce signed at least one other than that. What `liars` published is left out.
///
/// Errors: one is not, or a database cannot be read.
pub async fn expect_single_roots_but(network: &Network, liars: &[Address]) -> Result<()> {
    for (number, bridge) in network.bridges.iter().enumerate() {
        for direction in Direction::ALL {
            let lane = bridge.deployment.lane(direction);
            let requests = network.source(number, direction)?.requests().await?;
            let roots = roots(&lane, &requests);
            check_stores(network, &lane, &roots).await?;
            check_meeting(network, &lane, &roots, liars).await?;
        }
    }
    Ok(())
}

async fn check_stores(network: &Network, lane: &LaneInfo, roots: &[Root]) -> Result<()> {
    let signs = |relay: &&crate::relay::Relay| relay.spec.directions.contains(&lane.id.direction);
    for relay in network.relays.iter().filter(signs).filter(|relay| relay.store.exists()) {
        let store = Store::open_read_only(&relay.store).await?;
        for (nonce, root) in roots.iter().enumerate() {
            let signed = store.signed_root(lane.bridge_id, RequestNonce::new(nonce as u64)).await?;
            if signed.is_some_and(|signed| signed != *root) {
                bail!("{} signed another root than that of {} at nonce {nonce}", relay.spec.name, lane.id);
            }
        }
        store.close().await;
    }
    Ok(())
}

async fn check_meeting(network: &Network, lane: &LaneInfo, roots: &[Root], liars: &[Address]) -> Result<()> {
    for directory in configs::meetings(&network.spec) {
        check_folder(network, &directory, lane, roots, liars).await?;
    }
    Ok(())
}

async fn check_folder(
    network: &Network,
    directory: &Path,
    lane: &LaneInfo,
    roots: &[Root],
    liars: &[Address],
) -> Result<()> {
    let settings = EmbeddedSettings { lease: network.spec.lease, ..EmbeddedSettings::default() };
    let observer = EmbeddedCoordinator::open_observer(directory, settings)?;
    for attestation in observer.attestations(lane.bridge_id, RequestNonce::ZERO).await? {
        if liars.contains(&attestation.operator) {
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
