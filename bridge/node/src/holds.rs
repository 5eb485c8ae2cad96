//! Which hold to release next: plain functions of what is on hold and of what its pairs allow.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant};

use alloy::primitives::{Address, U256};
use polyspan_chain::{OutflowLimit, PairState};
use polyspan_store::OpenHold;
use polyspan_types::{BlockHeight, RequestNonce};

/// Wait after the first attempt that did not pay a hold; it doubles with each further one. Unit: time. Source: a recipient
/// that was refilled or a token that was resumed is noticed soon.
const FIRST_REST: Duration = Duration::from_secs(10);

/// Longest wait between two attempts. Unit: time. Source: ten thousand holds that nobody can pay cost one call in two
/// seconds.
const LONGEST_REST: Duration = Duration::from_secs(6 * 60 * 60);

/// What stands between a hold and its payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// Nothing that can be seen: an attempt tells.
    Ready,
    /// Operators, who have to sign for it.
    Operators,
    /// People: a release of it reverted on chain although a simulation had passed. Whoever can do that once can do it in every block.
    People,
    /// This relay does not have the request.
    RequestUnknown,
    /// No pair of the destination is about its token.
    NoPair,
    /// A large amount waits for this block.
    NotBefore(BlockHeight),
    /// The destination holds too little.
    Escrow {
        /// What there is.
        has: U256,
        /// What it takes.
        needs: U256,
    },
    /// The leaky bucket is too full for it.
    Outflow {
        /// What stands in the bucket.
        level: U256,
        /// What it takes.
        needs: U256,
        /// The bucket.
        limit: OutflowLimit,
    },
}

/// What stands between a hold and its payment by relays, at block `head`.
pub fn readiness(hold: &OpenHold, pairs: &[PairState], head: BlockHeight) -> Readiness {
    if hold.reason.needs_operators() {
        return Readiness::Operators;
    }
    pair_readiness(hold, pairs, head)
}

/// The same for a release that operators have signed: what the destination's pairs allow, whatever the hold's reason.
pub fn pair_readiness(hold: &OpenHold, pairs: &[PairState], head: BlockHeight) -> Readiness {
    let Some(asked) = hold.asked else { return Readiness::RequestUnknown };
    let Some(pair) = pairs.iter().find(|pair| pair.is_of(asked.kind, asked.token)) else {
        return Readiness::NoPair;
    };
    let needs = pair.amount(asked.value);
    if let Some(delay) = pair.limits.delay.filter(|delay| needs > U256::from(delay.above)) {
        let due = hold.held_at.plus(u64::from(delay.blocks));
        if head < due {
            return Readiness::NotBefore(due);
        }
    }
    if !pair.mints && needs > pair.escrow {
        return Readiness::Escrow { has: pair.escrow, needs };
    }
    match pair.limits.outflow {
        Some(limit) if pair.outflow.saturating_add(needs) > U256::from(limit.capacity) => {
            Readiness::Outflow { level: pair.outflow, needs, limit }
        }
        _ => Readiness::Ready,
    }
}

/// The next of `holds`, which are in nonce order: of those that are ready, are not left to people, do not rest after an attempt, and are
/// not among those that come `last`, the oldest with the fewest failures. So nobody waits for holds that fail again and again.
pub fn next_release(
    holds: &[OpenHold],
    pairs: &[PairState],
    head: BlockHeight,
    attempts: &Attempts,
    last: &BTreeSet<RequestNonce>,
    now: Instant,
) -> Option<RequestNonce> {
    let awake = holds.iter().filter(|hold| {
        !attempts.rests(hold.nonce, now) && !attempts.is_left(hold.nonce) && !last.contains(&hold.nonce)
    });
    let ready = awake.filter(|hold| readiness(hold, pairs, head) == Readiness::Ready);
    ready.map(|hold| hold.nonce).min_by_key(|nonce| (attempts.failures(*nonce), *nonce))
}

/// What became of attempts of this process to release holds.
#[derive(Debug, Default)]
pub struct Attempts {
    attempts: BTreeMap<RequestNonce, Attempt>,
    /// Holds of which a release reverted on chain, in this process or before, and whom they are for, where that is known. One that ends
    /// goes: a release also reverts when somebody else's comes first, whoever the recipient is.
    reverted: BTreeMap<RequestNonce, Option<Address>>,
}

