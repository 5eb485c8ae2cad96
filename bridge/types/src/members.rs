//! Operators, governors and thresholds.

use std::fmt;

use alloy::primitives::Address;
use serde::{Deserialize, Serialize};

use crate::Epoch;

/// Address of an attester key.
pub type OperatorId = Address;

/// How many distinct members must say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Threshold(u8);

impl Threshold {
    /// A threshold that `members` can reach and that is more than half of them; the rule of the contract.
    ///
    /// Errors: 0, more than `members`, or half of them or less.
    pub fn try_new(threshold: u8, members: usize) -> Result<Self, MembersError> {
        let checked = Self::try_new_development(threshold, members)?;
        if usize::from(threshold) * 2 <= members {
            return Err(MembersError::ThresholdHalfOrLess { threshold, members });
        }
        Ok(checked)
    }

    /// As [`Threshold::try_new`], but half or less is accepted: only for bridges with the development flag.
    ///
    /// Errors: 0, or more than `members`.
    pub fn try_new_development(threshold: u8, members: usize) -> Result<Self, MembersError> {
        if threshold == 0 {
            return Err(MembersError::ThresholdZero);
        }
        if usize::from(threshold) > members {
            return Err(MembersError::ThresholdTooHigh { threshold, members });
        }
        Ok(Self(threshold))
    }

    /// The plain number.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// Whether so many distinct members are enough.
    pub const fn is_reached_by(self, members: usize) -> bool {
        members >= self.0 as usize
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A set of members as a contract has it now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberSet {
    /// Version of the set.
    pub epoch: Epoch,
    /// How many must agree.
    pub threshold: Threshold,
    /// The members, in the contract's order.
    pub members: Vec<OperatorId>,
}

impl MemberSet {
    /// Whether `account` is in the set.
    pub fn contains(&self, account: OperatorId) -> bool {
        self.members.contains(&account)
    }
}

/// A member set that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MembersError {
    /// Zero would let anything pass.
    #[error("threshold 0 is refused: set it to more than half of the members")]
    ThresholdZero,
    /// Nobody could ever reach it.
    #[error("threshold {threshold} exceeds {members} members; register more members or lower the threshold")]
    ThresholdTooHigh {
        /// What was asked.
        threshold: u8,
        /// How many there are.
        members: usize,
    },
    /// Two disjoint groups could both reach it.
    #[error("threshold {threshold} is half of {members} members or less; raise it to at least {}", members / 2 + 1)]
    ThresholdHalfOrLess {
        /// What was asked.
        threshold: u8,
        /// How many there are.
        members: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_more_than_half_and_at_most_all() {
        assert_eq!(Threshold::try_new(0, 4), Err(MembersError::ThresholdZero));
        assert_eq!(
            Threshold::try_new(2, 4),
            Err(MembersError::ThresholdHalfOrLess { threshold: 2, members: 4 })
        );
        assert_eq!(Threshold::try_new(3, 4).unwrap().get(), 3);
        assert_eq!(Threshold::try_new(4, 4).unwrap().get(), 4);
        assert_eq!(
            Threshold::try_new(5, 4),
            Err(MembersError::ThresholdTooHigh { threshold: 5, members: 4 })
        );
        assert_eq!(Threshold::try_new_development(1, 4).unwrap().get(), 1);
        assert!(Threshold::try_new_development(0, 4).is_err());
    }
}
