//! A bridge contract's state in domain types.

use alloy::primitives::{Address, B256, U256};
use polyspan_types::{
    BlockHeight, BridgeId, ChainId, Epoch, HoldReason, Kind, Leaf, MemberSet, RequestKind, RequestNonce,
    Root, Threshold,
};

use crate::abi;

/// Everything about one bridge contract. Before wiring, everything about the counterpart and both lanes is zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgeState {
    /// Whether configuration vote 0 was applied.
    pub wired: bool,
    /// Whether an operator stopped it.
    pub paused: bool,
    /// Whether requests are refused for good, before a migration.
    pub requests_stopped: bool,
    /// Whether it was deployed with the development flag, which allows thresholds of half or less and no delay.
    pub development: bool,
    /// Greatest gas cap that a pair can have. Unit: gas.
    pub greatest_gas_cap: u32,
    /// Whether its handles call no recipient with code: such a payout is held, and a release pays it.
    pub defers_calls: bool,
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
    /// How long a hold waits before anyone may refund it. Unit: blocks of this chain.
    pub refund_delay: u64,
    /// How long a loosening configuration waits. Unit: seconds.
    pub governance_delay: u32,
    /// Who receives the fees; zero while nobody does.
    pub fee_receiver: Address,
    /// The bridge whose value this one may adopt; zero for none.
    pub predecessor: Address,
    /// Where the value of holds lies that governors have written off; zero before the first one.
    pub claims: Address,
    /// Who signs checkpoints of the inbound lane.
    pub operators: MemberSet,
    /// Who signs configuration.
    pub governors: MemberSet,
    /// Registered pairs, in the contract's order.
    pub pairs: Vec<PairState>,
    /// Voted configurations whose public delay runs, oldest first.
    pub pending: Vec<PendingConfiguration>,
}

/// A configuration that governors have voted and that is not executed yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingConfiguration {
    /// Its number.
    pub configuration_nonce: u64,
    /// From here on anyone may execute it; `None` while a pause has suspended it. Unit: seconds since 1970.
    pub executable_at: Option<u64>,
    /// Until here it can be executed. Unit: seconds since 1970.
    pub deadline: u64,
    /// EIP-712 encoding of its calls.
    pub calls_hash: B256,
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

/// What a pair allows, `None` where it has no such limit. Unit of amounts: the token's smallest unit; an ERC-721 counts 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PairLimits {
    /// Least amount of one request.
    pub minimum: u128,
    /// Greatest amount of one request.
    pub maximum: Option<u128>,
    /// What a request costs. Unit: wei if `fee_in_native`, else the token's smallest unit.
    pub fee: u128,
    /// Whether the fee is paid in the native currency; of the native pair it always is.
    pub fee_in_native: bool,
    /// The leaky bucket on net outflow.
    pub outflow: Option<OutflowLimit>,
    /// What makes large payouts wait.
    pub delay: Option<DelayLimit>,
}

/// A leaky bucket: payouts fill it, requests and time empty it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutflowLimit {
    /// The most that may stand in it.
    pub capacity: u128,
    /// What leaks out of it in a second.
    pub per_second: u128,
}

/// Payouts above an amount are held for a number of blocks first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DelayLimit {
    /// The greatest amount that does not wait.
    pub above: u128,
    /// Unit: blocks of this chain.
    pub blocks: u32,
}

/// A token pair with its limits and counters. Unit of the counters: the token's smallest unit; an ERC-721 counts 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairState {
    /// Asset class.
    pub kind: Kind,
    /// True when this side mints and burns, false when it locks and unlocks.
    pub mints: bool,
    /// Decimals of both tokens; 0 for an ERC-721 or ERC-1155.
    pub decimals: u8,
    /// What one request may carry. Unit: bytes of the URI of an ERC-721, ids of an ERC-1155; 0 for fungible tokens.
    pub item_bound: u16,
    /// Gas of one payout. Unit: gas.
    pub gas_cap: u32,
    /// Token on this chain; zero for the native currency.
    pub token: Address,
    /// Token on the counterpart's chain; zero for its native currency.
    pub counterpart_token: Address,
    /// What the pair allows.
    pub limits: PairLimits,
    /// Whether requests are refused.
    pub locked: bool,
    /// What the bridge keeps for the counterpart's chain, holds included.
    pub escrow: U256,
    /// Minted minus burnt.
    pub minted: U256,
    /// Sum of the holds of this chain.
    pub held: U256,
    /// Liquidity put in without a request.
    pub seeded: U256,
    /// What a former bridge handed over.
    pub adopted: U256,
    /// What stands in the leaky bucket at the block that was read.
    pub outflow: U256,
    /// Fees in this token that wait for the fee receiver.
    pub fees: U256,
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

