//! The contracts of a bridge, and whether this operator can pause them.

use std::fmt;
use std::process::ExitCode;

use alloy::primitives::Address;
use anyhow::Result;
use polyspan_chain::{At, BridgeState, ChainError};
use polyspan_node::config::{Config, Deployment, Side};
use polyspan_types::BridgeName;

use crate::exit::Exit;
use crate::failure::BadInput;
use crate::network::Network;
use crate::output;

/// One contract of the bridge.
#[derive(Debug)]
pub(super) struct End<'a> {
    pub(super) side: &'a Side,
    pub(super) state: State,
}

/// What this operator can do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// It can pause it.
    Pausable { pause_nonce: u64 },
    /// It is paused.
    Paused,
    /// Its signature does not count there.
    NotOperator,
    /// It could not be read.
    Unread(ChainError),
}

impl fmt::Display for End<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Side { chain, bridge, .. } = self.side;
        write!(f, "{bridge} on chain {chain}: ")?;
        match &self.state {
            State::Pausable { .. } => f.write_str("will be paused"),
            State::Paused => f.write_str("is paused"),
            State::NotOperator => f.write_str("this key is no operator"),
            State::Unread(error) => write!(f, "cannot be read: {error}"),
        }
    }
}

/// The bridge of that name, or the only one.
///
/// Errors: there is none, or several and no name.
pub(super) fn bridge<'a>(config: &'a Config, name: Option<&BridgeName>) -> Result<&'a Deployment, BadInput> {
    let file = config.file.display();
    let names: Vec<String> = config.bridges.iter().map(|bridge| bridge.deployment.name.to_string()).collect();
    let names = names.join(", ");
    match (name, config.bridges.as_slice()) {
        (None, [bridge]) => Ok(&bridge.deployment),
        (None, _) => Err(BadInput::new(format!("{file} has the bridges {names}; choose one with --bridge"))),
        (Some(name), _) => config
            .bridge(name)
            .ok_or_else(|| BadInput::new(format!("{file} has no bridge `{name}`; it has {names}"))),
    }
}

/// Reads the contracts, or the one of a chain.
///
/// Errors: the bridge does not end on that chain.
pub(super) async fn fetch<'a>(
    network: &Network,
    deployment: &'a Deployment,
    chain: Option<&str>,
    operator: Address,
) -> Result<Vec<End<'a>>, BadInput> {
    let sides = [&deployment.main, &deployment.service];
    let chosen: Vec<_> =
        sides.into_iter().filter(|side| chain.is_none_or(|chain| side.chain == chain)).collect();
    if chosen.is_empty() {
        let [main, service] = sides.map(|side| side.chain.as_str());
        let (name, chain) = (&deployment.name, chain.unwrap_or_default());
        return Err(BadInput::new(format!(
            "--chain: bridge {name} has no end on `{chain}`; use {main} or {service}"
        )));
    }
    Ok(futures::future::join_all(chosen.into_iter().map(async |side| {
        let state = network.chain(side).bridge_state(side.bridge, At::Latest).await;
        End { side, state: judge(state, operator) }
    }))
    .await)
}

/// Says why nothing is left to pause.
///
/// Errors: this key is no operator at any end.
pub(super) fn nothing_to_do(ends: &[End<'_>]) -> Result<ExitCode> {
    if ends.iter().any(|end| matches!(end.state, State::Unread(_))) {
        return Ok(Exit::Unreadable.into());
    }
    if ends.iter().all(|end| end.state == State::NotOperator) {
        let text = "the attester key is no operator of the bridge, so its signature pauses nothing; use the config of one";
        return Err(BadInput::new(text).into());
    }
    output::told("there is nothing left to pause");
    Ok(Exit::Fine.into())
}

fn judge(state: Result<BridgeState, ChainError>, operator: Address) -> State {
    match state {
        Err(error) => State::Unread(error),
        Ok(state) if state.paused => State::Paused,
        Ok(state) if !state.operators.contains(operator) => State::NotOperator,
        Ok(state) => State::Pausable { pause_nonce: state.pause_nonce },
    }
}
