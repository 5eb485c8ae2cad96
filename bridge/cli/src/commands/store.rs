//! `polyspan store`

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use polyspan_node::config::Config;
use polyspan_store::{LaneHistory, Repair, Store, StoreError, repair};
use polyspan_types::LaneId;
use serde::Serialize;
use serde_json::json;

use crate::args::ConfigFile;
use crate::failure::BadInput;
use crate::network::unknown_lane;
use crate::output;

/// What to do about a relay's store.
#[derive(Debug, clap::Subcommand)]
pub enum StoreCommand {
    /// Checks the file. A damaged one is copied aside and replaced by what only it knows: signed roots, attestations, the journal;
    /// the relay reads the rest from the chains again. The relay must be stopped.
    Repair(RepairArguments),
    /// Tells the size of the file, and how much of each lane's past is in it. The relay may run.
    Show(ConfigFile),
}

/// Arguments of `polyspan store repair`.
#[derive(Debug, clap::Args)]
pub struct RepairArguments {
    #[command(flatten)]
    file: ConfigFile,
    /// Read this lane anew, although the file is whole: forgets what the chains can tell again, and nothing that was signed.
    #[arg(long, value_name = "LANE")]
    lane: Option<LaneId>,
}

/// Runs `polyspan store`.
///
/// Errors: a store that is missing, in use, or not one.
pub async fn run(command: StoreCommand) -> Result<ExitCode> {
    match command {
        StoreCommand::Repair(RepairArguments { file, lane }) => {
            let config = Config::load(&file.config)?;
            match lane {
                Some(lane) => reread(&config, &lane).await,
                None => mend(&config).await,
            }
        }
        StoreCommand::Show(file) => show(&Config::load(&file.config)?).await,
    }
}

async fn show(config: &Config) -> Result<ExitCode> {
    let path = path(config)?;
    let store = Store::open_read_only(&path).await.map_err(explained)?;
    let bytes = std::fs::metadata(&path).map_or(0, |file| file.len());
    output::told(format!("{}: {:.1} MiB", path.display(), bytes as f64 / f64::from(1 << 20)));
    let mut lanes = Vec::new();
    for lane in config.lanes() {
        let history = store.history(lane.bridge_id).await?;
        output::told(format!("{}: {}", lane.id, told(&history)));
        lanes.push(json!({
            "lane": lane.id.to_string(),
            "oldest": history.oldest,
            "handled": history.kept,
            "open_holds": history.open_holds,
            "signs_from": history.sealed,
        }));
    }
    output::object(&json!({ "file": path, "bytes": bytes, "lanes": lanes }))?;
    Ok(ExitCode::SUCCESS)
}

fn told(history: &LaneHistory) -> String {
    let Some(oldest) = history.oldest else { return "nothing is stored of it yet".to_owned() };
    let LaneHistory { kept, open_holds, sealed, .. } = history;
    let seal = match sealed.get() {
        0 => String::new(),
        _ => format!(", nothing below nonce {sealed} is signed any more"),
    };
    format!("{kept} handled transfers from nonce {oldest} on, {open_holds} open holds{seal}")
}

async fn mend(config: &Config) -> Result<ExitCode> {
    let path = &path(config)?;
    let done = repair(path).await.map_err(explained)?;
    let store = Store::open_read_only(path).await.map_err(explained)?;
    let halted = halted(config, &store).await;
    store.close().await;
    let halted = halted?;
    match done {
        Repair::Intact => {
            output::told(format!("{} is whole; nothing was changed", path.display()));
            output::object(&json!({ "file": path, "state": "whole", "halted": halted }))?;
        }
        Repair::Mended { damage, aside, kept } => {
            for line in &damage {
                output::remark(format!("damage: {line}"));
            }
            let mut tables = Vec::new();
            for (table, rows, missing) in kept {
                let rest = if missing { ", and some that cannot be read" } else { "" };
                output::told(format!("{table}: {rows} rows kept{rest}"));
                tables.push(json!({ "table": table, "rows_kept": rows, "rows_lost": missing }));
            }
            output::object(&json!({
                "file": path,
                "state": "repaired",
                "damage": damage,
                "damaged_file": aside,
                "tables": tables,
                "halted": halted,
            }))?;
            output::told(format!("the damaged file is {}", aside.display()));
            output::told(
                "start the relay: it reads requests and outcomes again, and signs above the first final nonce that it sees; `polyspan attest adopt` lowers that",
            );
        }
    }
    tell_ways_out(&halted);
    Ok(ExitCode::SUCCESS)
}

