//! What is to be done about a lane, from what is known of it: the state of every nonce, and the steps that follow.
//!
//! ```text
//! LaneFacts ─▶ states (every nonce in exactly one) ─▶ steps (refilter what the store lacks, else what is waited for) ─▶ Plan
//! ```

mod facts;
mod states;
mod steps;
#[cfg(test)]
mod tests;

use std::fmt;

use polyspan_types::{BlockHeight, TransferState};
use serde::Serialize;

use crate::{Look, NonceSet, look};

pub use facts::{DestinationFacts, LaneFacts, SourceFacts, StoreFacts};

/// What is to be done about a lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// What the look found; `None` when an end of the lane cannot be seen.
    pub look: Option<Look>,
    /// All nonces by their states, in order of the states; those without a nonce are left out.
    pub states: Vec<StateNonces>,
    /// What would be done, in this order; never empty.
    pub steps: Vec<Step>,
}

/// The nonces in one state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StateNonces {
    /// The state.
    pub state: NonceState,
    /// How many there are.
    pub count: u64,
    /// Which.
    pub nonces: NonceSet,
}

/// Where a request is, as far as it is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NonceState {
    /// In a final block, and not in the store of this relay.
    Unseen,
    /// In this state.
    Known(TransferState),
    /// Handled and not on hold: paid, released, refunded or written off, and the store does not tell which.
    Settled,
    /// Handled, and not known to be what was requested: the roots of both ends differ, or were not compared over it.
    Unproven,
}

/// One thing to do, with its reason for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What.
    #[serde(flatten)]
    pub action: Action,
    /// Why, in words.
    pub reason: String,
}

/// What can be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Action {
    /// Read requests again, both blocks inclusive.
    Refilter {
        /// At or below the block of the lowest nonce.
        from: BlockHeight,
        /// The source's final block.
        to: BlockHeight,
        /// What the store lacks.
        nonces: NonceSet,
    },
    /// Wait.
    Wait {
        /// For what.
        wait_for: WaitFor,
        /// Who waits; empty when it is not about single requests.
        nonces: NonceSet,
    },
    /// There is nothing to do.
    Nothing,
}

/// What can be waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitFor {
    /// The source must answer.
    Source,
    /// The destination must answer.
    Destination,
    /// Somebody must look at the halt.
    Person,
    /// The bridge is paused.
    EndOfPause,
    /// The live way reads it.
    LiveWay,
    /// The source's root must confirm what was read.
    Proof,
    /// A transaction is on its way into a block.
    Inclusion,
    /// A relay must submit what is approved.
    Submission,
    /// More operators must sign.
    Threshold,
    /// Operators must sign.
    Attestations,
    /// The source's block must become final.
    Finality,
    /// A hold must be released or refunded.
    HoldEnd,
}

/// The plan for a lane. The same facts make the same plan.
pub fn plan(facts: &LaneFacts) -> Plan {
    let look = match (&facts.source, &facts.destination) {
        (Some(source), Some(destination)) => {
            Some(look(facts.previous, source.final_nonce, destination.handled))
        }
        _ => None,
    };
    let states = states::states(facts);
    let steps = steps::steps(facts, look, &states);
    Plan { look, states, steps }
}

impl Plan {
    /// The nonces in a state.
    pub fn nonces(&self, state: NonceState) -> &NonceSet {
        let found = self.states.iter().find(|found| found.state == state);
        found.map_or(const { &NonceSet::EMPTY }, |found| &found.nonces)
    }
}

impl NonceState {
    /// The word used everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unseen => "unseen",
            Self::Known(state) => state.as_str(),
            Self::Settled => "settled",
            Self::Unproven => "unproven",
        }
    }
}

impl fmt::Display for NonceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for NonceState {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for WaitFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "the source to answer",
            Self::Destination => "the destination to answer",
            Self::Person => "a person",
            Self::EndOfPause => "the end of the pause",
            Self::LiveWay => "live traffic",
            Self::Proof => "the source's root",
            Self::Inclusion => "a transaction",
            Self::Submission => "a submission",
            Self::Threshold => "the threshold",
            Self::Attestations => "attestations",
            Self::Finality => "final blocks",
            Self::HoldEnd => "releases or refunds",
        })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refilter { from, to, nonces } => {
                write!(f, "read blocks {from} to {to} of the source for {nonces}")
            }
            Self::Wait { wait_for, nonces } if nonces.is_empty() => write!(f, "wait for {wait_for}"),
            Self::Wait { wait_for, nonces } => write!(f, "wait for {wait_for} ({nonces})"),
            Self::Nothing => f.write_str("nothing"),
        }
    }
}
