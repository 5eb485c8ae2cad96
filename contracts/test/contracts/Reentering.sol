// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

import {TestMultiToken} from "./TestMultiToken.sol";
import {TestNFT} from "./TestNFT.sol";
import {TestToken} from "./TestToken.sol";

/// @title Makes one call when it is called, and remembers the answer
abstract contract Reentering {
    address private _target;
    uint256 private _value;
    bytes private _input;
    bool private _armed;
    uint256 public attempts;
    bool public succeeded;
    bytes public result;

    receive() external payable {
        _called();
    }

    function arm(address target, uint256 value, bytes calldata input) external {
        (_target, _value, _input, _armed, attempts) = (target, value, input, true, 0);
        (succeeded, result) = (false, "");
    }

    function attempt() public {
        ++attempts;
        (succeeded, result) = _target.call{value: _value}(_input);
    }

    /// @notice Calls `to` as this contract.
    function execute(address to, uint256 value, bytes calldata input) external {
        (bool success,) = to.call{value: value}(input);
        require(success, "execute");
    }

    /// @notice Takes what it is given to request with, and does nothing more.
    function onERC1155Received(address, address, uint256, uint256, bytes calldata) external pure returns (bytes4) {
        return this.onERC1155Received.selector;
    }

    function _called() internal {
        if (!_armed) return;
        _armed = false;
        attempt();
    }
}

/// @title A recipient of native currency, with data or without, that calls back
contract ReenteringReceiver is Reentering {
    function onValueTransfer(bytes32, address, address, uint256, bytes calldata) external payable returns (bytes4) {
        _called();
        return this.onValueTransfer.selector;
    }

    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IERC165).interfaceId || interfaceId == this.onValueTransfer.selector;
    }
}

/// @title An ERC-20 that calls back, also from a permit that it does not take
contract ReenteringToken is TestToken, Reentering {
    constructor() TestToken("Reentering", "RE", 18) {}

    function permit(address, address, uint256, uint256, uint8, bytes32, bytes32) external {
        _called();
    }

    function transferFrom(address from, address to, uint256 value) public override returns (bool) {
        _called();
        return super.transferFrom(from, to, value);
    }
}

/// @title An ERC-721 that calls back
contract ReenteringNFT is TestNFT, Reentering {
    constructor() TestNFT("Reentering", "RE") {}

    function transferFrom(address from, address to, uint256 id) public override {
        _called();
        super.transferFrom(from, to, id);
    }
}

/// @title An ERC-1155 that calls back
contract ReenteringMultiToken is TestMultiToken, Reentering {
    constructor() TestMultiToken("") {}

    function safeBatchTransferFrom(
        address from,
        address to,
        uint256[] memory ids,
        uint256[] memory amounts,
        bytes memory data
    ) public override {
        _called();
        super.safeBatchTransferFrom(from, to, ids, amounts, data);
    }
}
