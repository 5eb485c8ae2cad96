//! The contracts whose code a bridge runs beside its own, and the code that this version knows of them.

use std::fmt;

use alloy::primitives::{Address, B256, Bytes, keccak256};
use polyspan_contracts::{BridgeCollectibles, BridgeEndings, BridgeGovernance, BridgeViews};
use serde::{Deserialize, Serialize};

use crate::abi;

/// One of the contracts whose code a bridge runs on its own storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Requests of tokens with ids.
    Collectibles,
    /// Holds that end or are made by vote, and migration.
    Endings,
    /// Construction, configuration, pause, fees.
    Governance,
    /// Reads.
    Views,
}

/// Where the parts of a bridge are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parts {
    /// See [`Part::Collectibles`].
    pub collectibles: Address,
    /// See [`Part::Endings`].
    pub endings: Address,
    /// See [`Part::Governance`].
    pub governance: Address,
    /// See [`Part::Views`].
    pub views: Address,
}

impl Part {
    /// All of them, in the contract's order.
    pub const ALL: [Self; 4] = [Self::Collectibles, Self::Endings, Self::Governance, Self::Views];

    /// The word in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Collectibles => "collectibles",
            Self::Endings => "endings",
            Self::Governance => "governance",
            Self::Views => "views",
        }
    }

    /// Calldata of the transaction that creates it. It has no constructor arguments.
    pub fn creation_code(self) -> Bytes {
        match self {
            Self::Collectibles => BridgeCollectibles::BYTECODE.clone(),
            Self::Endings => BridgeEndings::BYTECODE.clone(),
            Self::Governance => BridgeGovernance::BYTECODE.clone(),
            Self::Views => BridgeViews::BYTECODE.clone(),
        }
    }

    /// Hash of its code on a chain. It has no immutables, so this is the same at every address.
    pub fn code_hash(self) -> B256 {
        keccak256(match self {
            Self::Collectibles => &BridgeCollectibles::DEPLOYED_BYTECODE,
            Self::Endings => &BridgeEndings::DEPLOYED_BYTECODE,
            Self::Governance => &BridgeGovernance::DEPLOYED_BYTECODE,
            Self::Views => &BridgeViews::DEPLOYED_BYTECODE,
        })
    }

    /// Why a contract with this code, `None` for none, cannot serve as this part.
    pub fn problem(self, found: Option<B256>) -> Option<&'static str> {
        match found {
            None => Some("there is no contract"),
            Some(hash) if hash != self.code_hash() => Some("its code is not that of this version"),
            Some(_) => None,
        }
    }
}

impl Parts {
    /// Where one of them is.
    pub const fn of(&self, part: Part) -> Address {
        match part {
            Part::Collectibles => self.collectibles,
            Part::Endings => self.endings,
            Part::Governance => self.governance,
            Part::Views => self.views,
        }
    }

    /// Each where `place` says.
    ///
    /// Errors: the first of `place`.
    pub fn try_from_fn<E>(mut place: impl FnMut(Part) -> Result<Address, E>) -> Result<Self, E> {
        Ok(Self {
            collectibles: place(Part::Collectibles)?,
            endings: place(Part::Endings)?,
            governance: place(Part::Governance)?,
            views: place(Part::Views)?,
        })
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<abi::Parts> for Parts {
    fn from(parts: abi::Parts) -> Self {
        let abi::Parts { collectibles, endings, governance, views } = parts;
        Self { collectibles, endings, governance, views }
    }
}

impl From<Parts> for abi::Parts {
    fn from(parts: Parts) -> Self {
        let Parts { collectibles, endings, governance, views } = parts;
        Self { collectibles, endings, governance, views }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_code_of_each_part_is_accepted_and_no_other() {
        for part in Part::ALL {
            assert_eq!(part.problem(Some(part.code_hash())), None);
            assert!(part.problem(None).unwrap().contains("no contract"));
            for other in Part::ALL.into_iter().filter(|other| *other != part) {
                assert!(part.problem(Some(other.code_hash())).unwrap().contains("not that of this version"));
            }
        }
    }

    #[test]
    fn parts_are_found_under_their_names() {
        let parts = Parts::try_from_fn(|part| Ok::<_, ()>(Address::repeat_byte(part as u8))).unwrap();
        for part in Part::ALL {
            assert_eq!(parts.of(part), Address::repeat_byte(part as u8));
        }
        assert_eq!(Parts::from(abi::Parts::from(parts)), parts);
    }
}
