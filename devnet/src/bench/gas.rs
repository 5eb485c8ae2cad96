//! Gas of requests and payouts, from the receipts of real transactions.
//!
//! Three of four operators sign; the pair locks ERC-20 tokens on both sides; every recipient is another account that
//! already holds the token. A figure is the whole transaction's gas divided by the transfers in it.

mod bencher;

use anyhow::{Context, Result};
use polyspan_types::Kind;
use tokio::process::Command;

use super::{Figure, Machine, Report};
use crate::binaries::Binaries;
use crate::network::Network;
use crate::spec::NetworkSpec;

use bencher::Bencher;

/// Batch sizes with the highest gas for each transfer. Source: DESIGN section 12.
const SIGNATURES: [(usize, f64); 4] = [(1, 95_000.0), (4, 37_000.0), (32, 20_000.0), (128, 17_500.0)];

/// Source: DESIGN section 12. Unit: gas.
const REQUEST_ERC20_GOAL: f64 = 72_000.0;

/// Source: DESIGN section 12. Unit: gas.
const REQUEST_NATIVE_GOAL: f64 = 48_500.0;

/// Source: DESIGN section 12. Unit: gas.
const DUPLICATE_GOAL: f64 = 40_000.0;

/// Measures on a network of its own, in which no relay runs: requests, signatures and payouts are made here.
///
/// Errors: a step of the set-up or of a transfer fails.
pub async fn run(spec: NetworkSpec) -> Result<Report> {
    let machine = Machine::this(chain_version(&Binaries::locate()?).await?);
    let network = Network::start(spec).await?;
    let mut bencher = Bencher::new(&network)?;
    let mut figures = Vec::new();

    // The first transfer of a lane pays for fresh storage; the figures are those of a lane in use.
    bencher.transfer("krw", Kind::Erc20, 1).await?;
    bencher.transfer("coin", Kind::Native, 1).await?;
    let mut erc20_request = 0;
    let mut duplicate = 0;
    for (size, goal) in SIGNATURES {
        let batch = bencher.transfer("krw", Kind::Erc20, size).await?;
        erc20_request = batch.request_gas;
        if size == 1 {
            duplicate = bencher.duplicate().await?;
        }
        figures.push(per_transfer(format!("gas.signatures.{size}"), batch.handle_gas, size, Some(goal)));
    }
    let native = bencher.transfer("coin", Kind::Native, 1).await?;
    figures.push(Figure::at_most("gas.request.erc20", erc20_request as f64, "gas", REQUEST_ERC20_GOAL));
    figures.push(Figure::at_most(
        "gas.request.native",
        native.request_gas as f64,
        "gas",
        REQUEST_NATIVE_GOAL,
    ));
    figures.push(Figure::at_most("gas.duplicate", duplicate as f64, "gas", DUPLICATE_GOAL));

    bencher.transfer("usd", Kind::Erc20, 32).await?;
    for size in [1, 32] {
        let batch = bencher.transfer("usd", Kind::Erc20, size).await?;
        figures.push(per_transfer(format!("gas.signatures.mint.{size}"), batch.handle_gas, size, None));
    }
    figures.push(Figure::of_interest("gas.signatures.native.1", native.handle_gas as f64, "gas"));
    network.expect_complete().await?;
    network.stop().await?;
    Ok(Report { bench: "gas", figures, machine })
}

fn per_transfer(name: String, gas: u64, size: usize, goal: Option<f64>) -> Figure {
    let value = gas as f64 / size as f64;
    match goal {
        Some(goal) => Figure::at_most(name, value, "gas per transfer", goal),
        None => Figure::of_interest(name, value, "gas per transfer"),
    }
}

async fn chain_version(binaries: &Binaries) -> Result<String> {
    let output =
        Command::new(&binaries.anvil).arg("--version").output().await.context("cannot start anvil")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.lines().next().unwrap_or("anvil").to_owned())
}
