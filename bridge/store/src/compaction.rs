//! Compaction: the base of a lane moves up, and what lies below it and is finished goes. One step is one transaction, so that a
//! stop at any moment leaves a whole lane behind.
//!
//! What stays below the base: open holds with their requests and submissions, and whatever is not final in the journal. Of
//! signed roots the seal stays: nothing below it is ever signed again, so rule 4 needs no memory of what was.

use polyspan_types::{BlockRef, BridgeId, CrashPoint, RequestNonce, Root};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::columns::{bound, count, hash, lane_number, number, optional_block};
use crate::error::Failure;
use crate::handle::Step;
use crate::{Cut, LaneHistory, Retention, Store, StoreError, base, outcomes, protection};

/// What one step of compaction did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Rows that went.
    pub rows: u64,
    /// Whether another step has something to do at once.
    pub more: bool,
}

impl Store {
    /// One step towards `retention`. `proved` is a final block of the destination up to which its contract has confirmed what is
    /// stored; what comes after it is not touched, and the lane is never read again from before it.
    ///
    /// Errors: the disk refuses; then nothing has changed.
    pub async fn compact(
        &self,
        lane: BridgeId,
        retention: Retention,
        proved: BlockRef,
    ) -> Result<Compacted, StoreError> {
        if retention.keeps_everything() {
            return Ok(Compacted::default());
        }
        let (oldest_ms, window) = (retention.oldest_ms(self.now_ms()), self.window());
        // Not around the step, which often has nothing to do.
        let step = Step { name: "compact", crash: None };
        let write = self.write(step, move |transaction| {
            match Compaction::plan(
                transaction,
                lane,
                Bounds { keep: retention.keep, oldest_ms, window },
                proved,
            )? {
                Some(compaction) => compaction.carry_out(transaction),
                None => Ok(Compacted::default()),
            }
        });
        let done = write.await?;
        if done.rows > 0 {
            CrashPoint::AfterCompacting.reach();
        }
        Ok(done)
    }

    /// What is stored of the past of `lane`.
    ///
    /// Errors: the store is closed or damaged.
    pub async fn history(&self, lane: BridgeId) -> Result<LaneHistory, StoreError> {
        self.read(move |snapshot| {
            let Some(row) = lane_number(snapshot, lane)? else {
                let (oldest, sealed) = (None, RequestNonce::ZERO);
                return Ok(LaneHistory { oldest, kept: 0, open_holds: 0, sealed });
            };
            let position = outcomes::position(snapshot, row, lane)?;
            let oldest = position.base.map(|base| base.nonce);
            Ok(LaneHistory {
                oldest,
                kept: oldest.map_or(0, |oldest| position.next.since(oldest)),
                open_holds: position.open_holds,
                sealed: protection::load(snapshot, row)?.sealed(),
            })
        })
        .await
    }

    /// Whether a write waits or is under way: then what is not urgent comes later.
    pub fn is_writing(&self) -> bool {
        self.queued_writes() > 0
    }
}

/// What bounds a step.
#[derive(Clone, Copy)]
struct Bounds {
    keep: Option<u64>,
    oldest_ms: Option<u64>,
    window: u64,
}

/// One step, decided.
struct Compaction {
    lane: i64,
    /// Where the lane begins, and where it begins afterwards.
    base: RequestNonce,
    upto: RequestNonce,
    /// The request below it, when the base moves.
    last: Option<Last>,
    /// Below which signatures go.
    seal: RequestNonce,
    proved: BlockRef,
    window: u64,
    /// Whether the window, and not the retention, ends this step.
    more: bool,
}

impl Compaction {
    /// `None` while there is nothing that may be decided.
    fn plan(
        connection: &Connection,
        lane: BridgeId,
        bounds: Bounds,
        proved: BlockRef,
    ) -> Result<Option<Self>, Failure> {
        let Some(row) = lane_number(connection, lane)? else { return Ok(None) };
        let Some(base) = base::load(connection, row, lane)? else { return Ok(None) };
        let (verified, cursor) = ends(connection, row)?;
        let Some(verified) = verified else { return Ok(None) };
        // After a step back what is stored is read again first.
        let behind = cursor.is_none_or(|cursor| cursor.height < proved.height);
        if behind || base.begun.is_some_and(|begun| proved.height < begun.height) {
            return Ok(None);
        }
        let settled = settled(connection, row, proved)?.unwrap_or(base.nonce).max(base.nonce);
        let young = match bounds.oldest_ms {
            Some(oldest) => Some(young(connection, row, base.nonce, base.nonce.plus(bounds.window), oldest)?),
            None => None,
        };
        let cut = Cut { base: base.nonce, settled, verified, young };
        let upto = cut.base(bounds.keep, bounds.window);
        // A row that the disk has lost ends a step, and not all of them.
        let (upto, last) = match last(connection, row, base.nonce, upto)? {
            Some((upto, last)) => (upto, Some(last)),
            None => (base.nonce, None),
        };
        let more = upto.since(base.nonce) == bounds.window;
        Ok(Some(Self {
            lane: row,
            base: base.nonce,
            upto,
            last,
            seal: upto,
            proved,
            window: bounds.window,
            more,
        }))
    }

