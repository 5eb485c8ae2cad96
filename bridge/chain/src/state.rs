//! A bridge contract's state in domain types.

use alloy::primitives::{Address, U256};
use polyspan_types::{
    BlockHeight, BridgeId, ChainId, Epoch, HoldReason, Kind, Leaf, MemberSet, RequestNonce, Root, Threshold,
};

use crate::abi;

/// Everything about one bridge contract. Before wiring, everything about the counterpart and both lanes is zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgeState {
    /// Whether configuration vote 0 was applied.
    pub wired: bool,
    /// Whether an operator stopped it.
    pub paused: bool,
    /// Whether it was deployed with the development flag, which allows thresholds of half or less.
    pub development: bool,
    /// The contract's own chain.
    pub chain_id: ChainId,
    /// Block in which it was deployed.
    pub deployment_block: BlockHeight,
    /// The counterpart's chain.
    pub counterpart_chain_id: ChainId,
    /// Block in which the counterpart was deployed.
    pub counterpart_deployment_block: BlockHeight,
    /// The other half of the bridge.
    pub counterpart: Address,
    /// Lane that starts here.
    pub outbound_bridge_id: BridgeId,
    /// Lane that ends here.
    pub inbound_bridge_id: BridgeId,
    /// Source side: number of requests made.
    pub request_nonce: RequestNonce,
    /// Source side: root over all of them.
    pub request_root: Root,
    /// Destination side: first nonce that is not handled.
    pub handle_nonce: RequestNonce,
    /// Destination side: root up to it.
    pub handle_root: Root,
    /// Source block of the last handled request; at first the counterpart's deployment block.
    pub recovery_block: BlockHeight,
    /// Requests on hold here.
    pub held_count: u64,
    /// Number that the next pause must name.
    pub pause_nonce: u64,
    /// Number of the next configuration vote.
    pub configuration_nonce: u64,
    /// Who signs checkpoints of the inbound lane.
    pub operators: MemberSet,
    /// Who signs configuration.
    pub governors: MemberSet,
    /// Registered pairs, in the contract's order.
    pub pairs: Vec<PairState>,
}

/// The part of a bridge's state that changes with every transfer, cheap enough for every head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneState {
    /// Whether an operator stopped the bridge.
    pub paused: bool,
    /// Epoch of the operators; read the whole state when it changes.
    pub operator_epoch: Epoch,
    /// Source side: number of requests made.
    pub request_nonce: RequestNonce,
    /// Source side: root over all of them.
    pub request_root: Root,
    /// Destination side: first nonce that is not handled.
    pub handle_nonce: RequestNonce,
    /// Destination side: root up to it.
    pub handle_root: Root,
    /// Source block of the last handled request.
    pub recovery_block: BlockHeight,
    /// Requests on hold here.
    pub held_count: u64,
}

/// A token pair with its counters. Unit of the counters: the token's smallest unit; an ERC-721 counts 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairState {
    /// Asset class.
    pub kind: Kind,
    /// True when this side mints and burns, false when it locks and unlocks.
    pub mints: bool,
    /// Gas of one payout. Unit: gas.
    pub gas_cap: u32,
    /// Token on this chain; zero for the native currency.
    pub token: Address,
    /// Token on the counterpart's chain; zero for its native currency.
    pub counterpart_token: Address,
    /// Whether requests are refused.
    pub locked: bool,
    /// What the bridge owes out of its own balance.
    pub escrow: U256,
    /// Minted minus burnt.
    pub minted: U256,
    /// Sum of the holds of this chain.
    pub held: U256,
    /// Liquidity put in without a request.
    pub seeded: U256,
}

/// A request that was handled and not paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// The request's number in its lane.
    pub nonce: RequestNonce,
    /// Why it was not paid.
    pub reason: HoldReason,
    /// Block of this chain in which the hold was made.
    pub held_at: BlockHeight,
    /// Hash of the request.
    pub leaf: Leaf,
}

impl From<abi::LaneState> for LaneState {
    fn from(state: abi::LaneState) -> Self {
        Self {
            paused: state.paused,
            operator_epoch: Epoch::new(state.operatorEpoch),
            request_nonce: RequestNonce::new(state.requestNonce),
            request_root: Root(state.requestRoot),
            handle_nonce: RequestNonce::new(state.handleNonce),
            handle_root: Root(state.handleRoot),
            recovery_block: BlockHeight::new(state.recoveryBlockNumber),
            held_count: state.heldCount,
        }
    }
}

impl TryFrom<abi::BridgeState> for BridgeState {
    type Error = String;

    fn try_from(state: abi::BridgeState) -> Result<Self, String> {
        Ok(Self {
            wired: state.wired,
            paused: state.paused,
            development: state.development,
            chain_id: ChainId::new(state.chainId),
            deployment_block: BlockHeight::new(state.deploymentBlock),
            counterpart_chain_id: ChainId::new(state.counterpartChainId),
            counterpart_deployment_block: BlockHeight::new(state.counterpartDeploymentBlock),
            counterpart: state.counterpart,
            outbound_bridge_id: BridgeId(state.outboundBridgeId),
            inbound_bridge_id: BridgeId(state.inboundBridgeId),
            request_nonce: RequestNonce::new(state.requestNonce),
            request_root: Root(state.requestRoot),
            handle_nonce: RequestNonce::new(state.handleNonce),
            handle_root: Root(state.handleRoot),
            recovery_block: BlockHeight::new(state.recoveryBlockNumber),
            held_count: state.heldCount,
            pause_nonce: state.pauseNonce,
            configuration_nonce: state.configurationNonce,
            operators: members("operators", state.operators)?,
            governors: members("governors", state.governors)?,
            pairs: state.pairs.into_iter().map(PairState::try_from).collect::<Result<_, _>>()?,
        })
    }
}

impl TryFrom<abi::PairState> for PairState {
    type Error = String;

    fn try_from(pair: abi::PairState) -> Result<Self, String> {
        let configuration = pair.configuration;
        Ok(Self {
            kind: Kind::from_number(configuration.kind)
                .ok_or_else(|| format!("pair of unknown kind {}", configuration.kind))?,
            mints: configuration.mints,
            gas_cap: configuration.gasCap,
            token: configuration.token,
            counterpart_token: configuration.counterpartToken,
            locked: pair.locked,
            escrow: U256::from(pair.escrow),
            minted: U256::from(pair.minted),
            held: U256::from(pair.held),
            seeded: U256::from(pair.seeded),
        })
    }
}

impl TryFrom<abi::Hold> for Hold {
    type Error = String;

    fn try_from(hold: abi::Hold) -> Result<Self, String> {
        Ok(Self {
            nonce: RequestNonce::new(hold.nonce),
            reason: reason(hold.reason)?,
            held_at: BlockHeight::new(hold.heldAtBlock),
            leaf: Leaf(hold.leaf),
        })
    }
}

/// A hold reason by the contract's number.
pub(crate) fn reason(number: u8) -> Result<HoldReason, String> {
    HoldReason::from_number(number).ok_or_else(|| format!("unknown hold reason {number}"))
}

/// The contract has checked its own sets, half-or-less included unless it has the development flag; what is checked
/// here is only that the answer can come from such a contract.
fn members(which: &str, set: abi::MemberSet) -> Result<MemberSet, String> {
    let threshold = Threshold::try_new_development(set.threshold, set.members.len())
        .map_err(|error| format!("{which}: {error}"))?;
    Ok(MemberSet { epoch: Epoch::new(set.epoch), threshold, members: set.members })
}
