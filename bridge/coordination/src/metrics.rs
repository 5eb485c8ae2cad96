//! The metric family of coordination: `polyspan_coordination_*`.

use prometheus::{IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

use crate::CoordinationError;

/// What a coordinator counts. It counts from the start; a registry is optional.
#[derive(Debug, Clone)]
pub(crate) struct CoordinationMetrics {
    pub(crate) members: IntGaugeVec,
    pub(crate) skipped: IntGauge,
    pub(crate) errors: IntCounterVec,
}

impl CoordinationMetrics {
    pub(crate) fn build() -> Self {
        let valid = "metric names and labels here are constants, checked by a test";
        let members = Opts::new(
            "polyspan_coordination_members",
            "Relays known to the coordinator, this one included, by whether they show signs of life",
        );
        let errors =
            Opts::new("polyspan_coordination_errors_total", "Calls to the coordinator that failed, by kind");
        Self {
            members: IntGaugeVec::new(members, &["state"]).expect(valid),
            skipped: IntGauge::new(
                "polyspan_coordination_skipped_members",
                "Relays whose share of the coordinator's state cannot be read now",
            )
            .expect(valid),
            errors: IntCounterVec::new(errors, &["kind"]).expect(valid),
        }
    }

    pub(crate) fn register(&self, registry: &Registry) -> Result<(), prometheus::Error> {
        registry.register(Box::new(self.members.clone()))?;
        registry.register(Box::new(self.skipped.clone()))?;
        registry.register(Box::new(self.errors.clone()))
    }

    pub(crate) fn count(&self, error: &CoordinationError) {
        self.errors.with_label_values(&[error.kind()]).inc();
    }

    pub(crate) fn show_members(&self, alive: usize, known: usize) {
        let gauge = |state: &str, count: usize| {
            self.members.with_label_values(&[state]).set(i64::try_from(count).unwrap_or(i64::MAX));
        };
        gauge("alive", alive);
        gauge("stale", known.saturating_sub(alive));
    }
}
