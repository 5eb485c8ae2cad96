//! Submitter keys and governors' keys at a Web3Signer: they pay, they vote, and nobody is stopped for good when it is away.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

#[path = "remote_submitters/web3signer.rs"]
mod web3signer;

use anyhow::bail;
use polyspan_devnet::eventually::eventually_true;
use polyspan_devnet::keys::Key;
use polyspan_devnet::testing::{PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::traffic::Traffic;
use polyspan_types::{Direction, Kind};
use tokio::process::Command;
use toml::Value;
use web3signer::Web3Signer;

const LANE: Direction = Direction::MainToService;

/// The chain that it is paid on.
const CHAIN: &str = "chain=\"service\"";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn submitter_keys_at_a_web3signer_pay_and_are_waited_for() {
    let mut network = TestNetwork::start(2, |_| {}).await.unwrap();
    let mut signer = entrust(&network, |_| true).await;
    network.start_relays().unwrap();
    network.wait_ready(PATIENCE).await.unwrap();
    let (code, told) = asked(&network, &["keys", "check"]).await;
    assert!(code == Some(0) && told.contains("at the remote signer http://127.0.0.1:"), "{told}");
    Traffic::new(&network, 0, 0).unwrap().rounds(1, fresh_recipient()).await.unwrap();
    network.wait_all_handled(PATIENCE).await.unwrap();

    let handled = network.progress(0, LANE).await.unwrap().handled.get();
    signer.stop();
    request(&network).await;
    let waits = || async {
        for relay in &network.relays {
            let silent = relay.metric("polyspan_submitter_standing", &[CHAIN, "standing=\"silent\""]).await?;
            let reasons = relay.readiness().await?.reasons;
            let named =
                |reason: &str| reason.contains("http://127.0.0.1:") && reason.contains("cannot be reached");
            if silent == Some(1.0) && reasons.iter().any(|part| named(&part.reason)) {
                return Ok(true);
            }
        }
        bail!("no relay tells of its signer");
    };
    eventually_true("the relay that pays waits for its signer", PATIENCE, waits).await.unwrap();
    for command in [["keys", "check"], ["config", "check"]] {
        let (code, told) = asked(&network, &command).await;
        assert!(code == Some(2) && told.contains("cannot be reached"), "{command:?}: {told}");
    }

    signer.start_again().await;
    network.wait_handled(0, LANE, handled + 1, PATIENCE).await.unwrap();
    network.wait_ready(PATIENCE).await.unwrap();
    network.expect_complete().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spare_in_a_keystore_pays_while_the_signer_of_the_first_key_is_away() {
    let mut network = TestNetwork::start(1, |spec| spec.spare_submitters = 1).await.unwrap();
    let mut signer = entrust(&network, |name| !name.contains("spare")).await;
    network.start_relays().unwrap();
    network.wait_ready(PATIENCE).await.unwrap();
    request(&network).await;
    network.wait_handled(0, LANE, 1, PATIENCE).await.unwrap();

    signer.stop();
    request(&network).await;
    network.wait_handled(0, LANE, 2, PATIENCE).await.unwrap();
    let relay = &network.relays[0];
    let passed = relay.metric("polyspan_submitter_passes_total", &[CHAIN, "reason=\"silent\""]).await;
    assert!(passed.unwrap() >= Some(1.0));
    // A spare that can is no trouble.
    relay.wait_ready(PATIENCE).await.unwrap();

    signer.start_again().await;
    let able = || async {
        let labels = [CHAIN, "key=\"1\"", "standing=\"able\""];
        Ok(relay.metric("polyspan_submitter_standing", &labels).await? == Some(1.0))
    };
    eventually_true("the first key is able again", PATIENCE, able).await.unwrap();
    network.expect_complete().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn governors_and_users_sign_at_a_web3signer() {
    let network = TestNetwork::start(1, |_| {}).await.unwrap();
    let keys = network.governors.iter().chain(&network.users).map(|key| key.signer.clone()).collect();
    let mut signer = Web3Signer::start(keys).await;
    let file = network.spec.directory.join("minimum.toml");
    let file = file.to_str().unwrap();
    let propose = ["governance", "propose", "--out", file, "--chain", "main", "lock-pair", "--pair", "usd"];
    polyspan(&network, &propose).await;
    let url = signer.url();
    let at = |key: &Key| format!("web3signer:{url}#{}", key.address());
    for governor in &network.governors {
        polyspan(&network, &["governance", "sign", file, "--yes", "--signer", &at(governor)]).await;
    }
    let sender = at(&network.users[0]);
    let told = polyspan(&network, &["governance", "execute", file, "--signer", &sender]).await;
    assert!(told.contains("was executed"), "{told}");

    signer.stop();
    let output = command(&network, &["governance", "execute", file, "--signer", &sender]).await;
    assert!(output.0 == Some(0), "nothing is left to sign: {}", output.1);
    let again = network.spec.directory.join("again.toml");
    let again = again.to_str().unwrap();
    polyspan(
        &network,
        &["governance", "propose", "--out", again, "--chain", "main", "unlock-pair", "--pair", "usd"],
    )
    .await;
    let (code, told) =
        command(&network, &["governance", "sign", again, "--yes", "--signer", &at(&network.governors[0])])
            .await;
    assert!(
        code != Some(0) && told.contains("cannot be reached") && told.contains("correct --signer"),
        "{told}"
    );
}

/// Moves the submitter keys with such names from their keystores to a signer, and tells the relays' configs.
async fn entrust(network: &TestNetwork, chosen: impl Fn(&str) -> bool) -> Web3Signer {
    let submitters = network.relays.iter().flat_map(|relay| &relay.submitters);
    let keys: Vec<_> = submitters.map(|(_, key)| key).filter(|key| chosen(&key.name)).collect();
    let signer = Web3Signer::start(keys.iter().map(|key| key.signer.clone()).collect()).await;
    for relay in &network.relays {
        let text = std::fs::read_to_string(&relay.config).unwrap();
        let mut config: toml::Table = text.parse().unwrap();
        for section in config["relay"]["submitter"].as_array_mut().unwrap() {
            let keystore = section["keystore"].as_str().unwrap().to_owned();
            let Some(key) = keys.iter().find(|key| key.keystore.to_str() == Some(&keystore)) else {
                continue;
            };
            let section = section.as_table_mut().unwrap();
            section.retain(|key, _| key == "chain");
            let address = key.address().to_string();
            for (name, value) in
                [("remote", "web3signer"), ("url", &signer.url()), ("address", &address), ("timeout", "2s")]
            {
                section.insert(name.to_owned(), Value::String(value.to_owned()));
            }
        }
        std::fs::write(&relay.config, config.to_string()).unwrap();
    }
    // Proof that the relays do not have the keys.
    keys.iter().for_each(|key| std::fs::remove_file(&key.keystore).unwrap());
    signer
}

/// What `polyspan` says to these arguments with the config of the first relay.
async fn asked(network: &TestNetwork, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(&network.binaries.polyspan);
    let config = &network.relays[0].config;
    let output = command.args(arguments).arg("--config").arg(config).output().await.unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

/// What `polyspan` says with the config of users, on both outputs.
async fn command(network: &TestNetwork, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(&network.binaries.polyspan);
    let output = command.args(arguments).arg("--config").arg(&network.config).output().await.unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (output.status.code(), said.concat())
}

async fn polyspan(network: &TestNetwork, arguments: &[&str]) -> String {
    let (code, told) = command(network, arguments).await;
    assert_eq!(code, Some(0), "{arguments:?}: {told}");
    told
}

async fn request(network: &TestNetwork) {
    let traffic = Traffic::new(network, 0, 0).unwrap();
    traffic.request(LANE, Kind::Erc20, fresh_recipient(), 1_000).await.unwrap();
}
