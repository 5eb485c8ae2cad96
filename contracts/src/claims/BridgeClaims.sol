// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {ERC1155Holder} from "@openzeppelin/contracts/token/ERC1155/utils/ERC1155Holder.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {ERC721Holder} from "@openzeppelin/contracts/token/ERC721/utils/ERC721Holder.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";

import {Claim, IBridgeClaims} from "../interfaces/IBridgeClaims.sol";
import {Kinds} from "../libraries/Kinds.sol";
import {Payloads} from "../libraries/Payloads.sol";

/// @title Value of holds that were written off
/// @dev Made by a bridge for itself. A claim is deleted before its effect, so it is paid once.
/// @custom:security-contact SECURITY.md in the project's repository
contract BridgeClaims is IBridgeClaims, ERC721Holder, ERC1155Holder {
    using SafeERC20 for IERC20;

    /// @inheritdoc IBridgeClaims
    address public immutable bridge;

    mapping(uint64 nonce => bytes32 claimHash) private _open;

    constructor() {
        bridge = msg.sender;
    }

    /// @inheritdoc IBridgeClaims
    receive() external payable {
        _requireBridge();
    }

    /// @inheritdoc IBridgeClaims
    function record(uint64 nonce, Claim calldata claim) external {
        _requireBridge();
        // A hold is made once for a nonce, and ends once.
        _open[nonce] = _hashOf(claim);
        emit ClaimRecorded(nonce, claim.claimant, claim);
    }

    /// @inheritdoc IBridgeClaims
    function take(uint64 nonce, Claim calldata claim, address to) external {
        if (msg.sender != claim.claimant) revert BridgeClaimsNotClaimant(msg.sender, claim.claimant);
        if (!isOpen(nonce, claim)) revert BridgeClaimsUnknown(nonce);
        delete _open[nonce];
        emit ClaimPaid(nonce, msg.sender, to);
        if (claim.kind == Kinds.NATIVE) {
            Address.sendValue(payable(to), claim.value);
        } else if (claim.kind == Kinds.ERC20) {
            IERC20(claim.token).safeTransfer(to, claim.value);
        } else if (claim.kind == Kinds.ERC721) {
            // The claimant has chosen, so nobody is asked.
            IERC721(claim.token).transferFrom(address(this), to, claim.value);
        } else {
            (uint256[] memory ids, uint256[] memory amounts) = Payloads.decodeERC1155(claim.payload);
            IERC1155(claim.token).safeBatchTransferFrom(address(this), to, ids, amounts, "");
        }
    }

    /// @inheritdoc IBridgeClaims
    function isOpen(uint64 nonce, Claim calldata claim) public view returns (bool) {
        return _open[nonce] == _hashOf(claim);
    }

    function _hashOf(Claim calldata claim) private pure returns (bytes32) {
        return keccak256(abi.encode(claim));
    }

    function _requireBridge() private view {
        if (msg.sender != bridge) revert BridgeClaimsOnlyBridge(msg.sender);
    }
}
