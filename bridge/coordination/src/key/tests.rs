use alloy::primitives::U256;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use proptest::prelude::*;

use super::*;
use crate::testing::key_of;

fn number(value: u64) -> B256 {
    B256::from(U256::from(value))
}

/// Process `instance` of relay `name`, which shows the key of `owner` and has signed nothing.
fn shown(name: &str, owner: &PrivateKeySigner, instance: u64) -> KeyPresence {
    KeyPresence::new(MemberId::try_new(name).unwrap(), owner.address(), number(instance), "http://here")
}

/// The same, signed by `signer` over these answers.
fn signed(presence: &KeyPresence, signer: &PrivateKeySigner, answers: &[u64]) -> KeyPresence {
    let answers: Vec<_> = answers.iter().copied().map(number).collect();
    let signature = signer.sign_hash_sync(&presence.signed(answers.clone()).digest()).unwrap();
    KeyPresence { proof: Some(KeyProof { answers, signature }), ..presence.clone() }
}

fn view(own: &KeyPresence, others: impl IntoIterator<Item = KeyPresence>) -> KeyView {
    KeyView { own: Some(own.clone()), others: others.into_iter().map(SeenKey::of).collect() }
}

#[test]
fn a_process_that_signs_the_own_number_has_the_key() {
    let key = key_of("a");
    let own = shown("a", &key, 1);
    let live = signed(&shown("b", &key, 2), &key, &[7, 1]);
    assert_eq!(view(&own, [live.clone()]).standing(), KeyStanding::InUse(Box::new(live)));
    // Under the own name as well.
    let namesake = signed(&shown("a", &key, 2), &key, &[1]);
    assert_eq!(view(&own, [namesake.clone()]).standing(), KeyStanding::InUse(Box::new(namesake)));
}

#[test]
fn what_is_not_signed_now_and_by_the_key_is_a_claim() {
    let (key, stranger) = (key_of("a"), key_of("stranger"));
    let own = shown("a", &key, 1);
    let replayed = signed(&shown("b", &key, 2), &key, &[7]);
    let claims = [
        shown("b", &key, 2),
        signed(&shown("b", &key, 2), &stranger, &[1]),
        // Signed before this process was there, by another process and by one of its own relay.
        replayed.clone(),
        signed(&shown("a", &key, 3), &key, &[]),
        // Another name, another number and other answers than those that were signed.
        KeyPresence { member: MemberId::try_new("c").unwrap(), ..replayed.clone() },
        KeyPresence { instance: number(4), ..replayed.clone() },
        KeyPresence {
            proof: replayed.proof.clone().map(|proof| KeyProof { answers: vec![number(1)], ..proof }),
            ..replayed
        },
    ];
    for claim in claims {
        let seen = view(&own, [claim.clone()]);
        assert_eq!(seen.standing(), KeyStanding::Claimed(claim.member.clone()), "{claim:?}");
    }
    let elsewhere = signed(&shown("b", &stranger, 2), &stranger, &[1]);
    assert_eq!(view(&own, [elsewhere, own.clone()]).standing(), KeyStanding::Alone);
    assert_eq!(KeyView::default().standing(), KeyStanding::Alone);
}

#[test]
fn a_signature_of_the_other_form_proves_nothing() {
    let key = key_of("a");
    let mut presence = signed(&shown("b", &key, 2), &key, &[1]);
    assert!(SeenKey::of(presence.clone()).is_proved());
    let proof = presence.proof.as_mut().unwrap();
    let order = U256::from_str_radix("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", 16);
    let high = order.unwrap() - proof.signature.s();
    proof.signature = Signature::new(proof.signature.r(), high, !proof.signature.v());
    assert!(!SeenKey::of(presence).is_proved());
}

