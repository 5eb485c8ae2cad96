// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {HoldReason, ValueTransfer} from "../../src/interfaces/BridgeTypes.sol";
import {IBridge} from "../../src/interfaces/IBridge.sol";
import {IBridgeConfiguration} from "../../src/interfaces/IBridgeConfiguration.sol";
import {IBridgeEvents} from "../../src/interfaces/IBridgeEvents.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {BridgeMultiToken} from "../../src/tokens/BridgeMultiToken.sol";
import {BridgeNFT} from "../../src/tokens/BridgeNFT.sol";
import {BridgeToken} from "../../src/tokens/BridgeToken.sol";
import {LaneTest} from "../LaneTest.sol";
import {Log} from "../Vm.sol";
import {Behaviour} from "../contracts/Hostile.sol";
import {HostileRecipient} from "../contracts/HostileRecipient.sol";
import {Answer, Declaration, Receiver} from "../contracts/Receiver.sol";
import {TestMultiToken} from "../contracts/TestMultiToken.sol";
import {TestNFT} from "../contracts/TestNFT.sol";
import {TestToken} from "../contracts/TestToken.sol";

/// @title klaytn PR#1565: value that a recipient refuses for ever, across two real bridges; the table is in Incidents
/// @dev Both run in one EVM, whose chain id changes with the bridge in use.
contract ReturnsTest is LaneTest {
    uint256 private constant ID = 9;

    IBridge private source;
    IBridge private destination;
    /// What the destination mints of the source's locked tokens. Native currency stays native currency.
    BridgeToken private wrapped;
    BridgeNFT private wrappedNFT;
    BridgeMultiToken private wrappedMulti;

    function setUp() public override {
        vm.chainId(CHAIN);
        _freshBridge();
        source = bridge;
        token = new TestToken("Token", "TOK", 18);
        nft = new TestNFT("NFT", "NFT");
        multi = new TestMultiToken("uri");
        _freshBridge();
        destination = bridge;
        wrapped = new BridgeToken("Wrapped", "WRP", 18, address(destination));
        wrappedNFT = new BridgeNFT("Wrapped", "WNFT", address(destination));
        wrappedMulti = new BridgeMultiToken("uri", address(destination));
        _connect(true);
        _connect(false);
    }

    function test_klaytn_pr_1565_what_a_recipient_refuses_for_ever_comes_back_to_its_sender() external {
        HostileRecipient refusing = new HostileRecipient();
        refusing.setBehaviour(Behaviour.Reverts);
        Receiver refusingData = new Receiver();
        refusingData.behave(Declaration.Yes, Answer.Reverts);

        _use(source);
        _give();
        vm.recordLogs();
        _requestAll(address(refusing), address(refusingData));
        assertEq(USER.balance + token.balanceOf(USER) + nft.balanceOf(USER) + multi.balanceOf(USER, ID), 0, "sent");

        _use(destination);
        _seedNative(10);
        _takeRequests();
        assertEq(_root(4), source.laneState().requestRoot, "what the source has recorded");
        _handleAll();
        for (uint64 i = 0; i < 4; ++i) {
            _expectHeld(i, HoldReason.PayoutFailed);
            _expectReleaseFails(i, HoldReason.PayoutFailed);
        }
        _mine(REFUND_DELAY);
        for (uint64 i = 0; i < 4; ++i) {
            // Anyone may, without a signature.
            vm.prank(vm.addr(OUTSIDER_KEY));
            _refund(i, _unsigned());
        }
        assertEq(bridge.laneState().heldCount, 0, "no hold is left");
        assertEq(wrapped.totalSupply() + bridge.pairOf(address(wrappedNFT)).minted, 0, "nothing was minted");
        assertEq(bridge.pairOf(address(wrappedMulti)).minted, 0, "nothing was minted");

        _use(source);
        _takeRequests();
        assertEq(_root(4), destination.laneState().requestRoot, "what the destination has recorded");
        _handleAll();
        assertEq(bridge.laneState().heldCount, 0, "all are paid");
        assertEq(USER.balance, 10, "native currency");
        assertEq(token.balanceOf(USER), 20, "ERC-20");
        assertEq(nft.ownerOf(ID), USER, "ERC-721");
        assertEq(multi.balanceOf(USER, ID), 30, "ERC-1155");
        address[4] memory pairs = [address(0), address(token), address(nft), address(multi)];
        for (uint256 i = 0; i < pairs.length; ++i) {
            assertEq(bridge.pairOf(pairs[i]).escrow, 0, "the bridge keeps nothing");
        }
        assertEq(address(bridge).balance + token.balanceOf(address(bridge)), 0, "the bridge keeps nothing");
    }

    // ---- steps ----

    /// @dev Wires one of the two to the other and registers all four pairs.
    function _connect(bool isSource) private {
        bridge = isSource ? source : destination;
        address other = address(isSource ? destination : source);
        vm.chainId(isSource ? CHAIN : COUNTERPART_CHAIN);
        bytes[] memory calls = new bytes[](5);
        uint64 otherChain = isSource ? COUNTERPART_CHAIN : CHAIN;
        calls[0] = abi.encodeCall(IBridgeConfiguration.wire, (otherChain, other, 1, SALT));
        calls[1] = _pairCall(Kinds.NATIVE, false, address(0), address(0));
        address[3] memory near = [address(token), address(nft), address(multi)];
        address[3] memory far = [address(wrapped), address(wrappedNFT), address(wrappedMulti)];
        for (uint8 i = 0; i < 3; ++i) {
            (address here, address there) = isSource ? (near[i], far[i]) : (far[i], near[i]);
            calls[2 + i] = _pairCall(Kinds.ERC20 + i, !isSource, here, there);
        }
        _configure(calls);
    }

    /// @dev From here on the inbound lane is that of `side`.
    function _use(IBridge side) private {
        bridge = side;
        vm.chainId(address(side) == address(source) ? CHAIN : COUNTERPART_CHAIN);
        inboundId = side.state().wiring.inboundBridgeId;
        delete requests;
        delete leaves;
    }

    /// @dev Makes the inbound lane of what was requested since logs were recorded, or taken last.
    function _takeRequests() private {
        Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != IBridgeEvents.RequestValueTransfer.selector) continue;
            ValueTransfer memory t;
            t.sourceBlock = uint64(_height());
            t.from = address(uint160(uint256(logs[i].topics[2])));
            t.to = address(uint160(uint256(logs[i].topics[3])));
            (t.kind, t.token, t.refundTo, t.value, t.payload) =
                abi.decode(logs[i].data, (uint8, address, address, uint256, bytes));
            leaves.push(_leaf(uint64(requests.length), t));
            requests.push(t);
        }
    }

    function _give() private {
        vm.deal(USER, 10);
        token.mint(USER, 20);
        nft.mint(USER, ID);
        multi.mint(USER, ID, 30);
        vm.prank(USER);
        token.approve(address(bridge), 20);
        vm.prank(USER);
        nft.approve(address(bridge), ID);
        vm.prank(USER);
        multi.setApprovalForAll(address(bridge), true);
    }

    /// @dev One request of each kind, with everything that USER has.
    function _requestAll(address refusing, address refusingData) private {
        vm.prank(USER);
        bridge.requestNativeTransfer{value: 10}(10, refusing, USER, "");
        vm.prank(USER);
        bridge.requestERC20Transfer(address(token), 20, refusingData, USER, 0, "data");
        vm.prank(USER);
        bridge.requestERC721Transfer(address(nft), ID, refusing, USER, "");
        vm.prank(USER);
        bridge.requestERC1155Transfer(address(multi), _list(ID), _list(30), refusing, USER, "");
    }
}
