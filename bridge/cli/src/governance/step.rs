//! What is to be done now with one chain's part of a proposal: a plain function of the part, its votes and the chain.

#[cfg(test)]
mod tests;

use alloy::primitives::B256;
use polyspan_chain::{BridgeState, PendingConfiguration};

use super::effect::{self, Effect};
use super::proposal::{Intent, Section};
use super::vote::{Tally, calls_hash};
use super::words::moment;

/// Configurations that may wait at once. Source: `contracts/src/interfaces/IBridgeConfiguration.sol`, `BridgeTooManyPending`.
pub const PENDING_LIMIT: usize = 8;

/// How a configuration ended, as the bridge's events tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It was executed; the hash of its calls.
    Applied(B256),
    /// It was taken back.
    Cancelled,
}

/// What is known of one chain.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The bridge.
    pub state: &'a BridgeState,
    /// Time of the chain. Unit: seconds since 1970.
    pub now: u64,
    /// How the configuration with the section's number ended, if it did.
    pub ending: Option<Ending>,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Send the votes.
    Vote,
    /// Execute what was scheduled.
    Execute,
    /// Take it back.
    Cancel,
    /// The public delay runs. Unit: seconds since 1970.
    Wait {
        /// From here on it can be executed.
        until: u64,
    },
    /// A pause has suspended it: its delay starts again at unpause.
    Suspended,
    /// Governors have to sign.
    Missing,
    /// It is done.
    Done(String),
    /// It cannot go on like this.
    Stuck(String),
}

/// The next step.
pub fn next(intent: Intent, section: &Section, tally: &Tally, seen: &Seen<'_>) -> Step {
    match intent {
        Intent::Configuration => configuration(section, tally, seen),
        Intent::Cancellation => cancellation(section, tally, seen),
    }
}

/// What people read of a scheduled configuration while the bridge is paused.
pub const SUSPENDED: &str = "suspended by a pause; its delay starts again at unpause";

fn configuration(section: &Section, tally: &Tally, seen: &Seen<'_>) -> Step {
    let (state, nonce) = (seen.state, section.configuration_nonce);
    if nonce < state.configuration_nonce {
        return voted(section, seen);
    }
    if nonce > state.configuration_nonce {
        return Step::Stuck(format!(
            "configuration {nonce} comes after {}, which was not voted yet; execute that one first",
            nonce - 1
        ));
    }
    if let Some(stuck) = other_epoch(section, state).or_else(|| too_late(section, seen)) {
        return stuck;
    }
    let setters = match section.setters() {
        Ok(setters) => setters,
        Err(error) => return Step::Stuck(error.to_string()),
    };
    if effect::whole(state, &setters) == Effect::Waits {
        let executable_at = seen.now.saturating_add(u64::from(state.governance_delay));
        if executable_at > section.deadline {
            return Step::Stuck(format!(
                "its delay would end {}, after its deadline {}; propose it again with a longer --valid-for",
                moment(executable_at),
                moment(section.deadline)
            ));
        }
        if state.pending.len() >= PENDING_LIMIT {
            return Step::Stuck(format!(
                "{PENDING_LIMIT} configurations wait already; execute or cancel the oldest"
            ));
        }
    }
    if enough(tally, state) { Step::Vote } else { Step::Missing }
}

/// A configuration with this number was voted.
fn voted(section: &Section, seen: &Seen<'_>) -> Step {
    let nonce = section.configuration_nonce;
    let own = calls_hash(&section.calldata());
    let other = || {
        Step::Stuck(format!("another configuration was voted as number {nonce}; propose the change again"))
    };
    if let Some(pending) = pending(seen.state, nonce) {
        return if pending.calls_hash == own { scheduled(pending, seen) } else { other() };
    }
    match seen.ending {
        Some(Ending::Applied(hash)) if hash == own => {
            Step::Done(format!("configuration {nonce} was executed"))
        }
        Some(Ending::Applied(_)) => other(),
        Some(Ending::Cancelled) => {
            Step::Stuck(format!("configuration {nonce} was cancelled; propose the change again"))
        }
        None => Step::Stuck(format!(
            "a configuration was voted as number {nonce} and its end is not found in the bridge's events; ask another \
             endpoint, or propose the change again"
        )),
    }
}

fn scheduled(pending: &PendingConfiguration, seen: &Seen<'_>) -> Step {
    let nonce = pending.configuration_nonce;
    if seen.now > pending.deadline {
        return Step::Stuck(format!(
            "its deadline {} is over; cancel it (anyone may), and propose the change again",
            moment(pending.deadline)
        ));
    }
    match pending.executable_at {
        None => return Step::Suspended,
        Some(until) if seen.now < until => return Step::Wait { until },
        Some(_) => {}
    }
    match seen.state.pending.first() {
        Some(oldest) if oldest.configuration_nonce < nonce => Step::Stuck(format!(
            "configuration {} has to be executed or cancelled first",
            oldest.configuration_nonce
        )),
        _ => Step::Execute,
    }
}

fn cancellation(section: &Section, tally: &Tally, seen: &Seen<'_>) -> Step {
    let (state, nonce) = (seen.state, section.configuration_nonce);
    if let Some(pending) = pending(state, nonce) {
        return if seen.now > pending.deadline {
            Step::Cancel
        } else if let Some(stuck) = other_epoch(section, state) {
            stuck
        } else if enough(tally, state) {
            Step::Cancel
        } else {
            Step::Missing
        };
    }
    match seen.ending {
        Some(Ending::Cancelled) => Step::Done(format!("configuration {nonce} was cancelled")),
        Some(Ending::Applied(_)) => {
            Step::Stuck(format!("configuration {nonce} was executed; only another configuration undoes it"))
        }
        None => Step::Stuck(format!("configuration {nonce} is not scheduled, so there is nothing to cancel")),
    }
}

fn pending(state: &BridgeState, nonce: u64) -> Option<&PendingConfiguration> {
    state.pending.iter().find(|pending| pending.configuration_nonce == nonce)
}

fn enough(tally: &Tally, state: &BridgeState) -> bool {
    state.governors.threshold.is_reached_by(tally.signed.len())
}

fn other_epoch(section: &Section, state: &BridgeState) -> Option<Step> {
    let now = state.governors.epoch;
    (section.epoch != now).then(|| {
        Step::Stuck(format!(
            "it was proposed for the governors of epoch {}, and those of epoch {now} decide now; propose it again",
            section.epoch
        ))
    })
}

fn too_late(section: &Section, seen: &Seen<'_>) -> Option<Step> {
    (seen.now > section.deadline)
        .then(|| Step::Stuck(format!("its deadline {} is over; propose it again", moment(section.deadline))))
}
