use alloy::primitives::{Bytes, Signature, U256};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use polyspan_chain::testing::development_key;
use polyspan_contracts::Bridge;
use polyspan_types::{ChainId, Epoch};

use super::*;
use crate::governance::proposal::CallEntry;
use crate::governance::setter::Setter;
use crate::governance::testing::{BRIDGE, DELAY, TOKEN, state};
use crate::governance::vote::digest;

const NOW: u64 = 1_000_000;
const WEEK: u64 = 7 * 86_400;

fn governor(index: usize) -> PrivateKeySigner {
    development_key(index)
}

fn bridge() -> BridgeState {
    state(&[governor(0), governor(1), governor(2)].map(|key| key.address()))
}

fn section(locked: bool) -> Section {
    let call = Bridge::setPairLockedCall { token: TOKEN, locked };
    Section {
        chain: "main".to_owned(),
        chain_id: ChainId::new(31001),
        bridge: BRIDGE,
        epoch: Epoch::new(1),
        configuration_nonce: 1,
        deadline: NOW + WEEK,
        deadline_text: String::new(),
        calls: vec![CallEntry { text: String::new(), calldata: Setter::SetPairLocked(call).encode() }],
        signatures: Vec::new(),
    }
}

fn sign(intent: Intent, section: &mut Section, governors: &[usize]) {
    for index in governors {
        let signature = governor(*index).sign_hash_sync(&digest(intent, section)).unwrap();
        section.add_signature(governor(*index).address(), Bytes::copy_from_slice(&signature.as_bytes()));
    }
}

/// What comes next with a section that these governors have signed.
fn step(
    intent: Intent,
    mut section: Section,
    governors: &[usize],
    state: &BridgeState,
    now: u64,
    ending: Option<Ending>,
) -> Step {
    sign(intent, &mut section, governors);
    let tally = Tally::count(intent, &section, &state.governors);
    next(intent, &section, &tally, &Seen { state, now, ending })
}

fn configuration(section: Section, governors: &[usize], state: &BridgeState, now: u64) -> Step {
    step(Intent::Configuration, section, governors, state, now, None)
}

/// The bridge after the vote of `section`.
fn voted(section: &Section) -> BridgeState {
    let pending = PendingConfiguration {
        configuration_nonce: 1,
        executable_at: Some(NOW + u64::from(DELAY)),
        deadline: section.deadline,
        calls_hash: calls_hash(&section.calldata()),
    };
    BridgeState { configuration_nonce: 2, pending: vec![pending], ..bridge() }
}

#[track_caller]
fn assert_stuck(step: Step, words: &str) {
    assert!(matches!(&step, Step::Stuck(why) if why.contains(words)), "{step:?}");
}

#[test]
fn votes_are_sent_at_the_threshold() {
    assert_eq!(configuration(section(true), &[2], &bridge(), NOW), Step::Missing);
    assert_eq!(configuration(section(true), &[2, 0], &bridge(), NOW), Step::Vote);
    assert_eq!(configuration(section(false), &[0, 1, 2], &bridge(), NOW), Step::Vote);
}

#[test]
fn strangers_copies_and_signatures_over_something_else_do_not_count() {
    assert_eq!(configuration(section(true), &[0, 5], &bridge(), NOW), Step::Missing);
    let mut other = section(true);
    sign(Intent::Configuration, &mut other, &[1]);
    other.deadline += 1;
    assert_eq!(configuration(other, &[0], &bridge(), NOW), Step::Missing);
    // Somebody's vote under another name.
    let mut renamed = section(true);
    sign(Intent::Configuration, &mut renamed, &[0]);
    let signature = renamed.signatures[0].signature.clone();
    renamed.add_signature(governor(1).address(), signature);
    let tally = Tally::count(Intent::Configuration, &renamed, &bridge().governors);
    assert_eq!((tally.signed.len(), tally.missing.len(), tally.refused.len()), (1, 2, 1));
}

#[test]
fn a_vote_that_can_have_no_effect_is_not_sent() {
    let stuck = |section, state: &BridgeState, now, words| {
        assert_stuck(configuration(section, &[0, 1], state, now), words)
    };
    stuck(section(true), &bridge(), NOW + WEEK + 1, "propose it again");
    stuck(section(false), &bridge(), NOW + WEEK - u64::from(DELAY) + 1, "after its deadline");
    stuck(Section { configuration_nonce: 3, ..section(true) }, &bridge(), NOW, "comes after 2");
    stuck(Section { epoch: Epoch::new(2), ..section(true) }, &bridge(), NOW, "epoch 2");
    let full = BridgeState { pending: vec![voted(&section(true)).pending[0]; PENDING_LIMIT], ..bridge() };
    stuck(section(false), &full, NOW, "8 configurations wait already");
    assert_eq!(configuration(section(true), &[0, 1], &full, NOW), Step::Vote);
}

