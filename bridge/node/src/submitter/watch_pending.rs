//! What happened to the transactions in the journal: at every head, in both directions between journal and chain.

use polyspan_chain::{Head, Receipt};

use super::age::{Need, overdue};
use super::envelope::{TRANSFER_GAS, Transaction, is_cancellation};
use super::newest::InNewest;
use super::raise::Repriced;
use super::*;

/// What keeps a submission from being mined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hindrance {
    pub(super) text: String,
    /// What it makes of the key; able where it passes by itself.
    pub(super) standing: Standing,
}

impl Hindrance {
    pub(super) const fn passing(text: String) -> Self {
        Self { text, standing: Standing::Able }
    }
}

/// What following one submission came to.
enum Followed {
    /// There is more to follow; with what keeps it from being mined.
    Open(Option<Hindrance>),
    /// It is final or lost.
    Closed,
}

impl Submitter {
    /// Looks after every submission that is not final. A failure leaves the rest for the next time.
    pub(super) async fn follow_pending(&mut self) {
        let Some(head) = self.heads.borrow_and_update().head else { return };
        if self.pending.is_empty() {
            self.newest = Some(head.latest);
            self.stuck = None;
            self.stand();
            return;
        }
        if let Err(behind) = self.chain.check_current() {
            // What endpoints show is older than what is known: nothing is sent again, replaced, filled or given up for it.
            self.seat.waits(Some(behind.to_string()));
            return;
        }
        let mut hindrances = Vec::new();
        let mut all_looked_at = true;
        let newest = self.look_at_newest(head).await;
        match self.look_at_used(&newest).await {
            Ok(on_chain) => {
                let mut left = Vec::with_capacity(self.pending.len());
                for mut pending in std::mem::take(&mut self.pending) {
                    let before = pending.submission.outcome;
                    let followed = self.follow(&mut pending, on_chain, head, &newest).await;
                    if before == SubmissionOutcome::Pending
                        && let Some(block) = reverted_in(&pending.submission)
                        && !self.is_overtaken(&pending.submission, block).await
                    {
                        self.doubt_gas_of(&pending.submission);
                    }
                    match followed {
                        Ok(Followed::Open(hindrance)) => {
                            hindrances.extend(hindrance);
                            left.push(pending);
                        }
                        Ok(Followed::Closed) => {}
                        Err(failed) => {
                            all_looked_at = false;
                            hindrances.push(Hindrance::passing(failed.to_string()));
                            left.push(pending);
                        }
                    }
                }
                self.pending = left;
                if let Err(failed) = self.fill_gap(on_chain).await {
                    hindrances.push(Hindrance::passing(failed.to_string()));
                }
                self.judge(&hindrances, all_looked_at).await;
            }
            // Nothing new is known of what is stuck.
            Err(failed) => hindrances.push(Hindrance::passing(failed.to_string())),
        }
        self.seat.waits(hindrances.into_iter().next().map(|hindrance| hindrance.text));
    }

    /// The first account nonce that no block has used.
    async fn look_at_used(&mut self, newest: &InNewest) -> Result<AccountNonce, SubmitterError> {
        let found = newest.used(&self.pending);
        if let (Some((used, _)), Some(block)) = (found, self.newest) {
            self.used_nonces.saw(used, block.height);
        }
        let used = match found {
            Some((used, true)) => used,
            // Whose count is behind may have the block.
            _ => self.look_at_account_nonce().await?.max(found.map_or(AccountNonce::ZERO, |(used, _)| used)),
        };
        self.used = Some(used);
        Ok(used)
    }

    /// What the hindrances of its transactions make of this key.
    async fn judge(&mut self, hindrances: &[Hindrance], all_looked_at: bool) {
        let of = |standing| hindrances.iter().find(|hindrance| hindrance.standing == standing);
        // What could not be looked at may still be stuck.
        if let Some(stuck) = of(Standing::Stuck) {
            self.stuck = Some(stuck.text.clone());
        } else if all_looked_at {
            self.stuck = None;
        }
        if of(Standing::Unfunded).is_some() && !self.funds.is_short() {
            // What cannot be read now is read with the next block.
            let _ = self.fall_short().await;
        }
        self.stand();
    }

