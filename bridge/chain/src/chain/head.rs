//! Newest and final block of a chain whose endpoints are never at quite the same block.

use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::B256;
use polyspan_types::{BlockHeight, BlockRef, Finality};
use tokio::time::Instant;

use super::{Chain, fees};
use crate::block::{Block, Ends};
use crate::client::Client;
use crate::pool::Answers;
use crate::pool::score::CallKind;
use crate::pool::tally::{Tally, Verdict};
use crate::{ChainError, Head};

/// An endpoint lags when its newest block is more than so many blocks, and so many seconds of block time, behind that of a
/// quorum. Both: a block may take a fraction of a second or a quarter of a minute.
pub(super) const LAG_BLOCKS: u64 = 3;
pub(super) const LAG_SECONDS: u64 = 10;

/// Blocks that the newest one gives way when endpoints see different ones at its height, before the final one takes its
/// place.
const STEPS_DOWN: u64 = 3;

/// What one endpoint showed, by its place.
type Seen = (usize, Ends);

/// What came of asking endpoints for their heads.
#[derive(Debug, Default)]
struct Looks {
    seen: Vec<Seen>,
    failures: Vec<(usize, ChainError)>,
}

impl Looks {
    fn add(&mut self, answers: Answers<Ends>) {
        for (index, answer) in answers {
            match answer {
                Ok(ends) => self.seen.push((index, ends)),
                Err(failed) => self.failures.push((index, failed)),
            }
        }
    }

    fn asked(&self) -> Vec<usize> {
        let failed = self.failures.iter().map(|(index, _)| *index);
        self.seen.iter().map(|(index, _)| *index).chain(failed).collect()
    }
}

impl Chain {
    /// Newest and final block, each by a quorum. Before the first block is final, the genesis block is.
    ///
    /// The heights are the highest that a quorum has reached, so an endpoint that lags holds nothing back and one that runs
    /// ahead proves nothing; the hashes are those that a quorum gives for these heights.
    ///
    /// Errors: [`ChainError::NoQuorum`] with who said what; with a single endpoint, its own.
    pub async fn head(&self) -> Result<Head, ChainError> {
        let (pool, kind) = (self.pool(), CallKind::Head);
        let ask = |client: Arc<Client>| async move { client.head().await };
        let mut looks = Looks::default();
        looks.add(pool.survey(kind, ask).await);
        let mut agreed = self.final_block(&looks.seen).await;
        if agreed.is_none() {
            // One that is avoided may settle it.
            looks.add(pool.survey_rest(kind, &looks.asked(), ask).await);
            agreed = self.final_block(&looks.seen).await;
        }
        let Looks { seen, failures } = looks;
        let Some((final_block, by)) = agreed else {
            return Err(pool.no_quorum("the final block", told(&seen), failures));
        };
        pool.answered(&by, kind, true);
        self.confirm_final(final_block).await?;
        let latest = self.latest(&seen, final_block).await;
        let latest = self.confirmed_latest(latest, final_block).await;
        for (index, ends) in &seen {
            let behind = latest.reference.height.since(ends.latest.reference.height);
            pool.saw_head(*index, ends.latest.reference.height, behind, lag(&latest, &ends.latest));
        }
        let last = self.last_head().filter(|_| !pool.is_single());
        let head = Head {
            latest: latest.reference,
            timestamp: latest.timestamp,
            gas_limit: fees::gas_limit(&seen, pool.quorum(), last.map(|last| last.gas_limit)),
            final_block: final_block.reference,
            final_parent: final_block.parent,
        };
        let head = last.map_or(head, |last| steady(last, head));
        self.keep_head(head);
        self.keep_base_fee(head.latest, &seen);
        Ok(head)
    }

    /// A final block counts only when the chain has it under its number: what is stored as final is compared by both later. One that
    /// follows a block which was confirmed needs no call.
    async fn confirm_final(&self, block: Block) -> Result<(), ChainError> {
        let BlockRef { height, hash } = block.reference;
        // A depth leads to the block by its number as it is.
        let by_number = matches!(self.settings().finality, Finality::Depth(depth) if depth.get() > 0);
        if by_number || self.follows_known(&block) {
            return Ok(());
        }
        let found = self.block_ref(height).await?.map(|found| found.hash);
        if found == Some(hash) {
            return Ok(());
        }
        Err(ChainError::UnconfirmedHead { chain: self.name().to_owned(), height, hash, found })
    }

    /// The newest block if the chain has it under its number, and else the one before it that is known to be so.
    async fn confirmed_latest(&self, latest: Block, final_block: Block) -> Block {
        if latest.reference == final_block.reference || self.follows_known(&latest) {
            return latest;
        }
        match self.block_ref(latest.reference.height).await {
            Ok(Some(found)) if found == latest.reference => latest,
            _ => {
                let last = self.last_head().filter(|last| last.latest.height >= final_block.reference.height);
                last.map_or(final_block, |last| Block {
                    reference: last.latest,
                    timestamp: last.timestamp,
                    ..final_block
                })
            }
        }
    }

