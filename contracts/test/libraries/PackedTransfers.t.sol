// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {HoldReason, ValueTransfer} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {PackedTransfers} from "../../src/libraries/PackedTransfers.sol";
import {LaneTest} from "../LaneTest.sol";
import {LoosePacking} from "../LoosePacking.sol";
import {Packing} from "../Packing.sol";

/// @title Gives the library an encoding with something else in front of it and behind it in the calldata
contract PackedReader {
    function unpack(bytes calldata all, uint256 first, uint256 length) external pure returns (ValueTransfer[] memory) {
        bytes calldata packed = all[first:first + length];
        return PackedTransfers.unpack(packed, PackedTransfers.count(packed));
    }
}

/// @title The encoding of transfers: one meaning, however it is written, and nothing that is not defined
/// @dev `packed.json` holds the cases that the Rust code must reach, too. Writers are those of the tests.
contract PackedTransfersTest is LaneTest {
    PackedReader private reader;
    bytes32[] private none;

    function setUp() public override {
        super.setUp();
        reader = new PackedReader();
    }

    // ---- the cases that both implementations must reach ----

    function test_every_form_of_the_vectors_is_what_it_says() external view {
        string memory json = vm.readFile("test/packed.json");
        uint256 found;
        for (; vm.keyExistsJson(json, _at(".forms", found)); ++found) {
            string memory path = _at(".forms", found);
            string memory name = vm.parseJsonString(json, string.concat(path, ".name"));
            bytes memory packed = vm.parseJsonBytes(json, string.concat(path, ".packed"));
            ValueTransfer[] memory expected = _transfersOf(json, string.concat(path, ".transfers"));
            _expectUnpacked(packed, expected, name);
            // Two writers that know nothing of each other.
            bool shortest = keccak256(Packing.pack(expected)) == keccak256(packed);
            assertTrue(shortest == _isShortest(json, path), name);
        }
        assertTrue(found >= 15, "forms");
    }

    function test_every_malformed_form_of_the_vectors_is_refused_where_it_begins() external view {
        string memory json = vm.readFile("test/packed.json");
        uint256 found;
        for (; vm.keyExistsJson(json, _at(".malformed", found)); ++found) {
            string memory path = _at(".malformed", found);
            bytes memory packed = vm.parseJsonBytes(json, string.concat(path, ".packed"));
            uint256 offset = vm.parseJsonUint(json, string.concat(path, ".offset"));
            _expectMalformed(packed, offset, vm.parseJsonString(json, string.concat(path, ".name")));
        }
        assertTrue(found >= 24, "malformed forms");
    }

    // ---- one meaning ----

    function testFuzz_what_is_packed_is_unpacked(uint256 seed, uint256 count) external view {
        ValueTransfer[] memory transfers = _arbitrary(seed, bound(count, 0, 6));
        _expectUnpacked(Packing.pack(transfers), transfers, "the same transfers");
    }

    function testFuzz_longer_forms_say_the_same(uint256 seed, uint256 count, uint256 choices) external view {
        ValueTransfer[] memory transfers = _arbitrary(seed, bound(count, 1, 6));
        _expectUnpacked(LoosePacking.pack(transfers, choices), transfers, "the same transfers");
    }

    function test_every_length_of_a_number_is_read() external view {
        ValueTransfer[] memory transfers = new ValueTransfer[](1);
        for (uint256 length = 0; length <= 32; ++length) {
            transfers[0].value = length == 0 ? 0 : type(uint256).max >> (256 - 8 * length);
            transfers[0].sourceBlock = uint64(transfers[0].value);
            bytes memory packed = Packing.pack(transfers);
            uint256 deltaLength = length < 8 ? length : 8;
            assertEq(packed.length, 4 + length + deltaLength, "as short as it goes");
            _expectUnpacked(packed, transfers, vm.toString(length));
        }
    }

    function test_the_longest_payload_is_read() external view {
        ValueTransfer[] memory transfers = new ValueTransfer[](2);
        transfers[0].payload = new bytes(type(uint16).max);
        transfers[0].payload[type(uint16).max - 1] = 0x01;
        transfers[1].payload = hex"02";
        _expectUnpacked(Packing.pack(transfers), transfers, "both");
    }

    // ---- nothing else ----

    function testFuzz_every_truncation_and_every_surplus_byte_is_refused(uint256 seed, uint256 choices, bytes1 surplus)
        external
        view
    {
        ValueTransfer[] memory transfers = _arbitrary(seed, 1 + seed % 3);
        bytes memory packed = choices % 2 == 0 ? Packing.pack(transfers) : LoosePacking.pack(transfers, choices);
        for (uint256 length = 0; length < packed.length; ++length) {
            // Whatever was cut off lies behind it still.
            _expectRefused(packed, 0, length);
        }
        bytes memory longer = bytes.concat(packed, surplus);
        _expectRefused(longer, 0, longer.length);
    }

    function testFuzz_any_other_count_is_refused(uint256 seed, uint16 count) external view {
        ValueTransfer[] memory transfers = _arbitrary(seed, 1 + seed % 3);
        vm.assume(count != transfers.length);
        bytes memory packed = Packing.pack(transfers);
        (packed[0], packed[1]) = (bytes1(uint8(count >> 8)), bytes1(uint8(count)));
        _expectRefused(packed, 0, packed.length);
    }

    function testFuzz_the_reserved_bit_is_refused_wherever_it_is(uint256 seed, uint256 which) external view {
        ValueTransfer[] memory transfers = _arbitrary(seed, 1 + seed % 4);
        which = bound(which, 0, transfers.length - 1);
        bytes memory packed = Packing.pack(transfers);
        uint256 offset = Packing.pack(_firstOf(transfers, which)).length;
        packed[offset] |= 0x80;
        _expectMalformed(packed, offset, "reserved");
    }

    function test_lengths_beyond_the_word_are_refused() external view {
        bytes memory rest = new bytes(64);
        for (uint256 length = 0; length < 64; ++length) {
            bytes memory packed = _cut(bytes.concat(abi.encodePacked(uint16(1), uint16(length)), rest), 4 + length);
            if (length > 32) _expectMalformed(packed, 2, vm.toString(length));
            else assertEq(reader.unpack(packed, 0, packed.length).length, 1, "a value");
        }
        for (uint256 length = 0; length < 16; ++length) {
            bytes memory packed = _cut(bytes.concat(abi.encodePacked(uint16(1), uint16(length << 6)), rest), 4 + length);
            if (length > 8) _expectMalformed(packed, 2, vm.toString(length));
            else assertEq(reader.unpack(packed, 0, packed.length).length, 1, "a delta");
        }
    }

    function testFuzz_no_block_is_beyond_64_bits(uint64 first, uint64 delta) external view {
        bytes memory packed = abi.encodePacked(uint16(2), uint16(0x0200), first, uint16(0x0200), delta);
        if (delta <= type(uint64).max - first) {
            ValueTransfer[] memory transfers = new ValueTransfer[](2);
            (transfers[0].sourceBlock, transfers[1].sourceBlock) = (first, first + delta);
            _expectUnpacked(packed, transfers, "the sum");
        } else {
            _expectMalformed(packed, 12, "beyond");
        }
    }

    /// @dev Whatever is accepted means the same when it is written anew.
    function testFuzz_arbitrary_bytes_are_refused_or_mean_something(bytes calldata random, uint8 count, uint256 clear)
        external
        view
    {
        bytes memory packed = bytes.concat(hex"00", bytes1(count % 4), random);
        // Random headers nearly always name lengths that cannot be.
        if (packed.length > 3) (packed[2], packed[3]) = (packed[2] & bytes1(uint8(clear)), packed[3] & 0x1f);
        try reader.unpack(packed, 0, packed.length) returns (ValueTransfer[] memory transfers) {
            assertEq(transfers.length, count % 4, "as many as counted");
            _expectUnpacked(Packing.pack(transfers), transfers, "the same");
        } catch (bytes memory reason) {
            assertEq(bytes32(bytes4(reason)), PackedTransfers.PackedTransfersMalformed.selector, "reason");
        }
    }

    // ---- in a bridge ----

    /// @dev The roots of the test are made of the fields alone, with nothing of the encoding.
    function testFuzz_every_form_reaches_the_root_of_its_fields(uint256 seed, uint256 count, uint256 choices) external {
        ValueTransfer[] memory transfers = _arbitrary(seed, bound(count, 1, 5));
        for (uint256 i = 0; i < transfers.length; ++i) {
            requests.push(transfers[i]);
            leaves.push(_leaf(uint64(i), transfers[i]));
        }
        bytes[] memory signatures = _approved(transfers.length);
        _handlePacked(0, LoosePacking.pack(transfers, choices), signatures);
        assertEq(bridge.laneState().handleRoot, _root(transfers.length), "root");
        assertEq(bridge.laneState().handleNonce, transfers.length, "nonce");
        uint64 last = transfers[transfers.length - 1].sourceBlock;
        assertEq(bridge.laneState().recoveryBlockNumber, last, "block of the last one");
        for (uint64 i = 0; i < transfers.length; ++i) {
            if (bridge.holds(i, 1).length == 1) assertEq(bridge.holds(i, 1)[0].leaf, leaves[i], "leaf of the hold");
        }
    }

    function testFuzz_every_form_pays_the_same(uint256 choices) external {
        _payable();
        bytes[] memory signatures = _approved(4);
        uint256 snapshot = vm.snapshotState();
        _handlePacked(0, Packing.pack(_slice(0, 4)), signatures);
        bytes32 expected = _effects();
        vm.revertToState(snapshot);
        _handlePacked(0, LoosePacking.pack(_slice(0, 4), choices), signatures);
        assertEq(_effects(), expected, "the same effects");
        assertEq(minted.balanceOf(RECIPIENT), 5, "which are these");
        assertEq(RECIPIENT.balance, 3, "and these");
        assertEq(mintedNFT.ownerOf(7), RECIPIENT, "and these");
        _expectHeld(3, HoldReason.UnknownToken);
    }

    /// @dev Deltas refer to what was packed before, handled or not.
    function test_what_was_handled_is_skipped_and_still_refers() external {
        _payable();
        _handleUntil(2);
        bytes[] memory signatures = _approved(4);
        _handlePacked(0, Packing.pack(_slice(0, 4)), signatures);
        assertEq(bridge.laneState().handleRoot, _root(4), "root");
        assertEq(bridge.laneState().recoveryBlockNumber, requests[3].sourceBlock, "block");
        assertEq(minted.balanceOf(RECIPIENT), 5, "paid once");
        assertEq(RECIPIENT.balance, 3, "paid once");
        assertEq(mintedNFT.ownerOf(7), RECIPIENT, "and the rest");
    }

    function test_malformed_transfers_are_not_handled_whatever_was_signed() external {
        _payable();
        bytes memory packed = Packing.pack(_slice(0, 4));
        bytes[] memory signatures = _approved(4);
        bytes32 before = _effects();
        for (uint256 length = 2; length < packed.length; ++length) {
            _expectNotHandled(_cut(packed, length), signatures);
        }
        _expectNotHandled(bytes.concat(packed, hex"00"), signatures);
        packed[2] |= 0x80;
        _expectNotHandled(packed, signatures);
        packed[2] &= 0x7f;
        assertEq(_effects(), before, "nothing has changed");
        _handlePacked(0, packed, signatures);
        assertEq(bridge.laneState().handleNonce, 4, "handled when it is well formed");
    }

    function test_without_a_transfer_there_is_nothing_to_handle() external {
        bytes[3] memory nothing = [bytes(hex""), hex"00", hex"0000"];
        for (uint256 i = 0; i < nothing.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNothingToHandle.selector));
            _handlePacked(0, nothing[i], _unsigned());
        }
    }

    // ---- steps ----

    /// @dev A minted token, the native currency, an ERC-721 with a URI, and a request that is held.
    function _payable() private {
        _seedNative(10);
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 5);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, RECIPIENT, 3);
        _far(Kinds.ERC721, FAR_MINTED_NFT, RECIPIENT, 7, _payload721("uri", ""));
        _far(Kinds.ERC20, FAR_UNKNOWN, RECIPIENT, 9);
    }

    function _effects() private view returns (bytes32) {
        return keccak256(
            abi.encode(
                bridge.state(),
                bridge.holds(0, 100),
                minted.balanceOf(RECIPIENT),
                RECIPIENT.balance,
                mintedNFT.balanceOf(RECIPIENT)
            )
        );
    }

    function _handlePacked(uint64 first, bytes memory packed, bytes[] memory signatures) private {
        vm.prank(SUBMITTER, SUBMITTER);
        bridge.handle(first, packed, none, signatures);
    }

    function _expectNotHandled(bytes memory packed, bytes[] memory signatures) private {
        vm.expectPartialRevert(PackedTransfers.PackedTransfersMalformed.selector);
        _handlePacked(0, packed, signatures);
    }

    /// @dev As the library reads it with other bytes around it, and as the deployed bridge does.
    function _expectUnpacked(bytes memory packed, ValueTransfer[] memory expected, string memory what) private view {
        bytes memory padding = hex"eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee";
        bytes memory all = bytes.concat(padding, packed, padding);
        ValueTransfer[] memory actual = reader.unpack(all, padding.length, packed.length);
        assertEq(keccak256(abi.encode(actual)), keccak256(abi.encode(expected)), what);
        actual = bridge.unpackTransfers(packed);
        assertEq(keccak256(abi.encode(actual)), keccak256(abi.encode(expected)), what);
    }

    function _expectMalformed(bytes memory packed, uint256 offset, string memory what) private view {
        bytes memory reason = abi.encodeWithSelector(PackedTransfers.PackedTransfersMalformed.selector, offset);
        (bool success, bytes memory result) =
            address(bridge).staticcall(abi.encodeCall(bridge.unpackTransfers, (packed)));
        assertTrue(!success, what);
        assertEq(keccak256(result), keccak256(reason), what);
        bytes memory all = bytes.concat(packed, hex"eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee");
        (success, result) = address(reader).staticcall(abi.encodeCall(PackedReader.unpack, (all, 0, packed.length)));
        assertTrue(!success, what);
        assertEq(keccak256(result), keccak256(reason), what);
    }

    function _expectRefused(bytes memory all, uint256 first, uint256 length) private view {
        (bool success, bytes memory result) =
            address(reader).staticcall(abi.encodeCall(PackedReader.unpack, (all, first, length)));
        assertTrue(!success, "refused");
        assertEq(bytes32(bytes4(result)), PackedTransfers.PackedTransfersMalformed.selector, "reason");
    }

    /// @dev Fields that repeat and fields that do not, whatever they mean. Blocks do not fall.
    function _arbitrary(uint256 seed, uint256 count) private view returns (ValueTransfer[] memory transfers) {
        address[6] memory accounts =
            [address(0), USER, RECIPIENT, address(type(uint160).max), FAR_MINTED, address(uint160(seed))];
        uint256 height = uint64(seed >> 192) >> (seed % 64);
        transfers = new ValueTransfer[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 word = uint256(keccak256(abi.encode(seed, i)));
            uint256 delta = uint64(word >> 128) >> (word % 65);
            if (delta <= type(uint64).max - height) height += delta;
            transfers[i] = ValueTransfer({
                sourceBlock: uint64(height),
                kind: word >> 8 & 3 == 0 ? uint8(word >> 16) : uint8(word >> 10 & 1),
                token: accounts[(word >> 24) % 6],
                from: accounts[(word >> 32) % 6],
                to: accounts[(word >> 40) % 6],
                refundTo: accounts[(word >> 48) % 6],
                value: uint256(keccak256(abi.encode(word))) >> (word >> 56) % 257,
                payload: word >> 64 & 1 == 0 ? bytes("") : _bytes(word, (word >> 72) % 70)
            });
        }
    }

    function _bytes(uint256 seed, uint256 length) private pure returns (bytes memory random) {
        random = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            random[i] = bytes1(uint8(seed >> i % 250));
        }
    }

    function _cut(bytes memory whole, uint256 length) private pure returns (bytes memory part) {
        part = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            part[i] = whole[i];
        }
    }

    function _firstOf(ValueTransfer[] memory all, uint256 count) private pure returns (ValueTransfer[] memory first) {
        first = new ValueTransfer[](count);
        for (uint256 i = 0; i < count; ++i) {
            first[i] = all[i];
        }
    }

    function _transfersOf(string memory json, string memory path)
        private
        view
        returns (ValueTransfer[] memory transfers)
    {
        uint256 count;
        while (vm.keyExistsJson(json, _at(path, count))) ++count;
        transfers = new ValueTransfer[](count);
        for (uint256 i = 0; i < count; ++i) {
            string memory entry = _at(path, i);
            transfers[i] = ValueTransfer({
                sourceBlock: uint64(vm.parseJsonUint(json, string.concat(entry, ".sourceBlock"))),
                kind: uint8(vm.parseJsonUint(json, string.concat(entry, ".kind"))),
                token: vm.parseJsonAddress(json, string.concat(entry, ".token")),
                from: vm.parseJsonAddress(json, string.concat(entry, ".from")),
                to: vm.parseJsonAddress(json, string.concat(entry, ".to")),
                refundTo: vm.parseJsonAddress(json, string.concat(entry, ".refundTo")),
                value: vm.parseJsonUint(json, string.concat(entry, ".value")),
                payload: vm.parseJsonBytes(json, string.concat(entry, ".payload"))
            });
        }
    }

    function _isShortest(string memory json, string memory path) private pure returns (bool) {
        return keccak256(bytes(vm.parseJsonString(json, string.concat(path, ".shortest")))) == keccak256("true");
    }

    function _at(string memory list, uint256 i) private pure returns (string memory) {
        return string.concat(list, "[", vm.toString(i), "]");
    }
}