#[derive(Debug)]
struct Attempt {
    failures: u32,
    rests_until: Instant,
    /// What was said last, so that it is said once.
    said: String,
}

impl Attempts {
    /// Notes an attempt that ended with `said`, and tells whether that is news. The hold rests now: each time for longer when
    /// the attempt `counts`, which one does not that failed for another reason than the hold.
    pub fn note(&mut self, nonce: RequestNonce, said: String, counts: bool, now: Instant) -> bool {
        let before = self.attempts.get(&nonce);
        let failures = self.failures(nonce);
        let news = before.is_none_or(|attempt| attempt.said != said);
        let doublings = if counts { failures.min(16) } else { 0 };
        let rest = FIRST_REST.saturating_mul(1 << doublings).min(LONGEST_REST);
        let failures = failures.saturating_add(u32::from(counts));
        self.attempts.insert(nonce, Attempt { failures, rests_until: now + rest, said });
        news
    }

    /// Forgets the holds of `from..end` that are not among `open` any more.
    pub fn forget_ended(&mut self, from: RequestNonce, end: Option<RequestNonce>, open: &[OpenHold]) {
        let is_kept = |nonce: &RequestNonce| {
            let looked_at = *nonce >= from && end.is_none_or(|end| *nonce < end);
            !looked_at || open.binary_search_by_key(nonce, |hold| hold.nonce).is_ok()
        };
        self.attempts.retain(|nonce, _| is_kept(nonce));
        self.reverted.retain(|nonce, _| is_kept(nonce));
    }

    /// A release of this hold reverted on chain: no other one is sent by itself, and other holds of its recipient come last.
    pub fn leave_to_people(&mut self, nonce: RequestNonce, recipient: Option<Address>) {
        self.reverted.insert(nonce, recipient);
    }

    /// Whether there is anybody to whom a release reverted on chain.
    pub fn has_suspects(&self) -> bool {
        self.reverted.values().any(Option::is_some)
    }

    /// The holds that come behind those of all others, so that a recipient who makes releases fail uses up only what the others leave of
    /// a key's budget.
    pub fn last(&self, recipients: Vec<(RequestNonce, Address)>) -> BTreeSet<RequestNonce> {
        let suspects: BTreeSet<_> = self.reverted.values().flatten().collect();
        let theirs = recipients.into_iter().filter(|(_, recipient)| suspects.contains(recipient));
        theirs.map(|(nonce, _)| nonce).collect()
    }

    /// Whether it is left to people.
    pub fn is_left(&self, nonce: RequestNonce) -> bool {
        self.reverted.contains_key(&nonce)
    }

    fn failures(&self, nonce: RequestNonce) -> u32 {
        self.attempts.get(&nonce).map_or(0, |attempt| attempt.failures)
    }

    fn rests(&self, nonce: RequestNonce, now: Instant) -> bool {
        self.attempts.get(&nonce).is_some_and(|attempt| now < attempt.rests_until)
    }
}

impl fmt::Display for Readiness {
    /// What happens next, for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready => f.write_str("the lane's leader tries to release it, oldest first"),
            Self::People => f.write_str(
                "a release of it reverted on chain although it had seemed to pass; relays try it no more: `polyspan release` does, or it is refunded",
            ),
            Self::Operators => f.write_str("only a threshold of operators can release it"),
            Self::RequestUnknown => f.write_str(
                "the lane's leader does not have its request; use `polyspan release`, or let a relay lead that has",
            ),
            Self::NoPair => f.write_str("governors may register its token, or it is refunded"),
            Self::NotBefore(block) => write!(f, "relays release it from block {block} on"),
            Self::Escrow { has, needs } => {
                write!(f, "it needs {needs} smallest units, the bridge has {has}; relays release it when it fits")
            }
            Self::Outflow { needs, limit, .. } if *needs > U256::from(limit.capacity) => write!(
                f,
                "it needs {needs} smallest units and the outflow limit is {}; governors may widen it, or it is refunded",
                limit.capacity
            ),
            Self::Outflow { level, needs, limit } => write!(
                f,
                "it needs {needs} smallest units and {level} of the outflow limit of {} are used; relays release it when it fits",
                limit.capacity
            ),
        }
    }
}

#[cfg(test)]
mod tests;
