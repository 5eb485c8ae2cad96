//! The rows of the tables, and of the JSON.

use polyspan_coordination::{
    ChainReport, HandledBy, InFlightReport, LaneReport, MemberId, MemberView, RecoveryReport,
};
use polyspan_types::RequestNonce;
use serde::Serialize;

use crate::hold_steps::HoldStory;
use crate::judgement;
use crate::lane_view::LaneView;
use crate::output::Cell;
use crate::{output, reading};

/// One lane. Nonces are counts: "the first `n` requests". `None` could not be seen.
#[derive(Debug, Default, Serialize)]
pub struct LaneRow {
    pub(super) lane: String,
    pub(super) requested: Option<RequestNonce>,
    #[serde(rename = "final")]
    pub(super) final_nonce: Option<RequestNonce>,
    pub(super) attested: Option<RequestNonce>,
    pub(super) approved: Option<RequestNonce>,
    pub(super) handled: Option<RequestNonce>,
    pub(super) held: Option<u64>,
    /// The oldest hold, and what can happen next to it.
    pub(super) oldest_hold: Option<HoldStory>,
    pub(super) leader: Option<String>,
    /// Requests that are not handled.
    pub(super) lag: Option<u64>,
    /// Votes that the first unhandled request has, of those that it needs.
    pub(super) votes: Option<usize>,
    pub(super) threshold: Option<u8>,
    pub(super) paused: bool,
    /// Relays that halted the lane, and why.
    pub(super) halted: Vec<Halt>,
    pub(super) waiting_for: Option<String>,
    /// Transfers that the relays that run now got handled, since each started.
    pub(super) handled_by: HandledBy,
    /// The submissions that wait for a block, of each relay that has any.
    pub(super) in_flight: Vec<RelayInFlight>,
    /// How the recovery worker of each living relay stands.
    pub(super) recovery: Vec<RelayRecovery>,
}

/// A relay's submissions of a lane that wait for a block.
#[derive(Debug, Serialize)]
pub struct RelayInFlight {
    relay: String,
    #[serde(flatten)]
    in_flight: InFlightReport,
}

/// A relay's recovery worker of a lane.
#[derive(Debug, Serialize)]
pub struct RelayRecovery {
    relay: String,
    #[serde(flatten)]
    recovery: RecoveryReport,
}

/// A relay's halt of a lane.
#[derive(Debug, Serialize)]
pub struct Halt {
    pub(super) relay: String,
    pub(super) reason: String,
}

impl LaneRow {
    /// Names of the columns.
    pub const HEAD: &[&str] = &[
        "lane",
        "requested",
        "final",
        "attested",
        "approved",
        "handled",
        "held",
        "leader",
        "lag",
        "waiting for",
    ];

    /// What a lane's view and its oldest hold come to.
    pub fn of(view: &LaneView, oldest_hold: Option<HoldStory>) -> Self {
        let (source, destination) = (view.source.as_ref().ok(), view.destination.as_ref().ok());
        let relays = view.relays.as_ref().ok();
        let tally = relays.and_then(|relays| relays.tally.as_ref());
        let handled = destination.map(|destination| destination.handled);
        let requested = source.map(|source| source.requested);
        // What is handled was attested and approved; its votes are history.
        let at_least =
            |nonce: Option<RequestNonce>| tally.and(handled).map(|low| nonce.map_or(low, |n| n.max(low)));
        let facts = handled.map(|handled| judgement::Facts::of(view, handled));
        let open = requested.zip(handled).is_some_and(|(requested, handled)| handled < requested);
        Self {
            lane: view.info.id.to_string(),
            requested,
            final_nonce: source.and_then(|source| source.final_nonce.as_ref().ok().copied()),
            attested: at_least(tally.and_then(|tally| tally.attested())),
            approved: at_least(
                tally.and_then(|tally| tally.highest_approved()).map(|(checkpoint, _)| checkpoint.nonce),
            ),
            handled,
            held: destination.map(|destination| destination.held),
            oldest_hold,
            leader: relays.and_then(|relays| relays.leader.as_ref()).map(ToString::to_string),
            lag: requested.zip(handled).map(|(requested, handled)| requested.since(handled)),
            votes: facts.as_ref().filter(|_| open).and_then(|facts| facts.votes),
            threshold: facts.as_ref().and_then(|facts| facts.threshold).map(|(threshold, _)| threshold),
            paused: source.is_some_and(|source| source.paused) || destination.is_some_and(|side| side.paused),
            halted: relays.map(|relays| halts(&relays.reports)).unwrap_or_default(),
            waiting_for: judgement::lane_waiting_for(view),
            handled_by: relays.map(|relays| handled_by(&relays.reports)).unwrap_or_default(),
            in_flight: relays.map(|relays| in_flight(&relays.reports)).unwrap_or_default(),
            recovery: relays.map(|relays| recovery(&relays.reports)).unwrap_or_default(),
        }
    }

