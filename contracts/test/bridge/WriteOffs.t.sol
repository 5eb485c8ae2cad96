// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {HoldReason, ValueTransfer} from "../../src/interfaces/BridgeTypes.sol";
import {Claim, IBridgeClaims} from "../../src/interfaces/IBridgeClaims.sol";
import {IBridgeConfiguration} from "../../src/interfaces/IBridgeConfiguration.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {IBridgeEvents} from "../../src/interfaces/IBridgeEvents.sol";
import {IBridgeHolds} from "../../src/interfaces/IBridgeHolds.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {GovernanceTest} from "../GovernanceTest.sol";
import {Log} from "../Vm.sol";
import {Behaviour} from "../contracts/Hostile.sol";
import {HostileToken} from "../contracts/HostileToken.sol";
import {Answer, Declaration, Receiver} from "../contracts/Receiver.sol";

/// @title Holds that nothing else ends: they are written off, and their value is their recipient's still
contract WriteOffsTest is GovernanceTest {
    address private constant ELSEWHERE = address(0xE15E);
    uint256 private constant PAIRS = 7;

    Receiver private refusing;
    address[PAIRS] private near;

    function setUp() public override {
        super.setUp();
        refusing = new Receiver();
        refusing.behave(Declaration.Yes, Answer.Reverts);
        near = [
            address(0),
            address(token),
            address(minted),
            address(nft),
            address(mintedNFT),
            address(multi),
            address(mintedMulti)
        ];
    }

    // ---- end to end ----

    function test_every_kind_is_written_off_and_taken_by_its_recipient() external {
        _holdEverything();
        _writeOffEverything();
        assertEq(bridge.laneState().heldCount, 0, "no hold is left");
        for (uint256 i = 0; i < PAIRS; ++i) {
            assertEq(bridge.pairOf(near[i]).held, 0, "nothing is held");
            assertEq(bridge.pairOf(near[i]).escrow, 0, "nothing is locked");
        }
        assertEq(bridge.pairOf(address(minted)).minted, 50, "minted, as ever");
        assertEq(bridge.pairOf(address(mintedNFT)).minted, 1, "minted, as ever");
        assertEq(bridge.pairOf(address(mintedMulti)).minted, 11, "minted, as ever");
        _expectOwner(bridge.state().claims);

        for (uint64 i = 0; i < PAIRS; ++i) {
            _expectTakenOnceByItsRecipient(i);
        }
        _expectOwner(ELSEWHERE);
        address claims = bridge.state().claims;
        assertEq(claims.balance + token.balanceOf(claims) + minted.balanceOf(claims), 0, "nothing is left over");
    }

    function test_lock_pairs_go_afterwards() external {
        _holdEverything();
        address[4] memory locking = [address(0), address(token), address(nft), address(multi)];
        for (uint256 i = 0; i < locking.length; ++i) {
            _configure(abi.encodeCall(IBridgeConfiguration.setPairLocked, (locking[i], true)));
            uint256 value = bridge.pairOf(locking[i]).escrow;
            _configureExpecting(
                _goCall(locking[i]),
                abi.encodeWithSelector(IBridgeErrors.BridgePairInUse.selector, locking[i], value, value, true)
            );
        }
        // Whatever the refusing recipient does, one vote ends them.
        bytes[] memory calls = new bytes[](PAIRS + locking.length);
        for (uint64 i = 0; i < PAIRS; ++i) {
            calls[i] = _writeOffCall(i);
        }
        for (uint256 i = 0; i < locking.length; ++i) {
            calls[PAIRS + i] = _goCall(locking[i]);
        }
        _configure(calls);
        assertEq(bridge.state().pairs.length, PAIRS - locking.length, "gone");
        // Claims depend on no pair.
        for (uint64 i = 0; i < PAIRS; ++i) {
            _take(i, ELSEWHERE);
        }
        _expectOwner(ELSEWHERE);
    }

    function test_a_held_refund_is_written_off_in_the_local_token() external {
        _seedToken(50);
        // Whoever is paid back is a token now, which nobody's data reach.
        _far(Kinds.ERC20 | REFUND_BIT, address(token), address(minted), 50, "data");
        _handleAll();
        _expectHeld(0, HoldReason.InvalidRecipient);
        _configure(_writeOffCall(0));
        address claims = bridge.state().claims;
        assertEq(token.balanceOf(claims), 50, "written off");
        Claim memory claim = Claim(address(minted), address(token), Kinds.ERC20, 50, "data");
        assertTrue(IBridgeClaims(payable(claims)).isOpen(0, claim), "of the kind that it is here");
        assertEq(bridge.pairOf(address(token)).held, 0, "held");
    }

    function test_a_write_off_is_told() external {
        _seedNative(40);
        _hold(Kinds.NATIVE, FAR_OF_NATIVE, 40, "data");
        (uint64 nonce, bytes[] memory calls) = _scheduled(_writeOffCall(0));
        vm.recordLogs();
        bridge.executeConfiguration(nonce, calls);
        address claims = bridge.state().claims;
        bytes32[3] memory topics =
            [IBridgeEvents.HoldWrittenOff.selector, bytes32(uint256(0)), bytes32(uint256(uint160(address(refusing))))];
        Log[] memory logs = vm.getRecordedLogs();
        _expectLog(logs, address(bridge), topics, abi.encode(claims));
        topics[0] = IBridgeClaims.ClaimRecorded.selector;
        _expectLog(logs, claims, topics, abi.encode(_claimOf(0)));
    }

    function test_all_claims_of_a_bridge_lie_in_one_place() external {
        _seedNative(40);
        _hold(Kinds.NATIVE, FAR_OF_NATIVE, 30, "data");
        assertEq(bridge.state().claims, address(0), "none before the first");
        _configure(_writeOffCall(0));
        address claims = bridge.state().claims;
        _hold(Kinds.NATIVE, FAR_OF_NATIVE, 10, "data");
        _configure(_writeOffCall(1));
        assertEq(bridge.state().claims, claims, "the same");
        assertEq(claims.balance, 40, "both");
        _take(1, ELSEWHERE);
        assertEq(ELSEWHERE.balance, 10, "the second and no more");
        _take(0, ELSEWHERE);
        assertEq(ELSEWHERE.balance, 40, "and the first");
    }

    function test_a_claim_is_taken_while_the_bridge_is_paused() external {
        _seedNative(40);
        _hold(Kinds.NATIVE, FAR_OF_NATIVE, 40, "data");
        _configure(_writeOffCall(0));
        _pause();
        _take(0, ELSEWHERE);
        assertEq(ELSEWHERE.balance, 40, "taken");
    }

    // ---- what governors cannot do ----

    function test_a_write_off_waits_the_public_delay() external {
        _seedNative(40);
        _hold(Kinds.NATIVE, FAR_OF_NATIVE, 40, "data");
        assertTrue(!_isImmediate(_writeOffCall(0)), "waits");
        _expectHeld(0, HoldReason.PayoutFailed);
        // Until then everybody can end the hold as ever.
        refusing.behave(Declaration.Yes, Answer.Right);
        _release(0);
        assertEq(address(refusing).balance, 40, "released");
    }

    function test_an_unclear_answer_is_not_written_off() external {
        HostileToken unclear = _heldByToken(Behaviour.ReturnsGarbage);
        _expectHeld(0, HoldReason.AnswerUnclear);
        unclear.setBehaviour(Behaviour.Honest);
        // It may have been paid.
        _configureExpecting(_writeOffCall(0), abi.encodeWithSelector(IBridgeErrors.BridgeWriteOffUnclear.selector, 0));
        _expectHeld(0, HoldReason.AnswerUnclear);
    }

    function test_a_write_off_whose_payment_is_unclear_changes_nothing() external {
        HostileToken unclear = _heldByToken(Behaviour.Reverts);
        unclear.setBehaviour(Behaviour.ReturnsGarbage);
        _configureExpecting(
            _writeOffCall(0),
            abi.encodeWithSelector(IBridgeErrors.BridgeReleaseFailed.selector, 0, HoldReason.AnswerUnclear)
        );
        _expectHeld(0, HoldReason.PayoutFailed);
        assertEq(bridge.state().claims, address(0), "no claims");
    }

    function test_only_the_held_request_is_written_off() external {
        _seedNative(40);
        _hold(Kinds.NATIVE, FAR_OF_NATIVE, 40, "data");
        bytes32 leaf = leaves[0];
        requests[0].to = vm.addr(GOVERNOR_KEY);
        bytes32 other = _leaf(0, requests[0]);
        _configureExpecting(
            _writeOffCall(0), abi.encodeWithSelector(IBridgeErrors.BridgeOtherLeaf.selector, 0, other, leaf)
        );
    }

    function test_what_nobody_could_claim_is_not_written_off() external {
        _seedNative(40);
        address[2] memory nobody = [address(0), address(bridge)];
        for (uint64 i = 0; i < 2; ++i) {
            _far(Kinds.NATIVE, FAR_OF_NATIVE, nobody[i], 20);
            _handleAll();
            _expectHeld(i, HoldReason.InvalidRecipient);
            _configureExpecting(
                _writeOffCall(i), abi.encodeWithSelector(IBridgeErrors.BridgeInvalidRecipient.selector, nobody[i])
            );
            _refund(i, _decided(REFUND, i));
        }
        assertEq(bridge.laneState().heldCount, 0, "a refund ends them");
    }

    function test_what_cannot_be_paid_is_not_written_off() external {
        _far(Kinds.NATIVE, FAR_OF_NATIVE, RECIPIENT, 20);
        _handleAll();
        _configureExpecting(
            _writeOffCall(0),
            abi.encodeWithSelector(IBridgeErrors.BridgeReleaseFailed.selector, 0, HoldReason.InsufficientEscrow)
        );
        _expectHeld(0, HoldReason.InsufficientEscrow);
    }

    function test_a_hold_that_has_ended_meanwhile_undoes_no_vote() external {
        _seedNative(40);
        _hold(Kinds.NATIVE, FAR_OF_NATIVE, 40, "data");
        bytes[] memory calls = new bytes[](2);
        calls[0] = _writeOffCall(0);
        calls[1] = _loosening(1);
        uint64 nonce = _propose(calls);
        refusing.behave(Declaration.Yes, Answer.Right);
        _release(0);
        _wait(DELAY);
        bridge.executeConfiguration(nonce, calls);
        assertEq(bridge.state().feeReceiver, address(1), "the rest of it");
        assertEq(bridge.state().claims, address(0), "nothing was written off");
        assertEq(address(refusing).balance, 40, "paid once");
        assertEq(bridge.pairOf(address(0)).escrow, 0, "counted once");
    }

    // ---- claims ----

    function test_claims_take_native_currency_and_records_from_their_bridge_only() external {
        _seedNative(40);
        _hold(Kinds.NATIVE, FAR_OF_NATIVE, 40, "data");
        _configure(_writeOffCall(0));
        IBridgeClaims claims = IBridgeClaims(payable(bridge.state().claims));
        assertEq(claims.bridge(), address(bridge), "whose");
        vm.deal(USER, 1);
        bytes memory reason = abi.encodeWithSelector(IBridgeClaims.BridgeClaimsOnlyBridge.selector, USER);
        vm.prank(USER);
        (bool success, bytes memory result) = address(claims).call{value: 1}("");
        assertTrue(!success && keccak256(result) == keccak256(reason), "native");
        Claim memory own = Claim(USER, address(0), Kinds.NATIVE, 40, "");
        vm.expectRevert(reason);
        vm.prank(USER);
        claims.record(1, own);
        vm.expectRevert(abi.encodeWithSelector(IBridgeClaims.BridgeClaimsUnknown.selector, 1));
        vm.prank(USER);
        claims.take(1, own, USER);
        // What was recorded for another one, in one's own name.
        vm.expectRevert(abi.encodeWithSelector(IBridgeClaims.BridgeClaimsUnknown.selector, 0));
        vm.prank(USER);
        claims.take(0, own, USER);
    }

    function test_a_claim_is_what_was_recorded_to_the_last_field() external {
        _seedNative(40);
        _hold(Kinds.NATIVE, FAR_OF_NATIVE, 30, "data");
        _configure(_writeOffCall(0));
        IBridgeClaims claims = IBridgeClaims(payable(bridge.state().claims));
        for (uint256 field = 0; field < 4; ++field) {
            Claim memory claim = _claimOf(0);
            if (field == 0) claim.token = address(minted);
            if (field == 1) claim.kind = Kinds.ERC20;
            if (field == 2) claim.value += 1;
            if (field == 3) claim.payload = "";
            assertTrue(!claims.isOpen(0, claim), "another one");
            vm.expectRevert(abi.encodeWithSelector(IBridgeClaims.BridgeClaimsUnknown.selector, 0));
            vm.prank(address(refusing));
            claims.take(0, claim, ELSEWHERE);
        }
        vm.expectRevert(abi.encodeWithSelector(IBridgeClaims.BridgeClaimsUnknown.selector, 1));
        vm.prank(address(refusing));
        claims.take(1, _claimOf(0), ELSEWHERE);
        _take(0, ELSEWHERE);
    }

    function test_a_claim_that_cannot_be_paid_where_it_is_wanted_stays_open() external {
        _seedNative(40);
        _hold(Kinds.NATIVE, FAR_OF_NATIVE, 40, "data");
        _configure(_writeOffCall(0));
        IBridgeClaims claims = IBridgeClaims(payable(bridge.state().claims));
        Claim memory claim = _claimOf(0);
        vm.prank(address(refusing));
        (bool success,) = address(claims).call(abi.encodeCall(claims.take, (0, claim, address(token))));
        assertTrue(!success, "a token takes no native currency");
        assertTrue(claims.isOpen(0, claim), "open");
        _take(0, ELSEWHERE);
        assertEq(ELSEWHERE.balance, 40, "elsewhere");
    }

    function test_a_claimant_that_calls_back_is_paid_once() external {
        _seedNative(80);
        _hold(Kinds.NATIVE, FAR_OF_NATIVE, 40, "data");
        _hold(Kinds.NATIVE, FAR_OF_NATIVE, 40, "data");
        bytes[] memory calls = new bytes[](2);
        (calls[0], calls[1]) = (_writeOffCall(0), _writeOffCall(1));
        _configure(calls);
        IBridgeClaims claims = IBridgeClaims(payable(bridge.state().claims));
        Taker taker = new Taker(claims);
        // The claimant's code is the taker's: it takes again while it is paid.
        vm.etch(address(refusing), address(taker).code);
        Taker(payable(address(refusing))).take(claims, 0, _claimOf(0));
        assertEq(address(refusing).balance, 40, "once");
        assertEq(address(claims).balance, 40, "the other one is there");
    }

    // ---- steps ----

    /// @dev A payout of 50 that its token makes fail in this way.
    function _heldByToken(Behaviour behaviour) private returns (HostileToken hostile) {
        hostile = new HostileToken();
        _configure(_pairCall(Kinds.ERC20, false, address(hostile), FAR_UNKNOWN));
        _seed(hostile, 50);
        hostile.setBehaviour(behaviour);
        _far(Kinds.ERC20, FAR_UNKNOWN, RECIPIENT, 50);
        _handleAll();
    }

    /// @dev A hold of every pair, whose recipient refuses for ever, numbered as the pairs are.
    function _holdEverything() private {
        _seedNative(40);
        _seedToken(30);
        nft.mint(USER, 9);
        multi.mint(USER, 3, 10);
        multi.mint(USER, 4, 20);
        bytes memory arguments = abi.encode(RECIPIENT, USER, 0, "");
        vm.prank(USER);
        nft.safeTransferFrom(USER, address(bridge), 9, arguments);
        vm.prank(USER);
        multi.safeBatchTransferFrom(USER, address(bridge), _list(3, 4), _list(10, 20), arguments);
        _hold(Kinds.NATIVE, FAR_OF_NATIVE, 40, "data");
        _hold(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN, 30, "data");
        _hold(Kinds.ERC20, FAR_MINTED, 50, "data");
        _hold(Kinds.ERC721, FAR_NFT, 9, _payload721("", "data"));
        _hold(Kinds.ERC721, FAR_MINTED_NFT, 7, _payload721("uri", "data"));
        _hold(Kinds.ERC1155, FAR_MULTI, 30, _payload1155(_list(3, 4), _list(10, 20), "data"));
        _hold(Kinds.ERC1155, FAR_MINTED_MULTI, 11, _payload1155(_list(1, 2), _list(5, 6), "data"));
    }

    function _hold(uint8 kind, address far, uint256 value, bytes memory payload) private {
        _far(kind, far, address(refusing), value, payload);
        _handleAll();
        _expectHeld(uint64(requests.length - 1), HoldReason.PayoutFailed);
    }

    function _writeOffEverything() private {
        bytes[] memory calls = new bytes[](PAIRS);
        for (uint64 i = 0; i < PAIRS; ++i) {
            calls[i] = _writeOffCall(i);
        }
        _configure(calls);
    }

    function _writeOffCall(uint64 nonce) private view returns (bytes memory) {
        return abi.encodeCall(IBridgeHolds.writeOff, (nonce, requests[nonce]));
    }

    function _goCall(address what) private view returns (bytes memory) {
        return abi.encodeCall(
            IBridgeConfiguration.deregisterPair, (what, uint64(requests.length), bridge.laneState().requestNonce)
        );
    }

    function _claimOf(uint64 nonce) private view returns (Claim memory) {
        ValueTransfer memory held = requests[nonce];
        address what = held.kind == Kinds.NATIVE ? address(0) : near[nonce];
        return Claim(held.to, what, held.kind, held.value, held.payload);
    }

    function _take(uint64 nonce, address to) private {
        IBridgeClaims claims = IBridgeClaims(payable(bridge.state().claims));
        Claim memory claim = _claimOf(nonce);
        vm.expectEmit(address(claims));
        emit IBridgeClaims.ClaimPaid(nonce, claim.claimant, to);
        vm.prank(claim.claimant);
        claims.take(nonce, claim, to);
    }

    function _expectTakenOnceByItsRecipient(uint64 nonce) private {
        IBridgeClaims claims = IBridgeClaims(payable(bridge.state().claims));
        Claim memory claim = _claimOf(nonce);
        assertTrue(claims.isOpen(nonce, claim), "open");
        address[4] memory strangers = [USER, ELSEWHERE, vm.addr(GOVERNOR_KEY), address(bridge)];
        for (uint256 i = 0; i < strangers.length; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(IBridgeClaims.BridgeClaimsNotClaimant.selector, strangers[i], address(refusing))
            );
            vm.prank(strangers[i]);
            claims.take(nonce, claim, strangers[i]);
        }
        _take(nonce, ELSEWHERE);
        assertTrue(!claims.isOpen(nonce, claim), "taken");
        vm.expectRevert(abi.encodeWithSelector(IBridgeClaims.BridgeClaimsUnknown.selector, nonce));
        vm.prank(address(refusing));
        claims.take(nonce, claim, ELSEWHERE);
        vm.expectRevert(abi.encodeWithSelector(IBridgeErrors.BridgeNotHeld.selector, nonce));
        _release(nonce);
    }

    /// @dev Who has what was held by `_holdEverything`.
    function _expectOwner(address owner) private view {
        assertEq(owner.balance, 40, "native");
        assertEq(token.balanceOf(owner), 30, "token");
        assertEq(minted.balanceOf(owner), 50, "minted");
        assertEq(nft.ownerOf(9), owner, "ERC-721");
        assertEq(mintedNFT.ownerOf(7), owner, "minted ERC-721");
        assertEq(keccak256(bytes(mintedNFT.tokenURI(7))), keccak256("uri"), "with its URI");
        assertEq(multi.balanceOf(owner, 3), 10, "units");
        assertEq(multi.balanceOf(owner, 4), 20, "units");
        assertEq(mintedMulti.balanceOf(owner, 1), 5, "minted units");
        assertEq(mintedMulti.balanceOf(owner, 2), 6, "minted units");
    }

    function _expectLog(Log[] memory logs, address emitter, bytes32[3] memory topics, bytes memory data) private pure {
        bool found;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter != emitter || logs[i].topics[0] != topics[0]) continue;
            found = true;
            assertEq(keccak256(abi.encode(logs[i].topics)), keccak256(abi.encode(_dynamic(topics))), "topics");
            assertEq(keccak256(logs[i].data), keccak256(data), "data");
        }
        assertTrue(found, "told");
    }

    function _dynamic(bytes32[3] memory topics) private pure returns (bytes32[] memory list) {
        list = new bytes32[](3);
        for (uint256 i = 0; i < 3; ++i) {
            list[i] = topics[i];
        }
    }
}

/// @title A claimant that takes its claim again while it is paid
contract Taker {
    IBridgeClaims private immutable CLAIMS;

    Claim private _claim;
    bool public refused;

    constructor(IBridgeClaims claims) {
        CLAIMS = claims;
    }

    function take(IBridgeClaims claims, uint64 nonce, Claim calldata claim) external {
        _claim = claim;
        claims.take(nonce, claim, address(this));
        require(refused, "it was paid twice");
    }

    receive() external payable {
        try CLAIMS.take(0, _claim, address(this)) {}
        catch (bytes memory reason) {
            refused = bytes4(reason) == IBridgeClaims.BridgeClaimsUnknown.selector;
        }
    }
}
