//! What both bridges and the recipient have at each step, in the native currency.

use alloy::primitives::{Address, U256};
use anyhow::{Result, bail};
use comfy_table::{Table, presets};
use polyspan_contracts::Bridge;
use polyspan_types::Direction;

use super::LIQUIDITY;
use crate::account;
use crate::ancestor::Ancestor;
use crate::chain::ChainAccess;
use crate::network::Network;

/// Balances of one chain. Unit: wei.
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
    old: [Address; 2],
    recipient: Address,
    rows: Vec<(&'static str, [Balances; 2])>,
    taken: [U256; 2],
}

impl Ledger {
    /// Records the old bridge as it begins.
    pub(super) async fn start(network: &Network, ancestor: &Ancestor, recipient: Address) -> Result<Self> {
        let old = [ancestor.parent, ancestor.child];
        let mut ledger = Self { old, recipient, rows: Vec::new(), taken: [U256::ZERO; 2] };
        ledger.record("before", network).await?;
        Ok(ledger)
    }

    /// Step 5: as much was paid as was requested, on each chain, so each contract has what it was charged with; the recipient has all of it,
    /// and what the test transfer over our bridge paid.
    pub(super) async fn old_bridge_drained(
        &mut self,
        network: &Network,
        requests: u64,
        amount: u128,
    ) -> Result<()> {
        let now = self.record("5, drained", network).await?;
        let paid = U256::from(requests + 1) * U256::from(amount);
        for (index, chain) in chains(network).into_iter().enumerate() {
            let has = account::native_balance(chain, self.recipient).await?;
            if now[index].old != U256::from(LIQUIDITY) || has != paid {
                bail!(
                    "on {} the old bridge has {}, the recipient {has} and not {paid}",
                    chain.name,
                    now[index].old
                );
            }
        }
        Ok(())
    }

    /// Step 6: nothing is left, and the holder has it beside its money for gas.
    pub(super) async fn liquidity_taken_out(
        &mut self,
        network: &Network,
        holder: Address,
        money: u128,
    ) -> Result<()> {
        let before = self.rows.last().map(|(_, balances)| balances.clone()).unwrap_or_default();
        let now = self.record("6, taken out", network).await?;
        for (index, chain) in chains(network).into_iter().enumerate() {
            let taken = before[index].old - now[index].old;
            let has = account::native_balance(chain, holder).await?;
            if !now[index].old.is_zero() || has != taken + U256::from(money) {
                bail!("on {} {} is left, and the holder has {has}", chain.name, now[index].old);
            }
            self.taken[index] = taken;
        }
        Ok(())
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
                bail!("our bridge was seeded with {grown} and not with {taken}");
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
                bail!("{} became {} and {seeded}", drained[index].old, now[index].old);
            }
        }
        Ok(())
    }

    /// All rows. Unit: whole coins.
    pub(super) fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_preset(presets::UTF8_BORDERS_ONLY).set_header([
            "after step",
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
            let pair = account::read(chain, bridge, &Bridge::pairOfCall { token: Address::ZERO }).await?;
            both[index] = Balances {
                old: account::native_balance(chain, self.old[index]).await?,
                new: account::native_balance(chain, bridge).await?,
                seeded: U256::from(pair.seeded),
            };
        }
        self.rows.push((step, both.clone()));
        Ok(both)
    }
}

/// Main, then service.
fn chains(network: &Network) -> [&ChainAccess; 2] {
    [network.main.access(), network.service.access()]
}
