//! The own file: the only one that this process writes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use alloy::primitives::{Address, B256};
use polyspan_types::{Attestation, BridgeId, Epoch, RequestNonce, SignedDecision};
use rusqlite::{Connection, ErrorCode, params};

use super::contents::{self, Contents, Numbered, number};
use super::file::reason;
use super::generation::{
    build, cannot_write, insert, insert_decision, load_left_over, newest_generation, next_generation,
    remove_others, show_key, to_json,
};
use super::name::FileName;
use crate::{Claim, CoordinationError, KeyPresence, KeyProof, Member, MemberId, Report};

/// A joined member's file, and the lock that says that this process is that member.
#[derive(Debug)]
pub(super) struct OwnFile {
    directory: PathBuf,
    name: FileName,
    lock: File,
    /// An attester key runs in one process at a time, whatever name that has.
    #[expect(dead_code, reason = "held for its lock")]
    operator_lock: Option<File>,
    connection: Connection,
    /// What the file says, kept in step with it.
    contents: Contents,
    /// How often own attestations were lost with a damaged file.
    losses: Arc<AtomicU64>,
}

impl OwnFile {
    /// Takes the member's lock and starts a new generation with what the last one held.
    ///
    /// Errors: another process has the lock, or the folder cannot be written.
    pub(super) fn join(
        directory: &Path,
        member: Member,
        now_ms: u64,
        losses: Arc<AtomicU64>,
    ) -> Result<Self, CoordinationError> {
        let lock = lock(directory, FileName::lock_path(&member.id, directory), &member.id)?;
        let operator_lock =
            member.operator.map(|operator| lock_operator(directory, operator, &member.id)).transpose()?;
        let last = newest_generation(directory, &member.id)?;
        let (mut contents, attestations) = last
            .as_ref()
            .and_then(|name| load_left_over(&name.path(directory)))
            .map_or_else(|| blank(member.clone()).map(|blank| (blank, Vec::new())), Ok)?;
        // Who leads says so itself: a claim of the last process must not hold the lane for one that may not campaign. The
        // terms stay, so that they never go back.
        for claim in contents.claims.values_mut() {
            claim.standing = false;
        }
        // The number is drawn now: whoever signs it has the key since then.
        contents.key = member.operator.map(|operator| {
            KeyPresence::new(member.id.clone(), operator, B256::from(rand::random::<[u8; 32]>()), &member.api)
        });
        contents.member = member;
        contents.report = Report::default();
        contents.heartbeat = contents.heartbeat.saturating_add(1);
        contents.last_seen_ms = now_ms;
        contents.present = true;
        let name = next_generation(&contents.member.id, last.as_ref());
        let connection = build(directory, &name, &contents, &attestations)?;
        remove_others(directory, &name);
        Ok(Self { directory: directory.to_owned(), name, lock, operator_lock, connection, contents, losses })
    }

    pub(super) fn id(&self) -> &MemberId {
        &self.name.id
    }

