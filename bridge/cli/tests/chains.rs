//! The program against two real chains.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

#[path = "chains/board.rs"]
mod board;
#[path = "chains/broken_off.rs"]
mod broken_off;
#[path = "chains/decisions.rs"]
mod decisions;
#[path = "chains/fees.rs"]
mod fees;
#[path = "chains/fitness.rs"]
mod fitness;
#[path = "chains/force_hold.rs"]
mod force_hold;
#[path = "chains/gas_caps.rs"]
mod gas_caps;
#[path = "chains/governance.rs"]
mod governance;
#[path = "chains/holds.rs"]
mod holds;
#[path = "chains/interrupts.rs"]
mod interrupts;
#[path = "chains/json.rs"]
mod json;
#[path = "chains/migration.rs"]
mod migration;
#[path = "chains/network.rs"]
mod network;
#[path = "chains/pairs.rs"]
mod pairs;
#[path = "chains/parts.rs"]
mod parts;
#[path = "chains/recovery.rs"]
mod recovery;
#[path = "chains/recovery_plan.rs"]
mod recovery_plan;
#[path = "chains/terminal.rs"]
mod terminal;
#[path = "chains/transfers.rs"]
mod transfers;
#[path = "chains/verify.rs"]
mod verify;
#[path = "chains/width.rs"]
mod width;
#[path = "chains/write_off.rs"]
mod write_off;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use network::{ATTESTER, Network, USER, assert_bad_input, text};
use polyspan_chain::testing::development_key;
use serde_json::{Value, json};
use terminal::Running;

const TO: &str = "0x00000000000000000000000000000000000abcde";

fn user_key() -> [String; 4] {
    ["--key".to_owned(), format!("key-{USER}.json"), "--passphrase-file".to_owned(), "pass".to_owned()]
}

