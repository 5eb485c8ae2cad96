//! What goes, what stays, and that a stop in the middle leaves a whole lane.

use std::collections::BTreeMap;

use polyspan_types::{HoldEnd, HoldEnding, Outcome};
use proptest::prelude::*;
use tempfile::tempdir;

use super::*;
use crate::{DestinationPosition, OpenHold, Retention, SourcePosition, StoreError, StoredRequest};

const WINDOW: u64 = 8;

async fn open_small(path: &Path, now_ms: u64) -> Store {
    let settings =
        StoreSettings { clock: Arc::new(move || now_ms), window: WINDOW, ..StoreSettings::default() };
    let store = Store::open_with(path, settings).await.unwrap();
    store.begin_lane(lane(1), zero_base(lane(1)), Vec::new()).await.unwrap();
    store.decide_floor(lane(1), nonce(0)).await.unwrap();
    store
}

fn keep(keep: u64) -> Retention {
    Retention { keep: Some(keep), max_age: None }
}

fn end_of(number: u64, height: u64) -> HoldEnding {
    let end = HoldEnd::Released { to: Address::repeat_byte(3) };
    HoldEnding { nonce: nonce(number), end, block: BlockHeight::new(height), tx_hash: B256::repeat_byte(2) }
}

/// `count` requests, each signed for and handled by a call of its own in the block of its number, those of `holds` on hold. The
/// destination is read up to block 1000.
async fn fill(store: &Store, count: u64, holds: &[u64]) {
    confirm(store, lane(1), requests(0, count), block(2_000)).await.unwrap();
    let ranges: Vec<_> = (0..count).map(|number| range(number, number + 1, number)).collect();
    let held: Vec<_> = holds.iter().map(|number| held(*number, HoldReason::PayoutFailed, *number)).collect();
    for number in 0..count {
        store.record_attestation(&attestation(number + 1, 1, 1)).await.unwrap();
        store.record_submission(&submission(number, number, 1)).await.unwrap();
        let outcome = SubmissionOutcome::Final { block: block(number), success: true };
        store.record_receipt(CHAIN, SUBMITTER, AccountNonce::new(number), outcome).await.unwrap();
    }
    store.record_handled(lane(1), logs(&ranges, &held), block(1_000)).await.unwrap();
}

async fn compact_all(store: &Store, retention: Retention, proved: u64) -> u64 {
    let mut steps = 0;
    while store.compact(lane(1), retention, block(proved)).await.unwrap().more {
        steps += 1;
        assert!(steps < 1_000, "it comes to an end");
    }
    steps
}

async fn rows(store: &Store) -> BTreeMap<&'static str, u64> {
    let tables =
        ["request", "handled", "hold", "signed_root", "attestation", "submission", "attempt", "evidence"];
    store
        .write_connection(move |connection| {
            let count = |table| {
                let sql = format!("SELECT count(*) FROM {table}");
                Ok((table, connection.query_row(&sql, [], |row| row.get(0))?))
            };
            tables.into_iter().map(count).collect()
        })
        .await
        .unwrap()
}

