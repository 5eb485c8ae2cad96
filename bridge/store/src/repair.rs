//! Mends a damaged file: keeps what only this store knows, and leaves out what the chains can tell again.

use std::path::{Path, PathBuf};

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, params_from_iter};

use crate::error::Failure;
use crate::handle::{beside, create_and_lock, open_writer};
use crate::{StoreError, protection, schema};

/// What is kept, in an order in which every row finds what it refers to. Everything else is read again.
const KEPT: [(&str, &str); 7] = [
    ("lane", "number, bridge_id, halted_reason, halted_at_ms, sealed, pause"),
    ("signed_root", "lane, nonce, root"),
    ("attestation", "lane, nonce, epoch, operator, signature"),
    (
        "submission",
        "number, chain, submitter, account_nonce, lane, first, count, checkpoint, state, block_height, block_hash, success, \
         created_at_ms, purpose",
    ),
    ("attempt", "number, submission, tx_hash, raw, max_fee_per_gas, sent_at_ms"),
    (
        "evidence",
        "number, lane, nonce, epoch, first_bridge_id, first_root, first_operator, first_signature, second_bridge_id, \
         second_root, second_operator, second_signature, seen_at_ms",
    ),
    (
        "force_hold",
        "lane, nonce, epoch, operator, leaf, first_block, last_block, trials, reason, signature, stored_at_ms",
    ),
];

/// What a repair found and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repair {
    /// The file is whole; it was left as it is.
    Intact,
    /// It was damaged, and is replaced.
    Mended {
        /// What the check of the file said, its first lines.
        damage: Vec<String>,
        /// Where the damaged file is now.
        aside: PathBuf,
        /// Kept rows of each table, and whether its end could not be read.
        kept: Vec<(&'static str, u64, bool)>,
    },
}

/// Checks the store at `path`, which no relay may have open, and mends it if it is damaged. A damaged file is copied aside first.
/// After that nothing is signed at or below the first final nonce that is seen: signed roots may be among what was lost.
///
/// Errors: in use; not a store, or so damaged that it cannot be told from something else; not of this version; the disk refuses.
pub async fn repair(path: &Path) -> Result<Repair, StoreError> {
    let path = path.to_owned();
    let failed = path.clone();
    match tokio::task::spawn_blocking(move || mend(&path).map_err(|failure| failure.at(&path))).await {
        Ok(result) => result,
        Err(error) => Err(StoreError::Open { path: failed, reason: error.to_string() }),
    }
}

fn mend(path: &Path) -> Result<Repair, Failure> {
    if !path.exists() {
        let reason = "there is no such file".to_owned();
        return Err(StoreError::Open { path: path.to_owned(), reason }.into());
    }
    let _lock = create_and_lock(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let damaged = Connection::open_with_flags(path, flags)?;
    schema::check(&damaged, path)?;
    let damage = damage(&damaged, path);
    if damage.is_empty() {
        return Ok(Repair::Intact);
    }
    let aside = copy_aside(path).map_err(|error| cannot_write(path, &error))?;
    let fresh = beside(path, ".repaired");
    remove_all(&fresh).map_err(|error| cannot_write(&fresh, &error))?;
    // With the rights of the damaged one, and empty.
    std::fs::copy(path, &fresh)
        .and_then(|_| std::fs::File::create(&fresh))
        .map_err(|error| cannot_write(&fresh, &error))?;
    let mut mended = open_writer(&fresh)?;
    let transaction = mended.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut kept = Vec::new();
    for (table, columns) in KEPT {
        let (rows, broken) = copy_rows(&damaged, &transaction, table, columns)?;
        kept.push((table, rows, broken));
    }
    transaction.execute("UPDATE mark SET signed = (SELECT count(*) FROM signed_root)", [])?;
    transaction.commit()?;
    // Without its log: what is renamed must be everything.
    mended.pragma_update(None, "journal_mode", "DELETE")?;
    drop((mended, damaged));
    for suffix in ["-wal", "-shm"] {
        remove(&beside(path, suffix)).map_err(|error| cannot_write(path, &error))?;
    }
    std::fs::rename(&fresh, path).map_err(|error| cannot_write(path, &error))?;
    Ok(Repair::Mended { damage, aside, kept })
}

/// What SQLite finds wrong; nothing for a whole file. A check that fails is damage as well.
fn damage(connection: &Connection, path: &Path) -> Vec<String> {
    let ask = |pragma: &str| -> rusqlite::Result<Vec<String>> {
        let mut statement = connection.prepare(&format!("PRAGMA {pragma}"))?;
        let rows = statement.query_map([], |row| row.get::<_, Value>(0).map(|value| words(&value)))?;
        rows.take(8).collect()
    };
    let mut found = match ask("integrity_check(8)") {
        Ok(lines) => lines.into_iter().filter(|line| line != "ok").collect(),
        Err(error) => vec![error.to_string()],
    };
    match ask("foreign_key_check") {
        Ok(lines) => found.extend(lines.iter().map(|table| format!("a row of {table} refers to nothing"))),
        Err(error) => found.push(error.to_string()),
    }
    match protection::torn(connection) {
        Ok(torn) => found.extend(torn),
        Err(failure) => found.push(failure.at(path).to_string()),
    }
    found
}

fn words(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        other => format!("{other:?}"),
    }
}

/// Copies rows until the first that cannot be read; a row that the new file refuses is left out. Answers how many, and whether
/// any is missing.
fn copy_rows(
    from: &Connection,
    to: &Transaction<'_>,
    table: &str,
    columns: &str,
) -> Result<(u64, bool), Failure> {
    let width = columns.split(',').count();
    let places = vec!["?"; width].join(", ");
    let mut insert = to.prepare(&format!("INSERT OR IGNORE INTO {table} ({columns}) VALUES ({places})"))?;
    // Not by an index, which may be what is damaged.
    let Ok(mut select) = from.prepare(&format!("SELECT {columns} FROM {table} NOT INDEXED")) else {
        return Ok((0, true));
    };
    let Ok(mut rows) = select.query([]) else { return Ok((0, true)) };
    let (mut copied, mut missing) = (0, false);
    loop {
        let row = match rows.next() {
            Ok(Some(row)) => row,
            Ok(None) => return Ok((copied, missing)),
            Err(_) => return Ok((copied, true)),
        };
        let values: rusqlite::Result<Vec<Value>> = (0..width).map(|column| row.get(column)).collect();
        match values.and_then(|values| insert.execute(params_from_iter(values))) {
            Ok(1) => copied += 1,
            _ => missing = true,
        }
    }
}

/// The first free name beside it.
fn copy_aside(path: &Path) -> std::io::Result<PathBuf> {
    let name = |number: u32| beside(path, &format!(".damaged-{number}"));
    let free = (1..).map(name).find(|name| !name.exists()).unwrap_or_else(|| name(0));
    std::fs::copy(path, &free)?;
    let log = beside(path, "-wal");
    if log.exists() {
        std::fs::copy(log, beside(&free, "-wal"))?;
    }
    Ok(free)
}

fn remove_all(path: &Path) -> std::io::Result<()> {
    ["", "-wal", "-shm"].iter().try_for_each(|suffix| remove(&beside(path, suffix)))
}

fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    StoreError::CannotWrite { path: path.to_owned(), detail: error.to_string() }.into()
}
