//! `polyspan transfers`

mod found;

use std::process::ExitCode;

use alloy::primitives::Address;
use anyhow::Result;
use futures::future::join_all;
use polyspan_node::config::Config;
use polyspan_types::LaneId;
use serde::Serialize;

use super::status::members;
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

/// Lists transfers with the step of each. Relays need not be alive.
///
/// Errors: the configuration, or it has no such lane.
pub async fn run(arguments: TransfersArguments) -> Result<ExitCode> {
    let network = Network::open(Config::load(&arguments.file.config)?).await?;
    let members = members(&network).await;
    let lanes = match &arguments.lane {
        Some(lane) => vec![network.lane(lane)?],
        None => network.config.lanes(),
    };
    let wanted = Wanted { from: arguments.from, to: arguments.to, limit: usize::from(arguments.limit) };
    let mut list = Transfers { transfers: Vec::new(), unseen: Vec::new() };
    let known = members.as_deref().unwrap_or_default();
    for found in join_all(lanes.iter().map(|info| found::fetch(&network, info, &wanted, known))).await {
        list.transfers.extend(found.rows);
        list.unseen.extend(found.unseen);
    }
    // Only what is on its way has votes to count, and only a config with relays says where.
    if let Err(reason) = members
        && network.config.coordination.is_some()
        && list.transfers.iter().any(Row::is_open)
    {
        list.unseen.push(format!("what operators have signed: {reason}"));
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
