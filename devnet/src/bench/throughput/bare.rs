//! The same payouts once more, without relays: what the chains alone can do.

use std::time::{Duration, Instant};

use alloy::network::TransactionBuilder;
use alloy::primitives::Bytes;
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use anyhow::{Context, Result, bail};
use polyspan_types::Direction;
use serde_json::json;

use super::PATIENCE;
use super::blocks::Payouts;
use super::source::{Source, send_all, sign};
use crate::bench::Figure;
use crate::network::Network;

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// Traffic of the source before the script starts.
const WARM_UP: Duration = Duration::from_secs(5);

/// Transfers a second of the slower of both chains, while both are driven at once.
///
/// Errors: a chain does not answer, or a payout that was paid before is not paid now.
pub(super) async fn limit(
    network: &Network,
    direction: Direction,
    snapshot: serde_json::Value,
    payouts: &Payouts,
    figures: &mut Vec<Figure>,
) -> Result<f64> {
    let chain = network.destination_chain(direction);
    let source = Source::prepare(network, direction).await?;
    let back: bool = chain.provider.raw_request("evm_revert".into(), json!([snapshot])).await?;
    if !back {
        bail!("{} does not go back to its snapshot", chain.name);
    }
    let script = script(network, direction, payouts).await?;
    let view = network.destination(0, direction)?;
    let source_view = network.source(0, direction)?;
    let start = view.handle_nonce().await?.get();

    let source = source.drive();
    tokio::time::sleep(WARM_UP).await;
    let (began, requested) = (Instant::now(), source_view.request_nonce().await?.get());
    let mut sending = Box::pin(send_all(chain, &script));
    let mut sent = false;
    let mut steps = Vec::new();
    let mut last = start;
    while last < start + payouts.transfers {
        tokio::select! {
            done = &mut sending, if !sent => { done?; sent = true; }
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let handled = view.handle_nonce().await?.get();
        if handled > last {
            steps.push((began.elapsed().as_secs_f64(), handled));
            last = handled;
        }
        if began.elapsed() > PATIENCE {
            bail!("the script's payouts are not handled: {last} of {}", start + payouts.transfers);
        }
    }
    let taken = began.elapsed().as_secs_f64();
    let requests = (source_view.request_nonce().await?.get() - requested) as f64 / taken;
    source.stop().await?;
    let paid = rate(start, &steps);
    figures.push(Figure::of_interest("throughput.bare.requests_per_s", requests, "requests/s"));
    figures.push(Figure::of_interest("throughput.bare.payouts_per_s", paid, "transfers/s"));
    figures.push(Figure::of_interest("throughput.bare.seconds", taken, "s"));
    Ok(paid.min(requests))
}

/// The payouts, signed by an account that no relay has.
async fn script(network: &Network, direction: Direction, payouts: &Payouts) -> Result<Vec<Bytes>> {
    let chain = network.destination_chain(direction);
    let bridge = network.destination(0, direction)?.side.bridge;
    let signer = &network.deployer.signer;
    let first = chain.provider.get_transaction_count(signer.address()).await.context("an account nonce")?;
    let transactions = payouts.calls.iter().zip(first..).map(|((input, gas, _), nonce)| {
        let call = TransactionRequest::default().with_to(bridge).with_input(input.clone());
        sign(signer, call.with_nonce(nonce).with_chain_id(chain.chain_id).with_gas_limit(*gas))
    });
    transactions.collect()
}

/// Transfers a second between the first and the last block, or of the only one.
fn rate(start: u64, steps: &[(f64, u64)]) -> f64 {
    match steps {
        [] => 0.0,
        // Blocks come every second.
        [(_, handled)] => (handled - start) as f64,
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
    }
}
