use alloy::primitives::Address;
use polyspan_chain::testing::pair;
use polyspan_chain::{DelayLimit, PairLimits};
use polyspan_store::Asked;
use polyspan_types::{HoldReason, Kind, RequestKind};
use proptest::prelude::*;

use super::*;

const HERE: Address = Address::repeat_byte(1);
const THERE: Address = Address::repeat_byte(2);

fn hold(nonce: u64, reason: HoldReason, value: u64) -> OpenHold {
    let asked = Asked { kind: Kind::Erc20.into(), token: THERE, value: U256::from(value) };
    OpenHold { nonce: RequestNonce::new(nonce), reason, held_at: BlockHeight::new(100), asked: Some(asked) }
}

fn lock_pair(escrow: u64) -> PairState {
    PairState { escrow: U256::from(escrow), ..pair(Kind::Erc20, HERE, THERE) }
}

fn at(hold: &OpenHold, pair: PairState, head: u64) -> Readiness {
    readiness(hold, &[pair], BlockHeight::new(head))
}

#[test]
fn only_operators_end_what_they_or_nobody_decided() {
    for reason in [HoldReason::Forced, HoldReason::AnswerUnclear] {
        assert_eq!(at(&hold(0, reason, 1), lock_pair(9), 200), Readiness::Operators);
    }
    for reason in HoldReason::ALL.iter().copied().chain([HoldReason::Unknown(99)]) {
        let ready = at(&hold(0, reason, 1), lock_pair(9), 200) == Readiness::Ready;
        assert_eq!(ready, !reason.needs_operators(), "{reason}");
    }
}

#[test]
fn a_delayed_hold_waits_for_its_block_unless_its_amount_does_not_wait_any_more() {
    let delayed = hold(0, HoldReason::Delayed, 50);
    let with_delay = |above| PairState {
        limits: PairLimits { delay: Some(DelayLimit { above, blocks: 10 }), ..PairLimits::default() },
        ..lock_pair(1000)
    };
    assert_eq!(at(&delayed, with_delay(49), 109), Readiness::NotBefore(BlockHeight::new(110)));
    assert_eq!(at(&delayed, with_delay(49), 110), Readiness::Ready);
    assert_eq!(at(&delayed, with_delay(50), 100), Readiness::Ready);
    assert_eq!(at(&delayed, lock_pair(1000), 100), Readiness::Ready);
}

#[test]
fn what_does_not_fit_waits_until_the_state_says_that_it_does() {
    let short = hold(0, HoldReason::InsufficientEscrow, 50);
    assert_eq!(
        at(&short, lock_pair(49), 200),
        Readiness::Escrow { has: U256::from(49), needs: U256::from(50) }
    );
    assert_eq!(at(&short, lock_pair(50), 200), Readiness::Ready);
    assert_eq!(at(&short, PairState { mints: true, ..lock_pair(0) }, 200), Readiness::Ready);

    let limited = hold(0, HoldReason::OutflowLimited, 50);
    let limit = OutflowLimit { capacity: 100, per_second: 1 };
    let filled = |level: u64| PairState {
        limits: PairLimits { outflow: Some(limit), ..PairLimits::default() },
        outflow: U256::from(level),
        ..lock_pair(1000)
    };
    assert_eq!(at(&limited, filled(50), 200), Readiness::Ready);
    let full = at(&limited, filled(51), 200);
    assert_eq!(full, Readiness::Outflow { level: U256::from(51), needs: U256::from(50), limit });
    assert!(full.to_string().contains("51 of the outflow limit of 100 are used"), "{full}");
    let never = at(&hold(0, HoldReason::OutflowLimited, 101), filled(0), 200);
    assert!(never.to_string().contains("governors may widen it"), "{never}");
}

