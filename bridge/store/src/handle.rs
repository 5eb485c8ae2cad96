//! The handle: opening, closing, and the way of every read and write.

use std::fmt;
use std::fs::{DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use polyspan_types::CrashPoint;
use prometheus::IntGauge;
use prometheus::Registry;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::error::Failure;
use crate::lock_file::LockFile;
use crate::metrics::StoreMetrics;
use crate::worker::Worker;
use crate::{StoreError, protection, schema};

/// How long a statement waits for another process, which can only be a reader that recovers the log after a crash.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Prepared statements kept per connection; more than the store has.
const STATEMENTS: usize = 64;

/// Size down to which the write-ahead log is cut after a checkpoint. Unit: bytes.
const LOG_LIMIT: i64 = 64 << 20;

/// What the index of the write-ahead log grows by, and what SQLite cuts it to itself while it begins. Unit: bytes. Source: `os_unix.c`,
/// `unixShmMap` and `unixLockSharedMemory`.
const INDEX_STEP: u64 = 32_768;
const INDEX_AT_FIRST: u64 = 3;

/// Wall clock. Unit of its answer: milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// What a store can be told apart from its path.
#[derive(Clone)]
pub struct StoreSettings {
    /// Stamps what is stored. Default: the system's clock.
    pub clock: Clock,
    /// Steps that may wait for a thread; the next one waits with its caller. Default: 256.
    pub queue: usize,
    /// How far one step of compaction moves the base of a lane, and how many rows of each table go with it at the most. Default:
    /// 512. Unit: transfers. Source: `devnet bench start`: a step is a few milliseconds of the writer's time, and what is
    /// urgent waits for no more than one.
    pub window: u64,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self { clock: Arc::new(system_clock), queue: 256, window: 512 }
    }
}

fn system_clock() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Handle of an open store. Clones share it; it closes with [`Store::close`] or with its last handle.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    path: PathBuf,
    writer: Option<Worker>,
    reader: Worker,
    lock: Option<LockFile>,
    clock: Clock,
    metrics: StoreMetrics,
    window: u64,
    /// As [`Store::found_at_start`].
    found: Option<String>,
}

/// A kind of write: its name in the metrics, and where a test may kill the process.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) crash: Option<(CrashPoint, CrashPoint)>,
}

impl Store {
    /// Opens the store at `path` for its one relay; makes folder (0700) and file (0600) when there are none, and brings an
    /// older file up to date.
    ///
    /// Errors: in use by another process, not a store, newer, damaged, or not writable.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, StoreSettings::default()).await
    }

    /// As [`Store::open`], with settings.
    ///
    /// Errors: as [`Store::open`].
    pub async fn open_with(path: &Path, settings: StoreSettings) -> Result<Self, StoreError> {
        let path = path.to_owned();
        off_runtime(path.clone(), move || {
            let lock = create_and_lock(&path)?;
            let found = damaged_index(&path);
            let mut connection = open_writer(&path).map_err(|failure| failure.at(&path))?;
            protection::begin_run(&mut connection, &lock, &path).map_err(|failure| failure.at(&path))?;
            let writer =
                Worker::spawn("store-writer", &path, connection, Some(lock.clone()), settings.queue)?;
            Self::build(path, Some((writer, lock)), settings, found)
        })
        .await
    }

    /// Opens the store to read, also while its relay runs. It changes nothing.
    ///
    /// Errors: no such file, not a store, of another schema version, or damaged.
    pub async fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        let path = path.to_owned();
        off_runtime(path.clone(), move || Self::build(path, None, StoreSettings::default(), None)).await
    }

    fn build(
        path: PathBuf,
        writer: Option<(Worker, LockFile)>,
        settings: StoreSettings,
        found: Option<String>,
    ) -> Result<Self, StoreError> {
        let connection = open_reader(&path).map_err(|failure| failure.at(&path))?;
        let reader = Worker::spawn("store-reader", &path, connection, None, settings.queue)?;
        let metrics = StoreMetrics::build();
        metrics.size_bytes.set(size_bytes(&path));
        let (writer, lock) = writer.unzip();
        let (clock, window) = (settings.clock, settings.window.max(1));
        Ok(Self { shared: Arc::new(Shared { path, writer, reader, lock, clock, metrics, window, found }) })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// What was wrong with its files when it was opened, and is repaired: a person should find out who did it.
    pub fn found_at_start(&self) -> Option<&str> {
        self.shared.found.as_deref()
    }

    /// Shows the store's metrics in `registry`.
    ///
    /// Errors: the names are taken there already.
    pub fn register_metrics(&self, registry: &Registry) -> Result<(), prometheus::Error> {
        self.shared.metrics.register(registry)
    }

    /// Finishes what is queued and closes the file. Other handles answer [`StoreError::Closed`] from now on.
    pub async fn close(self) {
        self.shared.reader.close().await;
        // Last, so that the log is folded into the file.
        if let Some(writer) = &self.shared.writer {
            writer.close().await;
        }
    }

    /// Tells the lock file how many roots were signed, before anybody hears of the last of them.
    pub(crate) fn note_signed(&self, signed: u64) -> Result<(), StoreError> {
        self.shared.lock.as_ref().map_or(Ok(()), |lock| lock.note_signed(signed))
    }

    /// Writes that wait or are under way.
    pub(crate) fn queued_writes(&self) -> i64 {
        self.shared.metrics.queued_writes.get()
    }

    /// As [`StoreSettings::window`].
    pub(crate) fn window(&self) -> u64 {
        self.shared.window
    }

    /// The stamp for what is stored now. Unit: milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> u64 {
        (self.shared.clock)()
    }

    /// Runs `work` on one snapshot of the file.
    pub(crate) async fn read<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        let answer = self.shared.reader.call(move |connection| {
            let snapshot = connection.transaction()?;
            work(&snapshot)
        });
        answer.await.inspect_err(|error| self.shared.metrics.count(error))
    }

    /// Runs `work` on the writer's connection, to make it fail in tests as a disk would.
    #[cfg(test)]
    pub(crate) async fn write_connection<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&mut Connection) -> Result<T, Failure> + Send + 'static,
    {
        self.shared.writer.as_ref().expect("a test that writes").call(work).await
    }

    /// Runs `work` on the reader's connection, to see in tests what it asks.
    #[cfg(test)]
    pub(crate) async fn read_connection<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&mut Connection) -> Result<T, Failure> + Send + 'static,
    {
        self.shared.reader.call(work).await
    }

    /// Returns when one of the threads of the store has ended, which it does by itself only when it panics: nothing can be read or
    /// written any more.
    pub async fn ended(&self) -> StoreError {
        match &self.shared.writer {
            Some(writer) => tokio::select! {
                () = writer.ended() => {}
                () = self.shared.reader.ended() => {}
            },
            None => self.shared.reader.ended().await,
        }
        StoreError::Closed { path: self.shared.path.clone() }
    }

    /// Runs `work` in a transaction of its own; when this answers `Ok`, the result is on the disk.
    pub(crate) async fn write<T, W>(&self, step: Step, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    {
        let shared = Arc::clone(&self.shared);
        let Some(writer) = &self.shared.writer else {
            return Err(StoreError::ReadOnly { path: shared.path.clone() });
        };
        let metrics = shared.metrics.clone();
        let queued = QueuedWrite::count(&metrics);
        let path = shared.path.clone();
        let answer = writer.call(move |connection| {
            let result = commit(connection, step, &metrics, work);
            metrics.size_bytes.set(size_bytes(&path));
            drop(queued);
            result
        });
        answer.await.inspect_err(|error| shared.metrics.count(error))
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("path", &self.shared.path).finish_non_exhaustive()
    }
}

