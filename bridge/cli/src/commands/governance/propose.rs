//! `polyspan governance propose`

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use alloy::primitives::Address;
use anyhow::{Context, Result, bail};
use polyspan_chain::{At, SLOT_GAS};
use polyspan_types::{Direction, HoldReason, Kind, Leaf, Request, TransferId};

use super::change::{Change, Ground, RegisterArguments};
use super::look;
use super::reach::{Ends, ReachArguments, Site, Sites, Snapshot};
use crate::args::{duration, number};
use crate::deploy::spec::End;
use crate::deploy::survey;
use crate::failure::BadInput;
use crate::governance::effect::{Effect, whole};
use crate::governance::proposal::{CallEntry, Intent, Proposal, Section};
use crate::governance::words::{moment, span};
use crate::output;
use crate::search;
use crate::token::{NATIVE_DECIMALS, Token};

/// Arguments of `polyspan governance propose`.
#[derive(Debug, clap::Args)]
pub struct ProposeArguments {
    #[command(flatten)]
    reach: ReachArguments,
    /// On which chain.
    #[arg(long, value_name = "CHAIN", value_enum, default_value_t = Ends::Both, global = true)]
    chain: Ends,
    /// File to write; never overwritten.
    #[arg(long, value_name = "FILE", global = true)]
    out: Option<PathBuf>,
    /// Proposal without signatures to which the change is added.
    #[arg(long, value_name = "FILE", global = true, conflicts_with = "out")]
    add: Option<PathBuf>,
    /// How long it can be voted and executed; longer than the bridge's delay.
    #[arg(long, value_name = "DURATION", default_value = "7days", value_parser = duration, global = true)]
    valid_for: Duration,
    /// Number of the configuration, when others are to be voted before it. Default: the next one of each chain.
    #[arg(long, value_name = "NONCE", global = true, value_parser = number::<u64>)]
    nonce: Option<u64>,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    /// What is to be changed.
    #[command(subcommand)]
    change: Change,
}

/// Writes a proposal, or adds to one, and says what it does.
///
/// Errors: what the contract would refuse; the chains; the files.
pub async fn run(arguments: ProposeArguments) -> Result<ExitCode> {
    let file = match (&arguments.out, &arguments.add) {
        (Some(out), _) => out,
        (None, Some(add)) => add,
        (None, None) => {
            return Err(BadInput::new(
                "say where the proposal goes: --out FILE, or --add FILE for one that exists",
            )
            .into());
        }
    };
    let existing = arguments.add.as_deref().map(Proposal::load).transpose()?;
    if let Some(existing) = &existing {
        require_open(file, existing)?;
    }
    let sites = arguments.reach.open(existing.as_ref())?;
    let mut proposal = existing.unwrap_or_else(|| Proposal::new(Intent::Configuration, sites.bridge.clone()));
    let ends = arguments.ends()?;
    let mut snapshots = [None, None];
    for end in End::ALL {
        let asked = ends.contains(&end) || proposal.section(end).is_some();
        if asked || sites.known(end).is_some() {
            match sites.get(end)?.look().await {
                Ok(snapshot) => snapshots[end as usize] = Some(snapshot),
                Err(error) if asked => return Err(error.into()),
                // Only the other chain's counterpart: what needs it says so.
                Err(_) => {}
            }
        }
    }
    add(&arguments, &sites, &snapshots, &mut proposal).await?;
    let mut remarks = Vec::new();
    for end in End::ALL {
        if let (Some(section), Some(snapshot)) =
            (proposal.section_mut(end).as_mut(), &snapshots[end as usize])
        {
            let site = sites.get(end)?;
            refresh(section, snapshot, site, &arguments)?;
            let setters = section.setters()?;
            remarks.extend(look::rehearse(site, snapshot, &setters).await?);
            remarks.extend(time_to_sign(section, snapshot)?);
        }
    }
    match &arguments.add {
        Some(_) => proposal.replace(file)?,
        None => proposal.create(file)?,
    }
    let view = look::describe(&proposal, Some(&sites), &snapshots)?;
    if arguments.json {
        output::json(&view)?;
    } else {
        look::print(&view);
        output::result(format!(
            "wrote {}; next: polyspan governance sign {}",
            file.display(),
            file.display()
        ));
    }
    remarks.iter().for_each(|remark| output::remark(format!("note: {remark}")));
    Ok(ExitCode::SUCCESS)
}

