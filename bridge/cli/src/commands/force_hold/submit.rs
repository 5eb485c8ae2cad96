//! `polyspan force-hold submit`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
use polyspan_chain::force_hold_calldata;
use polyspan_node::config::Config;

use super::look;
use crate::args::{ConfigFile, KeyArguments};
use crate::commands::explain::fetch_hold;
use crate::decision::Decision;
use crate::failure::BadInput;
use crate::network::Network;
use crate::output;
use crate::unlock;
use crate::wallet::{Call, Wallet};

/// Arguments of `polyspan force-hold submit`.
#[derive(Debug, clap::Args)]
pub struct SubmitArguments {
    /// The decision; copies that were signed apart are given together.
    #[arg(value_name = "FILE", required = true)]
    decisions: Vec<PathBuf>,
    /// The key that pays for the transaction on the destination chain. It needs no authority.
    #[command(flatten)]
    key: KeyArguments,
    #[command(flatten)]
    file: ConfigFile,
}

/// Merges the signatures and sends the decision. Exit code 1 when signatures are missing.
///
/// Errors: the files, the key, a decision that is not about what the chains say, or the endpoint.
pub async fn run(arguments: SubmitArguments) -> Result<ExitCode> {
    let decision = merged(&arguments.decisions)?;
    let network = Network::open(Config::load(&arguments.file.config)?).await?;
    let (info, seen) = look::compare(&network, &decision).await?;
    let id = format!("{}:{}", info.id, decision.nonce());
    if seen.destination.paused {
        return Err(BadInput::new(format!(
            "{id} cannot be put on hold while the destination's bridge is paused"
        ))
        .into());
    }
    let operators = &seen.destination.operators;
    let tally = decision.tally(operators);
    look::tell_refused(&tally);
    if !operators.threshold.is_reached_by(tally.signed.len()) {
        let missing: Vec<_> = tally.missing.iter().map(ToString::to_string).collect();
        output::result(format!(
            "{} of {} signatures; nothing was sent. These have not signed: {}",
            tally.signed.len(),
            operators.threshold,
            missing.join(", ")
        ));
        return Ok(ExitCode::FAILURE);
    }
    let side = &info.destination;
    let wallet = Wallet::new(network.chain(side).clone(), unlock::unlock(&arguments.key)?);
    let signatures = tally.needed(operators);
    let input = force_hold_calldata(decision.nonce(), &decision.request.transfer, &signatures);
    let call = Call { to: Some(side.bridge), input, ..Call::default() };
    let sent = wallet.send(&format!("put {id} on hold"), call).await?;
    output::result(format!("force-hold transaction: {}", sent.tx_hash));
    if !look::is_forced(fetch_hold(&network, &info, decision.nonce()).await?.as_ref()) {
        bail!("the transaction went through and {id} is not on hold; see `polyspan explain {id}`");
    }
    output::result(format!(
        "{id} is on hold and the lane goes on; operators can release it by threshold, and after the refund delay anyone can refund it: \
         polyspan refund {id}"
    ));
    Ok(ExitCode::SUCCESS)
}

/// One decision with the signatures of all copies.
fn merged(files: &[PathBuf]) -> Result<Decision, BadInput> {
    let load = |file: &PathBuf| Decision::load(file);
    let Some((first, others)) = files.split_first() else {
        return Err(BadInput::new("give at least one file"));
    };
    let mut decision = load(first)?;
    for file in others {
        let named = |error: String| BadInput::new(format!("{} {error}", Path::display(file)));
        decision.merge(&load(file)?).map_err(named)?;
    }
    Ok(decision)
}
