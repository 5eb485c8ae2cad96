//! `polyspan governance list`

use std::process::ExitCode;

use alloy::primitives::Bytes;
use anyhow::Result;
use polyspan_chain::{ConfigurationEvent, ConfigurationLog, PendingConfiguration};
use serde::Serialize;

use super::history::{self, History};
use super::reach::{Ends, ReachArguments, Site, Snapshot};
use crate::args::number;
use crate::governance::setter::Setter;
use crate::governance::step::SUSPENDED;
use crate::governance::words::{Knowledge, moment, span};
use crate::output;

/// Arguments of `polyspan governance list`.
#[derive(Debug, clap::Args)]
pub struct ListArguments {
    /// Of which chain.
    #[arg(long, value_name = "CHAIN", value_enum, default_value_t = Ends::Both)]
    chain: Ends,
    /// How far back to look for what was changed. What is scheduled is shown in any case.
    #[arg(long, value_name = "COUNT", default_value_t = 50_000, value_parser = number::<u64>)]
    blocks: u64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reach: ReachArguments,
}

/// One chain.
#[derive(Debug, Serialize)]
struct ChainList {
    side: &'static str,
    chain: String,
    bridge: String,
    governors: Vec<String>,
    threshold: u8,
    epoch: u64,
    next_configuration: u64,
    /// Unit: seconds.
    governance_delay: u32,
    pending: Vec<Pending>,
    history: Vec<Past>,
    /// First block that was looked at.
    since_block: u64,
}

/// A scheduled configuration.
#[derive(Debug, Serialize)]
struct Pending {
    configuration: u64,
    /// Absent while a pause has suspended it.
    executable_at: Option<String>,
    /// In words; absent when it can be executed now.
    executable_in: Option<String>,
    deadline: String,
    expired: bool,
    calls: Vec<String>,
}

/// Something that happened.
#[derive(Debug, Serialize)]
struct Past {
    configuration: u64,
    what: &'static str,
    block: u64,
    tx_hash: String,
    calls: Vec<String>,
}

/// Shows both chains.
///
/// Errors: the config, or a chain that does not answer.
pub async fn run(arguments: ListArguments) -> Result<ExitCode> {
    let sites = arguments.reach.open(None)?;
    let mut lists = Vec::new();
    for end in arguments.chain.iter() {
        lists.push(look(sites.get(end)?, arguments.blocks).await?);
    }
    if arguments.json {
        output::json(&lists)?;
    } else {
        lists.iter().for_each(print);
    }
    Ok(ExitCode::SUCCESS)
}

async fn look(site: &Site, blocks: u64) -> Result<ChainList> {
    let snapshot = site.look().await?;
    let state = &snapshot.state;
    let oldest = snapshot.height.minus(blocks);
    let all_seen =
        |logs: &[ConfigurationLog]| state.pending.iter().all(|pending| scheduled(logs, pending).is_some());
    let history = history::read(site, &snapshot, |logs, from| from <= oldest && all_seen(logs)).await?;
    let knowledge = site.knowledge(Some(state));
    let pending = state.pending.iter().map(|pending| waiting(pending, &snapshot, &history, &knowledge));
    Ok(ChainList {
        side: site.end.as_str(),
        chain: site.chain.name().to_owned(),
        bridge: site.bridge.to_string(),
        governors: state.governors.members.iter().map(ToString::to_string).collect(),
        threshold: state.governors.threshold.get(),
        epoch: state.governors.epoch.get(),
        next_configuration: state.configuration_nonce,
        governance_delay: state.governance_delay,
        pending: pending.collect(),
        since_block: history.from.get(),
        history: past(site, &history, Knowledge { past: true, ..knowledge }).await?,
    })
}

fn scheduled<'a>(logs: &'a [ConfigurationLog], pending: &PendingConfiguration) -> Option<&'a Vec<Bytes>> {
    logs.iter().find_map(|log| match &log.event {
        ConfigurationEvent::Scheduled { calls, .. }
            if log.configuration_nonce == pending.configuration_nonce =>
        {
            Some(calls)
        }
        _ => None,
    })
}

fn waiting(
    pending: &PendingConfiguration,
    snapshot: &Snapshot,
    history: &History,
    knowledge: &Knowledge<'_>,
) -> Pending {
    let rest = pending.executable_at.map_or(0, |at| at.saturating_sub(snapshot.now));
    Pending {
        configuration: pending.configuration_nonce,
        executable_at: pending.executable_at.map(moment),
        executable_in: (rest > 0).then(|| span(rest)),
        deadline: moment(pending.deadline),
        expired: snapshot.now > pending.deadline,
        calls: scheduled(&history.logs, pending).map(|calls| told(calls, knowledge)).unwrap_or_default(),
    }
}

/// What happened, newest first.
async fn past(site: &Site, history: &History, knowledge: Knowledge<'_>) -> Result<Vec<Past>> {
    let mut past = Vec::new();
    for log in &history.logs {
        let what = match log.event {
            ConfigurationEvent::Scheduled { .. } => "scheduled",
            ConfigurationEvent::Suspended { .. } => "suspended by a pause",
            ConfigurationEvent::Resumed { .. } => "resumed: its delay has started again",
            ConfigurationEvent::Applied { .. } => "executed",
            ConfigurationEvent::Cancelled => "cancelled",
        };
        let calls = history::calls(site, history, log).await?;
        past.push(Past {
            configuration: log.configuration_nonce,
            what,
            block: log.block.get(),
            tx_hash: log.tx_hash.to_string(),
            calls: calls.map(|calls| told(&calls, &knowledge)).unwrap_or_default(),
        });
    }
    Ok(past)
}

fn told(calls: &[Bytes], knowledge: &Knowledge<'_>) -> Vec<String> {
    let tell =
        |call: &Bytes| Setter::decode(call).map_or_else(|error| error, |setter| knowledge.tell(&setter));
    calls.iter().map(tell).collect()
}

fn print(list: &ChainList) {
    output::result(format!(
        "{}: bridge {} on chain {}; {} of {} governors (epoch {}), next configuration {}, loosening ones wait {}",
        list.side,
        list.bridge,
        list.chain,
        list.threshold,
        list.governors.len(),
        list.epoch,
        list.next_configuration,
        span(u64::from(list.governance_delay))
    ));
    if list.pending.is_empty() {
        output::result("  nothing is scheduled");
    }
    for pending in &list.pending {
        let when = match (&pending.executable_at, &pending.executable_in, pending.expired) {
            (_, _, true) => "its deadline is over; anyone can cancel it".to_owned(),
            (None, ..) => SUSPENDED.to_owned(),
            (Some(at), Some(rest), _) => format!("can be executed from {at} on, in {rest}"),
            (Some(_), None, _) => "can be executed now".to_owned(),
        };
        output::result(format!(
            "  scheduled: configuration {}, {when}, until {}",
            pending.configuration, pending.deadline
        ));
        calls(&pending.calls);
    }
    for past in &list.history {
        output::result(format!(
            "  block {}: configuration {} {} ({})",
            past.block, past.configuration, past.what, past.tx_hash
        ));
        // Told once, where it ended.
        if past.what == "executed" {
            calls(&past.calls);
        }
    }
    output::result(format!("  looked at from block {} on", list.since_block));
}

fn calls(calls: &[String]) {
    for (index, call) in calls.iter().enumerate() {
        output::result(format!("    {}. {call}", index + 1));
    }
}
