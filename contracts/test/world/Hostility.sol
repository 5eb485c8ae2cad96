// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";

import {ValueTransfer} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeCollectibles} from "../../src/interfaces/IBridgeCollectibles.sol";
import {IBridgeConfiguration} from "../../src/interfaces/IBridgeConfiguration.sol";
import {IBridgeRequests} from "../../src/interfaces/IBridgeRequests.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {BlacklistToken} from "../contracts/BlacklistToken.sol";
import {Behaviour, Hostile} from "../contracts/Hostile.sol";
import {TestNFT} from "../contracts/TestNFT.sol";
import {TestToken} from "../contracts/TestToken.sol";
import {Departing} from "./Departing.sol";
import {Content} from "./Lanes.sol";

/// @title Tokens that take part honestly, mostly, until their value is on its way, and recipients with moods
abstract contract Hostility is Departing {
    uint256 private _lastMoodyId;
    bytes private _vanishingCode;

    constructor() {
        _vanishingCode = tokens[0][VANISHING].code;
    }

    function _requestHostile() internal {
        (uint256 side, uint256 pair) = (_pick(2), HONEST + _pick(PAIRS - HONEST));
        if (paused[side]) side = 1 - side;
        _enter(side);
        if (_pick(4) != 0) _soothe(side, pair);
        address from = users[_pick(USERS)];
        Content memory content;
        content.pair = uint8(pair);
        if (_pick(4) == 0) content.extraData = hex"da7a";
        ValueTransfer memory t = ValueTransfer({
            kind: kindOf(pair),
            sourceBlock: uint64(_height),
            token: tokens[side][pair],
            from: from,
            to: _pick(2) == 0 ? address(hostile) : _recipient(),
            refundTo: _account(from),
            value: 1 + _pick(40),
            payload: _payloadOf(kindOf(pair), content)
        });
        if (t.token.code.length == 0) _inVain();
        if (t.kind == Kinds.ERC721) _sendMoodyNFT(side, t, content);
        else _sendMoody(side, t, content);
        _enterRequest(side, t, content);
        _provoke(pair);
    }

    function _provokeOne() internal {
        // Every other time those who are paid, else a token.
        if (_pick(2) == 0) _provokeRecipient();
        else _provoke(HONEST + _pick(PAIRS - HONEST));
    }

    /// @notice Whether any hostile contract ever got into a bridge while it was called by one.
    function hasReentered() external view returns (bool) {
        if (hostile.reentrySucceeded()) return true;
        for (uint256 side = 0; side < 2; ++side) {
            if (Hostile(tokens[side][MOODY]).reentrySucceeded()) return true;
            if (Hostile(tokens[side][MOODY_NFT]).reentrySucceeded()) return true;
        }
        return false;
    }

    /// @dev What counts is what arrives.
    function _sendMoody(uint256 side, ValueTransfer memory t, Content memory content) private {
        address bridge = address(bridges[side]);
        // A token that refuses this has refused a request, no more.
        try TestToken(t.token).mint(t.from, t.value) {}
        catch {
            _inVain();
        }
        vm.prank(t.from);
        IERC20(t.token).approve(bridge, t.value);
        uint256 before = IERC20(t.token).balanceOf(bridge);
        bytes memory call = abi.encodeCall(
            IBridgeRequests.requestERC20Transfer, (t.token, t.value, t.to, t.refundTo, 0, content.extraData)
        );
        vm.prank(t.from);
        (bool success,) = bridge.call(call);
        if (!success) _inVain();
        t.value = IERC20(t.token).balanceOf(bridge) - before;
    }

    function _sendMoodyNFT(uint256 side, ValueTransfer memory t, Content memory content) private {
        address bridge = address(bridges[side]);
        t.value = ++_lastMoodyId;
        TestNFT(t.token).mint(t.from, t.value);
        vm.prank(t.from);
        IERC721(t.token).approve(bridge, t.value);
        bytes memory call = abi.encodeCall(
            IBridgeCollectibles.requestERC721Transfer, (t.token, t.value, t.to, t.refundTo, content.extraData)
        );
        vm.prank(t.from);
        (bool success,) = bridge.call(call);
        if (!success) _inVain();
    }

    /// @dev The token of this side behaves, for the time being.
    function _soothe(uint256 side, uint256 pair) private {
        address token = tokens[side][pair];
        if (pair == VANISHING) vm.etch(token, _vanishingCode);
        if (pair == MOODY || pair == VANISHING || pair == MOODY_NFT) Hostile(token).setBehaviour(Behaviour.Honest);
        if (pair == BLACKLISTED) BlacklistToken(token).setRefused(address(bridges[side]), false);
    }

    function _provoke(uint256 pair) private {
        uint256 side = _pick(2);
        address token = tokens[side][pair];
        if (pair == VANISHING) {
            vm.etch(token, _pick(2) == 0 ? bytes("") : _vanishingCode);
        } else if (pair == MOODY || pair == MOODY_NFT) {
            Behaviour mood = Behaviour(_pick(uint256(Behaviour.Reenters) + 1));
            bytes memory call = abi.encodeCall(IBridgeConfiguration.withdrawFees, (address(0)));
            if (mood == Behaviour.Reenters) Hostile(token).setReentry(address(bridges[side]), call);
            else Hostile(token).setBehaviour(mood);
        } else if (pair == BLACKLISTED) {
            address[] memory list = accounts();
            uint256 choice = _pick(list.length + 1);
            address account = choice == list.length ? address(bridges[side]) : list[choice];
            BlacklistToken(token).setRefused(account, _pick(2) == 0);
        } else {
            // The others are what they are; who is hooked into one of them has moods.
            _provokeRecipient();
        }
    }

    function _provokeRecipient() private {
        Behaviour[8] memory moods = [
            Behaviour.Honest,
            Behaviour.Honest,
            Behaviour.Reverts,
            Behaviour.BurnsGas,
            Behaviour.ReturnsGarbage,
            Behaviour.ReturnsShort,
            Behaviour.ReturnsNothing,
            Behaviour.Reenters
        ];
        hostile.setBehaviour(moods[_pick(8)]);
    }

    /// @dev Who comes back comes back into the bridge of this side; the two share no chain but here. It could pay for what
    /// it asks.
    function _enter(uint256 side) internal override {
        super._enter(side);
        if (hostile.behaviour() != Behaviour.Reenters) return;
        bytes memory call = abi.encodeCall(
            IBridgeRequests.requestERC20Transfer, (tokens[side][TOKEN], 3, users[0], address(hostile), 3, "")
        );
        hostile.setReentry(address(bridges[side]), call);
    }
}
