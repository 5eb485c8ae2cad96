//! Where both chains are cut: their contracts at final blocks, so that neither has handled what the other does not have yet.

use std::time::Duration;

use alloy::primitives::{Address, U256};
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolCall;
use anyhow::{Context, Result, bail, ensure};
use polyspan_chain::{At, BridgeState, Chain, ChainError, PaidToken, PairState};
use polyspan_contracts::BridgeToken;
use polyspan_node::config::{Deployment, Side};
use polyspan_recovery::{LaneCut, PairTerms};
use polyspan_types::{BlockHeight, BlockRef, Direction, Kind};

use super::walk::patiently;
use crate::network::Network;

/// How often the chain that is behind is looked at again, and what lies between.
const LOOKS: u32 = 10;
const PAUSE: Duration = Duration::from_secs(1);

/// One end of a bridge at a final block.
#[derive(Debug, Clone)]
pub(super) struct End {
    pub(super) side: Side,
    pub(super) block: BlockRef,
    pub(super) state: BridgeState,
    /// What the bridge owns, by pair of the state; `None` where that cannot be read.
    pub(super) balances: Vec<Option<U256>>,
}

/// Both ends.
#[derive(Debug, Clone)]
pub(super) struct Cut {
    pub(super) main: End,
    pub(super) service: End,
}

impl Cut {
    /// Reads both contracts, each at a final block, and the one that is behind again.
    ///
    /// Errors: a chain cannot be read, or a contract is not the one of the deployment.
    pub(super) async fn fetch(network: &Network, deployment: &Deployment) -> Result<Self> {
        let mut main = end(network, &deployment.main).await?;
        let mut service = end(network, &deployment.service).await?;
        for _ in 0..LOOKS {
            let (late, deployed) = match (main.lacks(&service), service.lacks(&main)) {
                (None, None) => break,
                (Some(_), _) => (&mut main, &deployment.main),
                _ => (&mut service, &deployment.service),
            };
            tokio::time::sleep(PAUSE).await;
            *late = end(network, deployed).await?;
        }
        for (source, destination) in [(&main, &service), (&service, &main)] {
            if let Some(block) = source.lacks(destination) {
                let (chain, height) = (&source.side.chain, source.block.height);
                bail!(
                    "chain {chain} is final up to block {height} only, and chain {} has handled requests of block {block}; use \
                     endpoints of {chain} that are not behind",
                    destination.side.chain
                );
            }
        }
        for direction in Direction::ALL {
            let info = deployment.lane(direction);
            let (source, destination) = match direction {
                Direction::MainToService => (&main, &service),
                Direction::ServiceToMain => (&service, &main),
            };
            for (end, found) in [
                (source, source.state.outbound_bridge_id),
                (destination, destination.state.inbound_bridge_id),
            ] {
                ensure!(end.state.wired, "the bridge on chain {} is not wired yet", end.side.chain);
                ensure!(
                    found == info.bridge_id,
                    "the bridge on chain {} has the id {found} for lane {}, the deployment says {}; see `polyspan config check`",
                    end.side.chain,
                    info.id,
                    info.bridge_id
                );
            }
        }
        Ok(Self { main, service })
    }

    /// Source and destination of a lane.
    pub(super) const fn ends(&self, direction: Direction) -> (&End, &End) {
        match direction {
            Direction::MainToService => (&self.main, &self.service),
            Direction::ServiceToMain => (&self.service, &self.main),
        }
    }

    /// What both contracts say of a lane.
    pub(super) const fn lane(&self, direction: Direction) -> LaneCut {
        let (source, destination) = self.ends(direction);
        LaneCut {
            request_nonce: source.state.request_nonce,
            request_root: source.state.request_root,
            handle_nonce: destination.state.handle_nonce,
            handle_root: destination.state.handle_root,
            held_count: destination.state.held_count,
            claims: destination.state.claims,
        }
    }

    /// The pairs of a lane: those that its destination has now.
    pub(super) fn pairs(&self, direction: Direction) -> Vec<PairTerms> {
        let terms = |pair: &PairState| PairTerms {
            source: pair.counterpart_token,
            destination: pair.token,
            kind: pair.kind,
        };
        self.ends(direction).1.state.pairs.iter().map(terms).collect()
    }

    /// What is not looked at, in sentences.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for end in [&self.main, &self.service] {
            let chain = &end.side.chain;
            for (pair, balance) in end.state.pairs.iter().zip(&end.balances) {
                if balance.is_none() {
                    notes.push(format!(
                        "not checked: the balance of {} on chain {chain} ({})",
                        pair.token, pair.kind
                    ));
                }
            }
            if end.state.requests_stopped {
                notes.push(format!(
                    "not checked: conservation, since requests on chain {chain} are stopped for a migration"
                ));
            }
        }
        notes
    }

    /// Whether value may lie with a successor.
    pub(super) const fn is_migrating(&self) -> bool {
        self.main.state.requests_stopped || self.service.state.requests_stopped
    }
}

impl End {
    /// The block of this chain up to which the other one has handled, when it was not read as far as that. One that was, and still
    /// has fewer requests, is not behind: then something was handled that nobody requested.
    fn lacks(&self, destination: &Self) -> Option<BlockHeight> {
        let handled = &destination.state;
        let fewer = self.state.request_nonce < handled.handle_nonce;
        (fewer && self.block.height < handled.recovery_block).then_some(handled.recovery_block)
    }

    /// The tokens that it pays in.
    pub(super) fn tokens(&self) -> Vec<PaidToken> {
        let paid = |pair: &PairState| PaidToken { token: pair.token, kind: pair.kind, mints: pair.mints };
        self.state.pairs.iter().map(paid).collect()
    }
}

async fn end(network: &Network, side: &Side) -> Result<End> {
    let chain = network.chain(side);
    let block = patiently(async || chain.head().await).await?.final_block;
    let at = At::Hash(block.hash);
    let state = patiently(async || chain.bridge_state(side.bridge, at).await).await;
    let state = state.with_context(|| {
        format!("chain {} does not give the bridge's state at its final block {}", side.chain, block.height)
    })?;
    let mut balances = Vec::new();
    for pair in &state.pairs {
        balances.push(patiently(async || balance(chain, side.bridge, pair, at).await).await?);
    }
    Ok(End { side: side.clone(), block, state, balances })
}

/// What the bridge owns of a token; `None` of an ERC-1155, which tells only of single ids, and of a token that does not answer.
async fn balance(
    chain: &Chain,
    owner: Address,
    pair: &PairState,
    at: At,
) -> Result<Option<U256>, ChainError> {
    match pair.kind {
        Kind::Native => chain.balance_at(owner, at).await.map(Some),
        Kind::Erc1155 => Ok(None),
        Kind::Erc20 | Kind::Erc721 => {
            let call = BridgeToken::balanceOfCall { account: owner };
            let transaction = TransactionRequest::default().to(pair.token).input(call.abi_encode().into());
            match chain.call(&transaction, at).await {
                Ok(answer) => Ok(BridgeToken::balanceOfCall::abi_decode_returns(&answer).ok()),
                Err(ChainError::Reverted(_)) => Ok(None),
                Err(error) => Err(error),
            }
        }
    }
}
