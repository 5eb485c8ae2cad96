// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IBridgeReceiver} from "../../src/interfaces/IBridgeReceiver.sol";

/// How a recipient answers when it is asked whether it wants data.
enum Declaration {
    Yes,
    No,
    /// Says 2, which is no boolean.
    Two,
    /// Answers with fewer bytes than a word has.
    Short,
    Reverts,
    BurnsGas
}

/// How a recipient answers the data.
enum Answer {
    Right,
    Wrong,
    Nothing,
    Reverts,
    BurnsGas,
    /// Calls somebody and accepts.
    Reenters
}

/// @title A recipient of data that behaves as it is told
contract Receiver {
    Declaration public declaration;
    Answer public answer;
    address public target;
    bytes public input;
    bool public reentered;

    uint256 public calls;
    uint256 public plainPayments;
    address public caller;
    bytes32 public bridgeId;
    address public from;
    address public token;
    uint256 public value;
    uint256 public sent;
    bytes public extraData;

    function behave(Declaration declaration_, Answer answer_) external {
        (declaration, answer) = (declaration_, answer_);
    }

    /// @notice Calls `target_` while it is being paid, and accepts.
    function reenter(address target_, bytes calldata input_) external {
        (answer, target, input) = (Answer.Reenters, target_, input_);
    }

    receive() external payable {
        ++plainPayments;
    }

    function supportsInterface(bytes4 interfaceId) external view returns (bool) {
        if (declaration == Declaration.Reverts) revert("declaration");
        if (declaration == Declaration.BurnsGas) _burn();
        if (declaration == Declaration.Two) _answer(2, 32);
        if (declaration == Declaration.Short) _answer(1 << 248, 31);
        return declaration == Declaration.Yes && interfaceId == type(IBridgeReceiver).interfaceId;
    }

    function onValueTransfer(
        bytes32 bridgeId_,
        address from_,
        address token_,
        uint256 value_,
        bytes calldata extraData_
    ) external payable returns (bytes4) {
        ++calls;
        (caller, bridgeId, from, token, value, sent) = (msg.sender, bridgeId_, from_, token_, value_, msg.value);
        extraData = extraData_;
        if (answer == Answer.Reverts) revert("answer");
        if (answer == Answer.BurnsGas) _burn();
        if (answer == Answer.Nothing) _answer(0, 0);
        if (answer == Answer.Wrong) return 0xdeadbeef;
        if (answer == Answer.Reenters) (reentered,) = target.call(input);
        return this.onValueTransfer.selector;
    }

    function onERC721Received(address, address, uint256, bytes calldata) external pure returns (bytes4) {
        return this.onERC721Received.selector;
    }

    function onERC1155Received(address, address, uint256, uint256, bytes calldata) external pure returns (bytes4) {
        return this.onERC1155Received.selector;
    }

    function onERC1155BatchReceived(address, address, uint256[] calldata, uint256[] calldata, bytes calldata)
        external
        pure
        returns (bytes4)
    {
        return this.onERC1155BatchReceived.selector;
    }

    function _burn() private pure {
        assembly ("memory-safe") {
            invalid()
        }
    }

    function _answer(uint256 word, uint256 size) private pure {
        assembly {
            mstore(0, word)
            return(0, size)
        }
    }
}
