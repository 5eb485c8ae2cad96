//! Over real sockets.

use std::net::Ipv4Addr;

use prometheus::IntCounter;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;

use super::*;

/// Longer than anything here takes on a busy machine. Unit: seconds.
const PATIENCE: Duration = Duration::from_secs(20);

struct Running {
    address: SocketAddr,
    registry: Registry,
    health: Health,
    stop: CancellationToken,
    task: JoinHandle<Result<(), ServeError>>,
}

fn any_port() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

fn start_with(limits: Limits) -> Running {
    let (registry, health, stop) = (Registry::new(), Health::new(), CancellationToken::new());
    let mut server = Server::bind(any_port(), registry.clone(), health.clone()).unwrap();
    server.limits = limits;
    let address = server.local_addr();
    let task = tokio::spawn(server.run(stop.clone()));
    Running { address, registry, health, stop, task }
}

fn start() -> Running {
    start_with(Limits::DEFAULT)
}

/// The whole answer to one request as raw text.
async fn send(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    read_all(&mut stream).await
}

async fn read_all(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    // A reset is an end as well: a server that refuses does not have to read what the client still sends.
    drop(read.expect("the server ends each connection"));
    String::from_utf8(answer).unwrap()
}

async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let answer = send(address, &format!("GET {path} HTTP/1.1\r\nHost: relay\r\n\r\n")).await;
    (status_of(&answer), answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

fn status_of(answer: &str) -> u16 {
    answer.split(' ').nth(1).unwrap_or_else(|| panic!("no status in {answer:?}")).parse().unwrap()
}

#[tokio::test]
async fn metrics_are_prometheus_text() {
    let relay = start();
    let counter = IntCounter::new("polyspan_test_things_total", "Things.").unwrap();
    counter.inc_by(7);
    relay.registry.register(Box::new(counter)).unwrap();

    let answer = send(relay.address, "GET /metrics HTTP/1.1\r\nHost: relay\r\n\r\n").await;
    assert_eq!(status_of(&answer), 200);
    let head = answer.to_lowercase();
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{answer}");
    assert!(head.contains("cache-control: no-store"), "{answer}");
    assert!(head.contains("x-content-type-options: nosniff"), "{answer}");
    assert!(answer.contains("# HELP polyspan_test_things_total Things.\n"), "{answer}");
    assert!(answer.contains("polyspan_test_things_total 7\n"), "{answer}");
}

#[tokio::test]
async fn readiness_follows_the_parts_and_tells_reasons() {
    let relay = start();
    let (chain, store) = (relay.health.part("chain main"), relay.health.part("store"));
    store.ok();
    chain.failing("127.0.0.1:8545 does not answer");
    let (status, body) = get(relay.address, "/readyz").await;
    assert_eq!(status, 503);
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["ready"], false);
    assert_eq!(body["reasons"][0]["part"], "chain main");
    assert_eq!(body["reasons"][0]["reason"], "127.0.0.1:8545 does not answer");
    // Not ready is no reason to be restarted.
    assert_eq!(get(relay.address, "/livez").await.0, 200);

    chain.ok();
    assert_eq!(get(relay.address, "/readyz").await, (200, r#"{"ready":true,"reasons":[]}"#.to_owned()));
}

#[tokio::test]
async fn an_ended_critical_part_ends_liveness() {
    let relay = start();
    relay.health.part("coordinator").failing("no answer");
    relay.health.part("attest").ended("two roots for nonce 7");
    let (status, body) = get(relay.address, "/livez").await;
    assert_eq!(status, 503);
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["live"], false);
    assert_eq!(body["reasons"].as_array().unwrap().len(), 1);
    assert_eq!(body["reasons"][0]["part"], "attest");
}

#[tokio::test]
async fn only_get_and_head_are_answered_and_unknown_paths_are_told() {
    let relay = start();
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let request = format!("{method} /metrics HTTP/1.1\r\nHost: relay\r\nContent-Length: 2\r\n\r\n{{}}");
        assert_eq!(status_of(&send(relay.address, &request).await), 405, "{method}");
    }
    let head = send(relay.address, "HEAD /livez HTTP/1.1\r\nHost: relay\r\n\r\n").await;
    assert_eq!(status_of(&head), 200);
    let (status, body) = get(relay.address, "/").await;
    assert_eq!((status, body.as_str()), (404, "this address has /metrics, /livez and /readyz\n"));
    assert_eq!(get(relay.address, "/metrics/../etc/passwd").await.0, 404);
}

