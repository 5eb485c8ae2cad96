// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

import {HoldReason, ValueTransfer} from "../interfaces/BridgeTypes.sol";
import {IBridgeMultiToken} from "../interfaces/IBridgeMultiToken.sol";
import {IBridgeNFT} from "../interfaces/IBridgeNFT.sol";
import {IBridgeReceiver} from "../interfaces/IBridgeReceiver.sol";
import {IBridgeToken} from "../interfaces/IBridgeToken.sol";
import {IBridgePayouts} from "../interfaces/IBridgePayouts.sol";
import {Kinds} from "../libraries/Kinds.sol";
import {Payloads} from "../libraries/Payloads.sol";
import {BridgeStorage, Pair, Units} from "./BridgeStorage.sol";

/// @title Payouts of more than one step: tokens with ids, and data for the recipient
/// @dev Runs with the pair's gas cap and nothing else, so what happens here does not depend on who submits. Reverts freely:
/// its caller holds the request then. A revert for a reason of the bridge's own is one word, the reason.
abstract contract Delivery is BridgeStorage, IBridgePayouts {
    /// @dev What ERC-165 lets a contract use for its answer. Unit: gas.
    uint256 private constant ERC165_GAS = 30_000;
    /// @dev What the call costs beside that. Unit: gas.
    uint256 private constant ERC165_CALL_OVERHEAD = 5_000;

    /// @dev Named by hand because ERC-721 has a second function of this name.
    bytes4 private constant SAFE_TRANSFER_FROM = bytes4(keccak256("safeTransferFrom(address,address,uint256)"));

    /// @inheritdoc IBridgePayouts
    function payWhole(address token, ValueTransfer calldata transfer) external {
        if (msg.sender != address(this)) revert BridgeOnlySelf(msg.sender);
        Pair storage pair = _pairs[token];
        uint8 kind = pair.kind;
        if (!_isDecodable(kind, transfer)) _refuse(HoldReason.UndecodablePayload);
        bytes calldata extraData;
        if (kind == Kinds.ERC721) extraData = _payERC721(token, pair, transfer);
        else if (kind == Kinds.ERC1155) extraData = _payERC1155(token, pair, transfer);
        else extraData = transfer.payload;

        // A refund pays whoever the user named; the data were for somebody else.
        bool deliver = extraData.length != 0 && transfer.kind & Kinds.REFUND == 0 && _isReceiver(transfer.to);
        if (kind == Kinds.ERC20) _payERC20(token, pair.mints, transfer.to, transfer.value);
        uint256 native = kind == Kinds.NATIVE ? transfer.value : 0;
        if (deliver) {
            _deliver(token, native, transfer, extraData);
        } else if (native != 0) {
            _call(transfer.to, native, "");
        }
    }

    function _deliver(address token, uint256 native, ValueTransfer calldata transfer, bytes calldata extraData)
        private
    {
        bytes memory input = abi.encodeCall(
            IBridgeReceiver.onValueTransfer, (_inboundBridgeId, transfer.from, token, transfer.value, extraData)
        );
        (uint256 size, uint256 word) = _call(transfer.to, native, input);
        if (size < 32 || bytes32(word) != bytes32(IBridgeReceiver.onValueTransfer.selector)) {
            _refuse(HoldReason.PayoutFailed);
        }
    }

    function _payERC20(address token, bool mints, address to, uint256 value) private {
        (uint256 size, uint256 word) = _call(
            token,
            0,
            mints ? abi.encodeCall(IBridgeToken.mint, (to, value)) : abi.encodeCall(IERC20.transfer, (to, value))
        );
        // Whatever it did is undone, so an unclear answer is a plain failure here.
        if (size != 0 && (size < 32 || word != 1)) _refuse(HoldReason.PayoutFailed);
    }

    function _payERC721(address token, Pair storage pair, ValueTransfer calldata transfer)
        private
        returns (bytes calldata)
    {
        (string memory uri, bytes calldata extraData) = Payloads.decodeERC721(transfer.payload);
        (address to, uint256 id) = (transfer.to, transfer.value);
        // Who is paid back is not asked: a refund that its recipient refuses could be ended by nobody.
        bool asks = transfer.kind & Kinds.REFUND == 0;
        if (pair.mints) {
            _call(
                token,
                0,
                asks
                    ? abi.encodeCall(IBridgeNFT.safeMint, (to, id, uri))
                    : abi.encodeCall(IBridgeNFT.mint, (to, id, uri))
            );
        } else {
            if (_units[token][id].here == 0) _refuse(HoldReason.InsufficientEscrow);
            _units[token][id].here = 0;
            bytes4 selector = asks ? SAFE_TRANSFER_FROM : IERC721.transferFrom.selector;
            _call(token, 0, abi.encodeWithSelector(selector, address(this), to, id));
        }
        return extraData;
    }

    function _payERC1155(address token, Pair storage pair, ValueTransfer calldata transfer)
        private
        returns (bytes calldata)
    {
        (uint256[] memory ids, uint256[] memory amounts) = Payloads.decodeERC1155(transfer.payload);
        if (pair.mints) {
            _call(token, 0, abi.encodeCall(IBridgeMultiToken.mintBatch, (transfer.to, ids, amounts)));
        } else {
            for (uint256 i = 0; i < ids.length; ++i) {
                Units storage units = _units[token][ids[i]];
                uint256 here = units.here;
                if (here < amounts[i]) _refuse(HoldReason.InsufficientEscrow);
                // Fits: it is not above what was there.
                // forge-lint: disable-next-line(unsafe-typecast)
                units.here = uint128(here - amounts[i]);
            }
            bytes memory call =
                abi.encodeCall(IERC1155.safeBatchTransferFrom, (address(this), transfer.to, ids, amounts, ""));
            _call(token, 0, call);
        }
        return Payloads.extraDataOfERC1155(transfer.payload);
    }

    /// @dev A call of which everything fails if it does. Silence is consent only from a contract. What a callee says is
    /// looked at up to one word, and never handed on.
    function _call(address target, uint256 value, bytes memory input) private returns (uint256 size, uint256 word) {
        bool success;
        // Memory safety: reads `input`, writes only the scratch word at 0.
        assembly ("memory-safe") {
            success := call(gas(), target, value, add(input, 0x20), mload(input), 0, 0x20)
            size := returndatasize()
            word := mload(0)
        }
        if (!success || (input.length != 0 && target.code.length == 0)) _refuse(HoldReason.PayoutFailed);
    }

    /// @dev Whether an account wants data. An account without code, or one that does not say so, is paid without them. One
    /// that says yes to everything does not say so: ERC-165 has a question whose answer is no.
    function _isReceiver(address account) private view returns (bool) {
        if (account.code.length == 0) return false;
        return _supports(account, type(IBridgeReceiver).interfaceId) && !_supports(account, 0xffffffff);
    }

    function _supports(address account, bytes4 interfaceId) private view returns (bool) {
        if (gasleft() < ERC165_GAS + ERC165_GAS / 63 + ERC165_CALL_OVERHEAD) _refuse(HoldReason.PayoutFailed);
        bytes memory input = abi.encodeCall(IERC165.supportsInterface, (interfaceId));
        bool success;
        uint256 word;
        uint256 size;
        // Memory safety: reads `input`, writes only the scratch word at 0.
        assembly ("memory-safe") {
            success := staticcall(ERC165_GAS, account, add(input, 0x20), mload(input), 0, 0x20)
            size := returndatasize()
            word := mload(0)
        }
        return success && size >= 32 && word == 1;
    }

    function _isDecodable(uint8 kind, ValueTransfer calldata transfer) private pure returns (bool) {
        if (kind == Kinds.ERC721) return Payloads.isERC721(transfer.payload);
        if (kind == Kinds.ERC1155) return Payloads.isERC1155(transfer.payload, transfer.value);
        return true;
    }

    function _refuse(HoldReason reason) private pure {
        // Memory safety: writes only the scratch word at 0, and ends the call.
        assembly ("memory-safe") {
            mstore(0, reason)
            revert(0, 0x20)
        }
    }
}
