//! Where every request is, and what would be done: with a relay, without one, and with a chain that is silent.

use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use polyspan_chain::testing::eventually;
use serde_json::{Value, json};

use super::holds::{BACK, FORTH, held};
use super::network::{Network, assert_bad_input, text};
use super::{TO, transfer, user_key};

const PATIENCE: Duration = Duration::from_secs(60);

fn plan(network: &Network, config: &str, lane: &str) -> Value {
    plan_ending(network, config, lane, 0)
}

/// The plan, printed by a command that ends with this code.
fn plan_ending(network: &Network, config: &str, lane: &str, code: i32) -> Value {
    let output = network.polyspan(&["recovery", "plan", "--json", "--config", config, "--lane", lane]);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(code), "{told}{}", text(&output.stderr));
    let plans: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(plans["lanes"].as_array().map(Vec::len), Some(1), "{plans}");
    plans["lanes"][0].clone()
}

/// States with their first nonces and the first ones above.
fn states(plan: &Value) -> Vec<(String, u64, u64)> {
    let ranges = |found: &Value| {
        let state = found["state"].as_str().unwrap().to_owned();
        let ranges = found["nonces"].as_array().unwrap().clone();
        let ends =
            ranges.into_iter().map(|range| [&range["first"], &range["end"]].map(|end| end.as_u64().unwrap()));
        ends.map(|[first, end]| (state.clone(), first, end)).collect::<Vec<_>>()
    };
    plan["states"].as_array().unwrap().iter().flat_map(ranges).collect()
}

fn state(name: &str, first: u64, end: u64) -> (String, u64, u64) {
    (name.to_owned(), first, end)
}

fn request(network: &Network) {
    let key = user_key();
    let output = network.polyspan(&transfer(&["native", "--amount", "1"], FORTH, TO, &key));
    assert!(output.status.success(), "{}", text(&output.stderr));
}

async fn until(network: &Network, expected: &[(String, u64, u64)]) -> Value {
    eventually(PATIENCE, &format!("the plan has {expected:?}"), async || {
        let plan = plan(network, "relay.toml", FORTH);
        (states(&plan) == expected).then_some(plan)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plan_shows_what_an_outage_left_and_what_became_of_it() {
    let (network, relay) = held().await;
    let calm = until(&network, &[state("held", 0, 1)]).await;
    assert_eq!((&calm["look"], &calm["unseen"]), (&json!("even"), &json!([])), "{calm}");
    assert_eq!(calm["steps"].as_array().map(Vec::len), Some(1), "{calm}");
    assert_eq!(calm["steps"][0]["wait_for"], "hold_end", "{calm}");
    let empty = plan(&network, "relay.toml", BACK);
    assert_eq!((states(&empty), &empty["steps"][0]["do"]), (Vec::new(), &json!("nothing")), "{empty}");

    drop(relay);
    for _ in 0..3 {
        request(&network);
    }
    let left = plan(&network, "relay.toml", FORTH);
    assert_eq!(states(&left), [state("unseen", 1, 4), state("held", 0, 1)], "{left}");
    assert_eq!(left["look"], "standing", "{left}");
    let step = &left["steps"][0];
    assert_eq!(
        (&step["do"], &step["nonces"]),
        (&json!("refilter"), &json!([{ "first": 1, "end": 4 }])),
        "{left}"
    );
    let explained: Value =
        serde_json::from_str(&network.told(&["explain", "kr/main-to-service:1", "--json"])).unwrap();
    let block = &explained["request"]["transfer"]["source_block"];
    assert!(step["from"].as_u64() <= block.as_u64() && block.is_u64(), "{step} {explained}");
    let told = network.told(&["recovery", "plan", "--config", "relay.toml"]);
    for words in [
        "kr/main-to-service (chain main to chain service): 4 requested, 4 final, 1 handled: standing",
        "1-3",
        "read blocks",
    ] {
        assert!(told.contains(words), "`{words}` in: {told}");
    }

    // Somebody without a relay sees what the chains say, and is told what that leaves out.
    let public = plan(&network, "polyspan.toml", FORTH);
    assert_eq!(states(&public), [state("final", 1, 4), state("held", 0, 1)], "{public}");
    assert!(public["unseen"].to_string().contains("no relay with a store"), "{public}");

    let _relay = network.start_relay().await;
    let done = until(&network, &[state("paid", 1, 4), state("held", 0, 1)]).await;
    assert_eq!(done["look"], "even", "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_is_silent_hides_only_what_it_would_say() {
    let (network, relay) = held().await;
    until(&network, &[state("held", 0, 1)]).await;
    drop(relay);
    request(&network);
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let config = fs::read_to_string(network.path("relay.toml")).unwrap();
    let silent = |url: String, name: &str| {
        assert!(config.contains(&url), "{url} in {config}");
        fs::write(network.path(name), config.replace(&url, &format!("http://{nobody}"))).unwrap();
        for command in [&["status"][..], &["explain", "kr/main-to-service:1"], &["doctor"]] {
            let output = network.polyspan(&[command, &["--config", name]].concat());
            assert_eq!(output.status.code(), Some(3), "{command:?}: {}", text(&output.stdout));
        }
        plan_ending(&network, name, FORTH, 3)
    };
    let destination = silent(network.service.ws_url().to_string(), "no-service.toml");
    assert_eq!(states(&destination), [state("unseen", 1, 2), state("held", 0, 1)], "{destination}");
    assert_eq!(
        (&destination["look"], &destination["handled"]),
        (&Value::Null, &Value::Null),
        "{destination}"
    );
    assert_eq!(destination["steps"][0]["wait_for"], "destination", "{destination}");
    assert!(destination["unseen"].to_string().contains("the destination, chain service: "), "{destination}");

    let source = silent(network.main.http_url().to_string(), "no-main.toml");
    assert_eq!(states(&source), [state("held", 0, 1)], "{source}");
    assert_eq!(source["steps"][0]["wait_for"], "source", "{source}");
    assert!(source["unseen"].to_string().contains("the source, chain main: "), "{source}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_a_lane_that_is_not_there_names_those_that_are() {
    let network = Network::start().await;
    network.deploy();
    let none = network.polyspan(&["recovery", "plan", "--lane", "xx/main-to-service"]);
    assert_bad_input(&none, &["has no lane xx/main-to-service; it has kr/main-to-service"]);
}
