//! Compacts a lane: what is finished and beyond the retention goes, in small steps between the writes that matter.

use std::sync::Arc;
use std::time::Duration;

use polyspan_store::Retention;
use tokio::time::Instant;
use tracing::debug;

use crate::error::LaneError;
use crate::lane::Lane;
use crate::step::Step;

/// Time between two looks when nothing is left to do. Unit: time. Source: what is finished is in nobody's way.
const IDLE: Duration = Duration::from_secs(10);

/// Time between two looks while the destination has confirmed nothing since the start: what a lost relay left over is soon gone.
/// Unit: time. Source: a look without it costs nothing.
const UNPROVED: Duration = Duration::from_secs(1);

/// How long this makes way for a write that waits. Unit: time. Source: a few commits.
const YIELD: Duration = Duration::from_millis(20);

/// How often in a row this makes way before it takes its share all the same: a lane that writes all the time has the most to compact.
/// Unit: times, of [`YIELD`] each.
const MAKES_WAY: u32 = 50;

/// After a step the writer is left alone for so many times as long: compaction takes a fifth of its time at the most.
const SHARE: u32 = 4;

/// The compaction of one lane.
pub struct Compactor {
    lane: Arc<Lane>,
    retention: Retention,
    rest: Duration,
    /// How often in a row it has made way.
    made_way: u32,
}

impl Compactor {
    /// Keeps what `retention` says of `lane`.
    pub const fn new(lane: Arc<Lane>, retention: Retention) -> Self {
        Self { lane, retention, rest: IDLE, made_way: 0 }
    }
}

impl Step for Compactor {
    async fn step(&mut self) -> Result<(), LaneError> {
        self.rest = UNPROVED;
        let Some(proved) = *self.lane.board.proved.borrow() else { return Ok(()) };
        self.rest = IDLE;
        if self.lane.store.is_writing() && self.made_way < MAKES_WAY {
            self.made_way += 1;
            self.rest = YIELD;
            return Ok(());
        }
        self.made_way = 0;
        let started = Instant::now();
        let done = self.lane.store.compact(self.lane.info.bridge_id, self.retention, proved).await?;
        if done.rows > 0 {
            debug!(lane = %self.lane.info.id, rows = done.rows, more = done.more, "compacted");
        }
        if done.more {
            self.rest = (started.elapsed() * SHARE).max(YIELD);
        }
        Ok(())
    }

    async fn changed(&mut self) {
        tokio::time::sleep(self.rest).await;
    }

    /// No transfer waits for it; its health page tells what ails it.
    fn show(&self, _: Option<String>) {}
}
