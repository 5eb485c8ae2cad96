//! What is read of a source and not stored yet, and how far that is.

use polyspan_coordination::ReadingReport;
use polyspan_types::{BlockHeight, Request};
use tokio::time::Instant;

use crate::lane::Lane;
use crate::reader::BlockRange;

/// Requests and blocks that are read between two points at which a restart can go on. Each point costs a question for its block and a
/// write to the disk. Unit: requests, blocks. Source: `devnet bench recovery`: far below what is read in a second.
const BATCH: (u64, u64) = (4_096, 50_000);

/// Ranges that were read and are not stored yet: they follow each other.
pub(super) struct Batch {
    pub(super) requests: Vec<Request>,
    from: BlockHeight,
    /// The last block of them.
    pub(super) to: BlockHeight,
}

impl Batch {
    pub(super) const fn from(from: BlockHeight) -> Self {
        Self { requests: Vec::new(), from, to: from }
    }

    pub(super) fn add(&mut self, to: BlockHeight, requests: Vec<Request>) {
        self.to = to;
        if self.requests.is_empty() {
            self.requests = requests;
        } else {
            self.requests.extend(requests);
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.requests.len() as u64 >= BATCH.0 || self.to.since(self.from) >= BATCH.1
    }
}

/// Shows how far the reading is, until it ends.
pub(super) struct Shown<'a> {
    pub(super) lane: &'a Lane,
    pub(super) range: BlockRange,
    pub(super) since: Instant,
}

impl Shown<'_> {
    pub(super) fn reached(&self, block: BlockHeight, requests: u64) {
        let reading = ReadingReport::after(self.since.elapsed(), self.range, block.next(), requests);
        self.lane.board.reading.send_replace(Some(reading));
    }
}

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        self.lane.board.reading.send_replace(None);
    }
}
