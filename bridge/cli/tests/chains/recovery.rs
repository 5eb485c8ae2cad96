//! The recovery worker of a running relay, and the commands that drive it.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use polyspan_chain::testing::eventually;
use serde_json::Value;

use super::network::{ATTESTER, Network, RelayProcess, assert_bad_input, text};
use super::{TO, transfer, user_key};

const PATIENCE: Duration = Duration::from_secs(60);
const LANES: [&str; 2] = ["kr/main-to-service", "kr/service-to-main"];

/// A relay with both roles that looks this often, and whether it does by itself.
fn start_relay(network: &Network, recovery: &str) -> RelayProcess {
    let config = format!("{}\n[recovery]\n{recovery}\n", network.relay_config(ATTESTER));
    network.start_relay_with(&config)
}

fn recovery<'a>(what: &'a [&'a str]) -> Vec<&'a str> {
    [&["recovery"], what, &["--config", "relay.toml"]].concat()
}

fn status(network: &Network) -> Vec<Value> {
    let output = network.polyspan(&recovery(&["status", "--json"]));
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

async fn request(network: &Network, lane: &str, count: usize) {
    for _ in 0..count {
        let key = user_key();
        let sent = network.polyspan(&transfer(&["native", "--amount", "0.01"], lane, TO, &key));
        assert!(sent.status.success(), "{}{}", text(&sent.stdout), text(&sent.stderr));
    }
}

async fn all_handled(network: &Network, lane: &str, count: u64) {
    let what = format!("{count} requests of {lane} are handled");
    eventually(PATIENCE, &what, async || {
        let status: Value = serde_json::from_str(&network.told(&["status", "--json"])).unwrap();
        let row = status["lanes"].as_array()?.iter().find(|row| row["lane"] == lane)?.clone();
        (row["handled"] == count).then_some(())
    })
    .await;
}

/// Rows of the store are lost, as in a damaged file that still opens. The relay must be stopped.
fn lose_requests(network: &Network, from: u64) {
    let store: PathBuf = network.path("both-1.sqlite");
    let script = format!(
        "import sqlite3\nc = sqlite3.connect({:?})\nassert c.execute('DELETE FROM request WHERE nonce >= {from}').rowcount > 0\nc.commit()\n",
        store.display().to_string()
    );
    let done = std::process::Command::new("python3").args(["-c", &script]).status();
    assert!(done.is_ok_and(|status| status.success()), "python3 is needed: apt install python3");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_requested_while_no_relay_ran_is_handled_in_both_directions_and_one_look_suffices() {
    let network = Network::start().await;
    network.deploy();
    let relay = start_relay(&network, "");
    eventually(PATIENCE, "both lanes were looked at", async || {
        let lanes = status(&network);
        (lanes.len() == 2 && lanes.iter().all(|lane| lane["recovery"]["looks"] == 1)).then_some(())
    })
    .await;
    network.ready().await;
    drop(relay);
    for lane in LANES {
        request(&network, lane, 3).await;
    }
    let dead = network.polyspan(&recovery(&["run"]));
    assert_bad_input(&dead, &["no relay runs", "`polyspan relay`", "by itself at its start"]);
    let relay = start_relay(&network, "");
    for lane in LANES {
        all_handled(&network, lane, 3).await;
    }
    let told = network.told(&recovery(&["run"]));
    for lane in LANES {
        assert!(told.contains(&format!("{lane}: everything that is final is handled")), "{told}");
    }
    // What relays report is as old as a third of their lease.
    eventually(PATIENCE, "status shows the worker", async || {
        let shown: Value = serde_json::from_str(&network.told(&["status", "--json"])).unwrap();
        let row = &shown["lanes"][0]["recovery"][0];
        (row["relay"] == "both-1" && row["enabled"] == true && row["done"] == 1).then_some(())
    })
    .await;
    drop(relay);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_disabled_or_stopped_rests_until_it_is_started_or_asked() {
    let network = Network::start().await;
    network.deploy();
    let relay = start_relay(&network, "enabled = false\ninterval = \"50ms\"");
    eventually(PATIENCE, "the relay answers", async || (status(&network).len() == 2).then_some(())).await;
    let looks =
        || status(&network).iter().map(|lane| lane["recovery"]["looks"].as_u64().unwrap()).sum::<u64>();
    assert_eq!(looks(), 0);
    let run = network.told(&recovery(&["run", "--lane", LANES[0]]));
    assert!(run.contains(LANES[0]) && !run.contains(LANES[1]), "{run}");
    assert_eq!(looks(), 1, "one lane, once");
    // Started twice is started once.
    for _ in 0..2 {
        let started = network.told(&recovery(&["start"]));
        assert!(started.contains("until the relay restarts"), "{started}");
    }
    eventually(PATIENCE, "it looks by interval", async || (looks() > 8).then_some(())).await;
    network.told(&recovery(&["stop"]));
    let shown = network.told(&recovery(&["status"]));
    assert!(shown.lines().filter(|line| line.contains(" off ")).count() == 2, "{shown}");
    let wrong = network.polyspan(&recovery(&["stop", "--lane", "kr/nowhere"]));
    assert_eq!(wrong.status.code(), Some(2));
    let unknown = network.polyspan(&recovery(&["stop", "--lane", "xx/main-to-service"]));
    assert_bad_input(&unknown, &["has no lane xx/main-to-service", LANES[1]]);
    drop(relay);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_on_a_chain_that_was_never_there_fails_and_says_why() {
    let network = Network::start().await;
    network.deploy();
    let config = network.relay_config(ATTESTER);
    let there = network.service.ws_url().to_string();
    assert!(config.contains(&there), "{config}");
    // Nobody listens there.
    let relay = network.start_relay_with(&config.replace(&there, "ws://127.0.0.1:9"));
    eventually(PATIENCE, "the relay answers", async || (status(&network).len() == 2).then_some(())).await;
    let run = network.polyspan(&recovery(&["run"]));
    assert_eq!(run.status.code(), Some(1));
    for lane in LANES {
        let blocked = format!("{lane}: it cannot be read on: no block of chain service was seen yet");
        assert!(text(&run.stdout).contains(&blocked), "{}", text(&run.stdout));
    }
    drop(relay);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_a_damaged_store_lost_are_read_again_and_handled() {
    let network = Network::start().await;
    network.deploy();
    let lane = LANES[0];
    let relay = start_relay(&network, "");
    network.ready().await;
    request(&network, lane, 2).await;
    all_handled(&network, lane, 2).await;
    // Nothing is paid while the only submitter has nothing to pay with.
    let submitter = polyspan_chain::testing::development_key(super::network::SUBMITTER).address();
    let broke = serde_json::json!([submitter, "0x0"]);
    network.service.rpc("anvil_setBalance", broke).await;
    request(&network, lane, 4).await;
    eventually(PATIENCE, "they are stored", async || {
        let status: Value = serde_json::from_str(&network.told(&["status", "--json"])).unwrap();
        (status["lanes"][0]["approved"] == 6).then_some(())
    })
    .await;
    drop(relay);
    lose_requests(&network, 3);
    let relay = start_relay(&network, "");
    eventually(PATIENCE, "they are there again", async || {
        let lanes = status(&network);
        (lanes.first()?["recovery"]["refilled"] == 3).then_some(())
    })
    .await;
    network.service.rpc("anvil_setBalance", serde_json::json!([submitter, "0x3635c9adc5dea00000"])).await;
    all_handled(&network, lane, 6).await;
    drop(relay);

    let again = network.told(&["store", "repair", "--lane", lane, "--config", "relay.toml"]);
    assert!(again.contains("are forgotten"), "{again}");
    let relay = start_relay(&network, "");
    network.ready().await;
    request(&network, lane, 1).await;
    all_handled(&network, lane, 7).await;
    drop(relay);
    assert!(
        fs::exists(network.path("both-1.sqlite.control")).unwrap(),
        "left by a kill, and replaced by the next"
    );
}
