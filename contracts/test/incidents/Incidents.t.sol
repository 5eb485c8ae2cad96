// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Checkpoint, HoldReason, PairConfiguration, ValueTransfer} from "../../src/interfaces/BridgeTypes.sol";
import {IBridge} from "../../src/interfaces/IBridge.sol";
import {IBridgeConfiguration} from "../../src/interfaces/IBridgeConfiguration.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {GovernanceTest} from "../GovernanceTest.sol";
import {IConstruction} from "../IConstruction.sol";

/*
Every incident that a contract can have had a part in, and every fault of the ancestor that a contract can have, is one
named test. The files: Incidents, Authority, Keys and Code (what was lost), Operations and Returns (what operators suffer
elsewhere), Ancestor and Locked (its faults), AncestorList (its test list), HostileTokens.

What was lost elsewhere:
    Ronin 2022                     test_ronin_2022_…        The alarm on a payout without a deposit is the relay's.
    Ronin 2024                     test_ronin_2024_…
    Wormhole 2022, Nomad 2022      test_wormhole_2022_…, test_nomad_2022_…
    Qubit 2022                     test_qubit_2022_…
    Poly 2021                      test_poly_2021_…
    Harmony 2022, Orbit 2023       test_harmony_2022_…, test_orbit_2023_…   Signers and the automatic pause are the relay's.
    Multichain, ALEX, IoTeX        test_multichain_2023_…, test_alex_2024_…, test_iotex_2026_…
    CrossCurve 2026                test_crosscurve_2026_…
    Kelp/LayerZero 2026            None: what an endpoint of a chain answers is not seen by any contract. The relay asks k of n.

What operators suffer elsewhere (Operations, Returns): chainbridge#562, chainbridge-core#135, tokenbridge#266, hermes#3503,
tokenbridge-contracts#502 and #585, klaytn PR#1565, hyperlane#784, hyperlane#4602. The others are about the life of a
process (accounts, nonces, memory, start, cursors, endpoints, health, keys) and have no counterpart in a contract.

Faults of the ancestor (Ancestor, Locked): 1, 2, 3, 4, 5, 6, 8 (the part that is the contract's), 11. Left out: 7 (recovery by
one call per event), 9 (subscriptions), 10 (passwords, gas limit of a sender): they are the relay's.

The ancestor's test list (AncestorList): all that is about several bridges. Recovery and its ticker are the relay's.
*/

