//! A signer behind TLS that lets in only whom its authority knows.

use std::path::PathBuf;

use axum::serve::Listener;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;

use super::*;

/// An authority, and whom it has certified.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A certificate for this name and its key. PEM.
    fn certify(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

/// Connections after their handshake; those that do not come through it are dropped.
struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, peer)) = self.listener.accept().await else { continue };
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, peer);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// Serves `router` to those that `authority` has certified.
async fn serve_tls(authority: &Authority, router: Router) -> SocketAddr {
    let (certificate, key) = authority.certify("localhost");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.0.pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients.build().unwrap())
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
        )
        .unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let tls = TlsListener { listener, acceptor: TlsAcceptor::from(Arc::new(config)) };
    tokio::spawn(async move { axum::serve(tls, router).await });
    address
}

#[tokio::test]
async fn over_tls_both_sides_prove_who_they_are() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str, text: &str| -> PathBuf {
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        file
    };
    let key = PrivateKeySigner::random();
    let body = result(key.sign_hash_sync(&checkpoint().digest(&domain())).unwrap().as_bytes());
    let (authority, stranger) = (Authority::new(), Authority::new());
    let router = Router::new().route("/", post(move || async move { body }));
    let port = serve_tls(&authority, router).await.port();

    let identity = |of: &Authority, name: &str| {
        let (certificate, key) = of.certify("relay");
        let certificate = file(&format!("{name}.pem"), &certificate);
        Some(ClientIdentity { certificate, key: file(&format!("{name}.key"), &key) })
    };
    let right = RemoteSignerSettings {
        ca_file: Some(file("ca.pem", &authority.0.pem())),
        client_identity: identity(&authority, "relay"),
        ..settings(RemoteProtocol::TypedData, &format!("https://localhost:{port}"), key.address())
    };
    RemoteSigner::build(&right).unwrap().sign(&checkpoint(), &domain()).await.unwrap();

    let wrong = [
        RemoteSignerSettings { ca_file: None, ..right.clone() },
        RemoteSignerSettings { ca_file: Some(file("other.pem", &stranger.0.pem())), ..right.clone() },
        RemoteSignerSettings { client_identity: None, ..right.clone() },
        RemoteSignerSettings { client_identity: identity(&stranger, "stranger"), ..right.clone() },
    ];
    for settings in wrong {
        let error = RemoteSigner::build(&settings).unwrap().sign(&checkpoint(), &domain()).await;
        assert!(matches!(error, Err(RemoteError::Unreachable { .. })), "{settings:?}: {error:?}");
    }

    for (name, ca_file) in [("empty.pem", ""), ("noise.pem", "-----BEGIN CERTIFICATE-----\n!\n")] {
        let settings = RemoteSignerSettings { ca_file: Some(file(name, ca_file)), ..right.clone() };
        let error = RemoteSigner::build(&settings).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("PEM"), "{error}");
    }
    let mut swapped = right.clone();
    swapped.client_identity = Some(ClientIdentity {
        certificate: file("one.pem", &authority.certify("relay").0),
        key: file("none.key", "no key"),
    });
    let error = RemoteSigner::build(&swapped).unwrap_err().to_string();
    assert!(error.contains("none.key") && error.contains("PEM"), "{error}");
}