#[tokio::test]
async fn what_is_beyond_the_count_goes_and_open_holds_stay_with_their_story() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s");
    let store = open_small(&path, NOW_MS).await;
    fill(&store, 100, &[3, 5]).await;
    store.record_submission(&submission(500, 4, 1)).await.unwrap();
    store.record_conflicts(lane(1), &[conflict(7, 2)]).await.unwrap();
    let before = store.source_position(lane(1)).await.unwrap();
    assert_eq!(compact_all(&store, keep(20), 1_000).await, 80 / WINDOW);
    store.close().await;

    let store = open_small(&path, NOW_MS).await;
    let source = store.source_position(lane(1)).await.unwrap();
    let base = source.base.unwrap();
    assert_eq!((base.nonce, base.source_block), (nonce(80), Some(BlockHeight::new(179))));
    assert_eq!(
        (base.root, base.begun),
        (store.root_at(lane(1), nonce(80)).await.unwrap().unwrap(), Some(block(1_000)))
    );
    assert_eq!((source.next, source.root), (before.next, before.root));
    assert_eq!(store.request(lane(1), nonce(3)).await.unwrap().unwrap().request, request(3));
    assert_eq!(store.request(lane(1), nonce(4)).await.unwrap(), None);
    assert!(store.outcome(lane(1), nonce(5)).await.unwrap().is_some());
    assert_eq!(store.outcome(lane(1), nonce(6)).await.unwrap(), None);
    assert_eq!(store.submissions_for(lane(1), nonce(3)).await.unwrap().len(), 1);
    assert_eq!(
        store.submissions_for(lane(1), nonce(4)).await.unwrap(),
        [submission(500, 4, 1)],
        "it is not final"
    );
    let history = store.history(lane(1)).await.unwrap();
    assert_eq!((history.oldest, history.kept, history.open_holds), (Some(nonce(80)), 20, 2));
    assert_eq!(history.sealed, nonce(80));
    let expected = [
        ("request", 22),
        ("handled", 20),
        ("hold", 2),
        ("signed_root", 21),
        ("attestation", 21),
        ("submission", 23),
        ("attempt", 23),
        ("evidence", 1),
    ];
    assert_eq!(rows(&store).await, BTreeMap::from(expected));

    // A hold goes after its end is proved, with everything about it.
    let ended = HandledLogs { endings: vec![end_of(3, 1_001)], ..HandledLogs::default() };
    store.record_handled(lane(1), ended, block(1_001)).await.unwrap();
    compact_all(&store, keep(20), 1_000).await;
    assert!(store.hold_ending(lane(1), nonce(3)).await.unwrap().is_some(), "its end is not proved");
    compact_all(&store, keep(20), 1_001).await;
    assert_eq!(store.hold_ending(lane(1), nonce(3)).await.unwrap(), None);
    assert_eq!(store.request(lane(1), nonce(3)).await.unwrap(), None);
    assert_eq!(store.submissions_for(lane(1), nonce(3)).await.unwrap(), []);
    assert_eq!(store.source_position(lane(1)).await.unwrap().base.unwrap().begun, Some(block(1_001)));
    assert_eq!(store.compact(lane(1), keep(20), block(1_001)).await.unwrap(), Default::default());
}

#[tokio::test]
async fn what_is_too_old_goes_and_what_is_young_or_not_handled_stays() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s");
    let day = |days: u64| std::time::Duration::from_secs(86_400 * days);
    let store = open_small(&path, NOW_MS).await;
    fill(&store, 30, &[]).await;
    store.close().await;
    let later = NOW_MS + 86_400_000 * 10;
    let store = open_small(&path, later).await;
    confirm(&store, lane(1), requests(30, 10), block(2_001)).await.unwrap();
    let age = |days| Retention { keep: None, max_age: Some(day(days)) };
    compact_all(&store, age(11), 1_000).await;
    assert_eq!(store.history(lane(1)).await.unwrap().oldest, Some(nonce(0)));
    compact_all(&store, age(9), 1_000).await;
    assert_eq!(store.history(lane(1)).await.unwrap().oldest, Some(nonce(30)));
    // The younger ones get old as well, and are not handled.
    store.close().await;
    let store = open_small(&path, later + 86_400_000 * 10).await;
    compact_all(&store, age(9), 1_000).await;
    assert_eq!(store.history(lane(1)).await.unwrap().oldest, Some(nonce(30)));
    let position = store.source_position(lane(1)).await.unwrap();
    assert_eq!((position.next, position.base.unwrap().nonce), (nonce(40), nonce(30)));
}

#[tokio::test]
async fn a_row_that_was_lost_keeps_no_other_one() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s");
    let store = open_small(&path, 0).await;
    fill(&store, 40, &[]).await;
    // The last one of the first window, and one within a later window.
    store
        .write_connection(|connection| {
            connection.execute("DELETE FROM request WHERE nonce IN (7, 20)", [])?;
            Ok(())
        })
        .await
        .unwrap();
    for _ in 0..40 {
        store.compact(lane(1), keep(4), block(1_000)).await.unwrap();
    }
    let base = store.source_position(lane(1)).await.unwrap().base.unwrap();
    assert_eq!((base.nonce, Some(base.root)), (nonce(36), store.root_at(lane(1), nonce(36)).await.unwrap()));
    store.close().await;
}

