// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ValueTransfer} from "../interfaces/BridgeTypes.sol";

/// @title The encoding in which `handle` takes its transfers
/// @dev Calldata is half of what a relay pays for, and most of a transfer is that of the one before it:
///
///     transfers := uint16 count ‖ count × transfer
///     transfer  := uint16 header ‖ the fields that the header names, in this order
///
///     header            field                      when it is left out
///     0x0400            uint8 kind ‖ address token those of the transfer before
///     0x03c0            block delta, 0 to 8 bytes  the block of the transfer before; else that block plus the delta
///     0x0800            address from               that of the transfer before
///     0x1000            address to                 `from`
///     0x2000            address refundTo           `from`
///     0x003f            value, 0 to 32 bytes       0
///     0x4000            uint16 length ‖ payload    empty
///
/// The two numbers in the header are lengths in bytes. Before the first transfer all is zero. The bit 0x8000 stays clear, and
/// nothing follows the last transfer. A transfer can be written in more than one way; what is hashed, signed and paid is what
/// it says, so that makes no difference. `bridge/types/src/packed.rs` is the same in Rust, `test/packed.json` holds cases that
/// both must reach.
library PackedTransfers {
    /// @notice The transfers are not encoded as `PackedTransfers` says. `offset` is where the one begins that is not.
    error PackedTransfersMalformed(uint256 offset);

    /// @dev Unit: bytes.
    uint256 private constant COUNT_SIZE = 2;
    /// @dev What the shortest transfer takes. Unit: bytes.
    uint256 private constant HEADER_SIZE = 2;
    /// @dev The words of a `ValueTransfer` in memory. Unit: bytes.
    uint256 private constant STRUCT_SIZE = 0x100;

    /// @notice How many transfers there are, by what the encoding says of itself.
    function count(bytes calldata packed) internal pure returns (uint256) {
        return packed.length < COUNT_SIZE ? 0 : uint16(bytes2(packed));
    }

    /// @notice The transfers. Reverts unless `packed` is well formed to its last byte.
    /// @param size what `count` returns
    function unpack(bytes calldata packed, uint256 size) internal pure returns (ValueTransfer[] memory transfers) {
        // Before memory is taken: as many do not fit into so few bytes.
        if (packed.length < COUNT_SIZE + size * HEADER_SIZE) revert PackedTransfersMalformed(0);
        uint256 cursor;
        uint256 end;
        uint256 place;
        uint256 transfer;
        // Memory safety: takes an array of `size` pointers, then `size` structures of `STRUCT_SIZE`, with a zero one in front for
        // the first to refer to. Each word of them is written before it is read.
        assembly ("memory-safe") {
            cursor := add(packed.offset, COUNT_SIZE)
            end := add(packed.offset, packed.length)
            transfers := mload(0x40)
            mstore(transfers, size)
            place := add(transfers, 0x20)
            transfer := add(place, shl(5, size))
            calldatacopy(transfer, calldatasize(), STRUCT_SIZE)
            transfer := add(transfer, STRUCT_SIZE)
            mstore(0x40, add(transfer, mul(size, STRUCT_SIZE)))
        }
        // Additions to places in memory and calldata.
        unchecked {
            uint256 start = cursor;
            for (uint256 last = place + 32 * size; place < last; place += 32) {
                assembly ("memory-safe") {
                    mstore(place, transfer)
                }
                cursor = _unpackOne(start, transfer);
                if (cursor > end) break;
                start = cursor;
                transfer += STRUCT_SIZE;
            }
            if (cursor != end) {
                assembly ("memory-safe") {
                    start := sub(start, packed.offset)
                }
                revert PackedTransfersMalformed(start);
            }
        }
    }

    /// @dev Reads the transfer that begins at `start` into the structure at `transfer`, in front of which lies the one before it.
    /// Returns where it ends, which is beyond all calldata when it is malformed. What is read may lie behind the end of the
    /// encoding, which the caller refuses then.
    function _unpackOne(uint256 start, uint256 transfer) private pure returns (uint256 cursor) {
        // Memory safety: writes all eight words of a structure of the caller's, and takes memory for a payload.
        assembly ("memory-safe") {
            let header := shr(240, calldataload(start))
            let malformed := shr(15, header)
            cursor := add(start, HEADER_SIZE)

            switch and(header, 0x0400)
            case 0 { mcopy(add(transfer, 0x20), sub(transfer, 0xe0), 0x40) }
            default {
                let word := calldataload(cursor)
                mstore(add(transfer, 0x20), shr(248, word))
                mstore(add(transfer, 0x40), shr(96, shl(8, word)))
                cursor := add(cursor, 21)
            }

            {
                let sourceBlock := mload(sub(transfer, 0x100))
                if and(header, 0x03c0) {
                    let length := and(shr(6, header), 0x0f)
                    sourceBlock := add(sourceBlock, shr(sub(256, shl(3, length)), calldataload(cursor)))
                    malformed := or(malformed, or(gt(length, 8), shr(64, sourceBlock)))
                    cursor := add(cursor, length)
                }
                mstore(transfer, sourceBlock)
            }

            {
                let from := mload(sub(transfer, 0xa0))
                if and(header, 0x0800) {
                    from := shr(96, calldataload(cursor))
                    cursor := add(cursor, 20)
                }
                mstore(add(transfer, 0x60), from)

                let account := from
                if and(header, 0x1000) {
                    account := shr(96, calldataload(cursor))
                    cursor := add(cursor, 20)
                }
                mstore(add(transfer, 0x80), account)

                if and(header, 0x2000) {
                    from := shr(96, calldataload(cursor))
                    cursor := add(cursor, 20)
                }
                mstore(add(transfer, 0xa0), from)
            }

            {
                let length := and(header, 0x3f)
                mstore(add(transfer, 0xc0), shr(sub(256, shl(3, length)), calldataload(cursor)))
                malformed := or(malformed, gt(length, 32))
                cursor := add(cursor, length)
            }

            // The word of zeros that empty arrays share.
            let payload := 0x60
            if and(header, 0x4000) {
                let length := shr(240, calldataload(cursor))
                payload := mload(0x40)
                mstore(payload, length)
                calldatacopy(add(payload, 0x20), add(cursor, 2), length)
                mstore(0x40, and(add(add(payload, length), 0x3f), not(0x1f)))
                cursor := add(cursor, add(length, 2))
            }
            mstore(add(transfer, 0xe0), payload)
            if malformed { cursor := not(0) }
        }
    }
}
