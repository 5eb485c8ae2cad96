// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// Number of a request within its lane: 0, 1, 2 …
type RequestNonce is uint64;

/// @title Types shared by both sides of a Polyspan bridge
/// @notice One request as the source bridge recorded it. `handle` receives requests in nonce order, so the nonce itself
/// is not repeated here; it is part of the leaf.
struct ValueTransfer {
    /// Asset class on the source, one of `Kinds`. A raw byte on purpose: an unknown kind must be held, not
    /// refused by the decoder.
    uint8 kind;
    /// Block of the source chain that contains the request.
    uint64 sourceBlock;
    /// Token on the source chain; zero for the native currency.
    address token;
    /// Who requested.
    address from;
    /// Recipient on the destination.
    address to;
    /// Who is paid back, on the source chain, when a held request is refunded.
    address refundTo;
    /// Amount in the token's smallest unit, or the token id of an ERC-721.
    uint256 value;
    /// User's data for the recipient, at most 1024 bytes. Signed like every field; this version delivers them to nobody.
    bytes extraData;
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
    /// Gas that one payout may use, exactly. Unit: gas.
    uint32 gasCap;
    /// Token on this chain; zero for the native currency.
    address token;
    /// Token on the counterpart's chain; zero for its native currency.
    address counterpartToken;
}

/// A pair and its counters. Unit of all counters: the token's smallest unit (an ERC-721 counts 1).
struct PairState {
    PairConfiguration configuration;
    /// Requests are refused while set.
    bool locked;
    /// Lock pairs: what the bridge keeps for the counterpart's chain: received and seeded minus paid. What is held
    /// stays in it until it is paid. Zero for mint pairs.
    uint128 escrow;
    /// Mint pairs: minted minus burnt by this bridge. Zero for lock pairs.
    uint128 minted;
    /// Sum of the holds of this chain whose source token is `counterpartToken`, those from before the pair was
    /// registered included.
    uint128 held;
    /// Liquidity that was put in without a request.
    uint128 seeded;
}

/// Why a request was put on hold.
enum HoldReason {
    /// Not held; never stored.
    None,
    /// The request's kind is none of `Kinds`.
    UnknownKind,
    /// No pair of this bridge has the request's token as its counterpart token.
    UnknownToken,
    /// One side of the pair is an ERC-721 and the other is not.
    KindMismatch,
    /// The recipient is zero or this bridge or, for the native currency, a registered token of this chain.
    InvalidRecipient,
    /// The amount of a fungible token is 0, or its pair's counter cannot take it.
    InvalidValue,
    /// A lock pair has less than the request needs.
    InsufficientEscrow,
    /// The token or the recipient refused, broke its own rules, or used up the pair's gas cap.
    PayoutFailed
}

/// A request that was handled and not paid.
struct Hold {
    RequestNonce nonce;
    HoldReason reason;
    /// Block of this chain in which the hold was made.
    uint64 heldAtBlock;
    bytes32 leaf;
}

/// Everything about a bridge in one read. All nonces and roots are zero until it is wired.
struct BridgeState {
    bool wired;
    bool paused;
    bool development;
    uint64 chainId;
    uint64 deploymentBlock;
    uint64 counterpartChainId;
    uint64 counterpartDeploymentBlock;
    address counterpart;
    /// Lane that starts here, and lane that ends here.
    bytes32 outboundBridgeId;
    bytes32 inboundBridgeId;
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
    MemberSet operators;
    MemberSet governors;
    PairState[] pairs;
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

/// @title One half of a Polyspan bridge
/// @notice Source of one lane and destination of the other. Users request on one chain; once a threshold of operators
/// has signed a checkpoint over the lane's requests, anyone may have them paid on the other chain.
interface IBridge {
    // ---- events: source ----

    /// @notice A user's deposit. With the block number of its log it carries everything the destination needs.
    event RequestValueTransfer(
        uint64 indexed requestNonce,
        address indexed from,
        address indexed to,
        uint8 kind,
        address token,
        address refundTo,
        uint256 value,
        bytes extraData
    );

    /// @notice Liquidity was put into a lock pair without a request.
    event LiquiditySeeded(address indexed token, address indexed from, uint256 value);

    // ---- events: destination ----

    /// @notice A request was paid.
    event HandleValueTransfer(uint64 indexed nonce, address indexed to, address token, uint256 value);

