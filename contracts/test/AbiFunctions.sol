// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Test} from "./Vm.sol";

/// @title The functions of a contract that change something, as its committed ABI lists them
/// @dev `contracts/export --check` proves that the committed ABI is that of the sources. So a test that compares what it
/// covers with this list fails as soon as a function is added that nobody thought of.
abstract contract AbiFunctions is Test {
    uint256 private constant MOST_FUNCTIONS = 100;

    /// Selectors for which a test has a case.
    mapping(bytes4 selector => bool) internal covered;
    uint256 internal coveredCount;

    function _cover(bytes4 selector) internal {
        if (covered[selector]) return;
        covered[selector] = true;
        ++coveredCount;
    }

    function _coverAll(bytes[] memory calls) internal {
        for (uint256 i = 0; i < calls.length; ++i) {
            _cover(bytes4(calls[i]));
        }
    }

    /// @dev Every function that is neither `view` nor `pure` has a case, and every case is of such a function.
    function _expectAllCovered(string memory path) internal view {
        string[] memory signatures = _changingFunctions(path);
        for (uint256 i = 0; i < signatures.length; ++i) {
            assertTrue(covered[bytes4(keccak256(bytes(signatures[i])))], string.concat("no case of ", signatures[i]));
        }
        assertEq(coveredCount, signatures.length, "a case of a function that the ABI does not have");
    }

    /// @dev The signatures of all functions that are neither `view` nor `pure`.
    function _changingFunctions(string memory path) internal view returns (string[] memory signatures) {
        string memory json = vm.readFile(path);
        signatures = new string[](MOST_FUNCTIONS);
        uint256 found;
        for (uint256 i = 0; vm.keyExistsJson(json, _index(".abi", i)); ++i) {
            string memory entry = _index(".abi", i);
            if (!_is(json, string.concat(entry, ".type"), "function")) continue;
            string memory mutability = string.concat(entry, ".stateMutability");
            if (_is(json, mutability, "view") || _is(json, mutability, "pure")) continue;
            signatures[found++] = _signature(json, entry);
        }
        assertTrue(found != 0, "functions");
        // Memory safety: only makes the array shorter.
        assembly ("memory-safe") {
            mstore(signatures, found)
        }
    }

    function _signature(string memory json, string memory entry) private view returns (string memory) {
        string memory name = vm.parseJsonString(json, string.concat(entry, ".name"));
        return string.concat(name, "(", _types(json, string.concat(entry, ".inputs")), ")");
    }

    function _types(string memory json, string memory list) private view returns (string memory types) {
        for (uint256 i = 0; vm.keyExistsJson(json, _index(list, i)); ++i) {
            string memory entry = _index(list, i);
            string memory written = vm.parseJsonString(json, string.concat(entry, ".type"));
            if (_startsWithTuple(written)) {
                string memory inner = _types(json, string.concat(entry, ".components"));
                written = string.concat("(", inner, ")", _behindTuple(written));
            }
            types = i == 0 ? written : string.concat(types, ",", written);
        }
    }

    function _is(string memory json, string memory key, string memory expected) private pure returns (bool) {
        return keccak256(bytes(vm.parseJsonString(json, key))) == keccak256(bytes(expected));
    }

    function _index(string memory list, uint256 i) private pure returns (string memory) {
        return string.concat(list, "[", vm.toString(i), "]");
    }

    function _startsWithTuple(string memory written) private pure returns (bool) {
        return bytes(written).length >= 5 && bytes5(bytes(written)) == "tuple";
    }

    /// @dev What makes an array of it.
    function _behindTuple(string memory written) private pure returns (string memory) {
        bytes memory behind = new bytes(bytes(written).length - 5);
        for (uint256 i = 0; i < behind.length; ++i) {
            behind[i] = bytes(written)[i + 5];
        }
        return string(behind);
    }
}
