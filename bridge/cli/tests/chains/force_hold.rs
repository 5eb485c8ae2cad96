//! Operators put a request on hold that nobody gets handled, each on a host of the own, and the lane goes on.

use std::fs;
use std::process::Output;
use std::time::Duration;

use polyspan_chain::testing::{development_key, eventually};
use polyspan_node::keys::{Passphrase, create_keystore};
use serde_json::json;

use super::holds::{FORTH, until_state};
use super::network::{ATTESTER, Network, USER, assert_bad_input, text};
use super::{TO, transfer, user_key};

/// Keys of the three operators, of whom two are needed.
const OPERATORS: [usize; 3] = [ATTESTER, 6, 7];

/// A bridge with three operators, a config for the relay of each, and two requests that wait.
pub async fn standing() -> Network {
    standing_to(TO).await
}

/// As [`standing`], where the requests are for `to`.
pub async fn standing_to(to: &str) -> Network {
    let network = Network::start().await;
    let one = format!("operators = [\"{}\"]\nthreshold = 1", development_key(ATTESTER).address());
    let all = OPERATORS.map(|key| format!("\"{}\"", development_key(key).address())).join(", ");
    let spec = network.spec();
    assert_eq!(spec.matches(&one).count(), 2, "{spec}");
    network.deploy_spec(&spec.replace(&one, &format!("operators = [{all}]\nthreshold = 2")));
    for key in OPERATORS {
        let file = network.path(&format!("key-{key}.json"));
        if !file.exists() {
            create_keystore(&file, &development_key(key), &Passphrase::new("secret")).unwrap();
        }
        let mut config = network.relay_config(key).replace("both-1", &format!("both-{key}"));
        if key != ATTESTER {
            // The submitter key runs in one relay only.
            config.truncate(config.find("[[relay.submitter]]").unwrap());
        }
        fs::write(network.path(&format!("operator-{key}.toml")), config).unwrap();
    }
    let key = user_key();
    for _ in 0..2 {
        let output = network.polyspan(&transfer(&["native", "--amount", "1"], FORTH, to, &key));
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    network
}

/// Signs a decision to do `action`, with the attester key of `config`.
pub fn sign(network: &Network, action: &str, file: &str, out: &str, config: &str) -> Output {
    network.polyspan(&[action, "sign", file, "--out", out, "--yes", "--config", config])
}

/// Sends a decision to do `action`, with the user's key.
pub fn submit(network: &Network, action: &str, files: &[&str]) -> Output {
    let key = user_key();
    let mut arguments = vec![action, "submit"];
    arguments.extend(files);
    arguments.extend(key.iter().map(String::as_str));
    network.polyspan(&arguments)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_three_operators_put_a_request_on_hold_and_the_lane_goes_on() {
    let network = standing().await;
    let prepare = ["force-hold", "prepare", "--lane", FORTH];
    let later = network.polyspan(&[&prepare[..], &["--nonce", "1", "--out", "later.toml"]].concat());
    assert_bad_input(&later, &["kr/main-to-service:1 is not the next one: request 0 comes first"]);
    let told = network.told(&[&prepare[..], &["--out", "hold.toml"]].concat());
    assert!(
        told.contains("put kr/main-to-service:0 on hold") && told.contains("2 of 3 operators sign it"),
        "{told}"
    );
    let again = network.polyspan(&[&prepare[..], &["--out", "hold.toml"]].concat());
    assert_bad_input(&again, &["hold.toml exists already"]);

    // Somebody who is no operator, somebody without a key, and a request that was never made.
    fs::write(network.path("stranger.toml"), network.relay_config(USER)).unwrap();
    assert_bad_input(
        &sign(&network, "force-hold", "hold.toml", "x.toml", "stranger.toml"),
        &["is no operator of the destination"],
    );
    assert_bad_input(
        &sign(&network, "force-hold", "hold.toml", "x.toml", "polyspan.toml"),
        &["names no attester key"],
    );
    let whole = fs::read_to_string(network.path("hold.toml")).unwrap();
    let to = format!("to = \"{TO}\"");
    assert!(whole.contains(&to), "{whole}");
    fs::write(network.path("other.toml"), whole.replace(&to, &format!("to = \"0x{}\"", "77".repeat(20))))
        .unwrap();
    let other = sign(&network, "force-hold", "other.toml", "x.toml", "operator-1.toml");
    assert_bad_input(&other, &["is not the one that chain main has under nonce 0; do not sign it"]);

    let first = sign(&network, "force-hold", "hold.toml", "first.toml", "operator-1.toml");
    assert!(first.status.success(), "{}", text(&first.stderr));
    assert!(text(&first.stdout).contains("1 of 2; pass it on"), "{}", text(&first.stdout));
    let alone = submit(&network, "force-hold", &["first.toml"]);
    let said = text(&alone.stdout);
    assert_eq!(alone.status.code(), Some(1), "{said}");
    assert!(said.contains("1 of 2 signatures; nothing was sent"), "{said}");
    assert!(said.contains(&development_key(7).address().to_string()), "{said}");
    // Signed apart, on another host, from the file that nobody had signed.
    assert!(sign(&network, "force-hold", "hold.toml", "second.toml", "operator-6.toml").status.success());
    let done = submit(&network, "force-hold", &["first.toml", "second.toml"]);
    let said = text(&done.stdout) + &text(&done.stderr);
    assert!(
        done.status.success() && said.contains("kr/main-to-service:0 is on hold and the lane goes on"),
        "{said}"
    );
    let story = until_state(&network, "kr/main-to-service:0", "held").await;
    assert_eq!(story["hold"]["reason"], "forced", "{story}");
    let twice = submit(&network, "force-hold", &["first.toml", "second.toml"]);
    assert_bad_input(&twice, &["kr/main-to-service:0 is handled already"]);

    // What comes behind it is paid as ever, and its steps are seen.
    let listed = || {
        let output = network.polyspan(&["transfers", "--json"]);
        let list: serde_json::Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
        // The code says whether anything could not be seen, so the list says it too.
        let code = if list["unseen"].as_array().is_none_or(Vec::is_empty) { 0 } else { 3 };
        assert_eq!(output.status.code(), Some(code), "{list}");
        (list["transfers"][0].clone(), list)
    };
    let (before, all) = listed();
    assert_eq!((&before["state"], &before["transfer"]), (&json!("final"), &json!("kr/main-to-service:1")));
    assert_eq!(all["transfers"][1]["state"], "held", "{all}");
    assert!(all["unseen"].to_string().contains("what operators have signed: "), "{all}");
    network.told(&["attest", "adopt", "--lane", FORTH, "--until", "2", "--config", "operator-1.toml"]);
    let alone = network.spawn_relay("operator-1");
    eventually(Duration::from_secs(60), "one of two has attested it", async || {
        let (row, _) = listed();
        let attested = row["state"] == "attested" && row["votes"] == 1 && row["threshold"] == 2;
        attested.then_some(()).filter(|()| row["waiting_for"] == "1 of 2 attested (3 operators)")
    })
    .await;
    let table = network.told(&["transfers"]);
    assert!(table.contains("attested 1 of 2") && table.contains("held"), "{table}");
    drop(alone);

    for key in [ATTESTER, 6] {
        let config = format!("operator-{key}.toml");
        network.told(&["attest", "adopt", "--lane", FORTH, "--until", "2", "--config", &config]);
    }
    let _relays = [ATTESTER, 6].map(|key| network.spawn_relay(&format!("operator-{key}")));
    until_state(&network, "kr/main-to-service:1", "paid").await;
    let held = network.told(&["recovery", "plan", "--lane", FORTH, "--config", "operator-1.toml"]);
    assert!(held.contains("held") && held.contains("2 requested, 2 final, 2 handled: even"), "{held}");
}
