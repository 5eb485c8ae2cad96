//! A fee market that a test holds still.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use alloy::providers::Provider;
use anyhow::Result;
use serde_json::{Value, json};

use super::PATIENCE;
use crate::chain::ChainAccess;
use crate::eventually::eventually_true;

/// A market that stays where it is: every block has the base fee that was set last. It ends when it is dropped.
#[derive(Debug)]
pub struct Market(Arc<AtomicU64>);

impl Market {
    /// Returns once a block of `chain` has this base fee. Unit: wei per gas.
    ///
    /// Errors: none has.
    pub async fn hold(chain: &ChainAccess, base_fee: u64) -> Result<Self> {
        let wanted = Arc::new(AtomicU64::new(base_fee));
        let (set, provider) = (Arc::clone(&wanted), chain.provider.clone());
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(Duration::from_millis(50));
            while Arc::strong_count(&set) > 1 {
                ticks.tick().await;
                let fee = format!("{:#x}", set.load(Ordering::Relaxed));
                let method = "anvil_setNextBlockBaseFeePerGas";
                let done = provider.raw_request::<_, Value>(method.into(), json!([fee])).await;
                if done.is_err() {
                    return;
                }
            }
        });
        let market = Self(wanted);
        let there = || async {
            let block = chain.provider.get_block(alloy::eips::BlockId::latest()).await?;
            Ok(block.and_then(|block| block.header.base_fee_per_gas) == Some(base_fee))
        };
        eventually_true("the market is where it was set", PATIENCE, there).await?;
        Ok(market)
    }

    /// The base fee of the blocks to come. Unit: wei per gas.
    pub fn set(&self, base_fee: u64) {
        self.0.store(base_fee, Ordering::Relaxed);
    }
}
