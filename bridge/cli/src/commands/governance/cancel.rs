//! `polyspan governance cancel`

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use super::look;
use super::reach::{Ends, ReachArguments, Site, Snapshot};
use crate::args::number;
use crate::deploy::spec::End;
use crate::failure::BadInput;
use crate::governance::proposal::{Intent, Proposal, Section};
use crate::output;

/// Arguments of `polyspan governance cancel`.
#[derive(Debug, clap::Args)]
pub struct CancelArguments {
    /// The proposal whose configurations are taken back, or --nonce.
    #[arg(value_name = "FILE", required_unless_present = "nonce", conflicts_with = "nonce")]
    file: Option<PathBuf>,
    /// Number of the configuration that is taken back.
    #[arg(long, value_name = "NONCE", value_parser = number::<u64>)]
    nonce: Option<u64>,
    /// On which chain.
    #[arg(long, value_name = "CHAIN", value_enum, default_value_t = Ends::Both)]
    chain: Ends,
    /// File to write, for governors to sign and anyone to execute; never overwritten.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reach: ReachArguments,
}

/// Writes a proposal to take scheduled configurations back.
///
/// Errors: nothing of the kind is scheduled.
pub async fn run(arguments: CancelArguments) -> Result<ExitCode> {
    let original = arguments.file.as_deref().map(Proposal::load).transpose()?;
    let sites = arguments.reach.open(original.as_ref())?;
    let mut proposal = Proposal::new(Intent::Cancellation, sites.bridge.clone());
    let (mut snapshots, mut idle) = ([None, None], Vec::new());
    for end in arguments.chain.iter() {
        let named = original
            .as_ref()
            .map(|original| original.section(end).map(|section| section.configuration_nonce));
        let Some(nonce) = named.unwrap_or(arguments.nonce) else { continue };
        let site = sites.get(end)?;
        let snapshot = site.look().await?;
        match section(end, site, &snapshot, nonce) {
            Ok(section) => *proposal.section_mut(end) = Some(section),
            Err(why) => idle.push(why),
        }
        snapshots[end as usize] = Some(snapshot);
    }
    if proposal.sections().next().is_none() {
        return Err(BadInput::list("there is nothing to take back", &idle).into());
    }
    idle.iter().for_each(|why| output::remark(format!("note: {why}")));
    proposal.create(&arguments.out)?;
    let view = look::describe(&proposal, Some(&sites), &snapshots)?;
    if arguments.json {
        output::json(&view)?;
    } else {
        look::print(&view);
        let file = arguments.out.display();
        output::result(format!("wrote {file}; next: polyspan governance sign {file}"));
    }
    Ok(ExitCode::SUCCESS)
}

fn section(end: End, site: &Site, snapshot: &Snapshot, nonce: u64) -> Result<Section, String> {
    let state = &snapshot.state;
    if state.pending.iter().all(|pending| pending.configuration_nonce != nonce) {
        let scheduled: Vec<_> =
            state.pending.iter().map(|pending| pending.configuration_nonce.to_string()).collect();
        let scheduled =
            if scheduled.is_empty() { "none is".to_owned() } else { format!("{} are", scheduled.join(", ")) };
        return Err(format!("{}: configuration {nonce} is not scheduled; {scheduled}", end.as_str()));
    }
    Ok(Section {
        chain: site.chain.name().to_owned(),
        chain_id: site.chain.id(),
        bridge: site.bridge,
        epoch: state.governors.epoch,
        configuration_nonce: nonce,
        deadline: 0,
        deadline_text: String::new(),
        calls: Vec::new(),
        signatures: Vec::new(),
    })
}
