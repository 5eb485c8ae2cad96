//! Gas of requests, payouts and what else people pay for, from the receipts of real transactions.
//!
//! Three of four operators sign; the pair locks ERC-20 tokens on both sides; every recipient is another account that
//! already holds the token. Figures with a number at their end are the whole transaction's gas divided by the transfers in
//! it.

mod bencher;
mod lane;

use std::collections::BTreeSet;

use alloy::eips::BlockId;
use alloy::primitives::Address;
use alloy::providers::Provider;
use anyhow::{Context, Result, bail};
use polyspan_node::config::{Minter, Part};
use polyspan_types::Kind;

use super::{Figure, Machine, Report, Setting};
use crate::network::Network;
use crate::spec::NetworkSpec;
use crate::tokens::{LimitsSpec, PAYMENT_PAIR, PairSpec, WHOLE};

use bencher::{Bencher, DIRECTION};
use lane::HandLane;

/// Batch sizes with the highest gas for each transfer. Source: DESIGN section 12.
const SIGNATURES: [(usize, f64); 4] = [(1, 86_000.0), (4, 30_000.0), (32, 13_600.0), (128, 12_000.0)];

/// Source: DESIGN section 12. Unit: gas.
const VOTES_GOAL: f64 = 171_000.0;

/// Source: DESIGN section 12. Unit: gas.
const REQUEST_ERC20_GOAL: f64 = 72_000.0;

/// Source: DESIGN section 12. Unit: gas.
const REQUEST_NATIVE_GOAL: f64 = 48_500.0;

/// Source: DESIGN section 12. Unit: gas.
const DUPLICATE_GOAL: f64 = 40_000.0;

/// As `krw`, with everything that a pair can be limited by.
const LIMITED: PairSpec = PairSpec {
    limits: LimitsSpec {
        minimum: Some("0.000000000001"),
        maximum: Some("1000"),
        fee: Some("0.001"),
        outflow_capacity: Some("100000"),
        outflow_period: Some("1day"),
        delay_above: Some("100"),
        delay_blocks: Some(2),
    },
    ..PairSpec::new("won", Kind::Erc20, Minter::None)
};

/// More than `won` pays at once. Unit: smallest units.
const DELAYED: u128 = 200 * WHOLE;

/// Blocks after which a delayed payout is released: those of [`LIMITED`] and one more.
const DELAY: u64 = 3;

/// Measures on a network of its own, in which no relay runs: requests, signatures and payouts are made here.
///
/// Errors: a step of the set-up or of a transfer fails.
pub async fn run(spec: NetworkSpec) -> Result<Report> {
    let setting = Setting::of(&spec);
    // A delay of one block: the benchmark refunds, and nobody else looks.
    let spec = NetworkSpec { more_pairs: vec![LIMITED, PAYMENT_PAIR], refund_delay: 1, ..spec };
    let network = Network::start(spec).await?;
    let machine = Machine::of(&network).await?;
    let mut bencher = Bencher::new(&network).await?;
    let mut figures = Vec::new();

    // The first transfer of a lane pays for fresh storage; the figures are those of a lane in use.
    for pair in ["krw", "coin", "won", "art", "items"] {
        bencher.transfer(pair, 1).await?;
    }
    goals(&mut bencher, &mut figures).await?;
    pairs(&mut bencher, &mut figures).await?;
    collectibles(&mut bencher, &mut figures).await?;
    holds(&network, &mut bencher, &mut figures).await?;
    let (bridge, parts) = deployment_gas(&network).await?;
    figures.push(gas("gas.deploy", bridge + parts));
    figures.push(gas("gas.deploy.bridge", bridge));
    for audit in network.audit().await? {
        audit.expect_settled()?;
    }
    network.stop().await?;
    Ok(Report::new("gas", setting, figures, machine))
}

/// What the design has a goal for, and the parts of it.
async fn goals(bencher: &mut Bencher<'_>, figures: &mut Vec<Figure>) -> Result<()> {
    let mut erc20_request = 0;
    let mut duplicate = 0;
    for (size, goal) in SIGNATURES {
        let batch = bencher.transfer("krw", size).await?;
        erc20_request = batch.request_gas;
        let again = bencher.lane.duplicate().await?;
        if size == 1 {
            duplicate = again;
        } else {
            figures.push(gas(format!("gas.duplicate.{size}"), again));
        }
        figures.push(per_transfer(format!("gas.signatures.{size}"), batch.handle_gas, size, Some(goal)));
    }
    bencher.request("krw", 1).await?;
    let (first, next) = (bencher.lane.vote(0).await?, bencher.lane.vote(1).await?);
    let votes = first + next + bencher.lane.handle_signed_by(2..3).await?;
    figures.push(per_transfer("gas.votes.1".to_owned(), votes, 1, Some(VOTES_GOAL)));

    let native = bencher.transfer("coin", 1).await?;
    let goal = |name: &str, value: u64, goal| Figure::at_most(name, value as f64, "gas", goal);
    figures.push(goal("gas.request.erc20", erc20_request, REQUEST_ERC20_GOAL));
    figures.push(goal("gas.request.native", native.request_gas, REQUEST_NATIVE_GOAL));
    figures.push(goal("gas.duplicate", duplicate, DUPLICATE_GOAL));
    figures.push(gas("gas.vote.first", first));
    figures.push(gas("gas.vote.next", next));
    figures.push(per_transfer("gas.signatures.native.1".to_owned(), native.handle_gas, 1, None));
    Ok(())
}

