//! When something that a block's state showed is final, told without that state: nodes throw it away before a far final block gets there.

use polyspan_chain::{Chain, ChainError, Head};
use polyspan_types::BlockRef;

use crate::finality::is_canonical;

#[cfg(test)]
pub(crate) mod testing;

/// The block whose state showed something first. Once it is final, what it showed is.
#[derive(Debug, Default)]
pub(crate) struct Sighting(Option<BlockRef>);

impl Sighting {
    /// Whether there is none.
    pub(crate) const fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// The state of `block` shows it. An earlier block that did stays.
    pub(crate) fn seen(&mut self, block: BlockRef) {
        self.0.get_or_insert(block);
    }

    /// The newest state does not show it any more.
    pub(crate) const fn forget(&mut self) {
        self.0 = None;
    }

    /// Whether the block is final. One that was replaced is forgotten: what it showed may have gone with it.
    pub(crate) async fn is_final(&mut self, chain: &Chain, head: Head) -> Result<bool, ChainError> {
        // Above the final block a replaced one would be as far from final as the one that is seen instead.
        let Some(block) = self.0.filter(|block| block.height <= head.final_block.height) else {
            return Ok(false);
        };
        let is_final = is_canonical(chain, block).await?;
        if !is_final {
            self.forget();
        }
        Ok(is_final)
    }
}
