//! What every coordinator does. Each function is one test in a space of its own.

use std::collections::BTreeSet;
use std::sync::Arc;

use alloy::primitives::B256;
use alloy::signers::SignerSync;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use polyspan_types::{Attestation, Presence, RequestNonce, SignedDecision, Term};

use super::{
    LiveMember, PATIENCE, ProvingMember, SilentSigner, Space, attestation, decision, eventually, key_of,
    lane, member, takes,
};
use crate::{
    ChainReport, CoordinationError, Coordinator, KeyPresence, KeyProof, Leadership, Member, MemberId,
    MemberView, Report, SeenKey, enter,
};

type Stream = BoxStream<'static, Result<Attestation, CoordinationError>>;

/// Makes one test of each function of the suite. `$space` makes a new, empty space.
#[macro_export]
macro_rules! coordination_suite {
    ($space:expr) => {
        $crate::coordination_suite!(@tests $space;
            members_see_each_other_and_what_they_report,
            a_second_process_of_one_member_is_refused,
            a_second_process_with_one_attester_key_is_refused,
            a_namesake_with_the_same_key_is_refused,
            of_two_that_enter_at_once_with_one_key_one_goes_on,
            a_key_that_is_shown_and_not_proved_bars_nobody,
            what_a_relay_once_signed_does_not_bar_it_later,
            a_signer_that_is_away_keeps_no_relay_from_starting,
            a_silent_member_is_gone_after_a_lease_and_back_with_a_heartbeat,
            a_member_that_left_is_gone_at_once,
            of_several_candidates_one_leads_and_stays,
            a_crashed_leader_is_followed_by_another_with_a_higher_term,
            a_silent_leader_that_comes_back_follows,
            whoever_resigns_or_leaves_hands_over,
            a_late_candidate_does_not_disturb_the_leader,
            a_challenger_takes_the_lane_from_a_live_leader,
            lanes_have_leaders_of_their_own,
            attestations_reach_everybody_once,
            attestations_survive_a_crash_of_their_publisher,
            two_roots_for_one_nonce_are_both_delivered,
            pruning_forgets_own_attestations_up_to_a_nonce,
            what_is_not_kept_is_withdrawn_and_what_others_wrote_is_not,
            a_member_has_one_decision_about_a_lane_until_it_takes_it_back,
            a_decision_survives_a_crash_of_its_publisher,
            writing_needs_a_membership,
            a_stream_ends_with_its_connection,
        );
    };
    (@tests $space:expr; $($name:ident,)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let space = $space;
                $crate::testing::suite::$name(&space).await;
            }
        )+
    };
}

/// Members see each other, themselves included, and the last report of each.
pub async fn members_see_each_other_and_what_they_report(space: &dyn Space) {
    let first = space.connect().await;
    let second = space.connect().await;
    first.join(&member("a")).await.unwrap();
    second.join(&member("b")).await.unwrap();
    let chain = ChainReport { chain: "main".to_owned(), head: 9, final_height: 7, error: None, remark: None };
    let report = Report { chains: vec![chain], ..Report::default() };
    first.report(&report).await.unwrap();
    second.report(&Report::default()).await.unwrap();
    for coordinator in [&first, &second] {
        let views = eventually(PATIENCE, "both with the report", || async {
            let views = coordinator.members().await.unwrap();
            (views.len() == 2 && views[0].report == report).then_some(views)
        })
        .await;
        assert_eq!(views[0].member, member("a"));
        assert_eq!(views[1].member, member("b"));
        assert!(views[0].last_seen_ms > 0);
    }
}

/// One member, one process; the name is free again once that process has ended.
pub async fn a_second_process_of_one_member_is_refused(space: &dyn Space) {
    let first = LiveMember::join(space, "a").await;
    let second = space.connect().await;
    let error = second.join(&member("a")).await.unwrap_err();
    assert!(matches!(error, CoordinationError::AlreadyRunning { .. }), "{error}");
    second.join(&member("b")).await.unwrap();
    drop(first);
    drop(LiveMember::join(space, "a").await);
}

