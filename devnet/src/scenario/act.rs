//! What happens in a scenario, and when.

use std::fmt;

use polyspan_types::Direction;

use super::fault::Fault;
use super::pick::Pick;
use crate::chain::NodeKind;

/// One step.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// When, counted from the step before.
    pub when: When,
    /// What.
    pub act: Act,
}

/// A moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// At once.
    Now,
    /// After so many seconds.
    Seconds(u64),
    /// After so many more transfers were handled, on both lanes together.
    Handled(u64),
}

/// Something that is done or looked at.
#[derive(Debug, Clone, Copy)]
pub enum Act {
    /// It is done to the network.
    Do(Fault),
    /// It must be so.
    Expect(Check),
}

/// Something that must be so at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Requests of this lane wait, and none of them is handled for so many blocks in a row. It may take a while until that
    /// is so: what was signed before is handled first.
    Stands(Direction, u64),
    /// Requests of this lane wait, and from this moment on none of them is handled for so many blocks.
    HandlesNothing(Direction, u64),
    /// Another transfer of this lane is handled.
    Moves(Direction),
    /// All relays that run say that they are ready.
    Ready,
    /// More than one relay says that it leads this lane.
    TwoLeaders(Direction),
    /// Exactly one relay says that it leads this lane.
    OneLeader(Direction),
    /// A relay leads this lane that is none of those of the step before.
    AnotherLeads(Direction),
    /// Relays have brought this lane on with votes on its destination.
    Votes(Direction),
    /// A relay of this lane sees two roots for one nonce.
    ConflictSeen(Direction),
}

impl Step {
    /// The node of a chain ends, which must keep what it has.
    pub(super) const fn ends_a_chain(&self) -> bool {
        matches!(self.act, Act::Do(Fault::Stop(Pick::Chain(_)) | Fault::Kill(Pick::Chain(_))))
    }

    /// What it asks of a chain that nodes of this kind do not do.
    pub(super) const fn missing_on(&self, nodes: NodeKind) -> Option<&'static str> {
        let Act::Do(fault) = self.act else { return None };
        match fault {
            Fault::Stop(Pick::Chain(_)) | Fault::Kill(Pick::Chain(_)) if !nodes.restarts() => {
                Some("keeps nothing when it ends")
            }
            Fault::Reorg(..) | Fault::RollBack(..) if !nodes.reorganises() => Some("takes no blocks back"),
            Fault::LosePool(_) if !nodes.forgets_its_pool() => Some("forgets its pool only when it ends"),
            Fault::Isolate(..) if !nodes.has_endpoint_nodes() => Some("has one node for all relays"),
            Fault::Unfund(_) if !nodes.takes_value_away() => Some("takes no value from accounts"),
            _ => None,
        }
    }
}

/// A step that does something.
pub(crate) const fn then(when: When, fault: Fault) -> Step {
    Step { when, act: Act::Do(fault) }
}

/// A step that looks at something, at once.
pub(crate) const fn expect(check: Check) -> Step {
    Step { when: When::Now, act: Act::Expect(check) }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stands(lane, blocks) => write!(f, "{lane} stands for {blocks} blocks"),
            Self::HandlesNothing(lane, blocks) => write!(f, "{lane} handles nothing for {blocks} blocks"),
            Self::Moves(lane) => write!(f, "{lane} moves"),
            Self::Ready => f.write_str("every relay is ready"),
            Self::TwoLeaders(lane) => write!(f, "{lane} has two leaders"),
            Self::OneLeader(lane) => write!(f, "{lane} has one leader"),
            Self::AnotherLeads(lane) => write!(f, "another relay leads {lane}"),
            Self::Votes(lane) => write!(f, "{lane} goes on by votes"),
            Self::ConflictSeen(lane) => write!(f, "two roots for one nonce of {lane} are seen"),
        }
    }
}
