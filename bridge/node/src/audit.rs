//! Compares what the destination has handled with what was requested, at every head of either chain, whether the lane is halted or not:
//! a payout that no request explains is an alarm whenever it comes to light.

mod judge;

use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy::primitives::B256;
use polyspan_chain::{At, Backoff, Head, HeadView, LaneState};
use polyspan_types::{BlockHeight, BlockRef, Classify, ErrorClass, Leaf, RequestNonce, Root};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::config::Side;
use crate::error::LaneError;
use crate::finality::{self, Cursor};
use crate::lane::Lane;
use crate::seen::SeenStates;
use crate::step::or_pending;
use judge::{Noticed, Sides, Verdict, judge};

/// Shortest and longest wait between failing comparisons.
const RETRY_MIN: Duration = Duration::from_millis(250);
const RETRY_MAX: Duration = Duration::from_secs(8);
/// Least time between two writes of how far roots were compared. Unit: time. Source: one disk write of a lane that is busy all the
/// time; what is not written is compared again.
const WRITE_EVERY: Duration = Duration::from_secs(10);
/// How long the destination may be ahead of what is known of the source before that is shown. Unit: time. Source: heads of two chains
/// are read at different moments.
const SHOWN_AFTER: Duration = Duration::from_secs(10);

/// The audit of one lane.
#[derive(Debug)]
pub struct PayoutAudit {
    lane: Arc<Lane>,
    source_heads: watch::Receiver<HeadView>,
    destination_heads: watch::Receiver<HeadView>,
    /// What the destination held when it was the same as the own root.
    explained: Option<(RequestNonce, Root)>,
    /// Since when it has held something that is not explained yet.
    unexplained_since: Option<Instant>,
    /// The first of what it holds beyond what the source has.
    noticed: Option<Noticed>,
    /// What is stored of how far roots were compared, and since when.
    stored: Option<(RequestNonce, Instant)>,
    /// What the newest blocks of each chain said, for when they are final and their states are gone.
    source_seen: SeenStates,
    destination_seen: SeenStates,
    /// The alarm was raised.
    alarmed: bool,
}

impl PayoutAudit {
    /// Audits `lane`, driven by the heads of both of its chains.
    pub fn new(
        lane: Arc<Lane>,
        source_heads: watch::Receiver<HeadView>,
        destination_heads: watch::Receiver<HeadView>,
    ) -> Self {
        Self {
            lane,
            source_heads,
            destination_heads,
            explained: None,
            unexplained_since: None,
            noticed: None,
            stored: None,
            source_seen: SeenStates::default(),
            destination_seen: SeenStates::default(),
            alarmed: false,
        }
    }

