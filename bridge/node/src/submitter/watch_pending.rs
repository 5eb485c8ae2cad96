//! What happened to the transactions in the journal: at every head, in both directions between journal and chain.

use polyspan_chain::{FeeMarket, Head, Receipt};

use super::envelope::Transaction;
use super::pricing::Price;
use super::*;

/// Attempts of one submission after which it is raised only when the market asks for more. A chain with a fixed price
/// refuses every raise.
const UNASKED_RAISES: usize = 8;

/// Gas of a plain transfer. Unit: gas.
const TRANSFER_GAS: u64 = 21_000;

/// Age at which a submission that nobody mines counts as stuck, whatever it pays. Unit: times `replace_after`. Source: as
/// many replacements, each at a higher price, did not help.
const STUCK_AFTER: u64 = 6;

/// Blocks that were made without it, at least, before a submission counts as stuck by its age: where no block is made, no
/// other key fares better. Unit: blocks.
const STUCK_BLOCKS: u64 = 3;

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

/// Pure: whether paying more can help a submission whose newest attempt pays `previous`.
fn raise_can_help(market: &FeeMarket, previous: Price, attempts: usize) -> bool {
    let asked = market.current_price();
    // Where gas costs nothing a raise costs a balance that the submitter need not have.
    asked > previous.highest() || (previous.highest() > 0 && attempts < UNASKED_RAISES)
}

/// Pure: whether a submission of this age counts as stuck. Unit: milliseconds; blocks.
fn overdue(age_ms: u64, blocks: u64, replace_after_ms: u64) -> bool {
    blocks >= STUCK_BLOCKS && age_ms >= replace_after_ms.saturating_mul(STUCK_AFTER)
}

/// What keeps a submission from being mined.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Hindrance {
    text: String,
    /// What it makes of the key; able where it passes by itself.
    standing: Standing,
}

