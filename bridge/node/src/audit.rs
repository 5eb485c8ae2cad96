//! Compares what the destination has handled with what was requested, at every head of either chain, whether the lane is halted or not:
//! a payout that no request explains is an alarm whenever it comes to light.

mod judge;

use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy::primitives::B256;
use polyspan_chain::{At, Backoff, Head, HeadView, LaneState};
use polyspan_types::{Classify, ErrorClass, RequestNonce, Root};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::error::LaneError;
use crate::lane::Lane;
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
    /// When it was first seen to hold something that is not explained yet.
    noticed: Option<Noticed>,
    /// What is stored of how far roots were compared, and since when.
    stored: Option<(RequestNonce, Instant)>,
    /// The alarm was raised.
    alarmed: bool,
}

impl PayoutAudit {
    /// Audits `lane`, driven by the heads of both of its chains.
    pub const fn new(
        lane: Arc<Lane>,
        source_heads: watch::Receiver<HeadView>,
        destination_heads: watch::Receiver<HeadView>,
    ) -> Self {
        Self {
            lane,
            source_heads,
            destination_heads,
            explained: None,
            noticed: None,
            stored: None,
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
            changed = self.source_heads.changed(), if self.noticed.is_some() => or_pending(changed).await,
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
        if newest.handle_root == Root(B256::ZERO) || self.is_explained(&newest).await? {
            self.noticed = None;
            self.show(None);
            return self.store_compared().await;
        }
        self.examine(source, destination).await
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

    /// Judges what is not explained, at the final blocks of both chains.
    async fn examine(&mut self, source: Head, destination: Head) -> Result<(), LaneError> {
        let info = &self.lane.info;
        if destination.final_block.height < info.destination.deployment_block {
            return Ok(());
        }
        let at_final = self.handled(At::Hash(destination.final_block.hash)).await?;
        let (requested, request_root) = if source.final_block.height < info.source.deployment_block {
            (RequestNonce::ZERO, Root::zero(info.bridge_id))
        } else {
            let at = At::Hash(source.final_block.hash);
            let state = self.lane.source.lane_state(info.source.bridge, at).await?;
            (state.request_nonce, state.request_root)
        };
        let sides = Sides {
            handled: at_final.handle_nonce,
            handle_root: at_final.handle_root,
            claimed_block: at_final.recovery_block,
            requested,
            request_root,
            own: self.own_root(at_final.handle_nonce).await?,
            source_final: source.final_block.height,
            source_head: source.latest.height,
            source_time: source.timestamp,
        };
        let now = Instant::now();
        let noticed =
            *self.noticed.get_or_insert(Noticed { at: now, destination_time: destination.timestamp });
        match judge(&sides, noticed, now) {
            Verdict::Explained => Ok(()),
            Verdict::Pending => {
                let text = format!(
                    "chain {} has handled {} requests, and {} of chain {} are known here at its final block {}; waiting until its endpoints have \
                     them",
                    info.destination.chain,
                    sides.handled,
                    requested,
                    info.source.chain,
                    source.final_block.height
                );
                self.show((now.duration_since(noticed.at) >= SHOWN_AFTER).then_some(text));
                Ok(())
            }
            Verdict::OtherRoot { own } => {
                Err(LaneError::DestinationRoot { nonce: sides.handled, own, found: sides.handle_root })
            }
            Verdict::Unrequested => Err(LaneError::HandledUnrequested {
                chain: info.destination.chain.clone(),
                handled: sides.handled,
                block: destination.final_block.height,
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
