// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {HoldReason} from "./BridgeTypes.sol";

/// @title What a bridge refuses
interface IBridgeErrors {
    // ---- state ----

    /// @notice Configuration 0 has not been executed yet.
    error BridgeNotWired();
    /// @notice The bridge is paused, by the pause with this number.
    error BridgePaused(uint64 pauseNonce);
    /// @notice Only the bridge itself calls this.
    error BridgeOnlySelf(address caller);
    /// @notice There is no contract at the address of a part.
    error BridgePartWithoutCode(address part);

    // ---- configuration ----

    /// @notice A bridge has its counterpart on another chain.
    error BridgeEqualChainIds(uint64 chainId);
    /// @notice The counterpart is zero, or its chain id is zero.
    error BridgeInvalidCounterpart(address counterpart);
    /// @notice Setters are called by a configuration and by nobody else.
    error BridgeOnlyConfiguration(address caller);
    /// @notice A configuration consists of calls of the listed setters.
    error BridgeSetterNotListed(bytes4 selector);
    /// @notice The first call of configuration 0 is `wire`.
    error BridgeFirstConfigurationMustWire();
    /// @notice A bridge is wired once.
    error BridgeAlreadyWired();
    /// @notice Configurations are voted in order, each once.
    error BridgeConfigurationNonce(uint64 given, uint64 expected);
    /// @notice The signed deadline is over. Unit: seconds since 1970.
    error BridgeConfigurationExpired(uint64 deadline, uint256 timestamp);
    /// @notice The public delay would end after the signed deadline. Unit: seconds since 1970.
    error BridgeDeadlineBeforeDelay(uint64 deadline, uint64 executableAt);
    /// @notice The configuration has no calls.
    error BridgeEmptyConfiguration();
    /// @notice No configuration with this number waits, or an older one has to be executed or cancelled first.
    error BridgeConfigurationNotNext(uint64 configurationNonce);
    /// @notice The public delay runs still. Unit: seconds since 1970.
    error BridgeConfigurationTooEarly(uint64 executableAt, uint256 timestamp);
    /// @notice These are not the calls that were voted.
    error BridgeOtherCalls(bytes32 callsHash, bytes32 expected);
    /// @notice So many configurations wait that no other one can be scheduled.
    error BridgeTooManyPending(uint256 limit);
    /// @notice The delay is outside the range that keeps it public and bounded. Unit: seconds.
    error BridgeDelayOutOfRange(uint64 delay, uint64 minimum, uint64 maximum);

    // ---- members ----

    /// @notice A member is zero or the bridge itself.
    error BridgeInvalidMember(address member);
    /// @notice A member is named twice.
    error BridgeDuplicateMember(address member);
    /// @notice The set has more members than a bridge takes.
    error BridgeTooManyMembers(uint256 members, uint256 limit);
    /// @notice The threshold is 0, more than the members, or half of them or less.
    error BridgeInvalidThreshold(uint8 threshold, uint256 members);
    /// @notice Fewer distinct current members have signed exactly this.
    error BridgeBelowThreshold(uint256 signers, uint8 threshold);

    // ---- pairs ----

    /// @notice One of the two tokens belongs to a pair already.
    error BridgePairExists(address token, address counterpartToken);
    /// @notice The token belongs to no pair.
    error BridgePairUnknown(address token);
    /// @notice Requests of this token are refused for the time being.
    error BridgePairLocked(address token);
    /// @notice A pair goes only when it is locked, and a token is handed over only, when nothing of it is locked, minted or held.
    error BridgePairInUse(address token, uint256 outstanding, uint256 held, bool locked);
    /// @notice Such a pair cannot be, this call is not for such a pair, or its token does not burn what it is told to.
    error BridgePairInvalid(address token, address counterpartToken);
    /// @notice Minimum above maximum, maximum above the capacity of the bucket, a delay above 2 592 000 blocks, or a fee in a currency in which such a pair cannot be paid.
    error BridgeLimitsInvalid(address token);
    /// @notice The gas cap is outside the range that keeps payouts possible and bounded. Unit: gas.
    error BridgeGasCapOutOfRange(uint32 gasCap, uint32 minimum, uint32 maximum);
    /// @notice A fungible token has no item bound, an ERC-721 at most 512, an ERC-1155 1 to 16.
    error BridgeItemBoundInvalid(address token, uint16 itemBound);
    /// @notice The token had another counterpart, kind or mode before, and keeps them for ever.
    error BridgePairRemembered(address token, address counterpartToken);
    /// @notice The token's kind is not the one that this call is for.
    error BridgeKindMismatch(address token, uint8 kind, uint8 expected);
    /// @notice There is no contract at the token's address, or an account with delegated code (EIP-7702).
    error BridgeTokenWithoutCode(address token);
    /// @notice The token has other decimals.
    error BridgeDecimalsMismatch(address token, uint8 decimals, uint8 expected);

    // ---- requests ----

