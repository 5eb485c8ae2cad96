// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {PairConfiguration, PairLimits} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeConfiguration} from "../../src/interfaces/IBridgeConfiguration.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {Ending} from "./Ending.sol";

/// @title The first configuration of each side
abstract contract Opening is Ending {
    uint32 private constant GAS_CAP = 250_000;

    function _wiring(uint256 side) internal view returns (bytes[] memory calls) {
        uint256 count = side == 0 ? PAIRS : PAIRS - 2;
        calls = new bytes[](count + 4);
        calls[0] = abi.encodeCall(
            IBridgeConfiguration.wire, (uint64(FIRST_CHAIN + 1 - side), address(bridges[1 - side]), 0, SALT)
        );
        calls[1] = abi.encodeCall(IBridgeConfiguration.setFeeReceiver, (FEE_RECEIVER));
        uint256 used = 2;
        for (uint256 pair = 0; pair < PAIRS; ++pair) {
            if (!registered(side, pair)) continue;
            calls[used++] = abi.encodeCall(IBridgeConfiguration.registerPair, (_pairConfiguration(side, pair)));
        }
        // A fee from the start, so that there is always something to withdraw.
        uint256[2] memory charged = [TOKEN, LOCKED];
        for (uint256 i = 0; i < charged.length; ++i) {
            PairLimits memory limits = _limits[side][charged[i]];
            limits.fee = 1;
            calls[used++] = abi.encodeCall(IBridgeConfiguration.setPairLimits, (tokens[side][charged[i]], limits));
        }
    }

    function _pairConfiguration(uint256 side, uint256 pair) internal view returns (PairConfiguration memory) {
        return PairConfiguration({
            kind: kindOf(pair),
            mints: mints(side, pair),
            decimals: kindOf(pair) > Kinds.ERC20 ? 0 : 18,
            itemBound: _itemBoundOf(pair),
            gasCap: _gasCapOf(pair),
            token: tokens[side][pair],
            counterpartToken: tokens[1 - side][pair]
        });
    }

    /// @dev What an honest payout fits into.
    function _gasCapOf(uint256 pair) internal pure returns (uint32) {
        uint8 kind = kindOf(pair);
        if (kind == Kinds.ERC721) return 600_000;
        if (kind == Kinds.ERC1155) return 1_200_000;
        return pair == MOODY ? MAX_GAS_CAP : GAS_CAP;
    }

    /// @dev What a request may carry at the most.
    function _itemBoundOf(uint256 pair) private pure returns (uint16) {
        uint8 kind = kindOf(pair);
        if (kind == Kinds.ERC721) return 512;
        return kind == Kinds.ERC1155 ? 16 : 0;
    }
}
