//! The loop that every lane task shares: do a step when something changed, and let the class of a failure decide.

use std::sync::Arc;
use std::time::Duration;

use polyspan_types::{Classify, ErrorClass};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::error::LaneError;
use crate::lane::Lane;
use polyspan_chain::Backoff;

/// Shortest and longest wait between failing steps.
const RETRY_MIN: Duration = Duration::from_millis(250);
const RETRY_MAX: Duration = Duration::from_secs(8);

/// A task that works in steps, each of which leaves disk and chain consistent.
pub(crate) trait Step {
    /// One step; called again after `changed`, or after a wait when it failed.
    fn step(&mut self) -> impl Future<Output = Result<(), LaneError>> + Send;

    /// Returns when a step may have something to do. Cancel-safe.
    fn changed(&mut self) -> impl Future<Output = ()> + Send;

    /// Whether a step that went well did all that a relay must have done before it calls itself ready.
    fn is_ready(&self) -> bool {
        true
    }

    /// Tells the board why nothing advances; `None` after a step that went well.
    fn show(&self, waiting_for: Option<String>);
}

/// Runs `task` until `stop`. A lane that halts stays as it is, and so does a lane that was halted before.
pub(crate) async fn run(mut task: impl Step, lane: Arc<Lane>, name: &str, stop: CancellationToken) {
    let part = lane.health.part(&format!("{name} {}", lane.info.id));
    let mut backoff = Backoff::new(RETRY_MIN, RETRY_MAX);
    let mut failing: Option<String> = None;
    while !stop.is_cancelled() && !lane.is_halted() {
        let wait = match task.step().await {
            Ok(()) => {
                if failing.take().is_some() {
                    info!(lane = %lane.info.id, task = name, "goes on");
                }
                if task.is_ready() {
                    part.ok();
                }
                task.show(None);
                backoff.reset();
                None
            }
            Err(error) => {
                let text = error.to_string();
                part.failing(&text);
                task.show(Some(text.clone()));
                let after = match error.class() {
                    ErrorClass::Halt => {
                        lane.halt(&error).await;
                        return;
                    }
                    ErrorClass::Retry { after } => after,
                    ErrorClass::Skip => Duration::ZERO,
                };
                // The same failure again is no news; the health page still shows it.
                if failing.as_ref() != Some(&text) {
                    warn!(lane = %lane.info.id, task = name, error = text, "waits");
                    failing = Some(text);
                }
                Some(backoff.next(rand::random()).max(after))
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = pause(wait, &mut task) => {}
        }
    }
    if lane.is_halted() {
        part.failing("the lane is halted");
    }
}

async fn pause(wait: Option<Duration>, task: &mut impl Step) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => task.changed().await,
    }
}

/// The board outlives every task; should its writer be gone all the same, waiting is right and spinning is not.
pub(crate) async fn or_pending(changed: Result<(), watch::error::RecvError>) {
    if changed.is_err() {
        std::future::pending::<()>().await;
    }
}
