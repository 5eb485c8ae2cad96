//! The journal of submissions, written ahead of every send.

use alloy::primitives::{Address, B256, Bytes};
use polyspan_types::{AccountNonce, BlockHeight, BlockRef, BridgeId, ChainId, CrashPoint, RequestNonce};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use serde::{Deserialize, Serialize};

use crate::columns::{
    address, block, bound, bytes, count, ensure_lane, hash, lane_number, meaningless, number,
};
use crate::error::Failure;
use crate::handle::Step;
use crate::{Store, StoreError};

const COLUMNS: &str = "s.number, s.chain, s.submitter, s.account_nonce, l.bridge_id, s.first, s.count, s.checkpoint, \
                       s.state, s.block_height, s.block_hash, s.success, s.created_at_ms, s.purpose";

/// One account nonce of a submitter, and every transaction that was signed for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// Chain of the transaction.
    pub chain: ChainId,
    /// Who pays for it.
    pub submitter: Address,
    /// The submitter's transaction counter.
    pub account_nonce: AccountNonce,
    /// Lane whose requests it is about.
    pub lane: BridgeId,
    /// What it does with them.
    pub purpose: Purpose,
    /// First of them.
    pub first: RequestNonce,
    /// How many of them: 1 for a release or a force-hold, 0 for a vote and for a transaction that only fills a gap.
    pub count: u64,
    /// Nonce of the checkpoint that approves them; of a release the request's own.
    pub checkpoint: RequestNonce,
    /// Transactions signed for this account nonce, oldest first.
    pub attempts: Vec<Attempt>,
    /// What became of it.
    pub outcome: SubmissionOutcome,
    /// Unit: milliseconds since 1970.
    pub created_at_ms: u64,
}

/// What a submission does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// It handles requests.
    #[default]
    Handle,
    /// It pays a request that is on hold.
    Release,
    /// It records an operator's vote for a checkpoint.
    Vote,
    /// It puts a request on hold that cannot be handled, by a decision of operators.
    #[serde(rename = "force-hold")]
    ForceHold,
    /// It pauses the destination, after an alarm.
    Pause,
}

/// One signed transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its hash.
    pub tx_hash: B256,
    /// The signed bytes, to be sent again as they are. Empty once the submission is final.
    pub raw: Bytes,
    /// Unit: wei per gas.
    pub max_fee_per_gas: u128,
    /// Unit: milliseconds since 1970.
    pub sent_at_ms: u64,
}

/// What became of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubmissionOutcome {
    /// No block is known to have one of its transactions.
    Pending,
    /// In a block that may still be reorganised away.
    Mined {
        /// The block.
        block: BlockRef,
        /// Whether it did not revert.
        success: bool,
    },
    /// In a final block.
    Final {
        /// The block.
        block: BlockRef,
        /// Whether it did not revert.
        success: bool,
    },
    /// The account nonce was used by something else.
    Lost,
}

impl Store {
    /// Submissions of an account that are pending or mined, by account nonce.
    ///
    /// Errors: the store is closed or damaged.
    pub async fn journal(&self, chain: ChainId, submitter: Address) -> Result<Vec<Submission>, StoreError> {
        let chain = bound(chain.get());
        self.read(move |snapshot| {
            let sql = format!(
                "SELECT {COLUMNS} FROM submission s JOIN lane l ON l.number = s.lane \
                 WHERE s.chain = ?1 AND s.submitter = ?2 AND s.state < 2 ORDER BY s.account_nonce"
            );
            let mut statement = snapshot.prepare_cached(&sql)?;
            let rows = statement.query_map(params![chain, submitter.as_slice()], submission)?;
            with_attempts(snapshot, rows)
        })
        .await
    }

