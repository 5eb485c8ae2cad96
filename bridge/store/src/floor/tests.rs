use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

const fn nonce(number: u64) -> RequestNonce {
    RequestNonce::new(number)
}

#[test]
fn nothing_is_free_before_a_final_nonce_is_seen_and_everything_above_it_afterwards() {
    let unknown = SignFloor::UNKNOWN;
    assert!(!unknown.permits(nonce(1)) && !unknown.permits(nonce(u64::MAX)));
    let decided = unknown.seen(nonce(40), nonce(0));
    assert!(!decided.permits(nonce(40)) && decided.permits(nonce(41)));
    assert_eq!(decided.seen(nonce(99), nonce(0)), decided, "it is decided once");
    assert_eq!(unknown.seen(nonce(40), nonce(52)).floor(), Some(nonce(52)));
    let fresh = unknown.seen(nonce(0), nonce(0));
    assert!(fresh.permits(nonce(1)));
}

#[test]
fn what_is_adopted_is_free_until_signatures_turn_out_to_be_forgotten() {
    let adopted = SignFloor::UNKNOWN.seen(nonce(40), nonce(0)).adopt(nonce(32));
    assert!(adopted.permits(nonce(32)) && !adopted.permits(nonce(33)) && adopted.permits(nonce(41)));
    assert_eq!(adopted.adopt(nonce(5)), adopted, "it is not taken back by less");
    assert_eq!(adopted.forgotten(), SignFloor::UNKNOWN);
    assert!(SignFloor::UNKNOWN.adopt(nonce(7)).permits(nonce(7)), "also before anything is seen");
}

#[test]
fn a_mark_survives_its_file_and_anything_else_is_none() {
    let mark = Mark { line: 3, run: 7, signed: i64::MAX.unsigned_abs() - 1 };
    assert_eq!(Mark::parse(&mark.to_string()), Some(mark));
    assert_eq!(mark.to_string().len(), Mark::default().to_string().len());
    for text in
        ["", "line", "line 1 run x signed 1", "line 1 signed 1 run 1", "line 1 run 1", "run 1 signed 1"]
    {
        assert_eq!(Mark::parse(text), None, "{text}");
    }
    let beyond = Mark { run: i64::MAX.unsigned_abs(), ..mark };
    assert_eq!(Mark::parse(&beyond.to_string()), None, "what no database can hold was not written by one");
}

#[test]
fn a_database_behind_its_lock_file_or_without_it_was_restored() {
    let mark = |run, signed| Mark { line: 1, run, signed };
    assert!(!mark(0, 0).is_behind(None), "new");
    assert!(mark(1, 0).is_behind(None));
    assert!(!mark(3, 5).is_behind(Some(mark(3, 5))));
    assert!(!mark(4, 9).is_behind(Some(mark(3, 5))), "killed before the lock file was written");
    assert!(mark(2, 5).is_behind(Some(mark(3, 5))));
    assert!(mark(3, 4).is_behind(Some(mark(3, 5))), "a backup of the same run");
    assert!(Mark { line: 2, ..mark(3, 5) }.is_behind(Some(mark(3, 5))), "another store's");
    assert_eq!(mark(2, 5).next_run(Some(mark(6, 8)), true, 9), Mark { line: 9, ..mark(7, 5) });
    assert_eq!(mark(2, 5).next_run(None, true, 9), Mark { line: 9, ..mark(3, 5) });
    assert_eq!(mark(6, 8).next_run(Some(mark(6, 8)), false, 9), mark(7, 8));
}

