//! Everything that one chain says about its end of a bridge, as of one block.

use std::collections::BTreeSet;

use alloy::primitives::{Address, B256, U256};
use alloy::providers::Provider;
use alloy::sol_types::SolEvent;
use anyhow::{Context, Result};
use polyspan_contracts::Bridge::{
    BridgeState, FeesWithdrawn, PairState, RequestValueTransfer, ValueAdopted, ValueMigrated,
};
use polyspan_node::config::{Deployment, Minter};
use polyspan_types::{Direction, HandledLogs, Request, RequestNonce, Root};

use super::conservation::{Counters, PairWitness};
use crate::bridge_view::BridgeView;
use crate::holdings::owned;
use crate::moves::{Move, native_moves, token_moves};

/// One chain's end of a bridge: source of one lane, destination of the other.
#[derive(Debug, Clone, Default)]
pub(super) struct SideWitness {
    pub(super) state: EndState,
    /// Requests made here.
    pub(super) requests: Vec<Request>,
    /// What was handled here.
    pub(super) handled: HandledLogs,
    /// What left the bridge, and what it made: all tokens ever, and native currency in transactions that handled or
    /// released. Other native currency that leaves shows in the balance.
    pub(super) moves: Vec<Move>,
    /// Transactions in which value leaves for another reason than a payout: requests (which burn, and give back what is
    /// left of a fee limit), fees, migration.
    pub(super) other_transactions: BTreeSet<B256>,
    /// In the order of the deployment.
    pub(super) pairs: Vec<PairWitness>,
}

/// Both ends of lanes that a contract is.
#[derive(Debug, Clone, Copy)]
pub(super) struct EndState {
    pub(super) request_nonce: u64,
    pub(super) request_root: Root,
    pub(super) handle_nonce: u64,
    pub(super) handle_root: Root,
    pub(super) held_count: u64,
    /// Where the value of written-off holds lies.
    pub(super) claims: Address,
}

impl SideWitness {
    /// The request made here with this number.
    pub(super) fn request(&self, nonce: RequestNonce) -> Option<&Request> {
        usize::try_from(nonce.get()).ok().and_then(|index| self.requests.get(index))
    }
}

impl Default for EndState {
    fn default() -> Self {
        let root = Root(B256::ZERO);
        Self {
            request_nonce: 0,
            request_root: root,
            handle_nonce: 0,
            handle_root: root,
            held_count: 0,
            claims: Address::ZERO,
        }
    }
}

/// The newest block of a view's chain.
pub(super) async fn height(view: BridgeView<'_>) -> Result<u64> {
    let height = view.chain.provider.get_block_number().await;
    height.with_context(|| format!("{} does not tell its height", view.chain.name))
}

/// Reads the end that is the destination of `inbound`.
///
/// Errors: the node does not answer.
pub(super) async fn read(
    view: BridgeView<'_>,
    deployment: &Deployment,
    inbound: Direction,
) -> Result<SideWitness> {
    let state = view.state().await?;
    let handled = view.handled().await?;
    let mut moves = Vec::new();
    let mut pairs = Vec::new();
    for pair in &deployment.pairs {
        let ((_, token), (_, kind)) = (pair.tokens(inbound), pair.kinds(inbound));
        let mints = match inbound {
            Direction::MainToService => pair.mints == Minter::Service,
            Direction::ServiceToMain => pair.mints == Minter::Main,
        };
        let of_token = token_moves(view.chain, kind, token, view.height()).await?;
        pairs.push(PairWitness {
            counters: counters(&state, token),
            balance: owned(view.chain, kind, token, view.side.bridge, view.height()).await?,
            supply: supply(&of_token),
        });
        let ours = |one: &Move| one.from == view.side.bridge || (mints && one.from.is_zero());
        moves.extend(of_token.into_iter().filter(ours));
    }
    let paying = handled.ranges.iter().map(|range| range.tx_hash);
    let paying: BTreeSet<B256> = paying.chain(handled.endings.iter().map(|ending| ending.tx_hash)).collect();
    for tx_hash in paying {
        moves.extend(native_moves(view.chain, tx_hash, view.side.bridge).await?);
    }
    Ok(SideWitness {
        state: ends(&state),
        requests: view.requests().await?,
        handled,
        moves,
        other_transactions: other_transactions(view).await?,
        pairs,
    })
}

async fn other_transactions(view: BridgeView<'_>) -> Result<BTreeSet<B256>> {
    let topics = [
        RequestValueTransfer::SIGNATURE_HASH,
        FeesWithdrawn::SIGNATURE_HASH,
        ValueMigrated::SIGNATURE_HASH,
        ValueAdopted::SIGNATURE_HASH,
    ];
    Ok(view.logs(&topics).await?.iter().filter_map(|log| log.transaction_hash).collect())
}

/// What was made and not destroyed. A token whose logs do not add up has none.
fn supply(moves: &[Move]) -> U256 {
    let sum = |of: fn(&Move) -> Address| -> U256 {
        moves.iter().filter(|one| of(one).is_zero()).map(|one| one.paid.amount).sum()
    };
    sum(|one| one.from).saturating_sub(sum(|one| one.paid.to))
}

fn ends(state: &BridgeState) -> EndState {
    EndState {
        request_nonce: state.requestNonce,
        request_root: Root(state.requestRoot),
        handle_nonce: state.handleNonce,
        handle_root: Root(state.handleRoot),
        held_count: state.heldCount,
        claims: state.claims,
    }
}

fn counters(state: &BridgeState, token: Address) -> Option<Counters> {
    let pair: &PairState = state.pairs.iter().find(|pair| pair.configuration.token == token)?;
    Some(Counters {
        escrow: U256::from(pair.escrow),
        minted: U256::from(pair.minted),
        held: U256::from(pair.held),
        seeded: U256::from(pair.seeded),
        adopted: U256::from(pair.adopted),
        fees: pair.fees,
    })
}