impl ProposeArguments {
    /// The ends on which the change is made: a hold is on one chain only.
    fn ends(&self) -> Result<Vec<End>, BadInput> {
        let Change::WriteOff { transfer } = &self.change else { return Ok(self.chain.iter().collect()) };
        let end = destination(transfer);
        if !self.chain.has(end) {
            return Err(BadInput::new(format!(
                "--chain: {transfer} is on hold on the {} chain; leave it out",
                end.as_str()
            )));
        }
        Ok(vec![end])
    }
}

/// The end that pays a transfer.
const fn destination(transfer: &TransferId) -> End {
    match transfer.lane.direction {
        Direction::MainToService => End::Service,
        Direction::ServiceToMain => End::Main,
    }
}

/// The request of a hold: from the source's logs, and the one whose leaf the destination holds.
async fn held(transfer: &TransferId, sites: &Sites, snapshots: &[Option<Snapshot>; 2]) -> Result<Request> {
    if sites.bridge.as_ref().is_some_and(|bridge| *bridge != transfer.lane.bridge) {
        return Err(
            BadInput::new(format!("{transfer} is a transfer of another bridge; give --bridge")).into()
        );
    }
    let end = destination(transfer);
    let (site, source) = (sites.get(end)?, sites.get(end.other())?);
    let holds = site.chain.holds(site.bridge, transfer.nonce, 1, At::Latest).await?;
    let Some(hold) = holds.into_iter().find(|hold| hold.nonce == transfer.nonce) else {
        return Err(
            BadInput::new(format!("{transfer} is not on hold; see `polyspan explain {transfer}`")).into()
        );
    };
    if hold.reason == HoldReason::AnswerUnclear {
        return Err(BadInput::new(format!(
            "whether {transfer} was paid is unclear, and governors cannot write it off; operators find out and release or refund it"
        ))
        .into());
    }
    let first = snapshots[end.other() as usize].as_ref().map(|snapshot| snapshot.state.deployment_block);
    let first = first.with_context(|| format!("the source of {transfer} was not read"))?;
    let request = search::request(&source.chain, source.bridge, transfer.nonce, first).await?;
    let request = request.with_context(|| format!("the source has no request {}", transfer.nonce))?;
    if Leaf::of(&request) != hold.leaf {
        bail!("the request that the source gives is not the one that is on hold; ask another endpoint");
    }
    Ok(request)
}

fn require_open(file: &std::path::Path, proposal: &Proposal) -> Result<(), BadInput> {
    let refused = |why| Err(BadInput::new(format!("--add: {} {why}", file.display())));
    if proposal.intent == Intent::Cancellation {
        return refused("takes configurations back; propose the change in a file of its own");
    }
    if proposal.is_signed() {
        return refused(
            "is signed already, and one more call would make the signatures worthless; use a file of its own",
        );
    }
    Ok(())
}

/// Adds the change on each chain that is asked for.
async fn add(
    arguments: &ProposeArguments,
    sites: &Sites,
    snapshots: &[Option<Snapshot>; 2],
    proposal: &mut Proposal,
) -> Result<()> {
    let decimals = match &arguments.change {
        Change::RegisterPair(pair) => decimals(pair, sites).await?,
        _ => 0,
    };
    let mut slot_gas = [SLOT_GAS; 2];
    if let Change::RegisterPair(pair) = &arguments.change
        && (pair.gas_cap.is_none() || pair.item_bound.is_none())
    {
        for end in End::ALL {
            if let Ok(site) = sites.get(end) {
                slot_gas[end as usize] = survey::slot_gas(&site.chain).await;
            }
        }
    }
    let held = match &arguments.change {
        Change::WriteOff { transfer } => Some(held(transfer, sites, snapshots).await?),
        _ => None,
    };
    let state = |end: End| snapshots[end as usize].as_ref().map(|snapshot| &snapshot.state);
    for end in arguments.ends()? {
        let site = sites.get(end)?;
        let Some(own) = state(end) else { continue };
        let ground = Ground {
            end,
            chain: site.chain.name(),
            names: &site.names,
            state: own,
            counterpart: state(end.other()),
            decimals,
            slot_gas: (slot_gas[end as usize], slot_gas[end.other() as usize]),
            held: held.as_ref(),
        };
        let setter = ground.setter(&arguments.change)?;
        let section = proposal.section_mut(end).get_or_insert_with(|| Section {
            chain: site.chain.name().to_owned(),
            chain_id: site.chain.id(),
            bridge: site.bridge,
            epoch: own.governors.epoch,
            configuration_nonce: 0,
            deadline: 0,
            deadline_text: String::new(),
            calls: Vec::new(),
            signatures: Vec::new(),
        });
        section.calls.push(CallEntry { text: String::new(), calldata: setter.encode() });
    }
    Ok(())
}

