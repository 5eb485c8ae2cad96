// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Pair} from "./BridgeStorage.sol";
import {Intake, Terms} from "./Intake.sol";

/// What a 1-step request says beside the value.
struct Arguments {
    address to;
    address refundTo;
    uint256 feeLimit;
    bytes extraData;
}

/// @title Requests in one step: a registered token says that it has just moved something here
/// @dev The caller is believed to be the token and nothing else: what it says to have moved is looked for.
abstract contract OneStep is Intake {
    function _check(uint8 kind, address from, Arguments memory arguments)
        internal
        view
        returns (Pair storage, Terms memory)
    {
        return _checkRequest(msg.sender, kind, from, arguments.to, arguments.refundTo, arguments.extraData.length);
    }

    function _decode(bytes calldata data) internal view returns (Arguments memory arguments) {
        if (data.length == 0) revert BridgeArgumentsMissing(msg.sender);
        (arguments.to, arguments.refundTo, arguments.feeLimit, arguments.extraData) =
            abi.decode(data, (address, address, uint256, bytes));
    }
}
