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

    /// @dev Of the plain form, with `s` in the lower half as the standard wants it.
    function _signatureOfSomebody(bytes32 digest) internal returns (bytes memory signature) {
        signature = svm.createBytes(65, "signature");
        uint256 s;
        assembly ("memory-safe") {
            s := mload(add(signature, 0x40))
        }
        vm.assume(s <= 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0);
        vm.assume(_signer(digest, signature) != address(0));
    }

    /// @dev Of kinds that nobody pays and of amounts that always add up, so that each is held on one path. Nothing that is
    /// proven looks at what a kind or an amount means.
    function _anyTransfers(uint256 size) internal returns (ValueTransfer[] memory list) {
        list = new ValueTransfer[](size);
        for (uint256 i = 0; i < size; ++i) {
            list[i] = ValueTransfer({
                kind: uint8(svm.createUint(8, "kind")),
                sourceBlock: uint64(svm.createUint(64, "sourceBlock")),
                token: svm.createAddress("token"),
                from: svm.createAddress("from"),
                to: svm.createAddress("to"),
                refundTo: svm.createAddress("refundTo"),
                value: svm.createUint(96, "value"),
                payload: svm.createBytes(32, "payload")
            });
            vm.assume(list[i].kind > Kinds.ERC1155 && list[i].kind < Kinds.REFUND);
        }
    }

    function _bridgeOf(address[] memory members, uint8 threshold) internal returns (OpenBridge bridge) {
        bridge = new OpenBridge();
        bridge.replaceOperators(members, threshold);
    }

    /// @dev A bridge with one operator, who alone is the threshold, at any place of its lane.
    function _placed(uint64 nonce, bytes32 root) internal returns (OpenBridge bridge) {
        bridge = _bridgeOf(_accounts(0xA0, 1), 1);
        bridge.place(nonce, root, svm.createBytes32("lane"));
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
