// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Bridge} from "../src/Bridge.sol";
import {IBridge, PairConfiguration, ValueTransfer} from "../src/interfaces/IBridge.sol";
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
    uint64 private constant FIRST_CHAIN = 71;

    Bridge[2] public bridges;
    /// Tokens by side and kind; the native currency is zero.
    address[3][2] public tokens;
    address[3] public users;
    HostileRecipient public hostile;

    /// By lane, named for its source side.
    mapping(uint256 lane => ValueTransfer[]) private _requests;
    mapping(uint256 lane => bytes32[]) private _leaves;
    uint256 private _lastId;
    uint256 public duplicatesRefused;

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
        vm.prank(user);
        bridges[side].requestNativeTransfer{value: value}(_recipient(who), user, "");
        _note(side, Kinds.NATIVE, user, _recipient(who), value);
    }

    function requestERC20(uint256 side, uint256 value, uint256 who) external {
        side = _enter(side);
        TestToken token = TestToken(tokens[side][Kinds.ERC20]);
        address user = users[who % 3];
        if (side == 0) token.mint(user, 100);
        uint256 balance = token.balanceOf(user);
        if (balance == 0) return;
        value = bound(value, 1, balance);
        vm.prank(user);
        token.approve(address(bridges[side]), value);
        vm.prank(user);
        bridges[side].requestERC20Transfer(address(token), value, _recipient(who), user, "");
        _note(side, Kinds.ERC20, user, _recipient(who), value);
    }

    function requestERC721(uint256 side, uint256 id, uint256 who) external {
        side = _enter(side);
        TestNFT token = TestNFT(tokens[side][Kinds.ERC721]);
        if (side == 0) {
            id = ++_lastId;
            token.mint(users[who % 3], id);
        }
        // On side 1 there is what has been paid to users there.
        address user;
        for (uint256 i = 1; i <= _lastId && user == address(0); ++i) {
            uint256 candidate = side == 0 ? id : 1 + (id % _lastId + i) % _lastId;
            try token.ownerOf(candidate) returns (address owner) {
                if (owner != address(bridges[side]) && owner != address(hostile)) (user, id) = (owner, candidate);
            } catch {}
        }
        if (user == address(0)) return;
        vm.prank(user);
        token.approve(address(bridges[side]), id);
        vm.prank(user);
        bridges[side].requestERC721Transfer(address(token), id, _recipient(who), user, "");
        _note(side, Kinds.ERC721, user, _recipient(who), id);
    }

    function seed(uint256 side, uint256 value) external {
        side = _enter(side);
        value = bound(value, 1, 30);
        vm.deal(address(this), value);
        bridges[side].seed{value: value}(address(0), value);
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
        bridges[side].handle(uint64(first), transfers, tail, signatures);
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
        try bridges[side].handle(uint64(first), transfers, tail, signatures) {
            revert AssertionFailed("a nonce was handled twice");
        } catch {
            ++duplicatesRefused;
        }
    }

    function changeOperators(uint256 side) external {
        side = _enter(side);
        _configure(side, _one(abi.encodeCall(IBridge.setOperators, (_members(), 2))));
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
        return side % 2;
    }

    /// @dev Every fourth request goes to an account that refuses.
    function _recipient(uint256 who) private view returns (address) {
        return (who >> 8) % 4 == 0 ? address(hostile) : users[(who >> 16) % 3];
    }

    function _note(uint256 side, uint8 kind, address from, address to, uint256 value) private {
        ValueTransfer memory t =
            ValueTransfer(kind, uint64(block.number), tokens[side][kind], from, to, from, value, "");
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
