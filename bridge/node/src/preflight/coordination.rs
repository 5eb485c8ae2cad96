//! Where the relays meet. It matters for cost and speed only, so nothing here is a problem.

use super::{Finding, Severity, places};
use crate::config::{Config, CoordinationEntry, EtcdEntry, MeetingPlace};
use crate::meeting;

/// Members below which the loss of one stops an etcd cluster.
const REDUNDANT: usize = 3;

/// What the configuration alone tells.
pub(super) fn offline(config: &Config) -> Vec<Finding> {
    let (Some(_), Some(coordination)) = (&config.relay, &config.coordination) else { return Vec::new() };
    match &coordination.place {
        MeetingPlace::Embedded(directory) => places::directory(directory).into_iter().chain([Finding::note(
            "coordination",
            format!("the embedded coordinator joins relays of one host, through {}", directory.display()),
            "every relay of the bridge that is to hear of the others must run on this host; across hosts use \
             kind = \"etcd\"",
        )]).collect(),
        MeetingPlace::Etcd(etcd) => etcd_findings(etcd),
    }
}

pub(super) fn etcd_findings(etcd: &EtcdEntry) -> Vec<Finding> {
    let mut findings = Vec::new();
    let open = |url: &&url::Url| url.scheme() == "http" && !is_loopback(url);
    if let Some(url) = etcd.endpoints.iter().find(open) {
        findings.push(Finding::new(
            Severity::Warning,
            "coordination.endpoints",
            format!("{url} is not encrypted, and anybody on the way can read the password and change what relays see"),
            "use https and coordination.tls",
        ));
    }
    let remote = !etcd.endpoints.iter().all(is_loopback);
    if remote && etcd.login.is_none() && etcd.tls.as_ref().is_none_or(|tls| tls.identity.is_none()) {
        findings.push(Finding::new(
            Severity::Warning,
            "coordination.user",
            "whoever reaches this etcd may write everything in it",
            "turn authentication on, with a user and a role for each relay (docs/operator-guide.md)",
        ));
    }
    if etcd.endpoints.len() < REDUNDANT {
        findings.push(Finding::note(
            "coordination.endpoints",
            format!("{} etcd endpoint(s) are listed", etcd.endpoints.len()),
            "list every member of a cluster of three or more, so that the loss of one costs nothing",
        ));
    }
    findings
}

fn is_loopback(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether etcd answers. A relay joins the others whenever it does.
pub(super) async fn reach(config: &Config) -> Option<Finding> {
    let entry = config.coordination.as_ref()?;
    let MeetingPlace::Etcd(_) = &entry.place else { return None };
    let error = look(entry).await.err()?;
    let cure = "the relay works without it, at higher cost, and joins the others when it answers";
    Some(Finding::new(Severity::Warning, "coordination", error, cure))
}

async fn look(entry: &CoordinationEntry) -> Result<(), String> {
    let observer = meeting::observe(entry).await.map_err(|error| error.to_string())?;
    observer.members().await.map(drop).map_err(|error| error.to_string())
}
