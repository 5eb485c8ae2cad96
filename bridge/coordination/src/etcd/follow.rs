//! The stream of a lane's attestations.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Weak};

use alloy::primitives::{B256, keccak256};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use polyspan_types::{Attestation, BridgeId};
use tokio::sync::watch;

use super::shared::{Link, Shared, View};
use crate::CoordinationError;

/// Most attestations taken from the mirror at once.
const BATCH: usize = 1000;

/// Delivered attestations that a stream remembers, so that it delivers each once even when etcd lost them and got them again.
/// Source: half of what the mirror holds at most; beyond that a repetition is harmless.
const REMEMBERED: usize = 65_536;

struct Follower {
    shared: Weak<Shared>,
    view: watch::Receiver<View>,
    lane: BridgeId,
    /// Number of the last attestation taken.
    after: u64,
    delivered: Delivered,
    waiting: VecDeque<Result<Attestation, CoordinationError>>,
    /// Whether the present loss of etcd was told.
    told_lost: bool,
}

/// What was delivered last.
#[derive(Debug, Default)]
struct Delivered {
    known: HashSet<B256>,
    order: VecDeque<B256>,
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
        delivered: Delivered::default(),
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
            if self.delivered.is_new(&attestation) {
                self.waiting.push_back(Ok(attestation.as_ref().clone()));
            }
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

impl Delivered {
    fn is_new(&mut self, attestation: &Attestation) -> bool {
        let digest = digest(attestation);
        if !self.known.insert(digest) {
            return false;
        }
        self.order.push_back(digest);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

/// Everything of it: somebody may have published another signature under the same checkpoint and operator.
fn digest(attestation: &Attestation) -> B256 {
    let checkpoint = &attestation.checkpoint;
    let mut bytes = Vec::with_capacity(165);
    bytes.extend_from_slice(&checkpoint.nonce.get().to_be_bytes());
    bytes.extend_from_slice(&checkpoint.epoch.get().to_be_bytes());
    bytes.extend_from_slice(checkpoint.root.0.as_slice());
    bytes.extend_from_slice(attestation.operator.as_slice());
    bytes.extend_from_slice(&attestation.signature.as_bytes());
    keccak256(bytes)
}
