// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// Number of a request within its lane: 0, 1, 2 …
type RequestNonce is uint64;

/// @notice One request as the source bridge recorded it. Its nonce is not here: it is an argument wherever a single request
/// is, and `handle` takes requests in nonce order. The fields are in the order of the leaf, see `Checkpoints.leaf`.
struct ValueTransfer {
    /// Block of the source chain that contains the request.
    uint64 sourceBlock;
    /// Asset class on the source, one of `Kinds`, with the bit `Kinds.REFUND` when a hold is paid back. A raw byte on
    /// purpose: an unknown kind must be held, not refused by the decoder.
    uint8 kind;
    /// Token on the source chain, zero for the native currency; of a refund the token on the destination.
    address token;
    /// Who requested.
    address from;
    /// Recipient on the destination.
    address to;
    /// Who is paid back, on the source chain, when a held request is refunded.
    address refundTo;
    /// Amount in the token's smallest unit, the token id of an ERC-721, or the sum of the amounts of an ERC-1155.
    uint256 value;
    /// What belongs to the kind and the user's data for the recipient; see `Payloads`.
    bytes payload;
}

/// What operators sign: "the first `nonce` requests of this lane hash to `root`".
struct Checkpoint {
    bytes32 bridgeId;
    uint64 epoch;
    uint64 nonce;
    bytes32 root;
}

/// An ERC-2612 permit of whoever requests, for this bridge.
struct Permit {
    uint256 value;
    uint256 deadline;
    uint8 v;
    bytes32 r;
    bytes32 s;
}

/// A set of members with a threshold. `epoch` rises with every change; what was signed for an older epoch is dead.
struct MemberSet {
    uint64 epoch;
    uint8 threshold;
    address[] members;
}

/// How one token of this chain corresponds to one token of the counterpart's chain.
struct PairConfiguration {
    /// Asset class on this chain, one of `Kinds`.
    uint8 kind;
    /// True when this side mints and burns, false when it locks and unlocks. At most one side of a pair mints.
    bool mints;
    /// Decimals of both tokens: 18 for the native currency, 0 for an ERC-721 or ERC-1155. Checked against the token here,
    /// so that a proposal which names the same number for both chains proves that they are equal.
    uint8 decimals;
    /// What one request of a token with ids may carry, so that its payout fits into the gas cap of the other side. ERC-721: the
    /// longest token URI (unit: bytes, at most 512); ERC-1155: the number of ids (1 to 16); 0 for fungible tokens. The same
    /// on both sides.
    uint16 itemBound;
    /// Gas that one payout may use, exactly. Unit: gas.
    uint32 gasCap;
    /// Token on this chain; zero for the native currency.
    address token;
    /// Token on the counterpart's chain; zero for its native currency.
    address counterpartToken;
}

/// What a pair allows. Unit of amounts: the token's smallest unit (an ERC-721 counts 1). The greatest value of a type stands
/// for "no such limit".
struct PairLimits {
    /// Least amount of one request.
    uint128 minimum;
    /// Greatest amount of one request.
    uint128 maximum;
    /// What a request costs. Unit: the native currency's smallest unit if `feeInNative`, else the token's.
    uint128 fee;
    /// Always set for ERC-721 and ERC-1155 with a fee, never for the native pair, free to choose for ERC-20.
    bool feeInNative;
    /// Greatest net outflow that may stand in the leaky bucket: payouts fill it, requests and time empty it.
    uint128 outflowCapacity;
    /// What leaks out of the bucket. Unit: the token's smallest unit per second.
    uint128 outflowPerSecond;
    /// Payouts above this are held for `delayBlocks` first.
    uint128 delayAbove;
    /// Unit: blocks of this chain, at most 2 592 000.
    uint32 delayBlocks;
}

/// A pair, its limits and its counters. Unit of all counters: the token's smallest unit (an ERC-721 counts 1).
struct PairState {
    PairConfiguration configuration;
    PairLimits limits;
    /// Requests are refused while set.
    bool locked;
    /// Lock pairs: what the bridge keeps for the counterpart's chain: received, seeded and adopted minus paid and migrated.
    /// What is held stays in it until it is paid. Zero for mint pairs.
    uint128 escrow;
    /// Mint pairs: minted and adopted minus burnt and migrated by this bridge. Zero for lock pairs.
    uint128 minted;
    /// Sum of the holds of this chain whose request names this pair, those from before it was registered included.
    uint128 held;
    /// Liquidity that was put in without a request.
    uint128 seeded;
    /// What a former bridge handed over.
    uint128 adopted;
    /// What stands in the leaky bucket now.
    uint128 outflow;
    /// Fees in this token that wait to be withdrawn to the fee receiver.
    uint256 fees;
}

