// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";

import {Bridge} from "../src/Bridge.sol";
import {Hold, HoldReason, PairState, RequestNonce, ValueTransfer} from "../src/interfaces/IBridge.sol";
import {Kinds} from "../src/libraries/Kinds.sol";
import {Test} from "./Vm.sol";
import {World} from "./World.sol";

/// @title What holds whatever users, relays, operators and governors do
contract ConservationTest is Test {
    World private world;

    function setUp() external {
        world = new World();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(world);
    }

    function invariant_value_is_conserved_per_pair() external view {
        for (uint8 kind = 0; kind < 3; ++kind) {
            PairState memory near = _pair(0, kind);
            PairState memory far = _pair(1, kind);
            uint256 owed = world.inFlight(0, kind) + world.inFlight(1, kind) + near.held + far.held;
            if (far.configuration.mints) {
                assertEq(near.escrow, uint256(far.minted) + owed, "mint pair");
            } else {
                uint256 seeded = uint256(near.seeded) + far.seeded;
                assertEq(uint256(near.escrow) + far.escrow, seeded + owed, "lock pair");
            }
        }
    }

    function invariant_balance_covers_escrow() external view {
        for (uint256 side = 0; side < 2; ++side) {
            address bridge = address(world.bridges(side));
            assertLe(_pair(side, Kinds.NATIVE).escrow, bridge.balance, "native");
            for (uint8 kind = 1; kind < 3; ++kind) {
                // ERC-20 and ERC-721 ask for a balance in the same words.
                assertLe(_pair(side, kind).escrow, IERC20(world.tokens(side, kind)).balanceOf(bridge), "token");
            }
        }
    }

    function invariant_minted_is_the_supply() external view {
        assertEq(_pair(1, Kinds.ERC20).minted, IERC20(world.tokens(1, Kinds.ERC20)).totalSupply(), "supply");
    }

    function invariant_roots_are_those_of_the_requests() external view {
        for (uint256 lane = 0; lane < 2; ++lane) {
            Bridge source = world.bridges(lane);
            Bridge destination = world.bridges(1 - lane);
            uint256 made = world.requested(lane);
            uint256 handled = destination.laneState().handleNonce;
            assertEq(source.laneState().requestNonce, made, "request nonce");
            assertEq(source.laneState().requestRoot, world.root(lane, made), "request root");
            assertLe(handled, made, "handle nonce");
            assertEq(destination.laneState().handleRoot, world.root(lane, handled), "handle root");
            if (handled == 0) continue;
            uint256 last = world.requestAt(lane, handled - 1).sourceBlock;
            assertEq(destination.laneState().recoveryBlockNumber, last, "recovery block");
        }
    }

    function invariant_everybody_has_what_is_due() external view {
        for (uint256 i = 0; i < 4; ++i) {
            address account = i < 3 ? world.users(i) : address(world.hostile());
            assertEq(account.balance, world.nativeDue(account), "native");
            for (uint256 side = 0; side < 2; ++side) {
                for (uint8 kind = 1; kind < 3; ++kind) {
                    uint256 balance = IERC20(world.tokens(side, kind)).balanceOf(account);
                    assertEq(balance, world.tokenDue(side, kind, account), "token");
                }
            }
        }
        for (uint256 side = 0; side < 2; ++side) {
            assertEq(_pair(side, Kinds.NATIVE).escrow, world.nativeEscrow(side), "native escrow");
            for (uint256 id = 1; id <= world.lastId(); ++id) {
                address owner = world.ownerDue(side, id);
                if (owner == address(0)) continue;
                assertEq(IERC721(world.tokens(side, Kinds.ERC721)).ownerOf(id), owner, "owner");
            }
        }
    }

    /// @dev The recipient that refuses has nothing; every request to it is held, once; nothing else lacks a reason.
    function invariant_every_handled_request_is_paid_or_held_once() external view {
        assertEq(address(world.hostile()).balance, 0, "refused");
        for (uint256 lane = 0; lane < 2; ++lane) {
            Bridge destination = world.bridges(1 - lane);
            uint64 handled = destination.laneState().handleNonce;
            Hold[] memory holds = destination.holds(0, handled);
            assertEq(holds.length, destination.laneState().heldCount, "held count");
            assertEq(holds.length, world.holdsDue(lane), "holds due");
            uint256[3] memory held;
            for (uint256 i = 0; i < holds.length; ++i) {
                ValueTransfer memory transfer = world.requestAt(lane, RequestNonce.unwrap(holds[i].nonce));
                HoldReason due = world.holdDue(lane, RequestNonce.unwrap(holds[i].nonce));
                assertEq(uint256(holds[i].reason), uint256(due), "reason");
                assertLe(transfer.sourceBlock + 1, holds[i].heldAtBlock, "held after it was requested");
                held[transfer.kind] += transfer.kind == Kinds.ERC721 ? 1 : transfer.value;
            }
            for (uint8 kind = 0; kind < 3; ++kind) {
                assertEq(_pair(1 - lane, kind).held, held[kind], "held");
            }
        }
    }

    function _pair(uint256 side, uint8 kind) private view returns (PairState memory) {
        return world.bridges(side).pairOf(world.tokens(side, kind));
    }
}