/// What may happen to one operator on one lane.
#[derive(Debug, Clone)]
enum Event {
    /// Requests become final.
    Requests(u64),
    /// It is asked to sign the newest, or one below it, with this root.
    Sign { back: u64, root: u8 },
    /// The process ends, with or without the lock file being written, and starts again.
    Restart { killed: bool },
    /// It starts again with another key.
    Key(u8),
    /// The database is copied.
    Backup,
    /// One of the copies is put back, and the process starts again.
    Restore(Index),
    /// One of the copies is put under the log of the newest database, which brings the mark, and some of the rows.
    Tear { which: Index, floor: bool, rows: u64 },
    /// What is finished below is compacted: nothing is ever signed there again.
    Compact(u64),
    /// Everything is deleted, and the process starts again.
    Lose,
    /// The lock file is deleted, and the process starts again.
    LoseLock,
    /// An operator adopts, as the runbook says: up to below the first nonce that may have been signed.
    Adopt,
    /// It finds what it signed before for a nonce.
    Find(u64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (1..5_u64).prop_map(Event::Requests),
        8 => (0..6_u64, 0..2_u8).prop_map(|(back, root)| Event::Sign { back, root }),
        1 => any::<bool>().prop_map(|killed| Event::Restart { killed }),
        1 => (0..2_u8).prop_map(Event::Key),
        1 => Just(Event::Backup),
        2 => any::<Index>().prop_map(Event::Restore),
        2 => (any::<Index>(), any::<bool>(), any::<u64>())
            .prop_map(|(which, floor, rows)| Event::Tear { which, floor, rows }),
        1 => (0..4_u64).prop_map(Event::Compact),
        1 => Just(Event::Lose),
        1 => Just(Event::LoseLock),
        1 => Just(Event::Adopt),
        2 => (0..40_u64).prop_map(Event::Find),
    ]
}

/// The lane's row.
#[derive(Debug, Clone)]
struct LaneRow {
    floor: SignFloor,
    of: Option<u8>,
    inherited: u64,
    /// Below it nothing is signed.
    seal: u64,
    changes: u64,
}

#[derive(Debug, Clone)]
struct Database {
    /// Which database it was in the beginning.
    first: u64,
    mark: Mark,
    counted: Tally,
    lane: LaneRow,
    /// Roots, and the keys whose attestations are stored.
    signed: BTreeMap<u64, (u8, BTreeSet<u8>)>,
}

impl Database {
    fn empty(lots: &mut u64) -> Self {
        *lots += 1;
        let mark = Mark { line: *lots, run: 0, signed: 0 };
        let lane = LaneRow { floor: SignFloor::UNKNOWN, of: None, inherited: 0, seal: 0, changes: 0 };
        Self { first: *lots, mark, counted: Tally::default(), lane, signed: BTreeMap::new() }
    }

    fn found(&self) -> Tally {
        Tally { roots: self.signed.len() as u64, nonces: self.signed.keys().sum(), floors: self.lane.changes }
    }

    fn open(&mut self, lock: &mut Option<Mark>, lots: &mut u64, key: u8) {
        self.begin(lock, lots);
        self.bind(key);
    }

    fn begin(&mut self, lock: &mut Option<Mark>, lots: &mut u64) {
        *lots += 1;
        let restored = self.mark.is_behind(*lock) || self.counted != self.found();
        if restored {
            self.set(self.lane.floor.forgotten());
            self.lane.of = None;
            // By lot.
            self.lane.changes = *lots << 20;
            self.counted = self.found();
        }
        self.mark = self.mark.next_run(*lock, restored, *lots);
        *lock = Some(self.mark);
    }

    fn bind(&mut self, key: u8) {
        if self.lane.of != Some(key) {
            let other = self.lane.of.is_some() || self.lane.floor.floor().is_some();
            self.set(if other { self.lane.floor.forgotten() } else { self.lane.floor });
            self.lane.of = Some(key);
            self.lane.inherited = self.highest();
        }
    }

    fn set(&mut self, floor: SignFloor) {
        self.lane.floor = floor;
        self.lane.changes += 1;
        self.counted.floors += 1;
    }

    fn highest(&self) -> u64 {
        self.signed.keys().last().copied().unwrap_or(0)
    }

    fn see(&mut self, final_nonce: u64) {
        if self.lane.floor.floor().is_none() {
            self.set(self.lane.floor.seen(nonce(final_nonce), nonce(self.highest())));
        }
    }

    fn insert(&mut self, number: u64, root: u8) {
        self.signed.insert(number, (root, BTreeSet::new()));
        self.mark.signed += 1;
        self.counted.roots += 1;
        self.counted.nonces += number;
    }

    fn sign(&mut self, number: u64, root: u8, key: u8) -> bool {
        let free = number >= self.lane.seal && self.lane.floor.permits(nonce(number));
        let may = match self.signed.get(&number) {
            Some((signed, _)) if *signed != root => false,
            Some((_, by)) => free || number > self.lane.inherited || by.contains(&key),
            None => free,
        };
        if may {
            if !self.signed.contains_key(&number) {
                self.insert(number, root);
            }
            self.signed.entry(number).and_modify(|(_, by)| {
                by.insert(key);
            });
        }
        may
    }

