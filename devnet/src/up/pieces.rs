//! Pieces and units of the tokens with ids, so that every kind of transfer can be tried at once.

use alloy::primitives::{Address, U256};
use alloy::rpc::types::TransactionRequest;
use anyhow::{Context, Result};
use polyspan_contracts::testing::{TestMultiToken, TestNFT};
use polyspan_types::{Direction, Kind};

use crate::account::{self, call_of};
use crate::network::Network;
use crate::tokens::pair_for;

/// Pieces of an ERC-721, and ids of an ERC-1155: 1 to 3.
pub(super) const IDS: u64 = 3;

/// Units of each id of an ERC-1155.
pub(super) const UNITS: u64 = 100;

/// Gives them to the first user, on the chain where each token is locked, for every bridge.
///
/// Errors: a chain does not answer, or refuses.
pub(super) async fn give(network: &Network) -> Result<()> {
    let user = &network.users.first().context("a network without users")?.signer;
    let mut sent = Vec::new();
    for bridge in &network.bridges {
        for direction in Direction::ALL {
            for kind in [Kind::Erc721, Kind::Erc1155] {
                let Some(pair) = bridge.deployment.pair(pair_for(direction, kind)) else { continue };
                let (token, _) = pair.tokens(direction);
                for id in 1..=IDS {
                    let chain = network.source_chain(direction);
                    let call = mint(kind, token, user.address(), U256::from(id));
                    sent.push((chain, account::send(chain, user, call).await?));
                }
            }
        }
    }
    for (chain, hash) in sent {
        account::succeeded(chain, hash).await?;
    }
    Ok(())
}

fn mint(kind: Kind, token: Address, to: Address, id: U256) -> TransactionRequest {
    match kind {
        Kind::Erc1155 => call_of(token, &TestMultiToken::mintCall { to, id, amount: U256::from(UNITS) }),
        _ => call_of(token, &TestNFT::mintCall { to, id }),
    }
}