#[tokio::test]
async fn a_lane_with_nothing_left_of_its_past_goes_on() {
    let folder = tempdir().unwrap();
    let store = open_small(&folder.path().join("s"), NOW_MS).await;
    fill(&store, 16, &[2]).await;
    let old = Retention { keep: None, max_age: Some(std::time::Duration::ZERO) };
    let before = store.source_position(lane(1)).await.unwrap();
    store.close().await;
    let store = open_small(&folder.path().join("s"), NOW_MS + 1).await;
    compact_all(&store, old, 1_000).await;
    let position = store.source_position(lane(1)).await.unwrap();
    assert_eq!(
        (position.next, position.root),
        (nonce(16), before.root),
        "an open hold below is not the newest request"
    );
    assert_eq!(store.destination_position(lane(1)).await.unwrap().next, nonce(16));
    // What was never confirmed is read again from there.
    store.append_requests(lane(1), requests(16, 2), block(2_001)).await.unwrap();
    assert_eq!(store.rewind_to_verified(lane(1)).await.unwrap().next, nonce(16));
    let after = confirm(&store, lane(1), requests(16, 2), block(2_002)).await.unwrap();
    let root = requests(16, 2).iter().fold(before.root, |root, request| root.then(Leaf::of(request)));
    assert_eq!((after.next, after.root), (nonce(18), root));
    // So is what the destination did, from where it was proved.
    store.record_handled(lane(1), logs(&[range(16, 17, 1_001)], &[]), block(1_002)).await.unwrap();
    let back = store.record_handled(lane(1), HandledLogs::default(), after_base(&store).await).await.unwrap();
    assert_eq!((back.next, back.open_holds), (nonce(16), 1));
    assert_eq!(
        store.compact(lane(1), old, block(1_002)).await.unwrap(),
        Default::default(),
        "that is read again first"
    );
}

async fn after_base(store: &Store) -> BlockRef {
    store.source_position(lane(1)).await.unwrap().base.unwrap().begun.unwrap()
}

#[tokio::test]
async fn nothing_goes_that_is_not_proved_or_when_everything_is_kept() {
    let folder = tempdir().unwrap();
    let store = open_small(&folder.path().join("s"), NOW_MS).await;
    fill(&store, 30, &[]).await;
    let nothing = crate::Compacted::default();
    assert_eq!(store.compact(lane(1), Retention::EVERYTHING, block(1_000)).await.unwrap(), nothing);
    assert_eq!(store.compact(lane(2), keep(1), block(1_000)).await.unwrap(), nothing);
    assert_eq!(store.compact(lane(1), keep(1), block(1_001)).await.unwrap(), nothing, "beyond what is read");
    compact_all(&store, keep(1), 9).await;
    assert_eq!(
        store.history(lane(1)).await.unwrap().oldest,
        Some(nonce(9)),
        "handled up to block 9, one of them kept"
    );
    assert_eq!(store.compact(lane(1), keep(1), block(8)).await.unwrap(), nothing, "an old word");
}

#[tokio::test]
async fn a_signed_root_is_forgotten_below_the_seal_only_and_nothing_is_signed_there() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s");
    let store = open_small(&path, NOW_MS).await;
    fill(&store, 30, &[]).await;
    compact_all(&store, keep(10), 1_000).await;
    store.adopt(lane(1), nonce(100)).await.unwrap();
    for root in [1, 2] {
        let refused = store.record_attestation(&attestation(19, 1, root)).await.unwrap_err();
        assert_eq!(refused, StoreError::BelowFloor { lane: lane(1), nonce: nonce(19) });
    }
    let found = vec![(nonce(19), Root(B256::repeat_byte(2)))];
    assert!(!store.take_in_signed(lane(1), found).await.unwrap(), "that its root is unknown is no loss");
    assert!(!store.doubt_history(lane(1), nonce(19)).await.unwrap());
    assert!(
        store.record_attestation(&attestation(19, 1, 2)).await.is_err(),
        "what was found does not count as the only one"
    );
    assert!(store.record_attestation(&attestation(20, 1, 2)).await.is_err());
    store.record_attestation(&attestation(20, 2, 1)).await.unwrap();
    let refused = |sql: &'static str| {
        store.write_connection(move |connection| Ok(connection.execute(sql, []).unwrap_err().to_string()))
    };
    let by_hand = refused("DELETE FROM signed_root WHERE nonce = 21").await.unwrap();
    assert!(by_hand.contains("never forgotten"), "{by_hand}");
    let by_hand = refused("UPDATE lane SET sealed = 0").await.unwrap();
    assert!(by_hand.contains("never falls"), "{by_hand}");
    // The lane begins anew, and without its lock file: what is decided anew is not below the seal.
    store.forget_readable(lane(1)).await.unwrap();
    store.close().await;
    std::fs::remove_file(folder.path().join("s.lock")).unwrap();
    let store = open_bare(&path).await;
    assert_eq!(
        store.decide_floor(lane(1), nonce(0)).await.unwrap().floor(),
        Some(nonce(30)),
        "the highest that is known"
    );
    store.adopt(lane(1), nonce(100)).await.unwrap();
    assert!(store.record_attestation(&attestation(19, 1, 2)).await.is_err());
}

