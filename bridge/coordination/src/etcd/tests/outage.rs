//! etcd that is away, in part or as a whole, or that has forgotten everything.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::time::Instant;

use futures::StreamExt;
use nix::sys::signal::Signal;
use polyspan_types::{Classify, ErrorClass, RequestNonce, Term};

use super::*;
use crate::testing::{LiveMember, PATIENCE, attestation, eventually, lane, member};

async fn connect(cluster: &Cluster) -> Arc<dyn Coordinator> {
    Arc::new(EtcdCoordinator::open(&cluster.settings()).await.unwrap())
}

async fn joined(cluster: &Cluster, name: &str) -> LiveMember {
    let coordinator = connect(cluster).await;
    eventually(PATIENCE, "join", || async { coordinator.join(&member(name)).await.ok() }).await;
    LiveMember::beat(coordinator, LEASE)
}

async fn leads(member: &LiveMember) -> Term {
    eventually(PATIENCE, "leads", || async {
        let seen = member.coordinator.campaign(lane(1)).await.ok()?;
        seen.own.then_some(seen.term)
    })
    .await
}

fn is_passing(error: &CoordinationError) -> bool {
    matches!(error, CoordinationError::Unreachable { .. })
        && matches!(error.class(), ErrorClass::Retry { .. })
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_that_refuse_or_hang_delay_only_the_first_call() {
    let cluster = Cluster::start(1).await;
    // It takes connections, and that is all.
    let hanging = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let refusing = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let mut settings = cluster.settings();
    let bad = [format!("http://{refusing}"), format!("http://{}", hanging.local_addr().unwrap())];
    settings.endpoints.splice(0..0, bad);
    let coordinator = EtcdCoordinator::open(&settings).await.unwrap();
    eventually(PATIENCE, "join", || async { coordinator.join(&member("a")).await.ok() }).await;
    let started = Instant::now();
    for nonce in 1..=20 {
        coordinator.publish(&attestation(lane(1), nonce, 1, 1)).await.unwrap();
    }
    // Each would have cost a call timeout.
    assert!(started.elapsed() < settings.call_timeout * 10, "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leader_of_three_members_is_lost_and_work_goes_on() {
    let mut cluster = Cluster::start(3).await;
    let first = connect(&cluster).await;
    first.join(&member("a")).await.unwrap();
    let reader = joined(&cluster, "c").await;
    let mut followed = reader.coordinator.follow(lane(1));
    let leader = cluster.leader().await;
    cluster.kill(leader);
    eventually(PATIENCE, "a write", || async { first.publish(&attestation(lane(1), 1, 1, 1)).await.ok() })
        .await;
    let seen = async {
        loop {
            if let Some(Ok(found)) = followed.next().await {
                break found;
            }
        }
    };
    let seen = tokio::time::timeout(PATIENCE, seen).await.unwrap();
    assert_eq!(seen, attestation(lane(1), 1, 1, 1));
    // The lost one comes back, another goes.
    cluster.start_member(leader);
    cluster.answers().await;
    let next = cluster.leader().await;
    cluster.kill(next);
    eventually(PATIENCE, "a write", || async { first.publish(&attestation(lane(1), 2, 1, 1)).await.ok() })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_etcd_gives_quick_errors_and_works_again_when_it_is_back() {
    let cluster = Cluster::start(1).await;
    let relay = joined(&cluster, "a").await.fall_silent();
    cluster.signal(0, Signal::SIGSTOP);
    let started = Instant::now();
    let failed = relay.publish(&attestation(lane(1), 1, 1, 1)).await.unwrap_err();
    assert!(is_passing(&failed), "{failed}");
    assert!(started.elapsed() < PATIENCE / 3, "{:?}", started.elapsed());
    eventually(PATIENCE, "the loss is noticed", || async { relay.members().await.err().filter(is_passing) })
        .await;
    eventually(PATIENCE, "nothing is led", || async {
        relay.campaign(lane(1)).await.err().filter(is_passing)
    })
    .await;
    cluster.signal(0, Signal::SIGCONT);
    let back = LiveMember::beat(relay, LEASE);
    eventually(PATIENCE, "published", || async {
        back.coordinator.publish(&attestation(lane(1), 1, 1, 1)).await.ok()
    })
    .await;
    drop(back);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_does_not_come_in_time_is_asked_for_again() {
    let cluster = Cluster::start(1).await;
    let settings = cluster.settings();
    let endpoints = endpoints::Endpoints::build(&settings).await.unwrap();
    let layout = Layout::new(EtcdSettings::PREFIX);
    let mirror = mirror::Mirror::new(layout.clone(), mirror::Limits::default());
    cluster.signal(0, Signal::SIGSTOP);
    let goes_on = async {
        tokio::time::sleep(settings.call_timeout * 3 / 2).await;
        cluster.signal(0, Signal::SIGCONT);
    };
    let (found, ()) = tokio::join!(listing::load(&endpoints, &layout, mirror), goes_on);
    assert!(found.unwrap().revision > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_starts_before_etcd_joins_when_it_comes() {
    let mut cluster = Cluster::prepare(1);
    let relay = connect(&cluster).await;
    let failed = relay.join(&member("a")).await.unwrap_err();
    assert!(is_passing(&failed), "{failed}");
    for failed in [
        relay.report(&Report::default()).await.unwrap_err(),
        relay.publish(&attestation(lane(1), 1, 1, 1)).await.unwrap_err(),
        relay.campaign(lane(1)).await.unwrap_err(),
        relay.members().await.unwrap_err(),
    ] {
        assert!(is_passing(&failed), "{failed}");
    }
    cluster.start_all();
    cluster.answers().await;
    eventually(PATIENCE, "a report", || async { relay.report(&Report::default()).await.ok() }).await;
    let views = eventually(PATIENCE, "the others see it", || async {
        let views = connect(&cluster).await.members().await.unwrap();
        (!views.is_empty()).then_some(views)
    })
    .await;
    assert!(views[0].alive && views[0].member == member("a"));
    assert_eq!(leads(&LiveMember::beat(relay, LEASE)).await, Term::new(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_wipe_members_come_back_publish_again_and_terms_go_on() {
    let mut cluster = Cluster::start(1).await;
    let first = joined(&cluster, "a").await;
    let second = joined(&cluster, "b").await;
    let before = leads(&first).await;
    let mut stream = second.coordinator.follow(lane(1));
    first.coordinator.publish(&attestation(lane(1), 1, 1, 1)).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap(), attestation(lane(1), 1, 1, 1));
    let incarnation = first.coordinator.incarnation();
    // A report may fail while etcd is away, and the members of this suite then stop to report.
    let (first, second) = (first.fall_silent(), second.fall_silent());
    cluster.wipe().await;
    for relay in [&first, &second] {
        eventually(PATIENCE, "a report", || async { relay.report(&Report::default()).await.ok() }).await;
    }
    let (first, second) = (LiveMember::beat(first, LEASE), LiveMember::beat(second, LEASE));
    eventually(PATIENCE, "both are back", || async {
        let views = second.coordinator.members().await.ok()?;
        (views.iter().filter(|view| view.alive).count() == 2).then_some(())
    })
    .await;
    assert!(first.coordinator.incarnation() > incarnation, "the publisher is told");
    assert!(leads(&first).await > before);
    first.coordinator.publish(&attestation(lane(1), 1, 1, 1)).await.unwrap();
    first.coordinator.publish(&attestation(lane(1), 2, 1, 1)).await.unwrap();
    let mut got = Vec::new();
    while got.len() < 2 {
        let next = tokio::time::timeout(PATIENCE, stream.next()).await.unwrap().unwrap();
        got.extend(next.ok().map(|found| found.checkpoint.nonce.get()));
    }
    assert_eq!(got, [1, 2], "what was lost comes again");
    let all = second.coordinator.attestations(lane(1), RequestNonce::ZERO).await.unwrap();
    assert_eq!(all.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_gets_everything_once_over_restarts_and_compactions() {
    let mut cluster = Cluster::start(1).await;
    let writer = connect(&cluster).await;
    let reader = connect(&cluster).await;
    writer.join(&member("a")).await.unwrap();
    let mut stream = reader.follow(lane(1));
    let mut got = BTreeSet::new();
    for round in 0..3 {
        for nonce in 1..=50 {
            let vote = attestation(lane(1), round * 50 + nonce, 1, 1);
            eventually(PATIENCE, "published", || async { writer.publish(&vote).await.ok() }).await;
        }
        let mut client = cluster.client(0).await.unwrap();
        let revision = client.get("/", None).await.unwrap().header().unwrap().revision();
        client.compact(revision, None).await.unwrap();
        cluster.kill(0);
        cluster.start_member(0);
        cluster.answers().await;
    }
    while got.len() < 150 {
        match tokio::time::timeout(PATIENCE, stream.next()).await.unwrap().unwrap() {
            Ok(found) => assert!(got.insert(found.checkpoint.nonce), "{found:?} came twice"),
            Err(error) => assert!(is_passing(&error), "{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lapsed_relay_follows_until_its_lease_is_back() {
    let cluster = Cluster::start(1).await;
    let relay = connect(&cluster).await;
    relay.join(&member("a")).await.unwrap();
    eventually(PATIENCE, "leads", || async { relay.campaign(lane(1)).await.unwrap().own.then_some(()) })
        .await;
    // Nobody else is there: it is its own lease that takes the lead from it.
    eventually(PATIENCE, "follows", || async { (!relay.campaign(lane(1)).await.unwrap().own).then_some(()) })
        .await;
    relay.report(&Report::default()).await.unwrap();
    eventually(PATIENCE, "leads", || async { relay.campaign(lane(1)).await.unwrap().own.then_some(()) })
        .await;
}
