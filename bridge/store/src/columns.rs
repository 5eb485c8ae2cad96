//! Domain types to SQL columns and back. A column that does not hold what we wrote is damage, never a panic.

use alloy::primitives::{Address, B256, Bytes, U256};
use polyspan_types::{BlockHeight, BlockRef, BridgeId};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use crate::StoreError;
use crate::error::Failure;

/// A number to be stored. SQLite's integers are signed; the last value is kept free for [`bound`].
pub(crate) fn number(what: &'static str, value: u64) -> Result<i64, StoreError> {
    i64::try_from(value)
        .ok()
        .filter(|number| *number < i64::MAX)
        .ok_or(StoreError::OutOfRange { what, value })
}

/// A number to compare with: what is out of range is above everything stored.
pub(crate) fn bound(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Reads a counter.
pub(crate) fn count(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(index)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(index, value))
}

/// Reads a hash.
pub(crate) fn hash(row: &Row<'_>, index: usize) -> rusqlite::Result<B256> {
    row.get::<_, [u8; 32]>(index).map(B256::from)
}

/// Reads an address.
pub(crate) fn address(row: &Row<'_>, index: usize) -> rusqlite::Result<Address> {
    row.get::<_, [u8; 20]>(index).map(Address::from)
}

/// Reads an amount.
pub(crate) fn amount(row: &Row<'_>, index: usize) -> rusqlite::Result<U256> {
    row.get::<_, [u8; 32]>(index).map(U256::from_be_bytes)
}

/// Reads bytes.
pub(crate) fn bytes(row: &Row<'_>, index: usize) -> rusqlite::Result<Bytes> {
    row.get::<_, Vec<u8>>(index).map(Bytes::from)
}

/// Reads a block from two columns.
pub(crate) fn block(row: &Row<'_>, height: usize, hash_index: usize) -> rusqlite::Result<BlockRef> {
    Ok(BlockRef { height: BlockHeight::new(count(row, height)?), hash: hash(row, hash_index)? })
}

/// Reads a block from two columns that may be empty together.
pub(crate) fn optional_block(
    row: &Row<'_>,
    height: usize,
    hash: usize,
) -> rusqlite::Result<Option<BlockRef>> {
    match row.get::<_, Option<i64>>(height)? {
        Some(_) => block(row, height, hash).map(Some),
        None => Ok(None),
    }
}

/// An error for a value that is of the right type and means nothing.
pub(crate) fn meaningless(index: usize, kind: Type, why: String) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(index, kind, why.into())
}

/// The short number under which a lane's rows are kept; `None` for a lane never seen.
pub(crate) fn lane_number(connection: &Connection, lane: BridgeId) -> Result<Option<i64>, Failure> {
    let mut statement = connection.prepare_cached("SELECT number FROM lane WHERE bridge_id = ?1")?;
    Ok(statement.query_row(params![lane.0.as_slice()], |row| row.get(0)).optional()?)
}

/// As [`lane_number`], and makes the lane's row when there is none.
pub(crate) fn ensure_lane(transaction: &Transaction<'_>, lane: BridgeId) -> Result<i64, Failure> {
    if let Some(number) = lane_number(transaction, lane)? {
        return Ok(number);
    }
    transaction.execute("INSERT INTO lane (bridge_id) VALUES (?1)", params![lane.0.as_slice()])?;
    Ok(transaction.last_insert_rowid())
}
