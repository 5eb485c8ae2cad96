//! `polyspan lane`

use std::process::ExitCode;

use alloy::primitives::B256;
use anyhow::Result;
use polyspan_node::config::{Config, LaneInfo, Side};
use polyspan_store::Store;
use polyspan_types::{BlockRef, LaneId};

use crate::args::ConfigFile;
use crate::failure::BadInput;
use crate::network::Network;
use crate::output;

/// What to do about a lane.
#[derive(Debug, clap::Subcommand)]
pub enum LaneCommand {
    /// Ends the halt of a lane, once you know which chain is true. The relay must be stopped.
    ///
    /// The hash is that of the block up to which this relay had read: of its store, then it goes on from there; or the one that the chain
    /// has at that height now, then everything that the chains can tell is read again. What was signed is kept in any case.
    Resume(ResumeArguments),
}

/// Arguments of `polyspan lane resume`.
#[derive(Debug, clap::Args)]
pub struct ResumeArguments {
    #[command(flatten)]
    file: ConfigFile,
    /// The lane, as `polyspan status` names it.
    #[arg(long, value_name = "LANE")]
    lane: LaneId,
    /// Hash of the block that you accept.
    #[arg(long, value_name = "HASH")]
    accept: B256,
}

/// Runs `polyspan lane`.
///
/// Errors: no such lane; one that is not halted; a hash that neither store nor chain has.
pub async fn run(command: LaneCommand) -> Result<ExitCode> {
    let LaneCommand::Resume(ResumeArguments { file, lane, accept }) = command;
    let network = Network::of_chains(Config::load(&file.config)?)?;
    let lane = network.lane(&lane)?;
    let store = super::store::open(&network.config).await?;
    let done = resume(&network, &store, &lane, accept).await;
    store.close().await;
    output::result(done?);
    Ok(ExitCode::SUCCESS)
}

async fn resume(network: &Network, store: &Store, lane: &LaneInfo, accept: B256) -> Result<String> {
    let Some(halt) = store.halted(lane.bridge_id).await? else {
        return Err(BadInput::new(format!("lane {} is not halted", lane.id)).into());
    };
    let source = store.source_position(lane.bridge_id).await?.cursor;
    let destination = store.destination_position(lane.bridge_id).await?.cursor;
    let ends = [(&lane.source, source), (&lane.destination, destination)];
    let mut seen = Vec::new();
    for (side, cursor) in ends.into_iter().filter_map(|(side, cursor)| Some((side, cursor?))) {
        let place = format!("block {} of chain {}", cursor.height, side.chain);
        if cursor.hash == accept {
            store.resume_lane(lane.bridge_id, false).await?;
            return Ok(format!("{}: goes on from {place}; it was halted: {}", lane.id, halt.reason));
        }
        let now = hash_now(network, side, cursor).await?;
        if now == Some(accept) {
            store.resume_lane(lane.bridge_id, true).await?;
            return Ok(format!(
                "{}: {place} is accepted as it is now, and everything is read again; it was halted: {}",
                lane.id, halt.reason
            ));
        }
        let now = now.map_or_else(|| "no such block".to_owned(), |hash| hash.to_string());
        seen.push(format!("{place}: {} in the store, {now} on the chain", cursor.hash));
    }
    Err(BadInput::list(&format!("{accept} is none of the blocks at which lane {} stands", lane.id), &seen)
        .into())
}

/// What the chain has at that height, by a quorum.
async fn hash_now(network: &Network, side: &Side, cursor: BlockRef) -> Result<Option<B256>> {
    Ok(network.chain(side).block_ref(cursor.height).await?.map(|block| block.hash))
}
