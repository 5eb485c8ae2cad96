// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Hostile} from "./Hostile.sol";
import {HookToken} from "./HookToken.sol";

/// @title A recipient that treats what it is given in the way that was chosen
contract HostileRecipient is Hostile {
    receive() external payable {
        _behave();
    }

    /// @notice Has `token` call this contract's hooks.
    function hookInto(HookToken token) external {
        token.hook();
    }

    function tokensToSend(address, uint256) external {
        _behave();
    }

    function tokensReceived(address, uint256) external {
        _behave();
    }

    function onERC721Received(address, address, uint256, bytes calldata) external returns (bytes4) {
        _behave();
        return this.onERC721Received.selector;
    }

    /// @notice Calls `to` as this contract.
    function execute(address to, uint256 value, bytes calldata input) external payable returns (bytes memory) {
        (bool success, bytes memory result) = to.call{value: value}(input);
        if (!success) {
            assembly ("memory-safe") {
                revert(add(result, 0x20), mload(result))
            }
        }
        return result;
    }
}