#[tokio::test]
async fn the_signatures_of_a_lane_that_began_late_go_in_steps_as_well() {
    let folder = tempdir().unwrap();
    let store = open_small(&folder.path().join("s"), NOW_MS).await;
    fill(&store, 60, &[]).await;
    store.forget_readable(lane(1)).await.unwrap();
    let base = Base { nonce: nonce(60), begun: Some(block(1_000)), ..zero_base(lane(1)) };
    store.begin_lane(lane(1), base, Vec::new()).await.unwrap();
    confirm(&store, lane(1), Vec::new(), block(2_000)).await.unwrap();
    assert!(compact_all(&store, keep(10), 1_000).await >= 60 / WINDOW - 1);
    assert_eq!(rows(&store).await["signed_root"], 1, "that of the nonce at which it begins");
    assert_eq!(store.history(lane(1)).await.unwrap().oldest, Some(nonce(60)));
}

#[tokio::test]
async fn a_relay_that_is_killed_between_two_steps_finds_a_whole_lane_and_goes_on() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s");
    let store = open_small(&path, NOW_MS).await;
    fill(&store, 60, &[3, 50]).await;
    let expected = seen(&store, 50, 60, 60).await;
    for step in 1..=6 {
        assert!(store.compact(lane(1), keep(10), block(1_000)).await.unwrap().more);
        // What is on the disk at this moment, with nothing closed.
        let copy = folder.path().join(format!("copy-{step}"));
        for suffix in ["", "-wal", ".lock"] {
            let [from, to] = [&path, &copy].map(|path| format!("{}{suffix}", path.display()));
            std::fs::copy(from, to).unwrap();
        }
        let left = open_small(&copy, NOW_MS).await;
        assert_eq!(left.history(lane(1)).await.unwrap().oldest, Some(nonce(step * WINDOW)));
        assert_eq!(seen(&left, 50, 60, 60).await, expected);
        compact_all(&left, keep(10), 1_000).await;
        assert_eq!(seen(&left, 50, 60, 60).await, expected);
        assert_eq!(left.history(lane(1)).await.unwrap().oldest, Some(nonce(50)));
    }
}

/// Pages that are given back are used again.
#[tokio::test]
async fn the_file_of_a_lane_that_goes_on_does_not_grow() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s");
    let store = open_small(&path, NOW_MS).await;
    let mut sizes = Vec::new();
    for round in 0..12u64 {
        let first = round * 100;
        confirm(&store, lane(1), requests(first, 100), block(2_000 + round)).await.unwrap();
        let made = (first + 1..=first + 100).map(|number| attestation(number, 1, 1)).collect();
        store.record_attestations(made).await.unwrap();
        let ranges: Vec<_> = (first..first + 100).map(|number| range(number, number + 1, number)).collect();
        store.record_handled(lane(1), logs(&ranges, &[]), block(first + 100)).await.unwrap();
        compact_all(&store, keep(150), first + 100).await;
        sizes.push(pages(&store).await);
    }
    assert!(sizes[11] <= sizes[3] + sizes[3] / 20, "{sizes:?}");
}

async fn pages(store: &Store) -> u64 {
    store
        .write_connection(|connection| Ok(connection.query_row("PRAGMA page_count", [], |row| row.get(0))?))
        .await
        .unwrap()
}

/// Everything that is told of nonces from `base` on and of open holds, and all that is not about single nonces.
#[derive(Debug, PartialEq)]
struct Seen {
    source: SourcePosition,
    destination: DestinationPosition,
    open: Vec<OpenHold>,
    stories: Vec<Story>,
    roots: Vec<Option<Root>>,
    signed: Vec<Option<Root>>,
    attestations: Vec<Attestation>,
    journal: Vec<Submission>,
    evidence: Vec<Evidence>,
}

type Story = (u64, Option<StoredRequest>, Option<Outcome>, Option<HoldEnding>, Vec<Submission>);

