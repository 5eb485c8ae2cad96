//! Where a transfer is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// States of a transfer, in order; held leads to released or refunded instead of paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TransferState {
    /// The source has its event.
    Requested,
    /// The event is in a final block.
    Final,
    /// At least one operator signed a checkpoint that covers it.
    Attested,
    /// A threshold of operators did.
    Approved,
    /// A transaction that pays it was sent.
    Submitted,
    /// The destination paid it.
    Paid,
    /// The destination put it on hold.
    Held,
}

impl TransferState {
    /// The word used everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Final => "final",
            Self::Attested => "attested",
            Self::Approved => "approved",
            Self::Submitted => "submitted",
            Self::Paid => "paid",
            Self::Held => "held",
        }
    }

    const ALL: [Self; 7] = [
        Self::Requested,
        Self::Final,
        Self::Attested,
        Self::Approved,
        Self::Submitted,
        Self::Paid,
        Self::Held,
    ];
}

impl fmt::Display for TransferState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TransferState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| format!("`{text}` is not a transfer state"))
    }
}

/// Why a request was put on hold: the numbers of the contract's enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum HoldReason {
    /// The destination does not know the asset class.
    UnknownKind = 1,
    /// No pair for the token on the destination.
    UnknownToken = 2,
    /// The pair is of another asset class.
    KindMismatch = 3,
    /// The recipient is zero or the bridge.
    InvalidRecipient = 4,
    /// The amount is zero or too large.
    InvalidValue = 5,
    /// The destination holds too little.
    InsufficientEscrow = 6,
    /// The recipient or token refused, ran out of its gas cap, or answered nonsense.
    PayoutFailed = 7,
}

impl HoldReason {
    /// The reason of a contract's number; `None` for one that this version does not know.
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::UnknownKind,
            2 => Self::UnknownToken,
            3 => Self::KindMismatch,
            4 => Self::InvalidRecipient,
            5 => Self::InvalidValue,
            6 => Self::InsufficientEscrow,
            7 => Self::PayoutFailed,
            _ => return None,
        })
    }

    /// What a person reads.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownKind => "unknown kind",
            Self::UnknownToken => "unknown token",
            Self::KindMismatch => "kind mismatch",
            Self::InvalidRecipient => "invalid recipient",
            Self::InvalidValue => "invalid value",
            Self::InsufficientEscrow => "insufficient escrow",
            Self::PayoutFailed => "payout failed",
        }
    }
}

impl fmt::Display for HoldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_and_reasons_round_trip() {
        for state in TransferState::ALL {
            assert_eq!(state.as_str().parse::<TransferState>().unwrap(), state);
        }
        for number in 1..=7 {
            assert_eq!(HoldReason::from_number(number).unwrap() as u8, number);
        }
        assert_eq!(HoldReason::from_number(0), None);
        assert_eq!(HoldReason::from_number(8), None);
    }
}
