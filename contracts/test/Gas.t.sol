// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ValueTransfer} from "../src/interfaces/IBridge.sol";
import {Kinds} from "../src/libraries/Kinds.sol";
import {BridgeTest} from "./BridgeTest.sol";
import {TestToken} from "./contracts/TestToken.sol";

/// @title What users and relays pay
/// @dev Tests run isolated (see foundry.toml), so each figure is that of a whole transaction: intrinsic gas and calldata
/// included, storage cold. Every recipient is another one and holds the token already.
contract GasTest is BridgeTest {
    uint256 private constant VALUE = 1_234_567_890_123_456_789;

    address private constant FAR_TOKEN = 0x7a5be98c1f3D24a6C7B8E9D0a1b2c3D4e5f60718;

    event Figure(string name, uint256 gas);

    function setUp() public override {
        super.setUp();
        // A pair of two tokens whose addresses have as many zeros as any.
        token = new TestToken("Usual", "USU", 18);
        _configure(_pairCall(Kinds.ERC20, false, address(token), FAR_TOKEN));
    }

    function test_handle_of_1_stays_within_its_goal() external {
        assertLe(_handleGas(1), 95_000, "gas");
    }

    function test_handle_of_4_stays_within_its_goal() external {
        assertLe(_handleGas(4) / 4, 37_000, "gas");
    }

    function test_handle_of_32_stays_within_its_goal() external {
        assertLe(_handleGas(32) / 32, 20_000, "gas");
    }

    function test_handle_of_128_stays_within_its_goal() external {
        assertLe(_handleGas(128) / 128, 17_500, "gas");
    }

    function test_duplicate_stays_within_its_goal() external {
        _prepare(2);
        bytes[] memory signatures = _approved(2);
        _submit(0, _slice(0, 2), new bytes32[](0), signatures);
        bytes memory call = abi.encodeCall(bridge.handle, (1, _slice(1, 2), new bytes32[](0), signatures));
        (bool success,) = _submitWith(1_000_000, call);
        uint256 used = vm.lastCallGas().gasTotalUsed;
        assertTrue(!success, "a duplicate reverts");
        emit Figure("duplicate", used);
        assertLe(used, 40_000, "gas");
    }

    function test_erc20_request_stays_within_its_goal() external {
        token.mint(USER, 10 * VALUE);
        vm.prank(USER);
        token.approve(address(bridge), 9 * VALUE);
        vm.prank(USER);
        bridge.requestERC20Transfer(address(token), VALUE, RECIPIENT, USER, "");
        vm.prank(USER);
        bridge.requestERC20Transfer(address(token), VALUE, RECIPIENT, USER, "");
        uint256 used = vm.lastCallGas().gasTotalUsed;
        emit Figure("request.erc20", used);
        assertLe(used, 72_000, "gas");
    }

    function test_native_request_stays_within_its_goal() external {
        vm.deal(USER, 10 * VALUE);
        vm.prank(USER);
        bridge.requestNativeTransfer{value: VALUE}(RECIPIENT, USER, "");
        vm.prank(USER);
        bridge.requestNativeTransfer{value: VALUE}(RECIPIENT, USER, "");
        uint256 used = vm.lastCallGas().gasTotalUsed;
        emit Figure("request.native", used);
        assertLe(used, 48_500, "gas");
    }

    /// @dev One request is handled before, as a lane that has never paid is an exception.
    function _handleGas(uint256 count) private returns (uint256 used) {
        _prepare(count + 1);
        _handleUntil(1);
        ValueTransfer[] memory transfers = _slice(1, count + 1);
        bytes[] memory signatures = _approved(count + 1);
        _submit(1, transfers, new bytes32[](0), signatures);
        used = vm.lastCallGas().gasTotalUsed;
        emit Figure(string.concat("signatures.", vm.toString(count), ", each"), used / count);
    }

    function _prepare(uint256 count) private {
        _seedToken(1000 * VALUE);
        for (uint256 i = 0; i < count; ++i) {
            address recipient = address(uint160(uint256(keccak256(abi.encode("recipient", i)))));
            token.mint(recipient, 1);
            _far(Kinds.ERC20, FAR_TOKEN, recipient, VALUE);
        }
    }
}
