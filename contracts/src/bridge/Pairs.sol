// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {PairConfiguration} from "../interfaces/IBridge.sol";
import {Kinds} from "../libraries/Kinds.sol";
import {BridgeStorage, IS_COUNTERPART_TOKEN, IS_LOCAL_TOKEN, Pair} from "./BridgeStorage.sol";

/// @title Token pairs: which token of this chain corresponds to which of the counterpart's
/// @dev A pair stays as it was registered, except for its lock and its gas cap: remapping it would turn what is locked,
/// minted or in flight into something else.
abstract contract Pairs is BridgeStorage {
    /// @dev Below this not even a plain ERC-20 transfer to a new holder fits. Unit: gas.
    uint32 internal constant MIN_GAS_CAP = 30_000;
    /// @dev Eight payouts that use all of it fit into the 16 777 216 gas of the largest transaction (EIP-7825), so a lane
    /// is never stuck behind one payout. Unit: gas.
    uint32 internal constant MAX_GAS_CAP = 2_000_000;

    function _registerPair(PairConfiguration calldata pair) internal {
        (address token, address counterpartToken) = (pair.token, pair.counterpartToken);
        if (_pairs[token].registered || _acquaintances[counterpartToken].roles & IS_COUNTERPART_TOKEN != 0) {
            revert BridgePairExists(token, counterpartToken);
        }
        if (!_isPossible(pair)) revert BridgePairInvalid(token, counterpartToken);
        if (token != address(0) && token.code.length == 0) revert BridgeTokenWithoutCode(token);
        _checkGasCap(pair.gasCap);

        _pairs[token] = Pair({
            outstanding: 0,
            gasCap: pair.gasCap,
            kind: pair.kind,
            mints: pair.mints,
            locked: false,
            registered: true,
            counterpartToken: counterpartToken,
            seeded: 0
        });
        _tokens.push(token);
        _acquaintances[token].roles |= IS_LOCAL_TOKEN;
        _acquaintances[counterpartToken].roles |= IS_COUNTERPART_TOKEN;
        _acquaintances[counterpartToken].localToken = token;
        emit PairRegistered(token, counterpartToken, pair.kind, pair.mints, pair.gasCap);
    }

    function _setPairLocked(address token, bool locked) internal {
        _registeredPair(token).locked = locked;
        emit PairLocked(token, locked);
    }

    function _setPairGasCap(address token, uint32 gasCap) internal {
        _checkGasCap(gasCap);
        _registeredPair(token).gasCap = gasCap;
        emit PairGasCapChanged(token, gasCap);
    }

    function _checkGasCap(uint32 gasCap) private pure {
        if (gasCap < MIN_GAS_CAP || gasCap > MAX_GAS_CAP) {
            revert BridgeGasCapOutOfRange(gasCap, MIN_GAS_CAP, MAX_GAS_CAP);
        }
    }

    /// @dev The native currency is the token zero, and nobody mints it; a bridge is no token; an ERC-721 corresponds to
    /// another token.
    function _isPossible(PairConfiguration calldata pair) private view returns (bool) {
        bool native = pair.token == address(0);
        if (pair.kind > Kinds.ERC721 || native != (pair.kind == Kinds.NATIVE) || (native && pair.mints)) return false;
        if (pair.kind == Kinds.ERC721 && pair.counterpartToken == address(0)) return false;
        address counterpart = _counterpart.bridge;
        return pair.token != address(this) && pair.token != counterpart && pair.counterpartToken != counterpart;
    }
}
