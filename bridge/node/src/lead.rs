//! Campaigns for the leadership of a lane. Leadership saves gas; nothing depends on it being unique.

use std::sync::Arc;
use std::time::Duration;

use polyspan_coordination::Coordinator;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::error::LaneError;
use crate::lane::{Lane, nobody_leads};
use crate::step::{self, Step, or_pending};

/// Campaigns until `stop` or until the lane halts: then somebody else must lead.
pub async fn run(
    candidate: Candidate,
    lane: Arc<Lane>,
    coordinator: Arc<dyn Coordinator>,
    stop: CancellationToken,
) {
    let halted = lane.board.halted.subscribe();
    step::run(candidate, Arc::clone(&lane), "lead", stop).await;
    if halted.borrow().is_some() {
        lane.board.leadership.send_replace(nobody_leads());
        if let Err(error) = coordinator.resign(lane.info.bridge_id).await {
            warn!(lane = %lane.info.id, %error, "could not resign from a halted lane; stop this relay so that another leads");
        }
    }
}

/// One candidate on one lane.
pub struct Candidate {
    lane: Arc<Lane>,
    coordinator: Arc<dyn Coordinator>,
    tick: Duration,
    took_over: watch::Receiver<bool>,
}

impl Candidate {
    /// Campaigns on `lane` every `tick`.
    pub fn new(lane: Arc<Lane>, coordinator: Arc<dyn Coordinator>, tick: Duration) -> Self {
        let took_over = lane.board.took_over.subscribe();
        Self { lane, coordinator, tick, took_over }
    }
}

impl Step for Candidate {
    async fn step(&mut self) -> Result<(), LaneError> {
        let id = self.lane.info.bridge_id;
        // Who brings a lane on that stood still takes it from its leader, whose lease may be alive.
        let took_over = *self.lane.board.took_over.borrow() && !self.lane.board.leadership.borrow().own;
        let answer = match took_over {
            true => self.coordinator.challenge(id).await,
            false => self.coordinator.campaign(id).await,
        };
        let leadership = match answer {
            Ok(leadership) => leadership,
            Err(error) => {
                self.lane.board.leadership.send_replace(nobody_leads());
                return Err(error.into());
            }
        };
        let lane = &self.lane.info.id;
        self.lane.board.leadership.send_if_modified(|known| {
            let changed = *known != leadership;
            if known.own != leadership.own {
                info!(%lane, term = %leadership.term, leads = leadership.own, "lane leadership");
            }
            *known = leadership;
            changed
        });
        Ok(())
    }

    async fn changed(&mut self) {
        tokio::select! {
            () = tokio::time::sleep(self.tick) => {}
            changed = self.took_over.changed() => or_pending(changed).await,
        }
    }

    fn show(&self, _: Option<String>) {}
}
