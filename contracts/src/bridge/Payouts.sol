// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {HoldReason, PairLimits, ValueTransfer} from "../interfaces/BridgeTypes.sol";
import {IBridgeToken} from "../interfaces/IBridgeToken.sol";
import {IBridgePayouts} from "../interfaces/IBridgePayouts.sol";
import {Checkpoints} from "../libraries/Checkpoints.sol";
import {Kinds} from "../libraries/Kinds.sol";
import {Payloads} from "../libraries/Payloads.sol";
import {AddressRole, IS_COUNTERPART_TOKEN, IS_LOCAL_TOKEN, Outflow, Pair, StoredHold, Units} from "./BridgeStorage.sol";
import {Limits} from "./Limits.sol";

/// What payouts have to know of a pair. Read once for requests of one token that follow each other: while the guard is held
/// nothing but a payout changes it, and a payout writes what it changes to the pair before anybody is called.
struct PayoutTerms {
    /// Of the requests that these terms are for. A value that no request has before the first one.
    uint256 sourceKind;
    address sourceToken;
    /// Whether anything of it can be paid, and why not.
    bool payable_;
    HoldReason reason;
    /// The token of this chain, and where its pair is stored.
    address token;
    uint256 pairSlot;
    uint256 outstanding;
    uint256 gasCap;
    /// What has to be left before a call with `gasCap`. Unit: gas.
    uint256 requiredGas;
    uint256 kind;
    bool mints;
    bool limited;
    /// Whether a payout that may run a recipient's code is held instead. Of no pair: `_readTerms` leaves it alone.
    bool defersCalls;
}

