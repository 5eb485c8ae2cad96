//! What the destination did with the requests of a lane.

use polyspan_types::{
    BlockHeight, BlockRef, BridgeId, CrashPoint, HoldReason, Outcome, OutcomeResult, RequestNonce,
};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use crate::columns::{bound, count, ensure_lane, hash, lane_number, meaningless, number, optional_block};
use crate::error::Failure;
use crate::handle::Step;
use crate::{Store, StoreError};

/// How far a lane's destination is stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DestinationPosition {
    /// The first nonce whose outcome is not stored.
    pub next: RequestNonce,
    /// The last block read; `None` before the first range.
    pub cursor: Option<BlockRef>,
}

impl Store {
    /// How far the destination of `lane` is stored.
    ///
    /// Errors: the store is closed or damaged.
    pub async fn destination_position(&self, lane: BridgeId) -> Result<DestinationPosition, StoreError> {
        self.read(move |snapshot| {
            let Some(number) = lane_number(snapshot, lane)? else {
                return Ok(DestinationPosition::default());
            };
            let newest = snapshot
                .prepare_cached("SELECT nonce FROM outcome WHERE lane = ?1 ORDER BY nonce DESC LIMIT 1")?
                .query_row(params![number], |row| count(row, 0).map(RequestNonce::new))
                .optional()?;
            Ok(DestinationPosition {
                next: newest.map_or(RequestNonce::ZERO, RequestNonce::next),
                cursor: cursor(snapshot, number)?,
            })
        })
        .await
    }

    /// Stores what a completely read range says and moves the cursor to its last block. Saying it twice changes nothing.
    ///
    /// The cursor may move back, after a reorg above finality: outcomes of later blocks are forgotten then, for they are
    /// read again.
    ///
    /// Errors: the disk refuses; then nothing is stored, the cursor included.
    pub async fn record_outcomes(
        &self,
        lane: BridgeId,
        outcomes: Vec<Outcome>,
        cursor: BlockRef,
    ) -> Result<(), StoreError> {
        let crash = (CrashPoint::BeforeStoringHandled, CrashPoint::AfterStoringHandled);
        let step = Step { name: "outcomes", crash: (!outcomes.is_empty()).then_some(crash) };
        self.write(step, move |transaction| record(transaction, lane, &outcomes, cursor)).await
    }

    /// What the destination did with one request; `None` while it is not handled.
    ///
    /// Errors: the store is closed or damaged.
    pub async fn outcome(&self, lane: BridgeId, nonce: RequestNonce) -> Result<Option<Outcome>, StoreError> {
        let nonce = bound(nonce.get());
        self.read(move |snapshot| {
            let Some(lane) = lane_number(snapshot, lane)? else { return Ok(None) };
            let mut statement = snapshot.prepare_cached(
                "SELECT nonce, reason, block, tx_hash FROM outcome WHERE lane = ?1 AND nonce = ?2",
            )?;
            Ok(statement.query_row(params![lane, nonce], outcome).optional()?)
        })
        .await
    }
}

fn cursor(connection: &Connection, lane: i64) -> Result<Option<BlockRef>, Failure> {
    let mut statement = connection
        .prepare_cached("SELECT destination_height, destination_hash FROM lane WHERE number = ?1")?;
    Ok(statement.query_row(params![lane], |row| optional_block(row, 0, 1))?)
}

fn record(
    transaction: &Transaction<'_>,
    lane: BridgeId,
    outcomes: &[Outcome],
    to: BlockRef,
) -> Result<(), Failure> {
    let lane = ensure_lane(transaction, lane)?;
    let height = number("block", to.height.get())?;
    if cursor(transaction, lane)?.is_some_and(|stored| stored.height > to.height) {
        transaction.execute("DELETE FROM outcome WHERE lane = ?1 AND block > ?2", params![lane, height])?;
    }
    for outcome in outcomes {
        let reason = match outcome.result {
            OutcomeResult::Paid => None,
            OutcomeResult::Held(reason) => Some(reason as u8),
        };
        transaction
            .prepare_cached(
                "INSERT INTO outcome (lane, nonce, reason, block, tx_hash) VALUES (?1, ?2, ?3, ?4, ?5) \
                 ON CONFLICT DO UPDATE SET reason = excluded.reason, block = excluded.block, tx_hash = excluded.tx_hash",
            )?
            .execute(params![
                lane,
                number("request nonce", outcome.nonce.get())?,
                reason,
                number("block", outcome.block.get())?,
                outcome.tx_hash.as_slice(),
            ])?;
    }
    transaction
        .prepare_cached("UPDATE lane SET destination_height = ?2, destination_hash = ?3 WHERE number = ?1")?
        .execute(params![lane, height, to.hash.as_slice()])?;
    Ok(())
}

fn outcome(row: &Row<'_>) -> rusqlite::Result<Outcome> {
    let result = match row.get::<_, Option<u8>>(1)? {
        None => OutcomeResult::Paid,
        Some(number) => OutcomeResult::Held(
            HoldReason::from_number(number)
                .ok_or_else(|| meaningless(1, Type::Integer, format!("{number} is no hold reason")))?,
        ),
    };
    Ok(Outcome {
        nonce: RequestNonce::new(count(row, 0)?),
        result,
        block: BlockHeight::new(count(row, 2)?),
        tx_hash: hash(row, 3)?,
    })
}
