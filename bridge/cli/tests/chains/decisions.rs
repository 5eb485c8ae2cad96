//! Operators decide how a hold ends: each on a host of the own, and only where it takes a threshold.

use std::fs;

use alloy::hex;
use alloy::primitives::{Address, keccak256};
use polyspan_chain::testing::development_key;
use serde_json::json;

use super::force_hold::{sign, standing, submit};
use super::holds::{BACK, FORTH, HELD, REFUND_DELAY, balance, end, ether, held, until_state};
use super::network::{ATTESTER, Network, USER, assert_bad_input, text};
use super::{TO, transfer, user_key};

/// Prepares a decision about a transfer on hold; what is shown.
fn prepare(network: &Network, action: &str, transfer: &str, out: &str) -> String {
    network.told(&[action, "prepare", transfer, "--out", out])
}

/// Has a file signed by the operators with these keys, apart from one another; the copies.
fn signed(network: &Network, action: &str, file: &str, keys: &[usize]) -> Vec<String> {
    let copy = |key: &usize| {
        let (out, config) = (format!("{key}-{file}"), format!("operator-{key}.toml"));
        let output = sign(network, action, file, &out, &config);
        assert!(output.status.success(), "{}", text(&output.stderr));
        out
    };
    keys.iter().map(copy).collect()
}

