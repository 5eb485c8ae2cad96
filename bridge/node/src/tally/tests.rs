//! Any order, any repetition, any forgery: the same count.

use alloy::primitives::{Address, B256};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use polyspan_types::{BridgeId, ChainId, Epoch, Root};
use proptest::prelude::*;

use super::*;

const LANE: BridgeId = BridgeId(B256::repeat_byte(1));

fn signer(index: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(index + 1)).unwrap()
}

fn domain() -> CheckpointDomain {
    CheckpointDomain::new(ChainId::new(31002), Address::repeat_byte(9))
}

fn operators(count: u8, threshold: u8, epoch: u64) -> MemberSet {
    MemberSet {
        epoch: Epoch::new(epoch),
        threshold: Threshold::try_new(threshold, usize::from(count)).unwrap(),
        members: (0..count).map(|index| signer(index).address()).collect(),
    }
}

fn checkpoint(nonce: u64, root: u8) -> Checkpoint {
    let root = Root(B256::repeat_byte(root));
    Checkpoint { bridge_id: LANE, epoch: Epoch::new(1), nonce: RequestNonce::new(nonce), root }
}

fn attest(index: u8, checkpoint: Checkpoint) -> Attestation {
    let signer = signer(index);
    let signature = signer.sign_hash_sync(&checkpoint.digest(&domain())).unwrap();
    Attestation { checkpoint, operator: signer.address(), signature }
}

fn tally() -> Tally {
    Tally::new(operators(4, 3, 1), domain())
}

/// Everything that can be asked of a tally but its evidence, which depends on who came first.
fn answers(tally: &Tally) -> impl PartialEq + std::fmt::Debug {
    (tally.checkpoints().collect::<Vec<_>>(), tally.approved().collect::<Vec<_>>(), tally.attested())
}

#[test]
fn a_threshold_of_distinct_operators_approves() {
    let mut tally = tally();
    for index in 0..2 {
        assert_eq!(tally.add(attest(index, checkpoint(5, 1))), Ok(Added::Counted));
    }
    assert_eq!((tally.votes(RequestNonce::new(5)), tally.highest_approved()), (2, None));
    tally.add(attest(2, checkpoint(5, 1))).unwrap();
    let (approved, signatures) = tally.highest_approved().unwrap();
    assert_eq!((approved, signatures.len()), (checkpoint(5, 1), 3));
    tally.add(attest(3, checkpoint(5, 1))).unwrap();
    assert_eq!(tally.highest_approved().unwrap().1.len(), 3, "a fourth signature is not needed");
    assert_eq!(tally.voters(&approved).len(), 4);
}

#[test]
fn second_vote_of_same_operator_changes_nothing() {
    let mut tally = tally();
    tally.add(attest(0, checkpoint(5, 1))).unwrap();
    assert_eq!(tally.add(attest(0, checkpoint(5, 1))), Ok(Added::Duplicate));
    assert_eq!(tally.votes(RequestNonce::new(5)), 1);
}

#[test]
fn votes_for_different_roots_never_add_up_and_are_kept_as_evidence() {
    let mut tally = tally();
    tally.add(attest(0, checkpoint(5, 1))).unwrap();
    tally.add(attest(1, checkpoint(5, 1))).unwrap();
    assert_eq!(tally.add(attest(2, checkpoint(5, 2))), Ok(Added::Conflict));
    assert_eq!(tally.fresh_conflicts().len(), 1);
    tally.kept();
    assert_eq!(tally.fresh_conflicts(), [], "each is kept once");
    assert_eq!(tally.add(attest(0, checkpoint(5, 2))), Ok(Added::Counted));
    assert_eq!(tally.add(attest(0, checkpoint(5, 3))), Ok(Added::Surplus));
    assert_eq!(tally.highest_approved(), None);
    tally.prune(RequestNonce::new(5));
    let conflict = tally.conflicts().next().unwrap();
    assert_eq!((conflict.first.checkpoint, conflict.second.checkpoint), (checkpoint(5, 1), checkpoint(5, 2)));
    assert_eq!(tally.conflicts().count(), 1);
}

#[test]
fn votes_on_chain_and_signatures_count_together_and_no_operator_twice() {
    let mut tally = tally();
    let at = checkpoint(5, 1);
    tally.add(attest(0, at)).unwrap();
    assert_eq!(tally.add_vote(at, signer(0).address()), Ok(Added::Duplicate));
    assert_eq!(tally.add_vote(at, signer(1).address()), Ok(Added::Counted));
    assert_eq!((tally.votes(at.nonce), tally.highest_approved()), (2, None));
    assert!(tally.add_vote(at, signer(9).address()).is_err(), "a stranger");
    let old = Checkpoint { epoch: Epoch::ZERO, ..at };
    assert!(tally.add_vote(old, signer(2).address()).is_err(), "another epoch");

    tally.add(attest(2, at)).unwrap();
    let (approved, signatures) = tally.highest_approved().unwrap();
    assert_eq!((approved, signatures), (at, vec![attest(2, at).signature]), "0 and 1 have voted on chain");
    assert_eq!(tally.voted_on_chain().next().unwrap().voters.len(), 2);

    tally.add(attest(1, at)).unwrap();
    assert_eq!(tally.highest_approved().unwrap().1.len(), 3, "signatures alone suffice, and cost less");
}

