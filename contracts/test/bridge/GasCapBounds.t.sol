// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

import {Construction, PairConfiguration} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeConfiguration} from "../../src/interfaces/IBridgeConfiguration.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {IBridgeReceiver} from "../../src/interfaces/IBridgeReceiver.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {BridgeMultiToken} from "../../src/tokens/BridgeMultiToken.sol";
import {BridgeNFT} from "../../src/tokens/BridgeNFT.sol";
import {LaneTest} from "../LaneTest.sol";
import {LyingNFT} from "../contracts/LyingNFT.sol";
import {TestMultiToken} from "../contracts/TestMultiToken.sol";
import {TestNFT} from "../contracts/TestNFT.sol";
import {TestToken} from "../contracts/TestToken.sol";

/// @title What a pair may carry is bound to its gas cap, and the cap to what the chain takes
contract GasCapBoundsTest is LaneTest {
    uint16[8] private uriBounds = [uint16(0), 1, 32, 33, 64, 96, 511, 512];
    uint32[8] private uriMinima = [uint32(130_000), 175_600, 175_600, 198_400, 198_400, 221_200, 517_600, 517_600];
    uint16[4] private idBounds = [uint16(1), 2, 15, 16];
    uint32[4] private idMinima = [uint32(155_000), 200_000, 785_000, 830_000];
    uint32 private constant LEAST = 100_000;
    uint32 private constant MOST = 15_000_000;

    uint160 private pairs;

    // ---- the least cap of each kind and bound ----

    function test_an_erc721_needs_as_much_as_its_longest_uri() external {
        for (uint256 i = 0; i < uriBounds.length; ++i) {
            address near = address(new TestNFT("N", "N"));
            _expectLeast(Kinds.ERC721, uriBounds[i], near, uriMinima[i]);
        }
    }

    function test_an_erc1155_needs_as_much_as_its_most_ids() external {
        for (uint256 i = 0; i < idBounds.length; ++i) {
            address near = address(new TestMultiToken(""));
            _expectLeast(Kinds.ERC1155, idBounds[i], near, idMinima[i]);
        }
    }

    function test_a_fungible_needs_the_least_of_all() external {
        _expectLeast(Kinds.ERC20, 0, address(new TestToken("T", "T", 0)), LEAST);
        _configureExpecting(
            abi.encodeCall(IBridgeConfiguration.setPairGasCap, (address(0), LEAST - 1)),
            _outOfRange(LEAST - 1, LEAST, GREATEST_GAS_CAP)
        );
        _configure(abi.encodeCall(IBridgeConfiguration.setPairGasCap, (address(0), LEAST)));
    }

    function test_a_bound_is_one_of_its_kind() external {
        address fungible = address(new TestToken("T", "T", 0));
        address collectible = address(new TestNFT("N", "N"));
        address units = address(new TestMultiToken(""));
        _expectBoundRefused(Kinds.ERC20, fungible, 1);
        _expectBoundRefused(Kinds.ERC20, fungible, type(uint16).max);
        _expectBoundRefused(Kinds.ERC721, collectible, 513);
        _expectBoundRefused(Kinds.ERC721, collectible, type(uint16).max);
        _expectBoundRefused(Kinds.ERC1155, units, 0);
        _expectBoundRefused(Kinds.ERC1155, units, 17);
        _expectBoundRefused(Kinds.ERC1155, units, type(uint16).max);
    }

    function test_pairs_with_ids_below_200_000_exist() external {
        // So that a chain that counts more than gas has them, too.
        Construction memory construction = _construction(_members(OPERATOR_KEY), THRESHOLD);
        construction.governors = _members(GOVERNOR_KEY);
        construction.greatestGasCap = 200_000;
        bridge = _newBridge(construction);
        BridgeNFT collectible = new BridgeNFT("N", "N", address(bridge));
        bytes[] memory calls = new bytes[](4);
        calls[0] = _wireCall();
        calls[1] = _registerCall(Kinds.ERC721, true, 32, 175_600, address(collectible));
        calls[2] = _registerCall(Kinds.ERC1155, false, 2, 200_000, address(new TestMultiToken("")));
        calls[3] = _registerCall(Kinds.ERC721, false, 0, 130_000, address(new TestNFT("N", "N")));
        _configure(calls);
        assertEq(bridge.state().pairs.length, 3, "all of them");
        _configureExpecting(
            _registerCall(Kinds.ERC1155, false, 3, 245_000, address(new TestMultiToken(""))),
            _outOfRange(245_000, 245_000, 200_000)
        );
    }

    // ---- the greatest cap ----

    function test_the_greatest_cap_is_within_its_range() external {
        uint32[2] memory outside = [LEAST - 1, MOST + 1];
        for (uint256 i = 0; i < 2; ++i) {
            bytes memory reason = _outOfRange(outside[i], LEAST, MOST);
            _configureExpecting(abi.encodeCall(IBridgeConfiguration.setGreatestGasCap, (outside[i])), reason);
            Construction memory construction = _construction(_members(OPERATOR_KEY), THRESHOLD);
            construction.greatestGasCap = outside[i];
            _expectNotMade(construction, reason);
        }
        for (uint256 i = 0; i < 2; ++i) {
            uint32 inside = i == 0 ? LEAST : MOST;
            _configure(abi.encodeCall(IBridgeConfiguration.setGreatestGasCap, (inside)));
            assertEq(bridge.state().greatestGasCap, inside, "set");
        }
    }

    function test_no_pair_gets_more_than_the_greatest_cap() external {
        address near = address(new TestToken("T", "T", 0));
        uint32 above = GREATEST_GAS_CAP + 1;
        bytes memory reason = _outOfRange(above, LEAST, GREATEST_GAS_CAP);
        bytes memory register = _registerCall(Kinds.ERC20, false, 0, above, near);
        bytes memory change = abi.encodeCall(IBridgeConfiguration.setPairGasCap, (address(token), above));
        _configureExpecting(register, reason);
        _configureExpecting(change, reason);
        _configure(abi.encodeCall(IBridgeConfiguration.setGreatestGasCap, (above)));
        _configure(register);
        _configure(change);
        assertEq(bridge.pairOf(near).configuration.gasCap, above, "registered");
        assertEq(bridge.pairOf(address(token)).configuration.gasCap, above, "changed");
    }

    function test_a_lower_greatest_cap_leaves_pairs_as_they_are() external {
        _configure(abi.encodeCall(IBridgeConfiguration.setGreatestGasCap, (LEAST)));
        assertEq(bridge.pairOf(address(token)).configuration.gasCap, GAS_CAP, "as it was");
        _seedToken(5);
        _far(Kinds.NATIVE, FAR_NATIVE_FOR_TOKEN, RECIPIENT, 5);
        _handleAll();
        assertEq(token.balanceOf(RECIPIENT), 5, "paid with it");
        bytes memory same = abi.encodeCall(IBridgeConfiguration.setPairGasCap, (address(token), GAS_CAP));
        _configureExpecting(same, _outOfRange(GAS_CAP, LEAST, LEAST));
        // Nothing with ids fits below it.
        _configureExpecting(
            _registerCall(Kinds.ERC721, false, 0, LEAST, address(new TestNFT("N", "N"))),
            _outOfRange(LEAST, 130_000, LEAST)
        );
    }

    // ---- the least cap pays ----

    function test_an_erc721_with_its_longest_uri_is_minted_with_the_least_cap() external {
        for (uint256 i = 0; i < uriBounds.length; ++i) {
            BridgeNFT collectible = new BridgeNFT("N", "N", address(bridge));
            address far = _register(Kinds.ERC721, true, uriBounds[i], uriMinima[i], address(collectible));
            string memory uri = string(_filled(uriBounds[i]));
            for (uint256 who = 0; who < 4; ++who) {
                address to = _holder(who);
                _far(Kinds.ERC721, far, to, 1 + who, _payload721(uri, who >= 2 ? _filled(1024) : bytes("")));
                _handleAll();
                assertEq(bridge.laneState().heldCount, 0, string.concat(vm.toString(i), " ", vm.toString(who)));
                assertEq(collectible.ownerOf(1 + who), to, "owner");
                assertEq(keccak256(bytes(collectible.tokenURI(1 + who))), keccak256(bytes(uri)), "URI");
            }
        }
    }

    function test_a_locked_erc721_is_paid_with_the_least_cap() external {
        for (uint256 i = 0; i < uriBounds.length; ++i) {
            LyingNFT collectible = new LyingNFT();
            address far = _register(Kinds.ERC721, false, uriBounds[i], uriMinima[i], address(collectible));
            collectible.setURI(string(_filled(uriBounds[i])));
            for (uint256 who = 0; who < 4; ++who) {
                collectible.mint(USER, who);
                bytes memory arguments = abi.encode(RECIPIENT, USER, 0, "");
                vm.prank(USER);
                collectible.safeTransferFrom(USER, address(bridge), who, arguments);
                address to = _holder(who);
                _far(Kinds.ERC721, far, to, who, _payload721("", who >= 2 ? _filled(1024) : bytes("")));
                _handleAll();
                assertEq(bridge.laneState().heldCount, 0, string.concat(vm.toString(i), " ", vm.toString(who)));
                assertEq(collectible.ownerOf(who), to, "owner");
            }
        }
    }

    function test_as_many_new_ids_as_the_bound_are_minted_with_the_least_cap() external {
        for (uint256 i = 0; i < idBounds.length; ++i) {
            BridgeMultiToken units = new BridgeMultiToken("", address(bridge));
            address far = _register(Kinds.ERC1155, true, idBounds[i], idMinima[i], address(units));
            for (uint256 who = 0; who < 4; ++who) {
                uint256[] memory ids = _series(idBounds[i], 1 + 100 * who, 1);
                address to = _holder(who);
                bytes memory extraData = who >= 2 ? _filled(1024) : bytes("");
                bytes memory payload = _payload1155(ids, _series(idBounds[i], 1, 0), extraData);
                _far(Kinds.ERC1155, far, to, idBounds[i], payload);
                _handleAll();
                assertEq(bridge.laneState().heldCount, 0, string.concat(vm.toString(i), " ", vm.toString(who)));
                assertEq(units.balanceOf(to, ids[ids.length - 1]), 1, "the last one");
            }
        }
    }

    function test_as_many_locked_ids_as_the_bound_are_paid_with_the_least_cap() external {
        for (uint256 i = 0; i < idBounds.length; ++i) {
            TestMultiToken units = new TestMultiToken("");
            address far = _register(Kinds.ERC1155, false, idBounds[i], idMinima[i], address(units));
            for (uint256 who = 0; who < 4; ++who) {
                (uint256[] memory ids, uint256[] memory ones) =
                    (_series(idBounds[i], 1 + 100 * who, 1), _series(idBounds[i], 1, 0));
                // Two of each, so that no slot is given back.
                for (uint256 k = 0; k < ids.length; ++k) {
                    units.mint(USER, ids[k], 2);
                }
                bytes memory arguments = abi.encode(RECIPIENT, USER, 0, "");
                vm.prank(USER);
                units.safeBatchTransferFrom(USER, address(bridge), ids, _series(idBounds[i], 2, 0), arguments);
                address to = _holder(who);
                bytes memory extraData = who >= 2 ? _filled(1024) : bytes("");
                _far(Kinds.ERC1155, far, to, idBounds[i], _payload1155(ids, ones, extraData));
                _handleAll();
                assertEq(bridge.laneState().heldCount, 0, string.concat(vm.toString(i), " ", vm.toString(who)));
                assertEq(units.balanceOf(to, ids[ids.length - 1]), 1, "the last one");
            }
        }
    }

    // ---- what does not fit is refused where it begins ----

    function test_a_uri_above_the_bound_is_refused() external {
        for (uint256 i = 0; i < uriBounds.length; ++i) {
            LyingNFT collectible = new LyingNFT();
            _register(Kinds.ERC721, false, uriBounds[i], uriMinima[i], address(collectible));
            collectible.mint(USER, 1);
            vm.prank(USER);
            collectible.approve(address(bridge), 1);
            uint256 longer = uint256(uriBounds[i]) + 1;
            collectible.setURI(string(_filled(longer)));
            vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeTokenURITooLong.selector, longer, uriBounds[i]));
            vm.prank(USER);
            bridge.requestERC721Transfer(address(collectible), 1, RECIPIENT, USER, "");
            collectible.setURI(string(_filled(uriBounds[i])));
            vm.prank(USER);
            bridge.requestERC721Transfer(address(collectible), 1, RECIPIENT, USER, "");
            assertEq(collectible.ownerOf(1), address(bridge), "taken");
        }
    }

    function test_more_ids_than_the_bound_are_refused() external {
        for (uint256 i = 0; i < idBounds.length; ++i) {
            TestMultiToken units = new TestMultiToken("");
            _register(Kinds.ERC1155, false, idBounds[i], idMinima[i], address(units));
            uint256 more = uint256(idBounds[i]) + 1;
            for (uint256 id = 1; id <= more; ++id) {
                units.mint(USER, id, 1);
            }
            vm.prank(USER);
            units.setApprovalForAll(address(bridge), true);
            (uint256[] memory ids, uint256[] memory ones) = (_series(more, 1, 1), _series(more, 1, 0));
            bytes memory reason =
                abi.encodeWithSelector(IBridgeErrors.BridgeInvalidIds.selector, more, more, idBounds[i]);
            vm.expectRevert(reason);
            vm.prank(USER);
            bridge.requestERC1155Transfer(address(units), ids, ones, RECIPIENT, USER, "");
            bytes memory arguments = abi.encode(RECIPIENT, USER, 0, "");
            vm.expectRevert(reason);
            vm.prank(USER);
            units.safeBatchTransferFrom(USER, address(bridge), ids, ones, arguments);
            (ids, ones) = (_series(idBounds[i], 1, 1), _series(idBounds[i], 1, 0));
            vm.prank(USER);
            bridge.requestERC1155Transfer(address(units), ids, ones, RECIPIENT, USER, "");
            assertEq(bridge.pairOf(address(units)).escrow, idBounds[i], "taken");
        }
    }

    // ---- steps ----

    /// @dev Refused one below, registered at the very number, and never set below it later.
    function _expectLeast(uint8 kind, uint16 itemBound, address near, uint32 least) private {
        bytes memory reason = _outOfRange(least - 1, least, GREATEST_GAS_CAP);
        _configureExpecting(_registerCall(kind, false, itemBound, least - 1, near), reason);
        _configure(_registerCall(kind, false, itemBound, least, near));
        assertEq(bridge.pairOf(near).configuration.itemBound, itemBound, "bound");
        assertEq(bridge.pairOf(near).configuration.gasCap, least, "cap");
        _configureExpecting(abi.encodeCall(IBridgeConfiguration.setPairGasCap, (near, least - 1)), reason);
        ++pairs;
    }

    function _expectBoundRefused(uint8 kind, address near, uint16 itemBound) private {
        _configureExpecting(
            _registerCall(kind, false, itemBound, GREATEST_GAS_CAP, near),
            abi.encodeWithSelector(IBridgeErrors.BridgeItemBoundInvalid.selector, near, itemBound)
        );
    }

    function _expectNotMade(Construction memory construction, bytes memory reason) private {
        bytes memory creation = bytes.concat(vm.getCode("Bridge.sol:Bridge"), abi.encode(_parts, construction));
        address made;
        bytes memory result;
        assembly ("memory-safe") {
            made := create(0, add(creation, 0x20), mload(creation))
            result := mload(0x40)
            mstore(result, returndatasize())
            returndatacopy(add(result, 0x20), 0, returndatasize())
            mstore(0x40, add(result, and(add(returndatasize(), 0x3f), not(0x1f))))
        }
        assertEq(made, address(0), "refused");
        assertEq(keccak256(result), keccak256(reason), "reason");
    }

    /// @dev A new holder each time: an account without code, a contract that is asked, one that wants its data, and one that
    /// uses nearly all that ERC-165 allows for saying so.
    function _holder(uint256 who) private returns (address) {
        ++pairs;
        return who == 0 ? address(0xB0000 + pairs) : address(new FrugalHolder(who >= 2, who == 3));
    }

    function _register(uint8 kind, bool mints, uint16 itemBound, uint32 gasCap, address near)
        private
        returns (address far)
    {
        _configure(_registerCall(kind, mints, itemBound, gasCap, near));
        far = bridge.pairOf(near).configuration.counterpartToken;
        ++pairs;
    }

    function _registerCall(uint8 kind, bool mints, uint16 itemBound, uint32 gasCap, address near)
        private
        view
        returns (bytes memory)
    {
        address far = address(uint160(near) ^ 1);
        return abi.encodeCall(
            IBridgeConfiguration.registerPair, (PairConfiguration(kind, mints, 0, itemBound, gasCap, near, far))
        );
    }

    /// @dev Bytes none of which is zero.
    function _filled(uint256 length) private pure returns (bytes memory filled) {
        filled = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            filled[i] = 0x61;
        }
    }

    function _outOfRange(uint32 gasCap, uint32 least, uint32 most) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IBridgeErrors.BridgeGasCapOutOfRange.selector, gasCap, least, most);
    }
}

