//! Whether this relay publishes on a lane now, and what: pure functions of what it sees.
//!
//! The leader publishes at once. Everybody else does when the lane has made no progress for a delay that grows with its
//! rank, whatever the reason: no mode, and no look at the coordinator. So a dead leader, one without progress, a coordinator
//! that is gone, slow or lying, and half of the relays cut off from it are one and the same case.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use alloy::primitives::{B256, keccak256};
use polyspan_types::{BridgeId, MemberSet, OperatorId, RequestNonce};

use crate::attest::CHECKPOINT_INTERVAL;
use crate::submit::{Piece, TAIL_LIMIT, next_piece};

/// Longest block interval that delays are stretched to: a chain that makes blocks on demand has none. Unit: time.
const LONGEST_INTERVAL: Duration = Duration::from_secs(15);
/// Least time that relays leave a lane to its leader, however quick the blocks are. Unit: time. Source: a submission is priced, sent and
/// polled for, each over a network.
const LEAST_DELAY: Duration = Duration::from_secs(3);
/// Least time between two ranks. Unit: time. Source: a submission is sent, mined and seen by others in a block of a second and
/// a poll of half of that.
const RANK_STEP: Duration = Duration::from_millis(1500);
/// Open votes of one relay on a lane that may follow each other at once; further ones wait for [`VOTE_INTERVAL`]. The second
/// one is to join others that voted for another checkpoint at the same time.
const QUICK_VOTES: usize = 2;
/// Blocks between two votes of a relay that did not get its lane on. Unit: blocks of the destination. Source: a vote costs
/// about 60 000 gas, and a lane that lacks operators for an hour shall not cost its relays a fortune.
pub const VOTE_INTERVAL: u64 = 20;

/// How long relays leave a lane to its leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Least delay of the first rank. Unit: blocks of the destination.
    pub takeover_after: u32,
    /// Time between blocks of the destination.
    pub block_interval: Duration,
}

impl Pace {
    /// How long a lane may stand still before the relay of this rank acts by itself.
    pub fn delay(&self, rank: usize) -> Duration {
        let first = LEAST_DELAY.max(self.interval() * self.takeover_after);
        first + self.step() * u32::try_from(rank).unwrap_or(u32::MAX)
    }

    /// The delay of a relay that is no operator, of a lane with so many: after all of them, by its own [`part`] of a step.
    pub fn delay_of_others(&self, operators: usize, part: u16) -> Duration {
        self.delay(operators) + self.step() * u32::from(part) / (u32::from(u16::MAX) + 1)
    }

    fn interval(&self) -> Duration {
        self.block_interval.min(LONGEST_INTERVAL)
    }

    fn step(&self) -> Duration {
        RANK_STEP.max(self.interval() * 3 / 2)
    }
}

/// Place of `operator` in the order of `keccak(bridge id, nonce, operator)`, with the lane's first unhandled nonce: another
/// order for each, so that no relay is first always. `None` for who is no operator: it comes after all of them.
pub fn rank(
    bridge_id: BridgeId,
    handled: RequestNonce,
    operator: Option<OperatorId>,
    operators: &MemberSet,
) -> Option<usize> {
    let place = |member: OperatorId| place(bridge_id, handled, member.as_slice());
    let own = operator.filter(|operator| operators.contains(*operator))?;
    Some(operators.members.iter().filter(|member| place(**member) < place(own)).count())
}

/// Where in the step after the operators' ranks the relay called `name` acts. Nobody knows how many such relays there are, so
/// they have no ranks; names differ, and so do these. Unit: 1/65536 of a step.
pub fn part(bridge_id: BridgeId, handled: RequestNonce, name: &str) -> u16 {
    let place = place(bridge_id, handled, name.as_bytes());
    u16::from_be_bytes([place[0], place[1]])
}

fn place(bridge_id: BridgeId, handled: RequestNonce, who: &[u8]) -> B256 {
    let nonce = handled.get().to_be_bytes();
    keccak256([bridge_id.0.as_slice(), nonce.as_slice(), who].concat())
}

/// Since when a lane stands still, as one relay sees it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Stall {
    /// Where the lane stood when the clock began, and what it has to reach until the clock begins anew.
    from: RequestNonce,
    goal: RequestNonce,
    since: Option<Instant>,
    /// The most attestations that one checkpoint had since the clock began, up to the threshold.
    attested: usize,
}

impl Stall {
    /// Takes in what is seen now: the first nonce not handled, how many requests this relay would sign, and how many attestations,
    /// up to the threshold, a checkpoint of those has.
    ///
    /// Progress is what was open when the clock began, or [`CHECKPOINT_INTERVAL`] of it: a leader that hands out one request at a time,
    /// on purpose or not, does not keep the others waiting. The clock begins anew with each further operator that attests, since
    /// before the last of a threshold the leader has nothing to send: relays that start together with a backlog take seconds to sign
    /// it. That happens at most as often as the threshold has operators.
    pub fn observe(&mut self, handled: RequestNonce, verified: RequestNonce, attested: usize, now: Instant) {
        let open = verified.since(handled);
        if open == 0 {
            *self = Self { from: handled, goal: handled, since: None, attested: 0 };
        } else if self.since.is_none() || handled >= self.goal || handled < self.from {
            let goal = handled.plus(open.min(CHECKPOINT_INTERVAL));
            *self = Self { from: handled, goal, since: Some(now), attested };
        } else if attested > self.attested {
            (self.since, self.attested) = (Some(now), attested);
        }
    }

    /// Nothing is to be done now, as while the bridge is paused.
    pub const fn forget(&mut self) {
        self.since = None;
    }

