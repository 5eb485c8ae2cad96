//! The tables, and how a file of an older version becomes one of this version.

use std::path::Path;

use rusqlite::Connection;

use crate::StoreError;
use crate::error::Failure;

/// Version of the newest schema. It rises with every entry of `MIGRATIONS`, and each version keeps a fixture.
pub const SCHEMA_VERSION: u32 = MIGRATIONS.len() as u32;

/// Marks the file as ours: "Pspn".
const APPLICATION_ID: i32 = 0x5073_706e;

/// `MIGRATIONS[n]` takes a file from version `n` to `n + 1`. Entries are never edited once released.
const MIGRATIONS: &[&str] = &[V1, V2, V3, V4, V5, V6, V7];

const V1: &str = "
-- One row per lane: the short number that other tables use, both cursors, how far the source has confirmed the own
-- root, and the halt.
CREATE TABLE lane (
    number             INTEGER PRIMARY KEY,
    bridge_id          BLOB NOT NULL UNIQUE CHECK (length(bridge_id) = 32),
    source_height      INTEGER,
    source_hash        BLOB CHECK (length(source_hash) = 32),
    verified_next      INTEGER NOT NULL DEFAULT 0,
    verified_height    INTEGER,
    verified_hash      BLOB CHECK (length(verified_hash) = 32),
    destination_height INTEGER,
    destination_hash   BLOB CHECK (length(destination_hash) = 32),
    halted_reason      TEXT,
    halted_at_ms       INTEGER
) STRICT;

-- `root` is the root after the request.
CREATE TABLE request (
    lane         INTEGER NOT NULL REFERENCES lane (number),
    nonce        INTEGER NOT NULL,
    kind         INTEGER NOT NULL,
    source_block INTEGER NOT NULL,
    token        BLOB NOT NULL,
    sender       BLOB NOT NULL,
    recipient    BLOB NOT NULL,
    refund_to    BLOB NOT NULL,
    value        BLOB NOT NULL,
    extra_data   BLOB NOT NULL,
    tx_hash      BLOB NOT NULL,
    leaf         BLOB NOT NULL,
    root         BLOB NOT NULL,
    stored_at_ms INTEGER NOT NULL,
    UNIQUE (lane, nonce)
) STRICT;

