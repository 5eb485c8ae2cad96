use polyspan_types::testing::assert_own_words;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use polyspan_types::{Classify, ErrorClass, RequestNonce, Term};
use tempfile::TempDir;

use super::folder::{Access, Clocks, Folder};
use super::*;
use crate::KeyPresence;
use crate::metrics::CoordinationMetrics;
use crate::testing::{LiveMember, PATIENCE, Space, attestation, eventually, lane, member};

const LEASE: Duration = Duration::from_secs(1);

fn settings() -> EmbeddedSettings {
    EmbeddedSettings { lease: LEASE, poll: Duration::from_millis(20) }
}

/// A folder, and the strangers in it.
struct FolderSpace(TempDir, Mutex<Vec<LiveMember>>);

impl FolderSpace {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap(), Mutex::default())
    }
}

#[async_trait]
impl Space for FolderSpace {
    async fn connect(&self) -> Arc<dyn Coordinator> {
        Arc::new(EmbeddedCoordinator::open(self.0.path(), settings()).unwrap())
    }

    fn lease(&self) -> Duration {
        LEASE
    }

    async fn show(&self, presence: &KeyPresence) {
        let stranger = self.connect().await;
        let nobody = Member { operator: None, ..member(presence.member.as_str()) };
        stranger.join(&nobody).await.unwrap();
        let newest = generation::newest_generation(self.0.path(), &presence.member).unwrap().unwrap();
        let file = rusqlite::Connection::open(newest.path(self.0.path())).unwrap();
        generation::show_key(&file, &serde_json::to_string(presence).unwrap()).unwrap();
        self.1.lock().unwrap().push(LiveMember::beat(stranger, LEASE));
    }
}

mod conformance {
    use super::FolderSpace;

    crate::coordination_suite!(FolderSpace::new());
}

/// A folder under clocks that the test moves. Unit of both: milliseconds.
struct Clocked {
    folder: Folder,
    monotonic: Arc<AtomicU64>,
    wall: Arc<AtomicU64>,
}

impl Clocked {
    fn open(directory: &Path, access: Access) -> Self {
        let (monotonic, wall) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(1_000_000)));
        let (read_monotonic, read_wall) = (Arc::clone(&monotonic), Arc::clone(&wall));
        let clocks = Clocks {
            monotonic: Box::new(move || Duration::from_millis(read_monotonic.load(Ordering::Relaxed))),
            wall_ms: Box::new(move || read_wall.load(Ordering::Relaxed)),
        };
        let metrics = CoordinationMetrics::build();
        let folder = Folder::open(directory, EmbeddedSettings::default(), access, clocks, metrics).unwrap();
        Self { folder, monotonic, wall }
    }

    fn join(directory: &Path, name: &str) -> Self {
        let mut clocked = Self::open(directory, Access::Member);
        clocked.folder.join(member(name)).unwrap();
        clocked
    }

    /// Time passes, and the folder looks every second as a relay does more often.
    fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.monotonic.fetch_add(1000, Ordering::Relaxed);
            self.wall.fetch_add(1000, Ordering::Relaxed);
            self.folder.members().unwrap();
        }
    }

    fn alive(&mut self, name: &str) -> bool {
        let views = self.folder.members().unwrap();
        views.iter().find(|view| view.member.id.as_str() == name).unwrap().alive
    }
}

#[test]
fn a_clock_that_jumps_changes_nobodys_life() {
    let directory = tempfile::tempdir().unwrap();
    let mut first = Clocked::join(directory.path(), "a");
    let mut second = Clocked::join(directory.path(), "b");
    let term = first.folder.campaign(lane(1)).unwrap().term;
    for jump in [10_000_000_000, 5, 77_000_000] {
        first.wall.store(jump, Ordering::Relaxed);
        first.folder.report(Report::default()).unwrap();
        second.pass(1);
        assert!(second.alive("a"));
        let seen = second.folder.campaign(lane(1)).unwrap();
        assert_eq!((seen.own, seen.term), (false, term));
    }
}

#[test]
fn a_leader_is_replaced_after_the_lease_and_not_before() {
    let directory = tempfile::tempdir().unwrap();
    let mut first = Clocked::join(directory.path(), "a");
    assert!(first.folder.campaign(lane(1)).unwrap().own);
    let mut second = Clocked::join(directory.path(), "b");
    second.pass(2);
    assert!(!second.folder.campaign(lane(1)).unwrap().own);
    second.pass(1);
    let seen = second.folder.campaign(lane(1)).unwrap();
    assert_eq!((seen.own, seen.term), (true, Term::new(2)));
    let back = first.folder.campaign(lane(1)).unwrap();
    first.pass(1);
    assert!(!back.own || !first.folder.campaign(lane(1)).unwrap().own);
}

