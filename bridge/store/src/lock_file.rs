//! The lock file beside the database: one process holds it, and it says how far the database had come.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Read;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::StoreError;
use crate::floor::Mark;

/// The lock, held until it is released; it dies with the process, however that ends. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct LockFile {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    file: File,
    newest: Mutex<Option<Mark>>,
}

impl LockFile {
    /// Takes the lock at `path` for the store at `store`, and reads what its last holder left.
    ///
    /// Errors: held by another process, or the file cannot be made or read.
    pub(crate) fn take(path: PathBuf, store: &Path) -> Result<Self, StoreError> {
        let refused =
            |error: std::io::Error| StoreError::Open { path: path.clone(), reason: error.to_string() };
        let options =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).clone();
        let mut file = options.open(&path).map_err(refused)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse { path: store.to_owned() }),
            Err(TryLockError::Error(error)) => return Err(refused(error)),
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(refused)?;
        let newest = Mutex::new(Mark::parse(&String::from_utf8_lossy(&text)));
        Ok(Self { shared: Arc::new(Shared { path, file, newest }) })
    }

    /// What it says.
    pub(crate) fn mark(&self) -> Option<Mark> {
        *self.shared.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a run, on the disk when this answers.
    ///
    /// Errors: [`StoreError::CannotWrite`], naming this file.
    pub(crate) fn begin(&self, mark: Mark) -> Result<(), StoreError> {
        let mut newest = self.shared.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let written = self.write(mark).and_then(|()| self.shared.file.sync_all());
        written.map_err(|error| self.cannot_write(&error))?;
        *newest = Some(mark);
        Ok(())
    }

    /// Notes that so many roots were signed. It survives the process, not a power cut: then the next run is what tells.
    ///
    /// Errors: released, or [`StoreError::CannotWrite`], naming this file.
    pub(crate) fn note_signed(&self, signed: u64) -> Result<(), StoreError> {
        let mut newest = self.shared.newest.lock().unwrap_or_else(PoisonError::into_inner);
        // Released: another holder may have the file, and what it cannot tell must not be published.
        let Some(mark) = *newest else { return Err(StoreError::Closed { path: self.shared.path.clone() }) };
        if mark.signed >= signed {
            return Ok(());
        }
        let mark = Mark { signed, ..mark };
        self.write(mark).map_err(|error| self.cannot_write(&error))?;
        *newest = Some(mark);
        Ok(())
    }

    /// Gives the lock up, whoever still has a handle.
    pub(crate) fn release(&self) {
        // What comes too late must not be written into the file of the next holder.
        *self.shared.newest.lock().unwrap_or_else(PoisonError::into_inner) = None;
        if let Err(error) = self.shared.file.unlock() {
            tracing::warn!(%error, "the store's lock was not given up; it ends with the process");
        }
    }

    fn write(&self, mark: Mark) -> std::io::Result<()> {
        self.shared.file.write_all_at(mark.to_string().as_bytes(), 0)
    }

    fn cannot_write(&self, error: &std::io::Error) -> StoreError {
        StoreError::CannotWrite { path: self.shared.path.clone(), detail: error.to_string() }
    }
}
