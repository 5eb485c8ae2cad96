//! What the devnet calls and reads of the ancestor's contract: `Bridge` of Kaia 1.0.3, the same one on both chains.

#![expect(clippy::too_many_arguments, reason = "a payout of the ancestor has eight fields")]

alloy::sol! {
    #[derive(Debug)]
    interface KaiaBridge {
        event RequestValueTransfer(
            uint8 tokenType,
            address indexed from,
            address indexed to,
            address indexed tokenAddress,
            uint256 valueOrTokenId,
            uint64 requestNonce,
            uint256 fee,
            bytes extraData
        );
        event HandleValueTransfer(
            bytes32 requestTxHash,
            uint8 tokenType,
            address indexed from,
            address indexed to,
            address indexed tokenAddress,
            uint256 valueOrTokenId,
            uint64 handleNonce,
            uint64 lowerHandleNonce,
            bytes extraData
        );
        function requestKLAYTransfer(address to, uint256 value, bytes extraData) external payable;
        function requestERC20Transfer(address token, address to, uint256 value, uint256 feeLimit, bytes extraData) external;
        function handleKLAYTransfer(
            bytes32 requestTxHash,
            address from,
            address to,
            uint256 value,
            uint64 requestedNonce,
            uint64 requestedBlockNumber,
            bytes extraData
        ) external;
        function handleERC20Transfer(
            bytes32 requestTxHash,
            address from,
            address to,
            address token,
            uint256 value,
            uint64 requestedNonce,
            uint64 requestedBlockNumber,
            bytes extraData
        ) external;
        function chargeWithoutEvent() external payable;
        function start(bool status) external;
        function isRunning() external view returns (bool);
        function modeMintBurn() external view returns (bool);
        function requestNonce() external view returns (uint64);
        function lowerHandleNonce() external view returns (uint64);
        function registeredTokens(address token) external view returns (address counterpart);
        function registerOperator(address operator) external;
        function deregisterOperator(address operator) external;
        function setOperatorThreshold(uint8 voteType, uint8 threshold) external;
        function operatorThresholds(uint8 voteType) external view returns (uint8);
        function getOperatorList() external view returns (address[] memory);
        function owner() external view returns (address);
        function renounceOwnership() external;
        function transferOwnership(address newOwner) external;
    }
}