/// A lane that stays halted, whatever is done to the file.
#[derive(Debug, Serialize)]
struct Halted {
    lane: String,
    reason: String,
}

async fn halted(config: &Config, store: &Store) -> Result<Vec<Halted>, StoreError> {
    let mut halted = Vec::new();
    for lane in config.lanes() {
        if let Some(halt) = store.halted(lane.bridge_id).await? {
            halted.push(Halted { lane: lane.id.to_string(), reason: halt.reason });
        }
    }
    Ok(halted)
}

/// A repair ends no halt: whoever repairs the file of a lane that stands still is told what does.
fn tell_ways_out(halted: &[Halted]) {
    for Halted { lane, reason } in halted {
        output::told(format!(
            "{lane} is halted, and stays so: {reason}; once you know what is true, `polyspan lane resume --lane {lane}` (runbook: resume a lane)"
        ));
    }
}

async fn reread(config: &Config, lane: &LaneId) -> Result<ExitCode> {
    let info = config.lane(lane).ok_or_else(|| unknown_lane(config, lane))?;
    let store = open(config).await?;
    let done = store.forget_readable(info.bridge_id).await;
    let halted = halted(config, &store).await;
    store.close().await;
    done?;
    let halted = halted?;
    output::object(&json!({ "lane": lane.to_string(), "state": "forgotten", "halted": halted }))?;
    output::told(format!(
        "{lane}: requests and outcomes are forgotten, what was signed is kept; start the relay: it begins at what the destination has handled"
    ));
    tell_ways_out(&halted);
    Ok(ExitCode::SUCCESS)
}

/// The store of the relay that the config describes, to write; no relay may have it open.
///
/// Errors: no relay; in use, not a store, or not writable.
pub async fn open(config: &Config) -> Result<Store> {
    Store::open(&path(config)?).await.map_err(explained)
}

fn path(config: &Config) -> Result<PathBuf, BadInput> {
    let relay = config.relay.as_ref().map(|relay| relay.store.clone());
    relay.ok_or_else(|| {
        let file = config.file.display();
        BadInput::new(format!("{file} has no [relay] section, so it names no store"))
    })
}

/// Whoever runs a command by hand can correct what a running relay cannot.
fn explained(error: StoreError) -> anyhow::Error {
    match error {
        StoreError::InUse { .. } => {
            BadInput::new(format!("{error}; this command needs the relay to be stopped")).into()
        }
        StoreError::Open { .. } | StoreError::NotAStore { .. } => BadInput::new(error.to_string()).into(),
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use polyspan_types::RequestNonce;

    use super::*;

    #[test]
    fn the_past_of_a_lane_is_told_in_one_line() {
        let nonce = RequestNonce::new;
        let history = LaneHistory { oldest: None, kept: 0, open_holds: 0, sealed: nonce(0) };
        assert_eq!(told(&history), "nothing is stored of it yet");
        let history = LaneHistory { oldest: Some(nonce(0)), kept: 7, open_holds: 1, ..history };
        assert_eq!(told(&history), "7 handled transfers from nonce 0 on, 1 open holds");
        let history = LaneHistory { oldest: Some(nonce(90)), sealed: nonce(90), ..history };
        assert!(told(&history).ends_with("nothing below nonce 90 is signed any more"));
    }
}
