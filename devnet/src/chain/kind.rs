//! Which node software runs the chains of a network.

use std::fmt;

use clap::ValueEnum;
use polyspan_types::{Confirmations, Finality};
use serde::Serialize;

/// Node software, and how it keeps states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeKind {
    /// anvil, of Foundry: keeps all states.
    Anvil,
    /// Hardhat 3: keeps all states; every block is final.
    Hardhat,
    /// geth in full mode: keeps the states of the newest 128 blocks.
    Geth,
    /// geth as an archive: keeps all states.
    GethArchive,
    /// Kaia: four nodes make the blocks, and each relay has an endpoint node of its own, which keeps the states of the newest 128 blocks. Every
    /// block is final.
    Kaia,
}

impl NodeKind {
    /// Its node can be ended, and started again with its blocks.
    pub const fn restarts(self) -> bool {
        !matches!(self, Self::Hardhat)
    }

    /// Its newest blocks can be replaced by others.
    pub const fn reorganises(self) -> bool {
        !matches!(self, Self::Hardhat | Self::Kaia)
    }

    /// The rule of finality that relays use where `asked` is what another node would take.
    pub const fn finality(self, asked: Finality) -> Finality {
        match self {
            // Its nodes know no tag for a final block: each block is one.
            Self::Kaia => Finality::Depth(Confirmations::new(0)),
            Self::Anvil | Self::Hardhat | Self::Geth | Self::GethArchive => asked,
        }
    }

    /// An account can be made poorer without its key.
    pub const fn takes_value_away(self) -> bool {
        matches!(self, Self::Anvil | Self::Hardhat)
    }

    /// Each relay has a node of its own, which makes no blocks.
    pub const fn has_endpoint_nodes(self) -> bool {
        matches!(self, Self::Kaia)
    }

    /// It can be made to forget what is in no block, while it runs.
    pub const fn forgets_its_pool(self) -> bool {
        matches!(self, Self::Anvil | Self::Hardhat)
    }
}

impl fmt::Display for NodeKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Anvil => "anvil",
            Self::Hardhat => "hardhat",
            Self::Geth => "geth",
            Self::GethArchive => "geth-archive",
            Self::Kaia => "kaia",
        })
    }
}