/// `polyspan transfer …` of the user, over a lane of bridge kr.
fn transfer<'a>(what: &[&'a str], lane: &'a str, to: &'a str, key: &'a [String; 4]) -> Vec<&'a str> {
    let mut arguments = vec!["transfer"];
    arguments.extend(what);
    arguments.extend(["--yes", "--lane", lane, "--to", to]);
    arguments.extend(key.iter().map(String::as_str));
    arguments
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployed_bridge_passes_the_check() {
    let network = Network::start().await;
    network.deploy();
    let again = network.polyspan(&["deploy", "--spec", "spec.toml", "--out", "kr.deployment.toml"]);
    assert_bad_input(&again, &["kr.deployment.toml exists already"]);
    fs::write(network.path("relay.toml"), network.relay_config(ATTESTER)).unwrap();
    let checked = network.told(&["config", "check", "--config", "relay.toml"]);
    assert!(checked.contains("0 problems"), "{checked}");
    assert!(checked.contains("all 1 operators are needed"), "{checked}");
    assert!(checked.contains("note: coordination"), "{checked}");
    assert!(!checked.contains("relay.submitter"), "{checked}");

    // The places on the disk as well: each is looked at, and none is made.
    fs::write(network.path("garbage"), "not a database at all, and long enough to have a header").unwrap();
    fs::create_dir(network.path("open")).unwrap();
    fs::set_permissions(network.path("open"), fs::Permissions::from_mode(0o777)).unwrap();
    for (key, value, told) in [
        ("store", ".", "problem: relay.store: .: it is a directory"),
        ("store", "garbage", "garbage is not a polyspan store"),
        ("store", "missing/relay.sqlite", "warning: relay.store: the folder missing does not exist"),
        ("directory", "open", "problem: coordination.directory: open may be written by others"),
        ("directory", "garbage", "problem: coordination.directory: garbage is not a directory"),
    ] {
        let lines =
            network.relay_config(ATTESTER).replace("[relay]\n", "[relay]\nstore = \"relay.sqlite\"\n");
        let lines = lines.lines().map(|line| match line.starts_with(&format!("{key} = ")) {
            true => format!("{key} = \"{value}\""),
            false => line.to_owned(),
        });
        fs::write(network.path("relay.toml"), lines.collect::<Vec<_>>().join("\n")).unwrap();
        let output = network.polyspan(&["config", "check", "--config", "relay.toml"]);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            text.replace(&format!("{}/", network.path("").display()), "").contains(told),
            "{told}: {text}"
        );
        assert_eq!(output.status.code(), Some(if told.starts_with("warning") { 0 } else { 2 }), "{text}");
    }
    assert!(!network.path("missing").exists());

    let whole = network.relay_config(ATTESTER);
    let (before, after) = whole.split_once("[[relay.submitter]]\nchain = \"main\"").unwrap();
    let (_, service) = after.split_once("[[relay.submitter]]").unwrap();
    fs::write(network.path("relay.toml"), format!("{before}[[relay.submitter]]{service}")).unwrap();
    let checked = network.told(&["config", "check", "--config", "relay.toml"]);
    assert!(checked.contains("note: relay.submitter: no key pays on chain main"), "{checked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_tells_missing_delays_and_fees_that_do_not_cover_the_gas() {
    let network = Network::start().await;
    let spec = network
        .spec()
        .replace("name = \"kr\"", "name = \"kr\"\ndevelopment = true\ngovernance_delay = \"0s\"");
    network.deploy_spec(&spec);
    let check = || network.told(&["config", "check"]);
    let equal = check();
    let note =
        "note: bridge kr on main: it has the development flag: what governors vote takes effect at once";
    assert!(equal.contains(note) && equal.contains("governance delay 0"), "{equal}");
    assert!(!equal.contains("has no fee"), "{equal}");
    // A hundred times what gas costs on the main chain.
    network.service.rpc("anvil_setNextBlockBaseFeePerGas", json!(["0x174876e800"])).await;
    network.service.mine(1).await;
    let dearer = check();
    let warning = "warning: lane kr/main-to-service: pair native: a request on chain main has no fee";
    assert!(dearer.contains(warning), "{dearer}");
    assert!(dearer.contains("of the native currency of chain service"), "{dearer}");
    assert!(!dearer.contains("lane kr/service-to-main: pair"), "{dearer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_tells_all_problems_of_chains_and_keys_together() {
    let network = Network::start().await;
    network.deploy();
    let deployment = fs::read_to_string(network.path("kr.deployment.toml")).unwrap();
    let salt = deployment.lines().find(|line| line.starts_with("salt")).unwrap().to_owned();
    let wrong = deployment.replace(&salt, &format!("salt = \"0x{}\"", "12".repeat(32)));
    fs::write(network.path("kr.deployment.toml"), wrong).unwrap();
    fs::write(network.path("relay.toml"), network.relay_config(USER)).unwrap();
    let submitter = development_key(network::SUBMITTER).address();
    network.service.rpc("anvil_setBalance", json!([submitter, "0x0"])).await;
    let check = ["config", "check", "--config", "relay.toml"];
    let attester = development_key(USER).address().to_string();
    assert_bad_input(
        &network.polyspan(&check),
        &[
            "bridge kr on main: its id of lane kr/main-to-service is",
            "bridge kr on service: its id of lane kr/main-to-service is",
            &format!("the attester {attester} is not one of its operators"),
            "submitter on service",
            "has no balance",
        ],
    );
    // A delegated account (EIP-7702).
    let delegation = "0xef01001111111111111111111111111111111111111111";
    network.service.rpc("anvil_setCode", json!([submitter, delegation])).await;
    assert_bad_input(&network.polyspan(&check), &["takes submissions from plain accounts only"]);
    // The same as far as the file goes, and no further.
    let offline = network.told(&["config", "check", "--config", "relay.toml", "--offline"]);
    assert!(offline.contains("0 problems"), "{offline}");
    // Endpoints exchanged.
    let config = fs::read_to_string(network.path("relay.toml")).unwrap();
    let (main, service) = (network.main.http_url().to_string(), network.service.ws_url().to_string());
    fs::write(
        network.path("relay.toml"),
        config.replace(&main, "X").replace(&service, &main).replace('X', &service),
    )
    .unwrap();
    let exchanged = network.polyspan(&check);
    assert_bad_input(&exchanged, &["serves chain 31002, not 31001", "serves chain 31001, not 31002"]);
    let relay = network.polyspan(&["relay", "--config", "relay.toml"]);
    assert_bad_input(&relay, &["serves chain 31002, not 31001"]);
    // An address without code.
    fs::write(network.path("relay.toml"), network.relay_config(ATTESTER)).unwrap();
    let bridge = deployment.lines().find(|line| line.starts_with("bridge")).unwrap();
    let elsewhere = deployment.replacen(bridge, &format!("bridge = \"{TO}\""), 1);
    fs::write(network.path("kr.deployment.toml"), elsewhere).unwrap();
    assert_bad_input(&network.polyspan(&check), &["no contract at 0x", "its counterpart is"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_cannot_succeed_sends_nothing() {
    let network = Network::start().await;
    let spec = network
        .spec()
        .replace("key-4.json", "key-5.json")
        .replace(&format!("main_token = \"{}\"", network.token), &format!("main_token = \"{TO}\""))
        .replace("10.5", "100000")
        .replace("seed = { main", "main_limits = { minimum = \"0.0000000000000000001\" }\nseed = { main")
        + &format!(
            "[[pair]]\nname = \"ART\"\nkind = \"erc721\"\nmints = \"none\"\nmain_token = \"{}\"\nservice_token = \"{TO}\"\n",
            network.token
        );
    fs::write(network.path("spec.toml"), spec).unwrap();
    let deploy = ["deploy", "--spec", "spec.toml", "--out", "kr.deployment.toml"];
    assert_bad_input(
        &network.polyspan(&deploy),
        &[
            "nothing was deployed",
            "main.governor_keys[0]",
            "service.governor_keys[0]",
            "is not one of the governors",
            "pair KRT: main_token: no contract at",
            "service.deployer",
            "100000 for gas and liquidity",
            "pair ART: main_token: ",
            "does not declare erc721 (ERC-165); is it one?",
            "pair native: limits.minimum (main): `0.0000000000000000001` is finer than the token",
        ],
    );
    let endpoints = (network.main.http_url().to_string(), network.service.ws_url().to_string());
    let exchanged = network.spec().replace(&endpoints.0, &endpoints.1);
    fs::write(network.path("spec.toml"), exchanged).unwrap();
    assert_bad_input(&network.polyspan(&deploy), &["main.endpoint", "serves chain 31002, not 31001"]);
    assert_eq!(network.service.rpc("eth_blockNumber", json!([])).await, json!("0x0"));
    assert!(!network.path("kr.deployment.toml").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_that_would_be_refused_is_not_sent() {
    let network = Network::start().await;
    network.deploy();
    let key = user_key();
    let lane = "kr/main-to-service";
    let refused = |what: &[&str], to: &str, words: &[&str]| {
        assert_bad_input(&network.polyspan(&transfer(what, lane, to, &key)), words);
    };
    refused(&["native", "--amount", "0"], TO, &["--amount: 0 moves nothing"]);
    refused(
        &["erc20", "--token", "KRT", "--amount", "1000.000001"],
        TO,
        &["has 1000, which is less than 1000.000001"],
    );
    refused(&["erc20", "--token", "KRT", "--amount", "0.0000001"], TO, &["finer than the token"]);
    refused(
        &["erc20", "--token", "MOON", "--amount", "1"],
        TO,
        &["`MOON` is no pair of bridge kr (native, KRT)"],
    );
    refused(&["erc20", "--token", TO, "--amount", "1"], TO, &["is not registered with the bridge"]);
    refused(&["erc721", "--token", "KRT", "--id", "1"], TO, &["use `polyspan transfer erc20`"]);
    let nobody = format!("0x{}", "0".repeat(40));
    refused(&["native", "--amount", "1"], &nobody, &["--to: the zero address"]);
    let elsewhere = network.polyspan(&transfer(&["native", "--amount", "1"], "xx/main-to-service", TO, &key));
    assert_bad_input(&elsewhere, &["has no lane xx/main-to-service; it has kr/main-to-service"]);

    assert_bad_input(&network.polyspan(&["pause", "--yes"]), &["polyspan.toml names no attester key"]);
    fs::write(network.path("stranger.toml"), network.relay_config(USER)).unwrap();
    let stranger = network.polyspan(&["pause", "--yes", "--config", "stranger.toml"]);
    assert_bad_input(&stranger, &["this key is no operator", "use the config of one"]);
    fs::write(network.path("relay.toml"), network.relay_config(ATTESTER)).unwrap();
    let pause = |more: &[&str]| network.polyspan(&[&["pause", "--config", "relay.toml"], more].concat());
    assert_bad_input(&pause(&[]), &["cannot ask without a terminal", "--yes"]);
    assert_bad_input(&pause(&["--chain", "xx"]), &["has no end on `xx`; use main or service"]);
    assert_bad_input(&pause(&["--bridge", "xx"]), &["has no bridge `xx`; it has kr"]);
    let dry = pause(&["--dry-run"]);
    let shown = text(&dry.stdout) + &text(&dry.stderr);
    assert!(dry.status.success() && shown.contains("nothing was signed or sent"), "{shown}");
    assert!(shown.contains("on chain main: will be paused"), "{shown}");
    refused(&["native", "--amount", "0"], TO, &["moves nothing"]);

    let one = pause(&["--chain", "service", "--yes"]);
    let shown = text(&one.stdout);
    assert!(one.status.success() && shown.starts_with("chain service: paused; transaction 0x"), "{shown}");
    let both = pause(&["--yes"]);
    let shown = text(&both.stdout) + &text(&both.stderr);
    assert!(both.status.success() && shown.contains("on chain service: is paused"), "{shown}");
    assert!(shown.contains("chain main: paused; transaction 0x"), "{shown}");
    refused(&["native", "--amount", "1"], TO, &["is paused"]);
    let again = pause(&["--yes"]);
    assert!(again.status.success() && text(&again.stdout) == "there is nothing left to pause");
    for command in [&["status"][..], &["recovery", "plan"]] {
        assert_eq!(network.polyspan(command).status.code(), Some(1), "{command:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_waits_without_relays_and_is_paid_by_one() {
    let network = Network::start().await;
    network.deploy();
    let (key, lane) = (user_key(), "kr/main-to-service");
    let wait = |what: &[&'static str], lane: &'static str, timeout: &'static str| {
        let mut arguments = transfer(what, lane, TO, &key);
        arguments.extend(["--wait", "--timeout", timeout]);
        network.polyspan(&arguments)
    };
    let alone = wait(&["erc20", "--token", "KRT", "--amount", "1.5"], lane, "1s");
    let told = text(&alone.stdout);
    assert_eq!(alone.status.code(), Some(3), "{told}{}", text(&alone.stderr));
    assert!(told.contains("transfer: kr/main-to-service:0") && told.contains("not paid within 1s"), "{told}");
    let explained = network.told_blind(&["explain", "kr/main-to-service:0"]);
    assert!(explained.contains("is final.") && explained.contains("1.5 KRT"), "{explained}");
    let missing = network.polyspan(&["explain", "kr/main-to-service:7"]);
    assert_bad_input(&missing, &["does not exist", "has 1 requests"]);

    let relay = network.start_relay().await;
    let back = wait(&["native", "--amount", "0.25"], "kr/service-to-main", "60s");
    let log = || fs::read_to_string(network.path("relay.log")).unwrap();
    let told = text(&back.stdout);
    assert!(back.status.success(), "{told}{}\n{}", text(&back.stderr), log());
    assert!(told.contains("request transaction: 0x") && told.contains("handle transaction: 0x"), "{told}");
    assert_eq!(network.main.rpc("eth_getBalance", json!([TO, "latest"])).await, json!("0x3782dace9d90000"));
    let forth = wait(&["native", "--amount", "1"], lane, "60s");
    assert!(forth.status.success(), "{}{}\n{}", text(&forth.stdout), text(&forth.stderr), log());

    let status: Value = serde_json::from_str(&network.told(&["status", "--json"])).unwrap();
    let main_to_service = &status["lanes"][0];
    assert_eq!(main_to_service["handled"], 2, "{status}");
    assert_eq!(main_to_service["lag"], 0);
    assert_eq!(main_to_service["leader"], "both-1");
    assert_eq!(status["relays"][0]["alive"], true);
    let watch = Running::piped(network.command(&["status", "--watch", "--json"]));
    let lines = watch.writes(&watch.stdout, "\n{").await;
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(first["lanes"][0]["handled"], 2, "{first}");
    let watch = Running::piped(network.command(&["status", "--watch"]));
    let tables = watch.writes(&watch.stdout, "\n\nlane").await;
    assert!(!tables.contains('\u{1b}'), "{tables:?}");
    let table = network.told(&["status"]);
    assert!(table.contains("kr/service-to-main") && table.contains("both-1"), "{table}");
    let story: Value =
        serde_json::from_str(&network.told(&["explain", "kr/main-to-service:0", "--json"])).unwrap();
    assert_eq!(story["state"], "paid", "{story}");
    assert!(story["outcome"]["tx_hash"].is_string(), "{story}");
    assert_eq!(story["request"]["amount"], json!({ "whole": "1.5", "raw": "1500000" }), "{story}");
    let from = story["request"]["transfer"]["from"].as_str().unwrap();
    assert_eq!(from, development_key(USER).address().to_checksum(None));
    // The coordinator has forgotten the votes; the transaction has not.
    let approval = &story["approval"];
    // What was requested before the first relay ran is covered by the next request.
    assert_eq!((&approval["checkpoint"], &story["unseen"]), (&json!(2), &json!([])), "{story}");
    assert_eq!(approval["signers"].as_array().map(Vec::len), Some(1), "{story}");
    assert_eq!(approval["signers"][0]["relay"], "both-1", "{story}");
    // The transaction that paid both transfers names them; that of a request is its transfer.
    let paid = network.told(&["explain", story["outcome"]["tx_hash"].as_str().unwrap()]);
    assert!(paid.contains("concerns 2 transfers:") && paid.contains("\n  kr/main-to-service:1"), "{paid}");
    let requested = network.told(&["explain", story["request"]["tx_hash"].as_str().unwrap()]);
    assert!(requested.starts_with("kr/main-to-service:0 is paid."), "{requested}");
    let user = development_key(USER).address().to_string();
    let list = |more: &[&str]| -> Value {
        let arguments = [&["transfers", "--json"], more].concat();
        serde_json::from_str::<Value>(&network.told(&arguments)).unwrap()["transfers"].clone()
    };
    let sent = list(&["--from", &user]);
    let shown = |index: usize| (sent[index]["transfer"].clone(), sent[index]["state"].clone());
    assert_eq!(shown(0), (json!("kr/main-to-service:1"), json!("paid")), "{sent}");
    assert_eq!(shown(1), (json!("kr/main-to-service:0"), json!("paid")), "{sent}");
    assert_eq!(shown(2), (json!("kr/service-to-main:0"), json!("paid")), "{sent}");
    assert_eq!(sent[1]["from"], user, "{sent}");
    assert_eq!(list(&["--to", TO, "--lane", lane, "--limit", "1"]), json!([sent[0]]));
    assert_eq!(list(&["--to", &user]), json!([]));
    let own = network.told(&["explain", "kr/main-to-service:0", "--config", "relay.toml"]);
    assert!(
        own.contains("Submitted by this relay from 0x") && own.contains("It waits for nothing."),
        "{own}"
    );
    let doctor = || network.told(&["doctor", "--config", "relay.toml"]);
    let well = doctor();
    let endpoint = format!("{} serves chain main", network.main.http_url().to_string().trim_end_matches('/'));
    for words in [
        "relay: both-1 runs",
        "store: ",
        "is held by process ",
        "old by this host's clock",
        &endpoint,
        "ok          disk: ",
    ] {
        assert!(well.contains(words), "`{words}` in {well}");
    }
    drop(relay);
    let stopped = doctor();
    assert!(stopped.contains("both-1 does not run") && stopped.contains(".lock is free"), "{stopped}");
    let dead = network.told(&["explain", "kr/main-to-service:1"]);
    assert!(dead.contains("is paid.") && dead.contains("Approved by both-1 (0x"), "{dead}");
    let call = "calldata has 2 transfers (0 to 1), a tail of 0 leaves and 1 signatures; this one, as it was requested: 1 of";
    assert!(dead.contains(call), "{dead}");

    network.service.mine(2 * network::KEPT_STATES).await;
    let blind = network.told(&["explain", "kr/main-to-service:1"]);
    assert!(blind.contains("is paid.") && blind.contains("Not seen: who approved it: "), "{blind}");
    let recorded = network.told(&["explain", "kr/main-to-service:1", "--config", "relay.toml"]);
    assert!(recorded.contains("Approved by both-1 (0x") && !recorded.contains("Not seen"), "{recorded}");

    assert!(!log().contains('\u{1b}'), "a log has no control sequences: {}", log());

    // Checked last: it is not a store any more.
    let store = fs::read_dir(network.folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let store = store.into_iter().find(|path| path.to_string_lossy().ends_with("both-1.sqlite")).unwrap();
    for end in ["-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{end}", store.display()));
    }
    fs::write(store, vec![7; 4096]).unwrap();
    let ill = network.polyspan(&["doctor", "--config", "relay.toml", "--json"]);
    assert_eq!(ill.status.code(), Some(1), "{}", text(&ill.stdout));
    let checks: Value = serde_json::from_slice(&ill.stdout).unwrap();
    assert_eq!((&checks[0]["check"], &checks[0]["state"]), (&json!("store"), &json!("bad")), "{checks}");
    assert_bad_input(&network.polyspan(&["doctor"]), &["has no [relay] section"]);
}
