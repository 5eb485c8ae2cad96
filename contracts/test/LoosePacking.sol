// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ValueTransfer} from "../src/interfaces/BridgeTypes.sol";
import {Packing} from "./Packing.sol";

/// @title Encodings that are longer than they have to be
library LoosePacking {
    /// @notice Each bit of `choices` writes out a field that could be left out; the numbers get up to so many zeros in front.
    function pack(ValueTransfer[] memory transfers, uint256 choices) internal pure returns (bytes memory packed) {
        packed = abi.encodePacked(uint16(transfers.length));
        ValueTransfer memory before;
        for (uint256 i = 0; i < transfers.length; ++i) {
            uint256 own = uint256(keccak256(abi.encode(choices, i)));
            packed = bytes.concat(packed, _packOne(before, transfers[i], own));
            before = transfers[i];
        }
    }

    function _packOne(ValueTransfer memory before, ValueTransfer memory t, uint256 choices)
        private
        pure
        returns (bytes memory packed)
    {
        uint256 header = 0;
        if (t.kind != before.kind || t.token != before.token || choices & 1 != 0) {
            header |= 0x0400;
            packed = abi.encodePacked(t.kind, t.token);
        }
        bytes memory number = padded(t.sourceBlock - before.sourceBlock, 8, choices >> 8);
        header |= number.length << 6;
        packed = bytes.concat(packed, number);
        if (t.from != before.from || choices & 2 != 0) {
            header |= 0x0800;
            packed = abi.encodePacked(packed, t.from);
        }
        if (t.to != t.from || choices & 4 != 0) {
            header |= 0x1000;
            packed = abi.encodePacked(packed, t.to);
        }
        if (t.refundTo != t.from || choices & 8 != 0) {
            header |= 0x2000;
            packed = abi.encodePacked(packed, t.refundTo);
        }
        number = padded(t.value, 32, choices >> 16);
        header |= number.length;
        packed = bytes.concat(packed, number);
        if (t.payload.length != 0 || choices & 16 != 0) {
            header |= 0x4000;
            packed = abi.encodePacked(packed, uint16(t.payload.length), t.payload);
        }
        packed = abi.encodePacked(uint16(header), packed);
    }

    /// @dev A number with zeros in front, in at most `most` bytes.
    function padded(uint256 number, uint256 most, uint256 choice) internal pure returns (bytes memory) {
        bytes memory short = Packing.shortest(number);
        return bytes.concat(new bytes(choice % 256 % (most - short.length + 1)), short);
    }
}