async fn seen(store: &Store, base: u64, requested: u64, handled: u64) -> Seen {
    let id = lane(1);
    let mut source = store.source_position(id).await.unwrap();
    let mut destination = store.destination_position(id).await.unwrap();
    (source.base, destination.base) = (None, None);
    let open = store.open_holds(id, nonce(0), 1_000).await.unwrap();
    let below = open.iter().map(|hold| hold.nonce.get()).filter(|number| *number < base);
    let mut stories = Vec::new();
    for number in below.chain(base..requested) {
        let n = nonce(number);
        stories.push((
            number,
            store.request(id, n).await.unwrap(),
            store.outcome(id, n).await.unwrap(),
            store.hold_ending(id, n).await.unwrap(),
            store.submissions_for(id, n).await.unwrap(),
        ));
    }
    let (mut roots, mut signed) = (Vec::new(), Vec::new());
    for number in base..=requested {
        roots.push(store.root_at(id, nonce(number)).await.unwrap());
        signed.push(store.signed_root(id, nonce(number)).await.unwrap());
    }
    Seen {
        source,
        destination,
        open,
        stories,
        roots,
        signed,
        attestations: store.attestations(id, Epoch::new(1), nonce(handled)).await.unwrap(),
        journal: store.journal(CHAIN, SUBMITTER).await.unwrap(),
        evidence: store.evidence(id, 100).await.unwrap(),
    }
}

/// One stretch of a lane's life: requests, how many get handled by one call, and what else happens.
#[derive(Debug, Clone)]
struct Stretch {
    requests: u64,
    handle: u64,
    hold_every: u64,
    end_holds: usize,
    final_receipt: bool,
    keep: u64,
    steps: usize,
    reopen: bool,
}

fn stretch() -> impl Strategy<Value = Stretch> {
    (0u64..12, 0u64..12, 1u64..6, 0usize..3, any::<bool>(), 1u64..20, 0usize..4, any::<bool>()).prop_map(
        |(requests, handle, hold_every, end_holds, final_receipt, keep, steps, reopen)| Stretch {
            requests,
            handle,
            hold_every,
            end_holds,
            final_receipt,
            keep,
            steps,
            reopen,
        },
    )
}

async fn live(stretches: Vec<Stretch>) {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s");
    let mut store = open_small(&path, NOW_MS).await;
    let (mut requested, mut handled, mut signed) = (0, 0, BTreeMap::new());
    for (height, one) in (1u64..).zip(stretches) {
        let more = requests(requested, one.requests);
        requested += one.requests;
        confirm(&store, lane(1), more, block(height)).await.unwrap();
        if requested > handled {
            store.record_attestation(&attestation(requested, 1, (height % 200) as u8 + 1)).await.ok();
            if let Some(root) = store.signed_root(lane(1), nonce(requested)).await.unwrap() {
                signed.insert(requested, root);
            }
        }
        let end = requested.min(handled + one.handle);
        let mut happened = HandledLogs::default();
        if end > handled {
            store.record_submission(&submission(height, handled, end - handled)).await.unwrap();
            if one.final_receipt {
                let outcome = SubmissionOutcome::Final { block: block(height), success: true };
                store.record_receipt(CHAIN, SUBMITTER, AccountNonce::new(height), outcome).await.unwrap();
            }
            let on_hold = (handled..end).filter(|number| number % one.hold_every == 0);
            let on_hold: Vec<_> =
                on_hold.map(|number| held(number, HoldReason::PayoutFailed, height)).collect();
            happened = logs(&[range(handled, end, height)], &on_hold);
            handled = end;
        }
        let open = store.open_holds(lane(1), nonce(0), one.end_holds as u64).await.unwrap();
        happened.endings = open.into_iter().map(|hold| end_of(hold.nonce.get(), height)).collect();
        store.record_handled(lane(1), happened, block(height)).await.unwrap();

        for step in 0..one.steps {
            // What is proved may be older than what is read.
            let proved = block(height.saturating_sub(step as u64 % 2));
            let before = store.history(lane(1)).await.unwrap();
            let base = Retention { keep: Some(one.keep), max_age: None };
            let oldest = before.oldest.unwrap().get().max(handled.saturating_sub(one.keep));
            let expected = seen(&store, oldest, requested, handled).await;
            store.compact(lane(1), base, proved).await.unwrap();
            if one.reopen {
                store.close().await;
                store = open_small(&path, NOW_MS).await;
            }
            assert_eq!(seen(&store, oldest, requested, handled).await, expected);
            let after = store.history(lane(1)).await.unwrap();
            assert!(after.oldest.unwrap().get() <= oldest && after.oldest >= before.oldest);
            assert!(after.sealed >= before.sealed && after.sealed <= after.oldest.unwrap());
        }
        for (number, root) in &signed {
            let other = Root(B256::repeat_byte(0xee));
            assert_ne!(*root, other);
            assert!(store.claim_root(lane(1), nonce(*number), other).await.is_err(), "{number}");
        }
    }
}

