//! Keeps the mirror in step with etcd: reads everything once, then watches from there, and starts over when the watch ends.
//!
//! Starting over always means reading everything again. A watch that goes on from its last revision would be cheaper and
//! wrong: an etcd that was wiped counts its revisions anew.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use etcd_client::{Event, WatchOptions, WatchResponse, WatchStream};
use futures::FutureExt;
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

use super::endpoints::{CallError, classify};
use super::layout::Key;
use super::listing;
use super::mirror::{Entry, Taken};
use super::shared::{Link, Shared};
use crate::metrics::State;
use crate::{CoordinationError, MemberId};

/// Rest after a failure. Unit: time. Source: short beside the election of a new etcd leader.
const REST: Duration = Duration::from_millis(200);

/// Silent for so long, the watch is asked whether it is still there.
const PROBE: Duration = Duration::from_secs(1);

/// How often what had to be left out is read again.
const RELIST: Duration = Duration::from_secs(10);

/// Between two warnings about one member's unreadable keys.
const WARN_EVERY: Duration = Duration::from_secs(600);

/// Why a watch ended.
enum End {
    /// Something failed.
    Failed(CallError),
    /// What was left out for want of room is to be read again.
    Reread,
}

impl From<CallError> for End {
    fn from(error: CallError) -> Self {
        Self::Failed(error)
    }
}

/// The task behind one connection.
pub(super) struct Watcher {
    shared: Arc<Shared>,
    warned: BTreeMap<MemberId, Instant>,
}

impl Watcher {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared, warned: BTreeMap::new() }
    }

    /// Follows etcd until it is dropped.
    pub(super) async fn run(mut self) {
        let mut reread = false;
        loop {
            // The client library takes some answers for granted; an endpoint that lies must not end this task.
            let session = AssertUnwindSafe(self.follow(reread)).catch_unwind().await;
            let strange = || CallError::Elsewhere("an answer that makes no sense".to_owned());
            reread = match session.unwrap_or_else(|_| Err(End::Failed(strange()))) {
                Err(End::Reread) => true,
                Err(End::Failed(error)) => {
                    self.lost(error.into());
                    sleep(REST).await;
                    false
                }
                Ok(()) => false,
            };
        }
    }

    /// Reads everything, then takes in what changes. Ends with an error, always.
    async fn follow(&mut self, reread: bool) -> Result<(), End> {
        let fresh = self.shared.mirror().fresh();
        let found = listing::load(&self.shared.endpoints, &self.shared.layout, fresh).await?;
        let mut stream = self.watch(found.revision + 1).await?;
        self.shared.mirror().adopt(found);
        self.note_unreadable();
        if matches!(self.shared.link(), Link::Lost(_)) {
            info!("etcd is followed again");
        }
        self.shared.metrics.show_state(State::Etcd);
        self.shared.tell(|view| {
            view.link = Link::Following;
            view.incarnation += u64::from(!reread);
        });
        let started = Instant::now();
        let (mut asked, mut full) = (false, false);
        loop {
            // What did not fit, at first or since, is looked for again.
            let truncated = self.shared.mirror().truncated;
            if truncated && !std::mem::replace(&mut full, true) {
                warn!(
                    "etcd holds more of a member than a relay takes in; the rest is looked for again every {RELIST:?}"
                );
            }
            if truncated && started.elapsed() > RELIST {
                return Err(End::Reread);
            }
            match timeout(PROBE, stream.message()).await {
                Ok(Ok(Some(response))) => {
                    self.take(&response)?;
                    asked = false;
                }
                Ok(Ok(None)) => return Err(failed("the watch ended")),
                Ok(Err(error)) => return Err(classify(&error).into()),
                Err(_) if asked => return Err(failed("the watch is silent")),
                Err(_) => {
                    asked = true;
                    let probe = timeout(PROBE, stream.request_progress()).await;
                    probe.map_err(|_| failed("the watch hangs"))?.map_err(|error| classify(&error))?;
                }
            }
        }
    }

    async fn watch(&self, revision: i64) -> Result<WatchStream, End> {
        let shared = &self.shared;
        let options = WatchOptions::new().with_prefix().with_start_revision(revision).with_fragment();
        let open = shared.endpoints.call(|mut client| {
            let options = options.clone();
            async move { client.watch(shared.layout.prefix(), Some(options)).await }
        });
        let mut stream = open.await?;
        match timeout(shared.endpoints.patience(), stream.message()).await {
            Ok(Ok(Some(first))) if first.created() && !first.canceled() => Ok(stream),
            Ok(Ok(Some(first))) => Err(cancelled(&first)),
            Ok(Ok(None)) => Err(failed("the watch was refused")),
            Ok(Err(error)) => Err(classify(&error).into()),
            Err(_) => Err(failed("the watch does not start")),
        }
    }

    fn take(&mut self, response: &WatchResponse) -> Result<(), End> {
        if response.canceled() {
            return Err(cancelled(response));
        }
        if response.events().is_empty() {
            return Ok(());
        }
        let (mut skipped, mut missing) = (false, false);
        let mut mirror = self.shared.mirror();
        for event in response.events() {
            let Some((Some(key), taken)) = take_event(&mut mirror, event) else { continue };
            skipped |= taken == Taken::Skipped;
            let gone = taken == Taken::Skipped || event.kv().is_some_and(|pair| pair.version() == 0);
            missing |= gone && self.shared.own().misses(&key);
        }
        drop(mirror);
        if skipped {
            self.note_unreadable();
        }
        self.shared.tell(|view| view.incarnation += u64::from(missing));
        Ok(())
    }

    fn lost(&self, error: CoordinationError) {
        self.shared.metrics.count(&error);
        // The next look begins at another endpoint, also when this one answers calls and only its watches end.
        self.shared.endpoints.go_on();
        if !matches!(self.shared.link(), Link::Lost(_)) {
            warn!(%error, "etcd is not followed");
        }
        self.shared.metrics.show_state(State::Unreachable);
        self.shared.tell(|view| view.link = Link::Lost(error));
    }

    fn note_unreadable(&mut self) {
        let unreadable = self.shared.mirror().unreadable();
        self.shared.metrics.skipped.set(i64::try_from(unreadable.len()).unwrap_or(i64::MAX));
        let now = Instant::now();
        self.warned.retain(|_, at| now.saturating_duration_since(*at) < WARN_EVERY);
        for member in unreadable {
            self.warned.entry(member).or_insert_with_key(|member| {
                warn!(%member, "keys of this member in etcd cannot be read; what they say is not seen here");
                now
            });
        }
    }
}

fn take_event(mirror: &mut super::mirror::Mirror, event: &Event) -> Option<(Option<Key>, Taken)> {
    let pair = event.kv()?;
    // A deleted key has no version. The library's own word for it panics on kinds that it does not know.
    let value = (pair.version() != 0).then(|| pair.value());
    let entry = Entry { key: pair.key(), value, lease: pair.lease() };
    let taken = mirror.take(entry);
    mirror.revision = mirror.revision.max(pair.mod_revision());
    Some(taken)
}

fn failed(reason: &str) -> End {
    End::Failed(CallError::Elsewhere(reason.to_owned()))
}

fn cancelled(response: &WatchResponse) -> End {
    End::Failed(if response.compact_revision() > 0 {
        CallError::Compacted
    } else if response.cancel_reason().contains("permission denied") {
        CallError::Refused(response.cancel_reason().to_owned())
    } else {
        CallError::Elsewhere(format!("the watch was cancelled: {}", response.cancel_reason()))
    })
}
