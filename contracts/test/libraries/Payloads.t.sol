// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Payloads} from "../../src/libraries/Payloads.sol";
import {Test} from "../Vm.sol";

/// @title Gives the library a payload with something else behind it in the calldata or the memory
/// @dev Whatever the library reads beyond the payload shows: it is `0xee` there, and never what was encoded.
contract PayloadReader {
    function isERC721(bytes calldata all, uint256 length) external pure returns (bool) {
        return Payloads.isERC721(all[:length]);
    }

    function isERC1155(bytes calldata all, uint256 length, uint256 value) external pure returns (bool) {
        return Payloads.isERC1155(_cut(all, length), value);
    }

    function decodeERC721(bytes calldata all, uint256 length) external pure returns (bytes memory, bytes memory) {
        (string memory uri, bytes calldata extraData) = Payloads.decodeERC721(all[:length]);
        return (bytes(uri), extraData);
    }

    function decodeERC1155(bytes calldata all, uint256 length)
        external
        pure
        returns (uint256[] memory, uint256[] memory, bytes memory)
    {
        (uint256[] memory ids, uint256[] memory amounts) = Payloads.decodeERC1155(_cut(all, length));
        return (ids, amounts, Payloads.extraDataOfERC1155(all[:length]));
    }

    /// @dev In memory, where what was cut off stays behind it.
    function _cut(bytes memory all, uint256 length) private pure returns (bytes memory) {
        assembly ("memory-safe") {
            mstore(all, length)
        }
        return all;
    }
}

