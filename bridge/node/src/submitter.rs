//! One account on one chain: allocates account nonces, writes ahead, sends, replaces, and follows to the final block.
//!
//! There is exactly one [`Submitter`] per (chain, key), whatever number of lanes it serves: an account nonce has one owner.
//! A chain has one key or more. Lanes reach them through one [`SubmitterHandle`], which gives a job to one key at a time.

mod age;
mod board;
mod choice;
mod complaint;
mod envelope;
mod funds;
mod gas;
mod job;
mod metrics;
mod newest;
mod pool;
mod pricing;
mod raise;
mod send;
mod signing;
mod used;
mod watch_pending;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use alloy::primitives::{B256, Bytes, U256};
use futures::future::BoxFuture;
use polyspan_chain::{At, BridgeRevert, Chain, ChainError, HeadView};
use polyspan_monitoring::HealthPart;
use polyspan_store::{Purpose, Store, StoreError, Submission, SubmissionOutcome};
use polyspan_types::{AccountNonce, BlockHeight, BlockRef, BridgeId, CrashPoint, RequestNonce};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use age::{Age, Moment, RESEND_AFTER};
pub use board::KeyView;
use board::{Board, Seat};
use choice::Standing;
use complaint::Complaint;
use funds::{Cover, Funds};
use gas::GasMultiplier;
pub(crate) use gas::greatest_gas;
pub use job::{DUPLICATE_AVOIDED, Job, JobResult, OUTCOMES};
pub use metrics::SubmitterMetrics;
pub use pool::SubmitterHandle;
use pool::{KeyAnswer, Order};
use pricing::first_price;
use send::Broadcast;
use signing::Signing;
use used::{Told, UsedNonces};

use crate::clock::now_ms;
use crate::keys::SigningKey;
use crate::sighting::Sighting;

/// Jobs that may wait for the submitter. Each lane hands over one at a time, so this bounds the lanes per account.
const QUEUE: usize = 64;

/// Unit: milliseconds.
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// How submissions are priced and replaced.
#[derive(Debug, Clone, Copy)]
pub struct SubmitterSettings {
    /// Price cap. Unit: wei per gas.
    pub max_fee_per_gas: u128,
    /// Least tip. Unit: wei per gas.
    pub min_priority_fee: u128,
    /// Blocks without it after which a pending transaction is replaced by one that pays more.
    pub replace_after: u64,
    /// Releases of this key that may revert within a day.
    pub failed_releases_per_day: u64,
    /// Gas that a transaction may have where it is more than 2^24: for chains without that limit.
    pub max_gas: u64,
}

/// The owner of one account's nonces.
pub struct Submitter {
    chain: Chain,
    signer: Signing,
    store: Store,
    settings: SubmitterSettings,
    heads: watch::Receiver<HeadView>,
    jobs: mpsc::Receiver<Order>,
    pending: Vec<Pending>,
    /// The first account nonce that no block had used at the last look.
    used: Option<AccountNonce>,
    /// What is known of that, whoever answers.
    used_nonces: UsedNonces,
    /// The newest block at the last look.
    newest: Option<BlockRef>,
    funds: Funds,
    /// By lane: of its pieces.
    multipliers: BTreeMap<BridgeId, GasMultiplier>,
    /// Lanes of which a single transfer passed its call and was refused or reverted all the same: the next one is estimated.
    doubted: BTreeSet<BridgeId>,
    /// Why nothing that is sent now would be mined: an earlier transaction is stuck.
    stuck: Option<String>,
    /// A job of late could not be sent.
    complaint: Complaint,
    /// Where it shows how it is.
    seat: Seat,
}

/// A transaction in the journal that is not final yet.
struct Pending {
    submission: Submission,
    /// The lane that waits for it; `None` after a restart and once it was told.
    answer: Option<oneshot::Sender<JobResult>>,
    /// What it can cost at the most. Unit: wei.
    cost: U256,
    /// Newest block when this process first saw that no block has it.
    waits_since: Option<BlockHeight>,
    /// The block in whose state its account nonce was first used though no attempt of it has a receipt.
    superseded: Sighting,
    /// Of its newest attempt.
    age: Age,
    /// Whether a node has had one of its attempts: then a replacement owes it a raise.
    taken: bool,
    /// Attempts that followed what nodes demand, since none had taken it.
    repriced: usize,
}