impl PairState {
    /// Whether a request of the inbound lane with this kind and token is about this pair: it names the counterpart's token,
    /// a refund the token here.
    pub fn is_of(&self, kind: RequestKind, token: Address) -> bool {
        token == if kind.is_refund() { self.token } else { self.counterpart_token }
    }

    /// What a payout of `value` takes out of the counters: the amount, or 1 for an ERC-721, whose value is an id.
    pub fn amount(&self, value: U256) -> U256 {
        if self.kind == Kind::Erc721 { U256::from(1) } else { value }
    }
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
            requests_stopped: state.requestsStopped,
            development: state.development,
            greatest_gas_cap: state.greatestGasCap,
            defers_calls: state.defersCalls,
            chain_id: ChainId::new(state.chainId),
            deployment_block: BlockHeight::new(state.deploymentBlock),
            counterpart_chain_id: ChainId::new(state.wiring.counterpartChainId),
            counterpart_deployment_block: BlockHeight::new(state.wiring.counterpartDeploymentBlock),
            counterpart: state.wiring.counterpart,
            outbound_bridge_id: BridgeId(state.wiring.outboundBridgeId),
            inbound_bridge_id: BridgeId(state.wiring.inboundBridgeId),
            request_nonce: RequestNonce::new(state.requestNonce),
            request_root: Root(state.requestRoot),
            handle_nonce: RequestNonce::new(state.handleNonce),
            handle_root: Root(state.handleRoot),
            recovery_block: BlockHeight::new(state.recoveryBlockNumber),
            held_count: state.heldCount,
            pause_nonce: state.pauseNonce,
            configuration_nonce: state.configurationNonce,
            refund_delay: state.refundDelay,
            governance_delay: state.governanceDelay,
            fee_receiver: state.feeReceiver,
            predecessor: state.predecessor,
            claims: state.claims,
            operators: members("operators", state.operators)?,
            governors: members("governors", state.governors)?,
            pairs: state.pairs.into_iter().map(PairState::try_from).collect::<Result<_, _>>()?,
            pending: state.pending.into_iter().map(PendingConfiguration::from).collect(),
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
            decimals: configuration.decimals,
            item_bound: configuration.itemBound,
            gas_cap: configuration.gasCap,
            token: configuration.token,
            counterpart_token: configuration.counterpartToken,
            limits: pair.limits.into(),
            locked: pair.locked,
            escrow: U256::from(pair.escrow),
            minted: U256::from(pair.minted),
            held: U256::from(pair.held),
            seeded: U256::from(pair.seeded),
            adopted: U256::from(pair.adopted),
            outflow: U256::from(pair.outflow),
            fees: pair.fees,
        })
    }
}

impl From<abi::PairLimits> for PairLimits {
    /// The greatest value of a type stands for "no such limit".
    fn from(limits: abi::PairLimits) -> Self {
        let limit = |value: u128| (value != u128::MAX).then_some(value);
        Self {
            minimum: limits.minimum,
            maximum: limit(limits.maximum),
            fee: limits.fee,
            fee_in_native: limits.feeInNative,
            outflow: limit(limits.outflowCapacity)
                .map(|capacity| OutflowLimit { capacity, per_second: limits.outflowPerSecond }),
            delay: limit(limits.delayAbove).map(|above| DelayLimit { above, blocks: limits.delayBlocks }),
        }
    }
}

impl From<abi::PendingConfiguration> for PendingConfiguration {
    fn from(pending: abi::PendingConfiguration) -> Self {
        Self {
            configuration_nonce: pending.configurationNonce,
            executable_at: executable_at(pending.executableAt),
            deadline: pending.deadline,
            calls_hash: pending.callsHash,
        }
    }
}

/// The greatest value stands for "not before the bridge is unpaused".
pub(crate) fn executable_at(seconds: u64) -> Option<u64> {
    (seconds != u64::MAX).then_some(seconds)
}

impl From<abi::Hold> for Hold {
    fn from(hold: abi::Hold) -> Self {
        Self {
            nonce: RequestNonce::new(hold.nonce),
            reason: HoldReason::from_number(hold.reason),
            held_at: BlockHeight::new(hold.heldAtBlock),
            leaf: Leaf(hold.leaf),
        }
    }
}

/// The contract has checked its own sets, half-or-less included unless it has the development flag; what is checked
/// here is only that the answer can come from such a contract.
fn members(which: &str, set: abi::MemberSet) -> Result<MemberSet, String> {
    let threshold = Threshold::try_new_development(set.threshold, set.members.len())
        .map_err(|error| format!("{which}: {error}"))?;
    Ok(MemberSet { epoch: Epoch::new(set.epoch), threshold, members: set.members })
}
