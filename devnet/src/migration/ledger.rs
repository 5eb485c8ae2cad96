//! What both bridges and the recipient have of one asset at each step.

use alloy::primitives::{Address, U256};
use anyhow::{Result, bail};
use comfy_table::{Table, presets};
use polyspan_contracts::Bridge;
use polyspan_types::{Direction, Kind};

use crate::account;
use crate::ancestor::Ancestor;
use crate::chain::ChainAccess;
use crate::holdings::owned;
use crate::network::Network;

/// One asset of both bridges.
#[derive(Debug, Clone, Copy)]
pub(super) struct PairOfTokens {
    /// For people.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// On the main and the service chain; zero for the native currency.
    pub(super) tokens: [Address; 2],
}

/// Balances of one chain. Unit: the smallest of the asset.
#[derive(Debug, Clone, Default)]
struct Balances {
    /// Of the old contract.
    old: U256,
    /// Of ours.
    new: U256,
    /// What ours was seeded with.
    seeded: U256,
}

/// Balances of both chains, main first, at each step that was recorded.
pub(super) struct Ledger {
    asset: PairOfTokens,
    old: [Address; 2],
    recipient: Address,
    rows: Vec<(&'static str, [Balances; 2])>,
    taken: [U256; 2],
}

impl Ledger {
    /// Records the old bridge as it begins.
    pub(super) async fn start(
        network: &Network,
        ancestor: &Ancestor,
        recipient: Address,
        asset: PairOfTokens,
    ) -> Result<Self> {
        let old = [ancestor.parent, ancestor.child];
        let mut ledger = Self { asset, old, recipient, rows: Vec::new(), taken: [U256::ZERO; 2] };
        ledger.record("before", network).await?;
        Ok(ledger)
    }

    /// Step 5: the old contracts have what they should on the main and the service chain, and so has the recipient.
    pub(super) async fn old_bridge_drained(
        &mut self,
        network: &Network,
        old: [U256; 2],
        paid: [U256; 2],
    ) -> Result<()> {
        let now = self.record("5, drained", network).await?;
        for (index, chain) in chains(network).into_iter().enumerate() {
            let has = self.owned(chain, index, self.recipient).await?;
            if now[index].old != old[index] || has != paid[index] {
                bail!(
                    "{} on {}: the old bridge has {} and not {}, the recipient {has} and not {}",
                    self.asset.name,
                    chain.name,
                    now[index].old,
                    old[index],
                    paid[index]
                );
            }
        }
        Ok(())
    }

    /// Step 6: nothing is left, and the holder has it beside what it had before.
    pub(super) async fn liquidity_taken_out(
        &mut self,
        network: &Network,
        holder: Address,
        had: U256,
    ) -> Result<()> {
        let before = self.rows.last().map(|(_, balances)| balances.clone()).unwrap_or_default();
        let now = self.record("6, taken out", network).await?;
        for (index, chain) in chains(network).into_iter().enumerate() {
            let taken = before[index].old - now[index].old;
            let has = self.owned(chain, index, holder).await?;
            if !now[index].old.is_zero() || has != taken + had {
                bail!(
                    "{} on {}: {} is left, and the holder has {has}",
                    self.asset.name,
                    chain.name,
                    now[index].old
                );
            }
            self.taken[index] = taken;
        }
        Ok(())
    }

    /// The token on the main chain, 0, or the service chain, 1.
    pub(super) const fn token(&self, index: usize) -> Address {
        self.asset.tokens[index]
    }

    /// What was taken out of the old contracts.
    pub(super) const fn taken(&self) -> [U256; 2] {
        self.taken
    }

    /// Step 8: `seeded` grew by just that.
    pub(super) async fn seeded(&mut self, network: &Network) -> Result<()> {
        let before = self.rows.last().map(|(_, balances)| balances.clone()).unwrap_or_default();
        let now = self.record("8, seeded", network).await?;
        for (index, taken) in self.taken.iter().enumerate() {
            let grown = now[index].seeded - before[index].seeded;
            if grown != *taken {
                bail!("{}: our bridge was seeded with {grown} and not with {taken}", self.asset.name);
            }
        }
        Ok(())
    }

    /// Step 9: what the old contracts had when they were drained is what they have now and what ours was seeded with since.
    pub(super) async fn expect_sum(&mut self, network: &Network) -> Result<()> {
        let [.., (_, drained), _, _] = &self.rows[..] else { bail!("steps are missing") };
        let drained = drained.clone();
        let now = self.record("9, open", network).await?;
        for index in 0..2 {
            let seeded = now[index].seeded - drained[index].seeded;
            if drained[index].old != now[index].old + seeded {
                let (was, is) = (drained[index].old, now[index].old);
                bail!("{}: {was} became {is} and {seeded}", self.asset.name);
            }
        }
        Ok(())
    }

    /// All rows. Unit: whole ones.
    pub(super) fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_preset(presets::UTF8_BORDERS_ONLY).set_header([
            self.asset.name,
            "P",
            "ours, main",
            "seeded, main",
            "C",
            "ours, service",
            "seeded, service",
        ]);
        for (step, balances) in &self.rows {
            let mut row = vec![(*step).to_owned()];
            for Balances { old, new, seeded } in balances {
                row.extend([old, new, seeded].map(|wei| alloy::primitives::utils::format_ether(*wei)));
            }
            table.add_row(row);
        }
        table
    }

    async fn record(&mut self, step: &'static str, network: &Network) -> Result<[Balances; 2]> {
        let mut both = <[Balances; 2]>::default();
        for (index, direction) in Direction::ALL.into_iter().enumerate() {
            let chain = network.source_chain(direction).access();
            let bridge = network.bridge(0)?.deployment.lane(direction).source.bridge;
            let token = self.asset.tokens[index];
            let pair = account::read(chain, bridge, &Bridge::pairOfCall { token }).await?;
            both[index] = Balances {
                old: self.owned(chain, index, self.old[index]).await?,
                new: self.owned(chain, index, bridge).await?,
                seeded: U256::from(pair.seeded),
            };
        }
        self.rows.push((step, both.clone()));
        Ok(both)
    }

    async fn owned(&self, chain: &ChainAccess, index: usize, owner: Address) -> Result<U256> {
        owned(chain, self.asset.kind, self.asset.tokens[index], owner, None).await
    }
}

/// Main, then service.
fn chains(network: &Network) -> [&ChainAccess; 2] {
    [network.main.access(), network.service.access()]
}
