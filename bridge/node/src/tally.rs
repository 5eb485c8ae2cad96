//! Counts attestations and votes on chain together. Pure: what is counted depends only on the set of valid ones, never on
//! order, repetition or forgeries.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use alloy::primitives::Signature;
use polyspan_types::{
    Attestation, AttestationError, Checkpoint, CheckpointDomain, MemberSet, OperatorId, RequestNonce,
    Threshold,
};

use polyspan_store::{Conflict, Statement};

use crate::attest::CHECKPOINT_INTERVAL;

/// Most conflicts that are remembered; the oldest go first. A dishonest operator makes as many as it likes.
const EVIDENCE_LIMIT: usize = 256;
/// How far above what this relay has verified votes are counted. Unit: requests. Source: twice the longest tail, so that a vote
/// for the next blocks of requests is there before they are verified.
const LOOKAHEAD: u64 = 4_096;
/// Most checkpoints of one operator that are counted at a time. Unit: nonces. Source: a backlog of 524 288 requests.
const VOTES_PER_OPERATOR: usize = 16_384;
/// Of those, most that are no multiples of [`CHECKPOINT_INTERVAL`]; the lowest go first. Unit: nonces. Source: honest operators
/// sign one for each block with new requests, and complete one another's thresholds at multiples when they are further apart.
const PLAIN_VOTES_PER_OPERATOR: usize = 512;

/// So many handled requests after a multiple was dropped all votes are read again. Unit: requests. Source: half of the multiples that
/// are kept are left then, so that the rest is there before it is needed.
const SURPLUS_STEP: u64 = VOTES_PER_OPERATOR as u64 / 2 * CHECKPOINT_INTERVAL;

/// Votes for the checkpoints of one lane that are not handled yet.
#[derive(Debug)]
pub struct Tally {
    operators: MemberSet,
    domain: CheckpointDomain,
    /// The first `floor` requests are handled: votes for them are history.
    floor: RequestNonce,
    /// What this relay has verified. Votes far above it are not kept.
    verified: RequestNonce,
    /// What was verified when a vote was left out because it was too far above.
    left_out_at: Option<RequestNonce>,
    /// The floor when a multiple was dropped because an operator had too many.
    dropped_at: Option<RequestNonce>,
    nonces: BTreeMap<RequestNonce, Ballot>,
    /// What each operator voted for, so that one alone cannot fill the memory.
    ballots: BTreeMap<OperatorId, OwnVotes>,
    evidence: VecDeque<Conflict>,
    /// Conflicts that nobody has taken to keep them yet.
    fresh: Vec<Conflict>,
}

/// The checkpoints that were signed for one nonce: one, unless somebody is wrong.
type Ballot = BTreeMap<Choice, BTreeMap<OperatorId, Voice>>;

/// For how many roots of each nonce an operator has voted.
#[derive(Debug, Default)]
struct OwnVotes {
    /// Nonces that are multiples of [`CHECKPOINT_INTERVAL`].
    milestones: BTreeMap<RequestNonce, usize>,
    /// All others.
    plain: BTreeMap<RequestNonce, usize>,
}

/// In which ways an operator said it: at least one.
#[derive(Debug, Clone, Copy, Default)]
struct Voice {
    /// Its attestation is known, so that a submission can carry it.
    signature: Option<Signature>,
    /// The destination has recorded its vote, so that no submission needs to.
    on_chain: bool,
}

/// What can differ between checkpoints of one nonce and epoch.
type Choice = (polyspan_types::BridgeId, polyspan_types::Root);

/// What became of a valid attestation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It counts.
    Counted,
    /// It was there already.
    Duplicate,
    /// It counts, and contradicts another one of the same nonce.
    Conflict,
    /// What it covers is handled.
    Handled,
    /// The operator signed two other roots for this nonce already; both are kept as evidence, more prove nothing.
    Surplus,
    /// It is further above what this relay has verified than votes are kept.
    TooFar,
}

/// A checkpoint for which operators have voted on chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VotedCheckpoint {
    /// What they voted for.
    pub checkpoint: Checkpoint,
    /// Who has.
    pub voters: Vec<OperatorId>,
}

impl Tally {
    /// Counts nothing yet, for these operators of the destination. Until [`Tally::expect`] every nonce counts.
    pub fn new(operators: MemberSet, domain: CheckpointDomain) -> Self {
        Self {
            operators,
            domain,
            floor: RequestNonce::ZERO,
            verified: RequestNonce::new(u64::MAX),
            left_out_at: None,
            dropped_at: None,
            nonces: BTreeMap::new(),
            ballots: BTreeMap::new(),
            evidence: VecDeque::new(),
            fresh: Vec::new(),
        }
    }

