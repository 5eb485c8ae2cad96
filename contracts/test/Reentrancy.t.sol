// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IBridge} from "../src/interfaces/IBridge.sol";
import {Kinds} from "../src/libraries/Kinds.sol";
import {BridgeTest} from "./BridgeTest.sol";
import {TestNFT} from "./contracts/TestNFT.sol";
import {TestToken} from "./contracts/TestToken.sol";

/// What is called from within another call.
enum Entry {
    Handle,
    NativeRequest,
    ERC20Request,
    ERC721Request,
    Seed,
    PlainSend,
    Configure
}

/// @title Every entry point, from within every call that the bridge makes
/// @dev Each call would succeed, and is shown to, once nothing is in between; except for those that no contract may make,
/// which must be refused by the guard within and for that reason after.
contract ReentrancyTest is BridgeTest {
    address private constant FAR = address(0xFA2);

    ReenteringToken private hostileToken;
    ReenteringNFT private hostileNFT;

    function setUp() public override {
        super.setUp();
        hostileToken = new ReenteringToken();
        hostileNFT = new ReenteringNFT();
        _configure(_pairCall(Kinds.ERC20, false, address(hostileToken), FAR));
        _configure(_pairCall(Kinds.ERC721, false, address(hostileNFT), FAR_UNKNOWN));
        _configure(abi.encodeCall(IBridge.setPairGasCap, (address(0), 2_000_000)));
        hostileToken.mint(USER, 100);
        vm.prank(USER);
        hostileToken.approve(address(bridge), 100);
        vm.prank(USER);
        hostileNFT.setApprovalForAll(address(bridge), true);
        _seedNative(100);
    }

    function test_nothing_is_entered_from_a_payout() external {
        ReenteringRecipient recipient = new ReenteringRecipient();
        for (uint256 i = 0; i <= uint256(type(Entry).max); ++i) {
            _far(Kinds.NATIVE, FAR_OF_NATIVE, address(recipient), 1);
            _arm(recipient, Entry(i));
            _handleUntil(requests.length - 1);
            _expectRefused(recipient, Entry(i));
        }
        assertEq(bridge.laneState().heldCount, 0, "every payout itself succeeded");
    }

    function test_nothing_is_entered_from_an_erc20_request() external {
        for (uint256 i = 0; i <= uint256(type(Entry).max); ++i) {
            _arm(hostileToken, Entry(i));
            vm.prank(USER);
            bridge.requestERC20Transfer(address(hostileToken), 1, RECIPIENT, USER, "");
            _expectRefused(hostileToken, Entry(i));
        }
    }

    function test_nothing_is_entered_from_an_erc721_request() external {
        for (uint256 i = 0; i <= uint256(type(Entry).max); ++i) {
            hostileNFT.mint(USER, i);
            _arm(hostileNFT, Entry(i));
            vm.prank(USER);
            bridge.requestERC721Transfer(address(hostileNFT), i, RECIPIENT, USER, "");
            _expectRefused(hostileNFT, Entry(i));
        }
    }

    function test_nothing_is_entered_from_a_seed() external {
        for (uint256 i = 0; i <= uint256(type(Entry).max); ++i) {
            _arm(hostileToken, Entry(i));
            vm.prank(USER);
            bridge.seed(address(hostileToken), 1);
            _expectRefused(hostileToken, Entry(i));
        }
    }

    // ---- steps ----

    /// @dev Gives an account all that the call needs, and makes one more request that is ready to be handled.
    function _arm(Reentering who, Entry entry) private {
        _far(Kinds.ERC20, FAR_MINTED, RECIPIENT, 1);
        uint256 id = requests.length;
        vm.deal(address(who), 5);
        token.mint(address(who), 5);
        nft.mint(address(who), id);
        who.execute(address(token), abi.encodeCall(token.approve, (address(bridge), 5)));
        who.execute(address(nft), abi.encodeCall(nft.approve, (address(bridge), id)));
        bool paid = entry == Entry.NativeRequest || entry == Entry.Seed || entry == Entry.PlainSend;
        who.arm(address(bridge), paid ? 5 : 0, _call(entry, id));
    }

    function _call(Entry entry, uint256 id) private view returns (bytes memory) {
        if (entry == Entry.Handle) {
            uint256 last = requests.length - 1;
            bytes[] memory approved = _approved(last + 1);
            return abi.encodeCall(IBridge.handle, (uint64(last), _slice(last, last + 1), new bytes32[](0), approved));
        }
        if (entry == Entry.NativeRequest) return abi.encodeCall(IBridge.requestNativeTransfer, (RECIPIENT, USER, ""));
        if (entry == Entry.ERC20Request) {
            return abi.encodeCall(IBridge.requestERC20Transfer, (address(token), 5, RECIPIENT, USER, ""));
        }
        if (entry == Entry.ERC721Request) {
            return abi.encodeCall(IBridge.requestERC721Transfer, (address(nft), id, RECIPIENT, USER, ""));
        }
        if (entry == Entry.Seed) return abi.encodeCall(IBridge.seed, (address(0), 5));
        if (entry == Entry.PlainSend) return "";
        bytes[] memory calls = _one(abi.encodeCall(IBridge.unpause, ()));
        (uint64 nonce, uint64 deadline, bytes[] memory signatures) = _signedConfiguration(calls, THRESHOLD);
        return abi.encodeCall(IBridge.configure, (nonce, deadline, calls, signatures));
    }

    function _expectRefused(Reentering who, Entry entry) private {
        string memory name = vm.toString(uint256(entry));
        assertEq(who.attempts(), 1, string.concat("tried: ", name));
        assertTrue(!who.succeeded(), string.concat("refused: ", name));
        bytes memory reason = abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        assertEq(keccak256(who.result()), keccak256(reason), string.concat("by the guard: ", name));

        who.attempt();
        bytes4 after_;
        if (entry == Entry.Handle) after_ = IBridge.BridgeSubmitterNotDirect.selector;
        if (entry == Entry.PlainSend) after_ = IBridge.BridgePlainSendFromContract.selector;
        if (after_ == 0) {
            assertTrue(who.succeeded(), string.concat("accepted when alone: ", name));
        } else {
            reason = abi.encodeWithSelector(after_, address(who));
            assertEq(keccak256(who.result()), keccak256(reason), string.concat("refused when alone: ", name));
        }
        _handleAll();
    }
}

