// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ValueTransfer} from "../../src/interfaces/BridgeTypes.sol";
import {OpenBridge} from "./OpenBridge.sol";
import {Symbolic} from "./Symbolic.sol";

/// @title A nonce is handled once, and every way to cut a range ends at the same place
/// @dev From any place of the lane, so one step stands for any number of them.
contract HandlingProof is Symbolic {
    uint256 private constant MOST = 3;
    /// A place in the lane like any other.
    uint64 private constant SOMEWHERE = 7;

    /// @dev `handle` with one to three transfers, of which any number was handled before, all of them included: what was
    /// handled stays untouched, and the rest is handled exactly once.
    function check_handled_nonces_are_not_handled_again(
        uint64 first,
        bytes32 root,
        uint64 probe,
        uint256 size,
        uint256 skipped
    ) external {
        _assumeReachable(first);
        ValueTransfer[] memory transfers = _anyTransfers(_pick(size, 1, MOST));
        uint64 before = first + uint64(_pick(skipped, 0, MOST));
        OpenBridge bridge = _placed(before, root);
        bytes32[] memory tail = new bytes32[](1);
        tail[0] = svm.createBytes32("tail");

        vm.prank(SUBMITTER, SUBMITTER);
        bridge.handle(first, transfers, tail, _anySignatures(1, 65));

        uint64 end = bridge.handleNonce();
        assert(end > before);
        assert(end == first + transfers.length);
        // None but those between the two, and as many: each of them once.
        assert(!bridge.isMarked(probe) || (probe >= before && probe < end));
        assert(bridge.heldCount() == end - before);
    }

    /// @dev Nothing is handled behind a gap, and nothing of which all was handled.
    function check_gaps_and_duplicates_revert(uint64 first, uint64 before, bytes32 root, uint256 size) external {
        _assumeReachable(first);
        ValueTransfer[] memory transfers = _anyTransfers(_pick(size, 1, MOST));
        vm.assume(first > before || before - first >= transfers.length);
        OpenBridge bridge = _placed(before, root);
        bytes32[] memory tail = new bytes32[](0);
        assert(!_submit(bridge, abi.encodeCall(bridge.handle, (first, transfers, tail, _anySignatures(1, 65)))));
    }

    /// @dev One checkpoint over three requests. Handled at once it is approved; then it must be approved in any pieces, with
    /// any overlap, each followed by the leaves of the rest, and end at the same root.
    function check_every_split_of_a_range_ends_at_the_same_root(
        bytes32 root,
        bytes32 lane,
        uint256[3] memory starts,
        uint256[3] memory ends
    ) external {
        OpenBridge bridge = _placed(SOMEWHERE, root);
        bridge.place(SOMEWHERE, root, lane);
        ValueTransfer[] memory transfers = _anyTransfers(MOST);
        bytes[] memory signatures = _anySignatures(1, 65);
        bytes32[] memory none = new bytes32[](0);
        vm.assume(_submit(bridge, abi.encodeCall(bridge.handle, (SOMEWHERE, transfers, none, signatures))));
        bytes32 rootAtOnce = bridge.handleRoot();

        bridge.place(SOMEWHERE, root, lane);
        uint256 done = 0;
        for (uint256 i = 0; i < MOST && done < MOST; ++i) {
            uint256 end = _pick(ends[i], done + 1, MOST);
            uint256 start = _pick(starts[i], 0, done);
            bytes memory call = _piece(bridge, transfers, start, end, signatures);
            assert(_submit(bridge, call));
            done = end;
        }
        assert(done == MOST);
        assert(bridge.handleNonce() == SOMEWHERE + MOST);
        assert(bridge.handleRoot() == rootAtOnce);
    }

    /// @dev Nonces count transactions of a chain and stay far from the end of their type, which `handle` relies on.
    function _assumeReachable(uint64 nonce) private pure {
        vm.assume(nonce < 1 << 63);
    }

    /// @dev A known number between the bounds for each value of `choice`: one path for each of them.
    function _pick(uint256 choice, uint256 least, uint256 most) private pure returns (uint256) {
        for (uint256 i = least; i < most; ++i) {
            if (choice == i) return i;
        }
        return most;
    }

    /// @dev `handle` of a part of the requests, with the leaves of those behind it.
    function _piece(
        OpenBridge bridge,
        ValueTransfer[] memory all,
        uint256 start,
        uint256 end,
        bytes[] memory signatures
    ) private pure returns (bytes memory) {
        ValueTransfer[] memory part = _slice(all, start, end);
        return abi.encodeCall(bridge.handle, (uint64(SOMEWHERE + start), part, _leaves(all, end), signatures));
    }

    function _slice(ValueTransfer[] memory all, uint256 start, uint256 end)
        private
        pure
        returns (ValueTransfer[] memory part)
    {
        part = new ValueTransfer[](end - start);
        for (uint256 i = start; i < end; ++i) {
            part[i - start] = all[i];
        }
    }

    function _leaves(ValueTransfer[] memory all, uint256 start) private pure returns (bytes32[] memory tail) {
        tail = new bytes32[](all.length - start);
        for (uint256 i = start; i < all.length; ++i) {
            tail[i - start] = _leafOf(uint64(SOMEWHERE + i), all[i]);
        }
    }
}
