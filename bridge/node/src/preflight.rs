//! What start-up looks at before anything runs: the chains, the bridges on them, the keys.
//!
//! Everything is looked at, and everything found is reported together. `polyspan config check` prints it; a relay refuses
//! to start on a problem, and starts degraded when an endpoint is down.

mod bridge;
mod coordination;
mod costs;
mod endpoints;
mod finding;
mod fitness;
mod gas_caps;
mod keys;
mod parts;
mod places;
#[cfg(test)]
mod tests;

use std::net::TcpListener;

use polyspan_chain::ChainError;

use crate::config::{Config, RelayEntry};
use crate::keys::{AttesterKey, SigningKey};

pub use finding::{Finding, Severity};
pub use fitness::{DeploymentSize, Needs, fitness};
pub use parts::{part_problem, part_problems};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A relay that starts: what may heal by itself is a warning.
    Start,
    /// `polyspan config check`: a person is there, so everything that keeps value from moving is a problem.
    Check,
}

impl Mode {
    /// Severity of what a relay waits out.
    const fn passing(self) -> Severity {
        match self {
            Self::Start => Severity::Warning,
            Self::Check => Severity::Problem,
        }
    }
}

/// Looks at everything that the configuration names. Changes nothing, and starts nothing.
pub async fn check(config: &Config, mode: Mode) -> Vec<Finding> {
    let mut findings = offline(config);
    if mode == Mode::Check {
        findings.extend(coordination::reach(config).await);
    }
    let keys = keys::unlock(config, &mut findings);
    findings.extend(keys::remote(config, &keys, mode).await);
    let chains = endpoints::connect(config, mode, &mut findings).await;
    let attester = keys.attester.as_ref().map(AttesterKey::address);
    for entry in &config.bridges {
        findings.extend(bridge::check(config, &entry.deployment, attester, &chains, mode).await);
    }
    findings.extend(keys::funds(&keys, &chains, mode).await);
    if let Some(relay) = config.relay.as_ref().filter(|_| mode == Mode::Check) {
        findings.extend(listen(relay));
        findings.extend(places::store(&relay.store).await);
    }
    // Two lanes may find the same thing: it is said once.
    let mut unique: Vec<Finding> = Vec::new();
    for finding in findings {
        if !unique.contains(&finding) {
            unique.push(finding);
        }
    }
    unique
}

/// What the configuration alone tells.
pub fn offline(config: &Config) -> Vec<Finding> {
    let mut findings = endpoints::offline(config);
    findings.extend(coordination::offline(config));
    findings.extend(keys::unpaid(config));
    findings
}

/// An endpoint that gives no answer now.
fn unreachable(mode: Mode, thing: impl Into<String>, error: &ChainError) -> Finding {
    let cure = match mode {
        Mode::Start => "the relay starts and catches up when the endpoint answers",
        Mode::Check => "start the node or correct the endpoint",
    };
    Finding::new(mode.passing(), thing, error, cure)
}

/// Whether the relay could listen. A relay that runs already holds its address, so this alone is no problem.
fn listen(relay: &RelayEntry) -> Option<Finding> {
    let error = TcpListener::bind(relay.listen).err()?;
    let thing = format!("relay.listen {}", relay.listen);
    Some(match error.kind() {
        std::io::ErrorKind::AddrInUse => Finding::new(
            Severity::Warning,
            thing,
            "the address is in use",
            "choose another one, unless it is this relay that is running already",
        ),
        _ => Finding::new(
            Severity::Problem,
            thing,
            error,
            "use an address of this host and a port of 1024 or more",
        ),
    })
}

/// Keys that could be opened.
struct Keys {
    attester: Option<AttesterKey>,
    /// Name of the chain, key.
    submitters: Vec<(String, SigningKey)>,
}
