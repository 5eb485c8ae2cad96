//! Requests of a lane's source, with leaf and root.

use alloy::primitives::B256;
use polyspan_types::{
    BlockHeight, BlockRef, BridgeId, CrashPoint, Leaf, Request, RequestKind, RequestNonce, Root,
    ValueTransfer,
};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use serde::{Deserialize, Serialize};

use crate::columns::{
    address, amount, bound, bytes, count, ensure_lane, hash, lane_number, number, optional_block,
};
use crate::error::Failure;
use crate::handle::Step;
use crate::{Base, Store, StoreError, base};

const COLUMNS: &str = "nonce, kind, source_block, token, sender, recipient, refund_to, value, payload, tx_hash, \
                       leaf, root, stored_at_ms";

/// How far a lane's source is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourcePosition {
    /// Where the lane begins; `None` before it has begun, and then nothing is stored.
    pub base: Option<Base>,
    /// The first nonce that is not stored.
    pub next: RequestNonce,
    /// Root over everything stored.
    pub root: Root,
    /// The last block read; `None` before the first range.
    pub cursor: Option<BlockRef>,
    /// Requests over which the source confirmed our root; those above wait for it and are not signed.
    pub verified_next: RequestNonce,
    /// The block at which it did; `None` before the first time.
    pub verified: Option<BlockRef>,
}

impl SourcePosition {
    /// Nothing stored yet.
    fn empty(lane: BridgeId) -> Self {
        Self {
            base: None,
            next: RequestNonce::ZERO,
            root: Root::zero(lane),
            cursor: None,
            verified_next: RequestNonce::ZERO,
            verified: None,
        }
    }

    /// Whether the source has confirmed everything that is stored, up to the cursor.
    pub fn is_verified(&self) -> bool {
        self.verified.is_some() && self.verified == self.cursor && self.verified_next == self.next
    }

    /// How many requests would be stored, and the root over them, after `requests`.
    #[must_use]
    pub fn after(&self, requests: &[Request]) -> (RequestNonce, Root) {
        let root = requests.iter().fold(self.root, |root, request| root.then(Leaf::of(request)));
        (self.next.plus(requests.len() as u64), root)
    }
}

/// A request as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredRequest {
    /// The request.
    pub request: Request,
    /// Its leaf.
    pub leaf: Leaf,
    /// The lane's root after it.
    pub root: Root,
    /// When it was stored. Unit: milliseconds since 1970.
    pub stored_at_ms: u64,
}

impl Store {
    /// How far `lane` is stored; without requests up to its base, and before it has begun nonce 0, [`Root::zero`] and no cursor.
    ///
    /// Errors: the store is closed or damaged.
    pub async fn source_position(&self, lane: BridgeId) -> Result<SourcePosition, StoreError> {
        self.read(move |snapshot| position(snapshot, lane)).await
    }

    /// Stores the requests up to `cursor`, the last block of a completely read range, in one transaction. Without requests
    /// only the cursor moves.
    ///
    /// Errors: a nonce is missing or stored already; the cursor would move back or its block has another hash; the disk
    /// refuses. Then nothing is stored, the cursor included.
    pub async fn append_requests(
        &self,
        lane: BridgeId,
        requests: Vec<Request>,
        cursor: BlockRef,
    ) -> Result<SourcePosition, StoreError> {
        let now_ms = self.now_ms();
        self.write(append_step(&requests), move |transaction| {
            append(transaction, lane, &requests, cursor, now_ms)
        })
        .await
    }

    /// As [`Store::append_requests`], and marks everything stored as confirmed by the source's own root, which over `held.0` requests is
    /// `held.1` up to `cursor`: one transaction, so that nothing is ever confirmed without its cursor, and nothing else than what was proved.
    ///
    /// Errors: as [`Store::append_requests`]; [`StoreError::NotWhatIsHeld`].
    pub async fn append_confirmed(
        &self,
        lane: BridgeId,
        requests: Vec<Request>,
        cursor: BlockRef,
        held: (RequestNonce, Root),
    ) -> Result<SourcePosition, StoreError> {
        let now_ms = self.now_ms();
        self.write(append_step(&requests), move |transaction| {
            let position = append(transaction, lane, &requests, cursor, now_ms)?;
            if (position.next, position.root) != held {
                return Err(StoreError::NotWhatIsHeld { lane, stored: position.next, held: held.0 }.into());
            }
            confirm(transaction, lane, position)
        })
        .await
    }

    /// Forgets the requests that the source has not confirmed, and the cursor with them, so that they are read again:
    /// what an endpoint said of them may be what is wrong. Signed roots are never forgotten.
    ///
    /// Errors: the disk refuses; then nothing is forgotten.
    pub async fn rewind_to_verified(&self, lane: BridgeId) -> Result<SourcePosition, StoreError> {
        let step = Step { name: "rewind", crash: None };
        self.write(step, move |transaction| {
            let lane_row = ensure_lane(transaction, lane)?;
            transaction.execute(
                "DELETE FROM request WHERE lane = ?1 AND nonce >= (SELECT verified_next FROM lane WHERE number = ?1)",
                params![lane_row],
            )?;
            transaction.execute(
                "UPDATE lane SET source_height = verified_height, source_hash = verified_hash WHERE number = ?1",
                params![lane_row],
            )?;
            position(transaction, lane)
        })
        .await
    }

