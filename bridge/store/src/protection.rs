//! What a lane may sign of which the store knows no root: its floor, and what raises and lowers it.

use std::path::Path;

use alloy::primitives::Address;
use polyspan_types::{BridgeId, CrashPoint, RequestNonce, Root};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use crate::columns::{bound, count, ensure_lane, lane_number, number};
use crate::error::Failure;
use crate::floor::{Mark, Tally};
use crate::handle::Step;
use crate::lock_file::LockFile;
use crate::{SignFloor, Store, StoreError, attestations};

impl Store {
    /// What of `lane` may be signed without a known root.
    ///
    /// Errors: the store is closed or damaged.
    pub async fn sign_floor(&self, lane: BridgeId) -> Result<SignFloor, StoreError> {
        self.read(move |snapshot| match lane_number(snapshot, lane)? {
            Some(row) => load(snapshot, row),
            None => Ok(SignFloor::UNKNOWN),
        })
        .await
    }

    /// What of `lane` may be signed by `operator` without a known root. What was decided and adopted for another operator says
    /// nothing of this one: then its floor is to be decided anew, and the answer's second part is true.
    ///
    /// Errors: the disk refuses.
    pub async fn sign_floor_of(
        &self,
        lane: BridgeId,
        operator: Address,
    ) -> Result<(SignFloor, bool), StoreError> {
        self.write(Step { name: "floor", crash: None }, move |transaction| {
            let row = ensure_lane(transaction, lane)?;
            let (floor, of) = (load(transaction, row)?, floor_operator(transaction, row)?);
            if of == Some(operator) {
                return Ok((floor, false));
            }
            // What an operator adopted before the first start is meant for the key of that start.
            let other = of.is_some() || floor.floor().is_some();
            let highest = highest_signed(transaction, row)?;
            transaction.execute(
                "UPDATE lane SET floor_operator = ?2, inherited_until = ?3 WHERE number = ?1",
                params![row, operator.as_slice(), number("request nonce", highest.get())?],
            )?;
            let floor = if other { save(transaction, row, floor.forgotten())? } else { floor };
            Ok((floor, other))
        })
        .await
    }

    /// Decides the floor of `lane`, if it is not: `final_nonce` is the first that this store has seen.
    ///
    /// Errors: the disk refuses.
    pub async fn decide_floor(
        &self,
        lane: BridgeId,
        final_nonce: RequestNonce,
    ) -> Result<SignFloor, StoreError> {
        let crash = (CrashPoint::BeforeDecidingFloor, CrashPoint::AfterDecidingFloor);
        self.write(Step { name: "floor", crash: Some(crash) }, move |transaction| {
            let row = ensure_lane(transaction, lane)?;
            let floor = load(transaction, row)?.seen(final_nonce, highest_signed(transaction, row)?);
            save(transaction, row, floor)
        })
        .await
    }

    /// An operator answers for it that nothing else was signed up to `until`.
    ///
    /// Errors: the disk refuses.
    pub async fn adopt(&self, lane: BridgeId, until: RequestNonce) -> Result<SignFloor, StoreError> {
        let crash = (CrashPoint::BeforeAdopting, CrashPoint::AfterAdopting);
        self.write(Step { name: "floor", crash: Some(crash) }, move |transaction| {
            let row = ensure_lane(transaction, lane)?;
            let floor = load(transaction, row)?.adopt(until);
            save(transaction, row, floor)
        })
        .await
    }

