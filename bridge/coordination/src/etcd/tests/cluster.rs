//! Real etcd processes for tests. Dropping the cluster ends them.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use etcd_client::{Client, ConnectOptions};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::EtcdSettings;
use crate::testing::{PATIENCE, eventually};

/// As short as etcd allows with these election settings.
pub(super) const LEASE: Duration = Duration::from_secs(2);

/// A cluster with a folder of its own.
pub(super) struct Cluster {
    folder: TempDir,
    members: Vec<Member>,
    extra: Vec<String>,
}

struct Member {
    name: String,
    client_port: u16,
    peer_port: u16,
    child: Option<Child>,
}

impl Cluster {
    /// Starts `count` members and waits until they answer.
    pub(super) async fn start(count: usize) -> Self {
        let mut cluster = Self::prepare(count);
        cluster.start_all();
        cluster.answers().await;
        cluster
    }

    /// Chooses names and ports, and starts nothing.
    pub(super) fn prepare(count: usize) -> Self {
        let member = |number| {
            // Held until all are chosen, so that they differ.
            let listeners = [free_port(), free_port()];
            let ports = listeners.each_ref().map(|listener| listener.local_addr().unwrap().port());
            let name = format!("etcd-{number}-{:x}", rand::random::<u64>());
            Member { name, client_port: ports[0], peer_port: ports[1], child: None }
        };
        let members = (0..count).map(member).collect();
        Self { folder: tempfile::tempdir().unwrap(), members, extra: Vec::new() }
    }

    pub(super) fn with_flags(mut self, flags: impl IntoIterator<Item = String>) -> Self {
        self.extra.extend(flags);
        self
    }

    pub(super) fn start_all(&mut self) {
        for number in 0..self.members.len() {
            self.start_member(number);
        }
    }

    pub(super) fn start_member(&mut self, number: usize) {
        let peers: Vec<_> = self
            .members
            .iter()
            .map(|member| format!("{}=http://127.0.0.1:{}", member.name, member.peer_port))
            .collect();
        let scheme =
            if self.extra.iter().any(|flag| flag.starts_with("--cert-file")) { "https" } else { "http" };
        let data = self.data(number);
        let log = File::create(self.folder.path().join(format!("{number}.log"))).unwrap();
        let member = &mut self.members[number];
        let client = format!("{scheme}://127.0.0.1:{}", member.client_port);
        let peer = format!("http://127.0.0.1:{}", member.peer_port);
        let child = Command::new(etcd())
            .args(["--name", &member.name, "--data-dir"])
            .arg(data)
            .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
            .args(["--initial-cluster", &peers.join(","), "--initial-cluster-state", "new"])
            .args(["--heartbeat-interval", "100", "--election-timeout", "500", "--log-level", "warn"])
            .args(&self.extra)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        member.child = Some(child);
    }

    /// Waits until the members answer that are ours.
    pub(super) async fn answers(&self) {
        for (number, member) in self.members.iter().enumerate() {
            eventually(PATIENCE, &format!("{} answers", member.name), || async {
                let mut client = self.client(number).await?;
                let list = client.member_list().await.ok()?;
                assert!(
                    list.members().iter().any(|known| known.name() == member.name),
                    "somebody else's etcd"
                );
                client.get("/", None).await.ok()
            })
            .await;
        }
    }

    /// A client for whatever a test does behind the coordinator's back.
    pub(super) async fn client(&self, number: usize) -> Option<Client> {
        let options = ConnectOptions::new().with_timeout(Duration::from_secs(2));
        Client::connect([self.endpoint(number)], Some(options)).await.ok()
    }

    pub(super) fn endpoint(&self, number: usize) -> String {
        format!("http://127.0.0.1:{}", self.members[number].client_port)
    }

    pub(super) fn endpoints(&self) -> Vec<String> {
        (0..self.members.len()).map(|number| self.endpoint(number)).collect()
    }

    pub(super) fn settings(&self) -> EtcdSettings {
        EtcdSettings { lease: LEASE, ..EtcdSettings::new(self.endpoints()) }
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The member that leads the others.
    pub(super) async fn leader(&self) -> usize {
        eventually(PATIENCE, "a leader", || async {
            for number in 0..self.members.len() {
                let Some(mut client) = self.client(number).await else { continue };
                let (Ok(status), Ok(list)) = (client.status().await, client.member_list().await) else {
                    continue;
                };
                let found = list.members().iter().find(|member| member.id() == status.leader())?;
                return self.members.iter().position(|member| member.name == found.name());
            }
            None
        })
        .await
    }

    pub(super) fn kill(&mut self, number: usize) {
        if let Some(mut child) = self.members[number].child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub(super) fn signal(&self, number: usize, signal: Signal) {
        let id = self.members[number].child.as_ref().unwrap().id();
        let process = Pid::from_raw(id.try_into().unwrap());
        kill(process, signal).unwrap();
        if signal == Signal::SIGSTOP {
            // What is on a processor goes on for a moment; the parent hears of it when all threads stand.
            let stopped = waitpid(process, Some(WaitPidFlag::WUNTRACED)).unwrap();
            assert_eq!(stopped, WaitStatus::Stopped(process, signal));
        }
    }

    /// Loses everything and comes back empty.
    pub(super) async fn wipe(&mut self) {
        for number in 0..self.members.len() {
            self.kill(number);
        }
        for number in 0..self.members.len() {
            std::fs::remove_dir_all(self.data(number)).unwrap();
        }
        self.start_all();
        self.answers().await;
    }

    fn data(&self, number: usize) -> PathBuf {
        self.folder.path().join(format!("{number}.etcd"))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for number in 0..self.members.len() {
            if std::thread::panicking() {
                let log = self.folder.path().join(format!("{number}.log"));
                eprintln_tail(&std::fs::read_to_string(log).unwrap_or_default());
            }
            self.kill(number);
        }
    }
}

/// What a failed test shows of a log.
fn eprintln_tail(log: &str) {
    use std::io::Write;
    let lines: Vec<_> = log.lines().collect();
    let tail = lines[lines.len().saturating_sub(5)..].join("\n");
    drop(writeln!(std::io::stderr(), "--- etcd\n{tail}"));
}

fn free_port() -> TcpListener {
    TcpListener::bind(("127.0.0.1", 0)).unwrap()
}

fn etcd() -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/bin/etcd");
    assert!(path.exists(), "etcd is not installed; run `tools/fetch etcd` in the project folder");
    path
}
