//! Destination side of a lane: what is handled, who may sign, and what became of each request.

use std::sync::Arc;

use polyspan_chain::{At, Head, HeadView, LaneState};
use polyspan_types::{BlockHeight, BlockRef, MemberSet, RequestNonce};
use tokio::sync::watch;

use crate::error::LaneError;
use crate::lane::{DestinationView, Lane};
use crate::step::Step;

/// Follows the destination contract at every head, and its logs up to the final block.
#[derive(Debug)]
pub struct DestinationWatch {
    lane: Arc<Lane>,
    heads: watch::Receiver<HeadView>,
    operators: Option<Arc<MemberSet>>,
}

impl DestinationWatch {
    /// Follows the destination of `lane`, driven by the heads of its chain.
    pub const fn new(lane: Arc<Lane>, heads: watch::Receiver<HeadView>) -> Self {
        Self { lane, heads, operators: None }
    }

    async fn advance(&mut self, head: Head) -> Result<(), LaneError> {
        let lane = Arc::clone(&self.lane);
        let bridge = lane.info.destination.bridge;
        if head.latest.height < lane.info.destination.deployment_block {
            return Ok(());
        }
        let state = lane.destination.lane_state(bridge, At::Hash(head.latest.hash)).await?;
        let operators = self.operators(&state, head).await?;
        let view = DestinationView {
            handled: state.handle_nonce,
            held: state.held_count,
            paused: state.paused,
            operators,
            block: head.latest,
        };
        lane.board.destination.send_replace(Some(view));
        if head.final_block.height >= lane.info.destination.deployment_block {
            self.record_outcomes(state.handle_nonce, head).await?;
        }
        Ok(())
    }

    /// The operators now. They are read again only when the epoch says that they changed.
    async fn operators(&mut self, state: &LaneState, head: Head) -> Result<Arc<MemberSet>, LaneError> {
        if let Some(known) = self.operators.as_ref().filter(|known| known.epoch == state.operator_epoch) {
            return Ok(Arc::clone(known));
        }
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
        let operators = Arc::new(whole.operators);
        self.operators = Some(Arc::clone(&operators));
        Ok(operators)
    }

    /// Stores what final blocks say about handled requests, and proves that it was what users asked for.
    async fn record_outcomes(&self, handled: RequestNonce, head: Head) -> Result<(), LaneError> {
        let lane = &self.lane;
        let (id, bridge) = (lane.info.bridge_id, lane.info.destination.bridge);
        let position = lane.store.destination_position(id).await?;
        self.check_cursor(position.cursor, head).await?;
        if position.cursor.is_some_and(|cursor| cursor.height >= head.final_block.height) {
            return Ok(());
        }
        if position.next == handled {
            // Nothing new even at the newest block: the cursor may skip to the final one.
            lane.store.record_outcomes(id, Vec::new(), head.final_block).await?;
            return Ok(());
        }
        let at_final = lane.destination.lane_state(bridge, At::Hash(head.final_block.hash)).await?;
        if let Some(own) = lane.store.root_at(id, at_final.handle_nonce).await?
            && own != at_final.handle_root
        {
            return Err(LaneError::DestinationRoot {
                nonce: at_final.handle_nonce,
                own,
                found: at_final.handle_root,
            });
        }
        let mut expected = position.next;
        let mut from = match position.cursor {
            Some(cursor) => cursor.height.next(),
            None => lane.info.destination.deployment_block,
        };
        while let Some((first, to)) = lane.destination.next_range(from, head.final_block.height) {
            let outcomes = lane.destination.outcomes(bridge, first, to).await?;
            for outcome in &outcomes {
                if outcome.nonce != expected {
                    return Err(self.hidden(expected, to));
                }
                expected = expected.next();
            }
            let last = to == head.final_block.height;
            if last && expected != at_final.handle_nonce {
                return Err(self.hidden(expected, to));
            }
            let cursor = if last { head.final_block } else { self.block_at(to).await? };
            lane.store.record_outcomes(id, outcomes, cursor).await?;
            from = to.next();
        }
        Ok(())
    }

    fn hidden(&self, expected: RequestNonce, to: BlockHeight) -> LaneError {
        LaneError::HiddenOutcome { chain: self.lane.info.destination.chain.clone(), expected, to }
    }

    async fn check_cursor(&self, cursor: Option<BlockRef>, head: Head) -> Result<(), LaneError> {
        let Some(cursor) = cursor else { return Ok(()) };
        let found = if cursor.height == head.final_block.height {
            head.final_block
        } else {
            self.block_at(cursor.height).await?
        };
        if found.hash == cursor.hash {
            return Ok(());
        }
        Err(LaneError::FinalityViolated {
            chain: self.lane.info.destination.chain.clone(),
            height: cursor.height,
            stored: cursor.hash,
            found: found.hash,
        })
    }

    async fn block_at(&self, height: BlockHeight) -> Result<BlockRef, LaneError> {
        let chain = &self.lane.destination;
        chain.block_ref(height).await?.ok_or_else(|| LaneError::MissingBlock {
            chain: self.lane.info.destination.chain.clone(),
            height,
        })
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
        if self.heads.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    fn show(&self, waiting_for: Option<String>) {
        self.lane.board.destination_trouble.send_replace(waiting_for);
    }
}
