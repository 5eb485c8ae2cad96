//! Says how this relay is: to the other relays through the coordinator, and to Prometheus.

use std::sync::Arc;
use std::time::Duration;

use polyspan_chain::HeadView;
use polyspan_coordination::{
    ChainReport, Coordinator, HoldReport, InFlightReport, LaneReport, Report, SubmitterReport,
};
use polyspan_monitoring::HealthPart;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::lane::Lane;
use crate::submit::FlowView;
use crate::submitter::{KeyView, SubmitterHandle};

/// The heartbeat of a relay. While it is silent for longer than the lease, others count this relay as gone.
pub struct Reporter {
    lanes: Vec<Arc<Lane>>,
    chains: Vec<(String, watch::Receiver<HeadView>)>,
    submitters: Vec<(String, SubmitterHandle)>,
    coordinator: Arc<dyn Coordinator>,
    every: Duration,
    health: HealthPart,
}

impl Reporter {
    /// Reports on `lanes`, `chains` and `submitters` every `every`, which is a third of the lease or less.
    pub const fn new(
        lanes: Vec<Arc<Lane>>,
        chains: Vec<(String, watch::Receiver<HeadView>)>,
        submitters: Vec<(String, SubmitterHandle)>,
        coordinator: Arc<dyn Coordinator>,
        every: Duration,
        health: HealthPart,
    ) -> Self {
        Self { lanes, chains, submitters, coordinator, every, health }
    }

    /// Reports until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut silent = false;
        loop {
            for lane in &self.lanes {
                lane.metrics.show(lane);
            }
            match self.coordinator.report(&self.report()).await {
                Ok(()) => {
                    self.health.ok();
                    silent = false;
                }
                Err(error) => {
                    self.health.failing(error.to_string());
                    if !std::mem::replace(&mut silent, true) {
                        warn!(%error, "the coordinator does not take this relay's report");
                    }
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.every) => {}
            }
        }
    }

    fn report(&self) -> Report {
        Report {
            lanes: self.lanes.iter().map(|lane| lane_report(lane)).collect(),
            chains: self.chains.iter().map(|(name, heads)| chain_report(name, &heads.borrow())).collect(),
            submitters: self
                .submitters
                .iter()
                .flat_map(|(chain, handle)| submitter_reports(chain, &handle.keys()))
                .collect(),
        }
    }
}

fn submitter_reports(chain: &str, keys: &[KeyView]) -> Vec<SubmitterReport> {
    let of = |(place, key): (usize, &KeyView)| SubmitterReport {
        chain: chain.to_owned(),
        place: place as u64 + 1,
        address: key.address,
        standing: key.standing().to_owned(),
        reason: key.reason.clone(),
        balance: key.balance,
    };
    keys.iter().enumerate().map(of).collect()
}

fn lane_report(lane: &Lane) -> LaneReport {
    let source = lane.board.source.borrow().clone();
    let destination = lane.board.destination.borrow().clone();
    let approved = lane.board.approved.borrow().clone();
    let handled = destination.as_ref().map(|view| view.handled).unwrap_or_default();
    LaneReport {
        lane: lane.info.id.clone(),
        requested: source.requested,
        final_nonce: source.verified,
        attested: approved.attested.max(handled),
        approved: approved.approved(handled),
        handled,
        held: destination.as_ref().map_or(0, |view| view.held),
        oldest_hold: destination.and_then(|view| view.oldest_hold).map(|hold| HoldReport {
            nonce: hold.nonce,
            reason: hold.reason,
            held_at: hold.held_at,
            next: lane.board.release.borrow().clone(),
        }),
        halted: lane.board.halted.borrow().clone(),
        waiting_for: lane.waiting_for(),
        handled_by: *lane.board.handled_by.borrow(),
        in_flight: in_flight_report(*lane.board.flow.borrow()),
        recovery: lane.board.recovery.borrow().clone(),
    }
}

fn in_flight_report(flow: FlowView) -> InFlightReport {
    let count = |submissions| u64::try_from(submissions).unwrap_or(u64::MAX);
    InFlightReport {
        waiting: count(flow.waiting),
        limit: count(flow.limit),
        limited_by: flow.reason.to_string(),
    }
}

fn chain_report(name: &str, heads: &HeadView) -> ChainReport {
    ChainReport {
        chain: name.to_owned(),
        head: heads.head.map_or(0, |head| head.latest.height.get()),
        final_height: heads.head.map_or(0, |head| head.final_block.height.get()),
        error: heads.error.clone(),
        remark: heads.remark.clone(),
    }
}