    /// @notice A request was handled and put on hold.
    event ValueTransferHeld(uint64 indexed nonce, HoldReason indexed reason, bytes32 leaf);

    // ---- events: configuration ----

    /// @notice The bridge got its counterpart; both lanes are open.
    event Wired(
        uint64 counterpartChainId, address counterpart, bytes32 outboundBridgeId, bytes32 inboundBridgeId, bytes32 salt
    );

    /// @notice From here on only these operators' signatures count, and only those for this epoch.
    event OperatorsChanged(uint64 indexed epoch, address[] members, uint8 threshold);

    /// @notice From here on only these governors' signatures count, and only those for this epoch.
    event GovernorsChanged(uint64 indexed epoch, address[] members, uint8 threshold);

    /// @notice A token of this chain corresponds to one of the counterpart's chain from now on, for ever.
    event PairRegistered(
        address indexed token, address indexed counterpartToken, uint8 kind, bool mints, uint32 gasCap
    );

    /// @notice Requests of this token are refused, or accepted again. Payouts go on.
    event PairLocked(address indexed token, bool locked);

    /// @notice Payouts of this token get this much gas. Unit: gas.
    event PairGasCapChanged(address indexed token, uint32 gasCap);

    /// @notice An operator stopped requests and payouts.
    event Paused(uint64 indexed pauseNonce, address indexed operator);

    /// @notice Requests and payouts go on. `pauseNonce` is what the next pause has to name.
    event Unpaused(uint64 indexed pauseNonce);

    /// @notice A configuration was executed as a whole. `callsHash` is the EIP-712 encoding of its calls.
    event ConfigurationApplied(uint64 indexed configurationNonce, bytes32 callsHash);

    // ---- errors: state ----

    /// @notice Configuration 0 has not been executed yet.
    error BridgeNotWired();
    /// @notice The bridge is paused, by the pause with this number.
    error BridgePaused(uint64 pauseNonce);

    // ---- errors: configuration ----

    /// @notice A bridge has its counterpart on another chain.
    error BridgeEqualChainIds(uint64 chainId);
    /// @notice The counterpart is zero or this bridge, or its chain id is zero.
    error BridgeInvalidCounterpart(address counterpart);
    /// @notice Setters are called by `configure` and by nobody else.
    error BridgeOnlyConfiguration(address caller);
    /// @notice A configuration consists of calls of the listed setters.
    error BridgeSetterNotListed(bytes4 selector);
    /// @notice The first call of configuration 0 is `wire`.
    error BridgeFirstConfigurationMustWire();
    /// @notice A bridge is wired once.
    error BridgeAlreadyWired();
    /// @notice Configurations are executed in order, each once.
    error BridgeConfigurationNonce(uint64 given, uint64 expected);
    /// @notice The signed deadline is over. Unit: seconds since 1970.
    error BridgeConfigurationExpired(uint64 deadline, uint256 timestamp);
    /// @notice The configuration has no calls.
    error BridgeEmptyConfiguration();

    // ---- errors: members ----

    /// @notice A member is zero or the bridge itself.
    error BridgeInvalidMember(address member);
    /// @notice A member is named twice.
    error BridgeDuplicateMember(address member);
    /// @notice The set has more members than a bridge takes.
    error BridgeTooManyMembers(uint256 members, uint256 limit);
    /// @notice The threshold is 0, more than the members, or half of them or less.
    error BridgeInvalidThreshold(uint8 threshold, uint256 members);
    /// @notice Fewer distinct current members have signed exactly this.
    error BridgeBelowThreshold(uint256 signers, uint8 threshold);

    // ---- errors: pairs ----

    /// @notice One of the two tokens belongs to a pair already.
    error BridgePairExists(address token, address counterpartToken);
    /// @notice The token belongs to no pair.
    error BridgePairUnknown(address token);
    /// @notice Requests of this token are refused for the time being.
    error BridgePairLocked(address token);
    /// @notice Such a pair cannot be, this call is not for such a pair, or its token does not burn what it is told to.
    error BridgePairInvalid(address token, address counterpartToken);
    /// @notice The gas cap is outside the range that keeps payouts possible and bounded.
    error BridgeGasCapOutOfRange(uint32 gasCap, uint32 minimum, uint32 maximum);
    /// @notice The token's kind is not the one that this call is for.
    error BridgeKindMismatch(address token, uint8 kind, uint8 expected);
    /// @notice There is no contract at the token's address.
    error BridgeTokenWithoutCode(address token);

