//! `polyspan pause`

mod ends;

use std::path::PathBuf;
use std::process::ExitCode;

use alloy::primitives::{Address, B256};
use anyhow::{Context, Result, bail};
use polyspan_chain::{At, BridgeRevert, ChainError, pause_calldata};
use polyspan_node::config::{Config, Side};
use polyspan_node::keys::{AttesterKey, KeyEntry};
use polyspan_types::{BridgeName, CheckpointDomain, Pause};
use serde::Serialize;

use super::decide::attester;
use crate::args::{ConfigFile, FeeArguments, KeyArguments};
use crate::exit::Exit;
use crate::failure::{self, BadInput};
use crate::handover;
use crate::network::Network;
use crate::output;
use crate::signer::{SignerArgument, SignerParser};
use crate::unlock;
use crate::wallet::{Call, Wallet};
use ends::{End, State};

/// Arguments of `polyspan pause`.
#[derive(Debug, clap::Args)]
pub struct PauseArguments {
    /// The bridge; may be left out when the config has one.
    #[arg(long, value_name = "NAME")]
    bridge: Option<BridgeName>,
    /// Only its contract on this chain; on both when left out.
    #[arg(long, value_name = "CHAIN")]
    chain: Option<String>,
    /// The key that pays for the transactions. It needs no authority. Default: the config's last submitter of the chain.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// File whose first line is the passphrase of --key; asked for when left out.
    #[arg(long, value_name = "FILE", requires = "key")]
    passphrase_file: Option<PathBuf>,
    /// The key that pays, where it is in no keystore: web3signer:URL#ADDRESS, aws-kms:KEY, gcp-kms:KEY, ledger, ledger:PATH or file:FILE.
    #[arg(long, value_name = "SIGNER", value_parser = SignerParser, conflicts_with_all = ["key", "passphrase_file"])]
    signer: Option<SignerArgument>,
    #[command(flatten)]
    gas: FeeArguments,
    /// Show what would be paused; sign and send nothing.
    #[arg(long)]
    dry_run: bool,
    /// Pause without asking.
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
    #[command(flatten)]
    file: ConfigFile,
}

/// What came of it, for programs.
#[derive(Debug, Serialize)]
struct Report {
    bridge: String,
    operator: Address,
    ends: Vec<EndReport>,
}

/// What came of one contract.
#[derive(Debug, Serialize)]
struct EndReport {
    chain: String,
    contract: Address,
    /// `paused`; `pausable` where nothing was sent; `sent` when it was not seen as paused yet; `failed`.
    state: &'static str,
    transaction: Option<B256>,
    /// Why it is not paused.
    problem: Option<String>,
}

/// Pauses a bridge on both of its chains, or on one. What can be paused is, whatever happens at the other end. Exit code 1 when an end
/// could not be paused.
///
/// Errors: the configuration, the keys, no such bridge, or nothing that this operator can pause.
pub async fn run(arguments: PauseArguments) -> Result<ExitCode> {
    let network = Network::of_chains(Config::load(&arguments.file.config)?)?;
    let deployment = ends::bridge(&network.config, arguments.bridge.as_ref())?;
    let attester = attester(&network.config)?;
    let ends = ends::fetch(&network, deployment, arguments.chain.as_deref(), attester.address()).await?;
    let operator = attester.address();
    output::remark(format!("pause bridge {} as operator {operator}:", deployment.name));
    ends.iter().for_each(|end| output::remark(format!("  {end}")));
    output::remark("No request is taken and nothing is paid until governors end the pause.");
    let mut report = Report { bridge: deployment.name.to_string(), operator, ends: Vec::new() };
    if !ends.iter().any(|end| matches!(end.state, State::Pausable { .. })) {
        let exit = ends::nothing_to_do(&ends)?;
        report.ends.extend(ends.iter().map(EndReport::of));
        output::object(&report)?;
        return Ok(exit);
    }
    if arguments.dry_run {
        output::told("nothing was signed or sent (--dry-run)");
        report.ends.extend(ends.iter().map(EndReport::of));
        output::object(&report)?;
        return Ok(Exit::Fine.into());
    }
    if !arguments.yes {
        handover::confirm(
            "Pause it? [y/N] ",
            "look at what would be paused with --dry-run",
            "nothing was paused",
        )?;
    }
    let (key, passphrase_file, signer) = (arguments.key, arguments.passphrase_file, arguments.signer);
    let is_given = key.is_some() || signer.is_some();
    let key = is_given.then_some(KeyArguments { key, passphrase_file, signer });
    let mut exit = Exit::Fine;
    for end in &ends {
        let paused = pause(&network, end, &attester, key.as_ref(), arguments.gas).await;
        let paused = paused.with_context(|| format!("chain {} is not paused", end.side.chain));
        report.ends.push(match paused {
            Ok(paused) => paused,
            Err(error) => {
                let (failed, problem) = (failure::exit(&error), format!("{error:#}"));
                output::error(&problem, failed);
                exit = exit.worst(failed);
                EndReport { state: "failed", problem: Some(problem), ..EndReport::of(end) }
            }
        });
    }
    output::object(&report)?;
    Ok(exit.into())
}

