//! Corrects cursors that a chain's endpoints once told wrong. What was signed stays as it is.

use polyspan_types::{BlockRef, BridgeId, RequestNonce};
use rusqlite::{Transaction, params};

use crate::columns::{bound, ensure_lane, number};
use crate::error::Failure;
use crate::handle::Step;
use crate::{SourcePosition, Store, StoreError, requests};

/// A side of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CursorSide {
    /// Where requests are read.
    Source,
    /// Where outcomes are read.
    Destination,
}

impl Store {
    /// Gives the block of a cursor its true number, where the stored one was wrong: the block itself is the same. Points of the source
    /// that were proved at that block are renumbered with it.
    ///
    /// Errors: the disk refuses.
    pub async fn renumber_cursor(
        &self,
        lane: BridgeId,
        side: CursorSide,
        block: BlockRef,
    ) -> Result<(), StoreError> {
        self.write(Step { name: "cursor", crash: None }, move |transaction| {
            let row = ensure_lane(transaction, lane)?;
            let height = number("block", block.height.get())?;
            let columns: &[&str] = match side {
                CursorSide::Source => &["source", "verified"],
                CursorSide::Destination => &["destination", "begun"],
            };
            for column in columns {
                transaction.execute(
                    &format!("UPDATE lane SET {column}_height = ?2 WHERE number = ?1 AND {column}_hash = ?3"),
                    params![row, height, block.hash.as_slice()],
                )?;
            }
            Ok(())
        })
        .await
    }

    /// Moves the source's cursor to `block`, at which the source holds the own root over the first `requests` requests. What is stored
    /// beyond those is forgotten. Refused, with `None`, when something beyond them was signed: that contradicts the chain.
    ///
    /// Errors: the disk refuses.
    pub async fn step_back_source(
        &self,
        lane: BridgeId,
        requests: RequestNonce,
        block: BlockRef,
    ) -> Result<Option<SourcePosition>, StoreError> {
        self.write(Step { name: "cursor", crash: None }, move |transaction| {
            step_back(transaction, lane, requests, block)
        })
        .await
    }

    /// Moves the source's cursor back to `block`, so that the blocks behind it are read again. What the source has confirmed stays
    /// confirmed, and [`Store::rewind_to_verified`] leads back to the cursor that was.
    ///
    /// Errors: the disk refuses.
    pub async fn read_source_again(&self, lane: BridgeId, block: BlockRef) -> Result<(), StoreError> {
        self.write(Step { name: "cursor", crash: None }, move |transaction| {
            let row = ensure_lane(transaction, lane)?;
            let height = number("block", block.height.get())?;
            transaction.execute(
                "UPDATE lane SET source_height = ?2, source_hash = ?3 WHERE number = ?1 AND source_height > ?2",
                params![row, height, block.hash.as_slice()],
            )?;
            Ok(())
        })
        .await
    }
}

fn step_back(
    transaction: &Transaction<'_>,
    lane: BridgeId,
    confirmed: RequestNonce,
    block: BlockRef,
) -> Result<Option<SourcePosition>, Failure> {
    let row = ensure_lane(transaction, lane)?;
    let signed: bool = transaction
        .prepare_cached("SELECT 1 FROM signed_root WHERE lane = ?1 AND nonce > ?2")?
        .exists(params![row, bound(confirmed.get())])?;
    if signed {
        return Ok(None);
    }
    let nonce = number("request nonce", confirmed.get())?;
    transaction.execute("DELETE FROM request WHERE lane = ?1 AND nonce >= ?2", params![row, nonce])?;
    transaction.execute(
        "UPDATE lane SET source_height = ?2, source_hash = ?3, verified_next = ?4, verified_height = ?2, verified_hash = ?3 \
         WHERE number = ?1",
        params![row, number("block", block.height.get())?, block.hash.as_slice(), nonce],
    )?;
    Ok(Some(requests::position(transaction, lane)?))
}
