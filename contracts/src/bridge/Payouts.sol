// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {HoldReason, PairLimits, ValueTransfer} from "../interfaces/BridgeTypes.sol";
import {IBridgeToken} from "../interfaces/IBridgeToken.sol";
import {IBridgeTransfers} from "../interfaces/IBridgeTransfers.sol";
import {Checkpoints} from "../libraries/Checkpoints.sol";
import {Kinds} from "../libraries/Kinds.sol";
import {Payloads} from "../libraries/Payloads.sol";
import {Acquaintance, IS_COUNTERPART_TOKEN, IS_LOCAL_TOKEN, Outflow, Pair, StoredHold} from "./BridgeStorage.sol";
import {Limits} from "./Limits.sol";

/// @title Pays a request, or holds it
/// @dev Nothing in here reverts because of a token or a recipient; the only revert is for lack of gas, which undoes the
/// whole `handle`. The guard is held, so no other request or payout runs during a call.
abstract contract Payouts is Limits {
    /// @dev What a call costs beside the gas that it hands on: cold account 2 600, value 9 000, new account 25 000, and
    /// the instructions between the check and the call. Unit: gas.
    uint256 private constant CALL_OVERHEAD = 40_000;
    /// @dev Comes free with value; taken off so that every callee gets exactly its cap. Unit: gas.
    uint256 private constant CALL_STIPEND = 2_300;

    /// @dev Handles one request whose checkpoint was approved and whose nonce is already stored as handled.
    function _payOrHold(uint64 nonce, ValueTransfer calldata transfer) internal {
        // A block number beyond 64 bits is out of reach of any chain.
        // forge-lint: disable-next-line(unsafe-typecast)
        HoldReason reason = _pay(nonce, transfer, uint64(block.number));
        if (reason != HoldReason.None) _hold(nonce, Checkpoints.leaf(nonce, transfer), transfer, reason);
    }

    /// @dev Pays, or says why not and leaves nothing changed.
    /// @param heldAtBlock when the request was first to be paid
    function _pay(uint64 nonce, ValueTransfer calldata transfer, uint64 heldAtBlock)
        internal
        returns (HoldReason reason)
    {
        address token;
        (reason, token) = _tokenOf(transfer);
        if (reason != HoldReason.None) return reason;
        Pair storage pair = _pairs[token];
        // All of one slot, read at once.
        (uint128 outstanding, uint32 gasCap, uint8 kind, bool mints, bool limited) =
            (pair.outstanding, pair.gasCap, pair.kind, pair.mints, pair.limited);
        if (!_corresponds(transfer.kind, kind)) return HoldReason.KindMismatch;
        address to = transfer.to;
        if (to == address(0) || to == address(this)) return HoldReason.InvalidRecipient;
        uint256 amount = _amountOf(kind, transfer.value);
        if (amount == 0 || amount > type(uint128).max) return HoldReason.InvalidValue;
        bool whole = kind > Kinds.ERC20 || transfer.payload.length != 0;
        if (whole && !_isDecodable(kind, transfer)) return HoldReason.UndecodablePayload;
        // A wrapped native currency would credit the bridge for it, and nobody's data reach a token. Other payouts are not
        // charged for this look, a cold slot for each recipient: a token that is sent to a token lies there, and neither
        // calls nor credits anyone.
        if ((whole || kind == Kinds.NATIVE) && _acquaintances[to].roles & IS_LOCAL_TOKEN != 0) {
            return HoldReason.InvalidRecipient;
        }

        if (mints) {
            if (amount > type(uint128).max - outstanding) return HoldReason.InvalidValue;
        } else {
            if (amount > outstanding) return HoldReason.InsufficientEscrow;
        }
        // Zero where the pair has no limits, and read only where it has.
        // slither-disable-next-line uninitialized-local
        Outflow memory outflow;
        if (limited) {
            outflow = _outflows[token];
            reason = _checkLimits(token, amount, heldAtBlock);
            if (reason != HoldReason.None) return reason;
        }

        // Before the call, so that whatever the callee reads is what holds if it succeeds.
        // Neither truncates nor overflows: checked above.
        unchecked {
            // forge-lint: disable-next-line(unsafe-typecast)
            pair.outstanding = uint128(mints ? outstanding + amount : outstanding - amount);
        }
        reason =
            whole ? _sendWhole(nonce, transfer, token, gasCap) : _send(nonce, token, kind, mints, gasCap, to, amount);
        if (reason != HoldReason.None) {
            // Nothing else changes these while the guard is held.
            pair.outstanding = outstanding;
            if (limited) _outflows[token] = outflow;
        }
    }

    /// @dev The token of this chain that a request is about, or why there is none. A refund names it, another request its
    /// counterpart.
    function _tokenOf(ValueTransfer calldata transfer) private view returns (HoldReason reason, address token) {
        uint8 kind = transfer.kind;
        if (kind & ~Kinds.REFUND > Kinds.ERC1155) return (HoldReason.UnknownKind, address(0));
        token = transfer.token;
        bool known;
        if (kind & Kinds.REFUND != 0) {
            known = _pairs[token].registered;
        } else {
            Acquaintance storage source = _acquaintances[token];
            (known, token) = (source.roles & IS_COUNTERPART_TOKEN != 0, source.localToken);
        }
        if (!known) reason = HoldReason.UnknownToken;
    }

    /// @dev Fungible corresponds to fungible, whichever is native, and the others to their like; what was requested here goes
    /// back as what it was.
    function _corresponds(uint8 kind, uint8 local) private pure returns (bool) {
        return kind == local || (kind <= Kinds.ERC20 && local <= Kinds.ERC20) || kind == local | Kinds.REFUND;
    }

    /// @dev Delay and leaky bucket; takes from the bucket.
    function _checkLimits(address token, uint256 amount, uint64 heldAtBlock) private returns (HoldReason) {
        PairLimits storage limits = _limits[token];
        if (amount > limits.delayAbove && block.number < uint256(heldAtBlock) + limits.delayBlocks) {
            return HoldReason.Delayed;
        }
        return _fill(token, limits, amount) ? HoldReason.None : HoldReason.OutflowLimited;
    }

    /// @dev A payout of a fungible without data: one call.
    function _send(uint64 nonce, address token, uint8 kind, bool mints, uint256 gasCap, address to, uint256 value)
        private
        returns (HoldReason)
    {
        if (kind == Kinds.NATIVE) {
            (bool paid,,) = _callWithCap(nonce, to, value, gasCap, 0, 0);
            return paid ? HoldReason.None : HoldReason.PayoutFailed;
        }
        bytes32 selector = mints ? IBridgeToken.mint.selector : IERC20.transfer.selector;
        uint256 input;
        // Memory safety: takes 0x60 bytes above the free pointer and writes 0x44 of them. Both functions take an address,
        // whose upper bits Solidity has checked, and an amount.
        assembly ("memory-safe") {
            input := mload(0x40)
            mstore(0x40, add(input, 0x60))
            mstore(input, selector)
            mstore(add(input, 4), to)
            mstore(add(input, 0x24), value)
        }
        (bool success, uint256 size, uint256 word) = _callWithCap(nonce, token, 0, gasCap, input, 0x44);
        if (!success) return HoldReason.PayoutFailed;
        // Silence is consent only from a contract.
        if (size == 0 ? token.code.length != 0 : size >= 32 && word == 1) return HoldReason.None;
        return HoldReason.AnswerUnclear;
    }

    /// @dev A payout of more than one step, in a call of the bridge by itself that has the pair's gas cap and undoes
    /// everything when one of them fails.
    function _sendWhole(uint64 nonce, ValueTransfer calldata transfer, address token, uint256 gasCap)
        private
        returns (HoldReason)
    {
        bytes memory data = abi.encodeCall(IBridgeTransfers.payWhole, (token, transfer));
        uint256 input;
        // Memory safety: an address of memory is computed, nothing is written.
        assembly ("memory-safe") {
            input := add(data, 0x20)
        }
        (bool success, uint256 size, uint256 word) = _callWithCap(nonce, address(this), 0, gasCap, input, data.length);
        if (success) return HoldReason.None;
        // `payWhole` tells its own refusals by one word, and never hands on what a callee says.
        return size == 32 && word == uint256(HoldReason.InsufficientEscrow)
            ? HoldReason.InsufficientEscrow
            : HoldReason.PayoutFailed;
    }

    /// @dev Calls with exactly `gasCap` gas and copies at most one word of the answer. The submitter chooses the gas of the
    /// transaction, so anything less would let it decide who is paid and who is held.
    /// @param input where the call's data lie in memory
    /// @param inputSize how long they are. Unit: bytes.
    function _callWithCap(uint64 nonce, address target, uint256 value, uint256 gasCap, uint256 input, uint256 inputSize)
        private
        returns (bool success, uint256 size, uint256 word)
    {
        // A call hands on at most 63/64 of what is left: L - L/64 >= gasCap holds for L >= gasCap + gasCap/63.
        uint256 required = gasCap + gasCap / 63 + CALL_OVERHEAD;
        if (gasleft() < required) revert BridgeInsufficientGas(nonce, gasleft(), required);
        uint256 given = value == 0 ? gasCap : gasCap - CALL_STIPEND;
        // Memory safety: reads the input, writes only the scratch word at 0.
        assembly ("memory-safe") {
            success := call(given, target, value, input, inputSize, 0, 0x20)
            size := returndatasize()
            word := mload(0)
        }
        // The check above knows what a call costs today; this one needs no prices. Say L was left once the call was paid
        // for. When the callee got less than `given`, that was L - L/64, hence L/64 < given/63; and when it failed because
        // that ran out, L/64 is all that is left. When it got all of `given`, then at least L - given >= L/64 >= given/63
        // is left, whatever it used. A callee that measures its gas and fails early is covered by the first check alone.
        if (!success && gasleft() < given / 63) revert BridgeInsufficientGas(nonce, gasleft(), required);
    }

    /// @dev Stores a hold, and counts it where its token's pair will look.
    function _hold(uint64 nonce, bytes32 leaf, ValueTransfer calldata transfer, HoldReason reason) internal {
        uint256 amount = _amountOf(transfer.kind & ~Kinds.REFUND, transfer.value);
        mapping(address => uint128) storage sums = _heldSums(transfer.kind);
        uint128 held = sums[transfer.token];
        // An amount that does not fit came from no source that counts like this one; the hold itself tells it.
        bool counted = amount <= type(uint128).max - held;
        // Fits and does not overflow: checked in the line before.
        // forge-lint: disable-next-line(unsafe-typecast)
        if (counted) sums[transfer.token] = held + uint128(amount);
        // A block number beyond 64 bits is out of reach of any chain.
        // forge-lint: disable-next-line(unsafe-typecast)
        _holds[nonce] = StoredHold({leaf: leaf, heldAtBlock: uint64(block.number), reason: reason, counted: counted});
        // One per nonce, so it stays below the nonce.
        unchecked {
            ++_counters.heldCount;
        }
        emit ValueTransferHeld(nonce, reason, leaf);
    }

    /// @dev Refunds name a token of this chain, other requests one of the counterpart's.
    function _heldSums(uint8 kind) internal view returns (mapping(address => uint128) storage) {
        return kind & Kinds.REFUND != 0 ? _heldRefunds : _held;
    }

    /// @dev What a request counts in its pair.
    function _amountOf(uint8 kind, uint256 value) internal pure returns (uint256) {
        return kind == Kinds.ERC721 ? 1 : value;
    }

    function _isDecodable(uint8 kind, ValueTransfer calldata transfer) private pure returns (bool) {
        if (kind == Kinds.ERC721) return Payloads.isERC721(transfer.payload);
        if (kind == Kinds.ERC1155) return Payloads.isERC1155(transfer.payload, transfer.value);
        return true;
    }
}
