//! The bridge that is left: what its users, its operators and its owner do.

use std::time::Duration;

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::providers::Provider;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result, bail};
use polyspan_contracts::testing::TestToken;
use polyspan_types::{Direction, Kind};

use super::AMOUNT;
use crate::account::{self, call_of};
use crate::ancestor::contract::KaiaBridge;
use crate::ancestor::{Ancestor, VALUE_TRANSFER};
use crate::chain::ChainAccess;
use crate::eventually::eventually_true;
use crate::holdings::owned;
use crate::network::Network;

/// How often the owner sends what others have replaced.
const ATTEMPTS: usize = 3;

/// The old bridge with the keys of its owner, and the pair of tokens that it serves beside the native currency.
pub(super) struct OldBridge {
    ancestor: Ancestor,
    /// On the main and the service chain.
    tokens: [Address; 2],
    /// On the main and the service chain.
    owners: [PrivateKeySigner; 2],
}

/// One of its contracts.
struct End<'a> {
    chain: &'a ChainAccess,
    contract: Address,
    owner: &'a PrivateKeySigner,
    operators: Vec<Address>,
    token: Address,
}

impl OldBridge {
    /// Registers the pair of tokens, and reads the owner's keys from the keystores of the node that deployed the contracts.
    ///
    /// Errors: the node refuses.
    pub(super) async fn open(network: &Network, ancestor: Ancestor, tokens: [Address; 2]) -> Result<Self> {
        let [main, service] = tokens;
        ancestor.register_token(network, main, service).await?;
        let first = ancestor.operators.first().context("a bridge needs an operator")?;
        let owners = first.keys(network)?;
        Ok(Self { ancestor, owners, tokens })
    }

    fn ends<'a>(&'a self, network: &'a Network) -> [End<'a>; 2] {
        let operators = &self.ancestor.operators;
        [
            End {
                chain: network.main.access(),
                contract: self.ancestor.parent,
                owner: &self.owners[0],
                operators: operators.iter().map(|operator| operator.parent).collect(),
                token: self.tokens[0],
            },
            End {
                chain: network.service.access(),
                contract: self.ancestor.child,
                owner: &self.owners[1],
                operators: operators.iter().map(|operator| operator.child).collect(),
                token: self.tokens[1],
            },
        ]
    }

    /// So many requests of the native currency in each direction, and one of the token; all of them are in blocks.
    pub(super) async fn traffic(
        &self,
        network: &Network,
        user: &PrivateKeySigner,
        to: Address,
        count: u64,
    ) -> Result<()> {
        for (direction, token) in Direction::ALL.into_iter().zip(self.tokens) {
            let lane = self.ancestor.lane(network, direction);
            let (bridge, amount) = (lane.source_bridge, U256::from(token_amount(direction)));
            let mut calls = vec![request(bridge, to); usize::try_from(count).context("few requests")?];
            calls.push(call_of(token, &TestToken::mintCall { to: user.address(), amount }));
            calls.push(call_of(token, &TestToken::approveCall { spender: bridge, value: amount }));
            let call = KaiaBridge::requestERC20TransferCall {
                token,
                to,
                value: amount,
                feeLimit: U256::ZERO,
                extraData: Bytes::new(),
            };
            calls.push(call_of(bridge, &call));
            let mut sent = Vec::new();
            for call in calls {
                sent.push(account::send(&lane.source, user, call).await?);
            }
            for hash in sent {
                account::succeeded(&lane.source, hash).await?;
            }
        }
        Ok(())
    }

    /// Step 4, by the owner. Users' requests must revert afterwards.
    pub(super) async fn stop_requests(&self, network: &Network, user: &PrivateKeySigner) -> Result<()> {
        for end in self.ends(network) {
            end.owner_does(&KaiaBridge::startCall { status: false }).await?;
            if account::read(end.chain, end.contract, &KaiaBridge::isRunningCall {}).await? {
                bail!("{} still takes requests", end.contract);
            }
            let late = account::send(end.chain, user, request(end.contract, user.address())).await?;
            if account::receipt(end.chain, late).await?.status() {
                bail!("{} took a request after start(false)", end.contract);
            }
        }
        Ok(())
    }

    /// Step 5: the nonces of both lanes are even, by calls of the contracts.
    pub(super) async fn wait_drained(&self, network: &Network, patience: Duration) -> Result<()> {
        for direction in Direction::ALL {
            let lane = self.ancestor.lane(network, direction);
            let drained = || async { Ok(lane.requested().await? == lane.handled().await?) };
            eventually_true(&format!("the old lane {direction} is drained"), patience, drained).await?;
        }
        Ok(())
    }

    /// The nonces of both lanes.
    pub(super) async fn describe(&self, network: &Network) -> Result<String> {
        let mut words = Vec::new();
        for direction in Direction::ALL {
            let lane = self.ancestor.lane(network, direction);
            let (requested, handled) = (lane.requested().await?, lane.handled().await?);
            words.push(format!("{direction} requestNonce {requested}, lowerHandleNonce {handled}"));
        }
        Ok(words.join("; "))
    }

    /// Step 6: `cold` becomes the only operator, and pays what each contract has to `holder`, each asset for a nonce that nobody requested.
    pub(super) async fn take_liquidity_out(
        &self,
        network: &Network,
        cold: &PrivateKeySigner,
        holder: Address,
    ) -> Result<()> {
        self.ancestor.deregister().await?;
        for end in self.ends(network) {
            end.owner_does(&KaiaBridge::registerOperatorCall { operator: cold.address() }).await?;
            for &operator in &end.operators {
                end.owner_does(&KaiaBridge::deregisterOperatorCall { operator }).await?;
            }
            let one = KaiaBridge::setOperatorThresholdCall { voteType: VALUE_TRANSFER, threshold: 1 };
            end.owner_does(&one).await?;
            end.hand_over(cold, holder).await?;
        }
        Ok(())
    }

    /// Step 7: no operator, no owner, and nodes without a part in it.
    pub(super) async fn close(self, network: &mut Network, cold: &PrivateKeySigner) -> Result<()> {
        for end in self.ends(network) {
            end.owner_does(&KaiaBridge::deregisterOperatorCall { operator: cold.address() }).await?;
            end.owner_does(&KaiaBridge::renounceOwnershipCall {}).await?;
            let operators =
                account::read(end.chain, end.contract, &KaiaBridge::getOperatorListCall {}).await?;
            let owner = account::read(end.chain, end.contract, &KaiaBridge::ownerCall {}).await?;
            if !operators.is_empty() || owner != Address::ZERO {
                bail!("{} still has operators {operators:?} and owner {owner}", end.contract);
            }
        }
        self.ancestor.leave_nodes(network).await
    }

    /// Nobody hears or pays.
    pub(super) async fn stop_nodes(&self, network: &mut Network) -> Result<()> {
        self.ancestor.stop_sub_bridges(network).await
    }

    /// The nodes run again, with recovery, and a second time once they have every block: a node counts the nonce of its account on the service
    /// chain from the newest block that it has when it starts, and the owner's transaction came while it was down.
    pub(super) async fn start_nodes(&self, network: &mut Network) -> Result<()> {
        self.ancestor.start_sub_bridges(network).await?;
        self.ancestor.wait_synchronized(network).await?;
        self.ancestor.stop_sub_bridges(network).await?;
        self.ancestor.start_sub_bridges(network).await
    }
}