#[test]
fn votes_on_chain_alone_approve_without_a_signature() {
    let mut tally = tally();
    for index in 0..3 {
        tally.add_vote(checkpoint(5, 1), signer(index).address()).unwrap();
    }
    assert_eq!(tally.highest_approved(), Some((checkpoint(5, 1), Vec::new())));
    tally.add(attest(3, checkpoint(5, 2))).unwrap();
    let conflict = tally.conflicts().next().unwrap();
    assert_eq!((conflict.first.signature, conflict.second.operator), (None, signer(3).address()));
}

#[test]
fn a_right_root_under_another_lane_does_not_count_with_the_others() {
    let mut tally = tally();
    let other = Checkpoint { bridge_id: BridgeId(B256::ZERO), ..checkpoint(5, 1) };
    for (index, checkpoint) in [(0, checkpoint(5, 1)), (1, checkpoint(5, 1)), (2, other)] {
        tally.add(attest(index, checkpoint)).unwrap();
    }
    assert_eq!(tally.highest_approved(), None);
}

#[test]
fn a_change_of_operators_kills_every_vote() {
    let mut tally = tally();
    for index in 0..3 {
        tally.add(attest(index, checkpoint(5, 1))).unwrap();
    }
    tally.set_operators(operators(4, 3, 2));
    assert_eq!((tally.attested(), tally.highest_approved()), (None, None));
    assert!(matches!(tally.add(attest(0, checkpoint(5, 1))), Err(AttestationError::Epoch { .. })));
    let renewed = Checkpoint { epoch: Epoch::new(2), ..checkpoint(5, 1) };
    assert_eq!(tally.add(attest(0, renewed)), Ok(Added::Counted));
}

#[test]
fn what_is_handled_is_forgotten_and_not_taken_again() {
    let mut tally = tally();
    for nonce in [4, 5, 6] {
        for index in 0..3 {
            tally.add(attest(index, checkpoint(nonce, 1))).unwrap();
        }
    }
    tally.prune(RequestNonce::new(5));
    assert_eq!(tally.add(attest(3, checkpoint(5, 1))), Ok(Added::Handled));
    let nonces: Vec<_> = tally.approved().map(|(checkpoint, _)| checkpoint.nonce.get()).collect();
    assert_eq!(nonces, [6]);
    assert_eq!(tally.lowest_approved_at_or_above(RequestNonce::new(6)).unwrap().0, checkpoint(6, 1));
    assert_eq!(tally.lowest_approved_at_or_above(RequestNonce::new(7)), None);
}

#[test]
fn votes_far_above_what_is_verified_are_left_out_until_it_is_near() {
    let mut tally = tally();
    let verified = RequestNonce::new(100);
    assert!(!tally.expect(verified));
    let (near, far) = (checkpoint(100 + LOOKAHEAD, 1), checkpoint(101 + LOOKAHEAD, 1));
    assert_eq!(tally.add(attest(0, near)), Ok(Added::Counted));
    assert_eq!(tally.add(attest(0, far)), Ok(Added::TooFar));
    assert_eq!(tally.attested(), Some(near.nonce));
    assert!(!tally.expect(verified.plus(LOOKAHEAD / 2 - 1)), "not needed yet");
    assert!(tally.expect(verified.plus(LOOKAHEAD / 2)), "read everybody's again");
    assert!(!tally.expect(verified.plus(LOOKAHEAD)), "once");
    assert_eq!(tally.add(attest(0, far)), Ok(Added::Counted));
}

#[test]
fn a_vote_left_out_after_a_step_back_is_read_again_as_soon_as_it_is_near() {
    let mut tally = tally();
    let (high, low) = (RequestNonce::new(100_000), RequestNonce::new(100));
    tally.expect(high);
    assert_eq!(tally.add(attest(0, checkpoint(100_001 + LOOKAHEAD, 1))), Ok(Added::TooFar));
    tally.expect(low);
    assert_eq!(tally.add(attest(0, checkpoint(101 + LOOKAHEAD, 1))), Ok(Added::TooFar));
    assert!(tally.expect(low.plus(LOOKAHEAD / 2)), "not only near the higher one");
}

#[test]
fn one_operator_cannot_fill_the_memory() {
    let mut tally = tally();
    tally.expect(RequestNonce::ZERO);
    tally.add(attest(1, checkpoint(1, 1))).unwrap();
    let vote = attest(0, checkpoint(1, 1));
    for nonce in 1..=100_000 {
        for root in 1..=2 {
            let vote = Attestation { checkpoint: checkpoint(nonce, root), ..vote.clone() };
            tally.add_verified(&vote);
        }
    }
    assert_eq!(tally.votes(RequestNonce::new(1)), 1, "votes of others stay");
    let kept = tally.checkpoints().count() as u64;
    assert_eq!(kept, 1 + 2 * (PLAIN_VOTES_PER_OPERATOR as u64 + LOOKAHEAD / CHECKPOINT_INTERVAL));
}

