// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {PairConfiguration, PairLimits, PairState} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {IBridgeEvents} from "../../src/interfaces/IBridgeEvents.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {BridgeTest} from "../BridgeTest.sol";
import {TestMultiToken} from "../contracts/TestMultiToken.sol";
import {TestNFT} from "../contracts/TestNFT.sol";
import {TestToken} from "../contracts/TestToken.sol";

contract PairsTest is BridgeTest {
    address private constant FAR = address(0xFA2);
    TestToken private other;

    function setUp() public override {
        super.setUp();
        other = new TestToken("Other", "OTH", 8);
    }

    function test_registered_pair_reads_back() external {
        PairConfiguration memory expected = PairConfiguration(Kinds.ERC20, false, 8, 0, GAS_CAP, address(other), FAR);
        (uint64 nonce, bytes[] memory calls) = _scheduled(abi.encodeCall(bridge.registerPair, (expected)));
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.PairRegistered(address(other), FAR, expected);
        bridge.executeConfiguration(nonce, calls);
        PairState memory pair = bridge.pairOf(address(other));
        assertEq(pair.configuration.counterpartToken, FAR, "counterpart token");
        assertEq(pair.configuration.token, address(other), "token");
        assertEq(pair.configuration.gasCap, GAS_CAP, "gas cap");
        assertEq(pair.configuration.kind, Kinds.ERC20, "kind");
        assertEq(pair.configuration.decimals, 8, "decimals");
        assertTrue(!pair.configuration.mints && !pair.locked, "locks, and is open");
        assertEq(keccak256(abi.encode(pair.limits)), keccak256(abi.encode(_noLimits())), "no limits");
    }

    function test_pairs_are_one_to_one() external {
        _refuse(Kinds.ERC20, false, address(token), FAR, _exists(address(token), FAR));
        _refuse(Kinds.ERC20, false, address(other), FAR_MINTED, _exists(address(other), FAR_MINTED));
        _refuse(Kinds.ERC20, false, address(other), address(0), _exists(address(other), address(0)));
        _refuse(Kinds.NATIVE, false, address(0), FAR, _exists(address(0), FAR));
    }

    function test_native_currency_is_the_token_zero() external {
        _refuseAsInvalid(Kinds.NATIVE, false, address(other), FAR);
    }

    function test_token_zero_is_the_native_currency() external {
        PairConfiguration memory pair = PairConfiguration(Kinds.ERC20, false, 18, 0, GAS_CAP, address(0), FAR);
        // A bridge without a native pair, so that nothing else refuses it.
        bytes[] memory calls = new bytes[](2);
        calls[0] = _wireCall();
        calls[1] = abi.encodeCall(bridge.registerPair, (pair));
        _freshBridge();
        (uint64 nonce, uint64 deadline, bytes[] memory signatures) = _signedConfiguration(calls, THRESHOLD);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgePairInvalid.selector, address(0), FAR));
        bridge.configure(nonce, deadline, calls, signatures);
    }

    function test_native_currency_is_not_minted() external {
        bytes[] memory calls = new bytes[](2);
        calls[0] = _wireCall();
        calls[1] = _pairCall(Kinds.NATIVE, true, address(0), FAR);
        _freshBridge();
        (uint64 nonce, uint64 deadline, bytes[] memory signatures) = _signedConfiguration(calls, THRESHOLD);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgePairInvalid.selector, address(0), FAR));
        bridge.configure(nonce, deadline, calls, signatures);
    }

    function test_unknown_kind_is_refused() external {
        _refuseAsInvalid(4, false, address(other), FAR);
        _refuseAsInvalid(Kinds.REFUND | Kinds.ERC20, false, address(other), FAR);
        _refuseAsInvalid(255, true, address(other), FAR);
    }

    function test_bridges_are_no_tokens() external {
        address[2][3] memory pairs = [[address(bridge), FAR], [COUNTERPART, FAR], [address(other), COUNTERPART]];
        for (uint256 i = 0; i < pairs.length; ++i) {
            (address near, address far) = (pairs[i][0], pairs[i][1]);
            PairConfiguration memory pair = PairConfiguration(Kinds.ERC20, false, 8, 0, GAS_CAP, near, far);
            bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgePairInvalid.selector, near, far);
            _configureExpecting(abi.encodeCall(bridge.registerPair, (pair)), reason);
        }
    }

    function test_collectible_does_not_correspond_to_a_native_currency() external {
        uint8[2] memory kinds = [Kinds.ERC721, Kinds.ERC1155];
        for (uint256 i = 0; i < kinds.length; ++i) {
            bytes[] memory calls = new bytes[](2);
            calls[0] = _wireCall();
            calls[1] = _pairCall(kinds[i], false, address(nft), address(0));
            _freshBridge();
            (uint64 nonce, uint64 deadline, bytes[] memory signatures) = _signedConfiguration(calls, THRESHOLD);
            vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgePairInvalid.selector, address(nft), address(0)));
            bridge.configure(nonce, deadline, calls, signatures);
        }
    }

    function test_decimals_are_those_of_the_token() external {
        _refuseDecimals(Kinds.ERC20, address(other), 9, 8);
        _refuseDecimals(Kinds.ERC721, address(new TestNFT("N", "N")), 1, 0);
        _refuseDecimals(Kinds.ERC1155, address(new TestMultiToken("")), 18, 0);
        bytes[] memory calls = new bytes[](2);
        calls[0] = _wireCall();
        calls[1] = _call(PairConfiguration(Kinds.NATIVE, false, 17, 0, GAS_CAP, address(0), FAR));
        _freshBridge();
        (uint64 nonce, uint64 deadline, bytes[] memory signatures) = _signedConfiguration(calls, THRESHOLD);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeDecimalsMismatch.selector, address(0), 18, 17));
        bridge.configure(nonce, deadline, calls, signatures);
    }

    function test_token_has_code() external {
        address nowhere = address(0x404);
        bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgeTokenWithoutCode.selector, nowhere);
        _refuse(Kinds.ERC20, false, nowhere, FAR, reason);
    }

    function test_a_token_whose_code_is_delegated_is_refused() external {
        // It answers as a token does, today.
        address delegated = address(0xDE1E);
        vm.etch(delegated, abi.encodePacked(hex"ef0100", address(other)));
        assertEq(TestToken(delegated).decimals(), 8, "it looks like a token");
        bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgeTokenWithoutCode.selector, delegated);
        _configureExpecting(_call(PairConfiguration(Kinds.ERC20, false, 8, 0, GAS_CAP, delegated, FAR)), reason);
        _refuse(Kinds.ERC721, false, delegated, FAR, reason);
        _refuse(Kinds.ERC1155, true, delegated, FAR, reason);
    }

    function test_a_token_of_as_many_bytes_as_a_delegation_has_is_accepted() external {
        address short = address(0x5042);
        // Returns 18 whatever it is asked.
        vm.etch(short, hex"601260005260206000f300000000000000000000000000");
        assertEq(short.code.length, 23, "bytes");
        _configure(_call(PairConfiguration(Kinds.ERC20, false, 18, 0, GAS_CAP, short, FAR)));
        assertEq(bridge.pairOf(short).configuration.decimals, 18, "registered");
    }

    function test_gas_cap_is_within_its_range() external {
        _refuseGasCaps(Kinds.ERC20, 8, address(other), address(token), 100_000);
        // For the greatest bounds, 512 bytes of URI and 16 ids.
        _refuseGasCaps(Kinds.ERC721, 0, address(new TestNFT("N", "N")), address(nft), 517_600);
        _refuseGasCaps(Kinds.ERC1155, 0, address(new TestMultiToken("")), address(multi), 830_000);
    }

    function test_gas_cap_changes() external {
        bytes memory call = abi.encodeCall(bridge.setPairGasCap, (address(token), 100_000));
        (uint64 nonce, bytes[] memory calls) = _scheduled(call);
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.PairGasCapChanged(address(token), 100_000);
        bridge.executeConfiguration(nonce, calls);
        assertEq(bridge.pairOf(address(token)).configuration.gasCap, 100_000, "gas cap");
        _configure(abi.encodeCall(bridge.setPairGasCap, (address(token), 2_000_000)));
        assertEq(bridge.pairOf(address(token)).configuration.gasCap, 2_000_000, "gas cap");
    }

    function test_unknown_pair_cannot_be_changed() external {
        bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgePairUnknown.selector, address(other));
        _configureExpecting(abi.encodeCall(bridge.setPairLocked, (address(other), true)), reason);
        _configureExpecting(abi.encodeCall(bridge.setPairGasCap, (address(other), 50_000)), reason);
        _configureExpecting(abi.encodeCall(bridge.setPairLimits, (address(other), _noLimits())), reason);
        _configureExpecting(abi.encodeCall(bridge.deregisterPair, (address(other), 0, 0)), reason);
        vm.expectRevert(reason);
        bridge.pairOf(address(other));
    }

    function test_a_pair_stays_while_something_may_be_on_its_way() external {
        _configure(abi.encodeCall(bridge.setPairLocked, (address(token), true)));
        bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgeLaneNotDrained.selector, 0, 1);
        _configureExpecting(abi.encodeCall(bridge.deregisterPair, (address(token), 1, 0)), reason);
        _configure(abi.encodeCall(bridge.deregisterPair, (address(token), 0, 0)));
    }

    function test_locked_pair_refuses_requests_and_still_pays() external {
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.PairLocked(address(minted), true);
        _configure(abi.encodeCall(bridge.setPairLocked, (address(minted), true)));
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 7);
        _handleAll();
        assertEq(minted.balanceOf(RECIPIENT), 7, "paid");

        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgePairLocked.selector, address(minted)));
        vm.prank(RECIPIENT);
        bridge.requestERC20Transfer(address(minted), 7, USER, USER, 0, "");

        _configure(abi.encodeCall(bridge.setPairLocked, (address(minted), false)));
        vm.prank(RECIPIENT);
        minted.approve(address(bridge), 7);
        vm.prank(RECIPIENT);
        bridge.requestERC20Transfer(address(minted), 7, USER, USER, 0, "");
        assertEq(bridge.laneState().requestNonce, 1, "requested");
    }

    /// @dev Both when a pair of `near` is registered and when the cap of the registered `known` is changed.
    function _refuseGasCaps(uint8 kind, uint8 decimals, address near, address known, uint32 minimum) private {
        uint32[2] memory outside = [minimum - 1, 2_000_001];
        for (uint256 i = 0; i < outside.length; ++i) {
            bytes memory reason =
                abi.encodeWithSelector(IBridgeErrors.BridgeGasCapOutOfRange.selector, outside[i], minimum, 2_000_000);
            _configureExpecting(
                _call(PairConfiguration(kind, false, decimals, _itemBoundOf(kind), outside[i], near, FAR)), reason
            );
            _configureExpecting(abi.encodeCall(bridge.setPairGasCap, (known, outside[i])), reason);
        }
        _configure(abi.encodeCall(bridge.setPairGasCap, (known, minimum)));
    }

    function _refuseDecimals(uint8 kind, address near, uint8 given, uint8 expected) private {
        bytes memory reason =
            abi.encodeWithSelector(IBridgeErrors.BridgeDecimalsMismatch.selector, near, expected, given);
        _configureExpecting(
            _call(PairConfiguration(kind, false, given, _itemBoundOf(kind), _gasCapOf(kind), near, FAR)), reason
        );
    }

    function _call(PairConfiguration memory pair) private view returns (bytes memory) {
        return abi.encodeCall(bridge.registerPair, (pair));
    }

    function _noLimits() private pure returns (PairLimits memory limits) {
        limits.maximum = type(uint128).max;
        limits.outflowCapacity = type(uint128).max;
        limits.delayAbove = type(uint128).max;
    }

    function _exists(address near, address far) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IBridgeErrors.BridgePairExists.selector, near, far);
    }

    function _refuseAsInvalid(uint8 kind, bool mints, address near, address far) private {
        _refuse(kind, mints, near, far, abi.encodeWithSelector(IBridgeErrors.BridgePairInvalid.selector, near, far));
    }

    function _refuse(uint8 kind, bool mints, address near, address far, bytes memory reason) private {
        _configureExpecting(_pairCall(kind, mints, near, far), reason);
    }
}
