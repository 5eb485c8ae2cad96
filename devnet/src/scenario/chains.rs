//! What is done to the nodes of chains.

use std::time::Duration;

use anyhow::Result;
use tokio::task::JoinHandle;

use super::pick::Side;
use crate::network::Network;

/// Blocks that a node without a warning has not written when it ends. Unit: blocks. Less than any depth of finality that
/// scenarios with such an end have.
pub(super) const UNWRITTEN: u64 = 3;

/// Time between two losses of a node's pool. Not the time between blocks: what comes right after a block is lost as often as
/// what comes right before one.
const FORGETS_EVERY: Duration = Duration::from_millis(1_100);

/// What the chains of one run suffer from. It ends with it.
#[derive(Debug, Default)]
pub(super) struct ChainDoer {
    forgetful: Vec<JoinHandle<()>>,
}

/// The node ends without a warning: what it had not written, its newest blocks, is gone.
pub(super) async fn kill(network: &mut Network, side: Side) -> Result<()> {
    side.of_mut(network).crash(UNWRITTEN).await
}

impl ChainDoer {
    /// From now on the node forgets every second what is in no block.
    pub(super) fn lose_pools(&mut self, network: &Network, side: Side) {
        let (kind, chain) = (network.spec.nodes, side.of(network).access().clone());
        self.forgetful.push(tokio::spawn(async move {
            loop {
                // A node that is down has forgotten everything.
                let _ = crate::chain::lose_pool(kind, &chain).await;
                tokio::time::sleep(FORGETS_EVERY).await;
            }
        }));
    }

    /// All nodes remember again.
    pub(super) fn keep_pools(&mut self) {
        for task in self.forgetful.drain(..) {
            task.abort();
        }
    }
}

impl Drop for ChainDoer {
    fn drop(&mut self) {
        self.keep_pools();
    }
}