/// @title A recipient that does what standards ask of it and nothing more
contract FrugalHolder is IBridgeReceiver {
    bool private immutable WANTS_DATA;
    bool private immutable SLOW;

    constructor(bool wantsData, bool slow) {
        (WANTS_DATA, SLOW) = (wantsData, slow);
    }

    function onValueTransfer(bytes32, address, address, uint256, bytes calldata) external payable returns (bytes4) {
        return this.onValueTransfer.selector;
    }

    function supportsInterface(bytes4 interfaceId) external view returns (bool) {
        uint256 start = gasleft();
        while (SLOW && start - gasleft() < 28_500) {}
        return
            WANTS_DATA && (interfaceId == type(IBridgeReceiver).interfaceId || interfaceId == type(IERC165).interfaceId);
    }

    function onERC721Received(address, address, uint256, bytes calldata) external pure returns (bytes4) {
        return this.onERC721Received.selector;
    }

    function onERC1155Received(address, address, uint256, uint256, bytes calldata) external pure returns (bytes4) {
        return this.onERC1155Received.selector;
    }

    function onERC1155BatchReceived(address, address, uint256[] calldata, uint256[] calldata, bytes calldata)
        external
        pure
        returns (bytes4)
    {
        return this.onERC1155BatchReceived.selector;
    }
}
