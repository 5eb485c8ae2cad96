use std::collections::BTreeMap;

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
    let mark = Mark { line: 3, run: 7, signed: u64::MAX };
    assert_eq!(Mark::parse(&mark.to_string()), Some(mark));
    assert_eq!(mark.to_string().len(), Mark::default().to_string().len());
    for text in
        ["", "line", "line 1 run x signed 1", "line 1 signed 1 run 1", "line 1 run 1", "run 1 signed 1"]
    {
        assert_eq!(Mark::parse(text), None, "{text}");
    }
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
    assert_eq!(mark(2, 5).next_run(Some(mark(6, 8)), 9), Mark { line: 9, ..mark(7, 5) });
    assert_eq!(mark(2, 5).next_run(None, 9), Mark { line: 9, ..mark(3, 5) });
    assert_eq!(mark(6, 8).next_run(Some(mark(6, 8)), 9), mark(7, 8));
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
    /// The database is copied.
    Backup,
    /// One of the copies is put back, and the process starts again.
    Restore(Index),
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
        1 => Just(Event::Backup),
        2 => any::<Index>().prop_map(Event::Restore),
        1 => Just(Event::Lose),
        1 => Just(Event::LoseLock),
        1 => Just(Event::Adopt),
        2 => (0..40_u64).prop_map(Event::Find),
    ]
}

#[derive(Debug, Clone)]
struct Database {
    mark: Mark,
    floor: SignFloor,
    signed: BTreeMap<u64, u8>,
}

impl Database {
    fn empty(lots: &mut u64) -> Self {
        *lots += 1;
        let mark = Mark { line: *lots, run: 0, signed: 0 };
        Self { mark, floor: SignFloor::UNKNOWN, signed: BTreeMap::new() }
    }

    fn open(&mut self, lock: &mut Option<Mark>, lots: &mut u64) {
        *lots += 1;
        if self.mark.is_behind(*lock) {
            self.floor = self.floor.forgotten();
        }
        self.mark = self.mark.next_run(*lock, *lots);
        *lock = Some(self.mark);
    }

    fn see(&mut self, final_nonce: u64) {
        let highest = self.signed.keys().last().copied().unwrap_or(0);
        self.floor = self.floor.seen(nonce(final_nonce), nonce(highest));
    }

    fn sign(&mut self, number: u64, root: u8) -> bool {
        let free = match self.signed.get(&number) {
            Some(signed) => return *signed == root,
            None => self.floor.permits(nonce(number)),
        };
        if free {
            self.signed.insert(number, root);
            self.mark.signed += 1;
        }
        free
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_sequence_of_runs_restores_and_adoptions_signs_two_roots_for_one_nonce(
        events in proptest::collection::vec(event(), 1..60),
    ) {
        let mut lots = 0;
        let (mut database, mut lock) = (Database::empty(&mut lots), None);
        // The first is what there was before anything.
        let mut backups = vec![database.clone()];
        let mut final_nonce = 0;
        // Everything that ever left the process.
        let mut published: BTreeMap<u64, u8> = BTreeMap::new();
        database.open(&mut lock, &mut lots);
        for event in events {
            match event {
                Event::Requests(count) => final_nonce += count,
                Event::Sign { back, root } if back < final_nonce => {
                    database.see(final_nonce);
                    let number = final_nonce - back;
                    if database.sign(number, root) {
                        lock = Some(database.mark);
                        let first = *published.entry(number).or_insert(root);
                        prop_assert_eq!(first, root, "two roots for nonce {}", number);
                    }
                }
                Event::Sign { .. } => {}
                Event::Restart { killed } => {
                    let before = lock;
                    database.open(&mut lock, &mut lots);
                    if killed {
                        // In the middle of opening, after the database and before the lock file.
                        lock = before;
                        database.open(&mut lock, &mut lots);
                    }
                }
                Event::Backup => backups.push(database.clone()),
                Event::Restore(which) => {
                    database = backups[which.index(backups.len())].clone();
                    database.open(&mut lock, &mut lots);
                }
                Event::Lose => {
                    (database, lock) = (Database::empty(&mut lots), None);
                    database.open(&mut lock, &mut lots);
                }
                Event::LoseLock => {
                    lock = None;
                    database.open(&mut lock, &mut lots);
                }
                Event::Adopt => {
                    let unknown = published.keys().find(|number| !database.signed.contains_key(number));
                    let until = unknown.map_or(final_nonce, |first| first - 1);
                    database.floor = database.floor.adopt(nonce(until));
                }
                Event::Find(number) => {
                    if let Some(root) = published.get(&number)
                        && !database.signed.contains_key(&number)
                    {
                        if database.floor.permits(nonce(number)) {
                            database.floor = database.floor.forgotten();
                        }
                        database.signed.insert(number, *root);
                        database.mark.signed += 1;
                        lock = Some(database.mark);
                    }
                }
            }
        }
    }
}
