//! The thread that reads one other member's file.
//!
//! A thread per file, because SQLite may wait up to ten seconds for a writer that froze in the middle of a change of its
//! log's index. Then this thread waits, and nobody waits for it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;

use super::contents::Contents;
use super::file;
use crate::MemberId;

/// Stack of a reader. Unit: bytes. Source: SQLite needs well under 100 KiB for statements as simple as ours.
const STACK: usize = 512 << 10;

type Job = Box<dyn FnOnce(&mut Reader) + Send>;

/// What the thread saw last.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// What the file said when it could be read last.
    pub(super) contents: Option<Arc<Contents>>,
    /// Why it could not be read at the last attempt.
    pub(super) failure: Option<Failure>,
}

/// Why a file cannot be read.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) reason: String,
    /// Whether another attempt may go better.
    pub(super) passing: bool,
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self { reason: file::reason(&error), passing: file::is_passing(&error) }
    }
}

/// Handle of the thread; it ends when the handle is dropped, as soon as SQLite lets it.
#[derive(Debug)]
pub(super) struct ReaderThread {
    queue: SyncSender<Job>,
    busy: Arc<AtomicBool>,
    seen: Arc<Mutex<Seen>>,
}

/// What the thread owns.
struct Reader {
    id: MemberId,
    path: PathBuf,
    connection: Option<Connection>,
    /// SQLite's counter of changes, as of what was seen last.
    version: Option<i64>,
    seen: Arc<Mutex<Seen>>,
}

impl ReaderThread {
    /// Starts to read the file of `id` at `path`; nothing is read yet. `None` when the system has no thread left.
    pub(super) fn spawn(id: &MemberId, path: &Path) -> Option<Self> {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let busy = Arc::new(AtomicBool::new(false));
        let (queue, jobs) = sync_channel::<Job>(1);
        let mut reader = Reader {
            id: id.clone(),
            path: path.to_owned(),
            connection: None,
            version: None,
            seen: Arc::clone(&seen),
        };
        let serve = move || jobs.into_iter().for_each(|job| job(&mut reader));
        std::thread::Builder::new()
            .name("coordination-peer".to_owned())
            .stack_size(STACK)
            .spawn(serve)
            .ok()?;
        Some(Self { queue, busy, seen })
    }

    /// What was seen last; waits for nothing.
    pub(super) fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks for a look at the file; the answer says that it was done. `None` while the thread is still at an earlier job.
    pub(super) fn look(&self) -> Option<Receiver<()>> {
        self.ask(|reader| {
            let result = reader.reload();
            reader.note(result);
        })
    }

    /// Asks for something out of the file. `None` while the thread is still at an earlier job; no answer if it cannot be read.
    pub(super) fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Option<Receiver<Option<T>>> {
        self.ask(|reader| match read(reader.connection.as_ref()?) {
            Ok(found) => Some(found),
            Err(error) => {
                reader.note(Err(error));
                None
            }
        })
    }

    fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Reader) -> T + Send + 'static,
    ) -> Option<Receiver<T>> {
        if self.busy.swap(true, Ordering::Acquire) {
            return None;
        }
        let (answer, answered) = sync_channel(1);
        let busy = Arc::clone(&self.busy);
        let job: Job = Box::new(move |reader| {
            let result = work(reader);
            // Before the answer: whoever has it may ask the next thing at once.
            busy.store(false, Ordering::Release);
            // Whoever asked may have given up; what was seen is kept all the same.
            let _ = answer.send(result);
        });
        self.queue.send(job).ok()?;
        Some(answered)
    }
}

impl Reader {
    fn reload(&mut self) -> rusqlite::Result<()> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                self.version = None;
                file::open_peer(&self.path)?
            }
        };
        let snapshot = connection.unchecked_transaction()?;
        let version: i64 = snapshot.pragma_query_value(None, "data_version", |row| row.get(0))?;
        if self.version != Some(version) {
            let contents = Contents::load(&snapshot)?;
            if contents.member.id != self.id {
                return Err(file::cannot_use(format!("it says to be of {}", contents.member.id)));
            }
            self.seen.lock().unwrap_or_else(PoisonError::into_inner).contents = Some(Arc::new(contents));
            self.version = Some(version);
        }
        snapshot.commit()?;
        self.connection = Some(connection);
        Ok(())
    }

    fn note(&mut self, result: rusqlite::Result<()>) {
        if result.is_err() {
            self.connection = None;
        }
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).failure = result.err().map(Failure::from);
    }
}
