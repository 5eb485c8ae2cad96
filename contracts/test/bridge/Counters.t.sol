// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {PairState} from "../../src/interfaces/BridgeTypes.sol";
import {IBridge} from "../../src/interfaces/IBridge.sol";
import {IBridgeReceiver} from "../../src/interfaces/IBridgeReceiver.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {LaneTest} from "../LaneTest.sol";
import {Answer, Declaration, Receiver} from "../contracts/Receiver.sol";

/// @title The counters of a pair are right at every external call of a run of one token
/// @dev A run reads its pair once, so what it has in memory and what others read must not differ while they are called.
contract CountersTest is LaneTest {
    CounterReader private _reader;
    Receiver private _refusing;

    function setUp() public override {
        super.setUp();
        _reader = new CounterReader(bridge);
        _refusing = _newReceiver(1_000_000);
        _refusing.behave(Declaration.Yes, Answer.Reverts);
    }

    function test_the_escrow_of_native_currency_is_right_at_each_payout() external {
        _payOneRefuseOnePayOne(Kinds.NATIVE, FAR_OF_NATIVE);
        _expectSeen(address(0), 99, 97);
        assertEq(_seen(0).minted + _seen(1).minted, 0, "nothing is minted");
    }

    function test_the_escrow_of_a_locked_token_is_right_at_each_payout() external {
        _payOneRefuseOnePayOne(Kinds.ERC20, FAR_NATIVE_FOR_TOKEN);
        _expectSeen(address(token), 99, 97);
    }

    function test_what_is_minted_is_right_at_each_payout() external {
        _payOneRefuseOnePayOne(Kinds.ERC20, FAR_MINTED);
        assertEq(_seen(0).minted, 1, "with the first one");
        assertEq(_seen(1).minted, 3, "with both, and without the one that was refused");
        assertEq(_seen(1).held, 7, "held");
        assertEq(bridge.pairOf(address(minted)).minted, 3, "minted");
    }

    function _payOneRefuseOnePayOne(uint8 kind, address farToken) private {
        _far(kind, farToken, address(_reader), 1, "one");
        _far(kind, farToken, address(_refusing), 7, "refused");
        _far(kind, farToken, address(_reader), 2, "two");
        _handleAll();
        assertEq(bridge.laneState().heldCount, 1, "held in between");
        assertEq(_reader.count(), 2, "calls");
    }

    function _expectSeen(address pair, uint256 first, uint256 second) private view {
        assertEq(_seen(0).escrow, first, "without the first one");
        assertEq(_seen(0).held, 0, "held at the first one");
        assertEq(_seen(1).escrow, second, "without both, and with the one that was refused");
        assertEq(_seen(1).held, 7, "held at the second one");
        assertEq(bridge.pairOf(pair).escrow, second, "escrow");
    }

    function _seen(uint256 call) private view returns (PairState memory) {
        return _reader.seen(call);
    }
}

/// @title A recipient that remembers what the bridge said of its token while it was paid
contract CounterReader is IBridgeReceiver {
    IBridge private immutable _bridge;
    uint256 public count;
    mapping(uint256 call => bytes) private _seen;

    constructor(IBridge bridge) {
        _bridge = bridge;
    }

    function seen(uint256 call) external view returns (PairState memory) {
        return abi.decode(_seen[call], (PairState));
    }

    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IBridgeReceiver).interfaceId;
    }

    function onValueTransfer(bytes32, address, address token, uint256, bytes calldata)
        external
        payable
        returns (bytes4)
    {
        _seen[count++] = abi.encode(_bridge.pairOf(token));
        return IBridgeReceiver.onValueTransfer.selector;
    }
}
