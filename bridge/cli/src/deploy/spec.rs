//! The file that describes a bridge to deploy. `bridge/cli/deploy.example.toml` explains each key.

mod check;
mod limits;
mod pair;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::time::Duration;

use alloy::primitives::{Address, B256};
use polyspan_chain::{ChainLimits, Parts};
use polyspan_node::config::form::{Problems, Raw};
use polyspan_node::config::{ConfigErrors, KeyEntry, KeySection, Minter};
use polyspan_node::toml_section;
use polyspan_types::{BridgeName, ChainId, Finality, Kind, Threshold};
use serde::Deserialize;
use url::Url;

use crate::governance::limits::LimitWords;

/// Most members that either set of a bridge takes. Source: `contracts/src/bridge/Memberships.sol`.
pub const MAX_MEMBERS: usize = 64;

/// How long loosening configurations wait when the file does not say. Unit: seconds. Two days: long enough for
/// somebody to look, to pause and to vote against.
const GOVERNANCE_DELAY: u32 = 2 * 86_400;

/// How long a hold waits before anyone may refund it when the file does not say: a week of 12-second blocks. Unit: blocks.
const REFUND_DELAY: u64 = 50_400;

/// A bridge to deploy, already checked as far as the file alone allows.
#[derive(Debug, Clone)]
pub struct DeploySpec {
    /// Its name.
    pub name: BridgeName,
    /// Part of the bridge ids. Default: random.
    pub salt: Option<B256>,
    /// Allows thresholds of half or less, and no delay. Default: false.
    pub development: bool,
    /// How long loosening configurations wait. Unit: seconds. Default: two days.
    pub governance_delay: u32,
    /// The main chain's end.
    pub main: SideSpec,
    /// The service chain's end.
    pub service: SideSpec,
    /// The tokens.
    pub pairs: Vec<PairSpec>,
}

/// One end.
#[derive(Debug, Clone)]
pub struct SideSpec {
    /// Name of the chain in the relays' configs.
    pub chain: String,
    /// Its id.
    pub chain_id: ChainId,
    /// Where it is reached for the deployment.
    pub endpoint: Url,
    /// When a block counts as final for the relays: whether there is a state of it is probed. Default: `finalized`.
    pub finality: Finality,
    /// Who pays.
    pub deployer: KeyEntry,
    /// Who moves value.
    pub operators: Members,
    /// Who configures.
    pub governors: Members,
    /// Keys of governors that sign the first configuration.
    pub governor_keys: Vec<KeyEntry>,
    /// How long a hold waits before anyone may refund it. Unit: blocks. Default: 50400.
    pub refund_delay: u64,
    /// Who receives the fees of requests made here. Default: nobody, they stay in the bridge.
    pub fee_receiver: Address,
    /// Parts of another bridge of this chain and version. Default: they are created.
    pub parts: Option<Parts>,
    /// What the chain counts beside gas. Default: what its node calls itself tells.
    pub chain_limits: Option<ChainLimits>,
    /// Greatest gas cap that a pair can have. Unit: gas. Default: by the price of a new slot.
    pub greatest_gas_cap: Option<u32>,
    /// Whether a handle holds what may call a recipient with code. Default: where the chain counts something beside gas.
    pub defer_calls: Option<bool>,
}

/// A set of members to begin with.
#[derive(Debug, Clone)]
pub struct Members {
    /// Who.
    pub members: Vec<Address>,
    /// How many of them are needed.
    pub threshold: Threshold,
}

/// A pair of tokens.
#[derive(Debug, Clone)]
pub struct PairSpec {
    /// Its name.
    pub name: String,
    /// Asset class.
    pub kind: Kind,
    /// Which side mints.
    pub mints: Minter,
    /// Token on the main chain.
    pub main: TokenSpec,
    /// Token on the service chain.
    pub service: TokenSpec,
    /// What one request may carry, the same on both sides. Unit: bytes of the URI of an erc721, ids of an erc1155. Default: the most
    /// that both chains can pay.
    pub item_bound: Option<u16>,
    /// Gas of one payout on either side. Unit: gas. Default: by kind, bound and the price of a new slot.
    pub gas_cap: Option<u32>,
    /// Liquidity, in whole tokens: main, then service.
    pub seed: [Option<String>; 2],
    /// What requests and payouts are limited to: main, then service.
    pub limits: [LimitWords; 2],
}

