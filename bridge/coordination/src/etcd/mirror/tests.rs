use proptest::prelude::*;

use super::*;
use crate::testing::{attestation, decision, lane};

const LIMITS: Limits = Limits {
    members: 2,
    keys: 2,
    claims: 2,
    of_lane: 3,
    of_share: 1,
    of_member: 4,
    attestations: 6,
    all_claims: 3,
    reports: 2000,
    skipped: 3,
};

fn mirror() -> Mirror {
    Mirror::new(Layout::new("/p"), LIMITS)
}

fn id(name: &str) -> MemberId {
    MemberId::try_new(name).unwrap()
}

fn put(mirror: &mut Mirror, key: &str, value: &[u8]) -> Taken {
    mirror.take(Entry { key: key.as_bytes(), value: Some(value), lease: 1 }).1
}

fn publish(mirror: &mut Mirror, name: &str, vote: &Attestation) -> Taken {
    let key = Layout::new("/p").attestation(&id(name), vote);
    put(mirror, &key, &vote.to_bytes().unwrap())
}

fn delete(mirror: &mut Mirror, name: &str, vote: &Attestation) {
    let key = Layout::new("/p").attestation(&id(name), vote);
    mirror.take(Entry { key: key.as_bytes(), value: None, lease: 0 });
}

const CLAIM: &[u8] = br#"{"term":1,"standing":true}"#;

/// What a member says of itself, so many bytes longer than it has to be.
fn about(name: &str, more: usize) -> Vec<u8> {
    let mut member = crate::testing::member(name);
    member.api = "x".repeat(more);
    MemberValue { member, report: crate::Report::default(), last_seen_ms: 0 }.to_bytes().unwrap()
}

fn nonces(mirror: &Mirror, after: u64) -> Vec<u64> {
    mirror.news(lane(1), after, 100).iter().map(|(_, one)| one.checkpoint.nonce.get()).collect()
}

#[test]
fn each_bound_holds_and_takes_nothing_from_others() {
    let mut mirror = mirror();
    for nonce in 1..=3 {
        assert_eq!(publish(&mut mirror, "a", &attestation(lane(1), nonce, 1, 1)), Taken::Yes);
    }
    let full = publish(&mut mirror, "a", &attestation(lane(1), 4, 1, 1));
    assert_eq!(full, Taken::Full(Scope::Lane(lane(1))));
    assert_eq!(publish(&mut mirror, "a", &attestation(lane(2), 1, 1, 1)), Taken::Yes);
    let full = publish(&mut mirror, "a", &attestation(lane(2), 2, 1, 1));
    assert_eq!(full, Taken::Full(Scope::Lane(lane(2))));
    assert_eq!(publish(&mut mirror, "b", &attestation(lane(1), 1, 2, 1)), Taken::Yes);
    assert_eq!(put(&mut mirror, "/p/c/presence", b"{}"), Taken::Full(Scope::Members));
    assert!(mirror.truncated);
    for _ in 0..3 {
        assert_eq!(put(&mut mirror, "/p/b/what", b""), Taken::Skipped);
    }
    assert_eq!(put(&mut mirror, "/p/b/what", b""), Taken::Full(Scope::Member));
    delete(&mut mirror, "a", &attestation(lane(1), 2, 1, 1));
    assert_eq!(publish(&mut mirror, "a", &attestation(lane(1), 4, 1, 1)), Taken::Yes);
    assert_eq!(nonces(&mirror, 0), [1, 3, 1, 4]);
}

#[test]
fn a_lane_with_a_backlog_takes_nothing_from_the_share_of_another() {
    let mut mirror = Mirror::new(Layout::new("/p"), Limits { attestations: 9, ..LIMITS });
    for nonce in 1..=3 {
        publish(&mut mirror, "a", &attestation(lane(1), nonce, 1, 1));
    }
    publish(&mut mirror, "a", &attestation(lane(2), 1, 1, 1));
    // What is published later, and what is read later, has its place all the same.
    for (number, left) in [(3, 2), (4, 1)] {
        assert_eq!(publish(&mut mirror, "a", &attestation(lane(number), 7, 1, 1)), Taken::Yes);
        assert_eq!(nonces(&mirror, 0), (1..=left).collect::<Vec<_>>(), "the highest gives way");
        assert_eq!(mirror.news(lane(number), 0, 9).len(), 1);
        let full = publish(&mut mirror, "a", &attestation(lane(number), 8, 1, 1));
        let scope = if left > 1 { Scope::Lane(lane(number)) } else { Scope::Attestations };
        assert_eq!(full, Taken::Full(scope), "not more than its share");
    }
    assert!(mirror.truncated, "what gave way is looked for again");
    assert_eq!(publish(&mut mirror, "a", &attestation(lane(5), 1, 1, 1)), Taken::Full(Scope::Attestations));
    assert_eq!((mirror.attestations, mirror.members[&id("a")].attestation_count()), (4, 4));
    // When all members together are full, a lane takes from its own member alone.
    for (name, nonce) in [("b", 1), ("b", 2)] {
        publish(&mut mirror, name, &attestation(lane(1), nonce, 2, 1));
    }
    mirror.limits.attestations = 6;
    assert_eq!(publish(&mut mirror, "b", &attestation(lane(2), 1, 2, 1)), Taken::Yes);
    assert_eq!(mirror.votes_of(&id("b"), lane(1)).len(), 1);
    assert_eq!(mirror.members[&id("a")].attestation_count(), 4);
}

