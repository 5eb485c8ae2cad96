// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Who makes a roster says what it holds
interface IRosterSource {
    /// @notice What the roster of the present operators holds.
    /// @return a zero byte, the id of the inbound lane, the operators' addresses
    function rosterContent() external view returns (bytes memory);
}

/// @title The operators of one epoch, as the code of a contract
/// @dev `handle` reads all of them for little more than one cold slot, where a slot for each signer costs as much as all. The
/// creation code has no arguments, so a roster lies where bridge, epoch and that code say (CREATE2), and nobody has to store its
/// address. The zero byte in front keeps it from ever being run, and from being refused when a lane's id begins with 0xEF
/// (EIP-3541).
/// @custom:security-contact SECURITY.md in the project's repository
contract OperatorRoster {
    constructor() {
        bytes memory content = IRosterSource(msg.sender).rosterContent();
        // Ends the construction: the code is the content.
        assembly ("memory-safe") {
            return(add(content, 0x20), mload(content))
        }
    }
}
