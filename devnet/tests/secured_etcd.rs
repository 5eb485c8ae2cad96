//! Relays that meet in an etcd as the operator guide sets it up: certificates on both sides, and for each relay a user whose role
//! may write that relay's own prefix.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use etcd_client::{
    Certificate, Client, ConnectOptions, GetOptions, Identity, Permission, TlsOptions, UserAddOptions,
};
use polyspan_devnet::binaries;
use polyspan_devnet::eventually::eventually;
use polyspan_devnet::ports::free_port;
use polyspan_devnet::process::ChildProcess;
use polyspan_devnet::relay::Relay;
use polyspan_devnet::testing::{LONG_PATIENCE, PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::traffic::Traffic;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use toml::{Table, Value};

/// Under which all keys lie, as in the operator guide.
const PREFIX: &str = "/polyspan/relays";

/// One member, and what it takes to talk to it.
struct SecuredEtcd {
    url: String,
    ca: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
    /// Ended when it is dropped.
    _member: ChildProcess,
}

impl SecuredEtcd {
    async fn start(network: &TestNetwork) -> Self {
        let folder = network.spec.directory.join("secured");
        fs::create_dir(&folder).unwrap();
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let ca = secret(&folder, "ca.pem", &authority.pem());
        let [member, relays] = ["member", "relays"].map(|name| {
            let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
            params.extended_key_usages =
                vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
            let key = KeyPair::generate().unwrap();
            let certificate = params.signed_by(&key, &authority).unwrap().pem();
            [("pem", certificate), ("key", key.serialize_pem())]
                .map(|(kind, text)| secret(&folder, &format!("{name}.{kind}"), &text))
        });
        let url = format!("https://127.0.0.1:{}", free_port().unwrap());
        let peer = format!("http://127.0.0.1:{}", free_port().unwrap());
        let mut command = tokio::process::Command::new(binaries::etcd().unwrap());
        command
            .args(["--name", "secured", "--data-dir"])
            .arg(folder.join("data"))
            .args(["--listen-client-urls", &url, "--advertise-client-urls", &url])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
            .args(["--initial-cluster", &format!("secured={peer}")])
            .arg("--client-cert-auth")
            .arg("--trusted-ca-file")
            .arg(&ca)
            .arg("--cert-file")
            .arg(&member[0])
            .arg("--key-file")
            .arg(&member[1]);
        let process = network.spawn("secured-etcd", command).unwrap();
        let [certificate, key] = relays;
        Self { url, ca, certificate, key, _member: process }
    }

    /// A connection with the relays' certificate, as this user if any.
    async fn client(&self, user: Option<&str>) -> Client {
        let read = |path| fs::read(path).unwrap();
        let tls = TlsOptions::new()
            .ca_certificate(Certificate::from_pem(read(&self.ca)))
            .identity(Identity::from_pem(read(&self.certificate), read(&self.key)));
        let mut options = ConnectOptions::new().with_tls(tls);
        if let Some(user) = user {
            options = options.with_user(user, password(user));
        }
        eventually("the member answers", PATIENCE, || async {
            let Ok(mut client) = Client::connect([&self.url], Some(options.clone())).await else {
                return Ok(None);
            };
            Ok(client.status().await.is_ok().then_some(client))
        })
        .await
        .unwrap()
    }

    /// Users and roles by the operator guide, and no access without them from now on.
    async fn require_users(&self, relays: &[Relay]) {
        let mut client = self.client(None).await;
        for relay in relays {
            let name = relay.spec.name.as_str();
            client.role_add(name).await.unwrap();
            let own = Permission::read_write(format!("{PREFIX}/{name}/")).with_prefix();
            client.role_grant_permission(name, own).await.unwrap();
            let all = Permission::read(format!("{PREFIX}/")).with_prefix();
            client.role_grant_permission(name, all).await.unwrap();
            client.user_add(name, password(name), Some(UserAddOptions::new())).await.unwrap();
            client.user_grant_role(name, name).await.unwrap();
        }
        client.user_add("root", password("root"), Some(UserAddOptions::new())).await.unwrap();
        client.user_grant_role("root", "root").await.unwrap();
        client.auth_enable().await.unwrap();
    }

    /// Sends this relay here, in its config file.
    fn configure(&self, relay: &Relay) {
        let mut config: Table = fs::read_to_string(&relay.config).unwrap().parse().unwrap();
        let text = |path: &Path| Value::from(path.to_str().unwrap());
        let name = relay.spec.name.as_str();
        let password_file = secret(self.ca.parent().unwrap(), &format!("{name}.password"), &password(name));
        let tls = [("ca", &self.ca), ("certificate", &self.certificate), ("key", &self.key)];
        let coordination = [
            ("kind", Value::from("etcd")),
            ("endpoints", Value::from(vec![self.url.as_str()])),
            ("prefix", Value::from(PREFIX)),
            (
                "tls",
                Value::Table(tls.map(|(name, path)| (name.to_owned(), text(path))).into_iter().collect()),
            ),
            ("user", Value::from(name)),
            ("password_file", text(&password_file)),
        ];
        let coordination = coordination.map(|(name, value)| (name.to_owned(), value));
        config.insert("coordination".to_owned(), Value::Table(coordination.into_iter().collect()));
        fs::write(&relay.config, config.to_string()).unwrap();
    }
}

/// Writes a file that only its owner may read.
fn secret(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn password(user: &str) -> String {
    format!("password of {user}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relays_meet_in_an_etcd_that_trusts_each_with_its_own_prefix_only() {
    let mut network = TestNetwork::start(3, |_| {}).await.unwrap();
    let etcd = SecuredEtcd::start(&network).await;
    etcd.require_users(&network.relays).await;
    for relay in &network.relays {
        etcd.configure(relay);
    }
    network.start_relays().unwrap();
    network.wait_ready(LONG_PATIENCE).await.unwrap();
    Traffic::new(&network, 0, 0).unwrap().rounds(2, fresh_recipient()).await.unwrap();
    network.wait_blocks_of_both(2).await.unwrap();
    network.wait_all_handled(LONG_PATIENCE).await.unwrap();
    network.expect_complete().await.unwrap();

    let mut root = etcd.client(Some("root")).await;
    for relay in &network.relays {
        let state = relay.metric("polyspan_coordination_state", &["state=\"etcd\""]).await.unwrap();
        assert_eq!(state, Some(1.0), "{}", relay.spec.name);
        let below = format!("{PREFIX}/{}/", relay.spec.name);
        let found = root.get(below, Some(GetOptions::new().with_prefix())).await.unwrap();
        assert!(!found.kvs().is_empty(), "{} has published nothing", relay.spec.name);
    }
    // Who has the password of one relay has that relay's prefix, and no other.
    let [own, other] = [0, 1].map(|number| network.relays[number].spec.name.clone());
    let mut thief = etcd.client(Some(&own)).await;
    thief.put(format!("{PREFIX}/{own}/x"), "x", None).await.unwrap();
    let refused = thief.put(format!("{PREFIX}/{other}/x"), "x", None).await.unwrap_err();
    assert!(refused.to_string().contains("permission denied"), "{refused}");
}
