//! Submitter keys in numbers. A key is labelled by its place: 1 is used first, the others are its spares.

use alloy::primitives::U256;
use prometheus::{GaugeVec, IntCounterVec, IntGaugeVec, Opts, Registry};

use super::choice::Standing;

/// Gauges per key of a chain, and a counter of changes. Clones share them.
#[derive(Debug, Clone)]
pub struct SubmitterMetrics {
    balance: GaugeVec,
    pending: IntGaugeVec,
    standing: IntGaugeVec,
    passes: IntCounterVec,
    release_budget: IntGaugeVec,
}

impl SubmitterMetrics {
    /// Registers the family.
    ///
    /// Errors: one of the names is taken in this registry.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauge = |name: &str, help: &str, labels: &[&str]| {
            let gauge = IntGaugeVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let balance = GaugeVec::new(
            Opts::new("polyspan_submitter_balance_wei", "What a submitter key can spend on gas"),
            &["chain", "key"],
        )?;
        registry.register(Box::new(balance.clone()))?;
        let passes = IntCounterVec::new(
            Opts::new(
                "polyspan_submitter_passes_total",
                "Jobs that went on with another submitter key, by what ailed the one before",
            ),
            &["chain", "reason"],
        )?;
        registry.register(Box::new(passes.clone()))?;
        Ok(Self {
            balance,
            pending: gauge(
                "polyspan_submitter_pending",
                "Transactions of a submitter key that are in no final block",
                &["chain", "key"],
            )?,
            standing: gauge(
                "polyspan_submitter_standing",
                "1 for what a submitter key is: able, unfunded, silent or stuck",
                &["chain", "key", "standing"],
            )?,
            passes,
            release_budget: gauge(
                "polyspan_submitter_release_budget",
                "Releases of a submitter key that may still revert within this day; at 0 it releases nothing more",
                &["chain", "key"],
            )?,
        })
    }

    /// Counters of a chain start at zero: an alert would miss the first event of a series that is born with it.
    pub(super) fn start(&self, chain: &str) {
        for standing in [Standing::Unfunded, Standing::Silent, Standing::Stuck] {
            self.passes.with_label_values(&[chain, standing.label()]);
        }
    }

    pub(super) fn passed(&self, chain: &str, reason: Standing) {
        self.passes.with_label_values(&[chain, reason.label()]).inc();
    }

    pub(super) fn balance(&self, chain: &str, key: &str, balance: U256) {
        // A gauge is a float: the first 15 digits are what a person looks at.
        self.balance.with_label_values(&[chain, key]).set(f64::from(balance));
    }

    pub(super) fn pending(&self, chain: &str, key: &str, pending: usize) {
        self.pending.with_label_values(&[chain, key]).set(i64::try_from(pending).unwrap_or(i64::MAX));
    }

    pub(super) fn release_budget(&self, chain: &str, key: &str, left: u64) {
        self.release_budget.with_label_values(&[chain, key]).set(i64::try_from(left).unwrap_or(i64::MAX));
    }

    pub(super) fn standing(&self, chain: &str, key: &str, now: Standing) {
        for standing in Standing::ALL {
            let value = i64::from(standing == now);
            self.standing.with_label_values(&[chain, key, standing.label()]).set(value);
        }
    }
}
