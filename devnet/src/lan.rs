//! A network of namespaces: one switch, and a cable from each part to it. Any pair of parts can be cut.
//!
//! ```text
//! hub (a namespace with the switch) ─┬─ 10.x.y.1  main          a namespace for each part
//!                                    ├─ 10.x.y.2  service
//!                                    ├─ 10.x.y.3  main-bridge-1 …
//!                                    └─ 10.x.y.254  this host: the devnet itself
//! ```
//!
//! It needs root and the program `ip`, and nothing of the kernel but namespaces and veth: a cut is a wrong hardware
//! address in the sender's neighbour table, so that what is sent is lost without a word, as on a pulled cable.

mod ip;

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail};

use crate::host::Host;
use ip::{ip, ip_in};

/// Names of namespaces start with this, then the id of the process that made them.
const PREFIX: &str = "polyspan";

/// Nobody has this hardware address.
const NOWHERE: &str = "02:00:00:00:00:01";

/// The last number of this host's own address.
const OWN: u8 = 254;

/// Networks of this process, so that each has names of its own.
static RUNS: AtomicU32 = AtomicU32::new(1);

/// A network of namespaces; it is gone with its last clone.
#[derive(Debug, Clone)]
pub struct Lan {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Start of the names of its namespaces.
    stem: String,
    /// The first three numbers of its addresses.
    net: [u8; 3],
    parts: Mutex<Parts>,
}

#[derive(Debug, Default)]
struct Parts {
    names: Vec<String>,
    /// Sender and address that it cannot reach.
    cuts: BTreeSet<(String, Ipv4Addr)>,
}

impl Lan {
    /// Makes the switch and connects this host to it. What crashed runs have left behind is removed first.
    ///
    /// Errors: this is not root, `ip` is missing, or the kernel refuses.
    pub fn create() -> Result<Self> {
        ip::may_be_used()?;
        sweep()?;
        let (process, run) = (std::process::id(), RUNS.fetch_add(1, Ordering::Relaxed));
        let lan = Self {
            inner: Arc::new(Inner {
                stem: format!("{PREFIX}-{process}-{run}"),
                net: free_net()?,
                parts: Mutex::default(),
            }),
        };
        let (hub, own) = (lan.add("hub")?, format!("ps{process}-{run}"));
        ip_in(&hub, "link add name switch type bridge")?;
        ip_in(&hub, "link set switch up")?;
        // Deleting the hub takes this cable's other end with it.
        ip(&format!("link add name {own} type veth peer name own netns {hub}"))?;
        ip_in(&hub, "link set own master switch up")?;
        ip(&format!("addr add {}/24 dev {own}", lan.address(OWN)))?;
        ip(&format!("link set {own} up"))?;
        Ok(lan)
    }

    /// A new part with the next address.
    ///
    /// Errors: the kernel refuses, or there are more than 250.
    pub fn host(&self, part: &str) -> Result<Host> {
        let name = self.add(part)?;
        let number = self.lock().names.len() - 1;
        let last = u8::try_from(number).ok().filter(|last| *last < OWN).context("too many parts")?;
        let (hub, address) = (self.name_of("hub"), self.address(last));
        ip_in(&hub, &format!("link add name port{number} type veth peer name eth0 netns {name}"))?;
        ip_in(&hub, &format!("link set port{number} master switch up"))?;
        ip_in(&name, &format!("addr add {address}/24 dev eth0"))?;
        ip_in(&name, "link set eth0 up")?;
        ip_in(&name, "link set lo up")?;
        Host::namespace(&name, address)
    }

    /// From now on nothing that `from` sends reaches `to`. The other way stays as it is.
    ///
    /// Errors: one of them is no part of this network.
    pub fn cut(&self, from: &Host, to: &Host) -> Result<()> {
        let name = from.namespace_name().context("only a part with a namespace can be cut off")?.to_owned();
        let to = to.address();
        ip_in(&name, &format!("neigh replace {to} lladdr {NOWHERE} nud permanent dev eth0"))?;
        self.lock().cuts.insert((name, to));
        Ok(())
    }

    /// Cuts every pair of the two groups, both ways.
    ///
    /// Errors: as [`Lan::cut`].
    pub fn cut_apart(&self, one: &[&Host], other: &[&Host]) -> Result<()> {
        for (a, b) in one.iter().flat_map(|a| other.iter().map(move |b| (a, b))) {
            self.cut(a, b)?;
            self.cut(b, a)?;
        }
        Ok(())
    }

    /// Ends every cut.
    ///
    /// Errors: the kernel refuses.
    pub fn heal(&self) -> Result<()> {
        let mut parts = self.lock();
        while let Some((name, to)) = parts.cuts.first().cloned() {
            ip_in(&name, &format!("neigh del {to} dev eth0"))?;
            parts.cuts.remove(&(name, to));
        }
        Ok(())
    }

    fn add(&self, part: &str) -> Result<String> {
        let name = self.name_of(part);
        ip(&format!("netns add {name}"))?;
        self.lock().names.push(name.clone());
        Ok(name)
    }

    fn name_of(&self, part: &str) -> String {
        format!("{}-{part}", self.inner.stem)
    }

    fn address(&self, last: u8) -> Ipv4Addr {
        let [a, b, c] = self.inner.net;
        Ipv4Addr::new(a, b, c, last)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Parts> {
        self.inner.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let parts = self.parts.get_mut().unwrap_or_else(PoisonError::into_inner);
        for name in &parts.names {
            remove(name);
        }
    }
}

/// A failure leaves a name behind; the next start sweeps it away.
fn remove(name: &str) {
    if let Err(error) = ip(&format!("netns del {name}")) {
        tracing::warn!(error = format!("{error:#}"), "cannot remove a network namespace");
    }
}

/// Removes the namespaces of processes that are gone. Those of living ones are somebody's.
fn sweep() -> Result<()> {
    let Ok(entries) = std::fs::read_dir("/run/netns") else { return Ok(()) };
    for entry in entries {
        let name = entry.context("cannot list the network namespaces")?.file_name();
        let Some(name) = name.to_str() else { continue };
        if owner(name).is_some_and(|owner| !Path::new(&format!("/proc/{owner}")).exists()) {
            remove(name);
        }
    }
    Ok(())
}

/// The process that made a namespace of this name; `None` when it is not one of ours.
fn owner(name: &str) -> Option<u32> {
    name.strip_prefix(PREFIX)?.strip_prefix('-')?.split('-').next()?.parse().ok()
}

/// A /24 of 10.0.0.0/8 that this host has no address and no narrower route in.
fn free_net() -> Result<[u8; 3]> {
    let known = ip("-4 route show table all")?;
    for _ in 0..100 {
        let [b, c] = rand::random::<[u8; 2]>();
        let net = [10, b, c];
        if !known.contains(&format!("10.{b}.")) {
            return Ok(net);
        }
    }
    bail!("this host knows every network of 10.0.0.0/8; run where it does not")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_tells_whose_it_is() {
        assert_eq!(owner("polyspan-123-1-hub"), Some(123));
        assert_eq!(owner("polyspan-123-2-main-bridge-1"), Some(123));
        for other in ["polyspan", "polyspan-", "polyspan-x-1-hub", "docker-1-1-hub"] {
            assert_eq!(owner(other), None, "{other}");
        }
    }
}
