use polyspan_coordination::{ChainReport, Member, Report, SubmitterReport};
use polyspan_types::RequestNonce;

use super::*;

const VOTES: &str = "2 of 3 attestations for the next checkpoint; 4 operators registered";

/// A lane that has 2 of 3 votes for its request 5.
fn row() -> LaneRow {
    LaneRow {
        lane: "kr/main-to-service".to_owned(),
        handled: Some(RequestNonce::new(5)),
        votes: Some(2),
        waiting_for: Some("2 of 3 attested (4 operators)".to_owned()),
        ..LaneRow::default()
    }
}

fn report(waiting_for: &str) -> LaneReport {
    let nonce = RequestNonce::new;
    LaneReport {
        lane: "kr/main-to-service".parse().unwrap(),
        requested: nonce(6),
        final_nonce: nonce(6),
        attested: nonce(6),
        approved: nonce(5),
        handled: nonce(5),
        held: 0,
        oldest_hold: None,
        halted: None,
        waiting_for: Some(waiting_for.to_owned()),
        handled_by: Default::default(),
        in_flight: Default::default(),
        recovery: Default::default(),
    }
}

fn relay(id: &str, lane: LaneReport) -> MemberView {
    let chain = ChainReport { chain: "main".to_owned(), head: 9, final_height: 7, error: None, remark: None };
    MemberView {
        member: Member {
            id: id.parse().unwrap(),
            operator: None,
            roles: Vec::new(),
            api: String::new(),
            started_at_ms: 0,
        },
        report: Report { lanes: vec![lane], chains: vec![chain], ..Report::default() },
        alive: true,
        last_seen_ms: 0,
    }
}

#[test]
fn what_the_lane_waits_for_is_not_repeated_for_each_relay() {
    let same = "2 of 3 attested (4 operators)";
    let members = [relay("r-1", report(VOTES)), relay("r-2", report(VOTES)), relay("r-3", report(same))];
    assert_eq!(remarks(&members, &[row()]), [""; 0]);
    let paused = LaneRow { paused: true, ..row() };
    assert_eq!(remarks(&[relay("r-1", report("the bridge is paused"))], &[paused]), [""; 0]);
}

#[test]
fn another_reason_is_told_once_with_those_who_give_it() {
    let trouble = "endpoint x cannot be reached";
    let members = [relay("r-1", report(trouble)), relay("r-2", report(VOTES)), relay("r-3", report(trouble))];
    let told = remarks(&members, &[row()]);
    assert_eq!(told, ["r-1, r-3: kr/main-to-service waits for endpoint x cannot be reached"]);
}

#[test]
fn another_count_of_votes_is_told_unless_it_is_history() {
    let fewer = VOTES.replace('2', "1");
    let told = remarks(&[relay("r-1", report(&fewer))], &[row()]);
    assert!(told[0].contains("waits for 1 of 3 attestations"), "{told:?}");
    let handled_since = LaneRow { handled: Some(RequestNonce::new(6)), votes: None, ..row() };
    assert_eq!(remarks(&[relay("r-1", report(&fewer))], &[handled_since]), [""; 0]);
}

#[test]
fn halts_and_chain_errors_of_living_relays_are_told() {
    let mut halted = relay("r-1", LaneReport { halted: Some("hash changed".to_owned()), ..report(VOTES) });
    halted.report.chains[0].error = Some("no answer".to_owned());
    let told = remarks(std::slice::from_ref(&halted), &[row()]);
    assert_eq!(
        told,
        ["r-1: cannot read chain main: no answer", "r-1: halted kr/main-to-service: hash changed"]
    );
    halted.report.chains[0].error = None;
    halted.report.chains[0].remark = Some("2 of 3 endpoints are good".to_owned());
    assert_eq!(
        remarks(std::slice::from_ref(&halted), &[row()])[0],
        "r-1: chain main: 2 of 3 endpoints are good"
    );
    halted.alive = false;
    assert_eq!(remarks(&[halted], &[row()]), [""; 0]);
}

#[test]
fn a_submitter_key_that_cannot_is_told_with_the_one_that_does() {
    let key = |place, reason: Option<&str>| SubmitterReport {
        chain: "service".to_owned(),
        place,
        address: Default::default(),
        standing: if reason.is_some() { "unfunded" } else { "able" }.to_owned(),
        reason: reason.map(str::to_owned),
        balance: None,
    };
    let mut view = relay("r-1", report(VOTES));
    view.report.submitters = vec![key(1, Some("fund it")), key(2, None)];
    let told = remarks(std::slice::from_ref(&view), &[row()]);
    assert_eq!(told, ["r-1: submitter key 1 on service is unfunded: fund it (key 2 pays)"]);
    view.report.submitters = vec![key(1, Some("fund it"))];
    let told = remarks(&[view], &[row()]);
    assert_eq!(told, ["r-1: submitter key 1 on service is unfunded: fund it (no other key can pay)"]);
}
