//! Users' requests of all kinds, sent straight to the chains.

use std::sync::atomic::{AtomicU64, Ordering};

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result};
use polyspan_contracts::Bridge;
use polyspan_contracts::testing::TestNFT;
use polyspan_node::config::Deployment;
use polyspan_types::{Direction, Kind};

use crate::account::{self, call_of};
use crate::chain_access::ChainAccess;
use crate::network::Network;
use crate::tokens::pair_for;

/// All kinds, in the order in which traffic goes through them.
pub const KINDS: [Kind; 3] = [Kind::Native, Kind::Erc20, Kind::Erc721];

/// ERC-721 ids are used once in a run, on all tokens together.
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

    /// Sends one request: `value` smallest units of a fungible token, or one new ERC-721 token whatever `value` says.
    /// Returns the transaction, which need not be in a block yet.
    ///
    /// Errors: the chain refuses it.
    pub async fn request(&self, direction: Direction, kind: Kind, to: Address, value: u128) -> Result<B256> {
        let chain = self.network.source_chain(direction);
        let pair =
            self.deployment.pair(pair_for(direction, kind)).context("the devnet's pairs are deployed")?;
        let (token, _) = pair.tokens(direction);
        let value = match kind {
            Kind::Erc721 => self.mint(chain, token).await?,
            Kind::Native | Kind::Erc20 => U256::from(value),
        };
        let bridge = self.deployment.lane(direction).source.bridge;
        account::send(
            chain,
            self.user,
            request_call(bridge, kind, token, value, to, self.user(), Bytes::new()),
        )
        .await
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

    async fn mint(&self, chain: &ChainAccess, token: Address) -> Result<U256> {
        let id = U256::from(NEXT_ID.fetch_add(1, Ordering::Relaxed));
        account::send(chain, self.user, call_of(token, &TestNFT::mintCall { to: self.user(), id })).await?;
        Ok(id)
    }
}

/// The transaction that asks a bridge for one transfer.
pub fn request_call(
    bridge: Address,
    kind: Kind,
    token: Address,
    value: U256,
    to: Address,
    refund_to: Address,
    extra_data: Bytes,
) -> TransactionRequest {
    match kind {
        Kind::Native => {
            let call = Bridge::requestNativeTransferCall { to, refundTo: refund_to, extraData: extra_data };
            call_of(bridge, &call).with_value(value)
        }
        Kind::Erc20 => call_of(
            bridge,
            &Bridge::requestERC20TransferCall {
                token,
                amount: value,
                to,
                refundTo: refund_to,
                extraData: extra_data,
            },
        ),
        Kind::Erc721 => call_of(
            bridge,
            &Bridge::requestERC721TransferCall {
                token,
                id: value,
                to,
                refundTo: refund_to,
                extraData: extra_data,
            },
        ),
    }
}
