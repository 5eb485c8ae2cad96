// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title The one function of a bridge that is none any more when the bridge is there
/// @dev Tests import neither `Bridge` nor `BridgeExtension`: whatever imports these is compiled as they are, in minutes.
interface IConstruction {
    function construct(
        address[] calldata operators,
        uint8 operatorThreshold,
        address[] calldata governors,
        uint8 governorThreshold,
        uint32 governanceDelay,
        uint64 refundDelay
    ) external;
}
