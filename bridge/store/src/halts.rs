//! Lanes that stopped until a person has looked.

use polyspan_types::BridgeId;
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use crate::columns::{bound, count, ensure_lane};
use crate::handle::Step;
use crate::{Store, StoreError, base};

/// Why and when a lane stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halt {
    /// The error that stopped it.
    pub reason: String,
    /// Unit: milliseconds since 1970.
    pub at_ms: u64,
}

impl Store {
    /// Stops a lane for good: it stays halted over restarts. On a halted lane the first reason stays. With `demands_pause` the
    /// destination is to be paused as well, once. Returns whether that is demanded and was not seen yet.
    ///
    /// Errors: the disk refuses.
    pub async fn halt_lane(
        &self,
        lane: BridgeId,
        reason: &str,
        demands_pause: bool,
    ) -> Result<bool, StoreError> {
        let (reason, now_ms) = (reason.to_owned(), bound(self.now_ms()));
        self.write(Step { name: "halt", crash: None }, move |transaction| {
            let lane = ensure_lane(transaction, lane)?;
            transaction.execute(
                "UPDATE lane SET halted_reason = ?2, halted_at_ms = ?3 WHERE number = ?1 AND halted_reason IS NULL",
                params![lane, reason, now_ms],
            )?;
            if demands_pause {
                transaction.execute("UPDATE lane SET pause = 1 WHERE number = ?1 AND pause = 0", params![lane])?;
            }
            let mut open = transaction.prepare_cached("SELECT 1 FROM lane WHERE number = ?1 AND pause = 1")?;
            Ok(open.exists(params![lane])?)
        })
        .await
    }

    /// Ends the halt of a lane. With `read_again` everything that the chains can tell is forgotten, and the lane begins anew.
    ///
    /// Errors: the disk refuses.
    pub async fn resume_lane(&self, lane: BridgeId, read_again: bool) -> Result<(), StoreError> {
        self.write(Step { name: "halt", crash: None }, move |transaction| {
            let row = ensure_lane(transaction, lane)?;
            transaction.execute(
                "UPDATE lane SET halted_reason = NULL, halted_at_ms = NULL, pause = 0 WHERE number = ?1",
                params![row],
            )?;
            if read_again {
                base::forget(transaction, lane)?;
            }
            Ok(())
        })
        .await
    }

    /// Whether the halt of a lane demands a pause of its destination that was not seen yet.
    ///
    /// Errors: the store is closed or damaged.
    pub async fn demands_pause(&self, lane: BridgeId) -> Result<bool, StoreError> {
        self.read(move |snapshot| {
            let mut statement =
                snapshot.prepare_cached("SELECT 1 FROM lane WHERE bridge_id = ?1 AND pause = 1")?;
            Ok(statement.exists(params![lane.0.as_slice()])?)
        })
        .await
    }

    /// The destination was seen paused, or unpaused again: this halt demands no other pause.
    ///
    /// Errors: the disk refuses.
    pub async fn pause_is_over(&self, lane: BridgeId) -> Result<(), StoreError> {
        self.write(Step { name: "halt", crash: None }, move |transaction| {
            let lane = ensure_lane(transaction, lane)?;
            transaction
                .execute("UPDATE lane SET pause = 2 WHERE number = ?1 AND pause = 1", params![lane])?;
            Ok(())
        })
        .await
    }

    /// Whether a lane is halted, and why.
    ///
    /// Errors: the store is closed or damaged.
    pub async fn halted(&self, lane: BridgeId) -> Result<Option<Halt>, StoreError> {
        self.read(move |snapshot| {
            let mut statement = snapshot.prepare_cached(
                "SELECT halted_reason, halted_at_ms FROM lane WHERE bridge_id = ?1 AND halted_reason IS NOT NULL",
            )?;
            Ok(statement.query_row(params![lane.0.as_slice()], halt).optional()?)
        })
        .await
    }
}

fn halt(row: &Row<'_>) -> rusqlite::Result<Halt> {
    Ok(Halt { reason: row.get(0)?, at_ms: count(row, 1)? })
}