    fn carry_out(mut self, transaction: &Transaction<'_>) -> Result<Compacted, Failure> {
        self.seal = self.bounded_seal(transaction)?;
        let rows = self.requests(transaction)?
            + self.ended_holds(transaction)?
            + self.calls(transaction)?
            + self.signatures(transaction)?
            + self.submissions(transaction)?;
        if rows > 0 || self.upto > self.base {
            self.move_base(transaction)?;
        }
        if rows > 0 {
            CrashPoint::BeforeCompacting.reach();
        }
        Ok(Compacted { rows, more: self.more })
    }

    /// Of a lane that began late, signatures of the time before are more than a step may take.
    fn bounded_seal(&mut self, transaction: &Transaction<'_>) -> Result<RequestNonce, Failure> {
        let last: Option<u64> = transaction
            .prepare_cached(
                "SELECT nonce FROM signed_root WHERE lane = ?1 AND nonce < ?2 ORDER BY nonce LIMIT 1 OFFSET ?3",
            )?
            .query_row(params![self.lane, bound(self.seal.get()), bound(self.window)], |row| count(row, 0))
            .optional()?;
        self.more |= last.is_some();
        Ok(last.map_or(self.seal, RequestNonce::new))
    }

    /// Requests that were paid. Those on hold go with the end of the hold.
    fn requests(&self, transaction: &Transaction<'_>) -> Result<u64, Failure> {
        deleted(
            transaction
                .prepare_cached(
                    "DELETE FROM request WHERE lane = ?1 AND nonce >= ?2 AND nonce < ?3 \
                     AND NOT EXISTS (SELECT 1 FROM hold h WHERE h.lane = ?1 AND h.nonce = request.nonce)",
                )?
                .execute(params![self.lane, bound(self.base.get()), bound(self.upto.get())]),
        )
    }