/// Numbers, times and words as of now. Nobody has signed yet, so all of them may change.
fn refresh(
    section: &mut Section,
    snapshot: &Snapshot,
    site: &Site,
    arguments: &ProposeArguments,
) -> Result<()> {
    let state = &snapshot.state;
    if !state.wired {
        return Err(BadInput::new(format!(
            "the bridge {} on chain {} is not wired; `polyspan deploy` makes its first configuration",
            site.bridge,
            site.chain.name()
        ))
        .into());
    }
    section.epoch = state.governors.epoch;
    section.configuration_nonce = arguments.nonce.unwrap_or(state.configuration_nonce);
    if section.configuration_nonce < state.configuration_nonce {
        return Err(BadInput::new(format!(
            "--nonce: {} was voted on chain {} already; {} is next",
            section.configuration_nonce,
            site.chain.name(),
            state.configuration_nonce
        ))
        .into());
    }
    let valid_for = arguments.valid_for.as_secs();
    let setters = section.setters()?;
    let delay = u64::from(state.governance_delay);
    if whole(state, &setters) == Effect::Waits && valid_for <= delay {
        return Err(BadInput::new(format!(
            "--valid-for: {} is not longer than the delay of {} on chain {}, and governors need time to sign; give more",
            span(valid_for),
            span(delay),
            site.chain.name()
        ))
        .into());
    }
    section.deadline = snapshot.now.saturating_add(valid_for);
    section.deadline_text = moment(section.deadline);
    let knowledge = site.knowledge(Some(state));
    for (call, setter) in section.calls.iter_mut().zip(&setters) {
        call.text = knowledge.tell(setter);
    }
    Ok(())
}

/// A vote that comes so late that its delay would outlast the deadline is refused.
fn time_to_sign(section: &Section, snapshot: &Snapshot) -> Result<Option<String>> {
    let delay = u64::from(snapshot.state.governance_delay);
    if whole(&snapshot.state, &section.setters()?) == Effect::AtOnce {
        return Ok(None);
    }
    let last = section.deadline.saturating_sub(delay);
    Ok(Some(format!(
        "on chain {} it has to be voted before {}, since it waits after that",
        section.chain,
        moment(last)
    )))
}

/// Decimals of a pair that is to be registered: what its tokens say, which must be the same.
async fn decimals(pair: &RegisterArguments, sites: &Sites) -> Result<u8> {
    if matches!(pair.kind, Kind::Erc721 | Kind::Erc1155) {
        return Ok(0);
    }
    let mut known: Option<u8> = None;
    for (end, token) in [(End::Main, pair.main_token), (End::Service, pair.service_token)] {
        let found = if token == Address::ZERO {
            NATIVE_DECIMALS
        } else {
            let site = sites.get(end)?;
            Token::new(&site.chain, token).decimals().await?.ok_or_else(|| {
                BadInput::new(format!(
                    "--{}-token: {token} on chain {} does not tell its decimals; is it an ERC-20?",
                    end.as_str(),
                    site.chain.name()
                ))
            })?
        };
        if known.is_some_and(|known| known != found) {
            return Err(BadInput::new(format!(
                "{} decimals on main and {found} on service; a pair moves smallest units one to one, so they must be equal",
                known.unwrap_or_default()
            ))
            .into());
        }
        known = Some(found);
    }
    Ok(known.unwrap_or_default())
}
