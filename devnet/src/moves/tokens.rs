//! Logs of tokens.

use alloy::primitives::{Address, U256};
use alloy::providers::Provider;
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEvent;
use anyhow::{Context, Result};
use polyspan_contracts::testing::TestMultiToken::{TransferBatch, TransferSingle};
use polyspan_contracts::testing::{TestNFT, TestToken};
use polyspan_types::Kind;

use super::{Move, Payment};
use crate::chain::ChainAccess;

/// Everything that ever moved of a token of this kind, up to a block or to now, in order. Nothing for the native currency,
/// which has no logs.
///
/// Errors: the node does not answer, or a log is not what the standard says.
pub async fn token_moves(
    chain: &ChainAccess,
    kind: Kind,
    token: Address,
    until: Option<u64>,
) -> Result<Vec<Move>> {
    let topics = match kind {
        Kind::Native => return Ok(Vec::new()),
        // ERC-20 and ERC-721 have one signature, and differ in what is indexed.
        Kind::Erc20 | Kind::Erc721 => vec![TestToken::Transfer::SIGNATURE_HASH],
        Kind::Erc1155 => vec![TransferSingle::SIGNATURE_HASH, TransferBatch::SIGNATURE_HASH],
    };
    let mut filter = Filter::new().address(token).event_signature(topics).from_block(0);
    if let Some(height) = until {
        filter = filter.to_block(height);
    }
    let logs = chain.provider.get_logs(&filter).await;
    let logs = logs.with_context(|| format!("{} gives no logs of {token}", chain.name))?;
    let mut moves = Vec::new();
    for log in &logs {
        moves.extend(moves_of(kind, log).with_context(|| format!("a log of {token} on {}", chain.name))?);
    }
    Ok(moves)
}

fn moves_of(kind: Kind, log: &Log) -> Result<Vec<Move>> {
    let tx_hash = log.transaction_hash.context("it has no transaction")?;
    let moved = |from, to, id, amount| Move {
        tx_hash,
        from,
        paid: Payment { kind, token: log.address(), to, id, amount },
    };
    Ok(match kind {
        Kind::Native => Vec::new(),
        Kind::Erc20 => {
            let event = log.log_decode::<TestToken::Transfer>()?.inner.data;
            vec![moved(event.from, event.to, U256::ZERO, event.value)]
        }
        Kind::Erc721 => {
            let event = log.log_decode::<TestNFT::Transfer>()?.inner.data;
            vec![moved(event.from, event.to, event.tokenId, U256::ONE)]
        }
        Kind::Erc1155 if log.topic0() == Some(&TransferSingle::SIGNATURE_HASH) => {
            let event = log.log_decode::<TransferSingle>()?.inner.data;
            vec![moved(event.from, event.to, event.id, event.value)]
        }
        Kind::Erc1155 => {
            let event = log.log_decode::<TransferBatch>()?.inner.data;
            let units = event.ids.into_iter().zip(event.values);
            units.map(|(id, value)| moved(event.from, event.to, id, value)).collect()
        }
    })
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{B256, Log as Inner};

    use super::*;

    const FROM: Address = Address::repeat_byte(1);
    const TO: Address = Address::repeat_byte(2);

    fn log(event: &impl SolEvent) -> Log {
        let inner = Inner { address: Address::repeat_byte(9), data: event.encode_log_data() };
        Log { inner, transaction_hash: Some(B256::repeat_byte(7)), ..Log::default() }
    }

    fn told(kind: Kind, event: &impl SolEvent) -> Vec<(U256, U256)> {
        let moves = moves_of(kind, &log(event)).unwrap();
        assert!(moves.iter().all(|one| (one.from, one.paid.to) == (FROM, TO)));
        moves.iter().map(|one| (one.paid.id, one.paid.amount)).collect()
    }

    #[test]
    fn each_standard_tells_its_moves_in_its_own_way() {
        let [five, six, seven] = [5, 6, 7].map(U256::from);
        let fungible = TestToken::Transfer { from: FROM, to: TO, value: five };
        assert_eq!(told(Kind::Erc20, &fungible), [(U256::ZERO, five)]);
        let single = TestNFT::Transfer { from: FROM, to: TO, tokenId: six };
        assert_eq!(told(Kind::Erc721, &single), [(six, U256::ONE)]);
        let units = TransferSingle { operator: FROM, from: FROM, to: TO, id: six, value: seven };
        assert_eq!(told(Kind::Erc1155, &units), [(six, seven)]);
        let batch = TransferBatch {
            operator: FROM,
            from: FROM,
            to: TO,
            ids: vec![five, six],
            values: vec![seven, U256::ONE],
        };
        assert_eq!(told(Kind::Erc1155, &batch), [(five, seven), (six, U256::ONE)]);
    }

    #[test]
    fn a_log_of_another_standard_is_no_move() {
        let fungible = log(&TestToken::Transfer { from: FROM, to: TO, value: U256::ONE });
        assert!(moves_of(Kind::Erc721, &fungible).is_err());
    }
}
