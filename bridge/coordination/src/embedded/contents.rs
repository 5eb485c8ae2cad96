//! What a member file says, in Rust.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256, Signature};
use polyspan_types::{Attestation, BridgeId, Checkpoint, Epoch, RequestNonce, Root, SignedDecision, Term};
use rusqlite::{Connection, Row, params};

use super::file::cannot_use;
use crate::{Claim, KeyPresence, Member, Report};

/// Most attestations that one look takes from one file, so that a long history flows instead of piling up.
pub(super) const NEWS_LIMIT: usize = 1000;

/// Claims, and decisions, that are read of one file. Unit: lanes. Source: as in etcd.
const LANES: usize = 1024;

/// Attestations of one lane that one question takes from one file; the lowest nonces first. Source: as in etcd.
pub(super) const OF_LANE: usize = 4096;

/// Attestations that a process takes over from the one before it. Source: as many as etcd keeps of all.
pub(super) const LEFT_OVER: usize = 49_152;

/// Longest decision. Unit: bytes. Source: ours have about 500.
const DECISION: usize = 2 * 1024;

/// Longest key presence. Unit: bytes. Source: as in etcd.
const KEY_PRESENCE: usize = 4 * 1024;

const COLUMNS: &str = "sequence, lane, nonce, epoch, root, operator, signature";

/// The small part of a file: everything but the attestations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Contents {
    /// Random name of the history that `sequence` counts.
    pub(super) origin: [u8; 16],
    pub(super) member: Member,
    pub(super) report: Report,
    pub(super) heartbeat: u64,
    pub(super) last_seen_ms: u64,
    /// False once the member has left.
    pub(super) present: bool,
    /// Number of the last attestation.
    pub(super) sequence: u64,
    pub(super) claims: BTreeMap<BridgeId, Claim>,
    /// Own decisions about the next request of a lane, each under its own lane.
    pub(super) decisions: BTreeMap<BridgeId, SignedDecision>,
    /// What the process shows of its attester key.
    pub(super) key: Option<KeyPresence>,
}

/// An attestation with its number in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Numbered {
    pub(super) sequence: u64,
    pub(super) attestation: Attestation,
}

/// A number to be stored or compared with; what no counter reaches is the highest number.
pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl Contents {
    /// Reads the small part; inside a transaction if it has to be of one moment.
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let mut contents = connection
            .prepare_cached(
                "SELECT origin, member, report, heartbeat, last_seen_ms, present, sequence FROM member",
            )?
            .query_row([], |row| {
                Ok(Self {
                    origin: row.get(0)?,
                    member: json("member", &row.get::<_, String>(1)?)?,
                    report: json("report", &row.get::<_, String>(2)?)?,
                    heartbeat: count(row, 3)?,
                    last_seen_ms: count(row, 4)?,
                    present: row.get(5)?,
                    sequence: count(row, 6)?,
                    claims: BTreeMap::new(),
                    decisions: BTreeMap::new(),
                    key: None,
                })
            })?;
        let claims = format!("SELECT lane, term, standing FROM claim LIMIT {LANES}");
        let mut statement = connection.prepare_cached(&claims)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let claim = Claim { term: Term::new(count(row, 1)?), standing: row.get(2)? };
            contents.claims.insert(BridgeId(hash(row, 0)?), claim);
        }
        contents.decisions = decisions(connection)?;
        contents.key = key_presence(connection)?.filter(|key| key.member == contents.member.id);
        Ok(contents)
    }
}

/// A file of an earlier program does not have every table.
fn has_table(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?1";
    Ok(connection.prepare_cached(sql)?.query_row([name], |row| row.get::<_, i64>(0))? > 0)
}

/// A row that says something else is none.
fn key_presence(connection: &Connection) -> rusqlite::Result<Option<KeyPresence>> {
    if !has_table(connection, "key_presence")? {
        return Ok(None);
    }
    let sql = format!("SELECT presence FROM key_presence WHERE length(presence) <= {KEY_PRESENCE} LIMIT 1");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(serde_json::from_str(&row.get::<_, String>(0)?).ok())
}

/// A row that says something else is none.
fn decisions(connection: &Connection) -> rusqlite::Result<BTreeMap<BridgeId, SignedDecision>> {
    if !has_table(connection, "decision")? {
        return Ok(BTreeMap::new());
    }
    let sql =
        format!("SELECT lane, decision FROM decision WHERE length(decision) <= {DECISION} LIMIT {LANES}");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([], |row| Ok((BridgeId(hash(row, 0)?), row.get::<_, String>(1)?)))?;
    let mut found = BTreeMap::new();
    for row in rows {
        let (lane, text) = row?;
        let decision = serde_json::from_str::<SignedDecision>(&text).ok();
        found.extend(decision.filter(|decision| decision.decision.bridge_id == lane).map(|it| (lane, it)));
    }
    Ok(found)
}

/// Attestations of a lane after number `after`, at most [`NEWS_LIMIT`].
pub(super) fn news(connection: &Connection, lane: BridgeId, after: u64) -> rusqlite::Result<Vec<Numbered>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM attestation WHERE lane = ?1 AND sequence > ?2 ORDER BY sequence LIMIT {NEWS_LIMIT}"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    statement.query_map(params![lane.0.as_slice(), number(after)], numbered)?.collect()
}

/// Attestations of a lane with a nonce above `above`, or all: of those the `limit` with the lowest nonces.
pub(super) fn above(
    connection: &Connection,
    lane: BridgeId,
    above: Option<RequestNonce>,
    limit: usize,
) -> rusqlite::Result<Vec<Numbered>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM attestation WHERE lane = ?1 AND nonce > ?2 ORDER BY nonce, sequence LIMIT {limit}"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let above = above.map_or(-1, |above| number(above.get()));
    statement.query_map(params![lane.0.as_slice(), above], numbered)?.collect()
}

/// Every attestation of a file.
pub(super) fn everything(connection: &Connection) -> rusqlite::Result<Vec<Numbered>> {
    let sql = format!("SELECT {COLUMNS} FROM attestation ORDER BY sequence LIMIT {LEFT_OVER}");
    let mut statement = connection.prepare_cached(&sql)?;
    statement.query_map([], numbered)?.collect()
}

fn numbered(row: &Row<'_>) -> rusqlite::Result<Numbered> {
    let checkpoint = Checkpoint {
        bridge_id: BridgeId(hash(row, 1)?),
        nonce: RequestNonce::new(count(row, 2)?),
        epoch: Epoch::new(count(row, 3)?),
        root: Root(hash(row, 4)?),
    };
    let signature = Signature::from_raw_array(&row.get::<_, [u8; 65]>(6)?)
        .map_err(|_| cannot_use("a signature in it is none".to_owned()))?;
    let operator = Address::from(row.get::<_, [u8; 20]>(5)?);
    Ok(Numbered { sequence: count(row, 0)?, attestation: Attestation { checkpoint, operator, signature } })
}

fn count(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(index)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(index, value))
}

fn hash(row: &Row<'_>, index: usize) -> rusqlite::Result<B256> {
    row.get::<_, [u8; 32]>(index).map(B256::from)
}

fn json<T: serde::de::DeserializeOwned>(what: &str, text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text)
        .map_err(|_| cannot_use(format!("its {what} is not as a relay of this version writes it")))
}