#[test]
fn a_complete_reading_keeps_the_numbers_of_what_was_known() {
    let mut known = mirror();
    for nonce in 1..=2 {
        publish(&mut known, "a", &attestation(lane(1), nonce, 1, 1));
    }
    let mut found = known.fresh();
    for nonce in [1, 3] {
        publish(&mut found, "a", &attestation(lane(1), nonce, 1, 1));
    }
    known.adopt(found);
    assert_eq!(nonces(&known, 0), [1, 3]);
    assert_eq!(nonces(&known, 2), [3], "only this one is new");
}

#[test]
fn another_signature_under_the_same_key_is_news() {
    let mut mirror = mirror();
    let vote = attestation(lane(1), 1, 1, 1);
    let mut other = vote.clone();
    other.signature = attestation(lane(1), 9, 1, 2).signature;
    publish(&mut mirror, "a", &vote);
    publish(&mut mirror, "a", &vote);
    assert_eq!(nonces(&mirror, 1), Vec::<u64>::new());
    publish(&mut mirror, "a", &other);
    assert_eq!(nonces(&mirror, 1), [1]);
    assert!(mirror.holds(&id("a"), &other) && !mirror.holds(&id("a"), &vote));
}

proptest! {
    /// Any bytes under any key: nothing panics, no bound is passed, and counts stay right.
    #[test]
    fn any_history_stays_within_the_bounds(
        steps in proptest::collection::vec((0..3_usize, 0..8_u64, 0..9_u8, any::<Vec<u8>>()), 0..200),
    ) {
        let mut mirror = mirror();
        for (name, nonce, action, bytes) in steps {
            let name = ["a", "b", "c"][name];
            let vote = attestation(lane((nonce % 3) as u8), nonce, 1, 1);
            match action {
                0 => drop(publish(&mut mirror, name, &vote)),
                1 => delete(&mut mirror, name, &vote),
                2 => drop(put(&mut mirror, &Layout::new("/p").attestation(&id(name), &vote), &bytes)),
                3 => drop(put(&mut mirror, &Layout::new("/p").member(&id(name)), &about(name, bytes.len()))),
                4 => drop(put(&mut mirror, &Layout::new("/p").claim(&id(name), vote.checkpoint.bridge_id), CLAIM)),
                5 => {
                    let decision = decision(vote.checkpoint.bridge_id, nonce, 1).to_bytes().unwrap();
                    let key = Layout::new("/p").decision(&id(name), vote.checkpoint.bridge_id);
                    let _ = put(&mut mirror, &key, &decision);
                }
                6 => {
                    let (presence, text) = key_presence(name, nonce);
                    let _ = put(&mut mirror, &presence, &text);
                }
                7 => {
                    for key in ["member".to_owned(), format!("claim/{}", alloy::hex::encode(vote.checkpoint.bridge_id.0))] {
                        let key = format!("/p/{name}/{key}");
                        mirror.take(Entry { key: key.as_bytes(), value: None, lease: 0 });
                    }
                }
                _ => drop(mirror.take(Entry { key: &bytes, value: Some(&bytes), lease: 0 })),
            }
            prop_assert!(mirror.members.len() <= LIMITS.members);
            let total: usize = mirror.members.values().map(Share::attestation_count).sum();
            prop_assert_eq!(total, mirror.attestations);
            prop_assert!(total <= LIMITS.attestations);
            prop_assert!(mirror.members.values().all(|share| share.attestation_count() <= LIMITS.of_member));
            let claims: usize = mirror.members.values().map(|share| share.claims.len()).sum();
            prop_assert!(claims == mirror.claims && claims <= LIMITS.all_claims);
            let decisions: usize = mirror.members.values().map(|share| share.decisions.len()).sum();
            prop_assert!(decisions == mirror.decisions && decisions <= LIMITS.all_claims);
            prop_assert!(mirror.members.values().all(|share| share.keys.len() <= LIMITS.keys));
            let reports: usize = mirror.members.values().map(|share| share.about_size).sum();
            prop_assert!(reports == mirror.reports && reports <= LIMITS.reports);
        }
    }
}

