//! `polyspan store`

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use polyspan_node::config::Config;
use polyspan_store::{Repair, Store, StoreError, repair};
use polyspan_types::LaneId;

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
    let StoreCommand::Repair(RepairArguments { file, lane }) = command;
    let config = Config::load(&file.config)?;
    if let Some(lane) = lane {
        return reread(&config, &lane).await;
    }
    let path = path(&config)?;
    match repair(&path).await.map_err(explained)? {
        Repair::Intact => output::result(format!("{} is whole; nothing was changed", path.display())),
        Repair::Mended { damage, aside, kept } => {
            for line in damage {
                output::remark(format!("damage: {line}"));
            }
            for (table, rows, missing) in kept {
                let rest = if missing { ", and some that cannot be read" } else { "" };
                output::result(format!("{table}: {rows} rows kept{rest}"));
            }
            output::result(format!("the damaged file is {}", aside.display()));
            output::result(
                "start the relay: it reads requests and outcomes again, and signs above the first final nonce that it sees; `polyspan attest adopt` lowers that",
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn reread(config: &Config, lane: &LaneId) -> Result<ExitCode> {
    let info = config.lane(lane).ok_or_else(|| unknown_lane(config, lane))?;
    let store = open(config).await?;
    let done = store.forget_readable(info.bridge_id).await;
    store.close().await;
    done?;
    output::result(format!(
        "{lane}: requests and outcomes are forgotten, what was signed is kept; start the relay: it begins at what the destination has handled"
    ));
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