/// One attester key, one process: under another name it is refused as well, and both could sign.
pub async fn a_second_process_with_one_attester_key_is_refused(space: &dyn Space) {
    let first = ProvingMember::enter(space, &member("a"), key_of("a")).await.unwrap();
    let other_name = Member { operator: member("a").operator, ..member("b") };
    let error = ProvingMember::enter(space, &other_name, key_of("a")).await.err().unwrap();
    assert!(matches!(error, CoordinationError::KeyInUse { .. }), "{error}");
    drop(first);
    let entered = || async { ProvingMember::enter(space, &other_name, key_of("a")).await.ok() };
    drop(eventually(PATIENCE, "the key is free again", entered).await);
}

/// One attester key, one process: under the same name as well.
pub async fn a_namesake_with_the_same_key_is_refused(space: &dyn Space) {
    let first = ProvingMember::enter(space, &member("a"), key_of("a")).await.unwrap();
    let error = ProvingMember::enter(space, &member("a"), key_of("a")).await.err().unwrap();
    assert!(matches!(error, CoordinationError::AlreadyRunning { .. }), "{error}");
    drop(first);
    drop(ProvingMember::enter(space, &member("a"), key_of("a")).await.unwrap());
}

/// Neither both nor, each for the other's sake, none.
pub async fn of_two_that_enter_at_once_with_one_key_one_goes_on(space: &dyn Space) {
    let [one, other] = ["b", "c"].map(|name| Member { operator: member("a").operator, ..member(name) });
    let (one, other) = futures::join!(
        ProvingMember::enter(space, &one, key_of("a")),
        ProvingMember::enter(space, &other, key_of("a"))
    );
    let (entered, refused) = if one.is_ok() { (one, other) } else { (other, one) };
    assert!(entered.is_ok(), "{:?} {:?}", entered.err(), refused.err());
    assert!(matches!(refused.err(), Some(CoordinationError::KeyInUse { .. })));
}

/// Whoever may write can show any key, and cannot sign with it.
pub async fn a_key_that_is_shown_and_not_proved_bars_nobody(space: &dyn Space) {
    let observer = LiveMember::join(space, "z").await;
    let stranger = |name: &str, number: u8| {
        let id = MemberId::try_new(name).unwrap();
        KeyPresence::new(id, key_of("a").address(), B256::repeat_byte(number), "http://elsewhere")
    };
    let answers = vec![B256::repeat_byte(9)];
    let unsigned = stranger("stranger-1", 1);
    let mut signed = stranger("stranger-2", 2);
    let presence =
        Presence { member: signed.member.to_string(), instance: signed.instance, answers: answers.clone() };
    let signature = key_of("stranger").sign_hash_sync(&presence.digest()).unwrap();
    signed.proof = Some(KeyProof { answers, signature });
    space.show(&unsigned).await;
    space.show(&signed).await;
    eventually(PATIENCE, "both are seen, and neither as proved", || async {
        let view = observer.coordinator.key_view().await.ok()?;
        let shown = view.others.iter().filter(|seen| seen.presence().operator == key_of("a").address());
        let proved: Vec<_> = shown.map(SeenKey::is_proved).collect();
        (proved == [false, false]).then_some(())
    })
    .await;
    let victim = ProvingMember::enter(space, &member("a"), key_of("a")).await.unwrap();
    is_alive(&observer, "a", true).await;
    eventually(PATIENCE, "the victim proves its key", || async {
        let view = observer.coordinator.key_view().await.ok()?;
        view.others
            .iter()
            .any(|seen| seen.is_proved() && seen.presence().member == member("a").id)
            .then_some(())
    })
    .await;
    victim.live.coordinator.publish(&attestation(lane(1), 1, 1, 1)).await.unwrap();
}

