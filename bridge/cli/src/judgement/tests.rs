use polyspan_types::{BlockHeight, BridgeId, Request, Root, ValueTransfer};

use super::*;
use crate::governance::testing::held;

/// Request 5, paid by a lane that needs 3 of 4.
fn facts() -> Facts {
    let nonce = RequestNonce::new;
    Facts {
        nonce: nonce(5),
        requested: Some(nonce(6)),
        final_nonce: Some(nonce(5)),
        handled: Some(nonce(5)),
        votes: Some(0),
        threshold: Some((3, 4)),
        ..Facts::default()
    }
}

fn final_facts() -> Facts {
    Facts { final_nonce: Some(RequestNonce::new(6)), ..facts() }
}

#[track_caller]
fn assert_judged(facts: &Facts, state: TransferState, waiting_for: &str) {
    let judgement = judge(facts);
    assert_eq!(judgement.state, Some(state));
    let text = judgement.waiting_for.unwrap_or_default();
    assert!(text.contains(waiting_for), "{text}");
}

#[test]
fn a_transfer_goes_through_its_states_in_order() {
    assert_judged(&facts(), TransferState::Requested, "final");
    let mut facts = final_facts();
    assert_judged(&facts, TransferState::Final, "0 of 3 attested");
    facts.votes = Some(2);
    assert_judged(&facts, TransferState::Attested, "2 of 3 attested (4 operators)");
    facts.votes = Some(3);
    assert_judged(&facts, TransferState::Approved, "a relay to lead");
    facts.leader = Some("main-bridge-1".to_owned());
    assert_judged(&facts, TransferState::Approved, "main-bridge-1");
    facts.submitted = true;
    assert_judged(&facts, TransferState::Submitted, "into a block");
    facts.handled = Some(RequestNonce::new(6));
    assert_eq!(judge(&facts), Judgement { state: Some(TransferState::Paid), waiting_for: None });
    facts.hold = Some(HoldReason::PayoutFailed);
    assert_judged(&facts, TransferState::Held, "payout failed");
    facts.hold_next = Some("relays release it from block 9 on".to_owned());
    assert_judged(&facts, TransferState::Held, "from block 9 on");
    facts.ended = Some(HoldEnd::Released { to: Default::default() });
    assert_eq!(judge(&facts), Judgement { state: Some(TransferState::Released), waiting_for: None });
    facts.ended = Some(HoldEnd::Refunded { request_nonce: RequestNonce::ZERO });
    assert_eq!(judge(&facts), Judgement { state: Some(TransferState::Refunded), waiting_for: None });
    facts.ended = Some(HoldEnd::WrittenOff);
    assert_eq!(judge(&facts), Judgement { state: Some(TransferState::WrittenOff), waiting_for: None });
}

#[test]
fn a_request_that_was_not_made_has_no_state() {
    let facts = Facts { requested: Some(RequestNonce::new(5)), ..facts() };
    assert_eq!(judge(&facts).state, None);
}

#[test]
fn a_pause_and_a_halt_are_what_it_waits_for() {
    let paused = Facts { destination_paused: true, ..final_facts() };
    assert_judged(&paused, TransferState::Final, "pause");
    let halted = Facts { halted: vec![("r-1".to_owned(), "hash changed".to_owned())], ..final_facts() };
    assert_judged(&halted, TransferState::Final, "halted on r-1: hash changed");
}

#[test]
fn without_the_coordinator_the_chains_still_tell() {
    let blind = Facts { votes: None, blind: vec!["no folder".to_owned()], ..final_facts() };
    assert_judged(&blind, TransferState::Final, "cannot be counted from here: no folder");
    let paid = Facts { handled: Some(RequestNonce::new(9)), ..blind };
    assert_eq!(judge(&paid).state, Some(TransferState::Paid));
    let disputed = Facts { dispute: Some("other roots".to_owned()), ..paid.clone() };
    let judged = judge(&disputed);
    assert_eq!((judged.state, judged.waiting_for.unwrap().contains("other roots")), (None, true));
    let unhandled = Facts { dispute: Some("other roots".to_owned()), ..final_facts() };
    assert_eq!(judge(&unhandled).state, Some(TransferState::Final), "only what is handled is in dispute");
    let nothing = Facts { blind: vec!["endpoint down".to_owned()], ..Facts::default() };
    assert_eq!(judge(&nothing), Judgement { state: None, waiting_for: Some("endpoint down".to_owned()) });
}

#[test]
fn a_request_whose_finality_nobody_can_count_is_told_by_its_own_block() {
    let unknown = || Facts { final_nonce: None, ..facts() };
    assert_judged(&unknown(), TransferState::Requested, "how far that is cannot be seen");
    let source = |final_block| SourceView {
        requested: RequestNonce::new(6),
        request_root: Root::zero(BridgeId(Default::default())),
        final_nonce: Err("no logs".to_owned()),
        final_block: BlockHeight::new(final_block),
        paused: false,
    };
    let transfer = ValueTransfer { source_block: BlockHeight::new(70), ..held() };
    let request = Request { nonce: RequestNonce::new(5), transfer, tx_hash: Default::default() };
    for (final_block, state) in [(69, TransferState::Requested), (70, TransferState::Final)] {
        let mut facts = unknown();
        facts.place(&source(final_block), &request);
        assert_eq!(judge(&facts).state, Some(state));
    }
    // What is counted counts.
    let mut counted = facts();
    counted.place(&source(70), &request);
    assert_judged(&counted, TransferState::Requested, "its block to become final");
}
