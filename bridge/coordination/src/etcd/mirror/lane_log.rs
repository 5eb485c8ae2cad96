//! The attestations of one lane, each with the number under which followers get it.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use polyspan_types::{Attestation, RequestNonce};

use crate::MemberId;
use crate::etcd::layout::VoteKey;

#[derive(Debug, Default)]
pub(super) struct LaneLog {
    numbers: BTreeMap<(MemberId, VoteKey), u64>,
    by_number: BTreeMap<u64, Arc<Attestation>>,
}

impl LaneLog {
    pub(super) fn insert(
        &mut self,
        member: MemberId,
        vote: VoteKey,
        number: u64,
        attestation: Arc<Attestation>,
    ) {
        self.numbers.insert((member, vote), number);
        self.by_number.insert(number, attestation);
    }

    pub(super) fn get(&self, member: &MemberId, vote: VoteKey) -> Option<&Attestation> {
        let number = self.numbers.get(&(member.clone(), vote))?;
        self.by_number.get(number).map(AsRef::as_ref)
    }

    /// The number of an attestation that is exactly as it was.
    pub(super) fn number_of(
        &self,
        member: &MemberId,
        vote: VoteKey,
        attestation: &Attestation,
    ) -> Option<u64> {
        let number = *self.numbers.get(&(member.clone(), vote))?;
        self.by_number.get(&number).filter(|known| ***known == *attestation).map(|_| number)
    }

    /// Whether it was there.
    pub(super) fn remove(&mut self, member: &MemberId, vote: VoteKey) -> bool {
        let number = self.numbers.remove(&(member.clone(), vote));
        number.is_some_and(|number| self.by_number.remove(&number).is_some())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_number.is_empty()
    }

    /// Gives every attestation the number that `number` says.
    pub(super) fn renumber(&mut self, mut number: impl FnMut(&MemberId, VoteKey, &Attestation) -> u64) {
        let mut old = std::mem::take(&mut self.by_number);
        for ((member, vote), known) in &mut self.numbers {
            if let Some(attestation) = old.remove(known) {
                *known = number(member, *vote, &attestation);
                self.by_number.insert(*known, attestation);
            }
        }
    }

    pub(super) fn after(&self, after: u64, limit: usize) -> Vec<(u64, Arc<Attestation>)> {
        let news = self.by_number.range((Bound::Excluded(after), Bound::Unbounded));
        news.take(limit).map(|(number, attestation)| (*number, Arc::clone(attestation))).collect()
    }

    /// Whatever a member has here.
    pub(super) fn votes_of(&self, member: &MemberId) -> impl Iterator<Item = VoteKey> {
        self.numbers.keys().filter(move |(id, _)| id == member).map(|(_, vote)| *vote)
    }

    /// The one of a member with the highest nonce.
    pub(super) fn highest_of(&self, member: &MemberId) -> Option<VoteKey> {
        let first = (member.clone(), VoteKey::MIN);
        let of_member = self.numbers.range(first..=(member.clone(), VoteKey::MAX));
        of_member.map(|((_, vote), _)| *vote).next_back()
    }

    pub(super) fn above(&self, above: RequestNonce) -> Vec<Attestation> {
        let found = self.numbers.iter().filter(|((_, vote), _)| vote.nonce > above);
        found.filter_map(|(_, number)| self.by_number.get(number)).map(|one| one.as_ref().clone()).collect()
    }
}