/// A copy of what a relay showed is good for nothing once that process has gone, however often others showed its key.
pub async fn what_a_relay_once_signed_does_not_bar_it_later(space: &dyn Space) {
    let observer = LiveMember::join(space, "z").await;
    let earlier = ProvingMember::enter(space, &member("a"), key_of("a")).await.unwrap();
    let asking = KeyPresence::new(
        MemberId::try_new("asking").unwrap(),
        key_of("a").address(),
        B256::repeat_byte(7),
        "http://elsewhere",
    );
    space.show(&asking).await;
    let recorded = eventually(PATIENCE, "the earlier process answers", || async {
        let view = observer.coordinator.key_view().await.ok()?;
        let found = view.others.iter().find(|seen| {
            let proof = seen.presence().proof.as_ref();
            seen.is_proved() && proof.is_some_and(|proof| proof.answers.contains(&asking.instance))
        });
        found.map(|seen| seen.presence().clone())
    })
    .await;
    earlier.live.coordinator.leave().await.unwrap();
    drop(earlier);
    is_alive(&observer, "a", false).await;
    space.show(&recorded).await;
    let renamed = Member { operator: member("a").operator, ..member("b") };
    drop(ProvingMember::enter(space, &renamed, key_of("a")).await.unwrap());
}

/// It shows its key unsigned, is alive to others meanwhile, and is not refused for want of an answer.
pub async fn a_signer_that_is_away_keeps_no_relay_from_starting(space: &dyn Space) {
    let observer = LiveMember::join(space, "z").await;
    let id = MemberId::try_new("stranger").unwrap();
    let instance = B256::repeat_byte(1);
    space.show(&KeyPresence::new(id, key_of("a").address(), instance, "http://elsewhere")).await;
    let coordinator = space.connect().await;
    enter(&*coordinator, &member("a"), Some(&SilentSigner), space.lease()).await.unwrap();
    is_alive(&observer, "a", true).await;
    let view = observer.coordinator.key_view().await.unwrap();
    let shown = view.others.iter().find(|seen| seen.presence().member == member("a").id);
    assert!(shown.is_some_and(|seen| !seen.is_proved()), "{view:?}");
}

/// Silence for a lease is the end, until the next heartbeat.
pub async fn a_silent_member_is_gone_after_a_lease_and_back_with_a_heartbeat(space: &dyn Space) {
    let observer = LiveMember::join(space, "a").await;
    let hanging = LiveMember::join(space, "b").await;
    is_alive(&observer, "b", true).await;
    let silent = hanging.fall_silent();
    is_alive(&observer, "b", false).await;
    is_alive(&observer, "a", true).await;
    let _back = LiveMember::beat(silent, space.lease());
    is_alive(&observer, "b", true).await;
}

/// Nobody waits a lease for a member that said goodbye.
pub async fn a_member_that_left_is_gone_at_once(space: &dyn Space) {
    let observer = LiveMember::join(space, "a").await;
    let leaving = LiveMember::join(space, "b").await;
    is_alive(&observer, "b", true).await;
    leaving.coordinator.leave().await.unwrap();
    is_alive(&observer, "b", false).await;
    leaving.coordinator.leave().await.unwrap();
}

/// All agree on one leader, and nothing changes while it lives.
pub async fn of_several_candidates_one_leads_and_stays(space: &dyn Space) {
    let members = [
        LiveMember::join(space, "a").await,
        LiveMember::join(space, "b").await,
        LiveMember::join(space, "c").await,
    ];
    let first = agreed(&members).await;
    let lasting = std::time::Instant::now();
    while lasting.elapsed() < space.lease() * 2 {
        let own = members_that_lead(&members).await;
        assert_eq!(own, 1);
        assert_eq!(agreed(&members).await, first);
        tokio::time::sleep(space.lease() / 10).await;
    }
    let looked = members[0].coordinator.leader(lane(1)).await.unwrap();
    assert_eq!(looked, first.leader.map(|id| (id, first.term)));
}

/// A crash of the leader costs a lease.
pub async fn a_crashed_leader_is_followed_by_another_with_a_higher_term(space: &dyn Space) {
    let first = LiveMember::join(space, "a").await;
    let old = leads(&first).await;
    let second = LiveMember::join(space, "b").await;
    let third = LiveMember::join(space, "c").await;
    drop(first);
    let rest = [second, third];
    let new = eventually(PATIENCE, "another leader", || async {
        let new = agreed(&rest).await;
        (new.leader != old.leader).then_some(new)
    })
    .await;
    assert!(new.term > old.term);
    assert_eq!(members_that_lead(&rest).await, 1);
}

