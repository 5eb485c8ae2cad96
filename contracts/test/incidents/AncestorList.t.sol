// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Checkpoint, PairLimits} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeConfiguration} from "../../src/interfaces/IBridgeConfiguration.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {IBridgeEvents} from "../../src/interfaces/IBridgeEvents.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {BridgeNFT} from "../../src/tokens/BridgeNFT.sol";
import {BridgeToken} from "../../src/tokens/BridgeToken.sol";
import {GovernanceTest} from "../GovernanceTest.sol";
import {TestToken} from "../contracts/TestToken.sol";

/// @title What the ancestor tests of its bridges between several operators, by our own tests
/// @dev Two of four have to sign, and later one or three: a development bridge, where configurations do not wait either.
contract AncestorListTest is GovernanceTest {
    function setUp() public override {
        vm.chainId(CHAIN);
        bridge = _newBridge(_members(OPERATOR_KEY), 2, _members(GOVERNOR_KEY), THRESHOLD, 0, true);
        inboundId = keccak256(abi.encode(COUNTERPART_CHAIN, COUNTERPART, CHAIN, address(bridge), SALT));
        token = new TestToken("Token", "TOK", 18);
        minted = new BridgeToken("Minted", "MIN", 6, address(bridge));
        mintedNFT = new BridgeNFT("Minted", "MNFT", address(bridge));
        bytes[] memory calls = new bytes[](4);
        calls[0] = _wireCall();
        calls[1] = _pairCall(Kinds.ERC20, false, address(token), FAR_NATIVE_FOR_TOKEN);
        calls[2] = _pairCall(Kinds.ERC20, true, address(minted), FAR_MINTED);
        calls[3] = _pairCall(Kinds.ERC721, true, address(mintedNFT), FAR_MINTED_NFT);
        _propose(calls);
        for (uint256 i = 0; i < 3; ++i) {
            _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 10);
        }
    }

    // ---- votes and payouts ----

    function test_list_two_votes_pay_once() external {
        Checkpoint memory checkpoint = _checkpoint(1);
        _voteAll(checkpoint, 3);
        _pay(0, 1);
        assertEq(minted.balanceOf(RECIPIENT), 10, "paid");
        _expectHandled(1);
        _pay(0, 1);
        assertEq(minted.balanceOf(RECIPIENT), 10, "once");
    }

    function test_list_one_vote_pays_nothing() external {
        _vote(_checkpoint(1), 0);
        _expectFewer(1, 2);
        _pay(0, 1);
        assertEq(minted.totalSupply(), 0, "nothing");
    }

    function test_list_a_third_vote_reverts_once_two_have_paid() external {
        Checkpoint memory checkpoint = _checkpoint(1);
        _voteAll(checkpoint, 3);
        _pay(0, 1);
        bytes memory signature = _sign(OPERATOR_KEY + 2, _digestFor(checkpoint));
        _expectHandled(1);
        bridge.vote(checkpoint, signature);
    }

    function test_list_an_erc20_and_an_erc721_by_vote() external {
        _far(Kinds.ERC721, FAR_MINTED_NFT, RECIPIENT, 7, _payload721("ipfs://seven", ""));
        _voteAll(_checkpoint(4), 12);
        _pay(0, 4);
        assertEq(minted.balanceOf(RECIPIENT), 30, "ERC-20");
        assertEq(mintedNFT.ownerOf(7), RECIPIENT, "ERC-721");
        assertEq(keccak256(bytes(mintedNFT.tokenURI(7))), keccak256("ipfs://seven"), "URI");
    }

    function test_list_an_outsider_reverts_at_threshold_one_and_two() external {
        for (uint8 threshold = 2; threshold > 0; --threshold) {
            _setThreshold(threshold);
            Checkpoint memory checkpoint = _checkpoint(1);
            bytes memory signature = _sign(OUTSIDER_KEY, _digestFor(checkpoint));
            vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotOperator.selector, vm.addr(OUTSIDER_KEY)));
            bridge.vote(checkpoint, signature);
            bytes[] memory signatures = new bytes[](1);
            signatures[0] = signature;
            _expectFewer(0, threshold);
            _submit(0, _slice(0, 1), new bytes32[](0), signatures);
        }
    }

    function test_list_a_vote_for_another_nonce_does_not_count() external {
        _vote(_checkpoint(1), 0);
        _vote(_checkpoint(2), 1);
        _expectFewer(1, 2);
        _pay(0, 1);
        _expectFewer(1, 2);
        _pay(0, 2);
    }

    function test_list_a_vote_after_the_close_reverts() external {
        Checkpoint memory early = _checkpoint(1);
        _voteAll(_checkpoint(3), 3);
        _pay(0, 3);
        bytes memory signature = _sign(OPERATOR_KEY, _digestFor(early));
        _expectHandled(3);
        bridge.vote(early, signature);
    }

    function test_list_a_replay_by_the_same_or_another_operator_reverts() external {
        Checkpoint memory checkpoint = _checkpoint(1);
        bytes memory signature = _sign(OPERATOR_KEY, _digestFor(checkpoint));
        bridge.vote(checkpoint, signature);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeAlreadyVoted.selector, vm.addr(OPERATOR_KEY)));
        bridge.vote(checkpoint, signature);
        // Whoever sends it, it is the first one's.
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeAlreadyVoted.selector, vm.addr(OPERATOR_KEY)));
        vm.prank(vm.addr(OPERATOR_KEY + 1));
        bridge.vote(checkpoint, signature);
        _vote(checkpoint, 1);
        _pay(0, 1);
        for (uint256 i = 0; i < 2; ++i) {
            signature = _sign(OPERATOR_KEY + i, _digestFor(checkpoint));
            _expectHandled(1);
            bridge.vote(checkpoint, signature);
        }
    }

    function test_list_a_jump_of_nonces_reverts() external {
        _voteAll(_checkpoint(3), 3);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNonceGap.selector, 2, 0));
        _pay(2, 3);
        _pay(0, 3);
    }

    function test_list_parallel_votes() external {
        // Three checkpoints at once, each by other two, in any order.
        _vote(_checkpoint(3), 0);
        _vote(_checkpoint(1), 1);
        _vote(_checkpoint(2), 2);
        _vote(_checkpoint(1), 3);
        _vote(_checkpoint(3), 2);
        _vote(_checkpoint(2), 0);
        _pay(0, 1);
        _pay(1, 2);
        _pay(2, 3);
        assertEq(minted.balanceOf(RECIPIENT), 30, "each once");
    }

    function test_list_the_threshold_falls_from_two_to_one_in_the_middle_of_a_vote() external {
        _vote(_checkpoint(1), 0);
        _setThreshold(1);
        // The open vote was for other operators: it does not become enough by itself.
        _expectFewer(0, 1);
        _pay(0, 1);
        _vote(_checkpoint(1), 0);
        _pay(0, 1);
        assertEq(minted.balanceOf(RECIPIENT), 10, "paid");
    }

    function test_list_the_threshold_rises_from_two_to_three_in_the_middle_of_a_vote() external {
        _voteAll(_checkpoint(1), 3);
        _setThreshold(3);
        _expectFewer(0, 3);
        _pay(0, 1);
        _voteAll(_checkpoint(1), 3);
        _expectFewer(2, 3);
        _pay(0, 1);
        _vote(_checkpoint(1), 2);
        _pay(0, 1);
        assertEq(minted.balanceOf(RECIPIENT), 10, "paid");
    }

    function test_list_the_same_operator_again_in_the_middle_of_a_vote_counts_once() external {
        _vote(_checkpoint(1), 0);
        _setThreshold(2);
        Checkpoint memory checkpoint = _checkpoint(1);
        _vote(checkpoint, 0);
        bytes memory signature = _sign(OPERATOR_KEY, _digestFor(checkpoint));
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeAlreadyVoted.selector, vm.addr(OPERATOR_KEY)));
        bridge.vote(checkpoint, signature);
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = signature;
        _expectFewer(1, 2);
        _submit(0, _slice(0, 1), new bytes32[](0), signatures);
    }

    function test_list_nonces_and_blocks_in_order() external {
        for (uint256 i = 1; i <= 3; ++i) {
            _voteAll(_checkpoint(uint64(i)), 3);
            _pay(i - 1, i);
            assertEq(bridge.laneState().handleNonce, i, "nonce");
            assertEq(bridge.laneState().recoveryBlockNumber, requests[i - 1].sourceBlock, "block");
        }
    }

    function test_list_nonces_and_blocks_out_of_order() external {
        // Votes come backwards, payments come in order all the same.
        for (uint64 i = 3; i > 0; --i) {
            _voteAll(_checkpoint(i), 3);
        }
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNonceGap.selector, 2, 0));
        _pay(2, 3);
        _pay(0, 2);
        assertEq(bridge.laneState().recoveryBlockNumber, requests[1].sourceBlock, "block");
        _pay(0, 3);
        assertEq(bridge.laneState().recoveryBlockNumber, requests[2].sourceBlock, "block");
        assertEq(minted.balanceOf(RECIPIENT), 30, "each once");
    }

    // ---- configuration ----

    function test_list_operators_are_registered_and_deregistered() external {
        address newcomer = vm.addr(OUTSIDER_KEY);
        assertTrue(!bridge.isOperator(newcomer), "not yet");
        address[] memory members = _members(OPERATOR_KEY);
        address former = members[3];
        members[3] = newcomer;
        bytes[] memory calls = _one(abi.encodeCall(IBridgeConfiguration.setOperators, (members, 2)));
        uint64 nonce = bridge.state().configurationNonce;
        uint64 deadline = _deadline();
        bytes[] memory signatures = _governed(nonce, deadline, calls);
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.OperatorsChanged(2, members, 2);
        bridge.configure(nonce, deadline, calls, signatures);
        assertTrue(bridge.isOperator(newcomer) && !bridge.isOperator(former), "changed");
        Checkpoint memory checkpoint = _checkpoint(1);
        bytes memory formerVote = _sign(OPERATOR_KEY + 3, _digestFor(checkpoint));
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotOperator.selector, former));
        bridge.vote(checkpoint, formerVote);
        bridge.vote(checkpoint, _sign(OUTSIDER_KEY, _digestFor(checkpoint)));
        _vote(checkpoint, 0);
        _pay(0, 1);
        assertEq(minted.balanceOf(RECIPIENT), 10, "paid");
    }

    function test_list_requests_are_stopped_and_started() external {
        _giveToken(20);
        _proposeCall(abi.encodeCall(IBridgeConfiguration.setRequestsStopped, (true)));
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeRequestsStopped.selector));
        _requestToken(10);
        _proposeCall(abi.encodeCall(IBridgeConfiguration.setRequestsStopped, (false)));
        _requestToken(10);
        _pause();
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgePaused.selector, 0));
        _requestToken(10);
        _proposeCall(abi.encodeCall(IBridgeConfiguration.unpause, ()));
        _requestToken(10);
    }

    function test_list_the_counterpart_is_named_once() external {
        assertEq(bridge.state().wiring.counterpart, COUNTERPART, "named");
        bytes[] memory calls = _one(_wireCall());
        uint64 nonce = bridge.state().configurationNonce;
        uint64 deadline = _deadline();
        bytes[] memory signatures = _governed(nonce, deadline, calls);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeAlreadyWired.selector));
        bridge.configure(nonce, deadline, calls, signatures);
    }

    function test_list_tokens_are_registered_and_deregistered() external {
        TestToken other = new TestToken("Other", "OTH", 18);
        bytes[] memory calls = new bytes[](3);
        calls[0] = _pairCall(Kinds.ERC20, false, address(other), FAR_UNKNOWN);
        calls[1] = abi.encodeCall(IBridgeConfiguration.setPairLocked, (address(other), true));
        calls[2] = abi.encodeCall(IBridgeConfiguration.deregisterPair, (address(other), 0, 0));
        _proposeCall(calls[0]);
        assertEq(bridge.pairOf(address(other)).configuration.counterpartToken, FAR_UNKNOWN, "registered");
        _proposeCall(calls[1]);
        _proposeCall(calls[2]);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgePairUnknown.selector, address(other)));
        bridge.pairOf(address(other));
    }

    function test_list_fees_and_their_receiver_by_vote() external {
        PairLimits memory limits = _noLimits();
        limits.fee = 3;
        bytes[] memory calls = new bytes[](2);
        calls[0] = _limitsCall(address(token), limits);
        calls[1] = _loosening(0xFEE);
        _propose(calls);
        _giveToken(20);
        vm.prank(USER);
        bridge.requestERC20Transfer(address(token), 10, RECIPIENT, USER, 3, "");
        bridge.withdrawFees(address(token));
        assertEq(token.balanceOf(address(0xFEE)), 3, "received");
    }

    function test_list_a_configuration_number_off_by_one_reverts() external {
        bytes[] memory calls = _one(_loosening(1));
        uint64 expected = bridge.state().configurationNonce;
        uint64 deadline = _deadline();
        for (uint64 given = expected - 1; given <= expected + 1; given += 2) {
            bytes[] memory signatures = _governed(given, deadline, calls);
            vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeConfigurationNonce.selector, given, expected));
            bridge.configure(given, deadline, calls, signatures);
        }
        _propose(calls);
        assertEq(bridge.state().feeReceiver, address(1), "the right one");
    }

    // ---- steps ----

    /// @dev Handles without any signature: on votes alone.
    function _pay(uint256 first, uint256 end) private {
        _submit(uint64(first), _slice(first, end), new bytes32[](0), _unsigned());
    }

    function _setThreshold(uint8 threshold) private {
        _proposeCall(abi.encodeCall(IBridgeConfiguration.setOperators, (_members(OPERATOR_KEY), threshold)));
    }

    function _proposeCall(bytes memory call) private {
        _propose(_one(call));
    }

    function _expectFewer(uint256 signers, uint8 threshold) private {
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeBelowThreshold.selector, signers, threshold));
    }

    function _expectHandled(uint64 handleNonce) private {
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeAlreadyHandled.selector, handleNonce));
    }
}