/// What can happen to the protection.
#[derive(Debug, Clone)]
enum Event {
    Sign(u64, u8),
    Claim(u64, u8),
    Find(u64, u8),
    Doubt(u64),
    Adopt(u64),
    Decide(u64),
    Compact(u64),
    Forget,
    Reopen,
    LoseLock,
}

fn event() -> impl Strategy<Value = Event> {
    let nonces = || 1u64..40;
    prop_oneof![
        6 => (nonces(), 1u8..4).prop_map(|(number, root)| Event::Sign(number, root)),
        3 => (nonces(), 1u8..4).prop_map(|(number, root)| Event::Claim(number, root)),
        2 => (nonces(), 1u8..4).prop_map(|(number, root)| Event::Find(number, root)),
        1 => nonces().prop_map(Event::Doubt),
        2 => nonces().prop_map(Event::Adopt),
        2 => nonces().prop_map(Event::Decide),
        4 => (1u64..30).prop_map(Event::Compact),
        1 => Just(Event::Forget),
        1 => Just(Event::Reopen),
        1 => Just(Event::LoseLock),
    ]
}

async fn protect(events: Vec<Event>) {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s");
    let mut store = open_small(&path, NOW_MS).await;
    fill_plain(&store).await;
    let mut signed: BTreeMap<u64, u8> = BTreeMap::new();
    for event in events {
        match event {
            Event::Sign(number, root) => {
                if store.record_attestation(&attestation(number, 1, root)).await.is_ok() {
                    assert_eq!(*signed.entry(number).or_insert(root), root, "two roots for {number}");
                }
            }
            Event::Claim(number, root) => {
                let claimed = store.claim_root(lane(1), nonce(number), Root(B256::repeat_byte(root))).await;
                if claimed.is_ok() {
                    assert_eq!(*signed.entry(number).or_insert(root), root, "two roots for {number}");
                }
            }
            // An own signature that somebody else has: the one that was made, or one of a time before this store.
            Event::Find(number, root) => {
                let root = *signed.entry(number).or_insert(root);
                let found = vec![(nonce(number), Root(B256::repeat_byte(root)))];
                store.take_in_signed(lane(1), found).await.unwrap();
            }
            Event::Doubt(number) => {
                store.doubt_history(lane(1), nonce(number)).await.unwrap();
            }
            // An operator answers for it: only where nothing was signed that is not known.
            Event::Adopt(until) => {
                store.adopt(lane(1), nonce(until)).await.unwrap();
            }
            Event::Decide(seen) => {
                store.decide_floor(lane(1), nonce(seen)).await.unwrap();
            }
            Event::Compact(keep_newest) => {
                store.compact(lane(1), keep(keep_newest), block(1_000)).await.unwrap();
            }
            Event::Forget => {
                store.forget_readable(lane(1)).await.unwrap();
                store.begin_lane(lane(1), zero_base(lane(1)), Vec::new()).await.unwrap();
                fill_plain(&store).await;
            }
            Event::Reopen | Event::LoseLock => {
                store.close().await;
                if matches!(event, Event::LoseLock) {
                    std::fs::remove_file(folder.path().join("s.lock")).unwrap();
                }
                store = open_bare(&path).await;
            }
        }
    }
}

async fn fill_plain(store: &Store) {
    confirm(store, lane(1), requests(0, 40), block(2_000)).await.unwrap();
    store
        .record_handled(lane(1), logs(&[range(0, 20, 10), range(20, 40, 20)], &[]), block(1_000))
        .await
        .unwrap();
}

fn run(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_is_compacted_everything_open_and_everything_kept_stays_as_it_was(
        stretches in proptest::collection::vec(stretch(), 1..16)
    ) {
        run(live(stretches));
    }

    #[test]
    fn whatever_is_compacted_no_second_root_is_ever_signed(events in proptest::collection::vec(event(), 1..60)) {
        run(protect(events));
    }
}