    /// Takes in what the own key is seen to have signed: from now on that is signed, and nothing else is for its nonce. One that
    /// was free and unknown proves that signatures were forgotten: then the floor is to be decided anew.
    ///
    /// Answers whether that is so. Of a nonce with another known root nothing changes.
    ///
    /// Errors: the disk refuses.
    pub async fn take_in_signed(
        &self,
        lane: BridgeId,
        found: Vec<(RequestNonce, Root)>,
    ) -> Result<bool, StoreError> {
        let crash = (CrashPoint::BeforeTakingInSigned, CrashPoint::AfterTakingInSigned);
        let step = Step { name: "floor", crash: Some(crash) };
        let (forgotten, signed) = self
            .write(step, move |transaction| {
                let row = ensure_lane(transaction, lane)?;
                let floor = load(transaction, row)?;
                let mut forgotten = false;
                for (nonce, root) in found {
                    let column = number("request nonce", nonce.get())?;
                    // What was signed below the seal is not known any more, so nothing found there may count as the only root.
                    if nonce < floor.sealed() {
                        continue;
                    }
                    if attestations::signed(transaction, row, column)?.is_none() {
                        forgotten |= floor.is_disproved_by(nonce);
                        attestations::insert_root(transaction, row, column, root)?;
                    }
                }
                if forgotten {
                    save(transaction, row, floor.forgotten())?;
                }
                Ok((forgotten, signed_ever(transaction)?))
            })
            .await?;
        self.note_signed(signed)?;
        Ok(forgotten)
    }

    /// The own key is seen to have signed something for `nonce` of which the root is unknown. If the store holds it for free,
    /// signatures were forgotten, and the floor is to be decided anew. Answers whether that is so.
    ///
    /// Errors: the disk refuses.
    pub async fn doubt_history(&self, lane: BridgeId, nonce: RequestNonce) -> Result<bool, StoreError> {
        self.write(Step { name: "floor", crash: None }, move |transaction| {
            let row = ensure_lane(transaction, lane)?;
            let floor = load(transaction, row)?;
            let known = attestations::signed(transaction, row, bound(nonce.get()))?.is_some();
            let forgotten = !known && floor.permits(nonce);
            if forgotten {
                save(transaction, row, floor.forgotten())?;
            }
            Ok(forgotten)
        })
        .await
    }
}

/// Begins a run of a store that was opened to write, and forgets what was decided if its file is older than its lock file says.
pub(crate) fn begin_run(connection: &mut Connection, lock: &LockFile, path: &Path) -> Result<(), Failure> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let lot = transaction.query_row("SELECT random() & 0x7fffffffffffffff", [], |row| count(row, 0))?;
    let stored = mark(&transaction)?;
    let beside = lock.mark();
    let restored = stored.is_behind(beside) || torn(&transaction)?.is_some();
    let next = stored.next_run(beside, restored, lot);
    if restored {
        transaction
            .execute("UPDATE lane SET sign_floor = NULL, adopted_until = 0, floor_operator = NULL", [])?;
        // From now on what is there counts, and by lot, so that a row of another line never passes for one of this.
        transaction.execute("UPDATE lane SET floor_changes = random() & 0xffffffffff", [])?;
        transaction.execute(&format!("UPDATE mark SET (roots, nonces, floors) = ({FOUND})"), [])?;
        if stored.run > 0 {
            tracing::warn!(
                store = %path.display(),
                "this database was restored, was put together from two, or its lock file is gone: what was signed since is unknown, so nothing is signed at or below the first final nonce that is seen now; put back the newest database with its lock file, or see `polyspan attest adopt`"
            );
        }
    }
    transaction.execute(
        "UPDATE mark SET line = ?1, run = ?2",
        params![number("line", next.line)?, number("run", next.run)?],
    )?;
    transaction.commit()?;
    // Only then: a database that is ahead was interrupted here, one that is behind was restored.
    lock.begin(next)?;
    Ok(())
}

/// What is wrong with a file that has other rows than it counts; `None` for a whole one.
pub(crate) fn torn(connection: &Connection) -> Result<Option<String>, Failure> {
    let counted = tally(connection, "SELECT roots, nonces, floors FROM mark")?;
    let found = tally(connection, FOUND)?;
    Ok((counted != found).then(|| {
        let Tally { roots, nonces, floors } = found;
        format!(
            "{roots} signed roots (sum of nonces {nonces}) and state {floors} of the floors are there, and {} ({}) and {} are counted: \
             an older file met a newer log, or rows are lost",
            counted.roots, counted.nonces, counted.floors
        )
    }))
}