    // ---- errors: requests ----

    /// @notice The recipient is zero, one of the two bridges, or a registered token of either chain.
    error BridgeInvalidRecipient(address to);
    /// @notice The account to pay back is zero, this bridge, or a registered token of this chain.
    error BridgeInvalidRefundTo(address refundTo);
    /// @notice Nothing was asked for, or nothing arrived.
    error BridgeZeroValue();
    /// @notice More than the pair's counter can take or, in a mint pair, more than the bridge has minted.
    error BridgeValueTooLarge(uint256 value);
    /// @notice The native currency that came with the call is not what the call says.
    error BridgeNativeValueMismatch(uint256 sent, uint256 expected);
    /// @notice The recipient's data are longer than a payout can carry. Unit: bytes.
    error BridgeExtraDataTooLong(uint256 length, uint256 limit);
    /// @notice A contract has to name the recipient: nobody may have its address on the other chain.
    error BridgePlainSendFromContract(address sender);
    /// @notice The token was not the sender's before, or is not the bridge's after.
    error BridgeNotTokenOwner(address token, uint256 id);

    // ---- errors: handle ----

    /// @notice Requests are handled for an account without code that sends the transaction itself. A caller in between
    /// could make payouts fail.
    error BridgeSubmitterNotDirect(address sender);
    /// @notice All given requests are handled; the first one that is not has this number.
    error BridgeAlreadyHandled(uint64 handleNonce);
    /// @notice Requests before `first` are not handled yet.
    error BridgeNonceGap(uint64 first, uint64 handleNonce);
    /// @notice `transfers` was empty.
    error BridgeNothingToHandle();
    /// @notice Not enough gas is left to give this payout its full gas cap. Nothing was handled.
    error BridgeInsufficientGas(uint64 nonce, uint256 gasLeft, uint256 required);

    // ---- errors: pause ----

    /// @notice The signature is for another pause.
    error BridgePauseNonce(uint64 given, uint64 expected);
    /// @notice The signer is no current operator; zero when the signature is malformed.
    error BridgeNotOperator(address signer);

    // ---- users: request on the source ----

    /// @notice Moves `msg.value` of the native currency to `to` on the counterpart's chain.
    /// @param to recipient on the counterpart's chain
    /// @param refundTo account on this chain that is paid back should a held request be refunded
    /// @param extraData for the recipient: recorded and signed in this version, delivered to recipients from the next one
    /// on. Unit: bytes, at most 1024.
    /// @return nonce the request's number in this lane
    function requestNativeTransfer(address to, address refundTo, bytes calldata extraData)
        external
        payable
        returns (uint64 nonce);

    /// @notice Moves an approved amount of `token`; what counts is what the bridge received.
    /// @param token ERC-20 of a registered pair
    /// @param amount what to take from the sender, who has approved it. Unit: the token's smallest unit.
    /// @param to recipient on the counterpart's chain
    /// @param refundTo account on this chain that is paid back should a held request be refunded
    /// @param extraData for the recipient: recorded and signed in this version, delivered to recipients from the next one
    /// on. Unit: bytes, at most 1024.
    /// @return nonce the request's number in this lane
    function requestERC20Transfer(address token, uint256 amount, address to, address refundTo, bytes calldata extraData)
        external
        returns (uint64 nonce);

    /// @notice Moves an approved ERC-721 token.
    /// @param token ERC-721 of a registered pair
    /// @param id of a token that the sender owns and has approved
    /// @param to recipient on the counterpart's chain
    /// @param refundTo account on this chain that is paid back should a held request be refunded
    /// @param extraData for the recipient: recorded and signed in this version, delivered to recipients from the next one
    /// on. Unit: bytes, at most 1024.
    /// @return nonce the request's number in this lane
    function requestERC721Transfer(address token, uint256 id, address to, address refundTo, bytes calldata extraData)
        external
        returns (uint64 nonce);

    /// @notice Same as `requestNativeTransfer` to the sender's own address. Refused when the sender has code: nobody
    /// may hold the key of that address on the other chain.
    receive() external payable;

    /// @notice Adds liquidity to a lock pair of a fungible token. It cannot be taken out again except by transfers.
    /// @param token of a registered lock pair; zero for the native currency
    /// @param amount what to take; for the native currency what is sent. Unit: the token's smallest unit.
    function seed(address token, uint256 amount) external payable;

