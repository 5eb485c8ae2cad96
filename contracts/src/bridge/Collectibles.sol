// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {IERC721Metadata} from "@openzeppelin/contracts/token/ERC721/extensions/IERC721Metadata.sol";

import {IBridgeMultiToken} from "../interfaces/IBridgeMultiToken.sol";
import {IBridgeNFT} from "../interfaces/IBridgeNFT.sol";
import {Pair} from "./BridgeStorage.sol";
import {Intake, Terms} from "./Intake.sol";

/// @title Takes in tokens that have an id
/// @dev A lock pair counts the units of each id, so that nothing is credited twice however often a token says that it came.
abstract contract Collectibles is Intake {
    /// @dev Gas for asking a token where its metadata are. Enough to read 512 bytes from storage. Unit: gas.
    uint256 private constant URI_GAS = 200_000;
    /// @dev What the call costs beside that. Unit: gas.
    uint256 private constant URI_CALL_OVERHEAD = 10_000;

    /// @dev Counts an ERC-721 token that the bridge has now, and burns it if this side mints. Returns its URI, if this side
    /// locks it: the other side will want it.
    function _takeERC721(address token, Pair storage pair, Terms memory terms, uint256 id)
        internal
        returns (bytes memory uri)
    {
        if (IERC721(token).ownerOf(id) != address(this)) revert BridgeNotTokenOwner(token, id);
        _enter(token, pair, terms, 1);
        if (terms.mints) {
            _burnERC721(token, pair, id);
        } else {
            if (_units[token][id].here != 0) revert BridgeNotTokenOwner(token, id);
            _units[token][id].here = 1;
            uri = _tokenURI(token, id, terms.itemBound);
        }
    }

    /// @dev Counts units of an ERC-1155 that the bridge has now, and burns them if this side mints.
    function _takeERC1155(
        address token,
        Pair storage pair,
        Terms memory terms,
        uint256[] calldata ids,
        uint256[] calldata amounts,
        uint256 sum
    ) internal {
        _enter(token, pair, terms, sum);
        if (terms.mints) {
            uint256 before = _unitsHere(token, ids);
            IBridgeMultiToken(token).burnBatch(ids, amounts);
            // A token that keeps what it was told to burn would be minted twice.
            if (_unitsHere(token, ids) + sum != before) revert BridgePairInvalid(token, pair.counterpartToken);
        } else {
            _lockERC1155(token, ids, amounts);
        }
    }

    function _lockERC1155(address token, uint256[] calldata ids, uint256[] calldata amounts) internal {
        for (uint256 i = 0; i < ids.length; ++i) {
            uint256 here = _units[token][ids[i]].here + amounts[i];
            if (IERC1155(token).balanceOf(address(this), ids[i]) < here) revert BridgeNotTokenOwner(token, ids[i]);
            // Fits: the units of all ids are the pair's escrow, which has taken the amounts.
            // forge-lint: disable-next-line(unsafe-typecast)
            _units[token][ids[i]].here = uint128(here);
        }
    }

    /// @dev The units of all ids together. Ids must rise, so that each is named once, and no amount may be 0.
    function _sumOf(uint256[] calldata ids, uint256[] calldata amounts, Terms memory terms)
        internal
        pure
        returns (uint256 sum)
    {
        if (ids.length == 0 || ids.length > terms.itemBound || ids.length != amounts.length) {
            revert BridgeInvalidIds(ids.length, amounts.length, terms.itemBound);
        }
        for (uint256 i = 0; i < ids.length; ++i) {
            if (i > 0 && ids[i] <= ids[i - 1]) revert BridgeIdsNotRising(ids[i]);
            if (amounts[i] == 0) revert BridgeZeroValue();
            if (amounts[i] > type(uint128).max) revert BridgeValueTooLarge(amounts[i]);
            sum += amounts[i];
        }
    }

    function _burnERC721(address token, Pair storage pair, uint256 id) private {
        IBridgeNFT(token).burn(id);
        // A token that keeps what it was told to burn would exist on both sides. What was burnt has no owner, which most
        // tokens say by a revert.
        try IERC721(token).ownerOf(id) returns (address owner) {
            if (owner == address(this)) revert BridgePairInvalid(token, pair.counterpartToken);
        } catch {}
    }

    /// @dev Empty when the token has none to tell. What it answers is decoded here, where a revert costs its user a request
    /// and no lane anything.
    function _tokenURI(address token, uint256 id, uint256 bound) private view returns (bytes memory) {
        // Else the gas of the transaction would decide whether the URI travels.
        uint256 required = URI_GAS + URI_GAS / 63 + URI_CALL_OVERHEAD;
        if (gasleft() < required) revert BridgeInsufficientGas(_lanes.requestNonce, gasleft(), required);
        (bool told, bytes memory answer) =
            token.staticcall{gas: URI_GAS}(abi.encodeCall(IERC721Metadata.tokenURI, (id)));
        if (!told || answer.length < 64) return "";
        bytes memory uri = abi.decode(answer, (bytes));
        if (uri.length > bound) revert BridgeTokenURITooLong(uri.length, bound);
        return uri;
    }

    function _unitsHere(address token, uint256[] calldata ids) private view returns (uint256 sum) {
        for (uint256 i = 0; i < ids.length; ++i) {
            sum += IERC1155(token).balanceOf(address(this), ids[i]);
        }
    }
}