    pub(super) fn contents(&self) -> &Contents {
        &self.contents
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// An error of this file that came from reading it.
    pub(super) fn unreadable(&self, error: &rusqlite::Error) -> CoordinationError {
        CoordinationError::Damaged { path: self.path(), reason: reason(error) }
    }

    pub(super) fn report(&mut self, report: Report, now_ms: u64) -> Result<(), CoordinationError> {
        let text = to_json("report", &report)?;
        if !self.path().exists() {
            // Somebody cleaned the folder up; what we write would be seen by nobody.
            self.renew()?;
        }
        self.write(|connection| {
            connection
                .prepare_cached(
                    "UPDATE member SET heartbeat = heartbeat + 1, last_seen_ms = ?1, report = ?2",
                )?
                .execute(params![number(now_ms), text])
        })?;
        self.contents.heartbeat = self.contents.heartbeat.saturating_add(1);
        self.contents.last_seen_ms = now_ms;
        self.contents.report = report;
        Ok(())
    }

    pub(super) fn claim(&mut self, lane: BridgeId, claim: Claim) -> Result<(), CoordinationError> {
        self.write(|connection| {
            connection
                .prepare_cached(
                    "INSERT INTO claim (lane, term, standing) VALUES (?1, ?2, ?3) \
                     ON CONFLICT DO UPDATE SET term = excluded.term, standing = excluded.standing",
                )?
                .execute(params![lane.0.as_slice(), number(claim.term.get()), claim.standing])
        })?;
        self.contents.claims.insert(lane, claim);
        Ok(())
    }

    /// Written through to the disk: the store is told next that this one is published.
    pub(super) fn publish(&mut self, attestation: &Attestation) -> Result<(), CoordinationError> {
        let sequence = self.contents.sequence.saturating_add(1);
        let numbered = Numbered { sequence, attestation: attestation.clone() };
        let added = self.write(|connection| {
            connection.pragma_update(None, "synchronous", "FULL")?;
            let result = insert_next(connection, &numbered);
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            result
        })?;
        if added {
            self.contents.sequence = sequence;
        }
        Ok(())
    }

    pub(super) fn prune(&mut self, lane: BridgeId, below: RequestNonce) -> Result<(), CoordinationError> {
        self.write(|connection| {
            connection
                .prepare_cached("DELETE FROM attestation WHERE lane = ?1 AND nonce <= ?2")?
                .execute(params![lane.0.as_slice(), number(below.get())])
        })?;
        Ok(())
    }

    /// Deletes what is not among `kept`, in one transaction.
    pub(super) fn keep_only(
        &mut self,
        lane: BridgeId,
        kept: &[Attestation],
    ) -> Result<(), CoordinationError> {
        let kept: BTreeSet<_> = kept.iter().map(place).collect();
        self.write(|connection| {
            let transaction = connection.transaction()?;
            for known in contents::above(&transaction, lane, None, contents::LEFT_OVER)? {
                if !kept.contains(&place(&known.attestation)) {
                    transaction
                        .prepare_cached("DELETE FROM attestation WHERE sequence = ?1")?
                        .execute(params![number(known.sequence)])?;
                }
            }
            transaction.commit()
        })
    }

    /// Has this decision about `lane`, or none, from now on. Written through to the disk, as an attestation is.
    pub(super) fn decide(
        &mut self,
        lane: BridgeId,
        decision: Option<&SignedDecision>,
    ) -> Result<(), CoordinationError> {
        if self.contents.decisions.get(&lane) == decision {
            return Ok(());
        }
        let text = decision.map(|decision| to_json("decision", decision)).transpose()?;
        self.write(|connection| {
            connection.pragma_update(None, "synchronous", "FULL")?;
            let result = match &text {
                Some(text) => insert_decision(connection, lane, text),
                None => connection
                    .prepare_cached("DELETE FROM decision WHERE lane = ?1")?
                    .execute(params![lane.0.as_slice()])
                    .map(drop),
            };
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            result
        })?;
        match decision {
            Some(decision) => drop(self.contents.decisions.insert(lane, *decision)),
            None => drop(self.contents.decisions.remove(&lane)),
        }
        Ok(())
    }

    /// Shows this proof of the attester key from now on.
    pub(super) fn prove_key(&mut self, proof: &KeyProof) -> Result<(), CoordinationError> {
        let Some(key) = &self.contents.key else { return Ok(()) };
        let key = KeyPresence { proof: Some(proof.clone()), ..key.clone() };
        let text = to_json("key presence", &key)?;
        self.write(|connection| show_key(connection, &text))?;
        self.contents.key = Some(key);
        Ok(())
    }

    /// Ends the membership; the file stays for those who still need the attestations in it.
    pub(super) fn leave(&mut self) -> Result<(), CoordinationError> {
        self.write(|connection| {
            connection.execute_batch(
                "BEGIN IMMEDIATE; UPDATE claim SET standing = 0; UPDATE member SET present = 0; COMMIT;",
            )
        })
    }

    fn path(&self) -> PathBuf {
        self.name.path(&self.directory)
    }

    /// Writes; if somebody froze with our write lock in its hands, or the file is damaged, goes on in a new generation.
    fn write<T>(
        &mut self,
        statement: impl Fn(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, CoordinationError> {
        let error = match statement(&mut self.connection) {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        match error.sqlite_error_code() {
            Some(
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase,
            ) => {
                tracing::warn!(file = %self.path().display(), %error, "member file cannot be written; starting a new one");
                self.renew()?;
                statement(&mut self.connection).map_err(|error| cannot_write(&self.path(), &error))
            }
            _ => Err(cannot_write(&self.path(), &error)),
        }
    }

    /// Starts a new generation with what this one holds. Nobody else has the new file open.
    fn renew(&mut self) -> Result<(), CoordinationError> {
        let path = FileName::lock_path(&self.name.id, &self.directory);
        let held = self.lock.metadata().map(|held| held.ino()).ok();
        if std::fs::metadata(&path).map(|now| now.ino()).ok() != held {
            self.lock = lock(&self.directory, path, &self.name.id)?;
        }
        let attestations = contents::everything(&self.connection).unwrap_or_else(|error| {
            tracing::warn!(file = %self.path().display(), %error, "own attestations are lost with the damaged file");
            self.losses.fetch_add(1, Ordering::Relaxed);
            Vec::new()
        });
        let newest = newest_generation(&self.directory, &self.name.id)?;
        let last = newest.filter(|name| name.generation > self.name.generation);
        let name = next_generation(&self.name.id, Some(last.as_ref().unwrap_or(&self.name)));
        self.connection = build(&self.directory, &name, &self.contents, &attestations)?;
        self.name = name;
        remove_others(&self.directory, &self.name);
        Ok(())
    }
}

/// What makes an attestation one of its lane: a second one with all of this is the same.
fn place(of: &Attestation) -> (RequestNonce, Epoch, B256, Address) {
    (of.checkpoint.nonce, of.checkpoint.epoch, of.checkpoint.root.0, of.operator)
}

/// Adds an attestation and raises the sequence with it; false when it is there already.
fn insert_next(connection: &mut Connection, numbered: &Numbered) -> rusqlite::Result<bool> {
    let transaction = connection.transaction()?;
    let added = insert(&transaction, numbered)?;
    if added {
        transaction
            .prepare_cached("UPDATE member SET sequence = ?1")?
            .execute(params![number(numbered.sequence)])?;
    }
    transaction.commit()?;
    Ok(added)
}

/// One process per attester key: two of them with two stores could sign two roots for one nonce.
fn lock_operator(directory: &Path, operator: Address, id: &MemberId) -> Result<File, CoordinationError> {
    let path = directory.join(format!("operator-{operator:#x}.lock"));
    lock(directory, path, id).map_err(|error| match error {
        CoordinationError::AlreadyRunning { place, .. } => CoordinationError::KeyInUse { operator, place },
        other => other,
    })
}

/// The lock dies with its process, however that ends; a frozen process keeps it, and must.
fn lock(directory: &Path, path: PathBuf, id: &MemberId) -> Result<File, CoordinationError> {
    let refused =
        |error: io::Error| CoordinationError::CannotWrite { path: path.clone(), reason: error.to_string() };
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(refused)?;
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path).map_err(refused)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let place = format!("it holds {}", path.display());
            Err(CoordinationError::AlreadyRunning { id: id.clone(), place })
        }
        Err(TryLockError::Error(error)) => Err(refused(error)),
    }
}

fn blank(member: Member) -> Result<Contents, CoordinationError> {
    let origin = Connection::open_in_memory()
        .and_then(|memory| memory.query_row("SELECT randomblob(16)", [], |row| row.get(0)))
        .map_err(|error| CoordinationError::Invalid { what: "a random name", reason: error.to_string() })?;
    Ok(Contents {
        origin,
        member,
        report: Report::default(),
        heartbeat: 0,
        last_seen_ms: 0,
        present: true,
        sequence: 0,
        claims: BTreeMap::new(),
        decisions: BTreeMap::new(),
        key: None,
    })
}
