// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ValueTransfer} from "../../src/interfaces/BridgeTypes.sol";
import {Packing} from "../Packing.sol";
import {Asking} from "./Asking.sol";

/// @title What relays pack transfers into: the shortest encoding, any longer one, and bytes that are none
/// @dev `test/Packing.sol` leaves out whatever can be left out. Here every field may be written although it could be left out, and
/// every number with zeros in front.
abstract contract Encoding is Asking {
    uint256 private constant COUNT_SIZE = 2;
    uint256 private constant HEADER_SIZE = 2;

    function _pack(ValueTransfer[] memory transfers) internal returns (bytes memory packed) {
        if (_pick(2) == 0) return Packing.pack(transfers);
        (packed,) = _packLoosely(transfers, transfers.length);
    }

    /// @dev No encoding of so many transfers, and what the bridge must name: where the transfer begins that is malformed.
    /// @param news how many of them are not handled yet
    function _malformed(ValueTransfer[] memory transfers, uint256 news)
        internal
        returns (bytes memory packed, uint256 offset)
    {
        uint256 count = transfers.length;
        uint256 choice = _pick(6);
        // A block that 64 bits cannot hold needs one before it.
        uint256 wrong = choice == 5 && count > 1 ? 1 + _pick(count - 1) : count;
        uint256[] memory starts;
        (packed, starts) = _packLoosely(transfers, wrong);
        uint256 length = packed.length;
        if (choice == 0) {
            _shorten(packed, COUNT_SIZE + _pick(length - COUNT_SIZE));
            return (packed, _firstBeyond(starts, length, packed.length));
        }
        if (choice == 1) {
            _setCount(packed, count + 1);
            // Less than the shortest transfers would take is refused before anything is read.
            return (packed, length < COUNT_SIZE + HEADER_SIZE * (count + 1) ? 0 : length);
        }
        if (choice == 2 && news > 1) {
            _setCount(packed, count - 1);
            return (packed, starts[count - 1]);
        }
        if (choice < 4) return (bytes.concat(packed, new bytes(1 + _pick(3))), length);
        if (wrong != count) return (packed, starts[wrong]);
        // The bit that must stay clear, a value of 63 bytes, a block delta of 15.
        uint256 transfer = _pick(count);
        uint16[3] memory masks = [uint16(0x8000), 0x003f, 0x03c0];
        uint16 mask = masks[_pick(3)];
        offset = starts[transfer];
        packed[offset] |= bytes1(uint8(mask >> 8));
        packed[offset + 1] |= bytes1(uint8(mask));
    }

    // ---- writing ----

    /// @param wrong the transfer whose block delta is the greatest there is; none of them when it is their number
    function _packLoosely(ValueTransfer[] memory transfers, uint256 wrong)
        private
        returns (bytes memory packed, uint256[] memory starts)
    {
        starts = new uint256[](transfers.length);
        packed = abi.encodePacked(uint16(transfers.length));
        ValueTransfer memory before;
        for (uint256 i = 0; i < transfers.length; ++i) {
            starts[i] = packed.length;
            ValueTransfer memory t = transfers[i];
            uint256 delta = i == wrong ? type(uint64).max : t.sourceBlock - before.sourceBlock;
            packed = bytes.concat(packed, _packOne(before, t, delta));
            before = t;
        }
    }

    function _packOne(ValueTransfer memory before, ValueTransfer memory t, uint256 delta)
        private
        returns (bytes memory packed)
    {
        uint256 header = 0;
        if (t.kind != before.kind || t.token != before.token || _isWordy()) {
            header |= 0x0400;
            packed = abi.encodePacked(t.kind, t.token);
        }
        bytes memory number = _number(delta, 8);
        header |= number.length << 6;
        packed = bytes.concat(packed, number);
        if (t.from != before.from || _isWordy()) {
            header |= 0x0800;
            packed = abi.encodePacked(packed, t.from);
        }
        if (t.to != t.from || _isWordy()) {
            header |= 0x1000;
            packed = abi.encodePacked(packed, t.to);
        }
        if (t.refundTo != t.from || _isWordy()) {
            header |= 0x2000;
            packed = abi.encodePacked(packed, t.refundTo);
        }
        number = _number(t.value, 32);
        header |= number.length;
        packed = bytes.concat(packed, number);
        if (t.payload.length != 0 || _isWordy()) {
            header |= 0x4000;
            packed = abi.encodePacked(packed, uint16(t.payload.length), t.payload);
        }
        packed = abi.encodePacked(uint16(header), packed);
    }

    function _isWordy() private returns (bool) {
        return _pick(3) == 0;
    }

    /// @dev With any number of zeros in front.
    function _number(uint256 number, uint256 most) private returns (bytes memory) {
        bytes memory short = Packing.shortest(number);
        return bytes.concat(new bytes(_pick(2) == 0 ? 0 : _pick(most + 1 - short.length)), short);
    }

    // ---- breaking ----

    /// @dev Where the first transfer begins that does not end before the bytes do.
    function _firstBeyond(uint256[] memory starts, uint256 length, uint256 end) private pure returns (uint256) {
        if (end < COUNT_SIZE + HEADER_SIZE * starts.length) return 0;
        for (uint256 i = 0; i + 1 < starts.length; ++i) {
            if (starts[i + 1] > end) return starts[i];
        }
        assert(end < length);
        return starts[starts.length - 1];
    }

    function _shorten(bytes memory packed, uint256 length) private pure {
        assembly ("memory-safe") {
            mstore(packed, length)
        }
    }

    function _setCount(bytes memory packed, uint256 count) private pure {
        (packed[0], packed[1]) = (bytes1(uint8(count >> 8)), bytes1(uint8(count)));
    }
}