#[test]
fn what_the_next_piece_needs_is_kept_while_a_lane_waits() {
    let mut tally = tally();
    for index in 0..3 {
        let vote = attest(index, checkpoint(CHECKPOINT_INTERVAL, 1));
        tally.add_verified(&vote);
        for nonce in 1..=2 * PLAIN_VOTES_PER_OPERATOR as u64 {
            let checkpoint = checkpoint(CHECKPOINT_INTERVAL + nonce, 1);
            tally.add_verified(&Attestation { checkpoint, ..vote.clone() });
        }
    }
    let next = tally.lowest_approved_at_or_above(RequestNonce::new(1)).unwrap().0;
    assert_eq!(next.nonce.get(), CHECKPOINT_INTERVAL);
}

/// Multiples are all that an operator has then: the lowest ones are needed first.
#[test]
fn of_too_many_multiples_the_highest_go() {
    let mut own = OwnVotes::default();
    let multiples = (1..=VOTES_PER_OPERATOR as u64 + 1).map(|count| count * CHECKPOINT_INTERVAL);
    own.milestones = multiples.map(|nonce| (RequestNonce::new(nonce), 1)).collect();
    let highest = (VOTES_PER_OPERATOR as u64 + 1) * CHECKPOINT_INTERVAL;
    assert_eq!(own.forget_surplus(), Some(RequestNonce::new(highest)));
    assert_eq!(own.forget_surplus(), None);
}

#[test]
fn multiples_beyond_what_is_kept_are_read_again_when_half_of_the_kept_are_handled() {
    let mut tally = tally();
    let vote = attest(0, checkpoint(CHECKPOINT_INTERVAL, 1));
    let of =
        |count: u64| Attestation { checkpoint: checkpoint(count * CHECKPOINT_INTERVAL, 1), ..vote.clone() };
    let many = VOTES_PER_OPERATOR as u64 + 2;
    tally.expect(RequestNonce::new(many * CHECKPOINT_INTERVAL));
    for count in 1..=many {
        tally.add_verified(&of(count));
    }
    let verified = RequestNonce::new(many * CHECKPOINT_INTERVAL);
    let highest = RequestNonce::new((many - 2) * CHECKPOINT_INTERVAL);
    assert_eq!(tally.attested(), Some(highest), "the two highest do not fit");
    tally.prune(RequestNonce::new(SURPLUS_STEP - 1));
    assert!(!tally.expect(verified), "not needed yet");
    tally.prune(RequestNonce::new(SURPLUS_STEP));
    assert!(tally.expect(verified), "read everybody's again");
    assert!(!tally.expect(verified), "once");
    assert_eq!(tally.add_verified(&of(many)), Added::Counted);
    assert_eq!(tally.attested(), Some(verified));
}

/// Attestations made once: signing is slow in a debug build.
fn pool() -> &'static [Attestation] {
    static POOL: std::sync::OnceLock<Vec<Attestation>> = std::sync::OnceLock::new();
    POOL.get_or_init(|| {
        let each = |index: u8| (1..=3).map(move |nonce| attest(index, checkpoint(nonce, 1)));
        (0..4).flat_map(each).chain([attest(3, checkpoint(2, 2))]).collect()
    })
}

/// Attestations that must not count: of a stranger, of another epoch, under another's name, over something else.
fn forgeries() -> &'static [Attestation] {
    static FORGERIES: std::sync::OnceLock<Vec<Attestation>> = std::sync::OnceLock::new();
    FORGERIES.get_or_init(|| {
        let good = attest(0, checkpoint(2, 1));
        let stranger = attest(9, checkpoint(2, 1));
        let borrowed = Attestation { operator: signer(1).address(), ..good.clone() };
        let changed = Attestation { checkpoint: checkpoint(3, 7), ..good.clone() };
        let old = attest(0, Checkpoint { epoch: Epoch::ZERO, ..checkpoint(2, 1) });
        vec![stranger, borrowed, changed, old]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn order_repetition_and_forgeries_change_nothing(
        chosen in proptest::sample::subsequence((0..pool().len()).collect::<Vec<_>>(), 0..=pool().len()),
        order in Just(()).prop_perturb(|(), mut rng| rng.random::<u64>()),
        forged in proptest::collection::vec(0..forgeries().len(), 0..6),
    ) {
        let plain = Tally::over(chosen.iter().map(|i| pool()[*i].clone()), &operators(4, 3, 1), &domain());

        let mut noisy: Vec<_> = chosen.iter().chain(&chosen).map(|i| pool()[*i].clone()).collect();
        noisy.extend(forged.iter().map(|i| forgeries()[*i].clone()));
        noisy.sort_by_key(|attestation| {
            alloy::primitives::keccak256([attestation.signature.as_bytes().as_slice(), &order.to_be_bytes()].concat())
        });
        let noisy = Tally::over(noisy, &operators(4, 3, 1), &domain());
        prop_assert_eq!(answers(&plain), answers(&noisy));
        prop_assert_eq!(plain.conflicts().count(), noisy.conflicts().count());
    }
}
