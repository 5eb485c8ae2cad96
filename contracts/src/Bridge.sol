// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC1155Receiver} from "@openzeppelin/contracts/token/ERC1155/IERC1155Receiver.sol";
import {IERC721Receiver} from "@openzeppelin/contracts/token/ERC721/IERC721Receiver.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

import {Construction, Parts} from "./interfaces/BridgeTypes.sol";
import {IBridgeCollectibles} from "./interfaces/IBridgeCollectibles.sol";
import {IBridgeHolds} from "./interfaces/IBridgeHolds.sol";
import {IBridgeMigration} from "./interfaces/IBridgeMigration.sol";
import {IBridgeReads} from "./interfaces/IBridgeReads.sol";
import {Callbacks} from "./bridge/Callbacks.sol";
import {Delivery} from "./bridge/Delivery.sol";
import {Genesis} from "./bridge/Genesis.sol";
import {Handling} from "./bridge/Handling.sol";
import {Requests} from "./bridge/Requests.sol";
import {Rosters} from "./bridge/Rosters.sol";
import {Seeding} from "./bridge/Seeding.sol";

/// @title One half of a Polyspan bridge
/// @notice See `IBridge`. Nobody owns it: operators move value by threshold, governors configure by threshold, and any one
/// operator can pause.
/// @dev Here is what users and relays call all the time. The rest is the code of four other contracts, its parts, because a
/// contract has at most 24 576 bytes (EIP-170). They are fixed for ever, so this is no proxy and no upgrade.
/// @custom:security-contact SECURITY.md in the project's repository
contract Bridge is Requests, Callbacks, Seeding, Handling, Delivery {
    address private immutable COLLECTIBLES;
    address private immutable ENDINGS;
    address private immutable GOVERNANCE;
    address private immutable VIEWS;
    bytes32 private immutable ROSTER_CODE_HASH;
    // In the code, so that a `handle` of a bridge without it pays nothing for it.
    bool private immutable DEFERS_CALLS;

    /// @param parts_ deployed before, see `IBridge.parts`. That they are what they should be is for whoever checks this
    /// contract's code to check, too.
    /// @param construction what the bridge starts with
    constructor(Parts memory parts_, Construction memory construction) {
        COLLECTIBLES = _withCode(parts_.collectibles);
        ENDINGS = _withCode(parts_.endings);
        GOVERNANCE = _withCode(parts_.governance);
        VIEWS = _withCode(parts_.views);
        // Of the code that makes rosters, so that the two cannot differ.
        ROSTER_CODE_HASH = Rosters(parts_.governance).rosterCodeHash();
        DEFERS_CALLS = construction.defersCalls;
        // The code that checks and stores members is over there, and its own check is that this bridge has no code yet.
        // `construct` returns nothing.
        // slither-disable-next-line unused-return
        Address.functionDelegateCall(parts_.governance, abi.encodeCall(Genesis.construct, (construction)));
    }

    /// @notice See `IBridge`.
    /// @return their addresses
    function parts() external view returns (Parts memory) {
        return Parts({collectibles: COLLECTIBLES, endings: ENDINGS, governance: GOVERNANCE, views: VIEWS});
    }

    /// @dev Whatever is not here is there. The call runs that code with this bridge's storage, value and sender.
    fallback() external payable {
        address target = _partOf(msg.sig);
        // Memory safety: the call is over when this ends, so nobody looks at memory any more.
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, 0, calldatasize())
            let success := delegatecall(gas(), target, free, calldatasize(), 0, 0)
            returndatacopy(free, 0, returndatasize())
            switch success
            case 0 { revert(free, returndatasize()) }
            default { return(free, returndatasize()) }
        }
    }

    function _rosterCodeHash() internal view override returns (bytes32) {
        return ROSTER_CODE_HASH;
    }

    function _defersCalls() internal view override returns (bool) {
        return DEFERS_CALLS;
    }

    /// @dev What no other part has is of the governance, or nothing at all. What users pay for comes first.
    function _partOf(bytes4 selector) private view returns (address) {
        if (
            selector == IBridgeCollectibles.requestERC721Transfer.selector
                || selector == IBridgeCollectibles.requestERC1155Transfer.selector
                || selector == IERC721Receiver.onERC721Received.selector
                || selector == IERC1155Receiver.onERC1155Received.selector
                || selector == IERC1155Receiver.onERC1155BatchReceived.selector
                || selector == IERC165.supportsInterface.selector
        ) return COLLECTIBLES;
        if (
            selector == IBridgeHolds.release.selector || selector == IBridgeHolds.refund.selector
                || selector == IBridgeHolds.forceHold.selector || selector == IBridgeHolds.writeOff.selector
                || selector == IBridgeMigration.migrate.selector || selector == IBridgeMigration.handOver.selector
                || selector == IBridgeMigration.adopt.selector
        ) return ENDINGS;
        if (
            selector == IBridgeReads.state.selector || selector == IBridgeReads.laneState.selector
                || selector == IBridgeReads.holds.selector || selector == IBridgeReads.pairOf.selector
                || selector == IBridgeReads.isOperator.selector || selector == IBridgeReads.isGovernor.selector
                || selector == IBridgeReads.domainSeparator.selector
                || selector == IBridgeReads.unpackTransfers.selector
        ) return VIEWS;
        return GOVERNANCE;
    }

    /// @dev A call of an address without code would succeed and do nothing.
    function _withCode(address part) private view returns (address) {
        if (part.code.length == 0) revert BridgePartWithoutCode(part);
        return part;
    }
}
