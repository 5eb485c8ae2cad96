// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Checkpoint, ValueTransfer} from "../../src/interfaces/BridgeTypes.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {OpenBridge} from "./OpenBridge.sol";
import {Symbolic} from "./Symbolic.sol";

/// @title The threshold cannot be bypassed by votes either, nor by votes and signatures together
/// @dev Four operators that replaced others, two of whom stayed, and a threshold of three. Votes are cast by anybody, before
/// and after the change of operators. Whenever `handle` passes then, three different operators of now have signed its very
/// checkpoint, by a vote or by a signature. That malformed votes and signatures count for nothing is proven elsewhere.
contract VotesProof is Symbolic {
    uint256 private constant MEMBERS = 4;
    uint8 private constant THRESHOLD = 3;
    uint64 private constant SOMEWHERE = 7;
    /// Two before the first of now: those two left, and the others have other places.
    uint256 private constant FORMER = 0x9E;
    uint256 private constant NOW = 0xA0;
    /// A request, a root and a lane like any other: to votes they are one digest, and other proofs are for all digests.
    bytes32 private constant ROOT = "root";
    bytes32 private constant LANE = "lane";

    OpenBridge private _bridge;
    ValueTransfer[] private _transfers;
    /// @dev What votes were cast for, and by which signatures.
    bytes32[] private _digests;
    bytes[] private _signatures;

    function check_votes_alone_are_of_three_operators() external {
        _prepare();
        _vote(_handled());
        _vote(_handled());
        _vote(_handled());
        _handle(0);
    }

    function check_two_votes_and_a_signature_are_of_three_operators() external {
        _prepare();
        _vote(_handled());
        _vote(_handled());
        _handle(1);
    }

    function check_a_vote_and_two_signatures_are_of_three_operators() external {
        _prepare();
        _vote(_handled());
        _handle(2);
    }

    /// @dev Two operators vote for what is to be handled, whichever, and somebody for anything at all: another lane, nonce,
    /// epoch or root, or the same.
    function check_votes_for_anything_else_do_not_count(Checkpoint memory other, uint256 pair) external {
        _prepare();
        _voteAsTwo(pair);
        _vote(other);
        _handle(0);
    }

    /// @dev One vote by somebody who was an operator then, for what would have been handled then, and two by operators of now,
    /// whichever.
    function check_votes_of_former_operators_do_not_count(uint256 pair) external {
        _prepareWith(_accounts(FORMER, MEMBERS));
        _vote(_handled());
        _bridge.replaceOperators(_accounts(NOW, MEMBERS), THRESHOLD);
        _voteAsTwo(pair);
        assert(!_submit(_bridge, _call(new bytes[](0))));
    }

    function _prepare() private {
        _prepareWith(_accounts(FORMER, MEMBERS));
        _bridge.replaceOperators(_accounts(NOW, MEMBERS), THRESHOLD);
    }

    function _prepareWith(address[] memory members) private {
        _bridge = _bridgeOf(members, THRESHOLD);
        _bridge.place(SOMEWHERE, ROOT, LANE);
        ValueTransfer memory transfer;
        // Of a kind that nobody pays.
        transfer.kind = Kinds.ERC1155 + 1;
        _transfers.push(transfer);
    }

    /// @dev What a relay would have signed: the lane, the operators of now, and the root behind the request.
    function _handled() private view returns (Checkpoint memory) {
        bytes32 root = keccak256(abi.encodePacked(ROOT, _leafOf(SOMEWHERE, _transfers[0])));
        return Checkpoint({bridgeId: LANE, epoch: _bridge.operatorEpoch(), nonce: SOMEWHERE + 1, root: root});
    }

    /// @dev Refused or not.
    function _vote(Checkpoint memory checkpoint) private {
        bytes32 digest = _digestOf(_bridge, checkpoint);
        _send(checkpoint, digest, _signatureOfSomebody(digest));
    }

    /// @dev For what is to be handled, by two operators of now; one path for each two.
    function _voteAsTwo(uint256 choice) private {
        uint8[6] memory lower = [0, 0, 0, 1, 1, 2];
        uint8[6] memory upper = [1, 2, 3, 2, 3, 3];
        for (uint256 i = 0; i < lower.length; ++i) {
            if (choice != i) continue;
            _voteAs(NOW + lower[i]);
            _voteAs(NOW + upper[i]);
            return;
        }
        vm.assume(false);
    }

    function _voteAs(uint256 operator) private {
        bytes32 digest = _digestOf(_bridge, _handled());
        bytes memory signature = _signatureOfSomebody(digest);
        vm.assume(_signer(digest, signature) == address(uint160(operator)));
        _send(_handled(), digest, signature);
    }

    function _send(Checkpoint memory checkpoint, bytes32 digest, bytes memory signature) private {
        (bool accepted,) = address(_bridge).call(abi.encodeCall(_bridge.vote, (checkpoint, signature)));
        accepted;
        _digests.push(digest);
        _signatures.push(signature);
    }

    function _call(bytes[] memory signatures) private view returns (bytes memory) {
        return abi.encodeCall(_bridge.handle, (SOMEWHERE, _pack(_transfers), new bytes32[](0), signatures));
    }

    /// @dev Whenever it passes, enough operators have signed.
    function _handle(uint256 size) private {
        bytes32 digest = _digestOf(_bridge, _handled());
        bytes[] memory signatures = _signaturesOfSomebody(digest, size);
        vm.assume(_submit(_bridge, _call(signatures)));

        address[] memory members = _accounts(NOW, MEMBERS);
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
