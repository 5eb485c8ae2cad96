//! Everything that four operators can ever say about two requests, as bits of one number, and the real attestations behind them.

use std::sync::OnceLock;

use alloy::primitives::{Address, B256};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use polyspan_types::{
    Attestation, BridgeId, ChainId, Checkpoint, CheckpointDomain, Epoch, MemberSet, RequestNonce, Root,
    Threshold,
};

/// Operators. The last one is dishonest.
pub const OPERATORS: u8 = 4;
pub const DISHONEST: u8 = OPERATORS - 1;
pub const REQUESTS: u8 = 2;
pub const LANE: BridgeId = BridgeId(B256::repeat_byte(1));

/// What a checkpoint says about the requests that it covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Truth {
    /// What was requested.
    True,
    /// Something else.
    Forged,
}

impl Truth {
    pub const fn other(self) -> Self {
        match self {
            Self::True => Self::Forged,
            Self::Forged => Self::True,
        }
    }
}

/// One statement: an operator's, about one checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Saying {
    pub nonce: u8,
    pub truth: Truth,
    pub epoch: u8,
    pub operator: u8,
}

/// A set of statements.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Said(u32);

impl Saying {
    pub const fn bit(self) -> u32 {
        let truth = match self.truth {
            Truth::True => 0,
            Truth::Forged => 1,
        };
        1 << ((((self.nonce - 1) as u32 * 2 + truth) * 2 + self.epoch as u32) * 4 + self.operator as u32)
    }

    const fn of_bit(bit: u32) -> Self {
        let truth = if (bit / 8).is_multiple_of(2) { Truth::True } else { Truth::Forged };
        Self { nonce: (bit / 16) as u8 + 1, truth, epoch: (bit / 4 % 2) as u8, operator: (bit % 4) as u8 }
    }

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..u32::BITS).map(Self::of_bit)
    }

    pub fn checkpoint(self) -> Checkpoint {
        Checkpoint {
            bridge_id: LANE,
            epoch: Epoch::new(u64::from(self.epoch)),
            nonce: nonce(self.nonce),
            root: root(self.nonce, self.truth),
        }
    }

    /// The attestation itself, signed once for all states.
    pub fn attestation(self) -> &'static Attestation {
        static SIGNED: OnceLock<Vec<Attestation>> = OnceLock::new();
        let signed = SIGNED.get_or_init(|| Self::all().map(Self::sign).collect());
        &signed[self.bit().trailing_zeros() as usize]
    }

    /// Whether it counts under the operators of an epoch: verified once for all states.
    pub fn is_valid(self, epoch: u8, threshold: u8) -> bool {
        static VALID: OnceLock<Vec<[bool; 2]>> = OnceLock::new();
        let verified = |saying: Self| {
            [0, 1].map(|epoch| saying.attestation().verify(&domain(), &members(epoch, threshold)).is_ok())
        };
        let valid = VALID.get_or_init(|| Self::all().map(verified).collect());
        valid[self.bit().trailing_zeros() as usize][usize::from(epoch)]
    }

    fn sign(self) -> Attestation {
        let signer = signer(self.operator);
        let signature = signer.sign_hash_sync(&self.checkpoint().digest(&domain())).unwrap();
        Attestation { checkpoint: self.checkpoint(), operator: signer.address(), signature }
    }
}

impl Said {
    pub const NOTHING: Self = Self(0);

    pub const fn has(self, saying: Saying) -> bool {
        self.0 & saying.bit() != 0
    }

    #[must_use]
    pub const fn with(self, saying: Saying) -> Self {
        Self(self.0 | saying.bit())
    }

    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub const fn count(self) -> u32 {
        self.0.count_ones()
    }

    pub fn iter(self) -> impl Iterator<Item = Saying> {
        let bits = (0..u32::BITS).filter(move |bit| self.0 & 1 << bit != 0);
        bits.map(Saying::of_bit)
    }

    /// Who has said this, one bit for each operator.
    pub fn operators(self, nonce: u8, truth: Truth, epoch: u8) -> u8 {
        (0..OPERATORS)
            .filter(|operator| self.has(Saying { nonce, truth, epoch, operator: *operator }))
            .fold(0, |bits, operator| bits | 1 << operator)
    }
}

impl std::fmt::Debug for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

pub fn root(nonce: u8, truth: Truth) -> Root {
    let forged = if truth == Truth::Forged { 0x80 } else { 0 };
    Root(B256::repeat_byte(forged | nonce))
}

pub fn nonce(number: u8) -> RequestNonce {
    RequestNonce::new(u64::from(number))
}

pub fn number(nonce: RequestNonce) -> u8 {
    u8::try_from(nonce.get()).unwrap()
}

pub fn domain() -> CheckpointDomain {
    CheckpointDomain::new(ChainId::new(31002), Address::repeat_byte(9))
}

pub fn address(operator: u8) -> Address {
    static ADDRESSES: OnceLock<Vec<Address>> = OnceLock::new();
    ADDRESSES.get_or_init(|| (0..OPERATORS).map(|operator| signer(operator).address()).collect())
        [usize::from(operator)]
}

pub fn members(epoch: u8, threshold: u8) -> MemberSet {
    MemberSet {
        epoch: Epoch::new(u64::from(epoch)),
        threshold: Threshold::try_new_development(threshold, usize::from(OPERATORS)).unwrap(),
        members: (0..OPERATORS).map(address).collect(),
    }
}

fn signer(operator: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(operator + 1)).unwrap()
}
