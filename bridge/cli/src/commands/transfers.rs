//! `polyspan transfers`

mod found;

use std::process::ExitCode;

use alloy::primitives::Address;
use anyhow::Result;
use futures::future::join_all;
use polyspan_node::config::Config;
use polyspan_types::LaneId;
use serde::Serialize;

use crate::args::{ConfigFile, address, count};
use crate::exit::Exit;
use crate::network::Network;
use crate::output;
use found::{Row, Wanted};

/// Arguments of `polyspan transfers`.
#[derive(Debug, clap::Args)]
pub struct TransfersArguments {
    /// Only those that this address requested.
    #[arg(long, value_name = "ADDR", value_parser = address)]
    from: Option<Address>,
    /// Only those that this address gets.
    #[arg(long, value_name = "ADDR", value_parser = address)]
    to: Option<Address>,
    /// Only this lane; all of the config when left out.
    #[arg(long, value_name = "LANE")]
    lane: Option<LaneId>,
    /// At most so many of each lane, the newest ones.
    #[arg(long, value_name = "COUNT", default_value = "20", value_parser = count)]
    limit: u16,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    file: ConfigFile,
}

/// Transfers of all lanes, the newest of each lane first.
#[derive(Debug, Serialize)]
struct Transfers {
    transfers: Vec<Row>,
    /// What could not be seen, and why.
    unseen: Vec<String>,
}

/// Lists transfers, from the chains alone.
///
/// Errors: the configuration, or it has no such lane.
pub async fn run(arguments: TransfersArguments) -> Result<ExitCode> {
    let network = Network::of_chains(Config::load(&arguments.file.config)?)?;
    let lanes = match &arguments.lane {
        Some(lane) => vec![network.lane(lane)?],
        None => network.config.lanes(),
    };
    let wanted = Wanted { from: arguments.from, to: arguments.to, limit: usize::from(arguments.limit) };
    let mut list = Transfers { transfers: Vec::new(), unseen: Vec::new() };
    for found in join_all(lanes.iter().map(|info| found::fetch(&network, info, &wanted))).await {
        list.transfers.extend(found.rows);
        list.unseen.extend(found.unseen);
    }
    if arguments.json {
        output::json(&list)?;
    } else {
        list.print();
    }
    Ok(if list.unseen.is_empty() { Exit::Fine } else { Exit::Unreadable }.into())
}

impl Transfers {
    fn print(&self) {
        if self.transfers.is_empty() {
            output::result("no such transfers");
        } else {
            output::table(Row::HEAD, self.transfers.iter().map(Row::cells));
        }
        self.unseen.iter().for_each(|reason| output::result(format!("not seen: {reason}")));
    }
}
