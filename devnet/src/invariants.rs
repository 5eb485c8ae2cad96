//! What must hold at the end, from the two chains alone: no relay, database or counter of ours is asked.

mod conservation;
mod lane;
mod single_roots;
#[cfg(test)]
mod tests;

use std::fmt;

use anyhow::Result;
use polyspan_node::config::Deployment;
use polyspan_types::{Direction, LaneId};

use crate::bridge_view::BridgeView;
use crate::chain_access::ChainAccess;

pub use lane::LaneFacts;
pub use single_roots::expect_single_roots;

/// What the chains say about one bridge.
#[derive(Debug, Clone)]
pub struct Audit {
    /// Both lanes.
    pub lanes: Vec<LaneAudit>,
    /// Everything that is wrong, in sentences. Empty: every request was handled at most once and as asked, roots are
    /// equal, and value is conserved.
    pub problems: Vec<String>,
}

/// Figures of one lane.
#[derive(Debug, Clone)]
pub struct LaneAudit {
    /// The lane.
    pub lane: LaneId,
    /// What was counted.
    pub facts: LaneFacts,
}

impl Audit {
    /// Sums of both lanes.
    pub fn total(&self) -> LaneFacts {
        self.lanes.iter().map(|lane| lane.facts).fold(LaneFacts::default(), LaneFacts::plus)
    }

    /// Every request was handled, and nothing is wrong.
    ///
    /// Errors: what is not so.
    pub fn expect_complete(&self) -> Result<()> {
        let total = self.total();
        if !self.problems.is_empty() {
            anyhow::bail!("{}", self.problems.join("\n"));
        }
        if total.lost + total.duplicated > 0 || total.handled != total.requested {
            anyhow::bail!("not all requests are handled exactly once: {self}");
        }
        Ok(())
    }
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, LaneAudit { lane, facts }) in self.lanes.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{lane}: {facts}")?;
        }
        Ok(())
    }
}

/// Reads both ends of a bridge and compares them. Call it when traffic has stopped: the chains are read one after the
/// other.
///
/// Errors: a node does not answer. What is wrong with the bridge is in the answer.
pub async fn audit(main: &ChainAccess, service: &ChainAccess, deployment: &Deployment) -> Result<Audit> {
    let main = BridgeView { chain: main, side: &deployment.main };
    let service = BridgeView { chain: service, side: &deployment.service };
    let states = [main.state().await?, service.state().await?];
    let mut lanes = Vec::new();
    let mut problems = Vec::new();
    let mut unhandled = Vec::new();
    for direction in Direction::ALL {
        let (source, destination) = match direction {
            Direction::MainToService => (main, service),
            Direction::ServiceToMain => (service, main),
        };
        let info = deployment.lane(direction);
        let seen =
            lane::LaneEvents { requests: source.requests().await?, handled: destination.handled().await? };
        let (source_state, destination_state) = match direction {
            Direction::MainToService => (&states[0], &states[1]),
            Direction::ServiceToMain => (&states[1], &states[0]),
        };
        let (facts, found) = lane::compare(&info, deployment, &seen, source_state, destination_state);
        problems.extend(found.into_iter().map(|problem| format!("{}: {problem}", info.id)));
        unhandled.extend(
            seen.requests.into_iter().skip(facts.handled_below()).map(|request| (direction, request)),
        );
        lanes.push(LaneAudit { lane: info.id, facts });
    }
    for pair in &deployment.pairs {
        let balances = conservation::Balances {
            main: conservation::held_by_bridge(main, pair.kind, pair.main_token).await?,
            service: conservation::held_by_bridge(service, pair.kind, pair.service_token).await?,
        };
        problems.extend(conservation::compare(pair, [&states[0], &states[1]], &unhandled, &balances));
    }
    Ok(Audit { lanes, problems })
}
