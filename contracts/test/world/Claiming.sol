// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {HoldReason, ValueTransfer} from "../../src/interfaces/BridgeTypes.sol";
import {Claim, IBridgeClaims} from "../../src/interfaces/IBridgeClaims.sol";
import {Change, Topic} from "./Changes.sol";
import {Content} from "./Lanes.sol";
import {Governing} from "./Governing.sol";

/// @title Holds that governors write off, and whoever takes what was written off
abstract contract Claiming is Governing {
    /// @dev Up to so many holds in one vote, each of another pair.
    uint256 private constant MOST_AT_ONCE = 4;

    /// @dev A vote like others: somebody may end the hold before it is executed.
    function _voteWriteOff() internal {
        uint256 lane = _pick(2);
        for (uint256 tries = 0; tries < 2; ++tries) {
            lane = 1 - lane;
            if (_pending[1 - lane].length == MOST_PENDING) continue;
            Change memory change;
            change.topic = Topic.WriteOff;
            change.nonces = _holdsToWriteOff(lane);
            if (change.nonces.length == 0) continue;
            _enter(1 - lane);
            return _scheduleOn(1 - lane, change);
        }
        _inVain();
    }

    /// @dev Only its claimant, to whom it likes, once.
    function _takeClaim() internal {
        uint256 lane = _pick(2);
        if (_claims[lane].length == 0) lane = 1 - lane;
        if (_claims[lane].length == 0) {
            if (!_isPending(1 - lane, Topic.WriteOff)) lane = 1 - lane;
            _executeUntilClaimed(lane);
        }
        _takeClaimAt(lane, _pick(_claims[lane].length));
    }

    function _takeClaimAt(uint256 lane, uint256 index) internal {
        uint256 side = 1 - lane;
        _enter(side);
        uint256 nonce = _claims[lane][index];
        Claim memory claim = _claimOf(lane, nonce);
        address to = users[_pick(USERS)];
        bytes memory call = abi.encodeCall(IBridgeClaims.take, (uint64(nonce), claim, to));
        bytes memory reason = abi.encodeWithSelector(
            IBridgeClaims.BridgeClaimsNotClaimant.selector, address(bridges[side]), claim.claimant
        );
        _expectRefused(address(bridges[side]), claims[side], 0, call, reason);
        assertTrue(IBridgeClaims(payable(claims[side])).isOpen(uint64(nonce), claim), "a claim is open");
        _execute(claim.claimant, claims[side], 0, call);
        _take(lane, nonce, claims[side]);
        _give(lane, nonce, to);
        _claims[lane][index] = _claims[lane][_claims[lane].length - 1];
        _claims[lane].pop();
        reason = _reason(IBridgeClaims.BridgeClaimsUnknown.selector, nonce);
        _expectRefused(claim.claimant, claims[side], 0, call, reason);
    }

    /// @notice What was written off of the requests of a lane and not taken yet.
    function openClaims(uint256 lane) external view returns (uint256[] memory) {
        return _claims[lane];
    }

    /// @dev Executes what waits in front of a write-off, and that.
    function _executeUntilClaimed(uint256 lane) private {
        while (_claims[lane].length == 0) {
            if (!_isPending(1 - lane, Topic.WriteOff)) _inVain();
            _executeOldest(1 - lane);
        }
    }

    function _claimOf(uint256 lane, uint256 nonce) private view returns (Claim memory) {
        ValueTransfer storage t = _requests[lane][nonce];
        (uint256 side, uint256 pair) = (1 - lane, _contents[lane][nonce].pair);
        return
            Claim({claimant: t.to, token: tokens[side][pair], kind: kindOf(pair), value: t.value, payload: t.payload});
    }

    function _take(uint256 lane, uint256 nonce, address from) private {
        (uint256 side, uint256 pair) = (1 - lane, _contents[lane][nonce].pair);
        if (pair == NATIVE) nativeDue[from] -= amountOf(lane, nonce);
        else tokenDue[side][pair][from] -= amountOf(lane, nonce);
        if (pair != MULTI) return;
        Content storage content = _contents[lane][nonce];
        for (uint256 i = 0; i < content.ids.length; ++i) {
            unitsDue[side][content.ids[i]][from] -= content.amounts[i];
        }
    }

    /// @dev Holds that nothing is in the way of but their recipient, mostly; the newest first.
    function _holdsToWriteOff(uint256 lane) private returns (uint64[] memory nonces) {
        nonces = new uint64[](MOST_AT_ONCE);
        uint256 count = 0;
        uint256 pairs = 0;
        uint256[] storage open = _open[lane];
        for (uint256 i = open.length; i > 0 && count < MOST_AT_ONCE; --i) {
            uint256 nonce = open[i - 1];
            uint256 pair = _contents[lane][nonce].pair;
            if (pair >= HONEST || pairs & (1 << pair) != 0) continue;
            bool payable_ = _obstacleHere(lane, nonce, heldAt[lane][nonce]) == HoldReason.None;
            if ((!payable_ || !_isForGovernors(lane, nonce)) && _pick(8) != 0) continue;
            pairs |= 1 << pair;
            nonces[count++] = uint64(nonce);
        }
        assembly ("memory-safe") {
            mstore(nonces, count)
        }
    }
}
