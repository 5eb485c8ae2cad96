// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";

import {Construction, PairConfiguration, Parts, ValueTransfer} from "../src/interfaces/BridgeTypes.sol";
import {IBridge} from "../src/interfaces/IBridge.sol";
import {IBridgeConfiguration} from "../src/interfaces/IBridgeConfiguration.sol";
import {IBridgePayouts} from "../src/interfaces/IBridgePayouts.sol";
import {Kinds} from "../src/libraries/Kinds.sol";
import {BridgeMultiToken} from "../src/tokens/BridgeMultiToken.sol";
import {BridgeNFT} from "../src/tokens/BridgeNFT.sol";
import {BridgeToken} from "../src/tokens/BridgeToken.sol";
import {Packing} from "./Packing.sol";
import {PartsTest} from "./PartsTest.sol";
import {TestMultiToken} from "./contracts/TestMultiToken.sol";
import {TestNFT} from "./contracts/TestNFT.sol";
import {TestToken} from "./contracts/TestToken.sol";

/// @title A wired bridge whose counterpart is played by the test
/// @dev Hashes are written out once more here, so that a test never trusts the code that it tests.
abstract contract BridgeTest is PartsTest {
    uint64 internal constant CHAIN = 31_337;
    uint64 internal constant COUNTERPART_CHAIN = 2_002;
    uint64 internal constant COUNTERPART_BLOCK = 77;
    address internal constant COUNTERPART = address(0xC0FFEE);
    bytes32 internal constant SALT = keccak256("salt");
    uint32 internal constant GAS_CAP = 200_000;
    uint32 internal constant NFT_GAS_CAP = 600_000;
    uint32 internal constant MULTI_GAS_CAP = 1_200_000;
    uint32 internal constant GREATEST_GAS_CAP = 2_000_000;
    /// Unit: seconds.
    uint32 internal constant DELAY = 2 days;
    /// Unit: blocks.
    uint64 internal constant REFUND_DELAY = 1_000;

    uint256 internal constant OPERATOR_KEY = 0xA11CE;
    uint256 internal constant GOVERNOR_KEY = 0xB0B00;
    uint256 internal constant OUTSIDER_KEY = 0xDEAD;
    uint256 internal constant MEMBERS = 4;
    uint8 internal constant THRESHOLD = 3;

    address internal constant USER = 0x5E45E45e45e45E45e45E45e45e45e45E45e45E45;
    /// A submitter: an account without code that sends its transactions itself.
    address internal constant SUBMITTER = address(0x5B1);
    address internal constant RECIPIENT = 0x4Ec4eC4ec4eC4ec4eC4eC4Ec4Ec4Ec4eC4ec4ec4;

    // Tokens of the counterpart's chain.
    address internal constant FAR_NATIVE_FOR_TOKEN = address(0);
    address internal constant FAR_OF_NATIVE = address(0xF0);
    address internal constant FAR_MINTED = address(0xF1);
    address internal constant FAR_NFT = address(0xF2);
    address internal constant FAR_MINTED_NFT = address(0xF3);
    address internal constant FAR_MULTI = address(0xF4);
    address internal constant FAR_MINTED_MULTI = address(0xF5);
    address internal constant FAR_UNKNOWN = address(0xFF);

    IBridge internal bridge;
    /// Pairs: the native currency, three locked tokens and three minted ones.
    TestToken internal token;
    BridgeToken internal minted;
    TestNFT internal nft;
    BridgeNFT internal mintedNFT;
    TestMultiToken internal multi;
    BridgeMultiToken internal mintedMulti;

    /// Shared by all bridges of a test: what they run has no state.
    Parts internal _parts;

    /// The inbound lane as its source has it.
    bytes32 internal inboundId;
    bytes32[] internal leaves;
    ValueTransfer[] internal requests;

    function setUp() public virtual {
        vm.chainId(CHAIN);
        _freshBridge();
        inboundId = keccak256(abi.encode(COUNTERPART_CHAIN, COUNTERPART, CHAIN, address(bridge), SALT));
        token = new TestToken("Token", "TOK", 18);
        minted = new BridgeToken("Minted", "MIN", 6, address(bridge));
        nft = new TestNFT("NFT", "NFT");
        mintedNFT = new BridgeNFT("Minted", "MNFT", address(bridge));
        multi = new TestMultiToken("uri");
        mintedMulti = new BridgeMultiToken("uri", address(bridge));

        bytes[] memory calls = new bytes[](8);
        calls[0] = _wireCall();
        calls[1] = _pairCall(Kinds.NATIVE, false, address(0), FAR_OF_NATIVE);
        calls[2] = _pairCall(Kinds.ERC20, false, address(token), FAR_NATIVE_FOR_TOKEN);
        calls[3] = _pairCall(Kinds.ERC20, true, address(minted), FAR_MINTED);
        calls[4] = _pairCall(Kinds.ERC721, false, address(nft), FAR_NFT);
        calls[5] = _pairCall(Kinds.ERC721, true, address(mintedNFT), FAR_MINTED_NFT);
        calls[6] = _pairCall(Kinds.ERC1155, false, address(multi), FAR_MULTI);
        calls[7] = _pairCall(Kinds.ERC1155, true, address(mintedMulti), FAR_MINTED_MULTI);
        _configure(calls);
    }

    /// @dev Puts an unwired bridge in place.
    function _freshBridge() internal {
        bridge = _newBridge(_members(OPERATOR_KEY), THRESHOLD, _members(GOVERNOR_KEY), THRESHOLD, DELAY, false);
    }

    function _newBridge(
        address[] memory operators,
        uint8 operatorThreshold,
        address[] memory governors,
        uint8 governorThreshold,
        uint32 delay,
        bool development
    ) internal returns (IBridge) {
        Construction memory construction = _construction(operators, operatorThreshold);
        construction.governors = governors;
        construction.governorThreshold = governorThreshold;
        construction.governanceDelay = delay;
        construction.development = development;
        return _newBridge(construction);
    }

    /// @dev With the same operators and governors.
    function _construction(address[] memory members, uint8 threshold) internal pure returns (Construction memory) {
        return Construction({
            operators: members,
            operatorThreshold: threshold,
            governors: members,
            governorThreshold: threshold,
            governanceDelay: DELAY,
            refundDelay: REFUND_DELAY,
            greatestGasCap: GREATEST_GAS_CAP,
            defersCalls: false,
            development: false
        });
    }

    /// @dev The parts of `bridge`, one after the other.
    function _partsOf(IBridge of_) internal view returns (address[4] memory) {
        Parts memory parts = of_.parts();
        return [parts.collectibles, parts.endings, parts.governance, parts.views];
    }

    function _newBridge(Construction memory construction) internal virtual returns (IBridge) {
        if (_parts.views == address(0)) _parts = _newParts();
        return IBridge(payable(vm.deployCode("Bridge.sol:Bridge", abi.encode(_parts, construction))));
    }

    // ---- members ----

    function _members(uint256 firstKey) internal pure returns (address[] memory members) {
        members = new address[](MEMBERS);
        for (uint256 i = 0; i < MEMBERS; ++i) {
            members[i] = vm.addr(firstKey + i);
        }
    }

    function _sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    /// @dev Signatures of `count` members, from the one with `firstKey` on.
    function _signatures(uint256 firstKey, uint256 count, bytes32 digest) internal pure returns (bytes[] memory list) {
        list = new bytes[](count);
        for (uint256 i = 0; i < count; ++i) {
            list[i] = _sign(firstKey + i, digest);
        }
    }

    function _digest(bytes32 structHash) internal view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Polyspan"),
                keccak256("1"),
                block.chainid,
                address(bridge)
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }

    function _pauseDigest(uint64 pauseNonce) internal view returns (bytes32) {
        return _digest(keccak256(abi.encode(keccak256("Pause(uint64 pauseNonce)"), pauseNonce)));
    }

    function _pause() internal {
        uint64 pauseNonce = bridge.state().pauseNonce;
        bridge.pause(pauseNonce, _sign(OPERATOR_KEY, _pauseDigest(pauseNonce)));
    }

    // ---- configuration ----

    function _wireCall() internal pure returns (bytes memory) {
        return abi.encodeCall(IBridgeConfiguration.wire, (COUNTERPART_CHAIN, COUNTERPART, COUNTERPART_BLOCK, SALT));
    }

    function _pairCall(uint8 kind, bool mints, address near, address far) internal view returns (bytes memory) {
        return abi.encodeCall(
            IBridgeConfiguration.registerPair,
            (PairConfiguration(kind, mints, _decimalsOf(kind, near), _itemBoundOf(kind), _gasCapOf(kind), near, far))
        );
    }

    function _decimalsOf(uint8 kind, address near) internal view returns (uint8) {
        if (kind == Kinds.NATIVE) return 18;
        return kind == Kinds.ERC20 && near.code.length != 0 ? IERC20Metadata(near).decimals() : 0;
    }

    function _itemBoundOf(uint8 kind) internal pure returns (uint16) {
        if (kind == Kinds.ERC721) return 512;
        return kind == Kinds.ERC1155 ? 16 : 0;
    }

    function _gasCapOf(uint8 kind) internal pure returns (uint32) {
        if (kind == Kinds.ERC721) return NFT_GAS_CAP;
        return kind == Kinds.ERC1155 ? MULTI_GAS_CAP : GAS_CAP;
    }

    function _one(bytes memory call) internal pure returns (bytes[] memory calls) {
        calls = new bytes[](1);
        calls[0] = call;
    }

    function _configurationDigest(uint64 epoch, uint64 nonce, uint64 deadline, bytes[] memory calls)
        internal
        view
        returns (bytes32)
    {
        bytes memory hashes;
        for (uint256 i = 0; i < calls.length; ++i) {
            hashes = bytes.concat(hashes, keccak256(calls[i]));
        }
        bytes32 typeHash =
            keccak256("Configuration(uint64 epoch,uint64 configurationNonce,uint64 deadline,bytes[] calls)");
        return _digest(keccak256(abi.encode(typeHash, epoch, nonce, deadline, keccak256(hashes))));
    }

    /// @dev Everything that `configure` needs, signed by `count` governors for the state that the bridge is in.
    function _signedConfiguration(bytes[] memory calls, uint256 count)
        internal
        view
        returns (uint64 nonce, uint64 deadline, bytes[] memory signatures)
    {
        nonce = bridge.state().configurationNonce;
        deadline = uint64(vm.getBlockTimestamp() + DELAY + 1 days);
        bytes32 digest = _configurationDigest(bridge.state().governors.epoch, nonce, deadline, calls);
        signatures = _signatures(GOVERNOR_KEY, count, digest);
    }

    function _cancellation(uint64 epoch, uint64 nonce) internal view returns (bytes[] memory signatures) {
        bytes32 typeHash = keccak256("Cancellation(uint64 epoch,uint64 configurationNonce)");
        signatures = _signatures(GOVERNOR_KEY, THRESHOLD, _digest(keccak256(abi.encode(typeHash, epoch, nonce))));
    }

    /// @dev Lets the public delay pass. The clock is asked for: the compiler takes a timestamp for constant.
    function _passDelay() internal {
        vm.warp(vm.getBlockTimestamp() + DELAY);
    }

    /// @dev Votes the calls and, if they have to wait, lets the delay pass and executes them.
    function _configure(bytes[] memory calls) internal {
        (uint64 nonce, uint64 deadline, bytes[] memory signatures) = _signedConfiguration(calls, THRESHOLD);
        bridge.configure(nonce, deadline, calls, signatures);
        if (bridge.state().pending.length == 0) return;
        _passDelay();
        bridge.executeConfiguration(nonce, calls);
    }

    function _configure(bytes memory call) internal {
        _configure(_one(call));
    }

    /// @dev Votes a call that has to wait and lets the delay pass: it can be executed next.
    function _scheduled(bytes memory call) internal returns (uint64 nonce, bytes[] memory calls) {
        uint64 deadline;
        bytes[] memory signatures;
        calls = _one(call);
        (nonce, deadline, signatures) = _signedConfiguration(calls, THRESHOLD);
        bridge.configure(nonce, deadline, calls, signatures);
        _passDelay();
    }

    /// @dev The call is refused when it is made: at once, or after its delay.
    function _configureExpecting(bytes memory call, bytes memory reason) internal {
        bytes[] memory calls = _one(call);
        (uint64 nonce, uint64 deadline, bytes[] memory signatures) = _signedConfiguration(calls, THRESHOLD);
        (bool done, bytes memory result) =
            address(bridge).call(abi.encodeCall(bridge.configure, (nonce, deadline, calls, signatures)));
        if (done) {
            assertEq(bridge.state().pending.length, 1, "the call is neither refused nor scheduled");
            _passDelay();
            (done, result) = address(bridge).call(abi.encodeCall(bridge.executeConfiguration, (nonce, calls)));
            // What cannot be executed would stand in front of the next one.
            if (!done) bridge.cancelConfiguration(nonce, _cancellation(bridge.state().governors.epoch, nonce));
        }
        assertTrue(!done, "the call is accepted");
        assertEq(keccak256(result), keccak256(reason), "another reason");
    }

    // ---- inbound lane ----

    /// @dev Adds a request to the inbound lane.
    function _far(uint8 kind, address farToken, address to, uint256 value) internal {
        bytes memory payload;
        if (kind == Kinds.ERC721) payload = hex"0000";
        _far(kind, farToken, to, value, payload);
    }

    function _far(uint8 kind, address farToken, address to, uint256 value, bytes memory payload) internal {
        uint64 nonce = uint64(requests.length);
        ValueTransfer memory transfer = ValueTransfer({
            kind: kind,
            sourceBlock: COUNTERPART_BLOCK + 10 + nonce,
            token: farToken,
            from: USER,
            to: to,
            refundTo: USER,
            value: value,
            payload: payload
        });
        requests.push(transfer);
        leaves.push(_leaf(nonce, transfer));
    }

    function _leaf(uint64 nonce, ValueTransfer memory t) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(nonce, t.sourceBlock, t.kind, t.token, t.from, t.to, t.refundTo, t.value, keccak256(t.payload))
        );
    }

    /// @dev Root over the first `nonce` requests of the inbound lane.
    function _root(uint256 nonce) internal view returns (bytes32 root) {
        root = keccak256(abi.encode(keccak256("Polyspan root 0"), inboundId));
        for (uint256 i = 0; i < nonce; ++i) {
            root = keccak256(abi.encode(root, leaves[i]));
        }
    }

    function _checkpointDigest(uint64 epoch, uint64 nonce, bytes32 root) internal view returns (bytes32) {
        bytes32 typeHash = keccak256("Checkpoint(bytes32 bridgeId,uint64 epoch,uint64 nonce,bytes32 root)");
        return _digest(keccak256(abi.encode(typeHash, inboundId, epoch, nonce, root)));
    }

    /// @dev Signatures of a threshold of operators over the first `nonce` requests.
    function _approved(uint256 nonce) internal view returns (bytes[] memory) {
        bytes32 digest = _checkpointDigest(bridge.laneState().operatorEpoch, uint64(nonce), _root(nonce));
        return _signatures(OPERATOR_KEY, THRESHOLD, digest);
    }

    function _slice(uint256 first, uint256 end) internal view returns (ValueTransfer[] memory transfers) {
        transfers = new ValueTransfer[](end - first);
        for (uint256 i = first; i < end; ++i) {
            transfers[i - first] = requests[i];
        }
    }

    function _tail(uint256 first, uint256 end) internal view returns (bytes32[] memory tail) {
        tail = new bytes32[](end - first);
        for (uint256 i = first; i < end; ++i) {
            tail[i - first] = leaves[i];
        }
    }

    /// @dev Handles what lies between the bridge's `handleNonce` and `end`, under a checkpoint of everything.
    function _handleUntil(uint256 end) internal {
        uint64 first = bridge.laneState().handleNonce;
        ValueTransfer[] memory transfers = _slice(first, end);
        bytes32[] memory tail = _tail(end, requests.length);
        bytes[] memory signatures = _approved(requests.length);
        _submit(first, transfers, tail, signatures);
    }

    /// @dev `handle` in a transaction of its own.
    function _submit(uint64 first, ValueTransfer[] memory transfers, bytes32[] memory tail, bytes[] memory signatures)
        internal
    {
        vm.prank(SUBMITTER, SUBMITTER);
        bridge.handle(first, Packing.pack(transfers), tail, signatures);
    }

    /// @dev The call of a `handle`.
    function _handleCall(
        uint64 first,
        ValueTransfer[] memory transfers,
        bytes32[] memory tail,
        bytes[] memory signatures
    ) internal pure returns (bytes memory) {
        return abi.encodeCall(IBridgePayouts.handle, (first, Packing.pack(transfers), tail, signatures));
    }

    /// @dev An encoded `handle` in a transaction of its own with so much gas. Unit: gas.
    function _submitWith(uint256 gas, bytes memory call) internal returns (bool success, bytes memory result) {
        vm.prank(SUBMITTER, SUBMITTER);
        (success, result) = address(bridge).call{gas: gas}(call);
    }

    function _handleAll() internal {
        _handleUntil(requests.length);
    }

    // ---- value ----

    function _seed(TestToken which, uint256 amount) internal {
        which.mint(USER, amount);
        vm.prank(USER);
        which.approve(address(bridge), amount);
        vm.prank(USER);
        bridge.seed(address(which), amount);
    }

    function _seedToken(uint256 amount) internal {
        _seed(token, amount);
    }

    function _seedNative(uint256 amount) internal {
        vm.deal(USER, USER.balance + amount);
        vm.prank(USER);
        bridge.seed{value: amount}(address(0), amount);
    }

    function _lockNFT(uint256 id) internal {
        nft.mint(USER, id);
        vm.prank(USER);
        nft.approve(address(bridge), id);
        vm.prank(USER);
        bridge.requestERC721Transfer(address(nft), id, RECIPIENT, USER, "");
    }
}
