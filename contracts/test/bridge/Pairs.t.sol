// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IBridge, PairConfiguration, PairState} from "../../src/interfaces/IBridge.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {BridgeTest} from "../BridgeTest.sol";
import {TestToken} from "../contracts/TestToken.sol";

contract PairsTest is BridgeTest {
    address private constant FAR = address(0xFA2);
    TestToken private other;

    function setUp() public override {
        super.setUp();
        other = new TestToken("Other", "OTH", 8);
    }

    function test_registered_pair_reads_back() external {
        vm.expectEmit(address(bridge));
        emit IBridge.PairRegistered(address(other), FAR, Kinds.ERC20, false, GAS_CAP);
        _configure(_pairCall(Kinds.ERC20, false, address(other), FAR));
        PairState memory pair = bridge.pairOf(address(other));
        assertEq(pair.configuration.counterpartToken, FAR, "counterpart token");
        assertEq(pair.configuration.token, address(other), "token");
        assertEq(pair.configuration.gasCap, GAS_CAP, "gas cap");
        assertEq(pair.configuration.kind, Kinds.ERC20, "kind");
        assertTrue(!pair.configuration.mints && !pair.locked, "locks, and is open");
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
        PairConfiguration memory pair = PairConfiguration(Kinds.ERC20, false, GAS_CAP, address(0), FAR);
        // A bridge without a native pair, so that nothing else refuses it.
        bytes[] memory calls = new bytes[](2);
        calls[0] = _wireCall();
        calls[1] = abi.encodeCall(IBridge.registerPair, (pair));
        _freshBridge();
        (uint64 nonce, uint64 deadline, bytes[] memory signatures) = _signedConfiguration(calls, THRESHOLD);
        vm.expectRevert(abi.encodeWithSelector(IBridge.BridgePairInvalid.selector, address(0), FAR));
        bridge.configure(nonce, deadline, calls, signatures);
    }

    function test_native_currency_is_not_minted() external {
        bytes[] memory calls = new bytes[](2);
        calls[0] = _wireCall();
        calls[1] = _pairCall(Kinds.NATIVE, true, address(0), FAR);
        _freshBridge();
        (uint64 nonce, uint64 deadline, bytes[] memory signatures) = _signedConfiguration(calls, THRESHOLD);
        vm.expectRevert(abi.encodeWithSelector(IBridge.BridgePairInvalid.selector, address(0), FAR));
        bridge.configure(nonce, deadline, calls, signatures);
    }

    function test_unknown_kind_is_refused() external {
        _refuseAsInvalid(3, false, address(other), FAR);
        _refuseAsInvalid(255, true, address(other), FAR);
    }

    function test_bridges_are_no_tokens() external {
        _refuseAsInvalid(Kinds.ERC20, false, address(bridge), FAR);
        _refuseAsInvalid(Kinds.ERC20, false, COUNTERPART, FAR);
        _refuseAsInvalid(Kinds.ERC20, false, address(other), COUNTERPART);
    }

    function test_erc721_does_not_correspond_to_a_native_currency() external {
        bytes[] memory calls = new bytes[](2);
        calls[0] = _wireCall();
        calls[1] = _pairCall(Kinds.ERC721, false, address(nft), address(0));
        _freshBridge();
        (uint64 nonce, uint64 deadline, bytes[] memory signatures) = _signedConfiguration(calls, THRESHOLD);
        vm.expectRevert(abi.encodeWithSelector(IBridge.BridgePairInvalid.selector, address(nft), address(0)));
        bridge.configure(nonce, deadline, calls, signatures);
    }

    function test_token_has_code() external {
        address nowhere = address(0x404);
        bytes memory reason = abi.encodeWithSelector(IBridge.BridgeTokenWithoutCode.selector, nowhere);
        _refuse(Kinds.ERC20, false, nowhere, FAR, reason);
    }

    function test_gas_cap_is_within_its_range() external {
        uint32[2] memory outside = [uint32(29_999), 2_000_001];
        for (uint256 i = 0; i < outside.length; ++i) {
            bytes memory reason =
                abi.encodeWithSelector(IBridge.BridgeGasCapOutOfRange.selector, outside[i], 30_000, 2_000_000);
            PairConfiguration memory pair = PairConfiguration(Kinds.ERC20, false, outside[i], address(other), FAR);
            _configureExpecting(abi.encodeCall(IBridge.registerPair, (pair)), reason);
            _configureExpecting(abi.encodeCall(IBridge.setPairGasCap, (address(token), outside[i])), reason);
        }
    }

    function test_gas_cap_changes() external {
        vm.expectEmit(address(bridge));
        emit IBridge.PairGasCapChanged(address(token), 30_000);
        _configure(abi.encodeCall(IBridge.setPairGasCap, (address(token), 30_000)));
        assertEq(bridge.pairOf(address(token)).configuration.gasCap, 30_000, "gas cap");
        _configure(abi.encodeCall(IBridge.setPairGasCap, (address(token), 2_000_000)));
        assertEq(bridge.pairOf(address(token)).configuration.gasCap, 2_000_000, "gas cap");
    }

    function test_unknown_pair_cannot_be_changed() external {
        bytes memory reason = abi.encodeWithSelector(IBridge.BridgePairUnknown.selector, address(other));
        _configureExpecting(abi.encodeCall(IBridge.setPairLocked, (address(other), true)), reason);
        _configureExpecting(abi.encodeCall(IBridge.setPairGasCap, (address(other), 50_000)), reason);
        vm.expectRevert(reason);
        bridge.pairOf(address(other));
    }

    function test_locked_pair_refuses_requests_and_still_pays() external {
        vm.expectEmit(address(bridge));
        emit IBridge.PairLocked(address(minted), true);
        _configure(abi.encodeCall(IBridge.setPairLocked, (address(minted), true)));
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 7);
        _handleAll();
        assertEq(minted.balanceOf(RECIPIENT), 7, "paid");

        vm.expectRevert(abi.encodeWithSelector(IBridge.BridgePairLocked.selector, address(minted)));
        vm.prank(RECIPIENT);
        bridge.requestERC20Transfer(address(minted), 7, USER, USER, "");

        _configure(abi.encodeCall(IBridge.setPairLocked, (address(minted), false)));
        vm.prank(RECIPIENT);
        minted.approve(address(bridge), 7);
        vm.prank(RECIPIENT);
        bridge.requestERC20Transfer(address(minted), 7, USER, USER, "");
        assertEq(bridge.laneState().requestNonce, 1, "requested");
    }

    function _exists(address near, address far) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IBridge.BridgePairExists.selector, near, far);
    }

    function _refuseAsInvalid(uint8 kind, bool mints, address near, address far) private {
        _refuse(kind, mints, near, far, abi.encodeWithSelector(IBridge.BridgePairInvalid.selector, near, far));
    }

    function _refuse(uint8 kind, bool mints, address near, address far, bytes memory reason) private {
        _configureExpecting(_pairCall(kind, mints, near, far), reason);
    }
}
