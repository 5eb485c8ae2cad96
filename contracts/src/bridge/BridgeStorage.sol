// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {HoldReason, IBridge} from "../interfaces/IBridge.sol";

/// Both lanes in one slot, since every request and every `handle` reads and writes it.
struct Lanes {
    uint64 requestNonce;
    uint64 handleNonce;
    uint64 recoveryBlockNumber;
    bool wired;
    bool paused;
}

/// What changes seldom.
struct Counters {
    uint64 heldCount;
    uint64 pauseNonce;
    uint64 configurationNonce;
}

struct Counterpart {
    address bridge;
    uint64 chainId;
    uint64 deploymentBlock;
}

/// Which bit of a set of signers belongs to an account, in the epoch in which it was a member. So a change of members
/// ends every former membership without touching it.
struct Membership {
    uint64 epoch;
    uint8 index;
}

struct Members {
    uint64 epoch;
    uint8 threshold;
    address[] list;
    mapping(address account => Membership) memberships;
}

/// The first slot is all that a request or a payout touches.
struct Pair {
    /// Lock pairs: the escrow. Mint pairs: minted minus burnt.
    uint128 outstanding;
    uint32 gasCap;
    uint8 kind;
    bool mints;
    bool locked;
    bool registered;
    address counterpartToken;
    uint128 seeded;
}

/// What an address means to this bridge, on either chain. One slot answers all questions about a recipient.
struct Acquaintance {
    /// When it is a counterpart token: the token of this chain that it corresponds to.
    address localToken;
    /// Any of the bits `IS_…`; 0 for a stranger.
    uint8 roles;
}

// A registered token of the counterpart's chain.
uint8 constant IS_COUNTERPART_TOKEN = 1;
// The bridge on the counterpart's chain.
uint8 constant IS_COUNTERPART = 2;
// A registered token of this chain.
uint8 constant IS_LOCAL_TOKEN = 4;

struct StoredHold {
    bytes32 leaf;
    uint64 heldAtBlock;
    HoldReason reason;
}

/// @title Storage of a bridge, and the checks that all its parts share
abstract contract BridgeStorage is IBridge, EIP712, ReentrancyGuardTransient {
    /// @dev Visible for ever: relays refuse a development bridge unless they are told otherwise.
    bool internal immutable _development;
    uint64 internal immutable _deploymentBlock;

    Lanes internal _lanes;
    bytes32 internal _requestRoot;
    bytes32 internal _handleRoot;
    bytes32 internal _outboundBridgeId;
    bytes32 internal _inboundBridgeId;
    Counters internal _counters;
    Counterpart internal _counterpart;
    Members internal _operators;
    Members internal _governors;
    address[] internal _tokens;
    mapping(address token => Pair) internal _pairs;
    mapping(address account => Acquaintance) internal _acquaintances;
    /// @dev By the source's token, so that what was held before its pair was registered is counted too.
    mapping(address counterpartToken => uint128) internal _held;
    mapping(uint64 nonce => StoredHold) internal _holds;

    constructor(bool development) EIP712("Polyspan", "1") {
        _development = development;
        // A block number beyond 64 bits is out of reach of any chain.
        // forge-lint: disable-next-line(unsafe-typecast)
        _deploymentBlock = uint64(block.number);
    }

    /// @dev The state in which requests, seeding and payouts are allowed.
    function _requireOpen() internal view {
        if (!_lanes.wired) revert BridgeNotWired();
        if (_lanes.paused) revert BridgePaused(_counters.pauseNonce);
    }

    /// @dev Whether the transaction's own account calls, with nobody between it and the bridge. A contract under
    /// construction has no code yet, but it is not the origin; an account with delegated code (EIP-7702) may be the origin,
    /// but others can have called it before it calls.
    function _isDirectCall() internal view returns (bool) {
        return msg.sender == tx.origin && msg.sender.code.length == 0;
    }

    function _registeredPair(address token) internal view returns (Pair storage pair) {
        pair = _pairs[token];
        if (!pair.registered) revert BridgePairUnknown(token);
    }
}
