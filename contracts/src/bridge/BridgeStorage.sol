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

/// What the constructor writes. Only `greatestGasCap` can change.
struct Origin {
    uint64 deploymentBlock;
    /// Unit: gas.
    uint32 greatestGasCap;
    /// As `Bridge` has it in its code, for its reads.
    bool defersCalls;
    /// Visible for ever: relays refuse a development bridge unless they are told otherwise.
    bool development;
    /// Where the value of holds lies that were written off; made with the first one.
    address claims;
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
    /// See `PairConfiguration`.
    uint16 itemBound;
    /// Whether it was ever registered. Counterpart, kind and mode stay for ever then, whatever becomes of the pair.
    bool known;
    address counterpartToken;
    /// `requestNonce` when the pair was locked last: no request of it is at or above this number while it is locked.
    uint64 lockedAtNonce;
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
struct AddressRole {
    /// When it is or was a counterpart token: the token of this chain that it corresponds to, for ever.
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
// A token of the counterpart's chain that is or was registered. No recipient is refused for this one.
uint8 constant WAS_COUNTERPART_TOKEN = 8;
// Whatever a recipient of a request cannot be.
uint8 constant IS_NO_RECIPIENT = IS_COUNTERPART_TOKEN | IS_COUNTERPART | IS_LOCAL_TOKEN;

/// Units of one id that a lock pair keeps.
struct Units {
    /// What lies here for requests, refunds and holds.
    uint128 here;
    /// What holds are owed of it, or more: a hold may be owed what is not here.
    uint128 owed;
}

struct StoredHold {
    bytes32 leaf;
    uint64 heldAtBlock;
    HoldReason reason;
    /// Whether its amount is in the sum of what is held. An amount that fits no counter is not.
    bool counted;
    /// Whether its ids are counted as owed.
    bool owed;
}

/// @title Storage of a bridge, and the checks that all its parts share
/// @dev `Bridge` and its parts inherit this and nothing else with storage, so all see the same layout; `contracts/export` checks
/// it, and compares it with the committed one. There is no immutable in here: a part runs on the storage of many bridges.
abstract contract BridgeStorage is IBridgeEvents, IBridgeErrors, Domain, ReentrancyGuardTransient {
    // slither sees one part of the bridge at a time; another one writes it.
    // slither-disable-next-line uninitialized-state
    Lanes internal _lanes;
    // As above.
    // slither-disable-next-line uninitialized-state
    bytes32 internal _requestRoot;
    // As above.
    // slither-disable-next-line uninitialized-state
    bytes32 internal _handleRoot;
    // As above.
    // slither-disable-next-line uninitialized-state
    bytes32 internal _outboundBridgeId;
    // As above.
    // slither-disable-next-line uninitialized-state
    bytes32 internal _inboundBridgeId;
    // As above.
    // slither-disable-next-line uninitialized-state
    Counters internal _counters;
    // As above.
    // slither-disable-next-line uninitialized-state
    Settings internal _settings;
    // As above.
    // slither-disable-next-line uninitialized-state
    Counterpart internal _counterpart;
    // As above.
    // slither-disable-next-line uninitialized-state
    Members internal _operators;
    Members internal _governors;
    // As above.
    // slither-disable-next-line uninitialized-state
    address[] internal _tokens;
    // As above.
    // slither-disable-next-line uninitialized-state
    PendingConfiguration[] internal _pending;
    mapping(address token => Pair) internal _pairs;
    // As above.
    // slither-disable-next-line uninitialized-state
    mapping(address token => PairLimits) internal _limits;
    mapping(address token => Outflow) internal _outflows;
    /// @dev Zero for the native currency.
    // As above.
    // slither-disable-next-line uninitialized-state
    mapping(address token => uint256) internal _fees;
    /// @dev So that no callback is credited for what is accounted already, and no id that a hold is owed is moved away.
    mapping(address token => mapping(uint256 id => Units)) internal _units;
    // As above.
    // slither-disable-next-line uninitialized-state
    mapping(address account => AddressRole) internal _addressRoles;
    /// @dev By the source's token, so that what was held before its pair was registered is counted too.
    // Written through `_heldSums`, which slither does not follow.
    // slither-disable-next-line uninitialized-state
    mapping(address counterpartToken => uint128) internal _held;
    /// @dev Refunds name the token of this chain.
    // As above.
    // slither-disable-next-line uninitialized-state
    mapping(address token => uint128) internal _heldRefunds;
    // Another part writes it.
    // slither-disable-next-line uninitialized-state
    mapping(uint64 nonce => StoredHold) internal _holds;
    /// @dev Bits of the operators that voted on chain for what has this digest. The digest holds the epoch.
    mapping(bytes32 digest => uint256 voters) internal _votes;
    // As above.
    // slither-disable-next-line uninitialized-state
    Origin internal _origin;

    /// @dev A payout to the bridge is held, the bridge is no token, and its one other call to itself names its function. So a
    /// call of the bridge by itself is one of the calls that governors have voted.
    function _requireConfiguration() internal view {
        if (msg.sender != address(this)) revert BridgeOnlyConfiguration(msg.sender);
    }

    function _requireWired() internal view {
        if (!_lanes.wired) revert BridgeNotWired();
    }

    /// @dev The state in which payouts, releases, refunds and seeding are allowed.
    function _requireOpen() internal view {
        _requireWired();
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

    /// @dev What is held of a pair, payments and refunds.
    function _heldOf(address token, Pair storage pair) internal view returns (uint256) {
        return uint256(_held[pair.counterpartToken]) + _heldRefunds[token];
    }

    /// @dev Nothing that governors have seen on the counterpart is on its way here. More may have come since, such as the
    /// refund of a hold over there: waiting for an exact number would let anyone undo the vote.
    function _requireDrained(uint64 inboundNonce) internal view {
        if (_lanes.handleNonce < inboundNonce) revert BridgeLaneNotDrained(_lanes.handleNonce, inboundNonce);
    }
}
