// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

import {Checkpoints} from "../libraries/Checkpoints.sol";

/// @title EIP-712 domain: name "Polyspan", version "1", the live chain id, the bridge
/// @dev OpenZeppelin's `EIP712` keeps name and version for EIP-5267, which is a thousand bytes of code in each of the two
/// contracts that share one address; here both are constants.
abstract contract Domain {
    bytes32 private constant DOMAIN_TYPE =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant NAME = keccak256("Polyspan");
    bytes32 private constant VERSION = keccak256("1");

    /// @dev Hashed anew each time, about 200 gas: a chain that splits changes its id, and what was signed for one branch
    /// must be worth nothing on the other.
    function _domainSeparator() internal view returns (bytes32) {
        return Checkpoints.hashWords(
            DOMAIN_TYPE, NAME, VERSION, bytes32(block.chainid), bytes32(uint256(uint160(address(this))))
        );
    }

    function _digestOf(bytes32 structHash) internal view returns (bytes32) {
        return MessageHashUtils.toTypedDataHash(_domainSeparator(), structHash);
    }
}
