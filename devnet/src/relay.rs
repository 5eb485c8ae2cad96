//! One relay of a network: a process, its files, its two endpoints, and what it says over HTTP.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use polyspan_types::Direction;
use serde::Deserialize;

use crate::endpoint_proxy::EndpointProxy;
use crate::eventually::eventually_true;
use crate::host::Host;
use crate::keys::Key;
use crate::link::Link;
use crate::process::{ChildProcess, Warden};
use crate::spec::RelaySpec;

/// How long a relay has to end when asked.
const GRACE: Duration = Duration::from_secs(10);

/// A relay, running or not.
#[derive(Debug)]
pub struct Relay {
    /// Name and lanes.
    pub spec: RelaySpec,
    /// Where it runs, with its endpoints: its EN or SEN.
    pub host: Host,
    /// The key that signs for it.
    pub attester: Key,
    /// The node that has this key and signs for the relay, in place of its keystore.
    pub signer: Option<reqwest::Url>,
    /// The keys that pay for it, by chain name; of a chain the first is used before its spares.
    pub submitters: Vec<(String, Key)>,
    /// Its preferred way to the main chain.
    pub main_endpoint: EndpointProxy,
    /// Its preferred way to the service chain.
    pub service_endpoint: EndpointProxy,
    /// The links from its endpoints to the chains, and from itself to etcd; empty unless the network has some.
    pub links: Vec<Link>,
    /// Its other ways to main and service chain, if the spec asks for more than one.
    pub spare_endpoints: [Vec<EndpointProxy>; 2],
    /// Its config.
    pub config: PathBuf,
    /// Its database.
    pub store: PathBuf,
    /// What it printed.
    pub log: PathBuf,
    /// Where it serves metrics and health: `ADDRESS:PORT`.
    pub listen: String,
    pub(crate) process: Option<ChildProcess>,
}

/// Answer of `/readyz`.
#[derive(Debug, Clone, Deserialize)]
pub struct Readiness {
    /// Every part is fine.
    pub ready: bool,
    /// What is not.
    #[serde(default)]
    pub reasons: Vec<UnreadyPart>,
    /// What parts that are fine say all the same.
    #[serde(default)]
    pub remarks: Vec<PartRemark>,
}

/// What a part of a relay says that is fine.
#[derive(Debug, Clone, Deserialize)]
pub struct PartRemark {
    /// Its name.
    pub part: String,
    /// What it says.
    pub remark: String,
}

/// A part of a relay that is not fine.
#[derive(Debug, Clone, Deserialize)]
pub struct UnreadyPart {
    /// Its name.
    pub part: String,
    /// Why.
    pub reason: String,
}

impl Relay {
    /// Starts the process; `environment` is added to its own.
    ///
    /// Errors: it runs already, or the program cannot be started.
    pub fn spawn(&mut self, polyspan: &Path, warden: &Warden, environment: &[(&str, &str)]) -> Result<()> {
        if self.is_running()? {
            bail!("{} runs already", self.spec.name);
        }
        let mut command = self.host.command(polyspan);
        command.args(["relay", "--config"]).arg(&self.config).envs(environment.iter().copied());
        self.process =
            Some(ChildProcess::spawn(warden, &format!("relay {}", self.spec.name), command, &self.log)?);
        Ok(())
    }

    /// The lane of which it stands beside the source; of one that serves both, the first.
    pub fn own_direction(&self) -> Direction {
        self.spec.directions.first().copied().unwrap_or(Direction::MainToService)
    }

    /// Whether its process lives (a frozen one does).
    ///
    /// Errors: the host cannot tell.
    pub fn is_running(&mut self) -> Result<bool> {
        match &mut self.process {
            Some(process) => Ok(process.exited()?.is_none()),
            None => Ok(false),
        }
    }

    /// The process.
    ///
    /// Errors: the relay was not started.
    pub fn process(&mut self) -> Result<&mut ChildProcess> {
        self.process.as_mut().with_context(|| format!("{} was not started", self.spec.name))
    }

    /// The id of its process.
    ///
    /// Errors: the relay was not started.
    pub fn process_id(&self) -> Result<u32> {
        let process = self.process.as_ref().with_context(|| format!("{} was not started", self.spec.name))?;
        Ok(process.id())
    }

    /// Kills it without a warning.
    ///
    /// Errors: it was not started.
    pub async fn kill(&mut self) -> Result<()> {
        self.process()?.kill().await?;
        self.process = None;
        Ok(())
    }

