//! The same requests for both bridges: the same users, recipients and amounts, signed before anything is measured.

use std::time::Duration;

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, Bytes, U256, keccak256};
use alloy::providers::Provider;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result, bail};
use futures::future::try_join_all;
use polyspan_types::Direction;

use super::contender::Contender;
use crate::account;
use crate::bench::load::source::sign;
use crate::chain::ChainAccess;
use crate::network::Network;
use crate::tokens::WHOLE;

/// Users that request at the same time. Many, as a node guarantees few places of its pool to one account.
const USERS: usize = 24;

/// Recipients on each chain.
const RECIPIENTS: u64 = 20;

/// Unit: gas.
const GAS: u64 = 250_000;

/// Unit: wei.
const USER_BALANCE: u128 = 10_000 * WHOLE;

/// The smallest amount; each request has another one. Unit: wei.
const AMOUNT: u64 = 1_000_000;

/// Who requests, and who is paid.
pub(super) struct Load {
    users: Vec<PrivateKeySigner>,
    recipients: Vec<Address>,
}

/// Signed requests.
pub(super) struct Requests {
    /// Those of each user, in the order of their nonces.
    by_user: Vec<Vec<Bytes>>,
    /// What each recipient must have afterwards.
    expected: Vec<(Address, U256)>,
    chains: [ChainAccess; 2],
}

impl Load {
    /// Gives users what they need, and recipients one wei: no payout creates an account, whichever bridge is the first.
    ///
    /// Errors: a chain does not answer.
    pub(super) async fn prepare(network: &Network) -> Result<Self> {
        let users: Vec<_> = (0..USERS).map(|_| PrivateKeySigner::random()).collect();
        let recipients: Vec<_> =
            (0..RECIPIENTS).map(|number| Address::from_word(keccak256(number.to_be_bytes()))).collect();
        let mut balances: Vec<_> =
            users.iter().map(|user| (user.address(), U256::from(USER_BALANCE))).collect();
        balances.extend(recipients.iter().map(|recipient| (*recipient, U256::ONE)));
        tokio::try_join!(network.main.fund(&balances), network.service.fund(&balances))?;
        Ok(Self { users, recipients })
    }

    /// Signs `count` requests of `contender`'s.
    ///
    /// Errors: a chain does not answer.
    pub(super) async fn sign(
        &self,
        network: &Network,
        contender: &Contender,
        direction: Direction,
        count: u64,
    ) -> Result<Requests> {
        let source = network.source_chain(direction).access().clone();
        let destination = network.destination_chain(direction).access().clone();
        let mut expected = Vec::new();
        for recipient in &self.recipients {
            expected.push((*recipient, account::native_balance(&destination, *recipient).await?));
        }
        let mut unsigned: Vec<Vec<_>> = vec![Vec::new(); self.users.len()];
        for number in 0..count {
            let index = usize::try_from(number).context("requests beyond memory")?;
            let (recipient, balance) = &mut expected[index % RECIPIENTS as usize];
            let amount = U256::from(AMOUNT + number);
            *balance += amount;
            let user = index % self.users.len();
            let of = self.users[user].address();
            unsigned[user].push(contender.request(network, direction, of, *recipient, amount)?);
        }
        let mut by_user = Vec::new();
        for (user, calls) in self.users.iter().zip(unsigned) {
            let first = source.provider.get_transaction_count(user.address()).await;
            let first = first.context("cannot read an account's nonce")?;
            let (user, chain_id) = (user.clone(), source.chain_id);
            let signed = tokio::task::spawn_blocking(move || {
                let numbered = calls.into_iter().zip(first..);
                let complete = numbered.map(|(call, nonce)| {
                    sign(&user, call.with_nonce(nonce).with_chain_id(chain_id).with_gas_limit(GAS))
                });
                complete.collect::<Result<Vec<Bytes>>>()
            });
            by_user.push(signed.await.context("signing broke off")??);
        }
        Ok(Requests { by_user, expected, chains: [source, destination] })
    }
}

impl Requests {
    /// Sends all of them, each user's in their order.
    ///
    /// Errors: the source refuses one.
    pub(super) async fn send_at_once(&self) -> Result<()> {
        let send = async |signed: &Vec<Bytes>| -> Result<()> {
            for raw in signed {
                account::send_raw(&self.chains[0], raw).await?;
            }
            Ok(())
        };
        try_join_all(self.by_user.iter().map(send)).await?;
        Ok(())
    }

    /// Sends one after the other, at intervals.
    ///
    /// Errors: the source refuses one.
    pub(super) async fn send_steadily(&self, every: Duration) -> Result<()> {
        let mut ticks = tokio::time::interval(every);
        let longest = self.by_user.iter().map(Vec::len).max().unwrap_or_default();
        for round in 0..longest {
            for raw in self.by_user.iter().filter_map(|signed| signed.get(round)) {
                ticks.tick().await;
                account::send_raw(&self.chains[0], raw).await?;
            }
        }
        Ok(())
    }

    /// Every recipient has exactly what was requested for it.
    ///
    /// Errors: one has not.
    pub(super) async fn expect_paid(&self) -> Result<()> {
        for (recipient, wanted) in &self.expected {
            let has = account::native_balance(&self.chains[1], *recipient).await?;
            if has != *wanted {
                bail!("{recipient} has {has} wei on {} and not {wanted}", self.chains[1].name);
            }
        }
        Ok(())
    }
}
