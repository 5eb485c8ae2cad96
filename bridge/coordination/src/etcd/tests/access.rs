//! Users, roles and certificates.

use std::path::Path;

use etcd_client::{Permission, UserAddOptions};
use futures::StreamExt;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};

use super::*;
use crate::testing::{LiveMember, PATIENCE, attestation, eventually, lane, member};

/// Turns authentication on: `root`, and a user for each name whose role may write its own prefix and read everybody's.
async fn with_roles(cluster: &Cluster, names: &[&str]) {
    let mut client = cluster.client(0).await.unwrap();
    for name in names {
        client.role_add(*name).await.unwrap();
        let own = Permission::read_write(format!("{}/{name}/", EtcdSettings::PREFIX)).with_prefix();
        let all = Permission::read(format!("{}/", EtcdSettings::PREFIX)).with_prefix();
        client.role_grant_permission(*name, own).await.unwrap();
        client.role_grant_permission(*name, all).await.unwrap();
        client.user_add(*name, format!("secret of {name}"), None).await.unwrap();
        client.user_grant_role(*name, *name).await.unwrap();
    }
    client.role_add("root").await.unwrap();
    client.user_add("root", "secret", None::<UserAddOptions>).await.unwrap();
    client.user_grant_role("root", "root").await.unwrap();
    client.auth_enable().await.unwrap();
}

fn settings_of(cluster: &Cluster, user: &str, password: &str) -> EtcdSettings {
    let credentials = EtcdCredentials { user: user.to_owned(), password: password.to_owned() };
    EtcdSettings { credentials: Some(credentials), ..cluster.settings() }
}

