//! What the values say, and how large they may be.

use alloy::primitives::Address;
use polyspan_types::{Attestation, SignedDecision};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{CoordinationError, KeyPresence, Member, Report};

/// Largest presence, claim, decision and attestation. Unit: bytes. Source: ours have about 500.
const SMALL: usize = 2 * 1024;

/// Largest key presence: with as many answers as one signature has. Unit: bytes. Source: 32 answers of 69 bytes, and about 600 more.
const KEY: usize = 4 * 1024;

/// Largest member value: it has a report with every lane. Unit: bytes. Source: about 300 bytes a lane, some hundred lanes.
const LARGE: usize = 256 * 1024;

/// Says that a process is alive, for as long as its lease lives. Nothing in it is proved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Presence {
    /// Random name of the process.
    pub(super) instance: String,
    /// Its attester key. Relays before signed presences refuse to start beside the same one; this program does not read it.
    pub(super) operator: Option<Address>,
    /// Where it serves; for the text of an error.
    pub(super) api: String,
}

/// Who a member is, and what it said last. It stays when the member goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MemberValue {
    pub(super) member: Member,
    #[serde(default)]
    pub(super) report: Report,
    pub(super) last_seen_ms: u64,
}

/// A value that can be written, and read with the same bound.
pub(super) trait Value: Serialize + DeserializeOwned {
    const NAME: &'static str;
    const LIMIT: usize;

    fn to_bytes(&self) -> Result<Vec<u8>, CoordinationError> {
        let invalid = |reason| CoordinationError::Invalid { what: Self::NAME, reason };
        let bytes = serde_json::to_vec(self).map_err(|_| invalid("it cannot be written down".to_owned()))?;
        if bytes.len() > Self::LIMIT {
            return Err(invalid(format!("it has {} bytes, more than {}", bytes.len(), Self::LIMIT)));
        }
        Ok(bytes)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > Self::LIMIT { None } else { serde_json::from_slice(bytes).ok() }
    }
}

impl Value for Presence {
    const NAME: &'static str = "a presence";
    const LIMIT: usize = SMALL;
}

impl Value for KeyPresence {
    const NAME: &'static str = "a key presence";
    const LIMIT: usize = KEY;
}

impl Value for MemberValue {
    const NAME: &'static str = "a report";
    const LIMIT: usize = LARGE;
}

impl Value for crate::Claim {
    const NAME: &'static str = "a claim";
    const LIMIT: usize = SMALL;
}

impl Value for Attestation {
    const NAME: &'static str = "an attestation";
    const LIMIT: usize = SMALL;
}

impl Value for SignedDecision {
    const NAME: &'static str = "a decision";
    const LIMIT: usize = SMALL;
}
