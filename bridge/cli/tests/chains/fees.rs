//! What transactions pay for gas: every command that sends one takes a greatest price, and replaces one that waits.

use std::fs;
use std::time::Duration;

use polyspan_chain::testing::{AnvilProcess, development_key, eventually};
use serde_json::{Value, json};

use super::board::Board;
use super::force_hold::{sign, standing};
use super::holds::{FORTH, HELD, REFUND_DELAY};
use super::network::{ATTESTER, Network, USER, assert_bad_input, text};
use super::terminal::Running;
use super::user_key;

/// Less than any block of the chains takes.
const CHEAP: [&str; 2] = ["--max-fee", "0.000000001"];
const CHEAP_WORDS: &[&str] = &["gas costs ", "more than --max-fee allows (0.000000001 gwei)"];
/// Unit: gwei.
const ENOUGH: &str = "500";
/// The same. Unit: wei, in hex as JSON-RPC has it.
const ENOUGH_WEI: &str = "0x746a528800";

/// The price that a transaction names. Its last one on this chain is taken.
async fn price_of_last(chain: &AnvilProcess) -> Value {
    let block = chain.rpc("eth_getBlockByNumber", json!(["latest", true])).await;
    block["transactions"][0]["maxFeePerGas"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_about_a_hold_costs_no_more_than_is_allowed_and_replaces_what_waits() {
    let network = standing().await;
    let key = user_key();
    let with_key = |command: &[&'static str], more: &[&'static str]| {
        let arguments: Vec<_> = command
            .iter()
            .copied()
            .chain(key.iter().map(String::as_str))
            .chain(more.iter().copied())
            .collect();
        network.command(&arguments)
    };
    let output = |command: &[&'static str], more: &[&'static str]| with_key(command, more).output().unwrap();
    let signed = |action: &str, file: &str| {
        for (key, copy) in [(ATTESTER, "first"), (7, "second")] {
            let copy = format!("{action}-{copy}.toml");
            let signed = sign(&network, action, file, &copy, &format!("operator-{key}.toml"));
            assert!(signed.status.success(), "{}", text(&signed.stderr));
        }
    };
    network.told(&["force-hold", "prepare", "--lane", FORTH, "--out", "hold.toml"]);
    signed("force-hold", "hold.toml");
    let submit = ["force-hold", "submit", "force-hold-first.toml", "force-hold-second.toml"];
    assert_bad_input(&output(&submit, &CHEAP), CHEAP_WORDS);

    // Another transaction of the account waits: the refusal names the cure, and the cure is one.
    let user = development_key(USER).address();
    network.service.rpc("evm_setAutomine", json!([false])).await;
    network.service.rpc("anvil_impersonateAccount", json!([user])).await;
    let waiting = json!([{ "from": user, "to": user, "maxFeePerGas": "0x2540be400", "maxPriorityFeePerGas": "0x77359400" }]);
    network.service.rpc("eth_sendTransaction", waiting).await;
    let refused = output(&submit, &[]);
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(
        said.contains("wants a higher price for gas") && said.contains("--max-fee above its price"),
        "{said}"
    );
    let mut instead = Running::piped(with_key(&submit, &["--max-fee", ENOUGH]));
    eventually(Duration::from_secs(60), "the submission is in the pool", async || {
        let pending = network.service.rpc("eth_getBlockByNumber", json!(["pending", true])).await;
        (pending["transactions"][0]["maxFeePerGas"] == ENOUGH_WEI).then_some(())
    })
    .await;
    network.service.mine(1).await;
    network.service.rpc("evm_setAutomine", json!([true])).await;
    assert!(instead.ended().await.success(), "{}", instead.stderr.text());

    network.told(&["release", "prepare", HELD, "--out", "release.toml"]);
    signed("release", "release.toml");
    let release = ["release", "submit", "release-first.toml", "release-second.toml"];
    assert_bad_input(&output(&release, &CHEAP), CHEAP_WORDS);
    let released = output(&release, &["--max-fee", ENOUGH]);
    assert!(released.status.success(), "{}", text(&released.stderr));
    assert_eq!(price_of_last(&network.service).await, ENOUGH_WEI);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_and_a_deployment_cost_no_more_than_is_allowed() {
    let network = Network::start().await;
    let spec = network.spec().replace("deployer =", &format!("refund_delay = {REFUND_DELAY}\ndeployer ="));
    fs::write(network.path("spec.toml"), &spec).unwrap();
    let deploy = ["deploy", "--spec", "spec.toml", "--out", "kr.deployment.toml"];
    let cheap = network.polyspan(&[&deploy[..], &CHEAP].concat());
    assert_bad_input(&cheap, CHEAP_WORDS);
    assert_bad_input(&cheap, &["nothing was deployed", "chain main: gas costs", "chain service: gas costs"]);
    assert!(!network.path("kr.deployment.toml").exists());
    network.told(&[&deploy[..], &["--max-fee", ENOUGH]].concat());
    assert_eq!(price_of_last(&network.service).await, ENOUGH_WEI);

    fs::write(network.path("polyspan.toml"), network.config("")).unwrap();
    let relay = network.start_relay().await;
    let told = super::holds::send(&network, "11", FORTH);
    assert!(told.contains("held on chain service"), "{told}");
    drop(relay);
    network.service.mine(REFUND_DELAY).await;
    let key = user_key();
    for action in ["release", "refund"] {
        let end = |more: &[&'static str]| {
            let key = key.iter().map(String::as_str);
            let arguments: Vec<_> =
                [action, HELD].into_iter().chain(key).chain(more.iter().copied()).collect();
            network.polyspan(&arguments)
        };
        if action == "refund" {
            assert_bad_input(&end(&CHEAP), CHEAP_WORDS);
            let refunded = end(&["--max-fee", ENOUGH]);
            assert!(refunded.status.success(), "{}", text(&refunded.stderr));
            assert_eq!(price_of_last(&network.service).await, ENOUGH_WEI);
        } else {
            // It cannot be paid, which comes first.
            assert_eq!(end(&CHEAP).status.code(), Some(1));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_governors_have_signed_is_sent_for_no_more_than_is_allowed() {
    let board = Board::start().await;
    board.voted("lock.toml", &["lock-pair", "--pair", "KRT"]);
    board.sender.assert_executes(&["lock.toml"], &CHEAP, 1, CHEAP_WORDS);
    board.sender.assert_executes(
        &["lock.toml"],
        &["--max-fee", ENOUGH],
        0,
        &["chain main: configuration 1 was executed", "chain service: configuration 1 was executed"],
    );
    for chain in [&board.network.main, &board.network.service] {
        assert_eq!(price_of_last(chain).await, ENOUGH_WEI);
    }
}
