//! The stream of a lane's attestations. It remembers a number and no attestation, so it grows with nothing.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use polyspan_types::{Attestation, BridgeId};
use tokio::sync::watch;

use super::shared::{Link, Shared, View};
use crate::CoordinationError;

/// Most attestations taken from the mirror at once.
const BATCH: usize = 1000;

struct Follower {
    shared: Weak<Shared>,
    view: watch::Receiver<View>,
    lane: BridgeId,
    /// Number of the last attestation taken.
    after: u64,
    waiting: VecDeque<Result<Attestation, CoordinationError>>,
    /// Whether the present loss of etcd was told.
    told_lost: bool,
}

/// Follows a lane until the connection behind `shared` is dropped.
pub(super) fn stream(
    shared: &Arc<Shared>,
    lane: BridgeId,
) -> BoxStream<'static, Result<Attestation, CoordinationError>> {
    let mut view = shared.subscribe();
    view.mark_changed();
    let follower = Follower {
        shared: Arc::downgrade(shared),
        view,
        lane,
        after: 0,
        waiting: VecDeque::new(),
        told_lost: false,
    };
    stream::unfold(follower, |mut follower| async move {
        let item = follower.next().await?;
        Some((item, follower))
    })
    .boxed()
}

impl Follower {
    async fn next(&mut self) -> Option<Result<Attestation, CoordinationError>> {
        loop {
            if let Some(item) = self.waiting.pop_front() {
                return Some(item);
            }
            if !self.fetch()? {
                // The sender goes with the connection.
                self.view.changed().await.ok()?;
            }
        }
    }

    /// Takes what is new; whether anything was. `None` when the connection has gone.
    fn fetch(&mut self) -> Option<bool> {
        // Before the look at the mirror: what comes later is seen as a change.
        let link = self.view.borrow_and_update().link.clone();
        let shared = self.shared.upgrade()?;
        let news = shared.mirror().news(self.lane, self.after, BATCH);
        let any = !news.is_empty();
        for (number, attestation) in news {
            self.after = number;
            self.waiting.push_back(Ok(attestation.as_ref().clone()));
        }
        match link {
            Link::Lost(error) if !std::mem::replace(&mut self.told_lost, true) => {
                self.waiting.push_back(Err(error));
                return Some(true);
            }
            Link::Lost(_) => {}
            Link::Connecting | Link::Following => self.told_lost = false,
        }
        Some(any)
    }
}
