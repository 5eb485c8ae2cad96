//! Which key says what: pure.
//!
//! ```text
//! <prefix>/<member>/presence                                              with the member's lease
//! <prefix>/<member>/member                                                who it is and what it reported last
//! <prefix>/<member>/key/<instance>                                        with the lease: the attester key of a process
//! <prefix>/<member>/claim/<lane>
//! <prefix>/<member>/decision/<lane>
//! <prefix>/<member>/attestation/<lane>/<nonce>/<epoch>/<operator>/<root>
//! ```
//!
//! Everything of one member lies under one prefix, so that a role can be restricted to it. Numbers are of fixed width: keys
//! sort by nonce.

use std::fmt;

use alloy::primitives::{Address, B256};
use polyspan_types::{Attestation, BridgeId, Epoch, RequestNonce, Root};

use crate::MemberId;

/// The keys of one meeting place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// Ends with a slash.
    prefix: String,
}

/// A key taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) member: MemberId,
    pub(super) part: Part,
}

/// What a key is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Presence,
    Member,
    /// The attester key of the process with this number.
    Key(B256),
    Claim(BridgeId),
    Decision(BridgeId),
    Attestation(BridgeId, VoteKey),
    /// Nothing that this program writes.
    Foreign,
}

/// An attestation's place among those of a member and lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct VoteKey {
    pub(super) nonce: RequestNonce,
    pub(super) epoch: Epoch,
    pub(super) operator: Address,
    pub(super) root: Root,
}

impl VoteKey {
    /// The places before and behind all others of a member and lane.
    pub(super) const MIN: Self = Self::same(0, 0);
    pub(super) const MAX: Self = Self::same(u64::MAX, u8::MAX);

    const fn same(number: u64, byte: u8) -> Self {
        Self {
            nonce: RequestNonce::new(number),
            epoch: Epoch::new(number),
            operator: Address::repeat_byte(byte),
            root: Root(B256::repeat_byte(byte)),
        }
    }

    pub(super) fn of(attestation: &Attestation) -> Self {
        let checkpoint = &attestation.checkpoint;
        Self {
            nonce: checkpoint.nonce,
            epoch: checkpoint.epoch,
            operator: attestation.operator,
            root: checkpoint.root,
        }
    }
}

impl Layout {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: format!("{}/", prefix.trim_end_matches('/')) }
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(super) fn of_member(&self, id: &MemberId) -> String {
        format!("{}{id}/", self.prefix)
    }

    pub(super) fn presence(&self, id: &MemberId) -> String {
        format!("{}{id}/presence", self.prefix)
    }

    pub(super) fn member(&self, id: &MemberId) -> String {
        format!("{}{id}/member", self.prefix)
    }

    pub(super) fn keys(&self, id: &MemberId) -> String {
        format!("{}{id}/key/", self.prefix)
    }

    pub(super) fn key(&self, id: &MemberId, instance: B256) -> String {
        format!("{}{id}/key/{}", self.prefix, hex(instance))
    }

    pub(super) fn claims(&self, id: &MemberId) -> String {
        format!("{}{id}/claim/", self.prefix)
    }

    pub(super) fn claim(&self, id: &MemberId, lane: BridgeId) -> String {
        format!("{}{id}/claim/{}", self.prefix, hex(lane.0))
    }

    pub(super) fn decisions(&self, id: &MemberId) -> String {
        format!("{}{id}/decision/", self.prefix)
    }

    pub(super) fn decision(&self, id: &MemberId, lane: BridgeId) -> String {
        format!("{}{id}/decision/{}", self.prefix, hex(lane.0))
    }

    pub(super) fn attestations(&self, id: &MemberId) -> String {
        format!("{}{id}/attestation/", self.prefix)
    }

    pub(super) fn attestations_of(&self, id: &MemberId, lane: BridgeId) -> String {
        format!("{}{id}/attestation/{}/", self.prefix, hex(lane.0))
    }

    pub(super) fn attestation(&self, id: &MemberId, attestation: &Attestation) -> String {
        self.vote(id, attestation.checkpoint.bridge_id, VoteKey::of(attestation))
    }

    pub(super) fn vote(&self, id: &MemberId, lane: BridgeId, vote: VoteKey) -> String {
        let VoteKey { nonce, epoch, operator, root } = vote;
        let lane = self.attestations_of(id, lane);
        let operator = alloy::hex::encode(operator);
        format!("{lane}{:016x}/{:016x}/{operator}/{}", nonce.get(), epoch.get(), hex(root.0))
    }

    /// First and last key, the last excluded, of a member's attestations of a lane up to and with nonce `below`.
    pub(super) fn up_to(&self, id: &MemberId, lane: BridgeId, below: RequestNonce) -> (String, String) {
        let lane = self.attestations_of(id, lane);
        // `0` follows `/`: every key with this nonce sorts before it.
        let end = format!("{lane}{:016x}0", below.get());
        (lane, end)
    }

    /// Takes a key apart; `None` when it belongs to no member.
    pub(super) fn parse(&self, key: &[u8]) -> Option<Key> {
        let rest = std::str::from_utf8(key).ok()?.strip_prefix(&self.prefix)?;
        let (member, rest) = rest.split_once('/')?;
        Some(Key { member: MemberId::try_new(member).ok()?, part: part(rest).unwrap_or(Part::Foreign) })
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.prefix)
    }
}

