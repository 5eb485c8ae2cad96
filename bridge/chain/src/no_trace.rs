//! Why a node gives no trace of a transaction, and what to turn on. Pure.

use std::fmt;

use crate::{ChainError, ReplyKind};

/// Why there is no trace. The order is that of how near a node is to giving one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoTrace {
    /// The node offers no method that traces.
    NoMethod,
    /// The node traces, and gives it in no form that is known here.
    NoTracer,
    /// The node refuses it in words that are not known.
    Refused,
    /// The node does not find the transaction: its index of transactions does not go back so far.
    NotIndexed,
    /// The node has thrown the state away in which the trace begins.
    TooOld,
}

impl NoTrace {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::NoMethod, Self::NoTracer, Self::Refused, Self::NotIndexed, Self::TooOld];

    /// What an error says about it.
    ///
    /// Errors: the error itself, when it says nothing about traces.
    pub(crate) fn of(error: ChainError) -> Result<Self, ChainError> {
        match &error {
            // Another form than the one that was asked for.
            ChainError::BadAnswer { .. } => Ok(Self::NoTracer),
            ChainError::Refused(refusal) => Ok(match refusal.kind {
                ReplyKind::MethodUnknown => Self::NoMethod,
                ReplyKind::TracerUnknown => Self::NoTracer,
                ReplyKind::TransactionUnknown => Self::NotIndexed,
                ReplyKind::StateGone => Self::TooOld,
                _ => Self::Refused,
            }),
            _ => Err(error),
        }
    }

    /// Of two forms, what the one says that is nearer to giving a trace.
    pub(crate) fn nearest(self, other: Self) -> Self {
        self.max(other)
    }

    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoMethod => "no-method",
            Self::NoTracer => "no-tracer",
            Self::Refused => "refused",
            Self::NotIndexed => "not-indexed",
            Self::TooOld => "too-old",
        }
    }

    /// What makes nodes give it.
    pub const fn cure(self) -> &'static str {
        match self {
            Self::NoMethod => {
                "turn on the methods `debug` or `trace` of a node and name it as an endpoint (geth: --http.api eth,net,web3,debug; erigon, \
                 nethermind, besu: the API `trace`)"
            }
            Self::NoTracer => {
                "use a node with `trace_transaction`, or with `debug_traceTransaction` and its callTracer"
            }
            Self::Refused => "read the log of the node, or use another one",
            Self::NotIndexed => {
                "use a node whose index of transactions goes back so far (geth: --history.transactions 0, then let it index again)"
            }
            Self::TooOld => {
                "use an archive (geth: --gcmode archive; erigon, reth: without pruning), or verify more often than states are thrown away"
            }
        }
    }
}

impl fmt::Display for NoTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoMethod => "no endpoint offers trace_transaction or debug_traceTransaction",
            Self::NoTracer => "the endpoints know no tracer that tells calls",
            Self::Refused => "the endpoints refuse to trace",
            Self::NotIndexed => "the endpoints do not find the transactions any more (index of transactions)",
            Self::TooOld => "the endpoints do not have the states any more that traces of them begin in",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(kind: ReplyKind) -> ChainError {
        ChainError::refused("debug_traceTransaction", kind)
    }

    #[test]
    fn each_refusal_has_its_reason_and_each_reason_its_cure() {
        for (kind, why) in [
            (ReplyKind::MethodUnknown, NoTrace::NoMethod),
            (ReplyKind::TracerUnknown, NoTrace::NoTracer),
            (ReplyKind::Other, NoTrace::Refused),
            (ReplyKind::TransactionUnknown, NoTrace::NotIndexed),
            (ReplyKind::StateGone, NoTrace::TooOld),
        ] {
            assert_eq!(NoTrace::of(refused(kind)), Ok(why));
        }
        let endpoint = "http://host".to_owned();
        let wrong = ChainError::BadAnswer { endpoint: endpoint.clone(), method: "", what: String::new() };
        assert_eq!(NoTrace::of(wrong), Ok(NoTrace::NoTracer));
        let gone = ChainError::Unreachable { endpoint, method: "", reason: String::new() };
        assert!(NoTrace::of(gone).is_err());
        let cures: std::collections::BTreeSet<_> = NoTrace::ALL.map(NoTrace::cure).into();
        assert_eq!(cures.len(), NoTrace::ALL.len());
    }

    #[test]
    fn what_a_node_with_one_form_says_goes_before_that_it_lacks_the_other() {
        for other in NoTrace::ALL {
            assert_eq!(NoTrace::NoMethod.nearest(other), other);
            assert_eq!(other.nearest(NoTrace::NoMethod), other);
        }
    }
}