/// Sends a decision with these copies; what is shown.
fn submitted(network: &Network, action: &str, copies: &[String]) -> String {
    let output = submit(network, action, &copies.iter().map(String::as_str).collect::<Vec<_>>());
    let shown = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{shown}");
    shown
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_three_operators_release_a_forced_hold_and_refund_another_one_early() {
    let network = standing().await;
    let second = "kr/main-to-service:1";
    for (file, transfer) in [("hold-0.toml", HELD), ("hold-1.toml", second)] {
        let early = network.polyspan(&["release", "prepare", transfer, "--out", "x.toml"]);
        assert_bad_input(&early, &["is not on hold"]);
        network.told(&["force-hold", "prepare", "--lane", FORTH, "--out", file]);
        let shown = submitted(&network, "force-hold", &signed(&network, "force-hold", file, &[ATTESTER, 7]));
        assert!(shown.contains(&format!("`polyspan release prepare {transfer}`")), "{shown}");
    }

    // The plain command leads to the decision.
    assert_bad_input(
        &end(&network, "release", HELD),
        &["only a threshold of operators", "polyspan release prepare"],
    );
    let shown = prepare(&network, "release", HELD, "release.toml");
    let to: Address = TO.parse().unwrap();
    let payment = format!("pay {HELD}, which is on hold, to {to} on chain service: 1 of the native currency");
    for words in
        [payment.as_str(), "a threshold of operators put it on hold (forced)", "2 of 3 operators sign it"]
    {
        assert!(shown.contains(words), "`{words}` in {shown}");
    }
    let whole = fs::read_to_string(network.path("release.toml")).unwrap();
    let other = whole.replace(&format!("to = \"{TO}\""), &format!("to = \"0x{}\"", "77".repeat(20)));
    assert_ne!(other, whole);
    fs::write(network.path("other.toml"), other).unwrap();
    let other = sign(&network, "release", "other.toml", "x.toml", "operator-1.toml");
    assert_bad_input(&other, &["is not the one that chain main has under nonce 0; do not sign it"]);
    // What was signed for one action is nothing for another one.
    let other = sign(&network, "refund", "release.toml", "x.toml", "operator-1.toml");
    assert_bad_input(&other, &["it decides a release, not a refund", "polyspan release"]);
    let mut copies = signed(&network, "release", "release.toml", &[6]);
    let alone = submit(&network, "release", &[&copies[0]]);
    let shown = text(&alone.stdout);
    assert_eq!(alone.status.code(), Some(1), "{shown}{}", text(&alone.stderr));
    assert!(shown.contains("1 of 2 signatures; nothing was sent"), "{shown}");
    assert!(shown.contains(&development_key(7).address().to_string()), "{shown}");
    assert_eq!(balance(&network.service, TO).await, ether(0));
    copies.extend(signed(&network, "release", "release.toml", &[7]));
    let shown = submitted(&network, "release", &copies);
    assert!(shown.contains("release transaction: 0x") && shown.contains("released: 0x"), "{shown}");
    assert_eq!(balance(&network.service, TO).await, ether(1));
    let twice = submit(&network, "release", &copies.iter().map(String::as_str).collect::<Vec<_>>());
    assert_bad_input(&twice, &["kr/main-to-service:0 is not on hold"]);

    // The refund delay of this bridge has only begun.
    assert_bad_input(&end(&network, "refund", second), &["from block", "polyspan refund prepare"]);
    let shown = prepare(&network, "refund", second, "refund.toml");
    assert!(shown.contains("send kr/main-to-service:1, which is on hold, back to 0x"), "{shown}");
    assert!(shown.contains("without signatures anyone can refund it from block"), "{shown}");
    let copies = signed(&network, "refund", "refund.toml", &[ATTESTER, 6]);
    let user = development_key(USER).address();
    let before = balance(&network.main, user).await;
    let shown = submitted(&network, "refund", &copies);
    assert!(shown.contains("refunded as kr/service-to-main:0"), "{shown}");
    for key in [ATTESTER, 6] {
        let config = format!("operator-{key}.toml");
        network.told(&["attest", "adopt", "--lane", BACK, "--until", "1", "--config", &config]);
    }
    let _relays = [ATTESTER, 6].map(|key| network.spawn_relay(&format!("operator-{key}")));
    until_state(&network, "kr/service-to-main:0", "paid").await;
    assert_eq!(balance(&network.main, user).await - before, ether(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_no_threshold_is_answered_with_the_plain_command() {
    let (network, _relay) = held().await;
    let release = network.polyspan(&["release", "prepare", HELD, "--out", "x.toml"]);
    let plain = format!("its release needs no signatures: `polyspan release {HELD} --key KEYSTORE`");
    assert_bad_input(&release, &["insufficient escrow", &plain]);
    // A refund takes operators now, and nobody once the delay is over.
    prepare(&network, "refund", HELD, "refund.toml");
    network.service.mine(REFUND_DELAY).await;
    let plain = format!("without signatures: `polyspan refund {HELD} --key KEYSTORE`");
    let late = sign(&network, "refund", "refund.toml", "x.toml", "relay.toml");
    assert_bad_input(&late, &["anyone can refund", &plain]);
    let late = network.polyspan(&["refund", "prepare", HELD, "--out", "x.toml"]);
    assert_bad_input(&late, &["anyone can refund", &plain]);
    assert!(!network.path("x.toml").exists());
    let done = end(&network, "refund", HELD);
    let shown = text(&done.stdout) + &text(&done.stderr);
    assert!(shown.contains("refunded as kr/service-to-main:0"), "{shown}");
}

/// Code that logs the payment that it is called for, moves nothing, and answers 0.
fn unclear_code() -> String {
    let event = hex::encode(keccak256("Transfer(address,address,uint256)"));
    // value → memory; to, caller, event as topics; LOG3; return 0.
    format!("0x602435600052600435337f{event}60206000a3600060005260206000f3")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signer_sees_what_the_logs_show_of_a_payout_that_was_answered_unclearly() {
    let network = Network::start().await;
    network.deploy();
    let _relay = network.start_relay().await;
    let deployment = fs::read_to_string(network.path("kr.deployment.toml")).unwrap();
    let tokens = deployment.lines().filter_map(|line| line.strip_prefix("service_token = "));
    let mut tokens = tokens.map(|token| token.trim_matches('"').parse::<Address>().unwrap());
    let token = tokens.find(|token| !token.is_zero()).unwrap();
    let code = network.service.rpc("eth_getCode", json!([token, "latest"])).await;
    network.service.rpc("anvil_setCode", json!([token, unclear_code()])).await;
    let key = user_key();
    let mut request = transfer(&["erc20", "--token", "KRT", "--amount", "1.5"], FORTH, TO, &key);
    request.extend(["--wait", "--timeout", "60s"]);
    let output = network.polyspan(&request);
    let shown = text(&output.stdout) + &text(&output.stderr);
    assert!(shown.contains("held on chain service: answer unclear"), "{shown}");

    assert_bad_input(&end(&network, "release", HELD), &["polyspan release prepare"]);
    assert_bad_input(&end(&network, "refund", HELD), &["polyspan refund prepare"]);
    for action in ["release", "refund"] {
        let shown = prepare(&network, action, HELD, &format!("{action}.toml"));
        for words in [
            format!("then a {action} pays {HELD} a second time"),
            "1500000 smallest units of 0x".to_owned(),
            format!("do not sign the {action}"),
        ] {
            assert!(shown.contains(&words), "`{words}` in {shown}");
        }
    }
    // It did not have the value after all, and its token is in order again.
    let sent = |copy: &str| {
        assert!(sign(&network, "release", "release.toml", copy, "relay.toml").status.success());
        submit(&network, "release", &[copy])
    };
    let failed = sent("early.toml");
    let shown = text(&failed.stdout);
    assert_eq!(failed.status.code(), Some(1), "{shown}{}", text(&failed.stderr));
    assert!(shown.contains("cannot be paid now") && shown.contains("nothing was sent"), "{shown}");
    network.service.rpc("anvil_setCode", json!([token, code])).await;
    let done = sent("done.toml");
    let shown = text(&done.stdout) + &text(&done.stderr);
    assert!(done.status.success() && shown.contains("released: 0x"), "{shown}");
    let of = format!("0x70a08231{:0>64}", TO.trim_start_matches("0x"));
    let has = network.service.rpc("eth_call", json!([{ "to": token, "data": of }, "latest"])).await;
    assert_eq!(has, format!("0x{:064x}", 1_500_000));
}
