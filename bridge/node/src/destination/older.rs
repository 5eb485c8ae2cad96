//! Holds from before a lane's base, looked for step by step: a lane is of use before they are found.

use alloy::primitives::B256;
use futures::future::join_all;
use polyspan_chain::{At, Head, Hold, LaneState};
use polyspan_store::{Base, DestinationPosition};
use polyspan_types::{BlockHeight, BlockRef, HeldRequest, RequestNonce};
use tracing::warn;

use super::{DestinationWatch, begin};
use crate::error::LaneError;
use crate::finality;

/// Nonces of which the contract is asked for holds at a time, and the fewest. Unit: requests. Source: below 25 million gas, half of
/// what nodes allow a call.
const PAGE: u64 = 4096;
const PAGE_MIN: u64 = 64;
/// Such calls under way at the same time, in one step. Unit: calls.
const CALLS: usize = 8;

/// How far holds below the base are found, from the newest down: old ones are few. Not stored: after a restart the contract's count
/// tells whether any is missing.
#[derive(Debug)]
pub(super) struct OlderHolds {
    /// First nonce of what was looked through; `None` before the search begins.
    from: Option<RequestNonce>,
    /// From this block on as many are stored as the contract counts.
    complete: Option<BlockHeight>,
    /// They were looked through to the end, and still the count is another.
    doubted: bool,
    page: u64,
    /// The last step left something to be done at once.
    more: bool,
}

impl Default for OlderHolds {
    fn default() -> Self {
        Self { from: None, complete: None, doubted: false, page: PAGE, more: false }
    }
}

impl OlderHolds {
    /// Whether fewer holds in the store than in the contract at that block may be old ones that were not found yet.
    pub(super) fn may_be_missing(&self, position: &DestinationPosition, at: BlockHeight) -> bool {
        let begun_late = position.base.is_some_and(|base| base.begun.is_some() && base.nonce.get() > 0);
        begun_late && self.complete.is_none_or(|complete| at < complete)
    }

    /// They are looked through to the end, or counted.
    pub(super) const fn are_complete_from(&mut self, block: BlockHeight) {
        (self.complete, self.doubted, self.more) = (Some(block), false, false);
    }

    /// The contract counts others than are stored. What was hidden after the base is read again first; the second time the search begins
    /// anew.
    pub(super) fn doubt(&mut self) {
        *self = Self {
            doubted: !self.doubted,
            complete: self.complete.filter(|_| !self.doubted),
            ..Self::default()
        };
    }

    /// Where the search goes on.
    fn below(&self, base: Base) -> RequestNonce {
        self.from.unwrap_or(base.nonce).min(base.nonce)
    }

    /// Whether the next step need not wait for a head.
    pub(super) const fn has_more(&self) -> bool {
        self.more
    }

    /// A step begins.
    pub(super) const fn pause(&mut self) {
        self.more = false;
    }

    /// A page was refused: a node may allow a call less gas than others do.
    fn halve(&mut self) {
        self.page = (self.page / 2).max(PAGE_MIN);
    }
}

impl DestinationWatch {
    /// One step of the search, at the final block up to which outcomes are stored: a hold that ended before is not shown, and the end
    /// of one that is will be read. Where nodes do not have that state the search is at the newest block.
    pub(super) async fn find_older_holds(
        &mut self,
        stored: DestinationPosition,
        newest: &LaneState,
        head: Head,
    ) -> Result<DestinationPosition, LaneError> {
        let last = head.final_block;
        if !self.older.may_be_missing(&stored, last.height) {
            return Ok(stored);
        }
        let (chain, bridge) = (&self.lane.destination, self.lane.info.destination.bridge);
        // A state can be known that nodes do not have any more; the list of holds cannot.
        if begin::ahead(&stored).is_none()
            && head.has_final_state()
            && let Some(state) = finality::state_at_final(chain, bridge, head, &mut false).await?
        {
            return self.find_at_final(stored, state.held_count, head).await;
        }
        self.find_at_newest(stored, newest.held_count, head).await
    }

