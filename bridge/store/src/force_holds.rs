//! Own decisions to force-hold a request, with the evidence for each. Written before a signature is made, and again before it leaves.

use alloy::primitives::Signature;
use polyspan_types::{
    BlockHeight, BridgeId, Epoch, HoldAction, HoldDecision, Leaf, OperatorId, RequestNonce, Root,
    SignedDecision,
};
use rusqlite::types::Type;
use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};

use crate::attestations::claim;
use crate::columns::{address, bound, count, ensure_lane, hash, lane_number, meaningless, number};
use crate::handle::Step;
use crate::{Store, StoreError, protection};

/// What this relay decided about one request, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForceHold {
    /// The request, by its leaf, and the epoch of the operators.
    pub decision: HoldDecision,
    /// Whose key signs.
    pub operator: OperatorId,
    /// The first and the last block of the destination at which the request alone could not be handled.
    pub blocks: (BlockHeight, BlockHeight),
    /// At how many blocks in all.
    pub trials: u64,
    /// What the destination answered last.
    pub reason: String,
    /// `None` while the key is asked.
    pub signature: Option<Signature>,
    /// When it was decided. Unit: milliseconds since 1970.
    pub stored_at_ms: u64,
}

impl ForceHold {
    /// What others may see; `None` before it is signed.
    pub fn signed(&self) -> Option<SignedDecision> {
        let signature = self.signature?;
        Some(SignedDecision { decision: self.decision, operator: self.operator, signature })
    }
}

impl Store {
    /// Writes a decision down before its key is asked for a signature. `root` is the own root over the request and all before it: a
    /// decision names a leaf of that root, so that it is under the same protection as a checkpoint. A decision of this operator and
    /// epoch that is known stays as it is. The stamp and the signature of `decided` are not taken over.
    ///
    /// Errors: [`StoreError::SecondRoot`] when another root was signed over this request; [`StoreError::BelowFloor`] when that is not
    /// known; or the disk refuses. Then do not sign.
    pub async fn claim_force_hold(&self, decided: &ForceHold, root: Root) -> Result<(), StoreError> {
        let (decided, now_ms) = (decided.clone(), bound(self.now_ms()));
        let signed = self
            .write(Step { name: "force-hold", crash: None }, move |transaction| {
                let HoldDecision { bridge_id, epoch, nonce, leaf, .. } = decided.decision;
                let row = ensure_lane(transaction, bridge_id)?;
                claim(transaction, bridge_id, row, nonce.next(), root)?;
                transaction
                    .prepare_cached(
                        "INSERT INTO force_hold (lane, nonce, epoch, operator, leaf, first_block, last_block, trials, \
                         reason, stored_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING",
                    )?
                    .execute(params![
                        row,
                        number("request nonce", nonce.get())?,
                        number("epoch", epoch.get())?,
                        decided.operator.as_slice(),
                        leaf.0.as_slice(),
                        number("block", decided.blocks.0.get())?,
                        number("block", decided.blocks.1.get())?,
                        bound(decided.trials),
                        decided.reason,
                        now_ms,
                    ])?;
                protection::signed_ever(transaction)
            })
            .await?;
        self.note_signed(signed)
    }

    /// Makes the signature over a decision durable that [`Store::claim_force_hold`] has written down. Only after `Ok` may it leave
    /// this process. The first one is kept.
    ///
    /// Errors: the disk refuses.
    pub async fn record_force_hold(&self, signed: &SignedDecision) -> Result<(), StoreError> {
        let signed = *signed;
        self.write(Step { name: "force-hold", crash: None }, move |transaction| {
            let HoldDecision { bridge_id, epoch, nonce, leaf, .. } = signed.decision;
            let row = ensure_lane(transaction, bridge_id)?;
            transaction
                .prepare_cached(
                    "UPDATE force_hold SET signature = ?6 WHERE lane = ?1 AND nonce = ?2 AND epoch = ?3 AND operator = ?4 \
                     AND leaf = ?5 AND signature IS NULL",
                )?
                .execute(params![
                    row,
                    number("request nonce", nonce.get())?,
                    number("epoch", epoch.get())?,
                    signed.operator.as_slice(),
                    leaf.0.as_slice(),
                    signed.signature.as_bytes(),
                ])?;
            Ok(())
        })
        .await
    }

    /// Own decisions about one request, by rising epoch.
    ///
    /// Errors: the store is closed or damaged.
    pub async fn force_holds(
        &self,
        lane: BridgeId,
        nonce: RequestNonce,
    ) -> Result<Vec<ForceHold>, StoreError> {
        self.read(move |snapshot| {
            let Some(row) = lane_number(snapshot, lane)? else { return Ok(Vec::new()) };
            let mut statement = snapshot.prepare_cached(
                "SELECT epoch, operator, leaf, first_block, last_block, trials, reason, signature, stored_at_ms \
                 FROM force_hold WHERE lane = ?1 AND nonce = ?2 ORDER BY epoch",
            )?;
            let rows =
                statement.query_map(params![row, bound(nonce.get())], |row| force_hold(row, lane, nonce))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

fn force_hold(row: &Row<'_>, bridge_id: BridgeId, nonce: RequestNonce) -> rusqlite::Result<ForceHold> {
    let signature = row.get::<_, Option<[u8; 65]>>(7)?.map(|bytes| {
        Signature::from_raw_array(&bytes).map_err(|error| meaningless(7, Type::Blob, error.to_string()))
    });
    Ok(ForceHold {
        decision: HoldDecision {
            action: HoldAction::ForceHold,
            bridge_id,
            epoch: Epoch::new(count(row, 0)?),
            nonce,
            leaf: Leaf(hash(row, 2)?),
        },
        operator: address(row, 1)?,
        blocks: (BlockHeight::new(count(row, 3)?), BlockHeight::new(count(row, 4)?)),
        trials: count(row, 5)?,
        reason: row.get(6)?,
        signature: signature.transpose()?,
        stored_at_ms: count(row, 8)?,
    })
}
