//! The rows of the tables, and of the JSON.

use polyspan_coordination::{ChainReport, MemberView};
use polyspan_types::RequestNonce;
use serde::Serialize;

use crate::judgement;
use crate::lane_view::LaneView;

/// One lane. Nonces are counts: "the first `n` requests". `None` could not be seen.
#[derive(Debug, Serialize)]
pub struct LaneRow {
    lane: String,
    requested: Option<RequestNonce>,
    #[serde(rename = "final")]
    final_nonce: Option<RequestNonce>,
    attested: Option<RequestNonce>,
    approved: Option<RequestNonce>,
    handled: Option<RequestNonce>,
    held: Option<u64>,
    leader: Option<String>,
    /// Requests that are not handled.
    lag: Option<u64>,
    /// Votes that the first unhandled request has, of those that it needs.
    votes: Option<usize>,
    threshold: Option<u8>,
    paused: bool,
    /// Relays that halted the lane, and why.
    halted: Vec<Halt>,
    waiting_for: Option<String>,
}

/// A relay's halt of a lane.
#[derive(Debug, Serialize)]
pub struct Halt {
    relay: String,
    reason: String,
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

    /// What a lane's view comes to.
    pub fn of(view: &LaneView) -> Self {
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
            final_nonce: source.map(|source| source.final_nonce),
            attested: at_least(tally.and_then(|tally| tally.attested())),
            approved: at_least(
                tally.and_then(|tally| tally.highest_approved()).map(|(checkpoint, _)| checkpoint.nonce),
            ),
            handled,
            held: destination.map(|destination| destination.held),
            leader: relays.and_then(|relays| relays.leader.as_ref()).map(ToString::to_string),
            lag: requested.zip(handled).map(|(requested, handled)| requested.since(handled)),
            votes: facts.as_ref().filter(|_| open).and_then(|facts| facts.votes),
            threshold: facts.as_ref().and_then(|facts| facts.threshold).map(|(threshold, _)| threshold),
            paused: source.is_some_and(|source| source.paused) || destination.is_some_and(|side| side.paused),
            halted: relays.map(|relays| halts(&relays.reports)).unwrap_or_default(),
            waiting_for: judgement::lane_waiting_for(view),
        }
    }

    /// Its cells in the table.
    pub fn cells(&self) -> Vec<String> {
        let mut words = Vec::new();
        words.extend(self.paused.then(|| "PAUSED".to_owned()));
        words.extend(self.halted.iter().map(|halt| format!("HALTED on {}: {}", halt.relay, halt.reason)));
        words.extend(self.waiting_for.clone());
        vec![
            self.lane.clone(),
            shown(self.requested),
            shown(self.final_nonce),
            shown(self.attested),
            shown(self.approved),
            shown(self.handled),
            shown(self.held),
            self.leader.clone().unwrap_or_else(|| "–".to_owned()),
            shown(self.lag),
            if words.is_empty() { "nothing".to_owned() } else { words.join("; ") },
        ]
    }
}

fn halts(reports: &[(polyspan_coordination::MemberId, polyspan_coordination::LaneReport)]) -> Vec<Halt> {
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
    pub const HEAD: &[&str] = &["relay", "alive", "roles", "operator", "heads (final)", "api", "says"];

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
    pub fn cells(&self) -> Vec<String> {
        let heads = self.chains.iter().map(|chain| match &chain.error {
            Some(error) => format!("{}: {error}", chain.chain),
            None => format!("{} {} ({})", chain.chain, chain.head, chain.final_height),
        });
        vec![
            self.relay.clone(),
            if self.alive { "yes" } else { "NO" }.to_owned(),
            self.roles.join(", "),
            self.operator.clone().unwrap_or_else(|| "–".to_owned()),
            heads.collect::<Vec<_>>().join("; "),
            self.api.clone(),
            // A dead relay's last words would mislead.
            if self.alive { self.says.join("; ") } else { String::new() },
        ]
    }
}

fn shown(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "?".to_owned(), |value| value.to_string())
}
