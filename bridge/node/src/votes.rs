//! Votes that the destination has recorded, at its newest block.
//!
//! They are for liveness and cost only: what counts in the end is what the contract has. So nothing of this is stored,
//! an unfinal block is good enough, and a vote that an endpoint leaves out or a reorg takes back is put right by reading again.

mod window;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use polyspan_chain::HeadView;
use polyspan_types::{BlockHeight, RequestNonce, Vote};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::error::LaneError;
use crate::lane::{DestinationView, Lane, SourceView};
use crate::step::{Step, or_pending};
use crate::turn::Stall;
use window::Window;

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
    window: Window,
    votes: BTreeSet<Vote>,
    stall: Stall,
}

impl VoteWatch {
    /// Follows the votes of `lane`, driven by the heads of its destination.
    pub fn new(lane: Arc<Lane>, heads: watch::Receiver<HeadView>) -> Self {
        let (source, destination) = (lane.board.source.subscribe(), lane.board.destination.subscribe());
        let window = Window::new(lane.info.destination.deployment_block);
        Self { lane, heads, source, destination, window, votes: BTreeSet::new(), stall: Stall::default() }
    }

    async fn look(&mut self, head: BlockHeight, handled: RequestNonce, open: bool) -> Result<(), LaneError> {
        let now = Instant::now().into_std();
        self.stall.observe(handled, open, now);
        self.votes.retain(|vote| vote.nonce > handled);
        if open {
            self.read(head).await?;
            if self.stall.lasts(now) >= LOOK_BACK_AFTER
                && let Some((from, to)) = self.window.older()
            {
                let older = self.fetch(from, to).await?;
                self.take(older, handled);
                self.window.reached(from);
            }
            self.votes.retain(|vote| vote.nonce > handled);
        }
        self.show();
        Ok(())
    }

    /// From the last look to the newest block, and the last few blocks again: a reorg may have changed them.
    async fn read(&mut self, head: BlockHeight) -> Result<(), LaneError> {
        let Some(mut from) = self.window.next(head) else { return Ok(()) };
        while let Some((first, to)) = self.lane.destination.next_range(from, head) {
            let found = self.fetch(first, to).await?;
            self.votes.retain(|vote| vote.block < first || vote.block > to);
            self.take(found, RequestNonce::ZERO);
            self.window.read(first, to);
            from = to.next();
        }
        Ok(())
    }

    async fn fetch(&self, from: BlockHeight, to: BlockHeight) -> Result<Vec<Vote>, LaneError> {
        Ok(self.lane.destination.votes(self.lane.info.destination.bridge, from, to).await?)
    }

    fn take(&mut self, found: Vec<Vote>, handled: RequestNonce) {
        for vote in found.into_iter().filter(|vote| vote.nonce > handled) {
            if self.votes.iter().filter(|known| known.operator == vote.operator).count() < VOTES_PER_OPERATOR
            {
                self.votes.insert(vote);
            }
        }
    }

    fn show(&self) {
        self.lane.board.votes.send_if_modified(|shown| {
            let changed = **shown != self.votes;
            if changed {
                *shown = Arc::new(self.votes.clone());
            }
            changed
        });
    }
}

impl Step for VoteWatch {
    async fn step(&mut self) -> Result<(), LaneError> {
        let head = self.heads.borrow_and_update().head;
        let verified = self.source.borrow_and_update().verified;
        let handled = self.destination.borrow_and_update().as_ref().map(|view| view.handled);
        match (head, handled) {
            (Some(head), Some(handled)) => self.look(head.latest.height, handled, verified > handled).await,
            _ => Ok(()),
        }
    }

    async fn changed(&mut self) {
        // The source is looked at with the next head: a vote needs a block.
        or_pending(self.heads.changed().await).await;
    }

    /// The destination's own watch tells what ails its chain.
    fn show(&self, _: Option<String>) {}
}
