//! What etcd holds, as far as this relay believes it: bounded, and without any I/O.
//!
//! Everything here was written by others and may be nonsense. What cannot be read is skipped and counted against the member
//! under whose prefix it lies; a member that writes too much is cut off at its own bounds and takes nothing from the others.

mod lane_log;
mod limits;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy::primitives::B256;
use polyspan_types::{Attestation, BridgeId, RequestNonce, SignedDecision};

use super::layout::{Key, Layout, Part, VoteKey};
use super::values::{MemberValue, Presence, Value};
use crate::election::Candidate;
use crate::{Claim, KeyPresence, MemberId, MemberView, SeenKey};
use lane_log::LaneLog;
pub(super) use limits::Limits;

/// One key with its value, or without one when it was deleted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) key: &'a [u8],
    pub(super) value: Option<&'a [u8]>,
    pub(super) lease: i64,
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    Yes,
    /// It means nothing.
    Skipped,
    /// No more of this kind is taken.
    Full(Scope),
}

/// What is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Lane(BridgeId),
    Attestations,
    Keys,
    Claims,
    Decisions,
    /// There is no room for what this member says of itself; the rest of it is taken.
    Report,
    Member,
    Members,
}

/// What a live process shows of its attester key.
#[derive(Debug)]
struct ShownKey {
    seen: SeenKey,
    lease: i64,
}

/// The state of a meeting place.
#[derive(Debug)]
pub(super) struct Mirror {
    layout: Layout,
    limits: Limits,
    members: BTreeMap<MemberId, Share>,
    lanes: BTreeMap<BridgeId, LaneLog>,
    attestations: usize,
    /// Claims of all members, and their decisions.
    claims: usize,
    decisions: usize,
    /// What all members say of themselves. Unit: bytes.
    reports: usize,
    /// Number of the last attestation taken.
    sequence: u64,
    /// Everything up to this revision of etcd is in.
    pub(super) revision: i64,
    /// Something was left out because a bound was reached.
    pub(super) truncated: bool,
}

/// What one member wrote.
#[derive(Debug, Default)]
struct Share {
    about: Option<MemberValue>,
    /// Length of `about` in etcd. Unit: bytes.
    about_size: usize,
    live: bool,
    keys: BTreeMap<B256, ShownKey>,
    claims: BTreeMap<BridgeId, Claim>,
    decisions: BTreeMap<BridgeId, SignedDecision>,
    /// Number of attestations, of each lane.
    attestations: BTreeMap<BridgeId, usize>,
    skipped: usize,
}

impl Share {
    fn attestation_count(&self) -> usize {
        self.attestations.values().sum()
    }
}

impl Mirror {
    pub(super) fn new(layout: Layout, limits: Limits) -> Self {
        Self {
            layout,
            limits,
            members: BTreeMap::new(),
            lanes: BTreeMap::new(),
            attestations: 0,
            claims: 0,
            decisions: 0,
            reports: 0,
            sequence: 0,
            revision: 0,
            truncated: false,
        }
    }

    /// An empty one of the same place.
    pub(super) fn fresh(&self) -> Self {
        Self::new(self.layout.clone(), self.limits)
    }

    /// Takes an entry in. The member it belongs to is told, if there is one.
    pub(super) fn take(&mut self, entry: Entry<'_>) -> (Option<Key>, Taken) {
        let Some(key) = self.layout.parse(entry.key) else { return (None, Taken::Skipped) };
        let taken = match entry.value {
            Some(value) => self.put(&key, value, entry),
            None => {
                self.delete(&key);
                Taken::Yes
            }
        };
        self.truncated |= matches!(taken, Taken::Full(_));
        (Some(key), taken)
    }

    /// Counts a key that was not even fetched.
    pub(super) fn skip(&mut self, key: &[u8]) {
        if let Some(key) = self.layout.parse(key)
            && (self.members.contains_key(&key.member) || self.members.len() < self.limits.members)
        {
            self.members.entry(key.member).or_default().skipped += 1;
        }
    }

