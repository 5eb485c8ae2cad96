//! What both sides of a lane hold a chain to: a block that was final stays.

use polyspan_chain::{Chain, Head};
use polyspan_types::{BlockHeight, BlockRef};

use crate::error::LaneError;

/// The block at `cursor`, which was final, must still be there: anything else is a broken promise, not a reorg.
///
/// Errors: another hash at its height; the endpoint does not know the block; its final block is below the cursor.
pub(crate) async fn check_cursor(chain: &Chain, cursor: BlockRef, head: Head) -> Result<(), LaneError> {
    // A block that follows it proves it, as the one that is known does.
    if cursor.height.next() == head.final_block.height && cursor.hash == head.final_parent {
        return Ok(());
    }
    let found = if cursor.height == head.final_block.height {
        head.final_block
    } else {
        block_at(chain, cursor.height).await?
    };
    if found.hash != cursor.hash {
        return Err(LaneError::FinalityViolated {
            chain: chain.name().to_owned(),
            height: cursor.height,
            stored: cursor.hash,
            found: found.hash,
        });
    }
    if head.final_block.height < cursor.height {
        return Err(LaneError::Behind {
            chain: chain.name().to_owned(),
            found: head.final_block.height,
            cursor: cursor.height,
        });
    }
    Ok(())
}

/// The block at a height that lies at or below the final one.
pub(crate) async fn block_at(chain: &Chain, height: BlockHeight) -> Result<BlockRef, LaneError> {
    let block = chain.block_ref(height).await?;
    block.ok_or_else(|| LaneError::MissingBlock { chain: chain.name().to_owned(), height })
}