/// A leader that hangs loses the lane, and finds out when it wakes up.
pub async fn a_silent_leader_that_comes_back_follows(space: &dyn Space) {
    let first = LiveMember::join(space, "a").await;
    let old = leads(&first).await;
    let second = LiveMember::join(space, "b").await;
    let silent = first.fall_silent();
    let new = leads(&second).await;
    assert!(new.term > old.term);
    let back = LiveMember::beat(silent, space.lease());
    let seen = eventually(PATIENCE, "the old leader follows", || async {
        let seen = campaign(&back.coordinator).await;
        // What it sees first may be from before its silence.
        (!seen.own && seen.leader == new.leader).then_some(seen)
    })
    .await;
    assert_eq!(seen.term, new.term);
}

/// A hand-over needs no lease.
pub async fn whoever_resigns_or_leaves_hands_over(space: &dyn Space) {
    let first = LiveMember::join(space, "a").await;
    let second = LiveMember::join(space, "b").await;
    let old = leads(&first).await;
    second.coordinator.resign(lane(1)).await.unwrap();
    first.coordinator.resign(lane(1)).await.unwrap();
    let new = leads(&second).await;
    assert!(new.term > old.term);
    second.coordinator.leave().await.unwrap();
    assert!(leads(&first).await.term > new.term);
}

/// Whoever comes later waits, whatever its name.
pub async fn a_late_candidate_does_not_disturb_the_leader(space: &dyn Space) {
    let first = LiveMember::join(space, "b").await;
    let old = leads(&first).await;
    let late = LiveMember::join(space, "a").await;
    for _ in 0..5 {
        let seen = campaign(&late.coordinator).await;
        assert_eq!((seen.leader, seen.term, seen.own), (old.leader.clone(), old.term, false));
        assert!(campaign(&first.coordinator).await.own);
    }
}

/// Who brought on a lane that stood still leads it, and the old leader follows although it is alive.
pub async fn a_challenger_takes_the_lane_from_a_live_leader(space: &dyn Space) {
    let first = LiveMember::join(space, "a").await;
    let second = LiveMember::join(space, "b").await;
    let old = leads(&first).await;
    takes(&second, lane(1)).await;
    let new = eventually(PATIENCE, "a leader has nobody to challenge", || async {
        let one = takes(&second, lane(1)).await;
        (takes(&second, lane(1)).await == one).then_some(one)
    })
    .await;
    assert!(new.term > old.term, "{new:?}");
    let seen = eventually(PATIENCE, "the old leader follows", || async {
        let seen = campaign(&first.coordinator).await;
        (!seen.own).then_some(seen)
    })
    .await;
    assert_eq!((seen.leader, seen.term), (new.leader, new.term));
    assert_eq!(leads(&second).await.term, new.term);
}

/// The leader of one lane may follow on another.
pub async fn lanes_have_leaders_of_their_own(space: &dyn Space) {
    let first = LiveMember::join(space, "a").await;
    let second = LiveMember::join(space, "b").await;
    let led = leads(&first).await;
    let other = eventually(PATIENCE, "leads the other lane", || async {
        let seen = second.coordinator.campaign(lane(2)).await.unwrap();
        seen.own.then_some(seen)
    })
    .await;
    assert_eq!(other.term, Term::new(1));
    assert_eq!(leads(&first).await.term, led.term);
    assert_eq!(first.coordinator.leader(lane(3)).await.unwrap(), None);
}

