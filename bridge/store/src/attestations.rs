//! Own attestations, and the slashing protection: one root per lane and nonce, for ever.

use alloy::primitives::Signature;
use polyspan_types::{Attestation, BridgeId, Checkpoint, CrashPoint, Epoch, RequestNonce, Root};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use crate::columns::{address, bound, count, ensure_lane, hash, lane_number, meaningless, number};
use crate::error::Failure;
use crate::handle::Step;
use crate::{Store, StoreError, protection};

const ALL: &str = "
SELECT a.epoch, a.nonce, s.root, a.operator, a.signature
FROM attestation a JOIN signed_root s ON s.lane = a.lane AND s.nonce = a.nonce
WHERE a.lane = ?1 AND a.epoch = ?2 AND a.nonce > ?3 ORDER BY a.nonce";

impl Store {
    /// Makes an own attestation durable. Only after `Ok` may it leave this process.
    ///
    /// The same root again is fine, under any epoch; of two signatures over one checkpoint the first is kept.
    ///
    /// Errors: [`StoreError::SecondRoot`] when another root was signed for this nonce, at any time and under any epoch;
    /// [`StoreError::BelowFloor`] when none is known and one may have been signed; or the disk refuses: then do not sign.
    pub async fn record_attestation(&self, attestation: &Attestation) -> Result<(), StoreError> {
        self.record_attestations(vec![attestation.clone()]).await?.into_iter().collect()
    }

    /// As [`Store::record_attestation`] for each, in one transaction: what is refused for its root keeps no other one back.
    ///
    /// Errors: the disk refuses: then none is stored. In the answer, by place: [`StoreError::SecondRoot`], [`StoreError::BelowFloor`].
    pub async fn record_attestations(
        &self,
        attestations: Vec<Attestation>,
    ) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let crash = (CrashPoint::BeforeStoringAttestation, CrashPoint::AfterStoringAttestation);
        let step = Step { name: "attestation", crash: Some(crash) };
        let (answers, signed) = self
            .write(step, move |transaction| {
                let records = attestations.iter().map(|attestation| apart(record(transaction, attestation)));
                let answers = records.collect::<Result<Vec<_>, _>>()?;
                Ok((answers, protection::signed_ever(transaction)?))
            })
            .await?;
        self.note_signed(signed)?;
        Ok(answers)
    }

    /// Makes `root` the only one that may ever be signed for `nonce`, before somebody else is asked to sign it: a signature
    /// that is made elsewhere is out of this process's hands from then on, whatever becomes of the answer.
    ///
    /// Errors: [`StoreError::SecondRoot`]; [`StoreError::BelowFloor`]; or the disk refuses: then do not ask.
    pub async fn claim_root(
        &self,
        lane: BridgeId,
        nonce: RequestNonce,
        root: Root,
    ) -> Result<(), StoreError> {
        self.claim_roots(lane, vec![(nonce, root)]).await?.into_iter().collect()
    }

    /// As [`Store::claim_root`] for each, in one transaction: what is refused keeps no other one back.
    ///
    /// Errors: the disk refuses: then none is claimed. In the answer, by place: [`StoreError::SecondRoot`], [`StoreError::BelowFloor`].
    pub async fn claim_roots(
        &self,
        lane: BridgeId,
        roots: Vec<(RequestNonce, Root)>,
    ) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let step = Step { name: "claim", crash: None };
        let (answers, signed) = self
            .write(step, move |transaction| {
                let row = ensure_lane(transaction, lane)?;
                let claims =
                    roots.iter().map(|(nonce, root)| apart(claim(transaction, lane, row, *nonce, *root)));
                let answers = claims.collect::<Result<Vec<_>, _>>()?;
                Ok((answers, protection::signed_ever(transaction)?))
            })
            .await?;
        self.note_signed(signed)?;
        Ok(answers)
    }

    /// The root that was signed, or claimed to be signed, for `nonce`, under any epoch.
    ///
    /// Errors: the store is closed or damaged.
    pub async fn signed_root(&self, lane: BridgeId, nonce: RequestNonce) -> Result<Option<Root>, StoreError> {
        let nonce = bound(nonce.get());
        self.read(move |snapshot| match lane_number(snapshot, lane)? {
            Some(lane) => signed(snapshot, lane, nonce),
            None => Ok(None),
        })
        .await
    }

    /// Own attestations of an epoch whose checkpoint is above `above`, in order of their nonces.
    ///
    /// Errors: the store is closed or damaged.
    pub async fn attestations(
        &self,
        lane: BridgeId,
        epoch: Epoch,
        above: RequestNonce,
    ) -> Result<Vec<Attestation>, StoreError> {
        self.read(move |snapshot| select(snapshot, lane, epoch, above)).await
    }
}

