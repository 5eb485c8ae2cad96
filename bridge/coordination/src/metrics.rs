//! The metric family of coordination: `polyspan_coordination_*`.

use prometheus::{IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

use crate::{CoordinationError, KeyStanding, KeyView};

/// What a coordinator counts. It counts from the start; a registry is optional.
#[derive(Debug, Clone)]
pub(crate) struct CoordinationMetrics {
    pub(crate) members: IntGaugeVec,
    pub(crate) skipped: IntGauge,
    pub(crate) errors: IntCounterVec,
    keys: IntGaugeVec,
    state: IntGaugeVec,
}

/// How relays are joined now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Embedded,
    Etcd,
    /// By etcd, if it could be reached.
    Unreachable,
}

impl State {
    const ALL: [(Self, &'static str); 3] =
        [(Self::Embedded, "embedded"), (Self::Etcd, "etcd"), (Self::Unreachable, "unreachable")];
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
        let keys = Opts::new(
            "polyspan_coordination_keys",
            "Other live processes that show an attester key: with a signature of that key, without one, and with one that proves \
             that they have this relay's own key now",
        );
        let state = Opts::new(
            "polyspan_coordination_state",
            "1 for how this relay is joined to the others now, 0 for the other ways",
        );
        Self {
            keys: IntGaugeVec::new(keys, &["state"]).expect(valid),
            state: IntGaugeVec::new(state, &["state"]).expect(valid),
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
        registry.register(Box::new(self.state.clone()))?;
        registry.register(Box::new(self.keys.clone()))?;
        registry.register(Box::new(self.members.clone()))?;
        registry.register(Box::new(self.skipped.clone()))?;
        registry.register(Box::new(self.errors.clone()))
    }

    pub(crate) fn count(&self, error: &CoordinationError) {
        self.errors.with_label_values(&[error.kind()]).inc();
    }

    pub(crate) fn show_state(&self, state: State) {
        for (one, label) in State::ALL {
            self.state.with_label_values(&[label]).set(i64::from(one == state));
        }
    }

    pub(crate) fn show_keys(&self, view: &KeyView) {
        let gauge = |state: &str, count: usize| {
            self.keys.with_label_values(&[state]).set(i64::try_from(count).unwrap_or(i64::MAX));
        };
        let proved = view.others.iter().filter(|seen| seen.is_proved()).count();
        gauge("proved", proved);
        gauge("unproved", view.others.len() - proved);
        gauge("own", usize::from(matches!(view.standing(), KeyStanding::InUse(_))));
    }

    pub(crate) fn show_members(&self, alive: usize, known: usize) {
        let gauge = |state: &str, count: usize| {
            self.members.with_label_values(&[state]).set(i64::try_from(count).unwrap_or(i64::MAX));
        };
        gauge("alive", alive);
        gauge("stale", known.saturating_sub(alive));
    }
}
