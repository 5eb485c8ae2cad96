// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Checkpoint} from "../../src/interfaces/BridgeTypes.sol";
import {OpenBridge} from "./OpenBridge.sol";
import {Symbolic} from "./Symbolic.sol";

/// @title What a vote is worth, and what any number of votes is worth together with signatures
/// @dev Two steps that make up every way to a threshold of three of four, however many votes there are.
contract UnionProof is Symbolic {
    uint256 private constant MEMBERS = 4;
    uint8 private constant THRESHOLD = 3;
    uint64 private constant SOMEWHERE = 7;
    uint256 private constant FORMER = 0x9E;
    uint256 private constant NOW = 0xA0;

    /// @dev A vote of any 65 bytes for any checkpoint: when it is accepted it has set the bit of its signer, who is an
    /// operator of now and had not voted for it, and no other bit of anything. Otherwise nothing has changed.
    function check_a_vote_is_its_signers_for_its_checkpoint(Checkpoint memory checkpoint, uint8 before, bytes32 probe)
        external
    {
        OpenBridge bridge = _prepared();
        bridge.place(SOMEWHERE, svm.createBytes32("root"), svm.createBytes32("lane"));
        bytes32 digest = _digestOf(bridge, checkpoint);
        vm.assume(before < 1 << MEMBERS && probe != digest);
        bridge.placeVotes(digest, before);
        bytes memory signature = svm.createBytes(65, "vote");
        (bool accepted,) = address(bridge).call(abi.encodeCall(bridge.vote, (checkpoint, signature)));

        assert(bridge.votesFor(probe) == 0);
        uint256 bit = 0;
        for (uint256 m = 0; m < MEMBERS; ++m) {
            bit |= _equal(_signer(digest, signature), address(uint160(NOW + m))) << m;
        }
        if (!accepted) {
            assert(bridge.votesFor(digest) == before);
        } else {
            assert(checkpoint.epoch == bridge.operatorEpoch() && checkpoint.nonce > SOMEWHERE);
            assert(bit != 0 && before & bit == 0);
            assert(bridge.votesFor(digest) == before | bit);
        }
    }

    /// @dev Whoever has voted: the check passes exactly when those and the signers are three together.
    function check_voters_and_signers_count_once_each(bytes32 digest, uint8 voters) external {
        vm.assume(voters < 1 << MEMBERS);
        _checkUnion(digest, 2, voters);
    }

    /// @dev The same without votes: three signers, in whichever order, are enough and fewer are not.
    function check_signers_in_any_order_suffice(bytes32 digest) external {
        _checkUnion(digest, THRESHOLD, 0);
    }

    function _checkUnion(bytes32 digest, uint256 size, uint256 voters) private {
        OpenBridge bridge = _prepared();
        bridge.placeVotes(digest, voters);
        bytes[] memory signatures = _signaturesOfSomebody(digest, size);
        bytes memory call = abi.encodeCall(bridge.requireThresholdWithVotes, (digest, signatures));
        (bool passed,) = address(bridge).staticcall(call);

        uint256 count = 0;
        for (uint256 m = 0; m < MEMBERS; ++m) {
            uint256 approved = (voters >> m) & 1;
            for (uint256 i = 0; i < size; ++i) {
                approved |= _equal(_signer(digest, signatures[i]), address(uint160(NOW + m)));
            }
            count += approved;
        }
        assert(passed ? count >= THRESHOLD : count < THRESHOLD);
    }

    function _prepared() private returns (OpenBridge bridge) {
        bridge = _bridgeOf(_accounts(FORMER, MEMBERS), THRESHOLD);
        bridge.replaceOperators(_accounts(NOW, MEMBERS), THRESHOLD);
    }
}
