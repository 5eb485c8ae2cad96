//! Payouts by a script, without relays: what the chains alone can do.

use std::time::{Duration, Instant};

use alloy::network::TransactionBuilder;
use alloy::primitives::Bytes;
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::signers::SignerSync;
use alloy::sol_types::SolCall;
use anyhow::{Context, Result, bail};
use polyspan_contracts::Bridge;
use polyspan_types::{Checkpoint, CheckpointDomain, Direction, Epoch, Leaf, Request, RequestNonce, Root};

use super::source::{send_all, sign};
use crate::bridge_view::packed;
use crate::network::Network;

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// How long the first payout may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// More than any payout of the benchmark takes, for each transfer. Unit: gas.
const GAS: u64 = 120_000;

/// Signed payouts.
pub(in crate::bench) struct Script {
    signed: Vec<Bytes>,
    /// The first nonce that they handle, and the first that none of them handles.
    begin: u64,
    end: u64,
}

impl Script {
    /// Sends all, for as long as `within`; transfers a second that the destination pays.
    ///
    /// Errors: a chain does not answer, or nothing is paid.
    pub(in crate::bench) async fn pay(
        &self,
        network: &Network,
        direction: Direction,
        within: Duration,
    ) -> Result<f64> {
        let view = network.destination(0, direction)?;
        let began = Instant::now();
        let sending = send_all(network.destination_chain(direction), &self.signed);
        tokio::pin!(sending);
        let (mut sent, mut steps, mut last) = (false, Vec::new(), self.begin);
        while last < self.end && began.elapsed() < within {
            tokio::select! {
                done = &mut sending, if !sent => { done?; sent = true; }
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let handled = view.handle_nonce().await?.get();
            if handled > last {
                steps.push((began.elapsed().as_secs_f64(), handled));
                last = handled;
            }
            if steps.is_empty() && began.elapsed() > PATIENCE {
                bail!("none of the script's payouts is handled");
            }
        }
        Ok(rate(self.begin, &steps))
    }
}

/// Payouts of everything that waits, as relays send them: the same pieces, the same signatures. An account that no relay
/// has sends them.
///
/// Errors: a chain does not answer.
pub(in crate::bench) async fn prepare(network: &Network, direction: Direction) -> Result<Script> {
    let chain = network.destination_chain(direction);
    let info = network.bridge(0)?.deployment.lane(direction);
    let state = network.destination(0, direction)?.state().await?;
    let requests = network.source(0, direction)?.requests().await?;
    let handled = usize::try_from(state.handleNonce).context("a nonce beyond memory")?;
    let signer = &network.deployer.signer;
    let first = chain.provider.get_transaction_count(signer.address()).await.context("an account nonce")?;
    let piece = usize::try_from(network.spec.max_transfers).context("a piece beyond memory")?;

    let mut root = Root::zero(info.bridge_id);
    for request in requests.iter().take(handled) {
        root = root.then(Leaf::of(request));
    }
    let (mut signed, mut end) = (Vec::new(), state.handleNonce);
    for (transfers, nonce) in requests[handled..].chunks(piece).zip(first..) {
        let from = end;
        end += transfers.len() as u64;
        root = transfers.iter().fold(root, |root, request| root.then(Leaf::of(request)));
        let epoch = Epoch::new(state.operators.epoch);
        let checkpoint = Checkpoint { bridge_id: info.bridge_id, epoch, nonce: RequestNonce::new(end), root };
        let call = handle(network, direction, &checkpoint, from, transfers)?;
        let call = TransactionRequest::default().with_to(info.destination.bridge).with_input(call);
        let gas = GAS * (transfers.len() as u64 + 2);
        signed.push(sign(signer, call.with_nonce(nonce).with_chain_id(chain.chain_id).with_gas_limit(gas))?);
    }
    Ok(Script { signed, begin: state.handleNonce, end })
}

/// Calldata of one payout, signed by as many operators as are needed.
fn handle(
    network: &Network,
    direction: Direction,
    checkpoint: &Checkpoint,
    first: u64,
    transfers: &[Request],
) -> Result<Vec<u8>> {
    let destination = &network.bridge(0)?.deployment.lane(direction).destination;
    let digest = checkpoint.digest(&CheckpointDomain::new(destination.chain_id, destination.bridge));
    let operators = network.relays.iter().filter(|relay| relay.spec.directions.contains(&direction));
    let signatures = operators.take(network.spec.threshold.into()).map(|relay| {
        let signature = relay.attester.signer.sign_hash_sync(&digest).context("cannot sign")?;
        Ok(signature.as_erc2098().to_vec().into())
    });
    let call = Bridge::handleCall {
        first,
        transfers: packed(transfers)?,
        tail: Vec::new(),
        signatures: signatures.collect::<Result<Vec<Bytes>>>()?,
    };
    Ok(call.abi_encode())
}

/// Transfers a second between the first and the last block, or until the only one.
fn rate(start: u64, steps: &[(f64, u64)]) -> f64 {
    match steps {
        [] => 0.0,
        // All in one block: no faster than it came.
        [(at, handled)] => (handled - start) as f64 / at.max(1.0),
        [(first_at, first), .., (last_at, last)] => (last - first) as f64 / (last_at - first_at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_block_only_starts_the_clock() {
        assert_eq!(rate(5, &[(0.7, 105), (1.7, 305), (2.7, 505)]), 200.0);
        assert_eq!(rate(5, &[(0.7, 105)]), 100.0);
        assert_eq!(rate(5, &[(4.0, 105)]), 25.0);
    }
}
