//! What the calls, the streams and the watcher of one connection share.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::endpoints::Endpoints;
use super::layout::Layout;
use super::mirror::{Limits, Mirror};
use super::own::Own;
use crate::CoordinationError;
use crate::metrics::CoordinationMetrics;

/// How the connection stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Link {
    /// The first reading is not done yet.
    Connecting,
    /// The mirror follows etcd.
    Following,
    /// It does not, and shows what was.
    Lost(CoordinationError),
}

/// Tells that something changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct View {
    pub(super) link: Link,
    /// Rises with every change of the mirror.
    pub(super) version: u64,
    /// Rises with every complete reading, and when own attestations are deleted by somebody else.
    pub(super) incarnation: u64,
}

/// The common part of one connection.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) endpoints: Endpoints,
    pub(super) layout: Layout,
    pub(super) metrics: CoordinationMetrics,
    mirror: Mutex<Mirror>,
    own: Mutex<Own>,
    view: watch::Sender<View>,
}

impl Shared {
    pub(super) fn new(
        endpoints: Endpoints,
        layout: Layout,
        limits: Limits,
        metrics: CoordinationMetrics,
    ) -> Self {
        let view = View { link: Link::Connecting, version: 0, incarnation: 0 };
        let mirror = Mutex::new(Mirror::new(layout.clone(), limits));
        Self { endpoints, layout, metrics, mirror, own: Mutex::default(), view: watch::channel(view).0 }
    }

    /// The mirror. No one holds it over an `await`, and a panic in between leaves it usable.
    pub(super) fn mirror(&self) -> MutexGuard<'_, Mirror> {
        self.mirror.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This relay; the same rules.
    pub(super) fn own(&self) -> MutexGuard<'_, Own> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<View> {
        self.view.subscribe()
    }

    pub(super) fn incarnation(&self) -> u64 {
        self.view.borrow().incarnation
    }

    pub(super) fn link(&self) -> Link {
        self.view.borrow().link.clone()
    }

    pub(super) fn tell(&self, change: impl FnOnce(&mut View)) {
        self.view.send_modify(|view| {
            view.version += 1;
            change(view);
        });
    }

    /// Returns when the mirror follows etcd.
    ///
    /// Errors: it is lost, or the first reading is not done within `patience`.
    pub(super) async fn followed(&self, patience: Duration) -> Result<(), CoordinationError> {
        let mut view = self.subscribe();
        let known = view.wait_for(|view| view.link != Link::Connecting);
        match tokio::time::timeout(patience, known).await.map(|known| known.map(|view| view.link.clone())) {
            Ok(Ok(Link::Lost(error))) => Err(error),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(CoordinationError::Closed),
            Err(_) => Err(CoordinationError::Unreachable { reason: "no answer yet".to_owned() }),
        }
    }

    /// Waits until the mirror has what was written at `revision`. False when it is late or lost.
    pub(super) async fn caught_up(&self, revision: i64, patience: Duration) -> bool {
        let mut view = self.subscribe();
        let there = view.wait_for(|view| view.link == Link::Following && self.mirror().revision >= revision);
        matches!(tokio::time::timeout(patience, there).await, Ok(Ok(_)))
    }
}
