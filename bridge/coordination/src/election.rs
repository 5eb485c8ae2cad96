//! Who leads a lane: a pure function of everybody's claims.
//!
//! Each candidate keeps one claim per lane. The leader is the live candidate with the highest standing term; among equal
//! terms the smallest id. Whoever sees no live leader claims the highest term ever seen plus one, and so does who leads only while
//! another one that would lead before it is away. So a leader that comes back from a freeze sees a higher term and follows, and
//! a new candidate never disturbs a live leader. Only who has just brought on a lane that stood still takes it from a live one
//! ([`challenge`]). Claims that cannot be true are left out before ([`believed`]).

use polyspan_types::Term;
use serde::{Deserialize, Serialize};

use crate::MemberId;

/// What one candidate says about one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The term; it stays after a resignation, so that terms never go back.
    pub term: Term,
    /// False once the candidate has resigned.
    pub standing: bool,
}

/// A candidate as the deciding relay sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Who.
    pub id: MemberId,
    /// Whether it showed a sign of life within the lease. The deciding relay is always alive to itself.
    pub alive: bool,
    /// Its claim on the lane.
    pub claim: Claim,
}

/// What the deciding relay does now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Its own claim leads.
    Lead(Term),
    /// Another one leads.
    Follow(MemberId, Term),
    /// Nobody leads: write a claim of this term, and decide again.
    Claim(Term),
}

/// How far a term may be above the highest that a relay has seen. Unit: terms. A lane that changes its leader every five seconds
/// needs two months for so many, and who climbs by such leaps needs millions of years to the last term.
pub const LEAP: u64 = 1 << 20;

/// Those of `candidates` whose terms can be true for a relay that has seen no higher term than `seen`.
///
/// Terms rise by one with each change of the leader, so whoever claims one far above all others lies: it would lead for ever,
/// since nobody's claim could be higher. A relay that was away for so long that this looks like a lie to it believes more than half
/// of the others, of two or more. Its own claim is its own.
pub fn believed(seen: Term, own: Option<&MemberId>, mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    let is_own = |candidate: &Candidate| Some(&candidate.id) == own;
    let mut others: Vec<Term> = candidates
        .iter()
        .filter(|candidate| !is_own(candidate))
        .map(|candidate| candidate.claim.term)
        .collect();
    others.sort_unstable();
    let limit = seen.plus(LEAP);
    let above = others.iter().filter(|term| **term > limit).count();
    let limit = match others.get(others.len().saturating_sub(1) / 2) {
        Some(middle) if above >= 2 && 2 * above > others.len() => middle.plus(LEAP),
        _ => limit,
    };
    candidates.retain(|candidate| is_own(candidate) || candidate.claim.term <= limit);
    candidates
}

/// The leader among `candidates`, in any order.
pub fn leader(candidates: &[Candidate]) -> Option<(&MemberId, Term)> {
    foremost(candidates.iter().filter(|candidate| candidate.alive))
}

/// Whoever leads among `candidates` once all of them are alive.
fn foremost<'a>(candidates: impl Iterator<Item = &'a Candidate>) -> Option<(&'a MemberId, Term)> {
    candidates
        .filter(|candidate| candidate.claim.standing)
        .max_by(|a, b| a.claim.term.cmp(&b.claim.term).then_with(|| b.id.cmp(&a.id)))
        .map(|candidate| (&candidate.id, candidate.claim.term))
}

/// What `own` does, given everybody's claims, its own included if it has one.
pub fn decide(own: &MemberId, candidates: &[Candidate]) -> Decision {
    let found = leader(candidates);
    let next = highest_term(candidates).next();
    match found {
        Some((id, term)) if id != own => Decision::Follow(id.clone(), term),
        // Of two that claimed one term at once the other one may be away; it must not take the lane back when it returns. There is no
        // term above the last one.
        Some((_, term)) if found == foremost(candidates.iter()) || term == next => Decision::Lead(term),
        _ => Decision::Claim(next),
    }
}

/// The term with which `own` takes the lane from whoever leads it; `None` when it leads already.
pub fn challenge(own: &MemberId, candidates: &[Candidate]) -> Option<Term> {
    match leader(candidates) {
        Some((id, _)) if id == own => None,
        _ => Some(highest_term(candidates).next()),
    }
}

/// The highest term that anybody, dead or alive, ever claimed.
pub(crate) fn highest_term(candidates: &[Candidate]) -> Term {
    candidates.iter().map(|candidate| candidate.claim.term).max().unwrap_or(Term::ZERO)
}

#[cfg(test)]
mod tests;
