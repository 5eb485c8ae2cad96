//! Handing a journalled transaction to the node.

use polyspan_chain::{Demand, SendOutcome};
use polyspan_store::Submission;

use super::Submitter;

/// What the node said to the attempts of a submission, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Broadcast {
    /// It has one of them, or a block has.
    Taken,
    /// None is taken now; the reason may pass.
    Waits(String),
    /// None is taken at its price; with what would be taken.
    Underpriced(Demand),
    /// None is taken as long as the account has not more.
    Unfunded,
    /// None will ever be taken.
    Refused(String),
}

impl Submitter {
    /// Sends the newest attempt, and older ones while newer are not taken: a node without the newest may take another, and
    /// whichever is mined does the same.
    pub(super) async fn broadcast(&self, submission: &Submission) -> Broadcast {
        let (mut waits, mut refused, mut underpriced, mut unfunded) = (None, None, None, false);
        // Bytes are dropped once an attempt can never be needed again.
        for attempt in submission.attempts.iter().rev().filter(|attempt| !attempt.raw.is_empty()) {
            match self.chain.send_raw(&attempt.raw).await {
                // A used account nonce is for the receipts to explain.
                Ok(SendOutcome::Accepted(_) | SendOutcome::AlreadyKnown | SendOutcome::NonceTooLow) => {
                    return Broadcast::Taken;
                }
                Ok(SendOutcome::InsufficientFunds) => unfunded = true,
                Ok(SendOutcome::GasLimitTooHigh) => {
                    refused = refused.or_else(|| Some("its gas limit is above that of a block".to_owned()));
                }
                // The newest attempt offers the most.
                Ok(SendOutcome::Underpriced(demand)) => underpriced = underpriced.or(Some(demand)),
                Ok(SendOutcome::Refused(text)) => refused = refused.or(Some(text)),
                Ok(passing) => {
                    let text =
                        format!("the node of chain {} does not take it now: {passing:?}", self.chain.name());
                    waits = waits.or(Some(text));
                }
                Err(failed) => return Broadcast::Waits(failed.to_string()),
            }
        }
        match (underpriced, waits, refused) {
            _ if unfunded => Broadcast::Unfunded,
            (Some(demand), ..) => Broadcast::Underpriced(demand),
            (None, Some(text), _) => Broadcast::Waits(text),
            (None, None, Some(text)) => Broadcast::Refused(text),
            (None, None, None) => Broadcast::Taken,
        }
    }
}
