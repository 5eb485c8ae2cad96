//! What a store has of one lane, in ranges: enough to say where every request is, in one snapshot.

use polyspan_types::{BridgeId, RequestNonce};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use crate::columns::{bound, count, lane_number};
use crate::error::Failure;
use crate::{DestinationPosition, SourcePosition, Store, StoreError, outcomes, requests};

/// Nonces that follow each other: the first, and the first one above.
pub type Run = (RequestNonce, RequestNonce);

/// One lane of a store at one moment. Runs are in order and apart from each other, except for those that are on their way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// How far the source is stored; `None` when the lane was never heard of.
    pub source: Option<SourcePosition>,
    /// How far the destination is stored.
    pub destination: DestinationPosition,
    /// Stored requests from the nonce on that was asked for.
    pub stored: Vec<Run>,
    /// Holds without an end.
    pub held: Vec<Run>,
    /// Holds that ended with a payment.
    pub released: Vec<Run>,
    /// Holds that ended with a refund.
    pub refunded: Vec<Run>,
    /// Holds that governors have written off.
    pub written_off: Vec<Run>,
    /// Requests that are handled by a transaction of this relay which is in no block yet.
    pub on_their_way: Vec<Run>,
    /// The highest nonce for which this relay has signed a root, or claimed one to be signed.
    pub signed: RequestNonce,
    /// Why the lane is halted.
    pub halted: Option<String>,
}

impl Store {
    /// What is stored of `lane`, requests only from `from` on, so that finished ones cost nothing.
    ///
    /// Errors: the store is closed or damaged.
    pub async fn survey(&self, lane: BridgeId, from: RequestNonce) -> Result<Survey, StoreError> {
        self.read(move |snapshot| {
            let Some(row) = lane_number(snapshot, lane)? else { return Ok(Survey::default()) };
            let ended = |how| {
                let which =
                    format!("SELECT nonce FROM hold WHERE lane = ?1 AND ended_block IS NOT NULL AND {how}");
                runs(snapshot, &which, params![row])
            };
            Ok(Survey {
                source: Some(requests::position(snapshot, lane)?),
                destination: outcomes::position(snapshot, row, lane)?,
                stored: runs(
                    snapshot,
                    "SELECT nonce FROM request WHERE lane = ?1 AND nonce >= ?2",
                    params![row, bound(from.get())],
                )?,
                held: runs(
                    snapshot,
                    "SELECT nonce FROM hold WHERE lane = ?1 AND ended_block IS NULL",
                    params![row],
                )?,
                released: ended("released_to IS NOT NULL")?,
                refunded: ended("refund_nonce IS NOT NULL")?,
                written_off: ended("released_to IS NULL AND refund_nonce IS NULL")?,
                on_their_way: on_their_way(snapshot, row)?,
                signed: signed(snapshot, row)?,
                halted: snapshot
                    .prepare_cached("SELECT halted_reason FROM lane WHERE number = ?1")?
                    .query_row(params![row], |row| row.get(0))?,
            })
        })
        .await
    }
}

/// The nonces of a query as runs: nonce minus rank is the same for all that follow each other.
fn runs(connection: &Connection, nonces: &str, parameters: impl Params) -> Result<Vec<Run>, Failure> {
    let sql = format!(
        "SELECT min(nonce), max(nonce) + 1 FROM (SELECT nonce, nonce - row_number() OVER (ORDER BY nonce) AS run FROM ({nonces})) \
         GROUP BY run ORDER BY 1"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(parameters, run)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn on_their_way(connection: &Connection, lane: i64) -> Result<Vec<Run>, Failure> {
    // `state < 2` is what the index of open ones says of itself.
    let mut statement = connection.prepare_cached(
        "SELECT first, first + count FROM submission WHERE lane = ?1 AND state < 2 AND state = 0 AND purpose = 0 AND count > 0 ORDER BY first",
    )?;
    let rows = statement.query_map(params![lane], run)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn signed(connection: &Connection, lane: i64) -> Result<RequestNonce, Failure> {
    let mut statement = connection
        .prepare_cached("SELECT nonce FROM signed_root WHERE lane = ?1 ORDER BY nonce DESC LIMIT 1")?;
    let highest = statement.query_row(params![lane], |row| count(row, 0)).optional()?;
    Ok(RequestNonce::new(highest.unwrap_or_default()))
}

fn run(row: &Row<'_>) -> rusqlite::Result<Run> {
    Ok((RequestNonce::new(count(row, 0)?), RequestNonce::new(count(row, 1)?)))
}
