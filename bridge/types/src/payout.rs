//! What somebody really got, by the word of tokens and traces.

use std::fmt;

use alloy::primitives::{Address, B256, U256};

/// Value that somebody gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Payment {
    /// The token; zero for the native currency.
    pub token: Address,
    /// Who gets it.
    pub to: Address,
    /// Of an ERC-721 or ERC-1155, else zero.
    pub id: U256,
    /// Unit: the token's smallest unit; 1 for an ERC-721, units of an ERC-1155.
    pub amount: U256,
}

/// A payment that was made, with its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Payout {
    /// The transaction in which it was made.
    pub tx_hash: B256,
    /// What went where.
    pub paid: Payment,
}

impl fmt::Display for Payment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { token, to, id, amount } = self;
        match (token.is_zero(), id.is_zero()) {
            (true, _) => write!(f, "{amount} wei of the native currency to {to}"),
            (false, true) => write!(f, "{amount} smallest units of {token} to {to}"),
            (false, false) => write!(f, "{amount} of id {id} of {token} to {to}"),
        }
    }
}