/// Pauses one end, if it is not.
async fn pause(
    network: &Network,
    end: &End<'_>,
    attester: &AttesterKey,
    key: Option<&KeyArguments>,
    gas: FeeArguments,
) -> Result<EndReport> {
    let (side, chain) = (end.side, network.chain(end.side));
    let pause = match &end.state {
        State::Pausable { pause_nonce } => Pause { pause_nonce: *pause_nonce },
        State::Paused => return Ok(EndReport::of(end)),
        State::NotOperator => bail!("this key is no operator there; have an operator of that chain pause it"),
        State::Unread(error) => return Err(error.clone().into()),
    };
    let payer = match key {
        Some(key) => unlock::unlock(key).await?,
        None => submitter(&network.config, side)?.open()?,
    };
    let domain = CheckpointDomain::new(side.chain_id, side.bridge);
    let signature = attester.sign_pause(pause, &domain).await?;
    let wallet = Wallet::new(chain.clone(), payer).paying_at_most(gas.max_fee);
    let input = pause_calldata(pause.pause_nonce, &signature);
    let call = Call { to: Some(side.bridge), input, ..Call::default() };
    if let Err(ChainError::Reverted(BridgeRevert::Paused { .. })) = wallet.simulate(&call).await {
        output::told(format!("chain {}: somebody else paused it meanwhile", side.chain));
        return Ok(EndReport { state: "paused", ..EndReport::of(end) });
    }
    let sent = wallet.send("pause the bridge", call).await?;
    let state = chain.bridge_state(side.bridge, At::Latest).await;
    let (state, seen) = match state {
        Ok(state) if state.paused => ("paused", "paused"),
        _ => ("sent", "sent, and not seen as paused yet"),
    };
    output::told(format!("chain {}: {seen}; transaction {}", side.chain, sent.tx_hash));
    Ok(EndReport { state, transaction: Some(sent.tx_hash), ..EndReport::of(end) })
}

impl EndReport {
    /// As it was found.
    fn of(end: &End<'_>) -> Self {
        let (state, problem) = match &end.state {
            State::Pausable { .. } => ("pausable", None),
            State::Paused => ("paused", None),
            State::NotOperator => ("failed", Some("this key is no operator there".to_owned())),
            State::Unread(error) => ("failed", Some(error.to_string())),
        };
        let (chain, contract) = (end.side.chain.clone(), end.side.bridge);
        Self { chain, contract, state, transaction: None, problem }
    }
}

/// The last submitter key of the chain: a running relay uses the first one.
fn submitter<'a>(config: &'a Config, side: &Side) -> Result<&'a KeyEntry, BadInput> {
    let mut submitters = config.relay.iter().flat_map(|relay| &relay.submitters);
    let own = submitters.rfind(|submitter| submitter.chain == side.chain);
    own.map(|submitter| &submitter.key).ok_or_else(|| {
        BadInput::new(format!(
            "the config has no submitter key for chain {}; give one that pays with --key",
            side.chain
        ))
    })
}
