//! What really moved on a chain: the logs of tokens, and the calls that carried native currency.
//!
//! A bridge tells in one event that a range of requests was handled. Whether everybody got what was asked is told by
//! nobody but the tokens themselves, and of native currency by the trace of the transaction.

mod native;
mod tokens;

use std::fmt;

use alloy::primitives::{Address, B256, U256};
use polyspan_types::Kind;

pub use native::native_moves;
pub use tokens::token_moves;

/// Value that went from one account to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    /// Transaction in which it went.
    pub tx_hash: B256,
    /// Who had it; zero when it was made there and then.
    pub from: Address,
    /// What went where.
    pub paid: Payment,
}

/// What somebody got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payment {
    /// Asset class.
    pub kind: Kind,
    /// The token; zero for the native currency.
    pub token: Address,
    /// Who has it now; zero when it was destroyed.
    pub to: Address,
    /// Of an ERC-721 or ERC-1155, else zero.
    pub id: U256,
    /// Unit: the token's smallest unit; 1 for an ERC-721, units of an ERC-1155.
    pub amount: U256,
}

impl fmt::Display for Payment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, token, to, id, amount } = self;
        match kind {
            Kind::Native => write!(f, "{amount} of the native currency to {to}"),
            Kind::Erc20 => write!(f, "{amount} of {token} to {to}"),
            Kind::Erc721 => write!(f, "id {id} of {token} to {to}"),
            Kind::Erc1155 => write!(f, "{amount} of id {id} of {token} to {to}"),
        }
    }
}
