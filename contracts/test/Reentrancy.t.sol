// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {PairLimits, Permit, ValueTransfer} from "../src/interfaces/BridgeTypes.sol";
import {IBridgeErrors} from "../src/interfaces/IBridgeErrors.sol";
import {Kinds} from "../src/libraries/Kinds.sol";
import {BridgeTest} from "./BridgeTest.sol";
import {
    Reentering,
    ReenteringMultiToken,
    ReenteringNFT,
    ReenteringReceiver,
    ReenteringToken
} from "./contracts/Reentering.sol";

/// What is called from within another call: every function that is guarded.
enum Entry {
    Handle,
    Release,
    Refund,
    ForceHold,
    NativeRequest,
    ERC20Request,
    PermitRequest,
    ERC721Request,
    ERC1155Request,
    Seed,
    PlainSend,
    Configure,
    ExecuteConfiguration,
    CancelConfiguration,
    WithdrawFees,
    Adopt
}

/// @title Every entry point, from within every call that the bridge makes
/// @dev Each call would succeed, and is shown to, once nothing is in between; except for those that no contract may make,
/// which must be refused by the guard within and for that reason after.
contract ReentrancyTest is BridgeTest {
    /// Counterparts of what is registered here.
    address private constant FAR = address(0xFA2);
    address private constant FAR_REENTERING_NFT = address(0xFA3);
    address private constant FAR_REENTERING_MULTI = address(0xFA4);
    uint256 private constant ENTRIES = uint256(type(Entry).max) + 1;

    ReenteringToken private hostileToken;
    ReenteringNFT private hostileNFT;
    ReenteringMultiToken private hostileMulti;
    ReenteringReceiver private recipient;
    /// A hold that can be refunded.
    uint64 private heldNonce;

    function setUp() public override {
        super.setUp();
        hostileToken = new ReenteringToken();
        hostileNFT = new ReenteringNFT();
        hostileMulti = new ReenteringMultiToken();
        recipient = new ReenteringReceiver();
        bytes[] memory calls = new bytes[](6);
        calls[0] = _pairCall(Kinds.ERC20, false, address(hostileToken), FAR);
        calls[1] = _pairCall(Kinds.ERC721, false, address(hostileNFT), FAR_REENTERING_NFT);
        calls[2] = _pairCall(Kinds.ERC1155, false, address(hostileMulti), FAR_REENTERING_MULTI);
        calls[3] = abi.encodeCall(bridge.setPairGasCap, (address(0), 2_000_000));
        PairLimits memory limits = bridge.pairOf(address(token)).limits;
        limits.fee = 1;
        calls[4] = abi.encodeCall(bridge.setPairLimits, (address(token), limits));
        calls[5] = abi.encodeCall(bridge.setFeeReceiver, (address(recipient)));
        _configure(calls);
        hostileToken.mint(USER, 100);
        hostileMulti.mint(USER, 1, 100);
        vm.prank(USER);
        hostileToken.approve(address(bridge), 100);
        vm.prank(USER);
        hostileNFT.setApprovalForAll(address(bridge), true);
        vm.prank(USER);
        hostileMulti.setApprovalForAll(address(bridge), true);
        _seedNative(100);
    }

    // ---- from payouts ----

    function test_nothing_is_entered_from_a_payout() external {
        for (uint256 i = 0; i < ENTRIES; ++i) {
            uint64 held = bridge.laneState().heldCount;
            _far(Kinds.NATIVE, FAR_OF_NATIVE, address(recipient), 1);
            _arm(recipient, Entry(i));
            _handleUntil(requests.length - 1);
            // One hold was made to be refunded; the payout itself succeeded.
            assertEq(bridge.laneState().heldCount, held + 1, "held");
            _expectRefused(recipient, Entry(i));
        }
    }

    function test_nothing_is_entered_from_a_payout_with_data() external {
        for (uint256 i = 0; i < ENTRIES; ++i) {
            uint64 held = bridge.laneState().heldCount;
            _far(Kinds.NATIVE, FAR_OF_NATIVE, address(recipient), 1, "data");
            _arm(recipient, Entry(i));
            _handleUntil(requests.length - 1);
            assertEq(bridge.laneState().heldCount, held + 1, "held");
            _expectRefused(recipient, Entry(i));
        }
    }

    function test_nothing_is_entered_from_a_release() external {
        for (uint256 i = 0; i < ENTRIES; ++i) {
            uint64 nonce = uint64(requests.length);
            // More than there is, until somebody brings it.
            uint128 escrow = bridge.pairOf(address(0)).escrow;
            _far(Kinds.NATIVE, FAR_OF_NATIVE, address(recipient), uint256(escrow) + 1);
            _handleAll();
            _seedNative(1);
            _arm(recipient, Entry(i));
            ValueTransfer memory transfer = requests[nonce];
            vm.prank(SUBMITTER, SUBMITTER);
            bridge.release(nonce, transfer, new bytes[](0));
            _expectRefused(recipient, Entry(i));
        }
    }

    // ---- from requests ----

    function test_nothing_is_entered_from_an_erc20_request() external {
        for (uint256 i = 0; i < ENTRIES; ++i) {
            _arm(hostileToken, Entry(i));
            vm.prank(USER);
            bridge.requestERC20Transfer(address(hostileToken), 1, RECIPIENT, USER, 0, "");
            _expectRefused(hostileToken, Entry(i));
        }
    }

    function test_nothing_is_entered_from_a_permit() external {
        Permit memory permit;
        for (uint256 i = 0; i < ENTRIES; ++i) {
            _arm(hostileToken, Entry(i));
            vm.prank(USER);
            bridge.requestERC20TransferWithPermit(address(hostileToken), 1, RECIPIENT, USER, 0, "", permit);
            _expectRefused(hostileToken, Entry(i));
        }
    }

    function test_nothing_is_entered_from_an_erc721_request() external {
        for (uint256 i = 0; i < ENTRIES; ++i) {
            hostileNFT.mint(USER, i);
            _arm(hostileNFT, Entry(i));
            vm.prank(USER);
            bridge.requestERC721Transfer(address(hostileNFT), i, RECIPIENT, USER, "");
            _expectRefused(hostileNFT, Entry(i));
        }
    }

    function test_nothing_is_entered_from_an_erc1155_request() external {
        uint256[] memory one = new uint256[](1);
        one[0] = 1;
        for (uint256 i = 0; i < ENTRIES; ++i) {
            _arm(hostileMulti, Entry(i));
            vm.prank(USER);
            bridge.requestERC1155Transfer(address(hostileMulti), one, one, RECIPIENT, USER, "");
            _expectRefused(hostileMulti, Entry(i));
        }
    }

    function test_nothing_is_entered_from_what_comes_back_of_a_request() external {
        bytes memory call = abi.encodeCall(bridge.requestNativeTransfer, (1, RECIPIENT, USER, ""));
        for (uint256 i = 0; i < ENTRIES; ++i) {
            _arm(recipient, Entry(i));
            vm.deal(address(recipient), 10);
            recipient.execute(address(bridge), 3, call);
            _expectRefused(recipient, Entry(i));
        }
    }

    function test_nothing_is_entered_from_a_seed() external {
        for (uint256 i = 0; i < ENTRIES; ++i) {
            _arm(hostileToken, Entry(i));
            vm.prank(USER);
            bridge.seed(address(hostileToken), 1);
            _expectRefused(hostileToken, Entry(i));
        }
    }

    /// @dev A token that says, while the bridge fetches it for a request, that it was sent for another one.
    function test_token_makes_no_second_request_of_the_first() external {
        bytes memory data = abi.encode(RECIPIENT, USER, uint256(0), bytes(""));
        _armWith(hostileToken, abi.encodeCall(bridge.onTransferReceived, (USER, USER, 1, data)));
        vm.prank(USER);
        bridge.requestERC20Transfer(address(hostileToken), 1, RECIPIENT, USER, 0, "");
        _expectGuarded(hostileToken, "ERC-1363");

        hostileNFT.mint(USER, 7);
        _armWith(hostileNFT, abi.encodeCall(bridge.onERC721Received, (USER, USER, 7, data)));
        vm.prank(USER);
        bridge.requestERC721Transfer(address(hostileNFT), 7, RECIPIENT, USER, "");
        _expectGuarded(hostileNFT, "ERC-721");

        uint256[] memory one = new uint256[](1);
        one[0] = 1;
        _armWith(hostileMulti, abi.encodeCall(bridge.onERC1155Received, (USER, USER, 1, 1, data)));
        vm.prank(USER);
        bridge.requestERC1155Transfer(address(hostileMulti), one, one, RECIPIENT, USER, "");
        _expectGuarded(hostileMulti, "ERC-1155");
        _armWith(hostileMulti, abi.encodeCall(bridge.onERC1155BatchReceived, (USER, USER, one, one, data)));
        vm.prank(USER);
        bridge.requestERC1155Transfer(address(hostileMulti), one, one, RECIPIENT, USER, "");
        _expectGuarded(hostileMulti, "ERC-1155, batch");
        assertEq(bridge.laneState().requestNonce, 4, "one each");
    }

    // ---- from a withdrawal ----

    function test_nothing_is_entered_from_a_withdrawal_of_fees() external {
        PairLimits memory limits = bridge.pairOf(address(0)).limits;
        limits.fee = 1;
        _configure(abi.encodeCall(bridge.setPairLimits, (address(0), limits)));
        for (uint256 i = 0; i < ENTRIES; ++i) {
            _arm(recipient, Entry(i));
            vm.deal(USER, 2);
            vm.prank(USER);
            bridge.requestNativeTransfer{value: 2}(1, RECIPIENT, USER, "");
            bridge.withdrawFees(address(0));
            _expectRefused(recipient, Entry(i));
        }
    }

    // ---- steps ----

    /// @dev Gives an account all that the call needs, makes a hold, and makes one more request that is ready to be handled.
    function _arm(Reentering who, Entry entry) private {
        heldNonce = uint64(requests.length);
        _far(Kinds.ERC20, FAR_UNKNOWN, RECIPIENT, 1);
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 1);
        uint256 id = requests.length;
        vm.deal(address(who), 6);
        token.mint(address(who), 6);
        nft.mint(address(who), id);
        multi.mint(address(who), id, 1);
        who.execute(address(token), 0, abi.encodeCall(token.approve, (address(bridge), 6)));
        who.execute(address(nft), 0, abi.encodeCall(nft.approve, (address(bridge), id)));
        who.execute(address(multi), 0, abi.encodeCall(multi.setApprovalForAll, (address(bridge), true)));
        bool paid = entry == Entry.NativeRequest || entry == Entry.Seed || entry == Entry.PlainSend;
        if (entry == Entry.WithdrawFees) _makeFees();
        if (entry == Entry.Adopt) _configure(abi.encodeCall(bridge.setPredecessor, (address(who))));
        bool executes = entry == Entry.ExecuteConfiguration || entry == Entry.CancelConfiguration;
        if (executes) _scheduled(abi.encodeCall(bridge.setFeeReceiver, (address(recipient))));
        who.arm(address(bridge), paid ? 5 : 0, _call(entry, id));
    }

    function _armWith(Reentering who, bytes memory call) private {
        who.arm(address(bridge), 0, call);
    }

    function _call(Entry entry, uint256 id) private view returns (bytes memory) {
        if (entry <= Entry.ForceHold) return _laneCall(entry);
        if (entry == Entry.NativeRequest) {
            return abi.encodeCall(bridge.requestNativeTransfer, (4, RECIPIENT, USER, ""));
        }
        if (entry == Entry.ERC20Request) {
            return abi.encodeCall(bridge.requestERC20Transfer, (address(token), 5, RECIPIENT, USER, 1, ""));
        }
        if (entry == Entry.PermitRequest) {
            Permit memory permit;
            return
                abi.encodeCall(
                    bridge.requestERC20TransferWithPermit, (address(token), 5, RECIPIENT, USER, 1, "", permit)
                );
        }
        if (entry == Entry.ERC721Request) {
            return abi.encodeCall(bridge.requestERC721Transfer, (address(nft), id, RECIPIENT, USER, ""));
        }
        if (entry == Entry.ERC1155Request) {
            (uint256[] memory ids, uint256[] memory amounts) = (new uint256[](1), new uint256[](1));
            (ids[0], amounts[0]) = (id, 1);
            return abi.encodeCall(bridge.requestERC1155Transfer, (address(multi), ids, amounts, RECIPIENT, USER, ""));
        }
        if (entry == Entry.Seed) return abi.encodeCall(bridge.seed, (address(0), 5));
        if (entry == Entry.PlainSend) return "";
        if (entry == Entry.WithdrawFees) return abi.encodeCall(bridge.withdrawFees, (address(token)));
        if (entry == Entry.Adopt) {
            uint256[] memory nothing = new uint256[](0);
            return abi.encodeCall(bridge.adopt, (address(minted), true, 5, nothing, nothing));
        }
        return _governanceCall(entry);
    }

    function _laneCall(Entry entry) private view returns (bytes memory) {
        uint64 last = uint64(requests.length - 1);
        if (entry == Entry.Handle) {
            bytes[] memory approved = _approved(last + 1);
            return _handleCall(last, _slice(last, last + 1), new bytes32[](0), approved);
        }
        if (entry == Entry.Release) {
            return abi.encodeCall(bridge.release, (heldNonce, requests[heldNonce], new bytes[](0)));
        }
        if (entry == Entry.Refund) {
            return abi.encodeCall(bridge.refund, (heldNonce, requests[heldNonce], _decided("Refund", heldNonce)));
        }
        return abi.encodeCall(bridge.forceHold, (last, requests[last], _decided("ForceHold", last)));
    }

    function _governanceCall(Entry entry) private view returns (bytes memory) {
        bytes[] memory calls = _one(abi.encodeCall(bridge.unpause, ()));
        (uint64 nonce, uint64 deadline, bytes[] memory signatures) = _signedConfiguration(calls, THRESHOLD);
        if (entry == Entry.Configure) {
            return abi.encodeCall(bridge.configure, (nonce, deadline, calls, signatures));
        }
        // What was voted last waits.
        if (entry == Entry.CancelConfiguration) {
            bytes[] memory cancellation = _cancellation(bridge.state().governors.epoch, nonce - 1);
            return abi.encodeCall(bridge.cancelConfiguration, (nonce - 1, cancellation));
        }
        calls = _one(abi.encodeCall(bridge.setFeeReceiver, (address(recipient))));
        return abi.encodeCall(bridge.executeConfiguration, (nonce - 1, calls));
    }

    function _decided(string memory name, uint64 nonce) private view returns (bytes[] memory) {
        bytes32 typeHash =
            keccak256(abi.encodePacked(name, "(bytes32 bridgeId,uint64 epoch,uint64 nonce,bytes32 leaf)"));
        uint64 epoch = bridge.laneState().operatorEpoch;
        bytes32 structHash = keccak256(abi.encode(typeHash, inboundId, epoch, nonce, leaves[nonce]));
        return _signatures(OPERATOR_KEY, THRESHOLD, _digest(structHash));
    }

    function _makeFees() private {
        token.mint(USER, 2);
        vm.prank(USER);
        token.approve(address(bridge), 2);
        vm.prank(USER);
        bridge.requestERC20Transfer(address(token), 1, RECIPIENT, USER, 1, "");
    }

    function _expectRefused(Reentering who, Entry entry) private {
        string memory name = vm.toString(uint256(entry));
        _expectGuarded(who, name);
        // What is to be refunded is held now, and one request is left.
        if (bridge.laneState().handleNonce < requests.length - 1) _handleUntil(requests.length - 1);

        who.attempt();
        bytes4 after_;
        if (entry == Entry.Handle || entry == Entry.Release) after_ = IBridgeErrors.BridgeSubmitterNotDirect.selector;
        if (entry == Entry.PlainSend) after_ = IBridgeErrors.BridgePlainSendFromContract.selector;
        if (after_ == 0) {
            assertTrue(who.succeeded(), string.concat("accepted when alone: ", name));
        } else {
            bytes memory reason = abi.encodeWithSelector(after_, address(who));
            assertEq(keccak256(who.result()), keccak256(reason), string.concat("refused when alone: ", name));
        }
        if (bridge.laneState().handleNonce < requests.length) _handleAll();
    }

    function _expectGuarded(Reentering who, string memory name) private view {
        assertEq(who.attempts(), 1, string.concat("tried: ", name));
        assertTrue(!who.succeeded(), string.concat("refused: ", name));
        bytes memory reason = abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        assertEq(keccak256(who.result()), keccak256(reason), string.concat("by the guard: ", name));
    }
}
