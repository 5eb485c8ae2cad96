// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {HoldReason, PairLimits, PendingConfiguration} from "../interfaces/BridgeTypes.sol";
import {IBridgeErrors} from "../interfaces/IBridgeErrors.sol";
import {IBridgeEvents} from "../interfaces/IBridgeEvents.sol";
import {Domain} from "./Domain.sol";

/// Both lanes in one slot, since every request and every `handle` reads and writes it, with what a `handle` has to know of
/// the operators.
struct Lanes {
    uint64 requestNonce;
    uint64 handleNonce;
    uint64 recoveryBlockNumber;
    uint32 operatorEpoch;
    uint8 operatorThreshold;
    bool wired;
    bool paused;
    bool requestsStopped;
}

/// What changes seldom.
struct Counters {
    uint64 heldCount;
    uint64 pauseNonce;
    uint64 configurationNonce;
    /// Unit: blocks.
    uint64 refundDelay;
}

/// What governors set for the bridge as a whole.
struct Settings {
    address feeReceiver;
    /// Unit: seconds.
    uint32 governanceDelay;
    uint32 governorEpoch;
    uint8 governorThreshold;
    address predecessor;
    /// When requests were stopped or allowed last. Unit: seconds since 1970.
    uint64 stoppedAt;
}

struct Counterpart {
    address bridge;
    uint64 chainId;
    uint64 deploymentBlock;
}

/// Which bit of a set of signers belongs to an account, in the epoch in which it was a member. So a change of members
/// ends every former membership without touching it.
struct Membership {
    uint32 epoch;
    uint8 index;
}

/// Epoch and threshold of a set lie where they are read with something else: see `Lanes` and `Settings`.
struct Members {
    address[] list;
    mapping(address account => Membership) memberships;
}

/// How many members of which epoch decide. Epochs start at 1, so that zero is the epoch of nobody.
struct Quorum {
    uint32 epoch;
    uint8 threshold;
}

/// The first slot is all that a request or a payout touches, unless the pair has limits.
struct Pair {
    /// Lock pairs: the escrow. Mint pairs: minted minus burnt.
    uint128 outstanding;
    uint32 gasCap;
    uint8 kind;
    bool mints;
    bool locked;
    bool registered;
    /// Whether requests have a minimum, a maximum or a fee.
    bool bounded;
    /// Whether payouts have a leaky bucket or a delay.
    bool limited;
    uint8 decimals;
    address counterpartToken;
    uint128 seeded;
    uint128 adopted;
}

/// A leaky bucket: what stood in it, and when.
struct Outflow {
    uint128 level;
    /// Unit: seconds since 1970.
    uint64 updatedAt;
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
    /// Whether its amount is in the sum of what is held. An amount that fits no counter is not.
    bool counted;
}

/// @title Storage of a bridge, and the checks that all its parts share
/// @dev `Bridge` and `BridgeExtension` inherit this and nothing else with storage, so both see the same layout.
abstract contract BridgeStorage is IBridgeEvents, IBridgeErrors, Domain, ReentrancyGuardTransient {
    /// @dev Visible for ever: relays refuse a development bridge unless they are told otherwise.
    bool internal immutable _development;
    uint64 internal immutable _deploymentBlock;

    Lanes internal _lanes;
    bytes32 internal _requestRoot;
    bytes32 internal _handleRoot;
    bytes32 internal _outboundBridgeId;
    // slither sees one half of the bridge at a time; the other half writes it.
    // slither-disable-next-line uninitialized-state
    bytes32 internal _inboundBridgeId;
    Counters internal _counters;
    // As above.
    // slither-disable-next-line uninitialized-state
    Settings internal _settings;
    Counterpart internal _counterpart;
    Members internal _operators;
    Members internal _governors;
    address[] internal _tokens;
    PendingConfiguration[] internal _pending;
    mapping(address token => Pair) internal _pairs;
    // As above.
    // slither-disable-next-line uninitialized-state
    mapping(address token => PairLimits) internal _limits;
    mapping(address token => Outflow) internal _outflows;
    /// @dev Zero for the native currency.
    mapping(address token => uint256) internal _fees;
    /// @dev Units of each id that a lock pair keeps, so that no callback is credited for what is accounted already.
    mapping(address token => mapping(uint256 id => uint256)) internal _units;
    // As above.
    // slither-disable-next-line uninitialized-state
    mapping(address account => Acquaintance) internal _acquaintances;
    /// @dev By the source's token, so that what was held before its pair was registered is counted too.
    // Written through `_heldSums`, which slither does not follow.
    // slither-disable-next-line uninitialized-state
    mapping(address counterpartToken => uint128) internal _held;
    /// @dev Refunds name the token of this chain.
    // As above.
    // slither-disable-next-line uninitialized-state
    mapping(address token => uint128) internal _heldRefunds;
    // The other half writes it.
    // slither-disable-next-line uninitialized-state
    mapping(uint64 nonce => StoredHold) internal _holds;
    /// @dev Bits of the operators that voted on chain for what has this digest. The digest holds the epoch.
    // As above.
    // slither-disable-next-line uninitialized-state
    mapping(bytes32 digest => uint256 voters) internal _votes;

    constructor(bool development) {
        _development = development;
        // A block number beyond 64 bits is out of reach of any chain.
        // forge-lint: disable-next-line(unsafe-typecast)
        _deploymentBlock = uint64(block.number);
    }

    /// @dev The state in which payouts, releases, refunds and seeding are allowed.
    function _requireOpen() internal view {
        if (!_lanes.wired) revert BridgeNotWired();
        if (_lanes.paused) revert BridgePaused(_counters.pauseNonce);
    }

    /// @dev Before anything else where value is paid: a caller in between chooses the depth of the call stack, and may stand
    /// within a guarded call of a token or a recipient, which then refuses its payout. Either way it would decide who is
    /// held, or who is paid without its data.
    function _requireDirectCall() internal view {
        if (!_isDirectCall()) revert BridgeSubmitterNotDirect(msg.sender);
    }

    /// @dev Whether the transaction's own account calls, with nobody between it and the bridge. A contract under
    /// construction has no code yet, but it is not the origin; an account with delegated code (EIP-7702) may be the origin,
    /// but others can have called it before it calls.
    function _isDirectCall() internal view returns (bool) {
        return msg.sender == tx.origin && msg.sender.code.length == 0;
    }

    function _operatorQuorum() internal view returns (Quorum memory) {
        return Quorum({epoch: _lanes.operatorEpoch, threshold: _lanes.operatorThreshold});
    }

    function _governorQuorum() internal view returns (Quorum memory) {
        return Quorum({epoch: _settings.governorEpoch, threshold: _settings.governorThreshold});
    }

    function _registeredPair(address token) internal view returns (Pair storage pair) {
        pair = _pairs[token];
        if (!pair.registered) revert BridgePairUnknown(token);
    }
}
