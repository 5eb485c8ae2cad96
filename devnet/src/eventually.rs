//! Waiting for something to become true, with an end.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Looks again and again until `look` gives a value, and returns it.
///
/// `what` names the awaited thing for the error. An error of `look` counts as "not yet" and is shown if patience ends.
///
/// Errors: `patience` ended.
pub async fn eventually<T, L, F>(what: &str, patience: Duration, mut look: L) -> Result<T>
where
    L: FnMut() -> F,
    F: Future<Output = Result<Option<T>>>,
{
    let end = Instant::now() + patience;
    loop {
        let seen = look().await;
        if let Ok(Some(value)) = seen {
            return Ok(value);
        }
        if Instant::now() >= end {
            match seen {
                Err(error) => bail!("not within {patience:?}: {what}; the last look failed: {error:#}"),
                Ok(_) => bail!("not within {patience:?}: {what}"),
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// As [`eventually`], for a plain condition.
///
/// Errors: `patience` ended.
pub async fn eventually_true<L, F>(what: &str, patience: Duration, mut look: L) -> Result<()>
where
    L: FnMut() -> F,
    F: Future<Output = Result<bool>>,
{
    eventually(what, patience, || {
        let seen = look();
        async move { Ok(seen.await?.then_some(())) }
    })
    .await
}
