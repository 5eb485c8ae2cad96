//! The network of namespaces: parts reach one another, cuts are silent and one-way, and nothing is left behind.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use polyspan_devnet::eventually_true;
use polyspan_devnet::host::Host;
use polyspan_devnet::lan::Lan;
use polyspan_devnet::testing::PATIENCE;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a question may take before it counts as lost.
const LOST: Duration = Duration::from_secs(2);

#[tokio::test]
async fn any_pair_of_parts_can_be_cut_and_healed() {
    let lan = Lan::create().unwrap();
    let [a, b, c] = ["a", "b", "c"].map(|name| lan.host(name).unwrap());
    let (at_a, at_b) = (echo(&a).await, echo(&b).await);
    for (from, to) in [(&a, at_b), (&b, at_a), (&c, at_a), (&c, at_b)] {
        assert!(answers(from, to).await);
    }
    assert!(answers(&Host::loopback(), at_a).await, "this host is not connected");

    // A question that arrives and an answer that does not are as silent as a lost question.
    lan.cut(&a, &b).unwrap();
    assert!(!answers(&a, at_b).await && !answers(&b, at_a).await);
    assert!(answers(&c, at_a).await && answers(&c, at_b).await, "others are not touched");
    lan.heal().unwrap();
    assert!(answers(&a, at_b).await && answers(&b, at_a).await);

    lan.cut_apart(&[&a, &b], &[&c]).unwrap();
    assert!(!answers(&c, at_a).await && !answers(&c, at_b).await);
    assert!(answers(&a, at_b).await);
    lan.heal().unwrap();
    assert!(answers(&c, at_a).await && answers(&c, at_b).await);
}

#[tokio::test]
async fn an_open_connection_goes_on_after_a_cut() {
    let lan = Lan::create().unwrap();
    let [a, b] = ["a", "b"].map(|name| lan.host(name).unwrap());
    let at_b = echo(&b).await;
    let talk = a.runtime().spawn(TcpStream::connect(at_b));
    let mut stream = talk.await.unwrap().unwrap();
    assert_eq!(say(&mut stream).await, Some(()));
    lan.cut_apart(&[&a], &[&b]).unwrap();
    assert_eq!(say(&mut stream).await, None, "a cut connection carries nothing");
    lan.heal().unwrap();
    // The kernel sends again what was lost; the answer to it comes first.
    let mut answer = [0];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut answer)).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_network_leaves_nothing_behind_and_sweeps_what_the_dead_left() {
    let lan = Lan::create().unwrap();
    let host = lan.host("part").unwrap();
    let mine = format!("polyspan-{}-", std::process::id());
    // A process that has ended, so its id is nobody's.
    let mut dead = Command::new("true").spawn().unwrap();
    dead.wait().unwrap();
    let abandoned = format!("polyspan-{}-1-hub", dead.id());
    let foreign = format!("polyspan-of-somebody-{}", dead.id());
    for name in [&abandoned, &foreign] {
        assert!(Command::new("ip").args(["netns", "add", name]).status().unwrap().success());
    }
    let other = Lan::create().unwrap();
    assert!(!exists(&abandoned), "what a dead process left is still there");
    assert!(exists(&foreign), "somebody else's namespace was removed");
    assert!(Command::new("ip").args(["netns", "del", &foreign]).status().unwrap().success());
    let name = namespaces().into_iter().find(|name| name.starts_with(&mine) && name.ends_with("-part"));
    let name = name.expect("a living process's namespace was removed");
    drop((host, lan, other));
    let gone = || async { Ok(!exists(&name)) };
    eventually_true("the namespaces are gone", PATIENCE, gone).await.unwrap();
}

/// Starts a server on a port of `host` that says again what it hears.
async fn echo(host: &Host) -> SocketAddr {
    let place = host.socket(7).unwrap();
    let listener = host.runtime().spawn(TcpListener::bind(place)).await.unwrap().unwrap();
    let address = listener.local_addr().unwrap();
    host.runtime().spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                tokio::io::copy(&mut from, &mut to).await.unwrap_or_default()
            });
        }
    });
    address
}

async fn answers(from: &Host, to: SocketAddr) -> bool {
    let ask = async move {
        let mut stream = TcpStream::connect(to).await.ok()?;
        say(&mut stream).await
    };
    let asked = from.runtime().spawn(async move { tokio::time::timeout(LOST, ask).await });
    asked.await.unwrap().ok().flatten().is_some()
}

async fn say(stream: &mut TcpStream) -> Option<()> {
    let talk = async {
        stream.write_all(b"x").await.ok()?;
        let mut answer = [0];
        stream.read_exact(&mut answer).await.ok().map(drop)
    };
    tokio::time::timeout(LOST, talk).await.ok().flatten()
}

fn exists(name: &str) -> bool {
    Path::new("/run/netns").join(name).exists()
}

fn namespaces() -> Vec<String> {
    let entries = std::fs::read_dir("/run/netns").unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}
