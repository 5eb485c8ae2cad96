// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";

import {PairState} from "../src/interfaces/BridgeTypes.sol";
import {Kinds} from "../src/libraries/Kinds.sol";
import {Campaign} from "./world/Campaign.sol";

/// @title No value appears or vanishes, whatever users, relays, operators, governors and tokens do
contract ConservationTest is Campaign {
    uint256 private constant NFT = 2;
    uint256 private constant MULTI = 3;
    /// Of `BridgeStorage._units`.
    uint256 private constant UNITS_SLOT = 20;

    /// @dev From the bridges' own counters and the requests that are in flight; hostile pairs included.
    function invariant_value_is_conserved_per_pair() external view {
        for (uint256 pair = 0; pair < world.PAIRS(); ++pair) {
            (uint256 outside, uint256 kept, uint256 held) = _sums(pair);
            uint256 owed = world.inFlight(0, pair) + world.inFlight(1, pair) + held;
            assertEq(kept, outside + owed, "what is kept is what is outside, in flight and held");
            for (uint256 side = 0; side < 2; ++side) {
                if (world.registered(side, pair)) _checkSide(side, pair);
            }
        }
        _checkUnits(0);
        assertTrue(!world.hasReentered(), "nobody gets in from within");
    }

    /// @dev What lies with the bridges and with everybody else, to the last unit, as it was worked out without them.
    function invariant_everybody_has_what_is_due() external view {
        address[] memory accounts = world.accounts();
        for (uint256 i = 0; i < accounts.length; ++i) {
            assertEq(accounts[i].balance, world.nativeDue(accounts[i]), "native");
            for (uint256 side = 0; side < 2; ++side) {
                _checkTokens(side, accounts[i]);
            }
        }
        assertEq(world.receiver().taken(), world.takenDue(address(world.receiver())), "data");
        assertEq(world.hostile().taken(), world.takenDue(address(world.hostile())), "data");
        for (uint256 side = 0; side < 2; ++side) {
            for (uint256 id = 1; id <= world.lastId(); ++id) {
                address owner = world.ownerDue(side, id);
                if (owner != address(0)) assertEq(IERC721(world.tokens(side, NFT)).ownerOf(id), owner, "owner");
            }
        }
    }

    function _checkTokens(uint256 side, address account) private view {
        for (uint256 pair = 1; pair < world.HONEST(); ++pair) {
            if (pair == MULTI) continue;
            // ERC-20 and ERC-721 ask for a balance in the same words.
            uint256 balance = IERC20(world.tokens(side, pair)).balanceOf(account);
            assertEq(balance, world.tokenDue(side, pair, account), "token");
        }
        for (uint256 id = 1; id <= 8; ++id) {
            uint256 units = IERC1155(world.tokens(side, MULTI)).balanceOf(account, id);
            assertEq(units, world.unitsDue(side, id, account), "units");
        }
    }

    /// @dev Of each id that a side locks: what lies there for the bridge's requests and holds, and what holds are owed of it.
    function _checkUnits(uint256 side) private view {
        address bridge = address(world.bridges(side));
        for (uint256 id = 1; id <= 8; ++id) {
            (uint256 here, uint256 owed) = _unitsCounted(bridge, world.tokens(side, MULTI), id);
            assertEq(here, world.hereDue(MULTI, id), "units that are counted");
            assertEq(here, IERC1155(world.tokens(side, MULTI)).balanceOf(bridge, id), "units that are here");
            assertEq(owed, world.owedDue(MULTI, id), "units that holds are owed");
        }
        for (uint256 id = 1; id <= world.lastId(); ++id) {
            (uint256 here, uint256 owed) = _unitsCounted(bridge, world.tokens(side, NFT), id);
            bool there = world.ownerDue(0, id) == address(0);
            assertEq(here, world.hereDue(NFT, id), "a token that is counted");
            assertEq(here, there ? 1 : 0, "a token that is here");
            assertEq(owed, world.owedDue(NFT, id), "a token that a hold is owed");
        }
    }

    /// @dev No function tells them, so they are read where `abi/storage.json` has them.
    function _unitsCounted(address bridge, address token, uint256 id)
        private
        view
        returns (uint256 here, uint256 owed)
    {
        bytes32 slot = keccak256(abi.encode(id, keccak256(abi.encode(token, UNITS_SLOT))));
        uint256 word = uint256(vm.load(bridge, slot));
        return (uint128(word), word >> 128);
    }

    /// @dev Each counter, and what it stands for.
    function _checkSide(uint256 side, uint256 pair) private view {
        PairState memory state = world.bridges(side).pairOf(world.tokens(side, pair));
        assertEq(state.escrow, world.escrowDue(side, pair), "escrow");
        assertEq(state.minted, world.mintedDue(side, pair), "minted");
        assertEq(state.held, world.heldDue(side, pair), "held");
        assertEq(state.seeded, world.seededDue(side, pair), "seeded");
        assertEq(state.fees, world.feesDue(side, pair), "fees");
        address bridge = address(world.bridges(side));
        uint256 due = uint256(state.escrow) + state.fees;
        address token = world.tokens(side, pair);
        if (pair >= world.HONEST()) {
            if (token.code.length != 0) {
                assertLe(due, IERC20(token).balanceOf(bridge), "balance covers escrow and fees");
            }
            return;
        }
        uint256 balance = 0;
        if (token == address(0)) balance = bridge.balance;
        else if (pair == MULTI) balance = _unitsOf(token, bridge);
        else balance = IERC20(token).balanceOf(bridge);
        assertEq(balance, due + world.donated(side, pair), "balance is escrow, fees and gifts");
        bool counts = state.configuration.kind == Kinds.ERC20 && state.configuration.mints;
        if (counts) assertEq(state.minted, IERC20(token).totalSupply(), "minted is the supply");
    }

    function _unitsOf(address token, address account) private view returns (uint256 sum) {
        for (uint256 id = 1; id <= 8; ++id) {
            sum += IERC1155(token).balanceOf(account, id);
        }
    }

    /// @dev Minted and seeded; in escrow; held. Of a pair that one side does not know, or that went there, the ledger says what was
    /// seeded and is held.
    function _sums(uint256 pair) private view returns (uint256 outside, uint256 kept, uint256 held) {
        for (uint256 side = 0; side < 2; ++side) {
            if (!world.registered(side, pair)) {
                outside += world.seededDue(side, pair);
                held += world.heldDue(side, pair);
                continue;
            }
            PairState memory state = world.bridges(side).pairOf(world.tokens(side, pair));
            outside += uint256(state.minted) + state.seeded;
            kept += state.escrow;
            held += state.held;
        }
    }
}
