//! Objects for programs: every command that has results in parts prints one object, with its amounts and addresses in full.

use std::fs;

use alloy::primitives::Address;
use polyspan_chain::testing::development_key;
use serde_json::{Value, json};

use super::board::Board;
use super::force_hold::standing;
use super::holds::{FORTH, HELD};
use super::network::{ATTESTER, Network, USER, text};
use super::{TO, transfer, user_key};

/// The one object on standard output. Standard error has objects, one a line.
#[track_caller]
fn object(output: &std::process::Output, code: i32) -> Value {
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{}{errors}", text(&output.stdout));
    for line in errors.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok_and(|line| line.is_object()), "{errors}");
    }
    let value: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{errors}", text(&output.stdout)));
    assert!(value.get("result").is_none(), "lines for people: {value}");
    assert_checksummed(&value);
    value
}

/// Every text that is an address has its checksum.
#[track_caller]
fn assert_checksummed(value: &Value) {
    match value {
        Value::String(text) if text.len() == 42 && text.starts_with("0x") => {
            assert!(Address::parse_checksummed(text, None).is_ok(), "{text}");
        }
        Value::Array(values) => values.iter().for_each(assert_checksummed),
        Value::Object(fields) => fields.values().for_each(assert_checksummed),
        _ => {}
    }
}

fn json_of(network: &Network, arguments: &[&str], code: i32) -> Value {
    object(&network.polyspan(&[arguments, &["--json"]].concat()), code)
}