-- Slashing protection. The primary key itself is the rule: one root for one nonce of one lane.
CREATE TABLE signed_root (
    lane  INTEGER NOT NULL REFERENCES lane (number),
    nonce INTEGER NOT NULL,
    root  BLOB NOT NULL CHECK (length(root) = 32),
    PRIMARY KEY (lane, nonce)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER signed_root_never_changes BEFORE UPDATE ON signed_root
BEGIN SELECT RAISE (ABORT, 'a signed root never changes'); END;

CREATE TRIGGER signed_root_is_never_forgotten BEFORE DELETE ON signed_root
BEGIN SELECT RAISE (ABORT, 'a signed root is never forgotten'); END;

-- One signature per epoch and key over a signed root.
CREATE TABLE attestation (
    lane      INTEGER NOT NULL,
    nonce     INTEGER NOT NULL,
    epoch     INTEGER NOT NULL,
    operator  BLOB NOT NULL CHECK (length(operator) = 20),
    signature BLOB NOT NULL CHECK (length(signature) = 65),
    PRIMARY KEY (lane, epoch, nonce, operator),
    FOREIGN KEY (lane, nonce) REFERENCES signed_root (lane, nonce)
) STRICT, WITHOUT ROWID;

-- `reason` is empty for a paid request.
CREATE TABLE outcome (
    lane    INTEGER NOT NULL REFERENCES lane (number),
    nonce   INTEGER NOT NULL,
    reason  INTEGER,
    block   INTEGER NOT NULL,
    tx_hash BLOB NOT NULL,
    PRIMARY KEY (lane, nonce)
) STRICT, WITHOUT ROWID;

-- The journal. `state`: 0 pending, 1 mined, 2 final, 3 lost.
CREATE TABLE submission (
    number        INTEGER PRIMARY KEY,
    chain         INTEGER NOT NULL,
    submitter     BLOB NOT NULL CHECK (length(submitter) = 20),
    account_nonce INTEGER NOT NULL,
    lane          INTEGER NOT NULL REFERENCES lane (number),
    first         INTEGER NOT NULL,
    count         INTEGER NOT NULL,
    checkpoint    INTEGER NOT NULL,
    state         INTEGER NOT NULL,
    block_height  INTEGER,
    block_hash    BLOB,
    success       INTEGER,
    created_at_ms INTEGER NOT NULL,
    UNIQUE (chain, submitter, account_nonce)
) STRICT;

CREATE INDEX submission_open ON submission (chain, submitter, account_nonce) WHERE state < 2;
CREATE INDEX submission_of_request ON submission (lane, first, count);

-- Every transaction ever signed for an account nonce; only added to. `raw` is emptied once one of them is final.
CREATE TABLE attempt (
    number          INTEGER PRIMARY KEY,
    submission      INTEGER NOT NULL REFERENCES submission (number),
    tx_hash         BLOB NOT NULL,
    raw             BLOB NOT NULL,
    max_fee_per_gas BLOB NOT NULL,
    sent_at_ms      INTEGER NOT NULL,
    UNIQUE (submission, tx_hash)
) STRICT;
";

const V2: &str = "
ALTER TABLE request RENAME COLUMN extra_data TO payload;

-- What one call of the destination handled: nonces from `first` up to `next`, without it. All are paid but those in `hold`.
CREATE TABLE handled (
    lane    INTEGER NOT NULL REFERENCES lane (number),
    first   INTEGER NOT NULL,
    next    INTEGER NOT NULL CHECK (next > first),
    block   INTEGER NOT NULL,
    tx_hash BLOB NOT NULL,
    PRIMARY KEY (lane, first)
) STRICT, WITHOUT ROWID;

-- The columns of its end are empty while it is open. Of a release `released_to` is set, of a refund `refund_nonce`: the
-- number of the request in the other lane.
CREATE TABLE hold (
    lane          INTEGER NOT NULL REFERENCES lane (number),
    nonce         INTEGER NOT NULL,
    reason        INTEGER NOT NULL,
    block         INTEGER NOT NULL,
    tx_hash       BLOB NOT NULL,
    ended_block   INTEGER,
    ended_tx_hash BLOB,
    released_to   BLOB,
    refund_nonce  INTEGER,
    PRIMARY KEY (lane, nonce)
) STRICT, WITHOUT ROWID;

CREATE INDEX hold_open ON hold (lane, nonce) WHERE ended_block IS NULL;

-- Neighbours of one transaction become one row: within it, nonce minus rank is the same for all that follow each other.
INSERT INTO handled (lane, first, next, block, tx_hash)
SELECT lane, min(nonce), max(nonce) + 1, block, tx_hash
FROM (
    SELECT *, nonce - row_number() OVER (PARTITION BY lane, block, tx_hash ORDER BY nonce) AS run FROM outcome
)
GROUP BY lane, block, tx_hash, run;

INSERT INTO hold (lane, nonce, reason, block, tx_hash)
SELECT lane, nonce, reason, block, tx_hash FROM outcome WHERE reason IS NOT NULL;

DROP TABLE outcome;

-- `purpose`: 0 handles requests, 1 releases the hold of request `first`.
ALTER TABLE submission ADD COLUMN purpose INTEGER NOT NULL DEFAULT 0;
";

const V3: &str = "
-- Two valid statements about one nonce that contradict each other; only added to. The signature of a vote on chain is empty.
CREATE TABLE evidence (
    number           INTEGER PRIMARY KEY,
    lane             INTEGER NOT NULL REFERENCES lane (number),
    nonce            INTEGER NOT NULL,
    epoch            INTEGER NOT NULL,
    first_bridge_id  BLOB NOT NULL CHECK (length(first_bridge_id) = 32),
    first_root       BLOB NOT NULL CHECK (length(first_root) = 32),
    first_operator   BLOB NOT NULL CHECK (length(first_operator) = 20),
    first_signature  BLOB CHECK (length(first_signature) = 65),
    second_bridge_id BLOB NOT NULL CHECK (length(second_bridge_id) = 32),
    second_root      BLOB NOT NULL CHECK (length(second_root) = 32),
    second_operator  BLOB NOT NULL CHECK (length(second_operator) = 20),
    second_signature BLOB CHECK (length(second_signature) = 65),
    seen_at_ms       INTEGER NOT NULL,
    UNIQUE (lane, second_operator, nonce, epoch, second_bridge_id, second_root, first_operator, first_bridge_id, first_root)
) STRICT;
";

const V4: &str = "
-- Where a lane begins: `base_nonce` requests with `base_root` over them lie below, and are not stored; the source is read from
-- `base_block`, the destination from the block after `begun`. Empty until it is known. A lane of an older version begins at 0.
ALTER TABLE lane ADD COLUMN base_nonce INTEGER;
ALTER TABLE lane ADD COLUMN base_root BLOB CHECK (length(base_root) = 32);
ALTER TABLE lane ADD COLUMN base_block INTEGER;
ALTER TABLE lane ADD COLUMN begun_height INTEGER;
ALTER TABLE lane ADD COLUMN begun_hash BLOB CHECK (length(begun_hash) = 32);

-- Nonces above `sign_floor` are free to be signed, and those up to `adopted_until`; of the others only what is in `signed_root`.
-- Empty until the first final nonce is seen. Both hold for `floor_operator` alone, and of roots up to `inherited_until`, which
-- others signed, it may repeat only those that it attested itself. An older version has signed nothing that is not stored, but
-- only with the key that attested here; a lane that never attested knows nothing of any key.
ALTER TABLE lane ADD COLUMN sign_floor INTEGER;
ALTER TABLE lane ADD COLUMN adopted_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lane ADD COLUMN floor_operator BLOB CHECK (length(floor_operator) = 20);
ALTER TABLE lane ADD COLUMN inherited_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lane ADD COLUMN floor_changes INTEGER NOT NULL DEFAULT 0;
UPDATE lane SET base_nonce = 0;
UPDATE lane SET sign_floor = 0, floor_operator = (SELECT max(operator) FROM attestation a WHERE a.lane = lane.number)
WHERE EXISTS (SELECT 1 FROM signed_root s WHERE s.lane = lane.number)
  AND (SELECT count(DISTINCT operator) FROM attestation a WHERE a.lane = lane.number) = 1;

-- Of which line the store is, how often it was opened to write, and how many roots were ever signed: one row, which the lock
-- file follows. It counts what the other tables hold as well, roots and their nonces and changes of floors: a file that has
-- something else was put together from two, a newer log and an older file.
CREATE TABLE mark (
    only   INTEGER PRIMARY KEY CHECK (only = 0),
    line   INTEGER NOT NULL,
    run    INTEGER NOT NULL,
    signed INTEGER NOT NULL,
    roots  INTEGER NOT NULL,
    nonces INTEGER NOT NULL,
    floors INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO mark (only, line, run, signed, roots, nonces)
SELECT 0, random() & 0x7fffffffffffffff, 0, count(*), count(*), coalesce(sum(nonce & 0xffffffffff), 0) FROM signed_root;

CREATE TRIGGER a_root_that_comes_is_counted AFTER INSERT ON signed_root
BEGIN UPDATE mark SET roots = roots + 1, nonces = nonces + (new.nonce & 0xffffffffff); END;

CREATE TRIGGER a_root_that_goes_is_counted AFTER DELETE ON signed_root
BEGIN UPDATE mark SET roots = roots - 1, nonces = nonces - (old.nonce & 0xffffffffff); END;

CREATE TRIGGER a_floor_that_changes_is_counted
AFTER UPDATE OF sign_floor, adopted_until, floor_operator, inherited_until ON lane
BEGIN
    UPDATE lane SET floor_changes = floor_changes + 1 WHERE number = new.number;
    UPDATE mark SET floors = floors + 1;
END;
";

const V5: &str = "
-- Nothing below it is ever signed again, so the roots that were signed there need not be known. It moves up only.
ALTER TABLE lane ADD COLUMN sealed INTEGER NOT NULL DEFAULT 0;

-- A seal is counted with the floors.
DROP TRIGGER a_floor_that_changes_is_counted;
CREATE TRIGGER a_floor_that_changes_is_counted
AFTER UPDATE OF sign_floor, adopted_until, floor_operator, inherited_until, sealed ON lane
BEGIN
    UPDATE lane SET floor_changes = floor_changes + 1 WHERE number = new.number;
    UPDATE mark SET floors = floors + 1;
END;

CREATE TRIGGER a_seal_never_falls BEFORE UPDATE OF sealed ON lane WHEN new.sealed < old.sealed
BEGIN SELECT RAISE (ABORT, 'a seal never falls'); END;

DROP TRIGGER signed_root_is_never_forgotten;
CREATE TRIGGER signed_root_is_never_forgotten BEFORE DELETE ON signed_root
WHEN old.nonce >= (SELECT sealed FROM lane WHERE number = old.lane)
BEGIN SELECT RAISE (ABORT, 'a signed root is never forgotten above the seal'); END;

-- By nonce before epoch: what lies below a nonce is one run of rows, and a signed root finds its signatures.
CREATE TABLE attestation_by_nonce (
    lane      INTEGER NOT NULL,
    nonce     INTEGER NOT NULL,
    epoch     INTEGER NOT NULL,
    operator  BLOB NOT NULL CHECK (length(operator) = 20),
    signature BLOB NOT NULL CHECK (length(signature) = 65),
    PRIMARY KEY (lane, nonce, epoch, operator),
    FOREIGN KEY (lane, nonce) REFERENCES signed_root (lane, nonce)
) STRICT, WITHOUT ROWID;
INSERT INTO attestation_by_nonce SELECT lane, nonce, epoch, operator, signature FROM attestation ORDER BY lane, nonce;
DROP TABLE attestation;
ALTER TABLE attestation_by_nonce RENAME TO attestation;

CREATE INDEX hold_ended ON hold (lane, nonce) WHERE ended_block IS NOT NULL;
";

const V6: &str = "
-- Own decisions to force-hold request `nonce`, with the blocks of the destination at which it alone could not be handled. The
-- signature is empty while the key is asked.
CREATE TABLE force_hold (
    lane         INTEGER NOT NULL REFERENCES lane (number),
    nonce        INTEGER NOT NULL,
    epoch        INTEGER NOT NULL,
    operator     BLOB NOT NULL CHECK (length(operator) = 20),
    leaf         BLOB NOT NULL CHECK (length(leaf) = 32),
    first_block  INTEGER NOT NULL,
    last_block   INTEGER NOT NULL,
    trials       INTEGER NOT NULL,
    reason       TEXT NOT NULL,
    signature    BLOB CHECK (length(signature) = 65),
    stored_at_ms INTEGER NOT NULL,
    PRIMARY KEY (lane, nonce, epoch, operator)
) STRICT, WITHOUT ROWID;
";

const V7: &str = "
-- Requests up to which the destination's root was compared with the own one, and was the same.
ALTER TABLE lane ADD COLUMN compared_next INTEGER NOT NULL DEFAULT 0;

-- Whether the halt demands that the destination is paused: 0 no, 1 yes and it was not seen to be, 2 it was.
ALTER TABLE lane ADD COLUMN pause INTEGER NOT NULL DEFAULT 0;
";

/// Brings a file that [`refuse_foreign`] let pass up to [`SCHEMA_VERSION`]; a new file gets everything.
///
/// Errors: the file is damaged or cannot be written.
pub(crate) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), Failure> {
    let found = version(connection, path)?;
    for (from, sql) in MIGRATIONS.iter().enumerate().skip(found as usize) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", from + 1)?;
        transaction.commit()?;
        tracing::info!(store = %path.display(), version = from + 1, "store schema brought up to date");
    }
    Ok(())
}