async fn connect(cluster: &Cluster, name: &str) -> Arc<dyn Coordinator> {
    let settings = settings_of(cluster, name, &format!("secret of {name}"));
    Arc::new(EtcdCoordinator::open(&settings).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_for_the_own_prefix_is_enough_and_no_other_prefix_can_be_written() {
    let mut cluster = Cluster::start(1).await;
    with_roles(&cluster, &["a", "b"]).await;
    let first = connect(&cluster, "a").await;
    first.join(&member("a")).await.unwrap();
    let second = connect(&cluster, "b").await;
    second.join(&member("b")).await.unwrap();
    let mut stream = second.follow(lane(1));
    first.publish(&attestation(lane(1), 1, 1, 1)).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap(), attestation(lane(1), 1, 1, 1));
    assert_eq!(first.members().await.unwrap().len(), 2);
    eventually(PATIENCE, "leads", || async { first.campaign(lane(1)).await.unwrap().own.then_some(()) })
        .await;
    first.prune(lane(1), polyspan_types::RequestNonce::new(1)).await.unwrap();
    first.resign(lane(1)).await.unwrap();

    // With the rights of `b`, nobody is `a`.
    let thief = connect(&cluster, "b").await;
    let refused = thief.join(&member("a")).await.unwrap_err();
    assert!(matches!(refused, CoordinationError::Refused { .. }), "{refused}");
    assert!(refused.to_string().contains("permission denied"), "{refused}");
    let refused = thief.publish(&attestation(lane(1), 9, 1, 1)).await.unwrap_err();
    assert!(matches!(refused, CoordinationError::Refused { .. }), "{refused}");

    // Tokens are forgotten in a restart; the next calls log in again.
    cluster.kill(0);
    cluster.start_member(0);
    let second = LiveMember::beat(second, LEASE);
    eventually(PATIENCE, "published", || async { first.publish(&attestation(lane(1), 2, 1, 1)).await.ok() })
        .await;
    let found = async {
        loop {
            if let Some(Ok(found)) = stream.next().await {
                break found;
            }
        }
    };
    let found = tokio::time::timeout(PATIENCE, found).await.unwrap();
    assert_eq!(found, attestation(lane(1), 2, 1, 1));
    first.leave().await.unwrap();
    drop(second);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_named_without_showing_it() {
    let cluster = Cluster::start(1).await;
    with_roles(&cluster, &["a"]).await;
    let wrong = EtcdCoordinator::open(&settings_of(&cluster, "a", "hunter2")).await.unwrap();
    let refused = wrong.join(&member("a")).await.unwrap_err();
    assert!(matches!(refused, CoordinationError::Refused { .. }), "{refused}");
    let shown = format!("{refused} {refused:?} {:?} {wrong:?}", settings_of(&cluster, "a", "hunter2"));
    assert!(shown.contains("coordination.user") && !shown.contains("hunter2"), "{shown}");
    let nobody = EtcdCoordinator::open(&cluster.settings()).await.unwrap();
    let refused = nobody.join(&member("a")).await.unwrap_err();
    assert!(matches!(refused, CoordinationError::Refused { .. }), "{refused}");
}

struct Certificates {
    ca: String,
    server: (String, String),
    relay: (String, String),
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn certificate(ca: &CertifiedIssuer<'static, KeyPair>) -> (String, String) {
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate().unwrap();
    (params.signed_by(&key, ca).unwrap().pem(), key.serialize_pem())
}

fn certificates() -> Certificates {
    let ca = authority();
    Certificates { server: certificate(&ca), relay: certificate(&ca), ca: ca.pem() }
}

fn flags(folder: &Path, certificates: &Certificates) -> Vec<String> {
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    vec![
        format!("--cert-file={}", write("server.pem", &certificates.server.0)),
        format!("--key-file={}", write("server.key", &certificates.server.1)),
        format!("--trusted-ca-file={}", write("ca.pem", &certificates.ca)),
        "--client-cert-auth=true".to_owned(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_asked_for_and_checked_on_both_sides() {
    let certificates = certificates();
    let cluster = Cluster::prepare(1);
    let flags = flags(cluster.folder(), &certificates);
    let mut cluster = cluster.with_flags(flags);
    cluster.start_all();
    let url = cluster.endpoint(0).replace("http://", "https://");
    let tls = |ca: &str, identity: Option<(&String, &String)>| EtcdSettings {
        lease: LEASE,
        tls: Some(EtcdTls {
            ca: ca.as_bytes().to_vec(),
            identity: identity
                .map(|(certificate, key)| (certificate.clone().into_bytes(), key.clone().into_bytes())),
        }),
        ..EtcdSettings::new(vec![url.clone()])
    };
    let (certificate, key) = (&certificates.relay.0, &certificates.relay.1);
    let good = EtcdCoordinator::open(&tls(&certificates.ca, Some((certificate, key)))).await.unwrap();
    eventually(PATIENCE, "join", || async { good.join(&member("a")).await.ok() }).await;
    good.publish(&attestation(lane(1), 1, 1, 1)).await.unwrap();

    let stranger = self::certificate(&authority());
    let bad = [
        tls(&certificates.ca, None),
        tls(&certificates.ca, Some((&stranger.0, &stranger.1))),
        tls(&authority().pem(), Some((certificate, key))),
        EtcdSettings::new(vec![cluster.endpoint(0)]),
    ];
    for settings in bad {
        let coordinator = EtcdCoordinator::open(&settings).await.unwrap();
        let failed = coordinator.join(&member("b")).await.unwrap_err();
        assert!(matches!(failed, CoordinationError::Unreachable { .. }), "{failed}");
    }
    let mut broken = tls("no certificate", Some((certificate, key)));
    let text = match EtcdCoordinator::open(&broken).await {
        Err(error) => error.to_string(),
        Ok(coordinator) => coordinator.join(&member("b")).await.unwrap_err().to_string(),
    };
    assert!(text.contains(&url), "{text}");
    broken.endpoints = vec!["not a url at all".to_owned()];
    let error = EtcdCoordinator::open(&broken).await.unwrap_err();
    assert!(matches!(error, CoordinationError::Etcd { .. }), "{error}");
}