    /// Counts all of these; what does not verify is left out.
    pub fn over(
        attestations: impl IntoIterator<Item = Attestation>,
        operators: &MemberSet,
        domain: &CheckpointDomain,
    ) -> Self {
        let mut tally = Self::new(operators.clone(), domain.clone());
        for attestation in attestations {
            // A forged one changes nothing, so there is nothing to do about it.
            let _ = tally.add(attestation);
        }
        tally
    }

    /// Verifies an attestation and counts it.
    ///
    /// Errors: it is not of a current operator under the current epoch; the tally is as before.
    pub fn add(&mut self, attestation: Attestation) -> Result<Added, AttestationError> {
        let Attestation { checkpoint, operator, signature } = attestation;
        if self.is_too_far(checkpoint.nonce) {
            return Ok(Added::TooFar);
        }
        let known = self.voice(&checkpoint, operator).and_then(|voice| voice.signature);
        if known == Some(signature) {
            return Ok(Added::Duplicate);
        }
        attestation.verify(&self.domain, &self.operators)?;
        Ok(self.add_verified(&attestation))
    }

    /// Counts an attestation that [`Attestation::verify`] has let pass for this domain and these operators.
    pub fn add_verified(&mut self, attestation: &Attestation) -> Added {
        self.count(attestation.checkpoint, attestation.operator, Some(attestation.signature))
    }

    /// Counts a vote that the destination has recorded for exactly this checkpoint; the contract has verified its signature.
    ///
    /// Errors: it is not of a current operator under the current epoch; the tally is as before.
    pub fn add_vote(
        &mut self,
        checkpoint: Checkpoint,
        operator: OperatorId,
    ) -> Result<Added, AttestationError> {
        let (signed, current) = (checkpoint.epoch, self.operators.epoch);
        if signed != current {
            return Err(AttestationError::Epoch { signed: signed.get(), current: current.get() });
        }
        if !self.operators.contains(operator) {
            return Err(AttestationError::NotOperator(operator));
        }
        Ok(self.count(checkpoint, operator, None))
    }

    /// Counts what is proven: an attestation with its signature, or a vote on chain without one.
    fn count(&mut self, checkpoint: Checkpoint, operator: OperatorId, signature: Option<Signature>) -> Added {
        let Checkpoint { nonce, bridge_id, root, .. } = checkpoint;
        let choice = (bridge_id, root);
        if nonce <= self.floor {
            return Added::Handled;
        }
        if self.is_too_far(nonce) {
            return Added::TooFar;
        }
        let counted =
            self.nonces.get_mut(&nonce).and_then(|ballot| ballot.get_mut(&choice)?.get_mut(&operator));
        if let Some(voice) = counted {
            voice.hear(signature);
            return Added::Duplicate;
        }
        let own = self.ballots.entry(operator).or_default();
        let roots = own.of(nonce).entry(nonce).or_default();
        if *roots >= 2 {
            return Added::Surplus;
        }
        *roots += 1;
        let other = self.contradicted(nonce, choice);
        let mut voice = Voice::default();
        voice.hear(signature);
        self.nonces.entry(nonce).or_default().entry(choice).or_default().insert(operator, voice);
        self.forget_surplus(operator);
        match other {
            Some(first) => {
                self.remember(Conflict { first, second: Statement { checkpoint, operator, signature } });
                Added::Conflict
            }
            None => Added::Counted,
        }
    }

    /// This relay has verified so many requests: votes far above are left out from now on.
    ///
    /// True when votes that were left out or dropped before may be needed soon, so that everybody's have to be read again. That is
    /// once in half a `LOOKAHEAD` of verified requests and once in a `SURPLUS_STEP` of handled ones at the most, whatever others publish.
    pub fn expect(&mut self, verified: RequestNonce) -> bool {
        self.verified = verified;
        let near = self.left_out_at.is_some_and(|then| verified.since(then) >= LOOKAHEAD / 2);
        let has_room = self.dropped_at.is_some_and(|then| self.floor.since(then) >= SURPLUS_STEP);
        let again = near || has_room;
        if again {
            // What does not fit this time either is noted anew.
            (self.left_out_at, self.dropped_at) = (None, None);
        }
        again
    }

    /// The operators whose votes count.
    pub const fn operators(&self) -> &MemberSet {
        &self.operators
    }

    /// Takes over another set of operators. Every vote of another epoch is dead.
    pub fn set_operators(&mut self, operators: MemberSet) {
        if operators != self.operators {
            self.nonces.clear();
            self.ballots.clear();
            self.operators = operators;
        }
    }

