//! Why a contract reverted, in types.

use std::fmt;

use alloy::primitives::{Address, Bytes, U256, hex};
use alloy::sol_types::{GenericContractError, SolInterface};
use polyspan_types::{HoldReason, RequestNonce};

use crate::abi::Bridge::BridgeErrors;
use crate::abi::{ClaimsErrors, MultiTokenErrors, NftErrors, TokenErrors};
use crate::endpoint::quote;

/// A revert of a bridge, or of what it called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BridgeRevert {
    /// Everything in the call was handled before.
    AlreadyHandled {
        /// The contract's next nonce.
        handle_nonce: RequestNonce,
    },
    /// The call starts above the contract's next nonce.
    NonceGap {
        /// First nonce of the call.
        first: RequestNonce,
        /// The contract's next nonce.
        handle_nonce: RequestNonce,
    },
    /// Too few valid signatures of current operators over this checkpoint.
    BelowThreshold {
        /// Signatures that counted.
        signers: u64,
        /// How many are needed.
        threshold: u8,
    },
    /// An operator stopped the bridge.
    Paused {
        /// Number of the pause.
        pause_nonce: u64,
    },
    /// Configuration vote 0 was not applied yet.
    NotWired,
    /// The transaction has too little gas to give the next payout its cap.
    InsufficientGas {
        /// The request that was next.
        nonce: RequestNonce,
        /// Unit: gas.
        gas_left: u64,
        /// Unit: gas.
        required: u64,
    },
    /// Nothing is on hold under this nonce: it never was, or it was released or refunded.
    NotHeld {
        /// The request.
        nonce: RequestNonce,
    },
    /// The hold cannot be paid now. Nothing has changed.
    ReleaseFailed {
        /// The request.
        nonce: RequestNonce,
        /// Why it would be held again.
        reason: HoldReason,
    },
    /// This operator's vote for this checkpoint is recorded already.
    AlreadyVoted {
        /// Who voted.
        operator: Address,
    },
    /// Value moves to a successor only once requests have been stopped for the public delay.
    StoppedTooLately {
        /// Unit: seconds since 1970.
        movable_at: u64,
    },
    /// Another error of the bridge, of a token, or no reason at all.
    Other(String),
}

impl BridgeRevert {
    /// Reads revert data; `message` is the node's text, used when there is no data.
    pub fn decode(data: &Bytes, message: &str) -> Self {
        match BridgeErrors::abi_decode(data) {
            Ok(error) => Self::from_bridge(&error),
            // The text may be a hostile contract's.
            Err(_) => Self::Other(quote(&foreign_reason(data, message))),
        }
    }

    fn from_bridge(error: &BridgeErrors) -> Self {
        match error {
            BridgeErrors::BridgeAlreadyHandled(e) => {
                Self::AlreadyHandled { handle_nonce: RequestNonce::new(e.handleNonce) }
            }
            BridgeErrors::BridgeNonceGap(e) => Self::NonceGap {
                first: RequestNonce::new(e.first),
                handle_nonce: RequestNonce::new(e.handleNonce),
            },
            BridgeErrors::BridgeBelowThreshold(e) => {
                Self::BelowThreshold { signers: small(e.signers), threshold: e.threshold }
            }
            BridgeErrors::BridgePaused(e) => Self::Paused { pause_nonce: e.pauseNonce },
            BridgeErrors::BridgeNotWired(_) => Self::NotWired,
            BridgeErrors::BridgeInsufficientGas(e) => Self::InsufficientGas {
                nonce: RequestNonce::new(e.nonce),
                gas_left: small(e.gasLeft),
                required: small(e.required),
            },
            BridgeErrors::BridgeNotHeld(e) => Self::NotHeld { nonce: RequestNonce::new(e.nonce) },
            BridgeErrors::BridgeReleaseFailed(e) => Self::ReleaseFailed {
                nonce: RequestNonce::new(e.nonce),
                reason: HoldReason::from_number(e.reason),
            },
            BridgeErrors::BridgeAlreadyVoted(e) => Self::AlreadyVoted { operator: e.operator },
            BridgeErrors::BridgeStoppedTooLately(e) => {
                Self::StoppedTooLately { movable_at: small(e.movableAt) }
            }
            other => Self::Other(name_and_values(other)),
        }
    }
}

impl fmt::Display for BridgeRevert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyHandled { handle_nonce } => write!(f, "already handled up to nonce {handle_nonce}"),
            Self::NonceGap { first, handle_nonce } => {
                write!(f, "nonce gap: starts at {first}, the bridge waits for {handle_nonce}")
            }
            Self::BelowThreshold { signers, threshold } => {
                write!(f, "below the threshold: {signers} of {threshold} signatures count")
            }
            Self::Paused { pause_nonce } => write!(f, "the bridge is paused (pause {pause_nonce})"),
            Self::NotWired => f.write_str("the bridge is not wired to its counterpart yet"),
            Self::InsufficientGas { nonce, gas_left, required } => {
                write!(f, "too little gas for nonce {nonce}: {gas_left} left, {required} required")
            }
            Self::NotHeld { nonce } => write!(f, "nothing is on hold under nonce {nonce}"),
            Self::ReleaseFailed { nonce, reason } => {
                write!(f, "the hold of nonce {nonce} cannot be paid now: {reason}")
            }
            Self::AlreadyVoted { operator } => write!(f, "operator {operator} has voted for this checkpoint"),
            Self::StoppedTooLately { movable_at } => write!(
                f,
                "requests were stopped less than the governance delay ago; value moves from timestamp {movable_at} on"
            ),
            Self::Other(reason) => f.write_str(reason),
        }
    }
}