    /// @notice Requests are refused for good; this bridge is being replaced.
    error BridgeRequestsStopped();
    /// @notice The recipient is zero, one of the two bridges, or a registered token of either chain.
    error BridgeInvalidRecipient(address to);
    /// @notice The account to pay back is zero, this bridge, or a registered token of this chain.
    error BridgeInvalidRefundTo(address refundTo);
    /// @notice Nothing was asked for, or nothing arrived.
    error BridgeZeroValue();
    /// @notice More than the pair's counter can take or, in a mint pair, more than the bridge has minted.
    error BridgeValueTooLarge(uint256 value);
    /// @notice Less than the pair's minimum.
    error BridgeBelowMinimum(uint256 value, uint128 minimum);
    /// @notice More than the pair's maximum.
    error BridgeAboveMaximum(uint256 value, uint128 maximum);
    /// @notice The fee is more than the user allowed.
    error BridgeFeeAboveLimit(uint256 fee, uint256 limit);
    /// @notice What was sent beyond the fee could not be given back.
    error BridgeReturnFailed(address to, uint256 value);
    /// @notice The native currency that came with the call is not what the call says.
    error BridgeNativeValueMismatch(uint256 sent, uint256 expected);
    /// @notice The recipient's data are longer than a payout can carry. Unit: bytes.
    error BridgeExtraDataTooLong(uint256 length, uint256 limit);
    /// @notice The token's URI is longer than a payout can carry. Unit: bytes.
    error BridgeTokenURITooLong(uint256 length, uint256 limit);
    /// @notice No ids, more than a payout can carry, or not one amount for each.
    error BridgeInvalidIds(uint256 ids, uint256 amounts, uint256 limit);
    /// @notice The ids of an ERC-1155 request rise, so that each is named once.
    error BridgeIdsNotRising(uint256 id);
    /// @notice A contract has to name the recipient: nobody may have its address on the other chain.
    error BridgePlainSendFromContract(address sender);
    /// @notice The token was not the sender's before, or is not the bridge's after.
    error BridgeNotTokenOwner(address token, uint256 id);
    /// @notice A token that comes without the arguments of a request would be nobody's.
    error BridgeArgumentsMissing(address token);
    /// @notice There is nothing to withdraw, or nobody to receive it.
    error BridgeNoFees(address token, address feeReceiver);

    // ---- handle and vote ----

    /// @notice Value is paid for an account without code that sends the transaction itself. A caller in between could make
    /// payouts fail.
    error BridgeSubmitterNotDirect(address sender);
    /// @notice All given requests are handled; the first one that is not has this number.
    error BridgeAlreadyHandled(uint64 handleNonce);
    /// @notice Requests before `first` are not handled yet.
    error BridgeNonceGap(uint64 first, uint64 handleNonce);
    /// @notice `transfers` was empty.
    error BridgeNothingToHandle();
    /// @notice The transfers are not encoded as `PackedTransfers` says; `offset` is where the one begins that is not.
    error PackedTransfersMalformed(uint256 offset);
    /// @notice Not enough gas is left to give the call for this nonce what it must have. Nothing has happened.
    error BridgeInsufficientGas(uint64 nonce, uint256 gasLeft, uint256 required);
    /// @notice The checkpoint is for other operators than the present ones.
    error BridgeOtherEpoch(uint64 epoch, uint64 expected);
    /// @notice This operator has voted for this checkpoint.
    error BridgeAlreadyVoted(address operator);

    // ---- holds ----

    /// @notice Nothing is held under this number.
    error BridgeNotHeld(uint64 nonce);
    /// @notice This is not the request that is held under this number.
    error BridgeOtherLeaf(uint64 nonce, bytes32 leaf, bytes32 expected);
    /// @notice The reason still holds, or there is another one. Nothing has changed.
    error BridgeReleaseFailed(uint64 nonce, HoldReason reason);
    /// @notice Whether it was paid is for operators to find out; governors cannot write it off.
    error BridgeWriteOffUnclear(uint64 nonce);
    /// @notice A refund that is held can only be released.
    error BridgeRefundOfRefund(uint64 nonce);

    // ---- pause ----

    /// @notice The signature is for another pause.
    error BridgePauseNonce(uint64 given, uint64 expected);
    /// @notice The signer is no current operator; zero when the signature is malformed.
    error BridgeNotOperator(address signer);

    // ---- migration ----

    /// @notice Value moves only after requests were stopped.
    error BridgeRequestsNotStopped();
    /// @notice Requests were stopped less than the public delay ago. Unit: seconds since 1970.
    error BridgeStoppedTooLately(uint256 movableAt, uint256 timestamp);
    /// @notice The lane that ends here is not drained as far as the vote says.
    error BridgeLaneNotDrained(uint64 handleNonce, uint64 expected);
    /// @notice More than there is beside what is owed to holds, or not what the ids add up to.
    error BridgeNotMigratable(address token, uint256 amount, uint256 available);
    /// @notice Only the predecessor hands its value over.
    error BridgeNotPredecessor(address caller);
}
