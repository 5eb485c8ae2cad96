//! What a process shows of its attester key, and what that proves: pure.
//!
//! Whoever may write to the coordinator can show any key as its own, and can show again what a relay once signed. So a key is in
//! use elsewhere only when another process has signed the random number that this process drew at its start
//! (`docs/adr/0035-signed-presence.md`).
//!
//! ```text
//! starting ── shows its number ──▶ running, same key ── signs the number ──▶ starting: the key is in use
//!                                  stranger ────────── cannot sign ───────▶ starting: starts after two leases
//! ```

mod entry;
mod prover;

use std::collections::BTreeSet;
use std::ops::Bound;

use alloy::primitives::{Address, B256, Signature};
use polyspan_types::Presence;
use serde::{Deserialize, Serialize};

use crate::MemberId;

pub use entry::enter;
pub use prover::{KeyProver, PresenceSigner, SigningFailure};

/// Most processes that one signature answers. Unit: processes. Source: more than one with the same key is a mistake; the value stays below
/// 4 KiB.
const ANSWERS: usize = 32;

/// Longest address in a key presence. Unit: characters. Source: it is for the text of an error.
const API: usize = 200;

/// A process with an attester key, as it shows itself to the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPresence {
    /// The relay.
    pub member: MemberId,
    /// Address of the key. Whether it has that key is what the proof is for.
    pub operator: Address,
    /// Random number of the process.
    pub instance: B256,
    /// Where it serves; for the text of an error.
    pub api: String,
    /// What it has signed last.
    #[serde(default)]
    pub proof: Option<KeyProof>,
}

/// A signature of an attester key over who has it and whom that process has seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyProof {
    /// The processes that it has seen with the same key.
    pub answers: Vec<B256>,
    /// r, s, v over the digest of the [`Presence`].
    pub signature: Signature,
}

/// What was found of another process, and whether its signature is that of the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenKey {
    presence: KeyPresence,
    proved: bool,
}

/// All that this process sees of attester keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyView {
    /// What it shows itself; `None` without a key or a membership.
    pub own: Option<KeyPresence>,
    /// Other processes that are alive.
    pub others: Vec<SeenKey>,
}

/// Who else has the own key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyStanding {
    /// Nobody shows it.
    Alone,
    /// Somebody shows it and has not proved to have it since this process started.
    Claimed(MemberId),
    /// This process has it, now.
    InUse(Box<KeyPresence>),
}

/// How far a process has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It waits whether another one has its key. It answers those with higher numbers only, so that of several that
    /// start at once the one with the lowest number goes on.
    Entering,
    /// It runs, and answers everybody.
    Running,
}

impl KeyPresence {
    /// What a process shows before it has signed anything.
    pub fn new(member: MemberId, operator: Address, instance: B256, api: &str) -> Self {
        Self { member, operator, instance, api: api.chars().take(API).collect(), proof: None }
    }

    /// Who it is and where it serves, for people.
    pub fn place(&self) -> String {
        format!("{}, which serves at {}", self.member, self.api)
    }

    /// Whether its signature is that of its key, over its own name and number.
    fn is_proved(&self) -> bool {
        let Some(KeyProof { answers, signature }) = &self.proof else { return false };
        let signed = self.signed(answers.clone());
        // As for attestations: one signature has one form.
        signature.normalize_s().is_none()
            && signature.recover_address_from_prehash(&signed.digest()).ok() == Some(self.operator)
    }

    fn signed(&self, answers: Vec<B256>) -> Presence {
        Presence { member: self.member.to_string(), instance: self.instance, answers }
    }
}

impl SeenKey {
    /// Checks a signature, once for all who ask later.
    pub fn of(presence: KeyPresence) -> Self {
        Self { proved: presence.is_proved(), presence }
    }

    /// What the process shows.
    pub const fn presence(&self) -> &KeyPresence {
        &self.presence
    }

    /// Whether it once had the key: the signature may be old, and shown by somebody else.
    pub const fn is_proved(&self) -> bool {
        self.proved
    }

    /// Whether it had the key after `instance` was drawn.
    fn answers(&self, instance: B256) -> bool {
        self.proved && self.presence.proof.as_ref().is_some_and(|proof| proof.answers.contains(&instance))
    }
}

impl KeyView {
    /// Who else has the own key.
    pub fn standing(&self) -> KeyStanding {
        let Some(own) = &self.own else { return KeyStanding::Alone };
        match self.same_key(own).find(|seen| seen.answers(own.instance)) {
            Some(seen) => KeyStanding::InUse(Box::new(seen.presence.clone())),
            None => self
                .same_key(own)
                .next()
                .map_or(KeyStanding::Alone, |seen| KeyStanding::Claimed(seen.presence.member.clone())),
        }
    }

    /// What this process signs next; `None` while what it has signed answers everybody.
    pub fn due(&self, phase: Phase) -> Option<Presence> {
        let own = self.own.as_ref()?;
        let (mut proved, mut claimed) = (BTreeSet::new(), BTreeSet::new());
        for seen in self.same_key(own) {
            let instance = seen.presence.instance;
            if phase == Phase::Running || instance > own.instance {
                if seen.proved {
                    proved.insert(instance)
                } else {
                    claimed.insert(instance)
                };
            }
        }
        let answered: &[B256] = own.proof.as_ref().map_or(&[], |proof| &proof.answers);
        if own.proof.is_some() && proved.iter().chain(&claimed).all(|instance| answered.contains(instance)) {
            return None;
        }
        // First those that have signed their own number, as whoever has the key does before it asks for anything: strangers, who can
        // show any number of numbers, do not make it wait.
        let answers = in_turn(&proved, answered).chain(in_turn(&claimed, answered)).take(ANSWERS).collect();
        Some(own.signed(answers))
    }

    fn same_key<'a>(&'a self, own: &'a KeyPresence) -> impl Iterator<Item = &'a SeenKey> {
        let other = |seen: &&SeenKey| seen.presence.instance != own.instance;
        self.others.iter().filter(|seen| seen.presence.operator == own.operator).filter(other)
    }
}

/// All of them, from the one after the last that was answered: in a crowd the next ones in turn.
fn in_turn(asked: &BTreeSet<B256>, answered: &[B256]) -> impl Iterator<Item = B256> {
    let last = answered.iter().rev().find(|instance| asked.contains(*instance));
    let after = last.map_or(Bound::Unbounded, |last| Bound::Excluded(*last));
    let first_again = last.map_or(0, |last| asked.range(..=*last).count());
    asked.range((after, Bound::Unbounded)).chain(asked.iter().take(first_again)).copied()
}

#[cfg(test)]
mod tests;
