//! Votes on chain when the lane has stood still for too long and what this relay holds does not reach the threshold.

use polyspan_chain::{BridgeRevert, vote_calldata};
use polyspan_store::Purpose;
use polyspan_types::RequestNonce;
use tracing::{info, warn};

use super::LaneSubmission;
use super::rest::Rest;
use crate::error::LaneError;
use crate::lane::DestinationView;
use crate::submitter::{Job, JobResult};

/// Gas of a vote. No recipient runs in it, and one endpoint's estimate is no proof. Unit: gas. Source: a first vote takes about
/// 60 000 (`devnet bench gas`); doubled, and rounded up.
const VOTE_GAS: u64 = 150_000;

/// Labels of the votes metric: a closed set.
pub const VOTE_OUTCOMES: [&str; 15] = [
    "voted",
    "reverted",
    "voted_before",
    "duplicate_avoided",
    "refused",
    "too_large",
    "too_slow",
    "not_taken",
    "above_cap",
    "over_budget",
    "busy",
    "left_behind",
    "cancelled",
    "lost",
    "failed",
];

impl LaneSubmission {
    /// One vote for the checkpoint of `nonce`, if the attester has signed it.
    pub(super) async fn vote(
        &mut self,
        nonce: RequestNonce,
        view: &DestinationView,
    ) -> Result<(), LaneError> {
        // A checkpoint that is to be joined is signed a moment after it was seen.
        let Some(attestation) = self.signed.borrow().get(&nonce).cloned() else { return Ok(()) };
        let info = self.lane.info.clone();
        let job = Job {
            purpose: Purpose::Vote,
            first: view.handled,
            count: 0,
            checkpoint: nonce,
            to: info.destination.bridge,
            calldata: vote_calldata(&attestation),
            worst_gas: VOTE_GAS,
            presumed: None,
            lane: info.clone(),
        };
        let result = self.followed(job).await;
        self.lane.metrics.vote(&info.id, outcome(&result));
        self.rest = Some(Rest::until_next_block(view.block));
        // Whatever became of it, what it may have cost counts.
        if matches!(result, JobResult::Mined { .. } | JobResult::Lost { .. }) {
            self.last_vote = Some(view.block.height);
            self.cast += 1;
        }
        let trouble = match result {
            JobResult::Mined { success: true, block, tx_hash } => {
                info!(lane = %info.id, checkpoint = %nonce, %block, tx = %tx_hash, "voted on chain");
                None
            }
            JobResult::Refused(BridgeRevert::AlreadyVoted { .. }) => {
                // Its log is older than what was read, or is not there yet.
                self.last_vote = Some(view.block.height);
                None
            }
            // Others were faster: the lane goes on.
            JobResult::Refused(BridgeRevert::AlreadyHandled { .. }) | JobResult::Cancelled { .. } => None,
            other => Some(other.to_string()),
        };
        if self.note_trouble(trouble.as_ref()) {
            warn!(lane = %info.id, checkpoint = %nonce, reason = trouble, "vote did not go through");
        }
        Ok(())
    }
}

/// Label of the votes metric.
const fn outcome(result: &JobResult) -> &'static str {
    match result {
        JobResult::Mined { success: true, .. } => "voted",
        JobResult::Refused(BridgeRevert::AlreadyVoted { .. }) => "voted_before",
        other => other.outcome(),
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, B256};
    use polyspan_types::{AccountNonce, BlockHeight, BlockRef};

    use super::*;

    #[test]
    fn every_end_of_a_vote_has_a_label_of_the_closed_set() {
        let block = BlockRef { height: BlockHeight::ZERO, hash: B256::ZERO };
        let mined = |success| JobResult::Mined { success, block, tx_hash: B256::ZERO };
        let results = [
            mined(true),
            mined(false),
            JobResult::Refused(BridgeRevert::AlreadyVoted { operator: Address::ZERO }),
            JobResult::Refused(BridgeRevert::AlreadyHandled { handle_nonce: RequestNonce::ZERO }),
            JobResult::Refused(BridgeRevert::NotWired),
            JobResult::TooLarge,
            JobResult::TooSlow,
            JobResult::NotTaken(String::new()),
            JobResult::AboveCap { cap: 1 },
            JobResult::OverBudget { budget: 1 },
            JobResult::Busy,
            JobResult::LeftBehind,
            JobResult::Cancelled { block },
            JobResult::Lost { account_nonce: AccountNonce::ZERO },
            JobResult::Failed(String::new()),
        ];
        assert_eq!(results.iter().map(outcome).collect::<Vec<_>>(), VOTE_OUTCOMES);
    }
}
