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
    /// Without a hash it lists both; a lane that a repair has left without any block needs none.
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
    accept: Option<B256>,
    /// Read everything again also where the block is the one that was stored: an endpoint served false logs of a true block.
    #[arg(long)]
    read_again: bool,
}

/// Runs `polyspan lane`.
///
/// Errors: no such lane; one that is not halted; a hash that neither store nor chain has.
pub async fn run(command: LaneCommand) -> Result<ExitCode> {
    let LaneCommand::Resume(ResumeArguments { file, lane, accept, read_again }) = command;
    let network = Network::of_chains(Config::load(&file.config)?)?;
    let lane = network.lane(&lane)?;
    let store = super::store::open(&network.config).await?;
    let done = resume(&network, &store, &lane, accept, read_again).await;
    store.close().await;
    output::result(done?);
    Ok(ExitCode::SUCCESS)
}

async fn resume(
    network: &Network,
    store: &Store,
    lane: &LaneInfo,
    accept: Option<B256>,
    read_again: bool,
) -> Result<String> {
    let Some(halt) = store.halted(lane.bridge_id).await? else {
        return Err(BadInput::new(format!("lane {} is not halted", lane.id)).into());
    };
    let source = store.source_position(lane.bridge_id).await?.cursor;
    let destination = store.destination_position(lane.bridge_id).await?.cursor;
    let ends: Vec<_> = [(&lane.source, source), (&lane.destination, destination)]
        .into_iter()
        .filter_map(|(side, cursor)| Some((side, cursor?)))
        .collect();
    let was = format!("it was halted: {}", halt.reason);
    if ends.is_empty() {
        store.resume_lane(lane.bridge_id, true).await?;
        return Ok(format!("{}: no block of it is stored, so everything is read again; {was}", lane.id));
    }
    let place = |side: &Side, cursor: BlockRef| format!("block {} of chain {}", cursor.height, side.chain);
    // Both that are stored first: for them no chain need answer.
    if let Some((side, cursor)) = ends.iter().find(|(_, cursor)| Some(cursor.hash) == accept) {
        store.resume_lane(lane.bridge_id, read_again).await?;
        let place = place(side, *cursor);
        return Ok(if read_again {
            format!("{}: {place} is accepted, and everything is read again; {was}", lane.id)
        } else {
            format!("{}: goes on from {place}; {was}", lane.id)
        });
    }
    let mut seen = Vec::new();
    for (side, cursor) in ends {
        let (place, now) = (place(side, cursor), hash_now(network, side, cursor).await?);
        if now.is_some() && now == accept {
            store.resume_lane(lane.bridge_id, true).await?;
            return Ok(format!(
                "{}: {place} is accepted as it is now, and everything is read again; {was}",
                lane.id
            ));
        }
        let now = now.map_or_else(|| "no such block".to_owned(), |hash| hash.to_string());
        seen.push(format!("{place}: {} in the store, {now} on the chain", cursor.hash));
    }
    let what = match accept {
        Some(accept) => format!("{accept} is none of the blocks at which lane {} stands", lane.id),
        None => format!("lane {} needs --accept with one of the hashes at which it stands", lane.id),
    };
    Err(BadInput::list(&what, &seen).into())
}

/// What the chain has at that height, by a quorum.
async fn hash_now(network: &Network, side: &Side, cursor: BlockRef) -> Result<Option<B256>> {
    Ok(network.chain(side).block_ref(cursor.height).await?.map(|block| block.hash))
}
