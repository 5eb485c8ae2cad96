//! A request that cannot be handled at all is put on hold by relays that nobody asks to, and by no endpoint that lies.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use std::process::Command;

use alloy::primitives::{Address, U256};
use alloy::providers::Provider;
use polyspan_contracts::testing::{HostileRecipient, TestMultiToken, TestToken};
use polyspan_devnet::account::{self, call_of};
use polyspan_devnet::chain::anvil::BLOCK_GAS_LIMIT;
use polyspan_devnet::endpoint_proxy::Faults;
use polyspan_devnet::spec::Coordination;
use polyspan_devnet::testing::{LONG_PATIENCE, PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::traffic::{Ask, Asset, Traffic};
use polyspan_devnet::{NetworkSpec, eventually_true};
use polyspan_node::force_hold::{SPACING, TRIALS};
use polyspan_types::{Direction, HoldReason, Kind, RequestNonce};
use serde_json::json;

const LANE: Direction = Direction::MainToService;

/// What a block of the service chain has room for: transfers of fungible tokens, and no payout of an ERC-1155, whose gas cap is
/// 830 000. Unit: gas.
const LOW_GAS_LIMIT: u64 = 900_000;

/// Room for a payout of an ERC-1155, and for less than the margin that is added to an estimate. Unit: gas.
const TIGHT_GAS_LIMIT: u64 = 1_000_000;

/// Blocks on top of a final one, where blocks are replaced. Unit: blocks.
const DEPTH: u64 = 12;

/// Number of what a hostile contract does. Source: `contracts/test/contracts/Hostile.sol`.
const REVERTS: u8 = 1;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_no_block_has_room_for_is_held_and_those_behind_it_are_paid() {
    let network = TestNetwork::running(3, |_| {}).await.unwrap();
    let traffic = Traffic::new(&network, 0, 0).unwrap();
    let [first, last] = [fresh_recipient(), fresh_recipient()];
    let hostile = hostile_recipient(&network).await;
    lower_gas_limit(&network).await;

    traffic.request(LANE, Kind::Erc20, first, 1_000).await.unwrap();
    network.wait_handled(0, LANE, 1, PATIENCE).await.unwrap();
    items(&network, fresh_recipient()).await;
    traffic.request(LANE, Kind::Native, hostile, 2_000).await.unwrap();
    traffic.request(LANE, Kind::Erc20, last, 3_000).await.unwrap();
    gathering_is_told(&network).await;
    network.wait_handled(0, LANE, 4, LONG_PATIENCE).await.unwrap();

    let holds = network.destination(0, LANE).unwrap().handled().await.unwrap().held;
    let reasons: Vec<_> = holds.iter().map(|held| (held.nonce.get(), held.reason)).collect();
    assert_eq!(reasons, [(1, HoldReason::Forced), (2, HoldReason::PayoutFailed)]);
    let token = network.bridges[0].deployment.pair("usd").unwrap().service_token;
    for (to, amount) in [(first, 1_000), (last, 3_000)] {
        let balance =
            account::read(&network.service, token, &TestToken::balanceOfCall { account: to }).await.unwrap();
        assert_eq!(balance, U256::from(amount));
    }
    network.expect_complete().await.unwrap();

    // Two of three were enough, and each of those that signed can tell why.
    let signed = counted(&network, "signed").await;
    assert!(signed.iter().sum::<f64>() >= 2.0, "{signed:?}");
    assert!(counted(&network, "held").await.iter().sum::<f64>() >= 1.0);
    let who = signed.iter().position(|signed| *signed > 0.0).unwrap();
    let told = explained(&network, who, 1);
    assert!(
        told.contains("agreed to force-hold it") && told.contains("too little gas for nonce 1"),
        "{told}"
    );
    // What was decided is not shown for ever.
    let nothing = || async { Ok(trials(&network).await.iter().all(|trials| *trials == 0.0)) };
    eventually_true("no relay gathers evidence any more", PATIENCE, nothing).await.unwrap();
}

/// The price cap keeps the lane from going on, though every request can be handled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_lying_endpoint_of_three_brings_no_force_hold_about_and_a_relay_that_is_lied_to_by_two_is_alone()
{
    let mut network = TestNetwork::running(3, |spec| {
        spec.endpoints_per_relay = 3;
        spec.max_fee_per_gas = "1 wei";
    })
    .await
    .unwrap();
    let lie = Faults { fail_handle: Some(RequestNonce::ZERO), ..Faults::default() };
    for (relay, liars) in network.relays.iter().zip([1, 1, 2]) {
        relay
            .source_endpoints(LANE.opposite())
            .iter()
            .take(liars)
            .for_each(|endpoint| endpoint.set(lie.clone()));
    }
    Traffic::new(&network, 0, 0).unwrap().request(LANE, Kind::Erc20, fresh_recipient(), 1_000).await.unwrap();
    let alone = || async { Ok(counted(&network, "signed").await == [0.0, 0.0, 1.0]) };
    eventually_true("the relay with two lying endpoints has signed", LONG_PATIENCE, alone).await.unwrap();
    network.service.wait_blocks(TRIALS * SPACING).await.unwrap();
    assert_eq!(counted(&network, "signed").await, [0.0, 0.0, 1.0]);
    assert_eq!(trials(&network).await[..2], [0.0, 0.0]);
    assert_eq!(counted(&network, "held").await, [0.0, 0.0, 0.0]);
    assert_eq!(network.progress(0, LANE).await.unwrap().handled.get(), 0);
    what_was_signed_counts_after_a_restart(&mut network).await;
}

/// Its evidence is gathered anew, and nothing is signed twice.
async fn what_was_signed_counts_after_a_restart(network: &mut TestNetwork) {
    let name = network.relays[2].spec.name.clone();
    network.relay_mut(&name).unwrap().kill().await.unwrap();
    // Not that it is ready: whenever it is its turn it tries to pay, and is told that it cannot.
    network.start_relay(&name).unwrap();
    let lane = format!("lane=\"{}\"", network.bridges[0].deployment.lane(LANE).id);
    let restarted = network.relay(&name).unwrap();
    let gathered = || async {
        Ok(restarted.metric("polyspan_lane_force_hold_trials", &[&lane]).await? >= Some(TRIALS as f64))
    };
    eventually_true("the evidence is gathered anew", LONG_PATIENCE, gathered).await.unwrap();
    let counts = || async { Ok(text(network, &["status"]).await.contains("1 of 2 signed")) };
    eventually_true("the signature counts again", LONG_PATIENCE, counts).await.unwrap();
    assert_eq!(counted(network, "signed").await, [0.0; 3]);
}

/// The relays meet over etcd, and the one that leads is killed while the evidence is gathered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relays_that_are_left_finish_a_force_hold_over_etcd_when_their_leader_is_killed() {
    let etcd = |spec: &mut NetworkSpec| spec.coordination = Coordination::Etcd { members: 1 };
    let mut network = TestNetwork::running(3, etcd).await.unwrap();
    lower_gas_limit(&network).await;
    items(&network, fresh_recipient()).await;
    let gathered = || async { Ok(trials(&network).await.iter().any(|trials| *trials >= 2.0)) };
    eventually_true("two blocks of evidence", PATIENCE, gathered).await.unwrap();
    let lane = format!("lane=\"{}\"", network.bridges[0].deployment.lane(LANE).id);
    let leads = metric(&network, "polyspan_lane_leader", &[&lane]).await;
    let leader = leads.iter().position(|leads| *leads == 1.0).unwrap();
    network.relays[leader].kill().await.unwrap();
    Traffic::new(&network, 0, 0)
        .unwrap()
        .request(LANE, Kind::Native, fresh_recipient(), 2_000)
        .await
        .unwrap();
    network.wait_handled(0, LANE, 2, LONG_PATIENCE).await.unwrap();
    let holds = network.destination(0, LANE).unwrap().handled().await.unwrap().held;
    let reasons: Vec<_> = holds.iter().map(|held| (held.nonce.get(), held.reason)).collect();
    assert_eq!(reasons, [(0, HoldReason::Forced)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_fits_again_before_the_evidence_is_complete_is_paid() {
    let network = TestNetwork::running(3, |_| {}).await.unwrap();
    lower_gas_limit(&network).await;
    items(&network, fresh_recipient()).await;
    let gathered = || async { Ok(trials(&network).await.iter().all(|trials| *trials >= 2.0)) };
    eventually_true("two blocks of evidence", PATIENCE, gathered).await.unwrap();
    set_gas_limit(&network, BLOCK_GAS_LIMIT).await;
    network.wait_handled(0, LANE, 1, PATIENCE).await.unwrap();
    assert_eq!(network.destination(0, LANE).unwrap().handled().await.unwrap().held, []);
    assert_eq!(counted(&network, "signed").await, [0.0; 3]);
    network.expect_complete().await.unwrap();
}

/// The price cap keeps the agreed force-hold from being sent, and the request from being paid.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agreed_force_hold_is_withheld_when_the_request_fits_again() {
    let network = TestNetwork::running(3, |spec| spec.max_fee_per_gas = "1 wei").await.unwrap();
    lower_gas_limit(&network).await;
    items(&network, fresh_recipient()).await;
    let tried = || async { Ok(counted(&network, "above_cap").await.iter().sum::<f64>() >= 1.0) };
    eventually_true("an agreed force-hold was not sent", LONG_PATIENCE, tried).await.unwrap();
    // Just after a trial: the next one, which would withdraw the evidence, is some blocks away.
    let before = trials(&network).await;
    let just_tried =
        || async { Ok(trials(&network).await.iter().zip(&before).all(|(now, before)| now > before)) };
    eventually_true("one more trial", PATIENCE, just_tried).await.unwrap();
    set_gas_limit(&network, BLOCK_GAS_LIMIT).await;
    let withheld = || async { Ok(counted(&network, "withheld").await.iter().sum::<f64>() >= 1.0) };
    eventually_true("the last trial was believed", PATIENCE, withheld).await.unwrap();
    assert_eq!(counted(&network, "held").await, [0.0; 3]);
    assert_eq!(network.progress(0, LANE).await.unwrap().handled.get(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_signed_on_evidence_from_a_block_that_is_no_more() {
    let finality = |spec: &mut NetworkSpec| spec.finality = format!("depth {DEPTH}").parse().unwrap();
    let network = TestNetwork::running(1, finality).await.unwrap();
    lower_gas_limit(&network).await;
    items(&network, fresh_recipient()).await;
    let gathered = || async { Ok(trials(&network).await[0] >= 2.0) };
    eventually_true("two blocks of evidence", LONG_PATIENCE, gathered).await.unwrap();
    // The first of them is the fifth from the top, or a few more.
    network.service.reorg(DEPTH - 2).await.unwrap();
    let height = network.service.height().await.unwrap();
    network.wait_handled(0, LANE, 1, 2 * LONG_PATIENCE).await.unwrap();
    let told = explained(&network, 0, 0);
    let (_, blocks) = told.split_once("could not be handled at 6 blocks from ").unwrap();
    let first: u64 = blocks.split_whitespace().next().unwrap().parse().unwrap();
    assert!(first > height, "{told}");
}

/// Nothing would ever hold it: alone it goes through.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_fits_into_a_block_without_any_margin_is_paid() {
    let network = TestNetwork::running(3, |_| {}).await.unwrap();
    set_gas_limit(&network, TIGHT_GAS_LIMIT).await;
    items(&network, fresh_recipient()).await;
    network.wait_handled(0, LANE, 1, PATIENCE).await.unwrap();
    assert_eq!(network.destination(0, LANE).unwrap().handled().await.unwrap().held, []);
    network.expect_complete().await.unwrap();
}

/// Every relay says how far it is.
async fn gathering_is_told(network: &TestNetwork) {
    let told = || async {
        let status = text(network, &["status"]).await;
        Ok(status.contains("gather evidence that request 1 cannot be handled"))
    };
    eventually_true("status tells of the evidence", PATIENCE, told).await.unwrap();
}

async fn lower_gas_limit(network: &TestNetwork) {
    set_gas_limit(network, LOW_GAS_LIMIT).await;
}

async fn set_gas_limit(network: &TestNetwork, limit: u64) {
    let set = "anvil_setBlockGasLimit".into();
    let done: bool = network.service.provider.raw_request(set, json!([format!("{limit:#x}")])).await.unwrap();
    assert!(done);
    network.service.wait_blocks(2).await.unwrap();
}

/// What `explain` says of a request to a relay's operator.
fn explained(network: &TestNetwork, relay: usize, nonce: u64) -> String {
    let config = network.relays[relay].config.to_str().unwrap();
    let explain = ["explain", &format!("kr/{LANE}:{nonce}"), "--config", config];
    let told = Command::new(&network.binaries.polyspan).args(explain).output().unwrap();
    String::from_utf8_lossy(&told.stdout).into_owned()
}

async fn text(network: &TestNetwork, arguments: &[&str]) -> String {
    let output = network.polyspan(arguments).await.unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

async fn counted(network: &TestNetwork, outcome: &str) -> Vec<f64> {
    let lane = format!("lane=\"{}\"", network.bridges[0].deployment.lane(LANE).id);
    let outcome = format!("outcome=\"{outcome}\"");
    metric(network, "polyspan_lane_force_holds_total", &[&lane, &outcome]).await
}

async fn trials(network: &TestNetwork) -> Vec<f64> {
    let lane = format!("lane=\"{}\"", network.bridges[0].deployment.lane(LANE).id);
    metric(network, "polyspan_lane_force_hold_trials", &[&lane]).await
}

async fn metric(network: &TestNetwork, name: &str, labels: &[&str]) -> Vec<f64> {
    let mut values = Vec::new();
    for relay in &network.relays {
        values.push(relay.metric(name, labels).await.unwrap().unwrap());
    }
    values
}

/// Five units of an ERC-1155 for `to`.
async fn items(network: &TestNetwork, to: Address) {
    let traffic = Traffic::new(network, 0, 0).unwrap();
    let token = network.bridges[0].deployment.pair("items").unwrap().main_token;
    let (id, amount) = (U256::from(4_711), U256::from(5));
    let mint = call_of(token, &TestMultiToken::mintCall { to: traffic.user(), id, amount });
    let sent = account::send(&network.main, &network.users[0].signer, mint).await.unwrap();
    account::succeeded(&network.main, sent).await.unwrap();
    let asset = Asset::Erc1155 { token, ids: vec![id], amounts: vec![amount] };
    let sent = traffic.ask(LANE, &Ask::new(asset, to, traffic.user())).await.unwrap();
    account::succeeded(&network.main, sent).await.unwrap();
}

async fn hostile_recipient(network: &TestNetwork) -> Address {
    let signer = &network.users[0].signer;
    let code = HostileRecipient::BYTECODE.clone();
    let recipient = account::deploy(&network.service, signer, code).await.unwrap();
    let order = call_of(recipient, &HostileRecipient::setBehaviourCall { behaviour_: REVERTS });
    account::execute(&network.service, signer, order).await.unwrap();
    recipient
}
