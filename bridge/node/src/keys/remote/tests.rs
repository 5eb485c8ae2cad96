//! Signers as they answer: a real node, Web3Signer by its documentation, and ones that are wrong.

mod tls;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alloy::consensus::{SignableTransaction, TxEip1559, TxLegacy};
use alloy::primitives::U256;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use polyspan_chain::testing::{AnvilOptions, AnvilProcess, development_key};
use polyspan_types::{BridgeId, ChainId, Epoch, HoldAction, Leaf, RequestNonce, Root};
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::*;
use crate::keys::{NamedBy, SigningKey};

/// The key of Web3Signer's public acceptance tests for `eth1`, and its name there.
const PUBLISHED_KEY: &str = "8f2a55949038a9610f50fb23b5883af3b4ecb3c3bb792cbcefbd1542c692be63";
const PUBLISHED_NAME: &str = "09b02f8a5fddd222ade4ea4528faefc399623af3f736be3c44f03e2df22fb792f3931a4d9573d333ca74343305762a753388c3422a86d98b713fc91c1ea04842";

fn checkpoint() -> Checkpoint {
    Checkpoint {
        bridge_id: BridgeId(B256::repeat_byte(0xb1)),
        epoch: Epoch::new(3),
        nonce: RequestNonce::new(u64::MAX),
        root: Root(B256::repeat_byte(0x0a)),
    }
}

fn domain() -> CheckpointDomain {
    CheckpointDomain::new(ChainId::new(31_002), Address::repeat_byte(0xcc))
}

fn settings(protocol: RemoteProtocol, url: &str, address: Address) -> RemoteSignerSettings {
    RemoteSignerSettings {
        protocol,
        url: url.parse().unwrap(),
        address,
        timeout: Duration::from_secs(5),
        ca_file: None,
        client_identity: None,
        credentials: None,
        named_by: NamedBy::Section("relay.attester".to_owned()),
    }
}

fn signer(protocol: RemoteProtocol, address: SocketAddr, key: Address) -> RemoteSigner {
    RemoteSigner::build(&settings(protocol, &format!("http://{address}"), key)).unwrap()
}

/// Serves until the runtime of the test ends.
async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// A JSON-RPC signer that always answers this.
async fn answering(status: StatusCode, body: String) -> SocketAddr {
    serve(Router::new().route("/", post(move || async move { (status, body) }))).await
}

fn result(signature: impl AsRef<[u8]>) -> String {
    json!({ "jsonrpc": "2.0", "id": 1, "result": hex::encode_prefixed(signature) }).to_string()
}

#[tokio::test]
async fn a_real_node_signs_what_the_contract_counts() {
    let anvil = AnvilProcess::start(&AnvilOptions::default()).await.unwrap();
    let url = anvil.http_url().to_string();
    let own = development_key(1).address();
    let signer = RemoteSigner::build(&settings(RemoteProtocol::TypedData, &url, own)).unwrap();
    let signature = signer.sign(&checkpoint(), &domain()).await.unwrap();
    let expected = development_key(1).sign_hash_sync(&checkpoint().digest(&domain())).unwrap();
    assert_eq!(signature, expected, "both sign without chance (RFC 6979)");
    SigningKey::Remote(signer.clone()).try_out(ChainId::new(1)).await.unwrap();
    let decision = HoldDecision {
        action: HoldAction::ForceHold,
        bridge_id: BridgeId(B256::repeat_byte(0xb1)),
        epoch: Epoch::new(3),
        nonce: RequestNonce::new(u64::MAX),
        leaf: Leaf(B256::repeat_byte(0x0b)),
    };
    let signature = signer.sign_decision(&decision, &domain()).await.unwrap();
    assert_eq!(signature, development_key(1).sign_hash_sync(&decision.digest(&domain())).unwrap());
    let pause = Pause { pause_nonce: u64::MAX };
    let signature = signer.sign_pause(pause, &domain()).await.unwrap();
    assert_eq!(signature, development_key(1).sign_hash_sync(&pause.digest(&domain())).unwrap());

    let instance = B256::repeat_byte(1);
    let presence = |answers| Presence { member: "relay-1".to_owned(), instance, answers };
    for presence in [presence(Vec::new()), presence(vec![B256::repeat_byte(2), B256::repeat_byte(3)])] {
        let signature = signer.sign_presence(&presence).await.unwrap();
        assert_eq!(signature, development_key(1).sign_hash_sync(&presence.digest()).unwrap());
    }

    let stranger = PrivateKeySigner::random().address();
    let other = RemoteSigner::build(&settings(RemoteProtocol::TypedData, &url, stranger)).unwrap();
    let error = other.sign(&checkpoint(), &domain()).await.unwrap_err();
    assert!(matches!(error, RemoteError::Refused { .. }), "{error}");
}

/// Web3Signer's `eth1` by its OpenAPI page: keys are named by their public halves, `data` is hashed with keccak and
/// without a prefix, the answer is the signature as plain text, and an unknown key is a 404.
struct Web3Signer {
    key: PrivateKeySigner,
    name: String,
    asked: Mutex<Vec<String>>,
}

