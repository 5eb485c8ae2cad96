//! What an endpoint node does for the bridge that is built into Kaia's nodes: nothing, or one of its two halves.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;
use tokio::process::Command;

use super::genesis::MakerKey;
use crate::ports::free_port;

/// Unit: seconds. Source: Kaia's default.
const RECOVERY_INTERVAL: &str = "5";

/// The half of a bridge that a node runs. A main-bridge node serves one sub-bridge node.
#[derive(Debug, Clone, Default)]
pub(crate) enum BridgePart {
    /// The node only answers questions.
    #[default]
    None,
    /// An EN that passes on what a sub-bridge node sends to the main chain.
    Main(MainBridge),
    /// An SEN that hears the events of both chains and sends the payouts.
    Sub {
        /// The EN that serves it.
        main: MainBridge,
        /// The main chain's id.
        main_chain_id: u64,
        /// Where it listens, although it only dials.
        port: u16,
    },
}

/// A main-bridge node, as its sub-bridge node finds it.
#[derive(Debug, Clone)]
pub(crate) struct MainBridge {
    key: MakerKey,
    port: u16,
}

impl MainBridge {
    /// Chooses a key and a port.
    ///
    /// Errors: no port is free.
    pub(crate) fn choose() -> Result<Self> {
        Ok(Self { key: MakerKey::random(), port: free_port()? })
    }

    fn uri(&self) -> String {
        format!("kni://{}@127.0.0.1:{}?discport=0", self.key.node_id(), self.port)
    }
}

impl BridgePart {
    /// The sub-bridge half that belongs to `main`.
    ///
    /// Errors: no port is free.
    pub(crate) fn sub(main: MainBridge, main_chain_id: u64) -> Result<Self> {
        Ok(Self::Sub { main, main_chain_id, port: free_port()? })
    }

    /// The RPC namespace in which the node serves it.
    pub(super) const fn namespace(&self) -> &'static str {
        match self {
            Self::None => "",
            Self::Main(_) => ",mainbridge",
            Self::Sub { .. } => ",subbridge",
        }
    }

    /// Adds what the node must be started with.
    pub(super) fn add_flags(&self, command: &mut Command) {
        match self {
            Self::None => {}
            Self::Main(MainBridge { key, port }) => {
                command.args(["--mainbridge", "--mainbridgeport", &port.to_string()]);
                command.args(["--nodekeyhex", &key.secret()]);
            }
            Self::Sub { main: _, main_chain_id, port } => {
                command.args(["--subbridge", "--subbridgeport", &port.to_string()]);
                command.args(["--parentchainid", &main_chain_id.to_string()]);
                command.args(["--vtrecovery", "--vtrecoveryinterval", RECOVERY_INTERVAL]);
            }
        }
    }

    /// Writes what the node reads when it starts.
    ///
    /// Errors: the file cannot be written.
    pub(super) fn write_files(&self, datadir: &Path) -> Result<()> {
        let Self::Sub { main, .. } = self else { return Ok(()) };
        let list = datadir.join("main-bridges.json");
        std::fs::write(&list, json!([main.uri()]).to_string())
            .with_context(|| format!("cannot write {}", list.display()))
    }
}
