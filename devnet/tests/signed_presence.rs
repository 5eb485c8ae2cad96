//! Whoever may write to the coordinator bars no relay from starting, and two processes with one attester key are still told apart from
//! that.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use alloy::primitives::{Address, B256};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use etcd_client::{Client, GetOptions, PutOptions};
use polyspan_coordination::{
    Coordinator, EmbeddedCoordinator, EmbeddedSettings, KeyPresence, KeyProof, Member, Report,
};
use polyspan_devnet::testing::{LONG_PATIENCE, PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::traffic::Traffic;
use polyspan_devnet::{Coordination, eventually_true};
use polyspan_types::Presence;
use tokio::process::Command;

const PREFIX: &str = "/polyspan/relays";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_in_etcd_bar_no_relay_and_a_second_process_with_its_key_is_refused() {
    let etcd = Coordination::Etcd { members: 1 };
    let mut network = TestNetwork::running(2, |spec| spec.coordination = etcd).await.unwrap();
    let endpoints = network.etcd.as_ref().unwrap().endpoints();
    let mut client = Client::connect(endpoints, None).await.unwrap();
    let victim = network.relays[0].attester.address();

    // What the relay itself has shown and signed is shown again when it has ended.
    let own = GetOptions::new().with_prefix();
    let recorded = client.get(format!("{PREFIX}/relay-1/key/"), Some(own)).await.unwrap();
    let mut shown: Vec<(String, Vec<u8>)> = recorded
        .kvs()
        .iter()
        .map(|pair| (pair.key_str().unwrap().to_owned(), pair.value().to_vec()))
        .collect();
    assert_eq!(shown.len(), 1);
    assert!(String::from_utf8_lossy(&shown[0].1).contains("signature"), "{shown:?}");
    network.relays[0].stop().await.unwrap();
    for presence in [unsigned("stranger-1", victim), signed_by_a_stranger("stranger-2", victim)] {
        let instance = alloy::hex::encode(presence.instance);
        let key = format!("{PREFIX}/{}/key/{instance}", presence.member);
        shown.push((key, serde_json::to_vec(&presence).unwrap()));
    }
    let presence = serde_json::json!({ "instance": "x", "operator": victim, "api": "http://stranger" });
    shown.push((format!("{PREFIX}/stranger-3/presence"), presence.to_string().into_bytes()));
    let name = format!("{PREFIX}/relay-1/presence");
    shown.push((name.clone(), presence.to_string().into_bytes()));
    let lease = client.lease_grant(3_600, None).await.unwrap().id();
    for (key, value) in shown {
        client.put(key, value, Some(PutOptions::new().with_lease(lease))).await.unwrap();
    }

    // Without its name it attests: both relays are needed.
    network.start_relay("relay-1").unwrap();
    transfer(&network).await;
    network.relays[0].stop().await.unwrap();

    // With it, it lacks nothing.
    client.delete(name, None).await.unwrap();
    network.start_relay("relay-1").unwrap();
    network.wait_ready(LONG_PATIENCE).await.unwrap();
    transfer(&network).await;
    for relay in &network.relays {
        let unproved = || async {
            Ok(relay.metric("polyspan_coordination_keys", &["state=\"unproved\""]).await? >= Some(2.0))
        };
        eventually_true("strangers are shown", PATIENCE, unproved).await.unwrap();
    }

    refused(&network, "relay-9", &["attester key", "in use by another relay", "relay-1"]).await;
    refused(&network, "relay-1", &["a relay named relay-1 is running already"]).await;
    network.expect_complete().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_in_the_directory_bar_no_relay_and_a_second_process_with_its_key_is_refused() {
    let mut network = TestNetwork::start(1, |_| {}).await.unwrap();
    let directory = network.spec.directory.join("coordination");
    let victim = network.relays[0].attester.address();
    let mut strangers = Vec::new();
    for presence in [unsigned("stranger-1", victim), signed_by_a_stranger("stranger-2", victim)] {
        strangers.push(Stranger::enter(&directory, &presence).await);
    }
    network.start_relays().unwrap();
    network.wait_ready(PATIENCE).await.unwrap();
    let relay = &network.relays[0];
    let unproved = relay.metric("polyspan_coordination_keys", &["state=\"unproved\""]).await.unwrap();
    assert_eq!(unproved, Some(2.0));
    transfer(&network).await;

    refused(&network, "relay-9", &["attester key", "in use by another relay"]).await;
    // The lock of a key is gone with its file. Its signature is not.
    fs::remove_file(directory.join(format!("operator-{victim:#x}.lock"))).unwrap();
    refused(&network, "relay-9", &["attester key", "in use by another relay", "relay-1"]).await;
    network.expect_complete().await.unwrap();
}

/// Somebody in the directory, for as long as this is there.
struct Stranger(tokio::task::JoinHandle<()>);

impl Stranger {
    async fn enter(directory: &Path, presence: &KeyPresence) -> Self {
        let coordinator = EmbeddedCoordinator::open(directory, EmbeddedSettings::default()).unwrap();
        let nobody = Member {
            id: presence.member.clone(),
            operator: None,
            roles: Vec::new(),
            api: presence.api.clone(),
            started_at_ms: 0,
        };
        coordinator.join(&nobody).await.unwrap();
        let file = directory.join(format!("{}.1.member", presence.member));
        let sql = "INSERT INTO key_presence (number, presence) VALUES (1, ?1)";
        let text = serde_json::to_string(presence).unwrap();
        rusqlite::Connection::open(file).unwrap().execute(sql, [text]).unwrap();
        Self(tokio::spawn(async move {
            while coordinator.report(&Report::default()).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }))
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn unsigned(name: &str, operator: Address) -> KeyPresence {
    let instance = B256::from(rand::random::<[u8; 32]>());
    KeyPresence::new(name.parse().unwrap(), operator, instance, "http://stranger")
}

fn signed_by_a_stranger(name: &str, operator: Address) -> KeyPresence {
    let presence = unsigned(name, operator);
    let signed = Presence {
        member: name.to_owned(),
        instance: presence.instance,
        answers: vec![B256::repeat_byte(1)],
    };
    let signature = PrivateKeySigner::random().sign_hash_sync(&signed.digest()).unwrap();
    KeyPresence { proof: Some(KeyProof { answers: signed.answers, signature }), ..presence }
}

async fn transfer(network: &TestNetwork) {
    Traffic::new(network, 0, 0).unwrap().rounds(1, fresh_recipient()).await.unwrap();
    network.wait_all_handled(LONG_PATIENCE).await.unwrap();
}

/// A second process with the key of the first relay and a store of its own ends, so that it is started again: what it lacks may come.
async fn refused(network: &TestNetwork, name: &str, words: &[&str]) {
    let relay = &network.relays[0];
    let config = fs::read_to_string(&relay.config).unwrap();
    let store = relay.store.to_str().unwrap();
    let second = config
        .replace(&relay.listen, "127.0.0.1:0")
        .replace(store, relay.store.with_file_name("second.sqlite").to_str().unwrap())
        .replace("name = \"relay-1\"", &format!("name = \"{name}\""));
    let file = relay.config.with_file_name("second.toml");
    fs::write(&file, second).unwrap();
    let mut command = Command::new(&network.binaries.polyspan);
    command.args(["relay", "--config"]).arg(&file).kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("it starts").unwrap();
    let said =
        [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
    assert_eq!(output.status.code(), Some(1), "{said}");
    for word in words {
        assert!(said.contains(word), "`{word}` is not in: {said}");
    }
}