    /// One request.
    ///
    /// Errors: the store is closed or damaged.
    pub async fn request(
        &self,
        lane: BridgeId,
        nonce: RequestNonce,
    ) -> Result<Option<StoredRequest>, StoreError> {
        Ok(self.requests(lane, nonce, 1).await?.pop())
    }

    /// The stored ones of the `count` requests from `first`, in order.
    ///
    /// Errors: the store is closed or damaged.
    pub async fn requests(
        &self,
        lane: BridgeId,
        first: RequestNonce,
        count: u64,
    ) -> Result<Vec<StoredRequest>, StoreError> {
        let (first, end) = (bound(first.get()), bound(first.plus(count).get()));
        self.read(move |snapshot| {
            let sql = format!(
                "SELECT {COLUMNS} FROM request WHERE lane = ?1 AND nonce >= ?2 AND nonce < ?3 ORDER BY nonce"
            );
            let Some(lane) = lane_number(snapshot, lane)? else { return Ok(Vec::new()) };
            let mut statement = snapshot.prepare_cached(&sql)?;
            let rows = statement.query_map(params![lane, first, end], stored_request)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Leaves of the stored requests in `[first, end)`, in order.
    ///
    /// Errors: the store is closed or damaged.
    pub async fn leaves(
        &self,
        lane: BridgeId,
        first: RequestNonce,
        end: RequestNonce,
    ) -> Result<Vec<Leaf>, StoreError> {
        let (first, end) = (bound(first.get()), bound(end.get()));
        self.read(move |snapshot| {
            let Some(lane) = lane_number(snapshot, lane)? else { return Ok(Vec::new()) };
            let mut statement = snapshot.prepare_cached(
                "SELECT leaf FROM request WHERE lane = ?1 AND nonce >= ?2 AND nonce < ?3 ORDER BY nonce",
            )?;
            let rows = statement.query_map(params![lane, first, end], |row| hash(row, 0).map(Leaf))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Root over the first `nonce` requests; `None` below the base of the lane and above what is stored. For 0 it is
    /// [`Root::zero`].
    ///
    /// Errors: the store is closed or damaged.
    pub async fn root_at(&self, lane: BridgeId, nonce: RequestNonce) -> Result<Option<Root>, StoreError> {
        if nonce == RequestNonce::ZERO {
            return Ok(Some(Root::zero(lane)));
        }
        self.read(move |snapshot| {
            let Some(row) = lane_number(snapshot, lane)? else { return Ok(None) };
            root(snapshot, lane, row, nonce)
        })
        .await
    }

    /// As [`Store::root_at`], of what the source has confirmed and of nothing else: the only root that may be signed. Whoever asks may go by
    /// what was confirmed before the lane began anew.
    ///
    /// Errors: the store is closed or damaged.
    pub async fn confirmed_root_at(
        &self,
        lane: BridgeId,
        nonce: RequestNonce,
    ) -> Result<Option<Root>, StoreError> {
        self.read(move |snapshot| {
            let Some(row) = lane_number(snapshot, lane)? else { return Ok(None) };
            let confirmed = snapshot
                .prepare_cached("SELECT verified_next FROM lane WHERE number = ?1")?
                .query_row(params![row], |row| count(row, 0))?;
            if nonce.get() > confirmed { Ok(None) } else { root(snapshot, lane, row, nonce) }
        })
        .await
    }
}

/// Above nonce 0.
fn root(
    snapshot: &Connection,
    lane: BridgeId,
    row: i64,
    nonce: RequestNonce,
) -> Result<Option<Root>, Failure> {
    if let Some(base) = base::load(snapshot, row, lane)?.filter(|base| base.nonce == nonce) {
        return Ok(Some(base.root));
    }
    let last = bound(nonce.minus(1).get());
    let mut statement = snapshot.prepare_cached("SELECT root FROM request WHERE lane = ?1 AND nonce = ?2")?;
    Ok(statement.query_row(params![row, last], |row| hash(row, 0).map(Root)).optional()?)
}

fn append_step(requests: &[Request]) -> Step {
    let crash = (CrashPoint::BeforeStoringRequests, CrashPoint::AfterStoringRequests);
    // A range without requests makes nothing durable that a transfer depends on.
    Step { name: "requests", crash: (!requests.is_empty()).then_some(crash) }
}

fn confirm(
    transaction: &Transaction<'_>,
    lane: BridgeId,
    position: SourcePosition,
) -> Result<SourcePosition, Failure> {
    let lane_row = ensure_lane(transaction, lane)?;
    transaction
        .prepare_cached(
            "UPDATE lane SET verified_next = ?2, verified_height = source_height, verified_hash = source_hash \
             WHERE number = ?1",
        )?
        .execute(params![lane_row, number("request nonce", position.next.get())?])?;
    Ok(SourcePosition { verified_next: position.next, verified: position.cursor, ..position })
}

pub(crate) fn position(connection: &Connection, lane: BridgeId) -> Result<SourcePosition, Failure> {
    let mut position = SourcePosition::empty(lane);
    let Some(number) = lane_number(connection, lane)? else { return Ok(position) };
    let columns = "source_height, source_hash, verified_next, verified_height, verified_hash";
    (position.cursor, position.verified_next, position.verified) = connection
        .prepare_cached(&format!("SELECT {columns} FROM lane WHERE number = ?1"))?
        .query_row(params![number], |row| {
            Ok((optional_block(row, 0, 1)?, RequestNonce::new(count(row, 2)?), optional_block(row, 3, 4)?))
        })?;
    let last = connection
        .prepare_cached("SELECT nonce, root FROM request WHERE lane = ?1 ORDER BY nonce DESC LIMIT 1")?
        .query_row(params![number], |row| Ok((RequestNonce::new(count(row, 0)?), Root(hash(row, 1)?))))
        .optional()?;
    position.base = base::load(connection, number, lane)?;
    if let Some(base) = position.base {
        (position.next, position.root) = (base.nonce, base.root);
    }
    // What is stored below the base belongs to open holds.
    if let Some((nonce, root)) = last.filter(|(nonce, _)| *nonce >= position.next) {
        (position.next, position.root) = (nonce.next(), root);
    }
    Ok(position)
}

fn append(
    transaction: &Transaction<'_>,
    lane: BridgeId,
    requests: &[Request],
    cursor: BlockRef,
    now_ms: u64,
) -> Result<SourcePosition, Failure> {
    let lane_row = ensure_lane(transaction, lane)?;
    let mut position = position(transaction, lane)?;
    if position.base.is_none() {
        return Err(StoreError::NotBegun { lane }.into());
    }
    check_cursor(lane, position.cursor, cursor)?;
    for request in requests {
        check_nonce(lane, position.next, request.nonce)?;
        let leaf = Leaf::of(request);
        position.root = position.root.then(leaf);
        insert(transaction, lane_row, request, leaf.0, position.root.0, now_ms)?;
        position.next = request.nonce.next();
    }
    transaction
        .prepare_cached("UPDATE lane SET source_height = ?2, source_hash = ?3 WHERE number = ?1")?
        .execute(params![lane_row, number("block", cursor.height.get())?, cursor.hash.as_slice()])?;
    position.cursor = Some(cursor);
    Ok(position)
}

/// What is below the source's cursor is final: going back, or another hash at its height, is not for the store to forgive.
fn check_cursor(lane: BridgeId, stored: Option<BlockRef>, cursor: BlockRef) -> Result<(), StoreError> {
    match stored {
        Some(stored) if cursor.height < stored.height => {
            Err(StoreError::CursorBack { lane, stored, refused: cursor })
        }
        Some(stored) if cursor.height == stored.height && cursor.hash != stored.hash => {
            Err(StoreError::CursorBack { lane, stored, refused: cursor })
        }
        _ => Ok(()),
    }
}

/// Contiguous nonces prove that no log is missing.
fn check_nonce(lane: BridgeId, expected: RequestNonce, found: RequestNonce) -> Result<(), StoreError> {
    match found.cmp(&expected) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(StoreError::NonceGap { lane, expected, found }),
        std::cmp::Ordering::Less => Err(StoreError::NonceOverlap { lane, expected, found }),
    }
}

pub(crate) fn insert(
    transaction: &Transaction<'_>,
    lane: i64,
    request: &Request,
    leaf: B256,
    root: B256,
    now_ms: u64,
) -> Result<(), Failure> {
    let transfer = &request.transfer;
    let mut statement = transaction.prepare_cached(
        "INSERT INTO request (lane, nonce, kind, source_block, token, sender, recipient, refund_to, value, payload, \
         tx_hash, leaf, root, stored_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )?;
    statement.execute(params![
        lane,
        number("request nonce", request.nonce.get())?,
        transfer.kind.number(),
        number("block", transfer.source_block.get())?,
        transfer.token.as_slice(),
        transfer.from.as_slice(),
        transfer.to.as_slice(),
        transfer.refund_to.as_slice(),
        transfer.value.to_be_bytes::<32>(),
        transfer.payload.as_ref(),
        request.tx_hash.as_slice(),
        leaf.as_slice(),
        root.as_slice(),
        bound(now_ms),
    ])?;
    Ok(())
}

fn stored_request(row: &Row<'_>) -> rusqlite::Result<StoredRequest> {
    let transfer = ValueTransfer {
        kind: RequestKind::new(row.get(1)?),
        source_block: BlockHeight::new(count(row, 2)?),
        token: address(row, 3)?,
        from: address(row, 4)?,
        to: address(row, 5)?,
        refund_to: address(row, 6)?,
        value: amount(row, 7)?,
        payload: bytes(row, 8)?,
    };
    Ok(StoredRequest {
        request: Request { nonce: RequestNonce::new(count(row, 0)?), transfer, tx_hash: hash(row, 9)? },
        leaf: Leaf(hash(row, 10)?),
        root: Root(hash(row, 11)?),
        stored_at_ms: count(row, 12)?,
    })
}
