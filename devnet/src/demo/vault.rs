//! A recipient that refuses coins at first.

use std::time::Duration;

use alloy::primitives::{Address, U256};
use anyhow::{Result, bail};
use polyspan_contracts::testing::HostileRecipient;
use polyspan_types::{Direction, HoldEnd};

use crate::account::{self, call_of};
use crate::eventually::eventually_true;
use crate::network::Network;

/// Numbers of what it does when it is paid. Source: `contracts/test/contracts/Hostile.sol`.
const ACCEPTS: u8 = 0;
const REFUSES: u8 = 1;

/// The recipient, on the destination of a lane.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vault {
    pub(super) address: Address,
    direction: Direction,
}

impl Vault {
    /// Deploys it; it refuses. The user pays: what the deployer of a bridge made here could have that bridge's address.
    pub(super) async fn deploy(network: &Network, direction: Direction) -> Result<Self> {
        let (chain, code) = (network.destination_chain(direction), HostileRecipient::BYTECODE.clone());
        let address = account::deploy(chain, &network.users[0].signer, code).await?;
        let vault = Self { address, direction };
        vault.instruct(network, REFUSES).await?;
        Ok(vault)
    }

    /// It accepts from now on.
    pub(super) async fn accept(&self, network: &Network) -> Result<()> {
        self.instruct(network, ACCEPTS).await
    }

    /// Waits until a request is on hold.
    pub(super) async fn wait_held(&self, network: &Network, patience: Duration) -> Result<()> {
        let held = || async {
            let handled = network.destination(0, self.direction)?.handled().await?;
            Ok(!handled.held.is_empty())
        };
        eventually_true("the transfer to the recipient that refuses is on hold", patience, held).await
    }

    /// Waits until its hold was released, and looks whether it has exactly what was asked.
    pub(super) async fn wait_released(
        &self,
        network: &Network,
        amount: u128,
        patience: Duration,
    ) -> Result<()> {
        let released = || async {
            let handled = network.destination(0, self.direction)?.handled().await?;
            let end = HoldEnd::Released { to: self.address };
            Ok(handled.endings.iter().any(|ending| ending.end == end))
        };
        eventually_true("a relay releases the hold", patience, released).await?;
        let owned = account::native_balance(network.destination_chain(self.direction), self.address).await?;
        if owned != U256::from(amount) {
            bail!("the recipient that refused was promised {amount} and has {owned}");
        }
        Ok(())
    }

    async fn instruct(&self, network: &Network, behaviour: u8) -> Result<()> {
        let order = HostileRecipient::setBehaviourCall { behaviour_: behaviour };
        let chain = network.destination_chain(self.direction);
        account::execute(chain, &network.users[0].signer, call_of(self.address, &order)).await?;
        Ok(())
    }
}