/// A write that waits or runs, counted for as long as this lives: also one whose caller goes away before it is queued.
struct QueuedWrite(IntGauge);

impl QueuedWrite {
    fn count(metrics: &StoreMetrics) -> Self {
        metrics.queued_writes.inc();
        Self(metrics.queued_writes.clone())
    }
}

impl Drop for QueuedWrite {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn commit<T>(
    connection: &mut Connection,
    step: Step,
    metrics: &StoreMetrics,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let started = Instant::now();
    if let Some((before, _)) = step.crash {
        before.reach();
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let result = work(&transaction)?;
    transaction.commit()?;
    if let Some((_, after)) = step.crash {
        after.reach();
    }
    metrics.write_seconds.with_label_values(&[step.name]).observe(started.elapsed().as_secs_f64());
    Ok(result)
}

/// Opening reads and may migrate a large file: not on a thread of the runtime.
async fn off_runtime(
    path: PathBuf,
    open: impl FnOnce() -> Result<Store, StoreError> + Send + 'static,
) -> Result<Store, StoreError> {
    match tokio::task::spawn_blocking(open).await {
        Ok(result) => result,
        Err(error) => Err(StoreError::Open { path, reason: error.to_string() }),
    }
}

/// Makes folder and file, and takes the lock file beside it.
pub(crate) fn create_and_lock(path: &Path) -> Result<LockFile, StoreError> {
    let refused =
        |error: std::io::Error| StoreError::Open { path: path.to_owned(), reason: error.to_string() };
    // Before the lock file is made beside it: a device has no place for one.
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        let reason = "it is a directory or a device, and no file".to_owned();
        return Err(StoreError::Open { path: path.to_owned(), reason });
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(refused)?;
    }
    // Not the store's own file: closing a second descriptor of it would drop SQLite's locks.
    let lock = LockFile::take(beside(path, ".lock"), path)?;
    let options = OpenOptions::new().append(true).create(true).mode(0o600).clone();
    drop(options.open(path).map_err(refused)?);
    Ok(lock)
}

pub(crate) fn open_writer(path: &Path) -> Result<Connection, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Before anything is written: what is not a store must stay as it is.
    schema::refuse_foreign(&connection, path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // FULL: a commit that was answered survives a power cut. The slashing protection rests on this line.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "journal_size_limit", LOG_LIMIT)?;
    schema::migrate(&mut connection, path)?;
    Ok(connection)
}

fn open_reader(path: &Path) -> Result<Connection, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    schema::check(&connection, path)?;
    Ok(connection)
}

/// That another program has cut the index of the write-ahead log short. It is mapped into memory, so the process that had the store open
/// was killed by SIGBUS and could not say why. SQLite makes it anew. Nobody has the store open when this is asked.
fn damaged_index(path: &Path) -> Option<String> {
    let size = |suffix| std::fs::metadata(beside(path, suffix)).map(|metadata| metadata.len()).ok();
    let (index, log) = (size("-shm")?, size("-wal")?);
    let is_cut = index != INDEX_AT_FIRST && (index == 0 || index % INDEX_STEP != 0);
    (log > 0 && is_cut).then(|| {
        format!(
            "the last process that used the store was killed when another program cut {} to {index} bytes; nothing is lost, and it was made \
             anew; find out what writes into that folder",
            beside(path, "-shm").display()
        )
    })
}

/// `path` with `suffix` after its whole name.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn size_bytes(path: &Path) -> i64 {
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    i64::try_from(size(path) + size(&beside(path, "-wal"))).unwrap_or(i64::MAX)
}
