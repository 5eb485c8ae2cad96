//! What this relay knows of itself. Small, locked for moments only.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use alloy::primitives::B256;
use polyspan_types::{BridgeId, RequestNonce, Term};
use tokio::time::Instant;

use super::layout::{Key, Part, VoteKey};
use crate::{Claim, CoordinationError, KeyPresence, KeyProof, Member, MemberId, Report};

/// This relay, as far as it has said who it is.
#[derive(Debug, Default)]
pub(super) struct Own {
    /// Who this process wants to be; it may still be on its way.
    member: Option<Member>,
    pub(super) lease: Option<OwnLease>,
    /// Whether the presence in etcd is this process's, as far as is known.
    pub(super) present: bool,
    /// Whether claims of an earlier process were put down.
    pub(super) entered: bool,
    /// What this process has signed last of its attester key.
    pub(super) proof: Option<KeyProof>,
    /// The report that etcd has, and since when.
    pub(super) reported: Option<(Report, Instant)>,
    /// The highest term ever seen, so that terms do not go back when etcd is wiped.
    highest: BTreeMap<BridgeId, Term>,
    /// The attestations that this process has published and not taken back.
    wanted: BTreeMap<BridgeId, BTreeSet<VoteKey>>,
    /// The lanes about which it has published a decision and not taken it back.
    decided: BTreeSet<BridgeId>,
}

/// A lease of etcd's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OwnLease {
    pub(super) id: i64,
    /// What etcd granted.
    pub(super) ttl: Duration,
    /// When the renewal was sent that etcd confirmed last: it counts from later, so this is the safe side.
    pub(super) confirmed: Instant,
}

impl Own {
    pub(super) fn become_member(&mut self, member: Member) {
        let same = self.id() == Some(&member.id);
        let wanted = if same { std::mem::take(&mut self.wanted) } else { BTreeMap::new() };
        let decided = if same { std::mem::take(&mut self.decided) } else { BTreeSet::new() };
        let highest = std::mem::take(&mut self.highest);
        *self = Self { member: Some(member), highest, wanted, decided, ..Self::default() };
    }

    pub(super) fn be_nobody(&mut self) {
        let highest = std::mem::take(&mut self.highest);
        *self = Self { highest, ..Self::default() };
    }

    pub(super) fn member(&self) -> Result<&Member, CoordinationError> {
        self.member.as_ref().ok_or(CoordinationError::NotJoined)
    }

    pub(super) fn id(&self) -> Option<&MemberId> {
        self.member.as_ref().map(|member| &member.id)
    }

    /// Whether the others must take this process for alive.
    pub(super) fn is_alive(&self) -> bool {
        self.present && self.lease.is_some_and(|lease| lease.confirmed.elapsed() < lease.ttl)
    }

    /// What this process, whose number is `instance`, shows of its attester key.
    pub(super) fn key_presence(&self, instance: B256) -> Option<KeyPresence> {
        let member = self.member.as_ref()?;
        let presence = KeyPresence::new(member.id.clone(), member.operator?, instance, &member.api);
        Some(KeyPresence { proof: self.proof.clone(), ..presence })
    }

    /// Remembers a term and returns the highest one of this lane.
    pub(super) fn note_term(&mut self, lane: BridgeId, term: Term) -> Term {
        let highest = self.highest.entry(lane).or_default();
        *highest = (*highest).max(term);
        *highest
    }

    pub(super) fn note_published(&mut self, lane: BridgeId, vote: VoteKey) {
        self.wanted.entry(lane).or_default().insert(vote);
    }

    pub(super) fn note_pruned(&mut self, lane: BridgeId, nonce: RequestNonce) {
        self.want_only(lane, |vote| vote.nonce > nonce);
    }

    /// From now on only those are wanted. Returns the others that were.
    pub(super) fn want_only(
        &mut self,
        lane: BridgeId,
        wanted: impl Fn(&VoteKey) -> bool,
    ) -> BTreeSet<VoteKey> {
        let Some(votes) = self.wanted.get_mut(&lane) else { return BTreeSet::new() };
        let (kept, dropped) = std::mem::take(votes).into_iter().partition(wanted);
        *votes = kept;
        dropped
    }

    /// Whether its decision about a lane is to be there.
    pub(super) fn want_decision(&mut self, lane: BridgeId, wanted: bool) {
        match wanted {
            true => drop(self.decided.insert(lane)),
            false => drop(self.decided.remove(&lane)),
        }
    }

    /// Whether a deleted or spoiled key is an own attestation or decision that this relay still wants to be there.
    pub(super) fn misses(&self, key: &Key) -> bool {
        match &key.part {
            Part::Attestation(lane, vote) if self.id() == Some(&key.member) => {
                self.wanted.get(lane).is_some_and(|wanted| wanted.contains(vote))
            }
            Part::Decision(lane) if self.id() == Some(&key.member) => self.decided.contains(lane),
            _ => false,
        }
    }
}

/// The candidate's own claim after it has resigned.
pub(super) const fn resigned(claim: Claim) -> Claim {
    Claim { standing: false, ..claim }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{attestation, lane};

    /// Its publisher may not have seen it come back from etcd yet, and has to delete it all the same.
    #[test]
    fn what_was_published_and_is_not_kept_is_known_without_seeing_it_come_back() {
        let vote = |nonce| VoteKey::of(&attestation(lane(1), nonce, 1, 1));
        let mut own = Own::default();
        (1..=3).for_each(|nonce| own.note_published(lane(1), vote(nonce)));
        assert_eq!(own.want_only(lane(1), |kept| *kept == vote(2)), BTreeSet::from([vote(1), vote(3)]));
        assert_eq!(own.want_only(lane(1), |_| false), BTreeSet::from([vote(2)]));
        assert_eq!(own.want_only(lane(1), |_| false), BTreeSet::new());
    }
}