/// The first key after all that begin with `prefix`, which ends with a slash.
pub(super) fn end_of(prefix: &str) -> String {
    let stem = prefix.strip_suffix('/').unwrap_or(prefix);
    format!("{stem}0")
}

fn part(text: &str) -> Option<Part> {
    let mut words = text.split('/');
    let found = match words.next()? {
        "presence" => Part::Presence,
        "member" => Part::Member,
        "key" => Part::Key(word(words.next()?)?),
        "claim" => Part::Claim(BridgeId(word(words.next()?)?)),
        "decision" => Part::Decision(BridgeId(word(words.next()?)?)),
        "attestation" => {
            let lane = BridgeId(word(words.next()?)?);
            let nonce = RequestNonce::new(number(words.next()?)?);
            let epoch = Epoch::new(number(words.next()?)?);
            let operator = bytes::<20>(words.next()?).map(Address::from)?;
            let root = Root(word(words.next()?)?);
            Part::Attestation(lane, VoteKey { nonce, epoch, operator, root })
        }
        _ => return None,
    };
    words.next().is_none().then_some(found)
}

fn word(text: &str) -> Option<B256> {
    bytes::<32>(text).map(B256::from)
}

/// Lower-case digits only: one value has one key.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let plain = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    alloy::hex::decode(text).ok().filter(|_| plain && text.len() == 2 * N)?.try_into().ok()
}

fn number(text: &str) -> Option<u64> {
    bytes::<8>(text).map(u64::from_be_bytes)
}

fn hex(value: B256) -> String {
    alloy::hex::encode(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{attestation, lane};

    fn id(name: &str) -> MemberId {
        MemberId::try_new(name).unwrap()
    }

    #[test]
    fn every_key_that_is_written_is_understood() {
        let layout = Layout::new("/polyspan/relays/");
        let member = id("relay-1");
        let vote = attestation(lane(7), 42, 3, 9);
        let keys = [
            (layout.presence(&member), Part::Presence),
            (layout.member(&member), Part::Member),
            (layout.key(&member, B256::repeat_byte(5)), Part::Key(B256::repeat_byte(5))),
            (layout.claim(&member, lane(7)), Part::Claim(lane(7))),
            (layout.decision(&member, lane(7)), Part::Decision(lane(7))),
            (layout.attestation(&member, &vote), Part::Attestation(lane(7), VoteKey::of(&vote))),
        ];
        for (key, part) in keys {
            let parsed = layout.parse(key.as_bytes()).unwrap();
            assert_eq!(parsed, Key { member: member.clone(), part }, "{key}");
            assert!(key.starts_with(&layout.of_member(&member)));
        }
    }

    #[test]
    fn foreign_keys_belong_to_nobody_or_mean_nothing() {
        let layout = Layout::new("/polyspan/relays");
        for key in ["/polyspan/relays/a", "/polyspan/other/a/presence", "/polyspan/relays/A/presence", "x"] {
            assert_eq!(layout.parse(key.as_bytes()), None, "{key}");
        }
        let claim = layout.claim(&id("a"), lane(0xAB));
        let strange =
            [claim.to_uppercase().replace("/POLYSPAN/RELAYS/A/CLAIM/", "/polyspan/relays/a/claim/")];
        let more = ["presence/1", "key", "key/1", "claim", "claim/0", "attestation/1/2", "", "mood"]
            .map(|rest| format!("/polyspan/relays/a/{rest}"));
        for key in strange.iter().chain(&more).chain([&format!("{claim}/1")]) {
            assert_eq!(layout.parse(key.as_bytes()).unwrap().part, Part::Foreign, "{key}");
        }
    }

    #[test]
    fn a_range_up_to_a_nonce_has_that_nonce_and_no_higher_one() {
        let layout = Layout::new("/p");
        let (start, end) = layout.up_to(&id("a"), lane(1), RequestNonce::new(0xff));
        let key = |nonce| layout.attestation(&id("a"), &attestation(lane(1), nonce, 1, 1));
        assert!(start < key(0) && key(0xff) < end && end < key(0x100));
        let (start, end) = (layout.of_member(&id("a")), end_of(&layout.of_member(&id("a"))));
        assert!((start.clone()..end.clone()).contains(&key(1)));
        assert!(!(start..end).contains(&layout.presence(&id("a-1"))));
    }
}