    async fn find_at_final(
        &mut self,
        stored: DestinationPosition,
        expected: u64,
        head: Head,
    ) -> Result<DestinationPosition, LaneError> {
        let Some(base) = stored.base else { return Ok(stored) };
        let last = head.final_block;
        if stored.open_holds == expected {
            self.older.are_complete_from(last.height);
            return Ok(stored);
        }
        let below = self.older.below(base);
        if below == RequestNonce::ZERO || stored.open_holds > expected {
            // Nothing is left to look through: a log after the base was hidden, or a page was not whole.
            self.older.from = None;
            self.step_back(stored).await?;
            let (chain, to) = (self.lane.info.destination.chain.clone(), last.height);
            return Err(LaneError::HiddenHold { chain, known: stored.open_holds, expected, to });
        }
        let stored = self.read_pages(below, last).await?;
        self.older.more = true;
        if stored.open_holds == expected {
            self.older.are_complete_from(last.height);
        }
        Ok(stored)
    }

    /// What is found here is open in a block that is not final. The count there is of other holds as well, so that the search ends with the
    /// last page. An old hold that ends after the base and before it was found is not missed by anybody.
    async fn find_at_newest(
        &mut self,
        stored: DestinationPosition,
        held: u64,
        head: Head,
    ) -> Result<DestinationPosition, LaneError> {
        let newest = head.latest;
        let Some(base) = stored.base else { return Ok(stored) };
        if !self.older.may_be_missing(&stored, newest.height) {
            return Ok(stored);
        }
        let below = self.older.below(base);
        if held == 0 || below == RequestNonce::ZERO {
            self.older.are_complete_from(newest.height);
            return Ok(stored);
        }
        if held <= stored.open_holds {
            // As after most restarts none is missing, which the next count of a final block tells.
            return Ok(stored);
        }
        let stored = self.read_pages(below, newest).await?;
        match self.older.below(base) {
            RequestNonce::ZERO => self.older.are_complete_from(newest.height),
            _ => self.older.more = true,
        }
        Ok(stored)
    }

    /// Stores the holds of some pages below `below`, as they are at `block`.
    async fn read_pages(
        &mut self,
        below: RequestNonce,
        block: BlockRef,
    ) -> Result<DestinationPosition, LaneError> {
        let (lane, info) = (&self.lane, &self.lane.info);
        let at = At::Hash(block.hash);
        let calls = pages(below, self.older.page).take(CALLS).map(|(first, count)| async move {
            (first, lane.destination.holds(info.destination.bridge, first, count, at).await)
        });
        let (mut found, mut from, mut refused) = (Vec::new(), below, None);
        for (first, answer) in join_all(calls).await {
            match answer {
                Ok(holds) => found.extend(holds.into_iter().map(held_request)),
                Err(error) => {
                    refused = Some(error);
                    break;
                }
            }
            from = first;
        }
        // What was found before one failed is kept.
        let stored = lane.store.add_older_holds(info.bridge_id, found).await?;
        self.older.from = Some(from);
        if let Some(error) = refused {
            self.older.halve();
            warn!(lane = %info.id, %error, nonces = self.older.page, "holds are asked for in smaller pages");
            return Err(error.into());
        }
        Ok(stored)
    }
}

/// Pure: first nonce and length of the pages of `size` below `end`, from the newest to the oldest.
fn pages(end: RequestNonce, size: u64) -> impl Iterator<Item = (RequestNonce, u64)> {
    (0..end.get().div_ceil(size)).map(move |page| {
        let last = end.minus(page * size);
        let first = last.minus(size);
        (first, last.since(first))
    })
}

/// The transaction that made it is not asked for: no log is read below the base.
fn held_request(hold: Hold) -> HeldRequest {
    HeldRequest {
        nonce: hold.nonce,
        reason: hold.reason,
        leaf: hold.leaf,
        block: hold.held_at,
        tx_hash: B256::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_cover_everything_below_once_and_the_newest_comes_first() {
        let all = |end| {
            let pages = pages(RequestNonce::new(end), PAGE);
            pages.map(|(first, count)| (first.get(), count)).collect::<Vec<_>>()
        };
        assert_eq!(all(0), []);
        assert_eq!(all(1), [(0, 1)]);
        assert_eq!(all(PAGE), [(0, PAGE)]);
        assert_eq!(all(2 * PAGE + 3), [(PAGE + 3, PAGE), (3, PAGE), (0, 3)]);
    }

    #[test]
    fn a_page_that_is_refused_is_halved_and_never_becomes_nothing() {
        let mut older = OlderHolds::default();
        older.halve();
        assert_eq!(older.page, PAGE / 2);
        for _ in 0..20 {
            older.halve();
        }
        assert_eq!(older.page, PAGE_MIN);
    }
}