    /// Holds whose end is proved, wherever they are below the new base, with their requests.
    fn ended_holds(&mut self, transaction: &Transaction<'_>) -> Result<u64, Failure> {
        let parameters = params![self.lane, bound(self.upto.get()), self.proved_height(), bound(self.window)];
        let ended: Vec<i64> = transaction
            .prepare_cached(
                "SELECT nonce FROM hold INDEXED BY hold_ended WHERE lane = ?1 AND nonce < ?2 AND ended_block IS NOT NULL \
                 AND ended_block <= ?3 ORDER BY nonce LIMIT ?4",
            )?
            .query_map(parameters, |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        self.more |= ended.len() as u64 == self.window;
        let mut rows = 0;
        for nonce in ended {
            for sql in [
                "DELETE FROM request WHERE lane = ?1 AND nonce = ?2",
                "DELETE FROM hold WHERE lane = ?1 AND nonce = ?2",
            ] {
                rows += deleted(transaction.prepare_cached(sql)?.execute(params![self.lane, nonce]))?;
            }
        }
        Ok(rows)
    }

    /// Calls that handled nothing but what lies below.
    fn calls(&self, transaction: &Transaction<'_>) -> Result<u64, Failure> {
        deleted(
            transaction
                .prepare_cached("DELETE FROM handled WHERE lane = ?1 AND first < ?2 AND next <= ?2")?
                .execute(params![self.lane, bound(self.upto.get())]),
        )
    }

    /// The seal first: a root that was signed is forgotten only when nothing can be signed in its place.
    fn signatures(&self, transaction: &Transaction<'_>) -> Result<u64, Failure> {
        let parameters = params![self.lane, bound(self.seal.get())];
        transaction
            .prepare_cached("UPDATE lane SET sealed = ?2 WHERE number = ?1 AND sealed < ?2")?
            .execute(parameters)?;
        let mut rows = 0;
        for sql in [
            "DELETE FROM attestation WHERE lane = ?1 AND nonce < ?2",
            "DELETE FROM signed_root WHERE lane = ?1 AND nonce < ?2",
            "DELETE FROM force_hold WHERE lane = ?1 AND nonce < ?2",
        ] {
            rows += deleted(transaction.prepare_cached(sql)?.execute(parameters))?;
        }
        Ok(rows)
    }

    /// Submissions that nobody follows any more, of nothing but requests that lie below and are finished.
    fn submissions(&mut self, transaction: &Transaction<'_>) -> Result<u64, Failure> {
        let parameters = params![self.lane, bound(self.upto.get()), self.proved_height(), bound(self.window)];
        let finished: Vec<i64> = transaction
            .prepare_cached(
                "SELECT s.number FROM submission s \
                 WHERE s.lane = ?1 AND s.first < ?2 AND s.first + s.count <= ?2 AND s.state >= 2 AND NOT EXISTS ( \
                     SELECT 1 FROM hold h WHERE h.lane = ?1 AND h.nonce >= s.first AND h.nonce < s.first + s.count \
                     AND (h.ended_block IS NULL OR h.ended_block > ?3)) \
                 ORDER BY s.first LIMIT ?4",
            )?
            .query_map(parameters, |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        self.more |= finished.len() as u64 == self.window;
        let mut rows = 0;
        for submission in finished {
            for sql in
                ["DELETE FROM attempt WHERE submission = ?1", "DELETE FROM submission WHERE number = ?1"]
            {
                rows += deleted(transaction.prepare_cached(sql)?.execute(params![submission]))?;
            }
        }
        Ok(rows)
    }

    /// The chain of roots goes on from the last one that went, and what the destination did is never read from before `proved`:
    /// its first nonces would not be those that come next.
    fn move_base(&self, transaction: &Transaction<'_>) -> Result<(), Failure> {
        transaction
            .prepare_cached("UPDATE lane SET begun_height = ?2, begun_hash = ?3 WHERE number = ?1")?
            .execute(params![
            self.lane,
            number("block", self.proved.height.get())?,
            self.proved.hash.as_slice()
        ])?;
        if let Some(last) = self.last {
            transaction
                .prepare_cached(
                    "UPDATE lane SET base_nonce = ?2, base_root = ?3, base_block = ?4 WHERE number = ?1",
                )?
                .execute(params![
                    self.lane,
                    number("request nonce", self.upto.get())?,
                    last.root.0.as_slice(),
                    last.source_block
                ])?;
        }
        Ok(())
    }

    fn proved_height(&self) -> i64 {
        bound(self.proved.height.get())
    }
}

/// The last stored request below a new base.
#[derive(Clone, Copy)]
struct Last {
    root: Root,
    source_block: i64,
}

fn last(
    connection: &Connection,
    lane: i64,
    base: RequestNonce,
    upto: RequestNonce,
) -> Result<Option<(RequestNonce, Last)>, Failure> {
    let read = |row: &rusqlite::Row<'_>| {
        let last = Last { root: Root(hash(row, 1)?), source_block: row.get(2)? };
        Ok((RequestNonce::new(count(row, 0)?).next(), last))
    };
    let mut statement = connection.prepare_cached(
        "SELECT nonce, root, source_block FROM request WHERE lane = ?1 AND nonce >= ?2 AND nonce < ?3 \
         ORDER BY nonce DESC LIMIT 1",
    )?;
    Ok(statement.query_row(params![lane, bound(base.get()), bound(upto.get())], read).optional()?)
}

/// The first nonce over which the source has not confirmed the own root, if it ever has, and the destination's cursor.
fn ends(connection: &Connection, lane: i64) -> Result<(Option<RequestNonce>, Option<BlockRef>), Failure> {
    let mut statement = connection.prepare_cached(
        "SELECT verified_next, verified_height, destination_height, destination_hash FROM lane WHERE number = ?1",
    )?;
    Ok(statement.query_row(params![lane], |row| {
        let verified = RequestNonce::new(count(row, 0)?);
        let ever = row.get::<_, Option<i64>>(1)?;
        Ok((ever.map(|_| verified), optional_block(row, 2, 3)?))
    })?)
}

/// The first nonce that was not handled up to the block `proved`; the calls after it are few.
fn settled(connection: &Connection, lane: i64, proved: BlockRef) -> Result<Option<RequestNonce>, Failure> {
    let mut statement = connection.prepare_cached(
        "SELECT next FROM handled WHERE lane = ?1 AND block <= ?2 ORDER BY first DESC LIMIT 1",
    )?;
    let found = statement.query_row(params![lane, bound(proved.height.get())], |row| count(row, 0));
    Ok(found.optional()?.map(RequestNonce::new))
}

/// The first nonce from `base` on that was not stored before `oldest_ms`; `end` when there is none below it.
fn young(
    connection: &Connection,
    lane: i64,
    base: RequestNonce,
    end: RequestNonce,
    oldest_ms: u64,
) -> Result<RequestNonce, Failure> {
    let mut statement = connection.prepare_cached(
        "SELECT nonce FROM request WHERE lane = ?1 AND nonce >= ?2 AND nonce < ?3 AND stored_at_ms >= ?4 \
         ORDER BY nonce LIMIT 1",
    )?;
    let parameters = params![lane, bound(base.get()), bound(end.get()), bound(oldest_ms)];
    let found = statement.query_row(parameters, |row| count(row, 0)).optional()?;
    Ok(found.map_or(end, RequestNonce::new))
}

fn deleted(done: rusqlite::Result<usize>) -> Result<u64, Failure> {
    Ok(done.map(|rows| rows as u64)?)
}
