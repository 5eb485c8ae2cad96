// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Outflow} from "../../src/bridge/BridgeStorage.sol";
import {HoldReason, PairLimits, ValueTransfer} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeConfiguration} from "../../src/interfaces/IBridgeConfiguration.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {OpenLimits, OpenMembers, Willing} from "./OpenGovernance.sol";
import {Symbolic} from "./Symbolic.sol";

/// @title What tightens gives nobody a right
/// @dev For all that can hold now and all that is voted: whenever `_tightens` says so of a call and the call is applied, nothing
/// passes afterwards that did not pass before. The end of a pause is no such call: it needs no delay because a pause is short.
contract TighteningProof is Symbolic {
    address private constant COUNTERPART_TOKEN = address(0xC0);
    address private constant RECIPIENT = address(0xBEEF);
    address private constant PAIR = address(0xA7);
    uint256 private constant MEMBERS = 4;
    uint256 private constant NOW = 1 << 40;
    /// Unit: seconds.
    uint256 private constant LATER = 64;

    /// @dev An amount that is in the new bounds was in the old ones, and costs no more of the same currency.
    function check_narrower_limits_accept_no_other_request(
        PairLimits calldata present,
        PairLimits calldata next,
        uint128 amount
    ) external {
        (OpenLimits bridge, address token) = _limited(present);
        bool acceptedBefore = _accepts(bridge, token, amount);
        (uint256 feeBefore, bool inNativeBefore) = bridge.feeOf(token);
        _narrow(bridge, token, next);
        bool acceptedAfter = _accepts(bridge, token, amount);
        (uint256 feeAfter, bool inNativeAfter) = bridge.feeOf(token);
        assert(acceptedBefore || !acceptedAfter);
        assert(feeAfter <= feeBefore);
        assert(feeAfter == 0 || inNativeAfter == inNativeBefore);
    }

    /// @dev What bucket and delay let pass now they let pass before, whatever stood in the bucket since whenever, and since
    /// whenever a request is held.
    function check_narrower_limits_pay_nothing_else(
        PairLimits calldata present,
        PairLimits calldata next,
        Outflow calldata outflow,
        uint128 amount,
        uint64 heldAtBlock
    ) external {
        vm.assume(outflow.updatedAt <= NOW);
        (OpenLimits bridge, address token) = _limited(present);
        bridge.placeOutflow(token, outflow);
        bool paidBefore = _pays(bridge, amount, heldAtBlock);
        _narrow(bridge, token, next);
        assert(paidBefore || !_pays(bridge, amount, heldAtBlock));
    }

    /// @dev The same a while later, when the bucket has leaked at the new rate.
    function check_narrower_limits_pay_nothing_else_later(
        PairLimits calldata present,
        PairLimits calldata next,
        uint128 level,
        uint128 amount,
        uint64 heldAtBlock
    ) external {
        (OpenLimits bridge, address token) = _limited(present);
        bridge.placeOutflow(token, Outflow({level: level, updatedAt: uint64(NOW)}));
        vm.warp(NOW + LATER);
        bool paidBefore = _pays(bridge, amount, heldAtBlock);
        vm.warp(NOW);
        _narrow(bridge, token, next);
        vm.warp(NOW + LATER);
        assert(paidBefore || !_pays(bridge, amount, heldAtBlock));
    }

    /// @dev Whoever is an operator was one, each once, and no fewer decide. So any signers that suffice now did before.
    function check_fewer_operators_decide_nothing_else(uint8 present, uint8 next, uint256 size, address account)
        external
    {
        OpenMembers bridge = new OpenMembers();
        bridge.placeOperators(_accounts(0xA0, MEMBERS), present);
        bool before = bridge.isOperator(account);
        address[] memory members = _anyMembers(size);
        _tighten(bridge, abi.encodeCall(IBridgeConfiguration.setOperators, (members, next)));
        (uint8 threshold,) = bridge.thresholds();
        assert(before || !bridge.isOperator(account));
        assert(threshold >= present);
        _checkDistinct(members);
    }

    function check_fewer_governors_decide_nothing_else(uint8 present, uint8 next, uint256 size, address account)
        external
    {
        OpenMembers bridge = new OpenMembers();
        bridge.placeGovernors(_accounts(0xA0, MEMBERS), present);
        bool before = bridge.isGovernor(account);
        address[] memory members = _anyMembers(size);
        _tighten(bridge, abi.encodeCall(IBridgeConfiguration.setGovernors, (members, next)));
        (, uint8 threshold) = bridge.thresholds();
        assert(before || !bridge.isGovernor(account));
        assert(threshold >= present);
        _checkDistinct(members);
    }

    function check_delays_grow_and_pairs_are_locked(
        uint64 refundDelay,
        uint32 governanceDelay,
        bool locked,
        uint64 nextRefundDelay,
        uint32 nextGovernanceDelay,
        bool nextLocked
    ) external {
        OpenMembers bridge = new OpenMembers();
        bridge.placeDelays(refundDelay, governanceDelay);
        bridge.placeLocked(PAIR, locked);
        bytes[] memory calls = new bytes[](3);
        calls[0] = abi.encodeCall(IBridgeConfiguration.setRefundDelay, (nextRefundDelay));
        calls[1] = abi.encodeCall(IBridgeConfiguration.setGovernanceDelay, (nextGovernanceDelay));
        calls[2] = abi.encodeCall(IBridgeConfiguration.setPairLocked, (PAIR, nextLocked));
        vm.assume(bridge.tightens(calls));
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.assume(bridge.applyVoted(calls[i]));
        }
        (uint64 refunds, uint32 governance) = bridge.delays();
        assert(refunds >= refundDelay && governance >= governanceDelay);
        assert(bridge.isLocked(PAIR));
    }

    /// @dev A call of any other function, whatever it says, waits.
    function check_whatever_is_not_recognised_waits(bytes4 selector) external {
        bool known = selector == IBridgeConfiguration.unpause.selector
            || selector == IBridgeConfiguration.setPairLocked.selector
            || selector == IBridgeConfiguration.setRefundDelay.selector
            || selector == IBridgeConfiguration.setGovernanceDelay.selector
            || selector == IBridgeConfiguration.setOperators.selector
            || selector == IBridgeConfiguration.setGovernors.selector
            || selector == IBridgeConfiguration.setPairLimits.selector;
        vm.assume(!known);
        OpenMembers bridge = new OpenMembers();
        bytes[] memory calls = new bytes[](1);
        calls[0] = abi.encodePacked(selector, svm.createBytes(64, "arguments"));
        assert(!bridge.tightens(calls));
    }

    /// @dev A bridge with a pair of these limits.
    function _limited(PairLimits memory present) private returns (OpenLimits bridge, address token) {
        bridge = new OpenLimits();
        token = address(new Willing());
        bridge.place(COUNTERPART_TOKEN, token);
        vm.warp(NOW);
        vm.roll(svm.createUint(64, "number"));
        bridge.placeLimits(token, present);
    }

    function _narrow(OpenLimits bridge, address token, PairLimits memory next) private {
        bytes[] memory calls = new bytes[](1);
        calls[0] = abi.encodeCall(IBridgeConfiguration.setPairLimits, (token, next));
        vm.assume(bridge.tightens(calls));
        vm.assume(bridge.applyVoted(calls[0]));
    }

    function _tighten(OpenMembers bridge, bytes memory call) private {
        bytes[] memory calls = new bytes[](1);
        calls[0] = call;
        vm.assume(bridge.tightens(calls));
        vm.assume(bridge.applyVoted(call));
    }

    function _accepts(OpenLimits bridge, address token, uint128 amount) private view returns (bool accepted) {
        (accepted,) = address(bridge).staticcall(abi.encodeCall(bridge.requireInBounds, (token, amount)));
    }

    function _pays(OpenLimits bridge, uint128 amount, uint64 heldAtBlock) private returns (bool) {
        ValueTransfer memory transfer;
        transfer.kind = Kinds.ERC20;
        transfer.token = COUNTERPART_TOKEN;
        transfer.to = RECIPIENT;
        transfer.value = amount;
        (, bytes memory answer) = address(bridge).call(abi.encodeCall(bridge.tryPay, (transfer, heldAtBlock)));
        // Too little gas is no answer.
        vm.assume(bytes4(answer) == OpenLimits.Answer.selector);
        uint256 reason;
        assembly ("memory-safe") {
            reason := mload(add(answer, 0x24))
        }
        return reason == uint256(HoldReason.None);
    }

    /// @dev One to four accounts, members or strangers.
    function _anyMembers(uint256 choice) private returns (address[] memory members) {
        uint256 size = MEMBERS;
        for (uint256 i = 1; i < MEMBERS && size == MEMBERS; ++i) {
            if (choice == i) size = i;
        }
        members = new address[](size);
        for (uint256 i = 0; i < size; ++i) {
            members[i] = svm.createAddress("member");
        }
    }

    function _checkDistinct(address[] memory members) private pure {
        for (uint256 i = 0; i < members.length; ++i) {
            for (uint256 j = 0; j < i; ++j) {
                assert(members[i] != members[j]);
            }
        }
    }
}
