//! A request that was handled and not paid: why, how it ends, and what operators sign about it.

use std::fmt;
use std::str::FromStr;

use alloy::primitives::{Address, B256, Signature, keccak256};
use alloy::sol_types::SolStruct;
use serde::{Deserialize, Serialize};

use crate::checkpoint::{PREIMAGE_SIZE, preimage};
use crate::{
    AttestationError, BlockHeight, BridgeId, CheckpointDomain, Epoch, Leaf, MemberSet, OperatorId,
    RequestNonce,
};

macro_rules! hold_reasons {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $word:literal, $text:literal;)+) => {
        /// Why a request was put on hold: the numbers of the contract's enum.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub enum HoldReason {
            $($(#[$doc])* $name,)+
            /// One that this version does not know, by its number.
            Unknown(u8),
        }

        impl HoldReason {
            /// Every reason that this version knows.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The reason of a contract's number.
            pub const fn from_number(number: u8) -> Self {
                match number {
                    $($number => Self::$name,)+
                    other => Self::Unknown(other),
                }
            }

            /// The contract's number.
            pub const fn number(self) -> u8 {
                match self {
                    $(Self::$name => $number,)+
                    Self::Unknown(number) => number,
                }
            }

            /// The word of a known reason in JSON.
            const fn word(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some($word),)+
                    Self::Unknown(_) => None,
                }
            }
        }

        impl fmt::Display for HoldReason {
            /// What a person reads.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$name => f.write_str($text),)+
                    Self::Unknown(number) => write!(f, "reason {number}"),
                }
            }
        }
    };
}

hold_reasons! {
    /// The destination does not know the asset class.
    UnknownKind = 1, "unknown-kind", "unknown kind";
    /// No pair for the token on the destination.
    UnknownToken = 2, "unknown-token", "unknown token";
    /// The pair is of another asset class.
    KindMismatch = 3, "kind-mismatch", "kind mismatch";
    /// The recipient is zero, the bridge, or a token.
    InvalidRecipient = 4, "invalid-recipient", "invalid recipient";
    /// The amount is zero or too large.
    InvalidValue = 5, "invalid-value", "invalid value";
    /// The destination holds too little.
    InsufficientEscrow = 6, "insufficient-escrow", "insufficient escrow";
    /// The recipient or token refused, ran out of its gas cap, or answered nonsense.
    PayoutFailed = 7, "payout-failed", "payout failed";
    /// The payload is not one of the request's kind.
    UndecodablePayload = 8, "undecodable-payload", "undecodable payload";
    /// More than the pair's leaky bucket could take then.
    OutflowLimited = 9, "outflow-limited", "outflow limited";
    /// The amount is so large that it waits first.
    Delayed = 10, "delayed", "delayed";
    /// Operators put it on hold by threshold.
    Forced = 11, "forced", "forced";
    /// Nobody can tell from the token's answer whether it moved the value.
    AnswerUnclear = 12, "answer-unclear", "answer unclear";
    /// The recipient has code, and a handle of this bridge calls none: a release pays it.
    CallDeferred = 13, "call-deferred", "call deferred";
}

impl HoldReason {
    /// Whether only a threshold of operators can release it.
    pub const fn needs_operators(self) -> bool {
        matches!(self, Self::Forced | Self::AnswerUnclear)
    }
}

impl From<HoldReason> for String {
    fn from(reason: HoldReason) -> Self {
        reason.word().map_or_else(|| format!("reason-{}", reason.number()), str::to_owned)
    }
}

impl FromStr for HoldReason {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.iter().copied().find(|reason| reason.word() == Some(text));
        let numbered = || text.strip_prefix("reason-")?.parse().ok().map(Self::from_number);
        known.or_else(numbered).ok_or_else(|| format!("`{text}` is not a hold reason"))
    }
}

impl TryFrom<String> for HoldReason {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// How a hold ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HoldEnd {
    /// It was paid after all.
    Released {
        /// The recipient.
        to: Address,
    },
    /// It goes back, as a request of the other lane.
    Refunded {
        /// Number of that request.
        request_nonce: RequestNonce,
    },
    /// Governors have put its value into the bridge's claims, where its recipient can take it.
    WrittenOff,
}

/// The end of a hold, with the place of its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HoldEnding {
    /// The held request's number in its lane.
    pub nonce: RequestNonce,
    /// How it ended.
    pub end: HoldEnd,
    /// Block of the destination chain.
    pub block: BlockHeight,
    /// Transaction of the destination chain.
    pub tx_hash: B256,
}

mod abi {
    alloy::sol! {
        /// Mirrors the contract's type string; the field names are part of it.
        struct Release { bytes32 bridgeId; uint64 epoch; uint64 nonce; bytes32 leaf; }
        /// As above.
        struct Refund { bytes32 bridgeId; uint64 epoch; uint64 nonce; bytes32 leaf; }
        /// As above.
        struct ForceHold { bytes32 bridgeId; uint64 epoch; uint64 nonce; bytes32 leaf; }
    }
}

/// What a threshold of operators can decide about one request of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HoldAction {
    /// Pay a held request.
    Release,
    /// Send a held request back.
    Refund,
    /// Put the next request on hold without trying to pay it.
    ForceHold,
}

/// A decision of operators about one request, as they sign it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HoldDecision {
    /// What is done.
    pub action: HoldAction,
    /// The lane.
    pub bridge_id: BridgeId,
    /// Epoch of the destination's operators.
    pub epoch: Epoch,
    /// The request's number.
    pub nonce: RequestNonce,
    /// Its leaf.
    pub leaf: Leaf,
}

