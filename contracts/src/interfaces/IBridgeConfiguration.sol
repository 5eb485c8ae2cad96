// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {PairConfiguration, PairLimits} from "./BridgeTypes.sol";

/// @title Pausing, and what governors change by vote
interface IBridgeConfiguration {
    // ---- operators ----

    /// @notice Stops requests, payouts, releases and refunds. One current operator is enough; anyone may send its signature.
    /// Configurations that wait are suspended, by each operator once.
    /// @param pauseNonce number of this pause: how many times the bridge was unpaused
    /// @param signature EIP-712 `Pause(uint64 pauseNonce)`
    function pause(uint64 pauseNonce, bytes calldata signature) external;

    // ---- governors ----

    /// @notice Takes a vote on calls of the listed setters below, signed by a threshold of governors:
    /// EIP-712 `Configuration(uint64 epoch,uint64 configurationNonce,uint64 deadline,bytes[] calls)`. Calls that tighten are
    /// executed at once; if any of them loosens, all of them wait the public delay. Number 0 starts with `wire` and is
    /// executed at once. All calls take effect, or none. Works while the bridge is paused.
    /// @param configurationNonce number of this configuration: how many were voted before
    /// @param deadline last timestamp at which it may be voted and executed. Unit: seconds since 1970.
    /// @param calls encoded calls of the listed setters, in order of execution
    /// @param signatures governors' signatures (ERC-2098: 64 bytes; or r, s, v: 65 bytes). Those that are malformed,
    /// repeated or not of a current governor do not count.
    function configure(uint64 configurationNonce, uint64 deadline, bytes[] calldata calls, bytes[] calldata signatures)
        external;

    /// @notice Executes the oldest scheduled configuration once its delay is over. Anyone may.
    /// @param configurationNonce its number
    /// @param calls the calls that were voted
    function executeConfiguration(uint64 configurationNonce, bytes[] calldata calls) external;

    /// @notice Takes a scheduled configuration back, by a threshold of governors; anyone may once its deadline is over.
    /// @param configurationNonce its number
    /// @param signatures governors' EIP-712 `Cancellation(uint64 epoch,uint64 configurationNonce)`
    function cancelConfiguration(uint64 configurationNonce, bytes[] calldata signatures) external;

    // ---- listed setters: only through a configuration. "At once" says when one does not wait ----

    /// @notice Names the counterpart and opens both lanes. Once, as the first call of configuration 0.
    /// @param counterpartChainId another chain than this one
    /// @param counterpart the other half of the bridge
    /// @param counterpartDeploymentBlock block of the counterpart's chain before which it has made no request
    /// @param salt tells lanes between the same two contracts apart; the same on both sides
    function wire(uint64 counterpartChainId, address counterpart, uint64 counterpartDeploymentBlock, bytes32 salt)
        external;

    /// @notice Replaces all operators. What the former ones have signed is dead at once. At once when nobody is new and the
    /// threshold is not lower.
    /// @param members at most 64, each once
    /// @param threshold how many of them move value; more than half
    function setOperators(address[] calldata members, uint8 threshold) external;

    /// @notice Replaces all governors. What the former ones have signed is dead at once, and so is what they have scheduled.
    /// At once when nobody is new and the threshold is not lower.
    /// @param members at most 64, each once
    /// @param threshold how many of them configure; more than half
    function setGovernors(address[] calldata members, uint8 threshold) external;

    /// @notice Registers a pair, without limits.
    /// @param pair both tokens and what holds for them; the counterpart's has the tokens exchanged, the same decimals and item bound
    function registerPair(PairConfiguration calldata pair) external;

    /// @notice Removes a pair that is locked and of which nothing is locked, minted, held or on its way in either direction. What
    /// arrives of it later is held. Its counterpart, kind and mode are kept: only the same pair can be registered again.
    /// @param token of a registered pair
    /// @param inboundNonce what the counterpart's `requestNonce` was when its side of the pair was locked, or later
    /// @param outboundNonce the counterpart's `handleNonce`, as far as governors have seen it; every request of the pair is below
    function deregisterPair(address token, uint64 inboundNonce, uint64 outboundNonce) external;

    /// @notice Refuses (at once) or accepts requests of a token. Payouts go on.
    /// @param token of a registered pair
    /// @param locked whether requests are refused
    function setPairLocked(address token, bool locked) external;

    /// @notice Sets what one payout of a token may use.
    /// @param token of a registered pair
    /// @param gasCap Unit: gas, from 100 000 (ERC-721: 130 000, and with a URI 22 800 and 22 800 more for each 32 bytes of its bound;
    /// ERC-1155: 110 000 and 45 000 for each id of its bound) to the bridge's greatest.
    function setPairGasCap(address token, uint32 gasCap) external;

    /// @notice Sets what no pair's gas cap can be above, for a chain whose gas prices have changed. Refused where the greatest
    /// gas cap is fixed. Pairs keep theirs.
    /// @param gasCap Unit: gas, 100 000 to 15 000 000.
    function setGreatestGasCap(uint32 gasCap) external;

    /// @notice Sets what a pair allows. At once when no limit becomes wider and the fee does not rise.
    /// @param token of a registered pair
    /// @param limits all of them, in place of the former ones
    function setPairLimits(address token, PairLimits calldata limits) external;

    /// @notice Names who receives the fees; zero leaves them here.
    /// @param feeReceiver an account that takes every currency in which there are fees
    function setFeeReceiver(address feeReceiver) external;

    /// @notice Sets how long a hold waits before anyone may refund it. At once when it becomes longer.
    /// @param refundDelay Unit: blocks of this chain, 1 to 2 592 000.
    function setRefundDelay(uint64 refundDelay) external;

    /// @notice Sets how long a loosening configuration waits. At once when it becomes longer.
    /// @param governanceDelay Unit: seconds, 1 hour to 30 days.
    function setGovernanceDelay(uint32 governanceDelay) external;

    /// @notice Ends a pause and raises `pauseNonce`, which also kills every pause signature given so far. At once. The delay of
    /// configurations that the pause has suspended starts again.
    function unpause() external;

    // ---- listed setters for a migration ----

    /// @notice Refuses all requests, or accepts them again. Waits the public delay in either case, since a request is how users
    /// leave. Refunds of holds go on.
    /// @param stopped whether requests are refused
    function setRequestsStopped(bool stopped) external;

    /// @notice Names the bridge whose value this one may adopt; zero for none.
    /// @param predecessor a bridge of this chain with the same tokens
    function setPredecessor(address predecessor) external;

    // ---- anyone ----

    /// @notice Sends the fees of a token to the fee receiver.
    /// @param token zero for the native currency
    function withdrawFees(address token) external;
}
