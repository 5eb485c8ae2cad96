// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {PairLimits, ValueTransfer} from "../../src/interfaces/BridgeTypes.sol";
import {IBridgeConfiguration} from "../../src/interfaces/IBridgeConfiguration.sol";
import {IBridgeMigration} from "../../src/interfaces/IBridgeMigration.sol";
import {IBridge} from "../../src/interfaces/IBridge.sol";
import {IBridgeErrors} from "../../src/interfaces/IBridgeErrors.sol";
import {IBridgeHolds} from "../../src/interfaces/IBridgeHolds.sol";
import {Kinds} from "../../src/libraries/Kinds.sol";
import {BridgeToken} from "../../src/tokens/BridgeToken.sol";
import {SettersTest} from "../SettersTest.sol";

/// What the governance says of the rosters that it makes.
interface IRosterMaker {
    function rosterCodeHash() external view returns (bytes32);
}

/// @title ALEX 2024: an upgrade by a stolen key; the table is in Incidents
contract CodeTest is SettersTest {
    uint8 private constant CREATE = 0xf0;
    uint8 private constant CALLCODE = 0xf2;
    uint8 private constant DELEGATECALL = 0xf4;
    uint8 private constant CREATE2 = 0xf5;
    uint8 private constant INVALID = 0xfe;
    uint8 private constant SELFDESTRUCT = 0xff;
    uint8 private constant PUSH1 = 0x60;
    uint8 private constant PUSH32 = 0x7f;
    /// Unit: bytes.
    uint256 private constant MOST_CONSTANTS = 256;

    function test_alex_2024_the_code_is_the_same_after_everything_that_can_be_voted() external {
        _freshBridge();
        inboundId = keccak256(abi.encode(COUNTERPART_CHAIN, COUNTERPART, CHAIN, address(bridge), SALT));
        bytes32[5] memory codehashes = _codehashes();
        address[4] memory parts = _partsOf(bridge);
        _voteEverything();
        _expectOnlyCoveredCanBeVoted();
        assertEq(keccak256(abi.encode(_partsOf(bridge))), keccak256(abi.encode(parts)), "which parts");
        assertEq(keccak256(abi.encode(_codehashes())), keccak256(abi.encode(codehashes)), "their code");
    }

    function test_alex_2024_no_upgrade_can_be_called_or_voted() external {
        address[4] memory parts = _partsOf(bridge);
        bytes[9] memory calls = [
            abi.encodeWithSignature("upgradeTo(address)", this),
            abi.encodeWithSignature("upgradeToAndCall(address,bytes)", this, ""),
            abi.encodeWithSignature("changeAdmin(address)", this),
            abi.encodeWithSignature("setImplementation(address)", this),
            abi.encodeWithSignature("setParts((address,address,address,address))", this, this, this, this),
            abi.encodeWithSignature("setClaims(address)", this),
            abi.encodeWithSignature("initialize(address)", this),
            abi.encodeWithSignature("transferOwnership(address)", this),
            abi.encodeWithSignature("owner()")
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            (bool success,) = address(bridge).call(calls[i]);
            assertTrue(!success, "no such function of the bridge");
            for (uint256 k = 0; k < parts.length; ++k) {
                (success,) = parts[k].call(calls[i]);
                assertTrue(!success, "nor of a part");
            }
            // Not even with the signatures of a threshold of governors.
            _configureExpecting(
                calls[i], abi.encodeWithSelector(IBridgeErrors.BridgeSetterNotListed.selector, bytes4(calls[i]))
            );
        }
    }

    function test_alex_2024_no_storage_chooses_the_code_that_runs() external {
        // No contract has this function, so the call takes the path to a part.
        assertEq(_readsOf(hex"deadbeef"), 0, "on the way to a part");
        assertEq(_readsOf(abi.encodeCall(bridge.parts, ())), 0, "for their addresses");
        assertTrue(_readsOf(abi.encodeCall(bridge.state, ())) != 0, "reads are counted");
        bytes32 implementation = bytes32(uint256(keccak256("eip1967.proxy.implementation")) - 1);
        bytes32 admin = bytes32(uint256(keccak256("eip1967.proxy.admin")) - 1);
        assertEq(vm.load(address(bridge), implementation), 0, "implementation");
        assertEq(vm.load(address(bridge), admin), 0, "admin");
        // One function of each part: it runs there.
        address[4] memory parts = _partsOf(bridge);
        bytes[4] memory calls = [
            abi.encodeCall(bridge.supportsInterface, (0x01ffc9a7)),
            abi.encodeCall(bridge.writeOff, (0, _nothing())),
            abi.encodeCall(bridge.unpause, ()),
            abi.encodeCall(bridge.state, ())
        ];
        for (uint256 i = 0; i < parts.length; ++i) {
            vm.expectCall(parts[i], calls[i], 1);
            (bool success,) = address(bridge).call(calls[i]);
            assertTrue(success == (i == 0 || i == 3), "setters are refused");
        }
    }

    function test_alex_2024_the_code_neither_destroys_itself_nor_runs_other_code() external view {
        bytes memory own = _withoutConstants(address(bridge).code);
        assertEq(_count(own, DELEGATECALL), 1, "the bridge runs the code of its parts");
        assertEq(_count(own, CREATE) + _count(own, CREATE2), 0, "the bridge makes no contract");
        _expectCodeIsFixed(own);
        address[4] memory parts = _partsOf(bridge);
        for (uint256 i = 0; i < parts.length; ++i) {
            // These two carry the code of another contract behind their own, see below.
            if (parts[i] == bridge.parts().endings || parts[i] == bridge.parts().governance) continue;
            own = _withoutConstants(parts[i].code);
            assertEq(_count(own, DELEGATECALL), 0, "which run none");
            assertEq(_count(own, CREATE) + _count(own, CREATE2), 0, "and make none");
            _expectCodeIsFixed(own);
        }
    }

    /// @dev Data, which nobody calls.
    function test_alex_2024_the_governance_makes_rosters_and_nothing_else() external {
        address governance = bridge.parts().governance;
        (bytes memory own, bytes memory creation) = _splitAtInvalid(governance.code);
        assertEq(_count(own, CREATE2), 1, "one");
        assertEq(_count(own, CREATE) + _count(own, DELEGATECALL), 0, "and runs no other code");
        _expectCodeIsFixed(own);

        bytes32 codeHash = IRosterMaker(governance).rosterCodeHash();
        while (keccak256(creation) != codeHash) {
            assertTrue(creation.length > 32, "the roster");
            creation = _slice(creation, 0, creation.length - 32);
        }
        assertEq(
            _count(creation, CREATE) + _count(creation, CREATE2) + _count(creation, DELEGATECALL), 0, "it makes none"
        );
        _expectCodeIsFixed(creation);
        // Of each epoch, where the code that makes it says.
        for (uint256 epoch = 1; epoch < 3; ++epoch) {
            bytes memory place = abi.encodePacked(bytes1(0xff), address(bridge), epoch, codeHash);
            bytes memory roster = address(uint160(uint256(keccak256(place)))).code;
            assertEq(keccak256(roster), keccak256(_rosterContent()), "lane and operators");
            assertEq(uint8(roster[0]), 0, "it stops before it does anything");
            _configure(abi.encodeCall(IBridgeConfiguration.setOperators, (_members(OUTSIDER_KEY), THRESHOLD)));
        }
    }

    /// @dev A contract of its own, which is called and never run as the bridge.
    function test_alex_2024_the_endings_make_one_contract_and_it_is_the_claims() external {
        bytes memory code = bridge.parts().endings.code;
        (bytes memory own, bytes memory creation) = _splitAtInvalid(code);
        assertEq(_count(own, CREATE), 1, "one");
        assertEq(_count(own, CREATE2) + _count(own, DELEGATECALL), 0, "which run no other code");
        _expectCodeIsFixed(own);

        _far(Kinds.ERC20, FAR_MINTED, address(minted), 5, "data");
        _handleAll();
        _configure(abi.encodeCall(IBridgeHolds.writeOff, (0, requests[0])));
        bytes memory claims = _withoutBridge(bridge.state().claims.code);
        (bytes memory construction, bytes memory runtime) = _splitAtInvalid(creation);
        // Behind it lie long constants that the endings copy.
        assertEq((runtime.length - claims.length) % 32, 0, "words");
        runtime = _slice(runtime, 0, claims.length);
        assertEq(keccak256(runtime), keccak256(claims), "the claims");
        assertTrue(claims.length != 0, "there are claims");
        bytes[2] memory codes = [construction, runtime];
        for (uint256 i = 0; i < codes.length; ++i) {
            assertEq(_count(codes[i], DELEGATECALL), 0, "which run no other code");
            assertEq(_count(codes[i], CREATE) + _count(codes[i], CREATE2), 0, "and make nothing");
            _expectCodeIsFixed(codes[i]);
        }
    }

    // ---- steps ----

    /// @dev Every setter in a call that takes effect, up to the migration of everything.
    function _voteEverything() private {
        BridgeToken own = new BridgeToken("Own", "OWN", 6, address(bridge));
        bytes[] memory first = new bytes[](3);
        first[0] = _wireCall();
        first[1] = _pairCall(Kinds.ERC20, true, address(own), FAR_MINTED);
        first[2] = _pairCall(Kinds.NATIVE, false, address(0), FAR_OF_NATIVE);
        _configure(first);
        _cover(bytes4(first[0]));
        _cover(bytes4(first[1]));
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 5);
        _handleAll();

        PairLimits memory limits = _noLimits();
        limits.maximum = 1_000;
        _configureCovered(_limitsCall(address(own), limits));
        _configureCovered(abi.encodeCall(IBridgeConfiguration.setPairGasCap, (address(own), 2 * GAS_CAP)));
        _configureCovered(abi.encodeCall(IBridgeConfiguration.setGreatestGasCap, (2 * GREATEST_GAS_CAP)));
        _configureCovered(abi.encodeCall(IBridgeConfiguration.setFeeReceiver, (bridge.parts().governance)));
        _configureCovered(abi.encodeCall(IBridgeConfiguration.setRefundDelay, (1)));
        _configureCovered(abi.encodeCall(IBridgeConfiguration.setGovernanceDelay, (DELAY)));
        _configureCovered(abi.encodeCall(IBridgeConfiguration.setPredecessor, (address(this))));
        _configureCovered(abi.encodeCall(IBridgeConfiguration.setPairLocked, (address(0), true)));
        _configureCovered(abi.encodeCall(IBridgeConfiguration.deregisterPair, (address(0), 1, 0)));
        _writeOffOne(own);
        _pause();
        _configureCovered(abi.encodeCall(IBridgeConfiguration.unpause, ()));
        _configureCovered(abi.encodeCall(IBridgeConfiguration.setOperators, (_members(OUTSIDER_KEY), THRESHOLD)));
        _configureCovered(abi.encodeCall(IBridgeConfiguration.setGovernors, (_members(GOVERNOR_KEY), THRESHOLD)));

        IBridge next = _successor(address(own));
        uint256[] memory none = new uint256[](0);
        _configureCovered(abi.encodeCall(IBridgeConfiguration.setRequestsStopped, (true)));
        _configureCovered(abi.encodeCall(IBridgeMigration.migrate, (address(own), address(next), 5, none, none, 2)));
        _configureCovered(abi.encodeCall(IBridgeMigration.handOver, (address(own), address(next), 2)));
        assertEq(own.bridge(), address(next), "handed over");
    }

    /// @dev A payout that is refused for ever: data for a token.
    function _writeOffOne(BridgeToken own) private {
        _far(Kinds.ERC20, FAR_MINTED, address(own), 5, "data");
        _handleAll();
        _configureCovered(abi.encodeCall(IBridgeHolds.writeOff, (1, requests[1])));
        assertEq(own.balanceOf(bridge.state().claims), 5, "written off");
    }

    function _configureCovered(bytes memory call) private {
        _configure(call);
        _cover(bytes4(call));
    }

    /// @dev A bridge that adopts what `token_` counts here.
    function _successor(address token_) private returns (IBridge next) {
        IBridge old = bridge;
        _freshBridge();
        next = bridge;
        bytes[] memory calls = new bytes[](3);
        calls[0] = _wireCall();
        calls[1] = _pairCall(Kinds.ERC20, true, token_, FAR_MINTED);
        calls[2] = abi.encodeCall(IBridgeConfiguration.setPredecessor, (address(old)));
        _configure(calls);
        bridge = old;
    }

    /// @dev Of the bridge, then of its parts.
    function _codehashes() private view returns (bytes32[5] memory hashes) {
        hashes[0] = address(bridge).codehash;
        address[4] memory parts = _partsOf(bridge);
        for (uint256 i = 0; i < parts.length; ++i) {
            assertTrue(parts[i].code.length != 0, "there is a part");
            hashes[1 + i] = parts[i].codehash;
        }
    }

    function _rosterContent() private view returns (bytes memory content) {
        content = abi.encodePacked(bytes1(0), inboundId);
        address[] memory members = bridge.state().operators.members;
        for (uint256 i = 0; i < members.length; ++i) {
            content = abi.encodePacked(content, members[i]);
        }
    }

    function _nothing() private pure returns (ValueTransfer memory transfer) {}

    /// @dev How many slots of the bridge are read by a call, whoever's code runs.
    function _readsOf(bytes memory call) private returns (uint256) {
        vm.record();
        (bool success,) = address(bridge).staticcall(call);
        (bytes32[] memory reads,) = vm.accesses(address(bridge));
        assertTrue(success == (bytes4(call) != 0xdeadbeef), "success");
        return reads.length;
    }

    function _expectCodeIsFixed(bytes memory code) private pure {
        uint8[2] memory opcodes = [SELFDESTRUCT, CALLCODE];
        for (uint256 i = 0; i < opcodes.length; ++i) {
            assertEq(_count(code, opcodes[i]), 0, vm.toString(uint256(opcodes[i])));
        }
    }

    /// @dev Behind the code may lie long constants that it copies: words, and not many.
    function _withoutConstants(bytes memory code) private pure returns (bytes memory own) {
        bytes memory constants;
        (own, constants) = _splitAtInvalid(code);
        assertEq(constants.length % 32, 0, "words");
        assertLe(constants.length, MOST_CONSTANTS, "bytes of constants");
    }

    /// @dev What stands before the first INVALID, and behind it: the compiler puts one between code and what it carries.
    function _splitAtInvalid(bytes memory code) private pure returns (bytes memory own, bytes memory carried) {
        uint256 end = 0;
        for (; end < code.length && uint8(code[end]) != INVALID; ++end) {
            uint8 found = uint8(code[end]);
            if (found >= PUSH1 && found <= PUSH32) end += found - PUSH1 + 1;
        }
        if (end >= code.length) return (code, "");
        own = _slice(code, 0, end);
        carried = _slice(code, end + 1, code.length);
    }

    function _slice(bytes memory code, uint256 from, uint256 end) private pure returns (bytes memory part) {
        part = new bytes(end - from);
        for (uint256 i = 0; i < part.length; ++i) {
            part[i] = code[from + i];
        }
    }

    /// @dev With zeros in the place of the one immutable.
    function _withoutBridge(bytes memory code) private view returns (bytes memory) {
        bytes32 word = bytes32(uint256(uint160(address(bridge))));
        for (uint256 i = 0; i + 32 <= code.length; ++i) {
            bytes32 found;
            assembly ("memory-safe") {
                found := mload(add(add(code, 0x20), i))
                if eq(found, word) { mstore(add(add(code, 0x20), i), 0) }
            }
        }
        return code;
    }

    /// @dev How often an instruction stands in a code; what follows a PUSH are its data.
    function _count(bytes memory code, uint8 opcode) private pure returns (uint256 count) {
        for (uint256 i = 0; i < code.length; ++i) {
            uint8 found = uint8(code[i]);
            if (found == opcode) ++count;
            if (found >= PUSH1 && found <= PUSH32) i += found - PUSH1 + 1;
        }
    }
}
