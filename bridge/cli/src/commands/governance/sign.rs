//! `polyspan governance sign`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use alloy::primitives::{Address, Bytes};
use anyhow::{Context, Result};
use serde::Serialize;

use super::history;
use super::look;
use super::reach::{ReachArguments, Site, Sites, Snapshot};
use crate::args::KeyArguments;
use crate::deploy::spec::End;
use crate::failure::BadInput;
use crate::governance::proposal::{Proposal, Section};
use crate::governance::step::{self, Seen, Step};
use crate::governance::vote::{Tally, preimage};
use crate::handover;
use crate::output;
use crate::unlock;

/// Arguments of `polyspan governance sign`.
#[derive(Debug, clap::Args)]
pub struct SignArguments {
    /// The proposal.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Write the signed copy here instead of into FILE; never overwritten.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    key: KeyArguments,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    /// Contact no endpoint: whether the proposal fits the bridge is then for you to find out.
    #[arg(long)]
    offline: bool,
    #[command(flatten)]
    reach: ReachArguments,
}

/// How far a proposal is signed, for programs.
#[derive(Debug, Serialize)]
struct Report<'a> {
    file: &'a Path,
    /// Whose key has signed; `null` when there was nothing left to sign.
    governor: Option<Address>,
    chains: Vec<ChainReport>,
    /// Whether anyone can send it now, as far as the chains were looked at.
    enough: bool,
}

/// One part of it.
#[derive(Debug, Serialize)]
struct ChainReport {
    chain: String,
    /// That count, where the chain was looked at; else all.
    signatures: usize,
    threshold: Option<u8>,
}

/// Shows what the calldata says, asks, and signs.
///
/// Errors: a proposal that cannot be voted, a key of no governor, or nobody agreed.
pub async fn run(arguments: SignArguments) -> Result<ExitCode> {
    let mut proposal = Proposal::load(&arguments.file)?;
    let sites = match arguments.offline && !arguments.reach.is_given() {
        true => None,
        false => Some(arguments.reach.open(Some(&proposal))?),
    };
    let mut snapshots = [None, None];
    if let Some(sites) = sites.as_ref().filter(|_| !arguments.offline) {
        for (end, section) in proposal.sections() {
            let look = sites.get(end)?.look().await;
            let unseen =
                || format!("chain {} was not looked at; --offline signs without a look", section.chain);
            snapshots[end as usize] = Some(look.with_context(unseen)?);
        }
    }
    look::print(&look::describe(&proposal, sites.as_ref(), &snapshots)?);
    let open = votable(&proposal, sites.as_ref(), &snapshots).await?;
    if open.is_empty() {
        output::told("there is nothing left to sign");
        output::object(&Report { file: &arguments.file, governor: None, chains: Vec::new(), enough: true })?;
        return Ok(ExitCode::SUCCESS);
    }
    let signer = unlock::unlock(&arguments.key).await?;
    let ends = governed(&proposal, &open, &snapshots, signer.address())?;
    let fresh = |end: &End| {
        let section = proposal.section(*end);
        section
            .is_some_and(|section| section.signatures.iter().all(|entry| entry.governor != signer.address()))
    };
    if !ends.iter().any(fresh) {
        output::told(format!("{} has signed already", signer.address()));
    }
    if !arguments.yes {
        let question = format!("Sign proposal {} as {}? [y/N] ", proposal.fingerprint(), signer.address());
        handover::confirm(&question, "look at the proposal", "nothing was signed")?;
    }
    let intent = proposal.intent;
    for end in ends {
        let Some(section) = proposal.section_mut(end) else { continue };
        let signature = signer.sign_preimage(&preimage(intent, section)).await?;
        section.add_signature(signer.address(), Bytes::copy_from_slice(&signature.as_bytes()));
    }
    match &arguments.out {
        Some(out) => proposal.create(out)?,
        None => proposal.replace(&arguments.file)?,
    }
    let report = Report::of(
        &proposal,
        &snapshots,
        arguments.out.as_ref().unwrap_or(&arguments.file),
        signer.address(),
    );
    report.lines().iter().for_each(output::told);
    output::object(&report)?;
    Ok(ExitCode::SUCCESS)
}

