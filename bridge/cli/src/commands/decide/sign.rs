//! The step of each operator.

use std::path::PathBuf;
use std::process::ExitCode;

use alloy::primitives::Address;
use anyhow::Result;
use polyspan_node::config::Config;
use polyspan_node::keys::AttesterKey;
use polyspan_types::{HoldAction, MemberSet};

use super::seen::Seen;
use super::words;
use crate::args::ConfigFile;
use crate::decision::Decision;
use crate::failure::BadInput;
use crate::handover;
use crate::network::Network;
use crate::output;

/// Arguments of `sign`.
#[derive(Debug, clap::Args)]
pub struct SignArguments {
    /// The decision.
    #[arg(value_name = "FILE")]
    decision: PathBuf,
    #[command(flatten)]
    file: ConfigFile,
    /// Write the signed copy here instead of into FILE; never overwritten.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

/// Compares the decision with the chains, asks, and signs.
///
/// Errors: the decision is not about what the chains have, a key of no operator, or nobody agreed.
pub(super) async fn run(action: HoldAction, arguments: SignArguments) -> Result<ExitCode> {
    let mut decision = Decision::load(&arguments.decision, action)?;
    let network = Network::open(Config::load(&arguments.file.config)?).await?;
    let seen = Seen::compared(&network, &decision).await?;
    let text = words::describe(&network, &seen).await;
    let notes = words::notes(&network, &seen).await;
    std::iter::once(&text).chain(&notes).for_each(output::told);
    let operators = &seen.destination.operators;
    let key = attester(&network.config)?;
    check_operator(key.address(), operators)?;
    if !arguments.yes {
        handover::confirm(
            &format!("Sign this {action} as {}? [y/N] ", key.address()),
            "look at the decision",
            "nothing was signed",
        )?;
    }
    let signature = key.sign_decision(&decision.signed(), &decision.domain()).await?;
    decision.add_signature(key.address(), &signature);
    let file = match &arguments.out {
        Some(out) => {
            decision.create(out)?;
            out
        }
        None => {
            decision.replace(&arguments.decision)?;
            &arguments.decision
        }
    };
    let tally = decision.tally(operators);
    words::show_refused(&tally);
    let (count, threshold) = (tally.signed.len(), operators.threshold);
    let is_enough = threshold.is_reached_by(count);
    output::object(&serde_json::json!({
        "action": action.to_string(),
        "transfer": seen.id().to_string(),
        "text": text,
        "notes": notes,
        "file": file,
        "operator": key.address(),
        "signatures": count,
        "threshold": threshold.get(),
        "enough": is_enough,
    }))?;
    let file = file.display();
    let next = if is_enough {
        format!("anyone can send it: polyspan {action} submit {file} --key KEYSTORE")
    } else {
        format!("pass it on: polyspan {action} sign {file}")
    };
    output::told(format!("signed {file}, {count} of {threshold}; {next}"));
    Ok(ExitCode::SUCCESS)
}

/// The key that the relay of this config signs with.
///
/// Errors: the config has none, or its files.
pub fn attester(config: &Config) -> Result<AttesterKey> {
    let entry = config.relay.as_ref().and_then(|relay| relay.attester.as_ref());
    let Some(entry) = entry else {
        let file = config.file.display();
        return Err(BadInput::new(format!(
            "{file} names no attester key; give the config of a relay that attests, with --config"
        ))
        .into());
    };
    Ok(entry.open()?)
}

fn check_operator(account: Address, operators: &MemberSet) -> Result<(), BadInput> {
    if operators.contains(account) {
        return Ok(());
    }
    let members: Vec<_> = operators.members.iter().map(ToString::to_string).collect();
    Err(BadInput::new(format!(
        "the attester {account} is no operator of the destination, and its signature would not count; they are {}",
        members.join(", ")
    )))
}
