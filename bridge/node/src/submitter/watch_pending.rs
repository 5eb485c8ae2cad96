//! What happened to the transactions in the journal: at every head, in both directions between journal and chain.

use polyspan_chain::{Receipt, SendOutcome};
use polyspan_types::BlockHeight;

use super::envelope::Transaction;
use super::*;

/// What a pending submission needs now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// It is young: wait.
    Wait,
    /// The node may have lost it: send the same bytes again.
    Resend,
    /// It is old: pay more.
    Replace,
}

/// Pure: by the age of the newest attempt. Unit: milliseconds.
fn need(age_ms: u64, replace_after_ms: u64) -> Need {
    if age_ms >= replace_after_ms {
        Need::Replace
    } else if age_ms >= replace_after_ms / 4 {
        Need::Resend
    } else {
        Need::Wait
    }
}

impl Submitter {
    /// Looks after every submission that is not final. A failure leaves the rest for the next head.
    pub(super) async fn follow_pending(&mut self) {
        let Some(head) = self.heads.borrow_and_update().head else { return };
        let mut left = Vec::with_capacity(self.pending.len());
        let mut trouble = None;
        for mut pending in std::mem::take(&mut self.pending) {
            match self.follow(&mut pending, head.final_block.height).await {
                Ok(true) => left.push(pending),
                Ok(false) => {}
                Err(failed) => {
                    trouble = Some(failed.to_string());
                    left.push(pending);
                }
            }
        }
        self.pending = left;
        match trouble {
            Some(text) => self.health.failing(text),
            None if !self.pending.is_empty() => self.health.ok(),
            None => {}
        }
    }

    /// `false` once nothing is left to follow.
    async fn follow(&self, pending: &mut Pending, final_height: BlockHeight) -> Result<bool, SubmitterError> {
        if let Some((receipt, tx_hash)) = self.find_receipt(&pending.submission).await? {
            return self.mined(pending, &receipt, tx_hash, final_height).await;
        }
        if pending.submission.outcome != SubmissionOutcome::Pending {
            warn!(chain = self.chain.name(), nonce = %pending.submission.account_nonce, "a mined submission was rolled back; it is sent again");
            self.store_outcome(pending, SubmissionOutcome::Pending).await?;
        }
        let mined_nonce = self.chain.account_nonce(self.signer.address(), At::Latest).await?;
        if mined_nonce > pending.submission.account_nonce {
            // Between the two questions the transaction may have been mined: ask once more before calling it lost.
            if let Some((receipt, tx_hash)) = self.find_receipt(&pending.submission).await? {
                return self.mined(pending, &receipt, tx_hash, final_height).await;
            }
            return self.lost(pending).await;
        }
        self.push(pending).await?;
        Ok(true)
    }

    async fn find_receipt(&self, submission: &Submission) -> Result<Option<(Receipt, B256)>, SubmitterError> {
        for attempt in submission.attempts.iter().rev() {
            if let Some(receipt) = self.chain.receipt(attempt.tx_hash).await? {
                return Ok(Some((receipt, attempt.tx_hash)));
            }
        }
        Ok(None)
    }

    async fn mined(
        &self,
        pending: &mut Pending,
        receipt: &Receipt,
        tx_hash: B256,
        final_height: BlockHeight,
    ) -> Result<bool, SubmitterError> {
        let (block, success) = (receipt.block, receipt.success);
        let is_final = block.height <= final_height;
        let outcome = if is_final {
            SubmissionOutcome::Final { block, success }
        } else {
            SubmissionOutcome::Mined { block, success }
        };
        if pending.submission.outcome != outcome {
            self.store_outcome(pending, outcome).await?;
        }
        if let Some(answer) = pending.answer.take() {
            tell(answer, JobResult::Mined { success, block, tx_hash });
        }
        Ok(!is_final)
    }

