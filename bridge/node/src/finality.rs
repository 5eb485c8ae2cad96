//! What both sides of a lane hold a chain to: a block that was final stays.

use std::time::{Duration, Instant};

use alloy::primitives::Address;
use polyspan_chain::{At, Chain, ChainError, Head, LaneState};
use polyspan_types::{BlockHeight, BlockRef};

use crate::error::LaneError;

/// How long a cursor above the final block may be unknown to a quorum before it is given up. Unit: time. Source: endpoints that were
/// restarted or changed catch up within seconds; the chain may take as long to make as many blocks as it was told to have.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(20);

/// The state of a bridge at the final block; `None` where nodes have thrown it away. `gone` remembers that: an archive is asked every time, and
/// a node that is none only once.
///
/// Errors: the chain cannot be read.
pub(crate) async fn state_at_final(
    chain: &Chain,
    bridge: Address,
    head: Head,
    gone: &mut bool,
) -> Result<Option<LaneState>, ChainError> {
    let is_near = head.has_final_state();
    if *gone && !is_near {
        return Ok(None);
    }
    match chain.lane_state(bridge, At::Hash(head.final_block.hash)).await {
        Ok(state) => Ok(Some(state)),
        // Far away some nodes say something else than that they do not have it.
        Err(error) if !is_near || error.is_state_gone() => {
            *gone = true;
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Whether a quorum has this block under its number now: it was replaced otherwise, or is not known to them yet.
pub(crate) async fn is_canonical(chain: &Chain, block: BlockRef) -> Result<bool, ChainError> {
    Ok(chain.block_ref(block.height).await? == Some(block))
}

/// What a chain shows of a block that was final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cursor {
    /// It is there.
    Stands,
    /// It is there under another number: the stored one was told wrong.
    Renumbered(BlockRef),
    /// It is above the final block, and nobody knows it: it was told wrong, or endpoints are behind.
    Unknown,
}

/// Asks what became of the block at `cursor`, which was final: anything but the same block is a broken promise, not a reorg.
///
/// Errors: another hash at its height; the endpoint does not know the block; its final block is below the cursor.
pub(crate) async fn check_cursor(chain: &Chain, cursor: BlockRef, head: Head) -> Result<Cursor, LaneError> {
    // A block that follows it proves it, as the one that is known does.
    if cursor.height.next() == head.final_block.height && cursor.hash == head.final_parent {
        return Ok(Cursor::Stands);
    }
    if head.final_block.height < cursor.height {
        return match chain.block_of(cursor.hash).await? {
            Some(block) if block.height != cursor.height => Ok(Cursor::Renumbered(block)),
            Some(_) => Err(behind(chain, cursor, head)),
            None => Ok(Cursor::Unknown),
        };
    }
    let found = if cursor.height == head.final_block.height {
        head.final_block
    } else {
        block_at(chain, cursor.height).await?
    };
    if found.hash == cursor.hash {
        return Ok(Cursor::Stands);
    }
    match chain.block_of(cursor.hash).await? {
        Some(block) => Ok(Cursor::Renumbered(block)),
        None => Err(LaneError::FinalityViolated {
            chain: chain.name().to_owned(),
            height: cursor.height,
            stored: cursor.hash,
            found: found.hash,
        }),
    }
}

/// The final block of `head` is below the cursor.
pub(crate) fn behind(chain: &Chain, cursor: BlockRef, head: Head) -> LaneError {
    LaneError::Behind {
        chain: chain.name().to_owned(),
        found: head.final_block.height,
        cursor: cursor.height,
    }
}

/// Since when a cursor is unknown.
#[derive(Debug, Default)]
pub(crate) struct UnknownCursor(Option<Instant>);

impl UnknownCursor {
    /// It is known.
    pub(crate) const fn forget(&mut self) {
        self.0 = None;
    }

    /// It is unknown at `now`. Answers whether it has been for long enough to be given up.
    pub(crate) fn lasts(&mut self, now: Instant) -> bool {
        now.saturating_duration_since(*self.0.get_or_insert(now)) >= GIVEN_UP_AFTER
    }
}

/// The block at a height that lies at or below the final one.
pub(crate) async fn block_at(chain: &Chain, height: BlockHeight) -> Result<BlockRef, LaneError> {
    let block = chain.block_ref(height).await?;
    block.ok_or_else(|| LaneError::MissingBlock { chain: chain.name().to_owned(), height })
}
