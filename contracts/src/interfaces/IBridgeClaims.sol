// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// What somebody can take out of a bridge's claims.
struct Claim {
    /// Who may: the recipient of the request whose hold was written off.
    address claimant;
    /// On this chain; zero for the native currency.
    address token;
    /// Asset class on this chain, one of `Kinds`.
    uint8 kind;
    /// Amount in the token's smallest unit, the token id of an ERC-721, or the sum of the amounts of an ERC-1155.
    uint256 value;
    /// The payload of the request, see `Payloads`: it names the ids of an ERC-1155.
    bytes payload;
}

/// @title Value of holds that governors have written off, kept for its owners
/// @notice A hold that neither a release nor a refund can end would keep its pair, and the bridge, from ever being replaced. So
/// governors can have its value paid to here, after their public delay, and its recipient takes it to any account, whenever it
/// likes. Nobody else can; nothing here depends on the bridge or its members any more.
interface IBridgeClaims {
    /// @notice The hold of this nonce was written off.
    event ClaimRecorded(uint64 indexed nonce, address indexed claimant, Claim claim);
    /// @notice Its owner has taken it.
    event ClaimPaid(uint64 indexed nonce, address indexed claimant, address to);

    /// @notice Only the bridge records claims and sends native currency.
    error BridgeClaimsOnlyBridge(address caller);
    /// @notice Only its claimant takes a claim.
    error BridgeClaimsNotClaimant(address caller, address claimant);
    /// @notice There is no such claim under this nonce, or it was taken.
    error BridgeClaimsUnknown(uint64 nonce);

    /// @notice Takes the native currency of a claim from the bridge.
    receive() external payable;

    /// @notice Records what the bridge has just paid to here. Only for the bridge.
    /// @param nonce of the request in the bridge's inbound lane
    /// @param claim what was paid, and who may take it
    function record(uint64 nonce, Claim calldata claim) external;

    /// @notice Pays a claim of the caller.
    /// @param nonce of the request in the bridge's inbound lane
    /// @param claim as it was recorded; its event has it
    /// @param to whom to pay. An ERC-721 reaches it without a question; an ERC-1155 only if it accepts.
    function take(uint64 nonce, Claim calldata claim, address to) external;

    /// @notice Whether this claim was recorded under this nonce and not taken.
    /// @param nonce of the request in the bridge's inbound lane
    /// @param claim as it was recorded
    /// @return whether it can be taken
    function isOpen(uint64 nonce, Claim calldata claim) external view returns (bool);

    /// @notice The bridge whose holds were written off.
    /// @return its address
    function bridge() external view returns (address);
}