impl End<'_> {
    /// Pays everything to `holder`. The contract on the service chain has none of the token: it mints and burns.
    async fn hand_over(&self, cold: &PrivateKeySigner, holder: Address) -> Result<()> {
        let nonce = account::read(self.chain, self.contract, &KaiaBridge::lowerHandleNonceCall {}).await?;
        let native = KaiaBridge::handleKLAYTransferCall {
            requestTxHash: B256::from(rand::random::<[u8; 32]>()),
            from: self.owner.address(),
            to: holder,
            value: account::native_balance(self.chain, self.contract).await?,
            requestedNonce: nonce,
            requestedBlockNumber: 1,
            extraData: Bytes::new(),
        };
        account::execute(self.chain, cold, call_of(self.contract, &native))
            .await
            .context("handleKLAYTransfer")?;
        let mut next = nonce + 1;
        let value = owned(self.chain, Kind::Erc20, self.token, self.contract, None).await?;
        if !value.is_zero() {
            let tokens = KaiaBridge::handleERC20TransferCall {
                requestTxHash: B256::from(rand::random::<[u8; 32]>()),
                from: self.owner.address(),
                to: holder,
                token: self.token,
                value,
                requestedNonce: next,
                requestedBlockNumber: 1,
                extraData: Bytes::new(),
            };
            account::execute(self.chain, cold, call_of(self.contract, &tokens))
                .await
                .context("handleERC20Transfer")?;
            next += 1;
        }
        let after = account::read(self.chain, self.contract, &KaiaBridge::lowerHandleNonceCall {}).await?;
        if after != next {
            bail!("lowerHandleNonce of {} is {after} and not {next}", self.contract);
        }
        Ok(())
    }

    /// A transaction of the owner. Its account is that of an operator as well, and a node that sends something again at the same account nonce and
    /// a higher price takes the place of the owner's: then it is sent anew.
    async fn owner_does<C: alloy::sol_types::SolCall>(&self, call: &C) -> Result<()> {
        for _ in 1..ATTEMPTS {
            let hash = account::send(self.chain, self.owner, call_of(self.contract, call)).await?;
            let mined = account::succeeded(self.chain, hash).await;
            let known = self.chain.provider.get_transaction_by_hash(hash).await;
            if mined.is_ok() || known.context("cannot look a transaction up")?.is_some() {
                return mined.map(drop).context(C::SIGNATURE);
            }
        }
        account::execute(self.chain, self.owner, call_of(self.contract, call)).await.context(C::SIGNATURE)?;
        Ok(())
    }
}

/// What is requested of the token at once: more goes to the service chain than comes back. Unit: smallest units.
pub(super) const fn token_amount(direction: Direction) -> u128 {
    match direction {
        Direction::MainToService => 3 * AMOUNT,
        Direction::ServiceToMain => AMOUNT,
    }
}

fn request(bridge: Address, to: Address) -> alloy::rpc::types::TransactionRequest {
    let value = U256::from(AMOUNT);
    call_of(bridge, &KaiaBridge::requestKLAYTransferCall { to, value, extraData: Bytes::new() })
        .with_value(value)
}