/// @title Makes one call when it is called, and remembers the answer
abstract contract Reentering {
    address private _target;
    uint256 private _value;
    bytes private _input;
    bool private _armed;
    uint256 public attempts;
    bool public succeeded;
    bytes public result;

    function arm(address target, uint256 value, bytes calldata input) external {
        (_target, _value, _input, _armed, attempts) = (target, value, input, true, 0);
    }

    function attempt() public {
        ++attempts;
        (succeeded, result) = _target.call{value: _value}(_input);
    }

    function execute(address to, bytes calldata input) external {
        (bool success,) = to.call(input);
        require(success, "execute");
    }

    function _called() internal {
        if (!_armed) return;
        _armed = false;
        attempt();
    }
}

/// @title A recipient of native currency that calls back
contract ReenteringRecipient is Reentering {
    receive() external payable {
        _called();
    }
}

/// @title An ERC-20 that calls back
contract ReenteringToken is TestToken, Reentering {
    constructor() TestToken("Reentering", "RE", 18) {}

    function transferFrom(address from, address to, uint256 value) public override returns (bool) {
        _called();
        return super.transferFrom(from, to, value);
    }
}

/// @title An ERC-721 that calls back
contract ReenteringNFT is TestNFT, Reentering {
    constructor() TestNFT("Reentering", "RE") {}

    function transferFrom(address from, address to, uint256 id) public override {
        _called();
        super.transferFrom(from, to, id);
    }
}
