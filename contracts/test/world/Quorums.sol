// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {Setting} from "./Setting.sol";

/// A set of members as the world knows it: which keys of the pool, and how many of them decide.
struct Quorum {
    uint64 epoch;
    uint8 threshold;
    uint8[] keys;
}

/// @title Operators and governors of both sides, and what they sign
abstract contract Quorums is Setting {
    uint256 private constant KEY = 0xA11CE;
    /// Keys from which all sets are made, so that former members come and go.
    uint256 internal constant POOL = 6;
    uint256 private constant OUTSIDER = POOL + 1;

    address[POOL] private _pool;
    Quorum[2] internal _operators;
    Quorum[2] internal _governors;
    /// Bits of the keys that voted on chain for the first `nonce` requests of a lane.
    mapping(uint256 lane => mapping(uint64 epoch => mapping(uint256 nonce => uint256))) internal _voters;

    constructor() {
        for (uint256 i = 0; i < POOL; ++i) {
            _pool[i] = vm.addr(KEY + i);
        }
        for (uint256 side = 0; side < 2; ++side) {
            _replace(_operators[side], 0, 4, 3);
            _replace(_governors[side], 1, 4, 3);
        }
        _deployBridges(_members(_operators[0].keys), 3, _members(_governors[0].keys));
    }

    function _replace(Quorum storage quorum, uint256 first, uint256 size, uint8 threshold) internal {
        ++quorum.epoch;
        quorum.threshold = threshold;
        quorum.keys = _someKeys(first, size);
    }

    function _someKeys(uint256 first, uint256 size) internal pure returns (uint8[] memory keys) {
        keys = new uint8[](size);
        for (uint256 i = 0; i < size; ++i) {
            keys[i] = uint8((first + i) % POOL);
        }
    }

    function _members(uint8[] memory keys) internal view returns (address[] memory members) {
        members = new address[](keys.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            members[i] = _pool[keys[i]];
        }
    }

    // ---- signatures ----

    function _digest(uint256 side, bytes32 structHash) internal view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Polyspan"),
                keccak256("1"),
                FIRST_CHAIN + side,
                address(bridges[side])
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }

    function _sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY + key, digest);
        // Both forms count; which one is taken does not matter, so the digest decides.
        if (uint256(digest) % 2 == 0) return abi.encodePacked(r, s, v);
        return abi.encodePacked(r, bytes32(uint256(s) | (uint256(v - 27) << 255)));
    }

    /// @dev Signatures of a threshold of members, whichever.
    function _quorum(Quorum storage quorum, bytes32 digest) internal returns (bytes[] memory) {
        return _signed(quorum, digest, quorum.threshold);
    }

    /// @dev One member fewer than needed, and everything that must not count.
    function _shortOf(Quorum storage quorum, bytes32 digest) internal returns (bytes[] memory) {
        return _padded(quorum, digest, _signed(quorum, digest, quorum.threshold - 1));
    }

    /// @dev Adds a signature twice, and those of everybody who is no member.
    function _padded(Quorum storage quorum, bytes32 digest, bytes[] memory list)
        internal
        view
        returns (bytes[] memory padded)
    {
        uint256 members = 0;
        for (uint256 i = 0; i < quorum.keys.length; ++i) {
            members |= 1 << quorum.keys[i];
        }
        padded = new bytes[](list.length + POOL + 3 - quorum.keys.length);
        uint256 used = 0;
        (padded[used++], padded[used++]) = (hex"00", _sign(OUTSIDER, digest));
        for (uint256 i = 0; i < list.length; ++i) {
            padded[used++] = list[i];
        }
        padded[used++] = list.length == 0 ? bytes("") : list[0];
        for (uint256 key = 0; key < POOL; ++key) {
            if (members & (1 << key) == 0) padded[used++] = _sign(key, digest);
        }
    }

    function _signed(Quorum storage quorum, bytes32 digest, uint256 count) private returns (bytes[] memory list) {
        list = new bytes[](count);
        uint256 size = quorum.keys.length;
        uint256 first = _pick(size);
        for (uint256 i = 0; i < count; ++i) {
            list[i] = _sign(quorum.keys[(first + i) % size], digest);
        }
    }

    function _belowThreshold(uint256 signers, Quorum storage quorum) internal view returns (bytes memory) {
        return abi.encodeWithSelector(IBridgeErrors.BridgeBelowThreshold.selector, signers, quorum.threshold);
    }

    function _memberOf(Quorum storage quorum) internal returns (uint256 key) {
        return quorum.keys[_pick(quorum.keys.length)];
    }

    function _addressOf(uint256 key) internal view returns (address) {
        return _pool[key];
    }
}
