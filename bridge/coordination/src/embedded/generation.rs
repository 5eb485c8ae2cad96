//! Generations of the own file: building one, finding the last one, removing the old ones.

use std::fs::File;
use std::io;
use std::path::Path;

use polyspan_types::{Attestation, BridgeId};
use rusqlite::{Connection, params};

use super::contents::{self, Contents, Numbered, number};
use super::file;
use super::name::{FileName, beside};
use crate::{CoordinationError, MemberId};

/// Builds a file where nobody sees it, then shows it complete.
pub(super) fn build(
    directory: &Path,
    name: &FileName,
    contents: &Contents,
    attestations: &[Numbered],
) -> Result<Connection, CoordinationError> {
    let (hidden, path) = (name.hidden_path(directory), name.path(directory));
    remove_file(&hidden);
    let built = || -> rusqlite::Result<()> {
        let mut connection = file::create(&hidden)?;
        fill(&mut connection, contents, attestations)?;
        // Folds the log into the file, and through to the disk.
        connection.close().map_err(|(_, error)| error)
    };
    built().map_err(|error| cannot_write(&hidden, &error))?;
    let refused =
        |error: io::Error| CoordinationError::CannotWrite { path: path.clone(), reason: error.to_string() };
    std::fs::rename(&hidden, &path).map_err(refused)?;
    File::open(directory).and_then(|folder| folder.sync_all()).map_err(refused)?;
    file::open_own(&path).map_err(|error| cannot_write(&path, &error))
}

fn fill(connection: &mut Connection, contents: &Contents, attestations: &[Numbered]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    let as_text = |result: Result<String, CoordinationError>| {
        result.map_err(|error| file::cannot_use(error.to_string()))
    };
    transaction.execute(
        "INSERT INTO member (number, origin, member, report, heartbeat, last_seen_ms, present, sequence) \
         VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            contents.origin,
            as_text(to_json("member", &contents.member))?,
            as_text(to_json("report", &contents.report))?,
            number(contents.heartbeat),
            number(contents.last_seen_ms),
            contents.present,
            number(contents.sequence),
        ],
    )?;
    for (lane, claim) in &contents.claims {
        transaction.execute(
            "INSERT INTO claim (lane, term, standing) VALUES (?1, ?2, ?3)",
            params![lane.0.as_slice(), number(claim.term.get()), claim.standing],
        )?;
    }
    for (lane, decision) in &contents.decisions {
        insert_decision(&transaction, *lane, &as_text(to_json("decision", decision))?)?;
    }
    if let Some(key) = &contents.key {
        show_key(&transaction, &as_text(to_json("key presence", key))?)?;
    }
    for numbered in attestations {
        insert(&transaction, numbered)?;
    }
    transaction.commit()
}

/// Writes a decision in the place of the one that the lane has.
pub(super) fn insert_decision(connection: &Connection, lane: BridgeId, text: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO decision (lane, decision) VALUES (?1, ?2)")?
        .execute(params![lane.0.as_slice(), text])
        .map(drop)
}

/// Shows this of the attester key, in the place of what was shown.
pub(super) fn show_key(connection: &Connection, text: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO key_presence (number, presence) VALUES (1, ?1)")?
        .execute([text])
        .map(drop)
}

/// Adds an attestation; false when it is there already.
pub(super) fn insert(connection: &Connection, numbered: &Numbered) -> rusqlite::Result<bool> {
    let Attestation { checkpoint, operator, signature } = &numbered.attestation;
    let added = connection
        .prepare_cached(
            "INSERT INTO attestation (sequence, lane, nonce, epoch, root, operator, signature) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (lane, nonce, epoch, root, operator) DO NOTHING",
        )?
        .execute(params![
            number(numbered.sequence),
            checkpoint.bridge_id.0.as_slice(),
            number(checkpoint.nonce.get()),
            number(checkpoint.epoch.get()),
            checkpoint.root.0.as_slice(),
            operator.as_slice(),
            signature.as_bytes(),
        ])?;
    Ok(added > 0)
}

/// What the last process with this name left, whatever state it was in.
pub(super) fn load_left_over(path: &Path) -> Option<(Contents, Vec<Numbered>)> {
    let load = |connection: Connection| -> rusqlite::Result<_> {
        Ok((Contents::load(&connection)?, contents::everything(&connection)?))
    };
    let loaded = file::open_peer(path).and_then(load).or_else(|_| file::open_own(path).and_then(load));
    loaded
        .inspect_err(|error| {
            tracing::warn!(file = %path.display(), %error, "own member file cannot be read; starting with an empty one");
        })
        .ok()
}

/// The newest of a member's files.
pub(super) fn newest_generation(
    directory: &Path,
    id: &MemberId,
) -> Result<Option<FileName>, CoordinationError> {
    let mut newest: Option<FileName> = None;
    for name in super::folder::member_files(directory)? {
        let name = name?;
        if name.id == *id && newest.as_ref().is_none_or(|newest| newest.generation < name.generation) {
            newest = Some(name);
        }
    }
    Ok(newest)
}

/// The file that comes after `last`.
pub(super) fn next_generation(id: &MemberId, last: Option<&FileName>) -> FileName {
    FileName { id: id.clone(), generation: last.map_or(1, |last| last.generation.saturating_add(1)) }
}

/// Older generations are of no use to anybody; a reader that has one open keeps it until its next look.
pub(super) fn remove_others(directory: &Path, current: &FileName) {
    let Ok(all) = super::folder::member_files(directory) else { return };
    for old in all.flatten().filter(|name| name.id == current.id && name != current) {
        remove_file(&old.path(directory));
    }
}

fn remove_file(path: &Path) {
    for path in [path.to_owned(), beside(path, "-wal"), beside(path, "-shm")] {
        if let Err(error) = std::fs::remove_file(&path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(file = %path.display(), %error, "an old member file stays");
        }
    }
}

/// A value as it is stored.
pub(super) fn to_json<T: serde::Serialize>(
    what: &'static str,
    value: &T,
) -> Result<String, CoordinationError> {
    serde_json::to_string(value)
        .map_err(|_| CoordinationError::Invalid { what, reason: "it cannot be written down".to_owned() })
}

/// An error of writing the own file.
pub(super) fn cannot_write(path: &Path, error: &rusqlite::Error) -> CoordinationError {
    CoordinationError::CannotWrite { path: path.to_owned(), reason: error.to_string() }
}
