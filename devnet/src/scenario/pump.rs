//! Steady traffic of one lane, sent straight to its source until it is told to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use alloy::primitives::{Address, U256};
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result};
use polyspan_types::Direction;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::account;
use crate::chain::ChainAccess;
use crate::network::Network;
use crate::tokens::pair_for;
use crate::traffic::{Ask, Asset};

/// Unit: smallest units.
const AMOUNT: u64 = 1_000;

/// How long requests may be refused in a row: a chain that is down, or was just reorganized, takes none.
const FORGIVEN: Duration = Duration::from_secs(60);

/// Traffic that goes on by itself; dropping it ends it.
#[derive(Debug)]
pub struct Pump {
    stop: CancellationToken,
    sent: Arc<AtomicU64>,
    task: Option<JoinHandle<Result<()>>>,
}

struct Nozzle {
    chain: ChainAccess,
    user: PrivateKeySigner,
    bridge: Address,
    token: Address,
    sent: Arc<AtomicU64>,
}

impl Pump {
    /// Starts `per_second` requests of one user, ERC-20 and native in turn, on a lane of the first bridge.
    ///
    /// Errors: there is no such user or pair.
    pub fn start(network: &Network, direction: Direction, user: usize, per_second: u32) -> Result<Self> {
        let deployment = &network.bridge(0)?.deployment;
        let pair = pair_for(direction, polyspan_types::Kind::Erc20);
        let pair = deployment.pair(pair).with_context(|| format!("no pair is called {pair}"))?;
        let sent = Arc::new(AtomicU64::new(0));
        let nozzle = Nozzle {
            chain: network.source_chain(direction).access().clone(),
            user: network.users.get(user).context("no such user")?.signer.clone(),
            bridge: deployment.lane(direction).source.bridge,
            token: pair.tokens(direction).0,
            sent: sent.clone(),
        };
        let stop = CancellationToken::new();
        let task = tokio::spawn(nozzle.run(per_second, stop.clone()));
        Ok(Self { stop, sent, task: Some(task) })
    }

    /// Requests sent so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Whether it has ended by itself: [`Pump::stop`] tells why.
    pub fn has_ended(&self) -> bool {
        self.task.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Ends the traffic, and returns how many requests were sent.
    ///
    /// Errors: a request was refused: traffic stopped long ago.
    pub async fn stop(mut self) -> Result<u64> {
        self.stop.cancel();
        if let Some(task) = self.task.take() {
            task.await.context("traffic broke off")??;
        }
        Ok(self.sent())
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Nozzle {
    async fn run(self, per_second: u32, stop: CancellationToken) -> Result<()> {
        let mut tick = interval(Duration::from_secs(1) / per_second.max(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut taken = Instant::now();
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = tick.tick() => {}
            }
            let amount = U256::from(AMOUNT);
            let asset = match self.sent.load(Ordering::Relaxed) % 2 {
                0 => Asset::Erc20 { token: self.token, amount },
                _ => Asset::Native(amount),
            };
            let call = Ask::new(asset, recipient(), self.user.address()).call(self.bridge);
            match account::send(&self.chain, &self.user, call).await {
                Ok(_) => {
                    taken = Instant::now();
                    self.sent.fetch_add(1, Ordering::Relaxed);
                }
                Err(_) if taken.elapsed() < FORGIVEN => {}
                Err(error) => return Err(error.context("the chain refuses the traffic")),
            }
        }
    }
}

/// Nobody has used it before.
fn recipient() -> Address {
    Address::from(rand::random::<[u8; 20]>())
}