#[test]
fn what_is_scheduled_waits_and_is_executed_in_its_turn() {
    let (section, until) = (section(false), NOW + u64::from(DELAY));
    let state = voted(&section);
    // The votes are on chain: nobody has to sign again.
    assert_eq!(configuration(section.clone(), &[], &state, NOW), Step::Wait { until });
    assert_eq!(configuration(section.clone(), &[], &state, until), Step::Execute);
    assert_stuck(configuration(section.clone(), &[], &state, NOW + WEEK + 1), "cancel it");
    let mut second = state;
    second.pending.insert(0, PendingConfiguration { configuration_nonce: 0, ..second.pending[0] });
    assert_stuck(configuration(section, &[], &second, until), "configuration 0 has to be executed");
}

#[test]
fn what_is_done_is_done_once() {
    let section = section(false);
    let state = BridgeState { pending: Vec::new(), ..voted(&section) };
    let end = |ending| step(Intent::Configuration, section.clone(), &[0, 1], &state, NOW, ending);
    let hash = calls_hash(&section.calldata());
    assert_eq!(end(Some(Ending::Applied(hash))), Step::Done("configuration 1 was executed".to_owned()));
    assert_stuck(end(Some(Ending::Applied(B256::ZERO))), "another configuration was voted");
    assert_stuck(end(Some(Ending::Cancelled)), "was cancelled");
    assert_stuck(end(None), "is not found");
    let mut other = voted(&section);
    other.pending[0].calls_hash = B256::ZERO;
    assert_stuck(configuration(section, &[0, 1], &other, NOW), "another configuration was voted");
}

#[test]
fn a_scheduled_configuration_is_cancelled_by_threshold_and_an_expired_one_by_anybody() {
    let empty = Section { calls: Vec::new(), deadline: 0, ..section(false) };
    let state = voted(&section(false));
    let cancel = |governors: &[usize], state: &BridgeState, now, ending| {
        step(Intent::Cancellation, empty.clone(), governors, state, now, ending)
    };
    assert_eq!(cancel(&[0], &state, NOW, None), Step::Missing);
    assert_eq!(cancel(&[0, 2], &state, NOW, None), Step::Cancel);
    assert_eq!(cancel(&[], &state, NOW + WEEK + 1, None), Step::Cancel);
    let gone = BridgeState { pending: Vec::new(), ..state };
    assert!(matches!(cancel(&[], &gone, NOW, Some(Ending::Cancelled)), Step::Done(_)));
    assert_stuck(cancel(&[], &gone, NOW, Some(Ending::Applied(B256::ZERO))), "was executed");
    assert_stuck(cancel(&[], &gone, NOW, None), "is not scheduled");
}

#[test]
fn a_vote_for_a_configuration_is_none_for_its_cancellation() {
    let mut mixed = Section { calls: Vec::new(), deadline: 0, ..section(false) };
    let mut voted_for = section(false);
    sign(Intent::Configuration, &mut voted_for, &[0, 1]);
    mixed.signatures = voted_for.signatures;
    let tally = Tally::count(Intent::Cancellation, &mixed, &bridge().governors);
    assert_eq!(tally.signed, []);
    assert_eq!(tally.missing.len(), 3);
}

#[test]
fn both_forms_of_a_signature_count_and_a_high_s_does_not() {
    let tally = |change: fn(Signature) -> Bytes| {
        let mut section = section(true);
        let signature = governor(0).sign_hash_sync(&digest(Intent::Configuration, &section)).unwrap();
        section.add_signature(governor(0).address(), change(signature));
        Tally::count(Intent::Configuration, &section, &bridge().governors).signed.len()
    };
    assert_eq!(tally(|signature| Bytes::copy_from_slice(&signature.as_bytes())), 1);
    assert_eq!(tally(|signature| Bytes::copy_from_slice(&signature.as_erc2098())), 1);
    let high = |signature: Signature| {
        let order: U256 =
            "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141".parse().unwrap();
        let high = Signature::new(signature.r(), order - signature.s(), !signature.v());
        Bytes::copy_from_slice(&high.as_bytes())
    };
    assert_eq!(tally(high), 0);
    assert_eq!(tally(|_| Bytes::from(vec![27; 65])), 0);
    assert_eq!(tally(|_| Bytes::new()), 0);
}
