//! Reads the requests of a lane again, from the block of the last handled one to a final block, and fills what the store lacks.

use std::time::Duration;

use polyspan_chain::{Backoff, LaneState};
use polyspan_coordination::ReadingReport;
use polyspan_store::Proof;
use polyspan_types::{BlockHeight, BlockRef, Leaf, Request, RequestNonce, Root};
use tokio::time::Instant;
use tracing::{info, warn};

use crate::error::{LaneError, RootMismatch};
use crate::finality;
use crate::lane::Lane;
use crate::reader::{BlockRange, RangeReader};
use crate::recovery::hole::{Hole, Piece};

/// Shortest and longest wait before everything is read again after it was told wrong.
const AGAIN_MIN: Duration = Duration::from_millis(500);
const AGAIN_MAX: Duration = Duration::from_secs(60);

/// What a source holds, and what of it is final.
#[derive(Debug, Clone, Copy)]
pub(super) struct SourceEnd {
    /// The block up to which it is read: the final one, or the newest where nodes keep no state of that.
    pub(super) block: BlockRef,
    /// The source there.
    pub(super) state: LaneState,
    /// Its requests in final blocks.
    pub(super) requested: RequestNonce,
}

/// A range that is read again. Whoever drops it loses nothing but the reading: what was filled stays filled.
pub(super) struct Refilter {
    from: BlockHeight,
    source: SourceEnd,
    /// What is not below it is for the watch to read.
    limit: RequestNonce,
    /// The first block and nonce that were not read yet, and the root over what lies below that nonce.
    block: BlockHeight,
    next: RequestNonce,
    root: Root,
    /// Where it began.
    first: RequestNonce,
    first_root: Root,
    /// Time in which it read: waits after a failure and rests are none.
    spent: Duration,
    reader: Option<RangeReader<Vec<Request>>>,
    /// What a quorum told was proved to lack requests: each endpoint is asked by itself, until the root is met.
    doubts_quorum: bool,
    /// Waits after failures, since everything was read to the end the last time.
    waits: Backoff,
    hole: Hole,
    filled: u64,
}

impl Refilter {
    /// From `recoveryBlockNumber` of `destination`, inclusive, to the end of `source`. Of what is missing below `limit` at most `piece`
    /// requests are held at a time.
    pub(super) fn new(
        lane: &Lane,
        source: SourceEnd,
        destination: LaneState,
        limit: RequestNonce,
        piece: usize,
    ) -> Self {
        let from = destination.recovery_block.max(lane.info.source.deployment_block);
        Self {
            from,
            source,
            limit,
            block: from,
            first: destination.handle_nonce,
            next: destination.handle_nonce,
            root: destination.handle_root,
            first_root: destination.handle_root,
            spent: Duration::ZERO,
            reader: None,
            doubts_quorum: false,
            waits: Backoff::new(AGAIN_MIN, AGAIN_MAX),
            hole: Hole::new(piece, destination.handle_root),
            filled: 0,
        }
    }

    /// Requests of the source in final blocks.
    pub(super) const fn requested(&self) -> RequestNonce {
        self.source.requested
    }

    /// Requests that were put into the store.
    pub(super) const fn filled(&self) -> u64 {
        self.filled
    }

    /// How far it is.
    pub(super) fn reading(&self) -> ReadingReport {
        let (range, requests) = ((self.from, self.source.block.height), self.next.since(self.first));
        ReadingReport::after(self.spent, range, self.block, requests)
    }

    /// Reads the next piece; `true` when that was the last one, and everything is compared.
    ///
    /// Errors: the endpoints fail, all of them hide a log, or they contradict the contracts; the store holds something else. It can be
    /// called again, and goes on behind the last piece that was right.
    pub(super) async fn read_on(&mut self, lane: &Lane) -> Result<bool, LaneError> {
        let began = Instant::now();
        let read = self.read_piece(lane).await;
        self.spent += began.elapsed();
        read
    }

    async fn read_piece(&mut self, lane: &Lane) -> Result<bool, LaneError> {
        let piece = match self.reader(lane).next().await {
            Ok(piece) => piece,
            Err(failed) => {
                self.reader = None;
                return Err(failed.into());
            }
        };
        let taken = match piece {
            Some((range, requests)) => self.take(lane, requests, range).await.map(|()| false),
            None => self.finish(lane).await,
        };
        match taken {
            Ok(is_over) => Ok(is_over),
            Err(wrong) => {
                self.expect_standing(lane, &wrong).await?;
                self.again(lane, wrong).map(|()| false)
            }
        }
    }

    /// What does not fit says something about endpoints only if all of it was read of one chain.
    async fn expect_standing(&self, lane: &Lane, wrong: &LaneError) -> Result<(), LaneError> {
        let block = self.source.block;
        if wrong.doubts_quorum() && !finality::is_canonical(&lane.source, block).await? {
            return Err(LaneError::WitnessReplaced { chain: lane.info.source.chain.clone(), block });
        }
        Ok(())
    }

    fn reader(&mut self, lane: &Lane) -> &mut RangeReader<Vec<Request>> {
        let (chain, bridge, range) =
            (&lane.source, lane.info.source.bridge, (self.block, self.source.block.height));
        let requested = self.source.state.request_nonce;
        let (expected, nonces) = (requested.since(self.next), self.next..requested);
        let doubts_quorum = self.doubts_quorum;
        self.reader.get_or_insert_with(|| match doubts_quorum {
            true => RangeReader::requests_among(chain, bridge, range, expected, nonces),
            false => RangeReader::requests(chain, bridge, range, expected),
        })
    }

