//! What `polyspan deploy` wrote: the addresses of one bridge.

mod check;

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use alloy::primitives::{Address, B256};
use polyspan_chain::Parts;
use polyspan_types::{BlockHeight, BridgeId, BridgeName, ChainId, Direction, Kind, LaneId, bridge_id};
use serde::{Deserialize, Serialize};

use super::problems::{ConfigErrors, Problems};

/// One bridge: a pair of contracts, their wiring and their tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deployment {
    /// Its name in lanes and transfers.
    pub name: BridgeName,
    /// Part of the bridge ids.
    pub salt: B256,
    /// The main chain's side.
    pub main: Side,
    /// The service chain's side.
    pub service: Side,
    /// The tokens that can cross.
    #[serde(rename = "pair")]
    pub pairs: Vec<Pair>,
}

/// One end of a bridge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Side {
    /// Name of the chain in the config.
    pub chain: String,
    /// Its id.
    pub chain_id: ChainId,
    /// Address of the contract.
    pub bridge: Address,
    /// Block in which it was deployed: nothing of the bridge lies before.
    pub deployment_block: BlockHeight,
    /// The contracts whose code it runs beside its own. A file that does not name them loses one check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parts: Option<Parts>,
}

/// A token of one chain and its counterpart on the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pair {
    /// Name for the command line.
    pub name: String,
    /// Asset class. A fungible token may correspond to the native currency of the other chain: then that side's token
    /// is zero, and [`Pair::kinds`] tells the class of each side.
    pub kind: Kind,
    /// Token on the main chain; zero for its native currency.
    pub main_token: Address,
    /// Token on the service chain; zero for its native currency.
    pub service_token: Address,
    /// Which side mints.
    pub mints: Minter,
}

/// The side of a pair that mints and burns; the other one locks and unlocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Minter {
    /// The main chain's side.
    Main,
    /// The service chain's side.
    Service,
    /// Neither: both lock, and both need liquidity.
    None,
}

/// One lane with both of its ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneInfo {
    /// Its name.
    pub id: LaneId,
    /// Its id in every hash.
    pub bridge_id: BridgeId,
    /// Where requests are made.
    pub source: Side,
    /// Where they are paid.
    pub destination: Side,
}

impl Deployment {
    /// Reads and checks a deployment file.
    ///
    /// Errors: every problem, each with its TOML path.
    pub fn load(file: &Path) -> Result<Self, ConfigErrors> {
        let mut problems = Problems::default();
        match check::read(file, &mut problems) {
            Some(deployment) if problems.is_empty() => Ok(deployment),
            _ => Err(problems.into_errors(file, |_| None)),
        }
    }

    /// The text of a deployment file.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("every field has a TOML form, and tables come after plain values")
    }

    /// One lane.
    pub fn lane(&self, direction: Direction) -> LaneInfo {
        let (source, destination) = match direction {
            Direction::MainToService => (&self.main, &self.service),
            Direction::ServiceToMain => (&self.service, &self.main),
        };
        LaneInfo {
            id: LaneId::new(self.name.clone(), direction),
            bridge_id: bridge_id(
                (source.chain_id, source.bridge),
                (destination.chain_id, destination.bridge),
                self.salt,
            ),
            source: source.clone(),
            destination: destination.clone(),
        }
    }

    /// Both lanes.
    pub fn lanes(&self) -> [LaneInfo; 2] {
        Direction::ALL.map(|direction| self.lane(direction))
    }

    /// The pair of that name.
    pub fn pair(&self, name: &str) -> Option<&Pair> {
        self.pairs.iter().find(|pair| pair.name == name)
    }
}

impl Pair {
    /// The tokens of a lane in this direction: source, then destination.
    pub const fn tokens(&self, direction: Direction) -> (Address, Address) {
        match direction {
            Direction::MainToService => (self.main_token, self.service_token),
            Direction::ServiceToMain => (self.service_token, self.main_token),
        }
    }

    /// The asset classes of a lane in this direction: source, then destination.
    pub fn kinds(&self, direction: Direction) -> (Kind, Kind) {
        let of = |token: Address| if token.is_zero() { Kind::Native } else { self.kind };
        let (source, destination) = self.tokens(direction);
        (of(source), of(destination))
    }
}

impl fmt::Display for Minter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Main => "main",
            Self::Service => "service",
            Self::None => "none",
        })
    }
}

impl FromStr for Minter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Main, Self::Service, Self::None]
            .into_iter()
            .find(|minter| minter.to_string() == text)
            .ok_or_else(|| format!("`{text}` names no side; use \"main\", \"service\" or \"none\""))
    }
}
