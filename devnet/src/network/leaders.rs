//! Who leads a lane, as the relays say themselves.

use std::time::Duration;

use anyhow::Result;
use polyspan_types::Direction;

use super::Network;
use crate::eventually::eventually;

/// Patience for somebody to lead.
const PATIENCE: Duration = Duration::from_secs(60);

/// A relay that does not answer within this time is frozen or cut off, and leads nothing that others could see. Not less:
/// with 24 relays on two busy cores one that led took more than two seconds for a minute.
const ANSWER: Duration = Duration::from_secs(5);

impl Network {
    /// Names of the relays that say that they lead a lane, newest term first. Those that do not answer are left out.
    ///
    /// Errors: there is no such bridge.
    pub async fn leaders(&self, bridge: usize, direction: Direction) -> Result<Vec<String>> {
        let label = format!("lane=\"{}\"", self.bridge(bridge)?.deployment.lane(direction).id);
        let relays = self.relays.iter().filter(|relay| relay.spec.directions.contains(&direction));
        let asked = relays.filter(|relay| relay.process.is_some()).map(|relay| async {
            let look = async {
                let names = ["polyspan_lane_leader", "polyspan_lane_term"];
                let [leads, term] = relay.metrics(names, &[&label]).await.ok()?;
                (leads == Some(1.0)).then(|| (term.unwrap_or_default(), relay.spec.name.clone()))
            };
            tokio::time::timeout(ANSWER, look).await.ok().flatten()
        });
        let mut found: Vec<(f64, String)> =
            futures::future::join_all(asked).await.into_iter().flatten().collect();
        found.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        Ok(found.into_iter().map(|(_, name)| name).collect())
    }

    /// The relay that leads a lane, as soon as one does.
    ///
    /// Errors: nobody does within patience.
    pub async fn leader(&self, bridge: usize, direction: Direction) -> Result<String> {
        let look = || async { Ok(self.leaders(bridge, direction).await?.into_iter().next()) };
        eventually(&format!("a relay leads {direction}"), PATIENCE, look).await
    }
}
