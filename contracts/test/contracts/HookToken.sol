// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {TestToken} from "./TestToken.sol";

/// What an account with code is told before it sends and after it has received.
interface ITokenHooks {
    function tokensToSend(address to, uint256 value) external;
    function tokensReceived(address from, uint256 value) external;
}

/// @title An ERC-20 that calls its holders as ERC-777 did
/// @dev Hooks are opted into, so that a holder that knows nothing of them is not called.
contract HookToken is TestToken {
    mapping(address account => bool) public hooked;

    constructor() TestToken("Hook", "HOOK", 18) {}

    /// @notice From now on the sender is called.
    function hook() external {
        hooked[msg.sender] = true;
    }

    function _update(address from, address to, uint256 value) internal override {
        if (hooked[from]) ITokenHooks(from).tokensToSend(to, value);
        super._update(from, to, value);
        if (hooked[to]) ITokenHooks(to).tokensReceived(from, value);
    }
}
