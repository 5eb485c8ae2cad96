//! What is still to be done for a pause that is demanded.

use alloy::primitives::Address;
use polyspan_chain::{At, BridgeState, Chain, ChainError};

use crate::sighting::Sighting;

/// A demand, from the first look on.
#[derive(Debug, Default)]
pub(super) struct Demand {
    /// How often the bridge had been unpaused when the pause was demanded.
    demanded_at: Option<u64>,
    /// The first block that showed the bridge paused.
    paused: Sighting,
}

/// What a demand calls for now.
#[derive(Debug)]
pub(super) enum Need {
    /// Nothing: the pause is final, or governors have ended one since.
    Nothing,
    /// Time: the newest block shows the pause, and is not final.
    Finality,
    /// A pause of a bridge that is like this.
    Pause(Box<BridgeState>),
}

impl Demand {
    /// Looks at the bridge as it is in the newest block. No pause waits for the state of the final block, which nodes may not have.
    pub(super) async fn look(&mut self, chain: &Chain, bridge: Address) -> Result<Need, ChainError> {
        let head = chain.head().await?;
        // At a hash: which block showed a pause is to be known.
        let state = chain.bridge_state(bridge, At::Hash(head.latest.hash)).await?;
        if state.pause_nonce > *self.demanded_at.get_or_insert(state.pause_nonce) {
            return Ok(Need::Nothing);
        }
        // It also tells a relay that was restarted of a pause that governors are ending.
        let at_final = chain.lane_state(bridge, At::Hash(head.final_block.hash)).await;
        if at_final.is_ok_and(|state| state.paused) {
            return Ok(Need::Nothing);
        }
        if !state.paused {
            self.paused.forget();
            return Ok(Need::Pause(Box::new(state)));
        }
        self.paused.seen(head.latest);
        Ok(if self.paused.is_final(chain, head).await? { Need::Nothing } else { Need::Finality })
    }
}

#[cfg(test)]
mod tests;
