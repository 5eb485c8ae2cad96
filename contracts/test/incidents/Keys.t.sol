// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Checkpoint, HoldReason} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeConfiguration} from "../../src/interfaces/IBridgeConfiguration.sol";
import {IBridgeHolds} from "../../src/interfaces/IBridgeHolds.sol";
import {IBridgeMigration} from "../../src/interfaces/IBridgeMigration.sol";
import {IBridgePayouts} from "../../src/interfaces/IBridgePayouts.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {IConstruction} from "../IConstruction.sol";
import {SettersTest} from "../SettersTest.sol";
import {Behaviour} from "../contracts/Hostile.sol";
import {HostileRecipient} from "../contracts/HostileRecipient.sol";

/// @title What stolen keys below the threshold can do; the table is in Incidents
contract KeysTest is SettersTest {
    /// Requests of the inbound lane: one on hold by vote, one whose recipient refuses, one that is open.
    uint64 private constant FORCED = 0;
    uint64 private constant REFUSED = 1;
    uint64 private constant OPEN = 2;

    /// The configuration that waits for its delay.
    uint64 private scheduled;
    bytes[] private scheduledCalls;

    function setUp() public override {
        super.setUp();
        _seedNative(100);
        _seedToken(100);
        HostileRecipient recipient = new HostileRecipient();
        recipient.setBehaviour(Behaviour.Reverts);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, RECIPIENT, 10);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(recipient), 10);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 10);
        _forceHold(FORCED);
        _handleUntil(OPEN);
        _expectHeld(FORCED, HoldReason.Forced);
        _expectHeld(REFUSED, HoldReason.PayoutFailed);
        scheduledCalls = _one(_loosening(0xFEE));
        scheduled = _propose(scheduledCalls);
    }

    // ---- Harmony 2022: two of five keys ----

    function test_harmony_2022_two_stolen_keys_of_four_move_nothing() external {
        _expectPowerless(_list(OPERATOR_KEY, OPERATOR_KEY + 1));
        _expectPowerless(_list(OPERATOR_KEY + 2, OPERATOR_KEY + 3));
        _expectPowerless(_list(GOVERNOR_KEY, GOVERNOR_KEY + 1));
    }

    // ---- Multichain 2023: one key ----

    function test_multichain_2023_no_one_key_moves_value_or_changes_the_configuration() external {
        _coverAll(_setterCalls(address(this)));
        _expectOnlyCoveredCanBeVoted();
        uint256[3] memory first = [OPERATOR_KEY, GOVERNOR_KEY, OUTSIDER_KEY];
        for (uint256 i = 0; i < first.length * MEMBERS; ++i) {
            _expectPowerless(_list(first[i / MEMBERS] + i % MEMBERS));
        }
        // One person may have a key of each set.
        _expectPowerless(_list(OPERATOR_KEY, GOVERNOR_KEY));
        // Neither the deployer of the bridge nor one of its parts has any right.
        _expectSettersRefused(address(this));
        address[4] memory parts = _partsOf(bridge);
        for (uint256 i = 0; i < parts.length; ++i) {
            _expectSettersRefused(parts[i]);
        }
    }

    function test_multichain_2023_one_operator_pauses_and_does_not_unpause() external {
        for (uint256 i = 0; i < MEMBERS; ++i) {
            uint256[] memory keys = _list(OPERATOR_KEY + i);
            uint256 snapshot = vm.snapshotState();
            bridge.pause(0, _sign(keys[0], _pauseDigest(0)));
            assertTrue(bridge.state().paused, "paused");
            // What governors have voted waits with everybody else.
            assertEq(bridge.state().pending[0].executableAt, type(uint64).max, "suspended");
            bytes32 paused = _everything();
            _expectNotConfigured(keys);
            assertEq(_everything(), paused, "and stays so");
            vm.revertToState(snapshot);
        }
        for (uint256 i = 0; i < MEMBERS; ++i) {
            bytes memory reason =
                abi.encodeWithSelector(IBridgeErrors.BridgeNotOperator.selector, vm.addr(GOVERNOR_KEY + i));
            bytes memory signature = _sign(GOVERNOR_KEY + i, _pauseDigest(0));
            vm.expectRevert(reason);
            bridge.pause(0, signature);
        }
    }

    // ---- steps ----

    /// @dev Tries everything that a signature or a caller can do, with each of the keys and with all of them.
    function _expectPowerless(uint256[] memory keys) private {
        uint256 snapshot = vm.snapshotState();
        bytes32 before = _everything();
        _expectNotHandled(keys);
        _expectNotDecided(keys);
        _expectNotConfigured(keys);
        for (uint256 i = 0; i < keys.length; ++i) {
            _expectNotCalled(vm.addr(keys[i]));
        }
        assertEq(_everything(), before, "nothing has changed");
        vm.revertToState(snapshot);
    }

    /// @dev The signature and the vote on chain of one operator count once.
    function _expectNotHandled(uint256[] memory keys) private {
        Checkpoint memory checkpoint = _checkpoint(OPEN + 1);
        bytes32 digest = _digestFor(checkpoint);
        (uint256 operators,) = _membersWith(keys);
        bytes memory below = _below(operators);
        bytes memory signed = _handleCall(OPEN, _slice(OPEN, OPEN + 1), new bytes32[](0), _signed(keys, digest));
        _expectRefused(vm.addr(keys[0]), signed, below);
        for (uint256 i = 0; i < keys.length; ++i) {
            bytes memory signature = _sign(keys[i], digest);
            address account = vm.addr(keys[i]);
            if (bridge.isOperator(account)) {
                bridge.vote(checkpoint, signature);
            } else {
                bytes memory notOperator = abi.encodeWithSelector(IBridgeErrors.BridgeNotOperator.selector, account);
                _expectRefused(account, abi.encodeCall(IBridgePayouts.vote, (checkpoint, signature)), notOperator);
            }
        }
        _expectRefused(vm.addr(keys[0]), signed, below);
        _expectRefused(
            vm.addr(keys[0]), _handleCall(OPEN, _slice(OPEN, OPEN + 1), new bytes32[](0), _unsigned()), below
        );
    }

    function _expectNotDecided(uint256[] memory keys) private {
        (uint256 operators,) = _membersWith(keys);
        bytes memory below = _below(operators);
        address account = vm.addr(keys[0]);
        _expectRefused(
            account,
            abi.encodeCall(
                IBridgeHolds.forceHold, (OPEN, requests[OPEN], _signed(keys, _decisionDigest(FORCE_HOLD, OPEN)))
            ),
            below
        );
        _expectRefused(
            account,
            abi.encodeCall(
                IBridgeHolds.release, (FORCED, requests[FORCED], _signed(keys, _decisionDigest(RELEASE, FORCED)))
            ),
            below
        );
        for (uint64 nonce = FORCED; nonce <= REFUSED; ++nonce) {
            bytes[] memory signatures = _signed(keys, _decisionDigest(REFUND, nonce));
            _expectRefused(account, abi.encodeCall(IBridgeHolds.refund, (nonce, requests[nonce], signatures)), below);
        }
    }

    /// @dev Votes each setter alone and all of them together; cancels, executes and swaps the configuration that waits.
    function _expectNotConfigured(uint256[] memory keys) private {
        address account = vm.addr(keys[0]);
        bytes[] memory setters = _setterCalls(account);
        for (uint256 i = 0; i < setters.length; ++i) {
            _expectNotVoted(keys, _one(setters[i]));
        }
        _expectNotVoted(keys, setters);
        (, uint256 governors) = _membersWith(keys);
        bytes32 cancellation = _cancellationDigest(bridge.state().governors.epoch, scheduled);
        _expectRefused(
            account,
            abi.encodeCall(IBridgeConfiguration.cancelConfiguration, (scheduled, _signed(keys, cancellation))),
            _below(governors)
        );
        uint64 executableAt = bridge.state().pending[0].executableAt;
        _expectRefused(
            account,
            abi.encodeCall(IBridgeConfiguration.executeConfiguration, (scheduled, scheduledCalls)),
            abi.encodeWithSelector(IBridgeErrors.BridgeConfigurationTooEarly.selector, executableAt, _now())
        );
        bytes32 callsHash = keccak256(abi.encodePacked(keccak256(setters[1])));
        _expectRefused(
            account,
            abi.encodeCall(IBridgeConfiguration.executeConfiguration, (scheduled, _one(setters[1]))),
            abi.encodeWithSelector(
                IBridgeErrors.BridgeOtherCalls.selector, callsHash, bridge.state().pending[0].callsHash
            )
        );
    }

    function _expectNotVoted(uint256[] memory keys, bytes[] memory calls) private {
        (, uint256 governors) = _membersWith(keys);
        uint64 nonce = bridge.state().configurationNonce;
        bytes32 digest = _configurationDigest(bridge.state().governors.epoch, nonce, _deadline(), calls);
        _expectRefused(
            vm.addr(keys[0]),
            abi.encodeCall(IBridgeConfiguration.configure, (nonce, _deadline(), calls, _signed(keys, digest))),
            _below(governors)
        );
    }

    /// @dev Functions that check their caller. Those of the tokens are in `test_iotex_2026_…`.
    function _expectNotCalled(address account) private {
        _expectSettersRefused(account);
        uint256[] memory none = new uint256[](0);
        _expectRefused(
            account,
            abi.encodeCall(IBridgePayouts.payWhole, (address(token), requests[OPEN])),
            abi.encodeWithSelector(IBridgeErrors.BridgeOnlySelf.selector, account)
        );
        _expectRefused(
            account,
            abi.encodeCall(IBridgeMigration.adopt, (address(minted), true, 1, none, none)),
            abi.encodeWithSelector(IBridgeErrors.BridgeNotPredecessor.selector, account)
        );
        _expectRefused(
            account,
            abi.encodeCall(IConstruction.construct, (_construction(_members(OUTSIDER_KEY), THRESHOLD))),
            abi.encodeWithSelector(IBridgeErrors.BridgeOnlySelf.selector, account)
        );
    }

    /// @dev As a transaction of the account's own.
    function _expectRefused(address account, bytes memory call, bytes memory reason) private {
        vm.prank(account, account);
        (bool success, bytes memory result) = address(bridge).call(call);
        string memory selector = vm.toString(abi.encodePacked(bytes4(call)));
        assertTrue(!success, selector);
        assertEq(keccak256(result), keccak256(reason), selector);
    }

    /// @dev Each key signs twice and in both forms, which are four signatures of one member.
    function _signed(uint256[] memory keys, bytes32 digest) private pure returns (bytes[] memory signatures) {
        signatures = new bytes[](4 * keys.length);
        for (uint256 i = 0; i < signatures.length; ++i) {
            uint256 key = keys[i % keys.length];
            signatures[i] = i < 2 * keys.length ? _sign(key, digest) : _compact(key, digest);
        }
    }

    function _compact(uint256 key, bytes32 digest) private pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, bytes32(uint256(v - 27) << 255 | uint256(s)));
    }

    function _membersWith(uint256[] memory keys) private view returns (uint256 operators, uint256 governors) {
        for (uint256 i = 0; i < keys.length; ++i) {
            if (bridge.isOperator(vm.addr(keys[i]))) ++operators;
            if (bridge.isGovernor(vm.addr(keys[i]))) ++governors;
        }
    }

    function _below(uint256 signers) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IBridgeErrors.BridgeBelowThreshold.selector, signers, THRESHOLD);
    }

    /// @dev The complete state that the bridge reports, and its balances.
    function _everything() private view returns (bytes32) {
        uint256 balance = token.balanceOf(address(bridge));
        return
            keccak256(abi.encode(bridge.state(), bridge.holds(0, type(uint64).max), address(bridge).balance, balance));
    }
}
