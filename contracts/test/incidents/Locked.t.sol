// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Permit} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeConfiguration} from "../../src/interfaces/IBridgeConfiguration.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {GovernanceTest} from "../GovernanceTest.sol";
import {TestPaymentToken} from "../contracts/TestPaymentToken.sol";

/// Something that puts value into a pair, sent by USER.
struct Deposit {
    address target;
    uint256 value;
    bytes call;
    /// The pair; zero for the native currency.
    address pair;
}

/// @title Fault 4 of the ancestor, the lock of a token; the table is in Incidents
/// @dev Here a lock stops requests. What the counterpart has taken in already is paid.
contract LockedTest is GovernanceTest {
    /// A token that calls the bridge when it has moved.
    TestPaymentToken private payment;
    Deposit[] private deposits;

    function setUp() public override {
        super.setUp();
        payment = new TestPaymentToken("Payment", "PAY");
        _configure(_pairCall(Kinds.ERC20, false, address(payment), FAR_UNKNOWN));
        _giveEverything();
        _listRequests();
        _listPayments();
        _listSeeds();
    }

    function test_ancestor_4_a_locked_token_takes_no_requests() external {
        bytes32 root = bridge.laneState().requestRoot;
        _lockAll(true);
        for (uint256 i = 0; i < deposits.length; ++i) {
            (bool success, bytes memory result) = _deposit(deposits[i]);
            bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgePairLocked.selector, deposits[i].pair);
            assertTrue(!success, vm.toString(i));
            assertEq(keccak256(result), keccak256(reason), vm.toString(i));
        }
        assertEq(bridge.laneState().requestRoot, root, "nothing was requested");
        // Without the lock each of them is accepted.
        _lockAll(false);
        for (uint256 i = 0; i < deposits.length; ++i) {
            (bool success,) = _deposit(deposits[i]);
            assertTrue(success, vm.toString(i));
        }
        assertEq(bridge.laneState().requestNonce, 13, "all but the two that seed are requests");
    }

    function test_ancestor_4_a_locked_token_pays_what_is_on_its_way() external {
        for (uint256 i = 0; i < deposits.length; ++i) {
            (bool success,) = _deposit(deposits[i]);
            assertTrue(success, vm.toString(i));
        }
        _lockAll(true);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, RECIPIENT, 2);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 3);
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 4);
        _far(Kinds.ERC721, FAR_NFT, RECIPIENT, 9);
        _far(Kinds.ERC721, FAR_MINTED_NFT, RECIPIENT, 8);
        _far(Kinds.ERC1155, FAR_MULTI, RECIPIENT, 5, _payload1155(_list(3), _list(5), ""));
        _far(Kinds.ERC1155, FAR_MINTED_MULTI, RECIPIENT, 6, _payload1155(_list(1), _list(6), ""));
        _handleAll();
        assertEq(bridge.laneState().heldCount, 0, "none is held");
        assertEq(RECIPIENT.balance, 2, "native currency");
        assertEq(token.balanceOf(RECIPIENT), 3, "locked token");
        assertEq(minted.balanceOf(RECIPIENT), 4, "minted token");
        assertEq(nft.ownerOf(9), RECIPIENT, "locked ERC-721");
        assertEq(mintedNFT.ownerOf(8), RECIPIENT, "minted ERC-721");
        assertEq(multi.balanceOf(RECIPIENT, 3), 5, "locked ERC-1155");
        assertEq(mintedMulti.balanceOf(RECIPIENT, 1), 6, "minted ERC-1155");
    }

    // ---- steps ----

    function _giveEverything() private {
        _far(Kinds.ERC20, FAR_MINTED, USER, 10);
        _far(Kinds.ERC721, FAR_MINTED_NFT, USER, 7);
        _far(Kinds.ERC1155, FAR_MINTED_MULTI, USER, 10, _payload1155(_list(1), _list(10), ""));
        _handleAll();
        vm.deal(USER, 100);
        _giveToken(100);
        payment.mint(USER, 10);
        nft.mint(USER, 9);
        nft.mint(USER, 10);
        multi.mint(USER, 3, 100);
        vm.prank(USER);
        minted.approve(address(bridge), 10);
        vm.prank(USER);
        nft.approve(address(bridge), 9);
        vm.prank(USER);
        mintedNFT.approve(address(bridge), 7);
        vm.prank(USER);
        multi.setApprovalForAll(address(bridge), true);
        vm.prank(USER);
        mintedMulti.setApprovalForAll(address(bridge), true);
    }

    /// @dev In two steps.
    function _listRequests() private {
        // Its signature is nobody's, so the allowance decides.
        Permit memory permit = Permit(1, type(uint64).max, 27, bytes32(uint256(1)), bytes32(uint256(1)));
        _list(1, abi.encodeCall(bridge.requestNativeTransfer, (1, RECIPIENT, USER, "")), address(0));
        _list(
            0, abi.encodeCall(bridge.requestERC20Transfer, (address(token), 5, RECIPIENT, USER, 0, "")), address(token)
        );
        _list(
            0,
            abi.encodeCall(bridge.requestERC20TransferWithPermit, (address(token), 5, RECIPIENT, USER, 0, "", permit)),
            address(token)
        );
        _list(
            0,
            abi.encodeCall(bridge.requestERC20Transfer, (address(minted), 5, RECIPIENT, USER, 0, "")),
            address(minted)
        );
        _list(0, abi.encodeCall(bridge.requestERC721Transfer, (address(nft), 9, RECIPIENT, USER, "")), address(nft));
        _list(
            0,
            abi.encodeCall(bridge.requestERC721Transfer, (address(mintedNFT), 7, RECIPIENT, USER, "")),
            address(mintedNFT)
        );
        _list(
            0,
            abi.encodeCall(bridge.requestERC1155Transfer, (address(multi), _list(3), _list(10), RECIPIENT, USER, "")),
            address(multi)
        );
        _list(
            0,
            abi.encodeCall(
                bridge.requestERC1155Transfer, (address(mintedMulti), _list(1), _list(10), RECIPIENT, USER, "")
            ),
            address(mintedMulti)
        );
    }

    /// @dev In one step.
    function _listPayments() private {
        bytes memory arguments = abi.encode(RECIPIENT, USER, 0, "");
        _list(1, "", address(0));
        deposits.push(
            Deposit(
                address(payment),
                0,
                abi.encodeWithSignature(
                    "transferAndCall(address,uint256,bytes)", address(bridge), uint256(10), arguments
                ),
                address(payment)
            )
        );
        deposits.push(
            Deposit(
                address(nft),
                0,
                abi.encodeWithSignature(
                    "safeTransferFrom(address,address,uint256,bytes)", USER, address(bridge), uint256(10), arguments
                ),
                address(nft)
            )
        );
        deposits.push(
            Deposit(
                address(multi),
                0,
                abi.encodeCall(multi.safeTransferFrom, (USER, address(bridge), 3, 10, arguments)),
                address(multi)
            )
        );
        deposits.push(
            Deposit(
                address(multi),
                0,
                abi.encodeCall(multi.safeBatchTransferFrom, (USER, address(bridge), _list(3), _list(10), arguments)),
                address(multi)
            )
        );
    }

    function _listSeeds() private {
        _list(1, abi.encodeCall(bridge.seed, (address(0), 1)), address(0));
        _list(0, abi.encodeCall(bridge.seed, (address(token), 5)), address(token));
    }

    function _list(uint256 value, bytes memory call, address pair) private {
        deposits.push(Deposit(address(bridge), value, call, pair));
    }

    function _deposit(Deposit memory deposit) private returns (bool success, bytes memory result) {
        vm.prank(USER, USER);
        (success, result) = deposit.target.call{value: deposit.value}(deposit.call);
    }

    function _lockAll(bool locked) private {
        address[8] memory pairs = [
            address(0),
            address(token),
            address(minted),
            address(nft),
            address(mintedNFT),
            address(multi),
            address(mintedMulti),
            address(payment)
        ];
        bytes[] memory calls = new bytes[](pairs.length);
        for (uint256 i = 0; i < pairs.length; ++i) {
            calls[i] = abi.encodeCall(IBridgeConfiguration.setPairLocked, (pairs[i], locked));
        }
        _configure(calls);
    }
}
