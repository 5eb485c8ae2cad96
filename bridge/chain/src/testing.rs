//! Real and scripted chains for tests, behind the `testing` feature.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep};

mod anvil;
mod scripted;

pub use anvil::{AnvilError, AnvilOptions, AnvilProcess, Mining, development_key, workspace_root};
pub use scripted::{Reply, ScriptedServer};

/// Time between two looks of [`eventually`].
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Waits until `look` returns something, and returns that.
///
/// Panics: `patience` is over; the message names `what`.
pub async fn eventually<T, F, L>(patience: Duration, what: &str, mut look: L) -> T
where
    F: Future<Output = Option<T>>,
    L: FnMut() -> F,
{
    let deadline = Instant::now() + patience;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < deadline, "not within {patience:?}: {what}");
        sleep(LOOK_INTERVAL).await;
    }
}
