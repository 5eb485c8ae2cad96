//! Real processes, frozen with SIGSTOP at random moments: nobody else may notice more than silence.
//!
//! The other processes are this test binary again, told by an environment variable to be a member.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{FutureExt, StreamExt};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use polyspan_types::RequestNonce;
use rand::Rng;

use super::*;
use crate::testing::{LiveMember, PATIENCE, attestation, eventually, lane, member};

const DIRECTORY: &str = "POLYSPAN_TEST_COORDINATION_DIRECTORY";
const NAME: &str = "POLYSPAN_TEST_COORDINATION_NAME";
const PART: &str = "POLYSPAN_TEST_COORDINATION_PART";

/// Longest time that any one call may take while others are frozen. Far above a call's work on a loaded machine, far
/// below "until the other one is thawed".
const PROMPT: Duration = Duration::from_secs(5);

const SETTINGS: EmbeddedSettings =
    EmbeddedSettings { lease: Duration::from_secs(1), poll: Duration::from_millis(10) };

/// A member process; killed when dropped.
struct Process(Child);

impl Process {
    fn start(directory: &Path, name: &str, part: &str) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "embedded::frozen_tests::play_a_member_process", "--nocapture"])
            .envs([(NAME, name), (PART, part)])
            .env(DIRECTORY, directory)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.0.id()).unwrap()), signal).unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Not a test of its own: what the other processes run. Without the variables it does nothing.
#[tokio::test]
async fn play_a_member_process() {
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let name = std::env::var(NAME).unwrap();
    match std::env::var(PART).unwrap().as_str() {
        "write" => write_and_read_without_rest(Path::new(&directory), &name).await,
        "hold" => hold_the_write_lock(Path::new(&directory), &name),
        other => panic!("no such part: {other}"),
    }
}

async fn write_and_read_without_rest(directory: &Path, name: &str) {
    let coordinator = EmbeddedCoordinator::open(directory, SETTINGS).unwrap();
    coordinator.join(&member(name)).await.unwrap();
    let mut stream = coordinator.follow(lane(1));
    for nonce in 1.. {
        coordinator.report(&Report::default()).await.unwrap();
        coordinator.publish(&attestation(lane(1), nonce, name.as_bytes()[0], 1)).await.unwrap();
        coordinator.prune(lane(1), RequestNonce::new(nonce).minus(50)).await.unwrap();
        coordinator.campaign(lane(1)).await.unwrap();
        coordinator.members().await.unwrap();
        while stream.next().now_or_never().is_some() {}
    }
}

/// The worst that a reader of somebody's file could do: freeze with its write lock.
fn hold_the_write_lock(directory: &Path, name: &str) {
    let file = rusqlite::Connection::open(directory.join(format!("{name}.1.member"))).unwrap();
    file.execute_batch("BEGIN IMMEDIATE").unwrap();
    std::fs::write(directory.join("held"), "").unwrap();
    std::thread::sleep(Duration::from_secs(600));
}

async fn promptly<T>(what: &str, call: impl Future<Output = Result<T, CoordinationError>>) -> T {
    match tokio::time::timeout(PROMPT, call).await {
        Ok(result) => result.unwrap(),
        Err(_) => panic!("{what} had to wait for a frozen process"),
    }
}

async fn heartbeats(coordinator: &EmbeddedCoordinator, name: &str) -> Option<u64> {
    let views = coordinator.members().await.unwrap();
    views.into_iter().find(|view| view.member.id.as_str() == name).map(|view| view.last_seen_ms)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_frozen_at_any_moment_holds_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path();
    let own = EmbeddedCoordinator::open(directory, SETTINGS).unwrap();
    own.join(&member("own")).await.unwrap();
    let processes = ["a", "b"].map(|name| Process::start(directory, name, "write"));
    for name in ["a", "b"] {
        eventually(PATIENCE, "the process has joined", || heartbeats(&own, name)).await;
    }
    for round in 0..30_u64 {
        let (frozen, running) = if round % 2 == 0 { (0, "b") } else { (1, "a") };
        tokio::time::sleep(Duration::from_micros(rand::rng().random_range(0..30_000))).await;
        processes[frozen].signal(Signal::SIGSTOP);
        let before = heartbeats(&own, running).await;
        for step in 0..20 {
            let nonce = round * 20 + step + 1;
            promptly("report", own.report(&Report::default())).await;
            promptly("publish", own.publish(&attestation(lane(1), nonce, 9, 1))).await;
            promptly("campaign", own.campaign(lane(1))).await;
            promptly("members", own.members()).await;
        }
        // Third parties too: the other process goes on writing and reading.
        eventually(PROMPT, "the running process goes on", || async {
            let now = heartbeats(&own, running).await;
            (now > before).then_some(())
        })
        .await;
        // And whoever starts now gets in, and sees what the frozen one has published.
        let late = EmbeddedCoordinator::open(directory, SETTINGS).unwrap();
        promptly("join", late.join(&member(&format!("late-{round}")))).await;
        let found = promptly("read", late.attestations(lane(1), RequestNonce::ZERO)).await;
        assert!(!found.is_empty());
        promptly("leave", late.leave()).await;
        processes[frozen].signal(Signal::SIGCONT);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_leader_is_replaced_and_follows_when_it_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path();
    let leader = Process::start(directory, "a", "write");
    let own: Arc<dyn Coordinator> = Arc::new(EmbeddedCoordinator::open(directory, SETTINGS).unwrap());
    own.join(&member("own")).await.unwrap();
    let own = LiveMember::beat(own, SETTINGS.lease);
    let old = eventually(PATIENCE, "the process leads", || async {
        own.coordinator.leader(lane(1)).await.unwrap()
    })
    .await;
    leader.signal(Signal::SIGSTOP);
    let frozen_at = Instant::now();
    let new = eventually(PATIENCE, "the lane is taken over", || async {
        let seen = own.coordinator.campaign(lane(1)).await.unwrap();
        seen.own.then_some(seen)
    })
    .await;
    assert!(frozen_at.elapsed() > SETTINGS.lease / 2, "a live leader was deposed");
    assert!(new.term > old.1);
    leader.signal(Signal::SIGCONT);
    eventually(PATIENCE, "the old leader is alive again", || async {
        let views = own.coordinator.members().await.unwrap();
        views.iter().find(|view| view.member.id.as_str() == "a").filter(|view| view.alive).map(drop)
    })
    .await;
    for _ in 0..20 {
        let seen = own.coordinator.campaign(lane(1)).await.unwrap();
        assert_eq!((seen.own, seen.term), (true, new.term));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_whose_write_lock_is_taken_goes_on_in_a_new_file() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path();
    let own = EmbeddedCoordinator::open(directory, SETTINGS).unwrap();
    own.join(&member("own")).await.unwrap();
    own.publish(&attestation(lane(1), 1, 1, 1)).await.unwrap();
    let reader = EmbeddedCoordinator::open(directory, SETTINGS).unwrap();
    let mut stream = reader.follow(lane(1));
    assert_eq!(stream.next().await, Some(Ok(attestation(lane(1), 1, 1, 1))));
    let _holder = Process::start(directory, "own", "hold");
    eventually(PATIENCE, "the lock is taken", || async { directory.join("held").exists().then_some(()) })
        .await;
    promptly("report", own.report(&Report::default())).await;
    promptly("publish", own.publish(&attestation(lane(1), 2, 1, 1))).await;
    assert!(directory.join("own.2.member").exists());
    let next = tokio::time::timeout(PATIENCE, stream.next()).await.unwrap();
    assert_eq!(next, Some(Ok(attestation(lane(1), 2, 1, 1))));
}
