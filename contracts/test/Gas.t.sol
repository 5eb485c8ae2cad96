// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Checkpoint, PairLimits, ValueTransfer} from "../src/interfaces/BridgeTypes.sol";
import {Kinds} from "../src/libraries/Kinds.sol";
import {BridgeTest} from "./BridgeTest.sol";
import {LaneTest} from "./LaneTest.sol";
import {Behaviour} from "./contracts/Hostile.sol";
import {HostileToken} from "./contracts/HostileToken.sol";
import {Gas} from "./Vm.sol";
import {TestToken} from "./contracts/TestToken.sol";

/// @title What users and relays pay
/// @dev Tests run isolated (see foundry.toml), so each figure is that of a whole transaction: intrinsic gas and calldata
/// included, storage cold. Every recipient is another one and holds the token already. Each figure stands in
/// `snapshots/gas.json` as well, and a test run fails when it is another one; foundry.toml says how to write it anew.
contract GasTest is BridgeTest {
    /// By how much these figures may be above those of `devnet bench gas`, which the goals are for: addresses and the code around
    /// are others. Unit: gas.
    uint256 private constant APART = 200;
    uint256 private constant VALUE = 1_234_567_890_123_456_789;

    address private constant FAR_TOKEN = 0x7a5be98c1f3D24a6C7B8E9D0a1b2c3D4e5f60718;
    bytes32[] private none;

    function setUp() public override {
        super.setUp();
        // A pair of two tokens whose addresses have as many zeros as any. The token is compiled as bridges are: what tests make
        // by themselves is not optimized.
        token = TestToken(vm.deployCode("abi/testing/TestToken.json", abi.encode("Usual", "USU", 18)));
        _configure(_pairCall(Kinds.ERC20, false, address(token), FAR_TOKEN));
    }

    // ---- handle ----

    function test_handle_of_1_stays_within_its_goal() external {
        assertLe(_handleGas(1), 86_000, "gas");
    }

    function test_handle_of_4_stays_within_its_goal() external {
        assertLe(_handleGas(4) / 4, 30_000, "gas");
    }

    function test_handle_of_32_stays_within_its_goal() external {
        assertLe(_handleGas(32) / 32, 13_600 + APART, "gas");
    }

    function test_handle_of_128_stays_within_its_goal() external {
        assertLe(_handleGas(128) / 128, 12_000, "gas");
    }

    function test_two_votes_and_the_handle_that_completes_them_stay_within_their_goal() external {
        _prepare(2);
        _handleUntil(1);
        Checkpoint memory checkpoint = Checkpoint(inboundId, 1, 2, _root(2));
        bytes[] memory signatures = _approved(2);
        vm.prank(SUBMITTER, SUBMITTER);
        bridge.vote(checkpoint, signatures[0]);
        uint256 firstVote = _figure("vote.first");
        vm.prank(SUBMITTER, SUBMITTER);
        bridge.vote(checkpoint, signatures[1]);
        uint256 secondVote = _figure("vote.second");

        bytes[] memory third = new bytes[](1);
        third[0] = signatures[2];
        _submit(1, _slice(1, 2), none, third);
        uint256 sum = firstVote + secondVote + _figure("handle.after_2_votes");
        assertEq(bridge.laneState().handleNonce, 2, "handled");
        assertLe(sum, 171_000 + APART, "gas");
    }

    function test_duplicate_stays_within_its_goal() external {
        _prepare(2);
        bytes[] memory signatures = _approved(2);
        _submit(0, _slice(0, 2), none, signatures);
        bytes memory call = _handleCall(1, _slice(1, 2), none, signatures);
        (bool success,) = _submitWith(1_000_000, call);
        uint256 used = _figure("duplicate");
        assertTrue(!success, "a duplicate reverts");
        assertLe(used, 40_000, "gas");
    }

    /// @dev No goal: what waits for liquidity is an exception. The figure is there to be seen when it changes.
    function test_release_is_measured() external {
        _prepare(2);
        _handleUntil(1);
        uint256 escrow = bridge.pairOf(address(token)).escrow;
        _far(Kinds.ERC20, FAR_TOKEN, address(uint160(uint256(keccak256("held")))), escrow);
        _handleAll();
        assertEq(bridge.laneState().heldCount, 1, "held");
        _seedToken(VALUE);
        ValueTransfer memory transfer = requests[2];
        vm.prank(SUBMITTER, SUBMITTER);
        bridge.release(2, transfer, new bytes[](0));
        _figure("release");
        assertEq(bridge.laneState().heldCount, 0, "released");
    }

    // ---- requests ----

    function test_erc20_request_stays_within_its_goal() external {
        token.mint(USER, 10 * VALUE);
        vm.prank(USER);
        token.approve(address(bridge), 9 * VALUE);
        // The first one of all opens slots that every other one finds.
        _requestToken();
        _requestToken();
        assertLe(_figure("request.erc20"), 72_000, "gas");
    }

    function test_native_request_stays_within_its_goal() external {
        vm.deal(USER, 10 * VALUE);
        _requestNative();
        _requestNative();
        assertLe(_figure("request.native"), 48_500, "gas");
    }

    /// @dev No goal: they are in a part, which costs a call more. The figure is there to be seen when it changes.
    function test_requests_of_tokens_with_ids_are_measured() external {
        vm.prank(USER);
        nft.setApprovalForAll(address(bridge), true);
        vm.prank(USER);
        multi.setApprovalForAll(address(bridge), true);
        for (uint256 id = 1; id <= 2; ++id) {
            nft.mint(USER, id);
            vm.prank(USER);
            bridge.requestERC721Transfer(address(nft), id, RECIPIENT, USER, "");
        }
        _figure("request.erc721");
        uint256[] memory one = new uint256[](1);
        one[0] = 1;
        multi.mint(USER, 1, 2);
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(USER);
            bridge.requestERC1155Transfer(address(multi), one, one, RECIPIENT, USER, "");
        }
        _figure("request.erc1155");
        assertEq(bridge.laneState().requestNonce, 4, "requested");
    }

    // ---- steps ----

    /// @dev One request is handled before, as a lane that has never paid is an exception.
    function _handleGas(uint256 count) private returns (uint256) {
        _prepare(count + 1);
        _handleUntil(1);
        ValueTransfer[] memory transfers = _slice(1, count + 1);
        bytes[] memory signatures = _approved(count + 1);
        _submit(1, transfers, none, signatures);
        uint256 used = _figure(string.concat("handle.", vm.toString(count)));
        assertEq(bridge.laneState().heldCount, 0, "all paid");
        return used;
    }

    function _requestToken() private {
        vm.prank(USER);
        bridge.requestERC20Transfer(address(token), VALUE, RECIPIENT, USER, 0, "");
    }

    function _requestNative() private {
        vm.prank(USER);
        bridge.requestNativeTransfer{value: VALUE}(VALUE, RECIPIENT, USER, "");
    }

    /// @dev What the last transaction used, compared with the committed figure. Unit: gas.
    function _figure(string memory name) private returns (uint256 used) {
        used = vm.lastCallGas().gasTotalUsed;
        vm.snapshotValue("gas", name, used);
    }

    function _prepare(uint256 count) private {
        _seedToken(1000 * VALUE);
        for (uint256 i = 0; i < count; ++i) {
            address recipient = address(uint160(uint256(keccak256(abi.encode("recipient", i)))));
            token.mint(recipient, 1);
            _far(Kinds.ERC20, FAR_TOKEN, recipient, VALUE);
        }
    }
}