    fn put(&mut self, key: &Key, value: &[u8], entry: Entry<'_>) -> Taken {
        if !self.members.contains_key(&key.member) && self.members.len() >= self.limits.members {
            return Taken::Full(Scope::Members);
        }
        let share = self.members.entry(key.member.clone()).or_default();
        let taken = match &key.part {
            Part::Presence => {
                // Without a lease it would never end.
                share.live = entry.lease != 0 && Presence::parse(value).is_some();
                if share.live { Taken::Yes } else { Taken::Skipped }
            }
            Part::Key(instance) => {
                let room = share.keys.len() < self.limits.keys;
                // Before its signature is looked at, which costs more than all the rest.
                if !room && !share.keys.contains_key(instance) {
                    return Taken::Full(Scope::Keys);
                }
                let parsed = KeyPresence::parse(value)
                    .filter(|parsed| parsed.member == key.member && parsed.instance == *instance)
                    .filter(|_| entry.lease != 0)
                    .map(|parsed| ShownKey { seen: SeenKey::of(parsed), lease: entry.lease });
                replace(&mut share.keys, *instance, parsed, room, Scope::Keys)
            }
            Part::Member => {
                self.reports -= std::mem::take(&mut share.about_size);
                share.about = MemberValue::parse(value).filter(|about| about.member.id == key.member);
                if share.about.is_none() {
                    Taken::Skipped
                } else if self.reports + value.len() > self.limits.reports {
                    share.about = None;
                    Taken::Full(Scope::Report)
                } else {
                    share.about_size = value.len();
                    self.reports += value.len();
                    Taken::Yes
                }
            }
            Part::Claim(lane) => {
                let room = share.claims.len() < self.limits.claims && self.claims < self.limits.all_claims;
                let before = share.claims.len();
                let taken = replace(&mut share.claims, *lane, Claim::parse(value), room, Scope::Claims);
                self.claims = self.claims + share.claims.len() - before;
                taken
            }
            Part::Decision(lane) => {
                let parsed = SignedDecision::parse(value).filter(|parsed| parsed.decision.bridge_id == *lane);
                let room =
                    share.decisions.len() < self.limits.claims && self.decisions < self.limits.all_claims;
                let before = share.decisions.len();
                let taken = replace(&mut share.decisions, *lane, parsed, room, Scope::Decisions);
                self.decisions = self.decisions + share.decisions.len() - before;
                taken
            }
            Part::Attestation(lane, vote) => self.put_attestation(&key.member, *lane, *vote, value),
            Part::Foreign => Taken::Skipped,
        };
        if taken == Taken::Skipped
            && let Some(share) = self.members.get_mut(&key.member)
        {
            share.skipped += 1;
            if share.skipped > self.limits.skipped {
                return Taken::Full(Scope::Member);
            }
        }
        taken
    }

    fn put_attestation(&mut self, member: &MemberId, lane: BridgeId, vote: VoteKey, value: &[u8]) -> Taken {
        let parsed = Attestation::parse(value).filter(|attestation| {
            VoteKey::of(attestation) == vote && attestation.checkpoint.bridge_id == lane
        });
        let Some(attestation) = parsed else {
            self.remove_attestation(member, lane, vote);
            return Taken::Skipped;
        };
        let known = self.lanes.get(&lane).and_then(|log| log.get(member, vote));
        if known.is_some_and(|known| *known == attestation) {
            return Taken::Yes;
        }
        self.remove_attestation(member, lane, vote);
        let Some(share) = self.members.get_mut(member) else { return Taken::Skipped };
        if share.attestations.get(&lane).is_some_and(|count| *count >= self.limits.of_lane) {
            return Taken::Full(Scope::Lane(lane));
        }
        let full = share.attestation_count() >= self.limits.of_member
            || self.attestations >= self.limits.attestations;
        if full && let Err(scope) = self.make_room(member, lane) {
            return Taken::Full(scope);
        }
        let Some(share) = self.members.get_mut(member) else { return Taken::Skipped };
        *share.attestations.entry(lane).or_default() += 1;
        self.attestations += 1;
        self.sequence += 1;
        let log = self.lanes.entry(lane).or_default();
        log.insert(member.clone(), vote, self.sequence, Arc::new(attestation));
        Taken::Yes
    }

