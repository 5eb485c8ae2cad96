//! Where both chains are cut: their contracts at final blocks, so that neither has handled what the other does not have yet. Where
//! nodes have thrown the state of the final block away, a younger block takes its place, and must still be there at the end.

use std::time::Duration;

use alloy::primitives::{Address, U256};
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolCall;
use anyhow::{Context, Result, bail, ensure};
use polyspan_chain::{At, BridgeState, Chain, ChainError, Head, PaidToken, PairState};
use polyspan_contracts::BridgeToken;
use polyspan_node::config::{Deployment, Side};
use polyspan_recovery::{LaneCut, PairTerms};
use polyspan_types::{BlockHeight, BlockRef, Direction, Kind};

use super::walk::patiently;
use crate::network::Network;

/// How often the chain that is behind is looked at again, and what lies between.
const LOOKS: u32 = 10;
const PAUSE: Duration = Duration::from_secs(1);

/// How far behind the newest block a chain is cut whose final block has no state any more. Unit: blocks. Source: as deep as no chain
/// in use was reorganised in years, and well inside of the 128 states that geth keeps.
const SHALLOW: u64 = 32;

/// One end of a bridge at a block.
#[derive(Debug, Clone)]
pub(super) struct End {
    pub(super) side: Side,
    pub(super) block: BlockRef,
    /// The chain's final block.
    final_block: BlockRef,
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
    /// Reads both contracts, each at a final block where that can be, and the one that is behind again.
    ///
    /// Errors: a chain cannot be read, or a contract is not the one of the deployment.
    pub(super) async fn fetch(network: &Network, deployment: &Deployment) -> Result<Self> {
        let mut main = end(network.chain(&deployment.main), &deployment.main).await?;
        let mut service = end(network.chain(&deployment.service), &deployment.service).await?;
        for _ in 0..LOOKS {
            let (late, deployed) = match (main.lacks(&service), service.lacks(&main)) {
                (None, None) => break,
                (Some(_), _) => (&mut main, &deployment.main),
                _ => (&mut service, &deployment.service),
            };
            tokio::time::sleep(PAUSE).await;
            *late = end(network.chain(deployed), deployed).await?;
        }
        for (source, destination) in [(&main, &service), (&service, &main)] {
            if let Some(block) = source.lacks(destination) {
                let (chain, height) = (&source.side.chain, source.block.height);
                let is_read = if source.is_final() { "is final" } else { "was read" };
                bail!(
                    "chain {chain} {is_read} up to block {height} only, and chain {} has handled requests of block {block}; use \
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

    /// Whether what was read is still on the chains. Nothing takes a final block back; another one can be replaced while the rest is
    /// read.
    ///
    /// Errors: it is not, or nobody can tell: then there is no verdict.
    pub(super) async fn prove(&self, network: &Network) -> Result<()> {
        for end in [&self.main, &self.service] {
            end.prove(network.chain(&end.side)).await?;
        }
        Ok(())
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
            if !end.is_final() {
                let (block, last) = (end.block.height, end.final_block.height);
                notes.push(format!(
                    "not final yet: chain {chain} was read up to block {block}, since its endpoints do not give the state of its final block {last}"
                ));
            }
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
    /// Whether the chain can never take back what was read.
    fn is_final(&self) -> bool {
        self.block.height <= self.final_block.height
    }

    async fn prove(&self, chain: &Chain) -> Result<()> {
        if self.is_final() {
            return Ok(());
        }
        let (name, block) = (&self.side.chain, self.block);
        let now = patiently(async || chain.block_ref(block.height).await).await;
        let now = now.with_context(|| {
            format!(
                "chain {name} does not say whether it still has block {}, which is not final",
                block.height
            )
        })?;
        ensure!(
            now == Some(block),
            "chain {name} has replaced block {} while it was read, so nothing is known of conservation; run it again, or {}",
            block.height,
            cure(self.final_block, block)
        );
        Ok(())
    }

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

async fn end(chain: &Chain, side: &Side) -> Result<End> {
    let head = patiently(async || chain.head().await).await?;
    let final_block = head.final_block;
    let (mut block, mut read) = (final_block, end_at(chain, side, final_block).await);
    if let Err(error) = &read
        && error.is_state_gone()
        && let Some(height) = shallow(&head)
    {
        let found = patiently(async || chain.block_ref(height).await).await?;
        block = found.with_context(|| format!("chain {} does not give its block {height}", side.chain))?;
        read = end_at(chain, side, block).await;
    }
    let (state, balances) = read.map_err(|error| unread(error, side, &head, block))?;
    Ok(End { side: side.clone(), block, final_block, state, balances })
}

/// Where a chain is cut whose final block has no state any more; `None` when that is no younger one.
fn shallow(head: &Head) -> Option<BlockHeight> {
    let height = head.latest.height.minus(SHALLOW);
    (height > head.final_block.height).then_some(height)
}

/// Why the state of a block cannot be read, with what helps where that is known.
fn unread(error: ChainError, side: &Side, head: &Head, block: BlockRef) -> anyhow::Error {
    let which = if block == head.final_block { "its final block" } else { "block" };
    let what = format!("chain {} does not give the bridge's state at {which} {}", side.chain, block.height);
    match error.is_state_gone() {
        true => anyhow::Error::new(error).context(format!("{what}: {}", cure(head.final_block, head.latest))),
        false => anyhow::Error::new(error).context(what),
    }
}

/// What makes an audit of final blocks possible.
fn cure(final_block: BlockRef, newest: BlockRef) -> String {
    let blocks = newest.height.since(final_block.height) + SHALLOW;
    format!(
        "give this chain an endpoint that keeps the states of {blocks} blocks (geth: --gcmode archive, or --history.state)"
    )
}

/// The contract, and what it owns, at a block.
async fn end_at(
    chain: &Chain,
    side: &Side,
    block: BlockRef,
) -> Result<(BridgeState, Vec<Option<U256>>), ChainError> {
    let at = At::Hash(block.hash);
    let state = patiently(async || chain.bridge_state(side.bridge, at).await).await?;
    let mut balances = Vec::new();
    for pair in &state.pairs {
        balances.push(patiently(async || balance(chain, side.bridge, pair, at).await).await?);
    }
    Ok((state, balances))
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use polyspan_chain::testing::Reply;
    use serde_json::json;

    use super::*;
    use crate::lane_fixture::{LaneFixture, World, block};

    async fn fixture(depth: u64, states_kept: u64) -> LaneFixture {
        LaneFixture::with_depth(World { blocks: vec![10, 960], head: 1000, states_kept }, depth).await
    }

    async fn cut_of(fixture: &LaneFixture) -> Result<End> {
        end(&fixture.chain, &fixture.info.source).await
    }

    fn notes(end: &End) -> Vec<String> {
        Cut { main: end.clone(), service: end.clone() }.notes()
    }

    #[tokio::test]
    async fn a_chain_is_cut_at_its_final_block_wherever_that_has_a_state() {
        for (depth, kept) in [(90, 128), (140, 1000)] {
            let end = cut_of(&fixture(depth, kept).await).await.unwrap();
            assert_eq!((end.block, end.is_final()), (block(1000 - depth), true));
            assert_eq!(end.state.request_nonce.get(), 1);
            assert_eq!(notes(&end), [""; 0]);
        }
    }

    #[tokio::test]
    async fn a_chain_whose_final_block_has_no_state_is_cut_at_a_younger_one_and_says_so() {
        let fixture = fixture(140, 128).await;
        let end = cut_of(&fixture).await.unwrap();
        assert_eq!((end.block, end.is_final()), (block(968), false));
        assert_eq!(end.state.request_nonce.get(), 2);
        let notes = notes(&end);
        assert!(notes[0].contains("not final yet: chain main was read up to block 968"), "{notes:?}");
        assert!(notes[0].contains("its final block 860"), "{notes:?}");
        end.prove(&fixture.chain).await.unwrap();
    }

    #[tokio::test]
    async fn a_block_that_was_replaced_meanwhile_gives_no_verdict() {
        let fixture = fixture(140, 128).await;
        let end = cut_of(&fixture).await.unwrap();
        fixture.answer_first(|method, params| {
            let is_it = method == "eth_getBlockByNumber" && params[0] == json!("0x3c8");
            is_it.then(|| {
                let hash = block(7).hash;
                Reply::Result(json!({ "number": "0x3c8", "hash": hash, "timestamp": "0x1" }))
            })
        });
        let error = format!("{:#}", end.prove(&fixture.chain).await.unwrap_err());
        assert!(error.contains("chain main has replaced block 968"), "{error}");
        assert!(error.contains("nothing is known of conservation"), "{error}");
    }

    #[tokio::test]
    async fn a_node_without_any_state_is_named_with_block_and_cure() {
        let gone = fixture(140, 8).await;
        let error = format!("{:#}", cut_of(&gone).await.unwrap_err());
        assert!(error.contains("the bridge's state at block 968"), "{error}");
        assert!(error.contains("keeps the states of 172 blocks (geth: --gcmode archive"), "{error}");
        // A final block that is younger than any other that could be taken.
        let near = fixture(20, 8).await;
        let error = format!("{:#}", cut_of(&near).await.unwrap_err());
        assert!(error.contains("at its final block 980: give this chain"), "{error}");
    }

    #[tokio::test]
    async fn a_state_that_fails_otherwise_moves_no_cut() {
        let fixture = fixture(140, 1000).await;
        let failed = AtomicBool::new(false);
        fixture.answer_first(move |method, _| {
            let is_first = method == "eth_call" && !failed.swap(true, Ordering::Relaxed);
            is_first.then(|| Reply::error(-32000, "the database is busy"))
        });
        assert_eq!(cut_of(&fixture).await.unwrap().block, block(860));
    }
}
