// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Kinds} from "../../src/libraries/Kinds.sol";
import {BridgeTest} from "../BridgeTest.sol";

/// @title A user with something of every pair, who has approved the bridge
abstract contract RequestTest is BridgeTest {
    /// Counterpart of what a test registers itself.
    address internal constant FAR = address(0xFA2);
    address internal constant REFUND = address(0x4EF);

    function setUp() public virtual override {
        super.setUp();
        vm.deal(USER, 1000 ether);
        token.mint(USER, 1000);
        nft.mint(USER, 9);
        multi.mint(USER, 7, 100);
        vm.prank(USER);
        token.approve(address(bridge), type(uint256).max);
        vm.prank(USER);
        minted.approve(address(bridge), type(uint256).max);
        vm.prank(USER);
        nft.setApprovalForAll(address(bridge), true);
        vm.prank(USER);
        mintedNFT.setApprovalForAll(address(bridge), true);
        vm.prank(USER);
        multi.setApprovalForAll(address(bridge), true);
    }

    function _requestNative(uint256 amount) internal returns (uint64) {
        vm.prank(USER);
        return bridge.requestNativeTransfer{value: amount}(amount, RECIPIENT, REFUND, "");
    }

    function _requestERC20(address asset, uint256 amount) internal returns (uint64) {
        vm.prank(USER);
        return bridge.requestERC20Transfer(asset, amount, RECIPIENT, REFUND, 0, "");
    }

    function _requestERC721(address asset, uint256 id) internal returns (uint64) {
        vm.prank(USER);
        return bridge.requestERC721Transfer(asset, id, RECIPIENT, REFUND, "");
    }

    /// @dev What the user asks for is refused for exactly this reason.
    function _refuse(uint256 value, bytes memory call, bytes memory reason) internal {
        vm.prank(USER);
        (bool success, bytes memory result) = address(bridge).call{value: value}(call);
        assertTrue(!success, "refused");
        assertEq(keccak256(result), keccak256(reason), "reason");
    }

    function _refuseERC20(address asset, uint256 amount, bytes memory reason) internal {
        _refuse(0, abi.encodeCall(bridge.requestERC20Transfer, (asset, amount, RECIPIENT, REFUND, 0, "")), reason);
    }

    function _refuseERC721(address asset, uint256 id, bytes memory reason) internal {
        _refuse(0, abi.encodeCall(bridge.requestERC721Transfer, (asset, id, RECIPIENT, REFUND, "")), reason);
    }

    /// @dev Every kind of request is refused for exactly this reason.
    function _refuseAll(address to, address refundTo, bytes memory extraData, bytes memory reason) internal {
        (uint256[] memory ids, uint256[] memory amounts) = (_single(7), _single(1));
        _refuse(1, abi.encodeCall(bridge.requestNativeTransfer, (1, to, refundTo, extraData)), reason);
        _refuse(0, abi.encodeCall(bridge.requestERC20Transfer, (address(token), 1, to, refundTo, 0, extraData)), reason);
        _refuse(0, abi.encodeCall(bridge.requestERC721Transfer, (address(nft), 9, to, refundTo, extraData)), reason);
        _refuse(
            0,
            abi.encodeCall(bridge.requestERC1155Transfer, (address(multi), ids, amounts, to, refundTo, extraData)),
            reason
        );
    }

    function _payMinted(uint256 amount) internal {
        _far(Kinds.ERC20, FAR_MINTED, USER, amount);
        _handleAll();
    }

    function _register(uint8 kind, bool mints, address near) internal {
        _configure(_pairCall(kind, mints, near, FAR));
    }

    function _single(uint256 value) internal pure returns (uint256[] memory list) {
        list = new uint256[](1);
        list[0] = value;
    }
}
