//! Votes that the destination has recorded, at its newest block.
//!
//! They are for liveness and cost only: what counts in the end is what the contract has. So nothing of this is stored,
//! an unfinal block is good enough, and a vote that an endpoint leaves out or a reorg takes back is put right by reading again.

mod window;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use polyspan_chain::HeadView;
use polyspan_types::{BlockHeight, BlockRef, RequestNonce, Vote};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::error::LaneError;
use crate::lane::{DestinationView, Lane, SourceView};
use crate::step::{Step, or_pending};
use crate::turn::Stall;
use window::Window;

/// How long a lane stands still before votes are looked for. Unit: block intervals of the destination; time. Source: shorter than
/// anybody waits before it votes ([`crate::turn::Pace`]).
const LOOK_AFTER: u32 = 2;
const LOOK_AFTER_AT_MOST: Duration = Duration::from_secs(20);
/// Time between two looks where no block is made. Unit: time.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a lane stands still before votes are looked for that are older than [`window::REACH`]. Unit: time.
const LOOK_BACK_AFTER: Duration = Duration::from_secs(30);
/// Most votes of one operator that are kept: it chooses their nonces freely. Unit: votes.
const VOTES_PER_OPERATOR: usize = 1024;

/// Follows the votes of a lane while it has something open.
pub struct VoteWatch {
    lane: Arc<Lane>,
    heads: watch::Receiver<HeadView>,
    source: watch::Receiver<SourceView>,
    destination: watch::Receiver<Option<DestinationView>>,
    /// Rises when the contract has not counted what is shown here.
    doubted: watch::Receiver<u64>,
    believed_after: u64,
    window: Window,
    votes: BTreeSet<Vote>,
    /// The newest block up to which they were read.
    read_up_to: Option<BlockRef>,
    stall: Stall,
}

impl VoteWatch {
    /// Follows the votes of `lane`, driven by the heads of its destination.
    pub fn new(lane: Arc<Lane>, heads: watch::Receiver<HeadView>) -> Self {
        let (source, destination) = (lane.board.source.subscribe(), lane.board.destination.subscribe());
        let window = Window::new(lane.info.destination.deployment_block);
        Self {
            doubted: lane.board.votes_doubted.subscribe(),
            believed_after: 0,
            lane,
            heads,
            source,
            destination,
            window,
            votes: BTreeSet::new(),
            read_up_to: None,
            stall: Stall::default(),
        }
    }

    async fn look(&mut self, head: BlockRef, view: &DestinationView) -> Result<(), LaneError> {
        let (handled, verified) = (view.handled, self.source.borrow().verified);
        let now = Instant::now().into_std();
        self.stall.observe(handled, verified, 0, now);
        if view.paused {
            self.stall.forget();
        }
        // A lane that goes on needs none, and those that are made meanwhile are read when it stands still.
        let is_due = self.stall.is_going_on() && self.stall.lasts(now) >= look_after(view);
        if is_due && self.read_up_to != Some(head) {
            self.read(head.height).await?;
            self.read_up_to = Some(head);
        }
        self.show_votes(handled);
        // After showing: what fails here hides nothing.
        if self.stall.lasts(now) >= LOOK_BACK_AFTER {
            self.look_back().await?;
            self.show_votes(handled);
        }
        Ok(())
    }

    /// One more stretch before the first block read, no longer than the endpoints serve at a time.
    async fn look_back(&mut self) -> Result<(), LaneError> {
        let Some((from, to)) = self.window.older() else { return Ok(()) };
        let Some((first, last)) = self.lane.destination.next_range(from, to) else { return Ok(()) };
        let from = to.minus(last.since(first)).max(from);
        let older = self.fetch(from, to).await?;
        self.take(older);
        self.window.reached(from);
        Ok(())
    }

    /// From the last look to the newest block, and the last few blocks again: a reorg may have changed them.
    async fn read(&mut self, head: BlockHeight) -> Result<(), LaneError> {
        let Some(mut from) = self.window.next(head) else { return Ok(()) };
        while let Some((first, to)) = self.lane.destination.next_range(from, head) {
            let found = self.fetch(first, to).await?;
            self.votes.retain(|vote| vote.block < first || vote.block > to);
            self.take(found);
            self.window.read(first, to);
            from = to.next();
        }
        Ok(())
    }

    async fn fetch(&self, from: BlockHeight, to: BlockHeight) -> Result<Vec<Vote>, LaneError> {
        Ok(self.lane.destination.votes(self.lane.info.destination.bridge, from, to).await?)
    }

    fn take(&mut self, found: Vec<Vote>) {
        for vote in found {
            if self.votes.iter().filter(|known| known.operator == vote.operator).count() < VOTES_PER_OPERATOR
            {
                self.votes.insert(vote);
            }
        }
    }

    fn show_votes(&mut self, handled: RequestNonce) {
        self.votes.retain(|vote| vote.nonce > handled);
        self.lane.board.votes.send_if_modified(|shown| {
            let changed = **shown != self.votes;
            if changed {
                *shown = Arc::new(self.votes.clone());
            }
            changed
        });
    }
}

/// How long the lane stands still before votes are looked for.
fn look_after(view: &DestinationView) -> Duration {
    (LOOK_AFTER * view.block_interval).min(LOOK_AFTER_AT_MOST)
}

impl Step for VoteWatch {
    async fn step(&mut self) -> Result<(), LaneError> {
        self.source.mark_unchanged();
        let head = self.heads.borrow_and_update().head;
        let view = self.destination.borrow_and_update().clone();
        let doubted = *self.doubted.borrow_and_update();
        if std::mem::replace(&mut self.believed_after, doubted) != doubted {
            self.window.forget();
            self.votes.clear();
            self.read_up_to = None;
        }
        match (head, view) {
            (Some(head), Some(view)) => self.look(head.latest, &view).await,
            _ => Ok(()),
        }
    }

    async fn changed(&mut self) {
        let after = self.destination.borrow().as_ref().map(look_after);
        let due =
            after.and_then(|after| self.stall.due(after)).filter(|due| *due > std::time::Instant::now());
        let turn = async {
            match due {
                Some(due) => tokio::time::sleep_until(due.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = self.heads.changed() => or_pending(changed).await,
            changed = self.doubted.changed() => or_pending(changed).await,
            // A lane begins to stand still without a block of its destination: some chains make none while nothing is sent.
            changed = self.source.changed() => or_pending(changed).await,
            changed = self.destination.changed() => or_pending(changed).await,
            () = turn => {}
            // Older ones are looked for while it lasts.
            () = tokio::time::sleep(PATIENCE), if self.stall.is_going_on() => {}
        }
    }

    /// The destination's own watch tells what ails its chain.
    fn show(&self, _: Option<String>) {}
}
