//! The metric family of the recovery workers.

use polyspan_coordination::RecoveryReport;
use polyspan_types::{BlockHeight, LaneId};
use prometheus::{IntCounterVec, IntGaugeVec, Registry};

use super::OUTCOMES;
use crate::metrics::{lane_counter, lane_gauge};

/// Gauges and counters per lane. Clones share them.
#[derive(Debug, Clone)]
pub struct RecoveryMetrics {
    enabled: IntGaugeVec,
    looks: IntCounterVec,
    refilled: IntCounterVec,
    from_block: IntGaugeVec,
    block: IntGaugeVec,
    to_block: IntGaugeVec,
}

impl RecoveryMetrics {
    /// Registers the family.
    ///
    /// Errors: one of the names is taken in this registry.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauge = |name, help| lane_gauge(registry, name, help);
        let counter = |name, help, labels: &[&str]| lane_counter(registry, name, help, labels);
        Ok(Self {
            enabled: gauge(
                "polyspan_recovery_enabled",
                "1 while the lane's recovery worker looks by itself",
            )?,
            looks: counter(
                "polyspan_recovery_looks_total",
                "Looks of the lane's recovery worker, by what they came to",
                &["lane", "outcome"],
            )?,
            refilled: counter(
                "polyspan_recovery_refilled_requests_total",
                "Requests that were missing in the store and were read from the source again",
                &["lane"],
            )?,
            from_block: gauge(
                "polyspan_recovery_from_block",
                "First block of the source's range that is being read; 0 while none is",
            )?,
            block: gauge(
                "polyspan_recovery_block",
                "First block of that range that is not read yet; 0 while none is being read",
            )?,
            to_block: gauge(
                "polyspan_recovery_to_block",
                "Last block of that range; 0 while none is being read",
            )?,
        })
    }

    /// Counters of a lane start at zero.
    pub fn start(&self, lane: &LaneId) {
        let lane = lane.to_string();
        for outcome in OUTCOMES {
            self.looks.with_label_values(&[lane.as_str(), outcome]);
        }
        self.refilled.with_label_values(&[lane.as_str()]);
    }

    /// A look ended.
    pub(super) fn looked(&self, lane: &LaneId, outcome: &'static str) {
        self.looks.with_label_values(&[lane.to_string().as_str(), outcome]).inc();
    }

    /// Requests were put into the store.
    pub(super) fn filled(&self, lane: &LaneId, count: u64) {
        self.refilled.with_label_values(&[lane.to_string().as_str()]).inc_by(count);
    }

    /// How many were, since the relay started.
    pub(super) fn refilled(&self, lane: &LaneId) -> u64 {
        self.refilled.with_label_values(&[lane.to_string().as_str()]).get()
    }

    /// Copies what the worker shows.
    pub fn show(&self, lane: &LaneId, report: &RecoveryReport) {
        let lane = lane.to_string();
        let set = |gauge: &IntGaugeVec, value: u64| {
            gauge.with_label_values(&[lane.as_str()]).set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        set(&self.enabled, u64::from(report.enabled));
        let height = |height: Option<BlockHeight>| height.map_or(0, BlockHeight::get);
        set(&self.from_block, height(report.reading.map(|reading| reading.from)));
        set(&self.block, height(report.reading.map(|reading| reading.at)));
        set(&self.to_block, height(report.reading.map(|reading| reading.to)));
    }
}
