// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";

import {Construction, HoldReason, PairState} from "../../src/interfaces/BridgeTypes.sol";
import {IBridge} from "../../src/interfaces/IBridge.sol";
import {IBridgeConfiguration} from "../../src/interfaces/IBridgeConfiguration.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {IBridgeHolds} from "../../src/interfaces/IBridgeHolds.sol";
import {IBridgeMigration} from "../../src/interfaces/IBridgeMigration.sol";
import {BridgeMinted} from "../../src/tokens/BridgeMinted.sol";
import {Hostility} from "./Hostility.sol";
import {Approval} from "./Paying.sol";

/// @title Successors of both bridges, and value that moves to them and back
/// @dev Each is the predecessor of the other, so that the value can come back and the world goes on. Successors take no requests.
abstract contract Succeeding is Hostility {
    uint256 private constant MOST_AT_ONCE = 8;
    uint256 private constant IDS = 8;

    IBridge[2] public successors;
    /// What lies with the successor now, and all that was ever moved there and back.
    mapping(uint256 side => mapping(uint256 pair => uint256)) public away;
    mapping(uint256 side => mapping(uint256 pair => uint256)) public movedThere;
    mapping(uint256 side => mapping(uint256 pair => uint256)) public movedBack;
    /// Whether the successor mints what side 1 minted.
    mapping(uint256 pair => bool) public handedOver;
    mapping(uint256 side => uint256) private _movableAt;
    mapping(uint256 side => uint64) private _nonceOfSuccessor;

    constructor() {
        for (uint256 side = 0; side < 2; ++side) {
            Construction memory construction = Construction({
                operators: _members(_operators[side].keys),
                operatorThreshold: _operators[side].threshold,
                governors: _members(_governors[side].keys),
                governorThreshold: _governors[side].threshold,
                governanceDelay: GOVERNANCE_DELAY,
                refundDelay: REFUND_DELAY,
                greatestGasCap: MAX_GAS_CAP,
                defersCalls: _defersCalls(side),
                development: false
            });
            bytes memory arguments = abi.encode(_newParts(), construction);
            successors[side] = IBridge(payable(vm.deployCode("Bridge.sol:Bridge", arguments)));
        }
        for (uint256 side = 0; side < 2; ++side) {
            _start(side);
        }
    }

    // ---- steps ----

    /// @dev Nothing can be moved before requests were stopped for the public delay.
    function _stopOrAllow() internal {
        uint256 side = _pick(2);
        if (!stopped[side] && stopped[1 - side] && _pick(4) != 0) side = 1 - side;
        bool stops = !stopped[side];
        // What was burnt or minted here must be counted here.
        if (!stops && _isAway(side)) _inVain();
        _enter(side);
        if (stops) {
            bytes memory early = _migration(side, NATIVE, 1, 0);
            bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgeRequestsNotStopped.selector);
            _expectRefused(address(bridges[side]), address(bridges[side]), 0, early, reason);
        }
        _voteAndWait(side, _one(abi.encodeCall(IBridgeConfiguration.setRequestsStopped, (stops))));
        stopped[side] = stops;
        if (!stops) return;
        _movableAt[side] = _time + GOVERNANCE_DELAY;
        bytes memory tooLate =
            abi.encodeWithSelector(IBridgeErrors.BridgeStoppedTooLately.selector, _movableAt[side], _time);
        _expectRefused(address(bridges[side]), address(bridges[side]), 0, _migration(side, NATIVE, 1, 0), tooLate);
    }

    /// @dev A part of a pair, or all that there is, or more. Holds and refunds that come after the vote do not undo it.
    function _migrateSome() internal {
        uint256 side = _stoppedSide();
        uint256 pair = _pick(HONEST);
        for (uint256 i = 0; i < HONEST && _movable(side, pair, 1) == 0; ++i) {
            pair = (pair + 1) % HONEST;
        }
        _enter(side);
        _awaitMovable(side);
        _drainSometimes(1 - side);
        uint256 most = 1 + _pick(2 * (escrowDue[side][pair] + mintedDue[side][pair]) + 1);
        uint256 inbound = handled[1 - side];
        bytes memory call = _migration(side, pair, most, inbound);
        uint64 nonce = _voteLater(side, _one(call));
        _refundOne(side);
        _enter(side);
        _drainSometimes(1 - side);
        bytes memory early = _migration(side, pair, most, handled[1 - side] + 1);
        bytes memory reason = abi.encodeWithSelector(
            IBridgeErrors.BridgeLaneNotDrained.selector, handled[1 - side], handled[1 - side] + 1
        );
        _expectRefused(address(bridges[side]), address(bridges[side]), 0, early, reason);

        uint256 moved = _movable(side, pair, most);
        if (moved == 0) _inVain();
        _executeLater(side, nonce, _one(call));
        _moveThere(side, pair, moved);
        _checkPair(side, pair);
    }

    /// @dev Only when nothing is held; then the rest of what was minted goes along.
    function _handOverOne() internal {
        if (!stopped[1]) _inVain();
        uint256[3] memory minted = [TOKEN, NFT, MULTI];
        uint256 pair = minted[_pick(3)];
        if (handedOver[pair]) _inVain();
        _enter(1);
        address token = tokens[1][pair];
        bytes memory call =
            abi.encodeCall(IBridgeMigration.handOver, (token, address(successors[1]), uint64(handled[0])));
        if (heldDue[1][pair] != 0) {
            uint256 held = heldDue[1][pair];
            _awaitMovable(1);
            bytes memory reason = abi.encodeWithSelector(
                IBridgeErrors.BridgePairInUse.selector, token, mintedDue[1][pair], held, _locked[1][pair]
            );
            _expectRefused(address(bridges[1]), address(bridges[1]), 0, call, reason);
            _endHoldsOf(pair);
        }
        if (heldDue[1][pair] != 0) _inVain();
        uint64 nonce = _voteLater(1, _one(call));
        _executeLater(1, nonce, _one(call));
        uint256 rest = mintedDue[1][pair];
        _moveThere(1, pair, rest);
        handedOver[pair] = true;
        assertEq(BridgeMinted(token).bridge(), address(successors[1]), "one account mints");
        _checkPair(1, pair);
    }

    /// @dev All of it, in one vote of the successor.
    function _giveBack() internal {
        uint256 side = _pick(2);
        if (!_isAway(side)) side = 1 - side;
        if (!_isAway(side)) _inVain();
        _enter(side);
        _expectStrangerRefused(side);
        bytes[] memory calls = new bytes[](HONEST);
        uint256 count = 0;
        for (uint256 pair = 0; pair < HONEST; ++pair) {
            if (away[side][pair] == 0 && !handedOver[pair]) continue;
            if (side == 0 && away[0][pair] == 0) continue;
            bool mintsHere = side == 1 && handedOver[pair];
            calls[count++] = mintsHere
                ? abi.encodeCall(IBridgeMigration.handOver, (tokens[side][pair], address(bridges[side]), 0))
                : _migrationOf(successors[side], bridges[side], side, pair, away[side][pair], 0);
        }
        assembly ("memory-safe") {
            mstore(calls, count)
        }
        _swap(side);
        uint64 nonce = _voteLater(side, calls);
        _executeLater(side, nonce, calls);
        _swap(side);
        for (uint256 pair = 0; pair < HONEST; ++pair) {
            uint256 amount = away[side][pair];
            away[side][pair] = 0;
            movedBack[side][pair] += amount;
            if (mints(side, pair)) mintedDue[side][pair] += amount;
            else escrowDue[side][pair] += amount;
            if (side == 1) handedOver[pair] = false;
            else if (pair == NFT || pair == MULTI) _readIds(pair, false);
            if (registered(side, pair)) _checkPair(side, pair);
        }
    }

    // ---- what must hold ----

    /// @notice Counters of the successor, and of what it has adopted; balances too.
    function checkSuccessor(uint256 side, uint256 pair) public view {
        if (!registered(side, pair)) return;
        (IBridge successor, address token) = (successors[side], tokens[side][pair]);
        PairState memory state = successor.pairOf(token);
        assertEq(uint256(state.escrow) + state.minted, away[side][pair], "what was moved is what was adopted");
        assertEq(state.adopted, movedThere[side][pair], "adopted there");
        assertEq(bridges[side].pairOf(token).adopted, movedBack[side][pair], "adopted here");
        assertEq(state.held, 0, "nothing is held there");
        if (mints(side, pair)) return;
        if (pair == NATIVE) assertEq(address(successor).balance, away[side][pair], "balance there");
        else if (pair == MULTI) assertEq(_unitsAt(side, address(successor)), away[side][pair], "units there");
        else assertEq(IERC721(token).balanceOf(address(successor)), away[side][pair], "tokens there");
    }

    function _checkPair(uint256 side, uint256 pair) private view {
        PairState memory state = bridges[side].pairOf(tokens[side][pair]);
        assertEq(state.escrow, escrowDue[side][pair], "escrow that stays");
        assertEq(state.minted, mintedDue[side][pair], "minted that stays");
        checkSuccessor(side, pair);
    }

    /// @dev Ids that are not here any more, and tokens that somebody else mints.
    function _obstacleHere(uint256 lane, uint256 nonce, uint256 since) internal view override returns (HoldReason r) {
        r = super._obstacleHere(lane, nonce, since);
        if (r != HoldReason.None) return r;
        (uint256 side, uint256 pair) = (1 - lane, _contents[lane][nonce].pair);
        if (side == 1) return handedOver[pair] ? HoldReason.PayoutFailed : r;
        if (pair == NFT && hereDue[NFT][_requests[lane][nonce].value] == 0) return HoldReason.InsufficientEscrow;
        if (pair != MULTI) return r;
        uint256[] storage ids = _contents[lane][nonce].ids;
        for (uint256 i = 0; i < ids.length; ++i) {
            if (hereDue[MULTI][ids[i]] < _contents[lane][nonce].amounts[i]) return HoldReason.InsufficientEscrow;
        }
    }

    function _expectStrangerRefused(uint256 side) private {
        uint256[] memory none = new uint256[](0);
        bytes memory call = abi.encodeCall(IBridgeMigration.adopt, (tokens[side][LOCKED], false, 1, none, none));
        bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgeNotPredecessor.selector, SUBMITTER);
        _expectRefused(SUBMITTER, address(bridges[side]), 0, call, reason);
        _expectRefused(SUBMITTER, address(successors[side]), 0, call, reason);
    }

    // ---- what moves ----

    /// @dev Worked out without the bridge: of locked value what no hold is owed, of minted value all.
    function _movable(uint256 side, uint256 pair, uint256 most) private view returns (uint256 amount) {
        if (mints(side, pair)) return most < mintedDue[side][pair] ? most : mintedDue[side][pair];
        (uint256 here, uint256 held) = (escrowDue[side][pair], heldDue[side][pair]);
        uint256 available = here > held ? here - held : 0;
        amount = most < available ? most : available;
        if (pair != NFT && pair != MULTI) return amount;
        uint256 free = 0;
        for (uint256 id = 1; id <= (pair == NFT ? lastId : IDS); ++id) {
            uint256 units = hereDue[pair][id];
            if (units > owedDue[pair][id]) free += units - owedDue[pair][id];
        }
        return amount < free ? amount : free;
    }

    function _moveThere(uint256 side, uint256 pair, uint256 amount) private {
        if (mints(side, pair)) mintedDue[side][pair] -= amount;
        else escrowDue[side][pair] -= amount;
        away[side][pair] += amount;
        movedThere[side][pair] += amount;
        if (side == 1 || (pair != NFT && pair != MULTI)) return;
        _readIds(pair, true);
    }

    /// @dev Which ids move is the bridge's choice, but for those that holds are owed.
    function _readIds(uint256 pair, bool stay) private {
        for (uint256 id = 1; id <= (pair == NFT ? lastId : IDS); ++id) {
            uint256 here = _unitsOfId(pair, id, address(bridges[0]));
            (uint256 before, uint256 owed) = (hereDue[pair][id], owedDue[pair][id]);
            if (stay) assertLe(before < owed ? before : owed, here, "an owed id never moves");
            hereDue[pair][id] = here;
        }
    }

    function _migration(uint256 side, uint256 pair, uint256 most, uint256 inbound) private view returns (bytes memory) {
        return _migrationOf(bridges[side], successors[side], side, pair, most, inbound);
    }

    /// @dev Names every id that there is, as governors would that want as much as possible.
    function _migrationOf(IBridge from, IBridge to, uint256 side, uint256 pair, uint256 most, uint256 inbound)
        private
        view
        returns (bytes memory)
    {
        bool units = side == 0 && (pair == NFT || pair == MULTI);
        uint256 count = units ? (pair == NFT ? lastId : IDS) : 0;
        uint256[] memory ids = new uint256[](count);
        uint256[] memory amounts = new uint256[](pair == MULTI ? count : 0);
        for (uint256 i = 0; i < count; ++i) {
            ids[i] = i + 1;
            // Of an id more than there is, where it is not the successor that gives back.
            if (pair == MULTI) amounts[i] = _unitsOfId(pair, i + 1, address(from)) + 1;
        }
        return abi.encodeCall(
            IBridgeMigration.migrate, (tokens[side][pair], address(to), most, ids, amounts, uint64(inbound))
        );
    }

    function _unitsOfId(uint256 pair, uint256 id, address account) private view returns (uint256) {
        address token = tokens[0][pair];
        if (pair == MULTI) return IERC1155(token).balanceOf(account, id);
        return IERC721(token).ownerOf(id) == account ? 1 : 0;
    }

    function _unitsAt(uint256 side, address account) private view returns (uint256 sum) {
        for (uint256 id = 1; id <= IDS; ++id) {
            sum += IERC1155(tokens[side][MULTI]).balanceOf(account, id);
        }
    }

    function _isAway(uint256 side) private view returns (bool) {
        for (uint256 pair = 0; pair < HONEST; ++pair) {
            if (away[side][pair] != 0 || (side == 1 && handedOver[pair])) return true;
        }
        return false;
    }

    // ---- what happens in between ----

    function _stoppedSide() private returns (uint256 side) {
        side = _pick(2);
        if (!stopped[side]) side = 1 - side;
        if (!stopped[side]) _inVain();
    }

    function _drainSometimes(uint256 lane) private {
        if (_pick(2) == 0) return;
        while (handled[lane] < requested(lane)) {
            uint256 most = requested(lane) - handled[lane];
            _handleUntil(lane, handled[lane] + (most < MOST_AT_ONCE ? most : MOST_AT_ONCE), Approval.Signatures);
        }
    }

    /// @dev A refund over there, which is a new request on the lane that was drained.
    function _refundOne(uint256 lane) private {
        for (uint256 i = 0; i < _open[lane].length; ++i) {
            uint256 nonce = _open[lane][i];
            if (isRefund(lane, nonce) || _pick(2) == 0) continue;
            _enter(1 - lane);
            bytes32 digest = _decisionDigest("Refund", lane, nonce);
            _decide(lane, IBridgeHolds.refund.selector, nonce, _quorum(_operators[1 - lane], digest), "");
            return _finish(lane, i, true);
        }
    }

    /// @dev Refunds of them go on although requests are stopped. A refund that cannot be paid stays.
    function _endHoldsOf(uint256 pair) private {
        for (uint256 i = _open[0].length; i > 0; --i) {
            uint256 nonce = _open[0][i - 1];
            if (_contents[0][nonce].pair != pair) continue;
            bool free = _obstacle(0, nonce, heldAt[0][nonce]) == HoldReason.None;
            if (!free && isRefund(0, nonce)) continue;
            bytes32 digest = _decisionDigest(free ? "Release" : "Refund", 0, nonce);
            bytes4 selector = free ? IBridgeHolds.release.selector : IBridgeHolds.refund.selector;
            _decide(0, selector, nonce, _quorum(_operators[1], digest), "");
            _finish(0, i - 1, !free);
        }
    }

    // ---- votes ----

    function _voteAndWait(uint256 side, bytes[] memory calls) private {
        uint64 nonce = _voteLater(side, calls);
        _executeLater(side, nonce, calls);
    }

    function _voteLater(uint256 side, bytes[] memory calls) private returns (uint64 nonce) {
        nonce = configurationNonce[side];
        _configure(side, calls, uint64(_time + 300 days));
    }

    /// @dev After the public delay.
    function _executeLater(uint256 side, uint64 nonce, bytes[] memory calls) private {
        vm.warp(_time += GOVERNANCE_DELAY);
        bytes memory call = abi.encodeCall(IBridgeConfiguration.executeConfiguration, (nonce, calls));
        _execute(SUBMITTER, address(bridges[side]), 0, call);
    }

    function _awaitMovable(uint256 side) private {
        if (_time < _movableAt[side]) vm.warp(_time = _movableAt[side]);
    }

    /// @dev What is voted and executed is the successor's business until it is swapped back.
    function _swap(uint256 side) private {
        (bridges[side], successors[side]) = (successors[side], bridges[side]);
        (configurationNonce[side], _nonceOfSuccessor[side]) = (_nonceOfSuccessor[side], configurationNonce[side]);
    }

    /// @dev The first configuration of a successor, and one of its predecessor, which may take value back.
    function _start(uint256 side) private {
        uint256 count = 0;
        bytes[] memory calls = new bytes[](HONEST + 3);
        calls[count++] = abi.encodeCall(
            IBridgeConfiguration.wire, (uint64(FIRST_CHAIN + 1 - side), address(successors[1 - side]), 0, SALT)
        );
        for (uint256 pair = 0; pair < HONEST; ++pair) {
            if (!registered(side, pair)) continue;
            calls[count++] = abi.encodeCall(IBridgeConfiguration.registerPair, (_pairConfiguration(side, pair)));
        }
        calls[count++] = abi.encodeCall(IBridgeConfiguration.setPredecessor, (address(bridges[side])));
        calls[count++] = abi.encodeCall(IBridgeConfiguration.setRequestsStopped, (true));
        assembly ("memory-safe") {
            mstore(calls, count)
        }
        _enter(side);
        _swap(side);
        _configure(side, calls, uint64(_time));
        _swap(side);
        _voteAndWait(side, _one(abi.encodeCall(IBridgeConfiguration.setPredecessor, (address(successors[side])))));
        predecessor[side] = address(successors[side]);
    }

    function _one(bytes memory call) private pure returns (bytes[] memory calls) {
        calls = new bytes[](1);
        calls[0] = call;
    }
}
