//! Where a transfer is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// States of a transfer, in order; held leads to released, refunded or written off instead of paid.
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
    /// It was on hold and is paid now.
    Released,
    /// It was on hold and goes back, as a request of the other lane.
    Refunded,
    /// It was on hold, and governors have put its value where its recipient can claim it.
    #[serde(rename = "written-off")]
    WrittenOff,
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
            Self::Released => "released",
            Self::Refunded => "refunded",
            Self::WrittenOff => "written-off",
        }
    }

    const ALL: [Self; 10] = [
        Self::Requested,
        Self::Final,
        Self::Attested,
        Self::Approved,
        Self::Submitted,
        Self::Paid,
        Self::Held,
        Self::Released,
        Self::Refunded,
        Self::WrittenOff,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_round_trip() {
        for state in TransferState::ALL {
            assert_eq!(state.as_str().parse::<TransferState>().unwrap(), state);
            assert_eq!(serde_json::to_string(&state).unwrap(), format!("\"{state}\""));
        }
    }
}
