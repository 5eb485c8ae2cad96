// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {HoldReason, PairState} from "../src/interfaces/BridgeTypes.sol";
import {IBridgeConfiguration} from "../src/interfaces/IBridgeConfiguration.sol";
import {IBridgeMigration} from "../src/interfaces/IBridgeMigration.sol";
import {IBridge} from "../src/interfaces/IBridge.sol";
import {Kinds} from "../src/libraries/Kinds.sol";
import {GovernanceTest} from "./GovernanceTest.sol";
import {Behaviour} from "./contracts/Hostile.sol";
import {HostileRecipient} from "./contracts/HostileRecipient.sol";

/// @title Two real bridges on one chain, with value of every kind in the first, and some of it held
abstract contract MigrationTest is GovernanceTest {
    address internal constant NEXT_COUNTERPART = address(0xC0FFEE2);

    IBridge internal old;
    IBridge internal next;
    HostileRecipient internal hostile;
    address[] internal near;
    uint256[] internal none;

    /// What may leave of each pair, in the order of `near`. 40 more of the native currency are owed to a hold.
    uint256[7] internal free = [uint256(60), 100, 50, 2, 1, 30, 11];

    function setUp() public override {
        super.setUp();
        old = bridge;
        near = [
            address(0),
            address(token),
            address(minted),
            address(nft),
            address(mintedNFT),
            address(multi),
            address(mintedMulti)
        ];
        _fill();
        next = _newBridge(_members(OPERATOR_KEY), THRESHOLD, _members(GOVERNOR_KEY), THRESHOLD, DELAY, false);
        bytes[] memory calls = new bytes[](9);
        calls[0] =
            abi.encodeCall(IBridgeConfiguration.wire, (COUNTERPART_CHAIN, NEXT_COUNTERPART, COUNTERPART_BLOCK, SALT));
        address[7] memory far =
            [FAR_OF_NATIVE, FAR_NATIVE_FOR_TOKEN, FAR_MINTED, FAR_NFT, FAR_MINTED_NFT, FAR_MULTI, FAR_MINTED_MULTI];
        for (uint256 i = 0; i < 7; ++i) {
            PairState memory pair = old.pairOf(near[i]);
            calls[1 + i] = _pairCall(pair.configuration.kind, pair.configuration.mints, near[i], far[i]);
        }
        calls[8] = abi.encodeCall(IBridgeConfiguration.setPredecessor, (address(old)));
        bridge = next;
        _propose(calls);
        bridge = old;
    }

    // ---- steps ----

    /// @dev Value of every kind, and a hold of the native currency with the number 0.
    function _fill() internal {
        hostile = new HostileRecipient();
        hostile.setBehaviour(Behaviour.Reverts);
        _seedNative(100);
        _seedToken(30);
        _giveToken(70);
        _requestToken(70);
        nft.mint(USER, 9);
        nft.mint(USER, 10);
        multi.mint(USER, 3, 10);
        multi.mint(USER, 4, 20);
        bytes memory arguments = abi.encode(RECIPIENT, USER, 0, "");
        vm.prank(USER);
        nft.safeTransferFrom(USER, address(bridge), 9, arguments);
        vm.prank(USER);
        nft.safeTransferFrom(USER, address(bridge), 10, arguments);
        vm.prank(USER);
        multi.safeBatchTransferFrom(USER, address(bridge), _list(3, 4), _list(10, 20), arguments);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(hostile), 40);
        _far(Kinds.ERC20, FAR_MINTED, USER, 50);
        _far(Kinds.ERC721, FAR_MINTED_NFT, USER, 7);
        _far(Kinds.ERC1155, FAR_MINTED_MULTI, USER, 11, _payload1155(_list(1, 2), _list(5, 6), ""));
        _handleAll();
        _expectHeld(0, HoldReason.PayoutFailed);
        assertEq(bridge.laneState().heldCount, 1, "one hold");
    }

    function _stop() internal {
        _configure(abi.encodeCall(IBridgeConfiguration.setRequestsStopped, (true)));
        assertTrue(bridge.state().requestsStopped, "stopped");
    }

    function _migrateCall(address what, uint256 amount, uint256[] memory ids, uint256[] memory amounts)
        internal
        view
        returns (bytes memory)
    {
        uint64 drained = uint64(requests.length);
        return abi.encodeCall(IBridgeMigration.migrate, (what, address(next), amount, ids, amounts, drained));
    }

    function _handOverCall(address what) internal view returns (bytes memory) {
        return abi.encodeCall(IBridgeMigration.handOver, (what, address(next), uint64(requests.length)));
    }

    /// @dev All seven pairs, and the minters of three.
    function _wholeMigration() internal view returns (bytes[] memory calls) {
        calls = new bytes[](10);
        for (uint256 i = 0; i < 7; ++i) {
            calls[i] = _migrateCall(near[i], free[i], none, none);
        }
        calls[3] = _migrateCall(address(nft), 2, _list(9, 10), none);
        calls[5] = _migrateCall(address(multi), 30, _list(3, 4), _list(10, 20));
        calls[7] = _handOverCall(address(minted));
        calls[8] = _handOverCall(address(mintedNFT));
        calls[9] = _handOverCall(address(mintedMulti));
    }

    function _configureAll(bytes[] memory calls) internal {
        uint64 nonce = _propose(calls);
        _wait(DELAY);
        bridge.executeConfiguration(nonce, calls);
    }

    function _migrateAll() internal {
        _stop();
        _configureAll(_wholeMigration());
    }

    /// @dev From here on the inbound lane is the successor's.
    function _enterNext() internal {
        bridge = next;
        inboundId = keccak256(abi.encode(COUNTERPART_CHAIN, NEXT_COUNTERPART, CHAIN, address(next), SALT));
        delete requests;
        delete leaves;
    }

    /// @dev What both bridges count, by pair.
    function _sums() internal view returns (uint256[7] memory sums) {
        for (uint256 i = 0; i < 7; ++i) {
            PairState memory a = old.pairOf(near[i]);
            PairState memory b = next.pairOf(near[i]);
            sums[i] = uint256(a.escrow) + a.minted + b.escrow + b.minted;
        }
    }
}
