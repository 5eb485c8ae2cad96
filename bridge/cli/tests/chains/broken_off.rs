//! Deployments that are broken off, and go on where they were.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::process::Output;

use polyspan_chain::testing::{AnvilProcess, development_key};
use polyspan_types::CrashPoint;
use polyspan_types::crash::CRASH_VARIABLE;
use serde_json::{Value, json};

use super::network::{ATTESTER, DEPLOYER, Network, assert_bad_input, text};

const DEPLOY: [&str; 5] = ["deploy", "--spec", "spec.toml", "--out", "kr.deployment.toml"];
const PARTIAL: &str = "kr.deployment.toml.partial";

/// A network with a spec, of which nothing is deployed.
async fn prepared() -> Network {
    let network = Network::start().await;
    fs::write(network.path("spec.toml"), network.spec()).unwrap();
    network
}

fn deploy_until(network: &Network, point: &str) -> Output {
    network.command(&DEPLOY).env(CRASH_VARIABLE, point).output().unwrap()
}

/// What the deployer has sent on either chain.
async fn sent(network: &Network) -> [u64; 2] {
    let of = async |chain: &AnvilProcess| {
        let account = development_key(DEPLOYER).address();
        let count = chain.rpc("eth_getTransactionCount", json!([account, "latest"])).await;
        u64::from_str_radix(count.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
    };
    [of(&network.main).await, of(&network.service).await]
}

/// The deployment is there, whole, and nothing is left of the way to it.
fn expect_deployed(network: &Network) {
    assert!(!network.path(PARTIAL).exists());
    fs::write(network.path("relay.toml"), network.relay_config(ATTESTER)).unwrap();
    let checked = network.told(&["config", "check", "--config", "relay.toml"]);
    assert!(checked.contains("0 problems"), "{checked}");
}

/// What an undisturbed deployment sends on either chain: four parts, a bridge, a configuration and liquidity, and a token on one.
const SENT: [u64; 2] = [7, 8];

async fn killed_at_each_step(point: CrashPoint) {
    let network = prepared().await;
    // A step that was not stored is begun anew, so each run is to get one step further.
    let not_stored = point == CrashPoint::BeforeStoringStep;
    let armed = if not_stored { format!("{point}#2") } else { point.to_string() };
    let mut kills = 0;
    let last = loop {
        let output = deploy_until(&network, &armed);
        if output.status.signal() != Some(9) {
            break output;
        }
        kills += 1;
        assert!(network.path(PARTIAL).exists() && !network.path("kr.deployment.toml").exists());
    };
    assert!(last.status.success(), "{point}: {}", text(&last.stderr));
    assert_eq!(kills, SENT.iter().sum::<u64>() - u64::from(not_stored), "{point}");
    assert_eq!(sent(&network).await, SENT, "{point}: something was paid for twice");
    expect_deployed(&network);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_dies_before_it_stores_a_step_pays_for_everything_once() {
    killed_at_each_step(CrashPoint::BeforeStoringStep).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_dies_before_it_sends_a_step_pays_for_everything_once() {
    killed_at_each_step(CrashPoint::AfterStoringStep).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_dies_before_it_knows_what_became_of_a_step_pays_for_everything_once() {
    killed_at_each_step(CrashPoint::AfterSendingStep).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_dies_before_it_says_that_a_step_is_done_pays_for_everything_once() {
    killed_at_each_step(CrashPoint::AfterMiningStep).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_goes_on_at_another_price_and_by_another_endpoint_and_not_with_another_spec() {
    let network = prepared().await;
    assert_eq!(deploy_until(&network, "after-storing-step#6").status.signal(), Some(9));
    assert_eq!(
        sent(&network).await,
        [5, 0],
        "the main bridge is there, and the first part of the other one is signed"
    );
    let partial = fs::read_to_string(network.path(PARTIAL)).unwrap();

    // Another spec.
    let spec = network.spec();
    let other = spec.replacen("threshold = 1", "refund_delay = 77\nthreshold = 1", 1);
    fs::write(network.path("spec.toml"), other).unwrap();
    assert_bad_input(
        &network.polyspan(&DEPLOY),
        &[PARTIAL, "main.refund_delay: was 50400, is 77", "put back what it says to go on"],
    );
    assert_eq!(fs::read_to_string(network.path(PARTIAL)).unwrap(), partial);

    // What is signed is too cheap now, and the endpoint is another one.
    network.service.rpc("anvil_setNextBlockBaseFeePerGas", json!(["0x174876e800"])).await;
    network.service.mine(1).await;
    let elsewhere = spec.replace(network.main.http_url().as_str(), network.main.ws_url().as_str());
    fs::write(network.path("spec.toml"), elsewhere).unwrap();
    let output = network.polyspan(&DEPLOY);
    let told = text(&output.stderr);
    assert!(output.status.success() && told.contains("broken off; it goes on"), "{told}");
    assert_eq!(sent(&network).await, SENT);
    expect_deployed(&network);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_fails_says_what_is_there_and_how_to_go_on() {
    let network = prepared().await;
    // Enough for the first part, and not for the second one.
    let poor = json!([development_key(DEPLOYER).address(), "0x214e8348c4f0000"]);
    let spec = network.spec().replacen("seed = { main = \"10\"", "seed = { main = \"0.01\"", 1);
    fs::write(network.path("spec.toml"), spec).unwrap();
    network.main.rpc("anvil_setBalance", poor).await;
    network.main.rpc("anvil_setNextBlockBaseFeePerGas", json!(["0x4a817c800"])).await;
    network.main.mine(1).await;
    let output = network.polyspan(&DEPLOY);
    let told = text(&output.stderr);
    assert!(!output.status.success(), "{told}");
    for words in ["run the same command again and it goes on from there", PARTIAL, "part collectibles 0x"] {
        assert!(told.contains(words), "`{words}` in {told}");
    }
    let rich = json!([development_key(DEPLOYER).address(), "0x56bc75e2d63100000"]);
    network.main.rpc("anvil_setBalance", rich).await;
    let output = network.polyspan(&DEPLOY);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(sent(&network).await, SENT);
    expect_deployed(&network);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_does_not_have_what_was_deployed_is_noticed_and_so_is_a_second_deployer() {
    let network = Network::start().await;
    let spec = network.spec();
    let (native, _) = spec.split_once("[[pair]]\nname = \"KRT\"").unwrap();
    fs::write(network.path("spec.toml"), native).unwrap();
    assert_eq!(deploy_until(&network, "after-mining-step#3").status.signal(), Some(9));
    // The same account has done other things on a chain with the same id.
    let account = development_key(DEPLOYER).address();
    network.main.rpc("anvil_reset", json!([])).await;
    network.main.rpc("anvil_setNonce", json!([account, "0x9"])).await;
    network.main.mine(1).await;
    assert_bad_input(
        &network.polyspan(&DEPLOY),
        &[
            PARTIAL,
            "step `deploy the part collectibles on chain main`: the chain does not have it",
            "move the file away",
        ],
    );

    // Whoever deploys the same spec at the same time would pay twice.
    let held = File::open(network.path("spec.toml")).unwrap();
    held.lock().unwrap();
    assert_bad_input(&network.polyspan(&DEPLOY), &["another `polyspan deploy` of spec.toml is running"]);
    let partial: Value = toml::from_str(&fs::read_to_string(network.path(PARTIAL)).unwrap()).unwrap();
    assert_eq!(partial["step"].as_array().unwrap().len(), 3);
}
