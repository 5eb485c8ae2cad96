//! Evidence against operators: two valid statements about one nonce that cannot both be true.

use alloy::primitives::Signature;
use polyspan_types::{BridgeId, Checkpoint, Epoch, OperatorId, RequestNonce, Root};
use rusqlite::types::Type;
use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};

use crate::columns::{address, bound, count, ensure_lane, hash, lane_number, meaningless, number};
use crate::handle::Step;
use crate::{Store, StoreError};

/// Conflicts of one lane that are kept for one operator whose statement was the later one. More prove nothing, and a dishonest
/// one makes as many as it likes.
pub const CONFLICTS_PER_OPERATOR: u64 = 256;

/// What an operator was seen to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// The checkpoint that it signed.
    pub checkpoint: Checkpoint,
    /// Who.
    pub operator: OperatorId,
    /// Its signature; `None` for a vote on chain, which everybody can look up there.
    pub signature: Option<Signature>,
}

/// Two valid statements about one nonce that cannot both be true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The one that came first.
    pub first: Statement,
    /// The one that contradicts it, of the same operator or of another.
    pub second: Statement,
}

/// A conflict as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Both statements.
    pub conflict: Conflict,
    /// When the second one was seen. Unit: milliseconds since 1970.
    pub seen_at_ms: u64,
}

impl Store {
    /// Keeps what contradicts each other on a lane. The same again changes nothing, and of one operator no more than
    /// [`CONFLICTS_PER_OPERATOR`] are kept.
    ///
    /// Errors: the disk refuses.
    pub async fn record_conflicts(&self, lane: BridgeId, conflicts: &[Conflict]) -> Result<(), StoreError> {
        let (conflicts, now_ms) = (conflicts.to_vec(), bound(self.now_ms()));
        self.write(Step { name: "evidence", crash: None }, move |transaction| {
            let lane = ensure_lane(transaction, lane)?;
            let mut insert = transaction.prepare_cached(
                "INSERT INTO evidence (lane, nonce, epoch, first_bridge_id, first_root, first_operator, \
                 first_signature, second_bridge_id, second_root, second_operator, second_signature, seen_at_ms) \
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12 \
                 WHERE (SELECT count(*) FROM evidence WHERE lane = ?1 AND second_operator = ?10) < ?13 \
                 ON CONFLICT DO NOTHING",
            )?;
            for Conflict { first, second } in &conflicts {
                insert.execute(params![
                    lane,
                    number("request nonce", second.checkpoint.nonce.get())?,
                    number("epoch", second.checkpoint.epoch.get())?,
                    first.checkpoint.bridge_id.0.as_slice(),
                    first.checkpoint.root.0.as_slice(),
                    first.operator.as_slice(),
                    first.signature.map(|signature| signature.as_bytes()),
                    second.checkpoint.bridge_id.0.as_slice(),
                    second.checkpoint.root.0.as_slice(),
                    second.operator.as_slice(),
                    second.signature.map(|signature| signature.as_bytes()),
                    now_ms,
                    bound(CONFLICTS_PER_OPERATOR),
                ])?;
            }
            Ok(())
        })
        .await
    }

    /// What is kept of a lane, in the order in which it was seen, at most `limit`.
    ///
    /// Errors: the store is closed or damaged.
    pub async fn evidence(&self, lane: BridgeId, limit: u64) -> Result<Vec<Evidence>, StoreError> {
        self.read(move |snapshot| {
            let Some(lane) = lane_number(snapshot, lane)? else { return Ok(Vec::new()) };
            let mut statement = snapshot.prepare_cached(
                "SELECT nonce, epoch, first_bridge_id, first_root, first_operator, first_signature, \
                 second_bridge_id, second_root, second_operator, second_signature, seen_at_ms \
                 FROM evidence WHERE lane = ?1 ORDER BY number LIMIT ?2",
            )?;
            let rows = statement.query_map(params![lane, bound(limit)], evidence)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

fn evidence(row: &Row<'_>) -> rusqlite::Result<Evidence> {
    let conflict = Conflict { first: statement(row, 2)?, second: statement(row, 6)? };
    Ok(Evidence { conflict, seen_at_ms: count(row, 10)? })
}

/// The statement whose four columns begin at `from`.
fn statement(row: &Row<'_>, from: usize) -> rusqlite::Result<Statement> {
    let checkpoint = Checkpoint {
        bridge_id: BridgeId(hash(row, from)?),
        nonce: RequestNonce::new(count(row, 0)?),
        epoch: Epoch::new(count(row, 1)?),
        root: Root(hash(row, from + 1)?),
    };
    let signature = row.get::<_, Option<[u8; 65]>>(from + 3)?.map(|bytes| {
        Signature::from_raw_array(&bytes)
            .map_err(|error| meaningless(from + 3, Type::Blob, error.to_string()))
    });
    Ok(Statement { checkpoint, operator: address(row, from + 2)?, signature: signature.transpose()? })
}
