//! Pauses the destination of a lane after an alarm, with this relay's attester key and one of its submitter keys.
//!
//! Any one operator can pause, and a pause costs time and no value; governors end it. So it is sent at once and by every relay that
//! sees the breach, until it is final. It is demanded once for each halt: after an unpause nothing is paused again for the
//! same reason.

use std::sync::Arc;
use std::time::Duration;

use polyspan_chain::{Backoff, BridgeRevert, ChainError, pause_calldata};
use polyspan_store::{Purpose, StoreError};
use polyspan_types::{Pause, RequestNonce};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::keys::{AttesterKey, SignError};
use crate::lane::Lane;
use crate::step::or_pending;
use crate::submitter::{Job, JobResult, SubmitterHandle};

mod demand;

use demand::{Demand, Need};

/// Gas of a pause. Unit: gas. Source: about 60 000 with a configuration that it suspends; doubled, and rounded up.
const PAUSE_GAS: u64 = 150_000;
/// Shortest and longest wait between attempts. Unit: time. Source: a pause is worth a transaction in every block.
const RETRY_MIN: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(8);

/// Labels of the pauses metric: a closed set.
pub const PAUSE_OUTCOMES: [&str; 3] = ["paused", "paused_before", "failed"];

/// Pauses the destination of one lane when its halt demands it.
pub struct Pauser {
    lane: Arc<Lane>,
    key: AttesterKey,
    submitter: SubmitterHandle,
    demand: Demand,
}

/// An attempt that did not lead to a pause.
#[derive(Debug, thiserror::Error)]
enum PauseError {
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Signer(#[from] SignError),
    #[error(
        "attester {0} is not an operator of the destination; have another operator pause it (polyspan pause)"
    )]
    NotOperator(alloy::primitives::Address),
    #[error("{0}")]
    NotSent(JobResult),
}

impl Pauser {
    /// Pauses the destination of `lane` with `key`, paid through `submitter`.
    pub fn new(lane: Arc<Lane>, key: AttesterKey, submitter: SubmitterHandle) -> Self {
        Self { lane, key, submitter, demand: Demand::default() }
    }

    /// Waits for a demand, and sees to it, until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut demand = self.lane.board.demands_pause.subscribe();
        let part = self.lane.health.part(&format!("pause {}", self.lane.info.id));
        part.ok();
        let mut backoff = Backoff::new(RETRY_MIN, RETRY_MAX);
        let mut told: Option<String> = None;
        loop {
            let is_demanded = *demand.borrow_and_update();
            let wait = if is_demanded {
                match self.attempt().await {
                    Ok(true) => {
                        part.ok();
                        None
                    }
                    // It is sent, and not final yet.
                    Ok(false) => Some(RETRY_MIN),
                    Err(failed) => {
                        let text = format!("the alarm demands a pause, which is not sent: {failed}");
                        part.failing(&text);
                        self.lane.metrics.pause(&self.lane.info.id, "failed");
                        if told.as_ref() != Some(&text) {
                            error!(lane = %self.lane.info.id, reason = text, "destination not paused");
                            told = Some(text);
                        }
                        Some(backoff.next(rand::random()))
                    }
                }
            } else {
                None
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = async { match wait {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => or_pending(demand.changed().await).await,
                } } => {}
            }
        }
    }

    /// One attempt. Answers whether the demand is met: the pause is final, or governors have ended one since.
    async fn attempt(&mut self) -> Result<bool, PauseError> {
        let lane = Arc::clone(&self.lane);
        let info = &lane.info;
        let state = match self.demand.look(&lane.destination, info.destination.bridge).await? {
            Need::Nothing => {
                lane.store.pause_is_over(info.bridge_id).await?;
                lane.board.demands_pause.send_replace(false);
                self.demand = Demand::default();
                return Ok(true);
            }
            Need::Finality => return Ok(false),
            Need::Pause(state) => state,
        };
        if !state.operators.contains(self.key.address()) {
            return Err(PauseError::NotOperator(self.key.address()));
        }
        let pause = Pause { pause_nonce: state.pause_nonce };
        let signature = self.key.sign_pause(pause, &lane.domain).await?;
        let job = Job {
            lane: info.clone(),
            purpose: Purpose::Pause,
            first: RequestNonce::ZERO,
            count: 0,
            checkpoint: RequestNonce::ZERO,
            to: info.destination.bridge,
            calldata: pause_calldata(pause.pause_nonce, &signature),
            worst_gas: PAUSE_GAS,
            presumed: None,
        };
        match self.submitter.submit(job).await {
            JobResult::Mined { success: true, block, tx_hash } => {
                lane.metrics.pause(&info.id, "paused");
                warn!(lane = %info.id, %block, tx = %tx_hash, "destination paused");
                Ok(false)
            }
            // Another operator was faster.
            JobResult::Mined { success: false, .. }
            | JobResult::Cancelled { .. }
            | JobResult::Refused(BridgeRevert::Paused { .. }) => {
                lane.metrics.pause(&info.id, "paused_before");
                Ok(false)
            }
            other => Err(PauseError::NotSent(other)),
        }
    }
}
