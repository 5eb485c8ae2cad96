//! A real etcd cluster: each member a process, with the settings that the operator guide recommends.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use tokio::process::Command;

use crate::eventually::{eventually, eventually_true};
use crate::ports::free_port;
use crate::process::{ChildProcess, Warden};

/// A leader says that it is there so often. Unit: milliseconds.
pub const HEARTBEAT_INTERVAL: u64 = 100;

/// Without a leader for so long, members elect one. Unit: milliseconds. Half of etcd's default; the operator guide says
/// where that is right, and what was measured.
pub const ELECTION_TIMEOUT: u64 = 500;

/// Patience for members to answer. Unit: time.
const READY: Duration = Duration::from_secs(30);

/// Ports of a member that has an address of its own.
const OWN_PORTS: [u16; 2] = [2379, 2380];

/// Where a member runs.
#[derive(Debug, Clone)]
pub struct EtcdSite {
    /// Address on which it listens, for clients and for the other members.
    pub address: IpAddr,
    /// Words put before the command, such as `ip netns exec NAME`.
    pub command: Vec<OsString>,
}

/// A running cluster. Dropping it kills every member.
#[derive(Debug)]
pub struct EtcdCluster {
    binary: PathBuf,
    warden: Warden,
    folder: PathBuf,
    members: Vec<EtcdMember>,
}

#[derive(Debug)]
struct EtcdMember {
    name: String,
    site: EtcdSite,
    client_port: u16,
    peer_port: u16,
    process: Option<ChildProcess>,
}

/// What a member says of itself. etcd writes its numbers as text.
#[derive(Deserialize)]
struct Status {
    header: Header,
    #[serde(default)]
    leader: String,
}

#[derive(Deserialize)]
struct Header {
    member_id: String,
}

impl EtcdSite {
    /// On 127.0.0.1, with ports that are free.
    pub fn local() -> Self {
        Self { address: Ipv4Addr::LOCALHOST.into(), command: Vec::new() }
    }
}

impl EtcdCluster {
    /// Starts one member at each site and waits until all answer. Data and logs lie in `folder`.
    ///
    /// Errors: a member ends at once or does not answer.
    pub async fn start(binary: &Path, warden: &Warden, folder: &Path, sites: Vec<EtcdSite>) -> Result<Self> {
        let mut members = Vec::new();
        for (number, site) in sites.into_iter().enumerate() {
            let [client_port, peer_port] =
                if site.address.is_loopback() { [free_port()?, free_port()?] } else { OWN_PORTS };
            // A name that no other run has: it shows that the port is really that of this member.
            let name = format!("etcd-{}-{:08x}", number + 1, rand::random::<u32>());
            members.push(EtcdMember { name, site, client_port, peer_port, process: None });
        }
        let mut cluster =
            Self { binary: binary.to_owned(), warden: warden.clone(), folder: folder.to_owned(), members };
        for number in 0..cluster.len() {
            cluster.start_member(number)?;
        }
        cluster.wait_ready(READY).await?;
        Ok(cluster)
    }

    /// How many members it has, running or not.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Client URLs of all members.
    pub fn endpoints(&self) -> Vec<String> {
        self.members.iter().map(EtcdMember::client_url).collect()
    }

    /// Starts a member that does not run, with the data that it had.
    ///
    /// Errors: it cannot be started.
    pub fn start_member(&mut self, number: usize) -> Result<()> {
        let peers: Vec<_> =
            self.members.iter().map(|member| format!("{}={}", member.name, member.peer_url())).collect();
        let data = self.data(number)?;
        let log = self.folder.join(format!("etcd-{}.log", number + 1));
        let member = self.members.get(number).context("no such etcd member")?;
        let (client, peer) = (member.client_url(), member.peer_url());
        let mut words = member.site.command.iter().cloned().chain([self.binary.clone().into_os_string()]);
        let mut command = Command::new(words.next().context("a command has a first word")?);
        command
            .args(words)
            .args(["--name", &member.name, "--data-dir"])
            .arg(data)
            .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
            .args(["--initial-cluster", &peers.join(","), "--initial-cluster-state", "new"])
            .args(["--heartbeat-interval", &HEARTBEAT_INTERVAL.to_string()])
            .args(["--election-timeout", &ELECTION_TIMEOUT.to_string()])
            .args(["--auto-compaction-mode", "periodic", "--auto-compaction-retention", "10m"])
            .args(["--logger", "zap"]);
        let title = format!("etcd member {}", number + 1);
        let process = ChildProcess::spawn(&self.warden, &title, command, &log)?;
        self.members.get_mut(number).context("no such etcd member")?.process = Some(process);
        Ok(())
    }

