// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BridgeMinted} from "../../src/tokens/BridgeMinted.sol";
import {BridgeMultiToken} from "../../src/tokens/BridgeMultiToken.sol";
import {BridgeNFT} from "../../src/tokens/BridgeNFT.sol";
import {BridgeToken} from "../../src/tokens/BridgeToken.sol";
import {AbiFunctions} from "../AbiFunctions.sol";

/// @title Who may not call what of the tokens that a bridge mints, function by function
contract TokenAccessTest is AbiFunctions {
    address private constant BRIDGE = address(0xB21D6E);
    address private constant OWNER = address(0x0A1);
    address private constant STRANGER = address(0x5E4);
    /// Neither of these has code.
    address private constant THIRD = address(0x7E1);
    uint256 private constant KEY = 0xA11CE;

    address private asset;

    function test_every_function_of_the_token_refuses_a_stranger() external {
        BridgeToken token = new BridgeToken("Name", "SYM", 6, BRIDGE);
        vm.prank(BRIDGE);
        token.mint(OWNER, 10);
        asset = address(token);
        _refuseMinter(abi.encodeCall(token.mint, (STRANGER, 1)));
        _refuseMinter(abi.encodeCall(token.burn, (1)));
        _refuseMinter(abi.encodeCall(token.handOver, (STRANGER)));

        bytes memory poor = abi.encodeWithSignature("ERC20InsufficientBalance(address,uint256,uint256)", STRANGER, 0, 1);
        bytes memory notAllowed =
            abi.encodeWithSignature("ERC20InsufficientAllowance(address,uint256,uint256)", STRANGER, 0, 1);
        bytes memory noReceiver = abi.encodeWithSignature("ERC1363InvalidReceiver(address)", THIRD);
        bytes memory noSpender = abi.encodeWithSignature("ERC1363InvalidSpender(address)", THIRD);
        _refuse(abi.encodeCall(token.transfer, (THIRD, 1)), poor);
        _refuse(abi.encodeWithSignature("transferAndCall(address,uint256)", THIRD, 1), poor);
        _refuse(abi.encodeWithSignature("transferAndCall(address,uint256,bytes)", THIRD, 1, ""), poor);
        _refuse(abi.encodeWithSignature("transferAndCall(address,uint256,bytes)", THIRD, 0, ""), noReceiver);
        _refuse(abi.encodeCall(token.transferFrom, (OWNER, STRANGER, 1)), notAllowed);
        _refuse(abi.encodeWithSignature("transferFromAndCall(address,address,uint256)", OWNER, THIRD, 1), notAllowed);
        _refuse(
            abi.encodeWithSignature("transferFromAndCall(address,address,uint256,bytes)", OWNER, THIRD, 1, ""),
            notAllowed
        );
        _refuse(
            abi.encodeCall(token.approve, (address(0), 1)),
            abi.encodeWithSignature("ERC20InvalidSpender(address)", address(0))
        );
        _refuse(abi.encodeWithSignature("approveAndCall(address,uint256)", THIRD, 1), noSpender);
        _refuse(abi.encodeWithSignature("approveAndCall(address,uint256,bytes)", THIRD, 1, ""), noSpender);
        _refusePermit(token);
        _expectAllCovered("abi/BridgeToken.json");
        assertEq(token.balanceOf(OWNER), 10, "untouched");
        assertEq(token.totalSupply(), 10, "untouched");
    }

    function test_every_function_of_the_nft_refuses_a_stranger() external {
        BridgeNFT nft = new BridgeNFT("Name", "SYM", BRIDGE);
        vm.prank(BRIDGE);
        nft.safeMint(OWNER, 1, "");
        asset = address(nft);
        _refuseMinter(abi.encodeCall(nft.safeMint, (STRANGER, 2, "")));
        _refuseMinter(abi.encodeCall(nft.mint, (STRANGER, 2, "")));
        _refuseMinter(abi.encodeCall(nft.burn, (1)));
        _refuseMinter(abi.encodeCall(nft.handOver, (STRANGER)));

        bytes memory notApproved = abi.encodeWithSignature("ERC721InsufficientApproval(address,uint256)", STRANGER, 1);
        _refuse(abi.encodeCall(nft.transferFrom, (OWNER, STRANGER, 1)), notApproved);
        _refuse(abi.encodeWithSignature("safeTransferFrom(address,address,uint256)", OWNER, STRANGER, 1), notApproved);
        _refuse(
            abi.encodeWithSignature("safeTransferFrom(address,address,uint256,bytes)", OWNER, STRANGER, 1, ""),
            notApproved
        );
        _refuse(
            abi.encodeCall(nft.approve, (STRANGER, 1)),
            abi.encodeWithSignature("ERC721InvalidApprover(address)", STRANGER)
        );
        _refuse(
            abi.encodeCall(nft.setApprovalForAll, (address(0), true)),
            abi.encodeWithSignature("ERC721InvalidOperator(address)", address(0))
        );
        _expectAllCovered("abi/BridgeNFT.json");
        assertEq(nft.ownerOf(1), OWNER, "untouched");
    }

    function test_every_function_of_the_multi_token_refuses_a_stranger() external {
        BridgeMultiToken multi = new BridgeMultiToken("uri", BRIDGE);
        uint256[] memory one = new uint256[](1);
        one[0] = 1;
        vm.prank(BRIDGE);
        multi.mintBatch(OWNER, one, one);
        asset = address(multi);
        _refuseMinter(abi.encodeCall(multi.mintBatch, (STRANGER, one, one)));
        _refuseMinter(abi.encodeCall(multi.burnBatch, (one, one)));
        _refuseMinter(abi.encodeCall(multi.handOver, (STRANGER)));

        bytes memory notApproved =
            abi.encodeWithSignature("ERC1155MissingApprovalForAll(address,address)", STRANGER, OWNER);
        _refuse(abi.encodeCall(multi.safeTransferFrom, (OWNER, STRANGER, 1, 1, "")), notApproved);
        _refuse(abi.encodeCall(multi.safeBatchTransferFrom, (OWNER, STRANGER, one, one, "")), notApproved);
        _refuse(
            abi.encodeCall(multi.setApprovalForAll, (address(0), true)),
            abi.encodeWithSignature("ERC1155InvalidOperator(address)", address(0))
        );
        _expectAllCovered("abi/BridgeMultiToken.json");
        assertEq(multi.balanceOf(OWNER, 1), 1, "untouched");
    }

    /// @dev Signed by somebody else than the owner, and by the owner too late.
    function _refusePermit(BridgeToken token) private {
        address owner = vm.addr(KEY);
        vm.warp(1000);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY + 1, _permitDigest(token, owner, 1000));
        _refuse(
            abi.encodeCall(token.permit, (owner, STRANGER, 1, 1000, v, r, s)),
            abi.encodeWithSignature("ERC2612InvalidSigner(address,address)", vm.addr(KEY + 1), owner)
        );
        (v, r, s) = vm.sign(KEY, _permitDigest(token, owner, 999));
        _refuse(
            abi.encodeCall(token.permit, (owner, STRANGER, 1, 999, v, r, s)),
            abi.encodeWithSignature("ERC2612ExpiredSignature(uint256)", 999)
        );
        assertEq(token.allowance(owner, STRANGER), 0, "no allowance");
    }

    function _permitDigest(BridgeToken token, address owner, uint256 deadline) private view returns (bytes32) {
        bytes32 typeHash =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 structHash = keccak256(abi.encode(typeHash, owner, STRANGER, 1, 0, deadline));
        return keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), structHash));
    }

    function _refuseMinter(bytes memory call) private {
        _refuse(call, abi.encodeWithSelector(BridgeMinted.BridgeMintedOnlyBridge.selector, STRANGER));
    }

    function _refuse(bytes memory call, bytes memory reason) private {
        _cover(bytes4(call));
        vm.prank(STRANGER);
        (bool success, bytes memory result) = asset.call(call);
        assertTrue(!success, string.concat("refused: ", vm.toString(abi.encodePacked(bytes4(call)))));
        assertEq(keccak256(result), keccak256(reason), vm.toString(abi.encodePacked(bytes4(call))));
    }
}
