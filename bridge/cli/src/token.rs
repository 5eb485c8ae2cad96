//! Tokens: their amounts as people write them, and what an account has of them.

use alloy::primitives::utils::{format_units, parse_units};
use alloy::primitives::{Address, B256, FixedBytes, U256};
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolCall;
use polyspan_chain::{At, Chain, ChainError};
use polyspan_contracts::{BridgeMultiToken, BridgeNFT, BridgeToken};

/// Decimals of native currencies.
pub const NATIVE_DECIMALS: u8 = 18;

/// An amount of a token with these decimals: `1.5`. Unit of the answer: smallest units.
///
/// Errors: not a number, or finer than the token.
pub fn parse_amount(text: &str, decimals: u8) -> Result<U256, String> {
    let plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '.') && text != ".";
    let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction);
    if fraction.trim_end_matches('0').len() > usize::from(decimals) {
        return Err(format!("`{text}` is finer than the token, which has {decimals} decimals; round it"));
    }
    let trimmed = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    let whole = if trimmed.is_empty() { "0" } else { trimmed };
    match parse_units(whole, decimals) {
        Ok(amount) if plain => Ok(amount.get_absolute()),
        _ => Err(format!("`{text}` is not an amount; write a number such as 1.5")),
    }
}

/// An amount as a person writes it.
pub fn format_amount(amount: U256, decimals: u8) -> String {
    let text = format_units(amount, decimals).unwrap_or_else(|_| amount.to_string());
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// ERC-165 id of ERC-721.
pub const ERC721: FixedBytes<4> = FixedBytes([0x80, 0xac, 0x58, 0xcd]);

/// ERC-165 id of ERC-1155.
pub const ERC1155: FixedBytes<4> = FixedBytes([0xd9, 0xb6, 0x7a, 0x26]);

/// A token contract on a chain.
#[derive(Debug, Clone, Copy)]
pub struct Token<'a> {
    chain: &'a Chain,
    address: Address,
}

impl<'a> Token<'a> {
    /// The token at `address`.
    pub const fn new(chain: &'a Chain, address: Address) -> Self {
        Self { chain, address }
    }

    /// Decimals of an ERC-20; `None` for one that does not tell.
    pub async fn decimals(&self) -> Result<Option<u8>, ChainError> {
        self.read(&BridgeToken::decimalsCall {}).await
    }

    /// What `owner` has.
    pub async fn balance(&self, owner: Address) -> Result<Option<U256>, ChainError> {
        self.read(&BridgeToken::balanceOfCall { account: owner }).await
    }

    /// What `spender` may take from `owner`.
    pub async fn allowance(&self, owner: Address, spender: Address) -> Result<Option<U256>, ChainError> {
        self.read(&BridgeToken::allowanceCall { owner, spender }).await
    }

    /// Owner of an ERC-721 token; `None` when there is no such token.
    pub async fn owner_of(&self, id: U256) -> Result<Option<Address>, ChainError> {
        self.read(&BridgeNFT::ownerOfCall { tokenId: id }).await
    }

    /// What `owner` has of one id of an ERC-1155.
    pub async fn units(&self, id: U256, owner: Address) -> Result<Option<U256>, ChainError> {
        self.read(&BridgeMultiToken::balanceOfCall { account: owner, id }).await
    }

    /// Whether `operator` may take everything of `owner`, of an ERC-721 or ERC-1155.
    pub async fn may_take_all(&self, owner: Address, operator: Address) -> Result<bool, ChainError> {
        Ok(self.read(&BridgeNFT::isApprovedForAllCall { owner, operator }).await? == Some(true))
    }

    /// Whether the token declares an interface (ERC-165).
    pub async fn declares(&self, interface: FixedBytes<4>) -> Result<bool, ChainError> {
        Ok(self.read(&BridgeNFT::supportsInterfaceCall { interfaceId: interface }).await? == Some(true))
    }

    /// What the next permit of `owner` (ERC-2612) is signed over: the token's domain and the owner's number; `None` for a
    /// token without permits.
    pub async fn permits(&self, owner: Address) -> Result<Option<(B256, U256)>, ChainError> {
        let domain = self.read(&BridgeToken::DOMAIN_SEPARATORCall {}).await?;
        let nonce = self.read(&BridgeToken::noncesCall { owner }).await?;
        Ok(domain.zip(nonce))
    }

    /// Whether `operator` may take an ERC-721 token of `owner`.
    pub async fn may_take(&self, id: U256, owner: Address, operator: Address) -> Result<bool, ChainError> {
        let approved = self.read(&BridgeNFT::getApprovedCall { tokenId: id }).await?;
        if approved == Some(operator) {
            return Ok(true);
        }
        self.may_take_all(owner, operator).await
    }

    /// A read of a contract of which nothing is known: a revert or an answer that does not fit is `None`.
    async fn read<C: SolCall>(&self, call: &C) -> Result<Option<C::Return>, ChainError> {
        let transaction = TransactionRequest::default().to(self.address).input(call.abi_encode().into());
        match self.chain.call(&transaction, At::Latest).await {
            Ok(answer) => Ok(C::abi_decode_returns(&answer).ok()),
            Err(ChainError::Reverted(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_honour_decimals_and_never_round() {
        assert_eq!(parse_amount("1.5", 18), Ok(U256::from(1_500_000_000_000_000_000_u64)));
        assert_eq!(parse_amount("1.50", 1), Ok(U256::from(15)));
        assert_eq!(parse_amount("7", 0), Ok(U256::from(7)));
        assert_eq!(parse_amount("100", 0), Ok(U256::from(100)));
        assert_eq!(parse_amount("0.0", 6), Ok(U256::ZERO));
        assert!(parse_amount("0.01", 1).unwrap_err().contains("1 decimals"));
        for wrong in ["", ".", "-1", "1e3", "1.2.3", "one", "1,5"] {
            assert!(parse_amount(wrong, 18).is_err(), "{wrong}");
        }
    }

    #[test]
    fn amounts_are_shown_without_trailing_zeros() {
        assert_eq!(format_amount(U256::from(1_500_000), 6), "1.5");
        assert_eq!(format_amount(U256::from(2_000_000), 6), "2");
        assert_eq!(format_amount(U256::from(100), 0), "100");
    }
}