    /// Whether it is a block of the last head, or the one behind it.
    fn follows_known(&self, block: &Block) -> bool {
        let follows = |known: BlockRef| {
            let next = known.height.next() == block.reference.height && known.hash == block.parent;
            known == block.reference || next
        };
        self.last_head().is_some_and(|last| follows(last.final_block) || follows(last.latest))
    }

    /// The process's follower takes this for the chain's head. What is further ahead than the chain's pace explains is not taken.
    pub fn follow(&self, head: Head) {
        self.reached().saw(head.latest.height, head.timestamp, Instant::now());
    }

    /// An earlier process saw this block final: endpoints that do not have it yet are behind.
    pub fn was_final(&self, height: BlockHeight) {
        self.reached().was_final(height);
    }

    /// Whether endpoints show the chain as it is now, as far as this process knows it. While they do not, nothing that they say of account
    /// nonces, balances and fees is worth anything.
    ///
    /// Errors: [`ChainError::Behind`].
    pub fn check_current(&self) -> Result<(), ChainError> {
        let gap = self.reached().gap();
        gap.map_or(Ok(()), |(shown, known)| {
            Err(ChainError::Behind { chain: self.name().to_owned(), shown, known })
        })
    }

    /// The process's follower looks again after this time: until then, what it saw is the newest block for everyone.
    pub(crate) fn answer_for_head(&self, time: Duration) {
        *self.followed() = Some(Instant::now() + time);
    }

    /// The final block of a quorum, and who has it; `None` when there is none.
    async fn final_block(&self, seen: &[Seen]) -> Option<(Block, Vec<usize>)> {
        let finals: Vec<_> = seen.iter().map(|(index, ends)| (*index, ends.final_block)).collect();
        self.agree(&finals, &reached(&finals, self.pool().quorum()), true).await
    }

    /// The newest block that a quorum has. While endpoints follow different forks above finality it is a lower one.
    async fn latest(&self, seen: &[Seen], final_block: Block) -> Block {
        let newest: Vec<_> = seen.iter().map(|(index, ends)| (*index, ends.latest)).collect();
        let mut heights = reached(&newest, self.pool().quorum());
        if let Some(lowest) = heights.last().copied() {
            heights.extend((1..=STEPS_DOWN).map(|down| lowest.minus(down)));
        }
        heights.retain(|height| *height > final_block.reference.height);
        let agreed = self.agree(&newest, &heights, false).await;
        agreed.map_or(final_block, |(block, _)| block)
    }

    /// The first of `heights` at which a quorum has one block, and who has it. With `all`, those that are ahead are asked
    /// for their block there even when a quorum agrees without them, so that one on another chain is noticed.
    async fn agree(
        &self,
        reported: &[(usize, Block)],
        heights: &[BlockHeight],
        all: bool,
    ) -> Option<(Block, Vec<usize>)> {
        let (pool, kind) = (self.pool(), CallKind::Head);
        for height in heights {
            let mut tally = Tally::new(pool.quorum());
            let (at, above): (Vec<_>, Vec<_>) = reported
                .iter()
                .copied()
                .filter(|(_, block)| block.reference.height >= *height)
                .partition(|(_, block)| block.reference.height == *height);
            for (index, block) in at {
                tally.add(index, Some(block));
            }
            let ahead: Vec<usize> = above.into_iter().map(|(index, _)| index).collect();
            if !ahead.is_empty() && (all || !tally.is_decided()) {
                let enough = pool.quorum().saturating_sub(tally.most());
                let height = *height;
                let ask = move |client: Arc<Client>| async move { client.block_at(height).await };
                for (index, answer) in pool.gather(&ahead, enough, kind, ask).await {
                    if let Ok(Some(block)) = answer {
                        tally.add(index, Some(block));
                    }
                }
            }
            if let Some(Verdict { answer: Some(block), by, liars }) = tally.verdict() {
                // Above finality each may see another block for a while.
                if all {
                    pool.contradicted(&liars, None);
                }
                return Some((block, by));
            }
        }
        None
    }
}

/// Pure: the heights that at least a quorum has reached, each of which somebody reported, highest first.
fn reached(reported: &[(usize, Block)], quorum: usize) -> Vec<BlockHeight> {
    let mut heights: Vec<_> = reported.iter().map(|(_, block)| block.reference.height).collect();
    heights.sort_unstable_by(|one, other| other.cmp(one));
    let mut reached = heights.split_off((quorum - 1).min(heights.len()));
    reached.dedup();
    reached
}

