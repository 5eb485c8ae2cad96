// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ValueTransfer} from "../src/interfaces/BridgeTypes.sol";

/// @title The encoding of transfers, written once more and for reading: nothing of `PackedTransfers` is used
library Packing {
    function pack(ValueTransfer[] memory transfers) internal pure returns (bytes memory packed) {
        packed = abi.encodePacked(uint16(transfers.length));
        ValueTransfer memory before;
        for (uint256 i = 0; i < transfers.length; ++i) {
            packed = bytes.concat(packed, _packOne(before, transfers[i]));
            before = transfers[i];
        }
    }

    function _packOne(ValueTransfer memory before, ValueTransfer memory t) private pure returns (bytes memory packed) {
        uint256 header = 0;
        if (t.kind != before.kind || t.token != before.token) {
            header |= 0x0400;
            packed = abi.encodePacked(t.kind, t.token);
        }
        bytes memory number = shortest(t.sourceBlock - before.sourceBlock);
        header |= number.length << 6;
        packed = bytes.concat(packed, number);
        if (t.from != before.from) {
            header |= 0x0800;
            packed = abi.encodePacked(packed, t.from);
        }
        if (t.to != t.from) {
            header |= 0x1000;
            packed = abi.encodePacked(packed, t.to);
        }
        if (t.refundTo != t.from) {
            header |= 0x2000;
            packed = abi.encodePacked(packed, t.refundTo);
        }
        number = shortest(t.value);
        header |= number.length;
        packed = bytes.concat(packed, number);
        if (t.payload.length != 0) {
            header |= 0x4000;
            packed = abi.encodePacked(packed, uint16(t.payload.length), t.payload);
        }
        packed = abi.encodePacked(uint16(header), packed);
    }

    /// @dev A number in as few bytes as it takes.
    function shortest(uint256 number) internal pure returns (bytes memory short) {
        bytes memory word = abi.encodePacked(number);
        uint256 zeros = 0;
        while (zeros < 32 && word[zeros] == 0) ++zeros;
        short = new bytes(32 - zeros);
        for (uint256 i = 0; i < short.length; ++i) {
            short[i] = word[zeros + i];
        }
    }
}
