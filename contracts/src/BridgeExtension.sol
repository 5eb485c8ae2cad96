// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BridgeStorage} from "./bridge/BridgeStorage.sol";
import {Configuration} from "./bridge/Configuration.sol";
import {Fees} from "./bridge/Fees.sol";
import {Views} from "./bridge/Views.sol";

/// @title What a bridge does seldom: configuration, pause, migration, withdrawal of fees, reads
/// @notice Not to be called by itself. A `Bridge` makes its own one and runs this code on its own storage; the address is
/// fixed for ever, so this is no proxy and no upgrade. Alone it has no members and is not wired, so it refuses everything.
/// @dev Apart from the bridge for the limit of 24 576 bytes per contract only (EIP-170).
contract BridgeExtension is Configuration, Fees, Views {
    constructor(bool development) BridgeStorage(development) {}

    /// @notice The part of a bridge's construction that is done here; see `Bridge`. Refused ever after.
    /// @dev Only a contract under construction has no code. An account with delegated code has some.
    function construct(
        address[] calldata operators,
        uint8 operatorThreshold,
        address[] calldata governors,
        uint8 governorThreshold,
        uint32 governanceDelay,
        uint64 refundDelay
    ) external {
        if (address(this).code.length != 0) revert BridgeOnlySelf(msg.sender);
        _setOperators(operators, operatorThreshold);
        _setGovernors(governors, governorThreshold);
        _setGovernanceDelay(governanceDelay);
        _setRefundDelay(refundDelay);
    }
}
