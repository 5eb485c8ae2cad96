//! Destination side of a lane: what is handled, who may sign, and what became of each request.

use std::sync::Arc;

use polyspan_chain::{At, Head, HeadView, LaneState};
use polyspan_store::DestinationPosition;
use polyspan_types::{BlockHeight, BlockRef, MemberSet, RequestNonce};
use tokio::sync::watch;

use crate::error::LaneError;
use crate::finality;
use crate::lane::{DestinationView, Lane};
use crate::step::{Step, or_pending};

/// Follows the destination contract at every head, and its logs up to the final block.
#[derive(Debug)]
pub struct DestinationWatch {
    lane: Arc<Lane>,
    heads: watch::Receiver<HeadView>,
    operators: Option<KnownOperators>,
    /// Newest cursor up to which the contract has confirmed that no log was left out, in this process.
    proved: Option<BlockRef>,
}

/// The operators, and whether the block that made them so is final.
#[derive(Debug)]
struct KnownOperators {
    set: Arc<MemberSet>,
    first_seen: BlockHeight,
    is_final: bool,
}

impl DestinationWatch {
    /// Follows the destination of `lane`, driven by the heads of its chain.
    pub const fn new(lane: Arc<Lane>, heads: watch::Receiver<HeadView>) -> Self {
        Self { lane, heads, operators: None, proved: None }
    }

    async fn advance(&mut self, head: Head) -> Result<(), LaneError> {
        let lane = Arc::clone(&self.lane);
        let bridge = lane.info.destination.bridge;
        if head.latest.height < lane.info.destination.deployment_block {
            return Ok(());
        }
        let state = lane.destination.lane_state(bridge, At::Hash(head.latest.hash)).await?;
        let operators = self.operators(&state, head).await?;
        let position = lane.store.destination_position(lane.info.bridge_id).await?;
        lane.board.destination.send_replace(Some(DestinationView {
            handled: state.handle_nonce,
            settled: position.next.min(state.handle_nonce),
            held: state.held_count,
            paused: state.paused,
            operators,
            block: head.latest,
        }));
        if head.final_block.height >= lane.info.destination.deployment_block {
            self.record_outcomes(position, state.handle_nonce, head).await?;
        }
        Ok(())
    }

    /// The operators now. They are read again when the epoch says that they changed, and at every head until the block of
    /// that change is final: after a reorg the same epoch can have other members.
    async fn operators(&mut self, state: &LaneState, head: Head) -> Result<Arc<MemberSet>, LaneError> {
        let known = self.operators.as_ref().filter(|known| known.set.epoch == state.operator_epoch);
        if let Some(known) = known.filter(|known| known.is_final) {
            return Ok(Arc::clone(&known.set));
        }
        let first_seen = known.map_or(head.latest.height, |known| known.first_seen);
        let info = &self.lane.info;
        let whole =
            self.lane.destination.bridge_state(info.destination.bridge, At::Hash(head.latest.hash)).await?;
        if whole.inbound_bridge_id != info.bridge_id {
            return Err(LaneError::OtherBridge {
                lane: info.id.clone(),
                chain: info.destination.chain.clone(),
                expected: info.bridge_id,
                found: whole.inbound_bridge_id,
            });
        }
        self.lane.check_development(whole.development, &info.destination)?;
        let set = Arc::new(whole.operators);
        let is_final = first_seen <= head.final_block.height;
        self.operators = Some(KnownOperators { set: Arc::clone(&set), first_seen, is_final });
        Ok(set)
    }

    /// Stores what final blocks say about handled requests, and proves that it was what users asked for.
    async fn record_outcomes(
        &mut self,
        position: DestinationPosition,
        handled: RequestNonce,
        head: Head,
    ) -> Result<(), LaneError> {
        let lane = Arc::clone(&self.lane);
        let id = lane.info.bridge_id;
        if let Some(cursor) = position.cursor {
            finality::check_cursor(&lane.destination, cursor, head).await?;
            if cursor.height == head.final_block.height {
                return Ok(());
            }
        }
        if position.next == handled {
            // Nothing new even at the newest block: the cursor may skip to the final one.
            lane.store.record_outcomes(id, Vec::new(), head.final_block).await?;
            return Ok(());
        }
        let bridge = lane.info.destination.bridge;
        let at_final = lane.destination.lane_state(bridge, At::Hash(head.final_block.hash)).await?;
        self.check_root(&at_final).await?;
        match self.read_outcomes(position, at_final.handle_nonce, head).await {
            Err(hidden @ LaneError::HiddenOutcome { .. }) => {
                // The missing log may lie in a range that was stored before without it: that is read again as well.
                let back_to = match self.proved {
                    Some(block) => block,
                    None => {
                        finality::block_at(&lane.destination, lane.info.destination.deployment_block).await?
                    }
                };
                lane.store.record_outcomes(id, Vec::new(), back_to).await?;
                Err(hidden)
            }
            Ok(()) => {
                self.proved = Some(head.final_block);
                Ok(())
            }
            Err(failed) => Err(failed),
        }
    }

    /// Below what our own source has confirmed, the destination must have handled exactly what was requested.
    async fn check_root(&self, at_final: &LaneState) -> Result<(), LaneError> {
        let (store, id) = (&self.lane.store, self.lane.info.bridge_id);
        if at_final.handle_nonce > store.source_position(id).await?.verified_next {
            return Ok(());
        }
        match store.root_at(id, at_final.handle_nonce).await? {
            Some(own) if own != at_final.handle_root => Err(LaneError::DestinationRoot {
                nonce: at_final.handle_nonce,
                own,
                found: at_final.handle_root,
            }),
            _ => Ok(()),
        }
    }

    /// Everything from `position` to the final block, at which the contract says that `end` is next.
    async fn read_outcomes(
        &self,
        position: DestinationPosition,
        end: RequestNonce,
        head: Head,
    ) -> Result<(), LaneError> {
        let (lane, info) = (&self.lane, &self.lane.info);
        let mut expected = position.next;
        let mut from =
            position.cursor.map_or(info.destination.deployment_block, |cursor| cursor.height.next());
        while let Some((first, to)) = lane.destination.next_range(from, head.final_block.height) {
            let outcomes = lane.destination.outcomes(info.destination.bridge, first, to).await?;
            for outcome in &outcomes {
                if outcome.nonce != expected {
                    return Err(self.hidden(expected, to));
                }
                expected = expected.next();
            }
            let last = to == head.final_block.height;
            if last && expected != end {
                return Err(self.hidden(expected, to));
            }
            let cursor =
                if last { head.final_block } else { finality::block_at(&lane.destination, to).await? };
            lane.store.record_outcomes(info.bridge_id, outcomes, cursor).await?;
            from = to.next();
        }
        Ok(())
    }

    fn hidden(&self, expected: RequestNonce, to: BlockHeight) -> LaneError {
        LaneError::HiddenOutcome { chain: self.lane.info.destination.chain.clone(), expected, to }
    }
}

impl Step for DestinationWatch {
    async fn step(&mut self) -> Result<(), LaneError> {
        let head = self.heads.borrow_and_update().head;
        match head {
            Some(head) => self.advance(head).await,
            None => Ok(()),
        }
    }

    async fn changed(&mut self) {
        or_pending(self.heads.changed().await).await;
    }

    fn show(&self, waiting_for: Option<String>) {
        self.lane.board.destination_trouble.send_replace(waiting_for);
    }
}
