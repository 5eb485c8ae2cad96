//! `polyspan doctor`: what a relay needs, looked at from its host, whether it runs or not.

mod chains;
mod host;

use std::process::ExitCode;

use anyhow::Result;
use polyspan_node::config::{Config, RelayEntry};
use polyspan_node::control::{self, Command, ControlError, Request};
use polyspan_node::preflight::{self, Mode, Severity};
use serde::Serialize;

use super::keys::tried_key;
use crate::args::ConfigFile;
use crate::exit::Exit;
use crate::failure::{self, BadInput};
use crate::network::Network;
use crate::output;

/// Arguments of `polyspan doctor`.
#[derive(Debug, clap::Args)]
pub struct DoctorArguments {
    #[command(flatten)]
    file: ConfigFile,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// One thing that was looked at.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Check {
    /// What: `store`, `lock`, `clock`, `endpoint`, `disk`, `signer` …
    check: &'static str,
    state: State,
    /// What was found, and the cure.
    found: String,
}

/// What it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// As it should be.
    Ok,
    /// Worth to know.
    Note,
    /// It could not be seen; may heal.
    Unreadable,
    /// It must be repaired.
    Bad,
}

impl Check {
    fn new(check: &'static str, state: State, found: impl Into<String>) -> Self {
        Self { check, state, found: found.into() }
    }
}

impl State {
    const fn exit(self) -> Exit {
        match self {
            Self::Ok | Self::Note => Exit::Fine,
            Self::Unreadable => Exit::Unreadable,
            Self::Bad => Exit::Bad,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Unreadable => "unreadable",
            Self::Bad => "bad",
        }
    }
}

/// Looks at everything. Exit code 1 when something must be repaired, 3 when something could not be seen.
///
/// Errors: the configuration, or it is not that of a relay.
pub async fn run(arguments: DoctorArguments) -> Result<ExitCode> {
    let config = Config::load(&arguments.file.config)?;
    let Some(relay) = config.relay.clone() else {
        let file = config.file.display();
        return Err(BadInput::new(format!(
            "{file} has no [relay] section; give the configuration of a relay"
        ))
        .into());
    };
    let network = Network::of_chains(config)?;
    let mut checks = host::checks(&relay.store, &network.config.lanes()).await;
    checks.push(process(&relay).await);
    checks.extend(chains::checks(&network).await);
    checks.push(signer(&relay, &network.config).await);
    checks.extend(preflight(&network.config).await);
    if arguments.json {
        output::json(&checks)?;
    } else {
        checks.iter().for_each(print);
    }
    Ok(checks.iter().map(|check| check.state.exit()).fold(Exit::Fine, Exit::worst).into())
}

fn print(check: &Check) {
    let line = format!("{:<11} {}: {}", check.state.word(), check.check, check.found);
    if check.state == State::Bad { output::bad(line) } else { output::result(line) }
}

/// Whether a relay runs with this store, and what it says of its lanes.
async fn process(relay: &RelayEntry) -> Check {
    let request = Request { command: Command::RecoveryStatus, lane: None };
    match control::ask(&control::path(&relay.store), &request).await {
        Ok(lanes) => {
            let halted = lanes.iter().find_map(|lane| Some((&lane.lane, lane.halted.as_ref()?)));
            match halted {
                Some((lane, reason)) => {
                    Check::new("relay", State::Bad, format!("it has halted lane {lane}: {reason}"))
                }
                None => Check::new("relay", State::Ok, format!("{} runs", relay.name)),
            }
        }
        Err(ControlError::NoRelay { .. }) => {
            Check::new("relay", State::Note, format!("{} does not run", relay.name))
        }
        Err(error) => Check::new("relay", State::Bad, error.to_string()),
    }
}

/// The key that attests. A remote signer signs something that nothing counts.
async fn signer(relay: &RelayEntry, config: &Config) -> Check {
    let Some(entry) = &relay.attester else {
        return Check::new("signer", State::Bad, "the config names no attester key");
    };
    match tried_key(entry, config).await {
        Ok((_, shown)) => Check::new("signer", State::Ok, shown),
        Err(error) => {
            let state =
                if failure::exit(&error) == Exit::Unreadable { State::Unreadable } else { State::Bad };
            Check::new("signer", state, format!("{error:#}"))
        }
    }
}

/// What start-up looks at as well: bridges, operators, funds.
async fn preflight(config: &Config) -> Vec<Check> {
    let findings = preflight::check(config, Mode::Start).await;
    let checks = findings.iter().map(|finding| {
        let state = if finding.severity == Severity::Problem { State::Bad } else { State::Note };
        Check::new("start", state, finding.to_string())
    });
    checks.collect()
}