    async fn follow(
        &self,
        pending: &mut Pending,
        on_chain: AccountNonce,
        head: Head,
        newest: &InNewest,
    ) -> Result<Followed, SubmitterError> {
        if pending.submission.outcome == SubmissionOutcome::Pending
            && let Some(tx_hash) = newest.attempt(pending)
        {
            return self.mined(pending, (head.latest, true), tx_hash, head).await;
        }
        let used = on_chain > pending.submission.account_nonce;
        if let SubmissionOutcome::Mined { block, success } = pending.submission.outcome
            && used
        {
            if block == head.final_block {
                self.store_outcome(pending, SubmissionOutcome::Final { block, success }).await?;
                return Ok(Followed::Closed);
            }
            if block.height > head.final_block.height {
                // Nothing that matters can have changed: another block that has it shows when one is final.
                return Ok(Followed::Open(None));
            }
        }
        // What is in a block has used its account nonce; whose count is behind may know the receipt.
        let was_mined = pending.submission.outcome != SubmissionOutcome::Pending;
        if (used || was_mined)
            && let Some((receipt, tx_hash)) = self.find_receipt(&pending.submission).await?
        {
            return self.mined(pending, (receipt.block, receipt.success), tx_hash, head).await;
        }
        if pending.submission.outcome != SubmissionOutcome::Pending {
            warn!(chain = self.chain.name(), nonce = %pending.submission.account_nonce, "a mined submission was rolled back; it is sent again");
            self.store_outcome(pending, SubmissionOutcome::Pending).await?;
            pending.waits_since = None;
        }
        if used {
            return self.superseded(pending, head).await;
        }
        pending.superseded.forget();
        if pending.submission.account_nonce > on_chain {
            // It queues behind another one: only that one can be helped by a price, or be stuck.
            pending.waits_since = None;
            return self.push(pending, false).await;
        }
        if pending.waits_since.is_none()
            && let Some(now) = self.moment()
        {
            // As long as others were before it, no price could help.
            pending.age.restart(now);
        }
        let since = *pending.waits_since.get_or_insert(head.latest.height);
        let followed = self.push(pending, true).await?;
        let blocks = head.latest.height.since(since);
        Ok(match followed {
            Followed::Open(hindrance) => Followed::Open(self.overdue(pending, blocks).or(hindrance)),
            Followed::Closed => Followed::Closed,
        })
    }

    /// That a submission waits longer than any that a market takes in the end.
    fn overdue(&self, pending: &Pending, blocks: u64) -> Option<Hindrance> {
        let account_nonce = pending.submission.account_nonce;
        let text = || {
            format!(
                "submission {account_nonce} on chain {} is stuck: blocks are made without it; look whether the node keeps it back",
                self.chain.name()
            )
        };
        overdue(blocks, self.settings.replace_after)
            .then(|| Hindrance { text: text(), standing: Standing::Stuck })
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
        (block, success): (BlockRef, bool),
        tx_hash: B256,
        head: Head,
    ) -> Result<Followed, SubmitterError> {
        let cancelled = is_cancellation(&pending.submission, tx_hash, self.signer.address());
        // The journal's failures are for what reverted: a release that was cancelled has not.
        let is_final = block.height <= head.final_block.height;
        let outcome = if is_final {
            SubmissionOutcome::Final { block, success }
        } else {
            SubmissionOutcome::Mined { block, success }
        };
        if pending.submission.outcome != outcome {
            self.store_outcome(pending, outcome).await?;
        }
        if let Some(answer) = pending.answer.take() {
            let result = if cancelled {
                JobResult::Cancelled { block }
            } else if !success && self.is_overtaken(&pending.submission, block).await {
                JobResult::Overtaken { block, tx_hash }
            } else {
                JobResult::Mined { success, block, tx_hash }
            };
            tell(answer, result);
        }
        Ok(if is_final { Followed::Closed } else { Followed::Open(None) })
    }

    /// Whether others had handled all of a piece that reverted, by the block that has it.
    async fn is_overtaken(&self, piece: &Submission, block: BlockRef) -> bool {
        if piece.purpose != Purpose::Handle || piece.count == 0 {
            return false;
        }
        let Some(bridge) = self.bridge_of(piece) else { return false };
        let state = self.chain.lane_state(bridge, At::Hash(block.hash)).await;
        state.is_ok_and(|state| state.handle_nonce >= piece.first.plus(piece.count))
    }

