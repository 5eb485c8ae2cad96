// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {HoldReason, PairConfiguration, PairLimits} from "./BridgeTypes.sol";

/// @title What a bridge tells
interface IBridgeEvents {
    // ---- source ----

    /// @notice A user's deposit, or the refund of a hold. With the block number of its log it carries everything the
    /// destination needs.
    event RequestValueTransfer(
        uint64 indexed requestNonce,
        address indexed from,
        address indexed to,
        uint8 kind,
        address token,
        address refundTo,
        uint256 value,
        bytes payload
    );

    /// @notice A request paid this fee. `token` is zero for the native currency.
    event FeeCharged(uint64 indexed requestNonce, address indexed token, uint256 fee);

    /// @notice Fees went to the fee receiver. `token` is zero for the native currency.
    event FeesWithdrawn(address indexed token, address indexed feeReceiver, uint256 amount);

    /// @notice Liquidity was put into a lock pair without a request.
    event LiquiditySeeded(address indexed token, address indexed from, uint256 value);

    // ---- destination ----

    /// @notice The requests `first <= nonce < handleNonce` were handled: paid, but for those with a `ValueTransferHeld` in
    /// the same transaction. One event for a whole call, since it costs what a log costs and says as much.
    event HandleValueTransfer(uint64 indexed first, uint64 handleNonce);

    /// @notice A request was handled and put on hold.
    event ValueTransferHeld(uint64 indexed nonce, HoldReason indexed reason, bytes32 leaf);

    /// @notice A held request was paid after all.
    event HoldReleased(uint64 indexed nonce, address indexed to);

    /// @notice A held request goes back to whom its user named, as request `requestNonce` of the other lane.
    event HoldRefunded(uint64 indexed nonce, uint64 indexed requestNonce);

    /// @notice Governors have written a hold off: its value lies at `claims`, where `claimant` can take it.
    event HoldWrittenOff(uint64 indexed nonce, address indexed claimant, address claims);

    /// @notice An operator's vote for the checkpoint with this EIP-712 digest was recorded. What the checkpoint says is in the
    /// call; who holds it, knows its digest.
    event CheckpointVoted(uint64 indexed nonce, address indexed operator, bytes32 digest);

    // ---- configuration ----

    /// @notice The bridge got its counterpart; both lanes are open.
    event Wired(
        uint64 counterpartChainId, address counterpart, bytes32 outboundBridgeId, bytes32 inboundBridgeId, bytes32 salt
    );

    /// @notice From here on only these operators' signatures count, and only those for this epoch.
    event OperatorsChanged(uint64 indexed epoch, address[] members, uint8 threshold);

    /// @notice From here on only these governors' signatures count, and only those for this epoch.
    event GovernorsChanged(uint64 indexed epoch, address[] members, uint8 threshold);

    /// @notice A token of this chain corresponds to one of the counterpart's chain from now on.
    event PairRegistered(address indexed token, address indexed counterpartToken, PairConfiguration pair);

    /// @notice A pair without value is gone.
    event PairDeregistered(address indexed token, address indexed counterpartToken);

    /// @notice Requests of this token are refused, or accepted again. Payouts go on.
    event PairLocked(address indexed token, bool locked);

    /// @notice Payouts of this token get this much gas. Unit: gas.
    event PairGasCapChanged(address indexed token, uint32 gasCap);

    /// @notice No pair can have a gas cap above this from now on. Unit: gas.
    event GreatestGasCapChanged(uint32 gasCap);

    /// @notice This is what the pair allows from now on.
    event PairLimitsChanged(address indexed token, PairLimits limits);

    /// @notice Fees go there from now on.
    event FeeReceiverChanged(address indexed feeReceiver);

    /// @notice A hold waits this long before anyone may refund it. Unit: blocks of this chain.
    event RefundDelayChanged(uint64 refundDelay);

    /// @notice A loosening configuration waits this long. Unit: seconds.
    event GovernanceDelayChanged(uint32 governanceDelay);

    /// @notice An operator stopped requests, payouts, releases and refunds.
    event Paused(uint64 indexed pauseNonce, address indexed operator);

    /// @notice The bridge goes on. `pauseNonce` is what the next pause has to name.
    event Unpaused(uint64 indexed pauseNonce);

    /// @notice Governors have voted something that loosens. Anyone may execute it from `executableAt` to `deadline`, unless
    /// it is cancelled before. Unit: seconds since 1970.
    event ConfigurationScheduled(
        uint64 indexed configurationNonce, uint64 executableAt, uint64 deadline, bytes[] calls
    );

    /// @notice A pause has suspended this configuration: its delay starts again when the bridge is unpaused.
    event ConfigurationSuspended(uint64 indexed configurationNonce, address indexed operator);

    /// @notice The bridge was unpaused, and the delay of this configuration has started again. Unit: seconds since 1970.
    event ConfigurationResumed(uint64 indexed configurationNonce, uint64 executableAt);

    /// @notice A configuration was executed as a whole. `callsHash` is the EIP-712 encoding of its calls.
    event ConfigurationApplied(uint64 indexed configurationNonce, bytes32 callsHash);

    /// @notice A scheduled configuration will not be executed.
    event ConfigurationCancelled(uint64 indexed configurationNonce);

    // ---- migration ----

    /// @notice No more requests from here on, or requests again.
    event RequestsStopped(bool stopped);

    /// @notice This bridge may hand its value over to this one; zero for none.
    event PredecessorChanged(address indexed predecessor);

    /// @notice Value that is owed to no hold went to the successor's pair.
    event ValueMigrated(address indexed token, address indexed successor, uint256 amount);

    /// @notice The predecessor's value stands in this bridge's pair.
    event ValueAdopted(address indexed token, address indexed predecessor, uint256 amount);

    /// @notice This bridge mints and burns the token no longer; the successor does.
    event TokenHandedOver(address indexed token, address indexed successor);
}
