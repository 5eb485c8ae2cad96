//! The thread that owns the folder's connections and does what comes through its queue, one after the other.

use tokio::sync::{mpsc, oneshot};

use super::folder::Folder;
use crate::CoordinationError;

/// Calls that may wait for the thread; the next one waits with its caller. Source: a relay has about ten callers.
const QUEUE: usize = 64;

type Job = Box<dyn FnOnce(&mut Folder) + Send>;

/// Handle of the thread; the thread ends, and its files close, when the handle is dropped.
#[derive(Debug)]
pub(super) struct Worker {
    queue: mpsc::Sender<Job>,
}

/// A handle that does not keep the thread alive.
#[derive(Debug, Clone)]
pub(super) struct WeakWorker {
    queue: mpsc::WeakSender<Job>,
}

impl Worker {
    pub(super) fn spawn(mut folder: Folder) -> Result<Self, CoordinationError> {
        let (queue, mut jobs) = mpsc::channel::<Job>(QUEUE);
        let directory = folder.directory().to_owned();
        std::thread::Builder::new()
            .name("coordination".to_owned())
            .spawn(move || {
                while let Some(job) = jobs.blocking_recv() {
                    job(&mut folder);
                }
            })
            .map_err(|error| CoordinationError::Directory { path: directory, reason: error.to_string() })?;
        Ok(Self { queue })
    }

    pub(super) fn downgrade(&self) -> WeakWorker {
        WeakWorker { queue: self.queue.downgrade() }
    }

    /// Queues `work` and waits for it. Once queued it is done even if nobody waits any more.
    pub(super) async fn call<T, W>(&self, work: W) -> Result<T, CoordinationError>
    where
        T: Send + 'static,
        W: FnOnce(&mut Folder) -> Result<T, CoordinationError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |folder| {
            // A caller that has gone away needs no answer.
            let _ = answer.send(work(folder));
        });
        self.queue.send(job).await.map_err(|_| CoordinationError::Closed)?;
        answered.await.map_err(|_| CoordinationError::Closed)?
    }
}

impl WeakWorker {
    /// The handle, while anybody else has one.
    pub(super) fn upgrade(&self) -> Option<Worker> {
        self.queue.upgrade().map(|queue| Worker { queue })
    }
}
