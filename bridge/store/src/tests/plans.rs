//! What is asked at start and at every tick costs the same however much is stored: no statement goes through a table.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use rusqlite::trace::{TraceEvent, TraceEventCodes};
use tempfile::tempdir;

use super::*;
use crate::Retention;

static ASKED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

fn note(event: TraceEvent<'_>) {
    // What a trigger does is told as a comment.
    if let TraceEvent::Stmt(statement, sql) = event
        && !sql.starts_with("--")
    {
        let asked = statement.expanded_sql().unwrap_or_else(|| sql.to_owned());
        ASKED.lock().unwrap_or_else(PoisonError::into_inner).insert(asked);
    }
}

/// Tables with a few rows for each lane, or for each operator.
const SMALL: [&str; 4] = ["lane", "mark", "evidence", "CONSTANT"];

/// Why a plan depends on how much is stored, if it does.
fn goes_through(sql: &str, step: &str) -> Option<&'static str> {
    let words: Vec<&str> = step.split_whitespace().collect();
    let [kind, table, ..] = words[..] else { return None };
    if SMALL.contains(&table) || !["SCAN", "SEARCH"].contains(&kind) {
        return None;
    }
    if kind == "SCAN" {
        return Some("it goes through the table");
    }
    let whole_lane = step.ends_with("(lane=?)");
    // One end is found at once, and open holds have an index of their own.
    let short = sql.contains("LIMIT 1") || sql.contains("max(nonce)") || step.contains("hold_open");
    (whole_lane && !short).then_some("it goes through the lane")
}

#[tokio::test]
async fn nothing_that_is_asked_at_start_or_at_a_tick_goes_through_a_table() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s");
    let store = open(&path).await;
    store
        .write_connection(|connection| {
            connection.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(note));
            Ok(())
        })
        .await
        .unwrap();
    store
        .read_connection(|connection| {
            connection.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(note));
            Ok(())
        })
        .await
        .unwrap();
    tick(&store).await;
    let asked: BTreeSet<String> = ASKED.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let plans = store
        .read_connection(move |connection| {
            connection.trace_v2(TraceEventCodes::empty(), None);
            let mut plans = Vec::new();
            for sql in asked
                .into_iter()
                .filter(|sql| !["BEGIN", "COMMIT", "ROLLBACK"].iter().any(|word| sql.starts_with(word)))
            {
                let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
                let steps =
                    statement.query_map([], |row| row.get::<_, String>(3))?.collect::<Result<Vec<_>, _>>()?;
                plans.push((sql, steps));
            }
            Ok(plans)
        })
        .await
        .unwrap();
    assert!(plans.len() >= 40, "only {} statements were seen", plans.len());
    for (sql, steps) in plans {
        for step in steps {
            assert_eq!(goes_through(&sql, &step), None, "{sql}\n{step}");
        }
    }
}

/// Each call of the relay's tasks, at start and later.
async fn tick(store: &Store) {
    let id = lane(1);
    store.source_position(id).await.unwrap();
    store.destination_position(id).await.unwrap();
    store.halted(id).await.unwrap();
    store.sign_floor(id).await.unwrap();
    store.journal(CHAIN, SUBMITTER).await.unwrap();
    store.last_final(CHAIN, SUBMITTER).await.unwrap();
    store.attestations(id, Epoch::new(1), nonce(0)).await.unwrap();
    store.open_holds(id, nonce(0), 1).await.unwrap();
    store.open_hold_recipients(id, nonce(0), 1).await.unwrap();
    store.append_requests(id, requests(0, 4), block(5)).await.unwrap();
    confirm(store, id, requests(4, 4), block(6)).await.unwrap();
    store.rewind_to_verified(id).await.unwrap();
    store.read_source_again(id, block(6)).await.unwrap();
    store.requests(id, nonce(1), 3).await.unwrap();
    store.leaves(id, nonce(1), nonce(3)).await.unwrap();
    store.root_at(id, nonce(3)).await.unwrap();
    store.signed_root(id, nonce(3)).await.unwrap();
    store.claim_root(id, nonce(3), Root(B256::repeat_byte(1))).await.unwrap();
    store.record_attestation(&attestation(8, 1, 1)).await.unwrap();
    store.decide_floor(id, nonce(3)).await.unwrap();
    store.take_in_signed(id, vec![(nonce(2), Root(B256::repeat_byte(1)))]).await.unwrap();
    store.doubt_history(id, nonce(1)).await.unwrap();
    store.record_submission(&submission(5, 0, 2)).await.unwrap();
    let outcome = SubmissionOutcome::Final { block: block(7), success: true };
    store.record_receipt(CHAIN, SUBMITTER, AccountNonce::new(5), outcome).await.unwrap();
    let holds = [held(1, HoldReason::PayoutFailed, 40)];
    store.record_handled(id, logs(&[range(0, 2, 40), range(2, 4, 41)], &holds), block(41)).await.unwrap();
    store.record_conflicts(id, &[conflict(7, 2)]).await.unwrap();
    store.history(id).await.unwrap();
    store
        .compact(id, Retention { keep: Some(1), max_age: Some(std::time::Duration::ZERO) }, block(41))
        .await
        .unwrap();
    store.halt_lane(id, "why", false).await.unwrap();
}
