//! Holds from before a lane's base, looked for step by step: a lane is of use before they are found.

use alloy::primitives::B256;
use futures::future::join_all;
use polyspan_chain::{At, Head, Hold};
use polyspan_store::DestinationPosition;
use polyspan_types::{HeldRequest, RequestNonce};
use tracing::warn;

use super::DestinationWatch;
use crate::error::LaneError;

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
    /// As many are stored as the contract counts.
    complete: bool,
    page: u64,
    /// The last step left something to be done at once.
    more: bool,
}

impl Default for OlderHolds {
    fn default() -> Self {
        Self { from: None, complete: false, page: PAGE, more: false }
    }
}

impl OlderHolds {
    /// Whether fewer holds in the store than in the contract may be old ones that were not found yet.
    pub(super) fn may_be_missing(&self, position: &DestinationPosition) -> bool {
        let begun_late = position.base.is_some_and(|base| base.begun.is_some() && base.nonce.get() > 0);
        begun_late && !self.complete
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
    /// of one that is will be read.
    pub(super) async fn find_older_holds(
        &mut self,
        stored: DestinationPosition,
        head: Head,
    ) -> Result<DestinationPosition, LaneError> {
        let Some(base) = stored.base.filter(|_| self.older.may_be_missing(&stored)) else {
            return Ok(stored);
        };
        let (lane, info) = (&self.lane, &self.lane.info);
        let at = At::Hash(head.final_block.hash);
        let expected = lane.destination.lane_state(info.destination.bridge, at).await?.held_count;
        let below = self.older.from.unwrap_or(base.nonce).min(base.nonce);
        if stored.open_holds == expected {
            self.older.complete = true;
            return Ok(stored);
        }
        if below == RequestNonce::ZERO || stored.open_holds > expected {
            // Nothing is left to look through: a log after the base was hidden, or a page was not whole.
            self.older.from = None;
            self.step_back(stored).await?;
            let (chain, to) = (info.destination.chain.clone(), head.final_block.height);
            return Err(LaneError::HiddenHold { chain, known: stored.open_holds, expected, to });
        }
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
        self.older.complete = stored.open_holds == expected;
        self.older.more = !self.older.complete;
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
