// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Bridge} from "../src/Bridge.sol";
import {HoldReason, IBridge, PairConfiguration, ValueTransfer} from "../src/interfaces/IBridge.sol";
import {Kinds} from "../src/libraries/Kinds.sol";
import {BridgeNFT} from "../src/tokens/BridgeNFT.sol";
import {BridgeToken} from "../src/tokens/BridgeToken.sol";
import {Test} from "./Vm.sol";
import {Behaviour} from "./contracts/Hostile.sol";
import {HostileRecipient} from "./contracts/HostileRecipient.sol";
import {TestNFT} from "./contracts/TestNFT.sol";
import {TestToken} from "./contracts/TestToken.sol";

/// @title Two wired bridges, users on both sides and a relay, to be driven at random
/// @dev Side 0 locks what side 1 mints, except for the native currencies, which both sides lock.
contract World is Test {
    uint256 private constant KEY = 0xA11CE;
    uint256 private constant MEMBERS = 3;
    uint32 private constant GAS_CAP = 150_000;
    uint32 private constant LEAST_GAS_CAP = 120_000;
    uint64 private constant FIRST_CHAIN = 71;
    address private constant SUBMITTER = address(0x5B1);

    Bridge[2] public bridges;
    /// Tokens by side and kind; the native currency is zero.
    address[3][2] public tokens;
    address[3] public users;
    HostileRecipient public hostile;

    /// By lane, named for its source side.
    mapping(uint256 lane => ValueTransfer[]) private _requests;
    mapping(uint256 lane => bytes32[]) private _leaves;
    /// Id of the last ERC-721 token that there is, from 1.
    uint256 public lastId;
    /// Rises with every action, on both chains alike.
    uint256 private _height = 1000;
    mapping(uint256 side => mapping(uint8 kind => bool)) private _locked;

    /// The ledger: what each account must have and why what is not paid must be held, worked out without the bridge.
    /// Native balances are those of both sides, as an address is one account here.
    mapping(address account => uint256) public nativeDue;
    mapping(uint256 side => mapping(uint8 kind => mapping(address account => uint256))) public tokenDue;
    mapping(uint256 side => mapping(uint256 id => address)) public ownerDue;
    mapping(uint256 side => uint256) public nativeEscrow;
    mapping(uint256 lane => mapping(uint256 nonce => HoldReason)) public holdDue;
    mapping(uint256 lane => uint256) public holdsDue;

    constructor() {
        users = [address(0x101), address(0x102), address(0x103)];
        hostile = new HostileRecipient();
        hostile.setBehaviour(Behaviour.Reverts);
        address[] memory members = _members();
        for (uint256 side = 0; side < 2; ++side) {
            _enter(side);
            bridges[side] = new Bridge(members, 2, members, 2, false);
        }
        tokens[0][Kinds.ERC20] = address(new TestToken("T", "T", 18));
        tokens[0][Kinds.ERC721] = address(new TestNFT("N", "N"));
        tokens[1][Kinds.ERC20] = address(new BridgeToken("T", "T", 18, address(bridges[1])));
        tokens[1][Kinds.ERC721] = address(new BridgeNFT("N", "N", address(bridges[1])));
        for (uint256 side = 0; side < 2; ++side) {
            _wire(side);
        }
    }

    // ---- what may happen ----

    function requestNative(uint256 side, uint256 value, uint256 who) external {
        side = _enter(side);
        value = bound(value, 1, 50);
        address user = users[who % 3];
        vm.deal(user, user.balance + value);
        nativeDue[user] += value;
        bytes memory call = abi.encodeCall(IBridge.requestNativeTransfer, (_recipient(who), user, ""));
        if (!_request(side, Kinds.NATIVE, user, value, call)) return;
        nativeDue[user] -= value;
        nativeEscrow[side] += value;
        _note(side, Kinds.NATIVE, user, _recipient(who), value);
    }

    function requestERC20(uint256 side, uint256 value, uint256 who) external {
        side = _enter(side);
        TestToken token = TestToken(tokens[side][Kinds.ERC20]);
        address user = users[who % 3];
        if (side == 0) {
            token.mint(user, 100);
            tokenDue[0][Kinds.ERC20][user] += 100;
        }
        uint256 balance = token.balanceOf(user);
        if (balance == 0) return;
        value = bound(value, 1, balance);
        vm.prank(user);
        token.approve(address(bridges[side]), value);
        bytes memory call =
            abi.encodeCall(IBridge.requestERC20Transfer, (address(token), value, _recipient(who), user, ""));
        if (!_request(side, Kinds.ERC20, user, 0, call)) return;
        tokenDue[side][Kinds.ERC20][user] -= value;
        _note(side, Kinds.ERC20, user, _recipient(who), value);
    }

    function requestERC721(uint256 side, uint256 id, uint256 who) external {
        side = _enter(side);
        TestNFT token = TestNFT(tokens[side][Kinds.ERC721]);
        if (side == 0) {
            id = ++lastId;
            token.mint(users[who % 3], id);
            ++tokenDue[0][Kinds.ERC721][users[who % 3]];
            ownerDue[0][id] = users[who % 3];
        }
        // On side 1 there is what has been paid to users there.
        address user;
        for (uint256 i = 1; i <= lastId && user == address(0); ++i) {
            uint256 candidate = side == 0 ? id : 1 + (id % lastId + i) % lastId;
            if (ownerDue[side][candidate] != address(0)) (user, id) = (ownerDue[side][candidate], candidate);
        }
        if (user == address(0)) return;
        vm.prank(user);
        token.approve(address(bridges[side]), id);
        bytes memory call =
            abi.encodeCall(IBridge.requestERC721Transfer, (address(token), id, _recipient(who), user, ""));
        if (!_request(side, Kinds.ERC721, user, 0, call)) return;
        --tokenDue[side][Kinds.ERC721][user];
        ownerDue[side][id] = address(0);
        _note(side, Kinds.ERC721, user, _recipient(who), id);
    }

    function seed(uint256 side, uint256 value) external {
        side = _enter(side);
        value = bound(value, 1, 30);
        vm.deal(address(this), value);
        bridges[side].seed{value: value}(address(0), value);
        nativeEscrow[side] += value;
    }

    function donate(uint256 side, uint256 value) external {
        side = _enter(side);
        if (side == 0) TestToken(tokens[0][Kinds.ERC20]).mint(address(bridges[0]), bound(value, 1, 1000));
        vm.deal(address(bridges[side]), address(bridges[side]).balance + bound(value, 1, 1000));
    }

    /// @dev Handles some requests of a lane, from anywhere before, under any checkpoint from there on.
    function handle(uint256 lane, uint256 choice) external {
        lane %= 2;
        uint256 side = _enter(1 - lane);
        uint256 made = _requests[lane].length;
        uint256 next = bridges[side].laneState().handleNonce;
        if (next == made) return;
        uint256 first = bound(choice, 0, next);
        uint256 end = bound(choice >> 64, next + 1, made);
        uint256 signed = bound(choice >> 128, end, made);
        (ValueTransfer[] memory transfers, bytes32[] memory tail) = _cut(lane, first, end, signed);
        bytes[] memory signatures = _signatures(side, _checkpointHash(lane, signed));
        vm.prank(SUBMITTER, SUBMITTER);
        bridges[side].handle(uint64(first), transfers, tail, signatures);
        for (uint256 nonce = next; nonce < end; ++nonce) {
            _settle(lane, nonce);
        }
        if (bridges[side].laneState().handleRoot != root(lane, end)) revert AssertionFailed("root after handle");
    }

    /// @dev Submits once more what is handled.
    function duplicate(uint256 lane, uint256 choice) external {
        lane %= 2;
        uint256 side = _enter(1 - lane);
        uint256 next = bridges[side].laneState().handleNonce;
        if (next == 0) return;
        uint256 first = bound(choice, 0, next - 1);
        (ValueTransfer[] memory transfers, bytes32[] memory tail) = _cut(lane, first, next, next);
        bytes[] memory signatures = _signatures(side, _checkpointHash(lane, next));
        vm.prank(SUBMITTER, SUBMITTER);
        try bridges[side].handle(uint64(first), transfers, tail, signatures) {
            revert AssertionFailed("a nonce was handled twice");
        } catch (bytes memory result) {
            bytes memory reason = abi.encodeWithSelector(IBridge.BridgeAlreadyHandled.selector, next);
            assertEq(keccak256(result), keccak256(reason), "refused as handled");
        }
    }

    function changeOperators(uint256 side) external {
        side = _enter(side);
        _configure(side, _one(abi.encodeCall(IBridge.setOperators, (_members(), 2))));
    }

    /// @dev Every fourth time the pair is locked, otherwise it is unlocked.
    function lockPair(uint256 side, uint256 kind, uint256 choice) external {
        side = _enter(side);
        uint8 chosen = uint8(kind % 3);
        bool locked = choice % 4 == 0;
        _configure(side, _one(abi.encodeCall(IBridge.setPairLocked, (tokens[side][chosen], locked))));
        _locked[side][chosen] = locked;
    }

    /// @dev Any cap under which honest payouts fit.
    function changeGasCap(uint256 side, uint256 kind, uint256 gasCap) external {
        side = _enter(side);
        gasCap = bound(gasCap, LEAST_GAS_CAP, 2_000_000);
        _configure(side, _one(abi.encodeCall(IBridge.setPairGasCap, (tokens[side][kind % 3], uint32(gasCap)))));
    }

    function pauseAndUnpause(uint256 side) external {
        side = _enter(side);
        uint64 pauseNonce = bridges[side].state().pauseNonce;
        bytes32 structHash = keccak256(abi.encode(keccak256("Pause(uint64 pauseNonce)"), pauseNonce));
        bridges[side].pause(pauseNonce, _signatures(side, structHash)[0]);
        _configure(side, _one(abi.encodeCall(IBridge.unpause, ())));
    }

    // ---- what the sources say ----

    function requested(uint256 lane) external view returns (uint256) {
        return _requests[lane].length;
    }

    function requestAt(uint256 lane, uint256 nonce) external view returns (ValueTransfer memory) {
        return _requests[lane][nonce];
    }

    /// @notice Root over the first `nonce` requests of a lane.
    function root(uint256 lane, uint256 nonce) public view returns (bytes32 result) {
        result = keccak256(abi.encode(keccak256("Polyspan root 0"), bridges[lane].state().outboundBridgeId));
        for (uint256 i = 0; i < nonce; ++i) {
            result = keccak256(abi.encode(result, _leaves[lane][i]));
        }
    }

    /// @notice Value of a kind that was requested on a lane and is not handled.
    function inFlight(uint256 lane, uint8 kind) external view returns (uint256 sum) {
        for (uint256 i = bridges[1 - lane].laneState().handleNonce; i < _requests[lane].length; ++i) {
            ValueTransfer storage transfer = _requests[lane][i];
            if (transfer.kind == kind) sum += kind == Kinds.ERC721 ? 1 : transfer.value;
        }
    }

    // ---- steps ----

    function _enter(uint256 side) private returns (uint256) {
        vm.chainId(FIRST_CHAIN + side % 2);
        vm.roll(++_height);
        return side % 2;
    }

    /// @dev Every fourth request goes to an account that refuses.
    function _recipient(uint256 who) private view returns (address) {
        return (who >> 8) % 4 == 0 ? address(hostile) : users[(who >> 16) % 3];
    }

    /// @dev Makes a request, which is refused exactly when its pair is locked.
    function _request(uint256 side, uint8 kind, address user, uint256 value, bytes memory call)
        private
        returns (bool success)
    {
        bytes memory result;
        vm.prank(user);
        (success, result) = address(bridges[side]).call{value: value}(call);
        assertTrue(success != _locked[side][kind], "refused when locked, accepted when not");
        if (!success) {
            bytes memory reason = abi.encodeWithSelector(IBridge.BridgePairLocked.selector, tokens[side][kind]);
            assertEq(keccak256(result), keccak256(reason), "refused as locked");
        }
    }

    /// @dev Enters into the ledger what handling a request must have done.
    function _settle(uint256 lane, uint256 nonce) private {
        ValueTransfer storage transfer = _requests[lane][nonce];
        uint256 side = 1 - lane;
        bool refuses = transfer.to == address(hostile);
        if (transfer.kind == Kinds.NATIVE) {
            if (transfer.value > nativeEscrow[side]) return _settleHeld(lane, nonce, HoldReason.InsufficientEscrow);
            if (refuses) return _settleHeld(lane, nonce, HoldReason.PayoutFailed);
            nativeEscrow[side] -= transfer.value;
            nativeDue[transfer.to] += transfer.value;
        } else if (transfer.kind == Kinds.ERC20) {
            // Nobody is asked whether to take an ERC-20.
            tokenDue[side][Kinds.ERC20][transfer.to] += transfer.value;
        } else {
            if (refuses) return _settleHeld(lane, nonce, HoldReason.PayoutFailed);
            ++tokenDue[side][Kinds.ERC721][transfer.to];
            ownerDue[side][transfer.value] = transfer.to;
        }
    }

    function _settleHeld(uint256 lane, uint256 nonce, HoldReason reason) private {
        holdDue[lane][nonce] = reason;
        ++holdsDue[lane];
    }

    function _note(uint256 side, uint8 kind, address from, address to, uint256 value) private {
        ValueTransfer memory t = ValueTransfer(kind, uint64(_height), tokens[side][kind], from, to, from, value, "");
        uint64 nonce = uint64(_requests[side].length);
        _requests[side].push(t);
        _leaves[side].push(
            keccak256(abi.encode(nonce, t.sourceBlock, kind, t.token, from, to, from, value, keccak256(t.extraData)))
        );
    }

    function _cut(uint256 lane, uint256 first, uint256 end, uint256 signed)
        private
        view
        returns (ValueTransfer[] memory transfers, bytes32[] memory tail)
    {
        transfers = new ValueTransfer[](end - first);
        for (uint256 i = first; i < end; ++i) {
            transfers[i - first] = _requests[lane][i];
        }
        tail = new bytes32[](signed - end);
        for (uint256 i = end; i < signed; ++i) {
            tail[i - end] = _leaves[lane][i];
        }
    }

    function _checkpointHash(uint256 lane, uint256 nonce) private view returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("Checkpoint(bytes32 bridgeId,uint64 epoch,uint64 nonce,bytes32 root)"),
                bridges[lane].state().outboundBridgeId,
                bridges[1 - lane].laneState().operatorEpoch,
                nonce,
                root(lane, nonce)
            )
        );
    }

    function _wire(uint256 side) private {
        _enter(side);
        bytes[] memory calls = new bytes[](4);
        calls[0] = abi.encodeCall(IBridge.wire, (uint64(FIRST_CHAIN + 1 - side), address(bridges[1 - side]), 0, "salt"));
        for (uint8 kind = 0; kind < 3; ++kind) {
            bool mints = side == 1 && kind != Kinds.NATIVE;
            calls[1 + kind] = abi.encodeCall(
                IBridge.registerPair,
                (PairConfiguration(kind, mints, GAS_CAP, tokens[side][kind], tokens[1 - side][kind]))
            );
        }
        _configure(side, calls);
    }

    function _one(bytes memory call) private pure returns (bytes[] memory calls) {
        calls = new bytes[](1);
        calls[0] = call;
    }

    function _configure(uint256 side, bytes[] memory calls) private {
        bytes memory hashes;
        for (uint256 i = 0; i < calls.length; ++i) {
            hashes = bytes.concat(hashes, keccak256(calls[i]));
        }
        uint64 nonce = bridges[side].state().configurationNonce;
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Configuration(uint64 epoch,uint64 configurationNonce,uint64 deadline,bytes[] calls)"),
                bridges[side].state().governors.epoch,
                nonce,
                type(uint64).max,
                keccak256(hashes)
            )
        );
        bridges[side].configure(nonce, type(uint64).max, calls, _signatures(side, structHash));
    }

    function _members() private pure returns (address[] memory members) {
        members = new address[](MEMBERS);
        for (uint256 i = 0; i < MEMBERS; ++i) {
            members[i] = vm.addr(KEY + i);
        }
    }

    function _signatures(uint256 side, bytes32 structHash) private view returns (bytes[] memory list) {
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", bridges[side].domainSeparator(), structHash));
        list = new bytes[](2);
        for (uint256 i = 0; i < 2; ++i) {
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY + i, digest);
            list[i] = abi.encodePacked(r, s, v);
        }
    }
}
