//! The last step of a decision.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use polyspan_node::config::Config;
use polyspan_types::HoldAction;

use super::seen::Seen;
use super::{send, words};
use crate::args::{ConfigFile, FeeArguments, KeyArguments};
use crate::decision::Decision;
use crate::exit::Exit;
use crate::failure::BadInput;
use crate::network::Network;
use crate::output;

/// Arguments of `submit`.
#[derive(Debug, clap::Args)]
pub struct SubmitArguments {
    /// The decision; copies that were signed apart are given together.
    #[arg(value_name = "FILE", required = true)]
    decisions: Vec<PathBuf>,
    /// The key that pays for the transaction on the destination chain. It needs no authority.
    #[command(flatten)]
    key: KeyArguments,
    #[command(flatten)]
    gas: FeeArguments,
    #[command(flatten)]
    file: ConfigFile,
}

/// Merges the signatures and sends the decision. Exit code 1 when signatures are missing.
///
/// Errors: the files, the key, a decision that is not about what the chains have, or the endpoint.
pub(super) async fn run(action: HoldAction, arguments: SubmitArguments) -> Result<ExitCode> {
    let decision = merged(&arguments.decisions, action)?;
    let network = Network::open(Config::load(&arguments.file.config)?).await?;
    let seen = Seen::compared(&network, &decision).await?;
    output::told(words::describe(&network, &seen).await);
    let operators = &seen.destination.operators;
    let tally = decision.tally(operators);
    words::show_refused(&tally);
    if !operators.threshold.is_reached_by(tally.signed.len()) {
        output::object(&serde_json::json!({
            "action": action.to_string(),
            "transfer": seen.id().to_string(),
            "state": "missing",
            "signatures": tally.signed.len(),
            "threshold": operators.threshold.get(),
            "missing": tally.missing,
        }))?;
        let missing: Vec<_> = tally.missing.iter().map(ToString::to_string).collect();
        output::told(format!(
            "{} of {} signatures; nothing was sent. These have not signed: {}",
            tally.signed.len(),
            operators.threshold,
            missing.join(", ")
        ));
        return Ok(Exit::Bad.into());
    }
    send(&network, &seen, &tally.needed(operators), &arguments.key, arguments.gas).await
}

/// One decision with the signatures of all copies.
fn merged(files: &[PathBuf], action: HoldAction) -> Result<Decision, BadInput> {
    let Some((first, others)) = files.split_first() else {
        return Err(BadInput::new("give at least one file"));
    };
    let mut decision = Decision::load(first, action)?;
    for file in others {
        let named = |error: String| BadInput::new(format!("{} {error}", Path::display(file)));
        decision.merge(&Decision::load(file, action)?).map_err(named)?;
    }
    Ok(decision)
}
