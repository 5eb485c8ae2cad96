// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BridgeStorage} from "../../src/bridge/BridgeStorage.sol";
import {Handling} from "../../src/bridge/Handling.sol";
import {Memberships} from "../../src/bridge/Memberships.sol";
import {HoldReason, Permit, ValueTransfer} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeTransfers} from "../../src/interfaces/IBridgeTransfers.sol";

/// @title What a bridge does beside handling, and no proof is about: left out
abstract contract NothingElse is IBridgeTransfers {
    error LeftOut();

    receive() external payable {
        revert LeftOut();
    }

    function requestNativeTransfer(uint256, address, address, bytes calldata) external payable returns (uint64) {
        revert LeftOut();
    }

    function requestERC20Transfer(address, uint256, address, address, uint256, bytes calldata)
        external
        payable
        returns (uint64)
    {
        revert LeftOut();
    }

    function requestERC20TransferWithPermit(
        address,
        uint256,
        address,
        address,
        uint256,
        bytes calldata,
        Permit calldata
    ) external payable returns (uint64) {
        revert LeftOut();
    }

    function requestERC721Transfer(address, uint256, address, address, bytes calldata)
        external
        payable
        returns (uint64)
    {
        revert LeftOut();
    }

    function requestERC1155Transfer(address, uint256[] calldata, uint256[] calldata, address, address, bytes calldata)
        external
        payable
        returns (uint64)
    {
        revert LeftOut();
    }

    function seed(address, uint256) external payable {
        revert LeftOut();
    }

    function payWhole(address, ValueTransfer calldata) external pure {
        revert LeftOut();
    }

    function release(uint64, ValueTransfer calldata, bytes[] calldata) external pure {
        revert LeftOut();
    }

    function refund(uint64, ValueTransfer calldata, bytes[] calldata) external pure {
        revert LeftOut();
    }

    function forceHold(uint64, ValueTransfer calldata, bytes[] calldata) external pure {
        revert LeftOut();
    }

    function onTransferReceived(address, address, uint256, bytes calldata) external pure returns (bytes4) {
        revert LeftOut();
    }

    function onERC721Received(address, address, uint256, bytes calldata) external pure returns (bytes4) {
        revert LeftOut();
    }

    function onERC1155Received(address, address, uint256, uint256, bytes calldata) external pure returns (bytes4) {
        revert LeftOut();
    }

    function onERC1155BatchReceived(address, address, uint256[] calldata, uint256[] calldata, bytes calldata)
        external
        pure
        returns (bytes4)
    {
        revert LeftOut();
    }

    function supportsInterface(bytes4) external pure returns (bool) {
        return false;
    }
}

/// @title The handling half of a bridge, put into any state of its inbound lane, with its inner checks in reach
/// @dev Adds doors only: whatever is proven about it runs the code of `src`.
contract OpenBridge is Handling, Memberships, NothingElse {
    /// @dev A development bridge, so that one member is enough where the threshold itself is not what is proven.
    constructor() BridgeStorage(true) {}

    /// @dev Wired, with everything before `handleNonce` handled and nothing of it held.
    function place(uint64 nonce, bytes32 root, bytes32 lane) external {
        _lanes.wired = true;
        _lanes.handleNonce = nonce;
        _handleRoot = root;
        _inboundBridgeId = lane;
    }

    function replaceOperators(address[] calldata members, uint8 threshold) external {
        _setOperators(members, threshold);
    }

    function requireThreshold(bytes32 digest, bytes[] calldata signatures) external view {
        _requireThreshold(_operators, _operatorQuorum(), digest, signatures);
    }

    function requireThresholdWithVotes(bytes32 digest, bytes[] calldata signatures) external view {
        _requireThresholdWithVotes(_operatorQuorum(), digest, signatures);
    }

    /// @dev As if the operators with these bits had voted.
    function placeVotes(bytes32 digest, uint256 voters) external {
        _votes[digest] = voters;
    }

    function votesFor(bytes32 digest) external view returns (uint256) {
        return _votes[digest];
    }

    function operatorEpoch() external view returns (uint64) {
        return _lanes.operatorEpoch;
    }

    /// @dev No pair is registered, so what is handled is held: a hold marks a nonce that was handled.
    function isMarked(uint64 nonce) external view returns (bool) {
        return _holds[nonce].reason != HoldReason.None;
    }

    function handleRoot() external view returns (bytes32) {
        return _handleRoot;
    }

    function handleNonce() external view returns (uint64) {
        return _lanes.handleNonce;
    }

    function heldCount() external view returns (uint64) {
        return _counters.heldCount;
    }

    /// @dev The same account, but one path for each operator that it may be: bits are counted in a loop, which has an end
    /// only where they are known.
    function _recover(bytes32 digest, bytes calldata signature) internal view override returns (address signer) {
        signer = super._recover(digest, signature);
        address[] storage list = _operators.list;
        for (uint256 i = 0; i < list.length; ++i) {
            if (signer == list[i]) return list[i];
        }
    }
}
