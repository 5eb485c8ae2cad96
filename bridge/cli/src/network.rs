//! The chains and the coordinator of a configuration, as somebody who only looks sees them.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;
use polyspan_chain::{Chain, ChainError};
use polyspan_coordination::Coordinator;
use polyspan_node::config::{Config, LaneInfo, Side};
use polyspan_node::meeting;
use polyspan_types::LaneId;

use crate::failure::BadInput;

/// A configuration with connections. Nothing is contacted before it is asked something.
pub struct Network {
    /// What it was built from.
    pub config: Config,
    /// The relays' meeting place, or why it cannot be seen.
    pub coordinator: Result<Arc<dyn Coordinator>, String>,
    chains: BTreeMap<String, Chain>,
}

impl Network {
    /// Builds the connections.
    ///
    /// Errors: settings that allow none.
    pub async fn open(config: Config) -> Result<Self, ChainError> {
        let coordinator = observe(&config).await;
        Ok(Self { coordinator, ..Self::of_chains(config)? })
    }

    /// Builds those to the chains only.
    ///
    /// Errors: settings that allow none.
    pub fn of_chains(config: Config) -> Result<Self, ChainError> {
        let chains = config
            .chains
            .iter()
            .map(|entry| Ok((entry.name.clone(), Chain::new(entry.settings())?)))
            .collect::<Result<_, ChainError>>()?;
        Ok(Self { config, coordinator: Err("the relays were not asked".to_owned()), chains })
    }

    /// All chains of the config.
    pub fn chains(&self) -> impl Iterator<Item = &Chain> {
        self.chains.values()
    }

    /// The chain of one end of a bridge.
    pub fn chain(&self, side: &Side) -> &Chain {
        self.chains.get(&side.chain).expect("the config has proved that deployments name its chains")
    }

    /// A lane by its name.
    ///
    /// Errors: the config has no such lane.
    pub fn lane(&self, id: &LaneId) -> Result<LaneInfo, BadInput> {
        self.config.lane(id).ok_or_else(|| unknown_lane(&self.config, id))
    }
}

/// What is wrong with a lane that the config does not have.
pub fn unknown_lane(config: &Config, id: &LaneId) -> BadInput {
    let known: Vec<_> = config.lanes().iter().map(|lane| lane.id.to_string()).collect();
    let file = config.file.display();
    BadInput::new(format!("{file} has no lane {id}; it has {}", known.join(", ")))
}

async fn observe(config: &Config) -> Result<Arc<dyn Coordinator>, String> {
    let Some(entry) = &config.coordination else {
        return Err("the config has no [coordination]".to_owned());
    };
    meeting::observe(entry).await.map_err(|error| error.to_string())
}
