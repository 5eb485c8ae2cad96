//! Everybody's key is in AWS KMS and never leaves it: a bridge is deployed, served, used and governed. The service is moto, which
//! speaks AWS's API to AWS's own client.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

#[expect(dead_code, reason = "it is shared with the tests that have keystores")]
#[path = "chains/network.rs"]
mod network;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use network::{ATTESTER, DEPLOYER, GOVERNOR, Network, SUBMITTER, assert_bad_input, text};
use polyspan_chain::testing::{AnvilProcess, development_key, eventually};
use serde_json::json;

const TO: &str = "0x00000000000000000000000000000000000abcde";

/// Source: `tools/kms_server`.
const REGION: &str = "eu-central-1";

/// A server of AWS KMS with keys.
struct Kms {
    process: Child,
    endpoint: String,
    ids: Vec<String>,
}

impl Kms {
    async fn start(keys: usize) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let python = root.join(".tools/kms/bin/python");
        assert!(python.exists(), "{} is missing; run: tools/fetch kms", python.display());
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(python);
        command.arg(root.join("tools/kms_server")).args([port.to_string(), keys.to_string()]);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let ids = lines.take(keys).map(Result::unwrap).collect();
        eventually(Duration::from_secs(60), "the server listens", async || {
            TcpStream::connect(("127.0.0.1", port)).ok()
        })
        .await;
        Self { process, endpoint: format!("http://127.0.0.1:{port}"), ids }
    }
}

impl Drop for Kms {
    fn drop(&mut self) {
        self.process.kill().and_then(|()| self.process.wait()).unwrap();
    }
}

/// A key there.
struct Key {
    id: String,
    address: String,
    /// Its section of a TOML file.
    section: String,
}

impl Key {
    fn find(network: &Network, kms: &Kms, id: &str) -> Self {
        let address = network.told(&["keys", "show", "--signer", &format!("aws-kms:{id}")]);
        let section = format!(
            "remote = \"aws-kms\"\nkey = \"{id}\"\nregion = \"{REGION}\"\nendpoint = \"{}\"\naddress = \"{address}\"\n",
            kms.endpoint
        );
        Self { id: id.to_owned(), address, section }
    }

    fn inline(&self) -> String {
        format!("{{ {} }}", self.section.trim().replace('\n', ", "))
    }

    fn signer(&self) -> String {
        format!("aws-kms:{}", self.id)
    }
}

fn governance<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["governance"], more].concat()
}

fn keystore(index: usize) -> String {
    format!("{{ keystore = \"key-{index}.json\", passphrase_file = \"pass\" }}")
}

async fn fund(chain: &AnvilProcess, key: &Key) {
    chain.rpc("anvil_setBalance", json!([key.address, "0x56bc75e2d63100000"])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_lives_on_keys_that_never_leave_the_service() {
    let mut network = Network::start().await;
    let kms = Kms::start(5).await;
    let environment = [
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "pa55word"),
        ("AWS_REGION", REGION),
        ("AWS_ENDPOINT_URL_KMS", &kms.endpoint),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    network.environment = environment.map(|(name, value)| (name, value.to_owned())).to_vec();
    let keys: Vec<Key> = kms.ids.iter().map(|id| Key::find(&network, &kms, id)).collect();
    let [deployer, governor, attester, submitter, user] = &keys[..] else { panic!("five keys") };
    for key in [deployer, submitter, user, governor] {
        fund(&network.main, key).await;
        fund(&network.service, key).await;
    }

    let address = |index: usize| development_key(index).address().to_string();
    let spec = network
        .spec()
        .replace(&keystore(DEPLOYER), &deployer.inline())
        .replace(&keystore(GOVERNOR), &governor.inline())
        .replace(&address(GOVERNOR), &governor.address)
        .replace(&address(ATTESTER), &attester.address);
    network.deploy_spec(&spec);

    let files = format!("keystore = \"key-{SUBMITTER}.json\"\npassphrase_file = \"pass\"\n");
    let config = network.relay_config(ATTESTER);
    let config = config.replace(&keystore(ATTESTER), &attester.inline()).replace(&files, &submitter.section);
    let relay = network.start_relay_with(&config);
    network.ready().await;
    let told = network.told(&["keys", "check", "--config", "relay.toml"]);
    assert_eq!(told.matches("at AWS KMS key ").count(), 3, "{told}");

    let native = [
        "transfer",
        "native",
        "--amount",
        "1",
        "--lane",
        "kr/main-to-service",
        "--to",
        TO,
        "--yes",
        "--wait",
    ];
    network.told(&[&native[..], &["--signer", &user.signer()]].concat());

    network.told(&governance(&[
        "propose",
        "--out",
        "lock.toml",
        "--chain",
        "main",
        "lock-pair",
        "--pair",
        "KRT",
    ]));
    let certain = format!("{}#{}", governor.signer(), governor.address);
    network.told(&governance(&["sign", "lock.toml", "--yes", "--signer", &certain]));
    let told = network.told(&governance(&["execute", "lock.toml", "--signer", &user.signer()]));
    assert!(told.contains("was executed"), "{told}");

    let show = |signer: &str| network.polyspan(&["keys", "show", "--signer", signer]);
    let other = show(&format!("{}#{}", user.signer(), governor.address));
    assert_refused(&other, &["is that of", "correct --signer"]);
    assert_refused(
        &show("aws-kms:alias/nobody"),
        &["AWS KMS key alias/nobody refuses to sign", "NotFoundException"],
    );

    drop(relay);
    drop(kms);
    let gone = network.polyspan(&["keys", "check", "--config", "relay.toml"]);
    assert_bad_input(&gone, &["AWS KMS key", "cannot be reached"]);
    let log = fs::read_to_string(network.path("relay.log")).unwrap();
    assert!(!log.contains("pa55word"));
}

#[track_caller]
fn assert_refused(output: &std::process::Output, words: &[&str]) {
    let all = text(&output.stdout) + &text(&output.stderr);
    assert!(!output.status.success(), "{all}");
    for word in words {
        assert!(all.contains(word), "`{word}` in: {all}");
    }
}
