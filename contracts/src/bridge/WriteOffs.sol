// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BridgeClaims} from "../claims/BridgeClaims.sol";
import {HoldReason, ValueTransfer} from "../interfaces/BridgeTypes.sol";
import {Claim} from "../interfaces/IBridgeClaims.sol";
import {IBridgeHolds} from "../interfaces/IBridgeHolds.sol";
import {PayoutTerms} from "./Payouts.sol";
import {StoredHold} from "./BridgeStorage.sol";
import {Holds} from "./Holds.sol";

/// @title The end of a hold that nothing else ends
/// @dev A pair goes, and a token is handed over, only when nothing of it is held. A recipient that refuses for ever would keep
/// both from happening; its value waits elsewhere then.
abstract contract WriteOffs is Holds {
    /// @inheritdoc IBridgeHolds
    function writeOff(uint64 nonce, ValueTransfer calldata transfer) external {
        _requireConfiguration();
        // Somebody has ended it since the vote: nothing is left to do, and the rest of the vote goes on.
        if (_holds[nonce].reason == HoldReason.None) return;
        ValueTransfer memory held = transfer;
        (, StoredHold memory hold) = _heldRequest(nonce, held);
        // A reason is no amount, see `_heldRequest`.
        // slither-disable-next-line incorrect-equality
        if (hold.reason == HoldReason.AnswerUnclear) revert BridgeWriteOffUnclear(nonce);
        address claimant = held.to;
        // Nobody could claim for them; a refund reaches somebody.
        if (claimant == address(0) || claimant == address(this)) revert BridgeInvalidRecipient(claimant);

        _endHold(nonce, held, hold);
        BridgeClaims claims = _claims();
        held.to = address(claims);
        PayoutTerms memory terms = _noTerms();
        HoldReason reason = _pay(nonce, held, hold.heldAtBlock, terms);
        if (reason != HoldReason.None) revert BridgeReleaseFailed(nonce, reason);
        emit HoldWrittenOff(nonce, claimant, address(claims));
        // A kind has eight bits.
        // forge-lint: disable-next-line(unsafe-typecast)
        claims.record(nonce, Claim(claimant, terms.token, uint8(terms.kind), held.value, held.payload));
    }

    /// @dev Made with the first hold that is written off: most bridges never need it.
    function _claims() private returns (BridgeClaims) {
        address made = _origin.claims;
        if (made == address(0)) {
            made = address(new BridgeClaims());
            _origin.claims = made;
        }
        return BridgeClaims(payable(made));
    }
}
