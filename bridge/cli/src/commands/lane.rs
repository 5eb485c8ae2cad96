//! `polyspan lane`

use std::process::ExitCode;

use alloy::primitives::B256;
use anyhow::Result;
use polyspan_node::config::{Config, LaneInfo, Side};
use polyspan_store::Store;
use polyspan_types::{BlockRef, LaneId};
use serde::Serialize;

use crate::args::{ConfigFile, hash};
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
    #[arg(long, value_name = "HASH", value_parser = hash)]
    accept: Option<B256>,
    /// Read everything again also where the block is the one that was stored: an endpoint served false logs of a true block.
    #[arg(long)]
    read_again: bool,
}

/// How a lane goes on.
#[derive(Debug, Serialize)]
struct Resumed {
    lane: String,
    /// The block that is accepted; `null` when none is stored.
    from: Option<Place>,
    /// Everything that the chains can tell is read again.
    reads_again: bool,
    /// The block is that of the chain, and not the one that was stored.
    #[serde(skip)]
    is_new: bool,
    /// Why it was halted.
    was: String,
}

/// A block of one of the chains.
#[derive(Debug, Serialize)]
struct Place {
    chain: String,
    block: u64,
    hash: B256,
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
    let resumed = done?;
    output::told(resumed.told());
    output::object(&resumed)?;
    Ok(ExitCode::SUCCESS)
}

async fn resume(
    network: &Network,
    store: &Store,
    lane: &LaneInfo,
    accept: Option<B256>,
    read_again: bool,
) -> Result<Resumed> {
    let Some(halt) = store.halted(lane.bridge_id).await? else {
        return Err(BadInput::new(format!("lane {} is not halted", lane.id)).into());
    };
    let source = store.source_position(lane.bridge_id).await?.cursor;
    let destination = store.destination_position(lane.bridge_id).await?.cursor;
    let ends: Vec<_> = [(&lane.source, source), (&lane.destination, destination)]
        .into_iter()
        .filter_map(|(side, cursor)| Some((side, cursor?)))
        .collect();
    let resumed = |from, reads_again, is_new| Resumed {
        lane: lane.id.to_string(),
        from,
        reads_again,
        is_new,
        was: halt.reason.clone(),
    };
    if ends.is_empty() {
        store.resume_lane(lane.bridge_id, true).await?;
        return Ok(resumed(None, true, false));
    }
    // Both that are stored first: for them no chain need answer.
    if let Some((side, cursor)) = ends.iter().find(|(_, cursor)| Some(cursor.hash) == accept) {
        store.resume_lane(lane.bridge_id, read_again).await?;
        return Ok(resumed(Some(Place::of(side, *cursor, cursor.hash)), read_again, false));
    }
    let mut seen = Vec::new();
    for (side, cursor) in ends {
        let now = hash_now(network, side, cursor).await?;
        if let Some(now) = now.filter(|now| Some(*now) == accept) {
            store.resume_lane(lane.bridge_id, true).await?;
            return Ok(resumed(Some(Place::of(side, cursor, now)), true, true));
        }
        let now = now.map_or_else(|| "no such block".to_owned(), |hash| hash.to_string());
        let place = Place::of(side, cursor, cursor.hash).told();
        seen.push(format!("{place}: {} in the store, {now} on the chain", cursor.hash));
    }
    let what = match accept {
        Some(accept) => format!("{accept} is none of the blocks at which lane {} stands", lane.id),
        None => format!("lane {} needs --accept with one of the hashes at which it stands", lane.id),
    };
    Err(BadInput::list(&what, &seen).into())
}

impl Resumed {
    fn told(&self) -> String {
        let does = match &self.from {
            None => "no block of it is stored, so everything is read again".to_owned(),
            Some(place) if self.is_new => {
                format!("{} is accepted as it is now, and everything is read again", place.told())
            }
            Some(place) if self.reads_again => {
                format!("{} is accepted, and everything is read again", place.told())
            }
            Some(place) => format!("goes on from {}", place.told()),
        };
        format!("{}: {does}; it was halted: {}", self.lane, self.was)
    }
}

impl Place {
    fn of(side: &Side, cursor: BlockRef, hash: B256) -> Self {
        Self { chain: side.chain.clone(), block: cursor.height.get(), hash }
    }

    fn told(&self) -> String {
        format!("block {} of chain {}", self.block, self.chain)
    }
}

/// What the chain has at that height, by a quorum.
async fn hash_now(network: &Network, side: &Side, cursor: BlockRef) -> Result<Option<B256>> {
    Ok(network.chain(side).block_ref(cursor.height).await?.map(|block| block.hash))
}