/// Early and late followers, the publisher included, get everything of their lane, each once.
pub async fn attestations_reach_everybody_once(space: &dyn Space) {
    let first = LiveMember::join(space, "a").await;
    let second = LiveMember::join(space, "b").await;
    let mut early = second.coordinator.follow(lane(1));
    first.coordinator.publish(&attestation(lane(1), 1, 1, 1)).await.unwrap();
    first.coordinator.publish(&attestation(lane(1), 1, 1, 1)).await.unwrap();
    first.coordinator.publish(&attestation(lane(2), 5, 1, 1)).await.unwrap();
    second.coordinator.publish(&attestation(lane(1), 1, 2, 1)).await.unwrap();
    assert_eq!(take(&mut early, 2).await, BTreeSet::from([(1, 1, 1), (1, 2, 1)]));
    let mut own = first.coordinator.follow(lane(1));
    assert_eq!(take(&mut own, 2).await, BTreeSet::from([(1, 1, 1), (1, 2, 1)]));
    first.coordinator.publish(&attestation(lane(1), 2, 1, 1)).await.unwrap();
    for stream in [&mut early, &mut own] {
        assert_eq!(take(stream, 1).await, BTreeSet::from([(2, 1, 1)]));
        assert!(stream.next().now_or_never().is_none());
    }
    let snapshot = second.coordinator.attestations(lane(1), RequestNonce::new(1)).await.unwrap();
    assert_eq!(snapshot, vec![attestation(lane(1), 2, 1, 1)]);
}

/// What was published stays, whatever becomes of the publisher; its followers get nothing twice.
pub async fn attestations_survive_a_crash_of_their_publisher(space: &dyn Space) {
    let reader = LiveMember::join(space, "a").await;
    let publisher = LiveMember::join(space, "b").await;
    publisher.coordinator.publish(&attestation(lane(1), 1, 2, 1)).await.unwrap();
    let mut early = reader.coordinator.follow(lane(1));
    assert_eq!(take(&mut early, 1).await, BTreeSet::from([(1, 2, 1)]));
    drop(publisher);
    let mut late = reader.coordinator.follow(lane(1));
    assert_eq!(take(&mut late, 1).await, BTreeSet::from([(1, 2, 1)]));
    let back = LiveMember::join(space, "b").await;
    back.coordinator.publish(&attestation(lane(1), 1, 2, 1)).await.unwrap();
    back.coordinator.publish(&attestation(lane(1), 2, 2, 1)).await.unwrap();
    for stream in [&mut early, &mut late] {
        assert_eq!(take(stream, 1).await, BTreeSet::from([(2, 2, 1)]));
    }
}

/// The evidence against an operator reaches the others.
pub async fn two_roots_for_one_nonce_are_both_delivered(space: &dyn Space) {
    let liar = LiveMember::join(space, "a").await;
    let reader = LiveMember::join(space, "b").await;
    let mut stream = reader.coordinator.follow(lane(1));
    liar.coordinator.publish(&attestation(lane(1), 1, 1, 1)).await.unwrap();
    liar.coordinator.publish(&attestation(lane(1), 1, 1, 2)).await.unwrap();
    assert_eq!(take(&mut stream, 2).await, BTreeSet::from([(1, 1, 1), (1, 1, 2)]));
}

/// Pruning touches own attestations of one lane, up to and with a nonce.
pub async fn pruning_forgets_own_attestations_up_to_a_nonce(space: &dyn Space) {
    let first = LiveMember::join(space, "a").await;
    let second = LiveMember::join(space, "b").await;
    for nonce in 1..=3 {
        first.coordinator.publish(&attestation(lane(1), nonce, 1, 1)).await.unwrap();
        first.coordinator.publish(&attestation(lane(2), nonce, 1, 1)).await.unwrap();
        second.coordinator.publish(&attestation(lane(1), nonce, 2, 1)).await.unwrap();
    }
    first.coordinator.prune(lane(1), RequestNonce::new(2)).await.unwrap();
    let rest = |number: u8| {
        let coordinator = &second.coordinator;
        async move {
            let rest = coordinator.attestations(lane(number), RequestNonce::ZERO).await.unwrap();
            rest.iter().map(key).collect::<BTreeSet<_>>()
        }
    };
    let expected = BTreeSet::from([(3, 1, 1), (1, 2, 1), (2, 2, 1), (3, 2, 1)]);
    eventually(PATIENCE, "pruned", || async { (rest(1).await == expected).then_some(()) }).await;
    assert_eq!(rest(2).await.len(), 3);
}

