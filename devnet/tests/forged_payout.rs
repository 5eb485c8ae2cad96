//! A threshold of stolen attester keys pays what nobody requested. Nothing stops that payout; every relay notices it, halts the lane
//! and pauses the destination, whether the number is still free at the source or a user's request has taken it meanwhile.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use alloy::primitives::Address;
use anyhow::Result;
use polyspan_devnet::misbehave::Fault;
use polyspan_devnet::process::ChildProcess;
use polyspan_devnet::relay::UnreadyPart;
use polyspan_devnet::scenario::{Side, unpause};
use polyspan_devnet::testing::{LONG_PATIENCE, PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::traffic::Traffic;
use polyspan_devnet::{eventually, eventually_true};
use polyspan_store::Store;
use polyspan_types::{Direction, Kind, RequestNonce};
use serde_json::Value;
use tokio::process::Command;

/// Takes the place of the third relay, and has the key of the second one as well: two of three.
const LIAR: &str = "relay-3";
const ROBBED: &str = "relay-2";
const HONEST: [&str; 2] = ["relay-1", ROBBED];

/// The lane whose pause governors end.
const LANE: &str = "lane=\"kr/main-to-service\"";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_payout_is_noticed_at_once() {
    let mut network = TestNetwork::running(3, |_| {}).await.unwrap();
    assert_eq!(network.spec.threshold, 2);
    let honest = fresh_recipient();
    Traffic::new(&network, 0, 0).unwrap().rounds(1, honest).await.unwrap();
    network.wait_all_handled(PATIENCE).await.unwrap();
    network.relay_mut(LIAR).unwrap().kill().await.unwrap();
    let mut liar = forge(&network).unwrap();
    for direction in Direction::ALL {
        is_paused(&network, direction).await;
        is_halted(&network, direction, "handled").await;
        // A user whose request takes the number is not told that it is paid.
        let nonce = network.progress(0, direction).await.unwrap().requested.get();
        assert_eq!(network.progress(0, direction).await.unwrap().handled.get(), nonce + 1);
        let lane = network.bridges[0].deployment.lane(direction).id;
        let before = explained(&network, &format!("{lane}:{}", nonce - 1)).await;
        assert!(before["state"].is_null(), "roots differ, and the last one is said to be {before}");
        assert_planned_as_unproven(&network, &lane.to_string(), nonce).await;
    }
    liar.kill().await.unwrap();
    what_governors_unpause_stays_unpaused_over_restarts(&mut network).await;
}

/// The roots differ for ever: an alarm that paused again at each start would take the decision from the governors.
async fn what_governors_unpause_stays_unpaused_over_restarts(network: &mut TestNetwork) {
    let demanded = |name: &'static str| format!("{name} sees the pause as final");
    for name in HONEST {
        let relay = network.relay(name).unwrap();
        let over = || async { Ok(relay.metric("polyspan_lane_pause_demanded", &[LANE]).await? == Some(0.0)) };
        eventually_true(&demanded(name), LONG_PATIENCE, over).await.unwrap();
    }
    unpause(network, Side::Service, 1).await.unwrap();
    for name in HONEST {
        network.relay_mut(name).unwrap().stop().await.unwrap();
        network.start_relay(name).unwrap();
    }
    is_halted(network, Direction::MainToService, "handled").await;
    network.wait_blocks_of_both(8).await.unwrap();
    let state = network.destination(0, Direction::MainToService).unwrap().state().await.unwrap();
    assert!(!state.paused, "paused again after the governors had ended the pause");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_payout_is_noticed_when_a_real_request_has_taken_its_number() {
    let mut network = TestNetwork::seasoned(3, |_| {}).await.unwrap();
    let before = handled(&network).await;
    let mut liar = forge(&network).unwrap();
    for (direction, before) in Direction::ALL.into_iter().zip(before) {
        let forged = || async { Ok(network.progress(0, direction).await?.handled.get() > before) };
        eventually_true("the forged payout is handled", PATIENCE, forged).await.unwrap();
    }
    liar.kill().await.unwrap();
    let victim = fresh_recipient();
    let traffic = Traffic::new(&network, 0, 0).unwrap();
    for direction in Direction::ALL {
        traffic.request(direction, Kind::Native, victim, 5).await.unwrap();
    }
    network.wait_blocks_of_both(3).await.unwrap();
    let nonces = handled(&network).await;
    for (direction, handled) in Direction::ALL.into_iter().zip(&nonces) {
        let requested = network.progress(0, direction).await.unwrap().requested.get();
        assert_eq!(requested, *handled, "the request has the number of the forged payout");
        let lane = network.bridges[0].deployment.lane(direction).id;
        let told = explained(&network, &format!("{lane}:{}", handled - 1)).await;
        assert!(told["state"].is_null(), "a victim's transfer is said to be {told}");
        assert_eq!(told_by_address(&network, victim).await, 0, "`transfers` says that it is paid");
        let why = told["outcome"]["dispute"].as_str().unwrap();
        assert!(why.contains("another transfer"), "{why}");
    }
    for relay in HONEST {
        network.start_relay(relay).unwrap();
    }
    for (direction, handled) in Direction::ALL.into_iter().zip(nonces) {
        is_paused(&network, direction).await;
        is_halted(&network, direction, "root").await;
        let lane = network.bridges[0].deployment.lane(direction).id;
        assert_planned_as_unproven(&network, &lane.to_string(), handled - 1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_switch_leaves_the_pause_to_people() {
    let mut network = TestNetwork::seasoned(3, |_| {}).await.unwrap();
    for relay in HONEST {
        let config = &network.relay(relay).unwrap().config;
        let text = std::fs::read_to_string(config).unwrap();
        std::fs::write(config, text.replacen("[relay]\n", "[relay]\nauto_pause = false\n", 1)).unwrap();
        network.start_relay(relay).unwrap();
        are_compared(&network, relay).await;
    }
    let mut liar = forge(&network).unwrap();
    for direction in Direction::ALL {
        is_halted(&network, direction, "handled").await;
        stays_paid(&network, direction).await;
    }
    let status = network.polyspan(&["status"]).await.unwrap();
    assert_eq!(status.status.code(), Some(1), "halted, and nothing is paused: {status:?}");
    network.wait_blocks_of_both(5).await.unwrap();
    for direction in Direction::ALL {
        assert!(!network.destination(0, direction).unwrap().state().await.unwrap().paused, "{direction}");
    }
    liar.kill().await.unwrap();
}

/// The relay has written down, for both lanes, that roots agree up to some payout.
async fn are_compared(network: &TestNetwork, relay: &str) {
    let compared = || async {
        let store = Store::open_read_only(&network.relay(relay)?.store).await?;
        let mut all = true;
        for direction in Direction::ALL {
            let lane = network.bridges[0].deployment.lane(direction).bridge_id;
            all &= store.compared(lane).await? > RequestNonce::ZERO;
        }
        store.close().await;
        Ok(all)
    };
    eventually_true("roots are compared", PATIENCE, compared).await.unwrap();
}

/// What was paid before the forgery is called paid by each relay that has compared it.
async fn stays_paid(network: &TestNetwork, direction: Direction) {
    let first = format!("{}:0", network.bridges[0].deployment.lane(direction).id);
    for relay in HONEST {
        let mut command = Command::new(&network.binaries.polyspan);
        command.args(["explain", &first, "--json", "--config"]).arg(&network.relay(relay).unwrap().config);
        let output = command.output().await.unwrap();
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(told["state"], "paid", "{told}");
    }
}

fn forge(network: &TestNetwork) -> Result<ChildProcess> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_devnet"));
    command
        .arg("misbehave")
        .args(["--fault", Fault::InventedRequest.as_str()])
        .arg("--config")
        .arg(&network.relay(LIAR)?.config)
        .arg("--stolen")
        .arg(&network.relay(ROBBED)?.config);
    network.spawn("liar", command)
}

async fn handled(network: &TestNetwork) -> Vec<u64> {
    let mut handled = Vec::new();
    for direction in Direction::ALL {
        handled.push(network.progress(0, direction).await.unwrap().handled.get());
    }
    handled
}

async fn is_paused(network: &TestNetwork, direction: Direction) {
    let paused = || async { Ok(network.destination(0, direction)?.state().await?.paused) };
    eventually_true("the destination is paused", LONG_PATIENCE, paused).await.unwrap();
}

/// Every honest relay has halted the lane, says so on its health page with this word, and in its metrics.
async fn is_halted(network: &TestNetwork, direction: Direction, why: &str) {
    let lane = network.bridges[0].deployment.lane(direction).id;
    for name in HONEST {
        let relay = network.relay(name).unwrap();
        let part = format!("lane {lane}");
        let is_it = |unready: &UnreadyPart| unready.part == part && unready.reason.contains(why);
        relay.wait_unready(LONG_PATIENCE, is_it).await.unwrap();
        let label = format!("lane=\"{lane}\"");
        let shown = || async {
            Ok(relay.metric("polyspan_lane_halted", &[&label]).await?.filter(|halted| *halted > 0.0))
        };
        eventually("the halt is in the metrics", PATIENCE, shown).await.unwrap();
    }
}

/// Transfers to somebody that `polyspan transfers` calls paid.
async fn told_by_address(network: &TestNetwork, to: Address) -> usize {
    let listed = network.polyspan(&["transfers", "--to", &to.to_string()]).await.unwrap();
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(text.contains("kr/"), "{text}{}", String::from_utf8_lossy(&listed.stderr));
    text.lines().filter(|line| line.contains("paid")).count()
}

/// `recovery plan` says so of a number, with the users' config and with that of each honest relay, whose store may have the outcome.
async fn assert_planned_as_unproven(network: &TestNetwork, lane: &str, nonce: u64) {
    let relays = HONEST.map(|name| network.relay(name).unwrap().config.clone());
    for config in relays.iter().chain([&network.config]) {
        let mut command = Command::new(&network.binaries.polyspan);
        command.args(["recovery", "plan", "--json", "--lane", lane, "--config"]).arg(config);
        let output = command.output().await.unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(1), "{text}{}", String::from_utf8_lossy(&output.stderr));
        let plan: Value = serde_json::from_str(&text).unwrap();
        let has = |range: &Value| {
            (range["first"].as_u64().unwrap()..range["end"].as_u64().unwrap()).contains(&nonce)
        };
        let states = plan["lanes"][0]["states"].as_array().unwrap();
        let state = states.iter().find(|state| state["nonces"].as_array().unwrap().iter().any(has));
        assert_eq!(state.unwrap()["state"], "unproven", "{nonce} in {text}");
    }
}

async fn explained(network: &TestNetwork, transfer: &str) -> Value {
    let told = network.polyspan(&["explain", transfer, "--json"]).await.unwrap();
    let (text, errors) = (String::from_utf8_lossy(&told.stdout), String::from_utf8_lossy(&told.stderr));
    serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("explain says no JSON: {error}: {text}{errors}"))
}
