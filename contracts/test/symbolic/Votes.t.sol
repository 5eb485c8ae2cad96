// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Checkpoint, ValueTransfer} from "../../src/interfaces/BridgeTypes.sol";
import {OpenBridge} from "./OpenBridge.sol";
import {Symbolic} from "./Symbolic.sol";

/// @title The threshold cannot be bypassed by votes either, nor by votes and signatures together
/// @dev Three operators that replaced others, a threshold of two. Votes are cast for anything, by anybody, before and after
/// the change of operators. Whenever `handle` passes then, two different operators of now have signed its very checkpoint,
/// by a vote or by a signature.
contract VotesProof is Symbolic {
    uint256 private constant MEMBERS = 3;
    uint8 private constant THRESHOLD = 2;
    uint64 private constant SOMEWHERE = 7;

    OpenBridge private _bridge;
    bytes32 private _root;
    bytes32 private _lane;
    ValueTransfer[] private _transfers;
    /// @dev What votes were cast for, and by which signatures.
    bytes32[] private _digests;
    bytes[] private _signatures;

    function check_a_vote_and_a_signature_are_of_two_operators() external {
        _prepare();
        _vote(_handled());
        _handle(1);
    }

    function check_votes_alone_are_of_two_operators() external {
        _prepare();
        _vote(_handled());
        _vote(_handled());
        _handle(0);
    }

    /// @dev One vote for anything at all: another lane, nonce, epoch or root, or the same.
    function check_votes_for_anything_else_do_not_count(Checkpoint memory other) external {
        _prepare();
        _vote(other);
        _vote(_handled());
        _handle(0);
    }

    /// @dev One vote by somebody who was an operator then, for what would have been handled then, and one by anybody now.
    function check_votes_of_former_operators_do_not_count() external {
        _prepareWith(_accounts(0xF0, MEMBERS));
        _vote(_handled());
        _bridge.replaceOperators(_accounts(0xA0, MEMBERS), THRESHOLD);
        _vote(_handled());
        assert(!_submit(_bridge, _call(new bytes[](0))));
    }

    function _prepare() private {
        _prepareWith(_accounts(0xF0, MEMBERS));
        _bridge.replaceOperators(_accounts(0xA0, MEMBERS), THRESHOLD);
    }

    function _prepareWith(address[] memory members) private {
        _bridge = _bridgeOf(members, THRESHOLD);
        _root = svm.createBytes32("root");
        _lane = svm.createBytes32("lane");
        _bridge.place(SOMEWHERE, _root, _lane);
        _transfers.push(_anyTransfers(1)[0]);
    }

    /// @dev What a relay would have signed: the lane, the operators of now, and the root behind the request.
    function _handled() private view returns (Checkpoint memory) {
        bytes32 root = keccak256(abi.encodePacked(_root, _leafOf(SOMEWHERE, _transfers[0])));
        return Checkpoint({bridgeId: _lane, epoch: _bridge.operatorEpoch(), nonce: SOMEWHERE + 1, root: root});
    }

    /// @dev Refused or not.
    function _vote(Checkpoint memory checkpoint) private {
        bytes memory signature = svm.createBytes(65, "vote");
        (bool accepted,) = address(_bridge).call(abi.encodeCall(_bridge.vote, (checkpoint, signature)));
        accepted;
        _digests.push(_digestOf(_bridge, checkpoint));
        _signatures.push(signature);
    }

    function _call(bytes[] memory signatures) private view returns (bytes memory) {
        return abi.encodeCall(_bridge.handle, (SOMEWHERE, _transfers, new bytes32[](0), signatures));
    }

    /// @dev Whenever it passes, enough operators have signed.
    function _handle(uint256 size) private {
        bytes32 digest = _digestOf(_bridge, _handled());
        bytes[] memory signatures = _anySignatures(size, 65);
        vm.assume(_submit(_bridge, _call(signatures)));

        address[] memory members = _accounts(0xA0, MEMBERS);
        uint256 count = 0;
        for (uint256 m = 0; m < MEMBERS; ++m) {
            uint256 signed = 0;
            for (uint256 i = 0; i < size; ++i) {
                signed |= _equal(_signer(digest, signatures[i]), members[m]);
            }
            for (uint256 i = 0; i < _digests.length; ++i) {
                if (_digests[i] == digest) signed |= _equal(_signer(digest, _signatures[i]), members[m]);
            }
            count += signed;
        }
        assert(count >= THRESHOLD);
    }
}
