//! Submits what relays agreed on about a request that cannot be handled at all.

use std::sync::Arc;
use std::time::Instant;

use polyspan_chain::{BridgeRevert, HandleTrial, Trial, force_hold_calldata};
use polyspan_store::Purpose;
use tracing::{info, warn};

use super::LaneSubmission;
use super::rest::Rest;
use crate::error::LaneError;
use crate::force_hold::AgreedForceHold;
use crate::lane::DestinationView;
use crate::submitter::{Job, JobResult, greatest_gas};

/// Gas of a force-hold beside its calldata. Nobody's code runs in it. Unit: gas. Source: a hold takes less than 140 000, a
/// signature about 7 000; doubled for ten of them, and rounded up.
const FORCE_HOLD_GAS: u64 = 400_000;

/// Labels of the force-holds metric: a closed set.
pub const FORCE_HOLD_OUTCOMES: [&str; 16] = [
    "signed",
    "held",
    "reverted",
    "duplicate_avoided",
    "withheld",
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
    /// The force-hold that it is this relay's turn to submit: the leader's at once, another relay's after the delay of its rank.
    pub(super) fn due_force_hold(
        &mut self,
        view: &DestinationView,
        leads: bool,
    ) -> Option<Arc<AgreedForceHold>> {
        let agreed = self.force_hold.borrow_and_update().agreed.clone();
        let Some(agreed) = agreed.filter(|agreed| agreed.nonce == view.handled) else {
            self.agreed = None;
            return None;
        };
        let since = match self.agreed {
            Some((nonce, since)) if nonce == agreed.nonce => since,
            _ => self.agreed.insert((agreed.nonce, Instant::now())).1,
        };
        let is_turn = leads || since.elapsed() >= self.delay(view);
        (is_turn && self.flow.in_flight.is_empty()).then_some(agreed)
    }

    /// Sends it, unless the request can be handled after all.
    pub(super) async fn submit_force_hold(
        &mut self,
        agreed: &AgreedForceHold,
        view: &DestinationView,
    ) -> Result<(), LaneError> {
        let lane = Arc::clone(&self.lane);
        let (info, nonce) = (&lane.info, agreed.nonce);
        self.rest = Some(Rest::until_next_block(view.block));
        // The last word before anything is sent, with what a block has room for now.
        let gas = greatest_gas(Some(lane.destination.head().await?.gas_limit));
        let trial = HandleTrial { gas, ..agreed.trial.clone() };
        if !matches!(lane.destination.try_handle(&trial, view.block.hash).await?, Trial::Fails(_)) {
            lane.metrics.force_hold(&info.id, "withheld");
            info!(lane = %info.id, %nonce, "force-hold not submitted: the request is not seen to fail now");
            return Ok(());
        }
        let calldata = force_hold_calldata(nonce, &agreed.transfer, &agreed.signatures);
        let own = self.leadership.borrow().own;
        let job = Job {
            lane: info.clone(),
            purpose: Purpose::ForceHold,
            first: nonce,
            count: 1,
            checkpoint: nonce,
            to: info.destination.bridge,
            worst_gas: super::gas::with_calldata(FORCE_HOLD_GAS, calldata.len()),
            calldata,
            presumed: None,
        };
        let result = self.followed(job).await;
        lane.metrics.force_hold(&info.id, outcome(&result));
        let trouble = match result {
            JobResult::Mined { success: true, block, tx_hash } => {
                warn!(lane = %info.id, %nonce, %block, tx = %tx_hash, "force-held: the request could not be handled, its value is held");
                self.own_end = self.own_end.max(nonce.next());
                self.note_took_over(!own);
                self.rest = Some(Rest::until_handled(nonce.next()));
                None
            }
            // Others were faster.
            JobResult::Refused(BridgeRevert::AlreadyHandled { .. }) | JobResult::Cancelled { .. } => None,
            other => {
                if matches!(other, JobResult::Mined { .. }) {
                    self.reverts.count_one();
                    let (reverts, now) = (self.reverts.count(), Instant::now());
                    self.rest = Some(Rest::after_reverts(reverts, view.handled, view.block, now));
                }
                Some(other.to_string())
            }
        };
        if self.note_trouble(trouble.as_ref()) {
            warn!(lane = %info.id, %nonce, reason = trouble, "force-hold did not go through");
        }
        Ok(())
    }
}

/// Label of the force-holds metric.
const fn outcome(result: &JobResult) -> &'static str {
    match result {
        JobResult::Mined { success: true, .. } => "held",
        other => other.outcome(),
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;
    use polyspan_types::{AccountNonce, BlockHeight, BlockRef, RequestNonce};

    use super::*;

    #[test]
    fn every_end_of_an_attempt_has_a_label_of_the_closed_set() {
        let block = BlockRef { height: BlockHeight::ZERO, hash: B256::ZERO };
        let mined = |success| JobResult::Mined { success, block, tx_hash: B256::ZERO };
        let results = [
            mined(true),
            mined(false),
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
        let labels: Vec<_> = results.iter().map(outcome).collect();
        let expected = FORCE_HOLD_OUTCOMES.iter().filter(|label| !["signed", "withheld"].contains(label));
        assert_eq!(labels, expected.copied().collect::<Vec<_>>());
    }
}