/// A decision with an operator's signature over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedDecision {
    /// What was signed.
    pub decision: HoldDecision,
    /// Who says to have signed it. Trust it only after [`SignedDecision::verify`].
    pub operator: OperatorId,
    /// r, s, v over the decision's digest.
    pub signature: Signature,
}

impl SignedDecision {
    /// Proves that a current operator of the destination signed this decision under the current epoch.
    ///
    /// Errors: another epoch, not an operator, or the signature is of somebody else or malleable.
    pub fn verify(&self, domain: &CheckpointDomain, operators: &MemberSet) -> Result<(), AttestationError> {
        let (signed, current) = (self.decision.epoch, operators.epoch);
        if signed != current {
            return Err(AttestationError::Epoch { signed: signed.get(), current: current.get() });
        }
        if !operators.contains(self.operator) {
            return Err(AttestationError::NotOperator(self.operator));
        }
        // As for an attestation: the contract counts no signature with a high s.
        let canonical = self.signature.normalize_s().is_none();
        match self.signature.recover_address_from_prehash(&self.decision.digest(domain)) {
            Ok(signer) if signer == self.operator && canonical => Ok(()),
            _ => Err(AttestationError::Signature(self.operator)),
        }
    }
}

impl HoldDecision {
    /// The EIP-712 digest under the destination's domain. Each action has a type of its own.
    pub fn digest(&self, domain: &CheckpointDomain) -> B256 {
        keccak256(self.preimage(domain))
    }

    /// What hashes to the digest, for a signer that hashes by itself.
    pub fn preimage(&self, domain: &CheckpointDomain) -> [u8; PREIMAGE_SIZE] {
        preimage(domain, self.struct_hash())
    }

    fn struct_hash(&self) -> B256 {
        let (bridge_id, epoch, nonce, leaf) =
            (self.bridge_id.0, self.epoch.get(), self.nonce.get(), self.leaf.0);
        match self.action {
            HoldAction::Release => {
                abi::Release { bridgeId: bridge_id, epoch, nonce, leaf }.eip712_hash_struct()
            }
            HoldAction::Refund => {
                abi::Refund { bridgeId: bridge_id, epoch, nonce, leaf }.eip712_hash_struct()
            }
            HoldAction::ForceHold => {
                abi::ForceHold { bridgeId: bridge_id, epoch, nonce, leaf }.eip712_hash_struct()
            }
        }
    }
}

impl HoldAction {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Release, Self::Refund, Self::ForceHold];

    /// The word in files, and the command of `polyspan`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Refund => "refund",
            Self::ForceHold => "force-hold",
        }
    }

    /// Name of the EIP-712 type that is signed.
    pub const fn type_name(self) -> &'static str {
        match self {
            Self::Release => "Release",
            Self::Refund => "Refund",
            Self::ForceHold => "ForceHold",
        }
    }
}

impl fmt::Display for HoldAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use alloy::signers::SignerSync;
    use alloy::signers::local::PrivateKeySigner;

    use super::*;
    use crate::{ChainId, Threshold};

    #[test]
    fn an_action_has_one_word_in_files_and_commands() {
        for action in HoldAction::ALL {
            assert_eq!(serde_json::to_string(&action).unwrap(), format!("\"{action}\""));
        }
    }

    #[test]
    fn reasons_round_trip_and_unknown_ones_keep_their_number() {
        for number in 0..=u8::MAX {
            let reason = HoldReason::from_number(number);
            assert_eq!(reason.number(), number);
            assert_eq!(HoldReason::ALL.contains(&reason), (1..=13).contains(&number));
            let json = serde_json::to_string(&reason).unwrap();
            assert_eq!(serde_json::from_str::<HoldReason>(&json).unwrap(), reason);
        }
        assert_eq!(HoldReason::from_number(77).to_string(), "reason 77");
        assert_eq!(serde_json::to_string(&HoldReason::AnswerUnclear).unwrap(), "\"answer-unclear\"");
        assert!("no-luck".parse::<HoldReason>().is_err());
    }

    #[test]
    fn a_signed_decision_counts_for_its_operator_action_and_epoch_only() {
        let key = PrivateKeySigner::from_bytes(&B256::repeat_byte(7)).unwrap();
        let domain = CheckpointDomain::new(ChainId::new(31001), Address::repeat_byte(1));
        let members = vec![key.address(), Address::repeat_byte(9)];
        let threshold = Threshold::try_new(2, members.len()).unwrap();
        let operators = MemberSet { epoch: Epoch::new(3), threshold, members };
        let decision = HoldDecision {
            action: HoldAction::ForceHold,
            bridge_id: BridgeId(B256::repeat_byte(2)),
            epoch: operators.epoch,
            nonce: RequestNonce::new(4),
            leaf: Leaf(B256::repeat_byte(5)),
        };
        let signature = key.sign_hash_sync(&decision.digest(&domain)).unwrap();
        let signed = SignedDecision { decision, operator: key.address(), signature };
        let verify = |signed: SignedDecision| signed.verify(&domain, &operators);
        assert_eq!(verify(signed), Ok(()));
        let released = HoldDecision { action: HoldAction::Release, ..decision };
        assert!(verify(SignedDecision { decision: released, ..signed }).is_err());
        let later = HoldDecision { epoch: Epoch::new(4), ..decision };
        assert_eq!(
            verify(SignedDecision { decision: later, ..signed }),
            Err(AttestationError::Epoch { signed: 4, current: 3 })
        );
        for operator in [Address::repeat_byte(9), Address::repeat_byte(8)] {
            assert!(verify(SignedDecision { operator, ..signed }).is_err());
        }
        let json = serde_json::to_string(&signed).unwrap();
        assert_eq!(serde_json::from_str::<SignedDecision>(&json).unwrap(), signed);
    }
}