/// @title What relays can be made to pay
/// @dev Relays cut what they submit by these figures (`bridge/node/src/submit/gas.rs`), so that no `handle` runs short of gas whatever
/// tokens and recipients do. Here they use up all that they are given, in a lane that has never held anything.
contract WorstGasTest is LaneTest {
    uint256 private constant CALL_GAS = 100_000;
    uint256 private constant SIGNATURE_GAS = 6_000;
    uint256 private constant LEAF_GAS = 200;
    uint256 private constant TOKEN_GAS = 70_000;
    uint256 private constant TRANSFER_GAS = 75_000;
    uint256 private constant NATIVE_GAS = 25_000;
    uint256 private constant ID_GAS = 22_100;
    uint256 private constant BYTE_GAS = 16;

    uint256 private constant MANY = 24;
    uint256 private constant TAIL = 2_048;
    uint256 private constant IDS = 16;
    /// About what a request may have at the most. Unit: bytes.
    uint256 private constant PAYLOAD = 1_600;
    uint128 private constant PLENTY = 1e30;

    function test_a_call_and_its_leaves() external {
        HostileToken[] memory tokens = _limited(1);
        for (uint256 i = 0; i <= TAIL; ++i) {
            _far(Kinds.ERC20, _farOf(0), _any("to", i), _amount(i));
        }
        tokens[0].setBehaviour(Behaviour.BurnsGas);
        uint256 snapshot = vm.snapshotState();
        uint256 alone = _used(1, 1, THRESHOLD);
        vm.revertToState(snapshot);
        uint256 behind = _used(1, 1 + TAIL, THRESHOLD);
        assertLe(alone, CALL_GAS + THRESHOLD * SIGNATURE_GAS + TOKEN_GAS + TRANSFER_GAS + GAS_CAP, "call");
        assertLe(behind - alone, TAIL * LEAF_GAS, "leaves");
    }

    function test_a_signature() external {
        _limited(1);
        _far(Kinds.ERC20, _farOf(0), _any("to", 0), _amount(0));
        uint256 snapshot = vm.snapshotState();
        uint256 few = _used(1, 1, THRESHOLD);
        vm.revertToState(snapshot);
        assertLe(_used(1, 1, MEMBERS) - few, (MEMBERS - THRESHOLD) * SIGNATURE_GAS, "signatures");
    }

    function test_a_token_with_limits() external {
        HostileToken[] memory tokens = _limited(MANY);
        for (uint256 i = 0; i < MANY; ++i) {
            tokens[i].setBehaviour(Behaviour.BurnsGas);
            _far(Kinds.ERC20, _farOf(i), _any("to", i), _amount(i));
        }
        assertLe(_eachHeld(), TOKEN_GAS + TRANSFER_GAS + GAS_CAP, "gas");
    }

    function test_a_token_that_nobody_knows() external {
        for (uint256 i = 0; i < MANY; ++i) {
            _far(Kinds.ERC20, _any("token", i), _any("to", i), _amount(i));
        }
        assertLe(_eachHeld(), TOKEN_GAS + TRANSFER_GAS, "gas");
    }

    function test_an_erc20() external {
        _expectERC20("");
    }

    function test_an_erc20_with_data_for_its_recipient() external {
        bytes memory payload = new bytes(PAYLOAD);
        for (uint256 i = 0; i < PAYLOAD; ++i) {
            payload[i] = 0xff;
        }
        _expectERC20(payload);
    }

    function test_the_native_currency() external {
        _seedNative(PLENTY);
        _limit(address(0));
        for (uint256 i = 0; i < MANY; ++i) {
            _far(Kinds.NATIVE, FAR_OF_NATIVE, address(new GasBurner()), _amount(i));
        }
        assertLe(_eachHeld(), TRANSFER_GAS + NATIVE_GAS + GAS_CAP, "gas");
    }

    /// @dev A precompile refuses what it does not understand with all its gas, and is a new account again after each time.
    function test_the_native_currency_to_a_precompile() external {
        _seedNative(PLENTY);
        _limit(address(0));
        for (uint256 i = 0; i < MANY; ++i) {
            _far(Kinds.NATIVE, FAR_OF_NATIVE, address(9), _amount(i));
        }
        assertLe(_eachHeld(), TRANSFER_GAS + NATIVE_GAS + GAS_CAP, "gas");
    }

    function test_the_native_currency_to_accounts_that_do_not_exist() external {
        _seedNative(PLENTY);
        for (uint256 i = 0; i < MANY; ++i) {
            _far(Kinds.NATIVE, FAR_OF_NATIVE, _any("new", i), _amount(i));
        }
        assertLe(_each(), TRANSFER_GAS + NATIVE_GAS, "gas");
        assertEq(bridge.laneState().heldCount, 0, "all paid");
    }

    function test_an_erc721() external {
        vm.prank(USER);
        nft.setApprovalForAll(address(bridge), true);
        for (uint256 id = 1; id <= MANY; ++id) {
            nft.mint(USER, id);
            vm.prank(USER);
            bridge.requestERC721Transfer(address(nft), id, RECIPIENT, USER, "");
            _far(Kinds.ERC721, FAR_NFT, address(new GasBurner()), id);
        }
        assertLe(_eachHeld(), TRANSFER_GAS + ID_GAS + NFT_GAS_CAP, "gas");
    }

    function test_an_erc1155_of_many_ids() external {
        vm.prank(USER);
        multi.setApprovalForAll(address(bridge), true);
        uint256[] memory ids = new uint256[](IDS);
        uint256[] memory amounts = new uint256[](IDS);
        for (uint256 n = 0; n < MANY; ++n) {
            for (uint256 i = 0; i < IDS; ++i) {
                (ids[i], amounts[i]) = (n * IDS + i, 1);
                multi.mint(USER, ids[i], 1);
            }
            vm.prank(USER);
            bridge.requestERC1155Transfer(address(multi), ids, amounts, RECIPIENT, USER, "");
            _far(Kinds.ERC1155, FAR_MULTI, address(new GasBurner()), IDS, _payload1155(ids, amounts, ""));
        }
        assertLe(_eachHeld(), TRANSFER_GAS + IDS * ID_GAS + MULTI_GAS_CAP, "gas");
    }

    // ---- steps ----

    function _expectERC20(bytes memory payload) private {
        HostileToken[] memory tokens = _limited(1);
        tokens[0].setBehaviour(Behaviour.BurnsGas);
        for (uint256 i = 0; i < MANY; ++i) {
            _far(Kinds.ERC20, _farOf(0), _any("to", i), _amount(i), payload);
        }
        assertLe(_eachHeld(), TRANSFER_GAS + GAS_CAP, "gas");
    }

    /// @dev As `_each`, where each is held.
    function _eachHeld() private returns (uint256 used) {
        used = _each();
        assertEq(bridge.laneState().heldCount, MANY, "all held");
    }

    /// @dev What a transfer takes behind the first one. Unit: gas.
    function _each() private returns (uint256) {
        uint256 snapshot = vm.snapshotState();
        uint256 one = _used(1, 1, THRESHOLD);
        vm.revertToState(snapshot);
        return (_used(MANY, MANY, THRESHOLD) - one) / (MANY - 1);
    }

    /// @dev What it takes to handle the first `count` requests under a checkpoint of the first `end`, beside calldata. Unit: gas.
    function _used(uint256 count, uint256 end, uint256 signers) private returns (uint256) {
        bytes32 digest = _checkpointDigest(bridge.laneState().operatorEpoch, uint64(end), _root(end));
        bytes[] memory signatures = _signatures(OPERATOR_KEY, signers, digest);
        bytes memory call = _handleCall(0, _slice(0, count), _tail(count, end), signatures);
        (bool success,) = _submitWith(1 << 30, call);
        Gas memory gas = vm.lastCallGas();
        assertTrue(success, "handled");
        // What is given back at the end has to be there before.
        return gas.gasTotalUsed + uint64(gas.gasRefunded) - _calldataGas(call);
    }

    /// @dev Source: EIP-2028. Unit: gas.
    function _calldataGas(bytes memory call) private pure returns (uint256 gas) {
        for (uint256 i = 0; i < call.length; ++i) {
            gas += call[i] == 0 ? BYTE_GAS / 4 : BYTE_GAS;
        }
    }

    /// @dev Pairs with every limit that a payout looks at.
    function _limited(uint256 count) private returns (HostileToken[] memory tokens) {
        tokens = new HostileToken[](count);
        for (uint256 i = 0; i < count; ++i) {
            tokens[i] = new HostileToken();
            _configure(_pairCall(Kinds.ERC20, false, address(tokens[i]), _farOf(i)));
            _seed(tokens[i], PLENTY);
            _limit(address(tokens[i]));
        }
    }

    function _limit(address token_) private {
        PairLimits memory limits = PairLimits(0, PLENTY, 0, false, PLENTY, 1, PLENTY, 1);
        _configure(abi.encodeCall(bridge.setPairLimits, (token_, limits)));
    }

    function _farOf(uint256 token_) private pure returns (address) {
        return _any("far", token_);
    }

    function _any(string memory what, uint256 i) private pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encode(what, i)))));
    }

    function _amount(uint256 i) private pure returns (uint256) {
        return 1e19 + uint256(keccak256(abi.encode("amount", i))) % 1e19;
    }
}

/// @title A recipient, of anything, that uses up all that it is given
contract GasBurner {
    fallback() external payable {
        assembly ("memory-safe") {
            invalid()
        }
    }
}