    /// Drops an attestation of the member's lane with the most for one of `lane`, which has less than its share: the backlog of one
    /// lane is not to delay another. The highest goes, which is needed last.
    ///
    /// Errors: what is full.
    fn make_room(&mut self, member: &MemberId, lane: BridgeId) -> Result<(), Scope> {
        let Some(share) = self.members.get(member) else { return Err(Scope::Attestations) };
        let own = share.attestations.get(&lane).copied().unwrap_or_default();
        let largest = share.attestations.iter().max_by_key(|(_, count)| **count);
        let Some((largest, _)) = largest.filter(|(_, count)| **count > self.limits.of_share) else {
            return Err(Scope::Attestations);
        };
        if own >= self.limits.of_share {
            return Err(Scope::Lane(lane));
        }
        let largest = *largest;
        let highest = self.lanes.get(&largest).and_then(|log| log.highest_of(member));
        let Some(highest) = highest else { return Err(Scope::Attestations) };
        self.remove_attestation(member, largest, highest);
        self.truncated = true;
        Ok(())
    }

    fn remove_attestation(&mut self, member: &MemberId, lane: BridgeId, vote: VoteKey) {
        let Some(log) = self.lanes.get_mut(&lane) else { return };
        if !log.remove(member, vote) {
            return;
        }
        if log.is_empty() {
            self.lanes.remove(&lane);
        }
        self.attestations -= 1;
        if let Some(share) = self.members.get_mut(member)
            && let Some(count) = share.attestations.get_mut(&lane)
        {
            *count -= 1;
            if *count == 0 {
                share.attestations.remove(&lane);
            }
        }
    }

    fn delete(&mut self, key: &Key) {
        if let Part::Attestation(lane, vote) = &key.part {
            self.remove_attestation(&key.member, *lane, *vote);
        }
        let Some(share) = self.members.get_mut(&key.member) else { return };
        match &key.part {
            Part::Presence => share.live = false,
            Part::Key(instance) => drop(share.keys.remove(instance)),
            Part::Member => {
                share.about = None;
                self.reports -= std::mem::take(&mut share.about_size);
            }
            Part::Claim(lane) => self.claims -= usize::from(share.claims.remove(lane).is_some()),
            Part::Decision(lane) => self.decisions -= usize::from(share.decisions.remove(lane).is_some()),
            Part::Attestation(..) | Part::Foreign => {}
        }
        let empty = share.about.is_none() && !share.live && share.claims.is_empty();
        let empty = empty && share.keys.is_empty() && share.decisions.is_empty();
        if empty && share.attestations.is_empty() {
            self.members.remove(&key.member);
        }
    }

    /// Becomes what a complete reading found. Attestations that were known keep their numbers, so that followers do not get
    /// them again.
    pub(super) fn adopt(&mut self, mut found: Self) {
        for (lane, log) in &mut found.lanes {
            let known = self.lanes.get(lane);
            log.renumber(|member, vote, attestation| {
                known.and_then(|known| known.number_of(member, vote, attestation)).unwrap_or_else(|| {
                    self.sequence += 1;
                    self.sequence
                })
            });
        }
        found.sequence = self.sequence;
        *self = found;
    }

    /// Attestations of a lane after number `after`, with their numbers, at most `limit`.
    pub(super) fn news(&self, lane: BridgeId, after: u64, limit: usize) -> Vec<(u64, Arc<Attestation>)> {
        self.lanes.get(&lane).map_or_else(Vec::new, |log| log.after(after, limit))
    }