    /// Whether a relay's report is of this lane.
    pub fn is_of(&self, report: &LaneReport) -> bool {
        self.lane == report.lane.to_string()
    }

    /// A line about its holds, if it has any.
    pub fn holds(&self) -> Option<String> {
        let held = self.held.filter(|held| *held > 0)?;
        Some(match &self.oldest_hold {
            Some(HoldStory { nonce, reason, held_at, next, .. }) => format!(
                "{}: {held} on hold, the oldest is {nonce} since block {held_at} ({reason}): {next}",
                self.lane
            ),
            None => format!("{}: {held} on hold; the oldest was not found from here", self.lane),
        })
    }

    /// A line about the ways that transfers went, if any went another one than the leader's.
    pub fn ways(&self) -> Option<String> {
        let HandledBy { leader, rank, votes } = self.handled_by;
        (rank + votes > 0).then(|| {
            format!(
                "{}: {leader} handled by the leader, {rank} by rank, {votes} with votes on chain",
                self.lane
            )
        })
    }

    /// A line for each relay that has submissions in flight: how many, how many it may have, and why not more.
    pub fn in_flights(&self) -> Vec<String> {
        let line = |RelayInFlight { relay, in_flight }: &RelayInFlight| {
            let InFlightReport { waiting, limit, limited_by } = in_flight;
            format!(
                "{}: {relay} has {waiting} of {limit} submissions in flight; limited by {limited_by}",
                self.lane
            )
        };
        self.in_flight.iter().map(line).collect()
    }

    /// A line for each relay that reads old blocks of it, whose look failed, or that was told to rest.
    pub fn recoveries(&self) -> Vec<String> {
        let line = |RelayRecovery { relay, recovery }: &RelayRecovery| {
            let lane = &self.lane;
            if let Some(reading) = recovery.reading {
                return Some(format!("{lane}: {relay} reads {}", reading::told(&reading)));
            }
            match (recovery.outcome.as_deref(), &recovery.waiting_for) {
                (Some("failed"), Some(reason)) => {
                    Some(format!("{lane}: recovery on {relay} failed, and is tried again: {reason}"))
                }
                // One that never spoke of it is of an older version.
                (Some(_), _) if !recovery.enabled => {
                    Some(format!("{lane}: the recovery worker of {relay} rests"))
                }
                _ => None,
            }
        };
        self.recovery.iter().filter_map(line).collect()
    }

    /// Its cells in the table.
    pub fn cells(&self) -> Vec<Cell> {
        let mut words = Vec::new();
        words.extend(self.paused.then(|| "PAUSED".to_owned()));
        if !self.halted.is_empty() {
            let relays: Vec<_> = self.halted.iter().map(|halt| halt.relay.as_str()).collect();
            words.push(format!("HALTED on {}", relays.join(", ")));
        }
        // A halt's reason is long; the remarks below the tables have it.
        let is_halt = |what: &&String| self.halted.iter().any(|halt| what.contains(&halt.reason));
        words.extend(self.waiting_for.as_ref().filter(|what| !is_halt(what)).cloned());
        let is_stopped = self.paused || !self.halted.is_empty();
        let waits = if words.is_empty() { "nothing".to_owned() } else { words.join("; ") };
        vec![
            self.lane.clone().into(),
            of_chain(self.requested),
            of_chain(self.final_nonce),
            shown(self.attested).into(),
            shown(self.approved).into(),
            of_chain(self.handled),
            of_chain(self.held),
            self.leader.clone().unwrap_or_else(|| "–".to_owned()).into(),
            of_chain(self.lag),
            Cell::when(is_stopped, waits),
        ]
    }
}

fn handled_by(reports: &[(MemberId, LaneReport)]) -> HandledBy {
    reports.iter().fold(HandledBy::default(), |sum, (_, report)| sum.and(report.handled_by))
}

fn in_flight(reports: &[(MemberId, LaneReport)]) -> Vec<RelayInFlight> {
    let busy = reports.iter().filter(|(_, report)| report.in_flight.waiting > 0);
    let of = |(id, report): &(MemberId, LaneReport)| RelayInFlight {
        relay: id.to_string(),
        in_flight: report.in_flight.clone(),
    };
    busy.map(of).collect()
}

fn recovery(reports: &[(MemberId, LaneReport)]) -> Vec<RelayRecovery> {
    let of = |(id, report): &(MemberId, LaneReport)| RelayRecovery {
        relay: id.to_string(),
        recovery: report.recovery.clone(),
    };
    reports.iter().map(of).collect()
}

fn halts(reports: &[(MemberId, LaneReport)]) -> Vec<Halt> {
    let halts = reports.iter().filter_map(|(id, report)| {
        report.halted.clone().map(|reason| Halt { relay: id.to_string(), reason })
    });
    halts.collect()
}

/// One relay.
#[derive(Debug, Serialize)]
pub struct RelayRow {
    relay: String,
    alive: bool,
    roles: Vec<String>,
    operator: Option<String>,
    chains: Vec<ChainReport>,
    api: String,
    /// Lanes that it halted or that it waits on, in its own words.
    says: Vec<String>,
}

