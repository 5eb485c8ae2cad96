//! `polyspan status`

mod bridges;
mod holds;
mod remarks;
mod rows;
mod verdict;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use futures::future::join_all;
use polyspan_coordination::MemberView;
use polyspan_node::config::{Config, MeetingPlace};
use serde::Serialize;

use crate::args::ConfigFile;
use crate::lane_view::LaneView;
use crate::network::Network;
use crate::output;
use bridges::BridgeRow;
use rows::{LaneRow, RelayRow};

/// Time between two looks of `--watch`.
const WATCH: Duration = Duration::from_secs(1);

/// Arguments of `polyspan status`.
#[derive(Debug, clap::Args)]
pub struct StatusArguments {
    #[command(flatten)]
    file: ConfigFile,
    /// Print JSON: one object, or with --watch one a line and second.
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
    /// The contracts that could be read.
    bridges: Vec<BridgeRow>,
    relays: Vec<RelayRow>,
    /// Where the relays meet, and whether it can be seen.
    coordination: Coordination,
    /// What relays say that the tables do not.
    remarks: Vec<String>,
}

/// Where the relays meet.
#[derive(Debug, Serialize)]
struct Coordination {
    /// `embedded`, `etcd`, or `unreachable`.
    state: &'static str,
    /// Why relays and attestations cannot be seen.
    reason: Option<String>,
    /// The config says where they meet, and it cannot be seen now.
    #[serde(skip)]
    unreadable: bool,
}

/// Shows lanes and relays. Relays need not be alive. Exit code 1 when a lane is halted or paused, 3 when something could not be read.
///
/// Errors: the configuration.
pub async fn run(arguments: StatusArguments) -> Result<ExitCode> {
    let network = Network::open(Config::load(&arguments.file.config)?).await?;
    loop {
        let status = look(&network).await;
        if arguments.json && arguments.watch {
            output::json_line(&status)?;
        } else if arguments.json {
            output::json(&status)?;
        } else {
            if arguments.watch {
                // Clears the terminal, so that the tables stay in place.
                output::clear_screen();
            }
            print(&status);
        }
        if !arguments.watch {
            return Ok(verdict::verdict(&status.lanes, status.coordination.unreadable).into());
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
    let seen = join_all(network.config.lanes().into_iter().map(async |info| {
        let view = LaneView::fetch(network, info, known).await;
        let oldest = holds::oldest(network, &view).await;
        (view, oldest)
    }))
    .await;
    let bridges = seen.iter().filter_map(|(view, _)| bridge(network, view)).collect();
    let lanes: Vec<_> = seen.into_iter().map(|(view, oldest)| LaneRow::of(&view, oldest)).collect();
    Status {
        remarks: remarks::remarks(known, &lanes),
        lanes,
        bridges,
        relays: known.iter().map(RelayRow::of).collect(),
        coordination: Coordination {
            state: members.as_ref().map_or("unreachable", |_| kind(network)),
            unreadable: members.is_err() && network.config.coordination.is_some(),
            reason: members.as_ref().err().cloned(),
        },
    }
}

fn kind(network: &Network) -> &'static str {
    match network.config.coordination.as_ref().map(|entry| &entry.place) {
        Some(MeetingPlace::Etcd(_)) => "etcd",
        _ => "embedded",
    }
}

/// The contract at which a lane ends: each contract is the end of one lane.
fn bridge(network: &Network, view: &LaneView) -> Option<BridgeRow> {
    let destination = view.destination.as_ref().ok()?;
    let deployment = network.config.bridge(&view.info.id.bridge)?;
    let from = view.info.id.direction.opposite();
    let now = destination.head.timestamp;
    Some(BridgeRow::of(deployment, from, &view.info.destination, &destination.state, now))
}

/// All relays that ever joined, or why they cannot be seen.
pub async fn members(network: &Network) -> Result<Vec<MemberView>, String> {
    match &network.coordinator {
        Ok(coordinator) => coordinator.members().await.map_err(|error| error.to_string()),
        Err(reason) => Err(reason.clone()),
    }
}

fn print(status: &Status) {
    output::table(LaneRow::HEAD, status.lanes.iter().map(LaneRow::cells));
    status.lanes.iter().filter_map(LaneRow::holds).for_each(output::result);
    status.lanes.iter().filter_map(LaneRow::ways).for_each(output::result);
    status.lanes.iter().flat_map(LaneRow::in_flights).for_each(output::result);
    status.lanes.iter().flat_map(LaneRow::recoveries).for_each(output::result);
    output::result("");
    output::table(BridgeRow::HEAD, status.bridges.iter().flat_map(BridgeRow::cells));
    status.bridges.iter().flat_map(BridgeRow::lines).for_each(output::result);
    output::result("");
    output::result(format!("coordination = {}", status.coordination.state));
    match &status.coordination.reason {
        Some(reason) => output::bad(format!("relays are not shown: {reason}")),
        None => output::table(RelayRow::HEAD, status.relays.iter().map(RelayRow::cells)),
    }
    if !status.remarks.is_empty() {
        output::result("");
        status.remarks.iter().for_each(output::bad);
    }
}