async fn web3signer(key: PrivateKeySigner, name: &str) -> (Arc<Web3Signer>, SocketAddr) {
    let state = Arc::new(Web3Signer { key, name: name.to_owned(), asked: Mutex::default() });
    let keys = |State(state): State<Arc<Web3Signer>>| async move {
        state.asked.lock().unwrap().push("keys".to_owned());
        axum::Json(vec![format!("0x{}", "11".repeat(64)), format!("0x{}", state.name)])
    };
    let sign = |State(state): State<Arc<Web3Signer>>, Path(name): Path<String>, body: axum::Json<Value>| async move {
        state.asked.lock().unwrap().push("sign".to_owned());
        if name.trim_start_matches("0x") != state.name {
            return Err(StatusCode::NOT_FOUND);
        }
        let data = body["data"].as_str().and_then(|data| hex::decode(data).ok());
        let data = data.ok_or(StatusCode::BAD_REQUEST)?;
        let signature = state.key.sign_hash_sync(&keccak256(data)).unwrap();
        Ok(hex::encode_prefixed(signature.as_bytes()))
    };
    let router = Router::new()
        .route("/api/v1/eth1/publicKeys", get(keys))
        .route("/api/v1/eth1/sign/{identifier}", post(sign))
        .with_state(Arc::clone(&state));
    (state, serve(router).await)
}

#[tokio::test]
async fn web3signer_is_asked_as_its_documentation_says() {
    let key: PrivateKeySigner = PUBLISHED_KEY.parse().unwrap();
    let own = key.address();
    assert_eq!(address_of(PUBLISHED_NAME), Some(own));
    assert_eq!(address_of(&format!("0x04{PUBLISHED_NAME}")), Some(own));
    let (server, address) = web3signer(key.clone(), PUBLISHED_NAME).await;
    let signer = signer(RemoteProtocol::Web3Signer, address, own);
    for _ in 0..2 {
        let signature = signer.sign(&checkpoint(), &domain()).await.unwrap();
        assert_eq!(signature, key.sign_hash_sync(&checkpoint().digest(&domain())).unwrap());
    }
    assert_eq!(*server.asked.lock().unwrap(), ["keys", "sign", "sign"], "the key is looked up once");
}

#[tokio::test]
async fn web3signer_signs_transactions_as_the_key_itself_does() {
    let key: PrivateKeySigner = PUBLISHED_KEY.parse().unwrap();
    let (_, address) = web3signer(key.clone(), PUBLISHED_NAME).await;
    let remote = SigningKey::Remote(signer(RemoteProtocol::Web3Signer, address, key.address()));
    let dynamic = TxEip1559 { chain_id: 31_002, nonce: 7, max_fee_per_gas: 30, ..TxEip1559::default() };
    let signature = remote.sign_transaction(&dynamic).await.unwrap();
    assert_eq!(signature, key.sign_hash_sync(&dynamic.signature_hash()).unwrap());
    // The chain id of EIP-155 is among what is signed.
    let legacy = TxLegacy { chain_id: Some(31_002), gas_price: 3, ..TxLegacy::default() };
    let signature = remote.sign_transaction(&legacy).await.unwrap();
    assert_eq!(signature, key.sign_hash_sync(&legacy.signature_hash()).unwrap());

    let typed = signer(RemoteProtocol::TypedData, address, key.address());
    let error = SigningKey::Remote(typed).sign_transaction(&legacy).await.unwrap_err();
    assert!(error.to_string().contains("is for what operators sign"), "{error}");
}

#[tokio::test]
async fn a_key_that_web3signer_does_not_have_is_named_and_looked_up_again() {
    let key: PrivateKeySigner = PUBLISHED_KEY.parse().unwrap();
    let (_, address) = web3signer(key.clone(), PUBLISHED_NAME).await;
    let stranger = PrivateKeySigner::random().address();
    let error = signer(RemoteProtocol::Web3Signer, address, stranger).sign(&checkpoint(), &domain()).await;
    assert!(matches!(error, Err(RemoteError::NoKey { address, .. }) if address == stranger), "{error:?}");

    let gone = signer(RemoteProtocol::Web3Signer, address, key.address());
    *gone.identifier() = Some("22".repeat(64));
    let error = gone.sign(&checkpoint(), &domain()).await.unwrap_err();
    assert!(matches!(error, RemoteError::NoKey { .. }), "{error}");
    gone.sign(&checkpoint(), &domain()).await.unwrap();
}