impl Pending {
    /// Of one that nobody has sent yet, as far as this process knows.
    fn new(submission: Submission) -> Self {
        let cost = envelope::highest_cost(&submission);
        Self {
            submission,
            answer: None,
            cost,
            waits_since: None,
            superseded: Sighting::default(),
            age: Age::default(),
            taken: false,
            repriced: 0,
        }
    }

    /// A node has it for the first time, `now`.
    fn took(&mut self, now: Option<Moment>) {
        (self.age, self.taken) = (Age::new(now), true);
    }
}

/// Why a job was not sent.
enum NotSent {
    /// For a reason that another key would have as well.
    Told(JobResult),
    /// This key cannot pay for it.
    Unfunded,
}

/// A step of the submitter that failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SubmitterError {
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("submitter key cannot sign: {0}")]
    Signer(String),
    #[error("the journal holds a transaction that cannot be decoded: {0}")]
    Journal(String),
}

/// What the submitters of one chain share.
pub struct SubmitterParts {
    /// The chain they send on.
    pub chain: Chain,
    /// Where the journal is.
    pub store: Store,
    /// Prices and patience.
    pub settings: SubmitterSettings,
    /// The newest block of the chain.
    pub heads: watch::Receiver<HeadView>,
    /// How it is with all of them together.
    pub health: HealthPart,
    /// How it is with each.
    pub metrics: SubmitterMetrics,
}

/// One submitter for each key of a chain, first the one that is used before its spares, and the way to them.
pub fn submitters(parts: &SubmitterParts, keys: Vec<SigningKey>) -> (Vec<Submitter>, SubmitterHandle) {
    let addresses: Vec<_> = keys.iter().map(SigningKey::address).collect();
    let board = Board::new(parts.chain.name(), &addresses, parts.health.clone(), parts.metrics.clone());
    let (mut submitters, mut orders) = (Vec::new(), Vec::new());
    for (place, key) in keys.into_iter().enumerate() {
        let (sender, jobs) = mpsc::channel(QUEUE);
        orders.push(sender);
        submitters.push(Submitter {
            chain: parts.chain.clone(),
            signer: Signing::new(key, parts.chain.id()),
            store: parts.store.clone(),
            settings: parts.settings,
            heads: parts.heads.clone(),
            jobs,
            pending: Vec::new(),
            used: None,
            used_nonces: UsedNonces::default(),
            newest: None,
            funds: Funds::default(),
            multipliers: BTreeMap::new(),
            doubted: BTreeSet::new(),
            stuck: None,
            complaint: Complaint::default(),
            seat: board.seat(place),
        });
    }
    (submitters, SubmitterHandle::new(orders, board))
}

