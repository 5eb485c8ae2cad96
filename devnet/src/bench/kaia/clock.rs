//! When each block of both chains was seen. The time in a block is in whole seconds, which is too coarse for delays of one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use alloy::providers::Provider;
use anyhow::{Context, Result};
use polyspan_types::Direction;
use tokio::task::JoinHandle;

use crate::chain::ChainAccess;
use crate::network::Network;

/// Time between two polls of a chain.
const POLL_EVERY: Duration = Duration::from_millis(50);

type Seen = Arc<Mutex<BTreeMap<u64, Instant>>>;

/// Watches both chains until it is dropped.
pub(super) struct BlockClock {
    /// Of the main and the service chain.
    seen: [Seen; 2],
    tasks: [JoinHandle<()>; 2],
}

impl BlockClock {
    /// Begins now.
    pub(super) fn start(network: &Network) -> Self {
        let seen = [Seen::default(), Seen::default()];
        let [main, service] = [&network.main, &network.service];
        let tasks = [
            tokio::spawn(watch(main.access().clone(), seen[0].clone())),
            tokio::spawn(watch(service.access().clone(), seen[1].clone())),
        ];
        Self { seen, tasks }
    }

    /// Seconds from a block of the source to a block of the destination.
    ///
    /// Errors: a block was never seen.
    pub(super) fn seconds(&self, direction: Direction, source: u64, destination: u64) -> Result<f64> {
        let [from, to] = sides(direction);
        let (began, ended) = (self.at(from, source)?, self.at(to, destination)?);
        Ok(ended.saturating_duration_since(began).as_secs_f64())
    }

    /// Seconds from a block of the source to another one of it.
    ///
    /// Errors: as [`BlockClock::seconds`].
    pub(super) fn seconds_at_source(&self, direction: Direction, first: u64, last: u64) -> Result<f64> {
        let [source, _] = sides(direction);
        let (began, ended) = (self.at(source, first)?, self.at(source, last)?);
        Ok(ended.saturating_duration_since(began).as_secs_f64())
    }

    /// When a block was seen, or the next one that was.
    fn at(&self, chain: usize, height: u64) -> Result<Instant> {
        let seen = self.seen[chain].lock().unwrap_or_else(PoisonError::into_inner);
        let (_, at) = seen.range(height..).next().context("a block that nobody saw")?;
        Ok(*at)
    }
}

/// Numbers of the source and the destination.
const fn sides(direction: Direction) -> [usize; 2] {
    match direction {
        Direction::MainToService => [0, 1],
        Direction::ServiceToMain => [1, 0],
    }
}

impl Drop for BlockClock {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn watch(chain: ChainAccess, seen: Seen) {
    loop {
        if let Ok(height) = chain.provider.get_block_number().await {
            seen.lock().unwrap_or_else(PoisonError::into_inner).entry(height).or_insert_with(Instant::now);
        }
        tokio::time::sleep(POLL_EVERY).await;
    }
}
