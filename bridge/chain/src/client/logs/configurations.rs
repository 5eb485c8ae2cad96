//! What governors changed, as a bridge's events tell.

use alloy::primitives::{Address, B256, Bytes};
use alloy::sol_types::SolEvent;
use polyspan_types::BlockHeight;

use super::{LOGS, PlacedLog, decode};
use crate::ChainError;
use crate::abi::Bridge::{
    ConfigurationApplied, ConfigurationCancelled, ConfigurationResumed, ConfigurationScheduled,
    ConfigurationSuspended,
};
use crate::client::Client;
use crate::state::executable_at;

/// Something that happened to a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigurationLog {
    /// Its number.
    pub configuration_nonce: u64,
    /// What happened.
    pub event: ConfigurationEvent,
    /// Block of the log.
    pub block: BlockHeight,
    /// Transaction of the log.
    pub tx_hash: B256,
}

/// What can happen to a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigurationEvent {
    /// It was voted, and its public delay runs.
    Scheduled {
        /// From here on anyone may execute it; `None` when it was voted while the bridge was paused. Unit: seconds since 1970.
        executable_at: Option<u64>,
        /// Until here it can be executed. Unit: seconds since 1970.
        deadline: u64,
        /// Its calls.
        calls: Vec<Bytes>,
    },
    /// A pause has suspended it.
    Suspended {
        /// Who paused.
        operator: Address,
    },
    /// The bridge was unpaused, and its delay has started again.
    Resumed {
        /// From here on anyone may execute it. Unit: seconds since 1970.
        executable_at: u64,
    },
    /// It was executed.
    Applied {
        /// EIP-712 encoding of its calls.
        calls_hash: B256,
    },
    /// It was taken back.
    Cancelled,
}

impl Client {
    /// What happened to configurations of the bridge in blocks `from..=to`, in the order of the blocks.
    ///
    /// Errors: [`ChainError::RangeRefused`]: ask for a shorter one; [`ChainError::BadAnswer`] for a log of
    /// another contract, event or block.
    pub(crate) async fn configurations(
        &self,
        bridge: Address,
        from: BlockHeight,
        to: BlockHeight,
    ) -> Result<Vec<ConfigurationLog>, ChainError> {
        let topics = [
            ConfigurationScheduled::SIGNATURE_HASH,
            ConfigurationSuspended::SIGNATURE_HASH,
            ConfigurationResumed::SIGNATURE_HASH,
            ConfigurationApplied::SIGNATURE_HASH,
            ConfigurationCancelled::SIGNATURE_HASH,
        ];
        let logs = self.logs(bridge, &topics, from, to).await?;
        let found = logs.iter().map(configuration).collect::<Result<Vec<_>, _>>();
        let mut found = found.map_err(|what| self.bad_answer(LOGS, what))?;
        // Stable: logs of one block stay in the node's order.
        found.sort_by_key(|log| log.block);
        Ok(found)
    }
}

fn configuration(placed: &PlacedLog) -> Result<ConfigurationLog, String> {
    let topic = placed.log.topics.first();
    let (configuration_nonce, event) = if topic == Some(&ConfigurationScheduled::SIGNATURE_HASH) {
        let event = decode::<ConfigurationScheduled>(placed)?;
        let (executable_at, deadline) = (executable_at(event.executableAt), event.deadline);
        let scheduled = ConfigurationEvent::Scheduled { executable_at, deadline, calls: event.calls };
        (event.configurationNonce, scheduled)
    } else if topic == Some(&ConfigurationSuspended::SIGNATURE_HASH) {
        let event = decode::<ConfigurationSuspended>(placed)?;
        (event.configurationNonce, ConfigurationEvent::Suspended { operator: event.operator })
    } else if topic == Some(&ConfigurationResumed::SIGNATURE_HASH) {
        let event = decode::<ConfigurationResumed>(placed)?;
        (event.configurationNonce, ConfigurationEvent::Resumed { executable_at: event.executableAt })
    } else if topic == Some(&ConfigurationApplied::SIGNATURE_HASH) {
        let event = decode::<ConfigurationApplied>(placed)?;
        (event.configurationNonce, ConfigurationEvent::Applied { calls_hash: event.callsHash })
    } else {
        let event = decode::<ConfigurationCancelled>(placed)?;
        (event.configurationNonce, ConfigurationEvent::Cancelled)
    };
    Ok(ConfigurationLog { configuration_nonce, event, block: placed.block, tx_hash: placed.tx_hash })
}