#[test]
fn an_observer_tells_at_its_first_look_who_is_alive() {
    let directory = tempfile::tempdir().unwrap();
    let live = Clocked::join(directory.path(), "live");
    let dead = Clocked::join(directory.path(), "dead");
    drop(dead);
    live.wall.fetch_add(60_000, Ordering::Relaxed);
    let mut live = live;
    live.folder.report(Report::default()).unwrap();
    let mut observer = Clocked::open(directory.path(), Access::Observer);
    observer.wall.fetch_add(60_500, Ordering::Relaxed);
    assert!(observer.alive("live"));
    assert!(!observer.alive("dead"));
    assert_eq!(observer.folder.join(member("x")), Err(CoordinationError::Observer));
    assert_eq!(observer.folder.report(Report::default()), Err(CoordinationError::Observer));
}

#[tokio::test]
async fn foreign_and_damaged_files_are_skipped_and_named() {
    let space = FolderSpace::new();
    let folder = space.0.path();
    let good = EmbeddedCoordinator::open(folder, settings()).unwrap();
    good.join(&member("good")).await.unwrap();
    good.publish(&attestation(lane(1), 1, 1, 1)).await.unwrap();
    std::fs::write(folder.join("text.1.member"), "not a database at all, but long enough to have a header")
        .unwrap();
    std::fs::write(folder.join("empty.1.member"), "").unwrap();
    std::fs::write(folder.join("notes.txt"), "hello").unwrap();
    std::fs::create_dir(folder.join("folder.1.member")).unwrap();
    rusqlite::Connection::open(folder.join("foreign.1.member"))
        .unwrap()
        .execute_batch("CREATE TABLE t (x)")
        .unwrap();
    std::fs::copy(folder.join("good.1.member"), folder.join("liar.1.member")).unwrap();

    let reader = EmbeddedCoordinator::open(folder, settings()).unwrap();
    let registry = Registry::new();
    reader.register_metrics(&registry).unwrap();
    let mut stream = reader.follow(lane(1));
    let mut named = std::collections::BTreeSet::new();
    let mut attested = 0;
    while named.len() < 5 || attested < 1 {
        match tokio::time::timeout(PATIENCE, stream.next()).await.unwrap().unwrap() {
            Ok(_) => attested += 1,
            Err(error @ CoordinationError::Skipped { .. }) => {
                assert_eq!(error.class(), ErrorClass::Skip);
                named.insert(error.to_string().split(".1.member").next().unwrap().to_owned());
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(attested, 1);
    assert_eq!(reader.members().await.unwrap().len(), 1);
    let families = registry.gather();
    let skipped =
        families.iter().find(|family| family.name() == "polyspan_coordination_skipped_members").unwrap();
    assert_eq!(skipped.get_metric()[0].get_gauge().get_value(), 5.0);
}

/// Files with the right tables, and with values in them that no relay writes; and with other tables.
#[tokio::test]
async fn a_file_with_foreign_values_is_called_that_in_own_words() {
    let changes = [
        "UPDATE member SET member = 'x'",
        "UPDATE member SET member = '{}'",
        "UPDATE member SET member = json_set(member, '$.id', 5)",
        "UPDATE member SET report = '[1'",
        "UPDATE member SET report = '{\"lanes\": 5}'",
        "UPDATE member SET origin = x'00'",
        "UPDATE member SET heartbeat = -1",
        "DELETE FROM member",
        "DROP TABLE member",
        "ALTER TABLE member DROP COLUMN report",
        "UPDATE claim SET lane = x'00'",
    ];
    for change in changes {
        let folder = tempfile::tempdir().unwrap();
        let open = || EmbeddedCoordinator::open(folder.path(), settings()).unwrap();
        let foreign = open();
        foreign.join(&member("foreign")).await.unwrap();
        foreign.publish(&attestation(lane(1), 1, 1, 1)).await.unwrap();
        foreign.campaign(lane(1)).await.unwrap();
        let file = folder.path().join("foreign.1.member");
        // A stranger's file need not keep to the constraints of ours.
        let change = format!("PRAGMA ignore_check_constraints = ON; {change}");
        rusqlite::Connection::open(file).unwrap().execute_batch(&change).unwrap();
        let reader = open();
        let mut stream = reader.follow(lane(1));
        let told = loop {
            match tokio::time::timeout(PATIENCE, stream.next()).await {
                Ok(Some(Ok(_))) => {}
                Ok(Some(Err(error))) => break error.to_string(),
                _ => panic!("nothing is told of `{change}`"),
            }
        };
        assert!(told.contains("foreign.1.member"), "{change}: {told}");
        assert_own_words(&told);
    }
}

#[tokio::test]
async fn a_folder_that_is_wiped_under_a_relay_comes_back() {
    let space = FolderSpace::new();
    let folder = space.0.path().join("coordination");
    let first = EmbeddedCoordinator::open(&folder, settings()).unwrap();
    first.join(&member("a")).await.unwrap();
    first.publish(&attestation(lane(1), 1, 1, 1)).await.unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    first.report(&Report::default()).await.unwrap();
    let second = EmbeddedCoordinator::open(&folder, settings()).unwrap();
    let error = second.join(&member("a")).await.unwrap_err();
    assert!(matches!(error, CoordinationError::AlreadyRunning { .. }), "{error}");
    let found = second.attestations(lane(1), RequestNonce::ZERO).await.unwrap();
    assert_eq!(found, vec![attestation(lane(1), 1, 1, 1)]);
}

#[tokio::test]
async fn a_damaged_own_file_is_replaced_at_the_next_start() {
    let space = FolderSpace::new();
    let folder = space.0.path();
    std::fs::write(folder.join("a.7.member"), vec![0xAB; 9000]).unwrap();
    let coordinator = EmbeddedCoordinator::open(folder, settings()).unwrap();
    coordinator.join(&member("a")).await.unwrap();
    coordinator.report(&Report::default()).await.unwrap();
    assert!(!folder.join("a.7.member").exists());
    assert!(folder.join("a.8.member").exists());
}

#[tokio::test]
async fn files_are_for_their_owner_only() {
    let space = FolderSpace::new();
    let folder = space.0.path().join("made");
    let coordinator = EmbeddedCoordinator::open(&folder, settings()).unwrap();
    coordinator.join(&member("a")).await.unwrap();
    coordinator.report(&Report::default()).await.unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let mut seen = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        seen += 1;
    }
    assert!(seen >= 3, "file, log and lock");
}

#[test]
fn an_observer_of_a_missing_folder_is_told_so_and_makes_none() {
    let space = FolderSpace::new();
    let missing = space.0.path().join("missing");
    let error = EmbeddedCoordinator::open_observer(&missing, settings()).unwrap_err();
    assert!(error.to_string().contains("coordination.directory"), "{error}");
    assert!(!missing.exists());
}

#[tokio::test]
async fn a_long_history_reaches_a_follower_completely() {
    let space = FolderSpace::new();
    let first = Arc::new(EmbeddedCoordinator::open(space.0.path(), settings()).unwrap());
    first.join(&member("a")).await.unwrap();
    let count = contents::NEWS_LIMIT as u64 * 2 + 10;
    for nonce in 1..=count {
        first.publish(&attestation(lane(1), nonce, 1, 1)).await.unwrap();
    }
    let second = EmbeddedCoordinator::open(space.0.path(), settings()).unwrap();
    let mut stream = second.follow(lane(1));
    for nonce in 1..=count {
        let next = tokio::time::timeout(PATIENCE, stream.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(next.checkpoint.nonce, RequestNonce::new(nonce));
    }
    let snapshot =
        eventually(PATIENCE, "all", || async { second.attestations(lane(1), RequestNonce::ZERO).await.ok() })
            .await;
    assert_eq!(snapshot.len() as u64, count);
}

#[tokio::test]
async fn a_member_file_of_a_program_without_decisions_is_read_and_shows_none() {
    let folder = tempfile::tempdir().unwrap();
    let open = || EmbeddedCoordinator::open(folder.path(), EmbeddedSettings::default()).unwrap();
    let (old, new) = (open(), open());
    old.join(&member("old")).await.unwrap();
    old.publish(&attestation(lane(1), 1, 1, 1)).await.unwrap();
    let file = folder.path().join("old.1.member");
    rusqlite::Connection::open(file).unwrap().execute_batch("DROP TABLE decision").unwrap();
    new.join(&member("new")).await.unwrap();
    assert_eq!(new.attestations(lane(1), RequestNonce::ZERO).await.unwrap().len(), 1);
    assert_eq!(new.decisions(lane(1)).await.unwrap(), []);
    assert_eq!(new.members().await.unwrap().len(), 2);
}

/// Strangers' files cost at most what is read of each, and there is an end to how many are read.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_files_are_bounded_in_number_and_size() {
    let space = FolderSpace::new();
    let honest = space.connect().await;
    honest.join(&member("a-honest")).await.unwrap();
    let loud = space.connect().await;
    loud.join(&member("a-loud")).await.unwrap();
    let file = space.0.path().join("a-loud.1.member");
    let stranger = rusqlite::Connection::open(&file).unwrap();
    stranger.execute("UPDATE member SET report = printf('%.*c', 10000000, 'x')", []).unwrap();
    for number in 0..100 {
        std::fs::write(space.0.path().join(format!("b-{number:03}.1.member")), "junk").unwrap();
    }
    // Whoever opens a pipe waits for its writer for ever.
    nix::unistd::mkfifo(&space.0.path().join("a-pipe.1.member"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let reader = EmbeddedCoordinator::open_observer(space.0.path(), settings()).unwrap();
    let registry = Registry::new();
    reader.register_metrics(&registry).unwrap();
    let skipped = || {
        let families = registry.gather();
        let skipped = families.iter().find(|family| family.name().ends_with("skipped_members")).unwrap();
        skipped.get_metric()[0].get_gauge().get_value()
    };
    // The one with the long report, the pipe, 61 with junk, and the folder itself.
    eventually(PATIENCE, "64 are read, and the rest is told", || async {
        let names = reader.members().await.unwrap();
        (names.len() == 1 && skipped() == 64.0).then_some(())
    })
    .await;
    let mut stream = reader.follow(lane(1));
    let told = stream.next().await.unwrap().unwrap_err().to_string();
    assert!(told.contains("more than 64 members"), "{told}");
}
