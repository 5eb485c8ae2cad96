//! Pausing a bridge as an operator can, and ending it as only governors can.

use alloy::signers::SignerSync;
use alloy::sol_types::SolStruct;
use anyhow::{Context, Result, bail};
use polyspan_contracts::Bridge;
use polyspan_types::CheckpointDomain;

use super::pick::Side;
use crate::account;
use crate::network::Network;

mod abi {
    alloy::sol! {
        /// Mirrors the contract's type string.
        struct Pause {
            /// How many times the bridge was unpaused.
            uint64 pauseNonce;
        }
    }
}

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
    let digest = abi::Pause { pauseNonce: nonce }.eip712_signing_hash(domain.eip712());
    let signature = operator.attester.signer.sign_hash_sync(&digest).context("a key of memory signs")?;
    let call = Bridge::pauseCall { pauseNonce: nonce, signature: signature.as_bytes().to_vec().into() };
    let call = account::call_of(info.bridge, &call);
    account::execute(side.of(network), &network.deployer.signer, call).await?;
    Ok(())
}

/// Governors end the pause of that chain by a vote, with the real `polyspan governance`.
///
/// Errors: a command fails; its words are in the text.
pub(super) async fn unpause(network: &Network, side: Side, number: usize) -> Result<()> {
    let file = network.spec.directory.join(format!("unpause-{number}.toml")).display().to_string();
    let chain = side.to_string();
    governance(network, &["propose", "--out", &file, "--chain", &chain, "unpause"]).await?;
    let majority = network.governors.len() / 2 + 1;
    for governor in network.governors.iter().take(majority) {
        let (key, passphrase) = (governor.keystore.display(), governor.passphrase_file.display());
        let (key, passphrase) = (key.to_string(), passphrase.to_string());
        let words = ["sign", &file, "--yes", "--key", &key, "--passphrase-file", &passphrase];
        governance(network, &words).await?;
    }
    let key = network.deployer.keystore.display().to_string();
    let passphrase = network.deployer.passphrase_file.display().to_string();
    let words =
        ["execute", &file, "--chain", &chain, "--key", &key, "--passphrase-file", &passphrase, "--wait"];
    governance(network, &words).await
}

async fn governance(network: &Network, words: &[&str]) -> Result<()> {
    let words: Vec<&str> = std::iter::once("governance").chain(words.iter().copied()).collect();
    let output = network.polyspan(&words).await?;
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr);
        bail!("polyspan {} ends with {}: {}", words[..2].join(" "), output.status, told.trim());
    }
    Ok(())
}
