//! Real and scripted chains for tests, behind the `testing` feature.

use std::future::Future;
use std::time::Duration;

use alloy::primitives::{Address, U256};
use polyspan_types::Kind;
use tokio::time::{Instant, sleep};

use crate::{PairLimits, PairState};

mod anvil;
mod scripted;

pub use anvil::{AnvilError, AnvilOptions, AnvilProcess, Mining, development_key, workspace_root};
pub use scripted::{Reply, ScriptedServer};

/// Time between two looks of [`eventually`].
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Waits until `look` returns something, and returns that.
///
/// Panics: `patience` is over; the message names `what`.
pub async fn eventually<T, F, L>(patience: Duration, what: &str, mut look: L) -> T
where
    F: Future<Output = Option<T>>,
    L: FnMut() -> F,
{
    let deadline = Instant::now() + patience;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < deadline, "not within {patience:?}: {what}");
        sleep(LOOK_INTERVAL).await;
    }
}

/// A lock pair without limits, of which nothing has moved yet; change what a test is about.
pub fn pair(kind: Kind, token: Address, counterpart_token: Address) -> PairState {
    PairState {
        kind,
        mints: false,
        decimals: if matches!(kind, Kind::Native | Kind::Erc20) { 18 } else { 0 },
        item_bound: if kind == Kind::Erc1155 { 1 } else { 0 },
        gas_cap: 100_000,
        token,
        counterpart_token,
        limits: PairLimits::default(),
        locked: false,
        escrow: U256::ZERO,
        minted: U256::ZERO,
        held: U256::ZERO,
        seeded: U256::ZERO,
        adopted: U256::ZERO,
        outflow: U256::ZERO,
        fees: U256::ZERO,
    }
}