    /// Whether the lane stands still.
    pub const fn is_going_on(&self) -> bool {
        self.since.is_some()
    }

    /// How long the lane has stood still; zero when it does not.
    pub fn lasts(&self, now: Instant) -> Duration {
        self.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    /// When it will have stood still for `delay`; `None` while it does not.
    pub fn due(&self, delay: Duration) -> Option<Instant> {
        self.since.map(|since| since + delay)
    }
}

/// Whether others bring the lane on since this relay's last piece, which ended at `own_end`: they got everything handled that there
/// was, or as much as a checkpoint's interval.
pub fn others_bring_it_on(own_end: RequestNonce, handled: RequestNonce, verified: RequestNonce) -> bool {
    let by_others = handled.since(own_end);
    by_others >= CHECKPOINT_INTERVAL || (by_others > 0 && handled >= verified)
}

/// A checkpoint with this relay's own root that somebody has voted for on chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenVote {
    /// How many operators have.
    pub voters: usize,
    /// Its nonce.
    pub nonce: RequestNonce,
    /// Whether this relay has.
    pub own: bool,
}

/// What a relay knows when it decides.
#[derive(Debug, Clone)]
pub struct Situation<'a> {
    /// First nonce that the destination has not handled.
    pub handled: RequestNonce,
    /// Where that will be once everything is mined that this relay has on its way; no more than `handled` when it has nothing.
    pub sent: RequestNonce,
    /// Whether it may send something behind that.
    pub room: bool,
    /// Nonces of approved checkpoints.
    pub approved: &'a [RequestNonce],
    /// Whether this relay leads the lane, or made its last progress.
    pub leads: bool,
    /// Whether the lane has stood still for as long as this relay's rank demands.
    pub overdue: bool,
    /// Votes on chain above `handled`.
    pub votes: &'a [OpenVote],
    /// What this relay has signed and could vote for, rising; empty for one that signs nothing on this lane.
    pub signed: &'a [RequestNonce],
    /// Votes that this relay has sent since the lane was last brought on, seen on chain or not.
    pub cast: usize,
    /// Blocks of the destination since the last of them.
    pub since_vote: u64,
    /// Most transfers in one submission.
    pub max_transfers: u64,
}

/// What to publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A `handle` of this piece.
    Handle(Piece),
    /// A `vote` for the checkpoint of this nonce.
    Vote(RequestNonce),
    /// Nothing now.
    Nothing,
}

/// What to publish now.
pub fn decide(situation: &Situation<'_>) -> Action {
    if !situation.leads && !situation.overdue {
        return Action::Nothing;
    }
    let on_its_way = situation.sent > situation.handled;
    // Who acts out of turn sends one thing and looks what becomes of it.
    if on_its_way && !(situation.leads && situation.room) {
        return Action::Nothing;
    }
    let approved = situation.approved.iter().copied();
    if let Some(piece) = next_piece(situation.sent.max(situation.handled), approved, situation.max_transfers)
    {
        return Action::Handle(piece);
    }
    if on_its_way {
        return Action::Nothing;
    }
    // A leader that waits for others' attestations does not vote before it is its turn.
    match candidate(situation) {
        Some(nonce) if situation.overdue && may_vote(situation) => Action::Vote(nonce),
        _ => Action::Nothing,
    }
}

/// The checkpoint to vote for. Relays that see different newest requests meet only if they join each other: at the checkpoint
/// that most have voted for, among equals at the lowest, which the others are the likeliest to have seen too. One that covers
/// less than half of what is open is joined last, so that no single operator can make a lane go in small steps.
fn candidate(situation: &Situation<'_>) -> Option<RequestNonce> {
    let newest = target(situation)?;
    let half = newest.since(situation.handled).div_ceil(2);
    let is_good = |vote: &&OpenVote| vote.nonce.since(situation.handled) >= half;
    // What is not signed cannot be voted for: it is barred, or is signed a moment later.
    let is_signed = |vote: &&OpenVote| situation.signed.binary_search(&vote.nonce).is_ok();
    let others = || situation.votes.iter().filter(|vote| !vote.own && vote.nonce <= newest).filter(is_signed);
    let best = |votes: &mut dyn Iterator<Item = &OpenVote>| {
        votes.max_by_key(|vote| (vote.voters, Reverse(vote.nonce))).map(|vote| vote.nonce)
    };
    let own_is_good = situation.votes.iter().filter(is_good).any(|vote| vote.own);
    best(&mut others().filter(is_good))
        .or((!own_is_good).then_some(newest))
        .or_else(|| best(&mut others()))
        .or_else(|| situation.votes.iter().all(|vote| !vote.own || vote.nonce != newest).then_some(newest))
}

/// The newest of what is signed that a submission can be proved by. Of a backlog beyond that it is a nonce that everybody signs.
fn target(situation: &Situation<'_>) -> Option<RequestNonce> {
    let newest = *situation.signed.last().filter(|newest| **newest > situation.handled)?;
    let reach = situation.handled.plus(TAIL_LIMIT);
    if newest <= reach {
        return Some(newest);
    }
    let shared = |nonce: &&RequestNonce| nonce.get().is_multiple_of(CHECKPOINT_INTERVAL) && **nonce <= reach;
    situation.signed.iter().rev().find(shared).copied().filter(|nonce| *nonce > situation.handled)
}

fn may_vote(situation: &Situation<'_>) -> bool {
    let shown = situation.votes.iter().filter(|vote| vote.own).count();
    let open = shown.max(situation.cast);
    let joins = situation.votes.iter().any(|vote| !vote.own);
    open == 0 || (joins && open < QUICK_VOTES) || situation.since_vote >= VOTE_INTERVAL
}

#[cfg(test)]
mod tests;
