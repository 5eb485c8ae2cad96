//! What can go wrong between this process and a key in hardware.

use std::time::Duration;

use alloy::primitives::Address;
use polyspan_types::text::is_deceptive;

use super::HardwareKind;

/// How much of a service's words is repeated. Unit: characters.
const WORDS_LIMIT: usize = 300;

/// A signature that hardware did not give.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HardwareError {
    /// A build without its client.
    #[error("this polyspan was built without {0}; build it with `cargo build --release -p polyspan-cli --features {feature}`", feature = .0.feature())]
    NotBuilt(HardwareKind),
    /// No connection, or it broke.
    #[error("{key} cannot be reached: {reason}; see whether it is there, and whether this host may use it")]
    Unreachable {
        /// The service and its name of the key.
        key: String,
        /// What the network or the device said.
        reason: String,
    },
    /// No answer in time.
    #[error("{key} did not answer within {after:?}; look at it, or raise {setting}")]
    Timeout {
        /// The service and its name of the key.
        key: String,
        /// The deadline.
        after: Duration,
        /// What to correct.
        setting: String,
    },
    /// It does not sign.
    #[error("{key} refuses to sign: {reason}; correct its policy or {setting}")]
    Refused {
        /// The service and its name of the key.
        key: String,
        /// In its words.
        reason: String,
        /// What to correct.
        setting: String,
    },
    /// Its answer is nothing that a contract counts.
    #[error("{key} answered {what}; use another key, of the curve secp256k1")]
    WrongAnswer {
        /// The service and its name of the key.
        key: String,
        /// What came.
        what: &'static str,
    },
    /// Another key, or a signature over something else.
    #[error("{key} is that of {found} and not of {expected}; correct {setting}")]
    WrongKey {
        /// The service and its name of the key.
        key: String,
        /// What was configured.
        expected: Address,
        /// Whose it is.
        found: Address,
        /// What to correct.
        setting: String,
    },
}

impl HardwareError {
    /// Label of the metric of failures.
    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::NotBuilt(_) => "local",
            Self::Unreachable { .. } => "unreachable",
            Self::Timeout { .. } => "timeout",
            Self::Refused { .. } => "refused",
            Self::WrongAnswer { .. } => "wrong_answer",
            Self::WrongKey { .. } => "wrong_key",
        }
    }
}

/// What a client says.
#[derive(Debug)]
#[cfg_attr(
    not(any(feature = "aws-kms", feature = "gcp-kms", feature = "ledger")),
    expect(dead_code, reason = "only clients fail otherwise, and none is built")
)]
pub(super) enum Failure {
    /// No answer.
    Unreachable(String),
    /// An answer that is no signature.
    Refused(String),
}

/// An error with its causes, fit for a log line: clients hide what happened in the last of them.
#[cfg_attr(
    not(any(feature = "aws-kms", feature = "gcp-kms", feature = "ledger")),
    expect(dead_code, reason = "only clients have such errors, and none is built")
)]
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut words = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        // Many repeat their cause.
        if !words.iter().any(|said| said.contains(&text)) {
            words.push(text);
        }
        cause = inner.source();
    }
    let visible = |c: char| if is_deceptive(c) { ' ' } else { c };
    words.join(": ").chars().map(visible).take(WORDS_LIMIT).collect()
}
