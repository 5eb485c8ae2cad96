//! What can go wrong between this process and a chain.

use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes};
use polyspan_types::{BlockHeight, ChainId, Classify, ErrorClass, FinalTag};

use crate::{BridgeRevert, ReplyKind, SettingsError};

/// Wait before a failure is tried again that will hardly heal at once: a wrong endpoint, a full quota.
const SLOW_RETRY: Duration = Duration::from_secs(5);

/// Wait after an answer that made no sense or was a refusal.
const SOON_RETRY: Duration = Duration::from_secs(1);

/// A call that gave no usable answer. Endpoints are named without their secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// The settings allow no connection.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The endpoint serves another chain; it is asked nothing else until that changes.
    #[error("endpoint {endpoint} serves chain {found}, not {expected}; correct the endpoint or its chain_id")]
    WrongChain {
        /// Which endpoint.
        endpoint: String,
        /// Chain id of the settings.
        expected: ChainId,
        /// Chain id that the endpoint answered.
        found: ChainId,
    },
    /// No contract at an address that should have one.
    #[error("no contract at {address} on chain {chain}; correct the address or deploy the bridge first")]
    NoCode {
        /// Name of the chain.
        chain: String,
        /// Where code was expected.
        address: Address,
    },
    /// A contract that answers other than a bridge does.
    #[error(
        "the contract at {address} on chain {chain} is not a Polyspan bridge ({reason}); correct the address"
    )]
    NotABridge {
        /// Name of the chain.
        chain: String,
        /// Where a bridge was expected.
        address: Address,
        /// What it did instead.
        reason: String,
    },
    /// No connection, or it broke.
    #[error("endpoint {endpoint} cannot be reached ({method}): {reason}")]
    Unreachable {
        /// Which endpoint.
        endpoint: String,
        /// JSON-RPC method.
        method: &'static str,
        /// What the network said.
        reason: String,
    },
    /// No answer in time. Whether the node acted on the request is unknown.
    #[error("endpoint {endpoint} did not answer {method} within {after:?}")]
    Timeout {
        /// Which endpoint.
        endpoint: String,
        /// JSON-RPC method.
        method: &'static str,
        /// The deadline.
        after: Duration,
    },
    /// The endpoint wants fewer requests.
    #[error("endpoint {endpoint} limits the rate of requests ({method}): {reason}")]
    RateLimited {
        /// Which endpoint.
        endpoint: String,
        /// JSON-RPC method.
        method: &'static str,
        /// What it said.
        reason: String,
        /// How long it asked to wait.
        after: Duration,
    },
    /// An answer that cannot be true or cannot be read.
    #[error("endpoint {endpoint} gave a wrong answer to {method}: {what}")]
    BadAnswer {
        /// Which endpoint.
        endpoint: String,
        /// JSON-RPC method.
        method: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// A block that is shown as the final one, and that the chain does not have under its number.
    #[error(
        "chain {chain} shows block {height} with hash {hash} as final, and has {} under that number; waiting until both are the same",
        found.map_or_else(|| "no block".to_owned(), |found| found.to_string())
    )]
    UnconfirmedHead {
        /// Name of the chain.
        chain: String,
        /// Its number.
        height: BlockHeight,
        /// Its hash.
        hash: B256,
        /// What is found under the number.
        found: Option<B256>,
    },
    /// A newest block that is further ahead than the chain's pace allows.
    #[error(
        "chain {chain} shows block {height}, which its pace does not explain; it counts when it is shown for some seconds"
    )]
    HeadJumped {
        /// Name of the chain.
        chain: String,
        /// The block.
        height: BlockHeight,
    },
    /// A newest block that lies behind one that was known before.
    #[error(
        "the endpoints of chain {chain} are {} blocks behind: they show block {shown}, and the chain had reached {known}; nothing is sent \
         there until they have caught up (runbook: the endpoints are behind)",
        known.since(*shown)
    )]
    Behind {
        /// Name of the chain.
        chain: String,
        /// The block that is shown.
        shown: BlockHeight,
        /// What the chain had reached.
        known: BlockHeight,
    },
    /// An answer that does not end within reason. The rest of it was not read.
    #[error("endpoint {endpoint} answers {method} with more than {limit} bytes; use another endpoint")]
    TooLong {
        /// Which endpoint.
        endpoint: String,
        /// JSON-RPC method.
        method: &'static str,
        /// What is read at the most. Unit: bytes.
        limit: usize,
    },
    /// Too many blocks or logs at once; the next range will be shorter.
    #[error("endpoint {endpoint} refused the logs of blocks {from} to {to}: {reason}")]
    RangeRefused {
        /// Which endpoint.
        endpoint: String,
        /// First block asked for.
        from: BlockHeight,
        /// Last block asked for.
        to: BlockHeight,
        /// What it said.
        reason: String,
    },
    /// Logs of old blocks that the endpoint has thrown away.
    #[error(
        "endpoint {endpoint} does not have the logs of block {from} any more ({reason}); give this chain an endpoint that has all from block {from} on (runbook: logs are pruned)"
    )]
    LogsPruned {
        /// Which endpoint.
        endpoint: String,
        /// First block that is needed.
        from: BlockHeight,
        /// What it said.
        reason: String,
    },
    /// The state of an old block that the endpoint has thrown away.
    #[error(
        "endpoint {endpoint} does not have the state of block {block} any more ({reason}); give this chain an endpoint that keeps it (geth: --gcmode archive; runbook: the state is gone)"
    )]
    StateGone {
        /// Which endpoint.
        endpoint: String,
        /// Hash of the block.
        block: B256,
        /// What it said.
        reason: String,
    },
    /// The node knows no block by the tag of the chain's rule of finality.
    #[error(
        "endpoint {endpoint} knows no block by the tag `{tag}` ({reason}); set `finality` of this chain to \"depth 0\" where each of its blocks is final, as on Kaia, and else to a depth that no reorganisation reaches"
    )]
    TagUnknown {
        /// Which endpoint.
        endpoint: String,
        /// What it was asked for.
        tag: FinalTag,
        /// What it said.
        reason: String,
    },
    /// The contract reverted.
    #[error("reverted: {0}")]
    Reverted(BridgeRevert),
    /// The node answered with an error.
    #[error(transparent)]
    Refused(Box<NodeRefusal>),
    /// Too few endpoints gave the same answer.
    #[error(transparent)]
    NoQuorum(Box<NoQuorum>),
}

