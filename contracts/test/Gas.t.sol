// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Checkpoint, ValueTransfer} from "../src/interfaces/BridgeTypes.sol";
import {Kinds} from "../src/libraries/Kinds.sol";
import {BridgeTest} from "./BridgeTest.sol";
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
