// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title The last field of a request: what belongs to its kind, then the user's data
/// @dev Packed, since it is paid for on two chains:
///     native, ERC-20:  extraData
///     ERC-721:         uint16 length of the URI ‖ URI ‖ extraData
///     ERC-1155:        uint8 count ‖ count × (uint256 id ‖ uint128 amount) ‖ extraData
/// What a source makes is always decodable. The destination asks nevertheless, because a revert would stop its lane.
library Payloads {
    /// @dev Bounds what a payout carries into the recipient. Unit: bytes.
    uint256 internal constant MAX_EXTRA_DATA = 1024;
    /// @dev Unit: bytes.
    uint256 internal constant MAX_URI = 512;
    /// @dev Ids of one ERC-1155 request.
    uint256 internal constant MAX_IDS = 16;

    uint256 private constant URI_LENGTH_SIZE = 2;
    uint256 private constant ENTRY_SIZE = 48;

    /// @dev The URI has at most `MAX_URI` bytes.
    function ofERC721(bytes memory uri, bytes memory extraData) internal pure returns (bytes memory) {
        // Fits, see above.
        // forge-lint: disable-next-line(unsafe-typecast)
        return bytes.concat(bytes2(uint16(uri.length)), uri, extraData);
    }

    /// @dev There are 1 to `MAX_IDS` ids, as many amounts, and each amount fits 128 bits.
    function ofERC1155(uint256[] memory ids, uint256[] memory amounts, bytes memory extraData)
        internal
        pure
        returns (bytes memory payload)
    {
        // Fits, see above.
        // forge-lint: disable-next-line(unsafe-typecast)
        payload = bytes.concat(bytes1(uint8(ids.length)));
        for (uint256 i = 0; i < ids.length; ++i) {
            // forge-lint: disable-next-line(unsafe-typecast)
            payload = bytes.concat(payload, bytes32(ids[i]), bytes16(uint128(amounts[i])));
        }
        payload = bytes.concat(payload, extraData);
    }

    function isERC721(bytes calldata payload) internal pure returns (bool) {
        return payload.length >= URI_LENGTH_SIZE && payload.length >= URI_LENGTH_SIZE + _uriLength(payload);
    }

    /// @dev Whether there are 1 to `MAX_IDS` entries of 1 or more units that add up to `value`.
    function isERC1155(bytes memory payload, uint256 value) internal pure returns (bool) {
        if (payload.length == 0) return false;
        uint256 count = uint8(payload[0]);
        if (count == 0 || count > MAX_IDS || payload.length < 1 + count * ENTRY_SIZE) return false;
        uint256 sum = 0;
        for (uint256 i = 0; i < count; ++i) {
            (, uint256 amount) = _entry(payload, i);
            if (amount == 0) return false;
            sum += amount;
        }
        return sum == value;
    }

    /// @dev Of a payload that `isERC721`.
    function decodeERC721(bytes calldata payload) internal pure returns (string memory uri, bytes calldata extraData) {
        uint256 end = URI_LENGTH_SIZE + _uriLength(payload);
        return (string(payload[URI_LENGTH_SIZE:end]), payload[end:]);
    }

    /// @dev Of a payload that `isERC1155`.
    function decodeERC1155(bytes memory payload)
        internal
        pure
        returns (uint256[] memory ids, uint256[] memory amounts)
    {
        uint256 count = uint8(payload[0]);
        ids = new uint256[](count);
        amounts = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            (ids[i], amounts[i]) = _entry(payload, i);
        }
    }

    /// @dev Of a payload that `isERC1155`.
    function extraDataOfERC1155(bytes calldata payload) internal pure returns (bytes calldata) {
        return payload[1 + uint8(payload[0]) * ENTRY_SIZE:];
    }

    function _uriLength(bytes calldata payload) private pure returns (uint256) {
        return uint16(bytes2(payload[:URI_LENGTH_SIZE]));
    }

    /// @dev Of a payload that is long enough.
    function _entry(bytes memory payload, uint256 index) private pure returns (uint256 id, uint256 amount) {
        // Memory safety: reads only. The entry lies behind the word of the length and the byte of the count.
        assembly ("memory-safe") {
            let entry := add(payload, add(0x21, mul(index, ENTRY_SIZE)))
            id := mload(entry)
            amount := shr(128, mload(add(entry, 0x20)))
        }
    }
}
