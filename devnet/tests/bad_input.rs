//! What a relay refuses to start with: one clear message that names the thing and the cure, and exit code 2; 1 where it may end
//! without anybody correcting this relay's input.
//!
//! What needs no running relay is tested with the commands themselves in `bridge/cli/tests`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use alloy::primitives::U256;
use polyspan_devnet::endpoint_proxy::Faults;
use polyspan_devnet::testing::{PATIENCE, TestNetwork};
use polyspan_types::Direction;
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_refuses_what_it_cannot_work_with() {
    let mut network = TestNetwork::start(1, |spec| spec.bridges = 2).await.unwrap();
    let relay = network.relay("relay-1").unwrap();
    let config = fs::read_to_string(&relay.config).unwrap();

    relay.main_endpoint.set(Faults { chain_id: Some(4_711), ..Faults::default() });
    refused(&network, &config, &["4711", &network.main.chain_id.to_string()]).await;
    relay.main_endpoint.clear();

    let own = &network.bridges[0];
    let text = fs::read_to_string(&own.file).unwrap();
    let nobody = "0x00000000000000000000000000000000000abcde";
    let moved =
        changed_deployment(&own.file, &text.replacen(&checksummed(&text, "bridge"), nobody, 1), "moved");
    refused(&network, &with_deployment(&config, &own.file, &moved), &["no contract"]).await;

    // A node that has not come to the deployment yet shows no contract either, and will.
    let beginning = network.beginning(Direction::MainToService, "beginning").await.unwrap();
    beginning.make_no_blocks().await.unwrap();
    let deployed = network.bridges[0].deployment.main.deployment_block.get();
    assert!(beginning.height().await.unwrap() < deployed, "too slow: it has as many blocks already");
    relay.main_endpoint.set(Faults::instead(beginning.url.clone()));
    ended(
        &network,
        &config,
        1,
        &["no contract", "its node is at block", &format!("deployed in block {deployed}")],
    )
    .await;
    relay.main_endpoint.clear();

    let other = fs::read_to_string(&network.bridges[1].file).unwrap();
    let mixed = text.replacen(&checksummed(&text, "bridge"), &checksummed(&other, "bridge"), 1);
    let mixed = changed_deployment(&own.file, &mixed, "mixed");
    let alone = without_second_bridge(&with_deployment(&config, &own.file, &mixed), &network.bridges[1].file);
    refused(&network, &alone, &["counterpart"]).await;

    let keystore = relay.attester.keystore.clone();
    fs::set_permissions(&keystore, fs::Permissions::from_mode(0o644)).unwrap();
    refused(&network, &config, &[keystore.to_str().unwrap(), "chmod 600"]).await;
    fs::set_permissions(&keystore, fs::Permissions::from_mode(0o600)).unwrap();

    let wrong = relay.config.with_file_name("wrong-passphrase");
    fs::write(&wrong, "not this one\n").unwrap();
    fs::set_permissions(&wrong, fs::Permissions::from_mode(0o600)).unwrap();
    let right = relay.attester.passphrase_file.to_str().unwrap();
    refused(&network, &config.replace(right, wrong.to_str().unwrap()), &["passphrase"]).await;

    let stranger = network.users[0].keystore.to_str().unwrap();
    let attester = relay.attester.keystore.to_str().unwrap();
    // Governors may register it without a word to this relay.
    ended(&network, &config.replace(attester, stranger), 1, &["operator"]).await;

    an_unfunded_submitter_is_told(&network).await;
    what_others_hold_ends_a_relay_so_that_it_is_started_again(&mut network, &config).await;
}

/// A service manager leaves a relay alone that ended with 2. What another process holds comes back by itself.
async fn what_others_hold_ends_a_relay_so_that_it_is_started_again(network: &mut TestNetwork, config: &str) {
    let (listen, store) = {
        let relay = network.relay("relay-1").unwrap();
        (relay.listen.clone(), relay.store.clone())
    };
    let held = std::net::TcpListener::bind(&listen).unwrap();
    ended(network, config, 1, &[&listen, "in use"]).await;
    drop(held);

    network.start_relay("relay-1").unwrap();
    network.wait_ready(PATIENCE).await.unwrap();
    let elsewhere = config.replace(&listen, "127.0.0.1:0");
    ended(network, &elsewhere, 1, &["store", "in use by another relay"]).await;
    let beside = store.with_file_name("other.sqlite");
    let other = elsewhere.replace(store.to_str().unwrap(), beside.to_str().unwrap());
    let other = other.replace("name = \"relay-1\"", "name = \"relay-9\"");
    ended(network, &other, 1, &["attester key", "in use by another relay"]).await;
}

/// A relay waits for money, and says so; a person who checks the config is told at once.
async fn an_unfunded_submitter_is_told(network: &TestNetwork) {
    let relay = network.relay("relay-1").unwrap();
    give_submitters(network, U256::ZERO).await;
    let mut command = Command::new(&network.binaries.polyspan);
    let output = command.args(["config", "check", "--config"]).arg(&relay.config).output().await.unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    for (_, key) in &relay.submitters {
        assert!(said(&output).contains(&key.address().to_string()), "{}", said(&output));
    }
    give_submitters(network, U256::from(10).pow(U256::from(18))).await;
}

/// Each submitter key of the relay has so much from now on. Unit: wei.
async fn give_submitters(network: &TestNetwork, balance: U256) {
    for (chain, key) in &network.relay("relay-1").unwrap().submitters {
        let chain = if *chain == network.main.name { &network.main } else { &network.service };
        chain.set_balance(key.address(), balance).await.unwrap();
    }
}

/// A relay with this config ends by itself with exit code 2 and these words.
async fn refused(network: &TestNetwork, config: &str, words: &[&str]) {
    ended(network, config, 2, words).await;
}

async fn ended(network: &TestNetwork, config: &str, code: i32, words: &[&str]) {
    let file = network.relay("relay-1").unwrap().config.with_file_name("changed.toml");
    fs::write(&file, config).unwrap();
    let mut command = Command::new(&network.binaries.polyspan);
    command.args(["relay", "--config"]).arg(&file).kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output())
        .await
        .expect("the relay starts all the same")
        .unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(code), "{words:?}: {said}");
    for word in words {
        assert!(said.contains(word), "`{word}` is not in: {said}");
    }
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}

/// The first value of a key in a TOML text.
fn checksummed(text: &str, key: &str) -> String {
    let line = text.lines().find(|line| line.starts_with(&format!("{key} = "))).unwrap();
    line.split('"').nth(1).unwrap().to_owned()
}

fn changed_deployment(beside: &Path, text: &str, name: &str) -> PathBuf {
    let file = beside.with_file_name(format!("{name}.deployment.toml"));
    fs::write(&file, text).unwrap();
    file
}

fn with_deployment(config: &str, old: &Path, new: &Path) -> String {
    config.replace(&format!("\"{}\"", old.display()), &format!("\"{}\"", new.display()))
}

fn without_second_bridge(config: &str, file: &Path) -> String {
    config.replace(&format!("[[bridge]]\ndeployment = \"{}\"\n", file.display()), "")
}
