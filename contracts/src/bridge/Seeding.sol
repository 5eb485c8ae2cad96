// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IBridgeRequests} from "../interfaces/IBridgeRequests.sol";
import {Kinds} from "../libraries/Kinds.sol";
import {Pair} from "./BridgeStorage.sol";
import {Intake} from "./Intake.sol";

/// @title Liquidity of pairs that lock on both sides
abstract contract Seeding is Intake, IBridgeRequests {
    /// @inheritdoc IBridgeRequests
    function seed(address token, uint256 amount) external payable nonReentrant {
        _requireOpen();
        if (amount == 0) revert BridgeZeroValue();
        Pair storage pair = _registeredPair(token);
        // What is being emptied stays empty.
        if (_lanes.requestsStopped) revert BridgeRequestsStopped();
        if (pair.locked) revert BridgePairLocked(token);
        if (pair.mints) revert BridgePairInvalid(token, pair.counterpartToken);
        uint8 kind = pair.kind;
        if (kind > Kinds.ERC20) revert BridgeKindMismatch(token, kind, Kinds.ERC20);
        uint256 expected = kind == Kinds.NATIVE ? amount : 0;
        if (msg.value != expected) revert BridgeNativeValueMismatch(msg.value, expected);

        uint256 received = kind == Kinds.NATIVE ? amount : _pull(token, amount);
        _count(pair, false, received);
        // Fits, or `_count` had reverted. Everything seeded has entered the escrow or left it by payouts for requests that
        // entered the counterpart, so reaching the limit is a matter of centuries; checked all the same.
        // forge-lint: disable-next-line(unsafe-typecast)
        pair.seeded += uint128(received);
        emit LiquiditySeeded(token, msg.sender, received);
    }
}
