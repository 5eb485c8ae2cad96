//! One account on one chain: allocates account nonces, writes ahead, sends, replaces, and follows to the final block.
//!
//! There is exactly one [`Submitter`] per (chain, key), whatever number of lanes it serves: an account nonce has one owner.
//! A chain has one key or more. Lanes reach them through one [`SubmitterHandle`], which gives a job to one key at a time.

mod board;
mod choice;
mod envelope;
mod funds;
mod job;
mod metrics;
mod pool;
mod pricing;
mod send;
mod watch_pending;

use std::collections::BTreeSet;
use std::time::Duration;

use alloy::primitives::{B256, Bytes};
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use polyspan_chain::{At, BridgeRevert, Chain, ChainError, HeadView, ReplyKind};
use polyspan_monitoring::HealthPart;
use polyspan_store::{Attempt, Purpose, Store, StoreError, Submission, SubmissionOutcome};
use polyspan_types::{AccountNonce, BlockHeight, CrashPoint};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

pub use board::KeyView;
use board::{Board, Seat};
use choice::Standing;
use funds::Funds;
pub use job::{Job, JobResult, OUTCOMES};
pub use metrics::SubmitterMetrics;
pub use pool::SubmitterHandle;
use pool::{KeyAnswer, Order};
use pricing::{first_price, replacement_price};
use send::Broadcast;

use crate::clock::now_ms;

/// Jobs that may wait for the submitter. Each lane has one at a time, so this bounds the lanes per account.
const QUEUE: usize = 64;

/// Largest gas limit of a transaction. Unit: gas. Source: EIP-7825.
const TRANSACTION_GAS_LIMIT: u64 = 1 << 24;

/// Added to the node's estimate, since state moves between estimate and block. Unit: percent.
const GAS_MARGIN_PERCENT: u64 = 15;

/// How submissions are priced and replaced.
#[derive(Debug, Clone, Copy)]
pub struct SubmitterSettings {
    /// Price cap. Unit: wei per gas.
    pub max_fee_per_gas: u128,
    /// Age at which a pending transaction is replaced by one that pays more.
    pub replace_after: Duration,
}

/// The owner of one account's nonces.
pub struct Submitter {
    chain: Chain,
    signer: PrivateKeySigner,
    store: Store,
    settings: SubmitterSettings,
    heads: watch::Receiver<HeadView>,
    jobs: mpsc::Receiver<Order>,
    pending: Vec<Pending>,
    funds: Funds,
    /// Why nothing that is sent now would be mined: an earlier transaction is stuck.
    stuck: Option<String>,
    /// Where it shows how it is.
    seat: Seat,
}

/// A transaction in the journal that is not final yet.
struct Pending {
    submission: Submission,
    /// The lane that waits for it; `None` after a restart and once it was told.
    answer: Option<oneshot::Sender<KeyAnswer>>,
    /// Newest block when this process first saw that no block has it.
    waits_since: Option<BlockHeight>,
}