    /// A block has another transaction with this account nonce. It is lost only when that block is final: until then a
    /// reorg can give the nonce back, and then somebody must fill it.
    async fn superseded(&self, pending: &mut Pending, head: Head) -> Result<Followed, SubmitterError> {
        let account_nonce = pending.submission.account_nonce;
        if pending.superseded.is_none() {
            // What told that it is used may have been a later block, which is final later.
            let at = At::Hash(head.latest.hash);
            if self.chain.account_nonce(self.signer.address(), at).await? <= account_nonce {
                return Ok(Followed::Open(None));
            }
            pending.superseded.seen(head.latest);
        }
        if !pending.superseded.is_final(&self.chain, head).await? {
            return Ok(Followed::Open(None));
        }
        // Between the questions it may have been mined after all.
        if let Some((receipt, tx_hash)) = self.find_receipt(&pending.submission).await? {
            return self.mined(pending, (receipt.block, receipt.success), tx_hash, head).await;
        }
        error!(
            chain = self.chain.name(), nonce = %account_nonce, submitter = %self.signer.address(),
            "account nonce was used by a transaction that is not ours; use a submitter key in one relay only"
        );
        self.store_outcome(pending, SubmissionOutcome::Lost).await?;
        if let Some(answer) = pending.answer.take() {
            tell(answer, JobResult::Lost { account_nonce });
        }
        Ok(Followed::Closed)
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

    /// Keeps a pending transaction alive: resends what the node may have lost, prices anew what none takes, replaces what is stuck, and
    /// gives up what no node will ever take. Only what is `next` in its account's line is replaced.
    async fn push(&self, pending: &mut Pending, next: bool) -> Result<Followed, SubmitterError> {
        let Some(now) = self.moment() else { return Ok(Followed::Open(None)) };
        let mut stuck = None;
        match pending.age.need(now, self.settings.replace_after) {
            Need::Wait => return Ok(Followed::Open(None)),
            // What cannot be replaced now, since its key is away or its chain, is sent again as it is.
            Need::Replace if next => {
                let raised = self.raise(pending, now).await;
                stuck = raised.unwrap_or_else(|failed| Some(Hindrance::passing(failed.to_string())));
            }
            Need::Resend | Need::Replace => {}
        }
        let mut said = self.broadcast(&pending.submission).await;
        if let Broadcast::Underpriced(demand) = said
            && !pending.taken
        {
            match self.reprice(pending, demand).await {
                Ok(Repriced::Yes) => said = self.broadcast(&pending.submission).await,
                Ok(Repriced::No(hindrance)) => stuck = stuck.or(Some(hindrance)),
                Err(failed) => stuck = stuck.or(Some(Hindrance::passing(failed.to_string()))),
            }
        }
        pending.age.resent(now);
        pending.taken |= said == Broadcast::Taken;
        match said {
            Broadcast::Taken => Ok(Followed::Open(stuck)),
            Broadcast::Waits(text) => Ok(Followed::Open(stuck.or(Some(Hindrance::passing(text))))),
            Broadcast::Underpriced(_) => Ok(Followed::Open(stuck.or_else(|| Some(self.underpriced())))),
            Broadcast::Unfunded => {
                let unfunded = Hindrance { text: self.unfunded(), standing: Standing::Unfunded };
                Ok(Followed::Open(stuck.or(Some(unfunded))))
            }
            Broadcast::Refused(text) => {
                self.store_outcome(pending, SubmissionOutcome::Lost).await?;
                if let Some(answer) = pending.answer.take() {
                    tell(answer, JobResult::NotTaken(text));
                }
                Ok(Followed::Closed)
            }
        }
    }

    /// Everything pending waits behind an account nonce that nobody uses: a transfer of nothing to itself fills it.
    async fn fill_gap(&mut self, on_chain: AccountNonce) -> Result<(), SubmitterError> {
        let open = |pending: &&Pending| pending.submission.outcome == SubmissionOutcome::Pending;
        let lowest = self.pending.iter().filter(open).min_by_key(|pending| pending.submission.account_nonce);
        let Some(behind) = lowest.filter(|pending| pending.submission.account_nonce > on_chain) else {
            return Ok(());
        };
        if self.pending.iter().any(|pending| pending.submission.account_nonce == on_chain) {
            return Ok(());
        }
        let cap = self.settings.max_fee_per_gas;
        let Some(price) = first_price(&self.market().await?, cap) else { return Ok(()) };
        let transaction = Transaction {
            chain: self.chain.id(),
            account_nonce: on_chain,
            to: self.signer.address(),
            gas: TRANSFER_GAS,
            calldata: Bytes::new(),
        };
        let submission = Submission {
            account_nonce: on_chain,
            purpose: Purpose::Handle,
            count: 0,
            attempts: vec![transaction.sign(price, &self.signer, now_ms()).await?],
            created_at_ms: now_ms(),
            ..behind.submission.clone()
        };
        warn!(chain = self.chain.name(), nonce = %on_chain, "filling a gap in the account nonces");
        self.store.record_submission(&submission).await?;
        // If it is not taken now, it is pushed like any other.
        let said = self.broadcast(&submission).await;
        let mut filler = Pending::new(submission);
        if said == Broadcast::Taken {
            filler.took(self.moment());
        }
        self.pending.push(filler);
        Ok(())
    }
}

/// The block that has it, if it did not do there what it should.
const fn reverted_in(submission: &Submission) -> Option<BlockRef> {
    use SubmissionOutcome::{Final, Mined};
    match submission.outcome {
        Mined { block, success: false } | Final { block, success: false } => Some(block),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_in_the_account_nonces_is_used_first() {
        let nonces = |list: &[u64]| list.iter().copied().map(AccountNonce::new).collect::<Vec<_>>();
        let free =
            |on_chain, used: &[u64]| free_nonce(AccountNonce::new(on_chain), nonces(used).into_iter()).get();
        assert_eq!(free(5, &[]), 5);
        assert_eq!(free(5, &[5, 6]), 7);
        assert_eq!(free(5, &[6, 7]), 5);
        assert_eq!(free(5, &[3, 5, 7]), 6);
    }
}
