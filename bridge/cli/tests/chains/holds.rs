//! Transfers that cannot be paid: released by relays, or sent back by a person.

use std::time::Duration;

use alloy::primitives::U256;
use polyspan_chain::testing::{AnvilProcess, development_key, eventually};
use serde_json::{Value, json};

use super::network::{Network, SUBMITTER, USER, assert_bad_input, text};
use super::{TO, transfer, user_key};

const PATIENCE: Duration = Duration::from_secs(60);
pub const FORTH: &str = "kr/main-to-service";
pub const HELD: &str = "kr/main-to-service:0";
pub const BACK: &str = "kr/service-to-main";
/// Unit: blocks.
pub const REFUND_DELAY: u64 = 20;

/// A bridge with a relay, and a transfer of more than the destination's bridge has.
pub async fn held() -> (Network, super::network::RelayProcess) {
    let network = Network::start().await;
    let spec = network.spec().replace("deployer =", &format!("refund_delay = {REFUND_DELAY}\ndeployer ="));
    network.deploy_spec(&spec);
    let relay = network.start_relay().await;
    let output = send(&network, "11", FORTH);
    assert!(output.contains("held on chain service: insufficient escrow"), "{output}");
    (network, relay)
}

/// Moves some of the native currency and waits for its end.
pub fn send(network: &Network, amount: &'static str, lane: &'static str) -> String {
    let key = user_key();
    let mut arguments = transfer(&["native", "--amount", amount], lane, TO, &key);
    arguments.extend(["--wait", "--timeout", "60s"]);
    let output = network.polyspan(&arguments);
    text(&output.stdout) + &text(&output.stderr)
}

/// `polyspan release` or `polyspan refund` of the user.
pub fn end(network: &Network, command: &str, transfer: &str) -> std::process::Output {
    let key = user_key();
    let arguments: Vec<&str> =
        [command, transfer].into_iter().chain(key.iter().map(String::as_str)).collect();
    network.polyspan(&arguments)
}

