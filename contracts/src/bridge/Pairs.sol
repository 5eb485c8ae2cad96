// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";

import {PairConfiguration, PairLimits} from "../interfaces/BridgeTypes.sol";
import {Kinds} from "../libraries/Kinds.sol";
import {AddressRole, IS_COUNTERPART_TOKEN, IS_LOCAL_TOKEN, Pair, WAS_COUNTERPART_TOKEN} from "./BridgeStorage.sol";
import {GasCaps} from "./GasCaps.sol";
import {Limits} from "./Limits.sol";

/// @title Token pairs: which token of this chain corresponds to which of the counterpart's
/// @dev A pair stays as it was registered, except for its lock, its gas cap and its limits: remapping it would turn what is
/// locked, minted or in flight into something else. It can go when nothing of it is there; what was in flight on the other lane
/// may come back as a refund even then, so a token keeps its counterpart, kind and mode for ever, and only the same pair returns.
abstract contract Pairs is Limits, GasCaps {
    /// @dev What an account with delegated code has for its code (EIP-7702): this and an address.
    bytes3 private constant DELEGATION_PREFIX = 0xef0100;
    uint256 private constant DELEGATION_SIZE = 23;
    /// @dev 30 days at one block per second, as for refunds: whatever waits comes to its end. Unit: blocks.
    uint32 private constant MAX_DELAY_BLOCKS = 2_592_000;
    uint8 private constant NATIVE_DECIMALS = 18;

    function _registerPair(PairConfiguration calldata pair) internal {
        (address token, address counterpartToken) = (pair.token, pair.counterpartToken);
        Pair storage stored = _pairs[token];
        AddressRole storage far = _addressRoles[counterpartToken];
        if (stored.registered || far.roles & IS_COUNTERPART_TOKEN != 0) {
            revert BridgePairExists(token, counterpartToken);
        }
        bool other = stored.known
            && (stored.counterpartToken != counterpartToken || stored.kind != pair.kind || stored.mints != pair.mints);
        if (other || (far.roles & WAS_COUNTERPART_TOKEN != 0 && far.localToken != token)) {
            revert BridgePairRemembered(token, stored.counterpartToken);
        }
        if (!_isPossible(pair)) revert BridgePairInvalid(token, counterpartToken);
        if (token != address(0) && !_hasOwnCode(token)) revert BridgeTokenWithoutCode(token);
        _checkGasCap(token, pair.kind, pair.itemBound, pair.gasCap);
        _checkDecimals(pair);

        stored.gasCap = pair.gasCap;
        stored.itemBound = pair.itemBound;
        stored.kind = pair.kind;
        stored.mints = pair.mints;
        stored.registered = true;
        stored.known = true;
        stored.decimals = pair.decimals;
        stored.counterpartToken = counterpartToken;
        _limits[token] = _noLimits();
        _tokens.push(token);
        _addressRoles[token].roles |= IS_LOCAL_TOKEN;
        far.roles |= IS_COUNTERPART_TOKEN | WAS_COUNTERPART_TOKEN;
        far.localToken = token;
        emit PairRegistered(token, counterpartToken, pair);
    }

    /// @param outboundNonce how many requests of the lane that begins here the counterpart has handled
    function _deregisterPair(address token, uint64 outboundNonce) internal {
        Pair storage pair = _registeredPair(token);
        address counterpartToken = pair.counterpartToken;
        if (outboundNonce < pair.lockedAtNonce) revert BridgeLaneNotDrained(outboundNonce, pair.lockedAtNonce);
        uint256 held = _heldOf(token, pair);
        if (!pair.locked || pair.outstanding != 0 || held != 0) {
            revert BridgePairInUse(token, pair.outstanding, held, pair.locked);
        }
        pair.registered = false;
        pair.locked = false;
        pair.bounded = false;
        pair.limited = false;
        // What was seeded and adopted stays counted: the other side may keep it still.
        delete _limits[token];
        delete _outflows[token];
        _addressRoles[token].roles &= ~IS_LOCAL_TOKEN;
        _addressRoles[counterpartToken].roles &= ~IS_COUNTERPART_TOKEN;
        uint256 last = _tokens.length - 1;
        for (uint256 i = 0; i < last; ++i) {
            if (_tokens[i] == token) _tokens[i] = _tokens[last];
        }
        _tokens.pop();
        emit PairDeregistered(token, counterpartToken);
    }

    function _setPairLocked(address token, bool locked) internal {
        Pair storage pair = _registeredPair(token);
        pair.locked = locked;
        if (locked) pair.lockedAtNonce = _lanes.requestNonce;
        emit PairLocked(token, locked);
    }

    function _setPairGasCap(address token, uint32 gasCap) internal {
        Pair storage pair = _registeredPair(token);
        _checkGasCap(token, pair.kind, pair.itemBound, gasCap);
        pair.gasCap = gasCap;
        emit PairGasCapChanged(token, gasCap);
    }

    function _setPairLimits(address token, PairLimits calldata limits) internal {
        Pair storage pair = _registeredPair(token);
        uint8 kind = pair.kind;
        // A collectible has nothing to pay a fee with, and the native currency is its own.
        bool payable_ = limits.fee == 0 || kind == Kinds.ERC20 || limits.feeInNative == (kind > Kinds.ERC20);
        // What goes out as a request of the greatest amount must be able to come back as its refund.
        bool returnable = limits.maximum <= limits.outflowCapacity;
        bool bounded = limits.delayBlocks <= MAX_DELAY_BLOCKS;
        if (limits.minimum > limits.maximum || !returnable || !payable_ || !bounded) revert BridgeLimitsInvalid(token);
        // What has leaked so far has leaked at the old rate.
        _setOutflow(token, _outflowNow(token, _limits[token]));
        pair.bounded = limits.minimum != 0 || limits.maximum != UNLIMITED || limits.fee != 0;
        pair.limited = limits.outflowCapacity != UNLIMITED || limits.delayAbove != UNLIMITED;
        _limits[token] = limits;
        emit PairLimitsChanged(token, limits);
    }

    function _noLimits() private pure returns (PairLimits memory limits) {
        limits.maximum = UNLIMITED;
        limits.outflowCapacity = UNLIMITED;
        limits.delayAbove = UNLIMITED;
    }

    /// @dev Code that an account carries by delegation can be another one tomorrow, or none.
    function _hasOwnCode(address token) private view returns (bool) {
        if (token.code.length != DELEGATION_SIZE) return token.code.length != 0;
        return bytes3(token.code) != DELEGATION_PREFIX;
    }

    /// @dev Both sides are given the same number, and each compares it with its own token.
    function _checkDecimals(PairConfiguration calldata pair) private view {
        uint8 decimals = 0;
        if (pair.kind == Kinds.NATIVE) decimals = NATIVE_DECIMALS;
        if (pair.kind == Kinds.ERC20) decimals = IERC20Metadata(pair.token).decimals();
        if (pair.decimals != decimals) revert BridgeDecimalsMismatch(pair.token, decimals, pair.decimals);
    }

    /// @dev The native currency is the token zero, and nobody mints it; a bridge is no token; only a fungible corresponds
    /// to a native currency.
    function _isPossible(PairConfiguration calldata pair) private view returns (bool) {
        bool native = pair.token == address(0);
        if (pair.kind > Kinds.ERC1155 || native != (pair.kind == Kinds.NATIVE) || (native && pair.mints)) return false;
        if (pair.kind > Kinds.ERC20 && pair.counterpartToken == address(0)) return false;
        address counterpart = _counterpart.bridge;
        return pair.token != address(this) && pair.token != counterpart && pair.counterpartToken != counterpart;
    }
}
