//! Pausing a bridge as an operator can.

use alloy::signers::SignerSync;
use anyhow::{Context, Result};
use polyspan_contracts::Bridge;
use polyspan_types::{CheckpointDomain, Pause};

use super::pick::Side;
use crate::account;
use crate::network::Network;

/// One operator of the bridge contract on that chain pauses it; anybody may send what the operator signed.
///
/// Errors: the contract refuses.
pub(super) async fn pause(network: &Network, side: Side) -> Result<()> {
    let lane = side.destination_of();
    let contract = network.destination(0, lane)?;
    let nonce = contract.state().await?.pauseNonce;
    let operator = network.relays.iter().find(|relay| relay.spec.directions.contains(&lane));
    let operator = operator.context("a lane without an operator")?;
    let info = network.bridge(0)?.deployment.lane(lane).destination;
    let domain = CheckpointDomain::new(info.chain_id, info.bridge);
    let digest = Pause { pause_nonce: nonce }.digest(&domain);
    let signature = operator.attester.signer.sign_hash_sync(&digest).context("a key of memory signs")?;
    let call = Bridge::pauseCall { pauseNonce: nonce, signature: signature.as_bytes().to_vec().into() };
    let call = account::call_of(info.bridge, &call);
    account::execute(side.of(network), &network.deployer.signer, call).await?;
    Ok(())
}