impl Pending {
    const fn new(submission: Submission, answer: Option<oneshot::Sender<KeyAnswer>>) -> Self {
        Self { submission, answer, waits_since: None }
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
    Signer(#[from] alloy::signers::Error),
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
pub fn submitters(parts: &SubmitterParts, keys: Vec<PrivateKeySigner>) -> (Vec<Submitter>, SubmitterHandle) {
    let addresses: Vec<_> = keys.iter().map(PrivateKeySigner::address).collect();
    let board = Board::new(parts.chain.name(), &addresses, parts.health.clone(), parts.metrics.clone());
    let (mut submitters, mut orders) = (Vec::new(), Vec::new());
    for (place, signer) in keys.into_iter().enumerate() {
        let (sender, jobs) = mpsc::channel(QUEUE);
        orders.push(sender);
        submitters.push(Submitter {
            chain: parts.chain.clone(),
            signer,
            store: parts.store.clone(),
            settings: parts.settings,
            heads: parts.heads.clone(),
            jobs,
            pending: Vec::new(),
            funds: Funds::default(),
            stuck: None,
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
        self.pending = left.into_iter().map(|submission| Pending::new(submission, None)).collect();
        self.seat.ok();
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                Some((job, answer)) = self.jobs.recv() => self.take(job, answer).await,
                // Also without new blocks: some chains make none while nothing is sent.
                () = tokio::time::sleep(self.settings.replace_after / 4) => self.look().await,
                changed = self.heads.changed() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                    self.look().await;
                }
            }
        }
    }

    async fn look(&mut self) {
        self.follow_pending().await;
        self.look_at_funds().await;
        self.seat.pending(self.pending.len());
    }

    /// Tells whether this key can have anything mined.
    fn stand(&self) {
        match (&self.stuck, self.funds.is_short()) {
            (Some(reason), _) => self.seat.stands(Standing::Stuck, Some(reason.clone())),
            (None, true) => self.seat.stands(Standing::Unfunded, Some(self.unfunded())),
            (None, false) => self.seat.stands(Standing::Able, None),
        }
    }

    async fn take(&mut self, job: Job, answer: oneshot::Sender<KeyAnswer>) {
        // The lane went on with another key while this order waited.
        if answer.is_closed() {
            return;
        }
        let busy = self.pending.iter().any(|pending| {
            pending.submission.lane == job.lane.bridge_id
                && pending.submission.outcome == SubmissionOutcome::Pending
        });
        if busy {
            tell(answer, JobResult::Busy);
            return;
        }
        match self.send(&job).await {
            Ok(Ok(submission)) => self.pending.push(Pending::new(submission, Some(answer))),
            Ok(Err(NotSent::Told(result))) => {
                self.report_health(&job, &result);
                tell(answer, result);
            }
            Ok(Err(NotSent::Unfunded)) => {
                // The lane may have stopped meanwhile; nothing was sent.
                drop(answer.send(KeyAnswer::Unable));
            }
            Err(failed) => {
                self.seat.failing(failed.to_string());
                tell(answer, JobResult::Failed(failed.to_string()));
            }
        }
        self.stand();
    }

    fn report_health(&self, job: &Job, result: &JobResult) {
        match result {
            JobResult::Refused(BridgeRevert::AlreadyHandled { .. }) | JobResult::Busy => self.seat.ok(),
            // That a hold cannot be paid yet says nothing about the submitter.
            JobResult::Refused(_) if job.purpose == Purpose::Release => self.seat.ok(),
            other => self.seat.failing(other.to_string()),
        }
    }

    /// Simulates, prices, signs, writes down, sends. `Err` in the inner result: nothing was sent, and why.
    async fn send(&mut self, job: &Job) -> Result<Result<Submission, NotSent>, SubmitterError> {
        let from = self.signer.address();
        let call = TransactionRequest::default().from(from).to(job.to).input(job.calldata.clone().into());
        let gas = match self.chain.estimate_gas(&call).await {
            Ok(gas) => gas.saturating_add(gas.saturating_mul(GAS_MARGIN_PERCENT) / 100),
            Err(ChainError::Reverted(revert)) => return Ok(Err(NotSent::Told(JobResult::Refused(revert)))),
            Err(failed) => match failed.reply_kind() {
                Some(ReplyKind::GasLimitTooHigh | ReplyKind::OutOfGas) => {
                    return Ok(Err(NotSent::Told(JobResult::TooLarge)));
                }
                Some(ReplyKind::InsufficientFunds) => {
                    self.fall_short().await?;
                    return Ok(Err(NotSent::Unfunded));
                }
                _ => return Err(failed.into()),
            },
        };
        let limit = self.gas_limit();
        if gas > limit {
            return Ok(Err(NotSent::Told(JobResult::TooLarge)));
        }
        let gas = gas.max(job.worst_gas).min(limit);
        let cap = self.settings.max_fee_per_gas;
        let Some(price) = first_price(&self.chain.fees().await?, cap) else {
            return Ok(Err(NotSent::Told(JobResult::AboveCap { cap })));
        };
        // A node would refuse it, after it is in the journal.
        if !self.can_pay(gas, price).await? {
            return Ok(Err(NotSent::Unfunded));
        }
        let account_nonce = self.free_account_nonce().await?;
        let transaction = envelope::Transaction {
            chain: self.chain.id(),
            account_nonce,
            to: job.to,
            gas,
            calldata: job.calldata.clone(),
        };
        let attempt = transaction.sign(price, &self.signer, now_ms())?;
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
        let broadcast = self.broadcast(&submission).await;
        CrashPoint::AfterSendingSubmission.reach();
        match broadcast {
            Broadcast::Refused(text) => {
                // The account nonce is free again. Should the transaction be mined all the same, it pays what was approved.
                self.record_lost(&submission).await?;
                Ok(Err(NotSent::Told(JobResult::NotTaken(text))))
            }
            // What is on its way needs money too. It is followed until there is enough; the job goes on with a spare.
            Broadcast::Unfunded => {
                // It is in the journal: whether the balance can be read now changes nothing about that.
                let _ = self.fall_short().await;
                Ok(Ok(submission))
            }
            Broadcast::Taken | Broadcast::Waits(_) => Ok(Ok(submission)),
        }
    }

    /// The most gas that a transaction can have on this chain now.
    fn gas_limit(&self) -> u64 {
        // A chain whose blocks tell no limit gives 0.
        let of_block = self.heads.borrow().head.map(|head| head.gas_limit).filter(|limit| *limit > 0);
        of_block.map_or(TRANSACTION_GAS_LIMIT, |limit| limit.min(TRANSACTION_GAS_LIMIT))
    }

    async fn record_lost(&self, submission: &Submission) -> Result<(), StoreError> {
        let Submission { chain, submitter, account_nonce, .. } = *submission;
        self.store.record_receipt(chain, submitter, account_nonce, SubmissionOutcome::Lost).await
    }

    /// The lowest account nonce that neither a block nor the journal uses: a gap is filled before anything else.
    async fn free_account_nonce(&self) -> Result<AccountNonce, SubmitterError> {
        let on_chain = self.chain.account_nonce(self.signer.address(), At::Latest).await?;
        let used = self.pending.iter().map(|pending| pending.submission.account_nonce);
        Ok(free_nonce(on_chain, used))
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

fn tell(answer: oneshot::Sender<KeyAnswer>, result: JobResult) {
    // The lane may have stopped meanwhile; the journal knows the rest.
    drop(answer.send(KeyAnswer::Result(result)));
}