    /// Forgets what covers handled requests only: nonces up to and with `handled`. Evidence stays.
    pub fn prune(&mut self, handled: RequestNonce) {
        self.floor = self.floor.max(handled);
        self.nonces = self.nonces.split_off(&self.floor.next());
        for own in self.ballots.values_mut() {
            own.milestones = own.milestones.split_off(&self.floor.next());
            own.plain = own.plain.split_off(&self.floor.next());
        }
    }

    /// The highest nonce with at least one vote.
    pub fn attested(&self) -> Option<RequestNonce> {
        self.nonces.last_key_value().map(|(nonce, _)| *nonce)
    }

    /// Votes for the checkpoint of this nonce that has the most.
    pub fn votes(&self, nonce: RequestNonce) -> usize {
        self.nonces.get(&nonce).map_or(0, most_votes)
    }

    /// Who voted for exactly this checkpoint.
    pub fn voters(&self, checkpoint: &Checkpoint) -> Vec<OperatorId> {
        let choice = (checkpoint.bridge_id, checkpoint.root);
        let ballot = self.nonces.get(&checkpoint.nonce).filter(|_| checkpoint.epoch == self.operators.epoch);
        ballot
            .and_then(|ballot| ballot.get(&choice))
            .map(|votes| votes.keys().copied().collect())
            .unwrap_or_default()
    }

    /// Every checkpoint with a vote, by rising nonce.
    pub fn checkpoints(&self) -> impl DoubleEndedIterator<Item = (Checkpoint, usize)> {
        self.nonces.iter().flat_map(|(nonce, ballot)| {
            ballot.iter().map(|(choice, votes)| (self.checkpoint(*nonce, *choice), votes.len()))
        })
    }

    /// Every checkpoint with an attestation, by rising nonce, with how many there are; votes on chain do not count.
    pub fn attestations(&self) -> impl Iterator<Item = (Checkpoint, usize)> {
        self.nonces.iter().flat_map(|(nonce, ballot)| {
            ballot.iter().map(|(choice, votes)| {
                let signed = votes.values().filter(|voice| voice.signature.is_some()).count();
                (self.checkpoint(*nonce, *choice), signed)
            })
        })
    }

    /// Every checkpoint with votes on chain, by rising nonce.
    pub fn voted_on_chain(&self) -> impl Iterator<Item = VotedCheckpoint> {
        let all = self.nonces.iter().flat_map(|(nonce, ballot)| {
            ballot.iter().map(|(choice, votes)| VotedCheckpoint {
                checkpoint: self.checkpoint(*nonce, *choice),
                voters: votes
                    .iter()
                    .filter(|(_, voice)| voice.on_chain)
                    .map(|(operator, _)| *operator)
                    .collect(),
            })
        });
        all.filter(|voted| !voted.voters.is_empty())
    }

    /// Every approved checkpoint by rising nonce, each with the signatures that a submission has to carry: exactly a threshold
    /// of them, or as many as complete the votes that the destination has recorded.
    pub fn approved(&self) -> impl DoubleEndedIterator<Item = (Checkpoint, Vec<Signature>)> {
        let threshold = self.operators.threshold;
        self.nonces.iter().flat_map(move |(nonce, ballot)| {
            let enough = ballot.iter().filter(move |(_, votes)| threshold.is_reached_by(votes.len()));
            enough.map(move |(choice, votes)| {
                (self.checkpoint(*nonce, *choice), needed_signatures(votes, threshold))
            })
        })
    }

    /// The approved checkpoint with the highest nonce.
    pub fn highest_approved(&self) -> Option<(Checkpoint, Vec<Signature>)> {
        self.approved().next_back()
    }

    /// The approved checkpoint with the lowest nonce from this one on: the first that covers `nonce` requests.
    pub fn lowest_approved_at_or_above(&self, nonce: RequestNonce) -> Option<(Checkpoint, Vec<Signature>)> {
        self.approved().find(|(checkpoint, _)| checkpoint.nonce >= nonce)
    }

    /// Contradictions seen, oldest first. They outlive the votes themselves.
    pub fn conflicts(&self) -> impl Iterator<Item = &Conflict> {
        self.evidence.iter()
    }

    /// Contradictions that came since they were last [`Tally::kept`], at most as many as are remembered.
    pub fn fresh_conflicts(&self) -> &[Conflict] {
        &self.fresh
    }

    /// The fresh ones are durable.
    pub fn kept(&mut self) {
        self.fresh.clear();
    }

