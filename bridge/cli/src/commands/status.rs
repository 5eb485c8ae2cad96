//! `polyspan status`

mod remarks;
mod rows;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use futures::future::join_all;
use polyspan_coordination::MemberView;
use polyspan_node::config::Config;
use serde::Serialize;

use crate::args::ConfigFile;
use crate::lane_view::LaneView;
use crate::network::Network;
use crate::output;
use rows::{LaneRow, RelayRow};

/// Time between two looks of `--watch`.
const WATCH: Duration = Duration::from_secs(1);

/// Arguments of `polyspan status`.
#[derive(Debug, clap::Args)]
pub struct StatusArguments {
    #[command(flatten)]
    file: ConfigFile,
    /// Print JSON: one object, or with --watch one a second.
    #[arg(long)]
    json: bool,
    /// Look again every second until interrupted.
    #[arg(long)]
    watch: bool,
}

/// Everything at one moment.
#[derive(Debug, Serialize)]
struct Status {
    lanes: Vec<LaneRow>,
    relays: Vec<RelayRow>,
    /// Why relays and attestations cannot be seen.
    coordination: Option<String>,
    /// What relays say that the tables do not.
    remarks: Vec<String>,
}

/// Shows lanes and relays. Relays need not be alive.
///
/// Errors: the configuration.
pub async fn run(arguments: StatusArguments) -> Result<ExitCode> {
    let network = Network::open(Config::load(&arguments.file.config)?)?;
    loop {
        let status = look(&network).await;
        if arguments.json {
            output::json(&status)?;
        } else {
            if arguments.watch {
                // Clears the terminal, so that the tables stay in place.
                output::result("\u{1b}[2J\u{1b}[H");
            }
            print(&status);
        }
        if !arguments.watch {
            return Ok(ExitCode::SUCCESS);
        }
        tokio::select! {
            () = tokio::time::sleep(WATCH) => {}
            _ = tokio::signal::ctrl_c() => return Ok(ExitCode::SUCCESS),
        }
    }
}

async fn look(network: &Network) -> Status {
    let members = members(network).await;
    let known = members.as_deref().unwrap_or_default();
    let views = network.config.lanes().into_iter().map(|info| LaneView::fetch(network, info, known));
    let lanes: Vec<_> = join_all(views).await.iter().map(LaneRow::of).collect();
    Status {
        remarks: remarks::remarks(known, &lanes),
        lanes,
        relays: known.iter().map(RelayRow::of).collect(),
        coordination: members.as_ref().err().cloned(),
    }
}

/// All relays that ever joined, or why they cannot be seen.
pub async fn members(network: &Network) -> Result<Vec<MemberView>, String> {
    match &network.coordinator {
        Ok(coordinator) => coordinator.members().await.map_err(|error| error.to_string()),
        Err(reason) => Err(reason.clone()),
    }
}

fn print(status: &Status) {
    output::result(output::table(LaneRow::HEAD, status.lanes.iter().map(LaneRow::cells)));
    output::result("");
    match &status.coordination {
        Some(reason) => output::result(format!("relays are not shown: {reason}")),
        None => output::result(output::table(RelayRow::HEAD, status.relays.iter().map(RelayRow::cells))),
    }
    if !status.remarks.is_empty() {
        output::result("");
        status.remarks.iter().for_each(output::result);
    }
}
