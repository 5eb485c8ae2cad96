//! What the chains show over time: when requests waited, when some were handled, and the longest gap between.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use polyspan_contracts::Bridge;
use polyspan_node::config::Deployment;
use polyspan_types::{Direction, RequestNonce};
use tokio::task::JoinHandle;

use crate::account;
use crate::chain::ChainAccess;
use crate::network::{LaneProgress, Network};

/// Time between two looks. Unit of every outage, so to say.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The longest time of a lane without a handled transfer while requests waited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outage {
    /// From the last transfer handled before, or the first request that waited.
    pub longest: Duration,
    /// The gap that lasts at the moment; zero when nothing waits.
    present: Duration,
}

/// A look at both chains again and again; dropping it ends it.
#[derive(Debug)]
pub struct Timeline {
    seen: Arc<Mutex<[LaneTrack; 2]>>,
    task: JoinHandle<()>,
}

/// What was seen of one lane.
#[derive(Debug, Clone, Copy, Default)]
struct LaneTrack {
    progress: Option<LaneProgress>,
    /// Since when requests have waited without one being handled; `None` while nothing waits.
    since: Option<Instant>,
    longest: Duration,
}

impl Timeline {
    /// Starts to look at the first bridge.
    ///
    /// Errors: there is none.
    pub fn start(network: &Network) -> Result<Self> {
        let deployment = network.bridge(0)?.deployment.clone();
        let chains = [network.main.access().clone(), network.service.access().clone()];
        let seen = Arc::new(Mutex::new([LaneTrack::default(); 2]));
        let task = tokio::spawn(look_again(chains, deployment, seen.clone()));
        Ok(Self { seen, task })
    }

    /// The longest gap of a lane so far.
    pub fn outage(&self, direction: Direction) -> Outage {
        let track = self.track(direction);
        let present = track.since.map_or(Duration::ZERO, |since| since.elapsed());
        Outage { longest: track.longest.max(present), present }
    }

    /// Where a lane was at the last look; `None` before the first.
    pub fn progress(&self, direction: Direction) -> Option<LaneProgress> {
        self.track(direction).progress
    }

    /// Transfers that both lanes had handled at the last look.
    pub fn handled(&self) -> u64 {
        let handled = |direction| self.progress(direction).map_or(0, |progress| progress.handled.get());
        Direction::ALL.into_iter().map(handled).sum()
    }

    fn track(&self, direction: Direction) -> LaneTrack {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)[index(direction)]
    }
}

impl Drop for Timeline {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl LaneTrack {
    /// The lane is there now.
    fn see(&mut self, now: Instant, progress: LaneProgress) {
        let moved = self.progress.is_some_and(|before| progress.handled > before.handled);
        if let Some(since) = self.since {
            self.longest = self.longest.max(now - since);
        }
        if progress.open() == 0 {
            self.since = None;
        } else if moved || self.since.is_none() {
            self.since = Some(now);
        }
        self.progress = Some(progress);
    }
}

async fn look_again(chains: [ChainAccess; 2], deployment: Deployment, seen: Arc<Mutex<[LaneTrack; 2]>>) {
    let bridges = [deployment.main.bridge, deployment.service.bridge];
    let read = |side: usize| account::read(&chains[side], bridges[side], &Bridge::laneStateCall {});
    loop {
        // The source first: a request handled meanwhile must not look like one that was never made.
        if let Ok((main, service)) = tokio::try_join!(read(0), read(1)) {
            let (now, nonce) = (Instant::now(), RequestNonce::new);
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            for (direction, source, destination) in
                [(Direction::MainToService, &main, &service), (Direction::ServiceToMain, &service, &main)]
            {
                let requested = source.requestNonce.max(destination.handleNonce);
                let progress =
                    LaneProgress { requested: nonce(requested), handled: nonce(destination.handleNonce) };
                seen[index(direction)].see(now, progress);
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

const fn index(direction: Direction) -> usize {
    match direction {
        Direction::MainToService => 0,
        Direction::ServiceToMain => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_counts_only_while_requests_wait() {
        let start = Instant::now();
        let mut track = LaneTrack::default();
        // Second, requested, handled.
        for (second, requested, handled) in
            [(0, 0, 0), (10, 1, 0), (12, 1, 1), (50, 1, 1), (60, 3, 1), (61, 3, 2), (66, 3, 3)]
        {
            let at = start + Duration::from_secs(second);
            let nonce = RequestNonce::new;
            track.see(at, LaneProgress { requested: nonce(requested), handled: nonce(handled) });
        }
        assert_eq!(track.longest, Duration::from_secs(5));
        assert_eq!(track.since, None);
    }
}
