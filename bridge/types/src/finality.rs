//! When a block counts as final.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{BlockHeight, Confirmations};

/// Rule of a chain for its final block. See `docs/adr/0003-finality.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Finality {
    /// The node tells which block is final.
    Tag(FinalTag),
    /// A block is final with so many blocks on top; 0 on chains with instant finality.
    Depth(Confirmations),
}

/// Block tags that a node may give for finality.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FinalTag {
    /// `finalized`
    Finalized,
    /// `safe`
    Safe,
}

impl Finality {
    /// The final height under a depth rule for this `head`; `None` when the node must be asked by tag.
    pub fn height_below(self, head: BlockHeight) -> Option<BlockHeight> {
        match self {
            Self::Tag(_) => None,
            Self::Depth(depth) => Some(head.minus(depth.get())),
        }
    }
}

impl fmt::Display for Finality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => write!(f, "{tag}"),
            Self::Depth(depth) => write!(f, "depth {depth}"),
        }
    }
}

impl fmt::Display for FinalTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Finalized => "finalized",
            Self::Safe => "safe",
        })
    }
}

impl FromStr for Finality {
    type Err = ParseFinalityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "finalized" => Ok(Self::Tag(FinalTag::Finalized)),
            "safe" => Ok(Self::Tag(FinalTag::Safe)),
            other => other
                .strip_prefix("depth ")
                .and_then(|depth| depth.trim().parse().ok())
                .map(Self::Depth)
                .ok_or_else(|| ParseFinalityError(other.to_owned())),
        }
    }
}

impl TryFrom<String> for Finality {
    type Error = ParseFinalityError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Finality> for String {
    fn from(finality: Finality) -> Self {
        finality.to_string()
    }
}

/// Text that is no finality rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a finality rule; use \"finalized\", \"safe\" or \"depth N\" (0 for instant finality)")]
pub struct ParseFinalityError(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_round_trip_through_text() {
        for text in ["finalized", "safe", "depth 0", "depth 12"] {
            assert_eq!(text.parse::<Finality>().unwrap().to_string(), text);
        }
        assert!("latest".parse::<Finality>().is_err());
    }

    #[test]
    fn depth_counts_blocks_on_top() {
        let rule: Finality = "depth 2".parse().unwrap();
        assert_eq!(rule.height_below(BlockHeight::new(10)), Some(BlockHeight::new(8)));
        assert_eq!(rule.height_below(BlockHeight::new(1)), Some(BlockHeight::ZERO));
    }
}