    /// The highest account nonce of an account that a final block has used for a submission of this store, and that block's height.
    ///
    /// Errors: the store is closed or damaged.
    pub async fn last_final(
        &self,
        chain: ChainId,
        submitter: Address,
    ) -> Result<Option<(AccountNonce, BlockHeight)>, StoreError> {
        self.read(move |snapshot| {
            let mut statement = snapshot.prepare_cached(
                "SELECT account_nonce, block_height FROM submission WHERE chain = ?1 AND submitter = ?2 AND state = 2 \
                 ORDER BY account_nonce DESC LIMIT 1",
            )?;
            let mut rows = statement.query_map(params![bound(chain.get()), submitter.as_slice()], |row| {
                Ok((AccountNonce::new(count(row, 0)?), BlockHeight::new(count(row, 1)?)))
            })?;
            Ok(rows.next().transpose()?)
        })
        .await
    }

    /// Submissions that tried to handle or release one request, oldest first.
    ///
    /// Errors: the store is closed or damaged.
    pub async fn submissions_for(
        &self,
        lane: BridgeId,
        nonce: RequestNonce,
    ) -> Result<Vec<Submission>, StoreError> {
        let nonce = bound(nonce.get());
        self.read(move |snapshot| {
            let sql = format!(
                "SELECT {COLUMNS} FROM submission s JOIN lane l ON l.number = s.lane \
                 WHERE s.lane = ?1 AND s.first <= ?2 AND s.first + s.count > ?2 ORDER BY s.number"
            );
            let Some(lane) = lane_number(snapshot, lane)? else { return Ok(Vec::new()) };
            let mut statement = snapshot.prepare_cached(&sql)?;
            let rows = statement.query_map(params![lane, nonce], submission)?;
            with_attempts(snapshot, rows)
        })
        .await
    }

