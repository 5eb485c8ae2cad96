// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";

import {PairLimits, Permit, ValueTransfer} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeCollectibles} from "../../src/interfaces/IBridgeCollectibles.sol";
import {IBridgeRequests} from "../../src/interfaces/IBridgeRequests.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {TestMultiToken} from "../contracts/TestMultiToken.sol";
import {TestNFT} from "../contracts/TestNFT.sol";
import {TestPaymentToken} from "../contracts/TestPaymentToken.sol";
import {Content} from "./Lanes.sol";
import {Ledger} from "./Ledger.sol";

/// A request of an honest pair on its way.
struct Draft {
    uint256 side;
    uint256 pair;
    uint256 user;
    address from;
    address to;
    address refundTo;
    uint256 value;
    uint256 fee;
    bool feeInNative;
    Content content;
}

/// @title Users that request, in all the ways there are, and put things into the bridge
abstract contract Asking is Ledger {
    uint256 private constant IDS = 8;

    function _requestNative() internal {
        Draft memory draft = _draft(_sideFor(NATIVE, false), NATIVE);
        uint256 sent = draft.value + draft.fee + _pick(3);
        _giveNative(draft.from, sent);
        bytes memory call = abi.encodeCall(
            IBridgeRequests.requestNativeTransfer, (draft.value, draft.to, draft.refundTo, draft.content.extraData)
        );
        _ask(draft, address(bridges[draft.side]), sent, call);
        nativeDue[draft.from] -= draft.value;
    }

    /// @dev Value and nothing else: to the same account on the other side.
    function _sendPlainly() internal {
        Draft memory draft = _draft(_sideFor(NATIVE, true), NATIVE);
        (draft.to, draft.refundTo, draft.content.extraData) = (draft.from, draft.from, "");
        _giveNative(draft.from, draft.value);
        _ask(draft, address(bridges[draft.side]), draft.value, "");
        nativeDue[draft.from] -= draft.value;
    }

    function _requestERC20() internal {
        _requestAs(_draftERC20());
    }

    function _requestAs(Draft memory draft) internal {
        uint256 tokenFee = draft.feeInNative ? 0 : draft.fee;
        uint256 sent = draft.feeInNative ? draft.fee + _pick(3) : 0;
        _giveNative(draft.from, sent);
        address token = tokens[draft.side][draft.pair];
        vm.prank(draft.from);
        IERC20(token).approve(address(bridges[draft.side]), draft.value + tokenFee);
        bytes memory call = abi.encodeCall(
            IBridgeRequests.requestERC20Transfer,
            (token, draft.value, draft.to, draft.refundTo, tokenFee + _pick(3), draft.content.extraData)
        );
        _ask(draft, address(bridges[draft.side]), sent, call);
        tokenDue[draft.side][draft.pair][draft.from] -= draft.value;
    }

    function _requestERC20WithPermit() internal {
        Draft memory draft = _draftERC20();
        uint256 tokenFee = draft.feeInNative ? 0 : draft.fee;
        // A permit is for a registered token, whatever else is the case.
        if (!registered(draft.side, draft.pair)) _inVain();
        uint256 sent = draft.feeInNative ? draft.fee : 0;
        _giveNative(draft.from, sent);
        address token = tokens[draft.side][draft.pair];
        bytes memory call = abi.encodeCall(
            IBridgeRequests.requestERC20TransferWithPermit,
            (
                token,
                draft.value,
                draft.to,
                draft.refundTo,
                tokenFee,
                draft.content.extraData,
                _permit(token, draft, draft.value + tokenFee)
            )
        );
        _ask(draft, address(bridges[draft.side]), sent, call);
        tokenDue[draft.side][draft.pair][draft.from] -= draft.value;
    }

    /// @dev The limit for the fee goes along, and what is not used of it comes back.
    function _payERC20() internal {
        Draft memory draft = _draftERC20();
        if (draft.feeInNative) _inVain();
        uint256 limit = draft.fee + _pick(3);
        address token = tokens[draft.side][draft.pair];
        if (tokenDue[draft.side][draft.pair][draft.from] < draft.value + limit) limit = draft.fee;
        bytes memory call = abi.encodeWithSignature(
            "transferAndCall(address,uint256,bytes)",
            address(bridges[draft.side]),
            draft.value + limit,
            _arguments(draft, limit)
        );
        _ask(draft, token, 0, call);
        tokenDue[draft.side][draft.pair][draft.from] -= draft.value;
    }

    function _requestERC721(bool inOneStep) internal {
        Draft memory draft = _draft(_sideFor(NFT, inOneStep), NFT);
        address token = tokens[draft.side][NFT];
        (draft.from, draft.value) = _ownedNFT(draft.side, draft.from);
        draft.refundTo = _account(draft.from);
        address bridge = address(bridges[draft.side]);
        if (inOneStep) {
            bytes memory call = abi.encodeWithSignature(
                "safeTransferFrom(address,address,uint256,bytes)", draft.from, bridge, draft.value, _arguments(draft, 0)
            );
            _ask(draft, token, 0, call);
        } else {
            vm.prank(draft.from);
            IERC721(token).approve(bridge, draft.value);
            uint256 sent = draft.fee + _pick(3);
            _giveNative(draft.from, sent);
            bytes memory call = abi.encodeCall(
                IBridgeCollectibles.requestERC721Transfer,
                (token, draft.value, draft.to, draft.refundTo, draft.content.extraData)
            );
            _ask(draft, bridge, sent, call);
        }
        --tokenDue[draft.side][NFT][draft.from];
        ownerDue[draft.side][draft.value] = address(0);
    }

    function _requestERC1155(bool inOneStep) internal {
        Draft memory draft = _draft(_sideFor(MULTI, inOneStep), MULTI);
        _chooseUnits(draft);
        address token = tokens[draft.side][MULTI];
        address bridge = address(bridges[draft.side]);
        (uint256[] memory ids, uint256[] memory amounts) = (draft.content.ids, draft.content.amounts);
        if (inOneStep) {
            bytes memory data = _arguments(draft, 0);
            bytes memory call = ids.length == 1
                ? abi.encodeCall(IERC1155.safeTransferFrom, (draft.from, bridge, ids[0], amounts[0], data))
                : abi.encodeCall(IERC1155.safeBatchTransferFrom, (draft.from, bridge, ids, amounts, data));
            _ask(draft, token, 0, call);
        } else {
            vm.prank(draft.from);
            IERC1155(token).setApprovalForAll(bridge, true);
            uint256 sent = draft.fee + _pick(3);
            _giveNative(draft.from, sent);
            bytes memory call = abi.encodeCall(
                IBridgeCollectibles.requestERC1155Transfer,
                (token, ids, amounts, draft.to, draft.refundTo, draft.content.extraData)
            );
            _ask(draft, bridge, sent, call);
        }
        tokenDue[draft.side][MULTI][draft.from] -= draft.value;
        for (uint256 i = 0; i < ids.length; ++i) {
            unitsDue[draft.side][ids[i]][draft.from] -= amounts[i];
        }
    }

    // ---- value without a request ----

    function _seedPair() internal {
        uint256[4] memory pairs = [NATIVE, LOCKED, LOCKED, STRAY];
        _seed(_pick(2), pairs[_pick(4)], 1 + _pick(60));
    }

    function _seed(uint256 side, uint256 pair, uint256 value) internal {
        _enter(side);
        address from = users[_pick(USERS)];
        bytes memory call = abi.encodeCall(IBridgeRequests.seed, (tokens[side][pair], value));
        if (pair == NATIVE) {
            _giveNative(from, value);
        } else {
            TestPaymentToken(tokens[side][pair]).mint(from, value);
            vm.prank(from);
            IERC20(tokens[side][pair]).approve(address(bridges[side]), value);
            tokenDue[side][pair][from] += value;
        }
        if (paused[side]) _refusedWhilePaused(side, from, address(bridges[side]), 0, call);
        if (!registered(side, pair) || stopped[side] || _locked[side][pair]) {
            _expectRefused(from, address(bridges[side]), pair == NATIVE ? value : 0, call, _closed(side, pair, true));
            _inVain();
        }
        _execute(from, address(bridges[side]), pair == NATIVE ? value : 0, call);
        if (pair == NATIVE) nativeDue[from] -= value;
        else tokenDue[side][pair][from] -= value;
        escrowDue[side][pair] += value;
        seededDue[side][pair] += value;
    }

    /// @dev Value that arrives without anybody asking for anything.
    function _donate() internal {
        (uint256 side, uint256 value) = (_pick(2), 1 + _pick(1000));
        _enter(side);
        uint256[4] memory gifts = [NATIVE, TOKEN, LOCKED, STRAY];
        uint256 pair = gifts[_pick(4)];
        address bridge = address(bridges[side]);
        if (pair == NATIVE || mints(side, pair) || !registered(side, pair)) {
            pair = NATIVE;
            vm.deal(bridge, bridge.balance + value);
        } else {
            TestPaymentToken(tokens[side][pair]).mint(bridge, value);
        }
        donated[side][pair] += value;
    }

    // ---- drafts ----

    function _draft(uint256 side, uint256 pair) internal returns (Draft memory draft) {
        draft.side = side;
        draft.pair = pair;
        draft.user = _pick(USERS);
        draft.from = users[draft.user];
        draft.to = _recipient();
        draft.refundTo = _account(draft.from);
        PairLimits storage limits = _limits[side][pair];
        (draft.fee, draft.feeInNative) = (limits.fee, limits.feeInNative);
        draft.value = _within(side, pair, 1 + _pick(40));
        draft.content.pair = uint8(pair);
        if (_pick(3) == 0) draft.content.extraData = abi.encodePacked(draft.from, new bytes(_pick(8) ** 3 * 2));
        _enter(side);
    }

    /// @dev A side where the request will pass, if there is one; now and then one where it may be refused.
    function _sideFor(uint256 pair, bool withoutFee) private returns (uint256 side) {
        side = _pick(2);
        if (_pick(8) != 0 && !_isOpen(side, pair, withoutFee)) side = 1 - side;
        if (withoutFee && _limits[side][pair].fee != 0) _inVain();
    }

    function _isOpen(uint256 side, uint256 pair, bool withoutFee) private view returns (bool) {
        if (
            paused[side] || stopped[side] || _locked[side][pair] || !registered(side, pair)
                || (withoutFee && _limits[side][pair].fee != 0)
        ) return false;
        return pair != NFT || side == 0 || _ownsNFT();
    }

    /// @dev Whether some user has a token on side 1.
    function _ownsNFT() private view returns (bool) {
        for (uint256 i = 0; i < USERS; ++i) {
            if (tokenDue[1][NFT][users[i]] != 0) return true;
        }
        return false;
    }

    function _draftERC20() private returns (Draft memory draft) {
        uint256[6] memory pairs = [TOKEN, TOKEN, LOCKED, LOCKED, STRAY, STRAY];
        uint256 choice = _pick(6);
        uint256 side = choice % 2;
        if (_pick(8) != 0 && !_isOpen(side, pairs[choice], false)) side = 1 - side;
        draft = _draft(side, pairs[choice]);
        _provide(draft);
    }

    /// @dev Has the user own what it asks for, or ask for less.
    function _provide(Draft memory draft) internal {
        uint256 tokenFee = draft.feeInNative ? 0 : draft.fee;
        if (!mints(draft.side, draft.pair)) {
            TestPaymentToken(tokens[draft.side][draft.pair]).mint(draft.from, 50);
            tokenDue[draft.side][draft.pair][draft.from] += 50;
        }
        uint256 balance = tokenDue[draft.side][draft.pair][draft.from];
        if (balance < draft.value + tokenFee) {
            uint256 least = _within(draft.side, draft.pair, 1);
            if (balance < least + tokenFee) _inVain();
            draft.value = _within(draft.side, draft.pair, balance - tokenFee);
        }
    }

    /// @dev A token that a user has on this side; side 0 has always another one.
    function _ownedNFT(uint256 side, address user) private returns (address owner, uint256 id) {
        if (side == 0 && (lastId == 0 || _pick(4) != 0)) {
            id = ++lastId;
            TestNFT(tokens[0][NFT]).mint(user, id);
            ++tokenDue[0][NFT][user];
            ownerDue[0][id] = user;
            return (user, id);
        }
        uint256 first = _pick(lastId + 1);
        for (uint256 i = 0; i <= lastId; ++i) {
            id = (first + i) % (lastId + 1);
            owner = ownerDue[side][id];
            if (_isUser(owner)) return (owner, id);
        }
        _inVain();
    }

    /// @dev Up to three rising ids of which the user has some.
    function _chooseUnits(Draft memory draft) private {
        uint256[] memory ids = new uint256[](3);
        uint256[] memory amounts = new uint256[](3);
        uint256 count = 0;
        uint256 wanted = 1 + _pick(3);
        draft.value = 0;
        for (uint256 id = 1 + _pick(4); id <= IDS && count < wanted; ++id) {
            if (draft.side == 0) _mintUnits(draft.from, id);
            uint256 units = unitsDue[draft.side][id][draft.from];
            if (units == 0) continue;
            (ids[count], amounts[count]) = (id, units < 3 ? units : 3 + _pick(units < 6 ? units - 2 : 4));
            draft.value += amounts[count++];
        }
        if (draft.value == 0 || draft.value != _within(draft.side, MULTI, draft.value)) _inVain();
        assembly ("memory-safe") {
            mstore(ids, count)
            mstore(amounts, count)
        }
        (draft.content.ids, draft.content.amounts) = (ids, amounts);
    }

    function _mintUnits(address user, uint256 id) private {
        TestMultiToken(tokens[0][MULTI]).mint(user, id, 6);
        unitsDue[0][id][user] += 6;
        tokenDue[0][MULTI][user] += 6;
    }

    function _recipient() internal returns (address) {
        uint256 choice = _pick(8);
        if (choice < 2) return address(hostile);
        return choice < 4 ? address(receiver) : users[_pick(USERS)];
    }

    /// @dev Who is paid back: mostly the one who asks.
    function _account(address from) internal returns (address) {
        uint256 choice = _pick(6);
        return choice == 0 ? address(hostile) : choice == 1 ? address(receiver) : from;
    }

    function _isUser(address account) private view returns (bool) {
        for (uint256 i = 0; i < USERS; ++i) {
            if (users[i] == account) return true;
        }
        return false;
    }

    /// @dev The nearest amount that the pair allows.
    function _within(uint256 side, uint256 pair, uint256 amount) internal view returns (uint256) {
        PairLimits storage limits = _limits[side][pair];
        if (amount < limits.minimum) return limits.minimum;
        return amount > limits.maximum ? limits.maximum : amount;
    }

    function _giveNative(address account, uint256 value) internal {
        vm.deal(account, account.balance + value);
        nativeDue[account] += value;
    }

    function _arguments(Draft memory draft, uint256 feeLimit) private pure returns (bytes memory) {
        return abi.encode(draft.to, draft.refundTo, feeLimit, draft.content.extraData);
    }

    function _permit(address token, Draft memory draft, uint256 value) private view returns (Permit memory permit) {
        bytes32 typeHash =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 structHash = keccak256(
            abi.encode(
                typeHash, draft.from, address(bridges[draft.side]), value, IERC20Permit(token).nonces(draft.from), _time
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", IERC20Permit(token).DOMAIN_SEPARATOR(), structHash));
        (permit.value, permit.deadline) = (value, _time);
        (permit.v, permit.r, permit.s) = vm.sign(_userKey(draft.user), digest);
    }

    // ---- asking ----

    /// @dev Makes the request, which is refused exactly when the bridge is paused, requests are stopped or the pair is gone or
    /// locked; then it is in vain.
    function _ask(Draft memory draft, address target, uint256 sent, bytes memory call) private {
        (uint256 side, uint256 pair) = (draft.side, draft.pair);
        if (paused[side]) _refusedWhilePaused(side, draft.from, target, sent, call);
        if (stopped[side] || !registered(side, pair) || _locked[side][pair]) {
            _expectRefused(draft.from, target, sent, call, _closed(side, pair, false));
            _inVain();
        }
        _execute(draft.from, target, sent, call);

        bool inNative = draft.feeInNative || pair == NATIVE;
        if (inNative) nativeDue[draft.from] -= draft.fee;
        else tokenDue[side][pair][draft.from] -= draft.fee;
        feesDue[side][inNative ? NATIVE : pair] += draft.fee;
        ValueTransfer memory t = ValueTransfer({
            kind: kindOf(pair),
            sourceBlock: uint64(_height),
            token: tokens[side][pair],
            from: draft.from,
            to: draft.to,
            refundTo: draft.refundTo,
            value: draft.value,
            payload: _payloadOf(kindOf(pair), draft.content)
        });
        _enterRequest(side, t, draft.content);
    }

    /// @dev Why nothing comes in. Who seeds is asked for the pair first.
    function _closed(uint256 side, uint256 pair, bool seeds) internal view returns (bytes memory) {
        address token = tokens[side][pair];
        bytes memory unknown = abi.encodeWithSelector(IBridgeErrors.BridgePairUnknown.selector, token);
        if (seeds && !registered(side, pair)) return unknown;
        if (stopped[side]) return abi.encodeWithSelector(IBridgeErrors.BridgeRequestsStopped.selector);
        if (!registered(side, pair)) return unknown;
        return abi.encodeWithSelector(IBridgeErrors.BridgePairLocked.selector, token);
    }

    /// @dev Shows that a paused bridge refuses this, and lets the fuzzer do something else.
    function _refusedWhilePaused(uint256 side, address sender, address target, uint256 value, bytes memory call)
        internal
    {
        bytes memory reason = _reason(IBridgeErrors.BridgePaused.selector, _pauseNonce[side]);
        _expectRefused(sender, target, value, call, reason);
        _inVain();
    }
}
