//! The metric family of the recovery workers.

use polyspan_coordination::RecoveryReport;
use polyspan_types::LaneId;
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
    requests: IntGaugeVec,
    blocks_per_second: IntGaugeVec,
    requests_per_second: IntGaugeVec,
    left_seconds: IntGaugeVec,
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
            requests: gauge(
                "polyspan_recovery_read_requests",
                "Requests found in that range so far; 0 while none is being read",
            )?,
            blocks_per_second: gauge(
                "polyspan_recovery_blocks_per_second",
                "Blocks of that range read per second so far, rounded; 0 while none is being read",
            )?,
            requests_per_second: gauge(
                "polyspan_recovery_requests_per_second",
                "Requests found per second in that range so far, rounded; 0 while none is being read",
            )?,
            left_seconds: gauge(
                "polyspan_recovery_left_seconds",
                "Time that the rest of that range takes at this rate; 0 while none is being read or its first block is not read yet",
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
        let reading = report.reading.unwrap_or_default();
        set(&self.from_block, reading.from.get());
        set(&self.block, reading.at.get());
        set(&self.to_block, reading.to.get());
        set(&self.requests, reading.requests);
        set(&self.blocks_per_second, reading.blocks_per_second);
        set(&self.requests_per_second, reading.requests_per_second);
        set(&self.left_seconds, reading.seconds_left.unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use polyspan_coordination::ReadingReport;
    use polyspan_types::BlockHeight;

    use super::*;

    #[test]
    fn a_reading_is_shown_with_its_rate_and_what_is_left_and_nothing_stays_of_it() {
        let registry = Registry::new();
        let metrics = RecoveryMetrics::register(&registry).unwrap();
        let shown = |metric: &str| {
            let families = registry.gather();
            let family = families.iter().find(|family| family.name() == metric).unwrap();
            family.get_metric()[0].get_gauge().get_value()
        };
        let lane: LaneId = "kr/main-to-service".parse().unwrap();
        let range = (BlockHeight::new(100), BlockHeight::new(299));
        let at = BlockHeight::new(200);
        let reading = Some(ReadingReport::after(Duration::from_secs(10), range, at, 50));
        metrics.show(&lane, &RecoveryReport { reading, ..RecoveryReport::default() });
        let all = [
            ("polyspan_recovery_from_block", 100.0),
            ("polyspan_recovery_block", 200.0),
            ("polyspan_recovery_to_block", 299.0),
            ("polyspan_recovery_read_requests", 50.0),
            ("polyspan_recovery_blocks_per_second", 10.0),
            ("polyspan_recovery_requests_per_second", 5.0),
            ("polyspan_recovery_left_seconds", 10.0),
        ];
        for (metric, value) in all {
            assert_eq!(shown(metric), value, "{metric}");
        }
        metrics.show(&lane, &RecoveryReport::default());
        for (metric, _) in all {
            assert_eq!(shown(metric), 0.0, "{metric}");
        }
    }
}
