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
    /// It is sent; what becomes of it comes here.
    Sent(oneshot::Receiver<JobResult>),
    /// Nothing was sent, for a reason that another key would have as well.
    Refused(JobResult),
    /// Nothing was sent, since the key cannot pay; another one can.
    Unable,
}

/// What came of giving a job to one key.
enum Given {
    Sent(OnItsWay),
    Refused(JobResult),
    /// Another key is to try it.
    Passed,
}

/// A job that is sent.
#[derive(Debug)]
pub struct OnItsWay {
    key: usize,
    passed: BTreeSet<usize>,
    result: oneshot::Receiver<JobResult>,
    board: Arc<Board>,
}

/// A lane's way to its submitter.
#[derive(Debug, Clone)]
pub struct SubmitterHandle {
    keys: Arc<[mpsc::Sender<Order>]>,
    board: Arc<Board>,
}

impl OnItsWay {
    /// Which key sent it, by its place.
    pub const fn key(&self) -> usize {
        self.key
    }

    /// Waits until it is mined or known to go nowhere. Dropping this cancels nothing: what is in the journal is followed to its
    /// end.
    pub async fn result(mut self) -> JobResult {
        let mut changes = self.board.changes();
        loop {
            if let Ok(told) = self.result.try_recv() {
                return told;
            }
            // What is stuck stays in its key's journal and is followed there.
            if moves_on(&self.board.standings(), self.key, &self.passed) {
                self.board.passed(self.key);
                return JobResult::LeftBehind;
            }
            tokio::select! {
                result = &mut self.result => return result.unwrap_or_else(|_| stopped()),
                // The board outlives the handle.
                Ok(()) = changes.changed() => {}
            }
        }
    }
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

    /// The key that would take a job now, by its place.
    pub fn key(&self) -> Option<usize> {
        choose(&self.board.standings(), &BTreeSet::new())
    }

    /// Hands `job` over and waits until it is mined or known to go nowhere, with one key after the other.
    pub async fn submit(&self, job: Job) -> JobResult {
        let mut passed = BTreeSet::new();
        loop {
            let sent = match self.send_passing(job.clone(), &mut passed).await {
                Ok(sent) => sent,
                Err(refused) => return refused,
            };
            let key = sent.key();
            match sent.result().await {
                JobResult::LeftBehind => passed.insert(key),
                result => return result,
            };
        }
    }

    /// Hands `job` over and waits until it is sent: with the key `only`, where what it presumes is on its way with that one.
    ///
    /// Errors: nothing was sent, and why; [`JobResult::Busy`] where another key would have to send it.
    pub async fn send(&self, job: Job, only: Option<usize>) -> Result<OnItsWay, JobResult> {
        let Some(only) = only else { return self.send_passing(job, &mut BTreeSet::new()).await };
        if self.key() != Some(only) {
            return Err(JobResult::Busy);
        }
        match self.give(only, job, &BTreeSet::new()).await {
            Given::Sent(sent) => Ok(sent),
            Given::Refused(result) => Err(result),
            Given::Passed => Err(JobResult::Busy),
        }
    }

    /// With one key after the other, and none of those that have `passed` it on.
    async fn send_passing(&self, job: Job, passed: &mut BTreeSet<usize>) -> Result<OnItsWay, JobResult> {
        while let Some(key) = choose(&self.board.standings(), passed) {
            match self.give(key, job.clone(), passed).await {
                Given::Sent(sent) => return Ok(sent),
                Given::Refused(result) => return Err(result),
                Given::Passed => {
                    self.board.passed(key);
                    passed.insert(key);
                }
            }
        }
        Err(JobResult::Failed(self.board.told()))
    }

    async fn give(&self, key: usize, job: Job, passed: &BTreeSet<usize>) -> Given {
        let Some(orders) = self.keys.get(key) else { return Given::Refused(stopped()) };
        let (answer, mut answered) = oneshot::channel();
        if orders.send((job, answer)).await.is_err() {
            return Given::Refused(stopped());
        }
        let mut changes = self.board.changes();
        loop {
            if moves_on(&self.board.standings(), key, passed) {
                return Given::Passed;
            }
            tokio::select! {
                answer = &mut answered => return match answer {
                    Ok(KeyAnswer::Sent(result)) => {
                        let (passed, board) = (passed.clone(), Arc::clone(&self.board));
                        Given::Sent(OnItsWay { key, passed, result, board })
                    }
                    Ok(KeyAnswer::Refused(result)) => Given::Refused(result),
                    Ok(KeyAnswer::Unable) => Given::Passed,
                    Err(_) => Given::Refused(stopped()),
                },
                Ok(()) = changes.changed() => {}
            }
        }
    }
}

fn stopped() -> JobResult {
    JobResult::Failed("the submitter has stopped".to_owned())
}

#[cfg(test)]
mod tests;
