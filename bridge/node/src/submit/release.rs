//! Releases holds, one at a time and oldest first, when nothing can be handled. Holds that failed before come behind others, and those of a
//! recipient who made a release revert behind all. Payouts do not wait for one that is in flight.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use alloy::primitives::Address;
use futures::future::BoxFuture;
use polyspan_chain::{At, BridgeRevert, PairState, SLOT_GAS, release_calldata};
use polyspan_store::{OpenHold, Purpose};
use polyspan_types::{BlockHeight, RequestNonce};
use tracing::{info, warn};

use super::gas::{Beside, Terms};
use super::{LaneSubmission, gas};
use crate::error::LaneError;
use crate::holds::{Attempts, Readiness, next_release, readiness};
use crate::lane::DestinationView;
use crate::submitter::{Job, JobResult};

/// Holds looked at together; the next ones follow when none of these can be tried. Unit: holds. Source: what a look costs
/// in memory and time stays the same however many there are.
const PAGE: u64 = 1024;

/// How old the destination's pairs may be before they are read again. Unit: time. Source: one call in five seconds and lane
/// while anything is on hold.
const PAIRS_AGE: Duration = Duration::from_secs(5);

/// How long holds wait for a moment in which nothing is on its way, unless one has come or an attempt has ended. Unit: time. Source:
/// payouts go before releases, and a lane that is never idle shall look at its holds all the same.
const LOOK_AT_LEAST: Duration = Duration::from_secs(30);

/// How long no release is tried once a key has used up its budget. Unit: time. Source: the budget counts a day.
const OVER_BUDGET_REST: Duration = Duration::from_secs(60);

/// How long after a release that reverted no hold of a recipient with a revert is tried. Unit: time. Source: that is eight a day, half of
/// the default budget of a key; the other half is for those whose releases did not revert yet.
const SUSPECTS_COOLDOWN: Duration = Duration::from_secs(3 * 60 * 60);

/// Labels of the releases metric: a closed set.
pub const RELEASE_OUTCOMES: [&str; 15] = [
    "released",
    "reverted",
    "still_held",
    "ended_before",
    "refused",
    "too_large",
    "too_slow",
    "not_taken",
    "above_cap",
    "over_budget",
    "busy",
    "left_behind",
    "cancelled",
    "lost",
    "failed",
];

/// What a lane remembers of its holds between two steps.
#[derive(Default)]
pub(super) struct Releases {
    attempts: Attempts,
    /// Whether it knows which releases reverted before this process.
    knows_reverted: bool,
    in_flight: Option<BoxFuture<'static, (Attempted, JobResult)>>,
    /// Reported and not taken in yet.
    ended: Option<(Attempted, JobResult)>,
    /// First nonce of the page that is looked at.
    from: RequestNonce,
    /// Whether nothing was found for recipients without a revert, so that now it is the others' turn as well.
    everybody: bool,
    /// When a release reverted last.
    reverted: Option<Instant>,
    pairs: Option<(Vec<PairState>, Instant)>,
    /// When holds were looked at last, and how many the store knew; `None` when they are to be looked at again, idle or not.
    looked: Option<(Instant, u64)>,
    /// Until when no release is sent, since the key has used up its budget.
    over_budget_until: Option<Instant>,
}

/// A hold that is being released, and whom it is for.
type Attempted = (RequestNonce, Address);

impl Releases {
    /// Whether holds, of which the store knows so many, have waited long enough for requests that are handled all the time: a new one may
    /// be payable at once, as those whose call was deferred, and when an attempt has ended it is another one's turn.
    pub(super) fn are_due(&self, stored: u64, now: Instant) -> bool {
        self.looked.is_none_or(|(looked, before)| {
            stored != before || now.saturating_duration_since(looked) >= LOOK_AT_LEAST
        })
    }

    fn is_over_budget(&self, now: Instant) -> bool {
        self.over_budget_until.is_some_and(|until| now < until)
    }