/// @title Payloads: what one side encodes the other decodes, and nothing else is taken for one
/// @dev The reference below is written from the definition of the format, byte by byte.
contract PayloadsTest is Test {
    uint256 private constant ENTRY = 48;

    PayloadReader private reader;

    function setUp() external {
        reader = new PayloadReader();
    }

    // ---- round trips ----

    function testFuzz_erc721_payload_reads_back(bytes calldata uri, bytes calldata extraData) external view {
        vm.assume(uri.length <= Payloads.MAX_URI);
        bytes memory payload = Payloads.ofERC721(uri, extraData);
        assertEq(payload.length, 2 + uri.length + extraData.length, "length");
        assertTrue(_isERC721(payload), "decodable");
        _expectERC721(payload, uri, extraData);
    }

    function testFuzz_erc1155_payload_reads_back(uint256[16] calldata seeds, uint8 count, bytes calldata extraData)
        external
        view
    {
        (uint256[] memory ids, uint256[] memory amounts, uint256 sum) = _batch(seeds, bound(count, 1, 16));
        bytes memory payload = Payloads.ofERC1155(ids, amounts, extraData);
        assertEq(payload.length, 1 + ENTRY * ids.length + extraData.length, "length");
        assertTrue(_isERC1155(payload, sum), "decodable");
        _expectERC1155(payload, ids, amounts, extraData);
    }

    function test_layout_is_that_of_the_specification() external pure {
        assertEq(
            keccak256(Payloads.ofERC721("uri", "data")), keccak256(bytes.concat(hex"0003", "uri", "data")), "ERC-721"
        );
        uint256[] memory ids = new uint256[](2);
        uint256[] memory amounts = new uint256[](2);
        (ids[0], ids[1], amounts[0], amounts[1]) = (7, type(uint256).max, 1, type(uint128).max);
        bytes memory expected = abi.encodePacked(uint8(2), ids[0], uint128(1), ids[1], type(uint128).max, "data");
        assertEq(keccak256(Payloads.ofERC1155(ids, amounts, "data")), keccak256(expected), "ERC-1155");
    }

    function test_largest_amounts_add_up() external view {
        uint256[] memory ids = new uint256[](16);
        uint256[] memory amounts = new uint256[](16);
        for (uint256 i = 0; i < 16; ++i) {
            (ids[i], amounts[i]) = (type(uint256).max - i, type(uint128).max);
        }
        uint256 sum = 16 * uint256(type(uint128).max);
        bytes memory payload = Payloads.ofERC1155(ids, amounts, "");
        assertTrue(_isERC1155(payload, sum), "the sum");
        assertTrue(!_isERC1155(payload, type(uint128).max), "not what is left of it in 128 bits");
    }

    // ---- what is no payload ----

    function testFuzz_any_bytes_are_an_erc721_payload_or_refused(bytes calldata payload) external view {
        bool expected =
            payload.length >= 2 && payload.length >= 2 + 256 * uint256(uint8(payload[0])) + uint256(uint8(payload[1]));
        assertTrue(_isERC721(payload) == expected, "as defined");
        if (expected) _reencodesERC721(payload);
    }

    /// @dev Random bytes are hardly ever a payload of so many ids; these nearly are.
    function testFuzz_erc1155_payload_with_one_fault_is_refused(
        uint256[16] calldata seeds,
        uint8 count,
        uint256 where,
        uint8 what
    ) external view {
        (uint256[] memory ids, uint256[] memory amounts, uint256 sum) = _batch(seeds, bound(count, 1, 16));
        bytes memory payload = Payloads.ofERC1155(ids, amounts, "");
        assertTrue(!_isERC1155(payload, sum + 1), "another value");
        assertTrue(!_isERC1155(payload, sum - 1), "another value");
        // Every prefix lacks something.
        uint256 length = bound(where, 0, payload.length - 1);
        assertTrue(!reader.isERC1155(_padded(payload), length, sum), "cut off");
        // Whatever a changed byte makes of it, it is read as defined.
        payload[bound(where, 0, payload.length - 1)] = bytes1(what);
        assertTrue(_isERC1155(payload, sum) == _isERC1155ByDefinition(payload, sum), "as defined");
        if (_isERC1155(payload, sum)) _reencodesERC1155(payload);
    }

    function testFuzz_any_bytes_are_an_erc1155_payload_or_refused(bytes calldata payload, uint128 value) external view {
        assertTrue(_isERC1155(payload, value) == _isERC1155ByDefinition(payload, value), "as defined");
        if (payload.length == 0) return;
        // A count that fits what there is, so that more than the length is looked at.
        bytes memory likely = payload;
        likely[0] = bytes1(uint8(1 + (payload.length - 1) / ENTRY % 20));
        uint256 sum = _sumByDefinition(likely);
        assertTrue(_isERC1155(likely, sum) == _isERC1155ByDefinition(likely, sum), "likely, as defined");
        if (_isERC1155(likely, sum)) _reencodesERC1155(likely);
    }

    function test_uri_that_is_cut_off_is_refused() external view {
        assertTrue(!_isERC721(""), "no length");
        assertTrue(!_isERC721(hex"00"), "half a length");
        assertTrue(_isERC721(hex"0000"), "empty");
        assertTrue(!_isERC721(hex"0001"), "one byte missing");
        assertTrue(_isERC721(hex"000161"), "complete");
        assertTrue(!_isERC721(bytes.concat(hex"ffff", new bytes(65_534))), "the longest, cut off");
        assertTrue(_isERC721(bytes.concat(hex"ffff", new bytes(65_535))), "the longest");
    }

    function test_count_of_ids_is_from_1_to_16() external view {
        bytes memory entry = abi.encodePacked(uint256(5), uint128(1));
        bytes memory entries;
        for (uint256 count = 0; count < 20; ++count) {
            bytes memory payload = bytes.concat(bytes1(uint8(count)), entries);
            assertTrue(_isERC1155(payload, count) == (count >= 1 && count <= 16), vm.toString(count));
            entries = bytes.concat(entries, entry);
        }
    }

    function test_id_without_units_is_refused() external view {
        bytes memory entry = abi.encodePacked(uint256(5), uint128(0));
        assertTrue(!_isERC1155(bytes.concat(hex"01", entry), 0), "alone");
        assertTrue(!_isERC1155(bytes.concat(hex"02", entry, abi.encodePacked(uint256(6), uint128(1))), 1), "beside");
    }

    // ---- steps ----

    function _isERC721(bytes memory payload) private view returns (bool) {
        return reader.isERC721(_padded(payload), payload.length);
    }

    function _isERC1155(bytes memory payload, uint256 value) private view returns (bool) {
        return reader.isERC1155(_padded(payload), payload.length, value);
    }

    function _expectERC721(bytes memory payload, bytes memory uri, bytes memory extraData) private view {
        (bytes memory readURI, bytes memory readData) = reader.decodeERC721(_padded(payload), payload.length);
        assertEq(keccak256(readURI), keccak256(uri), "uri");
        assertEq(keccak256(readData), keccak256(extraData), "extra data");
    }

    function _expectERC1155(
        bytes memory payload,
        uint256[] memory ids,
        uint256[] memory amounts,
        bytes memory extraData
    ) private view {
        (uint256[] memory readIds, uint256[] memory readAmounts, bytes memory readData) =
            reader.decodeERC1155(_padded(payload), payload.length);
        assertEq(keccak256(abi.encode(readIds, readAmounts)), keccak256(abi.encode(ids, amounts)), "entries");
        assertEq(keccak256(readData), keccak256(extraData), "extra data");
    }

    /// @dev Nothing was lost and nothing came in from elsewhere.
    function _reencodesERC721(bytes memory payload) private view {
        (bytes memory uri, bytes memory extraData) = reader.decodeERC721(_padded(payload), payload.length);
        assertEq(keccak256(Payloads.ofERC721(uri, extraData)), keccak256(payload), "encodes to the same again");
    }

    function _reencodesERC1155(bytes memory payload) private view {
        (uint256[] memory ids, uint256[] memory amounts, bytes memory extraData) =
            reader.decodeERC1155(_padded(payload), payload.length);
        bytes memory again = Payloads.ofERC1155(ids, amounts, extraData);
        assertEq(keccak256(again), keccak256(payload), "encodes to the same again");
    }

    function _isERC1155ByDefinition(bytes memory payload, uint256 value) private pure returns (bool) {
        if (payload.length == 0) return false;
        uint256 count = uint8(payload[0]);
        if (count < 1 || count > 16 || payload.length < 1 + ENTRY * count) return false;
        for (uint256 i = 0; i < count; ++i) {
            if (_number(payload, 1 + ENTRY * i + 32, 16) == 0) return false;
        }
        return _sumByDefinition(payload) == value;
    }

    /// @dev Of as many whole entries as there are, at most as many as the first byte says.
    function _sumByDefinition(bytes memory payload) private pure returns (uint256 sum) {
        uint256 count = uint8(payload[0]);
        for (uint256 i = 0; i < count && 1 + ENTRY * (i + 1) <= payload.length; ++i) {
            sum += _number(payload, 1 + ENTRY * i + 32, 16);
        }
    }

    function _number(bytes memory data, uint256 from, uint256 size) private pure returns (uint256 number) {
        for (uint256 i = from; i < from + size; ++i) {
            number = 256 * number + uint8(data[i]);
        }
    }

    function _padded(bytes memory payload) private pure returns (bytes memory) {
        bytes memory behind = new bytes(1024);
        for (uint256 i = 0; i < behind.length; ++i) {
            behind[i] = 0xee;
        }
        return bytes.concat(payload, behind);
    }

    function _batch(uint256[16] calldata seeds, uint256 count)
        private
        pure
        returns (uint256[] memory ids, uint256[] memory amounts, uint256 sum)
    {
        (ids, amounts) = (new uint256[](count), new uint256[](count));
        for (uint256 i = 0; i < count; ++i) {
            ids[i] = seeds[i];
            amounts[i] = bound(uint256(keccak256(abi.encode(seeds[i]))), 1, type(uint128).max);
            sum += amounts[i];
        }
    }
}
