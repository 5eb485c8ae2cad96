// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {IBridgeEvents} from "../../src/interfaces/IBridgeEvents.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {Behaviour} from "../contracts/Hostile.sol";
import {HostileNFT} from "../contracts/HostileNFT.sol";
import {TestNFT} from "../contracts/TestNFT.sol";
import {RequestTest} from "./RequestTest.sol";
import {Log} from "../Vm.sol";

/// @title Requests of an ERC-721 in two steps: approve, request
contract ERC721RequestsTest is RequestTest {
    function test_request_of_a_lock_pair_keeps_the_token() external {
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.RequestValueTransfer(0, USER, RECIPIENT, Kinds.ERC721, address(nft), REFUND, 9, hex"0000");
        _requestERC721(address(nft), 9);
        assertEq(nft.ownerOf(9), address(bridge), "owner");
        assertEq(bridge.pairOf(address(nft)).escrow, 1, "escrow");
    }

    function test_request_of_a_mint_pair_burns() external {
        _far(Kinds.ERC721, FAR_MINTED_NFT, USER, 3);
        _handleAll();
        _requestERC721(address(mintedNFT), 3);
        assertEq(bridge.pairOf(address(mintedNFT)).minted, 0, "minted");
        assertEq(mintedNFT.balanceOf(address(bridge)), 0, "burnt");
    }

    function test_token_of_another_owner_is_refused() external {
        nft.mint(REFUND, 10);
        _refuseERC721(address(nft), 10, _notOwner(address(nft), 10));
    }

    function test_token_that_the_bridge_keeps_is_credited_to_nobody() external {
        nft.mint(address(bridge), 11);
        _refuseERC721(address(nft), 11, _notOwner(address(nft), 11));
    }

    function test_token_that_does_not_arrive_is_refused() external {
        HostileNFT hostile = new HostileNFT();
        _register(Kinds.ERC721, false, address(hostile));
        hostile.mint(USER, 1);
        hostile.setBehaviour(Behaviour.ReturnsNothing);
        _refuseERC721(address(hostile), 1, _notOwner(address(hostile), 1));
    }

    function test_minting_token_that_does_not_burn_is_refused() external {
        KeepingNFT keeping = new KeepingNFT();
        _register(Kinds.ERC721, true, address(keeping));
        _far(Kinds.ERC721, FAR, USER, 3);
        _handleAll();
        vm.prank(USER);
        keeping.approve(address(bridge), 3);
        bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgePairInvalid.selector, address(keeping), FAR);
        _refuseERC721(address(keeping), 3, reason);
        assertEq(keeping.ownerOf(3), USER, "still the user's");

        // What was sent to nobody is as good as burnt.
        keeping.setGraveyard(address(0xdead));
        _requestERC721(address(keeping), 3);
        assertEq(bridge.pairOf(address(keeping)).minted, 0, "minted");
    }

    function test_safe_transfer_without_the_arguments_of_a_request_is_refused() external {
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeArgumentsMissing.selector, address(nft)));
        vm.prank(USER);
        nft.safeTransferFrom(USER, address(bridge), 9);
    }

    // ---- the token's URI ----

    /// @dev Whatever gas a request is made with: it carries the URI or is not made.
    function test_gas_never_decides_whether_the_uri_travels() external {
        PickyNFT picky = new PickyNFT();
        _register(Kinds.ERC721, false, address(picky));
        picky.mint(USER, 9);
        vm.prank(USER);
        picky.approve(address(bridge), 9);
        bytes memory call = abi.encodeCall(bridge.requestERC721Transfer, (address(picky), 9, RECIPIENT, REFUND, ""));
        bool made;
        for (uint256 gas = 250_000; !made; gas += 1_000) {
            vm.recordLogs();
            vm.prank(USER);
            (made,) = address(bridge).call{gas: gas}(call);
            assertLe(gas, 1_000_000, "made at last");
        }
        Log[] memory logs = vm.getRecordedLogs();
        (,,,, bytes memory payload) = abi.decode(logs[logs.length - 1].data, (uint8, address, address, uint256, bytes));
        assertEq(keccak256(payload), keccak256(hex"0003757269"), "the URI");
    }

    function test_uri_of_a_locked_token_travels_in_front_of_the_extra_data() external {
        TellingNFT telling = _telling(abi.encode("ipfs://1"));
        bytes memory payload = bytes.concat(hex"0008", "ipfs://1", "data");
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.RequestValueTransfer(0, USER, RECIPIENT, Kinds.ERC721, address(telling), REFUND, 1, payload);
        vm.prank(USER);
        bridge.requestERC721Transfer(address(telling), 1, RECIPIENT, REFUND, "data");
    }

    function test_uri_of_512_bytes_travels_and_a_longer_one_is_refused() external {
        TellingNFT telling = _telling(abi.encode(new bytes(513)));
        bytes memory reason = abi.encodeWithSelector(IBridgeErrors.BridgeTokenURITooLong.selector, 513, 512);
        _refuseERC721(address(telling), 1, reason);
        telling.tell(abi.encode(new bytes(512)));
        _expectPayload(telling, bytes.concat(hex"0200", new bytes(512)));
    }

    function test_token_that_tells_no_uri_travels_without() external {
        TellingNFT telling = _telling("");
        _expectPayload(telling, hex"0000");
    }

    function test_token_that_reverts_when_asked_for_its_uri_travels_without() external {
        TellingNFT telling = _telling(hex"01");
        telling.setReverting(true);
        _expectPayload(telling, hex"0000");
    }

    function test_malformed_uri_is_refused_and_nothing_else_happens() external {
        // A length of 1 000 bytes with one word behind it.
        TellingNFT telling = _telling(abi.encode(uint256(0x20), uint256(1000), uint256(7)));
        vm.prank(USER);
        (bool success,) = address(bridge)
            .call(abi.encodeCall(bridge.requestERC721Transfer, (address(telling), 1, RECIPIENT, REFUND, "")));
        assertTrue(!success, "refused");
        assertEq(telling.ownerOf(1), USER, "owner");
        assertEq(bridge.laneState().requestNonce, 0, "no request");
    }

    function test_burnt_token_sends_no_uri() external {
        _far(Kinds.ERC721, FAR_MINTED_NFT, USER, 3, bytes.concat(hex"0003", "uri"));
        _handleAll();
        assertEq(keccak256(bytes(mintedNFT.tokenURI(3))), keccak256("uri"), "minted with its URI");
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.RequestValueTransfer(
            0, USER, RECIPIENT, Kinds.ERC721, address(mintedNFT), REFUND, 3, hex"0000"
        );
        _requestERC721(address(mintedNFT), 3);
    }

    function _telling(bytes memory answer) private returns (TellingNFT telling) {
        telling = new TellingNFT();
        _register(Kinds.ERC721, false, address(telling));
        telling.mint(USER, 1);
        telling.tell(answer);
        vm.prank(USER);
        telling.setApprovalForAll(address(bridge), true);
    }

    function _expectPayload(TellingNFT telling, bytes memory payload) private {
        vm.expectEmit(address(bridge));
        emit IBridgeEvents.RequestValueTransfer(0, USER, RECIPIENT, Kinds.ERC721, address(telling), REFUND, 1, payload);
        _requestERC721(address(telling), 1);
    }

    function _notOwner(address asset, uint256 id) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IBridgeErrors.BridgeNotTokenOwner.selector, asset, id);
    }
}

