//! The chains and the coordinator of a configuration, as somebody who only looks sees them.

use std::collections::BTreeMap;

use anyhow::Result;
use polyspan_chain::{Chain, ChainError};
use polyspan_coordination::{Coordinator, EmbeddedCoordinator, EmbeddedSettings};
use polyspan_node::config::{Config, LaneInfo, Side};
use polyspan_types::LaneId;

use crate::failure::BadInput;

/// A configuration with connections. Nothing is contacted before it is asked something.
pub struct Network {
    /// What it was built from.
    pub config: Config,
    /// The relays' meeting place, or why it cannot be seen.
    pub coordinator: Result<Box<dyn Coordinator>, String>,
    chains: BTreeMap<String, Chain>,
}

impl Network {
    /// Builds the connections.
    ///
    /// Errors: settings that allow none.
    pub fn open(config: Config) -> Result<Self, ChainError> {
        let chains = config
            .chains
            .iter()
            .map(|entry| Ok((entry.name.clone(), Chain::new(entry.settings())?)))
            .collect::<Result<_, ChainError>>()?;
        let coordinator = observe(&config);
        Ok(Self { config, coordinator, chains })
    }

    /// The chain of one end of a bridge.
    pub fn chain(&self, side: &Side) -> &Chain {
        self.chains.get(&side.chain).expect("the config has proved that deployments name its chains")
    }

    /// A lane by its name.
    ///
    /// Errors: the config has no such lane.
    pub fn lane(&self, id: &LaneId) -> Result<LaneInfo, BadInput> {
        self.config.lane(id).ok_or_else(|| {
            let known: Vec<_> = self.config.lanes().iter().map(|lane| lane.id.to_string()).collect();
            let file = self.config.file.display();
            BadInput::new(format!("{file} has no lane {id}; it has {}", known.join(", ")))
        })
    }
}

fn observe(config: &Config) -> Result<Box<dyn Coordinator>, String> {
    let Some(entry) = &config.coordination else {
        return Err("the config has no [coordination]".to_owned());
    };
    let settings = EmbeddedSettings { lease: entry.lease, ..EmbeddedSettings::default() };
    match EmbeddedCoordinator::open_observer(&entry.directory, settings) {
        Ok(coordinator) => Ok(Box::new(coordinator)),
        Err(error) => Err(error.to_string()),
    }
}