    /// Holds of `lane` of which a release of this relay reverted on chain.
    ///
    /// Errors: the store is closed or damaged.
    pub async fn reverted_releases(&self, lane: BridgeId) -> Result<Vec<RequestNonce>, StoreError> {
        self.read(move |snapshot| {
            let Some(lane) = lane_number(snapshot, lane)? else { return Ok(Vec::new()) };
            let mut statement = snapshot.prepare_cached(
                "SELECT DISTINCT first FROM submission WHERE lane = ?1 AND purpose = 1 AND success = 0 AND state IN (1, 2)",
            )?;
            let nonces = statement.query_map(params![lane], |row| count(row, 0).map(RequestNonce::new))?;
            Ok(nonces.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Releases that `submitter` sent on `chain` since `since_ms`, and that reverted or are not mined. Unit: milliseconds since 1970.
    ///
    /// Errors: the store is closed or damaged.
    pub async fn unpaid_releases(
        &self,
        chain: ChainId,
        submitter: Address,
        since_ms: u64,
    ) -> Result<u64, StoreError> {
        self.read(move |snapshot| {
            let mut statement = snapshot.prepare_cached(
                "SELECT count(*) FROM submission WHERE chain = ?1 AND submitter = ?2 AND created_at_ms >= ?3 AND purpose = 1 \
                 AND (state = 0 OR (state IN (1, 2) AND success = 0))",
            )?;
            let parameters = params![bound(chain.get()), submitter.as_slice(), bound(since_ms)];
            Ok(statement.query_row(parameters, |row| count(row, 0))?)
        })
        .await
    }

    /// Writes a submission down, before it is sent. One with the same account nonce is replaced, except that attempts are
    /// only ever added: a transaction that may have been sent is never forgotten.
    ///
    /// Errors: [`StoreError::AlreadyFinal`]; or the disk refuses. Then do not send.
    pub async fn record_submission(&self, submission: &Submission) -> Result<(), StoreError> {
        let submission = submission.clone();
        let crash = (CrashPoint::BeforeStoringSubmission, CrashPoint::AfterStoringSubmission);
        let step = Step { name: "submission", crash: Some(crash) };
        self.write(step, move |transaction| record(transaction, &submission)).await
    }

    /// Notes what became of a submission. [`SubmissionOutcome::Pending`] again takes a reorganised receipt back.
    ///
    /// Errors: [`StoreError::UnknownSubmission`]; or the disk refuses.
    pub async fn record_receipt(
        &self,
        chain: ChainId,
        submitter: Address,
        account_nonce: AccountNonce,
        outcome: SubmissionOutcome,
    ) -> Result<(), StoreError> {
        let crash = (CrashPoint::BeforeStoringReceipt, CrashPoint::AfterStoringReceipt);
        let step = Step { name: "receipt", crash: Some(crash) };
        self.write(step, move |transaction| {
            let (state, height, hash, success) = outcome_columns(outcome)?;
            let changed = transaction
                .prepare_cached(
                    "UPDATE submission SET state = ?4, block_height = ?5, block_hash = ?6, success = ?7 \
                     WHERE chain = ?1 AND submitter = ?2 AND account_nonce = ?3",
                )?
                .execute(params![
                    bound(chain.get()),
                    submitter.as_slice(),
                    bound(account_nonce.get()),
                    state,
                    height,
                    hash,
                    success,
                ])?;
            if changed == 0 {
                return Err(StoreError::UnknownSubmission { chain, submitter, account_nonce }.into());
            }
            // Nobody sends a final transaction again; its bytes are most of the journal's size.
            if matches!(outcome, SubmissionOutcome::Final { .. } | SubmissionOutcome::Lost) {
                transaction
                    .prepare_cached(
                        "UPDATE attempt SET raw = x'' WHERE submission = (SELECT number FROM submission \
                         WHERE chain = ?1 AND submitter = ?2 AND account_nonce = ?3)",
                    )?
                    .execute(params![bound(chain.get()), submitter.as_slice(), bound(account_nonce.get())])?;
            }
            Ok(())
        })
        .await
    }
}

fn record(transaction: &Transaction<'_>, submission: &Submission) -> Result<(), Failure> {
    let lane = ensure_lane(transaction, submission.lane)?;
    let (state, height, hash, success) = outcome_columns(submission.outcome)?;
    let row: i64 = transaction
        .prepare_cached(
            "INSERT INTO submission (chain, submitter, account_nonce, lane, first, count, checkpoint, state, \
             block_height, block_hash, success, created_at_ms, purpose) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) \
             ON CONFLICT DO UPDATE SET lane = excluded.lane, purpose = excluded.purpose, first = excluded.first, count = excluded.count, \
             checkpoint = excluded.checkpoint, state = excluded.state, block_height = excluded.block_height, \
             block_hash = excluded.block_hash, success = excluded.success WHERE submission.state <> 2 RETURNING number",
        )?
        .query_row(
            params![
                number("chain id", submission.chain.get())?,
                submission.submitter.as_slice(),
                number("account nonce", submission.account_nonce.get())?,
                lane,
                number("request nonce", submission.first.get())?,
                number("request count", submission.count)?,
                number("checkpoint nonce", submission.checkpoint.get())?,
                state,
                height,
                hash,
                success,
                bound(submission.created_at_ms),
                purpose_number(submission.purpose),
            ],
            |row| row.get(0),
        )
        .optional()?
        .ok_or(StoreError::AlreadyFinal {
            chain: submission.chain,
            submitter: submission.submitter,
            account_nonce: submission.account_nonce,
        })?;
    for attempt in &submission.attempts {
        transaction
            .prepare_cached(
                "INSERT INTO attempt (submission, tx_hash, raw, max_fee_per_gas, sent_at_ms) \
                 VALUES (?1, ?2, ?3, ?4, ?5) \
                 ON CONFLICT DO UPDATE SET raw = excluded.raw, sent_at_ms = excluded.sent_at_ms",
            )?
            .execute(params![
                row,
                attempt.tx_hash.as_slice(),
                attempt.raw.as_ref(),
                attempt.max_fee_per_gas.to_be_bytes(),
                bound(attempt.sent_at_ms),
            ])?;
    }
    Ok(())
}

const fn purpose_number(purpose: Purpose) -> u8 {
    match purpose {
        Purpose::Handle => 0,
        Purpose::Release => 1,
        Purpose::Vote => 2,
        Purpose::ForceHold => 3,
        Purpose::Pause => 4,
    }
}

fn purpose(row: &Row<'_>) -> rusqlite::Result<Purpose> {
    match row.get::<_, i64>(13)? {
        0 => Ok(Purpose::Handle),
        1 => Ok(Purpose::Release),
        2 => Ok(Purpose::Vote),
        3 => Ok(Purpose::ForceHold),
        4 => Ok(Purpose::Pause),
        other => Err(meaningless(13, Type::Integer, format!("{other} is no purpose of a submission"))),
    }
}

type OutcomeColumns = (u8, Option<i64>, Option<Vec<u8>>, Option<bool>);

fn outcome_columns(outcome: SubmissionOutcome) -> Result<OutcomeColumns, StoreError> {
    let placed = |state, at: BlockRef, success| {
        Ok((state, Some(number("block", at.height.get())?), Some(at.hash.to_vec()), Some(success)))
    };
    match outcome {
        SubmissionOutcome::Pending => Ok((0, None, None, None)),
        SubmissionOutcome::Mined { block, success } => placed(1, block, success),
        SubmissionOutcome::Final { block, success } => placed(2, block, success),
        SubmissionOutcome::Lost => Ok((3, None, None, None)),
    }
}

fn outcome(row: &Row<'_>) -> rusqlite::Result<SubmissionOutcome> {
    Ok(match row.get::<_, i64>(8)? {
        0 => SubmissionOutcome::Pending,
        1 => SubmissionOutcome::Mined { block: block(row, 9, 10)?, success: row.get(11)? },
        2 => SubmissionOutcome::Final { block: block(row, 9, 10)?, success: row.get(11)? },
        3 => SubmissionOutcome::Lost,
        other => return Err(meaningless(8, Type::Integer, format!("{other} is no submission state"))),
    })
}

/// A submission without its attempts, and the number of its row.
fn submission(row: &Row<'_>) -> rusqlite::Result<(i64, Submission)> {
    let submission = Submission {
        chain: ChainId::new(count(row, 1)?),
        submitter: address(row, 2)?,
        account_nonce: AccountNonce::new(count(row, 3)?),
        lane: BridgeId(hash(row, 4)?),
        purpose: purpose(row)?,
        first: RequestNonce::new(count(row, 5)?),
        count: count(row, 6)?,
        checkpoint: RequestNonce::new(count(row, 7)?),
        attempts: Vec::new(),
        outcome: outcome(row)?,
        created_at_ms: count(row, 12)?,
    };
    Ok((row.get(0)?, submission))
}

fn with_attempts(
    connection: &Connection,
    rows: impl Iterator<Item = rusqlite::Result<(i64, Submission)>>,
) -> Result<Vec<Submission>, Failure> {
    let mut statement = connection.prepare_cached(
        "SELECT tx_hash, raw, max_fee_per_gas, sent_at_ms FROM attempt WHERE submission = ?1 ORDER BY number",
    )?;
    let mut submissions = Vec::new();
    for row in rows {
        let (number, mut submission) = row?;
        submission.attempts = statement.query_map(params![number], attempt)?.collect::<Result<_, _>>()?;
        submissions.push(submission);
    }
    Ok(submissions)
}

fn attempt(row: &Row<'_>) -> rusqlite::Result<Attempt> {
    Ok(Attempt {
        tx_hash: hash(row, 0)?,
        raw: bytes(row, 1)?,
        max_fee_per_gas: u128::from_be_bytes(row.get(2)?),
        sent_at_ms: count(row, 3)?,
    })
}
