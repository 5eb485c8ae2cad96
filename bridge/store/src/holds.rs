//! Holds of a lane's destination, and their ends.

use alloy::primitives::{Address, U256};
use polyspan_types::{
    BlockHeight, BridgeId, HeldRequest, HoldEnd, HoldEnding, HoldReason, RequestKind, RequestNonce,
};
use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use serde::{Deserialize, Serialize};

use crate::columns::{address, amount, bound, count, hash, lane_number, meaningless, number};
use crate::error::Failure;
use crate::{Store, StoreError};

/// A hold without an end, as far as final blocks tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenHold {
    /// The request's number in its lane.
    pub nonce: RequestNonce,
    /// Why it was put on hold.
    pub reason: HoldReason,
    /// Block of the destination in which it was.
    pub held_at: BlockHeight,
    /// What was requested; `None` when the request is not stored.
    pub asked: Option<Asked>,
}

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Its kind.
    pub kind: RequestKind,
    /// Its token.
    pub token: Address,
    /// Its value.
    pub value: U256,
}

impl Store {
    /// Holds without an end from nonce `from` on, oldest first, at most `limit`.
    ///
    /// Errors: the store is closed or damaged.
    pub async fn open_holds(
        &self,
        lane: BridgeId,
        from: RequestNonce,
        limit: u64,
    ) -> Result<Vec<OpenHold>, StoreError> {
        let (from, limit) = (bound(from.get()), bound(limit));
        self.read(move |snapshot| {
            let Some(lane) = lane_number(snapshot, lane)? else { return Ok(Vec::new()) };
            let mut statement = snapshot.prepare_cached(
                "SELECT h.nonce, h.reason, h.block, r.kind, r.token, r.value \
                 FROM hold h INDEXED BY hold_open LEFT JOIN request r ON r.lane = h.lane AND r.nonce = h.nonce \
                 WHERE h.lane = ?1 AND h.nonce >= ?2 AND h.ended_block IS NULL ORDER BY h.nonce LIMIT ?3",
            )?;
            let rows = statement.query_map(params![lane, from, limit], open_hold)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Whom the holds of [`Store::open_holds`] are for, as far as their requests are stored, oldest first.
    ///
    /// Errors: the store is closed or damaged.
    pub async fn open_hold_recipients(
        &self,
        lane: BridgeId,
        from: RequestNonce,
        limit: u64,
    ) -> Result<Vec<(RequestNonce, Address)>, StoreError> {
        let (from, limit) = (bound(from.get()), bound(limit));
        self.read(move |snapshot| {
            let Some(lane) = lane_number(snapshot, lane)? else { return Ok(Vec::new()) };
            let mut statement = snapshot.prepare_cached(
                "SELECT h.nonce, r.recipient FROM hold h INDEXED BY hold_open \
                 JOIN request r ON r.lane = h.lane AND r.nonce = h.nonce \
                 WHERE h.lane = ?1 AND h.nonce >= ?2 AND h.ended_block IS NULL ORDER BY h.nonce LIMIT ?3",
            )?;
            let rows = statement.query_map(params![lane, from, limit], |row| {
                Ok((RequestNonce::new(count(row, 0)?), address(row, 1)?))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// How a hold ended; `None` for one that did not, or was never stored.
    ///
    /// Errors: the store is closed or damaged.
    pub async fn hold_ending(
        &self,
        lane: BridgeId,
        nonce: RequestNonce,
    ) -> Result<Option<HoldEnding>, StoreError> {
        let nonce = bound(nonce.get());
        self.read(move |snapshot| {
            let Some(lane) = lane_number(snapshot, lane)? else { return Ok(None) };
            let mut statement = snapshot.prepare_cached(
                "SELECT nonce, ended_block, ended_tx_hash, released_to, refund_nonce FROM hold \
                 WHERE lane = ?1 AND nonce = ?2 AND ended_block IS NOT NULL",
            )?;
            Ok(statement.query_row(params![lane, nonce], ending).optional()?)
        })
        .await
    }
}

/// Stores a hold. One that is stored keeps its end.
pub(crate) fn insert(transaction: &Transaction<'_>, lane: i64, held: &HeldRequest) -> Result<(), Failure> {
    transaction
        .prepare_cached(
            // One that is found in the contract comes without its transaction, which may be known.
            "INSERT INTO hold (lane, nonce, reason, block, tx_hash) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT DO UPDATE SET reason = excluded.reason, block = excluded.block, tx_hash = \
             CASE WHEN excluded.tx_hash = zeroblob(32) THEN hold.tx_hash ELSE excluded.tx_hash END",
        )?
        .execute(params![
            lane,
            number("request nonce", held.nonce.get())?,
            held.reason.number(),
            number("block", held.block.get())?,
            held.tx_hash.as_slice(),
        ])?;
    Ok(())
}

/// Stores the end of a hold; false when there is no such hold.
pub(crate) fn end(transaction: &Transaction<'_>, lane: i64, ending: &HoldEnding) -> Result<bool, Failure> {
    let (to, refund) = match ending.end {
        HoldEnd::Released { to } => (Some(to), None),
        HoldEnd::Refunded { request_nonce } => (None, Some(number("request nonce", request_nonce.get())?)),
        HoldEnd::WrittenOff => (None, None),
    };
    let changed = transaction
        .prepare_cached(
            "UPDATE hold SET ended_block = ?3, ended_tx_hash = ?4, released_to = ?5, refund_nonce = ?6 \
             WHERE lane = ?1 AND nonce = ?2",
        )?
        .execute(params![
            lane,
            bound(ending.nonce.get()),
            number("block", ending.block.get())?,
            ending.tx_hash.as_slice(),
            to.as_ref().map(|to| to.as_slice()),
            refund,
        ])?;
    Ok(changed == 1)
}

/// Forgets the holds of blocks above `height`, and the ends of those that are older.
pub(crate) fn forget_above(transaction: &Transaction<'_>, lane: i64, height: i64) -> Result<(), Failure> {
    transaction.execute("DELETE FROM hold WHERE lane = ?1 AND block > ?2", params![lane, height])?;
    transaction.execute(
        "UPDATE hold SET ended_block = NULL, ended_tx_hash = NULL, released_to = NULL, refund_nonce = NULL \
         WHERE lane = ?1 AND ended_block > ?2",
        params![lane, height],
    )?;
    Ok(())
}

fn open_hold(row: &Row<'_>) -> rusqlite::Result<OpenHold> {
    let asked = match row.get::<_, Option<u8>>(3)? {
        Some(kind) => {
            Some(Asked { kind: RequestKind::new(kind), token: address(row, 4)?, value: amount(row, 5)? })
        }
        None => None,
    };
    Ok(OpenHold {
        nonce: RequestNonce::new(count(row, 0)?),
        reason: HoldReason::from_number(row.get(1)?),
        held_at: BlockHeight::new(count(row, 2)?),
        asked,
    })
}

fn ending(row: &Row<'_>) -> rusqlite::Result<HoldEnding> {
    let end = match (row.get::<_, Option<[u8; 20]>>(3)?, row.get::<_, Option<i64>>(4)?) {
        (Some(to), None) => HoldEnd::Released { to: to.into() },
        (None, Some(_)) => HoldEnd::Refunded { request_nonce: RequestNonce::new(count(row, 4)?) },
        (None, None) => HoldEnd::WrittenOff,
        (Some(_), Some(_)) => {
            let why = "an end is either a release or a refund".to_owned();
            return Err(meaningless(3, Type::Null, why));
        }
    };
    Ok(HoldEnding {
        nonce: RequestNonce::new(count(row, 0)?),
        end,
        block: BlockHeight::new(count(row, 1)?),
        tx_hash: hash(row, 2)?,
    })
}