impl Hindrance {
    const fn passing(text: String) -> Self {
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
            self.stuck = None;
            self.stand();
            return;
        }
        let mut hindrances = Vec::new();
        let mut all_looked_at = true;
        match self.look_at_account_nonce().await {
            Ok(on_chain) => {
                let mut left = Vec::with_capacity(self.pending.len());
                for mut pending in std::mem::take(&mut self.pending) {
                    match self.follow(&mut pending, on_chain, head).await {
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
    ) -> Result<Followed, SubmitterError> {
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
            return self.mined(pending, &receipt, tx_hash, head).await;
        }
        if pending.submission.outcome != SubmissionOutcome::Pending {
            warn!(chain = self.chain.name(), nonce = %pending.submission.account_nonce, "a mined submission was rolled back; it is sent again");
            self.store_outcome(pending, SubmissionOutcome::Pending).await?;
            pending.waits_since = None;
        }
        if used {
            return self.superseded(pending, head).await;
        }
        if pending.submission.account_nonce > on_chain {
            // It queues behind another one: only that one can be helped by a price, or be stuck.
            pending.waits_since = None;
            return self.push(pending, false).await;
        }
        let since = *pending.waits_since.get_or_insert(head.latest.height);
        let followed = self.push(pending, true).await?;
        let blocks = head.latest.height.since(since);
        Ok(match followed {
            Followed::Open(hindrance) => Followed::Open(self.overdue(pending, blocks).or(hindrance)),
            Followed::Closed => Followed::Closed,
        })
    }

    /// That a submission is older than any that a market takes in the end.
    fn overdue(&self, pending: &Pending, blocks: u64) -> Option<Hindrance> {
        let Submission { account_nonce, created_at_ms, .. } = pending.submission;
        let age_ms = now_ms().saturating_sub(created_at_ms);
        let text = || {
            format!(
                "submission {account_nonce} on chain {} is stuck: blocks are made without it; look whether the node keeps it back",
                self.chain.name()
            )
        };
        overdue(age_ms, blocks, self.replace_after_ms())
            .then(|| Hindrance { text: text(), standing: Standing::Stuck })
    }

    fn replace_after_ms(&self) -> u64 {
        u64::try_from(self.settings.replace_after.as_millis()).unwrap_or(u64::MAX)
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
        head: Head,
    ) -> Result<Followed, SubmitterError> {
        let (block, success) = (receipt.block, receipt.success);
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
            tell(answer, JobResult::Mined { success, block, tx_hash });
        }
        Ok(if is_final { Followed::Closed } else { Followed::Open(None) })
    }

    /// A block has another transaction with this account nonce. It is lost only when that block is final: until then a
    /// reorg can give the nonce back, and then somebody must fill it.
    async fn superseded(&self, pending: &mut Pending, head: Head) -> Result<Followed, SubmitterError> {
        let at_final = At::Hash(head.final_block.hash);
        let account_nonce = pending.submission.account_nonce;
        if self.chain.account_nonce(self.signer.address(), at_final).await? <= account_nonce {
            return Ok(Followed::Open(None));
        }
        // Between the questions it may have been mined after all.
        if let Some((receipt, tx_hash)) = self.find_receipt(&pending.submission).await? {
            return self.mined(pending, &receipt, tx_hash, head).await;
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

    /// Keeps a pending transaction alive: resends what the node may have lost, replaces what is stuck, and gives up what
    /// no node will take. Only what is `next` in its account's line is replaced.
    async fn push(&self, pending: &mut Pending, next: bool) -> Result<Followed, SubmitterError> {
        let newest = pending.submission.attempts.iter().map(|attempt| attempt.sent_at_ms).max().unwrap_or(0);
        let age_ms = now_ms().saturating_sub(newest);
        let mut stuck = None;
        match need(age_ms, self.replace_after_ms()) {
            Need::Wait => return Ok(Followed::Open(None)),
            Need::Replace if next => stuck = self.raise(pending).await?,
            Need::Resend | Need::Replace => {}
        }
        match self.broadcast(&pending.submission).await {
            Broadcast::Taken => Ok(Followed::Open(stuck)),
            Broadcast::Waits(text) => Ok(Followed::Open(stuck.or(Some(Hindrance::passing(text))))),
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

    /// Adds an attempt that pays more, if that can help and the cap allows it; otherwise says why not.
    async fn raise(&self, pending: &mut Pending) -> Result<Option<Hindrance>, SubmitterError> {
        let attempts = pending.submission.attempts.len();
        let Some(newest) = pending.submission.attempts.last().filter(|attempt| !attempt.raw.is_empty())
        else {
            return Ok(None);
        };
        let (transaction, previous) = Transaction::decode(self.chain.id(), newest)?;
        let market = self.chain.fees().await?;
        if !raise_can_help(&market, previous, attempts) {
            return Ok(None);
        }
        let cap = self.settings.max_fee_per_gas;
        let Some(price) = replacement_price(&market, previous, cap) else {
            let text = format!(
                "submission {} on chain {} is stuck and the price cap of {cap} wei leaves no room for a replacement; raise relay.submission.max_fee_per_gas",
                transaction.account_nonce,
                self.chain.name(),
            );
            return Ok(Some(Hindrance { text, standing: Standing::Stuck }));
        };
        let attempt: Attempt = transaction.sign(price, &self.signer, now_ms()).await?;
        warn!(
            chain = self.chain.name(), nonce = %transaction.account_nonce, old = previous.highest(), new = price.highest(),
            "replacing a stuck submission"
        );
        pending.submission.attempts.push(attempt);
        pending.cost = envelope::highest_cost(&pending.submission);
        // Before sending, as the first attempt: whatever is sent must be in the journal.
        self.store.record_submission(&pending.submission).await?;
        Ok(None)
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
        let Some(price) = first_price(&self.chain.fees().await?, cap) else { return Ok(()) };
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
        let _ = self.broadcast(&submission).await;
        self.pending.push(Pending::new(submission, None));
        Ok(())
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

    #[test]
    fn a_submission_is_overdue_by_its_age_and_by_blocks_that_passed_it() {
        assert!(!overdue(47_999, 100, 8_000));
        assert!(overdue(48_000, 3, 8_000));
        assert!(!overdue(480_000, 2, 8_000), "a chain that stands still is no reason to change the key");
    }

    #[test]
    fn a_raise_is_made_where_it_can_help() {
        let legacy = |gas_price| FeeMarket::Legacy { gas_price };
        let paid = |gas_price| Price::Legacy { gas_price };
        assert!(!raise_can_help(&legacy(0), paid(0), 1), "gas costs nothing: the node only lost it");
        assert!(raise_can_help(&legacy(1), paid(0), 1));
        assert!(raise_can_help(&legacy(25), paid(25), 1));
        assert!(
            !raise_can_help(&legacy(25), paid(60), UNASKED_RAISES),
            "a fixed price is not raised for ever"
        );
        assert!(raise_can_help(&legacy(61), paid(60), UNASKED_RAISES));
    }

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
