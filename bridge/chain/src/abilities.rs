//! What a bridge needs of a chain and its nodes, as code that is executed and never sent. Pure.

use std::fmt;

use alloy::primitives::{Bytes, U256};
use polyspan_contracts::Bridge;

use crate::{ChainError, Part, ReplyKind};

/// Most members of both sets of a bridge together. Source: `contracts/src/bridge/Memberships.sol`, 64 of each.
const MEMBERS: usize = 128;

/// What the arguments of a bridge's constructor take without its members. Unit: bytes. Source: 20 words at the most.
const ARGUMENTS: usize = 20 * 32;

/// What every probe ends with: the word on the stack is what it returns. PUSH1 0, MSTORE, PUSH1 32, PUSH1 0, RETURN.
const RETURN_WORD: [u8; 8] = [0x60, 0x00, 0x52, 0x60, 0x20, 0x60, 0x00, 0xf3];

/// An instruction of the contracts that older chains do not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opcode {
    /// `PUSH0`.
    Push0,
    /// `MCOPY`.
    Mcopy,
    /// `TLOAD` and `TSTORE`.
    Transient,
}

/// Whether something is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ability {
    /// It is.
    Present,
    /// It is not: why, in words.
    Missing(String),
    /// It cannot be told: why, in words.
    Unknown(String),
}

impl Opcode {
    /// All of them, the oldest first.
    pub const ALL: [Self; 3] = [Self::Push0, Self::Mcopy, Self::Transient];

    /// Creation code that returns the word 1 where the chain knows the instruction.
    pub(crate) fn probe(self) -> Bytes {
        let one: &[u8] = match self {
            // PUSH0, PUSH1 1, ADD
            Self::Push0 => &[0x5f, 0x60, 0x01, 0x01],
            // 1 to the first word, that to the second one, and the second one is read.
            Self::Mcopy => {
                &[0x60, 0x01, 0x60, 0x00, 0x52, 0x60, 0x20, 0x60, 0x00, 0x60, 0x20, 0x5e, 0x60, 0x20, 0x51]
            }
            // PUSH1 1, PUSH1 0, TSTORE, PUSH1 0, TLOAD
            Self::Transient => &[0x60, 0x01, 0x60, 0x00, 0x5d, 0x60, 0x00, 0x5c],
        };
        [one, &RETURN_WORD].concat().into()
    }

    /// The same with instructions that every chain knows: what a node must execute before a probe tells anything.
    pub(crate) fn control() -> Bytes {
        [&[0x60, 0x01], RETURN_WORD.as_slice()].concat().into()
    }
}

/// Largest code that a bridge consists of, at the most. Unit: bytes.
pub fn largest_code() -> usize {
    let parts = Part::ALL.into_iter().map(|part| part.creation_code().len()).max();
    parts.unwrap_or_default().max(Bridge::BYTECODE.len())
}

/// Largest creation code of a bridge, with as many members as it takes. Unit: bytes.
pub fn largest_creation() -> usize {
    largest_code() + ARGUMENTS + MEMBERS * 32
}

/// Creation code of `creation` bytes that makes a contract of `code` zero bytes: PUSH3 code, PUSH1 0, RETURN, and what is never executed.
pub(crate) fn sized(creation: usize, code: usize) -> Bytes {
    let size = u32::try_from(code).unwrap_or(u32::MAX).to_be_bytes();
    let mut bytes = vec![0x62, size[1], size[2], size[3], 0x60, 0x00, 0xf3];
    bytes.resize(creation.max(bytes.len()), 0);
    bytes.into()
}

impl Ability {
    /// What the answer to a probe says, where the same node has executed the control. Only the execution itself proves that something is
    /// missing.
    pub(crate) fn of(answer: Result<Bytes, ChainError>, expected: impl Fn(&Bytes) -> bool) -> Self {
        match answer {
            Ok(returned) if expected(&returned) => Self::Present,
            Ok(returned) => Self::Missing(format!("it returns {} bytes that are not right", returned.len())),
            Err(error) if ends_execution(&error) => Self::Missing(error.to_string()),
            Err(error) => Self::Unknown(error.to_string()),
        }
    }

    /// Whether it is there for sure.
    pub const fn is_present(&self) -> bool {
        matches!(self, Self::Present)
    }
}

/// The word 1, as a probe returns it.
pub(crate) fn is_one(returned: &Bytes) -> bool {
    returned.len() == 32 && U256::from_be_slice(returned) == U256::ONE
}

/// Whether a node began to execute and ended early, as it does at an instruction that it does not know. A limit of gas is another matter.
fn ends_execution(error: &ChainError) -> bool {
    match error {
        ChainError::Reverted(_) => true,
        error => matches!(error.reply_kind(), Some(ReplyKind::Other | ReplyKind::Reverted)),
    }
}

impl fmt::Display for Opcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Push0 => "PUSH0 (EIP-3855, of Shanghai)",
            Self::Mcopy => "MCOPY (EIP-5656, of Cancun)",
            Self::Transient => "TLOAD and TSTORE (EIP-1153, of Cancun)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BridgeRevert;

    fn refused(kind: ReplyKind) -> ChainError {
        ChainError::refused("eth_call", kind)
    }

    #[test]
    fn only_an_execution_that_ends_proves_that_something_is_missing() {
        let one: Bytes = U256::ONE.to_be_bytes::<32>().into();
        assert_eq!(Ability::of(Ok(one), is_one), Ability::Present);
        for wrong in [Bytes::new(), U256::ZERO.to_be_bytes::<32>().into()] {
            assert!(matches!(Ability::of(Ok(wrong), is_one), Ability::Missing(_)));
        }
        let reverted = ChainError::Reverted(BridgeRevert::Other("why".to_owned()));
        for error in [refused(ReplyKind::Other), refused(ReplyKind::Reverted), reverted] {
            assert!(matches!(Ability::of(Err(error), is_one), Ability::Missing(_)));
        }
        for kind in [ReplyKind::RateLimited, ReplyKind::OutOfGas, ReplyKind::MethodUnknown] {
            assert!(matches!(Ability::of(Err(refused(kind)), is_one), Ability::Unknown(_)), "{kind:?}");
        }
    }

    #[test]
    fn a_probe_of_size_is_as_large_as_what_is_deployed() {
        let probe = sized(largest_creation(), largest_code());
        assert_eq!(probe.len(), largest_creation());
        let size = largest_code();
        assert_eq!(probe[..7], [0x62, (size >> 16) as u8, (size >> 8) as u8, size as u8, 0x60, 0x00, 0xf3]);
        for part in Part::ALL {
            assert!(part.creation_code().len() <= size);
        }
        // EIP-170 and EIP-3860.
        assert!(size <= 24_576 && largest_creation() <= 49_152, "{size} {}", largest_creation());
    }
}