    async fn lost(&self, pending: &mut Pending) -> Result<bool, SubmitterError> {
        let account_nonce = pending.submission.account_nonce;
        error!(
            chain = self.chain.name(), nonce = %account_nonce, submitter = %self.signer.address(),
            "account nonce was used by a transaction that is not ours; use a submitter key in one relay only"
        );
        self.store_outcome(pending, SubmissionOutcome::Lost).await?;
        if let Some(answer) = pending.answer.take() {
            tell(answer, JobResult::Lost { account_nonce });
        }
        Ok(false)
    }

    async fn store_outcome(
        &self,
        pending: &mut Pending,
        outcome: SubmissionOutcome,
    ) -> Result<(), SubmitterError> {
        let submission = &mut pending.submission;
        self.store
            .record_receipt(submission.chain, submission.submitter, submission.account_nonce, outcome)
            .await?;
        submission.outcome = outcome;
        Ok(())
    }

    /// Keeps a pending transaction alive: resends what the node may have lost, replaces what is stuck.
    async fn push(&self, pending: &mut Pending) -> Result<(), SubmitterError> {
        let Some(newest) = pending.submission.attempts.last() else { return Ok(()) };
        let age_ms = now_ms().saturating_sub(newest.sent_at_ms);
        let replace_after_ms = u64::try_from(self.settings.replace_after.as_millis()).unwrap_or(u64::MAX);
        match need(age_ms, replace_after_ms) {
            Need::Wait => {}
            Need::Resend => self.broadcast(&pending.submission).await,
            Need::Replace => self.replace(pending).await?,
        }
        Ok(())
    }

    async fn replace(&self, pending: &mut Pending) -> Result<(), SubmitterError> {
        let Some(newest) = pending.submission.attempts.last() else { return Ok(()) };
        let (transaction, previous) = Transaction::decode(self.chain.id(), newest)?;
        let market = self.chain.fees().await?;
        let Some(price) = replacement_price(&market, previous, self.settings.max_fee_per_gas) else {
            self.health.failing(format!(
                "submission {} on chain {} is stuck and the price cap of {} wei leaves no room for a replacement; raise relay.submission.max_fee_per_gas",
                pending.submission.account_nonce,
                self.chain.name(),
                self.settings.max_fee_per_gas,
            ));
            self.broadcast(&pending.submission).await;
            return Ok(());
        };
        let attempt: Attempt = transaction.sign(price, &self.signer, now_ms())?;
        warn!(
            chain = self.chain.name(), nonce = %transaction.account_nonce, old = previous.highest(), new = price.highest(),
            "replacing a stuck submission"
        );
        pending.submission.attempts.push(attempt);
        // Before sending, as the first attempt: whatever is sent must be in the journal.
        self.store.record_submission(&pending.submission).await?;
        self.broadcast(&pending.submission).await;
        Ok(())
    }

    /// Sends the newest attempt. What the node says is for the log: the chain decides at the next head.
    pub(super) async fn broadcast(&self, submission: &Submission) {
        let Some(newest) = submission.attempts.last() else { return };
        match self.chain.send_raw(&newest.raw).await {
            Ok(SendOutcome::Accepted(_) | SendOutcome::AlreadyKnown | SendOutcome::NonceTooLow) => {}
            Ok(SendOutcome::InsufficientFunds) => self.health.failing(self.unfunded()),
            Ok(other) => {
                warn!(chain = self.chain.name(), nonce = %submission.account_nonce, outcome = ?other, "node did not take the submission; it is tried again")
            }
            Err(failed) => {
                let class = failed.class();
                warn!(chain = self.chain.name(), nonce = %submission.account_nonce, error = %failed, ?class, "sending failed; it is tried again");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pending_transaction_is_resent_before_it_is_replaced() {
        assert_eq!(need(0, 8_000), Need::Wait);
        assert_eq!(need(2_000, 8_000), Need::Resend);
        assert_eq!(need(8_000, 8_000), Need::Replace);
    }
}