/// One token of a pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenSpec {
    /// It exists; zero is the native currency.
    Existing(Address),
    /// It is deployed with the bridge as its minter.
    Deploy(NewToken),
}

/// A token to deploy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// Its name; of an ERC-1155, which has none, the template of its URIs.
    pub name: String,
    /// Its symbol; of an ERC-1155 the pair's name.
    pub symbol: String,
    /// Decimals; 0 for an ERC-721 or ERC-1155.
    pub decimals: u8,
}

/// The side of a bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The main chain's.
    Main,
    /// The service chain's.
    Service,
}

impl End {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Main, Self::Service];

    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Self::Main => Self::Service,
            Self::Service => Self::Main,
        }
    }

    /// The word in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Service => "service",
        }
    }

    /// Whether this end of a pair mints.
    pub fn mints(self, minter: Minter) -> bool {
        matches!((self, minter), (Self::Main, Minter::Main) | (Self::Service, Minter::Service))
    }
}

impl DeploySpec {
    /// Reads and checks a file.
    ///
    /// Errors: every problem, each with its TOML path.
    pub fn load(file: &Path) -> Result<Self, ConfigErrors> {
        check::load(file)
    }

    /// One end.
    pub const fn side(&self, end: End) -> &SideSpec {
        match end {
            End::Main => &self.main,
            End::Service => &self.service,
        }
    }
}

impl PairSpec {
    /// The token of one end.
    pub const fn token(&self, end: End) -> &TokenSpec {
        match end {
            End::Main => &self.main,
            End::Service => &self.service,
        }
    }

    /// The liquidity of one end.
    pub fn seed(&self, end: End) -> Option<&str> {
        self.seed[end as usize].as_deref()
    }

    /// The limits of one end.
    pub const fn limits(&self, end: End) -> &LimitWords {
        &self.limits[end as usize]
    }

    /// The asset class of one end: a fungible token may correspond to a native currency.
    pub fn kind_of(&self, end: End) -> Kind {
        match self.token(end) {
            TokenSpec::Existing(Address::ZERO) => Kind::Native,
            _ => self.kind,
        }
    }
}

toml_section! {
    /// The whole file.
    RawSpec {
        name: BridgeName,
        salt: B256,
        development: bool,
        governance_delay: Span,
        main: RawSide,
        service: RawSide,
        pair: Vec<Raw<RawPair>>,
    }
}

toml_section! {
    /// `[main]` and `[service]`
    RawSide {
        chain: String,
        chain_id: ChainId,
        endpoint: String,
        finality: Finality,
        deployer: KeySection,
        operators: Vec<Address>,
        threshold: u8,
        governors: Vec<Address>,
        governor_threshold: u8,
        governor_keys: Vec<Raw<KeySection>>,
        refund_delay: u64,
        fee_receiver: Address,
        parts: Parts,
        chain_limits: String,
        greatest_gas_cap: u32,
        defer_calls: bool,
    }
}

toml_section! {
    /// `[[pair]]`
    RawPair {
        name: String,
        kind: String,
        mints: String,
        main_token: String,
        service_token: String,
        deploy: RawToken,
        item_bound: u16,
        gas_cap: u32,
        seed: RawSeed,
        limits: RawLimits,
        main_limits: RawLimits,
        service_limits: RawLimits,
    }
}

toml_section! {
    /// Limits of a pair, in whole tokens.
    RawLimits {
        minimum: String,
        maximum: String,
        fee: String,
        fee_in_native: bool,
        outflow_capacity: String,
        outflow_period: Span,
        delay_above: String,
        delay_blocks: u32,
    }
}

toml_section! {
    /// A token to deploy.
    RawToken { name: String, symbol: String, decimals: u8, uri: String }
}

toml_section! {
    /// Liquidity in whole tokens.
    RawSeed { main: String, service: String }
}

/// A duration: `"2days"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct Span(Duration);

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let wrong = |_| format!("`{text}` is not a duration; write it as \"2days\" or \"12h\"");
        humantime::parse_duration(&text).map(Self).map_err(wrong)
    }
}

/// What `parsed` says of a text; its error becomes a problem at `path`.
fn parsed<T>(path: &str, text: Option<String>, problems: &mut Problems) -> Option<T>
where
    T: std::str::FromStr<Err = String>,
{
    text?.parse().map_err(|error| problems.add(path, error)).ok()
}