    /// Nothing of a page can be tried, which ends at `end` or with the holds: next is the page behind it, then the oldest for whom
    /// it was not the turn, and then the oldest of all.
    fn turn_page(&mut self, end: Option<RequestNonce>, now: Instant) {
        self.from = end.unwrap_or(RequestNonce::ZERO);
        if end.is_none() {
            let cools_down =
                self.reverted.is_some_and(|since| now.saturating_duration_since(since) < SUSPECTS_COOLDOWN);
            self.everybody = !self.everybody && self.attempts.has_suspects() && !cools_down;
        }
    }

    /// One was found: the next check begins with the oldest.
    const fn begin_again(&mut self) {
        (self.from, self.everybody) = (RequestNonce::ZERO, false);
    }

    /// Waits until the release in flight has ended. Cancel-safe.
    pub(super) async fn landed(&mut self) {
        match &mut self.in_flight {
            Some(attempt) => {
                self.ended = Some(attempt.await);
                self.in_flight = None;
            }
            None => std::future::pending().await,
        }
    }
}

impl LaneSubmission {
    /// Tries the next hold that may be paid now, if there is one.
    pub(super) async fn release(&mut self, view: &DestinationView) -> Result<(), LaneError> {
        if self.releases.in_flight.is_some() {
            return Ok(());
        }
        self.releases.looked = Some((Instant::now(), view.stored_holds));
        if view.held == 0 {
            self.lane.board.release.send_replace(None);
            return Ok(());
        }
        if self.releases.is_over_budget(Instant::now()) {
            return Ok(());
        }
        let (id, head) = (self.lane.info.bridge_id, view.block.height);
        if !self.releases.knows_reverted {
            for nonce in self.lane.store.reverted_releases(id).await? {
                let recipient = self.recipient(nonce).await?;
                self.releases.attempts.leave_to_people(nonce, recipient);
            }
            self.releases.knows_reverted = true;
        }
        let from = self.releases.from;
        let page = self.lane.store.open_holds(id, from, PAGE).await?;
        let end = (page.len() as u64 == PAGE).then(|| page.last().map(|hold| hold.nonce.next())).flatten();
        self.releases.attempts.forget_ended(from, end, &page);
        let pairs = self.pairs(false).await?;
        if from == RequestNonce::ZERO {
            self.tell_oldest(&page, &pairs, head);
        }
        let last = self.last(from).await?;
        let next = next_release(&page, &pairs, head, &self.releases.attempts, &last, Instant::now());
        let Some(nonce) = next else {
            self.releases.turn_page(end, Instant::now());
            return Ok(());
        };
        self.releases.begin_again();
        // What was read a moment ago may be used up: an attempt that the state rules out now is saved.
        let pairs = self.pairs(true).await?;
        let next = next_release(&page, &pairs, head, &self.releases.attempts, &last, Instant::now());
        if next == Some(nonce) {
            self.attempt(nonce, &pairs).await?;
        }
        Ok(())
    }

    /// The holds of the page from `from` on whose turn comes after all others.
    async fn last(&mut self, from: RequestNonce) -> Result<BTreeSet<RequestNonce>, LaneError> {
        let attempts = &self.releases.attempts;
        if self.releases.everybody || !attempts.has_suspects() {
            return Ok(BTreeSet::new());
        }
        let recipients = self.lane.store.open_hold_recipients(self.lane.info.bridge_id, from, PAGE).await?;
        Ok(attempts.last(recipients))
    }

    /// Whom a request is for; `None` when it is not stored.
    async fn recipient(&mut self, nonce: RequestNonce) -> Result<Option<Address>, LaneError> {
        let stored = self.lane.store.request(self.lane.info.bridge_id, nonce).await?;
        Ok(stored.map(|stored| stored.request.transfer.to))
    }

