//! Campaigns for the leadership of a lane. Leadership saves gas; nothing depends on it being unique.

use std::sync::Arc;
use std::time::Duration;

use polyspan_coordination::Coordinator;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::error::LaneError;
use crate::lane::{Lane, nobody_leads};
use crate::step::{self, Step};

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
}

impl Candidate {
    /// Campaigns on `lane` every `tick`.
    pub const fn new(lane: Arc<Lane>, coordinator: Arc<dyn Coordinator>, tick: Duration) -> Self {
        Self { lane, coordinator, tick }
    }
}

impl Step for Candidate {
    async fn step(&mut self) -> Result<(), LaneError> {
        let leadership = match self.coordinator.campaign(self.lane.info.bridge_id).await {
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
        tokio::time::sleep(self.tick).await;
    }

    fn show(&self, _: Option<String>) {}
}