#[test]
fn an_id_is_no_amount_and_a_refund_names_the_token_of_this_chain() {
    let kind = Kind::Erc721;
    let nft = PairState { escrow: U256::from(1), ..pair(kind, HERE, THERE) };
    let asked = |kind: RequestKind, token| {
        let asked = Asked { kind, token, value: U256::MAX };
        at(&OpenHold { asked: Some(asked), ..hold(0, HoldReason::PayoutFailed, 0) }, nft.clone(), 200)
    };
    assert_eq!(asked(kind.into(), THERE), Readiness::Ready);
    assert_eq!(asked(kind.into(), HERE), Readiness::NoPair);
    assert_eq!(asked(RequestKind::from(kind).refund(), HERE), Readiness::Ready);
    assert_eq!(asked(RequestKind::from(kind).refund(), THERE), Readiness::NoPair);
}

#[test]
fn a_hold_whose_request_is_missing_waits_and_says_so() {
    let unknown = OpenHold { asked: None, ..hold(0, HoldReason::PayoutFailed, 1) };
    let answer = at(&unknown, lock_pair(9), 200);
    assert_eq!(answer, Readiness::RequestUnknown);
    assert!(answer.to_string().contains("does not have its request"), "{answer}");
}

#[test]
fn the_oldest_of_those_that_failed_least_comes_first_and_rests_longer_after_each_attempt() {
    let holds = [
        hold(1, HoldReason::Forced, 1),
        hold(3, HoldReason::PayoutFailed, 1),
        hold(4, HoldReason::PayoutFailed, 1),
    ];
    let (pairs, head, start) = ([lock_pair(9)], BlockHeight::new(200), Instant::now());
    let mut attempts = Attempts::default();
    let next = |attempts: &Attempts, now| {
        next_release(&holds, &pairs, head, attempts, &BTreeSet::new(), now).map(RequestNonce::get)
    };
    assert_eq!(next(&attempts, start), Some(3));
    assert!(attempts.note(RequestNonce::new(3), "refused".to_owned(), true, start));
    assert_eq!(next(&attempts, start), Some(4));
    attempts.note(RequestNonce::new(4), "refused".to_owned(), true, start);
    assert_eq!(next(&attempts, start), None);
    let later = start + FIRST_REST;
    assert_eq!(next(&attempts, later), Some(3));
    assert!(!attempts.note(RequestNonce::new(3), "refused".to_owned(), true, later), "it is no news");
    assert_eq!(next(&attempts, later + FIRST_REST), Some(4));
    attempts.note(RequestNonce::new(4), "gone".to_owned(), true, later);
    assert_eq!(next(&attempts, later + FIRST_REST), None);
    for _ in 0..100 {
        attempts.note(RequestNonce::new(3), "refused".to_owned(), true, later);
    }
    assert_eq!(next(&attempts, later + LONGEST_REST), Some(4), "nobody waits for what fails all the time");

    attempts.forget_ended(RequestNonce::ZERO, Some(RequestNonce::new(4)), &holds[..1]);
    assert_eq!(attempts.attempts.keys().map(|nonce| nonce.get()).collect::<Vec<_>>(), [4]);
    attempts.forget_ended(RequestNonce::new(2), None, &[]);
    assert!(attempts.attempts.is_empty());
}

#[test]
fn an_attempt_that_failed_for_another_reason_than_the_hold_costs_it_nothing() {
    let (nonce, start, mut attempts) = (RequestNonce::ZERO, Instant::now(), Attempts::default());
    for _ in 0..9 {
        attempts.note(nonce, "no answer".to_owned(), false, start);
    }
    assert!(attempts.rests(nonce, start) && !attempts.rests(nonce, start + FIRST_REST));
    attempts.note(nonce, "refused".to_owned(), true, start);
    assert!(!attempts.rests(nonce, start + FIRST_REST));
    attempts.note(nonce, "refused".to_owned(), true, start);
    assert!(attempts.rests(nonce, start + FIRST_REST));
}