/// A refused root, which changes nothing, apart from failures that take back the whole transaction.
fn apart(done: Result<(), Failure>) -> Result<Result<(), StoreError>, Failure> {
    match done {
        Err(Failure::Store(refused @ (StoreError::SecondRoot { .. } | StoreError::BelowFloor { .. }))) => {
            Ok(Err(refused))
        }
        Err(failure) => Err(failure),
        Ok(()) => Ok(Ok(())),
    }
}

fn record(transaction: &Transaction<'_>, attestation: &Attestation) -> Result<(), Failure> {
    let checkpoint = attestation.checkpoint;
    let lane = ensure_lane(transaction, checkpoint.bridge_id)?;
    let nonce = number("request nonce", checkpoint.nonce.get())?;
    claim(transaction, checkpoint.bridge_id, lane, checkpoint.nonce, checkpoint.root)?;
    transaction
        .prepare_cached(
            "INSERT INTO attestation (lane, nonce, epoch, operator, signature) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            lane,
            nonce,
            number("epoch", checkpoint.epoch.get())?,
            attestation.operator.as_slice(),
            attestation.signature.as_bytes(),
        ])?;
    Ok(())
}

/// The rule itself: one root for one nonce of one lane, whose number is `row`, and none where another may have been signed,
/// which is so below the seal as well.
pub(crate) fn claim(
    transaction: &Transaction<'_>,
    lane: BridgeId,
    row: i64,
    nonce: RequestNonce,
    root: Root,
) -> Result<(), Failure> {
    let column = number("request nonce", nonce.get())?;
    match signed(transaction, row, column)? {
        Some(signed) if signed != root => {
            Err(StoreError::SecondRoot { lane, nonce, signed, refused: root }.into())
        }
        Some(_) if !protection::is_inherited(transaction, row, column)? => Ok(()),
        _ if !protection::load(transaction, row)?.permits(nonce) => {
            Err(StoreError::BelowFloor { lane, nonce }.into())
        }
        Some(_) => Ok(()),
        None => insert_root(transaction, row, column, root),
    }
}

/// Of a nonce without a root.
pub(crate) fn insert_root(
    transaction: &Transaction<'_>,
    row: i64,
    nonce: i64,
    root: Root,
) -> Result<(), Failure> {
    transaction
        .prepare_cached("INSERT INTO signed_root (lane, nonce, root) VALUES (?1, ?2, ?3)")?
        .execute(params![row, nonce, root.0.as_slice()])?;
    transaction.prepare_cached("UPDATE mark SET signed = signed + 1")?.execute([])?;
    Ok(())
}

pub(crate) fn signed(connection: &Connection, lane: i64, nonce: i64) -> Result<Option<Root>, Failure> {
    let mut statement =
        connection.prepare_cached("SELECT root FROM signed_root WHERE lane = ?1 AND nonce = ?2")?;
    Ok(statement.query_row(params![lane, nonce], |row| hash(row, 0).map(Root)).optional()?)
}

fn select(
    connection: &Connection,
    lane: BridgeId,
    epoch: Epoch,
    above: RequestNonce,
) -> Result<Vec<Attestation>, Failure> {
    let Some(number) = lane_number(connection, lane)? else { return Ok(Vec::new()) };
    let mut statement = connection.prepare_cached(ALL)?;
    let parameters = params![number, bound(epoch.get()), bound(above.get())];
    let rows = statement.query_map(parameters, |row| attestation(row, lane))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn attestation(row: &Row<'_>, lane: BridgeId) -> rusqlite::Result<Attestation> {
    let checkpoint = Checkpoint {
        bridge_id: lane,
        epoch: Epoch::new(count(row, 0)?),
        nonce: RequestNonce::new(count(row, 1)?),
        root: Root(hash(row, 2)?),
    };
    let signature = Signature::from_raw_array(&row.get::<_, [u8; 65]>(4)?)
        .map_err(|error| meaningless(4, Type::Blob, error.to_string()))?;
    Ok(Attestation { checkpoint, operator: address(row, 3)?, signature })
}
