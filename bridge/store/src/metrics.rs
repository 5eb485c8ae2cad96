//! The store's metric family: `polyspan_store_*`.

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry};

use crate::StoreError;

/// Bounds of a write's duration. Unit: seconds. Source: a commit is one fsync, 0.1 ms on a fast disk, 100 ms on a bad one.
const WRITE_BUCKETS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// Kinds of errors: a closed set.
const KINDS: [&str; 5] = ["disk", "damaged", "second_root", "order", "other"];

/// What the store counts. It counts from the start; a registry is optional.
#[derive(Debug, Clone)]
pub(crate) struct StoreMetrics {
    pub(crate) write_seconds: HistogramVec,
    pub(crate) errors: IntCounterVec,
    pub(crate) queued_writes: IntGauge,
    pub(crate) size_bytes: IntGauge,
}

impl StoreMetrics {
    /// Panics: never; the names and help texts are constants that the crate's tests have registered.
    pub(crate) fn build() -> Self {
        let valid = "metric names and labels here are constants, checked by a test";
        let write_seconds = HistogramOpts::new(
            "polyspan_store_write_seconds",
            "Time of one committed write, from its turn in the queue to the end of its fsync",
        )
        .buckets(WRITE_BUCKETS.to_vec());
        let errors = Opts::new(
            "polyspan_store_errors_total",
            "Steps that the store refused or failed; while kind disk rises nothing is signed",
        );
        let errors = IntCounterVec::new(errors, &["kind"]).expect(valid);
        // A series that is born with its first event has no increase: an alert would miss just that one.
        for kind in KINDS {
            errors.with_label_values(&[kind]);
        }
        Self {
            write_seconds: HistogramVec::new(write_seconds, &["step"]).expect(valid),
            errors,
            queued_writes: IntGauge::new(
                "polyspan_store_queued_writes",
                "Writes that wait for the writer thread or are in its hands",
            )
            .expect(valid),
            size_bytes: IntGauge::new(
                "polyspan_store_size_bytes",
                "Size of the store's file and its write-ahead log",
            )
            .expect(valid),
        }
    }

    pub(crate) fn register(&self, registry: &Registry) -> Result<(), prometheus::Error> {
        registry.register(Box::new(self.write_seconds.clone()))?;
        registry.register(Box::new(self.errors.clone()))?;
        registry.register(Box::new(self.queued_writes.clone()))?;
        registry.register(Box::new(self.size_bytes.clone()))
    }

    pub(crate) fn count(&self, error: &StoreError) {
        let kind = match error {
            StoreError::CannotWrite { .. } => "disk",
            StoreError::Damaged { .. } | StoreError::NotAStore { .. } => "damaged",
            StoreError::SecondRoot { .. } => "second_root",
            StoreError::NonceGap { .. }
            | StoreError::NonceOverlap { .. }
            | StoreError::UnknownHold { .. }
            | StoreError::HoleDiffers { .. }
            | StoreError::CursorBack { .. } => "order",
            _ => "other",
        };
        self.errors.with_label_values(&[kind]).inc();
    }
}
