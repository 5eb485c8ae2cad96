//! Reads back what was deployed.

use anyhow::{Result, bail};
use polyspan_chain::{At, BridgeState, PairState};
use polyspan_contracts::Bridge;
use polyspan_node::config::Deployment;
use polyspan_node::preflight::part_problems;
use polyspan_types::MemberSet;

use super::configuration::configuration;
use super::run::{direction, side};
use super::spec::{DeploySpec, End, Members};
use super::survey::Site;
use crate::governance::limits::encoded;

/// Compares both contracts with the file, and with what this program computes itself.
///
/// Errors: every difference.
pub async fn verify(deployment: &Deployment, spec: &DeploySpec, sites: &[Site; 2]) -> Result<()> {
    let mut differences = Vec::new();
    for end in End::ALL {
        let chain = &sites[end as usize].wallet.chain;
        let state = chain.bridge_state(side(deployment, end).bridge, At::Latest).await?;
        let own = side(deployment, end);
        let mut found = compare(deployment, spec, end, &sites[end as usize], &state);
        found.extend(part_problems(chain, own.bridge, own.parts).await?);
        differences.extend(found.into_iter().map(|what| format!("{} side: {what}", end.as_str())));
    }
    if differences.is_empty() {
        return Ok(());
    }
    bail!("the deployed bridge is not what was asked for; do not use it: {}", differences.join("; "))
}

fn compare(
    deployment: &Deployment,
    spec: &DeploySpec,
    end: End,
    site: &Site,
    state: &BridgeState,
) -> Vec<String> {
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
        ("its governance delay differs", state.governance_delay == spec.governance_delay),
        ("its greatest gas cap differs", state.greatest_gas_cap == site.greatest_gas_cap),
        ("whether it defers calls differs", state.defers_calls == site.defers_calls),
        ("its refund delay differs", state.refund_delay == asked.refund_delay),
        ("its fee receiver differs", state.fee_receiver == asked.fee_receiver),
        ("its requests are stopped", !state.requests_stopped),
        ("it has a predecessor", state.predecessor.is_zero()),
        ("a configuration waits", state.pending.is_empty() && state.configuration_nonce == 1),
        ("it has other pairs", state.pairs.len() == deployment.pairs.len()),
    ];
    let mut differences: Vec<_> =
        checks.into_iter().filter(|(_, holds)| !holds).map(|(what, _)| what.to_owned()).collect();
    for (index, (pair, asked)) in deployment.pairs.iter().zip(&spec.pairs).enumerate() {
        let expected = configuration(pair, asked, end, site, index);
        let found = state.pairs.iter().find(|found| found.token == expected.token);
        let differs = match found {
            None => Some("is not registered"),
            Some(found) if registered(found) != expected => Some("is registered differently"),
            Some(found) if encoded(&found.limits) != site.limits[index] => Some("has other limits"),
            Some(found) if found.locked => Some("is locked"),
            // A token that keeps a share of each transfer leaves less than was sent.
            Some(found) if found.seeded.is_zero() != site.seeds[index].is_zero() => {
                Some("has other liquidity")
            }
            Some(_) => None,
        };
        differences.extend(differs.map(|differs| format!("pair {} {differs}", pair.name)));
    }
    differences
}

/// A pair as it was registered.
fn registered(pair: &PairState) -> Bridge::PairConfiguration {
    Bridge::PairConfiguration {
        kind: pair.kind.number(),
        mints: pair.mints,
        decimals: pair.decimals,
        itemBound: pair.item_bound,
        gasCap: pair.gas_cap,
        token: pair.token,
        counterpartToken: pair.counterpart_token,
    }
}

fn same(found: &MemberSet, asked: &Members) -> bool {
    found.threshold == asked.threshold && found.members == asked.members
}
