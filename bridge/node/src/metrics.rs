//! The relay's own metric family: both ends of every gap of a lane.

use polyspan_types::LaneId;
use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};

use crate::keys::SignError;
use crate::lane::Lane;
use crate::recovery::RecoveryMetrics;
use crate::submit::{Limit, Way};

/// Gauges and counters per lane. Clones share them.
#[derive(Debug, Clone)]
pub struct RelayMetrics {
    request_nonce: IntGaugeVec,
    final_nonce: IntGaugeVec,
    attested_nonce: IntGaugeVec,
    approved_nonce: IntGaugeVec,
    handle_nonce: IntGaugeVec,
    oldest_stored_nonce: IntGaugeVec,
    held: IntGaugeVec,
    leader: IntGaugeVec,
    term: IntGaugeVec,
    halted: IntGaugeVec,
    paused: IntGaugeVec,
    conflicts: IntGaugeVec,
    attestations: IntCounterVec,
    second_roots_refused: IntCounterVec,
    signing_failures: IntCounterVec,
    submissions: IntCounterVec,
    releases: IntCounterVec,
    votes: IntCounterVec,
    force_holds: IntCounterVec,
    force_hold_trials: IntGaugeVec,
    transfers: IntCounterVec,
    pauses: IntCounterVec,
    pause_demanded: IntGaugeVec,
    in_flight: IntGaugeVec,
    in_flight_limit: IntGaugeVec,
    in_flight_limited_by: IntGaugeVec,
    /// Those of the recovery workers.
    pub recovery: RecoveryMetrics,
}

/// A registered gauge per lane.
///
/// Errors: the name is taken.
pub(crate) fn lane_gauge(
    registry: &Registry,
    name: &str,
    help: &str,
) -> Result<IntGaugeVec, prometheus::Error> {
    let gauge = IntGaugeVec::new(Opts::new(name, help), &["lane"])?;
    registry.register(Box::new(gauge.clone()))?;
    Ok(gauge)
}

/// A registered counter with these labels.
///
/// Errors: the name is taken.
pub(crate) fn lane_counter(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntCounterVec, prometheus::Error> {
    let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(counter.clone()))?;
    Ok(counter)
}

