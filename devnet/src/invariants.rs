//! What must hold at the end, from the two chains alone: no relay, database or counter of ours is asked.
//!
//! ```text
//! logs of both bridges ─▶ ranges, holds, endings ─┐
//! logs of the tokens, traces ─▶ moves ────────────┼─▶ lane, payments, holds ─▶ facts, problems
//! counters and balances ──────────────────────────┴─▶ conservation ──────────▶ problems
//! ```

mod conservation;
mod facts;
mod holds;
mod lane;
mod payments;
mod single_roots;
#[cfg(test)]
mod tests;
mod witness;

use std::fmt;

use anyhow::Result;
use polyspan_node::config::Deployment;
use polyspan_types::{Direction, LaneId};

use crate::bridge_view::BridgeView;
use crate::chain::ChainAccess;
use witness::SideWitness;

pub use facts::LaneFacts;
pub use single_roots::{expect_single_roots, expect_single_roots_but};

/// What the chains say about one bridge.
#[derive(Debug, Clone)]
pub struct Audit {
    /// Both lanes.
    pub lanes: Vec<LaneAudit>,
    /// Everything that is wrong, in sentences. Empty: every request was handled at most once and as asked, every hold
    /// ended at most once, roots are equal, and value is conserved.
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

    /// As [`Audit::expect_complete`], and nothing is left on hold.
    ///
    /// Errors: what is not so.
    pub fn expect_settled(&self) -> Result<()> {
        self.expect_complete()?;
        if self.total().on_hold > 0 {
            anyhow::bail!("not every hold has ended: {self}");
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

/// Reads both ends of a bridge and compares them. Each chain is read as it was at one block; what is on its way between
/// the two is no problem, but whoever wants everything handled waits for it first.
///
/// Errors: a node does not answer. What is wrong with the bridge is in the answer.
pub async fn audit(main: &ChainAccess, service: &ChainAccess, deployment: &Deployment) -> Result<Audit> {
    let views = [BridgeView::new(main, &deployment.main), BridgeView::new(service, &deployment.service)];
    let heights = tokio::try_join!(witness::height(views[0]), witness::height(views[1]))?;
    let sides = [
        witness::read(views[0].until(heights.0), deployment, Direction::ServiceToMain).await?,
        witness::read(views[1].until(heights.1), deployment, Direction::MainToService).await?,
    ];
    Ok(judge(deployment, &sides))
}

/// Compares what was read of the main and the service chain. Pure.
fn judge(deployment: &Deployment, sides: &[SideWitness; 2]) -> Audit {
    let mut audit = Audit { lanes: Vec::new(), problems: Vec::new() };
    let mut open = conservation::Open::default();
    for direction in Direction::ALL {
        let (source, destination) = match direction {
            Direction::MainToService => (&sides[0], &sides[1]),
            Direction::ServiceToMain => (&sides[1], &sides[0]),
        };
        let info = deployment.lane(direction);
        let mut found = lane::compare(&info, source, destination);
        payments::compare(deployment, direction, source, destination, &mut found);
        holds::compare(source, destination, &mut found);
        let unhandled = source.requests.iter().skip(found.handled_below());
        open.in_flight.extend(unhandled.map(|request| (direction, request.clone())));
        let held = found.on_hold.iter().filter_map(|nonce| source.request(*nonce));
        open.held.extend(held.map(|request| (direction, request.clone())));
        audit.problems.extend(found.problems.iter().map(|problem| format!("{}: {problem}", info.id)));
        audit.lanes.push(LaneAudit { lane: info.id, facts: found.facts });
    }
    for (index, pair) in deployment.pairs.iter().enumerate() {
        audit.problems.extend(conservation::compare(
            pair,
            sides.each_ref().map(|side| &side.pairs[index]),
            &open,
        ));
    }
    audit
}