/// However much has gathered, of two processes with one name: what is kept stays, and nobody gets it again.
pub async fn what_is_not_kept_is_withdrawn_and_what_others_wrote_is_not(space: &dyn Space) {
    let earlier = LiveMember::join(space, "a").await;
    let reader = LiveMember::join(space, "b").await;
    let mut stream = reader.coordinator.follow(lane(1));
    for nonce in 0..150 {
        earlier.coordinator.publish(&attestation(lane(1), nonce, 1, 1)).await.unwrap();
    }
    take(&mut stream, 150).await;
    drop(earlier);
    let own = LiveMember::join(space, "a").await;
    own.coordinator.publish(&attestation(lane(1), 150, 1, 1)).await.unwrap();
    own.coordinator.publish(&attestation(lane(2), 7, 1, 1)).await.unwrap();
    reader.coordinator.publish(&attestation(lane(1), 3, 2, 1)).await.unwrap();
    // Another root for a nonce that is kept is not kept.
    own.coordinator.publish(&attestation(lane(1), 32, 1, 2)).await.unwrap();
    take(&mut stream, 3).await;
    let incarnation = own.coordinator.incarnation();
    let kept = [attestation(lane(1), 32, 1, 1), attestation(lane(1), 150, 1, 1)];
    own.coordinator.keep_only(lane(1), &kept).await.unwrap();
    let there = |number: u8| {
        let coordinator = &reader.coordinator;
        async move {
            let there = coordinator.attestations(lane(number), RequestNonce::ZERO).await.unwrap();
            there.iter().map(key).collect::<BTreeSet<_>>()
        }
    };
    let expected = BTreeSet::from([(32, 1, 1), (150, 1, 1), (3, 2, 1)]);
    eventually(PATIENCE, "withdrawn", || async { (there(1).await == expected).then_some(()) }).await;
    assert_eq!(there(2).await.len(), 1);
    own.coordinator.keep_only(lane(1), &kept).await.unwrap();
    // It comes after all that was withdrawn: nothing of that is taken for a loss, and nothing comes again.
    own.coordinator.publish(&attestation(lane(1), 151, 1, 1)).await.unwrap();
    assert_eq!(take(&mut stream, 1).await, BTreeSet::from([(151, 1, 1)]));
    assert_eq!(own.coordinator.incarnation(), incarnation);
}

/// A decision replaces the member's earlier one about that lane, reaches everybody, and goes when it is withdrawn.
pub async fn a_member_has_one_decision_about_a_lane_until_it_takes_it_back(space: &dyn Space) {
    let [first, second] = [LiveMember::join(space, "a").await, LiveMember::join(space, "b").await];
    first.coordinator.withdraw_decision(lane(1)).await.unwrap();
    first.coordinator.publish_decision(&decision(lane(1), 4, 1)).await.unwrap();
    first.coordinator.publish_decision(&decision(lane(2), 9, 1)).await.unwrap();
    second.coordinator.publish_decision(&decision(lane(1), 5, 2)).await.unwrap();
    for member in [&first, &second] {
        until_decided(member, &[decision(lane(1), 4, 1), decision(lane(1), 5, 2)]).await;
    }
    first.coordinator.publish_decision(&decision(lane(1), 5, 1)).await.unwrap();
    // Again is the same as once.
    first.coordinator.publish_decision(&decision(lane(1), 5, 1)).await.unwrap();
    for member in [&first, &second] {
        until_decided(member, &[decision(lane(1), 5, 1), decision(lane(1), 5, 2)]).await;
    }
    second.coordinator.withdraw_decision(lane(1)).await.unwrap();
    for member in [&first, &second] {
        until_decided(member, &[decision(lane(1), 5, 1)]).await;
    }
    assert_eq!(second.coordinator.decisions(lane(2)).await.unwrap(), [decision(lane(2), 9, 1)]);
    assert_eq!(second.coordinator.decisions(lane(3)).await.unwrap(), []);
}

/// What was published is there for the others, and for the next process of that member.
pub async fn a_decision_survives_a_crash_of_its_publisher(space: &dyn Space) {
    let other = LiveMember::join(space, "b").await;
    let crashing = LiveMember::join(space, "a").await;
    crashing.coordinator.publish_decision(&decision(lane(1), 4, 1)).await.unwrap();
    drop(crashing);
    until_decided(&other, &[decision(lane(1), 4, 1)]).await;
    let back = LiveMember::join(space, "a").await;
    until_decided(&back, &[decision(lane(1), 4, 1)]).await;
    back.coordinator.withdraw_decision(lane(1)).await.unwrap();
    until_decided(&other, &[]).await;
}

