//! The stream of a lane's attestations.

use std::collections::VecDeque;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use polyspan_types::{Attestation, BridgeId};

use super::positions::{News, Positions};
use super::worker::WeakWorker;
use crate::CoordinationError;

struct Follower {
    worker: WeakWorker,
    lane: BridgeId,
    poll: Duration,
    positions: Positions,
    waiting: VecDeque<Result<Attestation, CoordinationError>>,
    /// What was told and still holds, so that it is told once.
    told: Vec<CoordinationError>,
    rested: bool,
}

/// Follows a lane until the connection behind `worker` is dropped.
pub(super) fn stream(
    worker: WeakWorker,
    lane: BridgeId,
    poll: Duration,
) -> BoxStream<'static, Result<Attestation, CoordinationError>> {
    let follower = Follower {
        worker,
        lane,
        poll,
        positions: Positions::default(),
        waiting: VecDeque::new(),
        told: Vec::new(),
        rested: true,
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
            if !self.rested {
                tokio::time::sleep(self.poll).await;
            }
            self.fetch().await?;
        }
    }

    /// One look; `None` when the connection has gone.
    async fn fetch(&mut self) -> Option<()> {
        let (lane, mut positions) = (self.lane, self.positions.clone());
        let worker = self.worker.upgrade()?;
        let looked = worker.call(move |folder| {
            let news = folder.news(lane, &mut positions)?;
            Ok((news, positions))
        });
        match looked.await {
            Ok((news, positions)) => {
                self.positions = positions;
                self.rested = news.more;
                self.take(news);
            }
            Err(CoordinationError::Closed) => return None,
            Err(error) => {
                self.rested = false;
                self.take(News { skipped: vec![error], ..News::default() });
            }
        }
        Some(())
    }

    fn take(&mut self, news: News) {
        let new = news.skipped.iter().filter(|error| !self.told.contains(error));
        self.waiting.extend(new.cloned().map(Err));
        self.told = news.skipped;
        self.waiting.extend(news.attestations.into_iter().map(Ok));
    }
}
