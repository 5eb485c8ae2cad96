//! Relays that meet in etcd: they come before it, lose a part of it, lose all of it, and find it empty again.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use polyspan_devnet::eventually_true;
use polyspan_devnet::invariants::expect_single_roots;
use polyspan_devnet::testing::{LONG_PATIENCE, PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::traffic::Traffic;
use polyspan_devnet::{Coordination, NetworkSpec};

fn with_etcd(spec: &mut NetworkSpec) {
    spec.coordination = Coordination::Etcd { members: 3 };
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transfers_go_on_over_the_loss_of_etcds_leader_and_a_wipe() {
    let mut network = TestNetwork::running(3, with_etcd).await.unwrap();
    transfer(&network).await;
    assert_eq!(states(&network).await, [[0.0, 1.0, 0.0]; 3]);
    let status = network.status().await.unwrap();
    assert_eq!(status["coordination"]["state"], "etcd", "{status}");
    let etcd = network.etcd_mut().unwrap();
    let leader = etcd.leader().await.unwrap();
    etcd.kill_member(leader).await.unwrap();
    transfer(&network).await;
    network.etcd_mut().unwrap().start_member(leader).unwrap();
    network.etcd_mut().unwrap().wait_ready(PATIENCE).await.unwrap();

    // Attested and not yet handled: what was published is gone, and comes again.
    Traffic::new(&network, 0, 0).unwrap().rounds(1, fresh_recipient()).await.unwrap();
    network.etcd_mut().unwrap().wipe().await.unwrap();
    transfer(&network).await;
    network.wait_ready(PATIENCE).await.unwrap();
    network.expect_complete().await.unwrap();
    expect_single_roots(&network).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relays_that_start_without_etcd_serve_say_so_and_join_when_it_comes() {
    let mut network = TestNetwork::start(2, with_etcd).await.unwrap();
    network.etcd_mut().unwrap().stop().await.unwrap();
    network.start_relays().unwrap();
    for relay in &network.relays {
        let why = relay.wait_unready(PATIENCE, |part| {
            part.part == "coordination" && part.reason.contains("etcd cannot be reached")
        });
        why.await.unwrap();
    }
    assert_eq!(states(&network).await, [[0.0, 0.0, 1.0]; 2]);
    let status = network.status().await.unwrap();
    assert_eq!(status["coordination"]["state"], "unreachable", "{status}");
    assert!(
        status["coordination"]["reason"].as_str().unwrap().contains("etcd cannot be reached"),
        "{status}"
    );
    for number in 0..3 {
        network.etcd_mut().unwrap().start_member(number).unwrap();
    }
    network.wait_ready(LONG_PATIENCE).await.unwrap();
    transfer(&network).await;
    assert_eq!(states(&network).await, [[0.0, 1.0, 0.0]; 2]);
    let alive = || async {
        let status = network.status().await?;
        Ok(status["relays"].as_array().is_some_and(|relays| relays.len() == 2))
    };
    eventually_true("status shows both relays", PATIENCE, alive).await.unwrap();
    network.expect_complete().await.unwrap();
}

/// What the relays say of their coordination: 1 for the one of `embedded`, `etcd` and `unreachable` that is so.
async fn states(network: &TestNetwork) -> Vec<[f64; 3]> {
    let mut states = Vec::new();
    for relay in &network.relays {
        let mut of_relay = [f64::NAN; 3];
        for (value, state) in of_relay.iter_mut().zip(["embedded", "etcd", "unreachable"]) {
            let label = format!("state=\"{state}\"");
            *value = relay.metric("polyspan_coordination_state", &[&label]).await.unwrap().unwrap();
        }
        states.push(of_relay);
    }
    states
}

/// Requests of all kinds in both directions, made and handled.
async fn transfer(network: &TestNetwork) {
    Traffic::new(network, 0, 0).unwrap().rounds(1, fresh_recipient()).await.unwrap();
    network.wait_blocks_of_both(1).await.unwrap();
    network.wait_all_handled(LONG_PATIENCE).await.unwrap();
}
