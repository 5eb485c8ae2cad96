//! Where a lane begins: what lies below was handled before this store was made, and is not read.

use polyspan_types::{BlockHeight, BlockRef, BridgeId, CrashPoint, HeldRequest, RequestNonce, Root};
use rusqlite::{Connection, Row, Transaction, params};

use crate::columns::{count, ensure_lane, hash, number, optional_block};
use crate::error::Failure;
use crate::handle::Step;
use crate::{DestinationPosition, Store, StoreError, holds, outcomes};

/// Where a lane begins, as its destination says it at a final block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Base {
    /// Requests below it, which are not stored.
    pub nonce: RequestNonce,
    /// Root over them.
    pub root: Root,
    /// First block of the source that is read; requests below `nonce` in it are left out. `None` in a store of an older
    /// version: its requests are read from the deployment of the source on.
    pub source_block: Option<BlockHeight>,
    /// The destination's block at which this was read; `None` in a store of an older version.
    pub begun: Option<BlockRef>,
}

impl Store {
    /// Begins a lane of which nothing is stored at `base`, with the holds that are open there. What is begun stays as it is.
    ///
    /// Errors: the disk refuses.
    pub async fn begin_lane(
        &self,
        lane: BridgeId,
        base: Base,
        open_holds: Vec<HeldRequest>,
    ) -> Result<(), StoreError> {
        let crash = (CrashPoint::BeforeBeginningLane, CrashPoint::AfterBeginningLane);
        self.write(Step { name: "begin", crash: Some(crash) }, move |transaction| {
            begin(transaction, lane, base, &open_holds)
        })
        .await
    }

    /// Adds holds that were open when the lane began, and still are.
    ///
    /// Errors: the disk refuses.
    pub async fn add_older_holds(
        &self,
        lane: BridgeId,
        found: Vec<HeldRequest>,
    ) -> Result<DestinationPosition, StoreError> {
        self.write(Step { name: "begin", crash: None }, move |transaction| {
            let row = ensure_lane(transaction, lane)?;
            if load(transaction, row, lane)?.is_none() {
                return Err(StoreError::NotBegun { lane }.into());
            }
            for hold in &found {
                holds::insert(transaction, row, hold)?;
            }
            outcomes::position(transaction, row, lane)
        })
        .await
    }

    /// Forgets what the chains can tell again: requests, outcomes, holds and cursors, so that the lane begins anew. What was
    /// signed, attested, submitted and proved against others stays.
    ///
    /// Errors: the disk refuses.
    pub async fn forget_readable(&self, lane: BridgeId) -> Result<(), StoreError> {
        self.write(Step { name: "forget", crash: None }, move |transaction| forget(transaction, lane)).await
    }
}

fn begin(
    transaction: &Transaction<'_>,
    lane: BridgeId,
    base: Base,
    open_holds: &[HeldRequest],
) -> Result<(), Failure> {
    let row = ensure_lane(transaction, lane)?;
    if load(transaction, row, lane)?.is_some() {
        return Ok(());
    }
    let source = base.source_block.map(|height| number("block", height.get())).transpose()?;
    let height = base.begun.map(|block| number("block", block.height.get())).transpose()?;
    let hash = base.begun.map(|block| block.hash.0);
    transaction.execute(
        "UPDATE lane SET base_nonce = ?2, base_root = ?3, base_block = ?4, begun_height = ?5, begun_hash = ?6, \
         destination_height = ?5, destination_hash = ?6 WHERE number = ?1",
        params![
            row,
            number("request nonce", base.nonce.get())?,
            base.root.0.as_slice(),
            source,
            height,
            hash.as_ref().map(|hash| hash.as_slice()),
        ],
    )?;
    // Whatever there is of outcomes is of another beginning.
    for table in ["handled", "hold"] {
        transaction.execute(&format!("DELETE FROM {table} WHERE lane = ?1"), params![row])?;
    }
    for hold in open_holds {
        holds::insert(transaction, row, hold)?;
    }
    Ok(())
}

/// As [`Store::forget_readable`].
pub(crate) fn forget(transaction: &Transaction<'_>, lane: BridgeId) -> Result<(), Failure> {
    let row = ensure_lane(transaction, lane)?;
    for table in ["request", "handled", "hold"] {
        transaction.execute(&format!("DELETE FROM {table} WHERE lane = ?1"), params![row])?;
    }
    transaction.execute(
        "UPDATE lane SET base_nonce = NULL, base_root = NULL, base_block = NULL, begun_height = NULL, begun_hash = NULL, \
         source_height = NULL, source_hash = NULL, verified_next = 0, verified_height = NULL, verified_hash = NULL, \
         destination_height = NULL, destination_hash = NULL, compared_next = 0 WHERE number = ?1",
        params![row],
    )?;
    Ok(())
}

/// Where the lane whose number is `row` begins; `None` before it has begun.
pub(crate) fn load(connection: &Connection, row: i64, lane: BridgeId) -> Result<Option<Base>, Failure> {
    let mut statement = connection.prepare_cached(
        "SELECT base_nonce, base_root, base_block, begun_height, begun_hash FROM lane WHERE number = ?1",
    )?;
    Ok(statement.query_row(params![row], |row| base(row, lane))?)
}

fn base(row: &Row<'_>, lane: BridgeId) -> rusqlite::Result<Option<Base>> {
    if row.get::<_, Option<i64>>(0)?.is_none() {
        return Ok(None);
    }
    let present =
        |index| Ok::<_, rusqlite::Error>(!matches!(row.get_ref(index)?, rusqlite::types::ValueRef::Null));
    Ok(Some(Base {
        nonce: RequestNonce::new(count(row, 0)?),
        root: if present(1)? { Root(hash(row, 1)?) } else { Root::zero(lane) },
        source_block: if present(2)? { Some(BlockHeight::new(count(row, 2)?)) } else { None },
        begun: optional_block(row, 3, 4)?,
    }))
}
