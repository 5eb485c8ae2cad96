// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Svm} from "./Symbolic.sol";

/// @title A token or a recipient that answers whatever it likes, each time anew
/// @dev It does not call back: that nothing comes in while the guard is held is for tests.
contract Anybody {
    Svm private constant svm = Svm(address(uint160(uint256(keccak256("svm cheat code")))));

    /// What it was asked for with success, and of that what its answer confirms.
    uint256 public asked;
    uint256 public confirmed;
    /// Whom it was asked to give it to.
    address public recipient;

    receive() external payable {
        _mayRefuse();
    }

    function transfer(address to, uint256 amount) external {
        _give(to, amount);
    }

    function mint(address to, uint256 amount) external {
        _give(to, amount);
    }

    /// @dev Questions to a recipient, and data for it.
    fallback() external payable {
        _mayRefuse();
        _answer(svm.createUint(8, "size"), svm.createUint(256, "answer"));
    }

    function _give(address to, uint256 amount) private {
        _mayRefuse();
        uint256 size = svm.createUint(8, "size");
        uint256 word = svm.createUint(256, "answer");
        if (size == 0 || (size == 32 && word == 1)) confirmed += amount;
        asked += amount;
        recipient = to;
        _answer(size, word);
    }

    function _mayRefuse() private {
        if (svm.createUint(1, "refuses") == 1) revert();
    }

    /// @dev Nothing, less than a word, or a word; or a refusal in a word, which is an answer of the bridge's own to itself.
    function _answer(uint256 size, uint256 word) private pure {
        assembly ("memory-safe") {
            mstore(0, word)
            switch size
            case 0 { return(0, 0) }
            case 31 { return(0, 31) }
            case 32 { return(0, 32) }
            default { revert(0, 32) }
        }
    }
}
