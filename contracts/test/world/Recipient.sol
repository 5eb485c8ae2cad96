// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC1155Receiver} from "@openzeppelin/contracts/token/ERC1155/IERC1155Receiver.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC721Receiver} from "@openzeppelin/contracts/token/ERC721/IERC721Receiver.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

import {IBridgeReceiver} from "../../src/interfaces/IBridgeReceiver.sol";
import {Hostile} from "../contracts/Hostile.sol";

/// @title A recipient of everything, with data and without, that treats it in the way that was chosen
contract Recipient is Hostile {
    /// Hash over all data that it took, in order.
    bytes32 public taken;

    receive() external payable {
        _behave();
    }

    /// @notice Lets `spender` take what this contract has, so that a request from within a payout would succeed.
    function approve(address token, address spender) external {
        IERC20(token).approve(spender, type(uint256).max);
    }

    function onValueTransfer(bytes32 bridgeId, address from, address token, uint256 value, bytes calldata extraData)
        external
        payable
        returns (bytes4)
    {
        _behave();
        taken = keccak256(abi.encode(taken, bridgeId, from, token, value, extraData));
        return IBridgeReceiver.onValueTransfer.selector;
    }

    function onERC721Received(address, address, uint256, bytes calldata) external returns (bytes4) {
        _behave();
        return IERC721Receiver.onERC721Received.selector;
    }

    function onERC1155Received(address, address, uint256, uint256, bytes calldata) external returns (bytes4) {
        _behave();
        return IERC1155Receiver.onERC1155Received.selector;
    }

    function onERC1155BatchReceived(address, address, uint256[] calldata, uint256[] calldata, bytes calldata)
        external
        returns (bytes4)
    {
        _behave();
        return IERC1155Receiver.onERC1155BatchReceived.selector;
    }

    // ERC-777 as `HookToken` has it.

    function tokensToSend(address, uint256) external {
        _behave();
    }

    function tokensReceived(address, uint256) external {
        _behave();
    }

    function hook(address token) external {
        (bool hooked,) = token.call(abi.encodeWithSignature("hook()"));
        require(hooked, "no hooks");
    }

    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IBridgeReceiver).interfaceId || interfaceId == type(IERC165).interfaceId;
    }
}
