// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Outflow, Pair, StoredHold} from "../../src/bridge/BridgeStorage.sol";
import {HoldReason, PairLimits, ValueTransfer} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {Anybody} from "./Anybody.sol";
import {OpenPayouts} from "./OpenPayouts.sol";
import {Symbolic} from "./Symbolic.sol";

/// @title No payout and no hold changes the sum of escrow, in flight and held
/// @dev One pair of any counters and limits, one token that answers anything. A request leaves what is in flight when it is
/// handled: it must be paid then, out of the escrow or what is minted, or counted as held, and never both or neither. A hold that
/// ends leaves what is held, and must be paid. What is not `counted` fits no counter, and changes none.
contract PayoutsProof is Symbolic {
    address private constant COUNTERPART_TOKEN = address(0xC0);
    address private constant STRANGE_TOKEN = address(0xC1);
    uint64 private constant NONCE = 7;
    /// Enough for every account and no more than a pair can have. Unit: gas.
    uint32 private constant GAS_CAP = 100_000;
    uint256 private constant FUNDS = 1 << 127;

    OpenPayouts private _bridge;
    Anybody private _token;
    Pair private _pair;

    struct Counters {
        uint256 outstanding;
        uint256 held;
        uint256 heldCount;
        bytes32 outflow;
    }

    /// @dev Of any kind, about the pair, back from it or about another token, to anybody.
    function check_a_request_is_paid_or_held(uint8 kind, uint256 choice, bool mints, bool limited) external {
        _placeERC20(mints, limited);
        address[3] memory named = [COUNTERPART_TOKEN, address(_token), STRANGE_TOKEN];
        ValueTransfer memory transfer = _anyTransfer(kind, named[_choose(choice)]);
        _handleAndCheck(transfer);
    }

    /// @dev The native currency, to a contract that takes it or not.
    function check_a_native_request_is_paid_or_held(uint8 kind, bool limited) external {
        vm.assume(kind & ~Kinds.REFUND <= Kinds.ERC20);
        _placeNative(limited);
        bool back = kind & Kinds.REFUND != 0;
        ValueTransfer memory transfer = _anyTransfer(kind, back ? address(0) : COUNTERPART_TOKEN);
        transfer.to = address(_token);
        _handleAndCheck(transfer);
    }

    /// @dev With data for a contract that wants them or not, and takes them or not.
    function check_a_request_with_data_is_paid_or_held(uint8 kind, bool mints) external {
        vm.assume(kind <= Kinds.ERC20);
        _handleWithData(kind, mints, false);
    }

    /// @dev The same under limits.
    function check_a_limited_request_with_data_is_paid_or_held() external {
        _handleWithData(Kinds.ERC20, false, true);
    }

    /// @dev Of two requests that follow each other the second one is paid or held for itself.
    function check_requests_that_follow_each_other_are_paid_or_held(bool mints, uint96 one, uint96 other) external {
        _placeERC20(mints, false);
        ValueTransfer memory first = _anyTransfer(Kinds.ERC20, COUNTERPART_TOKEN);
        ValueTransfer memory second = _anyTransfer(Kinds.ERC20, COUNTERPART_TOKEN);
        (first.to, second.to) = (address(0xBEEF), address(0xBEEF));
        (first.value, second.value) = (one, other);
        Counters memory before = _counters(first);
        vm.assume(before.held < 1 << 120);
        _handle(abi.encodeCall(_bridge.payOrHoldBoth, (NONCE, first, second)));
        bool firstHeld = _bridge.holdOf(NONCE).reason != HoldReason.None;
        bool secondHeld = _bridge.holdOf(NONCE + 1).reason != HoldReason.None;
        uint256 held = (firstHeld ? uint256(one) : 0) + (secondHeld ? uint256(other) : 0);
        uint256 paid = uint256(one) + other - held;
        _checkMoved(before, _counters(first), paid, held);
        assert(_token.confirmed() == paid);
    }

    /// @dev Whatever was held for any reason, at any time: it is paid, or everything stays as it was.
    function check_a_release_pays_or_changes_nothing(
        uint8 kind,
        uint256 choice,
        bool mints,
        bool limited,
        StoredHold calldata hold
    ) external {
        _placeERC20(mints, limited);
        address[3] memory named = [COUNTERPART_TOKEN, address(_token), STRANGE_TOKEN];
        ValueTransfer memory transfer = _anyTransfer(kind, named[_choose(choice)]);
        _releaseAndCheck(transfer, hold);
    }

    function _releaseAndCheck(ValueTransfer memory transfer, StoredHold memory hold) private {
        uint256 amount = _amountOf(transfer);
        Counters memory before = _counters(transfer);
        hold.leaf = _leafOf(NONCE, transfer);
        hold.owed = false;
        // What is counted is in the sum.
        vm.assume(!hold.counted || amount <= before.held);
        vm.assume(hold.heldAtBlock <= block.number);
        _bridge.placeHold(NONCE, hold);
        bytes memory call = abi.encodeCall(_bridge.release, (NONCE, transfer, new bytes[](0)));
        vm.prank(SUBMITTER, SUBMITTER);
        (bool released,) = address(_bridge).call(call);

        StoredHold memory left = _bridge.holdOf(NONCE);
        Counters memory after_ = _counters(transfer);
        if (!released) {
            _checkSame(before, after_);
            assert(_token.asked() == 0);
            assert(left.reason == hold.reason && left.counted == hold.counted && left.leaf == hold.leaf);
            return;
        }
        assert(left.reason == HoldReason.None);
        assert(hold.reason != HoldReason.Forced && hold.reason != HoldReason.AnswerUnclear);
        assert(after_.heldCount + 1 == before.heldCount);
        _checkPaid(before, after_, amount);
        assert(after_.held + (hold.counted ? amount : 0) == before.held);
        assert(_token.confirmed() == amount && _token.recipient() == transfer.to);
    }

    function _handleWithData(uint8 kind, bool mints, bool limited) private {
        _placeERC20(mints, limited);
        ValueTransfer memory transfer = _anyTransfer(kind, COUNTERPART_TOKEN);
        transfer.to = address(new Anybody());
        transfer.payload = svm.createBytes(32, "payload");
        _handleAndCheck(transfer);
    }

    function _handleAndCheck(ValueTransfer memory transfer) private {
        uint256 amount = _amountOf(transfer);
        Counters memory before = _counters(transfer);
        uint256 funds = address(_bridge).balance;
        _handle(abi.encodeCall(_bridge.payOrHold, (NONCE, transfer)));

        StoredHold memory hold = _bridge.holdOf(NONCE);
        Counters memory after_ = _counters(transfer);
        uint256 given = _pair.kind == Kinds.NATIVE ? funds - address(_bridge).balance : _token.confirmed();
        if (hold.reason == HoldReason.None) {
            assert(after_.heldCount == before.heldCount);
            assert(after_.held == before.held);
            _checkPaid(before, after_, amount);
            assert(given == amount);
            if (_pair.kind != Kinds.NATIVE) assert(_token.recipient() == transfer.to);
        } else {
            assert(after_.heldCount == before.heldCount + 1);
            assert(after_.outstanding == before.outstanding);
            assert(after_.outflow == before.outflow);
            assert(given == 0);
            // What a token did that was asked and gave no clear answer, nobody knows.
            if (_pair.kind != Kinds.NATIVE) assert(hold.reason == HoldReason.AnswerUnclear || _token.asked() == 0);
            // It is counted whenever it can be.
            assert(hold.counted == (amount <= type(uint128).max - before.held));
            assert(after_.held == before.held + (hold.counted ? amount : 0));
        }
    }

    /// @dev Nothing but too little gas makes it revert: whatever tokens and recipients do, the lane goes on.
    function _handle(bytes memory call) private {
        (bool handled, bytes memory answer) = address(_bridge).call(call);
        if (handled) return;
        assert(bytes4(answer) == IBridgeErrors.BridgeInsufficientGas.selector);
        vm.assume(false);
    }

    /// @dev No addition or subtraction of the proofs may revert, since that would end a path without a verdict.
    function _checkPaid(Counters memory before, Counters memory after_, uint256 amount) private view {
        assert(amount != 0 && amount <= type(uint128).max);
        if (_pair.mints) assert(after_.outstanding == before.outstanding + amount);
        else assert(after_.outstanding + amount == before.outstanding);
    }

    function _checkMoved(Counters memory before, Counters memory after_, uint256 paid, uint256 held) private view {
        if (_pair.mints) assert(after_.outstanding == before.outstanding + paid);
        else assert(after_.outstanding + paid == before.outstanding);
        assert(after_.held == before.held + held);
    }

    function _checkSame(Counters memory before, Counters memory after_) private pure {
        assert(after_.outstanding == before.outstanding);
        assert(after_.held == before.held);
        assert(after_.heldCount == before.heldCount);
        assert(after_.outflow == before.outflow);
    }

    function _placeERC20(bool mints, bool limited) private {
        _pair.kind = Kinds.ERC20;
        _pair.mints = mints;
        _place(limited);
    }

    function _placeNative(bool limited) private {
        _pair.kind = Kinds.NATIVE;
        _place(limited);
        vm.deal(address(_bridge), FUNDS);
    }

    /// @dev A pair with any counters and any limits, which hold when it is limited.
    function _place(bool limited) private {
        _bridge = new OpenPayouts();
        _token = new Anybody();
        vm.roll(svm.createUint(64, "number"));
        vm.warp(svm.createUint(64, "time"));
        _pair.registered = true;
        _pair.limited = limited;
        _pair.gasCap = GAS_CAP;
        _pair.outstanding = uint128(svm.createUint(128, "outstanding"));
        _bridge.place(COUNTERPART_TOKEN, _local(), _pair, true);
        PairLimits memory limits;
        limits.outflowCapacity = uint128(svm.createUint(128, "capacity"));
        limits.outflowPerSecond = uint128(svm.createUint(128, "perSecond"));
        limits.delayAbove = uint128(svm.createUint(128, "delayAbove"));
        limits.delayBlocks = uint32(svm.createUint(32, "delayBlocks"));
        Outflow memory outflow =
            Outflow({level: uint128(svm.createUint(128, "level")), updatedAt: uint64(svm.createUint(64, "updatedAt"))});
        vm.assume(outflow.updatedAt <= block.timestamp);
        _bridge.placeLimits(_local(), limits, outflow);
    }

    function _anyTransfer(uint8 kind, address named) private returns (ValueTransfer memory transfer) {
        transfer.kind = kind;
        transfer.sourceBlock = uint64(svm.createUint(64, "sourceBlock"));
        transfer.token = named;
        transfer.from = svm.createAddress("from");
        transfer.to = svm.createAddress("to");
        transfer.refundTo = svm.createAddress("refundTo");
        transfer.value = svm.createUint(256, "value");
        _bridge.placeHeld(kind, named, uint128(svm.createUint(128, "held")));
    }

    function _counters(ValueTransfer memory transfer) private view returns (Counters memory counters) {
        counters.outstanding = _bridge.outstandingOf(_local());
        counters.held = _bridge.heldSum(transfer.kind, transfer.token);
        counters.heldCount = _bridge.heldCount();
        Outflow memory outflow = _bridge.outflowOf(_local());
        counters.outflow = bytes32((uint256(outflow.level) << 64) | outflow.updatedAt);
    }

    function _local() private view returns (address) {
        return _pair.kind == Kinds.NATIVE ? address(0) : address(_token);
    }

    function _amountOf(ValueTransfer memory transfer) private pure returns (uint256) {
        return transfer.kind & ~Kinds.REFUND == Kinds.ERC721 ? 1 : transfer.value;
    }

    function _choose(uint256 choice) private pure returns (uint256) {
        if (choice == 0) return 0;
        return choice == 1 ? 1 : 2;
    }
}