fn explain(network: &Network, transfer: &str) -> Value {
    let output = network.polyspan(&["explain", transfer, "--json"]);
    // 3 where no relay runs that could be seen.
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

pub async fn until_state(network: &Network, transfer: &str, state: &str) -> Value {
    eventually(PATIENCE, &format!("{transfer} is {state}"), async || {
        let story = explain(network, transfer);
        (story["state"] == state).then_some(story)
    })
    .await
}

pub async fn balance(chain: &AnvilProcess, account: impl ToString) -> U256 {
    let answer = chain.rpc("eth_getBalance", json!([account.to_string(), "latest"])).await;
    answer.as_str().unwrap().parse().unwrap()
}

pub fn ether(amount: u64) -> U256 {
    U256::from(amount) * U256::from(10).pow(U256::from(18))
}

/// What the relay counts under this name and these labels.
fn metric(network: &Network, series: &str) -> Option<String> {
    let answer = network.asked("/metrics").unwrap();
    answer.lines().find_map(|line| line.strip_prefix(series)).map(|value| value.trim().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_releases_a_hold_once_there_is_enough() {
    let (network, relay) = held().await;
    let story = explain(&network, HELD);
    assert_eq!((&story["state"], &story["hold"]["reason"]), (&json!("held"), &json!("insufficient-escrow")));
    assert_eq!(story["request"]["transfer"]["kind"], "native", "{story}");
    let next = story["hold"]["next"].as_str().unwrap();
    assert!(next.contains("it needs 11000000000000000000 smallest units, the bridge has 105"), "{next}");
    assert!(next.contains("anyone can refund it from block"), "{next}");

    let status = eventually(PATIENCE, "the relay tells what its oldest hold waits for", async || {
        let status: Value = serde_json::from_str(&network.told(&["status", "--json"])).unwrap();
        let next = status["lanes"][0]["oldest_hold"]["next"].as_str()?.to_owned();
        next.contains("it needs 11000000000000000000").then_some(status)
    })
    .await;
    assert_eq!(
        (&status["lanes"][0]["held"], &status["lanes"][0]["oldest_hold"]["nonce"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(status["bridges"][0]["refund_delay"], REFUND_DELAY, "{status}");
    let table = network.told(&["status"]);
    assert!(table.contains("1 on hold, the oldest is 0 since block"), "{table}");
    assert!(table.contains("native, locks") && table.contains("no limit"), "{table}");

    let listed: Value = serde_json::from_str(&network.told(&["releases", "--json"])).unwrap();
    let [hold] = listed["holds"].as_array().unwrap().as_slice() else { panic!("{listed}") };
    assert_eq!(
        (&hold["transfer"], &hold["reason"]),
        (&json!(HELD), &json!("insufficient-escrow")),
        "{listed}"
    );
    assert_eq!(hold["what"], "11 of the native currency", "{listed}");
    let commands = format!("polyspan release {HELD} --key KEYSTORE");
    assert_eq!(hold["commands"][0], commands, "{listed}");
    let shown = network.told(&["holds", "--lane", FORTH]);
    assert!(shown.starts_with(&format!("{HELD}: 11 of the native currency; since block ")), "{shown}");
    assert!(shown.contains(&commands) && shown.contains("polyspan refund prepare"), "{shown}");
    assert_eq!(network.told(&["holds", "--lane", BACK]), "nothing is on hold");

    let early = end(&network, "release", HELD);
    let told = text(&early.stdout);
    assert_eq!(early.status.code(), Some(1), "{told}{}", text(&early.stderr));
    assert!(told.contains("cannot be paid now") && told.contains("nothing was sent"), "{told}");

    let back = send(&network, "1", BACK);
    assert!(back.contains("paid to"), "{back}");
    let story = until_state(&network, HELD, "released").await;
    assert_eq!(balance(&network.service, TO).await, ether(11));
    assert!(story["waiting_for"].is_null() && story["ending"]["tx_hash"].is_string(), "{story}");
    let count = |outcome| format!("polyspan_lane_releases_total{{lane=\"{FORTH}\",outcome=\"{outcome}\"}}");
    let released = eventually(PATIENCE, "the release is counted", async || {
        metric(&network, &count("released")).filter(|value| value != "0")
    })
    .await;
    assert_eq!(released, "1");
    let own = network.told(&["explain", HELD, "--config", "relay.toml"]);
    assert!(own.contains("Release submitted by this relay from 0x"), "{own}");
    assert!(own.contains("Put on hold in block") && own.contains("Released in block"), "{own}");
    drop(relay);
    // The chains alone tell the same.
    assert_eq!(explain(&network, HELD)["ending"], story["ending"]);
    assert_bad_input(&end(&network, "release", HELD), &["is not on hold"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_sends_a_hold_back_after_the_delay_and_relays_pay_it() {
    let (network, _relay) = held().await;
    assert_bad_input(&end(&network, "refund", HELD), &["cannot be refunded", "from block"]);
    network.service.mine(REFUND_DELAY).await;
    let user = development_key(USER).address();
    let before = balance(&network.main, user).await;
    let done = end(&network, "refund", HELD);
    let told = text(&done.stdout);
    assert!(done.status.success(), "{told}{}", text(&done.stderr));
    let refund = format!("{BACK}:0");
    assert!(told.contains(&format!("refunded as {refund}")), "{told}");

    let story = until_state(&network, &refund, "paid").await;
    assert_eq!(balance(&network.main, user).await - before, ether(11));
    assert_eq!(story["request"]["transfer"]["kind"], "native-refund", "{story}");
    assert_eq!(story["request"]["refund_of"], HELD, "{story}");
    let story = until_state(&network, HELD, "refunded").await;
    assert_eq!(story["ending"]["refunded"]["request_nonce"], 0, "{story}");
    assert_eq!(story["ending"]["refund"]["state"], "paid", "{story}");
    let told = network.told(&["explain", HELD]);
    assert!(told.contains(&format!("{refund} is paid.")) && told.contains("It waits for nothing."), "{told}");
    assert_bad_input(&end(&network, "refund", HELD), &["is not on hold"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn relays_release_what_limits_held_when_blocks_and_time_have_passed() {
    let network = Network::start().await;
    let limits = "service_limits = { maximum = \"5\", outflow_capacity = \"5\", outflow_period = \"1day\", delay_above = \"4\", \
                  delay_blocks = 10 }\n";
    let native = "kind = \"native\"\n";
    network.deploy_spec(&network.spec().replace(native, &format!("{native}{limits}")));
    let _relay = network.start_relay().await;
    let day = async |blocks| {
        network.service.rpc("evm_increaseTime", json!([86_400])).await;
        network.service.mine(blocks).await;
    };
    let paid = send(&network, "3", FORTH);
    assert!(paid.contains("paid to"), "{paid}");
    let limited = send(&network, "3", FORTH);
    assert!(limited.contains("held on chain service: outflow limited"), "{limited}");
    let table = network.told(&["status"]);
    assert!(table.contains(" of 5, ") && table.contains("4 (10 blocks)"), "{table}");
    let story = explain(&network, "kr/main-to-service:1");
    let next = story["hold"]["next"].as_str().unwrap();
    // The bucket leaks all the time.
    let full = "of the outflow limit of 5000000000000000000 are used";
    assert!(next.starts_with("it needs 3000000000000000000") && next.contains(full), "{next}");
    day(1).await;
    until_state(&network, "kr/main-to-service:1", "released").await;

    let delayed = send(&network, "4.5", FORTH);
    assert!(delayed.contains("held on chain service: delayed"), "{delayed}");
    let story = explain(&network, "kr/main-to-service:2");
    let from = story["hold"]["held_at"].as_u64().unwrap() + 10;
    let next = story["hold"]["next"].as_str().unwrap();
    assert!(next.contains(&format!("relays release it from block {from} on")), "{next}");
    day(10).await;
    let story = until_state(&network, "kr/main-to-service:2", "released").await;
    assert!(story["ending"]["block"].as_u64().unwrap() >= from, "{story}");
    let paid = U256::from(105) * ether(1) / U256::from(10);
    assert_eq!(balance(&network.service, TO).await, paid);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_its_block_is_refunded_a_whole_refund_delay_later() {
    let network = Network::start().await;
    let native = "kind = \"native\"\n";
    let limits = "service_limits = { delay_above = \"4\", delay_blocks = 10 }\n";
    let spec = network.spec().replace("deployer =", &format!("refund_delay = {REFUND_DELAY}\ndeployer ="));
    network.deploy_spec(&spec.replace(native, &format!("{native}{limits}")));
    let relay = network.start_relay().await;
    let delayed = send(&network, "4.5", FORTH);
    assert!(delayed.contains("held on chain service: delayed"), "{delayed}");
    // It would release the hold.
    drop(relay);
    let story = explain(&network, HELD);
    let refundable = story["hold"]["held_at"].as_u64().unwrap() + 10 + REFUND_DELAY;
    assert_eq!(story["hold"]["refundable_from"], refundable, "{story}");
    network.service.mine(REFUND_DELAY).await;
    let words = format!("from block {refundable} on");
    assert_bad_input(&end(&network, "refund", HELD), &["cannot be refunded", &words]);
    network.service.mine(10).await;
    let done = end(&network, "refund", HELD);
    let told = text(&done.stdout);
    assert!(told.contains("refunded as kr/service-to-main:0"), "{told}{}", text(&done.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipient_that_refuses_costs_calls_and_no_transactions_until_it_accepts() {
    let network = Network::start().await;
    network.deploy();
    // Reverts with nothing.
    network.service.rpc("anvil_setCode", json!([TO, "0x60006000fd"])).await;
    let _relay = network.start_relay().await;
    let refused = send(&network, "1", FORTH);
    assert!(refused.contains("held on chain service: payout failed"), "{refused}");
    let still_held = format!("polyspan_lane_releases_total{{lane=\"{FORTH}\",outcome=\"still_held\"}}");
    eventually(PATIENCE, "an attempt is counted", async || {
        metric(&network, &still_held).filter(|value| value != "0")
    })
    .await;
    let submitter = development_key(SUBMITTER).address();
    let sent = network.service.rpc("eth_getTransactionCount", json!([submitter, "latest"])).await;
    assert_eq!(sent, "0x1", "the handle, and no release");
    network.service.rpc("anvil_setCode", json!([TO, "0x"])).await;
    until_state(&network, HELD, "released").await;
    assert_eq!(balance(&network.service, TO).await, ether(1));
    let sent = network.service.rpc("eth_getTransactionCount", json!([submitter, "latest"])).await;
    assert_eq!(sent, "0x2");
}