    async fn take(
        &mut self,
        lane: &Lane,
        mut requests: Vec<Request>,
        range: BlockRange,
    ) -> Result<(), LaneError> {
        requests.retain(|request| request.nonce >= self.first);
        self.compare(lane, requests, range).await?;
        self.block = range.1.next();
        Ok(())
    }

    /// Compares what was read with what is stored, and fills each hole that ends here.
    async fn compare(
        &mut self,
        lane: &Lane,
        requests: Vec<Request>,
        (from, to): BlockRange,
    ) -> Result<(), LaneError> {
        let (Some(first), Some(last)) = (requests.first(), requests.last()) else { return Ok(()) };
        let gap =
            requests.iter().zip(self.next.get()..).find(|(request, nonce)| request.nonce.get() != *nonce);
        if let Some((found, expected)) = gap {
            return Err(LaneError::HiddenLog {
                chain: lane.info.source.chain.clone(),
                expected: RequestNonce::new(expected),
                found: found.nonce,
                from,
                to,
            });
        }
        let (first, end) = (first.nonce, last.nonce.next());
        let stored = lane.store.stored_leaves(lane.info.bridge_id, first, end.min(self.limit)).await?;
        let mut stored = stored.into_iter().peekable();
        // Looked at after the leaves: what was handled and compacted meanwhile is not missing.
        let base = lane.store.source_position(lane.info.bridge_id).await?.base;
        let floor = base.map_or(self.first, |base| base.nonce);
        for request in requests {
            let leaf = Leaf::of(&request);
            let known = stored.next_if(|(nonce, _)| *nonce == request.nonce).map(|(_, leaf)| leaf);
            match known {
                Some(known) if known != leaf => {
                    return Err(LaneError::StoredDiffers {
                        lane: lane.info.id.clone(),
                        nonce: request.nonce,
                        own: known,
                        found: leaf,
                    });
                }
                Some(_) => {
                    let piece = self.hole.end(Proof::Neighbour);
                    self.fill(lane, piece).await?;
                }
                None => {}
            }
            self.root = self.root.then(leaf);
            self.next = request.nonce.next();
            let is_missing = known.is_none() && (floor..self.limit).contains(&request.nonce);
            if is_missing {
                let piece = self.hole.add(request, self.root);
                self.fill(lane, piece).await?;
            }
        }
        Ok(())
    }

    /// Everything is read: the source itself must say the same. `false` when it proved a hole that is too long to be held: its pieces
    /// are read a second time, and filled.
    async fn finish(&mut self, lane: &Lane) -> Result<bool, LaneError> {
        let SourceEnd { block, state, .. } = self.source;
        if self.next != state.request_nonce || self.root != state.request_root {
            return Err(LaneError::RootMismatch(Box::new(RootMismatch {
                chain: lane.info.source.chain.clone(),
                own_nonce: self.next,
                own: self.root,
                found_nonce: state.request_nonce,
                found: state.request_root,
                block,
                base_unproved: false,
            })));
        }
        // At the end nothing is stored behind it: only now is it proved.
        let piece = self.hole.end(Proof::Source);
        self.fill(lane, piece).await?;
        self.waits.reset();
        if !self.hole.prove() {
            return Ok(true);
        }
        info!(lane = %lane.info.id, "many requests in a row are missing; they are read a second time, to be filled piece by piece");
        self.restart();
        Ok(false)
    }

    async fn fill(&mut self, lane: &Lane, piece: Option<Piece>) -> Result<(), LaneError> {
        let Some(Piece { requests, root_after, proof }) = piece else { return Ok(()) };
        let (first, count) = (requests[0].nonce, requests.len() as u64);
        lane.store.fill_hole(lane.info.bridge_id, requests, root_after, proof).await?;
        self.filled += count;
        lane.metrics.recovery.filled(&lane.info.id, count);
        info!(lane = %lane.info.id, %first, count, "requests that the store lacked were read again");
        Ok(())
    }

    fn restart(&mut self) {
        self.hole.restart();
        (self.reader, self.spent) = (None, Duration::ZERO);
        (self.block, self.next, self.root) = (self.from, self.first, self.first_root);
    }

    /// From the beginning: one of the pieces was wrong, and nobody can say which. When it was a quorum that left something out, each
    /// endpoint is asked at once: whatever hashes to the root is right, whoever tells it.
    ///
    /// Errors: `wrong`, when that cannot help or did not. Every other time a quorum is asked again, as one that makes something up must
    /// not keep the others from agreeing.
    fn again(&mut self, lane: &Lane, wrong: LaneError) -> Result<(), LaneError> {
        self.restart();
        self.doubts_quorum = !self.doubts_quorum && wrong.doubts_quorum();
        if !self.doubts_quorum {
            // Pieces that went well reset the wait between steps, and each try reads everything.
            let after = self.waits.next(rand::random());
            return Err(LaneError::ReadAgain { wrong: Box::new(wrong), after });
        }
        warn!(lane = %lane.info.id, error = %wrong, "each endpoint is asked by itself");
        Ok(())
    }
}
