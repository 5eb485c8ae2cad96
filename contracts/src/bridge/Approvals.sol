// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Quorum} from "./BridgeStorage.sol";
import {MemberSets} from "./MemberSets.sol";

/// @title Whether enough operators have approved a checkpoint, for `handle`
/// @dev Reads the operators from their roster, see `OperatorRoster`. Where there is none, nobody is an operator.
abstract contract Approvals is MemberSets {
    /// @dev Before the content: see `OperatorRoster`. Unit: bytes.
    uint256 private constant ROSTER_PREFIX = 1;
    uint256 private constant ADDRESS_SIZE = 20;
    uint256 private constant LANE_SIZE = 32;

    /// @dev Hash of the creation code of rosters.
    function _rosterCodeHash() internal view virtual returns (bytes32);

    /// @dev The content of a roster: the id of the inbound lane, the operators' addresses; empty when there is no roster.
    function _rosterOf(uint32 epoch) internal view virtual returns (bytes memory roster) {
        bytes32 codeHash = _rosterCodeHash();
        // Memory safety: computes an address above the free pointer, then takes the content and its length there. The address is
        // that of CREATE2 by this bridge with the epoch as salt (EIP-1014).
        assembly ("memory-safe") {
            roster := mload(0x40)
            mstore(roster, or(shl(248, 0xff), shl(88, address())))
            mstore(add(roster, 0x15), epoch)
            mstore(add(roster, 0x35), codeHash)
            let account := keccak256(roster, 0x55)
            let size := extcodesize(account)
            if size { size := sub(size, ROSTER_PREFIX) }
            mstore(roster, size)
            // Where there is no roster: the lane of nobody, and not what lay there.
            mstore(add(roster, 0x20), 0)
            extcodecopy(account, add(roster, 0x20), ROSTER_PREFIX, size)
            mstore(0x40, and(add(add(roster, size), 0x3f), not(0x1f)))
        }
    }

    /// @dev The id of the inbound lane; zero, for which nobody signs, without a roster.
    function _laneOf(bytes memory roster) internal pure returns (bytes32 lane) {
        // Memory safety: reads only.
        assembly ("memory-safe") {
            lane := mload(add(roster, 0x20))
        }
    }

    /// @dev Reverts unless a threshold of operators has signed `digest` or voted for it. Votes are looked for when the signatures
    /// do not suffice. Returns whether they were needed.
    function _requireThresholdWithVotes(
        bytes memory roster,
        Quorum memory quorum,
        bytes32 digest,
        bytes[] calldata signatures
    ) internal view returns (bool byVotes) {
        uint256 signers = 0;
        for (uint256 i = 0; i < signatures.length; ++i) {
            signers |= _bitIn(roster, _recover(digest, signatures[i]));
        }
        uint256 count = _countBits(signers);
        byVotes = count < quorum.threshold;
        if (byVotes) count = _countBits(signers | _votes[digest]);
        _requireCount(count, quorum.threshold);
    }

    /// @dev The bit of an operator; none for anybody else, and for zero, which a malformed signature recovers to.
    function _bitIn(bytes memory roster, address account) private pure returns (uint256 bit) {
        // Memory safety: reads only. The addresses follow the lane, the first one with the bit 1.
        assembly ("memory-safe") {
            let place := add(roster, add(0x20, LANE_SIZE))
            let end := add(add(roster, 0x20), mload(roster))
            let candidate := iszero(iszero(account))
            for {} lt(place, end) { place := add(place, ADDRESS_SIZE) } {
                if eq(shr(96, mload(place)), account) {
                    bit := candidate
                    break
                }
                candidate := shl(1, candidate)
            }
        }
    }
}
