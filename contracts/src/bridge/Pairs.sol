// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";

import {PairConfiguration, PairLimits} from "../interfaces/BridgeTypes.sol";
import {Kinds} from "../libraries/Kinds.sol";
import {IS_COUNTERPART_TOKEN, IS_LOCAL_TOKEN, Pair} from "./BridgeStorage.sol";
import {Limits} from "./Limits.sol";

/// @title Token pairs: which token of this chain corresponds to which of the counterpart's
/// @dev A pair stays as it was registered, except for its lock, its gas cap and its limits: remapping it would turn what is
/// locked, minted or in flight into something else. It can go when nothing of it is there, and come back as another.
abstract contract Pairs is Limits {
    /// @dev A payment to a new holder with two questions to a recipient that may want data. Unit: gas.
    uint32 private constant MIN_GAS_CAP = 100_000;
    /// @dev A token with a URI of 512 bytes is minted with about 500 000. Unit: gas.
    uint32 private constant MIN_GAS_CAP_ERC721 = 600_000;
    /// @dev 16 new ids, each in a new slot of the token and of this bridge. Unit: gas.
    uint32 private constant MIN_GAS_CAP_ERC1155 = 1_200_000;
    /// @dev Eight payouts that use all of it fit into the 16 777 216 gas of the largest transaction (EIP-7825), so a lane
    /// is never stuck behind one payout. Unit: gas.
    uint32 private constant MAX_GAS_CAP = 2_000_000;
    /// @dev 30 days at one block per second, as for refunds: whatever waits comes to its end. Unit: blocks.
    uint32 private constant MAX_DELAY_BLOCKS = 2_592_000;
    uint8 private constant NATIVE_DECIMALS = 18;

    function _registerPair(PairConfiguration calldata pair) internal {
        (address token, address counterpartToken) = (pair.token, pair.counterpartToken);
        if (_pairs[token].registered || _acquaintances[counterpartToken].roles & IS_COUNTERPART_TOKEN != 0) {
            revert BridgePairExists(token, counterpartToken);
        }
        if (!_isPossible(pair)) revert BridgePairInvalid(token, counterpartToken);
        if (token != address(0) && token.code.length == 0) revert BridgeTokenWithoutCode(token);
        _checkGasCap(pair.kind, pair.gasCap);
        _checkDecimals(pair);

        Pair storage stored = _pairs[token];
        stored.gasCap = pair.gasCap;
        stored.kind = pair.kind;
        stored.mints = pair.mints;
        stored.registered = true;
        stored.decimals = pair.decimals;
        stored.counterpartToken = counterpartToken;
        _limits[token] = _noLimits();
        _tokens.push(token);
        _acquaintances[token].roles |= IS_LOCAL_TOKEN;
        _acquaintances[counterpartToken].roles |= IS_COUNTERPART_TOKEN;
        _acquaintances[counterpartToken].localToken = token;
        emit PairRegistered(token, counterpartToken, pair);
    }

    function _deregisterPair(address token) internal {
        Pair storage pair = _registeredPair(token);
        address counterpartToken = pair.counterpartToken;
        uint256 held = _heldOf(token, pair);
        if (!pair.locked || pair.outstanding != 0 || held != 0) {
            revert BridgePairInUse(token, pair.outstanding, held, pair.locked);
        }
        delete _pairs[token];
        delete _limits[token];
        delete _outflows[token];
        _acquaintances[token].roles &= ~IS_LOCAL_TOKEN;
        _acquaintances[counterpartToken].roles &= ~IS_COUNTERPART_TOKEN;
        delete _acquaintances[counterpartToken].localToken;
        uint256 last = _tokens.length - 1;
        for (uint256 i = 0; i < last; ++i) {
            if (_tokens[i] == token) _tokens[i] = _tokens[last];
        }
        _tokens.pop();
        emit PairDeregistered(token, counterpartToken);
    }

    function _setPairLocked(address token, bool locked) internal {
        _registeredPair(token).locked = locked;
        emit PairLocked(token, locked);
    }

    function _setPairGasCap(address token, uint32 gasCap) internal {
        Pair storage pair = _registeredPair(token);
        _checkGasCap(pair.kind, gasCap);
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

    /// @dev What is held of a pair, payments and refunds.
    function _heldOf(address token, Pair storage pair) internal view returns (uint256) {
        return uint256(_held[pair.counterpartToken]) + _heldRefunds[token];
    }

    function _noLimits() private pure returns (PairLimits memory limits) {
        limits.maximum = UNLIMITED;
        limits.outflowCapacity = UNLIMITED;
        limits.delayAbove = UNLIMITED;
    }

    function _checkGasCap(uint8 kind, uint32 gasCap) private pure {
        uint32 minimum = MIN_GAS_CAP;
        if (kind == Kinds.ERC721) minimum = MIN_GAS_CAP_ERC721;
        if (kind == Kinds.ERC1155) minimum = MIN_GAS_CAP_ERC1155;
        if (gasCap < minimum || gasCap > MAX_GAS_CAP) revert BridgeGasCapOutOfRange(gasCap, minimum, MAX_GAS_CAP);
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
