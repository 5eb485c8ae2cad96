// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {HoldReason, ValueTransfer} from "../interfaces/IBridge.sol";
import {IBridgeNFT} from "../interfaces/IBridgeNFT.sol";
import {IBridgeToken} from "../interfaces/IBridgeToken.sol";
import {Checkpoints} from "../libraries/Checkpoints.sol";
import {Kinds} from "../libraries/Kinds.sol";
import {Acquaintance, BridgeStorage, IS_COUNTERPART_TOKEN, IS_LOCAL_TOKEN, Pair, StoredHold} from "./BridgeStorage.sol";

/// @title Pays a request, or holds it
/// @dev Nothing in here reverts because of a token or a recipient; the only revert is for lack of gas, which undoes the
/// whole `handle`. The guard is held, so no other request or payout runs during a call.
abstract contract Payouts is BridgeStorage {
    /// @dev What a call costs beside the gas that it hands on: cold account 2 600, value 9 000, new account 25 000, and
    /// the instructions between the check and the call. Unit: gas.
    uint256 private constant CALL_OVERHEAD = 40_000;
    /// @dev Comes free with value; taken off so that every callee gets exactly its cap. Unit: gas.
    uint256 private constant CALL_STIPEND = 2_300;

    /// @dev Named by hand because ERC-721 has a second function of this name.
    bytes4 private constant SAFE_TRANSFER_FROM = bytes4(keccak256("safeTransferFrom(address,address,uint256)"));

    /// @dev Handles one request whose checkpoint was approved and whose nonce is already stored as handled.
    function _payOrHold(uint64 nonce, ValueTransfer calldata transfer) internal {
        (HoldReason reason, address token) = _pay(nonce, transfer);
        if (reason == HoldReason.None) {
            emit HandleValueTransfer(nonce, transfer.to, token, transfer.value);
        } else {
            _hold(nonce, transfer, reason);
        }
    }

    function _pay(uint64 nonce, ValueTransfer calldata transfer) private returns (HoldReason, address token) {
        if (transfer.kind > Kinds.ERC721) return (HoldReason.UnknownKind, address(0));
        Acquaintance storage source = _acquaintances[transfer.token];
        if (source.roles & IS_COUNTERPART_TOKEN == 0) return (HoldReason.UnknownToken, address(0));
        token = source.localToken;

        Pair storage pair = _pairs[token];
        uint8 kind = pair.kind;
        if ((transfer.kind == Kinds.ERC721) != (kind == Kinds.ERC721)) return (HoldReason.KindMismatch, token);
        address to = transfer.to;
        if (to == address(0) || to == address(this)) return (HoldReason.InvalidRecipient, token);
        // A wrapped native currency would credit the bridge for it. Other kinds are not charged for this look, a cold slot
        // for each recipient: a token that is sent to a token lies there, and neither calls nor credits anyone.
        if (kind == Kinds.NATIVE && _acquaintances[to].roles & IS_LOCAL_TOKEN != 0) {
            return (HoldReason.InvalidRecipient, token);
        }

        uint256 value = transfer.value;
        uint256 amount = kind == Kinds.ERC721 ? 1 : value;
        uint128 outstanding = pair.outstanding;
        bool mints = pair.mints;
        if (amount == 0 || amount > type(uint128).max) return (HoldReason.InvalidValue, token);
        // Before the call, so that whatever the callee reads is what holds if it succeeds.
        // Neither cast truncates nor sum overflows: `amount` fits, checked above, and the bounds are checked here.
        unchecked {
            if (mints) {
                if (amount > type(uint128).max - outstanding) return (HoldReason.InvalidValue, token);
                // forge-lint: disable-next-line(unsafe-typecast)
                pair.outstanding = outstanding + uint128(amount);
            } else {
                if (amount > outstanding) return (HoldReason.InsufficientEscrow, token);
                // forge-lint: disable-next-line(unsafe-typecast)
                pair.outstanding = outstanding - uint128(amount);
            }
        }

        if (_send(nonce, token, kind, mints, pair.gasCap, to, value)) return (HoldReason.None, token);
        // Nothing else changes this field while the guard is held.
        pair.outstanding = outstanding;
        return (HoldReason.PayoutFailed, token);
    }

    /// @dev Whether the value has moved, as far as a callee's answer can tell.
    function _send(uint64 nonce, address token, uint8 kind, bool mints, uint256 gasCap, address to, uint256 value)
        private
        returns (bool)
    {
        if (kind == Kinds.NATIVE) {
            (bool paid,,) = _callWithCap(nonce, to, value, gasCap, "");
            return paid;
        }

        bytes memory call;
        if (kind == Kinds.ERC20) {
            call = mints ? abi.encodeCall(IBridgeToken.mint, (to, value)) : abi.encodeCall(IERC20.transfer, (to, value));
        } else {
            call = mints
                ? abi.encodeCall(IBridgeNFT.safeMint, (to, value))
                : abi.encodeWithSelector(SAFE_TRANSFER_FROM, address(this), to, value);
        }
        (bool success, uint256 size, uint256 word) = _callWithCap(nonce, token, 0, gasCap, call);
        if (!success) return false;
        // Silence is consent only from a contract. An ERC-721 has no word for success, so whatever else it says, such as
        // the id that it minted, means no more than silence.
        if (size == 0 || kind == Kinds.ERC721) return token.code.length != 0;
        return size >= 32 && word == 1;
    }

    /// @dev Calls with exactly `gasCap` gas and copies at most one word of the answer. The submitter chooses the gas of the
    /// transaction, so anything less would let it decide who is paid and who is held.
    function _callWithCap(uint64 nonce, address target, uint256 value, uint256 gasCap, bytes memory input)
        private
        returns (bool success, uint256 size, uint256 word)
    {
        // A call hands on at most 63/64 of what is left: L - L/64 >= gasCap holds for L >= gasCap + gasCap/63.
        uint256 required = gasCap + gasCap / 63 + CALL_OVERHEAD;
        if (gasleft() < required) revert BridgeInsufficientGas(nonce, gasleft(), required);
        uint256 given = value == 0 ? gasCap : gasCap - CALL_STIPEND;
        // Memory safety: reads `input`, writes only the scratch word at 0.
        assembly ("memory-safe") {
            success := call(given, target, value, add(input, 0x20), mload(input), 0, 0x20)
            size := returndatasize()
            word := mload(0)
        }
        // The check above knows what a call costs today; this one needs no prices. Say L was left once the call was paid
        // for. When the callee got less than `given`, that was L - L/64, hence L/64 < given/63; and when it failed because
        // that ran out, L/64 is all that is left. When it got all of `given`, then at least L - given >= L/64 >= given/63
        // is left, whatever it used. A callee that measures its gas and fails early is covered by the first check alone.
        if (!success && gasleft() < given / 63) revert BridgeInsufficientGas(nonce, gasleft(), required);
    }

    function _hold(uint64 nonce, ValueTransfer calldata transfer, HoldReason reason) private {
        bytes32 leaf = Checkpoints.leaf(nonce, transfer);
        _holds[nonce] = StoredHold({
            leaf: leaf,
            // A block number beyond 64 bits is out of reach of any chain.
            // forge-lint: disable-next-line(unsafe-typecast)
            heldAtBlock: uint64(block.number),
            reason: reason
        });
        // One per nonce, so it stays below the nonce.
        unchecked {
            ++_counters.heldCount;
        }
        uint256 amount = transfer.kind == Kinds.ERC721 ? 1 : transfer.value;
        uint128 held = _held[transfer.token];
        // An amount that does not fit came from no source that counts like this one; the hold itself tells it.
        if (amount <= type(uint128).max - held) {
            // Fits and does not overflow: checked in the line before.
            // forge-lint: disable-next-line(unsafe-typecast)
            _held[transfer.token] = held + uint128(amount);
        }
        emit ValueTransferHeld(nonce, reason, leaf);
    }
}
