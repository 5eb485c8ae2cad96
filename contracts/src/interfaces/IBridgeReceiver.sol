// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

/// @title A recipient that wants the data of a request
/// @notice Declared through ERC-165. Payment and call happen as a whole or not at all: a recipient that reverts, or does not
/// answer with this function's selector, is not paid, and the request is held.
///
/// Two requests of one user may arrive in one transaction, the second at once after the first, or many blocks apart. Who submits
/// them decides which, and what stands between them: nothing, or a transaction of its own. So an implementer must not rely on
/// anything having happened between two requests, or on nothing having happened: not on a price, a balance or its own state being
/// as the first request left it, nor on somebody having had the time to react. Requests arrive in the order in which they were
/// made, each at most once; one that was held arrives later than those after it, or never. What has to happen together belongs
/// in the data of one request.
interface IBridgeReceiver is IERC165 {
    /// @notice Value has arrived, with it when it is the native currency, else just before. Whoever implements this checks
    /// that the caller is a bridge it knows.
    /// @param bridgeId lane of the request
    /// @param from who requested, on the source chain
    /// @param token on this chain; zero for the native currency
    /// @param value amount, id of an ERC-721, or sum of the amounts of an ERC-1155
    /// @param extraData the request's data
    /// @return the selector of this function
    function onValueTransfer(bytes32 bridgeId, address from, address token, uint256 value, bytes calldata extraData)
        external
        payable
        returns (bytes4);
}