/// Why a request was put on hold.
enum HoldReason {
    /// Not held; never stored.
    None,
    /// The request's kind is none of `Kinds`, without the bit of a refund if it has that.
    UnknownKind,
    /// No pair of this bridge has the request's token as its counterpart token.
    UnknownToken,
    /// The request's kind is not one that the pair's kind corresponds to.
    KindMismatch,
    /// The recipient is zero or this bridge or, for the native currency or with data, a registered token of this chain.
    InvalidRecipient,
    /// The amount is 0, or its pair's counter cannot take it.
    InvalidValue,
    /// A lock pair has less than the request needs.
    InsufficientEscrow,
    /// The token or the recipient refused, broke its own rules, or used up the pair's gas cap.
    PayoutFailed,
    /// The payload is not one of the request's kind.
    UndecodablePayload,
    /// The payout would take more out of the pair than its leaky bucket can take now.
    OutflowLimited,
    /// The amount is above the pair's `delayAbove`.
    Delayed,
    /// Operators put it on hold by threshold.
    Forced,
    /// The token did not refuse, and did not say either that it moved the value. Whether it did is for people to find out.
    AnswerUnclear,
    /// The recipient has code that the payout may call, which `handle` of this bridge never does. A release pays it at once.
    CallDeferred
}

/// A request that was handled and not paid.
struct Hold {
    RequestNonce nonce;
    HoldReason reason;
    /// Block of this chain in which the hold was made.
    uint64 heldAtBlock;
    bytes32 leaf;
}

/// A configuration that governors have voted and whose public delay runs.
struct PendingConfiguration {
    uint64 configurationNonce;
    /// From here on anyone may execute it; the greatest value while a pause has suspended it. Unit: seconds since 1970.
    uint64 executableAt;
    /// Until here it can be executed. Unit: seconds since 1970.
    uint64 deadline;
    /// Bits of the operators whose pause has suspended it: each can do so once.
    uint64 suspendedBy;
    /// EIP-712 encoding of its calls, which its event tells in full.
    bytes32 callsHash;
}

/// The contracts whose code a bridge runs beside its own, on its own storage. They hold no state, so bridges of one chain and one
/// version can share them.
struct Parts {
    /// Requests of tokens with ids.
    address collectibles;
    /// Holds that end or are made by vote, and migration.
    address endings;
    /// Construction, configuration, pause, fees.
    address governance;
    /// Reads.
    address views;
}

/// What a bridge is made with.
struct Construction {
    /// First attester addresses.
    address[] operators;
    /// How many of them move value.
    uint8 operatorThreshold;
    /// First governor addresses.
    address[] governors;
    /// How many of them configure.
    uint8 governorThreshold;
    /// How long a loosening configuration waits. Unit: seconds, 1 hour to 30 days.
    uint32 governanceDelay;
    /// How long a hold waits before anyone may refund it. Unit: blocks, 1 to 2 592 000.
    uint64 refundDelay;
    /// Greatest gas cap that a pair can have: what one payout may use on this chain beside what `handle` itself needs.
    /// Unit: gas, 100 000 to 15 000 000.
    uint32 greatestGasCap;
    /// Whether `handle` holds a payout whose recipient has code that it may call, for a `release` to pay. For a chain that counts
    /// something beside gas (Kaia: computation cost), of which a callee can use up all that the transaction has.
    bool defersCalls;
    /// Allows thresholds of half the members or less and no delay, visibly and for ever.
    bool development;
}

/// What configuration 0 has set for ever.
struct Wiring {
    uint64 counterpartChainId;
    uint64 counterpartDeploymentBlock;
    address counterpart;
    /// Lane that starts here, and lane that ends here.
    bytes32 outboundBridgeId;
    bytes32 inboundBridgeId;
}

/// Everything about a bridge in one read. All nonces and roots are zero until it is wired.
struct BridgeState {
    bool wired;
    bool paused;
    /// Requests are refused for good, before a migration.
    bool requestsStopped;
    bool development;
    /// Whether `handle` calls no recipient with code; see `Construction`.
    bool defersCalls;
    /// Greatest gas cap that a pair can have. Unit: gas.
    uint32 greatestGasCap;
    uint64 chainId;
    uint64 deploymentBlock;
    Wiring wiring;
    /// Source side: number of requests made, and the root over all of them.
    uint64 requestNonce;
    bytes32 requestRoot;
    /// Destination side: first nonce not handled, the root up to it, the source block of the last handled request.
    uint64 handleNonce;
    bytes32 handleRoot;
    uint64 recoveryBlockNumber;
    uint64 heldCount;
    uint64 pauseNonce;
    uint64 configurationNonce;
    /// How long a hold waits before anyone may refund it. Unit: blocks of this chain.
    uint64 refundDelay;
    /// How long a loosening configuration waits. Unit: seconds.
    uint32 governanceDelay;
    address feeReceiver;
    /// The bridge whose value this one may adopt; zero for none.
    address predecessor;
    /// Where the value of holds lies that governors have written off; zero before the first one.
    address claims;
    MemberSet operators;
    MemberSet governors;
    PairState[] pairs;
    PendingConfiguration[] pending;
}

/// What a relay reads at every new head of the destination, and of the source at a final block: the cheap part of
/// `BridgeState`.
struct LaneState {
    bool paused;
    uint64 operatorEpoch;
    uint64 requestNonce;
    uint64 handleNonce;
    uint64 recoveryBlockNumber;
    uint64 heldCount;
    bytes32 requestRoot;
    bytes32 handleRoot;
}
