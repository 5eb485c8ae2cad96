//! What happened to configurations, from the bridge's events, newest first.

use alloy::primitives::Bytes;
use alloy::sol_types::SolCall;
use polyspan_chain::{ChainError, ConfigurationEvent, ConfigurationLog};
use polyspan_contracts::Bridge;
use polyspan_types::BlockHeight;

use super::reach::{Site, Snapshot};
use crate::governance::step::Ending;

/// Events of a stretch of blocks.
#[derive(Debug)]
pub struct History {
    /// Newest first.
    pub logs: Vec<ConfigurationLog>,
    /// The first block that was looked at.
    pub from: BlockHeight,
}

/// Reads backwards from the newest block until `enough` says so, or to the bridge's deployment.
///
/// Errors: the endpoint.
pub async fn read(
    site: &Site,
    snapshot: &Snapshot,
    enough: impl Fn(&[ConfigurationLog], BlockHeight) -> bool,
) -> Result<History, ChainError> {
    let first = snapshot.state.deployment_block;
    let mut history = History { logs: Vec::new(), from: snapshot.height.next() };
    let mut end = snapshot.height;
    while history.from > first && !enough(&history.logs, history.from) {
        // As many blocks as one request takes now, counted from the end.
        let Some((_, last)) = site.chain.next_range(first, end) else { break };
        let from = BlockHeight::new(first.get().max(end.get().saturating_sub(last.since(first))));
        match site.chain.configurations(site.bridge, from, end).await {
            Ok(mut logs) => {
                logs.reverse();
                history.logs.append(&mut logs);
                history.from = from;
                if from == first {
                    break;
                }
                end = from.minus(1);
            }
            Err(ChainError::RangeRefused { .. }) if from < end => {}
            Err(error) => return Err(error),
        }
    }
    Ok(history)
}

/// How the configuration with this number ended; `None` when it did not, or is not found.
///
/// Errors: the endpoint.
pub async fn ending(site: &Site, snapshot: &Snapshot, nonce: u64) -> Result<Option<Ending>, ChainError> {
    let found = |logs: &[ConfigurationLog]| {
        logs.iter().find_map(|log| match log.event {
            ConfigurationEvent::Applied { calls_hash } if log.configuration_nonce == nonce => {
                Some(Ending::Applied(calls_hash))
            }
            ConfigurationEvent::Cancelled if log.configuration_nonce == nonce => Some(Ending::Cancelled),
            _ => None,
        })
    };
    let history = read(site, snapshot, |logs, _| found(logs).is_some()).await?;
    Ok(found(&history.logs))
}

/// The calls of a configuration: from the event that scheduled it, else from the transaction that made `log`.
///
/// Errors: the endpoint.
pub async fn calls(
    site: &Site,
    history: &History,
    log: &ConfigurationLog,
) -> Result<Option<Vec<Bytes>>, ChainError> {
    let scheduled = history.logs.iter().find_map(|other| match &other.event {
        ConfigurationEvent::Scheduled { calls, .. }
            if other.configuration_nonce == log.configuration_nonce =>
        {
            Some(calls.clone())
        }
        _ => None,
    });
    if scheduled.is_some() || log.event == ConfigurationEvent::Cancelled {
        return Ok(scheduled);
    }
    let Some(sent) = site.chain.transaction(log.tx_hash).await? else { return Ok(None) };
    if sent.to != Some(site.bridge) {
        return Ok(None);
    }
    let voted =
        Bridge::configureCall::abi_decode(&sent.input).map(|call| (call.configurationNonce, call.calls));
    let executed = || {
        Bridge::executeConfigurationCall::abi_decode(&sent.input)
            .map(|call| (call.configurationNonce, call.calls))
    };
    Ok(voted
        .or_else(|_| executed())
        .ok()
        .filter(|(nonce, _)| *nonce == log.configuration_nonce)
        .map(|(_, calls)| calls))
}