    /// Kills a member without a warning.
    ///
    /// Errors: it does not run.
    pub async fn kill_member(&mut self, number: usize) -> Result<()> {
        self.process(number)?.kill().await?;
        self.members[number].process = None;
        Ok(())
    }

    /// The process of a member, to be frozen and thawed.
    ///
    /// Errors: it does not run.
    pub fn process(&mut self, number: usize) -> Result<&mut ChildProcess> {
        let member = self.members.get_mut(number).context("no such etcd member")?;
        member.process.as_mut().with_context(|| format!("etcd member {} does not run", number + 1))
    }

    /// The processes of the members that were started and not ended on purpose.
    pub fn processes(&mut self) -> impl Iterator<Item = &mut ChildProcess> {
        self.members.iter_mut().filter_map(|member| member.process.as_mut())
    }

    /// Kills every member, forgets all data, and starts an empty cluster at the same addresses.
    ///
    /// Errors: the host refuses, or the members do not answer.
    pub async fn wipe(&mut self) -> Result<()> {
        self.stop().await?;
        for number in 0..self.len() {
            let data = self.data(number)?;
            std::fs::remove_dir_all(&data).with_context(|| format!("cannot remove {}", data.display()))?;
        }
        for number in 0..self.len() {
            self.start_member(number)?;
        }
        self.wait_ready(READY).await
    }

    /// Kills every member that runs.
    ///
    /// Errors: the host refuses.
    pub async fn stop(&mut self) -> Result<()> {
        for member in &mut self.members {
            if let Some(mut process) = member.process.take() {
                process.kill().await?;
            }
        }
        Ok(())
    }

    /// The member that leads the others; it must run.
    ///
    /// Errors: none does within the patience for an election.
    pub async fn leader(&self) -> Result<usize> {
        eventually("etcd has a leader", READY, || async {
            for (number, member) in self.members.iter().enumerate() {
                if let Ok(status) = member.status().await
                    && status.leader == status.header.member_id
                {
                    return Ok(Some(number));
                }
            }
            Ok(None)
        })
        .await
    }

    /// Waits until every running member says that it is healthy, and that it is ours.
    ///
    /// Errors: one does not within `patience`.
    pub async fn wait_ready(&self, patience: Duration) -> Result<()> {
        for member in self.members.iter().filter(|member| member.process.is_some()) {
            let healthy = || async { member.is_healthy().await.map(|()| true) };
            eventually_true(&format!("{} is healthy", member.name), patience, healthy).await?;
        }
        Ok(())
    }

    fn data(&self, number: usize) -> Result<PathBuf> {
        let member = self.members.get(number).context("no such etcd member")?;
        Ok(self.folder.join(format!("{}.etcd", member.name)))
    }
}

impl EtcdMember {
    fn client_url(&self) -> String {
        url(self.site.address, self.client_port)
    }

    fn peer_url(&self) -> String {
        url(self.site.address, self.peer_port)
    }

    async fn status(&self) -> Result<Status> {
        let text = self.ask("v3/maintenance/status").await?;
        serde_json::from_str(&text).with_context(|| format!("{} answers: {text}", self.name))
    }

    async fn is_healthy(&self) -> Result<()> {
        let members = self.ask("v3/cluster/member/list").await?;
        if !members.contains(&self.name) {
            bail!("port {} is that of another etcd", self.client_port);
        }
        let status = self.status().await?;
        if matches!(status.leader.as_str(), "" | "0") {
            bail!("{} knows no leader", self.name);
        }
        Ok(())
    }

    async fn ask(&self, path: &str) -> Result<String> {
        let client =
            reqwest::Client::builder().timeout(Duration::from_secs(2)).build().context("an HTTP client")?;
        let url = format!("{}/{path}", self.client_url());
        let answer =
            client.post(&url).body("{}").send().await.with_context(|| format!("{url} does not answer"))?;
        answer.text().await.with_context(|| format!("{url} breaks off"))
    }
}

fn url(address: IpAddr, port: u16) -> String {
    format!("http://{}", std::net::SocketAddr::new(address, port))
}