/// @title An ERC-721 that buries what it is told to burn, or does nothing
contract KeepingNFT is TestNFT {
    address private _graveyard;

    constructor() TestNFT("Keeping", "KEEP") {}

    function setGraveyard(address graveyard) external {
        _graveyard = graveyard;
    }

    function safeMint(address to, uint256 id, string calldata) external {
        _safeMint(to, id);
    }

    function burn(uint256 id) external {
        if (_graveyard != address(0)) _transfer(msg.sender, _graveyard, id);
    }
}

/// @title An ERC-721 that answers as it was told to when it is asked for a URI
contract TellingNFT is TestNFT {
    bytes private _answer;
    bool private _reverting;

    constructor() TestNFT("Telling", "TELL") {}

    function tell(bytes calldata answer) external {
        _answer = answer;
    }

    function setReverting(bool reverting) external {
        _reverting = reverting;
    }

    function tokenURI(uint256) public view override returns (string memory) {
        bytes memory answer = _answer;
        require(!_reverting, "no URI");
        assembly {
            return(add(answer, 0x20), mload(answer))
        }
    }
}

/// @title An ERC-721 that gives up at once when it has less gas for its URI than there is to be
contract PickyNFT is TestNFT {
    constructor() TestNFT("Picky", "PIC") {}

    function tokenURI(uint256) public view override returns (string memory) {
        return gasleft() < 199_000 ? "" : "uri";
    }
}