/// Checks that a file can be read as it is.
///
/// Errors: the file is not ours, or is newer or older than [`SCHEMA_VERSION`].
pub(crate) fn check(connection: &Connection, path: &Path) -> Result<(), Failure> {
    let found = version(connection, path)?;
    refuse_newer(found, path)?;
    if found < SCHEMA_VERSION {
        let older = StoreError::OlderSchema { path: path.to_owned(), found, needed: SCHEMA_VERSION };
        return Err(older.into());
    }
    Ok(())
}

/// Checks, without a change, that the file is new or ours and not newer.
///
/// Errors: the file is not ours, is newer, or is damaged.
pub(crate) fn refuse_foreign(connection: &Connection, path: &Path) -> Result<(), Failure> {
    Ok(refuse_newer(version(connection, path)?, path)?)
}

fn version(connection: &Connection, path: &Path) -> Result<u32, Failure> {
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let tables: u32 = connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
    let new = application == 0 && version == 0 && tables == 0;
    if !new && application != APPLICATION_ID {
        return Err(StoreError::NotAStore { path: path.to_owned() }.into());
    }
    Ok(version)
}

fn refuse_newer(found: u32, path: &Path) -> Result<(), StoreError> {
    if found > SCHEMA_VERSION {
        return Err(StoreError::NewerSchema { path: path.to_owned(), found, supported: SCHEMA_VERSION });
    }
    Ok(())
}