    fn compact(&mut self, count: u64) {
        for _ in 0..count {
            if let Some((number, _)) = self.signed.pop_first() {
                self.lane.seal = number + 1;
                self.counted.roots -= 1;
                self.counted.nonces -= number;
                self.lane.changes += 1;
                self.counted.floors += 1;
            }
        }
    }

    /// This one's log over the file of `older`. `None` when `older` is no earlier state of this one.
    fn torn(&self, older: &Self, floor: bool, rows: u64) -> Option<Self> {
        let known = |(number, (root, _)): (&u64, &(u8, BTreeSet<u8>))| match self.signed.get(number) {
            Some((signed, _)) => signed == root,
            None => *number < self.lane.seal,
        };
        if self.first != older.first || !older.signed.iter().all(known) {
            return None;
        }
        let lane = if floor { self.lane.clone() } else { older.lane.clone() };
        let newer = self.signed.iter().filter(|(number, _)| rows >> (*number % 64) & 1 == 1);
        let mut signed = older.signed.clone();
        signed.extend(newer.map(|(number, row)| (*number, row.clone())));
        Some(Self { lane, signed, ..self.clone() })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn no_sequence_of_runs_restores_keys_and_adoptions_signs_two_roots_for_one_nonce_with_one_key(
        events in proptest::collection::vec(event(), 1..60),
    ) {
        let mut lots = 0;
        let mut key = 0;
        let (mut database, mut lock) = (Database::empty(&mut lots), None);
        // The first is what there was before anything.
        let mut backups = vec![database.clone()];
        let mut final_nonce = 0;
        // Everything that ever left the process, by key.
        let mut published: [BTreeMap<u64, u8>; 2] = Default::default();
        database.open(&mut lock, &mut lots, key);
        for event in events {
            match event {
                Event::Requests(count) => final_nonce += count,
                Event::Sign { back, root } if back < final_nonce => {
                    database.see(final_nonce);
                    let number = final_nonce - back;
                    if database.sign(number, root, key) {
                        lock = Some(database.mark);
                        let first = *published[usize::from(key)].entry(number).or_insert(root);
                        prop_assert_eq!(first, root, "two roots for nonce {} with key {}", number, key);
                    }
                }
                Event::Sign { .. } => {}
                Event::Restart { killed } => {
                    let before = lock;
                    database.open(&mut lock, &mut lots, key);
                    if killed {
                        // In the middle of opening, after the database and before the lock file.
                        lock = before;
                        database.open(&mut lock, &mut lots, key);
                    }
                }
                Event::Key(next) => {
                    key = next;
                    database.open(&mut lock, &mut lots, key);
                }
                Event::Backup => backups.push(database.clone()),
                Event::Restore(which) => {
                    database = backups[which.index(backups.len())].clone();
                    database.open(&mut lock, &mut lots, key);
                }
                Event::Tear { which, floor, rows } => {
                    if let Some(torn) = database.torn(&backups[which.index(backups.len())], floor, rows) {
                        database = torn;
                        database.open(&mut lock, &mut lots, key);
                    }
                }
                Event::Compact(count) => database.compact(count),
                Event::Lose => {
                    (database, lock) = (Database::empty(&mut lots), None);
                    database.open(&mut lock, &mut lots, key);
                }
                Event::LoseLock => {
                    lock = None;
                    database.open(&mut lock, &mut lots, key);
                }
                Event::Adopt => {
                    let known = |number: &u64, root: &u8| {
                        database.signed.get(number).is_some_and(|(signed, _)| signed == root)
                    };
                    let mut own = published[usize::from(key)].iter();
                    let unknown = own.find(|(number, root)| !known(number, root));
                    let until = unknown.map_or(final_nonce, |(first, _)| first - 1);
                    database.set(database.lane.floor.adopt(nonce(until)));
                }
                Event::Find(number) => {
                    if let Some(root) = published[usize::from(key)].get(&number)
                        && !database.signed.contains_key(&number)
                        && number >= database.lane.seal
                    {
                        if database.lane.floor.floor().is_some_and(|floor| nonce(number) > floor) {
                            database.set(database.lane.floor.forgotten());
                        }
                        database.insert(number, *root);
                        lock = Some(database.mark);
                    }
                }
            }
        }
    }
}