/// Fungible tokens of other pairs, and other ways to request them.
async fn pairs(bencher: &mut Bencher<'_>, figures: &mut Vec<Figure>) -> Result<()> {
    bencher.transfer("usd", 32).await?;
    for size in [1, 32] {
        let batch = bencher.transfer("usd", size).await?;
        figures.push(per_transfer(format!("gas.signatures.mint.{size}"), batch.handle_gas, size, None));
    }
    bencher.transfer("won", 32).await?;
    let limited = bencher.transfer("won", 32).await?;
    figures.push(gas("gas.request.erc20.limited", limited.request_gas));
    figures.push(per_transfer("gas.signatures.limited.32".to_owned(), limited.handle_gas, 32, None));
    bencher.transfer_in_one_step(PAYMENT_PAIR.name).await?;
    let one_step = bencher.transfer_in_one_step(PAYMENT_PAIR.name).await?;
    figures.push(gas("gas.request.erc20.onestep", one_step.request_gas));
    bencher.transfer_with_data("krw").await?;
    let data = bencher.transfer_with_data("krw").await?;
    figures.push(per_transfer("gas.signatures.data.1".to_owned(), data.handle_gas, 1, None));
    Ok(())
}

/// Tokens with ids. The service chain mints them.
async fn collectibles(bencher: &mut Bencher<'_>, figures: &mut Vec<Figure>) -> Result<()> {
    for (pair, kind) in [("art", Kind::Erc721), ("items", Kind::Erc1155)] {
        let batch = bencher.transfer(pair, 1).await?;
        figures.push(gas(format!("gas.request.{kind}"), batch.request_gas));
        figures.push(per_transfer(format!("gas.signatures.{kind}.1"), batch.handle_gas, 1, None));
    }
    Ok(())
}

/// Payouts that were delayed: one released, others sent back and paid on the source. The first refund is the first request
/// of its lane, so the figure is that of the second.
async fn holds(network: &Network, bencher: &mut Bencher<'_>, figures: &mut Vec<Figure>) -> Result<()> {
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(bencher.transfer_to_hold(LIMITED.name, DELAYED).await?);
    }
    network.destination_chain(DIRECTION).wait_blocks(DELAY).await?;
    figures.push(gas("gas.release", bencher.lane.release(held[0]).await?));
    bencher.lane.refund(held[1]).await?;
    figures.push(gas("gas.refund", bencher.lane.refund(held[2]).await?));
    let mut back = HandLane::new(network, DIRECTION.opposite())?;
    back.look().await?;
    back.handle().await?;
    // The main chain delays large amounts as well.
    network.source_chain(DIRECTION).wait_blocks(DELAY).await?;
    for nonce in 0..=back.newest()? {
        back.release(nonce).await?;
    }
    Ok(())
}

/// What the transactions used that made the main chain's bridge and, before it, its parts.
async fn deployment_gas(network: &Network) -> Result<(u64, u64)> {
    let side = &network.bridge(0)?.deployment.main;
    let parts = side.parts.context("the deployment file names no parts")?;
    let mut missing: BTreeSet<Address> = Part::ALL.into_iter().map(|part| parts.of(part)).collect();
    missing.insert(side.bridge);
    let (mut bridge, mut others) = (0, 0);
    for height in (0..=side.deployment_block.get()).rev() {
        let receipts = network.main.provider.get_block_receipts(BlockId::number(height)).await?;
        for receipt in receipts.context("the chain has forgotten a block of the deployment")? {
            match receipt.contract_address.filter(|made| missing.remove(made)) {
                Some(made) if made == side.bridge => bridge = receipt.gas_used,
                Some(_) => others += receipt.gas_used,
                None => {}
            }
        }
        if missing.is_empty() {
            return Ok((bridge, others));
        }
    }
    bail!("the creation of {missing:?} was not found at or below the bridge's deployment block")
}

fn gas(name: impl Into<String>, gas: u64) -> Figure {
    Figure::of_interest(name, gas as f64, "gas")
}

fn per_transfer(name: String, gas: u64, size: usize, goal: Option<f64>) -> Figure {
    let value = gas as f64 / size as f64;
    match goal {
        Some(goal) => Figure::at_most(name, value, "gas per transfer", goal),
        None => Figure::of_interest(name, value, "gas per transfer"),
    }
}