    /// Attestations of a lane above a nonce, by nonce.
    pub(super) fn above(&self, lane: BridgeId, above: RequestNonce) -> Vec<Attestation> {
        let mut found: Vec<_> = self.lanes.get(&lane).map_or_else(Vec::new, |log| log.above(above));
        found.sort_by_key(|attestation| attestation.checkpoint.nonce);
        found
    }

    /// The attestations that a member has on a lane.
    pub(super) fn votes_of(&self, member: &MemberId, lane: BridgeId) -> Vec<VoteKey> {
        self.lanes.get(&lane).map_or_else(Vec::new, |log| log.votes_of(member).collect())
    }

    /// Whether exactly this is there.
    pub(super) fn holds(&self, member: &MemberId, attestation: &Attestation) -> bool {
        let log = self.lanes.get(&attestation.checkpoint.bridge_id);
        log.and_then(|log| log.get(member, VoteKey::of(attestation))) == Some(attestation)
    }

    /// Everybody, as seen by one for whom `is_alive` decides about `own`.
    pub(super) fn members(&self, own: Option<(&MemberId, bool)>) -> Vec<MemberView> {
        let views = self.members.iter().filter_map(|(id, share)| {
            let about = share.about.clone()?;
            let alive = match own {
                Some((own, alive)) if own == id => alive,
                _ => share.live,
            };
            let MemberValue { member, report, last_seen_ms } = about;
            Some(MemberView { member, report, alive, last_seen_ms })
        });
        views.collect()
    }

    /// Everybody's claims on a lane.
    pub(super) fn candidates(&self, lane: BridgeId, own: Option<(&MemberId, bool)>) -> Vec<Candidate> {
        let candidates = self.members.iter().filter_map(|(id, share)| {
            let claim = *share.claims.get(&lane)?;
            let alive = match own {
                Some((own, alive)) if own == id => alive,
                _ => share.live,
            };
            Some(Candidate { id: id.clone(), alive, claim })
        });
        candidates.collect()
    }

    pub(super) fn claims_of(&self, member: &MemberId) -> BTreeMap<BridgeId, Claim> {
        self.members.get(member).map(|share| share.claims.clone()).unwrap_or_default()
    }

    /// Everybody's decisions about a lane.
    pub(super) fn decisions(&self, lane: BridgeId) -> Vec<SignedDecision> {
        self.members.values().filter_map(|share| share.decisions.get(&lane)).copied().collect()
    }

    pub(super) fn decision_of(&self, member: &MemberId, lane: BridgeId) -> Option<&SignedDecision> {
        self.members.get(member)?.decisions.get(&lane)
    }

    /// What live processes show of their attester keys.
    pub(super) fn keys(&self) -> impl Iterator<Item = &SeenKey> {
        self.members.values().flat_map(|share| share.keys.values()).map(|shown| &shown.seen)
    }

    /// Whether exactly this is shown, under this lease.
    pub(super) fn shows_key(&self, presence: &KeyPresence, lease: i64) -> bool {
        let shown = self.members.get(&presence.member).and_then(|share| share.keys.get(&presence.instance));
        shown.is_some_and(|shown| shown.lease == lease && shown.seen.presence() == presence)
    }

    /// Members under whose prefix lies something that cannot be read.
    pub(super) fn unreadable(&self) -> BTreeSet<MemberId> {
        let skipped = self.members.iter().filter(|(_, share)| share.skipped > 0);
        skipped.map(|(id, _)| id.clone()).collect()
    }
}

/// Puts what a key says in the place of what it said before. What means nothing leaves nothing.
fn replace<K: Ord, T>(
    values: &mut BTreeMap<K, T>,
    place: K,
    value: Option<T>,
    room: bool,
    scope: Scope,
) -> Taken {
    match value {
        None => {
            values.remove(&place);
            Taken::Skipped
        }
        Some(_) if !room && !values.contains_key(&place) => Taken::Full(scope),
        Some(value) => {
            values.insert(place, value);
            Taken::Yes
        }
    }
}

#[cfg(test)]
mod tests;
