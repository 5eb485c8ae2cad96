//! Reads back what was deployed.

use anyhow::{Result, bail};
use polyspan_chain::{At, BridgeState};
use polyspan_node::config::Deployment;
use polyspan_types::MemberSet;

use super::run::{direction, side};
use super::spec::{DeploySpec, End, Members};
use super::survey::Site;

/// Compares both contracts with the file, and with what this program computes itself.
///
/// Errors: every difference.
pub async fn verify(deployment: &Deployment, spec: &DeploySpec, sites: &[Site; 2]) -> Result<()> {
    let mut differences = Vec::new();
    for end in End::ALL {
        let chain = &sites[end as usize].wallet.chain;
        let state = chain.bridge_state(side(deployment, end).bridge, At::Latest).await?;
        let found = compare(deployment, spec, end, &state);
        differences.extend(found.into_iter().map(|what| format!("{} side: {what}", end.as_str())));
    }
    if differences.is_empty() {
        return Ok(());
    }
    bail!("the deployed bridge is not what was asked for; do not use it: {}", differences.join("; "))
}

fn compare(deployment: &Deployment, spec: &DeploySpec, end: End, state: &BridgeState) -> Vec<String> {
    let (own, other) = (side(deployment, end), side(deployment, end.other()));
    let outbound = deployment.lane(direction(end));
    let inbound = deployment.lane(direction(end.other()));
    let asked = spec.side(end);
    let checks = [
        ("it is not wired", state.wired),
        ("it is paused", !state.paused),
        ("its development flag differs", state.development == spec.development),
        (
            "its counterpart differs",
            (state.counterpart_chain_id, state.counterpart) == (other.chain_id, other.bridge),
        ),
        ("its deployment block differs", state.deployment_block == own.deployment_block),
        (
            "the counterpart's deployment block differs",
            state.counterpart_deployment_block == other.deployment_block,
        ),
        (
            "its outbound bridge id differs from the computed one",
            state.outbound_bridge_id == outbound.bridge_id,
        ),
        ("its inbound bridge id differs from the computed one", state.inbound_bridge_id == inbound.bridge_id),
        ("its operators differ", same(&state.operators, &asked.operators)),
        ("its governors differ", same(&state.governors, &asked.governors)),
        ("its pairs differ", pairs(deployment, spec, end, state)),
    ];
    checks.into_iter().filter(|(_, holds)| !holds).map(|(what, _)| what.to_owned()).collect()
}

fn same(found: &MemberSet, asked: &Members) -> bool {
    found.threshold == asked.threshold && found.members == asked.members
}

fn pairs(deployment: &Deployment, spec: &DeploySpec, end: End, state: &BridgeState) -> bool {
    let all = deployment.pairs.iter().zip(&spec.pairs).all(|(pair, asked)| {
        let (token, counterpart) = pair.tokens(direction(end));
        state.pairs.iter().any(|found| {
            (found.token, found.counterpart_token) == (token, counterpart)
                && found.kind == asked.kind_of(end)
                && found.mints == end.mints(asked.mints)
                && found.gas_cap == asked.gas_cap
        })
    });
    all && state.pairs.len() == deployment.pairs.len()
}
