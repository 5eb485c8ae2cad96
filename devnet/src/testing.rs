//! Networks for end-to-end tests: small, with chain ids and a directory of their own, gone when the test is over.

mod market;
#[expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]
mod nodes;

use std::io::Write;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use alloy::primitives::Address;
use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::network::Network;
use crate::process::tail;
use crate::spec::NetworkSpec;
use crate::traffic::Traffic;

pub use market::Market;
pub use nodes::{demonstrate, play};

/// Patience for anything that takes a few blocks. Unit: time. Two cores are shared by several tests, so it is generous.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Patience for a lane that must work through faults first.
pub const LONG_PATIENCE: Duration = Duration::from_secs(120);

/// Lines of each log that a failed test shows.
const TAIL: usize = 25;

/// A network that belongs to one test. When the test fails, its logs are shown and its directory is kept.
#[derive(Debug)]
pub struct TestNetwork {
    network: Network,
    folder: Option<TempDir>,
}

impl TestNetwork {
    /// Starts chains and bridges for `relays` relays that are main-bridge and sub-bridge at once; none of them runs yet.
    /// `change` adapts the spec.
    ///
    /// Errors: as [`Network::start`].
    pub async fn start(relays: usize, change: impl FnOnce(&mut NetworkSpec)) -> Result<Self> {
        let folder =
            tempfile::Builder::new().prefix("polyspan-test-").tempdir().context("no temporary directory")?;
        let mut spec = NetworkSpec::small(&folder.path().join("net"), relays);
        change(&mut spec);
        Ok(Self { network: Network::start(spec).await?, folder: Some(folder) })
    }

    /// As [`TestNetwork::start`], with all relays running and ready.
    ///
    /// Errors: as [`Network::start`], or a relay does not get ready.
    pub async fn running(relays: usize, change: impl FnOnce(&mut NetworkSpec)) -> Result<Self> {
        let mut network = Self::start(relays, change).await?;
        network.start_relays()?;
        network.wait_ready(PATIENCE).await?;
        Ok(network)
    }

    /// As [`TestNetwork::running`], with one round of transfers paid and all relays stopped: a store that is new signs nothing that
    /// was requested before it.
    ///
    /// Errors: as [`TestNetwork::running`], or the transfers are not paid.
    pub async fn seasoned(relays: usize, change: impl FnOnce(&mut NetworkSpec)) -> Result<Self> {
        let mut network = Self::running(relays, change).await?;
        Traffic::new(&network, 0, 0)?.rounds(1, fresh_recipient()).await?;
        network.wait_all_handled(PATIENCE).await?;
        for relay in &mut network.relays {
            relay.stop().await?;
        }
        Ok(network)
    }
}

impl Deref for TestNetwork {
    type Target = Network;

    fn deref(&self) -> &Network {
        &self.network
    }
}

impl DerefMut for TestNetwork {
    fn deref_mut(&mut self) -> &mut Network {
        &mut self.network
    }
}

impl Drop for TestNetwork {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let kept = self.folder.take().map(TempDir::keep);
        let mut out = std::io::stderr().lock();
        for relay in &self.network.relays {
            // The test has failed already: what cannot be written here changes nothing.
            drop(writeln!(out, "--- {}\n{}", relay.spec.name, tail(&relay.log, TAIL)));
        }
        if let Some(kept) = kept {
            drop(writeln!(out, "--- everything of this network is kept in {}", kept.display()));
        }
    }
}

/// An account that nobody has used: its balance tells exactly what it was paid.
pub fn fresh_recipient() -> Address {
    Address::from(rand::random::<[u8; 20]>())
}
