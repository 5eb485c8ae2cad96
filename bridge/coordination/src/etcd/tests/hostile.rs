//! Somebody with rights in etcd, up to all of them, writes what they like.

use std::collections::BTreeSet;

use etcd_client::{DeleteOptions, GetOptions, PutOptions};
use futures::StreamExt;
use polyspan_types::RequestNonce;

use super::*;
use crate::etcd::values::{Presence, Value};
use crate::testing::{LiveMember, PATIENCE, TestKey, attestation, eventually, key_of, lane, member, takes};
use crate::{Claim, KeyProof, enter};

/// Small bounds, so that a test reaches them.
const LIMITS: Limits = Limits {
    members: 8,
    keys: 2,
    claims: 4,
    of_lane: 10,
    of_share: 3,
    of_member: 20,
    attestations: 100,
    all_claims: 32,
    reports: 1 << 20,
    skipped: 5,
};

async fn limited(cluster: &Cluster) -> EtcdCoordinator {
    EtcdCoordinator::start_with(&cluster.settings(), Access::Member, LIMITS).await.unwrap()
}

fn key(rest: &str) -> String {
    format!("{}/{rest}", EtcdSettings::PREFIX)
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_skipped_counted_and_hides_nothing_else() {
    let cluster = Cluster::start(1).await;
    let honest = Arc::new(EtcdCoordinator::open(&cluster.settings()).await.unwrap());
    honest.join(&member("honest")).await.unwrap();
    let honest = LiveMember::beat(honest, LEASE);
    honest.coordinator.publish(&attestation(lane(1), 1, 1, 1)).await.unwrap();
    let layout = Layout::new(EtcdSettings::PREFIX);
    let liar = MemberId::try_new("liar").unwrap();
    let vote = attestation(lane(1), 7, 9, 9);
    let mut client = cluster.client(0).await.unwrap();
    let large = "x".repeat(1_300_000);
    let presence = Presence { instance: "i".to_owned(), operator: None, api: String::new() };
    let nonsense = [
        (key("liar/presence"), b"{".to_vec()),
        (key("eternal/presence"), presence.to_bytes().unwrap()),
        (key("liar/member"), br#"{"member": 1}"#.to_vec()),
        (layout.claim(&liar, lane(1)), b"[]".to_vec()),
        // The key says nonce 7, the value another one.
        (layout.attestation(&liar, &vote), attestation(lane(1), 8, 9, 9).to_bytes().unwrap()),
        (key("liar/attestation/x"), vote.to_bytes().unwrap()),
        (key("NOBODY/presence"), b"1".to_vec()),
        (key("large/a"), large.clone().into_bytes()),
        (key("large/b"), large.clone().into_bytes()),
        (key("large/c"), large.clone().into_bytes()),
        (key("large/d"), large.into_bytes()),
    ];
    for (key, value) in nonsense {
        client.put(key, value, None).await.unwrap();
    }
    for late in [false, true] {
        let reader = EtcdCoordinator::open(&cluster.settings()).await.unwrap();
        let registry = Registry::new();
        reader.register_metrics(&registry).unwrap();
        let mut stream = reader.follow(lane(1));
        assert_eq!(stream.next().await.unwrap().unwrap(), attestation(lane(1), 1, 1, 1), "late: {late}");
        let views = reader.members().await.unwrap();
        assert_eq!(views.iter().map(|view| view.member.id.as_str()).collect::<Vec<_>>(), ["honest"]);
        assert_eq!(reader.leader(lane(1)).await.unwrap(), None);
        let skipped = registry.gather().into_iter().find(|family| family.name().ends_with("skipped_members"));
        assert_eq!(skipped.unwrap().get_metric()[0].get_gauge().get_value(), 3.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_under_one_prefix_hides_nothing_under_another() {
    let cluster = Cluster::start(1).await;
    let mut client = cluster.client(0).await.unwrap();
    let layout = Layout::new(EtcdSettings::PREFIX);
    let flooder = MemberId::try_new("a-flooder").unwrap();
    let honest = limited(&cluster).await;
    honest.join(&member("honest")).await.unwrap();
    // Before the reader comes, and while it is there.
    let early = limited(&cluster).await;
    let mut seen_early = early.follow(lane(1));
    for number in 0..300_u64 {
        let vote = attestation(lane(1), number, 9, 9);
        client.put(layout.attestation(&flooder, &vote), vote.to_bytes().unwrap(), None).await.unwrap();
        client
            .put(key(&format!("a-flooder/claim/{number:064x}")), r#"{"term":1,"standing":true}"#, None)
            .await
            .unwrap();
        client.put(key(&format!("a-flooder/zzz/{number}")), "x", None).await.unwrap();
    }
    honest.publish(&attestation(lane(1), 1, 1, 1)).await.unwrap();
    let late = limited(&cluster).await;
    let mut seen_late = late.follow(lane(1));
    for stream in [&mut seen_early, &mut seen_late] {
        let mut flooded = 0;
        loop {
            let next = tokio::time::timeout(PATIENCE, stream.next()).await.unwrap().unwrap().unwrap();
            if next.operator == attestation(lane(1), 1, 1, 1).operator {
                break;
            }
            flooded += 1;
        }
        assert!(flooded <= LIMITS.of_lane, "{flooded}");
    }
    for reader in [&early, &late] {
        let all = reader.attestations(lane(1), RequestNonce::ZERO).await.unwrap();
        assert!(all.len() <= LIMITS.of_lane + 1, "{}", all.len());
        assert_eq!(reader.members().await.unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_left_out_is_read_when_there_is_room() {
    let cluster = Cluster::start(1).await;
    let busy = limited(&cluster).await;
    busy.join(&member("busy")).await.unwrap();
    for nonce in 1..=25 {
        busy.publish(&attestation(lane(1), nonce, 1, 1)).await.unwrap();
    }
    let reader = limited(&cluster).await;
    let mut stream = reader.follow(lane(1));
    let mut got = BTreeSet::new();
    while got.len() < 25 {
        let next = tokio::time::timeout(PATIENCE, stream.next()).await.unwrap().unwrap().unwrap();
        assert!(got.insert(next.checkpoint.nonce.get()));
        if got.len() % 10 == 0 {
            let handled = *got.last().unwrap();
            busy.prune(lane(1), RequestNonce::new(handled)).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_puts_back_what_somebody_deletes() {
    let cluster = Cluster::start(1).await;
    let relay: Arc<dyn Coordinator> = Arc::new(EtcdCoordinator::open(&cluster.settings()).await.unwrap());
    relay.join(&member("a")).await.unwrap();
    let relay = LiveMember::beat(relay, LEASE);
    let reader = EtcdCoordinator::open(&cluster.settings()).await.unwrap();
    let vote = attestation(lane(1), 3, 1, 1);
    relay.coordinator.publish(&attestation(lane(1), 1, 1, 1)).await.unwrap();
    relay.coordinator.publish(&vote).await.unwrap();
    relay.coordinator.prune(lane(1), RequestNonce::new(1)).await.unwrap();
    let before = eventually(PATIENCE, "leads", || async {
        let seen = relay.coordinator.campaign(lane(1)).await.unwrap();
        (seen.own && reader.attestations(lane(1), RequestNonce::ZERO).await.unwrap().len() == 1)
            .then_some(relay.coordinator.incarnation())
    })
    .await;
    let mut client = cluster.client(0).await.unwrap();
    client.delete(EtcdSettings::PREFIX, Some(DeleteOptions::new().with_prefix())).await.unwrap();
    eventually(PATIENCE, "the loss is told", || async {
        (relay.coordinator.incarnation() > before).then_some(())
    })
    .await;
    relay.coordinator.publish(&vote).await.unwrap();
    eventually(PATIENCE, "everything is there again", || async {
        relay.coordinator.campaign(lane(1)).await.unwrap();
        let alive = reader.members().await.unwrap().iter().any(|view| view.alive);
        let leads = reader.leader(lane(1)).await.unwrap().is_some();
        let there = reader.attestations(lane(1), RequestNonce::ZERO).await.unwrap() == vec![vote.clone()];
        (alive && leads && there).then_some(())
    })
    .await;
}

/// A follower remembers no attestation: what etcd lost and got again comes again, and nothing else does.
#[tokio::test(flavor = "multi_thread")]
async fn a_follower_gets_again_what_was_lost_and_nothing_else() {
    let cluster = Cluster::start(1).await;
    let relay = EtcdCoordinator::open(&cluster.settings()).await.unwrap();
    relay.join(&member("a")).await.unwrap();
    let mut stream = relay.follow(lane(1));
    let mut got = async || {
        tokio::time::timeout(PATIENCE, stream.next()).await.unwrap().unwrap().unwrap().checkpoint.nonce.get()
    };
    for nonce in [1, 2] {
        relay.publish(&attestation(lane(1), nonce, 1, 1)).await.unwrap();
        assert_eq!(got().await, nonce);
    }
    let layout = Layout::new(EtcdSettings::PREFIX);
    let lost = attestation(lane(1), 1, 1, 1);
    let key = layout.attestation(&MemberId::try_new("a").unwrap(), &lost);
    let mut client = cluster.client(0).await.unwrap();
    client.delete(key, None).await.unwrap();
    eventually(PATIENCE, "the loss is seen", || async {
        (relay.attestations(lane(1), RequestNonce::ZERO).await.unwrap().len() == 1).then_some(())
    })
    .await;
    relay.publish(&lost).await.unwrap();
    relay.publish(&attestation(lane(1), 3, 1, 1)).await.unwrap();
    assert_eq!([got().await, got().await], [1, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_leads_for_ever_by_claiming_the_last_term() {
    let cluster = Cluster::start(1).await;
    let mut client = cluster.client(0).await.unwrap();
    let liar = MemberId::try_new("a-liar").unwrap();
    let layout = Layout::new(EtcdSettings::PREFIX);
    let presence = Presence { instance: "i".to_owned(), operator: None, api: String::new() };
    let lease = client.lease_grant(600, None).await.unwrap().id();
    let options = PutOptions::new().with_lease(lease);
    client.put(layout.presence(&liar), presence.to_bytes().unwrap(), Some(options)).await.unwrap();
    let claim = |term| Claim { term: Term::new(term), standing: true }.to_bytes().unwrap();
    // On a lane that nobody has led yet, and on one that somebody leads.
    client.put(layout.claim(&liar, lane(1)), claim(u64::MAX), None).await.unwrap();
    let connect = async |name: &'static str| {
        let relay: Arc<dyn Coordinator> = Arc::new(EtcdCoordinator::open(&cluster.settings()).await.unwrap());
        relay.join(&member(name)).await.unwrap();
        LiveMember::beat(relay, LEASE)
    };
    let first = connect("b").await;
    let leads = async |relay: &LiveMember, number| {
        eventually(PATIENCE, "leads", || async {
            let seen = relay.coordinator.campaign(lane(number)).await.unwrap();
            seen.own.then_some(seen.term)
        })
        .await
    };
    for number in [1, 2] {
        assert_eq!(leads(&first, number).await, Term::new(1));
    }
    client.put(layout.claim(&liar, lane(2)), claim(u64::MAX - 1), None).await.unwrap();
    // One that comes now sees the same, and can take the lane.
    let second = connect("c").await;
    for number in [1, 2] {
        let led = eventually(PATIENCE, "the same leader", || async {
            let leader = second.coordinator.leader(lane(number)).await.unwrap();
            leader.filter(|(id, _)| id.as_str() == "b")
        })
        .await;
        assert_eq!(led.1, Term::new(1));
        assert!((2..10).contains(&takes(&second, lane(number)).await.term.get()));
    }
    // A leap that can be true is believed, and followed by the next term.
    client.put(layout.claim(&liar, lane(1)), claim(1_000), None).await.unwrap();
    eventually(PATIENCE, "the liar leads", || async {
        first.coordinator.leader(lane(1)).await.unwrap().filter(|(id, _)| *id == liar)
    })
    .await;
    assert!((1_001..1_010).contains(&takes(&first, lane(1)).await.term.get()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_presence_that_never_ends_is_nobodys_and_is_replaced() {
    let cluster = Cluster::start(1).await;
    let mut client = cluster.client(0).await.unwrap();
    let forged = Presence { instance: "other".to_owned(), operator: None, api: "elsewhere".to_owned() };
    client.put(key("a/presence"), forged.to_bytes().unwrap(), None).await.unwrap();
    let relay = EtcdCoordinator::open(&cluster.settings()).await.unwrap();
    relay.join(&member("a")).await.unwrap();
    client.put(key("a/presence"), forged.to_bytes().unwrap(), None).await.unwrap();
    relay.report(&Report::default()).await.unwrap();
    let found = client.get(key("a/presence"), None).await.unwrap();
    assert_ne!(found.kvs()[0].lease(), 0);
    assert_ne!(found.kvs()[0].value(), forged.to_bytes().unwrap());
}

/// It starts without its name, as it goes on running without it. Who has no key could be a namesake of somebody honest, and is refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_forged_presence_under_its_name_keeps_no_relay_with_a_key_from_starting() {
    let cluster = Cluster::start(1).await;
    let mut client = cluster.client(0).await.unwrap();
    let operator = member("a").operator;
    let forged = Presence { instance: "other".to_owned(), operator, api: "elsewhere".to_owned() };
    let lease = client.lease_grant(600, None).await.unwrap().id();
    let options = PutOptions::new().with_lease(lease);
    client.put(key("a/presence"), forged.to_bytes().unwrap(), Some(options)).await.unwrap();
    let relay = EtcdCoordinator::open(&cluster.settings()).await.unwrap();
    let submitter = EtcdCoordinator::open(&cluster.settings()).await.unwrap();
    let victim = member("a");
    let keyless = Member { operator: None, ..victim.clone() };
    let signer = TestKey(key_of("a"));
    let (entered, refused) = futures::join!(
        enter(&relay, &victim, Some(&signer), LEASE),
        enter(&submitter, &keyless, None, LEASE)
    );
    entered.unwrap();
    assert!(matches!(refused, Err(CoordinationError::AlreadyRunning { .. })), "{refused:?}");
    relay.publish(&attestation(lane(1), 1, 1, 1)).await.unwrap();
    assert!(!relay.campaign(lane(1)).await.unwrap().own);
    client.lease_revoke(lease).await.unwrap();
    eventually(PATIENCE, "a member at last", || async { relay.report(&Report::default()).await.ok() }).await;
    eventually(PATIENCE, "leads", || async { relay.campaign(lane(1)).await.unwrap().own.then_some(()) })
        .await;
}

/// A wipe takes the presence of the key with everything else, and a lease that ended takes it alone.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_relay_shows_of_its_key_comes_back() {
    let cluster = Cluster::start(1).await;
    let relay = EtcdCoordinator::open(&cluster.settings()).await.unwrap();
    relay.join(&member("a")).await.unwrap();
    let proof = KeyProof { answers: Vec::new(), signature: attestation(lane(1), 1, 1, 1).signature };
    relay.prove_key(&proof).await.unwrap();
    let reader = EtcdCoordinator::open(&cluster.settings()).await.unwrap();
    let shown = async || {
        eventually(PATIENCE, "the proof is shown", || async {
            relay.report(&Report::default()).await.ok()?;
            let view = reader.key_view().await.ok()?;
            view.others.iter().any(|seen| seen.presence().proof.as_ref() == Some(&proof)).then_some(())
        })
        .await;
    };
    shown().await;
    let mut client = cluster.client(0).await.unwrap();
    let before = client.get(key("a/key/"), Some(GetOptions::new().with_prefix())).await.unwrap();
    client.lease_revoke(before.kvs()[0].lease()).await.unwrap();
    shown().await;
    client.delete(EtcdSettings::PREFIX, Some(DeleteOptions::new().with_prefix())).await.unwrap();
    shown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_presence_stops_no_running_relay_from_publishing() {
    let cluster = Cluster::start(1).await;
    let relay = EtcdCoordinator::open(&cluster.settings()).await.unwrap();
    relay.join(&member("a")).await.unwrap();
    let mut client = cluster.client(0).await.unwrap();
    let forged = Presence { instance: "other".to_owned(), operator: None, api: "elsewhere".to_owned() };
    let lease = client.lease_grant(600, None).await.unwrap().id();
    let options = PutOptions::new().with_lease(lease);
    client.put(key("a/presence"), forged.to_bytes().unwrap(), Some(options)).await.unwrap();
    let told = eventually(PATIENCE, "told", || async { relay.report(&Report::default()).await.err() }).await;
    assert!(matches!(&told, CoordinationError::AlreadyRunning { .. }), "{told}");
    assert!(told.to_string().contains("elsewhere"), "{told}");
    relay.publish(&attestation(lane(1), 1, 1, 1)).await.unwrap();
    eventually(PATIENCE, "it does not lead", || async {
        (!relay.campaign(lane(1)).await.unwrap().own).then_some(())
    })
    .await;
    client.lease_revoke(lease).await.unwrap();
    eventually(PATIENCE, "a member again", || async { relay.report(&Report::default()).await.ok() }).await;
}
