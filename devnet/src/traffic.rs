//! Users' requests of all kinds, sent straight to the chains.

mod ask;

use std::sync::atomic::{AtomicU64, Ordering};

use alloy::primitives::{Address, B256, U256};
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result};
use polyspan_contracts::testing::{TestMultiToken, TestNFT};
use polyspan_node::config::{Deployment, Pair};
use polyspan_types::{Direction, Kind};

use crate::account::{self, call_of};
use crate::chain::ChainAccess;
use crate::network::Network;
use crate::tokens::pair_for;

pub use ask::{Ask, Asset};

/// All kinds, in the order in which traffic goes through them.
pub const KINDS: [Kind; 4] = Kind::ALL;

/// Ids are used once in a run, on all tokens together.
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// One user's way of asking one bridge for transfers.
#[derive(Debug, Clone, Copy)]
pub struct Traffic<'a> {
    network: &'a Network,
    deployment: &'a Deployment,
    user: &'a PrivateKeySigner,
}

impl<'a> Traffic<'a> {
    /// Traffic of the user with number `user` over the bridge with number `bridge`.
    ///
    /// Errors: there is no such one.
    pub fn new(network: &'a Network, bridge: usize, user: usize) -> Result<Self> {
        let deployment = &network.bridges.get(bridge).context("no such bridge")?.deployment;
        let user = &network.users.get(user).context("no such user")?.signer;
        Ok(Self { network, deployment, user })
    }

    /// Who asks.
    pub const fn user(&self) -> Address {
        self.user.address()
    }

    /// Sends one request for the kind's pair of this direction, as [`Traffic::request_of`].
    ///
    /// Errors: the chain refuses it.
    pub async fn request(&self, direction: Direction, kind: Kind, to: Address, value: u128) -> Result<B256> {
        self.request_of(direction, pair_for(direction, kind), to, value).await
    }

    /// Sends one request: `value` smallest units of a fungible token, one new ERC-721 token whatever `value` says, or of
    /// an ERC-1155 `value` units of a new id and one of another. Returns the transaction, which need not be in a block
    /// yet.
    ///
    /// Errors: there is no such pair, or the chain refuses it.
    pub async fn request_of(
        &self,
        direction: Direction,
        pair: &str,
        to: Address,
        value: u128,
    ) -> Result<B256> {
        let pair = self.deployment.pair(pair).with_context(|| format!("no pair is called {pair}"))?;
        let asset = self.asset(direction, pair, value).await?;
        self.ask(direction, &Ask::new(asset, to, self.user())).await
    }

    /// Sends any request.
    ///
    /// Errors: the chain refuses it.
    pub async fn ask(&self, direction: Direction, ask: &Ask) -> Result<B256> {
        let call = ask.call(self.deployment.lane(direction).source.bridge);
        account::send(self.network.source_chain(direction), self.user, call).await
    }

    /// One request of each kind in each direction, `rounds` times over. Returns when all are in a block, so that whoever
    /// waits for them to be handled cannot miss one.
    ///
    /// Errors: as [`Traffic::request`], or one of them reverts.
    pub async fn rounds(&self, rounds: usize, to: Address) -> Result<()> {
        let mut sent = Vec::new();
        for round in 0..rounds {
            for kind in KINDS {
                for direction in Direction::ALL {
                    sent.push((direction, self.request(direction, kind, to, 1_000 + round as u128).await?));
                }
            }
        }
        for (direction, hash) in sent {
            account::succeeded(self.network.source_chain(direction), hash).await?;
        }
        Ok(())
    }

    /// So many requests of one smallest unit of an ERC-20, each for an account of its own, one after the other. Returns when the last one,
    /// and so all of them, is in a block.
    ///
    /// Errors: as [`Traffic::request`], or the last one reverts.
    pub async fn backlog(&self, direction: Direction, count: usize) -> Result<()> {
        let mut last = None;
        for _ in 0..count {
            let to = Address::from(rand::random::<[u8; 20]>());
            last = Some(self.request(direction, Kind::Erc20, to, 1).await?);
        }
        if let Some(hash) = last {
            account::succeeded(self.network.source_chain(direction), hash).await?;
        }
        Ok(())
    }

    /// Value of a pair; what has ids is minted first.
    async fn asset(&self, direction: Direction, pair: &Pair, value: u128) -> Result<Asset> {
        let chain = self.network.source_chain(direction);
        let (token, _) = pair.tokens(direction);
        let (kind, _) = pair.kinds(direction);
        let new_id = || U256::from(NEXT_ID.fetch_add(1, Ordering::Relaxed));
        Ok(match kind {
            Kind::Native => Asset::Native(U256::from(value)),
            Kind::Erc20 => Asset::Erc20 { token, amount: U256::from(value) },
            Kind::Erc721 => {
                let id = new_id();
                self.mint(chain, call_of(token, &TestNFT::mintCall { to: self.user(), id })).await?;
                Asset::Erc721 { token, id }
            }
            Kind::Erc1155 => {
                // In this order they rise, as the bridge wants them.
                let first = new_id();
                let ids = vec![first, new_id()];
                let amounts = vec![U256::from(value), U256::ONE];
                for (id, amount) in ids.iter().zip(&amounts) {
                    let mint = TestMultiToken::mintCall { to: self.user(), id: *id, amount: *amount };
                    self.mint(chain, call_of(token, &mint)).await?;
                }
                Asset::Erc1155 { token, ids, amounts }
            }
        })
    }

    async fn mint(&self, chain: &ChainAccess, call: TransactionRequest) -> Result<()> {
        account::send(chain, self.user, call).await?;
        Ok(())
    }
}
