// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Construction, HoldReason} from "../../src/interfaces/BridgeTypes.sol";
import {IBridge} from "../../src/interfaces/IBridge.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {BridgeMultiToken} from "../../src/tokens/BridgeMultiToken.sol";
import {BridgeNFT} from "../../src/tokens/BridgeNFT.sol";
import {BridgeToken} from "../../src/tokens/BridgeToken.sol";
import {PartsTest} from "../PartsTest.sol";
import {BlacklistToken} from "../contracts/BlacklistToken.sol";
import {FeeToken} from "../contracts/FeeToken.sol";
import {HookToken} from "../contracts/HookToken.sol";
import {HostileNFT} from "../contracts/HostileNFT.sol";
import {HostileToken} from "../contracts/HostileToken.sol";
import {TestMultiToken} from "../contracts/TestMultiToken.sol";
import {TestNFT} from "../contracts/TestNFT.sol";
import {TestPaymentToken} from "../contracts/TestPaymentToken.sol";
import {Recipient} from "./Recipient.sol";

/// @title Two chains, a bridge between them, its tokens, the accounts, time and chance
/// @dev An address is one account here, on whichever side: native balances are those of both chains together.
abstract contract Setting is PartsTest {
    /// Pairs by number, the same on both sides. Of the honest ones every balance is known in advance.
    uint256 internal constant NATIVE = 0;
    /// Side 0 locks what side 1 mints.
    uint256 internal constant TOKEN = 1;
    uint256 internal constant NFT = 2;
    uint256 internal constant MULTI = 3;
    /// Locked on both sides, so that it has to be seeded.
    uint256 internal constant LOCKED = 4;
    /// Locked on both sides; on side 1 it comes and goes. While it is gone, whatever comes of it is held there.
    uint256 internal constant STRAY = 5;
    /// Side 0 locks what side 1 mints; it comes and goes there as well.
    uint256 internal constant GUEST = 6;
    uint256 public constant HONEST = 7;
    /// Hostile tokens, locked on both sides.
    uint256 internal constant MOODY = 7;
    uint256 internal constant TAXED = 8;
    uint256 internal constant HOOKED = 9;
    uint256 internal constant BLACKLISTED = 10;
    /// Has no code at times.
    uint256 internal constant VANISHING = 11;
    uint256 internal constant MOODY_NFT = 12;
    uint256 public constant PAIRS = 13;

    uint256 internal constant USERS = 3;
    uint256 private constant USER_KEY = 0x05E12;
    address internal constant SUBMITTER = address(0x5B1);
    address internal constant FEE_RECEIVER = address(0xFEE);
    address internal constant OTHER_FEE_RECEIVER = address(0xFEE2);
    uint64 internal constant FIRST_CHAIN = 71;
    bytes32 internal constant SALT = "salt";
    /// Unit: seconds.
    uint32 internal constant GOVERNANCE_DELAY = 1 hours;
    /// Unit: blocks.
    uint64 internal constant REFUND_DELAY = 40;

    /// What was refused, for another reason than it must be.
    error OtherReason(bytes reason, bytes expected);

    IBridge[2] public bridges;
    address[PAIRS][2] public tokens;
    /// Three accounts without code, a contract that takes everything, and one with moods.
    address[USERS] public users;
    Recipient public receiver;
    Recipient public hostile;
    /// Where the value of holds lies that were written off; zero before the first one.
    address[2] public claims;
    mapping(uint256 side => mapping(uint256 pair => bool)) internal _gone;
    /// By lane, named for its source side.
    bytes32[2] internal _bridgeIds;

    /// Unit: blocks, and seconds since 1970. They rise with every action, on both chains alike.
    uint256 internal _height = 1_000;
    uint256 internal _time = 1_700_000_000;
    /// What the choices of one action are drawn from.
    uint256 private _chance;

    constructor() {
        for (uint256 i = 0; i < USERS; ++i) {
            users[i] = vm.addr(USER_KEY + i);
        }
        receiver = new Recipient();
        hostile = new Recipient();
        (_gone[1][STRAY], _gone[1][GUEST]) = (true, true);
    }

    function kindOf(uint256 pair) public pure returns (uint8) {
        if (pair == NATIVE) return Kinds.NATIVE;
        if (pair == NFT || pair == MOODY_NFT) return Kinds.ERC721;
        return pair == MULTI ? Kinds.ERC1155 : Kinds.ERC20;
    }

    function mints(uint256 side, uint256 pair) public pure returns (bool) {
        return side == 1 && (pair == TOKEN || pair == NFT || pair == MULTI || pair == GUEST);
    }

    function registered(uint256 side, uint256 pair) public view returns (bool) {
        return !_gone[side][pair];
    }

    /// @notice Those whose balances the ledger knows: users, the two contracts, the fee receivers, what was written off.
    function accounts() public view returns (address[] memory list) {
        list = new address[](USERS + 6);
        for (uint256 i = 0; i < USERS; ++i) {
            list[i] = users[i];
        }
        (list[USERS], list[USERS + 1], list[USERS + 2]) = (address(receiver), address(hostile), FEE_RECEIVER);
        uint256 count = USERS + 3;
        list[count++] = OTHER_FEE_RECEIVER;
        for (uint256 side = 0; side < 2; ++side) {
            if (claims[side] != address(0)) list[count++] = claims[side];
        }
        assembly ("memory-safe") {
            mstore(list, count)
        }
    }

    /// Unit: gas.
    uint32 internal constant MAX_GAS_CAP = 2_000_000;

    function _deployTokens() internal {
        tokens[0][TOKEN] = address(new TestPaymentToken("T", "T"));
        tokens[1][TOKEN] = address(new BridgeToken("T", "T", 18, address(bridges[1])));
        tokens[0][GUEST] = address(new TestPaymentToken("G", "G"));
        tokens[1][GUEST] = address(new BridgeToken("G", "G", 18, address(bridges[1])));
        tokens[0][NFT] = address(new TestNFT("N", "N"));
        tokens[1][NFT] = address(new BridgeNFT("N", "N", address(bridges[1])));
        tokens[0][MULTI] = address(new TestMultiToken("uri"));
        tokens[1][MULTI] = address(new BridgeMultiToken("uri", address(bridges[1])));
        for (uint256 side = 0; side < 2; ++side) {
            tokens[side][STRAY] = address(new TestPaymentToken("S", "S"));
            tokens[side][LOCKED] = address(new TestPaymentToken("L", "L"));
            tokens[side][MOODY] = address(new HostileToken());
            tokens[side][TAXED] = address(new FeeToken(10));
            tokens[side][HOOKED] = address(new HookToken());
            tokens[side][BLACKLISTED] = address(new BlacklistToken());
            tokens[side][VANISHING] = address(new HostileToken());
            tokens[side][MOODY_NFT] = address(new HostileNFT());
            hostile.hook(tokens[side][HOOKED]);
            hostile.approve(tokens[side][TOKEN], address(bridges[side]));
        }
    }

    function _deployBridges(address[] memory operators, uint8 threshold, address[] memory governors) internal {
        Construction memory construction = Construction({
            operators: operators,
            operatorThreshold: threshold,
            governors: governors,
            governorThreshold: threshold,
            governanceDelay: GOVERNANCE_DELAY,
            refundDelay: REFUND_DELAY,
            greatestGasCap: MAX_GAS_CAP,
            defersCalls: false,
            development: false
        });
        for (uint256 side = 0; side < 2; ++side) {
            _enter(side);
            construction.defersCalls = _defersCalls(side);
            bytes memory arguments = abi.encode(_newParts(), construction);
            bridges[side] = IBridge(payable(vm.deployCode("Bridge.sol:Bridge", arguments)));
        }
        for (uint256 lane = 0; lane < 2; ++lane) {
            _bridgeIds[lane] = keccak256(
                abi.encode(
                    FIRST_CHAIN + lane, address(bridges[lane]), FIRST_CHAIN + 1 - lane, address(bridges[1 - lane]), SALT
                )
            );
        }
    }

    /// @dev One side calls recipients in a handle, the other one in releases only.
    function _defersCalls(uint256 side) internal pure returns (bool) {
        return side == 0;
    }

    function _userKey(uint256 user) internal pure returns (uint256) {
        return USER_KEY + user;
    }

    // ---- time and chance ----

    /// @dev What follows happens on this side, a little later than what was before.
    function _enter(uint256 side) internal virtual {
        _time += 1 + _pick(4);
        vm.chainId(FIRST_CHAIN + side);
        vm.warp(_time);
        _wait(1);
    }

    /// @dev Unit: blocks.
    function _wait(uint256 blocks) internal {
        _height += blocks;
        vm.roll(_height);
    }

    /// @dev Everything in an action follows from the fuzzer's number and from what was before.
    function _draw(uint256 choice) internal {
        _chance = uint256(keccak256(abi.encode(choice, _height, _chance)));
    }

    /// @dev One of so many, from 0.
    function _pick(uint256 count) internal returns (uint256) {
        _chance = uint256(keccak256(abi.encode(_chance)));
        return _chance % count;
    }

    /// @dev A call that would do nothing does not count: the fuzzer takes another one.
    function _inVain() internal pure {
        vm.assume(false);
    }

    // ---- calls ----

    /// @dev A call that must be refused, for exactly this reason.
    function _expectRefused(address sender, address target, uint256 value, bytes memory call, bytes memory reason)
        internal
    {
        vm.prank(sender, sender);
        (bool success, bytes memory result) = target.call{value: value}(call);
        assertTrue(!success, "what must be refused is refused");
        if (keccak256(result) != keccak256(reason)) revert OtherReason(result, reason);
    }

    /// @dev A call that must succeed.
    function _execute(address sender, address target, uint256 value, bytes memory call) internal {
        vm.prank(sender, sender);
        (bool success, bytes memory result) = target.call{value: value}(call);
        if (!success) _bubble(result);
    }

    function _bubble(bytes memory result) private pure {
        assembly ("memory-safe") {
            revert(add(result, 0x20), mload(result))
        }
    }

    function _releaseFailed(uint256 nonce, HoldReason reason) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IBridgeErrors.BridgeReleaseFailed.selector, nonce, reason);
    }

    function _reason(bytes4 selector, uint256 argument) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(selector, argument);
    }
}
