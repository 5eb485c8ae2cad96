//! What can go wrong between this process and a remote signer.

use std::time::Duration;

use alloy::primitives::Address;

/// A signature that a remote signer did not give. Names the signer without its secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    /// No connection, or it broke.
    #[error("remote signer {signer} cannot be reached: {reason}; start it or correct {setting}")]
    Unreachable {
        /// Scheme, host and port.
        signer: String,
        /// What the network said.
        reason: String,
        /// What to correct.
        setting: String,
    },
    /// No answer in time.
    #[error("remote signer {signer} did not answer within {after:?}; look at it, or raise {setting}")]
    Timeout {
        /// Scheme, host and port.
        signer: String,
        /// The deadline.
        after: Duration,
        /// What to correct.
        setting: String,
    },
    /// It does not sign.
    #[error(
        "remote signer {signer} refuses to sign: {reason}; correct its rules, or the credentials that it is shown"
    )]
    Refused {
        /// Scheme, host and port.
        signer: String,
        /// In its words.
        reason: String,
    },
    /// It does not have the key.
    #[error("remote signer {signer} has no key of {address}; load it there, or correct {setting}")]
    NoKey {
        /// Scheme, host and port.
        signer: String,
        /// The configured key.
        address: Address,
        /// What to correct.
        setting: String,
    },
    /// Its answer cannot be read, or is nothing that a contract counts.
    #[error(
        "remote signer {signer} answered {what}; correct {setting} and the kind of the signer, or the signer"
    )]
    WrongAnswer {
        /// Scheme, host and port.
        signer: String,
        /// What came.
        what: String,
        /// What to correct.
        setting: String,
    },
    /// A signature of another key, or over something else.
    #[error(
        "remote signer {signer} gave a signature that is not of {expected} over what it was asked to sign (it is of {found}); correct {setting}, or distrust the signer"
    )]
    WrongKey {
        /// Scheme, host and port.
        signer: String,
        /// The configured key.
        expected: Address,
        /// Whose signature of our digest it would be.
        found: Address,
        /// What to correct.
        setting: String,
    },
}

impl RemoteError {
    /// Label of the metric of failures.
    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::Timeout { .. } => "timeout",
            Self::Refused { .. } => "refused",
            Self::WrongAnswer { .. } => "wrong_answer",
            Self::NoKey { .. } | Self::WrongKey { .. } => "wrong_key",
        }
    }
}
