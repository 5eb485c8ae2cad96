// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";

import {BridgeExtension} from "./BridgeExtension.sol";
import {BridgeStorage} from "./bridge/BridgeStorage.sol";
import {Callbacks} from "./bridge/Callbacks.sol";
import {Delivery} from "./bridge/Delivery.sol";
import {Handling} from "./bridge/Handling.sol";
import {Holds} from "./bridge/Holds.sol";

/// @title One half of a Polyspan bridge
/// @notice See `IBridge`. Nobody owns it: operators move value by threshold, governors configure by threshold, and any one
/// operator can pause.
contract Bridge is Callbacks, Handling, Delivery, Holds {
    /// @notice See `IBridge`.
    address public immutable extension;

    /// @param operators first attester addresses
    /// @param operatorThreshold how many of them move value
    /// @param governors first governor addresses
    /// @param governorThreshold how many of them configure
    /// @param governanceDelay how long a loosening configuration waits. Unit: seconds, 1 hour to 30 days.
    /// @param refundDelay how long a hold waits before anyone may refund it. Unit: blocks, 1 to 2 592 000.
    /// @param development allows thresholds of half the members or less and no delay, visibly and for ever
    constructor(
        address[] memory operators,
        uint8 operatorThreshold,
        address[] memory governors,
        uint8 governorThreshold,
        uint32 governanceDelay,
        uint64 refundDelay,
        bool development
    ) BridgeStorage(development) {
        extension = address(new BridgeExtension(development));
        // The code that checks and stores members is over there, and its own check is that this bridge has no code yet.
        // `construct` returns nothing.
        // slither-disable-next-line unused-return
        Address.functionDelegateCall(
            extension,
            abi.encodeCall(
                BridgeExtension.construct,
                (operators, operatorThreshold, governors, governorThreshold, governanceDelay, refundDelay)
            )
        );
    }

    /// @dev Whatever is not here is there. The call runs that code with this bridge's storage, value and sender.
    fallback() external payable {
        address target = extension;
        // Memory safety: the call is over when this ends, so nobody looks at memory any more.
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, 0, calldatasize())
            let success := delegatecall(gas(), target, free, calldatasize(), 0, 0)
            returndatacopy(free, 0, returndatasize())
            switch success
            case 0 { revert(free, returndatasize()) }
            default { return(free, returndatasize()) }
        }
    }
}
