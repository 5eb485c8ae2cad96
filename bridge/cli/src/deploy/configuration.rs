//! Configuration vote 0: wires a bridge to its counterpart and registers its pairs.

use alloy::primitives::{Address, B256, Bytes};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::{SolCall, SolStruct};
use anyhow::Result;
use polyspan_contracts::Bridge;
use polyspan_node::config::{Deployment, Minter, Pair, Side};
use polyspan_types::{CheckpointDomain, Direction, Epoch};

mod abi {
    alloy::sol! {
        /// Mirrors the contract's type string; the field names are part of it.
        struct Configuration {
            /// Epoch of the governors.
            uint64 epoch;
            /// Number of the vote.
            uint64 configurationNonce;
            /// Last valid timestamp.
            uint64 deadline;
            /// What is to be called.
            bytes[] calls;
        }
    }
}

/// The calls of vote 0 for one end.
pub fn calls(deployment: &Deployment, from: Direction, gas_caps: &[u32]) -> Vec<Bytes> {
    let counterpart = deployment.lane(from).destination;
    let wire = Bridge::wireCall {
        counterpartChainId: counterpart.chain_id.get(),
        counterpart: counterpart.bridge,
        counterpartDeploymentBlock: counterpart.deployment_block.get(),
        salt: deployment.salt,
    };
    let pairs = deployment.pairs.iter().zip(gas_caps).map(|(pair, gas_cap)| register(pair, from, *gas_cap));
    std::iter::once(wire.abi_encode().into()).chain(pairs).collect()
}

fn register(pair: &Pair, from: Direction, gas_cap: u32) -> Bytes {
    let (token, counterpart_token) = pair.tokens(from);
    let own = if from == Direction::MainToService { Minter::Main } else { Minter::Service };
    let pair = Bridge::PairConfiguration {
        kind: pair.kinds(from).0.number(),
        mints: pair.mints == own,
        gasCap: gas_cap,
        token,
        counterpartToken: counterpart_token,
    };
    Bridge::registerPairCall { pair }.abi_encode().into()
}

/// Calldata of `configure(0, …)` with the governors' signatures.
///
/// Errors: a key does not sign.
pub fn configure(
    side: &Side,
    epoch: Epoch,
    deadline: u64,
    calls: Vec<Bytes>,
    governors: &[PrivateKeySigner],
) -> Result<Bytes> {
    let digest = digest(side.chain_id, side.bridge, epoch, deadline, &calls);
    let signatures = governors
        .iter()
        .map(|governor| Ok(Bytes::copy_from_slice(&governor.sign_hash_sync(&digest)?.as_bytes())))
        .collect::<Result<Vec<_>>>()?;
    Ok(Bridge::configureCall { configurationNonce: 0, deadline, calls, signatures }.abi_encode().into())
}

fn digest(
    chain: polyspan_types::ChainId,
    bridge: Address,
    epoch: Epoch,
    deadline: u64,
    calls: &[Bytes],
) -> B256 {
    let domain = CheckpointDomain::new(chain, bridge);
    abi::Configuration { epoch: epoch.get(), configurationNonce: 0, deadline, calls: calls.to_vec() }
        .eip712_signing_hash(domain.eip712())
}