impl RelayMetrics {
    /// Registers the family.
    ///
    /// Errors: one of the names is taken in this registry.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauge = |name, help| lane_gauge(registry, name, help);
        let counter = |name, help, labels: &[&str]| lane_counter(registry, name, help, labels);
        Ok(Self {
            request_nonce: gauge(
                "polyspan_lane_request_nonce",
                "Requests made on the source, at its newest block",
            )?,
            final_nonce: gauge(
                "polyspan_lane_final_nonce",
                "Requests in final blocks whose root the source confirmed",
            )?,
            attested_nonce: gauge(
                "polyspan_lane_attested_nonce",
                "Highest nonce that at least one operator attested",
            )?,
            approved_nonce: gauge(
                "polyspan_lane_approved_nonce",
                "Highest nonce that a threshold of operators attested",
            )?,
            handle_nonce: gauge("polyspan_lane_handle_nonce", "First nonce not handled on the destination")?,
            oldest_stored_nonce: gauge(
                "polyspan_lane_oldest_stored_nonce",
                "Oldest transfer of which this relay stores everything; those below were compacted, or handled before it began",
            )?,
            held: gauge("polyspan_lane_held", "Requests on hold on the destination")?,
            leader: gauge("polyspan_lane_leader", "1 while this relay leads the lane")?,
            term: gauge("polyspan_lane_term", "Term of the lane's leader")?,
            halted: gauge(
                "polyspan_lane_halted",
                "1 while this relay refuses to serve the lane until a person has looked",
            )?,
            paused: gauge("polyspan_lane_paused", "1 while the destination is paused")?,
            conflicts: gauge(
                "polyspan_lane_conflicting_roots",
                "Unhandled nonces for which operators signed different roots",
            )?,
            attestations: counter(
                "polyspan_lane_attestations_total",
                "Checkpoints signed by this relay",
                &["lane"],
            )?,
            second_roots_refused: counter(
                "polyspan_lane_second_roots_refused_total",
                "Times this relay refused to sign a second root for a nonce",
                &["lane"],
            )?,
            signing_failures: counter(
                "polyspan_lane_signing_failures_total",
                "Checkpoints for which the attester key gave no signature, by reason; they are tried again",
                &["lane", "reason"],
            )?,
            submissions: counter(
                "polyspan_lane_submissions_total",
                "Submissions of this relay that handle requests, by outcome",
                &["lane", "outcome"],
            )?,
            releases: counter(
                "polyspan_lane_releases_total",
                "Attempts of this relay to release a hold, by outcome",
                &["lane", "outcome"],
            )?,
            votes: counter(
                "polyspan_lane_votes_total",
                "Votes of this relay on chain, by outcome",
                &["lane", "outcome"],
            )?,
            force_holds: counter(
                "polyspan_lane_force_holds_total",
                "Decisions of this relay to force-hold a request that cannot be handled, and its attempts to submit one, by outcome",
                &["lane", "outcome"],
            )?,
            force_hold_trials: gauge(
                "polyspan_lane_force_hold_trials",
                "Blocks at which the lane's next request could not be handled alone; 0 while nothing fails",
            )?,
            transfers: counter(
                "polyspan_lane_transfers_total",
                "Transfers that submissions of this relay got handled: as leader, by rank, or with votes on chain",
                &["lane", "way"],
            )?,
            pauses: counter(
                "polyspan_lane_pauses_total",
                "Attempts of this relay to pause the destination after an alarm, by outcome",
                &["lane", "outcome"],
            )?,
            pause_demanded: gauge(
                "polyspan_lane_pause_demanded",
                "1 while an alarm demands that the destination is paused, and no final block shows that it is",
            )?,
            in_flight: gauge(
                "polyspan_lane_in_flight_submissions",
                "Submissions of this relay that wait for a block",
            )?,
            in_flight_limit: gauge(
                "polyspan_lane_in_flight_limit_submissions",
                "Submissions of this relay that may wait for a block at once",
            )?,
            in_flight_limited_by: limited_by(registry)?,
            recovery: RecoveryMetrics::register(registry)?,
        })
    }

    /// Counters of a lane start at zero: a series that is born with its first event has no increase, and an alert would miss
    /// just that one.
    pub fn start(&self, id: &LaneId) {
        let lane = id.to_string();
        self.attestations.with_label_values(&[lane.as_str()]);
        self.second_roots_refused.with_label_values(&[lane.as_str()]);
        for reason in SignError::REASONS {
            self.signing_failures.with_label_values(&[lane.as_str(), reason]);
        }
        for outcome in crate::submitter::OUTCOMES {
            self.submissions.with_label_values(&[lane.as_str(), outcome]);
        }
        for outcome in crate::submit::RELEASE_OUTCOMES {
            self.releases.with_label_values(&[lane.as_str(), outcome]);
        }
        for outcome in crate::submit::VOTE_OUTCOMES {
            self.votes.with_label_values(&[lane.as_str(), outcome]);
        }
        for outcome in crate::submit::FORCE_HOLD_OUTCOMES {
            self.force_holds.with_label_values(&[lane.as_str(), outcome]);
        }
        for outcome in crate::pause::PAUSE_OUTCOMES {
            self.pauses.with_label_values(&[lane.as_str(), outcome]);
        }
        for way in Way::ALL {
            self.transfers.with_label_values(&[lane.as_str(), way.label()]);
        }
        self.recovery.start(id);
    }

    /// A checkpoint was signed.
    pub fn attested(&self, lane: &LaneId) {
        self.attestations.with_label_values(&[lane.to_string().as_str()]).inc();
    }

    /// A checkpoint was not signed.
    pub fn signing_failed(&self, lane: &LaneId, failed: &SignError) {
        self.signing_failures.with_label_values(&[lane.to_string().as_str(), failed.reason()]).inc();
    }

    /// The store refused a second root.
    pub fn second_roots_refused(&self, lane: &LaneId) {
        self.second_roots_refused.with_label_values(&[lane.to_string().as_str()]).inc();
    }

    /// So many nonces have conflicting roots now.
    pub fn conflicts(&self, lane: &LaneId, nonces: usize) {
        set(&self.conflicts, lane, u64::try_from(nonces).unwrap_or(u64::MAX));
    }

    /// A submission ended.
    pub fn submission(&self, lane: &LaneId, outcome: &str) {
        self.submissions.with_label_values(&[lane.to_string().as_str(), outcome]).inc();
    }

    /// An attempt to release a hold ended.
    pub fn release(&self, lane: &LaneId, outcome: &str) {
        self.releases.with_label_values(&[lane.to_string().as_str(), outcome]).inc();
    }

    /// A vote on chain ended.
    pub fn vote(&self, lane: &LaneId, outcome: &str) {
        self.votes.with_label_values(&[lane.to_string().as_str(), outcome]).inc();
    }

    /// A force-hold was signed, or an attempt to submit one ended.
    pub fn force_hold(&self, lane: &LaneId, outcome: &str) {
        self.force_holds.with_label_values(&[lane.to_string().as_str(), outcome]).inc();
    }

    /// An attempt to pause the destination ended.
    pub fn pause(&self, lane: &LaneId, outcome: &str) {
        self.pauses.with_label_values(&[lane.to_string().as_str(), outcome]).inc();
    }

    /// Transfers were handled by a submission of this relay.
    pub fn handled(&self, lane: &LaneId, way: Way, count: u64) {
        self.transfers.with_label_values(&[lane.to_string().as_str(), way.label()]).inc_by(count);
    }

    /// Copies what the board of `lane` shows.
    pub fn show(&self, lane: &Lane) {
        let id = &lane.info.id;
        let source = lane.board.source.borrow().clone();
        set(&self.request_nonce, id, source.requested.get());
        set(&self.final_nonce, id, source.verified.get());
        let leadership = lane.board.leadership.borrow().clone();
        set(&self.leader, id, u64::from(leadership.own));
        set(&self.term, id, leadership.term.get());
        set(&self.halted, id, u64::from(lane.is_halted()));
        set(&self.pause_demanded, id, u64::from(*lane.board.demands_pause.borrow()));
        let flow = *lane.board.flow.borrow();
        set(&self.in_flight, id, flow.waiting as u64);
        set(&self.in_flight_limit, id, flow.limit as u64);
        for reason in Limit::ALL {
            let limited_by = self.in_flight_limited_by.with_label_values(&[&id.to_string(), reason.label()]);
            limited_by.set(i64::from(reason == flow.reason));
        }
        set(&self.force_hold_trials, id, lane.board.force_hold.borrow().trials);
        self.recovery.show(id, &lane.board.recovery.borrow());
        if let Some(oldest) = *lane.board.oldest_stored.borrow() {
            set(&self.oldest_stored_nonce, id, oldest.get());
        }
        if let Some(destination) = lane.board.destination.borrow().clone() {
            let approved = lane.board.approved.borrow().clone();
            set(&self.attested_nonce, id, approved.attested.max(destination.handled).get());
            set(&self.approved_nonce, id, approved.approved(destination.handled).get());
            set(&self.handle_nonce, id, destination.handled.get());
            set(&self.held, id, destination.held);
            set(&self.paused, id, u64::from(destination.paused));
        }
    }
}

fn limited_by(registry: &Registry) -> Result<IntGaugeVec, prometheus::Error> {
    let help = "1 for what keeps the limit of submissions in flight where it is";
    let gauge = IntGaugeVec::new(Opts::new("polyspan_lane_in_flight_limited_by", help), &["lane", "reason"])?;
    registry.register(Box::new(gauge.clone()))?;
    Ok(gauge)
}

fn set(gauge: &IntGaugeVec, lane: &LaneId, value: u64) {
    gauge.with_label_values(&[lane.to_string().as_str()]).set(i64::try_from(value).unwrap_or(i64::MAX));
}
