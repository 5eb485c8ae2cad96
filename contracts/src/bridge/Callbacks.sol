// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC1363Receiver} from "@openzeppelin/contracts/interfaces/IERC1363Receiver.sol";
import {IERC1155Receiver} from "@openzeppelin/contracts/token/ERC1155/IERC1155Receiver.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IERC721Receiver} from "@openzeppelin/contracts/token/ERC721/IERC721Receiver.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

import {Kinds} from "../libraries/Kinds.sol";
import {Payloads} from "../libraries/Payloads.sol";
import {Pair} from "./BridgeStorage.sol";
import {Terms} from "./Intake.sol";
import {Requests} from "./Requests.sol";

/// What a 1-step request says beside the value.
struct Arguments {
    address to;
    address refundTo;
    uint256 feeLimit;
    bytes extraData;
}

/// @title Requests in one step: a registered token says that it has just moved something here
/// @dev The caller is believed to be the token and nothing else: what it says to have moved is looked for.
abstract contract Callbacks is Requests {
    using SafeERC20 for IERC20;

    /// @inheritdoc IERC1363Receiver
    // Guarded; slither cannot read the guard, whose slot has a type of its own.
    // slither-disable-next-line reentrancy-no-eth
    function onTransferReceived(address, address from, uint256 value, bytes calldata data)
        external
        nonReentrant
        returns (bytes4)
    {
        address token = msg.sender;
        Arguments memory arguments = _decode(data);
        (Pair storage pair, Terms memory terms) = _check(Kinds.ERC20, from, arguments);
        (uint256 fee,) = _allowedFee(token, terms, arguments.feeLimit, 0);

        uint256 amount = _arrived(token, pair, terms, value);
        if (amount <= arguments.feeLimit) revert BridgeZeroValue();
        amount -= arguments.feeLimit;

        _enterERC20(token, pair, terms, amount);
        uint64 nonce = _record(Kinds.ERC20, token, from, arguments.to, arguments.refundTo, amount, arguments.extraData);
        _keepFee(nonce, token, fee);
        if (arguments.feeLimit > fee) IERC20(token).safeTransfer(from, arguments.feeLimit - fee);
        return IERC1363Receiver.onTransferReceived.selector;
    }

    /// @inheritdoc IERC721Receiver
    function onERC721Received(address operator, address from, uint256 id, bytes calldata data)
        external
        returns (bytes4)
    {
        // This bridge fetches a token for a request that is being made; it is recorded there.
        if (operator != address(this)) _requestERC721(from, id, data);
        return IERC721Receiver.onERC721Received.selector;
    }

    /// @inheritdoc IERC1155Receiver
    function onERC1155Received(address operator, address from, uint256, uint256, bytes calldata data)
        external
        returns (bytes4)
    {
        if (!_isExpected(operator)) {
            // One id is a batch of one. The words of id and value lie in the calldata behind the selector and the two
            // addresses, so each is an array of length 1 there.
            uint256[] calldata ids;
            uint256[] calldata amounts;
            // Reads calldata only: the id is the third word of the arguments, the value the fourth.
            assembly ("memory-safe") {
                ids.offset := 0x44
                ids.length := 1
                amounts.offset := 0x64
                amounts.length := 1
            }
            _requestERC1155(from, ids, amounts, data);
        }
        return IERC1155Receiver.onERC1155Received.selector;
    }

    /// @inheritdoc IERC1155Receiver
    function onERC1155BatchReceived(
        address operator,
        address from,
        uint256[] calldata ids,
        uint256[] calldata values,
        bytes calldata data
    ) external returns (bytes4) {
        if (!_isExpected(operator)) _requestERC1155(from, ids, values, data);
        return IERC1155Receiver.onERC1155BatchReceived.selector;
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IERC165).interfaceId || interfaceId == type(IERC1155Receiver).interfaceId
            || interfaceId == type(IERC1363Receiver).interfaceId || interfaceId == type(IERC721Receiver).interfaceId;
    }

    // Guarded, see `onTransferReceived`.
    // slither-disable-next-line reentrancy-no-eth
    function _requestERC721(address from, uint256 id, bytes calldata data) private nonReentrant {
        Arguments memory arguments = _decode(data);
        (Pair storage pair, Terms memory terms) = _check(Kinds.ERC721, from, arguments);
        _allowedFee(msg.sender, terms, 0, 0);
        bytes memory uri = _takeERC721(msg.sender, pair, terms, id);
        bytes memory payload = Payloads.ofERC721(uri, arguments.extraData);
        _record(Kinds.ERC721, msg.sender, from, arguments.to, arguments.refundTo, id, payload);
    }

    // Guarded, see `onTransferReceived`.
    // slither-disable-next-line reentrancy-no-eth
    function _requestERC1155(address from, uint256[] calldata ids, uint256[] calldata amounts, bytes calldata data)
        private
        nonReentrant
    {
        Arguments memory arguments = _decode(data);
        (Pair storage pair, Terms memory terms) = _check(Kinds.ERC1155, from, arguments);
        _allowedFee(msg.sender, terms, 0, 0);
        uint256 sum = _sumOf(ids, amounts);
        _takeERC1155(msg.sender, pair, terms, ids, amounts, sum);
        bytes memory payload = Payloads.ofERC1155(ids, amounts, arguments.extraData);
        _record(Kinds.ERC1155, msg.sender, from, arguments.to, arguments.refundTo, sum, payload);
    }

    /// @dev No more than what lies here above what is accounted for.
    function _arrived(address token, Pair storage pair, Terms memory terms, uint256 value)
        private
        view
        returns (uint256)
    {
        uint256 balance = IERC20(token).balanceOf(address(this));
        uint256 accounted = (terms.mints ? 0 : uint256(pair.outstanding)) + _fees[token];
        uint256 arrived = balance > accounted ? balance - accounted : 0;
        return value < arrived ? value : arrived;
    }

    /// @dev Units that this bridge fetches itself, or that its predecessor hands over and has adopted next.
    function _isExpected(address operator) private view returns (bool) {
        return operator == address(this) || operator == _settings.predecessor;
    }

    function _check(uint8 kind, address from, Arguments memory arguments)
        private
        view
        returns (Pair storage, Terms memory)
    {
        return _checkRequest(msg.sender, kind, from, arguments.to, arguments.refundTo, arguments.extraData.length);
    }

    function _decode(bytes calldata data) private view returns (Arguments memory arguments) {
        if (data.length == 0) revert BridgeArgumentsMissing(msg.sender);
        (arguments.to, arguments.refundTo, arguments.feeLimit, arguments.extraData) =
            abi.decode(data, (address, address, uint256, bytes));
    }
}
