//! How member files are opened, and their tables.

use std::fs::OpenOptions;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, OpenFlags};

/// Version of the tables. Another one is skipped by readers.
const VERSION: u32 = 1;

/// Marks the file as ours: "Pspm".
const APPLICATION_ID: i32 = 0x5073_706d;

/// Size of the log after which a commit folds it into the file. Unit: pages.
const CHECKPOINT_PAGES: u32 = 200;

/// Longest value, and longest row, of a file that is read. Unit: bytes. Source: a report has about 600 bytes a lane, and some
/// hundred lanes; as in etcd.
const LONGEST_VALUE: i32 = 256 * 1024;

/// How long the owner waits for its file's write lock. Only a reader that froze within a few instructions can hold it.
pub(super) const LOCK_PATIENCE: Duration = Duration::from_millis(100);

const TABLES: &str = "
-- One row. `origin` names the history that `sequence` counts; both outlive generations.
CREATE TABLE member (
    number       INTEGER PRIMARY KEY CHECK (number = 1),
    origin       BLOB NOT NULL CHECK (length(origin) = 16),
    member       TEXT NOT NULL,
    report       TEXT NOT NULL,
    heartbeat    INTEGER NOT NULL,
    last_seen_ms INTEGER NOT NULL,
    present      INTEGER NOT NULL,
    sequence     INTEGER NOT NULL
) STRICT;

CREATE TABLE claim (
    lane     BLOB PRIMARY KEY CHECK (length(lane) = 32),
    term     INTEGER NOT NULL,
    standing INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The member's open decision about a lane's next request, as JSON. Files of earlier programs do not have this table.
CREATE TABLE decision (
    lane     BLOB PRIMARY KEY CHECK (length(lane) = 32),
    decision TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What the process shows of its attester key, as JSON; one row or none. Files of earlier programs do not have this table.
CREATE TABLE key_presence (
    number   INTEGER PRIMARY KEY CHECK (number = 1),
    presence TEXT NOT NULL
) STRICT;

CREATE TABLE attestation (
    sequence  INTEGER PRIMARY KEY,
    lane      BLOB NOT NULL,
    nonce     INTEGER NOT NULL,
    epoch     INTEGER NOT NULL,
    root      BLOB NOT NULL,
    operator  BLOB NOT NULL,
    signature BLOB NOT NULL,
    UNIQUE (lane, nonce, epoch, root, operator)
) STRICT;

CREATE INDEX attestation_news ON attestation (lane, sequence);
";

/// A file with other tables, or with values of other kinds in them.
const FOREIGN_FORM: &str = "it is not of the form that a relay of this version writes; stop the relay of that name and move the file away";

/// Makes a new file with empty tables, for its owner only.
pub(super) fn create(path: &Path) -> rusqlite::Result<Connection> {
    // SQLite gives its companions of the file the same mode.
    if let Err(error) = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        return Err(cannot_open(error.to_string()));
    }
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.execute_batch(TABLES)?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", VERSION)?;
    Ok(connection)
}

/// Opens a file that [`create`] made, for its owner.
pub(super) fn open_own(path: &Path) -> rusqlite::Result<Connection> {
    expect_file(path)?;
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(LOCK_PATIENCE)?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    // The log stays when the owner goes: without it readers that may not write could not open the file.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(connection)
}

/// Opens somebody's file to read.
///
/// `readonly_shm`: the reader then never recovers a log, never checkpoints and never takes a lock that lasts beyond two
/// system calls, so freezing it anywhere else cannot make the owner wait.
pub(super) fn open_peer(path: &Path) -> rusqlite::Result<Connection> {
    expect_file(path)?;
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(read_only_uri(path), flags)?;
    // A file whose owner froze in the middle of something is looked at again later.
    connection.busy_timeout(Duration::ZERO)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LONGEST_VALUE)?;
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if application != APPLICATION_ID {
        return Err(cannot_use("it is not a member file".to_owned()));
    }
    if version != VERSION {
        return Err(cannot_use(format!("it has version {version}, this program reads {VERSION}")));
    }
    Ok(connection)
}

/// Whether another look may find the file in order: its owner or another reader is in the middle of something.
pub(super) fn is_passing(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::SystemIoFailure
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::SchemaChanged
        )
    )
}

fn read_only_uri(path: &Path) -> String {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                uri.push(char::from(*byte))
            }
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri.push_str("?mode=ro&readonly_shm=1");
    uri
}

/// Whoever opens a pipe waits for its other end. What does not exist is for SQLite to report.
fn expect_file(path: &Path) -> rusqlite::Result<()> {
    match std::fs::metadata(path) {
        Ok(found) if !found.is_file() => Err(cannot_use("it is not a regular file".to_owned())),
        _ => Ok(()),
    }
}

fn cannot_open(reason: String) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN), Some(reason))
}

/// Why a file cannot be used. What SQLite says of a file stays, what the library says of our statements and types does not.
pub(super) fn reason(error: &rusqlite::Error) -> String {
    use rusqlite::Error;
    match error {
        Error::QueryReturnedNoRows => "it names no member".to_owned(),
        Error::SqliteFailure(failure, _) if failure.code == ErrorCode::Unknown => FOREIGN_FORM.to_owned(),
        Error::SqliteFailure(..) | Error::ToSqlConversionFailure(_) => error.to_string(),
        _ => FOREIGN_FORM.to_owned(),
    }
}

/// An error of no SQLite code, for a file that is sound and means nothing.
pub(super) fn cannot_use(reason: String) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(reason.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_any_character_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a b?c#d%e&f=ü.1.member");
        create(&path).unwrap().close().unwrap();
        let owner = open_own(&path).unwrap();
        owner.execute("DELETE FROM claim", []).unwrap();
        open_peer(&path).unwrap();
    }
}
