//! How requests are proved where the final block is farther away than nodes keep states: by the root that the source holds at its newest block, and
//! the logs up to it. Only what is final is stored and signed.

use polyspan_chain::{At, Head};
use polyspan_store::{Base, SourcePosition};
use polyspan_types::{BlockRef, Request};

use super::{Line, SourceWatch, Target};
use crate::error::LaneError;
use crate::finality;

impl SourceWatch {
    /// What the source holds at the final block, by a chain of requests that was proved at a newer block before.
    pub(super) async fn target_on_line(&mut self, head: Head) -> Result<Option<Target>, LaneError> {
        let Some(line) = &self.line else { return Ok(None) };
        let (witness, held) = (line.witness, line.at(head.final_block.height));
        // It proves the final block only as long as it descends from it.
        match held {
            Some(held) if self.stand(witness, head.final_block).await? => {
                Ok(Some(Target { held, block: witness }))
            }
            _ => {
                self.line = None;
                Ok(None)
            }
        }
    }

    /// Everything up to the final block, proved by the newest block: what lies between both is read as well, and kept as a line of
    /// roots, which proves what becomes final next.
    pub(super) async fn read_far(
        &mut self,
        base: Base,
        position: SourcePosition,
        head: Head,
    ) -> Result<SourcePosition, LaneError> {
        let (witness, last) = (head.latest, head.final_block.height);
        let bridge = self.lane.info.source.bridge;
        let state = self.lane.source.lane_state(bridge, At::Hash(witness.hash)).await?;
        let newest = Target::of(&state, witness);
        self.check_target(base, newest).await?;
        let begin = self.begin_of(base);
        if position.cursor.is_none() && begin > last {
            // What was handled was final for others; it is not yet for us.
            let chain = self.lane.info.source.chain.clone();
            return Err(LaneError::Behind { chain, found: last, cursor: begin });
        }
        let stored = self.read_ranges(base, position, head, newest.held.0, None).await?;
        let mut line = Line::begin(last, (stored.next, stored.root), witness);
        let mut reader = self.reader((last.next(), witness.height), stored.next..newest.held.0);
        while let Some((range, requests)) = reader.next().await? {
            self.check_follows(&requests, &line, range).await?;
            line.follow(&requests);
        }
        if line.end() != newest.held {
            self.expect_standing(witness).await?;
            self.check_root(line.end(), newest.held, witness).await?;
        }
        // After everything was read: a block that was replaced meanwhile proves nothing about the one that is final.
        if !self.stand(witness, head.final_block).await? {
            return Err(self.replaced(witness));
        }
        self.line = Some(line);
        let (id, held) = (self.lane.info.bridge_id, (stored.next, stored.root));
        Ok(self.lane.store.append_confirmed(id, Vec::new(), head.final_block, held).await?)
    }

    async fn check_follows(
        &self,
        requests: &[Request],
        line: &Line,
        range: crate::reader::BlockRange,
    ) -> Result<(), LaneError> {
        let next = line.end().0;
        let mut nonces = std::iter::successors(Some(next), |nonce| Some(nonce.next()));
        if !requests.iter().all(|request| nonces.next() == Some(request.nonce)) {
            self.expect_standing(line.witness).await?;
        }
        self.check_contiguous(requests, next, range).await
    }

    /// What does not fit says something about endpoints only if all of it was read of one chain.
    async fn expect_standing(&self, witness: BlockRef) -> Result<(), LaneError> {
        match finality::is_canonical(&self.lane.source, witness).await? {
            true => Ok(()),
            false => Err(self.replaced(witness)),
        }
    }

    /// Whether a quorum has both blocks under their numbers now, so that one descends from the other.
    async fn stand(&self, witness: BlockRef, final_block: BlockRef) -> Result<bool, LaneError> {
        Ok(finality::is_canonical(&self.lane.source, witness).await?
            && finality::is_canonical(&self.lane.source, final_block).await?)
    }

    fn replaced(&self, block: BlockRef) -> LaneError {
        LaneError::WitnessReplaced { chain: self.lane.info.source.chain.clone(), block }
    }
}