#[tokio::test]
async fn garbage_and_endless_heads_are_refused_and_harm_nobody() {
    let relay = start();
    let garbage = send(relay.address, "\u{0}\u{1}not http\r\n\r\n").await;
    assert!(garbage.is_empty() || status_of(&garbage) == 400, "{garbage}");
    let endless = format!("GET /metrics HTTP/1.1\r\nX-Long: {}\r\n\r\n", "a".repeat(4 * HEAD_LIMIT));
    let refused = send(relay.address, &endless).await;
    assert!(refused.is_empty() || status_of(&refused) == 431, "{refused}");
    assert_eq!(get(relay.address, "/livez").await.0, 200);
}

#[tokio::test]
async fn silent_clients_are_cut_off_and_the_next_one_is_served() {
    let limits = Limits { connections: 2, head: Duration::from_millis(200), ..Limits::DEFAULT };
    let relay = start_with(limits);
    let mut silent = Vec::new();
    for _ in 0..limits.connections {
        let mut stream = TcpStream::connect(relay.address).await.unwrap();
        stream.write_all(b"GET /metrics HTT").await.unwrap();
        silent.push(stream);
    }
    assert_eq!(get(relay.address, "/livez").await.0, 200);
    for stream in &mut silent {
        let answer = read_all(stream).await;
        assert!(answer.is_empty() || status_of(&answer) == 408, "{answer}");
    }
}

#[tokio::test]
async fn two_thousand_silent_clients_keep_nobody_waiting() {
    // Nobody is cut off for being slow within this test.
    let limits = Limits { head: 10 * PATIENCE, connection: 10 * PATIENCE, ..Limits::DEFAULT };
    let running = start_with(limits);
    running.health.part("a").ok();
    let mut silent = Vec::new();
    for _ in 0..2_000 {
        silent.push(TcpStream::connect(running.address).await.unwrap());
    }
    let (status, _) = tokio::time::timeout(PATIENCE, get(running.address, "/livez")).await.unwrap();
    assert_eq!(status, 200);
}

#[tokio::test]
async fn a_connection_serves_one_request() {
    let relay = start();
    let twice = "GET /livez HTTP/1.1\r\nHost: relay\r\n\r\n".repeat(2);
    assert_eq!(send(relay.address, &twice).await.matches("HTTP/1.1 200").count(), 1);
}

#[tokio::test]
async fn the_stop_ends_it_and_frees_the_address() {
    let relay = start();
    assert_eq!(get(relay.address, "/livez").await.0, 200);
    let _idle = TcpStream::connect(relay.address).await.unwrap();
    relay.stop.cancel();
    tokio::time::timeout(PATIENCE, relay.task).await.expect("it ends").unwrap().unwrap();
    assert!(TcpStream::connect(relay.address).await.is_err());
    assert!(Server::bind(relay.address, Registry::new(), Health::new()).is_ok());
}

#[test]
fn an_address_in_use_is_named_with_the_cure() {
    let first = Server::bind(any_port(), Registry::new(), Health::new()).unwrap();
    let taken = first.local_addr();
    let error = Server::bind(taken, Registry::new(), Health::new()).unwrap_err();
    let expected = format!(
        "cannot listen on {taken}: the address is in use; stop the other process or give relay.listen another port"
    );
    assert_eq!(error.to_string(), expected);
}

#[test]
fn an_address_of_another_host_is_named_with_the_cure() {
    // 192.0.2.0/24 is reserved for documentation: no host has it. Source: RFC 5737.
    let elsewhere: SocketAddr = "192.0.2.1:9101".parse().unwrap();
    let error = Server::bind(elsewhere, Registry::new(), Health::new()).unwrap_err();
    assert!(matches!(error, ServeError::AddressNotAvailable(address) if address == elsewhere), "{error}");
}