/// @title Pays a request, or holds it
/// @dev Nothing in here reverts because of a token or a recipient; the only revert is for lack of gas, which undoes the
/// whole `handle`. The guard is held, so no other request or payout runs during a call.
abstract contract Payouts is Limits {
    /// @dev What a call costs beside the gas that it hands on: cold account 2 600, value 9 000, new account 25 000, and
    /// the instructions between the check and the call. Unit: gas.
    uint256 private constant CALL_OVERHEAD = 40_000;
    /// @dev Comes free with value; taken off so that every callee gets exactly its cap. Unit: gas.
    uint256 private constant CALL_STIPEND = 2_300;

    /// @dev Terms of no request yet.
    function _noTerms() internal pure returns (PayoutTerms memory terms) {
        terms.sourceKind = type(uint256).max;
    }

    /// @dev Handles one request whose checkpoint was approved and whose nonce is already stored as handled.
    function _payOrHold(uint64 nonce, ValueTransfer memory transfer, PayoutTerms memory terms) internal {
        // A block number beyond 64 bits is out of reach of any chain.
        // forge-lint: disable-next-line(unsafe-typecast)
        HoldReason reason = _pay(nonce, transfer, uint64(block.number), terms);
        if (reason != HoldReason.None) _hold(nonce, Checkpoints.leaf(nonce, transfer), transfer, reason);
    }

    /// @dev Pays, or says why not and leaves nothing changed.
    /// @param heldAtBlock when the request was first to be paid
    /// @param terms of the request before, or `_noTerms`
    function _pay(uint64 nonce, ValueTransfer memory transfer, uint64 heldAtBlock, PayoutTerms memory terms)
        internal
        returns (HoldReason reason)
    {
        if (terms.sourceToken != transfer.token || terms.sourceKind != transfer.kind) {
            _readTerms(transfer, terms);
        }
        if (!terms.payable_) return terms.reason;
        uint256 kind = terms.kind;
        address to = transfer.to;
        if (to == address(0) || to == address(this)) return HoldReason.InvalidRecipient;
        uint256 amount = kind == Kinds.ERC721 ? 1 : transfer.value;
        if (amount == 0 || amount > type(uint128).max) return HoldReason.InvalidValue;
        bool whole = kind > Kinds.ERC20 || transfer.payload.length != 0;
        // A wrapped native currency would credit the bridge for it, and nobody's data reach a token. Other payouts are not
        // charged for this look, a cold slot for each recipient: a token that is sent to a token lies there, and neither
        // calls nor credits anyone.
        if ((whole || kind == Kinds.NATIVE) && _addressRoles[to].roles & IS_LOCAL_TOKEN != 0) {
            return HoldReason.InvalidRecipient;
        }

        uint256 outstanding = terms.outstanding;
        uint256 left;
        // Neither line overflows or underflows: the one before it has checked.
        unchecked {
            if (terms.mints) {
                if (amount > type(uint128).max - outstanding) return HoldReason.InvalidValue;
                left = outstanding + amount;
            } else {
                if (amount > outstanding) return HoldReason.InsufficientEscrow;
                left = outstanding - amount;
            }
        }
        // Zero where the pair has no limits, and read only where it has.
        // slither-disable-next-line uninitialized-local
        Outflow memory outflow;
        if (terms.limited) {
            outflow = _outflows[terms.token];
            reason = _checkLimits(terms.token, amount, heldAtBlock);
            if (reason != HoldReason.None) return reason;
        }

        // Before the call, so that whatever the callee reads is what holds if it succeeds.
        // Fits, see above.
        // forge-lint: disable-next-line(unsafe-typecast)
        _pairAt(terms.pairSlot).outstanding = uint128(left);
        if (whole) reason = _sendWhole(nonce, transfer, terms);
        else if (kind == Kinds.NATIVE) reason = _sendNative(nonce, terms, to, amount);
        else reason = _sendERC20(nonce, terms, to, amount);
        if (reason == HoldReason.None) {
            terms.outstanding = left;
        } else {
            // Nothing else changes these while the guard is held. It was read from there.
            // forge-lint: disable-next-line(unsafe-typecast)
            _pairAt(terms.pairSlot).outstanding = uint128(outstanding);
            if (terms.limited) _outflows[terms.token] = outflow;
        }
    }

    /// @dev Reads the terms for a request and those like it that follow.
    function _readTerms(ValueTransfer memory transfer, PayoutTerms memory terms) private view {
        uint8 sourceKind = transfer.kind;
        terms.sourceKind = sourceKind;
        terms.sourceToken = transfer.token;
        (HoldReason reason, address token) = _tokenOf(transfer);
        if (reason == HoldReason.None) {
            Pair storage pair = _pairs[token];
            uint256 slot;
            assembly ("memory-safe") {
                slot := pair.slot
            }
            (terms.token, terms.pairSlot) = (token, slot);
            // All of one slot, read at once.
            (uint256 gasCap, uint8 kind) = (pair.gasCap, pair.kind);
            (terms.outstanding, terms.mints, terms.limited) = (pair.outstanding, pair.mints, pair.limited);
            (terms.gasCap, terms.kind) = (gasCap, kind);
            // A call hands on at most 63/64 of what is left: L - L/64 >= gasCap holds for L >= gasCap + gasCap/63.
            terms.requiredGas = gasCap + gasCap / 63 + CALL_OVERHEAD;
            if (!_corresponds(sourceKind, kind)) reason = HoldReason.KindMismatch;
        }
        terms.reason = reason;
        terms.payable_ = reason == HoldReason.None;
    }

    /// @dev Of a payout that may call its recipient, when nothing of its pair is in the way: a hold for that tells what it waits for.
    /// Precompiled contracts have no code here. Kaia takes no value for them, and nothing else of a payout calls an account without code.
    function _isDeferred(PayoutTerms memory terms, address to) private view returns (bool) {
        return terms.defersCalls && to.code.length != 0;
    }

    /// @dev The pair that `_readTerms` has found.
    function _pairAt(uint256 slot) private pure returns (Pair storage pair) {
        assembly ("memory-safe") {
            pair.slot := slot
        }
    }

    /// @dev The token of this chain that a request is about, or why there is none. A refund names it, another request its
    /// counterpart.
    function _tokenOf(ValueTransfer memory transfer) private view returns (HoldReason reason, address token) {
        uint8 kind = transfer.kind;
        if (kind & ~Kinds.REFUND > Kinds.ERC1155) return (HoldReason.UnknownKind, address(0));
        token = transfer.token;
        bool known;
        if (kind & Kinds.REFUND != 0) {
            known = _pairs[token].registered;
        } else {
            AddressRole storage source = _addressRoles[token];
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

    function _sendNative(uint64 nonce, PayoutTerms memory terms, address to, uint256 value)
        private
        returns (HoldReason)
    {
        if (_isDeferred(terms, to)) return HoldReason.CallDeferred;
        _requireGas(nonce, terms);
        // A cap is far above the stipend.
        uint256 given;
        unchecked {
            given = terms.gasCap - CALL_STIPEND;
        }
        bool paid;
        // Memory safety: touches no memory.
        assembly ("memory-safe") {
            paid := call(given, to, value, 0, 0, 0, 0)
        }
        return paid ? HoldReason.None : HoldReason.PayoutFailed;
    }

    function _sendERC20(uint64 nonce, PayoutTerms memory terms, address to, uint256 value)
        private
        returns (HoldReason)
    {
        _requireGas(nonce, terms);
        (address token, uint256 given) = (terms.token, terms.gasCap);
        bytes32 selector = terms.mints ? IBridgeToken.mint.selector : IERC20.transfer.selector;
        bool success;
        bool confirmed;
        // Memory safety: writes 0x44 bytes above the free pointer, where nothing is kept, and the scratch word at 0. Both functions
        // take an address, whose upper bits are clear, and an amount. Silence is consent only from a contract.
        assembly ("memory-safe") {
            let input := mload(0x40)
            mstore(input, selector)
            mstore(add(input, 4), to)
            mstore(add(input, 0x24), value)
            success := call(given, token, 0, input, 0x44, 0, 0x20)
            switch returndatasize()
            case 0 { confirmed := iszero(iszero(extcodesize(token))) }
            default { confirmed := and(gt(returndatasize(), 0x1f), eq(mload(0), 1)) }
        }
        if (!success) return HoldReason.PayoutFailed;
        return confirmed ? HoldReason.None : HoldReason.AnswerUnclear;
    }

    /// @dev The submitter chooses the gas of the transaction. A callee gets exactly the pair's gas cap, so anything less would let the
    /// submitter decide who is paid and who is held.
    function _requireGas(uint64 nonce, PayoutTerms memory terms) private view {
        uint256 required = terms.requiredGas;
        if (gasleft() < required) revert BridgeInsufficientGas(nonce, gasleft(), required);
    }

    /// @dev A payout of more than one step, in a call of the bridge by itself that has the pair's gas cap and undoes
    /// everything when one of them fails.
    function _sendWhole(uint64 nonce, ValueTransfer memory transfer, PayoutTerms memory terms)
        private
        returns (HoldReason)
    {
        if (_isDeferred(terms, transfer.to)) return HoldReason.CallDeferred;
        bytes memory data = abi.encodeCall(IBridgePayouts.payWhole, (terms.token, transfer));
        _requireGas(nonce, terms);
        uint256 given = terms.gasCap;
        bool success;
        uint256 word;
        // Memory safety: reads `data`, writes only the scratch word at 0. Its own refusals `payWhole` tells by one word, and never
        // hands on what a callee says.
        assembly ("memory-safe") {
            success := call(given, address(), 0, add(data, 0x20), mload(data), 0, 0x20)
            if eq(returndatasize(), 0x20) { word := mload(0) }
        }
        if (success) return HoldReason.None;
        bool told = word == uint256(HoldReason.InsufficientEscrow) || word == uint256(HoldReason.UndecodablePayload);
        return told ? HoldReason(word) : HoldReason.PayoutFailed;
    }

    /// @dev Stores a hold, and counts it where its token's pair will look.
    function _hold(uint64 nonce, bytes32 leaf, ValueTransfer memory transfer, HoldReason reason) internal {
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
        uint64 heldAtBlock = uint64(block.number);
        bool owed = _owes(transfer);
        if (owed) _countOwed(transfer, true);
        _holds[nonce] = StoredHold({leaf: leaf, heldAtBlock: heldAtBlock, reason: reason, counted: counted, owed: owed});
        // One per nonce, so it stays below the nonce.
        unchecked {
            ++_counters.heldCount;
        }
        emit ValueTransferHeld(nonce, reason, leaf);
    }

    /// @dev Whether a request is owed ids of a pair that locks them.
    function _owes(ValueTransfer memory transfer) private view returns (bool) {
        uint8 kind = transfer.kind & ~Kinds.REFUND;
        if (kind < Kinds.ERC721) return false;
        (HoldReason reason, address token) = _tokenOf(transfer);
        if (reason != HoldReason.None || _pairs[token].mints || _pairs[token].kind != kind) return false;
        return kind == Kinds.ERC721 || Payloads.isERC1155(transfer.payload, transfer.value);
    }

    /// @dev Of a request that `_owes`, or did when it was put on hold: its pair cannot go before the hold has.
    function _countOwed(ValueTransfer memory transfer, bool more) internal {
        (, address token) = _tokenOf(transfer);
        if (transfer.kind & ~Kinds.REFUND == Kinds.ERC721) {
            _addOwed(token, transfer.value, 1, more);
            return;
        }
        (uint256[] memory ids, uint256[] memory amounts) = Payloads.decodeERC1155(transfer.payload);
        for (uint256 i = 0; i < ids.length; ++i) {
            // An amount of the payload has 128 bits.
            // forge-lint: disable-next-line(unsafe-typecast)
            _addOwed(token, ids[i], uint128(amounts[i]), more);
        }
    }

    /// @dev Tokens that lie about what they lock could make the sum larger than it can be: it wraps then, and back when their
    /// holds end, since a revert would stop the lane.
    function _addOwed(address token, uint256 id, uint128 amount, bool more) private {
        Units storage units = _units[token][id];
        unchecked {
            units.owed = more ? units.owed + amount : units.owed - amount;
        }
    }

    /// @dev Refunds name a token of this chain, other requests one of the counterpart's.
    function _heldSums(uint8 kind) internal view returns (mapping(address => uint128) storage) {
        return kind & Kinds.REFUND != 0 ? _heldRefunds : _held;
    }

    /// @dev What a request counts in its pair.
    function _amountOf(uint8 kind, uint256 value) internal pure returns (uint256) {
        return kind == Kinds.ERC721 ? 1 : value;
    }
}
