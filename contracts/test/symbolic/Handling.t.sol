// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Checkpoint, ValueTransfer} from "../../src/interfaces/BridgeTypes.sol";
import {OpenBridge} from "./OpenBridge.sol";
import {Symbolic} from "./Symbolic.sol";

/// @title A nonce is handled once, and every way to cut a range ends at the same place
/// @dev Four operators and a threshold of three. Three signatures suffice when they are of three operators, in any order, and
/// never else: other proofs are about that, and here any three have signed. One step stands for any number of them.
contract HandlingProof is Symbolic {
    uint256 private constant MEMBERS = 4;
    uint8 private constant THRESHOLD = 3;
    uint256 private constant NOW = 0xA0;
    uint256 private constant MOST = 3;
    /// A place in the lane like any other.
    uint64 private constant SOMEWHERE = 7;

    bytes32 private _lane;
    /// @dev Who has not signed.
    uint256 private _absent;

    /// @dev `handle` with one to three transfers, of which any number but all was handled before, under a checkpoint one
    /// request further on: what was handled stays untouched, and the rest is handled exactly once.
    function check_handled_nonces_are_not_handled_again(
        bytes32 root,
        uint64 probe,
        uint256 size,
        uint256 skipped,
        uint256 absent
    ) external {
        ValueTransfer[] memory transfers = _anyTransfers(_pick(size, 1, MOST));
        uint64 before = SOMEWHERE + uint64(_pick(skipped, 0, transfers.length - 1));
        OpenBridge bridge = _placed(before, root);
        _absent = _pick(absent, 0, MEMBERS - 1);
        bytes32[] memory tail = _anyLeaf();
        bytes32 rootAfter = _rootOver(root, _leaves(transfers, before - SOMEWHERE));
        uint64 end = uint64(SOMEWHERE + transfers.length);
        bytes[] memory signatures = _signaturesOfThree(_digest(bridge, end + 1, _rootOver(rootAfter, tail)));
        assert(_submit(bridge, abi.encodeCall(bridge.handle, (SOMEWHERE, _pack(transfers), tail, signatures))));

        assert(bridge.handleRoot() == rootAfter);
        _checkHandled(bridge, before, end, probe);
    }

    /// @dev The same at any place of the lane, where one operator is enough.
    function check_no_place_of_the_lane_is_handled_again(
        uint64 first,
        bytes32 root,
        uint64 probe,
        uint256 size,
        uint256 skipped
    ) external {
        _assumeReachable(first);
        ValueTransfer[] memory transfers = _anyTransfers(_pick(size, 1, MOST));
        uint64 before = first + uint64(_pick(skipped, 0, transfers.length - 1));
        OpenBridge bridge = _bridgeOf(_accounts(NOW, 1), 1);
        bridge.place(before, root, svm.createBytes32("lane"));
        bytes[] memory signatures = _anySignatures(1, 65);
        vm.assume(_submit(bridge, abi.encodeCall(bridge.handle, (first, _pack(transfers), _anyLeaf(), signatures))));
        _checkHandled(bridge, before, first + uint64(transfers.length), probe);
    }

    /// @dev Nothing is handled behind a gap, and nothing of which all was handled, whoever has signed.
    function check_gaps_and_duplicates_revert(uint64 first, uint64 before, bytes32 root, uint256 size) external {
        _assumeReachable(first);
        ValueTransfer[] memory transfers = _anyTransfers(_pick(size, 1, MOST));
        vm.assume(first > before || before - first >= transfers.length);
        OpenBridge bridge = _placed(before, root);
        bytes32[] memory tail = new bytes32[](0);
        bytes[] memory signatures = _anySignatures(THRESHOLD, 65);
        assert(!_submit(bridge, abi.encodeCall(bridge.handle, (first, _pack(transfers), tail, signatures))));
    }

    /// @dev One checkpoint over three requests. Handled at once it is approved; then it must be approved in any pieces, with
    /// any overlap, each followed by the leaves of the rest, and end at the same root.
    function check_every_split_of_a_range_ends_at_the_same_root(
        bytes32 root,
        uint256[3] memory starts,
        uint256[3] memory ends,
        uint256 absent
    ) external {
        _absent = _pick(absent, 0, MEMBERS - 1);
        OpenBridge bridge = _placed(SOMEWHERE, root);
        ValueTransfer[] memory transfers = _anyTransfers(MOST);
        // To a root a token is a word like others. Which of them are the same would only be a path for each case.
        transfers[1].token = transfers[2].token = transfers[0].token;
        bytes32 rootAfter = _rootOver(root, _leaves(transfers, 0));
        bytes[] memory signatures = _signaturesOfThree(_digest(bridge, uint64(SOMEWHERE + MOST), rootAfter));
        bytes32[] memory none = new bytes32[](0);
        assert(_submit(bridge, abi.encodeCall(bridge.handle, (SOMEWHERE, _pack(transfers), none, signatures))));
        assert(bridge.handleRoot() == rootAfter);

        bridge.place(SOMEWHERE, root, _lane);
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
        assert(bridge.handleRoot() == rootAfter);
    }

    /// @dev A bridge at any place of its lane.
    function _placed(uint64 nonce, bytes32 root) private returns (OpenBridge bridge) {
        bridge = _bridgeOf(_accounts(NOW, MEMBERS), THRESHOLD);
        _lane = svm.createBytes32("lane");
        bridge.place(nonce, root, _lane);
    }

    /// @dev None but those between the two are handled, and as many: each of them once.
    function _checkHandled(OpenBridge bridge, uint64 before, uint64 end, uint64 probe) private view {
        assert(end > before);
        assert(bridge.handleNonce() == end);
        assert(!bridge.isMarked(probe) || (probe >= before && probe < end));
        assert(bridge.heldCount() == end - before);
    }

    function _anyLeaf() private returns (bytes32[] memory tail) {
        tail = new bytes32[](1);
        tail[0] = svm.createBytes32("tail");
    }

    function _signaturesOfThree(bytes32 digest) private returns (bytes[] memory list) {
        list = _signaturesOfSomebody(digest, THRESHOLD);
        for (uint256 i = 0; i < THRESHOLD; ++i) {
            vm.assume(_signer(digest, list[i]) == address(uint160(NOW + (i < _absent ? i : i + 1))));
        }
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
        bytes32[] memory tail = _leaves(all, end);
        return abi.encodeCall(bridge.handle, (uint64(SOMEWHERE + start), _pack(part), tail, signatures));
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

    function _leaves(ValueTransfer[] memory all, uint256 start) private pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](all.length - start);
        for (uint256 i = start; i < all.length; ++i) {
            leaves[i - start] = _leafOf(uint64(SOMEWHERE + i), all[i]);
        }
    }

    function _rootOver(bytes32 root, bytes32[] memory leaves) private pure returns (bytes32) {
        for (uint256 i = 0; i < leaves.length; ++i) {
            root = keccak256(abi.encodePacked(root, leaves[i]));
        }
        return root;
    }

    /// @dev What operators sign for the first `nonce` requests of the lane.
    function _digest(OpenBridge bridge, uint64 nonce, bytes32 root) private view returns (bytes32) {
        return _digestOf(bridge, Checkpoint({bridgeId: _lane, epoch: bridge.operatorEpoch(), nonce: nonce, root: root}));
    }
}
