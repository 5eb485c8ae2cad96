//! Bridges, lanes and single transfers, by the names that people use.

use std::fmt;
use std::str::FromStr;

use alloy::primitives::B256;
use serde::{Deserialize, Serialize};

use crate::RequestNonce;

/// keccak over both ends of a lane and a salt: in `root(0)`, in every digest, key of the slashing table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BridgeId(pub B256);

impl fmt::Display for BridgeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Name of a bridge: 1 to 32 lower-case letters, digits and hyphens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BridgeName(String);

impl BridgeName {
    /// Checks a name.
    ///
    /// Errors: the name is empty, longer than 32, or has other characters than `a-z`, `0-9`, `-`.
    pub fn try_new(name: impl Into<String>) -> Result<Self, ParseLaneError> {
        let name = name.into();
        let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if (1..=32).contains(&name.len()) && name.chars().all(fine) {
            Ok(Self(name))
        } else {
            Err(ParseLaneError::Name(name))
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for BridgeName {
    type Error = ParseLaneError;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::try_new(name)
    }
}

impl From<BridgeName> for String {
    fn from(name: BridgeName) -> Self {
        name.0
    }
}

impl FromStr for BridgeName {
    type Err = ParseLaneError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::try_new(text)
    }
}

impl fmt::Display for BridgeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which way value moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From the main chain to the service chain; attested by main-bridges.
    MainToService,
    /// From the service chain to the main chain; attested by sub-bridges.
    ServiceToMain,
}

impl Direction {
    /// Both directions.
    pub const ALL: [Self; 2] = [Self::MainToService, Self::ServiceToMain];

    /// The other direction.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::MainToService => Self::ServiceToMain,
            Self::ServiceToMain => Self::MainToService,
        }
    }

    /// The word used in lane names, metrics labels and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MainToService => "main-to-service",
            Self::ServiceToMain => "service-to-main",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Direction {
    type Err = ParseLaneError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|direction| direction.as_str() == text)
            .ok_or_else(|| ParseLaneError::Direction(text.to_owned()))
    }
}

/// One direction of a bridge: `kr/main-to-service`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LaneId {
    /// The bridge.
    pub bridge: BridgeName,
    /// Which way.
    pub direction: Direction,
}

impl LaneId {
    /// Puts the two parts together.
    pub const fn new(bridge: BridgeName, direction: Direction) -> Self {
        Self { bridge, direction }
    }
}

impl fmt::Display for LaneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.bridge, self.direction)
    }
}

impl FromStr for LaneId {
    type Err = ParseLaneError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (bridge, direction) =
            text.split_once('/').ok_or_else(|| ParseLaneError::Lane(text.to_owned()))?;
        Ok(Self { bridge: bridge.parse()?, direction: direction.parse()? })
    }
}

impl TryFrom<String> for LaneId {
    type Error = ParseLaneError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<LaneId> for String {
    fn from(lane: LaneId) -> Self {
        lane.to_string()
    }
}

/// One transfer: `kr/main-to-service:42`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransferId {
    /// The lane.
    pub lane: LaneId,
    /// The request's number in it.
    pub nonce: RequestNonce,
}

impl fmt::Display for TransferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.lane, self.nonce)
    }
}

impl FromStr for TransferId {
    type Err = ParseLaneError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseLaneError::Transfer(text.to_owned());
        let (lane, nonce) = text.rsplit_once(':').ok_or_else(wrong)?;
        Ok(Self { lane: lane.parse()?, nonce: nonce.parse().map_err(|_| wrong())? })
    }
}

/// Text that names no bridge, lane or transfer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseLaneError {
    /// Not a bridge name.
    #[error("`{0}` is not a bridge name; use 1 to 32 lower-case letters, digits and hyphens")]
    Name(String),
    /// Not a direction.
    #[error("`{0}` is not a direction; use main-to-service or service-to-main")]
    Direction(String),
    /// Not a lane.
    #[error("`{0}` is not a lane; write it as BRIDGE/main-to-service or BRIDGE/service-to-main")]
    Lane(String),
    /// Not a transfer.
    #[error("`{0}` is not a transfer; write it as BRIDGE/main-to-service:NONCE")]
    Transfer(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_through_text() {
        for text in ["kr/main-to-service:42", "a-1/service-to-main:0"] {
            assert_eq!(text.parse::<TransferId>().unwrap().to_string(), text);
        }
        let lane: LaneId = "kr/service-to-main".parse().unwrap();
        assert_eq!(serde_json::from_str::<LaneId>(&serde_json::to_string(&lane).unwrap()).unwrap(), lane);
    }

    #[test]
    fn text_that_names_nothing_is_refused_with_the_form_to_use() {
        for text in ["kr", "kr/up", "/main-to-service", "KR/main-to-service"] {
            let error = text.parse::<LaneId>().unwrap_err().to_string();
            assert!(error.contains("use ") || error.contains("write it as"), "{error}");
        }
        assert!("kr/main-to-service".parse::<TransferId>().is_err());
        assert!("kr/main-to-service:x".parse::<TransferId>().is_err());
    }
}