impl Submitter {
    /// Takes over what an earlier process left in the journal, then serves jobs until `stop`.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), StoreError> {
        let chain_id = self.chain.id();
        let left = self.store.journal(chain_id, self.signer.address()).await?;
        if !left.is_empty() {
            info!(
                chain = self.chain.name(),
                pending = left.len(),
                "submissions of an earlier run are followed"
            );
        }
        self.pending = left.into_iter().map(Pending::new).collect();
        self.load_used().await?;
        self.seat.ok();
        // Ends when a key that gave no signature gives one again.
        let mut trial: Option<BoxFuture<'static, ()>> = None;
        loop {
            if trial.is_none() && self.signer.silence().is_some() {
                trial = Some(self.signer.trial());
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = signing::end_of(&mut trial) => {
                    trial = None;
                    self.signs_again();
                }
                Some((job, answer)) = self.jobs.recv() => self.take(job, answer).await,
                // Also without new blocks: some chains make none while nothing is sent.
                () = tokio::time::sleep(RESEND_AFTER) => self.look().await,
                changed = self.heads.changed() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                    self.look().await;
                }
            }
        }
    }

    /// What an earlier process saw final is known, whatever endpoints show now.
    async fn load_used(&mut self) -> Result<(), StoreError> {
        let last = self.store.last_final(self.chain.id(), self.signer.address()).await?;
        if let Some((last, height)) = last {
            self.chain.was_final(height);
            self.used_nonces.saw(last.next(), height);
        }
        Ok(())
    }

    async fn look(&mut self) {
        self.follow_pending().await;
        self.look_at_funds().await;
        // What is pending tells by itself how it is.
        if self.complaint.is_over(Instant::now()) && self.pending.is_empty() {
            self.seat.ok();
        }
        self.seat.pending(self.pending.len());
    }

    /// Tells whether this key can have anything mined.
    fn stand(&self) {
        match (&self.stuck, self.signer.silence(), self.funds.is_short()) {
            (Some(reason), ..) => self.seat.stands(Standing::Stuck, Some(reason.clone())),
            (None, Some(reason), _) => self.seat.stands(Standing::Silent, Some(reason)),
            (None, None, true) => self.seat.stands(Standing::Unfunded, Some(self.unfunded())),
            (None, None, false) => self.seat.stands(Standing::Able, None),
        }
    }

    fn signs_again(&mut self) {
        self.signer.speaks();
        self.complaint.end();
        self.seat.ok();
        self.stand();
    }

    async fn take(&mut self, job: Job, answer: oneshot::Sender<KeyAnswer>) {
        // The lane went on with another key while this order waited.
        if answer.is_closed() {
            return;
        }
        let open = self.pending.iter().map(|pending| &pending.submission);
        if !may_follow(open, &job) {
            drop(answer.send(KeyAnswer::Refused(JobResult::Busy)));
            return;
        }
        let said = match self.send(&job).await {
            Ok(Ok(pending)) => {
                let (tell, result) = oneshot::channel();
                self.pending.push(Pending { answer: Some(tell), ..pending });
                KeyAnswer::Sent(result)
            }
            Ok(Err(NotSent::Told(result))) => {
                self.report_health(&job, &result);
                KeyAnswer::Refused(result)
            }
            Ok(Err(NotSent::Unfunded)) => KeyAnswer::Unable,
            Err(SubmitterError::Signer(reason)) => {
                self.fails(reason);
                // Before the answer: a lane looks at what the key is when it goes on with another one.
                self.stand();
                KeyAnswer::Unable
            }
            // It is tried again alone, once nothing is before it; some nodes know nothing of presumed state.
            Err(failed) if job.presumed.is_some() => {
                debug!(chain = self.chain.name(), error = %failed, "nothing more is sent behind what is on its way");
                KeyAnswer::Refused(JobResult::Busy)
            }
            Err(failed) => {
                self.fails(failed.to_string());
                KeyAnswer::Refused(JobResult::Failed(failed.to_string()))
            }
        };
        // The lane may have stopped meanwhile; the journal knows the rest.
        drop(answer.send(said));
        self.stand();
    }

    fn report_health(&mut self, job: &Job, result: &JobResult) {
        let harmless = match result {
            JobResult::Refused(BridgeRevert::AlreadyHandled { .. })
            | JobResult::Overtaken { .. }
            | JobResult::Busy
            | JobResult::OverBudget { .. } => true,
            // That a hold cannot be paid yet says nothing about the submitter.
            JobResult::Refused(_) => job.purpose == Purpose::Release,
            _ => false,
        };
        if harmless {
            self.complaint.end();
            self.seat.ok();
        } else {
            self.fails(result.to_string());
        }
    }

    fn fails(&mut self, text: String) {
        self.complaint.begin(Instant::now());
        self.seat.failing(text);
    }

    /// Simulates, prices, signs, writes down, sends. `Err` in the inner result: nothing was sent, and why.
    async fn send(&mut self, job: &Job) -> Result<Result<Pending, NotSent>, SubmitterError> {
        let from = self.signer.address();
        // A pause does no harm, and is the last thing to wait for a node.
        if job.purpose != Purpose::Pause {
            self.chain.check_current()?;
        }
        if job.purpose == Purpose::Release
            && let Some(spent) = self.over_budget().await?
        {
            return Ok(Err(NotSent::Told(spent)));
        }
        let gas = match self.gas_for(job).await? {
            Ok(gas) => gas,
            Err(not_sent) => return Ok(Err(not_sent)),
        };
        let cap = self.settings.max_fee_per_gas;
        let Some(price) = first_price(&self.market().await?, cap) else {
            return Ok(Err(NotSent::Told(JobResult::AboveCap { cap })));
        };
        // A node would refuse it, after it is in the journal.
        match self.can_pay(gas, price, job.presumed.is_some()).await? {
            Cover::Enough => {}
            // What is on its way will cost less than it may.
            Cover::Bound => return Ok(Err(NotSent::Told(JobResult::Busy))),
            Cover::Short => return Ok(Err(NotSent::Unfunded)),
        }
        let account_nonce = self.free_account_nonce().await?;
        let transaction = envelope::Transaction {
            chain: self.chain.id(),
            account_nonce,
            to: job.to,
            gas,
            calldata: job.calldata.clone(),
        };
        let attempt = transaction.sign(price, &self.signer, now_ms()).await?;
        // Signing can take long, and what is presumed hides what others did.
        if let Some(handle_nonce) = self.handled_meanwhile(job).await {
            return Ok(Err(NotSent::Told(JobResult::Refused(BridgeRevert::AlreadyHandled { handle_nonce }))));
        }
        let submission = Submission {
            chain: self.chain.id(),
            submitter: from,
            account_nonce,
            lane: job.lane.bridge_id,
            purpose: job.purpose,
            first: job.first,
            count: job.count,
            checkpoint: job.checkpoint,
            attempts: vec![attempt],
            outcome: SubmissionOutcome::Pending,
            created_at_ms: now_ms(),
        };
        // Before sending: a crash here must resend, not forget.
        self.store.record_submission(&submission).await?;
        self.spend(&submission);
        let broadcast = self.broadcast(&submission).await;
        let mut pending = Pending::new(submission);
        CrashPoint::AfterSendingSubmission.reach();
        match broadcast {
            Broadcast::Refused(text) => {
                // The account nonce is free again. Should the transaction be mined all the same, it pays what was approved.
                self.record_lost(&pending.submission).await?;
                self.doubt_gas_of(&pending.submission);
                Ok(Err(NotSent::Told(JobResult::NotTaken(text))))
            }
            // What is on its way needs money too. It is followed until there is enough; the job goes on with a spare.
            Broadcast::Unfunded => {
                // It is in the journal: whether the balance can be read now changes nothing about that.
                let _ = self.fall_short().await;
                Ok(Ok(pending))
            }
            Broadcast::Taken => {
                pending.took(self.moment());
                Ok(Ok(pending))
            }
            // It is tried again, or priced anew, at the next look.
            Broadcast::Waits(_) | Broadcast::Underpriced(_) => Ok(Ok(pending)),
        }
    }

    /// Where the destination stands, if the newest block that this process knows has handled the whole piece. Most often the lane has read that
    /// state already, and nobody is asked. A failure shows nothing.
    async fn handled_meanwhile(&self, job: &Job) -> Option<RequestNonce> {
        if job.purpose != Purpose::Handle {
            return None;
        }
        let newest = self.heads.borrow().head?.latest;
        let state = self.chain.lane_state(job.to, At::Hash(newest.hash)).await.ok()?;
        (state.handle_nonce >= job.first.plus(job.count)).then_some(state.handle_nonce)
    }

    /// What a single transfer takes here may be more than its worst case elsewhere.
    fn doubt_gas_of(&mut self, submission: &Submission) {
        if submission.purpose == Purpose::Handle && submission.count == 1 {
            self.doubted.insert(submission.lane);
        }
    }

    /// Now, once a block was seen.
    fn moment(&self) -> Option<Moment> {
        let head = self.heads.borrow().head?;
        Some(Moment { height: head.latest.height, at: tokio::time::Instant::now() })
    }

    /// That no more releases are sent today, if it is so. A stranger can make each of them revert.
    async fn over_budget(&self) -> Result<Option<JobResult>, SubmitterError> {
        let since_ms = now_ms().saturating_sub(DAY_MS);
        let failed = self.store.unpaid_releases(self.chain.id(), self.signer.address(), since_ms).await?;
        let budget = self.settings.failed_releases_per_day;
        self.seat.release_budget(budget.saturating_sub(failed));
        Ok((failed >= budget).then_some(JobResult::OverBudget { budget }))
    }

    async fn record_lost(&self, submission: &Submission) -> Result<(), StoreError> {
        let Submission { chain, submitter, account_nonce, .. } = *submission;
        self.store.record_receipt(chain, submitter, account_nonce, SubmissionOutcome::Lost).await
    }

    /// The lowest account nonce that neither a block nor the journal uses: a gap is filled before anything else. While
    /// something is on its way, what was used at the last look is enough to know: whatever was sent since is in the journal.
    async fn free_account_nonce(&mut self) -> Result<AccountNonce, SubmitterError> {
        let on_chain = match self.used.filter(|_| !self.pending.is_empty()) {
            Some(used) => used,
            None => self.look_at_account_nonce().await?,
        };
        let used = self.pending.iter().map(|pending| pending.submission.account_nonce);
        Ok(free_nonce(on_chain, used))
    }

    async fn look_at_account_nonce(&mut self) -> Result<AccountNonce, SubmitterError> {
        let account = self.signer.address();
        let told = self.chain.account_nonce(account, At::Latest).await?;
        let head = self.heads.borrow().head.map(|head| head.latest);
        let height = head.map_or(BlockHeight::ZERO, |head| head.height);
        let on_chain = match (self.used_nonces.told(told, height, Instant::now()), head) {
            (Told::Count(count), _) => count,
            (Told::AskAtHead, Some(head)) => {
                let count = self.chain.account_nonce(account, At::Hash(head.hash)).await?;
                self.used_nonces.settle(count, head.height);
                count
            }
            (Told::AskAtHead, None) => told,
        };
        self.used = Some(on_chain);
        Ok(on_chain)
    }

    fn unfunded(&self) -> String {
        format!(
            "submitter {} has not enough of the native currency on chain {}; fund it",
            self.signer.address(),
            self.chain.name()
        )
    }
}

