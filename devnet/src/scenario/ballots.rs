//! What governors vote for, with the real `polyspan governance`.

use anyhow::{Result, bail};

use super::pick::Side;
use crate::network::Network;

/// Governors end the pause of that chain.
///
/// Errors: a command fails; its words are in the text.
pub async fn unpause(network: &Network, side: Side, number: usize) -> Result<()> {
    vote(network, side, number, &["unpause"]).await
}

/// Governors take these relays from the operators of the contract on that chain. It takes effect at once, since nobody is new and
/// the threshold stays.
///
/// Errors: as [`vote`].
pub(super) async fn dismiss(network: &Network, side: Side, number: usize, names: &[String]) -> Result<()> {
    let mut members = network.destination(0, side.destination_of())?.state().await?.operators.members;
    for name in names {
        let gone = network.relay(name)?.attester.address();
        members.retain(|member| *member != gone);
    }
    let members = members.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let threshold = network.spec.threshold.to_string();
    vote(network, side, number, &["set-operators", "--threshold", &threshold, "--members", &members]).await
}

/// Proposes, signs with as many governors as are needed, and executes.
///
/// Errors: a command fails; its words are in the text.
async fn vote(network: &Network, side: Side, number: usize, change: &[&str]) -> Result<()> {
    let file = network.spec.directory.join(format!("ballot-{number}.toml")).display().to_string();
    let chain = side.to_string();
    governance(network, &[&["propose", "--out", &file, "--chain", &chain], change].concat()).await?;
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