#[test]
fn a_process_signs_once_and_then_only_when_another_one_asks() {
    let key = key_of("a");
    let own = shown("a", &key, 5);
    let first = view(&own, []).due(Phase::Running).unwrap();
    assert_eq!(first.answers, Vec::<B256>::new());
    let own = signed(&own, &key, &[]);
    let asking = [shown("b", &key, 4), shown("c", &key, 6), shown("d", &key_of("d"), 7)];
    assert_eq!(view(&own, []).due(Phase::Running), None);
    let due = view(&own, asking.clone()).due(Phase::Running).unwrap();
    assert_eq!(due.answers, [number(4), number(6)]);
    let own = signed(&own, &key, &[4, 6]);
    assert_eq!(view(&own, asking).due(Phase::Running), None);
}

#[test]
fn of_those_that_enter_at_once_the_lowest_number_goes_on() {
    let key = key_of("a");
    let [low, high] = [shown("a", &key, 1), shown("b", &key, 2)];
    let answer = view(&low, [high.clone()]).due(Phase::Entering).unwrap();
    assert_eq!(answer.answers, [number(2)]);
    let silent = view(&high, [low.clone()]).due(Phase::Entering).unwrap();
    assert_eq!(silent.answers, Vec::<B256>::new());
    let (low, high) = (signed(&low, &key, &[2]), signed(&high, &key, &[]));
    assert!(matches!(view(&high, [low.clone()]).standing(), KeyStanding::InUse(_)));
    assert!(matches!(view(&low, [high]).standing(), KeyStanding::Claimed(_)));
}

#[test]
fn in_a_crowd_everybody_is_answered_in_turn_and_the_value_stays_small() {
    let key = key_of("a");
    let mut own = signed(&shown("a", &key, 0), &key, &[]);
    own.api = "x".repeat(API);
    own.member = MemberId::try_new("m".repeat(64)).unwrap();
    let crowd: Vec<_> = (1..=100).map(|instance| shown("b", &key, instance)).collect();
    let mut answered = BTreeSet::new();
    for _ in 0..4 {
        let due = view(&own, crowd.clone()).due(Phase::Running).unwrap();
        assert_eq!(due.answers.len(), ANSWERS);
        answered.extend(due.answers.iter().copied());
        let signature = key.sign_hash_sync(&due.digest()).unwrap();
        own.proof = Some(KeyProof { answers: due.answers, signature });
        assert!(serde_json::to_vec(&own).unwrap().len() < 4096);
    }
    assert_eq!(answered.len(), 100);
}

#[test]
fn whoever_has_signed_is_answered_before_any_number_of_strangers() {
    let key = key_of("a");
    let own = signed(&shown("a", &key, 0), &key, &[]);
    let starter = signed(&shown("c", &key, 5_000), &key, &[]);
    let mut crowd: Vec<_> = (1..=1_000).map(|instance| shown("b", &key, instance)).collect();
    crowd.push(starter.clone());
    let due = view(&own, crowd).due(Phase::Running).unwrap();
    assert_eq!((due.answers[0], due.answers.len()), (starter.instance, ANSWERS));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a stranger collects of a key's signatures and puts together anew: nothing of it is about a number that was drawn later.
    #[test]
    fn nobody_without_the_key_shows_it_in_use(
        recorded in prop::collection::vec((0..4_u64, prop::collection::vec(0..20_u64, 0..5)), 1..5),
        mixed in prop::collection::vec((0..4_usize, 0..4_usize, 0..4_usize, any::<bool>()), 1..8),
        own in 100..1_000_u64,
    ) {
        let key = key_of("a");
        let names = ["a", "b", "c", "d"];
        let recorded: Vec<_> = recorded
            .iter()
            .map(|(instance, answers)| signed(&shown(names[*instance as usize], &key, *instance), &key, answers))
            .collect();
        let pick = |index: usize| recorded[index % recorded.len()].clone();
        let forged = mixed.iter().map(|(name, number_of, proof_of, with_own)| {
            let mut proof = pick(*proof_of).proof;
            if *with_own && let Some(proof) = &mut proof {
                proof.answers.push(number(own));
            }
            KeyPresence { member: pick(*name).member, instance: pick(*number_of).instance, proof, ..pick(0) }
        });
        let standing = view(&shown("a", &key, own), forged.chain(recorded.clone())).standing();
        prop_assert!(matches!(standing, KeyStanding::Claimed(_)), "{standing:?}");
    }
}