/// Before `join` and after `leave` only looking is possible.
pub async fn writing_needs_a_membership(space: &dyn Space) {
    let coordinator = space.connect().await;
    for round in ["before", "after"] {
        let refused = [
            coordinator.report(&Report::default()).await,
            coordinator.campaign(lane(1)).await.map(drop),
            coordinator.publish(&attestation(lane(1), 1, 1, 1)).await,
            coordinator.publish_decision(&decision(lane(1), 1, 1)).await,
            coordinator.withdraw_decision(lane(1)).await,
        ];
        assert!(refused.iter().all(|answer| *answer == Err(CoordinationError::NotJoined)), "{round}");
        coordinator.members().await.unwrap();
        coordinator.leader(lane(1)).await.unwrap();
        coordinator.join(&member("a")).await.unwrap();
        coordinator.leave().await.unwrap();
    }
}

/// A stream keeps no connection alive.
pub async fn a_stream_ends_with_its_connection(space: &dyn Space) {
    let coordinator = space.connect().await;
    let mut stream = coordinator.follow(lane(1));
    assert!(stream.next().now_or_never().is_none());
    drop(coordinator);
    let end = tokio::time::timeout(PATIENCE, stream.next()).await;
    assert_eq!(end, Ok(None));
}

async fn until_decided(observer: &LiveMember, expected: &[SignedDecision]) {
    eventually(PATIENCE, "the decisions about the lane", || async {
        let mut found = observer.coordinator.decisions(lane(1)).await.ok()?;
        found.sort_by_key(|found| found.operator);
        (found == expected).then_some(())
    })
    .await;
}

async fn view(observer: &LiveMember, name: &str) -> Option<MemberView> {
    let views = observer.coordinator.members().await.unwrap();
    views.into_iter().find(|view| view.member.id.as_str() == name)
}

async fn is_alive(observer: &LiveMember, name: &str, alive: bool) {
    let what = format!("{name} alive: {alive}");
    eventually(PATIENCE, &what, || async { view(observer, name).await.filter(|view| view.alive == alive) })
        .await;
}

async fn campaign(coordinator: &Arc<dyn Coordinator>) -> Leadership {
    coordinator.campaign(lane(1)).await.unwrap()
}

async fn leads(member: &LiveMember) -> Leadership {
    eventually(PATIENCE, "leads the lane", || async {
        let seen = campaign(&member.coordinator).await;
        seen.own.then_some(seen)
    })
    .await
}

/// Who leads, once all see the same.
async fn agreed(members: &[LiveMember]) -> Leadership {
    eventually(PATIENCE, "agreement on a leader", || async {
        let mut seen = Vec::new();
        for member in members {
            seen.push(Leadership { own: false, ..campaign(&member.coordinator).await });
        }
        let same = seen.iter().all(|other| *other == seen[0]) && seen[0].leader.is_some();
        same.then(|| seen.swap_remove(0))
    })
    .await
}

async fn members_that_lead(members: &[LiveMember]) -> usize {
    let mut count = 0;
    for member in members {
        count += usize::from(campaign(&member.coordinator).await.own);
    }
    count
}

/// Nonce, operator and variant of [`attestation`].
fn key(attestation: &Attestation) -> (u64, u8, u8) {
    let checkpoint = &attestation.checkpoint;
    (checkpoint.nonce.get(), attestation.operator[0], checkpoint.root.0[0])
}

async fn take(stream: &mut Stream, count: usize) -> BTreeSet<(u64, u8, u8)> {
    let mut found = BTreeSet::new();
    for _ in 0..count {
        let next = tokio::time::timeout(PATIENCE, stream.next()).await;
        let attestation = next.expect("an attestation in time").expect("the stream goes on").unwrap();
        assert!(found.insert(key(&attestation)), "{attestation:?} came twice");
    }
    found
}