    /// The destination's pairs, not older than [`PAIRS_AGE`] or, when `fresh`, read now.
    async fn pairs(&mut self, fresh: bool) -> Result<Vec<PairState>, LaneError> {
        if let Some((pairs, read)) = &self.releases.pairs
            && !fresh
            && read.elapsed() < PAIRS_AGE
        {
            return Ok(pairs.clone());
        }
        let bridge = self.lane.info.destination.bridge;
        let pairs = self.lane.destination.bridge_state(bridge, At::Latest).await?.pairs;
        self.releases.pairs = Some((pairs.clone(), Instant::now()));
        Ok(pairs)
    }

    /// Shows what happens next to the oldest hold, and logs it when that changes.
    fn tell_oldest(&self, page: &[OpenHold], pairs: &[PairState], head: BlockHeight) {
        let Some(oldest) = page.first() else { return };
        let next = match self.releases.attempts.is_left(oldest.nonce) {
            true => Readiness::People,
            false => readiness(oldest, pairs, head),
        };
        let next = next.to_string();
        let changed = self.lane.board.release.send_if_modified(|told| {
            let changed = told.as_ref() != Some(&next);
            *told = Some(next.clone());
            changed
        });
        if changed {
            info!(lane = %self.lane.info.id, nonce = %oldest.nonce, reason = %oldest.reason, next, "oldest hold");
        }
    }

    /// Sends one attempt on its way. It leaves no rest of the lane behind: the hold rests by itself, and what is to be handled does not
    /// wait.
    async fn attempt(&mut self, nonce: RequestNonce, pairs: &[PairState]) -> Result<(), LaneError> {
        let info = self.lane.info.clone();
        let Some(stored) = self.lane.store.request(info.bridge_id, nonce).await? else { return Ok(()) };
        let transfer = &stored.request.transfer;
        let calldata = release_calldata(nonce, transfer, &[]);
        // It makes no slots beside those of the payout, which its gas cap is for.
        let terms = Terms { pairs, slot_gas: SLOT_GAS };
        let job = Job {
            purpose: Purpose::Release,
            first: nonce,
            count: 1,
            checkpoint: nonce,
            to: info.destination.bridge,
            worst_gas: gas::worst_gas([transfer], terms, Beside::default(), calldata.len()),
            calldata,
            presumed: None,
            lane: info,
        };
        let (submitter, attempted) = (self.submitter.clone(), (nonce, transfer.to));
        self.releases.in_flight = Some(Box::pin(async move { (attempted, submitter.submit(job).await) }));
        Ok(())
    }

    /// Takes in what became of the attempt that was in flight.
    pub(super) fn take_in_release(&mut self) {
        let Some(((nonce, recipient), result)) = self.releases.ended.take() else { return };
        let info = &self.lane.info;
        self.lane.metrics.release(&info.id, outcome(&result));
        // Also after a success: until its block is final the store does not know that the hold has ended.
        let text = result.to_string();
        let counts = matches!(
            result,
            JobResult::Mined { .. } | JobResult::Refused(_) | JobResult::TooLarge | JobResult::TooSlow
        );
        self.releases.looked = None;
        let news = self.releases.attempts.note(nonce, text.clone(), counts, Instant::now());
        match result {
            JobResult::Mined { success: true, block, tx_hash } => {
                info!(lane = %info.id, %nonce, %block, tx = %tx_hash, "released");
            }
            JobResult::Mined { success: false, block, tx_hash } => {
                // Whoever made it fail behind a simulation that passed can do so in every block.
                self.releases.attempts.leave_to_people(nonce, Some(recipient));
                self.releases.reverted = Some(Instant::now());
                warn!(
                    lane = %info.id, %nonce, %block, tx = %tx_hash,
                    "release reverted on chain; relays try it no more, `polyspan release` does"
                );
            }
            JobResult::OverBudget { .. } => {
                self.releases.over_budget_until = Some(Instant::now() + OVER_BUDGET_REST);
                if news {
                    warn!(lane = %info.id, %nonce, reason = text, "release budget spent");
                }
            }
            _ if news => {
                info!(lane = %info.id, %nonce, reason = text, "not released; it is tried again later, less and less often");
            }
            _ => {}
        }
    }
}