/// Pure: the lowest nonce from `on_chain` on that is not in `used`.
fn free_nonce(on_chain: AccountNonce, used: impl Iterator<Item = AccountNonce>) -> AccountNonce {
    let used: BTreeSet<AccountNonce> = used.collect();
    let mut free = on_chain;
    while used.contains(&free) {
        free = free.next();
    }
    free
}

/// Pure: whether `job` can be sent while `open` submissions of its account are on their way: after none of its own lane; if it
/// presumes them, after pieces that end where it begins; a release, which needs nothing of what is handled, after any pieces; a pause
/// after anything. Releases keep no piece back.
fn may_follow<'a>(open: impl Iterator<Item = &'a Submission>, job: &Job) -> bool {
    if job.purpose == Purpose::Pause {
        return true;
    }
    let is_release = |submission: &&Submission| submission.purpose == Purpose::Release;
    let own = |submission: &&Submission| {
        submission.lane == job.lane.bridge_id
            && submission.outcome == SubmissionOutcome::Pending
            && (job.purpose == Purpose::Release || !is_release(submission))
    };
    let (mut end, mut pieces_only) = (None, true);
    for submission in open.filter(own) {
        end = end.max(Some(submission.first.plus(submission.count)));
        pieces_only &= submission.purpose == Purpose::Handle;
    }
    let Some(end) = end else { return true };
    pieces_only && (job.purpose == Purpose::Release || (job.presumed.is_some() && end == job.first))
}

fn tell(answer: oneshot::Sender<JobResult>, result: JobResult) {
    // The lane may have stopped meanwhile; the journal knows the rest.
    drop(answer.send(result));
}

#[cfg(test)]
mod tests;