fn account(key: usize) -> String {
    development_key(key).address().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_operators_do_by_hand_is_an_object_for_programs() {
    let network = Network::start().await;
    fs::write(network.path("spec.toml"), network.spec()).unwrap();
    let deployed = json_of(&network, &["deploy", "--spec", "spec.toml", "--out", "kr.deployment.toml"], 0);
    assert_eq!(deployed["file"], "kr.deployment.toml", "{deployed}");
    assert_eq!(deployed["lanes"][0]["lane"], FORTH, "{deployed}");
    assert!(deployed["lanes"][0]["bridge_id"].as_str().unwrap().starts_with("0x"), "{deployed}");
    assert_eq!(deployed["deployment"]["pair"][1]["name"], "KRT", "{deployed}");
    assert!(deployed["deployment"]["main"]["bridge"].is_string(), "{deployed}");
    fs::write(network.path("polyspan.toml"), network.config("")).unwrap();
    fs::write(network.path("relay.toml"), network.relay_config(ATTESTER)).unwrap();

    let checked = json_of(&network, &["config", "check", "--config", "relay.toml"], 0);
    assert_eq!((&checked["problems"], &checked["chains"]), (&json!(0), &json!(2)), "{checked}");
    assert!(checked["findings"][0]["severity"].is_string(), "{checked}");
    fs::write(network.path("wrong.toml"), network.relay_config(USER)).unwrap();
    let wrong = json_of(&network, &["config", "check", "--config", "wrong.toml"], 2);
    assert_eq!(wrong["findings"][0]["severity"], "problem", "{wrong}");

    let keys = json_of(&network, &["keys", "check", "--config", "relay.toml"], 0);
    assert_eq!(keys["keys"][0]["address"], account(ATTESTER), "{keys}");
    assert_eq!((&keys["keys"][1]["key"], &keys["keys"][1]["chain"]), (&json!("submitter"), &json!("main")));
    let shown = json_of(&network, &["keys", "show", "--key", "key-5.json", "--passphrase-file", "pass"], 0);
    assert_eq!(shown, json!({ "address": account(USER), "file": "key-5.json" }));
    let made = json_of(&network, &["keys", "new", "--out", "new.json", "--passphrase-file", "pass"], 0);
    assert_eq!(made["file"], "new.json", "{made}");

    let status = json_of(&network, &["status"], 3);
    let pair = &status["bridges"][0]["pairs"][0];
    assert_eq!(pair["fee"], json!({ "whole": "0", "raw": "0" }), "{status}");
    for amount in ["minimum", "outflow", "fees", "held"] {
        assert!(pair[amount]["raw"].is_string() && pair[amount]["whole"].is_string(), "{amount}: {pair}");
    }

    let dry = json_of(&network, &["pause", "--dry-run", "--config", "relay.toml"], 0);
    assert_eq!(
        (&dry["operator"], &dry["ends"][0]["state"]),
        (&json!(account(ATTESTER)), &json!("pausable")),
        "{dry}"
    );
    let paused = json_of(&network, &["pause", "--yes", "--chain", "main", "--config", "relay.toml"], 0);
    let [end] = paused["ends"].as_array().unwrap().as_slice() else { panic!("{paused}") };
    assert_eq!((&end["chain"], &end["state"]), (&json!("main"), &json!("paused")), "{paused}");
    assert!(end["transaction"].as_str().is_some_and(|hash| hash.len() == 66), "{paused}");

    let adopt = ["attest", "adopt", "--lane", FORTH, "--until", "3", "--config", "relay.toml"];
    let adopted = json_of(&network, &adopt, 0);
    assert_eq!((&adopted["lane"], &adopted["signs_up_to"]), (&json!(FORTH), &json!(3)), "{adopted}");
    let store = json_of(&network, &["store", "show", "--config", "relay.toml"], 0);
    assert_eq!((&store["lanes"][0]["lane"], store["bytes"].is_u64()), (&json!(FORTH), true), "{store}");
    let whole = json_of(&network, &["store", "repair", "--config", "relay.toml"], 0);
    assert_eq!(whole["state"], "whole", "{whole}");
    let forgotten = json_of(&network, &["store", "repair", "--lane", FORTH, "--config", "relay.toml"], 0);
    assert_eq!((&forgotten["lane"], &forgotten["state"]), (&json!(FORTH), &json!("forgotten")));

    let _relay = network.start_relay().await;
    let stopped = json_of(&network, &["recovery", "stop", "--config", "relay.toml"], 0);
    assert_eq!((&stopped[0]["lane"], &stopped[0]["recovery"]["enabled"]), (&json!(FORTH), &json!(false)));
    let looked = json_of(&network, &["recovery", "run", "--config", "relay.toml"], 0);
    assert_eq!((&looked[0]["lane"], &looked[0]["end"]), (&json!(FORTH), &json!("good")), "{looked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_and_their_effects_are_objects_for_programs() {
    let network = standing().await;
    let key = user_key();
    let with_key = |arguments: &[&'static str], code: i32| {
        let arguments: Vec<_> = arguments.iter().copied().chain(key.iter().map(String::as_str)).collect();
        json_of(&network, &arguments, code)
    };
    let prepared = json_of(&network, &["force-hold", "prepare", "--lane", FORTH, "--out", "hold.toml"], 0);
    assert_eq!((&prepared["transfer"], &prepared["threshold"]), (&json!(HELD), &json!(2)), "{prepared}");
    assert_eq!(prepared["operators"].as_array().map(Vec::len), Some(3), "{prepared}");
    let sign = |action: &str, file: &str, out: &str, operator: usize| {
        let config = format!("operator-{operator}.toml");
        json_of(&network, &[action, "sign", file, "--out", out, "--yes", "--config", &config], 0)
    };
    let signed = sign("force-hold", "hold.toml", "a.toml", ATTESTER);
    assert_eq!((&signed["signatures"], &signed["enough"]), (&json!(1), &json!(false)), "{signed}");
    assert_eq!(signed["operator"], account(ATTESTER), "{signed}");
    let missing = with_key(&["force-hold", "submit", "a.toml"], 1);
    assert_eq!((&missing["state"], &missing["signatures"]), (&json!("missing"), &json!(1)), "{missing}");
    assert!(missing["missing"].as_array().unwrap().contains(&json!(account(7))), "{missing}");
    sign("force-hold", "hold.toml", "b.toml", 7);
    let held = with_key(&["force-hold", "submit", "a.toml", "b.toml"], 0);
    assert_eq!((&held["state"], &held["transfer"]), (&json!("held"), &json!(HELD)), "{held}");

    let listed = json_of(&network, &["releases"], 0);
    assert_eq!(
        listed["holds"][0]["amount"],
        json!({ "whole": "1", "raw": "1000000000000000000" }),
        "{listed}"
    );
    json_of(&network, &["refund", "prepare", HELD, "--out", "refund.toml"], 0);
    for (out, operator) in [("c.toml", ATTESTER), ("d.toml", 7)] {
        sign("refund", "refund.toml", out, operator);
    }
    let refunded = with_key(&["refund", "submit", "c.toml", "d.toml"], 0);
    assert_eq!(
        (&refunded["state"], &refunded["refund"]),
        (&json!("refunded"), &json!("kr/service-to-main:0")),
        "{refunded}"
    );
    assert!(refunded["transaction"].as_str().is_some_and(|hash| hash.len() == 66), "{refunded}");

    let sent = network
        .polyspan(&[&transfer(&["native", "--amount", "1.5"], FORTH, TO, &key)[..], &["--json"]].concat());
    let sent = object(&sent, 0);
    assert_eq!(sent["amount"], json!({ "whole": "1.5", "raw": "1500000000000000000" }), "{sent}");
    assert!(sent["fee_amount"].is_null(), "{sent}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_governors_signature_is_an_object_for_programs() {
    let board = Board::start().await;
    let [first, ..] = &board.governors;
    let proposed =
        first.governance(&["propose", "--out", "lock.toml", "--json", "lock-pair", "--pair", "KRT"]);
    let proposed = object(&proposed, 0);
    assert_eq!(proposed["chains"].as_array().map(Vec::len), Some(2), "{proposed}");
    let sign = ["sign", "lock.toml", "--key", "key.json", "--passphrase-file", "pass", "--yes", "--json"];
    let signed = object(&first.governance(&sign), 0);
    assert_eq!(
        (&signed["governor"], &signed["enough"]),
        (&json!(account(super::network::GOVERNOR)), &json!(false)),
        "{signed}"
    );
    assert_eq!(signed["chains"][0], json!({ "chain": "main", "signatures": 1, "threshold": 2 }), "{signed}");
}
