// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Checkpoint, ValueTransfer} from "../../src/interfaces/BridgeTypes.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {Vm} from "../Vm.sol";
import {OpenBridge} from "./OpenBridge.sol";

/// @title The cheat codes of halmos that the proofs use: values that stand for every value of their type
interface Svm {
    function createAddress(string calldata name) external returns (address);
    function createBytes(uint256 length, string calldata name) external returns (bytes memory);
    function createBytes32(string calldata name) external returns (bytes32);
    function createUint(uint256 bits, string calldata name) external returns (uint256);
}

/// @title What every proof starts from
/// @dev A proof is a `check_…` function. halmos runs it for all values at once; a failed `assert` refutes it, a revert
/// ends a path without a verdict. `ecrecover` is a function without meaning to halmos, which may return any account for
/// any signature: members, strangers, the same one twice, or zero.
abstract contract Symbolic {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    Svm internal constant svm = Svm(address(uint160(uint256(keccak256("svm cheat code")))));

    address internal constant SUBMITTER = address(0x5B1);
    /// @dev Kind and token, 8 bytes of a block delta, from, to, refundTo, 32 bytes of a value, a payload.
    uint256 private constant HEADER = 0x7e20;

    /// @dev Named accounts: nothing of the bridge looks at what an address is made of, and any signature may be any's.
    function _accounts(uint256 from, uint256 size) internal pure returns (address[] memory list) {
        list = new address[](size);
        for (uint256 i = 0; i < size; ++i) {
            // A small number.
            // forge-lint: disable-next-line(unsafe-typecast)
            list[i] = address(uint160(from + i));
        }
    }

    function _anySignatures(uint256 size, uint256 length) internal returns (bytes[] memory list) {
        list = new bytes[](size);
        for (uint256 i = 0; i < size; ++i) {
            list[i] = svm.createBytes(length, "signature");
        }
    }

    /// @dev Of the plain form and well formed. To a function without meaning one word says who has signed as well as three do.
    function _signatureOfSomebody(bytes32 digest) internal returns (bytes memory signature) {
        signature = abi.encodePacked(svm.createBytes32("r"), uint256(1), uint8(27));
        vm.assume(_signer(digest, signature) != address(0));
    }

    function _signaturesOfSomebody(bytes32 digest, uint256 size) internal returns (bytes[] memory list) {
        list = new bytes[](size);
        for (uint256 i = 0; i < size; ++i) {
            list[i] = _signatureOfSomebody(digest);
        }
    }

    /// @dev One of any 65 bytes, one of any 64, and one of somebody.
    function _threeSignatures(bytes32 digest) internal returns (bytes[] memory list) {
        list = new bytes[](3);
        list[0] = svm.createBytes(65, "plain");
        list[1] = svm.createBytes(64, "compact");
        list[2] = _signatureOfSomebody(digest);
    }

    /// @dev Of a kind that nobody pays and of amounts that always add up, so that each is held on one path. Nothing that is
    /// proven looks at what a kind or an amount means. All are of one block: that `a + (b - a)` is `b` takes solvers long.
    function _anyTransfers(uint256 size) internal returns (ValueTransfer[] memory list) {
        list = new ValueTransfer[](size);
        // forge-lint: disable-next-line(unsafe-typecast)
        uint64 sourceBlock = uint64(svm.createUint(64, "block"));
        for (uint256 i = 0; i < size; ++i) {
            list[i] = ValueTransfer({
                sourceBlock: sourceBlock,
                kind: Kinds.ERC1155 + 1,
                token: svm.createAddress("token"),
                from: svm.createAddress("from"),
                to: svm.createAddress("to"),
                refundTo: svm.createAddress("refundTo"),
                value: svm.createUint(96, "value"),
                payload: svm.createBytes(32, "payload")
            });
        }
    }

    /// @dev As `handle` takes them, with every field written out, so that each has the same known header. That the other ways
    /// to write them say the same, and of requests of other blocks, is for tests.
    function _pack(ValueTransfer[] memory list) internal pure returns (bytes memory packed) {
        packed = abi.encodePacked(uint16(list.length));
        for (uint256 i = 0; i < list.length; ++i) {
            ValueTransfer memory t = list[i];
            uint64 blocks = i == 0 ? t.sourceBlock : 0;
            packed =
                abi.encodePacked(packed, uint16(HEADER), t.kind, t.token, blocks, t.from, t.to, t.refundTo, t.value);
            packed = abi.encodePacked(packed, uint16(t.payload.length), t.payload);
        }
    }

    function _bridgeOf(address[] memory members, uint8 threshold) internal returns (OpenBridge bridge) {
        bridge = new OpenBridge();
        bridge.replaceOperators(members, threshold);
    }

    function _submit(OpenBridge bridge, bytes memory call) internal returns (bool success) {
        vm.prank(SUBMITTER, SUBMITTER);
        (success,) = address(bridge).call(call);
    }

    // ---- what the bridge hashes, once more and without it ----

    function _leafOf(uint64 nonce, ValueTransfer memory t) internal pure returns (bytes32) {
        bytes32 payload = keccak256(t.payload);
        return keccak256(abi.encode(nonce, t.sourceBlock, t.kind, t.token, t.from, t.to, t.refundTo, t.value, payload));
    }

    function _digestOf(OpenBridge bridge, Checkpoint memory checkpoint) internal view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Polyspan"),
                keccak256("1"),
                block.chainid,
                address(bridge)
            )
        );
        bytes32 kind = keccak256("Checkpoint(bytes32 bridgeId,uint64 epoch,uint64 nonce,bytes32 root)");
        bytes32 content =
            keccak256(abi.encode(kind, checkpoint.bridgeId, checkpoint.epoch, checkpoint.nonce, checkpoint.root));
        return keccak256(abi.encodePacked(hex"1901", domain, content));
    }

    function _signer(bytes32 digest, bytes memory signature) internal pure returns (address) {
        uint256 r;
        uint256 s;
        uint256 v;
        assembly ("memory-safe") {
            r := mload(add(signature, 0x20))
            s := mload(add(signature, 0x40))
            // Beyond the end of a compact signature, which does not use it.
            v := byte(0, mload(add(signature, 0x60)))
        }
        if (signature.length == 64) {
            v = 27 + (s >> 255);
            s &= (1 << 255) - 1;
        }
        // A byte, or 27 or 28.
        // forge-lint: disable-next-line(unsafe-typecast)
        return ecrecover(digest, uint8(v), bytes32(r), bytes32(s));
    }

    /// @dev How many of these accounts have signed, once each however often they did.
    function _countSigners(address[] memory members, bytes32 digest, bytes[] memory signatures)
        internal
        pure
        returns (uint256 count)
    {
        for (uint256 m = 0; m < members.length; ++m) {
            uint256 signed = 0;
            for (uint256 i = 0; i < signatures.length; ++i) {
                signed |= _equal(_signer(digest, signatures[i]), members[m]);
            }
            count += signed;
        }
    }

    /// @dev 1 or 0 without a branch, which would double the paths.
    function _equal(address a, address b) internal pure returns (uint256 same) {
        assembly ("memory-safe") {
            same := eq(a, b)
        }
    }
}
