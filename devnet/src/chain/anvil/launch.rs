//! How a chain's process is started, ended, and started again with what it had.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};
use reqwest::Url;
use tokio::process::Command;

use super::AnvilSpec;
use crate::chain::ChainAccess;
use crate::chain::site::Site;
use crate::process::{ChildProcess, Warden};

/// Patience for a node to listen and to answer. Measured: a state of some hundred blocks is read in a second, and one of 100 000
/// blocks (150 MB) in two; on a busy machine in more than ten.
const READY: Duration = Duration::from_secs(60);

/// Patience for a node to write what it has. Measured: half a second for 700 blocks with their states, and for 100 000 without.
const GRACE: Duration = Duration::from_secs(30);

/// Time between two blocks. Unit: seconds.
pub(super) const BLOCK_TIME: u64 = 1;

/// Which states of earlier blocks a node keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum States {
    /// All: anything can be read as of any block.
    Kept,
    /// None: each block costs next to nothing.
    Dropped,
}

/// Everything that a start needs; each start is the same.
#[derive(Debug, Clone)]
pub(super) struct Launch {
    binary: PathBuf,
    spec: AnvilSpec,
    site: Site,
}

impl Launch {
    /// Chooses the address. Nothing runs yet.
    pub(super) fn new(binary: &Path, spec: &AnvilSpec, warden: &Warden, folder: &Path) -> Result<Self> {
        let site = Site::new(&spec.name, spec.chain_id, &spec.host, warden, folder)?;
        Ok(Self { binary: binary.to_owned(), spec: spec.clone(), site })
    }

    /// Its HTTP endpoint.
    pub(super) fn url(&self) -> Result<Url> {
        self.site.url()
    }

    /// Starts the process, with what an earlier one kept.
    ///
    /// Errors: anvil ends at once, or somebody else's node answers.
    pub(super) async fn run(&self, states: States) -> Result<(ChildProcess, ChainAccess)> {
        let says = format!("Listening on {}", self.site.socket);
        self.site.run(self.command(states), &says, READY).await
    }

    /// Ends the process in order, so that it writes what it has.
    ///
    /// Errors: it keeps nothing, or has written nothing in the end.
    pub(super) async fn end(&self, process: &mut ChildProcess) -> Result<()> {
        let (name, state) = (&self.spec.name, self.state());
        if !self.spec.durable {
            bail!("the chain {name} keeps nothing when it ends; a network with durable_chains does");
        }
        let status = process.stop(GRACE).await?;
        // It was killed when it has no exit code: then its file may be an old one, or half of one.
        if !status.success() || !state.is_file() {
            bail!("the chain {name} ended ({status}) without writing {}", state.display());
        }
        Ok(())
    }

    fn state(&self) -> PathBuf {
        self.site.folder.join(format!("chain-{}.state.json", self.spec.name))
    }

    fn command(&self, states: States) -> Command {
        let Self { spec, site, .. } = self;
        let mut command = spec.host.command(&self.binary);
        command
            .args(["--host", &site.socket.ip().to_string(), "--port", &site.socket.port().to_string()])
            .args(["--chain-id", &spec.chain_id.to_string()])
            .args(["--block-time", &BLOCK_TIME.to_string(), "--slots-in-an-epoch", "1"])
            .args(["--gas-limit", &spec.block_gas_limit.to_string()])
            .args(["--accounts", &spec.accounts.to_string()])
            // Its caches belong to this run, not to the person's home.
            .env("HOME", &site.folder)
            // It colours what it writes into files.
            .env("NO_COLOR", "1");
        if spec.durable {
            command.arg("--state").arg(self.state());
        }
        match states {
            // An empty block changes no state, unless by the rules of later forks: those write a hash into each.
            States::Dropped => drop(command.args(["--prune-history", "--hardfork", "cancun"])),
            // Without the states of earlier blocks nothing could be read as of a final block, which is what relays do.
            States::Kept if spec.durable => drop(command.arg("--preserve-historical-states")),
            States::Kept => {}
        }
        if spec.free_gas {
            command.args(["--gas-price", "0", "--block-base-fee-per-gas", "0", "--disable-min-priority-fee"]);
        }
        if let Some(origin) = &spec.fork_of {
            command.args(["--fork-url", origin.as_str()]);
        }
        command
    }
}
