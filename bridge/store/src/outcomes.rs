//! What the destination did with the requests of a lane.

use polyspan_types::{
    BlockHeight, BlockRef, BridgeId, CrashPoint, HandledLogs, HoldReason, Outcome, OutcomeResult,
    RequestNonce,
};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use crate::columns::{bound, count, ensure_lane, hash, lane_number, number, optional_block};
use crate::error::Failure;
use crate::handle::Step;
use crate::{Base, Store, StoreError, base, holds};

/// How far a lane's destination is stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DestinationPosition {
    /// Where the lane begins; `None` before it has begun.
    pub base: Option<Base>,
    /// The first nonce whose outcome is not stored.
    pub next: RequestNonce,
    /// Holds that are stored without an end.
    pub open_holds: u64,
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
            position(snapshot, number, lane)
        })
        .await
    }

    /// Stores what a completely read range says and moves the cursor to its last block. Saying it twice changes nothing.
    ///
    /// The cursor may move back, after a reorg above finality: what later blocks did is forgotten then, for it is read
    /// again.
    ///
    /// Errors: [`StoreError::UnknownHold`]; or the disk refuses. Then nothing is stored, the cursor included.
    pub async fn record_handled(
        &self,
        lane: BridgeId,
        logs: HandledLogs,
        cursor: BlockRef,
    ) -> Result<DestinationPosition, StoreError> {
        let crash = (CrashPoint::BeforeStoringHandled, CrashPoint::AfterStoringHandled);
        let step = Step { name: "outcomes", crash: (!logs.is_empty()).then_some(crash) };
        self.write(step, move |transaction| record(transaction, lane, &logs, cursor)).await
    }

    /// How the destination handled one request; `None` while it did not. How a hold ended is told by
    /// [`Store::hold_ending`].
    ///
    /// Errors: the store is closed or damaged.
    pub async fn outcome(&self, lane: BridgeId, nonce: RequestNonce) -> Result<Option<Outcome>, StoreError> {
        self.read(move |snapshot| {
            let Some(lane) = lane_number(snapshot, lane)? else { return Ok(None) };
            let held = held(snapshot, lane, nonce)?;
            // Below the base only the hold is left. One that the lane began with has no transaction.
            if let Some(told) = held.filter(|held| !held.tx_hash.is_zero()) {
                return Ok(Some(told));
            }
            let paid = handled(snapshot, lane, nonce)?;
            Ok(paid.map(|paid| Outcome { result: held.map_or(paid.result, |held| held.result), ..paid }))
        })
        .await
    }
}

pub(crate) fn position(
    connection: &Connection,
    lane: i64,
    bridge_id: BridgeId,
) -> Result<DestinationPosition, Failure> {
    let newest = connection
        .prepare_cached("SELECT next FROM handled WHERE lane = ?1 ORDER BY first DESC LIMIT 1")?
        .query_row(params![lane], |row| count(row, 0).map(RequestNonce::new))
        .optional()?;
    let open_holds = connection
        .prepare_cached(
            "SELECT count(*) FROM hold INDEXED BY hold_open WHERE lane = ?1 AND ended_block IS NULL",
        )?
        .query_row(params![lane], |row| count(row, 0))?;
    let base = base::load(connection, lane, bridge_id)?;
    Ok(DestinationPosition {
        base,
        next: newest.or(base.map(|base| base.nonce)).unwrap_or(RequestNonce::ZERO),
        open_holds,
        cursor: cursor(connection, lane)?,
    })
}

fn cursor(connection: &Connection, lane: i64) -> Result<Option<BlockRef>, Failure> {
    let mut statement = connection
        .prepare_cached("SELECT destination_height, destination_hash FROM lane WHERE number = ?1")?;
    Ok(statement.query_row(params![lane], |row| optional_block(row, 0, 1))?)
}

/// The call that put a request on hold.
fn held(connection: &Connection, lane: i64, nonce: RequestNonce) -> Result<Option<Outcome>, Failure> {
    let mut statement = connection
        .prepare_cached("SELECT reason, block, tx_hash FROM hold WHERE lane = ?1 AND nonce = ?2")?;
    let read = |row: &Row<'_>| {
        let result = OutcomeResult::Held(HoldReason::from_number(row.get(0)?));
        let block = BlockHeight::new(count(row, 1)?);
        Ok(Outcome { nonce, result, block, tx_hash: hash(row, 2)? })
    };
    Ok(statement.query_row(params![lane, bound(nonce.get())], read).optional()?)
}

/// The call that handled a request, as if it had paid it.
fn handled(connection: &Connection, lane: i64, nonce: RequestNonce) -> Result<Option<Outcome>, Failure> {
    let wanted = bound(nonce.get());
    let mut statement = connection.prepare_cached(
        "SELECT next, block, tx_hash FROM handled WHERE lane = ?1 AND first <= ?2 ORDER BY first DESC LIMIT 1",
    )?;
    let read = |row: &Row<'_>| {
        let block = BlockHeight::new(count(row, 1)?);
        let outcome = Outcome { nonce, result: OutcomeResult::Paid, block, tx_hash: hash(row, 2)? };
        Ok((row.get::<_, i64>(0)?, outcome))
    };
    let found = statement.query_row(params![lane, wanted], read).optional()?;
    Ok(found.and_then(|(next, outcome)| (next > wanted).then_some(outcome)))
}

fn record(
    transaction: &Transaction<'_>,
    bridge_id: BridgeId,
    logs: &HandledLogs,
    to: BlockRef,
) -> Result<DestinationPosition, Failure> {
    let lane = ensure_lane(transaction, bridge_id)?;
    if base::load(transaction, lane, bridge_id)?.is_none() {
        // Forgotten since it was asked for: the lane begins anew first.
        return Err(StoreError::NotBegun { lane: bridge_id }.into());
    }
    let height = number("block", to.height.get())?;
    if cursor(transaction, lane)?.is_some_and(|stored| stored.height > to.height) {
        // Blocks rise with nonces, so this ends at the last call that stays.
        transaction.execute(
            "DELETE FROM handled WHERE lane = ?1 AND first > coalesce(( \
                 SELECT first FROM handled WHERE lane = ?1 AND block <= ?2 ORDER BY first DESC LIMIT 1), -1)",
            params![lane, height],
        )?;
        holds::forget_above(transaction, lane, height)?;
    }
    for range in &logs.ranges {
        transaction
            .prepare_cached(
                "INSERT INTO handled (lane, first, next, block, tx_hash) VALUES (?1, ?2, ?3, ?4, ?5) \
                 ON CONFLICT DO UPDATE SET next = excluded.next, block = excluded.block, tx_hash = excluded.tx_hash",
            )?
            .execute(params![
                lane,
                number("request nonce", range.first.get())?,
                number("request nonce", range.end.get())?,
                number("block", range.block.get())?,
                range.tx_hash.as_slice(),
            ])?;
    }
    for held in &logs.held {
        holds::insert(transaction, lane, held)?;
    }
    for ending in &logs.endings {
        // One from before the base may end before it was found.
        let older = base::load(transaction, lane, bridge_id)?.is_some_and(|base| ending.nonce < base.nonce);
        if !holds::end(transaction, lane, ending)? && !older {
            return Err(StoreError::UnknownHold { lane: bridge_id, nonce: ending.nonce }.into());
        }
    }
    transaction
        .prepare_cached("UPDATE lane SET destination_height = ?2, destination_hash = ?3 WHERE number = ?1")?
        .execute(params![lane, height, to.hash.as_slice()])?;
    position(transaction, lane, bridge_id)
}
