//! A user's deposit on the source chain.

use std::fmt;
use std::str::FromStr;

use alloy::primitives::{Address, B256, Bytes, U256};
use serde::{Deserialize, Serialize};

use crate::{BlockHeight, RequestNonce};

/// Longest extra data that a source accepts. Unit: bytes. Source: DESIGN section 2.
pub const EXTRA_DATA_LIMIT: usize = 1024;

/// Asset classes known to this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The chain's own currency.
    Native,
    /// Fungible tokens.
    Erc20,
    /// Single tokens by id.
    Erc721,
}

impl Kind {
    /// Number used in the contracts.
    pub const fn number(self) -> u8 {
        match self {
            Self::Native => 0,
            Self::Erc20 => 1,
            Self::Erc721 => 2,
        }
    }

    /// The kind of a contract's number; `None` for one that this version does not know.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Native),
            1 => Some(Self::Erc20),
            2 => Some(Self::Erc721),
            _ => None,
        }
    }

    /// The word used in the CLI, config and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Erc20 => "erc20",
            Self::Erc721 => "erc721",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Native, Self::Erc20, Self::Erc721]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| format!("`{text}` is not a token kind; use native, erc20 or erc721"))
    }
}

/// The fields of a request, as `handle` takes them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ValueTransfer {
    /// Number of the asset class; raw, since a source may know more kinds than we do.
    pub kind: u8,
    /// Block of the source chain that contains the request.
    pub source_block: BlockHeight,
    /// Token on the source chain; zero for its native currency.
    pub token: Address,
    /// Who requested.
    pub from: Address,
    /// Recipient on the destination.
    pub to: Address,
    /// Who is paid back on the source chain when a held request is refunded.
    pub refund_to: Address,
    /// Amount in the token's smallest unit, or the token id of an ERC-721.
    pub value: U256,
    /// User's data for the recipient.
    pub extra_data: Bytes,
}

/// A numbered request with the place of its log.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Request {
    /// Number in its lane.
    pub nonce: RequestNonce,
    /// What is asked.
    pub transfer: ValueTransfer,
    /// Transaction of the source chain that made it. Not part of the leaf.
    pub tx_hash: B256,
}