/// @title What was lost elsewhere to forged or empty proofs and deposits
contract IncidentsTest is GovernanceTest {
    // ---- Ronin 2022: five of nine keys ----

    function test_ronin_2022_four_stolen_keys_of_nine_pay_nothing() external {
        address[] memory members = new address[](9);
        for (uint256 i = 0; i < 9; ++i) {
            members[i] = vm.addr(OPERATOR_KEY + i);
        }
        _configureExpecting(
            abi.encodeCall(IBridgeConfiguration.setOperators, (members, 4)),
            abi.encodeWithSelector(IBridgeErrors.BridgeInvalidThreshold.selector, 4, 9)
        );
        _configure(abi.encodeCall(IBridgeConfiguration.setOperators, (members, 5)));
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 1_000_000);
        bytes32 digest = _checkpointDigest(bridge.laneState().operatorEpoch, 1, _root(1));
        bytes[] memory stolen = _signatures(OPERATOR_KEY, 4, digest);
        bytes memory below = abi.encodeWithSelector(IBridgeErrors.BridgeBelowThreshold.selector, 4, 5);
        vm.expectRevert(below);
        _submit(0, _slice(0, 1), new bytes32[](0), stolen);
        // Nor do their votes on chain help, alone or with the same signatures.
        Checkpoint memory checkpoint = _checkpoint(1);
        for (uint256 i = 0; i < 4; ++i) {
            bridge.vote(checkpoint, stolen[i]);
        }
        vm.expectRevert(below);
        _submit(0, _slice(0, 1), new bytes32[](0), _unsigned());
        vm.expectRevert(below);
        _submit(0, _slice(0, 1), new bytes32[](0), stolen);
        // Any one of the honest five stops the bridge by itself.
        for (uint64 i = 4; i < 9; ++i) {
            bridge.pause(i - 4, _sign(OPERATOR_KEY + i, _pauseDigest(i - 4)));
            assertTrue(bridge.state().paused, "paused");
            _configure(abi.encodeCall(IBridgeConfiguration.unpause, ()));
        }
    }

    function test_ronin_2022_half_of_an_even_number_of_keys_pays_nothing() external {
        address[] memory members = new address[](8);
        for (uint256 i = 0; i < 8; ++i) {
            members[i] = vm.addr(OPERATOR_KEY + i);
        }
        _configureExpecting(
            abi.encodeCall(IBridgeConfiguration.setOperators, (members, 4)),
            abi.encodeWithSelector(IBridgeErrors.BridgeInvalidThreshold.selector, 4, 8)
        );
        _configure(abi.encodeCall(IBridgeConfiguration.setOperators, (members, 5)));
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 1_000_000);
        bytes32 digest = _checkpointDigest(bridge.laneState().operatorEpoch, 1, _root(1));
        bytes[] memory half = _signatures(OPERATOR_KEY, 4, digest);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeBelowThreshold.selector, 4, 5));
        _submit(0, _slice(0, 1), new bytes32[](0), half);
    }

    // ---- Ronin 2024: a vote weight of 0 ----

    function test_ronin_2024_no_threshold_is_ever_zero_or_half_or_less() external {
        uint8[4] memory refused = [0, 1, 2, 5];
        address[] memory members = _members(OPERATOR_KEY);
        for (uint256 i = 0; i < refused.length; ++i) {
            bytes memory reason =
                abi.encodeWithSelector(IBridgeErrors.BridgeInvalidThreshold.selector, refused[i], MEMBERS);
            vm.expectRevert(reason);
            this.make(members, refused[i], members, 3);
            vm.expectRevert(reason);
            this.make(members, 3, members, refused[i]);
            // Nor is it voted later.
            _configureExpecting(abi.encodeCall(IBridgeConfiguration.setOperators, (members, refused[i])), reason);
            _configureExpecting(abi.encodeCall(IBridgeConfiguration.setGovernors, (members, refused[i])), reason);
        }
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeInvalidThreshold.selector, 0, 0));
        this.make(new address[](0), 0, members, 3);
    }

    function test_ronin_2024_code_that_was_never_initialised_approves_nothing() external {
        // The code of the seldom functions, alone: nobody is a member and the threshold is 0.
        IBridge bare = IBridge(payable(bridge.parts().governance));
        bytes[] memory calls = _one(_wireCall());
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeBelowThreshold.selector, 0, 0));
        bare.configure(0, type(uint64).max, calls, _unsigned());
        // Signatures that recover to nobody do not turn nobody into a member.
        bytes[] memory malformed = new bytes[](2);
        (malformed[0], malformed[1]) = (new bytes(65), new bytes(1));
        vm.expectPartialRevert(IBridgeErrors.BridgeBelowThreshold.selector);
        bare.configure(0, type(uint64).max, calls, malformed);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotWired.selector));
        bare.pause(0, new bytes(65));
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeOnlyConfiguration.selector, address(this)));
        bare.setOperators(_members(OUTSIDER_KEY), THRESHOLD);
    }

    function test_ronin_2024_nothing_is_initialised_twice() external {
        bytes memory call = abi.encodeCall(IConstruction.construct, (_construction(_members(OUTSIDER_KEY), THRESHOLD)));
        address[2] memory targets = [address(bridge), bridge.parts().governance];
        for (uint256 i = 0; i < 2; ++i) {
            (bool success, bytes memory result) = targets[i].call(call);
            assertTrue(!success, "refused");
            bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgeOnlySelf.selector, address(this));
            assertEq(keccak256(result), keccak256(reason), "reason");
        }
        _configureExpecting(_wireCall(), abi.encodeWithSelector(IBridgeErrors.BridgeAlreadyWired.selector));
    }

    // ---- Wormhole 2022: a spoofed verifier ----

    function test_wormhole_2022_no_verifier_from_the_caller() external {
        // A contract that confirms whatever it is asked, named in every way a signature could name it.
        address verifier = address(new ConfirmsEverything());
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 1_000_000);
        bytes[] memory spoofed = new bytes[](4);
        spoofed[0] = abi.encodePacked(verifier);
        spoofed[1] = abi.encode(verifier, bytes("signed"));
        spoofed[2] = abi.encodePacked(bytes32(uint256(uint160(verifier))), bytes32(uint256(65)), uint8(0));
        spoofed[3] = abi.encodePacked(bytes32(uint256(uint160(verifier))), bytes32(uint256(65)));
        vm.expectCall(verifier, "", 0);
        _expectBelowThreshold(0);
        _submit(0, _slice(0, 1), new bytes32[](0), spoofed);
        _expectBelowThreshold(0);
        bridge.forceHold(0, requests[0], spoofed);
        uint64 nonce = bridge.state().configurationNonce;
        _expectBelowThreshold(0);
        bridge.configure(nonce, type(uint64).max, _one(_loosening(1)), spoofed);
        Checkpoint memory checkpoint = _checkpoint(1);
        for (uint256 i = 0; i < spoofed.length; ++i) {
            vm.expectPartialRevert(IBridgeErrors.BridgeNotOperator.selector);
            bridge.vote(checkpoint, spoofed[i]);
            vm.expectPartialRevert(IBridgeErrors.BridgeNotOperator.selector);
            bridge.pause(0, spoofed[i]);
        }
    }

    function test_wormhole_2022_not_even_an_operator_with_code_is_asked() external {
        address[] memory members = _members(OPERATOR_KEY);
        for (uint256 i = 0; i < MEMBERS; ++i) {
            members[i] = address(new ConfirmsEverything());
        }
        _configure(abi.encodeCall(IBridgeConfiguration.setOperators, (members, THRESHOLD)));
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 1_000_000);
        bytes[] memory spoofed = new bytes[](4);
        for (uint256 i = 0; i < MEMBERS; ++i) {
            spoofed[i] = abi.encodePacked(bytes32(uint256(uint160(members[i]))), bytes32(uint256(65)), uint8(0));
            vm.expectCall(members[i], "", 0);
        }
        _expectBelowThreshold(0);
        _submit(0, _slice(0, 1), new bytes32[](0), spoofed);
    }

    // ---- Nomad 2022: a default value that is trusted ----

    function test_nomad_2022_a_bridge_that_is_not_wired_trusts_no_zero_root() external {
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 1_000_000);
        ValueTransfer[] memory transfers = _slice(0, 1);
        _freshBridge();
        assertEq(bridge.laneState().handleRoot, 0, "the root is zero");
        bytes[] memory signatures =
            _signatures(OPERATOR_KEY, THRESHOLD, _digest(keccak256(abi.encode(bytes32(0), bytes32(0)))));
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotWired.selector));
        _submit(0, transfers, new bytes32[](0), signatures);
    }

    function test_nomad_2022_what_nobody_signed_is_not_paid() external {
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 1_000_000);
        _expectBelowThreshold(0);
        _submit(0, _slice(0, 1), new bytes32[](0), _unsigned());
        // Nor under a checkpoint of nothing that all have signed.
        bytes[] memory signatures = _signatures(OPERATOR_KEY, THRESHOLD, _checkpointDigest(1, 0, 0));
        _expectBelowThreshold(0);
        _submit(0, _slice(0, 1), new bytes32[](0), signatures);
        signatures = _signatures(OPERATOR_KEY, THRESHOLD, _checkpointDigest(1, 1, 0));
        _expectBelowThreshold(0);
        _submit(0, _slice(0, 1), new bytes32[](0), signatures);
    }

    function test_nomad_2022_no_first_root_is_zero() external view {
        assertTrue(bridge.laneState().handleRoot != 0 && bridge.laneState().requestRoot != 0, "roots");
        assertTrue(bridge.laneState().handleRoot != bridge.laneState().requestRoot, "and they differ by lane");
    }

    // ---- Qubit 2022: a deposit of nothing ----

    function test_qubit_2022_the_address_zero_is_no_token() external {
        _seedNative(100);
        vm.expectRevert(
            abi.encodeWithSelector(IBridgeErrors.BridgeKindMismatch.selector, address(0), Kinds.NATIVE, Kinds.ERC20)
        );
        vm.prank(USER);
        bridge.requestERC20Transfer(address(0), 100, RECIPIENT, USER, 0, "");
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNativeValueMismatch.selector, 0, 100));
        vm.prank(USER);
        bridge.requestNativeTransfer(100, RECIPIENT, USER, "");
        assertEq(bridge.laneState().requestNonce, 0, "nothing was requested");
    }

    function test_qubit_2022_an_address_without_code_is_no_token() external {
        PairConfiguration memory pair =
            PairConfiguration(Kinds.ERC20, false, 18, 0, GAS_CAP, address(0xDEAD), FAR_UNKNOWN);
        _configureExpecting(
            abi.encodeCall(IBridgeConfiguration.registerPair, (pair)),
            abi.encodeWithSelector(IBridgeErrors.BridgeTokenWithoutCode.selector, address(0xDEAD))
        );
    }

    function test_qubit_2022_a_token_whose_code_is_gone_brings_nothing_in_and_pays_nothing() external {
        _seedToken(100);
        _giveToken(100);
        vm.etch(address(token), "");
        vm.prank(USER);
        (bool success,) = address(bridge)
            .call(abi.encodeCall(bridge.requestERC20Transfer, (address(token), 100, RECIPIENT, USER, 0, "")));
        assertTrue(!success, "no request");
        assertEq(bridge.laneState().requestNonce, 0, "nothing was requested");
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 10);
        _far(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 10, "with data");
        _handleAll();
        _expectHeld(0, HoldReason.AnswerUnclear);
        _expectHeld(1, HoldReason.PayoutFailed);
        assertEq(bridge.pairOf(address(token)).escrow, 100, "escrow");
    }

    // ---- steps ----

    function make(address[] calldata operators, uint8 operatorThreshold, address[] calldata governors, uint8 threshold)
        external
        returns (IBridge)
    {
        return _newBridge(operators, operatorThreshold, governors, threshold, DELAY, false);
    }
}

/// @title Says yes to every signature, as EIP-1271 lets a contract
contract ConfirmsEverything {
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        return this.isValidSignature.selector;
    }
}
