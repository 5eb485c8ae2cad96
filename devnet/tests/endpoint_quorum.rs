//! Three endpoints to each chain: one that lies consistently is outvoted, and with another one down nothing is signed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use alloy::primitives::{Address, U256};
use polyspan_devnet::account;
use polyspan_devnet::chain::anvil::Anvil;
use polyspan_devnet::endpoint_proxy::Faults;
use polyspan_devnet::eventually_true;
use polyspan_devnet::testing::{PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::traffic::{Ask, Asset, Traffic};
use polyspan_types::{Direction, Kind};

const LANE: Direction = Direction::MainToService;

/// The threshold is one: whatever the relay signs is paid.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_pays_nothing_that_only_one_of_three_endpoints_has_seen() {
    let network = TestNetwork::running(1, |spec| {
        spec.endpoints_per_relay = 3;
        spec.finality = "depth 1".parse().unwrap();
    })
    .await
    .unwrap();
    transfer(&network, 1_000).await;
    handled(&network, 1).await;
    let fork = network.fork(LANE, "fork").await.unwrap();
    let thief = fresh_recipient();
    request_on_the_fork(&network, &fork, thief).await;

    a_liar_is_outvoted_and_named(&network, &fork).await;
    a_liar_beside_a_dead_endpoint_is_not_believed(&network).await;
    what_most_endpoints_hide_is_asked_of_the_others(&network).await;
    let stolen = account::native_balance(&network.service, thief).await.unwrap();
    assert_eq!(stolen, U256::ZERO, "what nobody requested was paid");
    network.expect_complete().await.unwrap();
}

/// The endpoint that the relay prefers serves the fork: same chain, same contract, valid blocks, logs and roots.
async fn a_liar_is_outvoted_and_named(network: &TestNetwork, fork: &Anvil) {
    let relay = network.relay("relay-1").unwrap();
    relay.source_endpoint(LANE).set(Faults::instead(fork.url.clone()));
    let named = || async {
        let readiness = relay.readiness().await?;
        let named = |remark: &str| remark.contains("endpoints[0]") && remark.contains("contradicts");
        Ok(readiness.ready && readiness.remarks.iter().any(|part| named(&part.remark)))
    };
    eventually_true("the liar is named, and the relay goes on", PATIENCE, named).await.unwrap();
    let labels = ["chain=\"main\"", "endpoint=\"0\""];
    let lies = relay.metric("polyspan_chain_endpoint_disagreements_total", &labels).await.unwrap();
    assert!(lies >= Some(1.0), "{lies:?}");
    transfer(network, 2_000).await;
    handled(network, 2).await;
    let status = network.polyspan(&["status"]).await.unwrap();
    let status = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(status.contains("contradicts the others"), "status does not tell it: {status}");
}

async fn a_liar_beside_a_dead_endpoint_is_not_believed(network: &TestNetwork) {
    let relay = network.relay("relay-1").unwrap();
    let endpoints = relay.source_endpoints(LANE);
    endpoints[1].set(Faults::down());
    let waits = relay.wait_unready(PATIENCE, |part| part.reason.contains("agree on")).await.unwrap();
    assert!(waits.reason.contains("2 of 3 endpoints of chain main"), "{}", waits.reason);
    transfer(network, 3_000).await;
    network.wait_blocks_of_both(5).await.unwrap();
    assert_eq!(network.progress(0, LANE).await.unwrap().handled.get(), 2);
    let label = format!("lane=\"{}\"", network.bridges[0].deployment.lane(LANE).id);
    let attested = relay.metric("polyspan_lane_attested_nonce", &[&label]).await.unwrap();
    assert_eq!(attested, Some(2.0));
    let halted = relay.metric("polyspan_lane_halted", &[&label]).await.unwrap();
    assert_eq!(halted, Some(0.0), "it waits, it does not halt");

    endpoints[1].clear();
    handled(network, 3).await;
    relay.wait_ready(PATIENCE).await.unwrap();
}

/// Two of three leave out a log. The source's root proves that one is missing, and which one it is.
async fn what_most_endpoints_hide_is_asked_of_the_others(network: &TestNetwork) {
    let relay = network.relay("relay-1").unwrap();
    let endpoints = relay.source_endpoints(LANE);
    let next = network.progress(0, LANE).await.unwrap().requested;
    let hiding = Faults { hide_request: Some(next), ..Faults::default() };
    endpoints[..2].iter().for_each(|endpoint| endpoint.set(hiding.clone()));
    transfer(network, 4_000).await;
    handled(network, next.get() + 1).await;
    endpoints.iter().for_each(|endpoint| endpoint.clear());
    relay.wait_ready(PATIENCE).await.unwrap();
}

async fn transfer(network: &TestNetwork, value: u128) {
    let traffic = Traffic::new(network, 0, 0).unwrap();
    let hash = traffic.request(LANE, Kind::Native, fresh_recipient(), value).await.unwrap();
    account::succeeded(network.source_chain(LANE), hash).await.unwrap();
}

async fn request_on_the_fork(network: &TestNetwork, fork: &Anvil, thief: Address) {
    let user = &network.users[0].signer;
    let ask = Ask::new(Asset::Native(U256::from(1_000_000)), thief, user.address());
    let bridge = network.bridges[0].deployment.lane(LANE).source.bridge;
    let hash = account::send(fork, user, ask.call(bridge)).await.unwrap();
    account::succeeded(fork, hash).await.unwrap();
}

async fn handled(network: &TestNetwork, count: u64) {
    network.wait_handled(0, LANE, count, PATIENCE).await.unwrap();
}
