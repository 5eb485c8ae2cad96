// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Kinds} from "../libraries/Kinds.sol";
import {Payloads} from "../libraries/Payloads.sol";
import {BridgeStorage} from "./BridgeStorage.sol";

/// @title What one payout may use
/// @dev Too little, and an honest payout is held; too much, and a hostile recipient stops the lane, because `handle` fits into no
/// transaction with it. So what a request may carry is bound to the gas cap of its pair, and the cap to what the chain takes.
abstract contract GasCaps is BridgeStorage {
    /// @dev A payment to a new holder with two questions to a recipient that may want data. Unit: gas.
    uint32 private constant MIN_GAS_CAP = 100_000;
    /// @dev A token without URI, minted for a new holder that is asked whether it accepts, and twice whether it wants its data,
    /// for which it uses all that ERC-165 allows: 127 000 with the longest data. Unit: gas.
    uint32 private constant MIN_GAS_CAP_ERC721 = 130_000;
    /// @dev For each word of a URI, and one for its length, in a new slot. Unit: gas.
    uint32 private constant GAS_PER_URI_WORD = 22_800;
    /// @dev A batch without ids. Unit: gas.
    uint32 private constant MIN_GAS_CAP_ERC1155 = 110_000;
    /// @dev For each id: a new slot of the token, one of this bridge that changes. Unit: gas.
    uint32 private constant GAS_PER_ID = 45_000;
    /// @dev One payout that uses all of it fits into the 16 777 216 gas of the largest transaction (EIP-7825) with all that
    /// `handle` needs beside it. Unit: gas.
    uint32 private constant MAX_GAS_CAP = 15_000_000;

    function _setGreatestGasCap(uint32 gasCap) internal {
        if (gasCap < MIN_GAS_CAP || gasCap > MAX_GAS_CAP) {
            revert BridgeGasCapOutOfRange(gasCap, MIN_GAS_CAP, MAX_GAS_CAP);
        }
        _origin.greatestGasCap = gasCap;
        emit GreatestGasCapChanged(gasCap);
    }

    /// @dev Whether a pair of this kind can have these bounds.
    function _checkGasCap(address token, uint8 kind, uint16 itemBound, uint32 gasCap) internal view {
        uint32 minimum = MIN_GAS_CAP;
        bool bounded = itemBound == 0;
        if (kind == Kinds.ERC721) {
            bounded = itemBound <= Payloads.MAX_URI;
            minimum = MIN_GAS_CAP_ERC721;
            if (itemBound != 0) minimum += GAS_PER_URI_WORD * (1 + (uint32(itemBound) + 31) / 32);
        } else if (kind == Kinds.ERC1155) {
            bounded = itemBound != 0 && itemBound <= Payloads.MAX_IDS;
            minimum = MIN_GAS_CAP_ERC1155 + GAS_PER_ID * uint32(itemBound);
        }
        if (!bounded) revert BridgeItemBoundInvalid(token, itemBound);
        uint32 greatest = _origin.greatestGasCap;
        if (gasCap < minimum || gasCap > greatest) revert BridgeGasCapOutOfRange(gasCap, minimum, greatest);
    }
}
