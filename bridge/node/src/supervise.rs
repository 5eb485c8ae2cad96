//! Owns every task by name: a panic is an error with a name, and the end of a critical task ends the node.

use std::any::Any;
use std::fmt::Display;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use polyspan_monitoring::{Health, HealthPart};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use polyspan_chain::Backoff;

const RESTART_MIN: Duration = Duration::from_millis(500);
const RESTART_MAX: Duration = Duration::from_secs(30);

/// A task that ran for so long before it panicked begins with the shortest wait again. Unit: time.
const STEADY: Duration = Duration::from_secs(60);

/// A critical task that ended although nobody asked it to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("task `{name}` ended: {reason}")]
pub struct TaskEnded {
    /// The task.
    pub name: String,
    /// Its error, its panic, or that it just returned.
    pub reason: String,
}

/// A group of named tasks.
#[derive(Debug)]
pub struct TaskGroup {
    tasks: JoinSet<(String, Option<String>)>,
    names: Vec<String>,
    health: Health,
    stop: CancellationToken,
}

impl TaskGroup {
    /// An empty group that ends with `stop` and shows on `health` what ended before.
    pub fn new(stop: CancellationToken, health: Health) -> Self {
        Self { tasks: JoinSet::new(), names: Vec::new(), health, stop }
    }

    /// Starts a task whose end ends the node.
    pub fn critical<E: Display>(
        &mut self,
        name: impl Into<String>,
        task: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        let name = name.into();
        self.names.push(name.clone());
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            let reason = match AssertUnwindSafe(task).catch_unwind().await {
                Ok(Ok(())) if stop.is_cancelled() => None,
                Ok(Ok(())) => Some("it returned".to_owned()),
                Ok(Err(failed)) => Some(failed.to_string()),
                Err(panic) => Some(panic_text(&*panic)),
            };
            (name, reason)
        });
    }

    /// Starts a task that is built anew after a panic. That it returns is fine: its work is done, or its lane halted.
    pub fn restarting<F>(
        &mut self,
        name: impl Into<String>,
        health: HealthPart,
        mut build: impl FnMut() -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let name = name.into();
        self.names.push(name.clone());
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            let mut backoff = Backoff::new(RESTART_MIN, RESTART_MAX);
            let mut built = Instant::now();
            while let Err(panic) = AssertUnwindSafe(build()).catch_unwind().await {
                if built.elapsed() >= STEADY {
                    backoff.reset();
                }
                let reason = panic_text(&*panic);
                error!(task = name, reason, "task panicked; it is started again");
                health.failing(reason);
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = tokio::time::sleep(backoff.next(rand::random())) => {}
                }
                built = Instant::now();
            }
            (name, None)
        });
    }

    /// Waits for `stop` or the end of a critical task, then stops everything; tasks that do not end within `grace` are
    /// named and left.
    ///
    /// Errors: a critical task ended by itself.
    pub async fn run(mut self, grace: Duration) -> Result<(), TaskEnded> {
        let mut ended = Ok(());
        while !self.stop.is_cancelled() {
            tokio::select! {
                () = self.stop.cancelled() => {}
                Some(joined) = self.tasks.join_next() => {
                    if let Some((name, Some(reason))) = self.left(joined) {
                        self.health.part(&name).ended(&reason);
                        ended = Err(TaskEnded { name, reason });
                        self.stop.cancel();
                    }
                }
            }
        }
        let drain = async {
            while let Some(joined) = self.tasks.join_next().await {
                if let Ok((name, _)) = joined {
                    self.names.retain(|known| *known != name);
                }
            }
        };
        if tokio::time::timeout(grace, drain).await.is_err() {
            warn!(stragglers = self.names.join(", "), "tasks did not stop in time and are left behind");
        }
        ended
    }

    fn left(
        &mut self,
        joined: Result<(String, Option<String>), tokio::task::JoinError>,
    ) -> Option<(String, Option<String>)> {
        // Panics are caught inside the task and nobody aborts it, so there is no other way to fail.
        let (name, reason) = joined.ok()?;
        self.names.retain(|known| *known != name);
        Some((name, reason))
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    format!("panic: {text}")
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const GRACE: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn the_end_of_a_critical_task_ends_the_group_with_its_name() {
        let stop = CancellationToken::new();
        let mut group = TaskGroup::new(stop.clone(), Health::new());
        group.critical("fragile", async { Err::<(), _>("disk is gone") });
        let waiting = stop.clone();
        group.critical("patient", async move {
            waiting.cancelled().await;
            Ok::<(), Infallible>(())
        });
        let ended = group.run(GRACE).await.unwrap_err();
        assert_eq!(ended.to_string(), "task `fragile` ended: disk is gone");
        assert!(stop.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn a_panicking_task_is_built_again() {
        let stop = CancellationToken::new();
        let mut group = TaskGroup::new(stop.clone(), Health::new());
        let builds = Arc::new(AtomicU32::new(0));
        let (counted, stopper) = (Arc::clone(&builds), stop.clone());
        group.restarting("shaky", Health::new().part("shaky"), move || {
            let (build, stopper) = (counted.fetch_add(1, Ordering::SeqCst), stopper.clone());
            async move {
                assert!(build >= 2, "not yet");
                stopper.cancel();
            }
        });
        assert_eq!(group.run(GRACE).await, Ok(()));
        assert_eq!(builds.load(Ordering::SeqCst), 3);
    }

    /// What panics once an hour is not waited for longer each time.
    #[tokio::test(start_paused = true)]
    async fn a_task_that_ran_for_long_is_restarted_at_once() {
        let stop = CancellationToken::new();
        let mut group = TaskGroup::new(stop.clone(), Health::new());
        let builds = Arc::new(AtomicU32::new(0));
        let (counted, stopper) = (Arc::clone(&builds), stop.clone());
        let start = Instant::now();
        group.restarting("shaky", Health::new().part("shaky"), move || {
            let (build, stopper) = (counted.fetch_add(1, Ordering::SeqCst), stopper.clone());
            async move {
                tokio::time::sleep(STEADY).await;
                assert!(build >= 20, "not yet");
                stopper.cancel();
            }
        });
        assert_eq!(group.run(GRACE).await, Ok(()));
        let waited = start.elapsed() - 21 * STEADY;
        assert!(waited <= 20 * 2 * RESTART_MIN, "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_straggler_does_not_hold_the_stop() {
        let stop = CancellationToken::new();
        let mut group = TaskGroup::new(stop.clone(), Health::new());
        group.critical("deaf", std::future::pending::<Result<(), Infallible>>());
        stop.cancel();
        assert_eq!(group.run(GRACE).await, Ok(()));
    }
}
