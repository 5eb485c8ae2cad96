//! A thread that owns one connection and does what comes through its queue, one after the other.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::StoreError;
use crate::error::Failure;
use crate::lock_file::LockFile;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

enum Message {
    Run(Job),
    Close(oneshot::Sender<()>),
}

/// Handle of a thread. The thread ends, and the connection closes, when the handle is dropped or closed.
#[derive(Debug)]
pub(crate) struct Worker {
    path: PathBuf,
    queue: mpsc::Sender<Message>,
}

impl Worker {
    /// Starts a thread named `name`. `lock` is held for as long as the thread lives.
    pub(crate) fn spawn(
        name: &str,
        path: &Path,
        connection: Connection,
        lock: Option<LockFile>,
        queue: usize,
    ) -> Result<Self, StoreError> {
        let (sender, receiver) = mpsc::channel(queue.max(1));
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || serve(connection, receiver, lock))
            .map_err(|error| StoreError::Open { path: path.to_owned(), reason: error.to_string() })?;
        Ok(Self { path: path.to_owned(), queue: sender })
    }

    /// Queues `work`, waits for it, and names the file in its error. Once queued it is done even if nobody waits any more.
    pub(crate) async fn call<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&mut Connection) -> Result<T, Failure> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // A caller that has gone away needs no answer.
            let _ = answer.send(work(connection));
        });
        let closed = || StoreError::Closed { path: self.path.clone() };
        self.queue.send(Message::Run(job)).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?.map_err(|failure| failure.at(&self.path))
    }

    /// Returns when the thread has ended.
    pub(crate) async fn ended(&self) {
        self.queue.closed().await;
    }

    /// Ends the thread after everything that is queued, and waits until the connection is closed.
    pub(crate) async fn close(&self) {
        let (answer, answered) = oneshot::channel();
        if self.queue.send(Message::Close(answer)).await.is_ok() {
            // An error means that the thread has ended already.
            let _ = answered.await;
        }
    }
}

fn serve(mut connection: Connection, mut queue: mpsc::Receiver<Message>, lock: Option<LockFile>) {
    let mut waiting = None;
    while let Some(message) = queue.blocking_recv() {
        match message {
            Message::Run(job) => job(&mut connection),
            Message::Close(answer) => {
                waiting = Some(answer);
                break;
            }
        }
    }
    if let Err((_, error)) = connection.close() {
        tracing::warn!(%error, "the store's connection did not close cleanly; nothing is lost");
    }
    // After the connection: whoever gets the lock next may open the file.
    if let Some(lock) = lock {
        lock.release();
    }
    if let Some(answer) = waiting {
        let _ = answer.send(());
    }
}
