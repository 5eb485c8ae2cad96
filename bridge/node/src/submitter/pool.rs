//! A lane's way to the submitter keys of a chain: a job goes to one of them at a time, and on to the next when that cannot.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use super::board::{Board, KeyView};
use super::choice::{choose, moves_on};
use super::job::{Job, JobResult};

/// A job for one key.
pub(super) type Order = (Job, oneshot::Sender<KeyAnswer>);

/// What one key says to a job.
#[derive(Debug)]
pub(super) enum KeyAnswer {
    /// What became of it.
    Result(JobResult),
    /// Nothing was sent, since the key cannot pay; another one can.
    Unable,
}

/// What came of giving a job to one key.
enum Tried {
    Done(JobResult),
    /// Another key is to try it.
    Passed,
}

/// A lane's way to its submitter.
#[derive(Debug, Clone)]
pub struct SubmitterHandle {
    keys: Arc<[mpsc::Sender<Order>]>,
    board: Arc<Board>,
}

impl SubmitterHandle {
    pub(super) fn new(keys: Vec<mpsc::Sender<Order>>, board: Arc<Board>) -> Self {
        Self { keys: keys.into(), board }
    }

    /// What keeps transactions on their way from getting into a block, as it changes.
    pub fn trouble(&self) -> watch::Receiver<Option<String>> {
        self.board.trouble()
    }

    /// The keys as they are now: first the one that is used before its spares.
    pub fn keys(&self) -> Vec<KeyView> {
        self.board.keys()
    }

    /// Hands `job` over and waits until it is mined or known to go nowhere. Dropping the future cancels nothing: what is
    /// in the journal is followed to its end.
    pub async fn submit(&self, job: Job) -> JobResult {
        let mut passed = BTreeSet::new();
        while let Some(key) = choose(&self.board.standings(), &passed) {
            match self.try_key(key, job.clone(), &passed).await {
                Tried::Done(result) => return result,
                Tried::Passed => {
                    self.board.passed(key);
                    passed.insert(key);
                }
            }
        }
        JobResult::Failed(self.board.told())
    }

    async fn try_key(&self, key: usize, job: Job, passed: &BTreeSet<usize>) -> Tried {
        let stopped = || Tried::Done(JobResult::Failed("the submitter has stopped".to_owned()));
        let Some(orders) = self.keys.get(key) else { return stopped() };
        let (answer, mut result) = oneshot::channel();
        if orders.send((job, answer)).await.is_err() {
            return stopped();
        }
        let mut changes = self.board.changes();
        loop {
            // What is stuck stays in its key's journal and is followed there; this job goes on without it.
            if moves_on(&self.board.standings(), key, passed) {
                return Tried::Passed;
            }
            tokio::select! {
                answer = &mut result => return match answer {
                    Ok(KeyAnswer::Result(result)) => Tried::Done(result),
                    Ok(KeyAnswer::Unable) => Tried::Passed,
                    Err(_) => stopped(),
                },
                // The board outlives the handle.
                Ok(()) = changes.changed() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
