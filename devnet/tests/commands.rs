//! The `devnet` command itself: it says how to use what it started, and leaves nothing behind, however it ends.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use polyspan_devnet::eventually_true;
use polyspan_devnet::testing::{LONG_PATIENCE, PATIENCE};

/// A running `devnet up` with one relay for each lane.
struct Up {
    child: Child,
    folder: tempfile::TempDir,
}

impl Up {
    async fn start() -> Self {
        Self::start_with(&[], "warn").await
    }

    /// With these options, and this filter of its own log.
    async fn start_with(options: &[&str], filter: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let output = fs::File::create(folder.path().join("output")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_devnet"))
            .args(["up", "--relays", "1", "--dir"])
            .arg(folder.path().join("net"))
            .args(options)
            .env("RUST_LOG", filter)
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        let up = Self { child, folder };
        up.said("Ctrl-C ends everything").await;
        up
    }

    async fn said(&self, words: &str) {
        let look = || async { Ok(self.output().contains(words)) };
        eventually_true(&format!("devnet up says: {words}; it says {}", self.output()), LONG_PATIENCE, look)
            .await
            .unwrap();
    }

    fn output(&self) -> String {
        fs::read_to_string(self.folder.path().join("output")).unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    /// Waits until none of its parts is left, and returns its own exit code.
    async fn gone(mut self) -> (Option<i32>, String) {
        let net = self.folder.path().join("net");
        let look = || async { Ok(parts(&net).is_empty()) };
        eventually_true("no part is left", PATIENCE, look).await.unwrap();
        (self.child.wait().unwrap().code(), self.output())
    }
}

/// Ids and command lines of the processes that belong to the network in this directory.
fn parts(net: &Path) -> Vec<(i32, String)> {
    let net = net.to_str().unwrap();
    let mut parts = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().filter_map(Result::ok) {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // A process that ends meanwhile has no text any more.
        let text = |name: &str| {
            fs::read(entry.path().join(name)).map(|text| String::from_utf8_lossy(&text).into_owned())
        };
        let command = text("cmdline").unwrap_or_default().replace('\0', " ");
        let is_relay = command.contains(" relay ") && command.contains(net);
        let is_chain = command.contains("--chain-id") && text("environ").unwrap_or_default().contains(net);
        let is_member = command.contains("etcd") && command.contains("--data-dir") && command.contains(net);
        if is_relay || is_chain || is_member {
            parts.push((id, command));
        }
    }
    parts
}

#[tokio::test]
async fn a_network_is_ended_in_order_when_asked() {
    let up = Up::start().await;
    let said = up.output();
    for words in ["chain id 31001", "/metrics", "polyspan status --config", "polyspan transfer native"] {
        assert!(said.contains(words), "`{words}` is not in {said}");
    }
    assert_eq!(parts(&up.folder.path().join("net")).len(), 4);
    up.signal(Signal::SIGTERM);
    assert_eq!(up.gone().await.0, Some(0));
}

/// Every log below a directory, of relays, chains and whatever else was started.
fn logs(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            found.extend(logs(&entry));
        } else if entry.extension().is_some_and(|extension| extension == "log") {
            found.push(entry);
        }
    }
    found
}

#[track_caller]
fn assert_plain(what: &str, text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    let line = text.lines().find(|line| line.contains('\u{1b}'));
    assert!(line.is_none(), "{what}: {line:?}");
}

#[tokio::test]
async fn no_log_has_control_sequences_without_a_terminal() {
    let up = Up::start_with(&[], "debug").await;
    let net = up.folder.path().join("net");
    // Errors are written as well.
    let relay = parts(&net).into_iter().find(|(_, command)| command.contains("sub-bridge-1")).unwrap().0;
    kill(Pid::from_raw(relay), Signal::SIGKILL).unwrap();
    let logs = logs(&net);
    for part in ["main-bridge-1", "sub-bridge-1", "chain-main", "chain-service"] {
        assert!(logs.iter().any(|log| log.to_string_lossy().contains(part)), "{part} in {logs:?}");
    }
    for log in &logs {
        let text = fs::read(log).unwrap();
        assert_plain(&log.display().to_string(), &text);
    }
    let (_, said) = up.gone().await;
    assert!(said.contains(" DEBUG ") && said.contains("sub-bridge-1 ended by itself"), "it logs");
    assert_plain("the output of devnet up", said.as_bytes());
}

#[tokio::test]
async fn nothing_outlives_a_devnet_that_is_killed() {
    let up = Up::start_with(&["--coordination", "etcd", "--etcd-members", "3"], "warn").await;
    assert_eq!(parts(&up.folder.path().join("net")).len(), 7);
    up.signal(Signal::SIGKILL);
    assert_eq!(up.gone().await.0, None);
}

#[tokio::test]
async fn the_death_of_a_part_is_told_and_ends_the_others() {
    let up = Up::start().await;
    let (relay, _) = parts(&up.folder.path().join("net"))
        .into_iter()
        .find(|(_, command)| command.contains("sub-bridge-1"))
        .unwrap();
    kill(Pid::from_raw(relay), Signal::SIGKILL).unwrap();
    let (code, said) = up.gone().await;
    assert_eq!(code, Some(1));
    assert!(said.contains("relay sub-bridge-1 ended by itself"), "{said}");
}

#[tokio::test]
async fn the_demonstration_adds_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_devnet"));
    command.args(["demo", "--dir"]).arg(folder.path().join("net")).kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_secs(240), command.output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_plain("the output of devnet demo", &[output.stdout, output.stderr].concat());
    let net = folder.path().join("net");
    logs(&net).iter().for_each(|log| assert_plain(&log.display().to_string(), &fs::read(log).unwrap()));
    assert_eq!(said.lines().last(), Some("demo: 60 requested, 60 handled, 0 lost, 0 duplicated"));
    assert!(said.contains("2 of 3"), "{said}");
}