/// `BridgePairUnknown { token: 0x… }` out of the generated enum's `BridgePairUnknown(BridgePairUnknown { … })`.
fn name_and_values(error: &impl fmt::Debug) -> String {
    let text = format!("{error:?}");
    match text.split_once('(') {
        Some((_, inner)) => inner.strip_suffix(')').unwrap_or(inner).to_owned(),
        None => text,
    }
}

/// Errors of a bridge's claims, of standard tokens, `require` texts and panics are spelt out, everything else is shown by selector.
fn foreign_reason(data: &Bytes, message: &str) -> String {
    if let Ok(error) = ClaimsErrors::abi_decode(data) {
        return name_and_values(&error);
    }
    if let Ok(error) = TokenErrors::abi_decode(data) {
        return name_and_values(&error);
    }
    if let Ok(error) = NftErrors::abi_decode(data) {
        return name_and_values(&error);
    }
    if let Ok(error) = MultiTokenErrors::abi_decode(data) {
        return name_and_values(&error);
    }
    match (GenericContractError::abi_decode(data), data.get(..4)) {
        (Ok(reason), _) => reason.to_string(),
        (_, Some(selector)) => format!("unknown error 0x{} ({} bytes)", hex::encode(selector), data.len()),
        (_, None) => message.to_owned(),
    }
}

/// Counts of gas and signers and timestamps fit; a contract that says otherwise gets the end of the range.
fn small(value: U256) -> u64 {
    value.saturating_to()
}

#[cfg(test)]
mod tests {
    use alloy::primitives::Address;
    use alloy::sol_types::{Revert, SolError};

    use polyspan_contracts::BridgeToken::ERC20InsufficientBalance;

    use super::*;
    use crate::abi::Bridge;

    fn decode(data: Vec<u8>) -> BridgeRevert {
        BridgeRevert::decode(&data.into(), "execution reverted")
    }

    #[test]
    fn errors_that_the_relay_acts_on_are_typed() {
        assert_eq!(
            decode(Bridge::BridgeAlreadyHandled { handleNonce: 7 }.abi_encode()),
            BridgeRevert::AlreadyHandled { handle_nonce: RequestNonce::new(7) }
        );
        assert_eq!(
            decode(Bridge::BridgeBelowThreshold { signers: U256::from(2), threshold: 3 }.abi_encode()),
            BridgeRevert::BelowThreshold { signers: 2, threshold: 3 }
        );
        assert_eq!(decode(Bridge::BridgeNotWired {}.abi_encode()), BridgeRevert::NotWired);
        let stopped = Bridge::BridgeStoppedTooLately { movableAt: U256::from(9), timestamp: U256::from(8) };
        assert_eq!(decode(stopped.abi_encode()), BridgeRevert::StoppedTooLately { movable_at: 9 });
        let nonce = RequestNonce::new(3);
        assert_eq!(decode(Bridge::BridgeNotHeld { nonce: 3 }.abi_encode()), BridgeRevert::NotHeld { nonce });
        for (number, reason) in [(9, HoldReason::OutflowLimited), (99, HoldReason::Unknown(99))] {
            assert_eq!(
                decode(Bridge::BridgeReleaseFailed { nonce: 3, reason: number }.abi_encode()),
                BridgeRevert::ReleaseFailed { nonce, reason }
            );
        }
        assert_eq!(
            decode(
                Bridge::BridgeInsufficientGas { nonce: 1, gasLeft: U256::MAX, required: U256::from(5) }
                    .abi_encode()
            ),
            BridgeRevert::InsufficientGas { nonce: RequestNonce::new(1), gas_left: u64::MAX, required: 5 }
        );
    }

    #[test]
    fn every_other_revert_is_readable() {
        let text = |data: Vec<u8>| decode(data).to_string();
        let pair = Bridge::BridgePairUnknown { token: Address::repeat_byte(9) };
        assert!(text(pair.abi_encode()).starts_with("BridgePairUnknown { token: 0x0909"));
        let balance = TokenErrors::ERC20InsufficientBalance(ERC20InsufficientBalance {
            sender: Address::repeat_byte(8),
            balance: U256::from(1),
            needed: U256::from(2),
        });
        assert!(text(balance.abi_encode()).starts_with("ERC20InsufficientBalance { sender: 0x0808"));
        let malformed = crate::abi::Bridge::PackedTransfersMalformed { offset: U256::from(2) };
        assert_eq!(text(malformed.abi_encode()), "PackedTransfersMalformed { offset: 2 }");
        let claimed = polyspan_contracts::BridgeClaims::BridgeClaimsUnknown { nonce: 4 };
        assert_eq!(text(claimed.abi_encode()), "BridgeClaimsUnknown { nonce: 4 }");
        assert!(text(Revert::from("no luck").abi_encode()).contains("no luck"));
        assert!(text(Revert::from("x\n".repeat(100_000)).abi_encode()).len() < 400);
        assert_eq!(text(vec![1, 2, 3, 4, 5]), "unknown error 0x01020304 (5 bytes)");
        assert_eq!(text(vec![]), "execution reverted");
    }
}
