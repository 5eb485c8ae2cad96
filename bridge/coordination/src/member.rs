//! Relays, and what they say of themselves.

use std::fmt;
use std::str::FromStr;

use alloy::primitives::{Address, U256};
use polyspan_types::{BlockHeight, HoldReason, LaneId, RequestNonce};
use serde::{Deserialize, Serialize};

use crate::ReadingReport;

/// Longest member id. Unit: characters. Source: it is a file name and a label.
const ID_LIMIT: usize = 64;

/// Name of a relay: 1 to 64 lower-case letters, digits and hyphens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MemberId(String);

impl MemberId {
    /// Checks a name.
    ///
    /// Errors: the name is empty, longer than 64, or has other characters than `a-z`, `0-9`, `-`.
    pub fn try_new(id: impl Into<String>) -> Result<Self, ParseMemberIdError> {
        let id = id.into();
        let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if (1..=ID_LIMIT).contains(&id.len()) && id.chars().all(fine) {
            Ok(Self(id))
        } else {
            Err(ParseMemberIdError(id))
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for MemberId {
    type Err = ParseMemberIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::try_new(text)
    }
}

impl TryFrom<String> for MemberId {
    type Error = ParseMemberIdError;

    fn try_from(id: String) -> Result<Self, Self::Error> {
        Self::try_new(id)
    }
}

impl From<MemberId> for String {
    fn from(id: MemberId) -> Self {
        id.0
    }
}

/// Text that names no relay.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a relay name; use 1 to 64 lower-case letters, digits and hyphens")]
pub struct ParseMemberIdError(String);

/// A relay as it introduces itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The relay's name.
    pub id: MemberId,
    /// Address of its attester key; `None` for a relay that only submits.
    pub operator: Option<Address>,
    /// Its roles, as in its config.
    pub roles: Vec<String>,
    /// Where it serves metrics and health.
    pub api: String,
    /// Start of its process. Unit: milliseconds since 1970.
    pub started_at_ms: u64,
}

/// A relay as others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberView {
    /// Who it is.
    pub member: Member,
    /// What it said last.
    pub report: Report,
    /// Whether its heartbeat changed within the last lease.
    pub alive: bool,
    /// Its last heartbeat, by its own clock: for people, never for decisions. Unit: milliseconds since 1970.
    pub last_seen_ms: u64,
}

/// What a relay says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// The lanes it serves.
    pub lanes: Vec<LaneReport>,
    /// The chains it reads.
    pub chains: Vec<ChainReport>,
    /// The keys that pay for its submissions; of a chain first the one that is used before its spares.
    pub submitters: Vec<SubmitterReport>,
}

/// A submitter key as its relay sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmitterReport {
    /// The chain on which it pays.
    pub chain: String,
    /// 1 for the key that is used first; the others are its spares.
    pub place: u64,
    /// The account.
    pub address: Address,
    /// `able`, `unfunded` or `stuck`.
    pub standing: String,
    /// Why it is not able.
    #[serde(default)]
    pub reason: Option<String>,
    /// What it can spend. Unit: wei.
    #[serde(default)]
    pub balance: Option<U256>,
}

/// A lane as one relay sees it. All nonces are counts: the first nonce for which it is not so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneReport {
    /// The lane.
    pub lane: LaneId,
    /// Requested on the source.
    pub requested: RequestNonce,
    /// In final blocks of the source.
    pub final_nonce: RequestNonce,
    /// Attested by this relay.
    pub attested: RequestNonce,
    /// Attested by a threshold.
    pub approved: RequestNonce,
    /// Handled on the destination.
    pub handled: RequestNonce,
    /// Requests on hold there.
    pub held: u64,
    /// The oldest of them, as far as final blocks tell.
    #[serde(default)]
    pub oldest_hold: Option<HoldReport>,
    /// Why the lane is halted here.
    #[serde(default)]
    pub halted: Option<String>,
    /// What the lane waits for.
    #[serde(default)]
    pub waiting_for: Option<String>,
    /// Transfers that this relay's submissions got handled since it started.
    #[serde(default)]
    pub handled_by: HandledBy,
    /// Its submissions that wait for a block.
    #[serde(default)]
    pub in_flight: InFlightReport,
    /// How its recovery worker stands.
    #[serde(default)]
    pub recovery: RecoveryReport,
}

/// A relay's submissions of a lane that wait for a block.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InFlightReport {
    /// How many there are. Unit: submissions.
    pub waiting: u64,
    /// How many there may be now. Unit: submissions.
    pub limit: u64,
    /// Why not more, for people.
    pub limited_by: String,
}

/// A lane's recovery worker as its relay sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecoveryReport {
    /// It looks by itself.
    pub enabled: bool,
    /// Looks that are over since the relay started.
    pub looks: u64,
    /// Looks that were asked for by command, and those of them that are over.
    pub asked: u64,
    /// Of `asked`.
    pub done: u64,
    /// Of `asked`, how many had been asked for when the worker was last told to rest: those that were not over then are not waited for.
    pub stopped: u64,
    /// What the last look came to: `even`, `moving`, `complete`, `followed`, `blocked`, `refilled` or `failed`.
    pub outcome: Option<String>,
    /// What the lane waits for after it, or why it failed.
    pub waiting_for: Option<String>,
    /// What is being read now.
    pub reading: Option<ReadingReport>,
    /// Requests that were missing in the store and were put there, since the relay started.
    pub refilled: u64,
}

/// Transfers by the way they came to be handled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HandledBy {
    /// By the lane's leader, with signatures alone.
    pub leader: u64,
    /// By the rank of another relay, with signatures alone, when the lane stood still.
    pub rank: u64,
    /// With votes on chain among what reached the threshold.
    pub votes: u64,
}

impl HandledBy {
    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            leader: self.leader + other.leader,
            rank: self.rank + other.rank,
            votes: self.votes + other.votes,
        }
    }
}

/// A hold as one relay sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldReport {
    /// The request's number in its lane.
    pub nonce: RequestNonce,
    /// Why it was put on hold.
    pub reason: HoldReason,
    /// Block of the destination in which it was.
    pub held_at: BlockHeight,
    /// What happens next; said by the relay that leads the lane.
    #[serde(default)]
    pub next: Option<String>,
}

/// A chain as one relay sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainReport {
    /// Its name in the relay's config.
    pub chain: String,
    /// Height of the newest block.
    pub head: u64,
    /// Height of the final block.
    pub final_height: u64,
    /// Why it cannot be read.
    #[serde(default)]
    pub error: Option<String>,
    /// What is known against endpoints while enough others agree.
    #[serde(default)]
    pub remark: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_round_trip_and_cannot_leave_their_folder() {
        let id: MemberId = "main-bridge-1".parse().unwrap();
        assert_eq!(serde_json::from_str::<MemberId>(&serde_json::to_string(&id).unwrap()).unwrap(), id);
        for text in ["", "..", "a/b", "A", "a b", &"x".repeat(65)] {
            assert!(text.parse::<MemberId>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_report_with_unknown_and_missing_keys_is_read() {
        let report: Report = serde_json::from_str(r#"{"chains": [], "mood": "fine"}"#).unwrap();
        assert_eq!(report, Report::default());
    }
}