/// What a [`Tally`] counts.
const FOUND: &str = "SELECT (SELECT count(*) FROM signed_root), \
     (SELECT coalesce(sum(nonce & 0xffffffffff), 0) FROM signed_root), (SELECT coalesce(sum(floor_changes), 0) FROM lane)";

fn tally(connection: &Connection, sql: &str) -> Result<Tally, Failure> {
    Ok(connection.query_row(sql, [], |row| {
        Ok(Tally { roots: count(row, 0)?, nonces: count(row, 1)?, floors: count(row, 2)? })
    })?)
}

fn mark(connection: &Connection) -> Result<Mark, Failure> {
    Ok(connection.query_row("SELECT line, run, signed FROM mark", [], |row| {
        Ok(Mark { line: count(row, 0)?, run: count(row, 1)?, signed: count(row, 2)? })
    })?)
}

/// Roots that were ever signed, in all lanes.
pub(crate) fn signed_ever(connection: &Connection) -> Result<u64, Failure> {
    Ok(connection.prepare_cached("SELECT signed FROM mark")?.query_row([], |row| count(row, 0))?)
}

/// The floor of the lane whose number is `row`.
pub(crate) fn load(connection: &Connection, row: i64) -> Result<SignFloor, Failure> {
    let mut statement =
        connection.prepare_cached("SELECT sign_floor, adopted_until, sealed FROM lane WHERE number = ?1")?;
    Ok(statement.query_row(params![row], |row| {
        let floor = row.get::<_, Option<i64>>(0)?.map(|_| count(row, 0)).transpose()?;
        let [adopted, sealed] = [count(row, 1)?, count(row, 2)?].map(RequestNonce::new);
        Ok(SignFloor::new(floor.map(RequestNonce::new), adopted, sealed))
    })?)
}

fn floor_operator(connection: &Connection, row: i64) -> Result<Option<Address>, Failure> {
    let sql = "SELECT floor_operator FROM lane WHERE number = ?1";
    let found: Option<[u8; 20]> =
        connection.prepare_cached(sql)?.query_row(params![row], |row| row.get(0))?;
    Ok(found.map(Address::from))
}

/// Whether the root that is known for `nonce` may be another key's alone: then it bars, and permits nothing.
pub(crate) fn is_inherited(connection: &Connection, row: i64, nonce: i64) -> Result<bool, Failure> {
    let mut statement = connection.prepare_cached(
        "SELECT CASE WHEN ?2 > inherited_until THEN 0 ELSE NOT EXISTS ( \
             SELECT 1 FROM attestation a WHERE a.lane = ?1 AND a.nonce = ?2 AND a.operator = floor_operator) END \
         FROM lane WHERE number = ?1",
    )?;
    Ok(statement.query_row(params![row, nonce], |row| row.get(0))?)
}

fn save(transaction: &Transaction<'_>, row: i64, floor: SignFloor) -> Result<SignFloor, Failure> {
    let decided = floor.floor().map(|floor| number("request nonce", floor.get())).transpose()?;
    transaction
        .prepare_cached("UPDATE lane SET sign_floor = ?2, adopted_until = ?3 WHERE number = ?1")?
        .execute(params![row, decided, number("request nonce", floor.adopted().get())?])?;
    Ok(floor)
}

fn highest_signed(connection: &Connection, row: i64) -> Result<RequestNonce, Failure> {
    let mut statement =
        connection.prepare_cached("SELECT coalesce(max(nonce), 0) FROM signed_root WHERE lane = ?1")?;
    Ok(statement.query_row(params![row], |row| count(row, 0).map(RequestNonce::new))?)
}