/// Label of the releases metric.
const fn outcome(result: &JobResult) -> &'static str {
    match result {
        JobResult::Mined { success: true, .. } => "released",
        JobResult::Refused(BridgeRevert::ReleaseFailed { .. }) => "still_held",
        JobResult::Refused(BridgeRevert::NotHeld { .. }) => "ended_before",
        JobResult::Refused(_) => "refused",
        other => other.outcome(),
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;
    use polyspan_types::{AccountNonce, BlockRef, HoldReason};

    use super::*;

    #[test]
    fn a_second_pass_is_for_those_whose_releases_reverted_and_every_find_ends_it() {
        let (mut releases, now) = (Releases::default(), Instant::now());
        let page = |releases: &Releases| (releases.from.get(), releases.everybody);
        releases.turn_page(Some(RequestNonce::new(1024)), now);
        assert_eq!(page(&releases), (1024, false));
        releases.turn_page(None, now);
        assert_eq!(page(&releases), (0, false), "nobody waits behind the others");
        releases.attempts.leave_to_people(RequestNonce::ZERO, Some(Address::ZERO));
        releases.turn_page(None, now);
        assert_eq!(page(&releases), (0, true));
        releases.turn_page(Some(RequestNonce::new(1024)), now);
        assert_eq!(page(&releases), (1024, true));
        releases.begin_again();
        assert_eq!(page(&releases), (0, false));
        releases.turn_page(None, now);
        releases.turn_page(None, now);
        assert_eq!(page(&releases), (0, false), "everybody had a turn");
        releases.reverted = Some(now);
        releases.turn_page(None, now + SUSPECTS_COOLDOWN - Duration::from_secs(1));
        assert_eq!(page(&releases), (0, false), "the rest of the budget is for others");
        releases.turn_page(None, now + SUSPECTS_COOLDOWN);
        assert_eq!(page(&releases), (0, true));
    }

    #[test]
    fn a_busy_lane_looks_at_its_holds_when_one_is_new_or_an_attempt_has_ended_and_else_now_and_then() {
        let (mut releases, now) = (Releases::default(), Instant::now());
        assert!(releases.are_due(0, now));
        releases.looked = Some((now, 3));
        assert!(!releases.are_due(3, now));
        assert!(releases.are_due(4, now), "a new one may be payable at once");
        assert!(releases.are_due(2, now), "one that is new later is noticed");
        assert!(!releases.are_due(3, now + LOOK_AT_LEAST - Duration::from_secs(1)));
        assert!(releases.are_due(3, now + LOOK_AT_LEAST));
        releases.looked = None;
        assert!(releases.are_due(3, now));
    }

    #[test]
    fn every_end_of_an_attempt_has_a_label_of_the_closed_set() {
        let (nonce, reason) = (RequestNonce::ZERO, HoldReason::PayoutFailed);
        let block = BlockRef { height: BlockHeight::ZERO, hash: B256::ZERO };
        let mined = |success| JobResult::Mined { success, block, tx_hash: B256::ZERO };
        let results = [
            mined(true),
            mined(false),
            JobResult::Refused(BridgeRevert::ReleaseFailed { nonce, reason }),
            JobResult::Refused(BridgeRevert::NotHeld { nonce }),
            JobResult::Refused(BridgeRevert::NotWired),
            JobResult::TooLarge,
            JobResult::TooSlow,
            JobResult::NotTaken(String::new()),
            JobResult::AboveCap { cap: 1 },
            JobResult::OverBudget { budget: 1 },
            JobResult::Busy,
            JobResult::LeftBehind,
            JobResult::Cancelled { block },
            JobResult::Lost { account_nonce: AccountNonce::ZERO },
            JobResult::Failed(String::new()),
        ];
        assert_eq!(results.iter().map(outcome).collect::<Vec<_>>(), RELEASE_OUTCOMES);
    }
}