/// The parts that still take votes. What nobody looked at does.
///
/// Errors: a part that can never be executed, and its cure.
async fn votable(
    proposal: &Proposal,
    sites: Option<&Sites>,
    snapshots: &[Option<Snapshot>; 2],
) -> Result<Vec<End>> {
    let mut open = Vec::new();
    for (end, section) in proposal.sections() {
        let (Some(snapshot), Some(site)) =
            (&snapshots[end as usize], sites.and_then(|sites| sites.known(end)))
        else {
            open.push(end);
            continue;
        };
        if section.configuration_nonce > snapshot.state.configuration_nonce {
            output::remark(format!(
                "note: on chain {} configurations {} to {} come before it",
                section.chain,
                snapshot.state.configuration_nonce,
                section.configuration_nonce - 1
            ));
            open.push(end);
            continue;
        }
        match next(proposal, section, site, snapshot).await? {
            Step::Vote | Step::Missing | Step::Cancel => open.push(end),
            Step::Done(what) => output::remark(format!("note: on chain {} {what}", section.chain)),
            Step::Wait { .. } | Step::Suspended | Step::Execute => {
                output::remark(format!(
                    "note: on chain {} it is voted already and needs no more signatures",
                    section.chain
                ));
            }
            Step::Stuck(why) => {
                return Err(
                    BadInput::new(format!("this cannot be voted on chain {}: {why}", section.chain)).into()
                );
            }
        }
        for remark in look::rehearse(site, snapshot, &section.setters()?).await? {
            output::remark(format!("note: {remark}"));
        }
    }
    Ok(open)
}

/// What comes next with one part, by what its chain says now.
///
/// Errors: the endpoint.
pub(super) async fn next(
    proposal: &Proposal,
    section: &Section,
    site: &Site,
    snapshot: &Snapshot,
) -> Result<Step> {
    let state = &snapshot.state;
    let nonce = section.configuration_nonce;
    let waits = state.pending.iter().any(|pending| pending.configuration_nonce == nonce);
    let ending = match nonce < state.configuration_nonce && !waits {
        true => history::ending(site, snapshot, nonce).await?,
        false => None,
    };
    let tally = Tally::count(proposal.intent, section, &state.governors);
    Ok(step::next(proposal.intent, section, &tally, &Seen { state, now: snapshot.now, ending }))
}

/// The parts whose governor this key is. Where nobody looked it is taken to be one.
///
/// Errors: it is a governor of none.
fn governed(
    proposal: &Proposal,
    open: &[End],
    snapshots: &[Option<Snapshot>; 2],
    account: Address,
) -> Result<Vec<End>, BadInput> {
    let mut strangers = Vec::new();
    let mut ends = Vec::new();
    for end in open {
        let Some(snapshot) = &snapshots[*end as usize] else {
            output::remark(format!(
                "note: nobody checked that {account} is a governor on the {} chain",
                end.as_str()
            ));
            ends.push(*end);
            continue;
        };
        let governors = &snapshot.state.governors;
        if governors.contains(account) {
            ends.push(*end);
            continue;
        }
        let chain = proposal.section(*end).map_or("", |section| section.chain.as_str());
        let members: Vec<_> = governors.members.iter().map(ToString::to_string).collect();
        strangers.push(format!("{account} is no governor on chain {chain}; they are {}", members.join(", ")));
    }
    if ends.is_empty() {
        return Err(BadInput::list("this key cannot sign it; use a governor's", &strangers));
    }
    strangers.iter().for_each(|stranger| output::remark(format!("note: {stranger}")));
    Ok(ends)
}

impl<'a> Report<'a> {
    fn of(proposal: &Proposal, snapshots: &[Option<Snapshot>; 2], file: &'a Path, governor: Address) -> Self {
        let (mut enough, mut chains) = (true, Vec::new());
        for (end, section) in proposal.sections() {
            let (signatures, threshold) = match &snapshots[end as usize] {
                Some(snapshot) => {
                    let governors = &snapshot.state.governors;
                    let signed = Tally::count(proposal.intent, section, governors).signed.len();
                    enough &= governors.threshold.is_reached_by(signed);
                    (signed, Some(governors.threshold.get()))
                }
                None => {
                    enough = false;
                    (section.signatures.len(), None)
                }
            };
            chains.push(ChainReport { chain: section.chain.clone(), signatures, threshold });
        }
        Self { file, governor: Some(governor), chains, enough }
    }

    fn lines(&self) -> Vec<String> {
        let file = self.file.display();
        let of_chain = |ChainReport { chain, signatures, threshold }: &ChainReport| {
            let of = threshold.map_or_else(String::new, |threshold| format!(" of {threshold}"));
            format!("chain {chain}: {signatures}{of} signatures")
        };
        let mut lines: Vec<_> = self.chains.iter().map(of_chain).collect();
        let next = if self.enough {
            "anyone can send it: polyspan governance execute"
        } else {
            "pass it on: polyspan governance sign"
        };
        lines.push(format!("signed {file}; {next} {file}"));
        lines
    }
}
