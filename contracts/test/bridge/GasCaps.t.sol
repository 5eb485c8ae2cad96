// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {IBridgeReceiver} from "../../src/interfaces/IBridgeReceiver.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {Behaviour} from "../contracts/Hostile.sol";
import {HostileRecipient} from "../contracts/HostileRecipient.sol";
import {TestNFT} from "../contracts/TestNFT.sol";
import {TestToken} from "../contracts/TestToken.sol";
import {PayoutTest} from "./PayoutTest.sol";

/// @title Every payout gets exactly its cap, and a submitter decides nothing by the gas it gives
contract GasCapsTest is PayoutTest {
    /// Enough for everything before the first payout, and too little for it. Unit: gas.
    uint256 private constant LEAST_GAS = 150_000;
    /// Enough for all four payouts. Unit: gas.
    uint256 private constant MOST_GAS = 1_600_000;
    uint256 private constant PAYOUTS = 4;

    function test_callee_gets_exactly_its_gas_cap() external {
        GasReader reader = new GasReader();
        Payer payer = new Payer();
        _seedNative(10);
        for (uint32 cap = 100_000; cap <= 300_000; cap += 100_000) {
            _configure(abi.encodeCall(bridge.setPairGasCap, (address(0), cap)));
            _far(Kinds.NATIVE, FAR_OF_NATIVE, address(reader), 1);
            _handleAll();
            uint256 seen = reader.seen();
            // The chain adds 2 300 to a call that carries value.
            payer.pay{value: 1}(address(reader), cap - 2_300);
            assertEq(seen, reader.seen(), "gas");
        }
    }

    /// @dev Whatever gas a submitter gives: either all is done as with plenty, or nothing is.
    function test_gas_of_the_submitter_never_decides_who_is_held() external {
        Picky picky = _picky();
        bytes memory call = _handleCall(0, _slice(0, PAYOUTS), none, _approved(PAYOUTS));
        uint256 refusals;
        for (uint256 gas = LEAST_GAS; gas < MOST_GAS; gas += 4_000) {
            (bool success, bytes memory result) = _submitWith(gas, call);
            _expectAllOrNothing(picky, success, result);
            if (success) break;
            ++refusals;
        }
        assertTrue(refusals > 50, "refused for long");
        assertEq(bridge.laneState().handleNonce, PAYOUTS, "and paid at last");
    }

    function testFuzz_gas_of_the_submitter_never_decides_who_is_held(uint256 gas) external {
        Picky picky = _picky();
        bytes memory call = _handleCall(0, _slice(0, PAYOUTS), none, _approved(PAYOUTS));
        (bool success, bytes memory result) = _submitWith(bound(gas, LEAST_GAS, MOST_GAS), call);
        _expectAllOrNothing(picky, success, result);
    }

    /// @dev Nothing follows it that would want as much gas.
    function test_gas_of_the_submitter_never_decides_who_is_told() external {
        Picky picky = new Picky(GAS_CAP - 300);
        _seedNative(10);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(picky), 1, "data");
        bytes memory call = _handleCall(0, _slice(0, 1), none, _approved(1));
        bool success;
        for (uint256 gas = LEAST_GAS; !success; gas += 1_000) {
            (success,) = _submitWith(gas, call);
            assertEq(bridge.laneState().heldCount, 0, "held");
            assertLe(gas, MOST_GAS, "paid at last");
        }
        assertTrue(picky.told(), "told");
    }

    function test_recipient_that_burns_all_gas_is_held_or_nothing_happens() external {
        HostileRecipient recipient = new HostileRecipient();
        recipient.setBehaviour(Behaviour.BurnsGas);
        _seedNative(10);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(recipient), 1);
        bytes memory call = _handleCall(0, _slice(0, 1), none, _approved(1));
        for (uint256 gas = LEAST_GAS; bridge.laneState().handleNonce == 0; gas += 2_500) {
            recipient.setBehaviour(Behaviour.BurnsGas);
            _submitWith(gas, call);
            if (bridge.laneState().heldCount == 0) assertEq(bridge.laneState().handleNonce, 0, "nothing");
            assertLe(gas, 1_000_000, "held at last");
        }
        assertEq(bridge.laneState().heldCount, 1, "held");
    }

    function test_a_recipient_gets_its_data_or_nothing_whatever_its_token_has_left() external {
        GreedyNFT greedy = new GreedyNFT();
        _configure(_pairCall(Kinds.ERC721, true, address(greedy), FAR));
        SlowToDeclare recipient = new SlowToDeclare();
        uint256 held;
        for (uint256 left = 10_000; left < 110_000; left += 1_000) {
            greedy.leave(left);
            _far(Kinds.ERC721, FAR, address(recipient), left, bytes.concat(hex"0000", "data"));
            _handleAll();
            held = bridge.laneState().heldCount;
            assertEq(greedy.balanceOf(address(recipient)), requests.length - held, "paid or held");
            assertEq(recipient.told(), requests.length - held, "not paid without the data");
        }
        assertTrue(held != 0 && held < requests.length, "both happened");
    }

    function test_insufficient_gas_names_nonce_and_gas() external {
        Picky picky = _picky();
        _handleUntil(1);
        bytes memory call = _handleCall(1, _slice(1, PAYOUTS), none, _approved(PAYOUTS));
        (bool success, bytes memory result) = _submitWith(LEAST_GAS, call);
        assertTrue(!success, "refused");
        (bytes4 selector, uint256 nonce, uint256 gasLeft, uint256 required) = _insufficientGas(result);
        assertTrue(selector == IBridgeErrors.BridgeInsufficientGas.selector, "selector");
        assertEq(nonce, 1, "nonce");
        // The cap, what EIP-150 keeps back of it, and 40 000 for the call itself.
        assertEq(required, uint256(GAS_CAP) + GAS_CAP / 63 + 40_000, "required");
        assertTrue(gasLeft < required && gasLeft > LEAST_GAS / 4, "gas left");
        assertEq(address(picky).balance, 1, "nothing more is paid");
    }

    // ---- steps ----

    /// @dev Four requests, by every kind of call, to recipients that refuse whenever they get less than the cap.
    function _picky() private returns (Picky picky) {
        picky = new Picky(GAS_CAP - 300);
        PickyToken pickyToken = new PickyToken(GAS_CAP - 700);
        _stock(pickyToken, 10);
        _seedNative(10);
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(picky), 1);
        _far(Kinds.ERC20, FAR, RECIPIENT, 1);
        // In one call of the bridge by itself: what is not handed on is spent on the way and does not vary by much.
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(picky), 1, "data");
        _far(Kinds.NATIVE, FAR_OF_NATIVE, address(picky), 1);
    }

    function _expectAllOrNothing(Picky picky, bool success, bytes memory result) private view {
        if (!success) {
            (bytes4 selector,,,) = _insufficientGas(result);
            assertTrue(selector == IBridgeErrors.BridgeInsufficientGas.selector, "refused for gas");
        }
        assertEq(bridge.laneState().heldCount, 0, "held");
        assertEq(bridge.laneState().handleNonce, success ? PAYOUTS : 0, "all or nothing");
        assertEq(address(picky).balance, success ? 3 : 0, "paid");
        assertTrue(picky.told() == success, "told");
    }

    function _insufficientGas(bytes memory result)
        private
        pure
        returns (bytes4 selector, uint256 nonce, uint256 gasLeft, uint256 required)
    {
        assertEq(result.length, 4 + 3 * 32, "length of the reason");
        assembly ("memory-safe") {
            selector := mload(add(result, 0x20))
            nonce := mload(add(result, 0x24))
            gasLeft := mload(add(result, 0x44))
            required := mload(add(result, 0x64))
        }
    }
}