    /// Audits until `stop`. An alarm halts the lane, and demands a pause.
    pub async fn run(mut self, stop: CancellationToken) {
        let part = self.lane.health.part(&format!("audit {}", self.lane.info.id));
        let mut backoff = Backoff::new(RETRY_MIN, RETRY_MAX);
        while !stop.is_cancelled() {
            let wait = match self.step().await {
                Ok(()) => {
                    part.ok();
                    backoff.reset();
                    None
                }
                Err(error) if error.class() == ErrorClass::Halt => {
                    part.failing(error.to_string());
                    self.lane.halt(&error).await;
                    self.alarmed = true;
                    None
                }
                Err(error) => {
                    part.failing(error.to_string());
                    Some(backoff.next(rand::random()))
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.changed(wait) => {}
            }
        }
    }

    async fn changed(&mut self, wait: Option<Duration>) {
        if let Some(wait) = wait {
            return tokio::time::sleep(wait).await;
        }
        tokio::select! {
            changed = self.destination_heads.changed() => or_pending(changed).await,
            // While everything is explained only the destination can change that.
            changed = self.source_heads.changed(), if self.unexplained_since.is_some() => or_pending(changed).await,
        }
    }

    async fn step(&mut self) -> Result<(), LaneError> {
        let destination = self.destination_heads.borrow_and_update().head;
        let source = self.source_heads.borrow_and_update().head;
        let (Some(destination), Some(source)) = (destination, source) else { return Ok(()) };
        if self.alarmed || destination.latest.height < self.lane.info.destination.deployment_block {
            return Ok(());
        }
        let newest = self.handled(At::Hash(destination.latest.hash)).await?;
        self.destination_seen.saw(destination, newest);
        self.see_source(source).await;
        // What a halted lane has read may be what is wrong.
        let is_explained = !self.lane.is_halted() && self.is_explained(&newest).await?;
        if newest.handle_root == Root(B256::ZERO) || is_explained {
            self.forget();
            return self.store_compared().await;
        }
        self.examine(source, destination).await
    }

    fn forget(&mut self) {
        (self.unexplained_since, self.noticed) = (None, None);
        self.show(None);
    }

    /// Whether the destination holds the own root over requests that the source has confirmed.
    async fn is_explained(&mut self, state: &LaneState) -> Result<bool, LaneError> {
        let held = (state.handle_nonce, state.handle_root);
        if self.explained == Some(held) {
            return Ok(true);
        }
        let same = self.own_root(state.handle_nonce).await? == Some(state.handle_root);
        if same {
            self.explained = Some(held);
        }
        Ok(same)
    }

    /// The own root over the first `nonce` requests, if the source has confirmed them.
    async fn own_root(&self, nonce: RequestNonce) -> Result<Option<Root>, LaneError> {
        let (store, id) = (&self.lane.store, self.lane.info.bridge_id);
        if nonce > store.source_position(id).await?.verified_next {
            return Ok(None);
        }
        Ok(store.root_at(id, nonce).await?)
    }

    /// As [`Self::own_root`], where the source still has the block up to which this relay has read it. Where it does not, what was read
    /// of a source that took it back proves nothing against a destination that was paid from the source as it is.
    async fn standing_root(&self, nonce: RequestNonce, source: Head) -> Result<Option<Root>, LaneError> {
        let Some(own) = self.own_root(nonce).await? else { return Ok(None) };
        let position = self.lane.store.source_position(self.lane.info.bridge_id).await?;
        let Some(cursor) = position.cursor else { return Ok(None) };
        match finality::check_cursor(&self.lane.source, cursor, source).await {
            Ok(Cursor::Stands) => Ok(Some(own)),
            Ok(Cursor::Renumbered(_) | Cursor::Unknown) => Ok(None),
            Err(LaneError::FinalityViolated { .. } | LaneError::Behind { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// On a halted lane: whether the destination holds just what this relay has stored, and the source has the last request of that no more
    /// where it was. Both are needed: alone, what is stored says nothing of what was paid.
    async fn is_paid_in_vain(&self, at_final: &LaneState) -> Result<bool, LaneError> {
        let (store, id) = (&self.lane.store, self.lane.info.bridge_id);
        let handled = at_final.handle_nonce;
        if !self.lane.is_halted() || self.own_root(handled).await? != Some(at_final.handle_root) {
            return Ok(false);
        }
        let Some(stored) = store.request(id, handled.minus(1)).await? else { return Ok(false) };
        let (chain, block) = (&self.lane.source, stored.request.transfer.source_block);
        // What cannot be asked now is asked at the next head.
        let Ok(found) = chain.requests(self.lane.info.source.bridge, block, block).await else {
            return Ok(false);
        };
        Ok(found.iter().all(|request| Leaf::of(request) != stored.leaf))
    }

    /// Whether request `nonce` was made in that block of the source, by the contract's state before and after it: nodes that have thrown
    /// logs away may say nothing of it. `None` where that cannot be asked.
    async fn was_made_in(&self, block: BlockHeight, nonce: RequestNonce) -> Option<bool> {
        let first = self.lane.info.source.deployment_block;
        if block < first {
            return Some(false);
        }
        let made = async {
            let after = self.requested_by(block).await?;
            let before =
                if block == first { RequestNonce::ZERO } else { self.requested_by(block.minus(1)).await? };
            Ok(before <= nonce && nonce < after)
        };
        match made.await {
            Ok(made) => Some(made),
            Err(LaneError::Chain(error)) if error.is_state_gone() => self.is_shown_in(block, nonce).await,
            Err(_) => None,
        }
    }

    /// Requests that were made up to that block of the source.
    async fn requested_by(&self, block: BlockHeight) -> Result<RequestNonce, LaneError> {
        let (chain, bridge) = (&self.lane.source, self.lane.info.source.bridge);
        let block = finality::block_at(chain, block).await?;
        Ok(chain.lane_state(bridge, At::Hash(block.hash)).await?.request_nonce)
    }

    /// As [`Self::was_made_in`], by logs: whether it is shown in that block, or in the one where this relay has read it. `None` where it is
    /// shown in neither.
    async fn is_shown_in(&self, block: BlockHeight, nonce: RequestNonce) -> Option<bool> {
        if self.shows(block, nonce).await? {
            return Some(true);
        }
        let stored = self.lane.store.request(self.lane.info.bridge_id, nonce).await.ok()??;
        let elsewhere = stored.request.transfer.source_block;
        let is_elsewhere = elsewhere != block && self.shows(elsewhere, nonce).await?;
        is_elsewhere.then_some(false)
    }

    async fn shows(&self, block: BlockHeight, nonce: RequestNonce) -> Option<bool> {
        let found = self.lane.source.requests(self.lane.info.source.bridge, block, block).await.ok()?;
        Some(found.iter().any(|request| request.nonce == nonce))
    }

    /// Looks at the source's newest block now and then, where its final one is too far behind to be looked at.
    /// What cannot be read now is read at the next head.
    async fn see_source(&mut self, head: Head) {
        let (chain, source) = (&self.lane.source, &self.lane.info.source);
        if head.latest.height >= source.deployment_block
            && self.source_seen.is_wanted(head)
            && let Ok(state) = chain.lane_state(source.bridge, At::Hash(head.latest.hash)).await
        {
            self.source_seen.saw(head, state);
        }
    }

    /// Nothing is judged by what is not final.
    fn wait_for_final(&self, lasts: bool, side: &Side) -> Result<(), LaneError> {
        let text = format!(
            "what was handled is not explained by what is known here; waiting until a block of chain {} is final that was seen when it was \
             the newest",
            side.chain
        );
        self.show((lasts && !self.lane.is_halted()).then_some(text));
        Ok(())
    }

    /// What the destination says in a final block, as new as it is known; `None` before there is one that is known.
    async fn destination_at_final(&mut self, head: Head) -> Result<Option<(BlockRef, LaneState)>, LaneError> {
        let (chain, bridge) = (&self.lane.destination, self.lane.info.destination.bridge);
        self.destination_seen.at_final(chain, bridge, head).await
    }

    /// A final block of the source, and the requests up to there with the root over them; `None` before there is one that is known.
    async fn source_at_final(
        &mut self,
        head: Head,
    ) -> Result<Option<(BlockHeight, RequestNonce, Root)>, LaneError> {
        let info = &self.lane.info;
        if head.final_block.height < info.source.deployment_block {
            let none = (head.final_block.height, RequestNonce::ZERO, Root::zero(info.bridge_id));
            return Ok(Some(none));
        }
        let seen = self.source_seen.at_final(&self.lane.source, info.source.bridge, head).await?;
        Ok(seen.map(|(block, state)| (block.height, state.request_nonce, state.request_root)))
    }

    /// Judges what is not explained, at the final blocks of both chains, or at the newest ones before them of which it is known what they
    /// said: nothing is judged before there are any.
    async fn examine(&mut self, source: Head, destination: Head) -> Result<(), LaneError> {
        let lane = Arc::clone(&self.lane);
        let info = &lane.info;
        if destination.final_block.height < info.destination.deployment_block {
            return Ok(());
        }
        let now = Instant::now();
        let lasts = now.duration_since(*self.unexplained_since.get_or_insert(now)) >= SHOWN_AFTER;
        let Some((destination_final, at_final)) = self.destination_at_final(destination).await? else {
            return self.wait_for_final(lasts, &info.destination);
        };
        let Some((source_final, requested, request_root)) = self.source_at_final(source).await? else {
            return self.wait_for_final(lasts, &info.source);
        };
        let (handled, claimed_block) = (at_final.handle_nonce, at_final.recovery_block);
        let mut sides = Sides {
            handled,
            handle_root: at_final.handle_root,
            claimed_block,
            claim_holds: None,
            requested,
            request_root,
            own: self.standing_root(handled, source).await?,
            source_final,
            source_head: source.latest.height,
            source_time: source.timestamp,
        };
        let is_unread = sides.own.is_none() && (RequestNonce::ZERO < handled && handled < requested);
        if is_unread && self.is_paid_in_vain(&at_final).await? {
            sides.claim_holds = Some(false);
        } else if is_unread && lasts && claimed_block <= sides.source_final {
            // Not before: a relay that reads what it missed is told by its own root in a moment.
            sides.claim_holds = self.was_made_in(claimed_block, handled.minus(1)).await;
        }
        if self.noticed.is_some_and(|noticed| noticed.is_settled(&sides)) {
            self.noticed = None;
        }
        let noticed = *self.noticed.get_or_insert(Noticed {
            at: now,
            destination_time: destination.timestamp,
            handled,
            claimed_block,
        });
        match judge(&sides, noticed, now) {
            Verdict::Explained => {
                self.forget();
                Ok(())
            }
            Verdict::Pending => {
                let text = format!(
                    "chain {} has handled {} requests, and {} of chain {} are known here at its final block {}; waiting until its endpoints have \
                     them",
                    info.destination.chain, sides.handled, requested, info.source.chain, source_final
                );
                // A lane that is halted waits for a person.
                self.show((lasts && !self.lane.is_halted()).then_some(text));
                Ok(())
            }
            Verdict::OtherRoot { own } => {
                Err(LaneError::DestinationRoot { nonce: sides.handled, own, found: sides.handle_root })
            }
            Verdict::Unrequested => Err(LaneError::HandledUnrequested {
                chain: info.destination.chain.clone(),
                handled: sides.handled,
                block: destination_final.height,
                source_chain: info.source.chain.clone(),
                requested,
            }),
        }
    }

    async fn handled(&self, at: At) -> Result<LaneState, LaneError> {
        Ok(self.lane.destination.lane_state(self.lane.info.destination.bridge, at).await?)
    }

    fn show(&self, text: Option<String>) {
        self.lane.board.unexplained.send_if_modified(|shown| {
            let changed = *shown != text;
            if changed && let Some(text) = &text {
                warn!(lane = %self.lane.info.id, reason = text, "payouts not explained yet");
            }
            *shown = text;
            changed
        });
    }

    /// Writes down how far roots were compared, now and then.
    async fn store_compared(&mut self) -> Result<(), LaneError> {
        let Some((compared, _)) = self.explained else { return Ok(()) };
        let is_due = self.stored.is_none_or(|(stored, at)| stored != compared && at.elapsed() >= WRITE_EVERY);
        if is_due {
            self.lane.store.record_compared(self.lane.info.bridge_id, compared).await?;
            self.stored = Some((compared, Instant::now()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