/// Too few endpoints gave the same answer, and what each said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "fewer than {quorum} of {endpoints} endpoints of chain {chain} agree on {what}: {said}; waiting until they do (runbook: no quorum)"
)]
pub struct NoQuorum {
    /// Name of the chain.
    pub chain: String,
    /// What was asked.
    pub what: &'static str,
    /// Endpoints that must agree.
    pub quorum: usize,
    /// Endpoints that there are.
    pub endpoints: usize,
    /// What each said, by its place in the config.
    pub said: String,
    /// Whether it takes one of them too long to execute what was asked: less may have a quorum.
    pub too_slow: bool,
    /// Shortest wait that makes sense.
    pub after: Duration,
}

/// A JSON-RPC error as the node worded it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("endpoint {endpoint} refused {method}: {message} (code {code})")]
pub struct NodeRefusal {
    /// Which endpoint.
    pub endpoint: String,
    /// JSON-RPC method.
    pub method: &'static str,
    /// Code of the error; nodes differ in their use of it.
    pub code: i64,
    /// Text of the error.
    pub message: String,
    /// What the text means.
    pub kind: ReplyKind,
    /// Revert data, when the error came from a contract.
    pub revert_data: Option<Bytes>,
}

#[cfg(test)]
impl ChainError {
    /// A refusal of this kind, for tests of what is made of it.
    pub(crate) fn refused(method: &'static str, kind: ReplyKind) -> Self {
        Self::Refused(Box::new(NodeRefusal {
            endpoint: "http://host".to_owned(),
            method,
            code: -32000,
            message: "no".to_owned(),
            kind,
            revert_data: None,
        }))
    }
}