impl RelayRow {
    /// Names of the columns.
    pub const HEAD: &[&str] = &["relay", "alive", "roles", "operator", "heads (final)", "api"];

    /// What a relay is known by.
    pub fn of(view: &MemberView) -> Self {
        let says = view.report.lanes.iter().filter_map(|lane| {
            let halted = lane.halted.as_ref().map(|reason| format!("{} halted: {reason}", lane.lane));
            halted.or_else(|| lane.waiting_for.as_ref().map(|what| format!("{} waits for {what}", lane.lane)))
        });
        Self {
            relay: view.member.id.to_string(),
            alive: view.alive,
            roles: view.member.roles.clone(),
            operator: view.member.operator.map(|operator| operator.to_string()),
            chains: view.report.chains.clone(),
            api: view.member.api.clone(),
            says: says.collect(),
        }
    }

    /// Its cells in the table.
    pub fn cells(&self) -> Vec<Cell> {
        let is_blind = self.chains.iter().any(|chain| chain.error.is_some());
        let heads = self.chains.iter().map(|chain| match &chain.error {
            // The remarks below the table have the reason.
            Some(_) => format!("{} ?", chain.chain),
            None => format!("{} {} ({})", chain.chain, chain.head, chain.final_height),
        });
        vec![
            self.relay.clone().into(),
            Cell::when(!self.alive, if self.alive { "yes" } else { "NO" }),
            self.roles.join(", ").into(),
            self.operator.as_deref().map_or_else(|| "–".to_owned(), output::short_address).into(),
            Cell::when(is_blind, heads.collect::<Vec<_>>().join("; ")),
            self.api.clone().into(),
        ]
    }
}

/// What a chain that should answer does not tell is bad. Relays are seen by those only who run some.
fn of_chain(value: Option<impl ToString>) -> Cell {
    Cell::when(value.is_none(), shown(value))
}

fn shown(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "?".to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_are_told_with_the_oldest_and_what_happens_next() {
        let oldest = HoldStory {
            nonce: 5,
            reason: polyspan_types::HoldReason::Delayed,
            held_at: 100,
            refundable_from: Some(150),
            next: "relays release it from block 110 on".to_owned(),
        };
        let row = LaneRow { held: Some(3), oldest_hold: Some(oldest), ..LaneRow::default() };
        let told = row.holds().unwrap();
        assert!(told.contains("3 on hold, the oldest is 5 since block 100 (delayed): relays"), "{told}");
        let unknown = LaneRow { held: Some(3), ..LaneRow::default() }.holds().unwrap();
        assert!(unknown.contains("was not found"), "{unknown}");
        assert_eq!(LaneRow { held: Some(0), ..LaneRow::default() }.holds(), None);
    }

    #[test]
    fn a_recovery_is_told_while_it_reads_fails_or_rests_and_not_otherwise() {
        let of = |recovery: RecoveryReport| {
            let recovery = vec![RelayRecovery { relay: "r-1".to_owned(), recovery }];
            LaneRow { lane: "kr/main-to-service".to_owned(), recovery, ..LaneRow::default() }.recoveries()
        };
        let on =
            RecoveryReport { enabled: true, outcome: Some("even".to_owned()), ..RecoveryReport::default() };
        assert_eq!(of(on.clone()), Vec::<String>::new());
        assert_eq!(of(RecoveryReport::default()), Vec::<String>::new());
        let failed = RecoveryReport {
            outcome: Some("failed".to_owned()),
            waiting_for: Some("no answer".to_owned()),
            ..on.clone()
        };
        assert!(of(failed)[0].ends_with("r-1 failed, and is tried again: no answer"));
        assert!(of(RecoveryReport { enabled: false, ..on.clone() })[0].ends_with("of r-1 rests"));
        let reading = Some(polyspan_coordination::ReadingReport::default());
        assert!(of(RecoveryReport { reading, ..on })[0].contains("r-1 reads block 0 of 0 to 0"));
    }

    #[test]
    fn a_halt_is_named_and_its_long_reason_left_to_the_remarks() {
        let halt = |relay: &str| Halt { relay: relay.to_owned(), reason: "hash changed".to_owned() };
        let waiting_for = |what: &str| Some(what.to_owned());
        let row = LaneRow {
            halted: vec![halt("r-1"), halt("r-2")],
            waiting_for: waiting_for("a person: the lane is halted on r-1 (and 1 more): hash changed"),
            ..LaneRow::default()
        };
        assert_eq!(row.cells().last().unwrap(), &Cell::bad("HALTED on r-1, r-2"));
        let row = LaneRow { waiting_for: waiting_for("its block to become final"), paused: true, ..row };
        let told = "PAUSED; HALTED on r-1, r-2; its block to become final";
        assert_eq!(row.cells().last().unwrap(), &Cell::bad(told));
        assert_eq!(LaneRow::default().cells().last().unwrap(), &Cell::from("nothing".to_owned()));
    }
}
