//! Who owns what, from the chains.

use std::collections::BTreeSet;

use alloy::eips::BlockId;
use alloy::primitives::{Address, U256};
use alloy::providers::Provider;
use anyhow::{Context, Result};
use polyspan_contracts::testing::{TestMultiToken, TestNFT, TestToken};
use polyspan_types::Kind;

use crate::account;
use crate::chain::ChainAccess;
use crate::moves::token_moves;

/// What an account owns of a token, of all of its ids together, after `until` or now. Unit: the token's smallest unit,
/// pieces of an ERC-721, units of an ERC-1155.
///
/// Errors: the node does not answer.
pub async fn owned(
    chain: &ChainAccess,
    kind: Kind,
    token: Address,
    owner: Address,
    until: Option<u64>,
) -> Result<U256> {
    let block = until.map_or(BlockId::latest(), BlockId::number);
    match kind {
        Kind::Native => {
            chain.provider.get_balance(owner).block_id(block).await.context("cannot read a balance")
        }
        Kind::Erc20 => {
            account::read_at(chain, token, &TestToken::balanceOfCall { account: owner }, block).await
        }
        Kind::Erc721 => account::read_at(chain, token, &TestNFT::balanceOfCall { owner }, block).await,
        Kind::Erc1155 => {
            let moves = token_moves(chain, kind, token, until).await?;
            let came = moves.iter().filter(|one| one.paid.to == owner);
            let ids: Vec<U256> = came.map(|one| one.paid.id).collect::<BTreeSet<_>>().into_iter().collect();
            let call = TestMultiToken::balanceOfBatchCall { accounts: vec![owner; ids.len()], ids };
            Ok(account::read_at(chain, token, &call, block).await?.into_iter().sum())
        }
    }
}