proptest! {
    /// Nothing is tried that the state says would fail, and everything else is tried in the end, oldest first.
    #[test]
    fn every_ready_hold_is_tried_once_before_any_is_tried_again(
        numbers in proptest::collection::btree_set(0u64..200, 0..20), reasons in proptest::collection::vec(0u8..20, 20),
        values in proptest::collection::vec(0u64..20, 20), escrow in 0u64..20,
    ) {
        let holds: Vec<_> = numbers.into_iter().zip(reasons).zip(values)
            .map(|((nonce, reason), value)| hold(nonce, HoldReason::from_number(reason), value)).collect();
        let (pairs, head, now) = ([lock_pair(escrow)], BlockHeight::new(500), Instant::now());
        let mut attempts = Attempts::default();
        let mut tried = Vec::new();
        while let Some(nonce) = next_release(&holds, &pairs, head, &attempts, &BTreeSet::new(), now) {
            attempts.note(nonce, String::new(), true, now);
            tried.push(nonce);
        }
        let ready: Vec<_> = holds.iter()
            .filter(|hold| readiness(hold, &pairs, head) == Readiness::Ready).map(|hold| hold.nonce).collect();
        prop_assert_eq!(tried, ready);
        prop_assert!(holds.iter().filter(|hold| hold.reason.needs_operators())
            .all(|hold| readiness(hold, &pairs, head) == Readiness::Operators));
    }
}

#[test]
fn a_hold_of_which_a_release_reverted_on_chain_is_left_to_people_until_it_ends() {
    let holds = [hold(3, HoldReason::PayoutFailed, 1), hold(5, HoldReason::PayoutFailed, 1)];
    let (mut attempts, now) = (Attempts::default(), Instant::now());
    let next = |attempts: &Attempts| {
        let (head, later) = (BlockHeight::new(200), now + 10 * LONGEST_REST);
        next_release(&holds, &[lock_pair(9)], head, attempts, &BTreeSet::new(), later)
    };
    assert_eq!(next(&attempts), Some(RequestNonce::new(3)));
    attempts.leave_to_people(RequestNonce::new(3), None);
    assert_eq!(next(&attempts), Some(RequestNonce::new(5)), "however long ago it was");
    attempts.forget_ended(RequestNonce::ZERO, None, &holds[1..]);
    assert!(!attempts.is_left(RequestNonce::new(3)));
}

/// A thousand holds of one recipient who makes releases revert, all older than an honest one.
#[test]
fn holds_of_a_recipient_who_made_a_release_revert_come_behind_all_others() {
    let (hostile, honest) = (Address::repeat_byte(0xbb), Address::repeat_byte(0xaa));
    let holds: Vec<_> = (0..1_001).map(|nonce| hold(nonce, HoldReason::PayoutFailed, 1)).collect();
    let recipients: Vec<_> = (0..1_001)
        .map(|nonce| (RequestNonce::new(nonce), if nonce == 1_000 { honest } else { hostile }))
        .collect();
    let (mut attempts, now) = (Attempts::default(), Instant::now());
    let next = |attempts: &Attempts, everybody: bool| {
        let last = if everybody { BTreeSet::new() } else { attempts.last(recipients.clone()) };
        next_release(&holds, &[lock_pair(9)], BlockHeight::new(200), attempts, &last, now)
    };
    assert!(!attempts.has_suspects());
    assert_eq!(next(&attempts, false), Some(RequestNonce::new(0)), "oldest first");
    attempts.leave_to_people(RequestNonce::new(0), Some(hostile));
    assert!(attempts.has_suspects());
    assert_eq!(
        next(&attempts, false),
        Some(RequestNonce::new(1_000)),
        "after one revert, and not after a thousand"
    );
    attempts.note(RequestNonce::new(1_000), "released".to_owned(), true, now);
    assert_eq!(next(&attempts, false), None);
    assert_eq!(next(&attempts, true), Some(RequestNonce::new(1)), "they have what the others leave");
    attempts.forget_ended(RequestNonce::ZERO, None, &holds[1..]);
    assert!(!attempts.has_suspects(), "somebody else's release of it came first");
}