/// Pure: what to show after `last`. The quorum is made of other endpoints each time, and some are a few blocks behind
/// others: a final block that was agreed on stays until they have caught up. The newest block goes on meanwhile, since finality can
/// stall for long; only one that is not above the final block is not shown.
fn steady(last: Head, found: Head) -> Head {
    let back = last.final_block.height.since(found.final_block.height);
    if !(1..=LAG_BLOCKS).contains(&back) {
        found
    } else if found.latest.height > last.final_block.height {
        Head { final_block: last.final_block, final_parent: last.final_parent, ..found }
    } else {
        last
    }
}

/// Pure: blocks that an endpoint is behind, if that is too much.
fn lag(newest: &Block, own: &Block) -> Option<u64> {
    let blocks = newest.reference.height.since(own.reference.height);
    let seconds = newest.timestamp.saturating_sub(own.timestamp);
    (blocks > LAG_BLOCKS && seconds > LAG_SECONDS).then_some(blocks)
}

fn told(seen: &[Seen]) -> Vec<(usize, String)> {
    let one = |(index, ends): &Seen| (*index, format!("final block {}", shown(ends.final_block)));
    seen.iter().map(one).collect()
}

fn shown(block: Block) -> String {
    let hash: B256 = block.reference.hash;
    format!("{} with hash {hash}", block.reference.height)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn block(height: u64, timestamp: u64) -> Block {
        let reference = BlockRef { height: BlockHeight::new(height), hash: B256::ZERO };
        Block { reference, parent: B256::ZERO, timestamp, gas_limit: 0, base_fee: None }
    }

    fn heights(of: &[u64], quorum: usize) -> Vec<u64> {
        let reported: Vec<_> =
            of.iter().enumerate().map(|(index, height)| (index, block(*height, 0))).collect();
        reached(&reported, quorum).into_iter().map(BlockHeight::get).collect()
    }

    #[test]
    fn neither_one_that_lags_nor_one_that_runs_ahead_moves_the_head() {
        assert_eq!(heights(&[100, 60, 100], 2), [100, 60]);
        assert_eq!(heights(&[100, 101, 9_999], 2), [101, 100]);
        assert_eq!(heights(&[7], 1), [7]);
        assert_eq!(heights(&[7, 8], 2), [7]);
        assert_eq!(heights(&[5, 5, 5, 5], 3), [5]);
    }

    #[test]
    fn a_final_block_does_not_go_back_by_a_few_blocks_and_does_by_many() {
        let head = |height: u64| {
            let reference = block(height, 0).reference;
            Head {
                latest: reference,
                timestamp: 0,
                gas_limit: 0,
                final_block: reference,
                final_parent: B256::ZERO,
            }
        };
        for (found, shown) in [(11, 11), (10, 10), (9, 10), (7, 10), (6, 6), (0, 0)] {
            assert_eq!(steady(head(10), head(found)), head(shown), "{found}");
        }
    }

    fn head(latest: u64, final_block: u64) -> Head {
        Head {
            latest: block(latest, 0).reference,
            timestamp: latest,
            gas_limit: latest,
            final_block: block(final_block, 0).reference,
            final_parent: B256::left_padding_from(&final_block.to_be_bytes()),
        }
    }

    #[test]
    fn the_newest_block_goes_on_while_a_final_one_stays() {
        let last = head(20, 10);
        let shown = Head { final_parent: last.final_parent, ..head(35, 10) };
        assert_eq!(steady(last, head(35, 8)), shown, "with its own time and gas limit");
        assert_eq!(steady(last, head(19, 8)), Head { final_parent: last.final_parent, ..head(19, 10) });
        assert_eq!(steady(last, head(10, 8)), last, "it can be another block at that height");
        assert_eq!(steady(last, head(9, 8)), last);
    }

    #[test]
    fn lagging_is_many_blocks_and_much_time() {
        assert_eq!(lag(&block(100, 1_000), &block(60, 960)), Some(40));
        assert_eq!(lag(&block(100, 1_000), &block(60, 995)), None, "quick blocks");
        assert_eq!(lag(&block(100, 1_000), &block(98, 976)), None, "slow blocks");
        assert_eq!(lag(&block(100, 1_000), &block(140, 1_040)), None, "ahead");
    }

    proptest! {
        #[test]
        fn a_final_block_is_never_above_the_newest(
            last in (0u64..30, 0u64..10), found in (0u64..30, 0u64..10)
        ) {
            let [last, found] = [last, found].map(|(final_block, more)| head(final_block + more, final_block));
            let shown = steady(last, found);
            prop_assert!(shown.final_block.height <= shown.latest.height, "{shown:?}");
        }

        #[test]
        fn a_quorum_has_reached_every_height_that_is_tried(
            of in prop::collection::vec(0u64..50, 1..9), extra in 0usize..4
        ) {
            let quorum = (of.len() / 2 + 1 + extra).min(of.len());
            let tried = heights(&of, quorum);
            prop_assert!(!tried.is_empty());
            for height in tried {
                prop_assert!(of.iter().filter(|reported| **reported >= height).count() >= quorum);
            }
        }
    }
}