    /// Ends it as an operator does; nothing happens to one that does not run.
    ///
    /// Errors: the host refuses.
    pub async fn stop(&mut self) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process.stop(GRACE).await?;
        }
        Ok(())
    }

    /// Deletes its database with everything beside it, as a lost disk does. It must not run.
    ///
    /// Errors: a file cannot be deleted.
    pub fn lose_store(&self) -> Result<()> {
        ["", "-wal", "-shm", ".lock"].iter().try_for_each(|suffix| delete(&beside(&self.store, suffix)))
    }

    /// Copies its database and the log that belongs to it to the file `to`. It must not run.
    ///
    /// Errors: a file cannot be copied.
    pub fn back_up_store(&self, to: &Path) -> Result<()> {
        copy_database(&self.store, to)
    }

    /// Puts a copy in the place of its database, as an operator does: the lock file stays where it is. It must not run.
    ///
    /// Errors: a file cannot be deleted or copied.
    pub fn restore_store(&self, from: &Path) -> Result<()> {
        ["", "-wal", "-shm"].iter().try_for_each(|suffix| delete(&beside(&self.store, suffix)))?;
        copy_database(from, &self.store)
    }

    /// Every endpoint, those of the main chain first.
    pub fn endpoints(&self) -> Vec<&EndpointProxy> {
        Direction::ALL.iter().flat_map(|direction| self.source_endpoints(*direction)).collect()
    }

    /// The endpoints of the chain where requests of this direction are made, in the order of the relay's config.
    pub fn source_endpoints(&self, direction: Direction) -> Vec<&EndpointProxy> {
        let spare = match direction {
            Direction::MainToService => &self.spare_endpoints[0],
            Direction::ServiceToMain => &self.spare_endpoints[1],
        };
        std::iter::once(self.source_endpoint(direction)).chain(spare).collect()
    }

    /// The preferred endpoint of the chain where requests of this direction are made.
    pub const fn source_endpoint(&self, direction: Direction) -> &EndpointProxy {
        match direction {
            Direction::MainToService => &self.main_endpoint,
            Direction::ServiceToMain => &self.service_endpoint,
        }
    }

    /// What it says about its readiness.
    ///
    /// Errors: it does not answer.
    pub async fn readiness(&self) -> Result<Readiness> {
        let text = self.get("readyz").await?;
        serde_json::from_str(&text).with_context(|| format!("/readyz of {} answers: {text}", self.spec.name))
    }

    /// Waits until it says that it is ready.
    ///
    /// Errors: it is not within `patience`; the reasons are in the text.
    pub async fn wait_ready(&self, patience: Duration) -> Result<()> {
        let ready = || async {
            let readiness = self.readiness().await?;
            if !readiness.ready {
                bail!("{:?}", readiness.reasons);
            }
            Ok(true)
        };
        eventually_true(&format!("{} is ready", self.spec.name), patience, ready).await
    }

    /// Waits until it is not ready for a reason that `matches`; returns the reason.
    ///
    /// Errors: no such reason within `patience`.
    pub async fn wait_unready(
        &self,
        patience: Duration,
        matches: impl Fn(&UnreadyPart) -> bool,
    ) -> Result<UnreadyPart> {
        let what = format!("{} says why it is not ready", self.spec.name);
        crate::eventually::eventually(&what, patience, || async {
            let readiness = self.readiness().await?;
            match readiness.reasons.iter().find(|part| matches(part)) {
                Some(part) => Ok(Some(part.clone())),
                None => bail!("ready: {}, reasons: {:?}", readiness.ready, readiness.reasons),
            }
        })
        .await
    }

    /// The value of a metric whose line starts with `name` and contains every part of `labels`, as in
    /// `metric("polyspan_lane_attested_nonce", &["lane=\"kr/main-to-service\""])`. `None`: there is no such line.
    ///
    /// Errors: it does not answer.
    pub async fn metric(&self, name: &str, labels: &[&str]) -> Result<Option<f64>> {
        let [value] = self.metrics([name], labels).await?;
        Ok(value)
    }

    /// As [`Relay::metric`], several with the same labels and of the same moment.
    ///
    /// Errors: it does not answer.
    pub async fn metrics<const N: usize>(
        &self,
        names: [&str; N],
        labels: &[&str],
    ) -> Result<[Option<f64>; N]> {
        let text = self.get("metrics").await?;
        Ok(names.map(|name| find_metric(&text, name, labels)))
    }

    async fn get(&self, path: &str) -> Result<String> {
        let url = format!("http://{}/{path}", self.listen);
        let client =
            reqwest::Client::builder().timeout(Duration::from_secs(5)).build().context("an HTTP client")?;
        let answer = client.get(&url).send().await.with_context(|| format!("{url} does not answer"))?;
        answer.text().await.with_context(|| format!("{url} breaks off"))
    }
}

/// A database that nobody has open: the file, and its log when a killed process left one.
fn copy_database(from: &Path, to: &Path) -> Result<()> {
    for suffix in ["", "-wal"] {
        let (from, to) = (beside(from, suffix), beside(to, suffix));
        if suffix.is_empty() || from.exists() {
            std::fs::copy(&from, &to)
                .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
        }
    }
    Ok(())
}

fn delete(file: &Path) -> Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot delete {}", file.display()))
        }
        _ => Ok(()),
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

fn find_metric(text: &str, name: &str, labels: &[&str]) -> Option<f64> {
    text.lines()
        .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])))
        .find(|line| labels.iter().all(|label| line.contains(label)))
        .and_then(|line| line.rsplit(' ').next())
        .and_then(|value| value.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_found_by_its_whole_name_and_labels() {
        let text = "# HELP a b\na_total{lane=\"x\"} 3\na_total{lane=\"y\"} 4\na 5\n";
        assert_eq!(find_metric(text, "a_total", &["lane=\"y\""]), Some(4.0));
        assert_eq!(find_metric(text, "a", &[]), Some(5.0));
        assert_eq!(find_metric(text, "b", &[]), None);
    }
}