#[tokio::test]
async fn an_answer_that_is_not_the_signature_asked_for_is_never_taken() {
    let key = PrivateKeySigner::random();
    let right = key.sign_hash_sync(&checkpoint().digest(&domain())).unwrap();
    let order = U256::from_str_radix("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", 16);
    let high = Signature::new(right.r(), order.unwrap() - right.s(), !right.v());
    let foreign = PrivateKeySigner::random().sign_hash_sync(&checkpoint().digest(&domain())).unwrap();
    let over_else = key.sign_hash_sync(&B256::repeat_byte(7)).unwrap();
    let wrong = [
        (result(high.as_bytes()), "high s"),
        (result(foreign.as_bytes()), "not of"),
        (result(over_else.as_bytes()), "not of"),
        (result(&right.as_bytes()[..64]), "65 bytes"),
        (result([0xff; 65]), "a signature"),
        (result([0; 65]), "a signature"),
        ("<html>".to_owned(), "no JSON-RPC answer"),
        ("{}".to_owned(), "no signature"),
        (r#"{"result":{"signature":"0x"}}"#.to_owned(), "no signature"),
        ("x".repeat(2 << 20), "more than"),
        (
            r#"{"error":{"code":4001,"message":"rejected\nby policy"}}"#.to_owned(),
            "rejected by policy (code 4001)",
        ),
    ];
    for (body, expected) in wrong {
        let address = answering(StatusCode::OK, body.clone()).await;
        let signer = signer(RemoteProtocol::TypedData, address, key.address());
        let error = signer.sign(&checkpoint(), &domain()).await.unwrap_err().to_string();
        let start: String = body.chars().take(80).collect();
        assert!(error.contains(expected), "{start}: {error}");
        assert!(error.contains("; "), "it names a cure: {error}");
    }
    let address = answering(StatusCode::OK, result(right.as_bytes())).await;
    let signature =
        signer(RemoteProtocol::TypedData, address, key.address()).sign(&checkpoint(), &domain()).await;
    assert_eq!(signature.unwrap(), right);
}

#[tokio::test]
async fn credentials_go_along_and_never_into_an_error() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        file
    };
    // It tells whoever asks with what words it was asked.
    let echo = |headers: HeaderMap| async move {
        let said = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
        (StatusCode::UNAUTHORIZED, said.unwrap_or_default())
    };
    let address = serve(Router::new().route("/hidden-path", post(echo))).await;
    let base = settings(RemoteProtocol::TypedData, &format!("http://{address}/hidden-path"), Address::ZERO);
    let token = CredentialsFile::Token(file("token", "tok3n-of-the-relay\n"));
    let with = RemoteSignerSettings { credentials: Some(token), ..base.clone() };
    let signer = RemoteSigner::build(&with).unwrap();
    let error = signer.sign(&checkpoint(), &domain()).await.unwrap_err().to_string();
    assert!(error.contains("401") && error.contains("Bearer …"), "{error}");
    assert!(!error.contains("tok3n") && !error.contains("hidden-path"), "{error}");
    assert!(!format!("{signer:?}").contains("tok3n"));

    let basic = CredentialsFile::Basic(file("basic", "relay:pa55:word"));
    let with = RemoteSignerSettings { credentials: Some(basic), ..base.clone() };
    let error = RemoteSigner::build(&with).unwrap().sign(&checkpoint(), &domain()).await.unwrap_err();
    let error = error.to_string();
    assert!(error.contains("401") && !error.contains("pa55") && !error.contains("cmVsYXk"), "{error}");

    for (name, text, expected) in
        [("no-colon", "relay", "no colon"), ("empty", "\n", "empty"), ("control", "a\u{1}b", "ASCII")]
    {
        let file = file(name, text);
        let credentials =
            if name == "no-colon" { CredentialsFile::Basic(file) } else { CredentialsFile::Token(file) };
        let with = RemoteSignerSettings { credentials: Some(credentials), ..base.clone() };
        let error = RemoteSigner::build(&with).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains(name), "{error}");
    }
}

#[tokio::test]
async fn a_signer_that_is_away_or_silent_is_told_within_its_deadline() {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let nobody = free.local_addr().unwrap();
    drop(free);
    let error = signer(RemoteProtocol::TypedData, nobody, Address::ZERO).sign(&checkpoint(), &domain()).await;
    assert!(matches!(error, Err(RemoteError::Unreachable { .. })), "{error:?}");

    let silent = Router::new().route("/", post(std::future::pending::<()>));
    let url = format!("http://{}", serve(silent).await);
    let impatient = RemoteSignerSettings {
        timeout: Duration::from_millis(200),
        ..settings(RemoteProtocol::TypedData, &url, Address::ZERO)
    };
    let error = RemoteSigner::build(&impatient).unwrap().sign(&checkpoint(), &domain()).await;
    let (after, setting) = (Duration::from_millis(200), "relay.attester.timeout".to_owned());
    assert_eq!(error, Err(RemoteError::Timeout { signer: url, after, setting }));
}

#[test]
fn plain_http_and_secrets_in_a_url_are_refused() {
    for fine in ["https://signer:9000/x", "http://127.0.0.1:9000", "http://[::1]:9000", "http://localhost"] {
        assert!(signer_url(fine).is_ok(), "{fine}");
    }
    for (text, expected) in [
        ("http://10.0.0.1:9000", SignerUrlError::Plain),
        ("http://signer.local", SignerUrlError::Plain),
        ("http://127.0.0.1.example.org", SignerUrlError::Plain),
        ("https://user:pass@signer", SignerUrlError::Secret),
        ("ws://127.0.0.1", SignerUrlError::Malformed),
        ("signer", SignerUrlError::Malformed),
    ] {
        assert_eq!(signer_url(text), Err(expected), "{text}");
        assert!(!expected.to_string().contains("pass@"));
    }
}