/// Key and value of what process `number` of a relay shows.
fn key_presence(name: &str, number: u64) -> (String, Vec<u8>) {
    let instance = alloy::primitives::B256::from(alloy::primitives::U256::from(number));
    let operator = crate::testing::key_of(name).address();
    let presence = KeyPresence::new(id(name), operator, instance, "http://here");
    (Layout::new("/p").key(&id(name), instance), presence.to_bytes().unwrap())
}

#[test]
fn a_key_presence_is_that_of_its_process_and_relay_and_goes_with_its_lease() {
    let mut mirror = mirror();
    let (key, value) = key_presence("a", 1);
    let eternal = Entry { key: key.as_bytes(), value: Some(&value), lease: 0 };
    assert_eq!(mirror.take(eternal).1, Taken::Skipped);
    // Of another process, and of another relay.
    assert_eq!(put(&mut mirror, &key, &key_presence("a", 2).1), Taken::Skipped);
    assert_eq!(put(&mut mirror, &key, &key_presence("b", 1).1), Taken::Skipped);
    assert_eq!(mirror.keys().count(), 0);
    assert_eq!(put(&mut mirror, &key, &value), Taken::Yes);
    let shown = mirror.keys().next().unwrap().presence().clone();
    assert!(mirror.shows_key(&shown, 1) && !mirror.shows_key(&shown, 2));
    assert!(mirror.members(None).is_empty(), "it makes nobody alive");
    let (second, third) = (key_presence("a", 2), key_presence("a", 3));
    assert_eq!(put(&mut mirror, &second.0, &second.1), Taken::Yes);
    assert_eq!(put(&mut mirror, &third.0, &third.1), Taken::Full(Scope::Keys));
    mirror.take(Entry { key: key.as_bytes(), value: None, lease: 0 });
    assert_eq!(mirror.keys().count(), 1);
}

#[test]
fn a_decision_lies_under_its_lane_and_is_bounded() {
    let mut mirror = mirror();
    let layout = Layout::new("/p");
    let key = |number| layout.decision(&id("a"), lane(number));
    let value = |number, nonce| decision(lane(number), nonce, 1).to_bytes().unwrap();
    assert_eq!(put(&mut mirror, &key(1), &value(1, 4)), Taken::Yes);
    assert_eq!(put(&mut mirror, &key(1), &value(1, 5)), Taken::Yes);
    assert_eq!(mirror.decisions(lane(1)), [decision(lane(1), 5, 1)]);
    assert_eq!(mirror.decision_of(&id("a"), lane(1)), Some(&decision(lane(1), 5, 1)));
    // About another lane than its key says.
    assert_eq!(put(&mut mirror, &key(1), &value(2, 4)), Taken::Skipped);
    assert_eq!(mirror.decisions(lane(1)), []);
    assert_eq!(put(&mut mirror, &key(2), &value(2, 4)), Taken::Yes);
    assert_eq!(put(&mut mirror, &key(3), &value(3, 4)), Taken::Yes);
    assert_eq!(put(&mut mirror, &key(4), &value(4, 4)), Taken::Full(Scope::Decisions));
    mirror.take(Entry { key: key(2).as_bytes(), value: None, lease: 0 });
    assert_eq!(mirror.decisions(lane(2)), []);
}

#[test]
fn reports_of_all_have_one_bound_and_the_rest_of_a_member_is_taken_beyond_it() {
    let mut mirror = mirror();
    let layout = Layout::new("/p");
    let (long, short) = (about("a", 1000), about("b", 0));
    assert!(long.len() + short.len() < LIMITS.reports && 2 * long.len() > LIMITS.reports);
    assert_eq!(put(&mut mirror, &layout.member(&id("a")), &long), Taken::Yes);
    assert_eq!(put(&mut mirror, &layout.member(&id("b")), &about("b", 1000)), Taken::Full(Scope::Report));
    assert_eq!(put(&mut mirror, &layout.claim(&id("b"), lane(1)), CLAIM), Taken::Yes);
    assert_eq!(mirror.members(None).len(), 1);
    assert_eq!(put(&mut mirror, &layout.member(&id("b")), &short), Taken::Yes);
    assert_eq!(mirror.members(None).len(), 2);
    // Claims of all have one as well.
    assert_eq!(put(&mut mirror, &layout.claim(&id("a"), lane(1)), CLAIM), Taken::Yes);
    assert_eq!(put(&mut mirror, &layout.claim(&id("a"), lane(2)), CLAIM), Taken::Yes);
    assert_eq!(put(&mut mirror, &layout.claim(&id("b"), lane(2)), CLAIM), Taken::Full(Scope::Claims));
}