    // ---- anyone: handle on the destination ----

    /// @notice Pays the next requests of the inbound lane. Anyone may submit from an account without code, as the sender of
    /// the transaction itself.
    /// @param first nonce of `transfers[0]`; what lies before `handleNonce` is skipped
    /// @param transfers requests in nonce order
    /// @param tail leaf hashes of the requests that follow, up to the signed checkpoint; hashed and not paid
    /// @param signatures operators' signatures (ERC-2098: 64 bytes; or r, s, v: 65 bytes) over the checkpoint after `tail`.
    /// Those that are malformed, repeated or not of a current operator do not count.
    function handle(
        uint64 first,
        ValueTransfer[] calldata transfers,
        bytes32[] calldata tail,
        bytes[] calldata signatures
    ) external;

    // ---- operators ----

    /// @notice Stops requests and payouts. One current operator is enough; anyone may send its signature.
    /// @param pauseNonce number of this pause: how many times the bridge was unpaused
    /// @param signature EIP-712 `Pause(uint64 pauseNonce)`
    function pause(uint64 pauseNonce, bytes calldata signature) external;

    // ---- governors ----

    /// @notice Executes calls of the listed setters below, signed by a threshold of governors:
    /// EIP-712 `Configuration(uint64 epoch,uint64 configurationNonce,uint64 deadline,bytes[] calls)`. Number 0 must be
    /// exactly one `wire` call or start with it. All calls take effect, or none. Works while the bridge is paused.
    /// @param configurationNonce number of this configuration: how many were executed before
    /// @param deadline last valid timestamp. Unit: seconds since 1970.
    /// @param calls encoded calls of the listed setters, in order of execution
    /// @param signatures governors' signatures (ERC-2098: 64 bytes; or r, s, v: 65 bytes). Those that are malformed,
    /// repeated or not of a current governor do not count.
    function configure(uint64 configurationNonce, uint64 deadline, bytes[] calldata calls, bytes[] calldata signatures)
        external;

    // ---- listed setters: only through `configure` ----

    /// @notice Names the counterpart and opens both lanes. Once, as the first call of configuration 0.
    /// @param counterpartDeploymentBlock block of the counterpart's chain before which it has made no request
    /// @param salt tells lanes between the same two contracts apart; the same on both sides
    function wire(uint64 counterpartChainId, address counterpart, uint64 counterpartDeploymentBlock, bytes32 salt)
        external;

    /// @notice Replaces all operators. What the former ones have signed is dead at once.
    /// @param members at most 64, each once
    /// @param threshold how many of them move value; more than half
    function setOperators(address[] calldata members, uint8 threshold) external;

    /// @notice Replaces all governors. What the former ones have signed is dead at once.
    /// @param members at most 64, each once
    /// @param threshold how many of them configure; more than half
    function setGovernors(address[] calldata members, uint8 threshold) external;

    /// @notice Registers a pair, for ever.
    function registerPair(PairConfiguration calldata pair) external;

    /// @notice Refuses or accepts requests of a token. Payouts go on.
    function setPairLocked(address token, bool locked) external;

    /// @notice Sets what one payout of a token may use.
    /// @param gasCap Unit: gas, 30 000 to 2 000 000.
    function setPairGasCap(address token, uint32 gasCap) external;

    /// @notice Ends a pause and raises `pauseNonce`, which also kills every pause signature given so far.
    function unpause() external;

    // ---- reads ----

    /// @notice Everything about the bridge.
    function state() external view returns (BridgeState memory);

    /// @notice The part of `state` that changes with traffic.
    function laneState() external view returns (LaneState memory);

    /// @notice The holds with `first <= nonce < first + count`.
    function holds(uint64 first, uint64 count) external view returns (Hold[] memory);

    /// @notice One pair; reverts when there is none. Zero stands for the native currency.
    function pairOf(address token) external view returns (PairState memory);

    /// @notice Whether this account's signature under a checkpoint counts now.
    function isOperator(address account) external view returns (bool);

    /// @notice Whether this account's signature under a configuration counts now.
    function isGovernor(address account) external view returns (bool);

    /// @notice EIP-712 domain separator: name "Polyspan", version "1", the live chain id, this contract.
    function domainSeparator() external view returns (bytes32);
}
