//! Requests that are missing between others, or at the end of what the source has confirmed: a damaged file that still opens.

use polyspan_types::{BridgeId, CrashPoint, Leaf, Request, RequestNonce, Root};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::columns::{bound, count, ensure_lane, hash, lane_number};
use crate::error::Failure;
use crate::handle::Step;
use crate::requests::insert;
use crate::{Store, StoreError, base};

/// What proves the root after requests that fill a hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The request that is stored behind them: with its leaf, the root there must follow.
    Neighbour,
    /// The source's own root, which the caller met over them and all that follow. What lies behind them may still be missing.
    Source,
}

impl Store {
    /// How many of the requests in `[first, end)` are stored.
    ///
    /// Errors: the store is closed or damaged.
    pub async fn count_requests(
        &self,
        lane: BridgeId,
        first: RequestNonce,
        end: RequestNonce,
    ) -> Result<u64, StoreError> {
        let (first, end) = (bound(first.get()), bound(end.get()));
        self.read(move |snapshot| {
            let Some(lane) = lane_number(snapshot, lane)? else { return Ok(0) };
            let mut statement = snapshot.prepare_cached(
                "SELECT count(*) FROM request WHERE lane = ?1 AND nonce >= ?2 AND nonce < ?3",
            )?;
            Ok(statement.query_row(params![lane, first, end], |row| count(row, 0))?)
        })
        .await
    }

    /// Those of the requests in `[first, end)` that are stored, in order, with their leaves.
    ///
    /// Errors: the store is closed or damaged.
    pub async fn stored_leaves(
        &self,
        lane: BridgeId,
        first: RequestNonce,
        end: RequestNonce,
    ) -> Result<Vec<(RequestNonce, Leaf)>, StoreError> {
        let (first, end) = (bound(first.get()), bound(end.get()));
        self.read(move |snapshot| {
            let Some(lane) = lane_number(snapshot, lane)? else { return Ok(Vec::new()) };
            let mut statement = snapshot.prepare_cached(
                "SELECT nonce, leaf FROM request WHERE lane = ?1 AND nonce >= ?2 AND nonce < ?3 ORDER BY nonce",
            )?;
            let rows = statement.query_map(params![lane, first, end], |row| {
                Ok((RequestNonce::new(count(row, 0)?), Leaf(hash(row, 1)?)))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Fills a hole, or its beginning, with `requests`, which follow each other, in one transaction. It is done only when the root before
    /// the hole, over their leaves, gives `root_after`, and that one, over the leaf of the request behind the hole, gives the root stored
    /// there; with [`Proof::Source`], also when no request is stored there. No cursor moves, and nothing above what the source has confirmed
    /// and what is stored is filled.
    ///
    /// Errors: [`StoreError::HoleDiffers`], one of them is stored already, or the disk refuses. Then nothing is stored.
    pub async fn fill_hole(
        &self,
        lane: BridgeId,
        requests: Vec<Request>,
        root_after: Root,
        proof: Proof,
    ) -> Result<(), StoreError> {
        let now_ms = self.now_ms();
        let crash = (CrashPoint::BeforeFillingHole, CrashPoint::AfterFillingHole);
        let step = Step { name: "fill", crash: Some(crash) };
        self.write(step, move |transaction| fill(transaction, lane, &requests, (root_after, proof), now_ms))
            .await
    }
}

fn fill(
    transaction: &Transaction<'_>,
    lane: BridgeId,
    requests: &[Request],
    (root_after, proof): (Root, Proof),
    now_ms: u64,
) -> Result<(), Failure> {
    let row = ensure_lane(transaction, lane)?;
    let (Some(first), Some(last)) = (requests.first(), requests.last()) else { return Ok(()) };
    let differs = || StoreError::HoleDiffers { lane, first: first.nonce, last: last.nonce };
    let mut root = root_before(transaction, row, lane, first.nonce)?.ok_or_else(differs)?;
    let mut expected = first.nonce;
    for request in requests {
        if request.nonce != expected {
            return Err(StoreError::NonceGap { lane, expected, found: request.nonce }.into());
        }
        if stored(transaction, row, request.nonce)?.is_some() {
            return Err(StoreError::NonceOverlap {
                lane,
                expected: request.nonce.next(),
                found: request.nonce,
            }
            .into());
        }
        let leaf = Leaf::of(request);
        root = root.then(leaf);
        insert(transaction, row, request, leaf.0, root.0, now_ms)?;
        expected = request.nonce.next();
    }
    let confirmed = transaction
        .prepare_cached("SELECT verified_next FROM lane WHERE number = ?1")?
        .query_row(params![row], |row| count(row, 0).map(RequestNonce::new))?;
    let fits = match stored(transaction, row, expected)? {
        Some((leaf, after)) => root.then(leaf) == after,
        None if proof == Proof::Neighbour => false,
        None => expected <= confirmed || newest(transaction, row)?.is_some_and(|newest| newest > expected),
    };
    if root == root_after && fits { Ok(()) } else { Err(differs().into()) }
}

/// Root over the requests below `nonce`, as it is stored.
fn root_before(
    connection: &Connection,
    row: i64,
    lane: BridgeId,
    nonce: RequestNonce,
) -> Result<Option<Root>, Failure> {
    let base = base::load(connection, row, lane)?;
    if let Some(base) = base.filter(|base| base.nonce == nonce) {
        return Ok(Some(base.root));
    }
    if nonce == RequestNonce::ZERO {
        return Ok(None);
    }
    Ok(stored(connection, row, nonce.minus(1))?.map(|(_, root)| root))
}

/// The highest nonce that is stored.
fn newest(connection: &Connection, row: i64) -> Result<Option<RequestNonce>, Failure> {
    let mut statement =
        connection.prepare_cached("SELECT nonce FROM request WHERE lane = ?1 ORDER BY nonce DESC LIMIT 1")?;
    Ok(statement.query_row(params![row], |row| count(row, 0).map(RequestNonce::new)).optional()?)
}

/// Leaf and root of a request.
fn stored(connection: &Connection, row: i64, nonce: RequestNonce) -> Result<Option<(Leaf, Root)>, Failure> {
    let mut statement =
        connection.prepare_cached("SELECT leaf, root FROM request WHERE lane = ?1 AND nonce = ?2")?;
    let read = |row: &rusqlite::Row<'_>| Ok((Leaf(hash(row, 0)?), Root(hash(row, 1)?)));
    Ok(statement.query_row(params![row, bound(nonce.get())], read).optional()?)
}