impl ChainError {
    /// Outcome label of the metrics: a closed set.
    pub(crate) const fn outcome(&self) -> &'static str {
        match self {
            Self::WrongChain { .. } => "wrong_chain",
            Self::Unreachable { .. } | Self::Settings(_) => "unreachable",
            Self::Timeout { .. } => "timeout",
            Self::RateLimited { .. } => "rate_limited",
            Self::BadAnswer { .. }
            | Self::TooLong { .. }
            | Self::UnconfirmedHead { .. }
            | Self::HeadJumped { .. }
            | Self::Behind { .. } => "bad_answer",
            Self::NoQuorum(_) => "no_quorum",
            Self::RangeRefused { .. }
            | Self::LogsPruned { .. }
            | Self::StateGone { .. }
            | Self::TagUnknown { .. }
            | Self::Refused(_)
            | Self::Reverted(_)
            | Self::NoCode { .. }
            | Self::NotABridge { .. } => "refused",
        }
    }

    /// Whether the connection that gave this error is worth keeping.
    pub(crate) const fn breaks_session(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Timeout { .. } | Self::WrongChain { .. })
    }

    /// Whether it says something about what was asked, and nothing against the endpoint.
    pub(crate) fn is_answer(&self) -> bool {
        let request = |kind| {
            matches!(
                kind,
                ReplyKind::Reverted
                    | ReplyKind::OutOfGas
                    | ReplyKind::InsufficientFunds
                    | ReplyKind::GasLimitTooHigh
            )
        };
        matches!(self, Self::Reverted(_) | Self::NoCode { .. } | Self::NotABridge { .. })
            || self.reply_kind().is_some_and(request)
    }

    /// Whether the node has thrown the state away that it was asked for.
    pub fn is_state_gone(&self) -> bool {
        self.reply_kind() == Some(ReplyKind::StateGone)
    }

    /// Whether a node did not get through a call in the time that it gives to calls, or that this process gives it.
    pub fn is_too_slow(&self) -> bool {
        match self {
            Self::Timeout { method, .. } => matches!(*method, "eth_call" | "eth_estimateGas"),
            Self::NoQuorum(failed) => failed.too_slow,
            other => other.reply_kind() == Some(ReplyKind::CallTooSlow),
        }
    }

    /// The kind of a refusal; `None` for every other error.
    pub fn reply_kind(&self) -> Option<ReplyKind> {
        match self {
            Self::Refused(refusal) => Some(refusal.kind),
            Self::StateGone { .. } => Some(ReplyKind::StateGone),
            _ => None,
        }
    }
}

impl Classify for ChainError {
    fn class(&self) -> ErrorClass {
        match self {
            Self::Settings(_) => ErrorClass::Halt,
            Self::Reverted(_) => ErrorClass::Skip,
            Self::Unreachable { .. } | Self::Timeout { .. } => ErrorClass::RETRY,
            Self::RangeRefused { from, to, .. } if from < to => ErrorClass::RETRY,
            Self::RateLimited { after, .. } => ErrorClass::Retry { after: *after },
            Self::NoQuorum(error) => ErrorClass::Retry { after: error.after },
            // All of these heal when the endpoint does, and nothing is signed meanwhile.
            Self::WrongChain { .. }
            | Self::NoCode { .. }
            | Self::NotABridge { .. }
            | Self::LogsPruned { .. }
            | Self::StateGone { .. }
            | Self::TagUnknown { .. } => ErrorClass::Retry { after: SLOW_RETRY },
            Self::RangeRefused { .. }
            | Self::BadAnswer { .. }
            | Self::UnconfirmedHead { .. }
            | Self::HeadJumped { .. }
            | Self::Behind { .. }
            | Self::TooLong { .. }
            | Self::Refused(_) => ErrorClass::Retry { after: SOON_RETRY },
        }
    }
}