/// @title A recipient that remembers how much gas it was given, and needs most of it
contract GasReader {
    uint256 public seen;

    receive() external payable {
        seen = gasleft();
        while (gasleft() > 20_000) {}
    }
}

/// @title An ERC-721 that uses up what it is given, up to what it is told to leave
contract GreedyNFT is TestNFT {
    uint256 private _left;

    constructor() TestNFT("Greedy", "GRE") {}

    function leave(uint256 left) external {
        _left = left;
    }

    function safeMint(address to, uint256 id, string calldata) external {
        _mint(to, id);
        uint256 left = _left;
        while (gasleft() > left) {}
    }
}

/// @title A recipient that uses nearly all that ERC-165 allows for saying that it wants data
contract SlowToDeclare is IBridgeReceiver {
    uint256 public told;

    function onValueTransfer(bytes32, address, address, uint256, bytes calldata) external payable returns (bytes4) {
        ++told;
        return this.onValueTransfer.selector;
    }

    function supportsInterface(bytes4 interfaceId) external view returns (bool) {
        uint256 start = gasleft();
        while (start - gasleft() < 28_500) {}
        return interfaceId == type(IBridgeReceiver).interfaceId;
    }
}

/// @title Pays with the gas that it is told
contract Payer {
    function pay(address to, uint256 given) external payable {
        (bool paid,) = to.call{value: msg.value, gas: given}("");
        require(paid, "not paid");
    }
}

/// @title A recipient that refuses cheaply when it was given less gas than its cap
contract Picky is IBridgeReceiver {
    /// What the bridge spends of the cap before it tells a recipient, with room for the calldata. Unit: gas.
    uint256 private constant ON_THE_WAY = 40_000;

    uint256 private immutable _least;
    bool public told;

    constructor(uint256 least) {
        _least = least;
    }

    receive() external payable {
        require(gasleft() >= _least, "less than the cap");
    }

    function onValueTransfer(bytes32, address, address, uint256, bytes calldata) external payable returns (bytes4) {
        require(gasleft() >= _least - ON_THE_WAY, "less than the cap");
        told = true;
        return this.onValueTransfer.selector;
    }

    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IERC165).interfaceId || interfaceId == type(IBridgeReceiver).interfaceId;
    }
}

/// @title An ERC-20 that refuses cheaply when it was given less gas than its cap
contract PickyToken is TestToken {
    uint256 private immutable _least;

    constructor(uint256 least) TestToken("Picky", "PICK", 18) {
        _least = least;
    }

    function transfer(address to, uint256 value) public override returns (bool) {
        require(gasleft() >= _least, "less than the cap");
        return super.transfer(to, value);
    }
}