    const fn checkpoint(&self, nonce: RequestNonce, (bridge_id, root): Choice) -> Checkpoint {
        Checkpoint { bridge_id, epoch: self.operators.epoch, nonce, root }
    }

    fn voice(&self, checkpoint: &Checkpoint, operator: OperatorId) -> Option<&Voice> {
        self.nonces.get(&checkpoint.nonce)?.get(&(checkpoint.bridge_id, checkpoint.root))?.get(&operator)
    }

    /// A statement about this nonce for something else, if the choice itself is new.
    fn contradicted(&self, nonce: RequestNonce, choice: Choice) -> Option<Statement> {
        let ballot = self.nonces.get(&nonce)?;
        if ballot.contains_key(&choice) {
            return None;
        }
        let (other, votes) = ballot.first_key_value()?;
        let (operator, voice) = votes.first_key_value()?;
        let checkpoint = self.checkpoint(nonce, *other);
        Some(Statement { checkpoint, operator: *operator, signature: voice.signature })
    }

    fn remember(&mut self, conflict: Conflict) {
        if self.fresh.len() < EVIDENCE_LIMIT {
            self.fresh.push(conflict.clone());
        }
        if self.evidence.len() == EVIDENCE_LIMIT {
            self.evidence.pop_front();
        }
        self.evidence.push_back(conflict);
    }

    /// Whether a vote is left out for its nonce. It is remembered that one was.
    fn is_too_far(&mut self, nonce: RequestNonce) -> bool {
        let too_far = nonce > self.verified.plus(LOOKAHEAD);
        if too_far {
            // The lower one: after a step back this vote is near before those that were left out higher up.
            let before = self.left_out_at.unwrap_or(self.verified);
            self.left_out_at = Some(before.min(self.verified));
        }
        too_far
    }

    /// Drops the operator's votes for one nonce when it has too many.
    fn forget_surplus(&mut self, operator: OperatorId) {
        let Some(nonce) = self.ballots.get_mut(&operator).and_then(OwnVotes::forget_surplus) else { return };
        if is_multiple(nonce) {
            // Nobody publishes it anew, and the lane needs it once those below are handled.
            self.dropped_at.get_or_insert(self.floor);
        }
        let Some(ballot) = self.nonces.get_mut(&nonce) else { return };
        ballot.retain(|_, votes| {
            votes.remove(&operator);
            !votes.is_empty()
        });
        if ballot.is_empty() {
            self.nonces.remove(&nonce);
        }
    }
}

impl OwnVotes {
    const fn of(&mut self, nonce: RequestNonce) -> &mut BTreeMap<RequestNonce, usize> {
        if is_multiple(nonce) { &mut self.milestones } else { &mut self.plain }
    }

    /// The nonce that has to go, if there are too many. The next piece of a lane may need any multiple, and the lowest first.
    fn forget_surplus(&mut self) -> Option<RequestNonce> {
        let many = self.plain.len() + self.milestones.len() > VOTES_PER_OPERATOR;
        if self.plain.len() > PLAIN_VOTES_PER_OPERATOR || many && !self.plain.is_empty() {
            return self.plain.pop_first().map(|(nonce, _)| nonce);
        }
        if many { self.milestones.pop_last().map(|(nonce, _)| nonce) } else { None }
    }
}

/// Whether operators sign this nonce whatever their heights are.
const fn is_multiple(nonce: RequestNonce) -> bool {
    nonce.get().is_multiple_of(CHECKPOINT_INTERVAL)
}

impl Voice {
    fn hear(&mut self, signature: Option<Signature>) {
        match signature {
            Some(signature) => {
                self.signature.get_or_insert(signature);
            }
            None => self.on_chain = true,
        }
    }
}

/// Signatures alone when there are enough: the contract looks for votes only when they do not suffice, and a look costs gas.
/// Otherwise only those of operators without a vote on chain.
fn needed_signatures(votes: &BTreeMap<OperatorId, Voice>, threshold: Threshold) -> Vec<Signature> {
    let threshold = usize::from(threshold.get());
    let all: Vec<Signature> = votes.values().filter_map(|voice| voice.signature).take(threshold).collect();
    if all.len() == threshold {
        return all;
    }
    let recorded = votes.values().filter(|voice| voice.on_chain).count();
    let others = votes.values().filter(|voice| !voice.on_chain).filter_map(|voice| voice.signature);
    others.take(threshold.saturating_sub(recorded)).collect()
}

fn most_votes(ballot: &Ballot) -> usize {
    ballot.values().map(BTreeMap::len).max().unwrap_or(0)
}
