//! Configuration vote 0: wires a bridge to its counterpart, registers its pairs, and sets what they allow.

use alloy::primitives::{Address, Bytes};
use alloy::sol_types::SolCall;
use anyhow::Result;
use polyspan_contracts::Bridge;
use polyspan_node::config::{Deployment, Pair, Side};
use polyspan_node::keys::SigningKey;
use polyspan_types::{CheckpointDomain, Epoch};

use super::run::direction;
use super::spec::{DeploySpec, End, PairSpec};
use super::survey::Site;
use crate::governance::limits::unlimited;
use crate::governance::setter::Setter;
use crate::governance::vote::configuration_preimage;

/// The calls of vote 0 for one end.
pub fn calls(deployment: &Deployment, spec: &DeploySpec, end: End, site: &Site) -> Vec<Bytes> {
    let counterpart = deployment.lane(direction(end)).destination;
    let mut setters = vec![Setter::Wire(Bridge::wireCall {
        counterpartChainId: counterpart.chain_id.get(),
        counterpart: counterpart.bridge,
        counterpartDeploymentBlock: counterpart.deployment_block.get(),
        salt: deployment.salt,
    })];
    for (index, (pair, asked)) in deployment.pairs.iter().zip(&spec.pairs).enumerate() {
        let configuration = configuration(pair, asked, end, site, index);
        let token = configuration.token;
        setters.push(Setter::RegisterPair(Bridge::registerPairCall { pair: configuration }));
        let limits = site.limits[index].clone();
        if limits != unlimited() {
            setters.push(Setter::SetPairLimits(Bridge::setPairLimitsCall { token, limits }));
        }
    }
    let fee_receiver = spec.side(end).fee_receiver;
    if fee_receiver != Address::ZERO {
        setters.push(Setter::SetFeeReceiver(Bridge::setFeeReceiverCall { feeReceiver: fee_receiver }));
    }
    setters.iter().map(Setter::encode).collect()
}

/// A pair, number `index` of the file, as one end registers it.
pub fn configuration(
    pair: &Pair,
    asked: &PairSpec,
    end: End,
    site: &Site,
    index: usize,
) -> Bridge::PairConfiguration {
    let (token, counterpart_token) = pair.tokens(direction(end));
    Bridge::PairConfiguration {
        kind: asked.kind_of(end).number(),
        mints: end.mints(asked.mints),
        decimals: site.decimals[index],
        itemBound: site.item_bounds[index],
        gasCap: site.gas_caps[index],
        token,
        counterpartToken: counterpart_token,
    }
}

/// Calldata of `configure(0, …)` with the governors' signatures.
///
/// Errors: a key does not sign.
pub async fn configure(
    side: &Side,
    epoch: Epoch,
    deadline: u64,
    calls: Vec<Bytes>,
    governors: &[SigningKey],
) -> Result<Bytes> {
    let domain = CheckpointDomain::new(side.chain_id, side.bridge);
    let preimage = configuration_preimage(&domain, epoch, 0, deadline, &calls);
    let mut signatures = Vec::with_capacity(governors.len());
    for governor in governors {
        signatures.push(Bytes::copy_from_slice(&governor.sign_preimage(&preimage).await?.as_bytes()));
    }
    Ok(Bridge::configureCall { configurationNonce: 0, deadline, calls, signatures }.abi_encode().into())
}
